"""A position as the fold of fills: what is held, what it cost, what was earned.

    fold(position, signed quantity, signed value, at) -> position

`quantity` is positive for a long. `cost` is the exact value paid for what is open (negative for a
short: what was received). Rules, each a law of specs/:
1. Nothing is lost: realized = -(sum of signed values) + cost, at every moment.
2. A fill that reduces takes its share of the cost, cut toward zero; the last unit takes all that is left.
3. A fill through zero closes first and opens with the rest.
4. A change of value without quantity (an estimate replaced by the exact executions) goes to the cost of
   what is open, or to the realized profit when flat.
"""

from typing import Final, NamedTuple

from kernel.units import (
    ZERO_QUANTITY,
    ZERO_VALUE,
    Instant,
    Price,
    Quantity,
    Value,
    average_price,
    truncate_div,
)

__all__ = ["FLAT", "Position", "average_entry", "fold", "unrealized"]


class Position(NamedTuple):
    """What is held of one symbol, by one strategy or by the account."""

    quantity: Quantity
    """Signed: negative for a short."""
    cost: Value
    """Exact value of what is open, signed like the quantity."""
    realized: Value
    """Exact profit and loss of what was closed."""
    opened_at: Instant
    """Of the open position; zero when flat."""
    trip_realized: Value
    """Realized since the position was last flat."""
    trip_quantity: Quantity
    """The largest size since then, unsigned."""


FLAT: Final = Position(ZERO_QUANTITY, ZERO_VALUE, ZERO_VALUE, Instant(0), ZERO_VALUE, ZERO_QUANTITY)


def fold(position: Position, quantity: Quantity, value: Value, at: Instant) -> Position:
    """The position after a fill of `quantity` (signed: a buy is positive) for `value` (signed alike)."""
    held, cost, realized, opened_at, trip, size = position
    if quantity == 0:
        if held == 0:
            return Position(held, cost, Value(realized - value), opened_at, Value(trip - value), size)
        return Position(held, Value(cost + value), realized, opened_at, trip, size)
    if held == 0:
        return Position(quantity, Value(cost + value), realized, at, ZERO_VALUE, Quantity(abs(quantity)))
    if (held > 0) == (quantity > 0):
        total = Quantity(held + quantity)
        return Position(
            total, Value(cost + value), realized, opened_at, trip, Quantity(max(size, abs(total)))
        )
    if abs(quantity) < abs(held):
        share = truncate_div(cost * abs(quantity), abs(held))
        gain = -value - share
        return Position(
            Quantity(held + quantity),
            Value(cost - share),
            Value(realized + gain),
            opened_at,
            Value(trip + gain),
            size,
        )
    closing = truncate_div(value * abs(held), abs(quantity))
    gain = -closing - cost
    rest = Quantity(held + quantity)
    if rest == 0:
        gain = -value - cost
        return Position(rest, ZERO_VALUE, Value(realized + gain), Instant(0), Value(trip + gain), size)
    return Position(rest, Value(value - closing), Value(realized + gain), at, ZERO_VALUE, Quantity(abs(rest)))


def average_entry(position: Position) -> Price | None:
    """Average price of what is open, cut to nine decimals; None when flat."""
    if position.quantity == 0:
        return None
    return average_price(Value(abs(position.cost)), Quantity(abs(position.quantity)))


def unrealized(position: Position, mark: Price) -> Value:
    """What closing at `mark` would earn, exact."""
    return Value(position.quantity * mark - position.cost)
