"""Restarts of the shipping command: snapshots, their verification, and one desk for an account.

What happens to orders over a restart is test_kill.py's; here it is that a start is quick, exact, and alone.
"""

import json
import signal
import time
from pathlib import Path
from typing import Any

from shell.canonical import digest
from shell.journal import read_journal, snapshot_paths
from tests.system.kit import (
    WAL,
    Files,
    assert_good,
    assert_nothing_doubled_or_lost,
    exchange,
    live,
    run_live,
    run_replay,
)
from tests.system.test_real_time import paper_files

SYNTHETIC = ("--speed", "max", "--seed", "1")
OFTEN = WAL + "snapshot_every = 300\n"


def killed(files: Files, url: str, venue: Any, share: float) -> None:
    """A session that dies after a share of the bars."""
    with live("--exchange", url, *files.options) as running:
        venue.until(lambda state: state["bars_done"] >= share * state["bars_total"])
        assert running.kill().code == -signal.SIGKILL


def test_a_killed_session_goes_on_from_its_snapshot(tmp_path: Path) -> None:
    files = Files(tmp_path, config_text=OFTEN)
    with exchange(*SYNTHETIC) as venue:
        killed(files, venue.url, venue, 0.5)
        before = [int(path.name[-12:]) for path in snapshot_paths(files.journal)]
        assert before
        report = assert_good(run_live("--exchange", venue.url, *files.options), files)
        assert_nothing_doubled_or_lost(files.desk(), venue.books())
    start = report["journal"]["start"]
    assert start["snapshot"] == max(before)
    assert 0 <= start["replayed"] < report["journal"]["events"] - max(before)
    assert report["session"]["epoch"] == 2
    assert report["session"]["bars"] == report["session"]["bars_total"]
    newest = snapshot_paths(files.journal)[0]
    assert int(newest.name[-12:]) == report["journal"]["events"], "one at the clean end"
    replayed = run_replay(files.journal)
    assert replayed.code == 0, replayed.err
    assert f"digest     {report['journal']['digest']}" in replayed.out
    assert f"{report['journal']['events']}" in replayed.out.split("snapshots  agree at event ")[1]


def test_damaged_snapshots_cost_a_replay_and_nothing_else(tmp_path: Path) -> None:
    files = Files(tmp_path, config_text=OFTEN)
    with exchange(*SYNTHETIC) as venue:
        killed(files, venue.url, venue, 0.3)
        paths = snapshot_paths(files.journal)
        for path in paths:
            path.write_bytes(path.read_bytes()[:-9])
        report = assert_good(run_live("--exchange", venue.url, *files.options), files)
        assert_nothing_doubled_or_lost(files.desk(), venue.books())
    notes = [note for note in report["session"]["notes"] if note.endswith("replayed instead")]
    assert len(notes) == len(paths) > 0
    assert report["journal"]["start"]["snapshot"] == 0
    assert report["journal"]["start"]["replayed"] > 300


def test_verify_journal_replays_all_and_a_lie_stops_the_start(tmp_path: Path) -> None:
    files = Files(tmp_path, config_text=OFTEN)
    with exchange(*SYNTHETIC) as venue:
        killed(files, venue.url, venue, 0.3)
        count = sum(1 for _ in read_journal(files.journal))
        newest = snapshot_paths(files.journal)[0]
        honest = newest.read_bytes()
        fields = json.loads(honest.split(b"\n", 1)[0])
        other = snapshot_paths(files.journal)[-1]
        assert other != newest
        lie = json.loads(other.read_bytes().split(b"\n", 1)[0])
        lie |= {"seq": fields["seq"], "hash": fields["hash"], "epoch": fields["epoch"]}
        newest.write_bytes(json.dumps(lie).encode() + b"\n" + other.read_bytes().split(b"\n", 1)[1])
        done = run_live("--exchange", venue.url, *files.options, "--verify-journal")
        assert done.code == 4
        assert f"the replay of event {fields['seq']} gives another Desk" in done.complaint
        assert sum(1 for _ in read_journal(files.journal)) == count, "nothing was begun"
        newest.write_bytes(honest)
        report = assert_good(run_live("--exchange", venue.url, *files.options, "--verify-journal"), files)
    assert report["journal"]["start"]["snapshot"] == 0
    assert report["journal"]["start"]["replayed"] >= fields["seq"]
    assert any(
        "verified by a full replay; snapshots that agree: " in note for note in report["session"]["notes"]
    )


