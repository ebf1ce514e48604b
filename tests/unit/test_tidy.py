"""Style that can be measured is a test.

1. Files have at most 400 lines (tests 600) and functions 60; exceptions stand below, each with its reason.
2. Every module says what it is; public classes and functions have docstrings; Enum members their meaning.
3. Nothing is left to do later, no error is swallowed, no test asserts nothing.
4. Nothing names a machine or an index of packages.
5. No dead modules: what kernel/ and shell/ ship is reached from an entry point.

Every rule is seen to catch a plant, so that none of them passes by looking at nothing.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.tools.sources import ROOT, import_graph, parsed, python_files, reachable, tracked_files

FILE_LINES_MAX: Final = 400
TEST_FILE_LINES_MAX: Final = 600
FUNCTION_LINES_MAX: Final = 60

LONG_FILES: Final[dict[str, str]] = {}
"""Path to reason; keep it short."""

LONG_FUNCTIONS: Final[dict[str, str]] = {}
"""`path::name` to reason; keep it short."""

ENTRY_POINTS: Final = ("shell.live", "shell.exchange.__main__", "shell.replay")
"""What people start with `python -m`; the strategies' entry points of pyproject.toml come on top."""

# Put together at run time, so that this file does not name what it looks for.
_LATER: Final = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK")) + r")\b")
_PLACES: Final = re.compile(
    "|".join(
        (
            r"(?<![\w.$}/])/(?:"
            + "|".join(("wo" + "rk", "ro" + "ot", "ho" + "me", "Us" + "ers", "op" + "t"))
            + r")/\w",
            r"(?<![\w.$}/])/tm" + r"p/\w",
            r"\bpy" + r"pi\.org",
            r"python" + r"hosted\.org",
            r"\bregistry\.npm" + r"js",
            r"://[^\s/]+/sim" + r"ple\b",
            r"(?:--|_)(?:extra-)?index" + r"-url[ =]\S",
        )
    )
)
_DEPTH_MAX: Final = 3
"""Helpers of helpers of helpers are followed no further."""
_FUNCTION: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
_ASSERTING: Final = frozenset({"raises", "warns", "fail", "benchmark", "pedantic"})
_TEXT_SUFFIXES: Final = frozenset(
    {
        ".py",
        ".md",
        ".toml",
        ".txt",
        ".yml",
        ".yaml",
        ".cfg",
        ".ini",
        ".json",
        ".sh",
        ".html",
        ".css",
        ".js",
        "",
    }
)


# ------------------------------------------------------------------------------------------- the rules


def long_functions(tree: ast.Module) -> list[tuple[str, int]]:
    """Functions that are too long, by name, with their lines; the docstring counts, decorators do not."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                found.append((node.name, lines))
    return found


def undocumented(source: str) -> list[str]:
    """The module, public classes and functions at its top, and Enum members without a word about them."""
    tree, lines = ast.parse(source), source.splitlines()
    found = [] if ast.get_docstring(tree) or not tree.body else ["the module"]
    for node in tree.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if not node.name.startswith("_") and not ast.get_docstring(node):
            found.append(node.name)
        if isinstance(node, ast.ClassDef) and _is_enum(node):
            found.extend(f"{node.name}.{member}" for member in _bare_members(node, lines))
    return found


def _is_enum(node: ast.ClassDef) -> bool:
    return any(ast.unparse(base).split(".")[-1] in {"Enum", "IntEnum", "StrEnum"} for base in node.bases)


def _bare_members(node: ast.ClassDef, lines: list[str]) -> Iterator[str]:
    """Members that neither a string follows nor a `#:` comment stands above or beside."""
    for this, after in zip(node.body, [*node.body[1:], None], strict=True):
        if not isinstance(this, ast.Assign) or not isinstance(this.targets[0], ast.Name):
            continue
        followed = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        marked = "#:" in lines[this.lineno - 1] or lines[this.lineno - 2].lstrip().startswith("#:")
        if not followed and not marked and not this.targets[0].id.startswith("_"):
            yield this.targets[0].id


def swallowed(tree: ast.Module) -> list[int]:
    """Lines of a bare except, and of an except of everything that does nothing."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        everything = node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}
        idle = all(isinstance(step, ast.Pass | ast.Continue) or _is_ellipsis(step) for step in node.body)
        if node.type is None or (everything and idle):
            found.append(node.lineno)
    return found


