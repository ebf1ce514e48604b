"""Versions: an older journal replays or is refused, a newer one is refused, and no change goes unnoticed."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import trio

from kernel.events import Tick
from kernel.units import Instant
from shell.canonical import encode
from shell.canonical_wire import pack
from shell.errors import ExitCode
from shell.journal import (
    EVENTS_OLDEST,
    EVENTS_VERSION,
    EventReader,
    JournalDamaged,
    JournalRefused,
    MemoryDisk,
    MemoryJournal,
    Misfit,
    Record,
    open_journal,
    read_journal,
    replay,
)
from shell.journal import versions as versions_module
from shell.journal.versions import version_of
from shell.replay import main
from tests.tools.event_shapes import FOLDER, differences, path_of, shapes
from tests.unit.kernel.scripts import OPEN
from tests.unit.shell.values import BEGIN, booted, tick, trade_updated

OLD = FOLDER / "events_1.journal"
"""Written before records carried a version: two starts, four orders, two round trips."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy of the old journal: opening it for writing changes the file."""
    return Path(shutil.copy(OLD, tmp_path / "old.journal"))


def test_an_older_version_than_is_read_is_refused_with_both(
    old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(old)]) == ExitCode.JOURNAL
    line = capsys.readouterr().err
    assert "record 1: version " in line
    assert "wrote events of version 1 from here on; this program reads versions 2 to 2: close its" in line
    with pytest.raises(JournalRefused, match="events of version 1 from here on"):
        trio.run(open_journal, old, "test", "0.2.0", OPEN)


def test_a_newer_version_is_refused_with_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new.journal"

    async def write() -> None:
        journal = await open_journal(path, "test", "9.0.0", BEGIN)
        await journal.append([booted(1), tick(1)])
        await journal.close()

    with monkeypatch.context() as newer:
        newer.setattr(versions_module, "EVENTS_VERSION", EVENTS_VERSION + 1)
        trio.run(write)
    for attempt in (lambda: list(read_journal(path)), lambda: trio.run(write)):
        with pytest.raises(JournalRefused) as caught:
            attempt()
        assert f"wrote events of version {EVENTS_VERSION + 1} from here on" in caught.value.line
        assert f"reads versions {EVENTS_OLDEST} to {EVENTS_VERSION}: use version 0.1.0" in caught.value.line
        assert caught.value.code == ExitCode.JOURNAL


def test_a_version_can_not_be_changed_by_hand() -> None:
    disk = MemoryDisk()
    journal = MemoryJournal("sim", "0.1.0", BEGIN, disk)
    trio.run(journal.append, [booted(1)])
    disk.crash()
    disk.records[1] = disk.records[1]._replace(kind="Booted")
    with pytest.raises(JournalDamaged, match="record 1: its hash does not fit"):
        MemoryJournal("sim", "0.1.0", BEGIN, disk)


@pytest.mark.parametrize(
    "kind", ["Tick", "genesis", "Booted@", "Booted@x", "Booted@-1", "Booted@1234567890", "@2"]
)
def test_what_is_no_start_begins_no_version(kind: str) -> None:
    assert version_of(kind) is None


# ---------------------------------------------------------------- upcasts


def seconds_to_nanoseconds(kind: str, fields: list[Any]) -> list[Any]:
    """Once upon a time ticks were in seconds, and had a second field that nobody missed."""
    return [int(fields[0]) * 10**9] if kind == "Tick" else fields


def old_tick(seconds: int) -> Record:
    return Record(2, 1, "Tick", pack(["Tick", [seconds, "gone"]]), b"", b"")


def start_of(version: int) -> Record:
    kind = "Booted" if version == 1 else f"Booted@{version}"
    return Record(1, 1, kind, encode(booted(1)), b"", b"")


def test_events_of_an_older_version_are_upcast_and_todays_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions_module, "EVENTS_OLDEST", 1)
    reader = EventReader("j", upcasts={1: seconds_to_nanoseconds})
    with pytest.raises(JournalDamaged, match="a newer version wrote it"):
        reader.event(old_tick(5))
    assert reader.event(start_of(1)) == booted(1)
    assert reader.event(old_tick(5)) == Tick(Instant(5 * 10**9))
    assert reader.event(
        old_tick(5)._replace(kind="TradeUpdated", body=encode(trade_updated(1)))
    ) == trade_updated(1)
    reader.event(start_of(EVENTS_VERSION))
    assert reader.event(Record(3, 1, "Tick", encode(tick(1)), b"", b"")) == tick(1)


@pytest.mark.parametrize(
    "body", [b"\xc1", pack(7), pack(["Tick"]), pack(["Tick", ["text"]]), pack(["Tick", []])]
)
def test_a_body_that_an_upcast_can_not_read_is_damage(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions_module, "EVENTS_OLDEST", 1)
    reader = EventReader("j", upcasts={1: seconds_to_nanoseconds})
    reader.event(start_of(1))
    with pytest.raises(JournalDamaged, match="record 2: Tick can't be read"):
        reader.event(old_tick(1)._replace(body=body))


def test_the_product_is_told_of_whatever_can_be_read_of_a_start() -> None:
    newer = start_of(99)
    with pytest.raises(JournalRefused, match=r"version 0\.1\.0 wrote events of version 99"):
        EventReader("j").event(newer)
    for body in (b"\xc1", pack([]), pack(["Booted", 3]), pack(["Booted", [1, 2, 3]])):
        with pytest.raises(JournalRefused, match="version unknown wrote events of version 99"):
            EventReader("j").event(newer._replace(body=body))


def test_what_does_not_replay_is_refused_with_the_version_that_wrote_it() -> None:
    def step(desk: int, event: object) -> Any:
        raise Misfit("it answers call 7, which this version never asked")

    with pytest.raises(JournalRefused) as caught:
        replay([start_of(2)], step, 0, where="x.journal")
    assert caught.value.line.startswith(
        "x.journal: record 1: it answers call 7, which this version never asked"
    )
    assert "version 0.1.0 wrote it" in caught.value.line


# ---------------------------------------------------------------- no change goes unnoticed


def test_todays_events_read_what_was_written_down_with_their_version() -> None:
    written = json.loads(path_of(EVENTS_VERSION).read_text(encoding="utf-8"))
    problems = differences(written, shapes())
    assert not problems, (
        "journals of this version can't be read any more; raise EVENTS_VERSION (shell/journal/versions.py), "
        f"add an upcast or raise EVENTS_OLDEST, then run python -m tests.tools.event_shapes: {problems}"
    )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda s: s.pop("Tick"), "Tick is gone"),
        (lambda s: s["Side"].remove("buy"), "Side lost its member buy"),
        (lambda s: s["Bar"].pop(0), "Bar.symbol is not field 0 any more"),
        (lambda s: s["Bar"].reverse(), "Bar.symbol is not field 0 any more"),
        (lambda s: s["Bar"].append(["venue", "str", False]), "Bar.venue is new and has no default"),
        (lambda s: s["Bar"][1].__setitem__(1, "str"), "Bar.start was int and is str"),
    ],
)
def test_a_change_that_old_journals_do_not_survive_is_found(change: Any, problem: str) -> None:
    changed = json.loads(json.dumps(shapes()))
    change(changed)
    assert problem in differences(shapes(), changed)


def test_a_change_that_old_journals_survive_is_none() -> None:
    changed = json.loads(json.dumps(shapes()))
    changed["Bar"].append(["venue", "str", True])
    changed["Side"].append("sideways")
    changed["Unheard"] = [["of", "int", False]]
    changed["Bar"][1][1] = "union[None, int]"
    assert differences(shapes(), changed) == []
