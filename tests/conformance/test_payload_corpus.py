"""Every line of the shared corpus of payloads is decoded, or it is said why not; numbers survive exactly."""

import os
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kernel.events import BrokerRefused, Doubtful, RateLimited, TradeUpdated
from kernel.reports import AccountReport, ActivityRow, OrderReport, PositionRow
from kernel.units import SCALE
from shell.canonical import encode
from tests.conformance.payloads import DECODED, MALFORMED, NOT_OURS, Line, Verdict, judge, read_corpus

DATA = Path(os.environ.get("MQD_SHARED_DATA", Path(__file__).resolve().parents[2] / ".." / "shared" / "data"))
CORPUS = DATA / "alpaca_payloads"

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the shared corpus of payloads is not here")

OURS = {
    "orders",
    "trade_updates",
    "trade_stream",
    "accounts",
    "positions",
    "activities",
    "assets",
    "md_messages",
}


@pytest.fixture(scope="module")
def verdicts() -> list[tuple[Line, Verdict]]:
    return [(line, verdict) for line in read_corpus(CORPUS) for verdict in judge(line)]


def test_every_line_has_a_verdict_with_its_reason(verdicts: list[tuple[Line, Verdict]]) -> None:
    lines = {line.where for line in read_corpus(CORPUS)}
    empty_lists = {line.where for line in read_corpus(CORPUS) if line.payload == []}
    assert {line.where for line, _ in verdicts} | empty_lists == lines
    for line, verdict in verdicts:
        assert verdict.outcome in (DECODED, NOT_OURS, MALFORMED), line.where
        assert (verdict.value is not None) is (verdict.outcome == DECODED), line.where
        assert verdict.outcome == DECODED or verdict.reason, line.where


def test_what_was_recorded_of_our_kinds_is_decoded(verdicts: list[tuple[Line, Verdict]]) -> None:
    recorded = [
        (line, verdict)
        for line, verdict in verdicts
        if line.kind in OURS and line.provenance.startswith("recorded") and "_ms" not in line.provenance
    ]
    assert len(recorded) >= 15
    for line, verdict in recorded:
        assert verdict.outcome == DECODED, (line.where, verdict.reason)
        assert verdict.notes == (), line.where


def test_errors_are_refusals_or_doubt_as_their_status_says(verdicts: list[tuple[Line, Verdict]]) -> None:
    for line, verdict in verdicts:
        if line.kind != "errors" or line.http_status is None:
            continue
        assert isinstance(line.payload, dict)
        if line.payload.get("message") == "client_order_id must be unique" or line.http_status >= 500:
            assert isinstance(verdict.value, Doubtful), line.where
        elif line.http_status == 429:
            assert isinstance(verdict.value, RateLimited), line.where
        else:
            assert isinstance(verdict.value, BrokerRefused), line.where
            assert verdict.value.message == line.payload["message"], line.where
            assert verdict.value.code == line.payload.get("code", 0), line.where


def check_figure(where: str, wire: object, scaled: int | None, *, may_be_cut: bool = False) -> int:
    """The decoded figure is the written one; returns 1 where there was one."""
    if wire in (None, ""):
        assert not scaled, where
        return 0
    exact = Decimal(str(wire)) * SCALE
    assert scaled == int(exact), where
    assert may_be_cut or exact == int(exact), where
    return 1


def check_order(where: str, wire: dict[str, Any], report: OrderReport, notes: tuple[str, ...]) -> int:
    cut = any("more than nine decimals" in note for note in notes)
    return (
        check_figure(where, wire.get("qty"), report.quantity, may_be_cut=cut)
        + check_figure(where, wire.get("notional"), report.notional, may_be_cut=cut)
        + check_figure(where, wire["filled_qty"], report.filled_quantity, may_be_cut=cut)
        + check_figure(where, wire.get("limit_price"), report.limit_price, may_be_cut=cut)
        + check_figure(where, wire.get("stop_price"), report.stop_price, may_be_cut=cut)
        + check_figure(where, wire.get("filled_avg_price"), report.filled_average, may_be_cut=True)
    )


def test_numbers_survive_exactly(verdicts: list[tuple[Line, Verdict]]) -> None:
    compared = 0
    for line, verdict in verdicts:
        where, wire, value = line.where, verdict.payload, verdict.value
        if value is None or not isinstance(wire, dict):
            continue
        if isinstance(value, OrderReport):
            compared += check_order(where, wire, value, verdict.notes)
        elif isinstance(value, tuple) and value and isinstance(value[0], TradeUpdated):
            data = wire.get("data", wire)
            update = value[0]
            compared += check_order(where, data["order"], update.report, verdict.notes)
            if update.execution is not None:
                compared += check_figure(where, data["price"], update.execution.price)
                compared += check_figure(where, data["qty"], update.execution.quantity)
        elif isinstance(value, PositionRow):
            compared += check_figure(where, wire["qty"], value.quantity)
            compared += check_figure(where, wire["avg_entry_price"], value.average_entry, may_be_cut=True)
        elif isinstance(value, AccountReport):
            compared += check_figure(where, wire["cash"], value.cash)
            compared += check_figure(where, wire["buying_power"], value.buying_power)
        elif isinstance(value, ActivityRow):
            compared += check_figure(where, wire["price"], value.price)
            compared += check_figure(where, wire["qty"], value.quantity)
    assert compared >= 100


def test_what_was_decoded_can_be_journaled(verdicts: list[tuple[Line, Verdict]]) -> None:
    events = [event for _, verdict in verdicts if type(verdict.value) is tuple for event in verdict.value]
    assert len(events) >= 15
    assert all(encode(event) for event in events)


def test_the_tally_is_not_a_rout(verdicts: list[tuple[Line, Verdict]]) -> None:
    tally = Counter((line.kind, verdict.outcome) for line, verdict in verdicts)
    print("\n".join(f"{kind:24} {outcome:10} {count}" for (kind, outcome), count in sorted(tally.items())))
    for kind in OURS:
        assert tally[kind, DECODED] > tally[kind, MALFORMED], kind
