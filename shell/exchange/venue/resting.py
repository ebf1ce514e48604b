"""The open orders of each symbol, arranged so that a quote touches only those that it may concern.

1. An order is *watched* (looked at with every quote) or *parked* at its price (looked at when the far side
   reaches it). A new order is watched; whether it may be parked is asked after each quote that looked at it.
2. Parked is what a quote on the wrong side of its price would leave exactly as it is: a limit order that has
   stood through a quote, a stop that waits to be triggered and does not trail, an exit that is dormant.
3. What a quote concerns is given in order of arrival, parked and watched together: the same orders as a look
   at all of them would change, in the same sequence (a test holds the two side by side).
4. An order that is planned to match anew (acknowledged, woken, resumed, activated) is watched again.
5. Prices of an order never change while it is here, but for a trailing stop's, which is never parked.

It decides nothing about execution: that is the engine's. As large as the open orders are.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import Final

from kernel.reports import Quote
from shell.exchange.venue.model import VenueOrder

__all__ = ["Resting"]

_IMMEDIATE: Final = frozenset({"ioc", "fok"})
_Row = tuple[int, int, VenueOrder]
"""Price, arrival (no two are equal), order."""


class _Shelves:
    """The orders of one symbol."""

    __slots__ = ("buys", "falling", "rising", "sells", "watched")

    def __init__(self) -> None:
        self.watched: dict[int, VenueOrder] = {}
        self.buys: list[_Row] = []
        """Limits, by price: reached when the ask is at or below it."""
        self.sells: list[_Row] = []
        """Limits: reached when the bid is at or above it."""
        self.rising: list[_Row] = []
        """Buy stops: triggered when the ask is at or above it."""
        self.falling: list[_Row] = []
        """Sell stops: triggered when the bid is at or below it."""

    def shelf(self, order: VenueOrder) -> tuple[list[_Row], int] | None:
        """Where an order could be parked, and at which price; None for one that follows every quote."""
        if order.stop_price is not None and not order.elected:
            if order.type == "trailing_stop":
                return None
            return (self.rising if order.side == "buy" else self.falling), order.stop_price
        if order.limit_price is None:
            return None
        return (self.buys if order.side == "buy" else self.sells), order.limit_price

    def take(self, quote: Quote) -> None:
        """Watches what the quote reaches."""
        if quote.ask:
            self._watch_all(self.buys, bisect_left(self.buys, (quote.ask,)), None)
            self._watch_all(self.rising, 0, bisect_left(self.rising, (quote.ask + 1,)))
        if quote.bid:
            self._watch_all(self.sells, 0, bisect_left(self.sells, (quote.bid + 1,)))
            self._watch_all(self.falling, bisect_left(self.falling, (quote.bid,)), None)

    def _watch_all(self, shelf: list[_Row], start: int, end: int | None) -> None:
        for _, sequence, order in shelf[start:end]:
            self.watched[sequence] = order
        del shelf[start:end]


class Resting:
    """The open orders of one venue, by symbol."""

    __slots__ = ("_symbols",)

    def __init__(self) -> None:
        self._symbols: dict[str, _Shelves] = {}

    def add(self, order: VenueOrder) -> None:
        """Takes a new order, which has its place in time."""
        self._symbols.setdefault(order.symbol, _Shelves()).watched[order.sequence] = order

    def watch(self, order: VenueOrder) -> None:
        """The next quote looks at it, whatever its price."""
        shelves = self._symbols[order.symbol]
        if order.sequence not in shelves.watched:
            self.remove(order)
            shelves.watched[order.sequence] = order

    def remove(self, order: VenueOrder) -> None:
        """Takes an order out, wherever it is."""
        shelves = self._symbols[order.symbol]
        if shelves.watched.pop(order.sequence, None) is not None:
            return
        found = shelves.shelf(order)
        assert found is not None, "an order that follows every quote is watched"
        shelf, price = found
        place = bisect_left(shelf, (price, order.sequence))
        assert shelf[place][2] is order, "a parked order is at its price"
        del shelf[place]

    def reached(self, quote: Quote) -> list[VenueOrder]:
        """What a quote may concern, in order of arrival; all of it is watched from now on."""
        shelves = self._symbols.get(quote.symbol)
        if shelves is None:
            return []
        shelves.take(quote)
        return [order for _, order in sorted(shelves.watched.items())]

    def park(self, orders: Iterable[VenueOrder], quote: Quote) -> None:
        """Parks those of the orders that a quote has looked at which wait for their price (rule 2)."""
        shelves = self._symbols.get(quote.symbol)
        for order in orders:
            assert shelves is not None, "an order of the symbol was added"
            found = shelves.shelf(order)
            if found is None or not order.is_open or order.time_in_force in _IMMEDIATE:
                continue
            shelf, price = found
            is_limit = shelf is shelves.buys or shelf is shelves.sells
            if is_limit and not (order.resting or order.dormant):
                continue
            if not _touches(shelves, shelf, price, quote):
                del shelves.watched[order.sequence]
                insort(shelf, (price, order.sequence, order))


def _touches(shelves: _Shelves, shelf: list[_Row], price: int, quote: Quote) -> bool:
    """Whether the quote reaches a price on a shelf; one without that side reaches none."""
    if shelf is shelves.buys:
        return 0 < quote.ask <= price
    if shelf is shelves.rising:
        return quote.ask >= price
    if shelf is shelves.sells:
        return quote.bid >= price
    return 0 < quote.bid <= price
