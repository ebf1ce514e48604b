"""A position is the fold of its fills: held against a naive twin with fractions."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from kernel.portfolio.position import FLAT, Position, average_entry, fold, unrealized
from kernel.units import SCALE, Instant, Price, Quantity, Value

SHARE = SCALE
fills = st.lists(
    st.tuples(st.integers(-(10**13), 10**13).filter(bool), st.integers(1, 10**14)), min_size=1, max_size=12
)


def after(*rows: tuple[int, int]) -> Position:
    """The position after (signed quantity, price) fills."""
    position = FLAT
    for second, (quantity, price) in enumerate(rows, start=1):
        position = fold(position, Quantity(quantity), Value(quantity * price), Instant(second))
    return position


def twin(rows: list[tuple[int, int]]) -> tuple[int, Fraction, Fraction]:
    """(quantity, cost, realized) with average cost, exactly: no rounding anywhere."""
    held, cost, realized = 0, Fraction(0), Fraction(0)
    for quantity, price in rows:
        if held * quantity >= 0:
            held, cost = held + quantity, cost + quantity * price
            continue
        closing = min(abs(quantity), abs(held)) * (1 if quantity > 0 else -1)
        share = cost * Fraction(-closing, held)
        realized -= closing * price + share
        held, cost = held + closing, cost - share
        rest = quantity - closing
        held, cost = held + rest, cost + rest * price
    return held, cost, realized


@given(fills)
def test_nothing_is_lost_and_the_twin_agrees(rows: list[tuple[int, int]]) -> None:
    position = after(*rows)
    held, cost, realized = twin(rows)
    assert position.quantity == held == sum(quantity for quantity, _ in rows)
    assert position.realized == position.cost - sum(quantity * price for quantity, price in rows)
    # Each reduction cuts less than one 10^-18 of a dollar.
    assert abs(position.cost - cost) <= len(rows)
    assert abs(position.realized - realized) <= len(rows)
    if held == 0:
        assert (position.cost, position.opened_at) == (0, 0)
    else:
        assert position.cost * held > 0
        assert position.opened_at > 0
        average = average_entry(position)
        assert average is not None
        prices = [price for _, price in rows]
        assert min(prices) - len(rows) <= average <= max(prices) + len(rows)


@given(fills, st.integers(1, 10**14))
def test_closing_at_the_mark_realizes_what_was_unrealized(rows: list[tuple[int, int]], mark: int) -> None:
    position = after(*rows)
    expected = position.realized + unrealized(position, Price(mark))
    closed = fold(
        position, Quantity(-position.quantity), Value(-position.quantity * mark), Instant(len(rows) + 1)
    )
    assert closed.realized == expected
    assert (closed.quantity, closed.cost) == (0, 0)


def test_a_trip_counts_from_flat_to_flat() -> None:
    position = after((10 * SHARE, 100 * SHARE), (-4 * SHARE, 110 * SHARE), (4 * SHARE, 105 * SHARE))
    assert position.trip_quantity == 10 * SHARE
    assert position.trip_realized == 40 * SHARE * SHARE
    closed = fold(position, Quantity(-10 * SHARE), Value(-10 * SHARE * 120 * SHARE), Instant(9))
    assert closed.trip_realized == closed.realized == (40 + 180) * SHARE * SHARE


def test_a_fill_through_zero_closes_and_opens() -> None:
    position = after((10 * SHARE, 100 * SHARE), (-25 * SHARE, 110 * SHARE))
    assert position == Position(
        Quantity(-15 * SHARE),
        Value(-15 * 110 * SHARE * SHARE),
        Value(100 * SHARE * SHARE),
        Instant(2),
        Value(0),
        Quantity(15 * SHARE),
    )


def test_a_better_value_of_the_same_quantity_goes_to_the_cost_or_the_profit() -> None:
    open_position = fold(after((10 * SHARE, 100 * SHARE)), Quantity(0), Value(-7), Instant(2))
    assert open_position.cost == 10 * 100 * SHARE * SHARE - 7
    flat = fold(
        after((10 * SHARE, 100 * SHARE), (-10 * SHARE, 100 * SHARE)), Quantity(0), Value(-7), Instant(3)
    )
    assert (flat.cost, flat.realized) == (0, 7)
    assert average_entry(flat) is None
