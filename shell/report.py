"""The report of a session: one JSON document, and the same as text for a person.

The document's form is fixed (other tools read it):

    {"session", "orders", "fills", "refusals", "pnl", "throttle", "latency_ms", "books_agree", "differences",
     "invariants", "journal", "drift"}

Money is decimal text, exact. Latencies are real milliseconds of this process, None without samples.
"""

import json
import time
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

from kernel import Desk
from kernel.drift.cases import open_cases
from kernel.orders.book import open_orders
from kernel.seats import strategy_of, symbol_of
from kernel.units import VALUE_SCALE, Value
from shell.numbers import instant_text, scaled_text
from shell.session import Latencies, SessionFigures

__all__ = ["Outcome", "build_report", "draft_of", "drift_of", "money", "text_report", "write_report"]

CENTS: Final = Decimal("0.01")


def money(value: int) -> str:
    """An exact Value (10^-18) as decimal text without trailing zeros."""
    sign = "-" if value < 0 else ""
    whole, fraction = divmod(abs(value), VALUE_SCALE)
    return f"{sign}{whole}" if not fraction else f"{sign}{whole}.{fraction:018d}".rstrip("0")


def profit_by_strategy(desk: Desk) -> dict[str, Value]:
    """Realized profit, plus what is open at the middle of its last quote (at cost without one)."""
    total: dict[str, int] = {}
    if desk.config is not None:
        total = {strategy.name: 0 for strategy in desk.config.strategies}
    for seat in sorted(desk.holdings.seats):
        position = desk.holdings.seats[seat]
        profit: int = position.realized
        quote = desk.market.quotes.get(symbol_of(seat))
        if position.quantity and quote is not None and quote.bid > 0 and quote.ask > 0:
            profit += position.quantity * (quote.bid + quote.ask) // 2 - position.cost
        name = strategy_of(seat)
        total[name] = total.get(name, 0) + profit
    return {name: Value(profit) for name, profit in total.items()}


class Outcome(NamedTuple):
    """What the composition root knows at a session's end."""

    source: str
    differences: tuple[str, ...]
    """Between our books and the exchange's, one line each."""
    http_429: int
    digest: str
    broker_peak: int | None
    """The most requests in any window as the exchange counted them."""
    interrupted: bool


def build_report(desk: Desk, figures: SessionFigures, outcome: Outcome) -> dict[str, Any]:
    """The document."""
    counters = desk.counters
    own, theirs = desk.throttle.peak, outcome.broker_peak
    return {
        "session": _session(desk, figures, outcome),
        "orders": {
            "submitted": counters.submitted,
            "filled": counters.filled,
            "canceled": counters.canceled,
            "rejected": counters.rejected,
            "denied": counters.denied,
        },
        "fills": counters.executions,
        "refusals": {c.value: n for c, n in sorted(counters.refusals.items(), key=_by_value)},
        "pnl": {name: money(profit) for name, profit in profit_by_strategy(desk).items()},
        "throttle": {
            "sent": desk.throttle.sent,
            "max_in_any_window": own if theirs is None else max(own, theirs),
            "limit": desk.throttle.pool.limit,
            "http_429": outcome.http_429,
        },
        "latency_ms": {
            "frame_to_stepped": _latency(figures.frame_to_stepped),
            "bar_to_wire": _latency(figures.bar_to_wire),
        },
        "books_agree": not outcome.differences,
        "differences": list(outcome.differences),
        "invariants": {"checked": counters.checks, "violated": counters.violations},
        "journal": {
            "events": counters.events,
            "digest": outcome.digest,
            "start": {
                "snapshot": figures.base,
                "replayed": figures.replayed,
                "seconds": round(figures.replay_s, 3),
            },
            "snapshots": figures.snapshots,
        },
        "drift": drift_of(desk),
    }


def drift_of(desk: Desk) -> dict[str, Any]:
    """Every difference between our books and the broker's that was followed, and how it ended."""
    record = desk.drift
    cases = (*record.cases.ended, *open_cases(record.cases))
    return {
        "open": len(record.cases.open),
        "counts": dict(sorted(record.cases.counts.items())),
        "cases": [
            {
                "class": case.drift.value,
                "subject": case.subject,
                "state": case.state.value,
                "outcome": case.outcome,
                "text": case.text,
                "looks": case.looks,
                "opened_at": instant_text(case.opened_at),
                "ended_at": instant_text(case.ended_at) if case.ended_at else None,
            }
            for case in cases
        ],
        "foreign_positions": {
            symbol: scaled_text(quantity)
            for symbol, quantity in sorted(record.foreign.positions.items())
            if quantity
        },
        "foreign_orders": sorted(record.foreign.orders),
        "foreign_fills": len(record.foreign.counted),
    }


