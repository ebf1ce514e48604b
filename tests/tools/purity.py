"""What a module of the kernel may not say: the static half of its purity.

1. Only the modules of ALLOWED_IMPORTS, the kernel itself, and (in chart files) python-statemachine.
2. No float and nothing that makes one: no float or complex literal, no `/`, no `**` but to a constant power.
3. No built-in that reads or writes the world, depends on the process, or escapes the analysis (BANNED_CALLS).
4. No `global`, no `async`, no Any outside of chart files, no order of a set: no loop over a set literal or
   `set(...)`.
5. A line may be waived by a comment, `purity-ok` and a colon, then a reason of at least three words. A waiver
   without a reason, or one that waives nothing, is itself a fault.

Ignores what it cannot see: getattr by computed names, sets behind variables. The audit hook of
tests/unit/test_purity.py is the other half.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from typing import Final

__all__ = ["ALLOWED_IMPORTS", "BANNED_CALLS", "CHART_CALLS", "CHART_IMPORTS", "violations"]

ALLOWED_IMPORTS: Final = frozenset(
    {
        "bisect",
        "collections.abc",
        "dataclasses",
        "enum",
        "functools",
        "heapq",
        "immutables",
        "itertools",
        "kernel",
    }
    | {"operator", "typing", "typing_extensions"}
)
"""Value types and plain algorithms; a submodule counts with its parent, except for `collections`."""

CHART_IMPORTS: Final = frozenset({"statemachine"})
"""Allowed besides in files named chart.py: the library is read there at import, and never runs later."""

BANNED_CALLS: Final = frozenset(
    {
        "float",
        "complex",
        "round",
        "open",
        "print",
        "input",
        "hash",
        "id",
        "eval",
        "exec",
        "compile",
        "__import__",
    }
    | {"globals", "locals", "vars", "setattr", "delattr", "breakpoint", "exit", "quit", "help", "memoryview"}
)
"""Built-ins that yield floats, touch the world, or give another answer in another process."""

CHART_CALLS: Final = frozenset({"vars"})
"""Allowed besides in chart files, which read a declaration's attributes once, at import."""

_WAIVER: Final = re.compile(r"#\s*purity-ok\b:?(?P<reason>.*)")
_REASON_WORDS_MIN: Final = 3


def violations(source: str, *, is_chart: bool) -> list[str]:
    """Each fault of a module as `line: what`, in order of lines; an empty list when it is pure."""
    faults: list[tuple[int, str]] = []
    waivers = _waivers(source)
    used: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        for line, end, text in _faults_of(node, is_chart=is_chart):
            waived = next((at for at in range(line, end + 1) if at in waivers), None)
            if waived is None:
                faults.append((line, text))
            else:
                used.add(waived)
    for line, reason in waivers.items():
        if len(reason.split()) < _REASON_WORDS_MIN:
            faults.append((line, "a waiver must carry its reason in at least three words"))
        if line not in used:
            faults.append((line, "this waiver waives nothing: remove it"))
    return [f"{line}: {text}" for line, text in sorted(set(faults))]


def _waivers(source: str) -> dict[int, str]:
    found: dict[int, str] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            match = _WAIVER.match(token.string)
            if match is not None:
                found[token.start[0]] = match["reason"].strip()
    return found


def _faults_of(node: ast.AST, *, is_chart: bool) -> Iterator[tuple[int, int, str]]:
    """First line, last line and text of what is wrong with one node."""
    line = getattr(node, "lineno", 0)
    end = getattr(node, "end_lineno", None) or line
    for text in _texts(node, is_chart=is_chart):
        yield line, end, text


def _texts(node: ast.AST, *, is_chart: bool) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (
                _import_text(alias.name) for alias in names if not _allowed(alias.name, is_chart=is_chart)
            )
        case ast.ImportFrom(module=module, level=level):
            if level != 0 or module is None:
                yield "a relative import: name the module in full"
            elif not _allowed(module, is_chart=is_chart):
                yield _import_text(module)
        case ast.Constant(value=float() | complex() as value):
            yield f"the inexact number {value!r}: use a scaled integer"
        case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
            yield "`/` makes a float: use // or compare products"
        case ast.BinOp(op=ast.Pow(), right=right) | ast.AugAssign(op=ast.Pow(), value=right):
            if not _is_plain_power(right):
                yield "`**` makes a float when the power is negative: use a constant power, or << for twos"
        case ast.Call(func=ast.Name(id=name)) if name in BANNED_CALLS - (CHART_CALLS if is_chart else set()):
            yield f"a call of {name}()"
        case ast.Name(id="Any") if not is_chart:
            yield "Any: name the type, or waive it with the reason why there is none"
        case ast.Global():
            yield "`global`: state lives in the Desk"
        case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
            yield "async code: the kernel waits for nothing"
        case ast.For(iter=over) if _is_set(over):
            yield "a loop over a set has no fixed order"
        case ast.ListComp() | ast.GeneratorExp() | ast.DictComp():
            if any(_is_set(part.iter) for part in node.generators):
                yield "a comprehension over a set has no fixed order"
        case _:
            return


def _import_text(name: str) -> str:
    return f"import of {name}: not in the kernel's allow list"


def _allowed(name: str, *, is_chart: bool) -> bool:
    top = name.split(".", 1)[0]
    if name in ALLOWED_IMPORTS or (top in ALLOWED_IMPORTS and top != "collections"):
        return True
    return is_chart and top in CHART_IMPORTS


def _is_plain_power(node: ast.expr) -> bool:
    """A natural number, or a constant's name, whose sign is in sight where it is defined."""
    if isinstance(node, ast.Name):
        return node.id.isupper()
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


def _is_set(node: ast.expr) -> bool:
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"set", "frozenset"}
    )
