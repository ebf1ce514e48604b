"""kernel.strategies.vwap against Fractions: the same VWAP and the same answers, to the last digit."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from kernel.reports import Bar
from kernel.strategies.vwap import (
    EMPTY_VWAP,
    EMPTY_WINDOW,
    Vwap,
    display,
    include,
    is_above,
    is_at_least,
    is_at_most,
    is_below,
    push,
)
from kernel.units import SCALE, Instant, Price, Quantity, Ratio
from tests.unit.kernel.strategies.helpers import bar_at, dollars

PRICES = st.integers(1, 10**15)
VOLUMES = st.integers(0, 10**17)


@st.composite
def bars(draw: st.DrawFn) -> Bar:
    low, middle, high = sorted(draw(st.tuples(PRICES, PRICES, PRICES)))
    volume = draw(VOLUMES)
    return Bar("SPY", Instant(0), Price(middle), Price(high), Price(low), Price(middle), Quantity(volume))


def slow_vwap(taken: list[Bar]) -> Fraction | None:
    """The definition, with no cleverness."""
    volume = sum(bar.volume for bar in taken)
    if volume == 0:
        return None
    total = sum((Fraction(bar.high + bar.low + bar.close, 3) * bar.volume for bar in taken), Fraction(0))
    return total / volume


@given(st.lists(bars(), max_size=30), st.integers(1, 12))
def test_a_window_holds_the_last_bars_and_their_exact_sums(taken: list[Bar], period: int) -> None:
    window = EMPTY_WINDOW
    for count, bar in enumerate(taken, start=1):
        window = push(window, bar, period)
        kept = taken[max(0, count - period) : count]
        assert len(window.rows) == len(kept)
        expected = slow_vwap(kept)
        if expected is None:
            assert window.total.volume == 0
        else:
            assert Fraction(window.total.weighted, 3 * window.total.volume) == expected


@given(st.lists(bars(), max_size=8), PRICES, st.integers(0, SCALE // 2))
def test_comparisons_equal_those_of_fractions(taken: list[Bar], price_value: int, share: int) -> None:
    sums = EMPTY_VWAP
    for bar in taken:
        sums = include(sums, bar)
    price, ratio, vwap = Price(price_value), Ratio(share), slow_vwap(taken)
    if vwap is None:
        assert display(sums) is None
        assert not is_below(price, sums, ratio)
        assert not is_above(price, sums, ratio)
        assert not is_at_least(price, sums)
        assert not is_at_most(price, sums)
        return
    assert is_below(price, sums, ratio) == (price < vwap * (1 - Fraction(share, SCALE)))
    assert is_above(price, sums, ratio) == (price > vwap * (1 + Fraction(share, SCALE)))
    assert is_at_least(price, sums) == (price >= vwap)
    assert is_at_most(price, sums) == (price <= vwap)
    assert display(sums) == vwap.numerator // vwap.denominator


def test_one_nanodollar_decides() -> None:
    # Three bars whose VWAP is a third of a nanodollar above 100: no rounded average could tell these apart.
    sums = EMPTY_VWAP
    for minute, close in enumerate(("100", "100", "100.000000001")):
        sums = include(sums, bar_at(minute, close))
    assert is_below(dollars("100"), sums, Ratio(0))
    assert not is_at_least(dollars("100"), sums)
    assert is_at_least(dollars("100.000000001"), sums)
    assert not is_below(
        dollars("99"), Vwap(dollars("100") * 3, 1), Ratio(10_000_000)
    )  # exactly 1 % is not below
    assert is_below(Price(dollars("99") - 1), Vwap(dollars("100") * 3, 1), Ratio(10_000_000))


def test_a_price_at_the_vwap_is_both_at_least_and_at_most_it() -> None:
    sums, price = Vwap(dollars("100") * 3, 1), dollars("100")
    assert is_at_least(price, sums)
    assert is_at_most(price, sums)
    assert not is_below(price, sums, Ratio(0))
    assert not is_above(price, sums, Ratio(0))
    assert not is_at_least(Price(price - 1), sums)
    assert not is_at_most(Price(price + 1), sums)
