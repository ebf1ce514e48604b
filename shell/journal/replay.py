"""Replay: the Desk that a journal's events make. Recovery is nothing else.

Rules:
1. Events go through the kernel's own `step`, in order, from the initial Desk; commands are looked at by
   whoever asked, and never carried out.
2. The result is the live Desk, byte for byte (shell.canonical.digest says so): I14.
3. What had been handed to the wire is part of it: a call that the replayed Desk holds in flight may have
   left before the process died, one that it holds waiting has not.
4. It streams: memory is that of the Desk, whatever the journal's length.
5. Where `step` raises Misfit the journal was written by a kernel that asked other calls: JournalRefused, with
   the record's number and the version that wrote it.
"""

from collections.abc import Callable, Iterable
from typing import Final, Protocol, TypeVar

from kernel.events import Event
from shell.journal.protocol import JournalRefused, Record
from shell.journal.versions import EventReader

__all__ = ["Misfit", "Stepped", "replay"]

PROGRESS_EVERY: Final = 5_000
"""Events between two calls of `progress`."""

D = TypeVar("D")
D_co = TypeVar("D_co", covariant=True)


class Misfit(Exception):
    """An event that could not have happened to this Desk: a line without its place."""


class Stepped(Protocol[D_co]):
    """What `step` returns, as far as replay cares: kernel.Step fits."""

    @property
    def desk(self) -> D_co:
        """The next Desk."""
        ...


def replay(
    records: Iterable[Record],
    step: Callable[[D, Event], Stepped[D]],
    initial: D,
    *,
    progress: Callable[[int], None] | None = None,
    observe: Callable[[Record, Event, Stepped[D]], None] | None = None,
    where: str = "journal",
) -> D:
    """The Desk after all `records` (of `journal.read()` or `read_journal(path)`).

    `progress` is told the number of the last record, every PROGRESS_EVERY and at the end; `observe` sees
    every record with its event and what it made (for tools that tell an order's story).
    Raises JournalDamaged for a record that can't be read, JournalRefused for a version that is not read or
    does not replay; what else `step` raises passes through.
    """
    desk = initial
    reader = EventReader(where)
    seq = 0
    for record in records:
        event = reader.event(record)
        try:
            stepped = step(desk, event)
        except Misfit as problem:
            raise JournalRefused(
                f"{where}: record {record.seq}: {problem}; version {reader.product} wrote it: start that one "
                "on it, or close its positions there and begin a new journal (--journal)"
            ) from None
        desk = stepped.desk
        seq = record.seq
        if observe is not None:
            observe(record, event, stepped)
        if progress is not None and seq % PROGRESS_EVERY == 0:
            progress(seq)
    if progress is not None:
        progress(seq)
    return desk
