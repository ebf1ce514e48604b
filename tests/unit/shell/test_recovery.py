"""A start: the same Desk with a snapshot and without, and never by a snapshot that is in doubt."""

from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from kernel import EMPTY_DESK, Desk, Event, step
from kernel.config import StrategyConfig
from kernel.units import Instant
from shell.canonical import digest
from shell.errors import Complaint, ExitCode
from shell.fingerprint import fingerprint_of
from shell.journal import MemoryJournal, SqliteJournal, open_journal, snapshot_paths, write_snapshot
from shell.keeper import SnapshotKeeper
from shell.recovery import Recovered, recover
from shell.replay import main
from shell.session import SessionFigures
from tests.unit.kernel.scripts import OPEN, SYMBOL, Desktop, config, trading_day

EVENTS = trading_day()


def folded(events: list[Event]) -> Desk:
    desk = EMPTY_DESK
    for event in events:
        desk = step(desk, event).desk
    return desk


def written(path: Path, events: list[Event], snapshots: tuple[int, ...] = ()) -> Path:
    """A closed journal with snapshots after these events."""

    async def write() -> None:
        journal = await open_journal(path, "test", "0", OPEN)
        done = 0
        for seq in sorted({*snapshots, len(events)}):
            await journal.append(events[done:seq])
            done = seq
            if seq in snapshots:
                desk = folded(events[:seq])
                code = fingerprint_of(seat.path for seat in desk.seats.values())
                write_snapshot(path, desk, journal.tip, code, "0")
        await journal.close()

    trio.run(write)
    return path


def started(path: Path, *, verify: bool = False) -> Recovered:
    """What a start on the journal finds."""

    async def start() -> Recovered:
        journal: SqliteJournal = await open_journal(path, "test", "0", OPEN)
        try:
            return recover(journal, path, verify=verify)
        finally:
            await journal.close()

    return trio.run(start)


@pytest.mark.parametrize("snapshots", [(), (1,), (30,), (30, 60), (len(EVENTS),)])
def test_the_desk_is_the_same_with_a_snapshot_and_without(tmp_path: Path, snapshots: tuple[int, ...]) -> None:
    found = started(written(tmp_path / "j", EVENTS, snapshots))
    newest = max(snapshots, default=0)
    assert digest(found.desk) == digest(folded(EVENTS))
    assert (found.snapshot, found.replayed, found.notices) == (newest, len(EVENTS) - newest, ())


def test_the_next_events_make_the_same_desk_too(tmp_path: Path) -> None:
    """The Desk that came back goes on as the other one does: no hidden state was left out."""
    half = len(EVENTS) // 2
    desk = started(written(tmp_path / "j", EVENTS[:half], (half,))).desk
    for event in EVENTS[half:]:
        desk = step(desk, event).desk
    assert digest(desk) == digest(folded(EVENTS))


def spoil_bytes(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def spoil_hash(path: Path) -> None:
    text = path.read_bytes()
    place = text.index(b'"hash": "') + 9
    path.write_bytes(text[:place] + (b"0" if text[place : place + 1] != b"0" else b"1") + text[place + 1 :])


def spoil_code(path: Path) -> None:
    text = path.read_bytes()
    place = text.index(b'"fingerprint": "') + 16
    path.write_bytes(text[:place] + b"zz" + text[place + 2 :])


def spoil_number(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"seq": 60', b'"seq": 99'))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (spoil_bytes, "not as long as it says"),
        (spoil_hash, "belongs to other records"),
        (spoil_code, "was made by other code"),
        (spoil_number, "is ahead of the journal"),
    ],
)
def test_one_in_doubt_is_passed_over_with_a_line(
    tmp_path: Path, spoil: Callable[[Path], None], why: str
) -> None:
    path = written(tmp_path / "j", EVENTS, (30, 60))
    newest, before = snapshot_paths(path)
    spoil(newest)
    found = started(path)
    assert (found.snapshot, found.replayed) == (30, len(EVENTS) - 30)
    (notice,) = found.notices
    assert notice.startswith("j.snapshot-000000000060 ")
    assert why in notice
    spoil_bytes(before)
    found = started(path)
    assert (found.snapshot, found.replayed, len(found.notices)) == (0, len(EVENTS), 2)
    assert digest(found.desk) == digest(folded(EVENTS))


def test_a_snapshot_of_another_journal_is_never_used(tmp_path: Path) -> None:
    other = [event._replace(at=Instant(event.at + 1)) for event in EVENTS]
    mine, theirs = written(tmp_path / "a", EVENTS), written(tmp_path / "b", other, (60,))
    snapshot_paths(theirs)[0].rename(tmp_path / "a.snapshot-000000000060")
    found = started(mine)
    assert found.snapshot == 0
    assert "belongs to other records" in found.notices[0]


def test_strategies_that_left_the_desk_do_not_stop_a_snapshot(tmp_path: Path) -> None:
    micro = StrategyConfig("micro", "vwap_micro", (SYMBOL,), ())
    desktop = Desktop(config(strategies=(*config().strategies, micro)))
    desktop.boot()
    desktop.bar(16_700)
    desktop.settings = config()
    desktop.boot()
    count = len(desktop.events)
    found = started(written(tmp_path / "j", desktop.events, (count,)))
    assert (found.snapshot, found.notices) == (count, ())
    assert found.desk == desktop.desk