def _is_ellipsis(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is ...


def unfinished(tree: ast.Module) -> list[int]:
    """Lines that raise or name NotImplementedError."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == "NotImplementedError"
    ]


def asserting_nothing(tree: ast.Module) -> list[str]:
    """Test functions that assert nothing, neither themselves nor through a helper in tests/.

    Counted: assert, pytest.raises, warns, fail, a benchmark, and calls of helpers named check_*, assert_*.
    """
    asserting = _asserting(tree)
    functions = [node.name for node in ast.walk(tree) if isinstance(node, _FUNCTION)]
    return [name for name in functions if name.startswith("test_") and name not in asserting]


def _asserting(tree: ast.Module, depth: int = 0) -> set[str]:
    """Names of a module's functions, its own and those it takes from tests/, that assert something."""
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, _FUNCTION)}
    asserting = set[str]()
    for node in tree.body:
        if (
            isinstance(node, ast.ImportFrom)
            and (node.module or "").startswith("tests.")
            and depth < _DEPTH_MAX
        ):
            path = Path(*(node.module or "").split(".")).with_suffix(".py")
            if (ROOT / path).is_file():
                asserting |= _asserting(parsed(path), depth + 1) & {alias.name for alias in node.names}
    for _ in functions:  # each round finds at least one more helper, or it is the last
        more = asserting | {name for name, node in functions.items() if _asserts(node, asserting)}
        if more == asserting:
            break
        asserting = more
    return asserting


def _asserts(function: ast.AST, helpers: set[str]) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).split(".")[-1]
            if name in helpers or name in _ASSERTING or name.startswith(("check_", "assert_")):
                return True
    return False


# ---------------------------------------------------------------------------------- on the repository


def _source(path: Path) -> str:
    return (ROOT / path).read_text("utf-8")


def _shipped_and_tests() -> list[Path]:
    return python_files("kernel", "shell", "specs", "fuzz", "tests")


def test_the_search_finds_the_repository() -> None:
    names = {str(path) for path in tracked_files()}
    assert {"pyproject.toml", "Makefile", "README.md", "kernel/units.py", "tests/unit/test_tidy.py"} <= names


def _lines_max(path: str) -> int:
    return TEST_FILE_LINES_MAX if path.startswith("tests/") else FILE_LINES_MAX


def test_files_are_short() -> None:
    lines = {str(path): _source(path).count("\n") for path in _shipped_and_tests()}
    long = {path: count for path, count in lines.items() if count > _lines_max(path)}
    assert not [f"{path}: {count} lines" for path, count in long.items() if path not in LONG_FILES]
    assert not [path for path in LONG_FILES if path not in long], "exceptions that are not needed any more"


def test_functions_are_short() -> None:
    found = {
        f"{path}::{name}": count
        for path in _shipped_and_tests()
        for name, count in long_functions(parsed(path))
    }
    assert not [f"{name}: {count}" for name, count in found.items() if name not in LONG_FUNCTIONS]
    assert not [name for name in LONG_FUNCTIONS if name not in found], (
        "exceptions that are not needed any more"
    )


def test_public_names_are_documented() -> None:
    found = [f"{path}: {name}" for path in python_files() for name in undocumented(_source(path))]
    assert not found, "\n".join(found)


def test_modules_of_tests_say_what_they_are() -> None:
    found = [str(path) for path in python_files("tests") if "the module" in undocumented(_source(path))]
    assert not found


def test_no_error_is_swallowed() -> None:
    assert not [f"{path}:{line}" for path in _shipped_and_tests() for line in swallowed(parsed(path))]


def test_nothing_is_unfinished() -> None:
    assert not [f"{path}:{line}" for path in python_files() for line in unfinished(parsed(path))]


