"""Everything held: a position for each seat (strategy on symbol), the account's net positions, and cash.

    book_fill(holdings, fill) -> (holdings, round trip | None)

Fees: Alpaca takes crypto fees from what is received: coins on a buy, cash on a sell. So a buy's position is
the filled quantity less the fee, and selling the filled quantity would be refused. The day's figures
(entries begun, profit realized) are kept by seat and start anew with each session day.
"""

from typing import Final, NamedTuple

from immutables import Map

from kernel.portfolio.position import FLAT, Position, fold
from kernel.sides import Side
from kernel.units import (
    SCALE,
    ZERO_QUANTITY,
    ZERO_VALUE,
    Instant,
    Price,
    Quantity,
    Ratio,
    Value,
    ceil_div,
)

__all__ = [
    "NO_HOLDINGS",
    "TRIPS_MAX",
    "DayTally",
    "Fill",
    "Holdings",
    "RoundTrip",
    "book_fill",
    "equity",
    "net_position",
    "position_of",
    "taken_fee",
    "today_of",
]

TRIPS_MAX: Final = 256
"""Recent round trips kept for the report and the operator; older ones are in the journal."""

BUY: Final = Side.BUY


class DayTally(NamedTuple):
    """What a seat did in one session day."""

    day: int
    """yyyymmdd."""
    entries: int
    """Times that the position was opened from flat."""
    realized_before: Value
    """The seat's realized profit when the day began."""


class RoundTrip(NamedTuple):
    """A position from its opening until it was flat again."""

    seat: str
    opened_at: Instant
    closed_at: Instant
    quantity: Quantity
    """Its largest size."""
    profit: Value
    """Exact, after fees."""


class Fill(NamedTuple):
    """A change of what an order has booked."""

    seat: str
    symbol: str
    side: Side
    quantity: Quantity
    """Unsigned by side; negative after a bust."""
    value: Value
    fee_quantity: Quantity
    """Taken in the coin, on a buy."""
    fee_value: Value
    """Taken in cash."""
    at: Instant
    day: int


class Holdings(NamedTuple):
    """Positions, cash and the days' figures."""

    seats: Map[str, Position]
    net: Map[str, Quantity]
    """The account's position by symbol: the sum over seats."""
    days: Map[str, DayTally]
    cash_flow: Value
    """Exact sum of what was paid and received since the first boot."""
    fees: Value
    """Cash fees in that sum."""
    trips: tuple[RoundTrip, ...]
    trip_count: int


NO_HOLDINGS: Final = Holdings(Map(), Map(), Map(), ZERO_VALUE, ZERO_VALUE, (), 0)


def taken_fee(side: Side, quantity: Quantity, value: Value, ratio: Ratio) -> tuple[Quantity, Value]:
    """(coins, cash) that the venue keeps of a crypto execution: of the coin on a buy, of the cash on a sell.

    Rounded against us (Alpaca cuts what is received), and by size: what a bust takes back gives back its fee.
    """
    if side is BUY:
        return Quantity(_fee(quantity, ratio)), ZERO_VALUE
    return ZERO_QUANTITY, Value(_fee(value, ratio))


def _fee(amount: int, ratio: Ratio) -> int:
    return ceil_div(amount * ratio, SCALE) if amount >= 0 else -ceil_div(-amount * ratio, SCALE)


def book_fill(holdings: Holdings, fill: Fill) -> tuple[Holdings, RoundTrip | None]:
    """The holdings after a fill, and the round trip that it ended, if it did."""
    seat, symbol, side, quantity, value, fee_quantity, fee_value, at, day = fill
    seats, net, days, cash_flow, fees, trips, trip_count = holdings
    old = seats.get(seat, FLAT)
    if side is BUY:
        signed = Quantity(quantity - fee_quantity)
        paid = Value(value + fee_value)
    else:
        signed = Quantity(-quantity)
        paid = Value(fee_value - value)
    new = fold(old, signed, paid, at)
    held, holds = old.quantity, new.quantity
    is_turned = (held > 0 > holds) or (held < 0 < holds)
    tally = days.get(seat)
    if tally is None or tally.day != day:
        tally = DayTally(day, 0, old.realized)
        days = days.set(seat, tally)
    if holds and (not held or is_turned):
        days = days.set(seat, DayTally(tally.day, tally.entries + 1, tally.realized_before))
    if signed:
        net = net.set(symbol, Quantity(net.get(symbol, ZERO_QUANTITY) + signed))
    trip = None
    if held and (not holds or is_turned):
        profit = Value(new.realized - old.realized + old.trip_realized)
        trip = RoundTrip(seat, old.opened_at, at, old.trip_quantity, profit)
        trips = (*trips[-(TRIPS_MAX - 1) :], trip)
        trip_count += 1
    cash_flow = Value(cash_flow - paid)
    fees = Value(fees + fee_value)
    return Holdings(seats.set(seat, new), net, days, cash_flow, fees, trips, trip_count), trip


def position_of(holdings: Holdings, seat: str) -> Position:
    """A seat's position; FLAT when it never had one."""
    return holdings.seats.get(seat, FLAT)


def net_position(holdings: Holdings, symbol: str) -> Quantity:
    """The account's signed position in a symbol."""
    return holdings.net.get(symbol, ZERO_QUANTITY)


def today_of(holdings: Holdings, seat: str, day: int) -> tuple[int, Value]:
    """(entries begun, profit realized) of a seat in session day `day`."""
    tally = holdings.days.get(seat)
    realized = holdings.seats.get(seat, FLAT).realized
    if tally is None or tally.day != day:
        return 0, ZERO_VALUE
    return tally.entries, Value(realized - tally.realized_before)


def equity(holdings: Holdings, opening_cash: Value, marks: Map[str, Price]) -> Value:
    """Cash plus positions at their marks, exact; a symbol without a mark counts at its cost."""
    total = opening_cash + holdings.cash_flow
    for seat in sorted(holdings.seats):
        position = holdings.seats[seat]
        mark = marks.get(seat.partition("/")[2])
        total += position.cost if mark is None else position.quantity * mark
    return Value(total)
