"""A journal in memory: for `--journal memory`, and for worlds in which disks fail on purpose.

Rules:
1. A MemoryDisk outlives the journals opened on it, as a disk outlives processes: open another journal on
   the same disk and it finds what the last one left, checks it and goes on.
2. The chain is the same as SQLite's, so digests and record numbers agree.
3. Faults fire at the n-th append of the disk's life (from 1) and make it as a real one would: the append
   raises JournalFailed, and all later ones of that journal too.
4. At most RECORDS_MAX records; the next one is a full disk.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Final

import trio

from kernel.events import Event
from kernel.units import Instant
from shell.canonical import CANONICAL_VERSION
from shell.journal.chain import (
    SCHEMA_VERSION,
    check_first,
    check_genesis,
    genesis_of,
    genesis_record,
    seal,
    verified,
)
from shell.journal.protocol import (
    Genesis,
    JournalDamaged,
    JournalFailed,
    JournalLocked,
    Opening,
    Record,
    Tip,
)
from shell.journal.versions import EventReader

__all__ = ["DiskFault", "MemoryDisk", "MemoryJournal"]

RECORDS_MAX: Final = 5_000_000
"""About 2 GB of memory: a whole simulated session has some 10,000 records."""

WHERE: Final = "memory journal"


class DiskFault(Enum):
    """What happens to an append."""

    FAILED = "failed"
    """Nothing is written, and the append says so."""
    TORN = "torn"
    """The first half of the batch is written: the next opening cuts it off with a notice."""
    UNANSWERED = "unanswered"
    """The batch is durable, but the append fails: a crash between commit and return."""
    FULL = "full"
    """Nothing is written, now or later: the disk stays full until `free` is called."""


class MemoryDisk:
    """What is left when a process ends."""

    def __init__(self, faults: Mapping[int, DiskFault] | None = None) -> None:
        self.records: list[Record] = []
        self.torn: list[Record] = []
        self.faults = dict(faults or {})
        self.appends = 0
        self.holder: MemoryJournal | None = None
        self.full = False

    def free(self) -> None:
        """Somebody made room."""
        self.full = False

    def crash(self) -> None:
        """The process that held a journal here died."""
        self.holder = None


class MemoryJournal:
    """See the Protocol in protocol.py."""

    def __init__(self, account: str, product: str, now: Instant, disk: MemoryDisk | None = None) -> None:
        """Opens or begins a journal on `disk` (None: one of its own); the same complaints as SQLite's."""
        disk = MemoryDisk() if disk is None else disk
        if disk.holder is not None:
            raise JournalLocked(f"{WHERE}: in use by another process of this world")
        notices = []
        if disk.torn:
            notices.append(
                f"{WHERE}: torn tail: {len(disk.torn)} records of an unfinished batch were cut off"
            )
            disk.torn = []
        if not disk.records:
            disk.records.append(
                genesis_record(Genesis(SCHEMA_VERSION, CANONICAL_VERSION, product, account, now))
            )
        last = disk.records[0]
        genesis = genesis_of(last, WHERE)
        check_genesis(genesis, account, WHERE)
        reader = EventReader(WHERE)
        for record in verified(disk.records, None, WHERE):
            reader.pass_by(record)
            last = record
        self._disk = disk
        self._tip = Tip(last.seq, last.epoch, last.hash)
        last_at = reader.event(last).at if last.seq else Instant(0)
        self._opening = Opening(genesis, last.seq, last.epoch, last_at, 0, tuple(notices))
        self._booted = False
        self._failed: str | None = None
        disk.holder = self

    @property
    def opening(self) -> Opening:
        """What was found at the start."""
        return self._opening

    @property
    def tip(self) -> Tip:
        """The last record."""
        return self._tip

    async def append(self, batch: Sequence[Event]) -> None:
        """Stored on return; JournalFailed where a fault is due, and ever after."""
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._failed is None and self._disk.holder is not self:
            self._failed = f"{WHERE}: an append by a process that does not hold it"
        if self._failed is not None:
            raise JournalFailed(self._failed)
        if batch:
            self._store(batch)
        await trio.lowlevel.cancel_shielded_checkpoint()

    def _store(self, batch: Sequence[Event]) -> None:
        disk = self._disk
        if not self._booted:
            check_first(batch, self._opening.epoch)
        records, tip = seal(self._tip, batch)
        self._booted = True
        disk.appends += 1
        fault = disk.faults.get(disk.appends)
        if fault is DiskFault.FULL or len(disk.records) + len(records) > RECORDS_MAX:
            disk.full = True
        if disk.full:
            fault = DiskFault.FULL
        if fault is DiskFault.TORN:
            disk.torn = records[: (len(records) + 1) // 2]
        elif fault is None or fault is DiskFault.UNANSWERED:
            disk.records.extend(records)
            self._tip = tip
        if fault is not None:
            self._failed = f"{WHERE}: append {disk.appends} {fault.value}"
            raise JournalFailed(self._failed)

    def read(self, after: int = 0) -> Iterator[Record]:
        """Verified records in order."""
        records = self._disk.records
        if after >= len(records):
            return
        head = records[after]
        if head.seq != after:
            raise JournalDamaged(WHERE, after, "missing")
        tip = Tip(head.seq, head.epoch, head.hash)
        yield from verified(records[after + 1 :], tip, WHERE)

    async def close(self) -> None:
        """Lets go of the disk."""
        if self._disk.holder is self:
            self._disk.holder = None
        await trio.lowlevel.checkpoint()
