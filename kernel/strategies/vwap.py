"""The volume-weighted average price, exactly: two sums, and comparisons without a division.

The typical price of a bar is (high + low + close) / 3; the VWAP of bars is the sum of typical price times
volume over the sum of volume. Kept are the sums

    weighted = sum of (high + low + close) x volume      3 x Value, 10^-18 of the quote currency
    volume   = sum of volume                             Quantity, 10^-9

so VWAP = weighted / (3 x volume), a fraction that is never rounded before it decides something.

Rules:
1. `price < VWAP x (1 - r)` is asked as `price x 3 x volume x SCALE < weighted x (SCALE - r)`.
2. Without volume there is no VWAP: every comparison is False, so nothing is proposed on it.
3. `display` is for people: it rounds down to 10^-9. No decision uses it.
"""

from typing import Final, NamedTuple

from kernel.reports import Bar
from kernel.units import SCALE, Price, Ratio

__all__ = [
    "EMPTY_VWAP",
    "EMPTY_WINDOW",
    "Vwap",
    "Window",
    "display",
    "include",
    "is_above",
    "is_at_least",
    "is_at_most",
    "is_below",
    "push",
]


class Vwap(NamedTuple):
    """The two sums."""

    weighted: int
    """Sum of (high + low + close) x volume, 10^-18."""
    volume: int
    """Sum of volume, 10^-9."""


class Window(NamedTuple):
    """The last bars, as many as the period, and their sums."""

    rows: tuple[Vwap, ...]
    """Each bar's own sums, oldest first."""
    total: Vwap
    """What the rows add up to."""


EMPTY_VWAP: Final = Vwap(0, 0)
EMPTY_WINDOW: Final = Window((), EMPTY_VWAP)


def include(sums: Vwap, bar: Bar) -> Vwap:
    """The sums with one bar more."""
    assert bar.volume >= 0, "kernel bug: a bar with a negative volume reached a strategy"
    weighted = (bar.high + bar.low + bar.close) * bar.volume
    return Vwap(sums.weighted + weighted, sums.volume + bar.volume)


def push(window: Window, bar: Bar, period: int) -> Window:
    """The window with one bar more, the oldest dropped when it would hold more than `period`."""
    assert period > 0, "kernel bug: a window needs room for a bar"
    row = include(EMPTY_VWAP, bar)
    weighted, volume = window.total.weighted + row.weighted, window.total.volume + row.volume
    rows = (*window.rows, row)
    if len(rows) > period:
        oldest, rows = rows[0], rows[1:]
        weighted, volume = weighted - oldest.weighted, volume - oldest.volume
    return Window(rows, Vwap(weighted, volume))


def is_below(price: Price, sums: Vwap, ratio: Ratio) -> bool:
    """Whether price < VWAP x (1 - ratio)."""
    return sums.volume > 0 and price * 3 * sums.volume * SCALE < sums.weighted * (SCALE - ratio)


def is_above(price: Price, sums: Vwap, ratio: Ratio) -> bool:
    """Whether price > VWAP x (1 + ratio)."""
    return sums.volume > 0 and price * 3 * sums.volume * SCALE > sums.weighted * (SCALE + ratio)


def is_at_least(price: Price, sums: Vwap) -> bool:
    """Whether price >= VWAP."""
    return sums.volume > 0 and price * 3 * sums.volume >= sums.weighted


def is_at_most(price: Price, sums: Vwap) -> bool:
    """Whether price <= VWAP."""
    return sums.volume > 0 and price * 3 * sums.volume <= sums.weighted


def display(sums: Vwap) -> Price | None:
    """The VWAP cut to 10^-9, for people; None without volume."""
    return Price(sums.weighted // (3 * sums.volume)) if sums.volume > 0 else None
