"""One writer for a journal: an operating-system lock on a file beside it, with the holder's name inside.

Rules:
1. The lock is the system's (flock; on Windows a byte lock), so it ends with its process, however that ends:
   a lock can't be left behind, only the text about the last holder can.
2. The text says who holds it (process, host, since when) and how far the journal is known to be durable
   (epoch, seq). It is written after each commit without a sync: behind the journal after a power cut,
   exact after any other end of the process. So a journal that is *shorter* than it says has lost records.
3. A text that does not say `closed` belongs to a process that died: taken over, with a notice.
4. The file stays when the lock ends; removing it would let two writers lock two files of one name.

Ignored: NFS without lock support, several machines (a lease in a database comes with the fleet).
"""

import json
import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from shell.journal.protocol import JournalLocked, JournalRefused

__all__ = ["Mark", "WriterLock", "try_lock"]

TEXT_BYTES: Final = 512
"""Length of the text, padded with blanks: one write replaces all of it."""

LOCKED_BYTE: Final = 1 << 30
"""The byte that Windows locks: far behind the text, which others must be able to read."""


class Mark(NamedTuple):
    """What the text of the last holder says."""

    holder: str
    """`process N on HOST since TIME`."""
    epoch: int
    seq: int
    closed: bool


class WriterLock:
    """The hold on one journal, from construction to `release`."""

    def __init__(self, path: Path) -> None:
        """Takes the lock at `path`; JournalLocked when another process (or this one) has it."""
        self.path = path
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        except OSError as error:
            reason = error.strerror or str(error)
            raise JournalRefused(
                f"{path}: the lock file can't be opened ({reason}); give another --journal"
            ) from None
        if not try_lock(self._fd):
            mark = _read(self._fd)
            os.close(self._fd)
            holder = mark.holder if mark else "another process"
            raise JournalLocked(
                f"{path}: the journal is in use by {holder}; stop that one or give another --journal"
            )
        self.found = _read(self._fd)
        """What the holder before left, None for a new or unreadable file."""
        since = datetime.now(UTC).isoformat(timespec="seconds")
        self._holder = {"process": os.getpid(), "host": socket.gethostname()[:100], "since": since}

    def announce(self) -> None:
        """Writes our name, and keeps what the text said of the journal."""
        found = self.found or Mark("", 0, 0, False)
        self.mark(found.epoch, found.seq)

    @property
    def held(self) -> bool:
        """Whether the lock is still ours."""
        return self._fd >= 0

    def mark(self, epoch: int, seq: int, *, closed: bool = False) -> None:
        """Writes how far the journal is durable. Not synced: see rule 2."""
        text = json.dumps({**self._holder, "epoch": epoch, "seq": seq, "closed": closed})
        data = text.encode().ljust(TEXT_BYTES - 1) + b"\n"
        if hasattr(os, "pwrite"):
            os.pwrite(self._fd, data, 0)
        else:
            os.lseek(self._fd, 0, os.SEEK_SET)
            os.write(self._fd, data)

    def release(self) -> None:
        """Ends the hold; idempotent."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)


def _read(fd: int) -> Mark | None:
    os.lseek(fd, 0, os.SEEK_SET)
    try:
        fields: Any = json.loads(os.read(fd, TEXT_BYTES))
        holder = f"process {int(fields['process'])} on {fields['host']} since {fields['since']}"
        return Mark(holder, int(fields["epoch"]), int(fields["seq"]), fields["closed"] is True)
    except (OSError, ValueError, KeyError, TypeError):
        return None


if sys.platform == "win32":
    import msvcrt

    def try_lock(fd: int) -> bool:
        """Takes the system's lock on an open file, without waiting; whether it is ours now."""
        os.lseek(fd, LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def try_lock(fd: int) -> bool:
        """Takes the system's lock on an open file, without waiting; whether it is ours now."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
