"""SIGKILL in mid-session, and a start on the same journal: nothing is doubled, nothing is lost.

The exchange runs on. In lock-step it freezes when its only client dies, and the next one finds everything
as it was left. After each kill the desk must find out by itself what became of the orders under way.
"""

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.system.kit import (
    DATA,
    WAL,
    Exchange,
    Files,
    assert_good,
    assert_nothing_doubled_or_lost,
    bars,
    exchange,
    live,
    python,
    run_live,
)

SYNTHETIC = ("--speed", "max", "--seed", "1")

EAGER = (
    WAL
    + """
[[strategies]]
name = "vwap_mr"
path = "vwap_mean_reversion"
symbols = "all"
parameters = { entry_threshold = "0.15%", reprice_after = "0.01%", entry_ttl = "10m" }
"""
)


def crash(venue: Exchange, files: Files, point: str, count: int) -> None:
    """Runs the command until it kills itself at a point."""
    options = ("--exchange", venue.url, *files.options)
    with python("-m", "tests.system.crashing", point, str(count), *options) as running:
        done = running.end()
    assert done.code == -signal.SIGKILL, f"{point} {count} was never reached\n{done.err}\n{done.out}"
    assert not files.report_path.exists()


def finish(venue: Exchange, files: Files, starts: int) -> Any:
    """Starts again on the same journal and runs to the session's end; the report."""
    report = assert_good(run_live("--exchange", venue.url, *files.options), files)
    assert report["session"]["epoch"] == starts
    assert report["session"]["open_orders"] == 0
    assert report["session"]["bars"] == report["session"]["bars_total"]
    books = venue.books()
    assert books["ended"] is True
    assert books["bugs"] == 0 or books["bugs"] == []
    assert_nothing_doubled_or_lost(files.desk(), books)
    return report


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6])
def test_killed_from_outside_after_a_share_of_the_bars(files: Files, share: float) -> None:
    with exchange(*SYNTHETIC) as venue:
        with live("--exchange", venue.url, *files.options) as running:
            venue.until(lambda state: state["bars_done"] >= share * state["bars_total"])
            assert running.kill().code == -signal.SIGKILL
        frozen = venue.until(lambda state: state["frozen"])
        assert frozen["bars_done"] < frozen["bars_total"]
        report = finish(venue, files, starts=2)
    assert report["fills"] > 0


@pytest.mark.parametrize(
    ("point", "count"),
    [
        ("approved", 1),
        ("approved", 8),
        ("sent", 1),
        ("sent", 2),
        ("sent", 9),
        ("journaled", 1),
        ("journaled", 3),
        ("journaled", 200),
    ],
)
def test_killed_at_an_exact_point(files: Files, point: str, count: int) -> None:
    with exchange(*SYNTHETIC) as venue:
        crash(venue, files, point, count)
        finish(venue, files, starts=2)


def test_killed_again_and_again(tmp_path: Path) -> None:
    files = Files(tmp_path, config_text=EAGER)
    points = [("sent", 1), ("approved", 2), ("sent", 3), ("journaled", 60), ("journaled", 4), ("sent", 2)]
    with exchange(*SYNTHETIC) as venue:
        for point, count in points:
            crash(venue, files, point, count)
        report = finish(venue, files, starts=len(points) + 1)
        assert len(venue.books()["orders"]) > 6
    assert report["fills"] > 6


@pytest.mark.skipif(not DATA.is_dir(), reason="no recorded bars beside the repository (MQD_SHARED_DATA)")
@pytest.mark.parametrize(("point", "count"), [("sent", 20), ("approved", 31)])
def test_killed_on_the_wild_crypto_day(files: Files, point: str, count: int) -> None:
    with exchange("--speed", "max", "--bars", bars("ETHUSD_2017-09-04.csv")) as venue:
        crash(venue, files, point, count)
        report = finish(venue, files, starts=2)
    assert report["fills"] > 60


def test_killed_in_real_time(files: Files) -> None:
    with exchange("--speed", "1200", "--seed", "1") as venue:
        with live("--exchange", venue.url, *files.options) as running:
            venue.until(lambda books: len(books["orders"]) >= 3, path="/sim/books")
            running.kill()
        # The market goes on without us; bars are missed, orders are not.
        assert_good(run_live("--exchange", venue.url, *files.options), files)
        assert_nothing_doubled_or_lost(files.desk(), venue.books())
