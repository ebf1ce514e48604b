"""Ctrl-C and SIGTERM: the first drains and reports within its deadline, the second ends at once."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.system.kit import (
    WAL,
    Files,
    Running,
    assert_good,
    assert_nothing_doubled_or_lost,
    exchange,
    live,
    run_live,
    run_replay,
)

DRAIN_S = 5.0
OVERHEAD_S = 30.0
"""For comparing, reporting and ending the interpreter on a machine that does other things too."""


AT_ONCE_S = 4.0


def stop(running: Running, number: signal.Signals, files: Files) -> float:
    """Sends the signal; the session must end well. How long that took, by its own report."""
    running.signal(number)
    began = time.monotonic()
    done = running.end(DRAIN_S + OVERHEAD_S)
    took = time.monotonic() - began
    report = assert_good(done, files)
    assert report["session"]["interrupted"] is True
    assert report["session"]["open_orders"] == 0
    assert report["session"]["bars"] < report["session"]["bars_total"]
    assert not any("drain" in note for note in report["session"]["notes"])
    replayed = run_replay(files.journal)
    assert f"digest     {report['journal']['digest']}" in replayed.out
    return took


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("speed", ["max", "300"])
def test_the_first_signal_drains_and_reports(files: Files, speed: str, number: signal.Signals) -> None:
    with exchange("--speed", speed, "--seed", "1") as venue:
        with live("--exchange", venue.url, *files.options) as running:
            venue.until(lambda state: state["bars_done"] >= 100)
            stop(running, number, files)
        assert_nothing_doubled_or_lost(files.desk(), venue.books())


def test_an_embedded_session_drains_too(files: Files) -> None:
    with live("--speed", "300", *files.options) as running:
        running.until_printed("bars")
        stop(running, signal.SIGINT, files)


def test_a_drained_session_can_be_taken_up_again(files: Files) -> None:
    with exchange("--speed", "max", "--seed", "1") as venue:
        with live("--exchange", venue.url, *files.options) as running:
            venue.until(lambda state: state["bars_done"] >= 300)
            stop(running, signal.SIGINT, files)
        report = assert_good(run_live("--exchange", venue.url, *files.options), files)
        assert report["session"]["epoch"] == 2
        assert report["session"]["bars"] == report["session"]["bars_total"]
        assert_nothing_doubled_or_lost(files.desk(), venue.books())


def test_the_second_signal_ends_at_once(tmp_path: Path) -> None:
    # A frozen exchange never answers the drain's cancels, so the drain lasts until the second signal.
    files = Files(tmp_path, config_text=WAL + '[screen]\ndrain_deadline = "60s"\n')
    with (
        exchange("--speed", "max", "--seed", "1") as venue,
        live("--exchange", venue.url, *files.options) as running,
    ):
        venue.until(lambda state: state["bars_done"] >= 100)
        venue.running.signal(signal.SIGSTOP)
        try:
            time.sleep(0.3)
            running.signal(signal.SIGINT)
            time.sleep(0.5)
            assert running.process.poll() is None
            running.signal(signal.SIGINT)
            # Far less than any time limit of a call: nothing that hangs is waited for.
            done = running.end(AT_ONCE_S)
        finally:
            venue.running.signal(signal.SIGCONT)
    assert done.code == 130
    assert done.complaint == "live: interrupted again: ended without draining"
    assert not files.report_path.exists()
    assert run_replay(files.journal).code == 0


def listen() -> None:
    """A shell starts what runs in its background with SIGINT ignored, and so would be our child."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_signal_before_the_session_began(files: Files) -> None:
    files.config.unlink()
    os.mkfifo(files.config)  # whoever reads the configuration waits for a writer
    # Opening for writing returns when the other side has opened for reading.
    with live(*files.options, preexec=listen) as running:
        with files.config.open("wb", buffering=0):
            running.signal(signal.SIGINT)
        # Closed, for a signal that came just before the read does not break it: it is heard after it.
        done = running.end(OVERHEAD_S)
    assert done.code == 130
    assert done.complaint == "live: interrupted"
    assert not files.journal.exists()
