"""The SQLite journal against a real disk: durable, chained, one writer, and honest about damage."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trio

from kernel.events import Event
from kernel.units import Instant
from shell.errors import Complaint, ExitCode
from shell.journal import (
    EventReader,
    JournalDamaged,
    JournalFailed,
    JournalLocked,
    JournalMode,
    JournalRefused,
    SqliteJournal,
    open_journal,
    read_journal,
    wal_is_safe,
)
from tests.unit.shell.values import BEGIN, booted, day, tick

T = TypeVar("T")
MODES = [JournalMode.WAL, JournalMode.DELETE]


async def opened(path: Path, mode: JournalMode = JournalMode.AUTO, **more: Any) -> SqliteJournal:
    return await open_journal(path, "sim", "0.1.0", BEGIN, mode, **more)


def written(path: Path, batches: list[list[Event]], mode: JournalMode = JournalMode.AUTO) -> None:
    """A journal with these batches, closed."""

    async def main() -> None:
        journal = await opened(path, mode)
        for batch in batches:
            await journal.append(batch)
        await journal.close()

    trio.run(main)


def opening(path: Path, then: Callable[[SqliteJournal], T], account: str = "sim") -> T:
    """Opens, looks, closes."""

    async def main() -> T:
        journal = await open_journal(path, account, "0.1.0", BEGIN)
        try:
            return then(journal)
        finally:
            await journal.close()

    return trio.run(main)


def events_at(path: Path) -> list[Event]:
    return [EventReader("journal").event(record) for record in read_journal(path)]


@pytest.mark.parametrize("mode", MODES)
def test_there_and_back(tmp_path: Path, mode: JournalMode) -> None:
    path = tmp_path / "deep" / "j.db"
    events = day(1, 50)
    written(path, [events[:1], events[1:30], [], events[30:]], mode)
    assert events_at(path) == events
    found = opening(path, lambda journal: journal.opening)
    assert found.records == 51
    assert found.epoch == 1
    assert found.last_at == events[-1].at
    assert found.lost == 0
    assert found.notices == ()
    assert (found.genesis.account, found.genesis.product, found.genesis.created_at) == ("sim", "0.1.0", BEGIN)


def test_a_new_journal_is_empty(tmp_path: Path) -> None:
    found = opening(tmp_path / "j.db", lambda journal: journal.opening)
    assert (found.records, found.epoch, found.last_at, found.notices) == (0, 0, Instant(0), ())
    assert events_at(tmp_path / "j.db") == []


def test_the_mode_changes_between_runs(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    written(path, [day(1, 3)], JournalMode.WAL)
    written(path, [day(2, 3)], JournalMode.DELETE)
    written(path, [day(3, 3)], JournalMode.WAL)
    assert events_at(path) == [*day(1, 3), *day(2, 3), *day(3, 3)]


def test_auto_keeps_the_wal_reset_bug_out(tmp_path: Path) -> None:
    assert not wal_is_safe((3, 40, 1))
    assert not wal_is_safe((3, 44, 5))
    assert wal_is_safe((3, 44, 6))
    assert not wal_is_safe((3, 45, 0))
    assert not wal_is_safe((3, 50, 6))
    assert wal_is_safe((3, 50, 7))
    assert not wal_is_safe((3, 51, 2))
    assert wal_is_safe((3, 51, 3))
    assert wal_is_safe((3, 53, 0))
    expected = JournalMode.WAL if wal_is_safe(sqlite3.sqlite_version_info) else JournalMode.DELETE
    assert opening(tmp_path / "j.db", lambda journal: journal.mode) is expected


@pytest.mark.parametrize(("mode", "level"), [(JournalMode.WAL, 2), (JournalMode.DELETE, 3)])
def test_every_commit_is_synced(tmp_path: Path, mode: JournalMode, level: int) -> None:
    """FULL (2) in WAL, EXTRA (3) with a rollback journal: asked of the connection that writes."""

    async def main() -> tuple[str, int]:
        journal = await opened(tmp_path / "j.db", mode)
        execute = journal._store._connection.execute
        try:
            return execute("PRAGMA journal_mode").fetchone()[0], execute("PRAGMA synchronous").fetchone()[0]
        finally:
            await journal.close()

    assert trio.run(main) == (mode.value, level)


@pytest.mark.parametrize("mode", MODES)
def test_a_reader_beside_the_writer(tmp_path: Path, mode: JournalMode) -> None:
    async def main() -> None:
        journal = await opened(tmp_path / "j.db", mode)
        events = day(1, 5_000)
        await journal.append(events[:4_500])
        reader = journal.read()
        first = [next(reader) for _ in range(2_001)]
        await journal.append(events[4_500:])
        assert [EventReader("journal").event(record) for record in [*first, *reader]] == events
        tail = list(journal.read(after=4_990))
        assert [record.seq for record in tail] == list(range(4_991, 5_002))
        assert list(journal.read(after=5_001)) == []
        assert list(journal.read(after=9_999)) == []
        await journal.close()

    trio.run(main)


def test_epochs_rise_and_come_first(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    written(path, [day(1, 2)])

    async def attempt(*batch: Event) -> str:
        journal = await opened(path)
        try:
            with pytest.raises(JournalFailed) as caught:
                await journal.append(batch)
            return caught.value.line
        finally:
            await journal.close()

    assert "epoch 1 was begun before; the next is 2" in trio.run(attempt, booted(1))
    assert "the first event of a process is Booted, not Tick" in trio.run(attempt, tick(9))
    assert "epoch 3 was begun before; the next is 4" in trio.run(attempt, booted(3), booted(3))
    assert events_at(path) == day(1, 2)


def test_another_account_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    written(path, [day(1, 1)])
    with pytest.raises(JournalRefused, match="belongs to account 'sim', not 'other'") as caught:
        opening(path, lambda journal: None, account="other")
    assert caught.value.code is ExitCode.JOURNAL
    assert events_at(path) == day(1, 1)


def test_a_newer_version_is_refused_with_its_version(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    written(path, [day(1, 1)])
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    with pytest.raises(
        JournalRefused, match=r"newer version \(schema 7, begun by 0\.1\.0\); this program reads schema 1"
    ):
        opening(path, lambda journal: None)


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    path.write_text("timestamp,open\n" * 1_000)
    with pytest.raises(Complaint, match="record 0: the file can't be read"):
        opening(path, lambda journal: None)
    assert path.read_text().startswith("timestamp")
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    with pytest.raises(JournalRefused, match="is not a journal of MiniQuantDesk"):
        opening(path, lambda journal: None)
    with pytest.raises(JournalRefused, match="no such journal"):
        events_at(tmp_path / "absent.db")
    with pytest.raises(Complaint, match="give another --journal"):
        opening(tmp_path, lambda journal: None)


def test_a_second_writer_in_this_process_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "j.db"

    async def main() -> None:
        journal = await opened(path)
        with pytest.raises(JournalLocked, match=r"in use by process \d+ on .* since 20"):
            await opened(path)
        await journal.append(day(1, 1))
        await journal.close()

    trio.run(main)
    assert events_at(path) == day(1, 1)


def changed(path: Path, statement: str, *arguments: Any) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement, arguments)
    connection.close()


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("UPDATE record SET body = x'92a45469636b9105' WHERE seq = 7", "record 7: its hash does not fit"),
        ("UPDATE record SET kind = 'Booted' WHERE seq = 7", "record 7: its hash does not fit"),
        ("UPDATE record SET hash = zeroblob(32) WHERE seq = 7", "record 7: its hash does not fit"),
        ("UPDATE record SET previous = zeroblob(32) WHERE seq = 7", "record 7: is not chained"),
        ("DELETE FROM record WHERE seq = 7", "record 7: missing; the next one there is 8"),
        ("DELETE FROM record WHERE seq = 0", "record 0: missing; the next one there is 1"),
        ("DELETE FROM record", "record 0: missing"),
        ("UPDATE record SET body = 'text' WHERE seq = 7", "record 7: has columns of wrong types"),
        ("UPDATE record SET epoch = 2 WHERE seq = 7", "record 7: its hash does not fit"),
        (
            "DELETE FROM record WHERE seq > 15",
            r"record 16: missing up to 21 \(the file was cut or restored\)",
        ),
        ("DROP TABLE record", "record 0: "),
    ],
)
def test_damage_names_the_record(tmp_path: Path, statement: str, complaint: str) -> None:
    path = tmp_path / "j.db"
    written(path, [day(1, 20)])
    changed(path, statement)
    with pytest.raises(Complaint, match=complaint) as caught:
        opening(path, lambda journal: None)
    assert caught.value.code is ExitCode.JOURNAL
    assert "\n" not in caught.value.line


def test_a_flipped_byte_is_damage_or_nothing(tmp_path: Path) -> None:
    """Every 97th byte of the file, one at a time: the records are the same, or the start stops."""
    path, copy = tmp_path / "j.db", tmp_path / "copy.db"
    events = day(1, 60)
    written(path, [events])
    content = path.read_bytes()
    outcomes = {"damaged": 0, "unharmed": 0}
    for index in range(0, len(content), 97):
        flipped = bytearray(content)
        flipped[index] ^= 0x41
        copy.write_bytes(flipped)
        shutil.copy(f"{path}.lock", f"{copy}.lock")
        try:
            found = opening(
                copy, lambda journal: [EventReader("journal").event(record) for record in journal.read()]
            )
        except (JournalDamaged, JournalRefused):
            outcomes["damaged"] += 1
        else:
            assert found == events
            outcomes["unharmed"] += 1
    assert outcomes["damaged"] > outcomes["unharmed"] > 0


def test_a_cut_file_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    written(path, [day(1, 200)])
    content = path.read_bytes()
    for pages in (1, 3):
        path.write_bytes(content[: -4096 * pages])
        with pytest.raises(JournalDamaged):
            opening(path, lambda journal: None)


def test_an_unreadable_body_names_its_record(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    written(path, [day(1, 3)])
    record = list(read_journal(path))[2]
    with pytest.raises(JournalDamaged, match=r"record 3: \w+ can't be read \(not canonical bytes"):
        EventReader(str(path)).event(record._replace(body=b"\xc1"))


def test_the_lock_text_is_for_people(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    written(path, [day(1, 5)])
    text = json.loads(Path(f"{path}.lock").read_text())
    assert (text["epoch"], text["seq"], text["closed"]) == (1, 6, True)
    assert text["process"] > 0


def test_a_damaged_lock_text_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    written(path, [day(1, 5)])
    Path(f"{path}.lock").write_text("{")
    assert opening(path, lambda journal: journal.opening.records) == 6


def test_a_failed_write_is_final_and_leaves_nothing(tmp_path: Path) -> None:
    """A full disk, by SQLite's own limit on the file's size."""
    path = tmp_path / "j.db"

    async def main() -> None:
        journal = await opened(path)
        await journal.append(day(1, 10))
        pages = journal._store._connection.execute("PRAGMA page_count").fetchone()[0]
        journal._store._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(
            JournalFailed, match=r"records 12 to 411 could not be written \(database or disk is full\)"
        ):
            await journal.append([tick(index) for index in range(400)])
        with pytest.raises(JournalFailed, match="could not be written"):
            await journal.append([tick(99)])
        await journal.close()

    trio.run(main)
    assert events_at(path) == day(1, 10)
    assert opening(path, lambda journal: journal.opening.records) == 11


def test_a_foreign_writer_makes_it_fail(tmp_path: Path) -> None:
    """Somebody else's tool holds the file: no answer in time, and nothing goes on."""
    path = tmp_path / "j.db"

    async def main() -> None:
        journal = await opened(path, append_seconds_max=0.2)
        await journal.append(day(1, 2))
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalFailed, match=r"the disk did not answer within 0\.2 s"):
            await journal.append([tick(5)])
        with pytest.raises(JournalFailed):
            await journal.append([tick(6)])
        other.execute("ROLLBACK")
        other.close()
        journal._append_seconds_max = 20
        await journal.close()
        with pytest.raises(JournalFailed, match="after the close"):
            await journal.append([tick(7)])

    trio.run(main)
    assert events_at(path)[:3] == day(1, 2)


def test_an_append_is_not_canceled_half_way(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    done: list[int] = []

    async def main() -> None:
        journal = await opened(path)
        with trio.CancelScope() as scope:
            scope.cancel()
            await journal.append(day(1, 500))
            done.append(1)
            await trio.lowlevel.checkpoint()
            done.append(2)
        await journal.close()

    trio.run(main)
    assert done == [1]
    assert len(events_at(path)) == 501


def test_appends_wait_for_their_turn(tmp_path: Path) -> None:
    """Two tasks must not append at once: the second is told, nothing is written out of order."""
    path = tmp_path / "j.db"
    complaints: list[str] = []

    async def append(journal: SqliteJournal, event: Event) -> None:
        try:
            await journal.append([event])
        except JournalFailed as error:
            complaints.append(error.line)

    async def main() -> None:
        journal = await opened(path)
        await journal.append(day(1, 1))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(append, journal, tick(3))
            nursery.start_soon(append, journal, tick(4))
        await journal.close()

    trio.run(main)
    assert len(complaints) == 1
    assert "still under way" in complaints[0]
    assert len(events_at(path)) == 3
