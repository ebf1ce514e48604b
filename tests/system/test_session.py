"""The default session: what `python -m shell.live` promises to whoever runs it for the first time."""

import re
from pathlib import Path
from typing import Any

import pytest

from kernel.orders.book import all_orders
from tests.system.kit import Done, Files, assert_good, run_live, run_replay

MONEY = re.compile(r"-?\d+(\.\d+)?")

Session = tuple[Done, Files, Any]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """One default session, with the journal as it is by default; only report and journal are named."""
    files = Files(tmp_path_factory.mktemp("default"))
    done = run_live("--journal", str(files.journal), "--report", str(files.report_path))
    return done, files, assert_good(done, files)


def test_the_whole_session_is_traded_and_the_books_agree(session: Session) -> None:
    _, _, report = session
    assert report["session"]["bars"] == report["session"]["bars_total"] == 1560
    assert report["orders"]["submitted"] > 0
    assert report["session"]["replaced"] > 0
    assert report["fills"] > 0
    assert report["session"]["open_orders"] == 0
    assert report["session"]["positions"] == {}
    assert report["session"]["mode"] == "armed"
    assert report["session"]["links"] == {"orders": "live", "market": "live"}


def test_the_report_has_exactly_the_documented_form(session: Session) -> None:
    _, _, report = session
    assert list(report) == [
        "session", "orders", "fills", "refusals", "pnl", "throttle", "latency_ms", "books_agree",
        "differences", "invariants", "journal", "drift",
    ]  # fmt: skip
    assert isinstance(report["session"], dict)
    assert_counts(report["orders"], ["submitted", "filled", "canceled", "rejected", "denied"])
    assert is_count(report["fills"])
    assert_counts(report["refusals"], list(report["refusals"]))
    assert set(report["pnl"]) == {"vwap_mr", "vwap_micro"}
    assert all(isinstance(text, str) and MONEY.fullmatch(text) for text in report["pnl"].values())
    assert_counts(report["throttle"], ["sent", "max_in_any_window", "limit", "http_429"])
    assert list(report["latency_ms"]) == ["frame_to_stepped", "bar_to_wire"]
    for figures in report["latency_ms"].values():
        assert list(figures) == ["p50", "p99"]
        assert 0 < figures["p50"] <= figures["p99"]
    assert report["books_agree"] is True
    assert report["differences"] == []
    assert_counts(report["invariants"], ["checked", "violated"])
    assert is_count(report["journal"]["events"])
    assert re.fullmatch(r"[0-9a-f]{64}", report["journal"]["digest"])


def is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def assert_counts(values: dict[str, object], names: list[str]) -> None:
    assert list(values) == names
    assert all(is_count(value) for value in values.values())


def test_the_orders_of_the_report_add_up(session: Session) -> None:
    _, files, report = session
    orders = report["orders"]
    assert orders["submitted"] == orders["filled"] + orders["canceled"] + orders["rejected"]
    executions = [e for order in all_orders(files.desk().book) for e in order.ledger.executions]
    assert report["fills"] == len(executions)
    assert report["throttle"]["sent"] >= orders["submitted"]


def test_the_text_says_the_same_as_the_file(session: Session) -> None:
    done, files, report = session
    assert f"digest {report['journal']['digest']}" in done.out
    assert "books      agree with the broker's" in done.out
    assert f"{report['orders']['submitted']} submitted" in done.out
    assert f"python -m shell.replay {files.journal}" in done.out


def test_replay_prints_the_digest_that_live_printed(session: Session) -> None:
    _, files, report = session
    replayed = run_replay(files.journal)
    assert (replayed.code, replayed.err) == (0, "")
    assert f"digest     {report['journal']['digest']}" in replayed.out
    assert f"{report['journal']['events']} events replayed" in replayed.out


def test_a_session_without_a_journal_file_leaves_none_behind(tmp_path: Path) -> None:
    files = Files(tmp_path)
    done = run_live("--journal", "memory", "--seed", "3", "--report", str(files.report_path))
    assert (done.code, done.err) == (0, "")
    assert files.report()["books_agree"] is True
    assert sorted(path.name for path in tmp_path.iterdir()) == ["session.json", "session.toml"]
