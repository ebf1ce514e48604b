"""The arithmetic of matching: what an order sees of a quote, when it executes, before whom, and how much.

Functions of one order and one quote; the engine walks through the orders and books what comes of it.

1. A buy takes the ask, a sell the bid: the far side.
2. A buy stop is triggered by an ask at or above its price, a sell stop by a bid at or below it.
3. A trailing stop follows the best far side that it has seen; its stop is on a tick, away from the market.
4. Priority: orders at the market by arrival, then limits by price, then by arrival.
"""

from typing import Final

from kernel.reports import Quote
from kernel.units import SCALE
from shell.exchange.venue.model import VenueOrder

__all__ = ["Level", "Reached", "elect", "far_side", "leaves_at", "priority", "rank", "reaches", "trail"]

_CENT_VALUE: Final = 10**16
"""One cent as money (10^-18)."""

_WHOLE_PERCENT: Final = 100 * SCALE

Reached = tuple[int, int, int, VenueOrder]
"""Three sort keys and the order."""


class Level:
    """The last quote of a symbol and what is left of its displayed sizes."""

    __slots__ = ("ask_left", "bid_left", "quote")

    def __init__(self, quote: Quote) -> None:
        self.quote = quote
        self.bid_left: int = quote.bid_size
        self.ask_left: int = quote.ask_size


def far_side(level: Level, side: str) -> tuple[int, int]:
    """Price and size left that an order of this side would take."""
    if side == "buy":
        return level.quote.ask, level.ask_left
    return level.quote.bid, level.bid_left


def trail(order: VenueOrder, price: int, tick: int) -> None:
    """Moves a trailing stop after the far side's price; never back."""
    if order.side == "sell":
        best = price if order.hwm is None else max(order.hwm, price)
        order.hwm = best
        order.stop_price = max(tick, (best - _distance(order, best)) // tick * tick)
    else:
        best = price if order.hwm is None else min(order.hwm, price)
        order.hwm = best
        order.stop_price = -(-(best + _distance(order, best)) // tick) * tick


def _distance(order: VenueOrder, best: int) -> int:
    """How far a trailing stop stays behind."""
    if order.trail_price is not None:
        return order.trail_price
    assert order.trail_percent is not None, "a trailing stop has a trail"
    return best * order.trail_percent // _WHOLE_PERCENT


def elect(order: VenueOrder, price: int) -> None:
    """Triggers a stop whose price the far side has reached (rule 2)."""
    if order.stop_price is None or order.elected:
        return
    order.elected = price >= order.stop_price if order.side == "buy" else price <= order.stop_price


def reaches(order: VenueOrder, price: int) -> bool:
    """Whether the order executes at this price of the far side."""
    if order.stop_price is not None and not order.elected:
        return False
    if order.limit_price is None:
        return True
    return order.limit_price >= price if order.side == "buy" else order.limit_price <= price


def priority(order: VenueOrder) -> tuple[int, int, int]:
    """Sorts the market before limits, better limits before worse, earlier before later."""
    if order.limit_price is None:
        return 0, 0, order.sequence
    return 1, -order.limit_price if order.side == "buy" else order.limit_price, order.sequence


def rank(entry: Reached) -> tuple[int, int, int]:
    """The part of an entry that sorts; the order itself has no order."""
    return entry[0], entry[1], entry[2]


def leaves_at(order: VenueOrder, price: int) -> int:
    """What is still to be executed; for an order by notional, what the rest of it pays for at `price`."""
    if order.quantity is not None:
        return order.leaves
    assert order.notional is not None, "an order has a quantity or a notional"
    rest = order.notional * SCALE - order.filled_value
    if order.side == "buy":
        return max(0, (rest - _CENT_VALUE) // price)
    return min(max(0, rest // price), order.quantity_bound - order.filled_quantity)