def test_a_second_desk_on_an_account_is_refused_and_the_first_trades_on(tmp_path: Path) -> None:
    first, second = Files(tmp_path / "a"), Files(tmp_path / "b")
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    with exchange("--speed", "600", "--seed", "1") as venue:
        with live("--exchange", venue.url, *first.options, env=state) as running:
            venue.until(lambda seen: seen["bars_done"] > 0)
            done = run_live("--exchange", venue.url, *second.options, env=state)
            assert done.code == 4
            assert f"in use by process {running.process.pid} on " in done.complaint
            assert str(first.journal) in done.complaint
            assert "stop that one first" in done.complaint
            assert not second.journal.exists()
            assert running.process.poll() is None
            running.kill()
        running_again = run_live("--exchange", venue.url, *first.options, env=state)
    report = assert_good(running_again, first)
    (note,) = [note for note in report["session"]["notes"] if note.startswith("account ")]
    assert f"process {running.process.pid} on " in note
    assert "ended without letting go of it; taken over" in note
    assert list((tmp_path / "state" / "miniquantdesk").iterdir()) == []


def test_a_second_desk_on_a_paper_account_is_refused_by_its_number(tmp_path: Path) -> None:
    more = {"APCA_API_KEY_ID": "k", "APCA_API_SECRET_KEY": "s", "XDG_STATE_HOME": str(tmp_path / "state")}
    with exchange("--speed", "60") as venue:
        first, second = paper_files(tmp_path / "a", venue.url), paper_files(tmp_path / "b", venue.url)
        with live("--paper", *first.options, env=more) as running:
            deadline = time.monotonic() + 30
            while not first.journal.exists():
                assert running.process.poll() is None, running.end()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            (lock,) = (tmp_path / "state" / "miniquantdesk").iterdir()
            number = json.loads(lock.read_text())["account"]
            done = run_live("--paper", *second.options, env=more)
            running.kill()
    assert done.code == 4
    assert done.complaint.startswith(f"live: account ...{number[-4:]} at {venue.url}: in use by process ")
    assert len(number) > 4
    assert number not in done.complaint
    assert not second.journal.exists()


def test_sessions_with_their_own_exchange_run_side_by_side(tmp_path: Path) -> None:
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    one, two = Files(tmp_path / "a"), Files(tmp_path / "b", config_text=WAL + "snapshot_every = 0\n")
    with live(*one.options, env=state) as a, live(*two.options, env=state) as b:
        reports = [assert_good(running.end(), files) for running, files in ((a, one), (b, two))]
    assert len(snapshot_paths(one.journal)) == reports[0]["journal"]["snapshots"] == 1
    assert snapshot_paths(two.journal) == []
    # Ticks may fall otherwise where two run at once; what was traded does not, and each replays to its end.
    for report, files in zip(reports, (one, two), strict=True):
        assert report["journal"]["digest"] == digest(files.desk())
    assert reports[0]["orders"] == reports[1]["orders"]
    assert reports[0]["pnl"] == reports[1]["pnl"]


def test_a_state_folder_that_can_not_be_written_is_a_note_of_a_simulated_session(tmp_path: Path) -> None:
    files = Files(tmp_path)
    (tmp_path / "file").write_text("")
    report = assert_good(run_live(*files.options, env={"XDG_STATE_HOME": str(tmp_path / "file")}), files)
    (note,) = [note for note in report["session"]["notes"] if "nothing keeps a second desk off" in note]
    assert "set journal.locks to a folder that can be written" in note
