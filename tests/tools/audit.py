"""An ear on the interpreter's audit events, for proving that a piece of code touches nothing.

1. CPython raises an audit event for every file, socket, process, import and compilation (sys.addaudithook).
2. A hook can never be taken out again, so one is installed at the first use and switched on and off.
3. Only the thread that listens is heard: another test's worker is not our business.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["listening"]

_heard: list[str] | None = None
_thread: int = 0
_installed = False


def _hook(event: str, _args: tuple[object, ...]) -> None:
    if _heard is not None and threading.get_ident() == _thread:
        _heard.append(event)


@contextmanager
def listening() -> Iterator[list[str]]:
    """The names of the audit events that this thread raises inside the block, in order."""
    global _heard, _thread, _installed
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True
    assert _heard is None, "listening() does not nest"
    _thread = threading.get_ident()
    heard: list[str] = []
    _heard = heard
    try:
        yield heard
    finally:
        _heard = None
