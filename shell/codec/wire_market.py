"""Market data: frames of the data stream and pages of historical bars.

1. A frame is an array of messages (or one message); each gives its event, in the frame's order.
2. `b` is a closed bar, `q` a quote. Trades (`t`) are not subscribed to and give nothing. Corrected bars,
   daily bars, statuses, price bands, corrections, news and order books are kept as Unrecognized: the kernel
   has no event for them yet. Control messages belong to the stream; here they are Unrecognized.
3. Figures are cut toward zero at nine decimals (they are never booked), but a price that would become
   zero by that is unreadable: zero means "no such side" in a quote.
4. A bar's prices are positive, its volume is not negative; otherwise it is unreadable.

Source: Alpaca market data, stocks v2 and crypto v1beta3, JSON encoding. Sizes of quotes are in shares.
"""

from typing import Final, NamedTuple

from kernel.events import BarClosed, Event, QuoteUpdated
from kernel.reports import Bar, Quote
from kernel.units import Instant, Price, Quantity
from shell.codec.fields import Fields, Malformed, Notes, Problem, objects_of, parse_json, unrecognized
from shell.codec.words import NO_PAIRS, Pairs, order_symbol
from shell.numbers import parse_scaled

__all__ = ["CONTROL_KINDS", "MARKET", "BarsPage", "decode_bars", "decode_market", "market_events"]

MARKET: Final = "market"
"""The source of what the data stream said and nobody could read."""

CONTROL_KINDS: Final = frozenset({"success", "subscription", "error"})
"""`T` of messages that steer the connection."""

_NO_EVENT_YET: Final = {
    "u": "corrected bar",
    "d": "daily bar",
    "s": "trading status",
    "l": "price band (LULD)",
    "c": "trade correction",
    "x": "trade cancel or error",
    "n": "news",
    "o": "order book",
    "i": "imbalance",
}


class BarsPage(NamedTuple):
    """A page of history."""

    rows: tuple[Bar, ...]
    next_page: str | None


def decode_market(raw: str | bytes, at: Instant, pairs: Pairs = NO_PAIRS) -> tuple[Event, ...]:
    """A whole frame, text or bytes, to its events in order; total."""
    return market_events(parse_json(raw), raw, at, pairs)


def market_events(value: object, raw: str | bytes, at: Instant, pairs: Pairs = NO_PAIRS) -> tuple[Event, ...]:
    """A frame that was parsed already; `raw` is kept where something is wrong with a message of it."""
    if isinstance(value, Problem):
        return (unrecognized(at, MARKET, raw, value.text),)
    events: list[Event] = []
    for message in value if isinstance(value, list) else [value]:
        try:
            event = _event(message, at, pairs)
        except Malformed as error:
            events.append(unrecognized(at, MARKET, raw, str(error)))
            continue
        if event is not None:
            events.append(event)
    return tuple(events)


def _event(message: object, at: Instant, pairs: Pairs) -> Event | None:
    fields = Fields(message, MARKET, [])
    kind = fields.get("T")
    if kind == "b":
        return BarClosed(at, _bar(fields, _symbol(fields, pairs)))
    if kind == "q":
        return QuoteUpdated(at, _quote(fields, _symbol(fields, pairs)))
    if kind == "t":
        return None
    if kind in CONTROL_KINDS:
        raise fields.bad("T", f"control message {kind!r} out of place")
    known = _NO_EVENT_YET.get(kind) if isinstance(kind, str) else None
    raise fields.bad(
        "T", "unknown kind of message" if known is None else f"{known}: the kernel has no event for it"
    )


def _symbol(fields: Fields, pairs: Pairs) -> str:
    return order_symbol(fields.text("S"), None, pairs)


def _bar(fields: Fields, symbol: str) -> Bar:
    volume = fields.cut("v")
    if volume < 0:
        raise fields.bad("v", "negative")
    return Bar(
        symbol=symbol,
        start=fields.instant("t"),
        open=_positive(fields, "o"),
        high=_positive(fields, "h"),
        low=_positive(fields, "l"),
        close=_positive(fields, "c"),
        volume=Quantity(volume),
    )


def _quote(fields: Fields, symbol: str) -> Quote:
    return Quote(
        symbol=symbol,
        bid=_side(fields, "bp"),
        ask=_side(fields, "ap"),
        bid_size=_size(fields, "bs"),
        ask_size=_size(fields, "as"),
        at=fields.instant("t"),
    )


def _positive(fields: Fields, key: str) -> Price:
    amount = fields.cut(key)
    if amount <= 0:
        raise fields.bad(key, "not a positive price")
    return Price(amount)


def _side(fields: Fields, key: str) -> Price:
    """A quote's price: zero where there is no such side."""
    amount = fields.cut(key)
    if amount < 0:
        raise fields.bad(key, "negative")
    scaled = parse_scaled(fields.get(key))
    if amount == 0 and scaled is not None and not scaled.exact:
        raise fields.bad(key, "too small for nine decimals")
    return Price(amount)


def _size(fields: Fields, key: str) -> Quantity:
    amount = fields.cut(key)
    if amount < 0:
        raise fields.bad(key, "negative")
    return Quantity(amount)


def decode_bars(value: object, symbol: str, notes: Notes) -> BarsPage | Problem:
    """A page of one symbol's bars, in order: `{"bars":{SYM:[..]}}` or `{"bars":[..],"symbol":SYM}`."""
    try:
        page = Fields(value, "page", notes)
        bars = page.get("bars")
        if isinstance(bars, dict):
            bars = bars.get(symbol)
        elif page.text_or_none("symbol") not in (None, symbol):
            raise page.bad("symbol", f"not {symbol}")
        rows = [] if bars is None else objects_of(bars, "page.bars")
        return BarsPage(
            tuple(_bar(Fields(row, f"bars[{index}]", notes), symbol) for index, row in enumerate(rows)),
            page.text_or_none("next_page_token"),
        )
    except Malformed as error:
        return Problem(str(error))
