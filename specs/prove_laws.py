"""What a proof consists of: finds the laws and their promises, refuses what could only pass for a proof.

Files are read as syntax trees, not imported: a law file is found as it is written. See specs/__init__.py for
how a law is written and prove.py for what is refused. CrossHair itself is called in prove_crosshair.py.
"""

import ast
import importlib.machinery
import importlib.util
import re
import tomllib
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import NamedTuple

__all__ = [
    "BOUNDED_MAX",
    "Law",
    "ProveError",
    "Result",
    "Verdict",
    "check_kernel",
    "discover",
    "read_bounded",
    "read_planted",
]

BOUNDED_MAX = 6
"""Laws that may be bounded; more would make the exception the rule."""

PROMISE = re.compile(r"^\s*Promise:\s*(I(?:1[0-4]|[1-9])(?:,\s*I(?:1[0-4]|[1-9]))*)\s*$", re.MULTILINE)
POST = re.compile(r"^\s*post(?:\[[^\]]*\])?:(.*)$", re.MULTILINE)


class ProveError(Exception):
    """The run is refused; the text says what, where and what to do."""


class Verdict(Enum):
    """What came of a law."""

    CONFIRMED = "confirmed"
    """CrossHair confirmed it over all paths."""
    BOUNDED = "bounded"
    """The same, inside the bound that bounded.toml states."""
    FAILED = "failed"
    """Refuted, not decided in time, or not checked."""


class Law(NamedTuple):
    """One law, as found."""

    name: str
    """`law_FILE.function`."""
    promises: tuple[str, ...]
    path: Path
    line: int
    posts: int
    """Postconditions: CrossHair reports on each."""


class Result(NamedTuple):
    """One law's verdict."""

    law: Law
    verdict: Verdict
    seconds: float
    detail: str
    checked: bool
    """CrossHair reported on every postcondition."""


def _functions(path: Path) -> list[ast.FunctionDef]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise ProveError(f"{path.name}: can't be read: {error}") from error
    return [node for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]


def _law(path: Path, function: ast.FunctionDef) -> Law:
    where = f"{path.name}:{function.lineno} {function.name}"
    docstring = ast.get_docstring(function) or ""
    posts = POST.findall(docstring)
    if not posts:
        raise ProveError(
            f"{where}: a public function without `post:` proves nothing; name it _{function.name}"
        )
    if any("__return__" not in post for post in posts):
        raise ProveError(
            f"{where}: a `post:` that does not speak of __return__ proves nothing about the function"
        )
    promise = PROMISE.search(docstring)
    if promise is None:
        raise ProveError(f"{where}: no line `Promise: I9` that names what it is for (I1 to I14)")
    promises = tuple(part.strip() for part in promise.group(1).split(","))
    return Law(f"{path.stem}.{function.name}", promises, path, function.lineno, len(posts))


def discover(folder: Path) -> list[Law]:
    """All laws of a folder's law files; raises ProveError where one is malformed or none is there."""
    paths = sorted(folder.glob("law_*.py"))
    if not paths:
        raise ProveError(f"{folder.name}: no law files (law_*.py): nothing to prove")
    laws: list[Law] = []
    for path in paths:
        found = [_law(path, function) for function in _functions(path)]
        if not found:
            raise ProveError(f"{path.name}: a law file without laws")
        laws.extend(found)
    names = [law.name for law in laws]
    for name in names:
        if names.count(name) > 1:
            raise ProveError(f"{name}: written twice; the first would never be checked")
    return laws


def read_bounded(path: Path, laws: Sequence[Law]) -> dict[str, str]:
    """Name to bound of the laws whose domain is cut; an absent file is an empty list."""
    if not path.exists():
        return {}
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("law", [])
    except tomllib.TOMLDecodeError as error:
        raise ProveError(f"{path.name}: can't be read: {error}") from error
    if len(rows) > BOUNDED_MAX:
        raise ProveError(f"{path.name}: {len(rows)} bounded laws, at most {BOUNDED_MAX}")
    names = {law.name for law in laws}
    bounded: dict[str, str] = {}
    for row in rows:
        missing = [key for key in ("name", "bound", "reason") if not str(row.get(key, "")).strip()]
        if missing:
            raise ProveError(f"{path.name}: {row.get('name', 'a row')} lacks {', '.join(missing)}")
        if row["name"] not in names:
            raise ProveError(f"{path.name}: {row['name']} is no law; remove the row")
        bounded[row["name"]] = row["bound"]
    return bounded


def read_planted(path: Path) -> list[tuple[Law, str]]:
    """The canaries and the figure at which each is false, from PLANTED in the canary file."""
    if not path.exists():
        raise ProveError(f"{path.name}: no canaries: nothing shows that the prover can find a bug")
    functions = {function.name: _law(path, function) for function in _functions(path)}
    planted: dict[str, str] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["PLANTED"]:
            planted = ast.literal_eval(node.value)
    if not planted or planted.keys() != functions.keys():
        raise ProveError(f"{path.name}: PLANTED must name each canary and its figure, and there must be one")
    return [(functions[name], figure) for name, figure in planted.items()]


def check_kernel(folder: Path) -> int:
    """Refuses a kernel that CrossHair could not see into; returns the number of its modules."""
    compiled = (*importlib.machinery.EXTENSION_SUFFIXES, ".pyc", ".pyd", ".so")
    files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    for path in sorted(files):
        if path.name.endswith(compiled):
            raise ProveError(
                f"{path.name}: a compiled module in the kernel; CrossHair is blind to it, delete it"
            )
    sources = [path for path in files if path.suffix == ".py"]
    if not sources:
        raise ProveError(f"{folder.name}: no kernel source to prove")
    spec = importlib.util.find_spec("kernel")
    origin = None if spec is None or spec.origin is None else Path(spec.origin).resolve()
    if origin != (folder / "__init__.py").resolve():
        raise ProveError(
            f"the kernel that Python imports is {origin}, not the one in {folder}: run it from the repository"
        )
    return len(sources)
