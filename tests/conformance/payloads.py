"""Judges wire examples: every line of a corpus is decoded, or it is said why not.

    corpus  a folder of KIND.jsonl, each line {"source", "provenance", "payload"[, "http_status"]}

1. The kind decides the decoder; a payload that is an array is judged row by row where the endpoint gives
   rows.
2. A verdict is `decoded`, `not ours` (the desk never asks for it, or it steers a connection) or `malformed`
   (ours, but unreadable); the last two carry a reason.
3. Nothing raises. A kind that nobody knows is `not ours` and says so.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from kernel.events import Unrecognized
from kernel.units import Instant
from shell.codec import (
    Notes,
    Problem,
    classify_error,
    decode_account,
    decode_activity,
    decode_asset,
    decode_bars,
    decode_market,
    decode_order,
    decode_position,
    decode_trade_update,
    parse_json,
)

__all__ = ["DECODED", "MALFORMED", "NOT_OURS", "Line", "Verdict", "judge", "read_corpus"]

DECODED: Final = "decoded"
NOT_OURS: Final = "not ours"
MALFORMED: Final = "malformed"

_AT: Final = Instant(0)
_NEVER_ASKED: Final = {
    "account_configurations": "the desk does not read account configurations",
    "calendar": "the desk has its own calendar",
    "clock": "the desk has its own clock",
    "multi_status": "the desk never cancels or closes in bulk",
    "order_requests": "a request, not an answer",
    "portfolio_history": "the desk keeps its own equity",
    "ws_client_messages": "what a client says",
}


class Line(NamedTuple):
    """One example."""

    kind: str
    where: str
    """File and line number."""
    provenance: str
    payload: object
    """Parsed, numbers exact."""
    http_status: int | None


class Verdict(NamedTuple):
    """What became of an example, or of one row of it."""

    outcome: str
    reason: str
    payload: object
    value: object
    """The decoded value or events; None otherwise."""
    notes: tuple[str, ...]


def read_corpus(folder: Path) -> Iterator[Line]:
    """The lines of every KIND.jsonl, in a fixed order; ValueError for a line that is no such example."""
    for path in sorted(folder.glob("*.jsonl")):
        for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            where = f"{path.name}:{number}"
            value = parse_json(text)
            if not isinstance(value, dict) or "payload" not in value:
                raise ValueError(f"{where}: not an example")
            status = value.get("http_status")
            yield Line(
                kind=path.stem,
                where=where,
                provenance=str(value.get("provenance", "")),
                payload=value["payload"],
                http_status=status if isinstance(status, int) else None,
            )


def judge(line: Line) -> list[Verdict]:
    """The verdicts on an example: one, or one for each row."""
    payload = line.payload
    if line.kind in _NEVER_ASKED:
        return [_refused(NOT_OURS, _NEVER_ASKED[line.kind], payload)]
    if line.kind == "errors":
        result = classify_error(line.http_status or 422, json.dumps(payload), is_submit=True)
        return [Verdict(DECODED, "", payload, result, ())]
    if line.kind in _ROWS:
        rows = payload if isinstance(payload, list) else [payload]
        return [_row(line.kind, row) for row in rows]
    if line.kind in ("trade_stream", "trade_updates"):
        return [_update(payload, has_envelope=line.kind == "trade_stream")]
    if line.kind in ("md_messages", "md_control"):
        rows = payload if isinstance(payload, list) else [payload]
        return [_message(row) for row in rows]
    if line.kind == "md_rest":
        return _page(payload)
    return [_refused(NOT_OURS, f"nobody knows the kind {line.kind}", payload)]


def _asset(value: object, notes: Notes) -> object:
    return decode_asset(value, _AT, notes)


_ROWS: Final[dict[str, Callable[[object, Notes], object]]] = {
    "accounts": decode_account,
    "activities": decode_activity,
    "assets": _asset,
    "orders": decode_order,
    "positions": decode_position,
}


def _refused(outcome: str, reason: str, payload: object) -> Verdict:
    return Verdict(outcome, reason, payload, None, ())


def _row(kind: str, row: object) -> Verdict:
    notes: Notes = []
    value = _ROWS[kind](row, notes)
    if isinstance(value, Problem):
        return _refused(MALFORMED, value.text, row)
    if value is None:
        return _refused(NOT_OURS, "; ".join(notes), row)
    return Verdict(DECODED, "", row, value, tuple(notes))


def _update(payload: object, *, has_envelope: bool) -> Verdict:
    frame = payload if has_envelope else {"stream": "trade_updates", "data": payload}
    if isinstance(frame, dict) and frame.get("stream") != "trade_updates":
        return _refused(NOT_OURS, "steers the connection", payload)
    events = decode_trade_update(_text(frame), _AT)
    notes = tuple(event.problem for event in events if isinstance(event, Unrecognized))
    if isinstance(events[0], Unrecognized):
        return _refused(MALFORMED, notes[0], payload)
    return Verdict(DECODED, "", payload, events, notes)


def _message(row: object) -> Verdict:
    events = decode_market(_text(row), _AT)
    if not events:
        return _refused(NOT_OURS, "a trade: not subscribed to", row)
    if isinstance(events[0], Unrecognized):
        ours = isinstance(row, dict) and row.get("T") in ("b", "q")
        return _refused(MALFORMED if ours else NOT_OURS, events[0].problem, row)
    return Verdict(DECODED, "", row, events, ())


def _page(payload: object) -> list[Verdict]:
    bars = payload.get("bars") if isinstance(payload, dict) else None
    if isinstance(payload, dict) and isinstance(bars, dict):
        if not all(isinstance(rows, list) for rows in bars.values()):
            return [_refused(NOT_OURS, "latest bars: the desk asks for pages only", payload)]
        return [_bars(payload, symbol) for symbol in bars or ("",)]
    if isinstance(payload, dict) and isinstance(bars, list):
        return [_bars(payload, str(payload.get("symbol", "")))]
    return [_refused(NOT_OURS, "no page of bars", payload)]


def _bars(payload: object, symbol: str) -> Verdict:
    page = decode_bars(payload, symbol, [])
    if isinstance(page, Problem):
        return _refused(MALFORMED, page.text, payload)
    return Verdict(DECODED, "", payload, page, ())


def _text(value: object) -> str:
    """JSON text again; numbers with a fraction become strings of the same digits, which are read alike."""
    return json.dumps(value)
