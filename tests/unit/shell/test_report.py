"""The report: its form, exact money, and a file that is whole or not there."""

import json
from pathlib import Path

import pytest

from kernel import EMPTY_DESK
from kernel.commands import Alert, AlertLevel
from kernel.units import VALUE_SCALE
from shell.report import Outcome, build_report, draft_of, money, text_report, write_report
from shell.session import ALERTS_MAX, Latencies, SessionFigures
from tests.unit.kernel.scripts import Desktop
from tests.unit.shell.test_books import traded

OUTCOME = Outcome(
    source="a test", differences=(), http_429=0, digest="d" * 64, broker_peak=None, interrupted=False
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (VALUE_SCALE, "1"),
        (-VALUE_SCALE, "-1"),
        (VALUE_SCALE // 100, "0.01"),
        (-(VALUE_SCALE // 2), "-0.5"),
        (1, "0.000000000000000001"),
        (123 * VALUE_SCALE + 450_000_000_000_000_000, "123.45"),
    ],
)
def test_money_is_exact_decimal_text(value: int, text: str) -> None:
    assert money(value) == text


def test_a_desk_that_never_began_has_a_report() -> None:
    report = build_report(EMPTY_DESK, SessionFigures(EMPTY_DESK), OUTCOME)
    assert report["orders"] == {"submitted": 0, "filled": 0, "canceled": 0, "rejected": 0, "denied": 0}
    assert report["latency_ms"]["bar_to_wire"] == {"p50": None, "p99": None}
    assert "no samples" in text_report(report)


def test_the_figures_are_the_desks() -> None:
    desk = traded().desk
    figures = SessionFigures(desk)
    figures.frame_to_stepped.add(1_500_000)
    report = build_report(desk, figures, OUTCOME._replace(differences=("cash: ours 1, the exchange's 2",)))
    assert report["orders"]["submitted"] == desk.counters.submitted > 0
    assert report["fills"] == desk.counters.executions
    assert report["journal"] == {
        "events": desk.counters.events,
        "digest": "d" * 64,
        "start": {"snapshot": 0, "replayed": 0, "seconds": 0.0},
        "snapshots": 0,
    }
    assert report["latency_ms"]["frame_to_stepped"] == {"p50": 1.5, "p99": 1.5}
    assert report["books_agree"] is False
    assert "cash: ours 1, the exchange's 2" in text_report(report)
    assert json.loads(json.dumps(report)) == report


def test_a_start_says_what_it_replayed_and_after_which_snapshot() -> None:
    figures = SessionFigures(EMPTY_DESK)
    assert "start:" not in text_report(build_report(EMPTY_DESK, figures, OUTCOME))
    figures.replayed, figures.replay_s = 77, 0.25
    text = text_report(build_report(EMPTY_DESK, figures, OUTCOME))
    assert "start: 77 events replayed from the first in 0.25 s" in text
    figures.base = 20_000
    text = text_report(build_report(EMPTY_DESK, figures, OUTCOME))
    assert "start: 77 events replayed after the snapshot of event 20000 in 0.25 s" in text


def test_an_open_position_counts_at_the_middle_of_its_quote() -> None:
    desktop = Desktop()
    desktop.boot()
    for close in (16_700, 16_702, 16_698, 16_701, 16_700, 16_640, 16_650):
        desktop.bar(close)
    held = desktop.positions["SPY"]
    assert held > 0
    report = build_report(desktop.desk, SessionFigures(desktop.desk), OUTCOME)
    spent = -desktop.desk.holdings.cash_flow
    assert report["pnl"] == {"vwap": money(held * desktop.prices["SPY"] - spent)}


def test_the_brokers_own_peak_counts_when_it_is_higher() -> None:
    desk = traded().desk
    own = desk.throttle.peak
    for theirs, expected in ((None, own), (own + 5, own + 5), (0, own)):
        report = build_report(desk, SessionFigures(desk), OUTCOME._replace(broker_peak=theirs))
        assert report["throttle"]["max_in_any_window"] == expected


def test_a_report_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "report.json"
    report = build_report(EMPTY_DESK, SessionFigures(EMPTY_DESK), OUTCOME)
    write_report(report, path)
    assert json.loads(path.read_text()) == report
    assert not draft_of(path).exists()
    write_report(report | {"fills": 7}, path)
    assert json.loads(path.read_text())["fills"] == 7


def test_percentiles_and_bounds() -> None:
    waits = Latencies()
    assert waits.percentile(0.5) is None
    for milliseconds in range(1, 101):
        waits.add(milliseconds * 1_000_000)
    assert (waits.percentile(0.5), waits.percentile(0.99)) == (51.0, 100.0)
    figures = SessionFigures(EMPTY_DESK)
    for _ in range(ALERTS_MAX + 3):
        figures.alert(Alert(AlertLevel.INFO, "x", "y"))
    assert (len(figures.alerts), figures.alerts_dropped) == (ALERTS_MAX, 3)