# ---------------------------------------------------------------- verification


def test_a_verified_start_replays_all_and_says_what_agrees(tmp_path: Path) -> None:
    found = started(written(tmp_path / "j", EVENTS, (30, 60)), verify=True)
    assert (found.snapshot, found.replayed) == (0, len(EVENTS))
    assert found.notices == ("verified by a full replay; snapshots that agree: 30, 60",)


def planted(tmp_path: Path) -> Path:
    """A snapshot that is whole, of this code and of this record, but of another Desk."""
    path = written(tmp_path / "j", EVENTS)

    async def plant() -> None:
        journal = await open_journal(path, "test", "0", OPEN)
        desk = folded(EVENTS)
        lie = desk._replace(sequence=desk.sequence + 1)
        code = fingerprint_of(seat.path for seat in desk.seats.values())
        write_snapshot(path, lie, journal.tip, code, "0")
        await journal.close()

    trio.run(plant)
    return path


def test_a_snapshot_that_disagrees_stops_a_verified_start(tmp_path: Path) -> None:
    path = planted(tmp_path)
    with pytest.raises(Complaint) as caught:
        started(path, verify=True)
    assert caught.value.code == ExitCode.JOURNAL
    assert f"the replay of event {len(EVENTS)} gives another Desk: the same code" in caught.value.line


def test_the_replay_tool_compares_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "good", EVENTS, (30, 60))
    assert main([str(path)]) == 0
    assert "snapshots  agree at event 30, 60" in capsys.readouterr().out
    assert main([str(planted(tmp_path))]) == ExitCode.JOURNAL
    told = capsys.readouterr()
    assert told.err.startswith(
        f"replay: j.snapshot-{len(EVENTS):012d}: the replay of event {len(EVENTS)} gives"
    )
    assert f"digest     {digest(folded(EVENTS))}" in told.out, "the journal's own Desk is told all the same"


def test_a_journal_in_memory_has_no_snapshots() -> None:
    journal = MemoryJournal("test", "0", OPEN)
    trio.run(journal.append, EVENTS)
    for verify in (False, True):
        found = recover(journal, None, verify=verify)
        assert (found.snapshot, found.replayed, found.desk) == (0, len(EVENTS), folded(EVENTS))


# ---------------------------------------------------------------- the keeper


def kept(path: Path, every: int, figures: SessionFigures, *, end: bool = True) -> list[int]:
    """The events whose snapshots lie there after a day in batches of five."""

    async def live() -> None:
        journal = MemoryJournal("test", "0", OPEN)
        keeper = SnapshotKeeper(path, every, "0", 0, figures)
        desk = EMPTY_DESK
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keeper.run)
            for start in range(0, len(EVENTS), 5):
                batch = EVENTS[start : start + 5]
                await journal.append(batch)
                for event in batch:
                    desk = step(desk, event).desk
                keeper.offer(desk, journal.tip)
                while keeper.is_busy:  # noqa: ASYNC110 - a thread is waited for
                    await trio.sleep(0.001)
            nursery.cancel_scope.cancel()
        if end:
            await keeper.finish(desk, journal.tip)

    trio.run(live)
    return sorted(int(one.name[-12:]) for one in snapshot_paths(path))


def test_one_is_written_every_so_many_events_and_at_the_end(tmp_path: Path) -> None:
    figures = SessionFigures(EMPTY_DESK)
    assert kept(tmp_path / "j", 20, figures) == [len(EVENTS) // 20 * 20, len(EVENTS)]
    assert (figures.snapshots, figures.notes) == (len(EVENTS) // 20 + 1, [])
    assert kept(tmp_path / "k", 1_000, SessionFigures(EMPTY_DESK)) == [len(EVENTS)]
    assert kept(tmp_path / "l", 1_000, SessionFigures(EMPTY_DESK), end=False) == []


def test_a_disk_that_takes_none_is_a_few_notes_and_no_more(tmp_path: Path) -> None:
    figures = SessionFigures(EMPTY_DESK)
    assert kept(tmp_path / "no_folder" / "j", 5, figures) == []
    assert figures.snapshots == 0
    assert len(figures.notes) == 3
    assert (
        "the snapshot of event 5 can't be written (No such file or directory); the journal has all"
        in (figures.notes[0])
    )


def test_nothing_new_is_not_written_again(tmp_path: Path) -> None:
    figures = SessionFigures(EMPTY_DESK)

    async def live() -> None:
        journal = MemoryJournal("test", "0", OPEN)
        await journal.append(EVENTS)
        keeper = SnapshotKeeper(tmp_path / "j", 10, "0", len(EVENTS), figures)
        keeper.offer(folded(EVENTS), journal.tip)
        assert not keeper.is_busy
        await keeper.finish(folded(EVENTS), journal.tip)

    trio.run(live)
    assert figures.snapshots == 0
