"""What ends a run: exit codes, and the one-line complaint that people read.

Rules:
1. Whatever stops the product says it in one line: what, where, what to do. No traceback for what a
   person can mend.
2. Each cause has its own exit code, so that a supervisor knows whether starting again makes sense:
   again after 1, never by itself after 2 to 6, and after 70 only with the journal kept for a report.
3. Anything else that escapes is a bug (70): its traceback goes to the log, one line to the terminal.

Source of 70 and 130: sysexits(3) EX_SOFTWARE, and the shell's 128 + signal number.
"""

from enum import IntEnum

__all__ = ["Complaint", "ExitCode"]

LINE_MAX = 1000
"""Characters of a complaint; the rest is cut, for a message may quote what somebody else wrote."""


class ExitCode(IntEnum):
    """How a command ended."""

    OK = 0
    """Done; for a session also: the books agree and every invariant held."""
    SESSION_FAILED = 1
    """The session ran and failed: books differ, an invariant was violated, or the broker was lost."""
    BAD_INPUT = 2
    """An option, a configuration or an input file is wrong; nothing was started."""
    CREDENTIALS = 3
    """Keys are missing, or the broker refuses them."""
    JOURNAL = 4
    """The journal or the account is in use, or the journal is damaged, of a version that is not read,
    another account's, or can't be written."""
    STRATEGY = 5
    """A strategy can't be imported, or is not one."""
    PORT = 6
    """A port can't be opened or reached."""
    KERNEL_BUG = 70
    """A promise of our own code does not hold: keep the journal and report it."""
    INTERRUPTED = 130
    """Interrupted again before the drain had ended; the journal has everything up to then."""


class Complaint(Exception):
    """Something that a person can mend: one line, and the code to end with."""

    def __init__(self, line: str, code: ExitCode = ExitCode.BAD_INPUT) -> None:
        text = " ".join(line.split())
        self.line = text if len(text) <= LINE_MAX else text[: LINE_MAX - 4] + " ..."
        self.code = code
        super().__init__(self.line)
