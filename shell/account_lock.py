"""One desk for an account: a lock for (broker's URL, account number) that every start on this machine takes.

The journal's lock keeps two processes off one file. Two desks with two journals on one account would be
worse: each takes the other's orders for strangers'. So a start takes this lock before it opens anything at
the broker, and keeps it until it ends.

Rules:
1. The lock is the operating system's, on a file in the state folder (`journal.locks`; by default
   $XDG_STATE_HOME/miniquantdesk or ~/.local/state/miniquantdesk): it ends with its process, however that
   ends.
2. The file says who holds it: process, host, since when, on which journal. A second start is refused with it.
3. A file whose holder ended without removing it is explained in a line and taken over.
4. The file is removed at the end, while the lock is held; whoever waited on the removed file looks again.
   Files of simulated sessions that died are removed by later starts.
5. A real account without a state folder is refused; a simulated one goes on, with a note.

Ignored: several machines on one account (a lease in a database comes with the fleet); another user of this
machine with another state folder; other programs: the broker's stream shows their orders.
"""

import hashlib
import json
import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from shell.alpaca.settings import is_loopback
from shell.errors import Complaint, ExitCode
from shell.journal.lock import try_lock

__all__ = ["AccountLock", "LockUnavailable", "state_folder"]

TEXT_BYTES_MAX: Final = 8_192
"""Of a lock's text; a longer one is not ours."""

LOOKS_MAX: Final = 100
"""Tries to lock a file that its holder removed meanwhile; no start meets more than a few."""

LEFTOVERS_MAX: Final = 1_000
"""Files that a start looks at to remove what dead simulated sessions left."""

SETTLE_S: Final = 0.01
"""Between two tries."""


class LockUnavailable(Complaint):
    """There is no lock to be had at all: a folder that can't be written, or none."""

    def __init__(self, line: str) -> None:
        super().__init__(f"{line}; set journal.locks to a folder that can be written", ExitCode.JOURNAL)


def state_folder(configured: str, environment: dict[str, str]) -> Path:
    """Where locks are kept: as configured, else the user's state folder."""
    if configured:
        return Path(configured).expanduser()
    base = environment.get("XDG_STATE_HOME", "")
    if base:
        return Path(base) / "miniquantdesk"
    try:
        return Path.home() / ".local" / "state" / "miniquantdesk"
    except RuntimeError:
        raise LockUnavailable("the account's lock has no folder: there is no home folder") from None


class AccountLock:
    """The hold on one account, from construction to `release`."""

    def __init__(self, folder: Path, url: str, number: str, journal: Path | None) -> None:
        """Takes the lock; Complaint (exit code 4) when another process has it or the folder can't be used."""
        self.url, self.number = _plain(url), number
        key = hashlib.sha256(f"{self.url}|{number}".encode()).hexdigest()[:24]
        self.path = folder / f"account-{key}.lock"
        self.notice: str | None = None
        """What is to be said of the last holder."""
        self._fd = -1
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._fd = self._take()
            found = _read(self._fd)
            self._write(journal)
        except OSError as error:
            if self._fd >= 0:
                os.close(self._fd)
            raise LockUnavailable(
                f"account {self._who()}: its lock {self.path} can't be had ({error.strerror or error})"
            ) from None
        if found is not None:
            self.notice = (
                f"account {self._who()}: {_holder(found)} ended without letting go of it; taken over, "
                "its orders are found by the comparison with the broker"
            )
        _sweep(folder, self.path)

    def _who(self) -> str:
        return f"...{self.number[-4:]} at {self.url}"

    def _take(self) -> int:
        """The locked file that has our name; looks again where it was removed before we had it."""
        for _ in range(LOOKS_MAX):
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
            if not try_lock(fd):
                found = _read(fd)
                os.close(fd)
                holder = "another process" if found is None else _holder(found)
                raise Complaint(
                    f"account {self._who()}: in use by {holder}; stop that one first: two desks on one "
                    "account would take each other's orders for strangers'",
                    ExitCode.JOURNAL,
                )
            if _is_at(fd, self.path):
                return fd
            os.close(fd)
            time.sleep(SETTLE_S)
        raise OSError("it is removed again and again")

    def _write(self, journal: Path | None) -> None:
        text = json.dumps(
            {
                "process": os.getpid(),
                "host": socket.gethostname()[:100],
                "since": datetime.now(UTC).isoformat(timespec="seconds"),
                "journal": "memory" if journal is None else str(journal.absolute())[-2_000:],
                "url": self.url,
                "account": self.number,
            }
        )
        os.lseek(self._fd, 0, os.SEEK_SET)
        os.ftruncate(self._fd, 0)
        os.write(self._fd, text.encode())

    def release(self) -> None:
        """Removes the file and ends the hold; idempotent."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            _remove(fd, self.path)
            os.close(fd)


def _plain(url: str) -> str:
    """One spelling for one broker."""
    return url.rstrip("/").lower().replace("://localhost", "://127.0.0.1")


def _read(fd: int) -> dict[str, Any] | None:
    try:
        os.lseek(fd, 0, os.SEEK_SET)
        fields = json.loads(os.read(fd, TEXT_BYTES_MAX))
    except (OSError, ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _holder(fields: dict[str, Any]) -> str:
    def field(name: str) -> str:
        return str(fields.get(name, "unknown"))[:300]

    return (
        f"process {field('process')} on {field('host')} since {field('since')} (journal {field('journal')})"
    )


def _is_at(fd: int, path: Path) -> bool:
    """Whether the open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _remove(fd: int, path: Path) -> None:
    """Removes a file whose lock is held. Where the system won't (an open file of Windows), it is emptied."""
    try:
        path.unlink()
    except OSError:
        try:
            os.ftruncate(fd, 0)
        except OSError:
            return  # the text stays, and explains itself as a dead holder's: only a notice too many


def _sweep(folder: Path, own: Path) -> None:
    """Removes what dead simulated sessions left: their ports, and so their names, hardly come again."""
    for index, path in enumerate(folder.glob("account-*.lock")):
        if index >= LEFTOVERS_MAX:
            return
        if path == own:
            continue
        try:
            fd = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        except OSError:
            continue
        try:
            if try_lock(fd) and _is_at(fd, path) and _is_simulated(_read(fd)):
                _remove(fd, path)
        finally:
            os.close(fd)


def _is_simulated(fields: dict[str, Any] | None) -> bool:
    return fields is not None and is_loopback(str(fields.get("url", "")))
