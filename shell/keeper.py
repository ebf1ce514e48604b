"""Keeps snapshots of a running desk: every N events, and at a clean end (shell/journal/snapshots.py).

Rules:
1. The loop offers the Desk whenever all that it has stepped is durable; that costs a comparison. A Desk is a
   value, so it is encoded and written by a thread while the loop goes on.
2. One is written at a time. What is offered meanwhile is passed over: the next offer is as good.
3. A snapshot that can't be written is a note in the report (NOTES_MAX of them) and nothing else.
"""

from pathlib import Path
from typing import Final

import trio

from kernel import Desk
from shell.fingerprint import fingerprint_of
from shell.journal import SnapshotUnfit, Tip, write_snapshot
from shell.session import SessionFigures

__all__ = ["SnapshotKeeper"]

NOTES_MAX: Final = 3
"""Notes about snapshots that could not be written; a disk that stays full says it often enough."""


class SnapshotKeeper:
    """Writes the snapshots of one process."""

    def __init__(self, journal: Path, every: int, product: str, last: int, figures: SessionFigures) -> None:
        """`every` is in events; `last` is the event that the newest usable snapshot was taken after."""
        self._journal = journal
        self._every = every
        self._product = product
        self._last = last
        self._figures = figures
        self._failures = 0
        self._offered: tuple[Desk, Tip] | None = None
        self._due = trio.Event()

    def offer(self, desk: Desk, tip: Tip) -> None:
        """The Desk after `tip`, which is durable."""
        if tip.seq - self._last >= self._every and self._offered is None:
            self._last = tip.seq
            self._offered = (desk, tip)
            self._due.set()

    @property
    def is_busy(self) -> bool:
        """Whether one is being written."""
        return self._offered is not None

    async def run(self) -> None:
        """Writes what is offered, until canceled."""
        while True:
            await self._due.wait()
            self._due = trio.Event()
            if self._offered is not None:
                try:
                    await self._write(*self._offered)
                finally:
                    self._offered = None

    async def finish(self, desk: Desk, tip: Tip) -> None:
        """The last one, of a clean end; none where nothing happened since the one before."""
        if tip.seq > self._last or self._failures:
            await self._write(desk, tip)

    async def _write(self, desk: Desk, tip: Tip) -> None:
        try:
            await trio.to_thread.run_sync(self._write_now, desk, tip)
        except SnapshotUnfit as problem:
            self._failures += 1
            if self._failures <= NOTES_MAX:
                self._figures.notes.append(f"the snapshot of event {tip.seq} {problem}; the journal has all")
        else:
            self._figures.snapshots += 1

    def _write_now(self, desk: Desk, tip: Tip) -> None:
        fingerprint = fingerprint_of(seat.path for seat in desk.seats.values())
        if not fingerprint:
            raise SnapshotUnfit("was not taken: the sources of the code can't be fingerprinted")
        write_snapshot(self._journal, desk, tip, fingerprint, self._product)
