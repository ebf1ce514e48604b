"""trade_updates: one frame of the order stream to events.

    {"stream":"trade_updates","data":{"at","event_id","event","timestamp","order":{..}
        [,"execution_id","price","qty",..]}}

1. A frame gives one TradeUpdated; with it, in the same tuple, an Unrecognized for whatever could not be
   taken whole: digits cut from an execution, an unknown word in the order, a fill that can't be booked.
2. `price` and `qty` of a frame are the execution's own, `filled_qty` and `filled_avg_price` of its order
   are cumulative.
3. fill and partial_fill are executions; trade_bust voids one, trade_correct replaces one. `new` may carry an
   execution_id and is none.
4. A fill without an execution id, a price or a positive quantity is not booked: the report passes without an
   execution (its cumulative figure shows the gap), and the frame is kept as Unrecognized.
5. An unreadable order makes the whole frame Unrecognized: never an exception, never nothing.

Multi-leg option fills carry their executions in `legs`; they fall under rule 4.
"""

from typing import Final

from kernel.events import Event, TradeUpdated, Unrecognized
from kernel.reports import BrokerEvent, ExecutionKind, ExecutionReport
from kernel.units import Instant, Price, Quantity
from shell.codec.fields import Fields, Malformed, Notes, Problem, parse_json, unrecognized
from shell.codec.wire_orders import read_order
from shell.codec.words import EVENTS, NO_PAIRS, Pairs

__all__ = ["TRADE_UPDATES", "decode_trade_update", "trade_update_events"]

TRADE_UPDATES: Final = "trade_updates"
"""The stream's name on the wire and the source of what it could not say."""

_EXECUTIONS: Final = {
    BrokerEvent.FILL: ExecutionKind.TRADE,
    BrokerEvent.PARTIAL_FILL: ExecutionKind.TRADE,
    BrokerEvent.TRADE_BUST: ExecutionKind.BUST,
    BrokerEvent.TRADE_CORRECT: ExecutionKind.CORRECT,
}


def decode_trade_update(raw: str | bytes, at: Instant, pairs: Pairs = NO_PAIRS) -> tuple[Event, ...]:
    """A whole frame, text or bytes, to at least one event; total."""
    return trade_update_events(parse_json(raw), raw, at, pairs)


def trade_update_events(
    value: object, raw: str | bytes, at: Instant, pairs: Pairs = NO_PAIRS
) -> tuple[Event, ...]:
    """A frame that was parsed already; `raw` is kept where something is wrong with it."""
    if isinstance(value, Problem):
        return (unrecognized(at, TRADE_UPDATES, raw, value.text),)
    notes: Notes = []
    try:
        frame = Fields(value, "frame", notes)
        if frame.get("stream") != TRADE_UPDATES:
            raise frame.bad("stream", "not trade_updates")
        update = _read(Fields(frame.get("data"), "data", notes), at, pairs)
    except Malformed as error:
        return (unrecognized(at, TRADE_UPDATES, raw, str(error)),)
    if not notes:
        return (update,)
    return (update, _kept(at, raw, notes))


def _kept(at: Instant, raw: str | bytes, notes: Notes) -> Unrecognized:
    return unrecognized(at, TRADE_UPDATES, raw, "; ".join(notes))


def _read(data: Fields, at: Instant, pairs: Pairs) -> TradeUpdated:
    word_text = data.text("event")
    word = EVENTS.get(word_text, BrokerEvent.UNRECOGNIZED)
    happened_at = _happened_at(data, at)
    report = read_order(data.get("order"), "data.order", data.notes, pairs, happened_at)
    kind = _EXECUTIONS.get(word)
    return TradeUpdated(
        at=at,
        word=word,
        word_text=word_text,
        report=report,
        execution=None if kind is None else _execution(data, kind, happened_at),
        event_id=data.text_or_none("event_id") or "",
    )


def _happened_at(data: Fields, at: Instant) -> Instant:
    """The engine's time, else the publisher's, else ours."""
    for key in ("timestamp", "at"):
        instant = data.instant_or_none(key)
        if instant is not None:
            return instant
    return at


def _execution(data: Fields, kind: ExecutionKind, happened_at: Instant) -> ExecutionReport | None:
    """The frame's execution; None, with a note, where it can't be booked."""
    execution_id = data.text_or_none("execution_id")
    price = data.exact_or_none("price")
    quantity = data.exact_or_none("qty")
    previous = data.text_or_none("previous_execution_id")
    if execution_id is None:
        data.notes.append(f"{kind.value} without execution_id: not booked")
        return None
    if kind is ExecutionKind.BUST:
        price, quantity = price or 0, abs(quantity or 0)
    if price is None or quantity is None or (quantity <= 0 and kind is not ExecutionKind.BUST):
        data.notes.append(f"{kind.value} without a price and a positive qty: not booked")
        return None
    if kind is not ExecutionKind.TRADE and previous is None:
        data.notes.append(f"{kind.value} without previous_execution_id: not booked")
        return None
    return ExecutionReport(
        execution_id=execution_id,
        kind=kind,
        price=Price(price),
        quantity=Quantity(quantity),
        at=happened_at,
        previous_execution_id=previous,
        position_quantity=data.quantity_or_none("position_qty"),
    )
