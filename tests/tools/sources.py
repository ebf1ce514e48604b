"""The repository's own files, for the tests that read them: tidy, purity, project.

1. `tracked_files` asks git for what is, or would be, committed; without git it walks the tree.
2. `python_files` are the packages' modules, sorted, so that a report is the same each time.
3. `import_graph` knows which module imports which, from the syntax tree alone: nothing is executed.
"""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

__all__ = [
    "PACKAGES",
    "ROOT",
    "import_graph",
    "imports_of",
    "module_name",
    "parsed",
    "python_files",
    "reachable",
    "tracked_files",
]

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("kernel", "shell", "specs", "fuzz")
"""The packages that are shipped."""

_UNTRACKED: Final = frozenset({"var", "build", "dist", "__pycache__"})
_HIDDEN: Final = frozenset({".ci", ".github"})
"""Folders with a dot that are ours; the others are caches and environments."""


@cache
def tracked_files() -> tuple[Path, ...]:
    """Every file that is or would be committed, relative to the root, sorted."""
    listing = None
    if (ROOT / ".git").exists():
        command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "-c", "-o", "--exclude-standard"]
        try:
            listing = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
            )
        except (FileNotFoundError, subprocess.CalledProcessError):
            listing = None  # no git here: the walk below sees the same files, and at most some more
    if listing is not None:
        names = [Path(name) for name in listing.stdout.split("\0") if name]
        return tuple(sorted(name for name in names if (ROOT / name).is_file()))
    return tuple(sorted(path.relative_to(ROOT) for path in _walk(ROOT)))


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        hidden = path.name.startswith(".") and path.is_dir() and path.name not in _HIDDEN
        if hidden or path.name in _UNTRACKED:
            continue
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path


def python_files(*packages: str) -> list[Path]:
    """The modules of packages, relative to the root, sorted."""
    wanted = packages or PACKAGES
    return [path for path in tracked_files() if path.suffix == ".py" and path.parts[0] in wanted]


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file given relative to the root."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=str(path))


def module_name(path: Path) -> str:
    """`kernel/orders/__init__.py` is `kernel.orders`."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(tree: ast.Module) -> set[str]:
    """Dotted names that a module imports when it runs; `from a import b` yields `a` and `a.b`."""
    found: set[str] = set()
    for node in _nodes_that_run(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def _nodes_that_run(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those below `if TYPE_CHECKING:`, which no interpreter ever runs."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            yield from (below for other in node.orelse for below in ast.walk(other))
            continue
        yield node
        yield from _nodes_that_run(node)


def import_graph(*packages: str) -> dict[str, set[str]]:
    """Which of our modules each of our modules imports; importing `a.b.c` also runs `a` and `a.b`."""
    trees = {module_name(path): parsed(path) for path in python_files(*packages)}
    graph: dict[str, set[str]] = {}
    for name, tree in trees.items():
        targets: set[str] = set()
        for dotted in imports_of(tree):
            parts = dotted.split(".")
            targets.update(".".join(parts[:count]) for count in range(1, len(parts) + 1))
        graph[name] = {target for target in targets if target in trees}
    return graph


def reachable(graph: dict[str, set[str]], roots: list[str]) -> set[str]:
    """Modules that run when the roots are started, the roots and their packages included."""
    seen: set[str] = set()
    waiting = list(roots)
    while waiting:  # each module is entered once: bounded by the graph
        name = waiting.pop()
        if name in seen or name not in graph:
            continue
        seen.add(name)
        parts = name.split(".")
        waiting.extend(".".join(parts[:count]) for count in range(1, len(parts)))
        waiting.extend(sorted(graph[name]))
    return seen
