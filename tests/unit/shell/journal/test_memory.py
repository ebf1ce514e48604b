"""The journal in memory: the same promises as SQLite's, and faults that fire when they are due."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio
import trio.testing

from kernel.events import Event
from shell.journal import (
    DiskFault,
    EventReader,
    Journal,
    JournalDamaged,
    JournalFailed,
    JournalLocked,
    JournalRefused,
    MemoryDisk,
    MemoryJournal,
    open_journal,
)
from tests.unit.shell.values import BEGIN, day, tick


def on(disk: MemoryDisk, account: str = "sim") -> MemoryJournal:
    return MemoryJournal(account, "0.1.0", BEGIN, disk)


def run(main: Callable[[], Awaitable[None]]) -> None:
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def left_on(disk: MemoryDisk) -> list[Event]:
    disk.crash()
    return [EventReader("journal").event(record) for record in on(disk).read()]


def test_there_and_back() -> None:
    disk = MemoryDisk()

    async def main() -> None:
        journal: Journal = on(disk)
        await journal.append(day(1, 10))
        await journal.append([])
        await journal.append([tick(11)])
        assert [EventReader("journal").event(record) for record in journal.read()] == [*day(1, 10), tick(11)]
        assert [record.seq for record in journal.read(after=9)] == [10, 11, 12]
        assert list(journal.read(after=12)) == list(journal.read(after=99)) == []
        await journal.close()
        again = on(disk)
        assert (again.opening.records, again.opening.epoch) == (12, 1)
        assert again.opening.last_at == tick(11).at
        await again.append(day(2, 1))
        assert again.opening.notices == ()

    run(main)


def test_the_same_chain_as_on_disk(tmp_path: Path) -> None:
    """Record for record, hash for hash."""

    async def main() -> None:
        memory: Journal = on(MemoryDisk())
        disk: Journal = await open_journal(tmp_path / "j.db", "sim", "0.1.0", BEGIN)
        for batch in (day(1, 5), [tick(6)], [tick(7), tick(8)]):
            await memory.append(batch)
            await disk.append(batch)
        assert list(memory.read()) == list(disk.read())
        await disk.close()

    trio.run(main)


@pytest.mark.parametrize(
    ("fault", "kept"),
    [(DiskFault.FAILED, 4), (DiskFault.TORN, 4), (DiskFault.UNANSWERED, 6), (DiskFault.FULL, 4)],
)
def test_a_fault_fires_at_its_append(fault: DiskFault, kept: int) -> None:
    disk = MemoryDisk({2: fault})

    async def main() -> None:
        journal = on(disk)
        await journal.append(day(1, 3))
        for _ in range(2):
            with pytest.raises(JournalFailed, match=f"append 2 {fault.value}"):
                await journal.append([tick(4), tick(5)])

    run(main)
    events = [*day(1, 3), tick(4), tick(5)]
    assert left_on(disk) == events[:kept]


def test_a_torn_tail_is_cut_off_with_a_notice() -> None:
    disk = MemoryDisk({2: DiskFault.TORN})

    async def main() -> None:
        journal = on(disk)
        await journal.append(day(1, 3))
        with pytest.raises(JournalFailed):
            await journal.append([tick(4), tick(5), tick(6)])
        disk.crash()
        again = on(disk)
        assert again.opening.records == 4
        assert "torn tail: 2 records" in again.opening.notices[0]
        await again.append(day(2, 1))

    run(main)
    assert left_on(disk) == [*day(1, 3), *day(2, 1)]


def test_a_full_disk_stays_full_until_somebody_makes_room() -> None:
    disk = MemoryDisk({1: DiskFault.FULL})

    async def main() -> None:
        for _ in range(2):
            with pytest.raises(JournalFailed, match="full"):
                await on(disk).append(day(1, 1))
            disk.crash()
        disk.free()
        await on(disk).append(day(1, 1))

    run(main)
    assert left_on(disk) == day(1, 1)


def test_one_writer() -> None:
    disk = MemoryDisk()

    async def main() -> None:
        first = on(disk)
        await first.append(day(1, 1))
        with pytest.raises(JournalLocked):
            on(disk)
        disk.crash()
        second = on(disk)
        with pytest.raises(JournalFailed, match="does not hold it"):
            await first.append([tick(3)])
        await second.append(day(2, 1))

    run(main)


def test_damage_and_other_accounts_are_refused() -> None:
    disk = MemoryDisk()

    async def main() -> None:
        await on(disk).append(day(1, 5))

    run(main)
    disk.crash()
    with pytest.raises(JournalRefused, match="belongs to account 'sim'"):
        on(disk, "other")
    disk.records[3] = disk.records[3]._replace(body=disk.records[4].body)
    with pytest.raises(JournalDamaged, match="record 3: its hash does not fit its content"):
        on(disk)
