"""`python -m shell.replay` as a function: the digest, and one line for everything that is wrong."""

from pathlib import Path

import pytest
import trio

from kernel import EMPTY_DESK, Event, step
from shell.canonical import digest
from shell.journal import open_journal
from shell.replay import main, rebuild
from tests.unit.kernel.scripts import OPEN, trading_day


def written(path: Path, events: list[Event]) -> Path:
    async def write() -> None:
        journal = await open_journal(path, "test", "0", OPEN)
        await journal.append(events)
        await journal.close()

    trio.run(write)
    return path


def test_the_desk_of_a_journal_is_the_fold_of_its_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = trading_day()
    desk = EMPTY_DESK
    for event in events:
        desk = step(desk, event).desk
    path = written(tmp_path / "day.journal", events)
    assert rebuild(path) == (desk, len(events))
    assert main([str(path)]) == 0
    out = capsys.readouterr().out
    assert f"digest     {digest(desk)}" in out
    assert f"{len(events)} events replayed" in out


def test_a_bug_is_a_line_and_its_evidence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "day.journal", trading_day())

    def broken(desk: object, event: Event) -> object:
        raise AssertionError("a broken promise")

    monkeypatch.setattr("shell.replay.step", broken)
    assert main([str(path)]) == 70
    line = capsys.readouterr().err
    assert line.startswith("replay: kernel bug: AssertionError: a broken promise; evidence in ")
    assert "Booted" in Path(f"{path}.bug.txt").read_text()


def test_no_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none")]) == 4
    assert "no such journal" in capsys.readouterr().err