def _session(desk: Desk, figures: SessionFigures, outcome: Outcome) -> dict[str, Any]:
    """How it went: for people, and for whoever looks into a failure."""
    net = sorted(desk.holdings.net.items())
    alerts = [{"level": a.level.value, "code": a.code, "text": a.text} for a in figures.alerts]
    anomalies = sorted(desk.counters.anomalies.items(), key=_by_value)
    return {
        "source": outcome.source,
        "mode": desk.session.mode.value,
        "reason": desk.session.reason,
        "epoch": desk.epoch,
        "ended_at": instant_text(desk.at),
        "seconds": round((time.monotonic_ns() - figures.started_ns) / 1e9, 3),
        "interrupted": outcome.interrupted,
        "bars": figures.bars_done,
        "bars_total": figures.bars_total,
        "positions": {symbol: scaled_text(quantity) for symbol, quantity in net if quantity},
        "open_orders": len(open_orders(desk.book)),
        "replaced": desk.counters.replaced,
        "links": {record.link.value: record.state.value for record in desk.links},
        "alerts": alerts,
        "alerts_dropped": figures.alerts_dropped,
        "anomalies": {anomaly.value: count for anomaly, count in anomalies},
        "strategies": {
            seat: record.status.value + (f" ({record.fault})" if record.fault else "")
            for seat, record in sorted(desk.seats.items())
        },
        "commits": figures.commits,
        "notes": list(figures.notes),
    }


def _by_value(item: tuple[Any, int]) -> str:
    return str(item[0].value)


def _latency(waits: Latencies) -> dict[str, float | None]:
    def rounded(share: float) -> float | None:
        figure = waits.percentile(share)
        return None if figure is None else round(figure, 3)

    return {"p50": rounded(0.5), "p99": rounded(0.99)}


def draft_of(path: Path) -> Path:
    """Where a report is written before it takes its name."""
    return path.with_name(path.name + ".part")


def write_report(report: dict[str, Any], path: Path) -> None:
    """The document as a file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = draft_of(path)
    draft.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)


def text_report(report: dict[str, Any]) -> str:
    """The document for a person: what matters first."""
    session, orders, throttle = report["session"], report["orders"], report["throttle"]
    latency = report["latency_ms"]
    agree = "agree" if report["books_agree"] else "DIFFER"
    lines = [
        _session_line(session),
        _orders_line(orders, session["replaced"], report["fills"]),
        "refusals   " + (_pairs(report["refusals"]) or "none"),
        "profit     " + (_pairs({k: _cents(v) for k, v in report["pnl"].items()}) or "none"),
        "positions  " + (_pairs(session["positions"]) or "flat") + f", open orders {session['open_orders']}",
        _throttle_line(throttle),
        "latency    "
        + ", ".join(f"{name.replace('_', ' ')} {_milliseconds(latency[name])}" for name in latency),
        f"invariants {report['invariants']['checked']} checks, {report['invariants']['violated']} violated",
        _journal_line(report["journal"]),
        f"books      {agree} with the broker's",
    ]
    lines.extend(f"           {line}" for line in report["differences"][:20])
    drift = report["drift"]
    if drift["counts"] or drift["open"]:
        lines.append(f"drift      {_pairs(drift['counts']) or 'no case ended'}; {drift['open']} open")
    anomalies = _pairs(session["anomalies"])
    if anomalies:
        lines.append("anomalies  " + anomalies)
    lines.extend(f"note       {note}" for note in session["notes"])
    return "\n".join(lines)


def _session_line(session: dict[str, Any]) -> str:
    return (
        f"session    {session['source']}: {session['bars']} of {session['bars_total']} bars in "
        f"{session['seconds']:.1f} s, mode {session['mode']} ({session['reason']})"
    )


def _orders_line(orders: dict[str, int], replaced: int, fills: int) -> str:
    return (
        f"orders     {orders['submitted']} submitted, {orders['filled']} filled, {orders['canceled']} "
        f"canceled or expired, {orders['rejected']} rejected, {orders['denied']} denied, "
        f"{replaced} times replaced; {fills} executions"
    )


def _journal_line(journal: dict[str, Any]) -> str:
    line = f"journal    {journal['events']} events, digest {journal['digest']}"
    start = journal["start"]
    if not start["snapshot"] and not start["replayed"]:
        return line
    after = f"after the snapshot of event {start['snapshot']}" if start["snapshot"] else "from the first"
    return (
        f"{line}\n           start: {start['replayed']} events replayed {after} in {start['seconds']:.2f} s"
    )


def _throttle_line(throttle: dict[str, int]) -> str:
    return (
        f"throttle   {throttle['sent']} calls, at most {throttle['max_in_any_window']} in any minute of "
        f"{throttle['limit']}, {throttle['http_429']} refused by the broker"
    )


def _pairs(items: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in items.items())


def _cents(text: str) -> str:
    return str(Decimal(text).quantize(CENTS))


def _milliseconds(waits: dict[str, float | None]) -> str:
    if waits["p50"] is None:
        return "no samples"
    return f"p50 {waits['p50']} ms, p99 {waits['p99']} ms"
