"""What to do when a promise of our own code does not hold: stop, keep the evidence, say one line.

Rules:
1. A bug is never logged and passed over: the run ends with exit code 70 (shell/errors.py).
2. The evidence is written beside the journal, `JOURNAL.bug.txt`: when, what, the traceback, the event that it
   happened with and the digest of the Desk before that event. The journal itself holds the event as its last
   record, so a replay shows the same.
3. Where it can't be written the traceback goes to stderr: lost evidence is worse than a long text.
"""

import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kernel import Desk, Event
from shell.canonical import digest
from shell.errors import Complaint, ExitCode
from shell.exchange.settings import SetupError

__all__ = ["KernelBug", "complaint_of"]

EVENT_CHARS_MAX: Final = 20_000
TRACEBACK_CHARS_MAX: Final = 200_000
"""Of a traceback through deep frames the end is kept."""

FALLBACK: Final = Path("var") / "live.bug.txt"


class KernelBug(Exception):
    """`step` raised: the Desk before, the event, and (as the cause) what was raised."""

    def __init__(self, desk: Desk, event: Event, problem: Exception) -> None:
        super().__init__(f"{type(problem).__name__}: {problem}")
        self.desk = desk
        self.event = event


def complaint_of(error: BaseException, journal: Path | None) -> Complaint:
    """What to say of whatever ended a run: a person's matter as it is, all else as a bug with evidence."""
    leaves = list(_leaves(error))
    for leaf in leaves:
        if isinstance(leaf, KernelBug):
            return _bug(error, leaf, journal)
    for leaf in leaves:
        if isinstance(leaf, Complaint):
            return leaf
        if isinstance(leaf, SetupError):
            return Complaint(f"exchange: {leaf}")
    if any(isinstance(leaf, KeyboardInterrupt) for leaf in leaves):
        return Complaint("interrupted", ExitCode.INTERRUPTED)
    return _bug(error, None, journal)


def _bug(error: BaseException, bug: KernelBug | None, journal: Path | None) -> Complaint:
    """The one line for a bug, with code 70; writes the evidence first."""
    leaf = next(_leaves(error))
    what = f"kernel bug: {bug}" if bug is not None else f"bug: {type(leaf).__name__}: {leaf}"
    text = _evidence(error, bug)
    path = FALLBACK if journal is None else Path(f"{journal}.bug.txt")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        print(text, file=sys.stderr)
        return Complaint(f"{what}; {path} can't be written ({problem.strerror})", ExitCode.KERNEL_BUG)
    mend = "keep it and the journal, and report both" if journal is not None else "keep it and report it"
    return Complaint(f"{what}; evidence in {path}: {mend}", ExitCode.KERNEL_BUG)


def _evidence(error: BaseException, bug: KernelBug | None) -> str:
    lines = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())]
    if bug is not None:
        desk = bug.desk
        lines.append(f"event  {bug.event!r}"[:EVENT_CHARS_MAX])
        lines.append(f"desk   epoch {desk.epoch}, at {desk.at}, before the event: digest {digest(desk)}")
    lines.append("".join(traceback.format_exception(error))[-TRACEBACK_CHARS_MAX:])
    return "\n".join(lines)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The exceptions of a group that may be nested, in order."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
