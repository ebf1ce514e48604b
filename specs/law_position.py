"""Laws of positions (I5): the fold of fills loses nothing, whatever the fills are.

Prices and quantities of two fills multiply into products of unknowns, on which the prover cannot conclude;
a fill here is therefore any quantity for any value, more than the kernel ever books. Where a cost is
divided, the divisor is concrete: the sizes of QUANTITIES.
"""

from kernel.portfolio.position import FLAT, Position, fold, unrealized
from kernel.units import SCALE, Instant, Price, Quantity, Value

QUANTITIES = (1, 3, 57_436_865, SCALE, 7 * SCALE, 333_333_333_333)


def _held(quantity: int, cost: int, realized: int, trip: int, size: int) -> Position:
    """Any position that is open."""
    return Position(Quantity(quantity), Value(cost), Value(realized), Instant(1), Value(trip), Quantity(size))


def _balance(position: Position) -> int:
    """What was paid for all of it: what is open cost this, less what closing earned."""
    return position.cost - position.realized


def opening_costs_what_was_paid(quantity: int, value: int, realized: int) -> bool:
    """From flat, a fill opens a position that cost what was paid; what was earned before stays.

    Promise: I5
    pre: quantity != 0
    post: __return__
    """
    flat = FLAT._replace(realized=Value(realized))
    after = fold(flat, Quantity(quantity), Value(value), Instant(2))
    return (
        after.quantity == quantity
        and after.cost == value
        and after.realized == realized
        and after.opened_at == 2
        and after.trip_realized == 0
    )


def adding_adds(quantity: int, cost: int, realized: int, more: int, value: int) -> bool:
    """A fill the same way adds quantity and cost, and earns nothing.

    Promise: I5
    pre: quantity * more > 0
    post: __return__
    """
    before = _held(quantity, cost, realized, 5, 1)
    after = fold(before, Quantity(more), Value(value), Instant(2))
    return (
        after.quantity == quantity + more
        and after.cost == cost + value
        and after.realized == realized
        and after.opened_at == before.opened_at
    )


def closing_leaves_no_cost(which: int, is_short: bool, cost: int, realized: int, value: int) -> bool:
    """A fill of exactly what is open leaves nothing, no cost, and every cent in the profit.

    Promise: I5
    pre: 0 <= which < 6
    post: __return__
    """
    quantity = -QUANTITIES[which] if is_short else QUANTITIES[which]
    before = _held(quantity, cost, realized, 5, 1)
    after = fold(before, Quantity(-quantity), Value(value), Instant(2))
    return (
        after.quantity == 0
        and after.cost == 0
        and after.opened_at == 0
        and after.realized == realized - value - cost
    )


def reducing_loses_nothing(
    which: int, part: int, is_short: bool, cost: int, realized: int, value: int
) -> bool:
    """A fill of a part takes its share of the cost, and what the share was rounded by stays in the books.

    Promise: I5
    pre: 0 <= part < which < 6
    post: __return__
    """
    sign = -1 if is_short else 1
    quantity, taken = sign * QUANTITIES[which], sign * QUANTITIES[part]
    before = _held(quantity, cost, realized, 5, 1)
    after = fold(before, Quantity(-taken), Value(value), Instant(2))
    lost = cost * QUANTITIES[part] - (cost - after.cost) * QUANTITIES[which]
    return (
        after.quantity == quantity - taken
        and _balance(after) == _balance(before) + value
        and -QUANTITIES[which] < lost < QUANTITIES[which]
        and after.opened_at == before.opened_at
    )


def a_turn_loses_nothing(which: int, part: int, is_short: bool, cost: int, realized: int, value: int) -> bool:
    """A fill through zero closes what was open and opens the rest; together they cost what was paid.

    Promise: I5
    pre: 0 <= part < which < 6
    post: __return__
    """
    sign = -1 if is_short else 1
    held, fill = sign * QUANTITIES[part], -sign * QUANTITIES[which]
    before = _held(held, cost, realized, 5, 1)
    after = fold(before, Quantity(fill), Value(value), Instant(2))
    return (
        after.quantity == held + fill
        and _balance(after) == _balance(before) + value
        and after.opened_at == 2
        and after.trip_realized == 0
    )


def a_better_value_is_booked_once(quantity: int, cost: int, realized: int, value: int) -> bool:
    """A change of value alone changes the balance by just that, and no quantity.

    Promise: I5
    post: __return__
    """
    before = _held(quantity, cost if quantity else 0, realized, 5, 1)
    after = fold(before, Quantity(0), Value(value), Instant(2))
    flat_has_no_cost = quantity != 0 or after.cost == 0
    return after.quantity == quantity and flat_has_no_cost and _balance(after) == _balance(before) + value


def two_fills_are_their_sum(which: int, first: int, second: int, value: int, worth: int) -> bool:
    """Bought in two pieces or in one, the position costs the same.

    Promise: I5
    pre: first > 0 and second > 0
    pre: 0 <= which < 2
    post: __return__
    """
    sign = 1 if which else -1
    once = fold(FLAT, Quantity(sign * (first + second)), Value(value + worth), Instant(1))
    one = fold(FLAT, Quantity(sign * first), Value(value), Instant(1))
    both = fold(one, Quantity(sign * second), Value(worth), Instant(1))
    return both == once


def closing_at_the_mark_earns_what_was_unrealized(which: int, is_short: bool, cost: int, mark: int) -> bool:
    """What a mark says is unrealized is what closing at it realizes.

    Promise: I5
    pre: 0 <= which < 6
    post: __return__
    """
    quantity = -QUANTITIES[which] if is_short else QUANTITIES[which]
    before = _held(quantity, cost, 0, 0, 1)
    after = fold(before, Quantity(-quantity), Value(-quantity * mark), Instant(2))
    return after.realized == unrealized(before, Price(mark))
