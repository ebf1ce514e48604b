"""Which code decided: a fingerprint of the kernel and of the strategies that a desk runs.

A replayed Desk is a value of the events *and of the code that stepped them*. So a snapshot of it is of use
only to the same code, and this says whether it is the same.

Rules:
1. It covers every source file of the kernel, the versions of the journal's forms, and for each strategy from
   elsewhere the sources of its top package (or its one file). A changed comment changes it too: a snapshot
   that is not used costs a replay, one that is used wrongly costs money.
2. Sources that can't be read, or too many of them, have no fingerprint (empty): then nothing is cached.
3. Sources are read once, early: what was edited since is not what runs.

Ignored: packages that a strategy imports besides its own, and Python itself: the kernel's integers, strings
and tuples are the same in all versions that this program runs on.
"""

import hashlib
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

import kernel
from kernel.strategies.registry import is_registered, resolve
from shell.canonical import CANONICAL_VERSION
from shell.journal import EVENTS_VERSION

__all__ = ["fingerprint_of"]

FILES_MAX: Final = 2_000
"""Sources of one package; a strategy inside a larger one is not fingerprinted."""


def fingerprint_of(paths: Iterable[str]) -> str:
    """The fingerprint for a desk with the strategies of these paths, in hex; empty where there is none."""
    parts = [_kernel()]
    for path in sorted(set(paths)):
        if not is_registered(path):
            return ""
        module = type(resolve(path)).__module__
        if module.partition(".")[0] != kernel.__name__:
            parts.append(_module(module))
    if not all(parts):
        return ""
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


@cache
def _kernel() -> str:
    own = _sources(Path(kernel.__file__).parent)
    return own and f"{CANONICAL_VERSION}|{EVENTS_VERSION}|{own}"


@cache
def _module(name: str) -> str:
    top = sys.modules.get(name.partition(".")[0])
    file = getattr(top, "__file__", None)
    if file is None:
        return ""
    path = Path(file)
    return _sources(path.parent if path.name == "__init__.py" else path)


def _sources(place: Path) -> str:
    """The digest of a file, or of all Python files below a folder; empty where they can't be read."""
    hashed = hashlib.sha256()
    count = 0
    try:
        for path in _files(place):
            count += 1
            if count > FILES_MAX:
                return ""
            data = path.read_bytes()
            hashed.update(b"%s|%d|" % (path.relative_to(place.parent).as_posix().encode(), len(data)))
            hashed.update(data)
    except OSError:
        return ""
    return hashed.hexdigest() if count else ""


def _files(place: Path) -> Iterator[Path]:
    if place.is_dir():
        yield from sorted(place.rglob("*.py"))
    elif place.suffix == ".py":
        yield place
