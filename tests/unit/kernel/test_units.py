"""The exact numbers: products, directions of division, and money at sizes that a float would spoil."""

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.units import (
    SCALE,
    VALUE_SCALE,
    Cash,
    Price,
    Quantity,
    Ratio,
    Value,
    average_price,
    cash_ceil,
    cash_floor,
    cash_value,
    ceil_div,
    fraction_of,
    truncate_div,
    value_of,
)

ANY = st.integers(min_value=-(10**30), max_value=10**30)
POSITIVE = st.integers(min_value=1, max_value=10**24)


def test_scales_fit_together() -> None:
    assert value_of(Price(SCALE), Quantity(SCALE)) == VALUE_SCALE == cash_value(Cash(SCALE))


def test_a_recorded_fill_is_exact() -> None:
    """0.057436865 shares at 86.878 USD cost 4.98999995747 USD, as the wire said."""
    value = value_of(Price(86_878_000_000), Quantity(57_436_865))
    assert value == 4_989_999_957_470_000_000
    assert average_price(value, Quantity(57_436_865)) == 86_878_000_000


@given(ANY, POSITIVE)
def test_divisions_go_the_way_they_say(numerator: int, denominator: int) -> None:
    exact = Fraction(numerator, denominator)
    assert ceil_div(numerator, denominator) == -((-exact).__floor__())
    assert truncate_div(numerator, denominator) == int(exact)


@given(ANY)
def test_cash_encloses_a_value(amount: int) -> None:
    value = Value(amount)
    assert cash_floor(value) * SCALE <= value <= cash_ceil(value) * SCALE
    assert cash_ceil(value) - cash_floor(value) in (0, 1)


@given(st.lists(st.tuples(POSITIVE, POSITIVE), min_size=1, max_size=8))
def test_average_lies_between_the_prices(fills: list[tuple[int, int]]) -> None:
    value = Value(sum(value_of(Price(price), Quantity(quantity)) for price, quantity in fills))
    average = average_price(value, Quantity(sum(quantity for _, quantity in fills)))
    assert min(price for price, _ in fills) <= average <= max(price for price, _ in fills)


def test_a_short_average_is_cut_toward_zero() -> None:
    assert average_price(Value(-10), Quantity(3)) == -3
    assert average_price(Value(10), Quantity(3)) == 3


@given(st.integers(min_value=0, max_value=10**24), st.integers(min_value=0, max_value=SCALE))
def test_fraction_is_rounded_down(amount: int, ratio: int) -> None:
    assert fraction_of(amount, Ratio(ratio)) == int(Fraction(amount * ratio, SCALE))


@pytest.mark.parametrize("divide", [ceil_div, truncate_div])
@pytest.mark.parametrize("denominator", [0, -1])
def test_a_bad_denominator_is_a_kernel_bug(divide: Callable[[int, int], int], denominator: int) -> None:
    with pytest.raises(AssertionError, match="kernel bug"):
        divide(1, denominator)


def test_an_average_of_nothing_is_a_kernel_bug() -> None:
    with pytest.raises(AssertionError, match="kernel bug"):
        average_price(Value(1), Quantity(0))