def test_every_test_asserts() -> None:
    found = [f"{path}::{name}" for path in python_files("tests") for name in asserting_nothing(parsed(path))]
    assert not found, "\n".join(found)


def _texts() -> Iterator[tuple[Path, int, str]]:
    for path in tracked_files():
        if path.suffix in _TEXT_SUFFIXES and path.parts[0] != ".git":
            for number, line in enumerate(_source(path).splitlines(), start=1):
                yield path, number, line


def test_nothing_is_left_for_later() -> None:
    assert not [f"{path}:{number}: {line.strip()}" for path, number, line in _texts() if _LATER.search(line)]


def test_nothing_names_a_machine_or_an_index() -> None:
    assert not [f"{path}:{number}: {line.strip()}" for path, number, line in _texts() if _PLACES.search(line)]


def _strategies() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return [target.split(":")[0] for target in project["entry-points"]["miniquantdesk.strategies"].values()]


def test_no_module_is_dead() -> None:
    graph = import_graph("kernel", "shell")
    roots = [*ENTRY_POINTS, *_strategies()]
    missing = [root for root in roots if root not in graph]
    assert not missing, f"entry points that do not exist: {missing}"
    dead = sorted(set(graph) - reachable(graph, roots))
    assert not dead, f"nothing imports these: {dead}"


# ------------------------------------------------------------------------------------------- plants


def test_long_function_is_caught() -> None:
    body = "    x = 1\n" * FUNCTION_LINES_MAX
    assert long_functions(ast.parse(f"def f():\n{body}")) == [("f", FUNCTION_LINES_MAX + 1)]
    assert long_functions(ast.parse("def f():\n" + "    x = 1\n" * (FUNCTION_LINES_MAX - 1))) == []


def test_missing_words_are_caught() -> None:
    source = "class A:\n    pass\ndef f(): ...\ndef _g(): ...\n"
    source += "class E(Enum):\n    'E.'\n    X = 1\n    Y = 2\n    'Y.'\n    #: Z.\n    Z = 3\n"
    assert undocumented(source) == ["the module", "A", "f", "E.X"]
    assert undocumented("") == []


@pytest.mark.parametrize(
    "clause", ["except:\n    f()", "except Exception:\n    pass", "except BaseException:\n    ..."]
)
def test_swallowed_error_is_caught(clause: str) -> None:
    assert swallowed(ast.parse(f"try:\n    f()\n{clause}\n")) == [3]


def test_handled_error_passes() -> None:
    assert (
        swallowed(ast.parse("try:\n    f()\nexcept KeyError:\n    pass\nexcept Exception:\n    report()\n"))
        == []
    )


def test_unfinished_code_is_caught() -> None:
    assert unfinished(ast.parse("def f():\n    raise NotImplementedError\n")) == [2]


def test_test_without_assert_is_caught() -> None:
    source = "def test_a(): f()\ndef test_b():\n    assert f()\ndef test_c():\n    check_books(1)\n"
    source += "def test_d(): g()\ndef g(): h()\ndef h():\n    assert 1\ndef test_e(): len('')\n"
    assert asserting_nothing(ast.parse(source)) == ["test_a", "test_e"]


@pytest.mark.parametrize(
    "plant",
    [
        "/wo" + "rk/main",
        "see /tm" + "p/x.log",
        "/ho" + "me/me",
        "https://py" + "pi.org",
        "https://h/sim" + "ple",
    ],
)
def test_place_is_caught(plant: str) -> None:
    assert _PLACES.search(plant)


@pytest.mark.parametrize(
    "text", ["simple/temporary", "var/bench.json", "network/model", "https://docs.alpaca.markets"]
)
def test_plain_text_passes(text: str) -> None:
    assert not _PLACES.search(text)


def test_later_is_caught() -> None:
    assert _LATER.search("# TO" + "DO: later")
    assert not _LATER.search("# today")


def test_dead_module_is_caught() -> None:
    graph = {"a": set[str](), "a.b": {"a.c"}, "a.c": set[str](), "a.d": {"a.b"}}
    assert set(graph) - reachable(graph, ["a.b"]) == {"a.d"}
