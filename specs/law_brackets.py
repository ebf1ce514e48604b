"""Laws of entries with exits (I6, I7, I13): exits of one entry count once, and what they miss is mended once.

Ids are concrete, for they are only ever compared; quantities and prices are any integers.
"""

from typing import Final

from kernel.commands import OrderTicket
from kernel.orders.book import EMPTY_BOOK, Book, family_of, put, symbol_tally
from kernel.orders.chart import OrderStatus
from kernel.orders.families import claimed, excess, held_of, uncovered
from kernel.orders.ledger import EMPTY_LEDGER
from kernel.orders.record import NEVER, Order, new_order
from kernel.risk.exposure import CENT, exits_fit, free_to_leave
from kernel.sides import OrderClass, OrderType, Purpose, Side, TimeInForce
from kernel.units import Instant, Price, Quantity

NOW: Final = Instant(1)
ENTRY: Final = (OrderStatus.WORKING, OrderStatus.FILLED, OrderStatus.CANCELED)
LEG: Final = (OrderStatus.DORMANT, OrderStatus.WORKING, OrderStatus.CANCELED)


def _order(name: str, parent: str, quantity: int, status: OrderStatus, filled: int = 0) -> Order:
    """A member of the family of A: the buy itself, or a sell that leaves it."""
    ticket = OrderTicket(
        name,
        "SPY",
        Side.SELL if parent else Side.BUY,
        OrderType.LIMIT,
        TimeInForce.DAY,
        Quantity(quantity),
        Price(1),
        None,
        False,
        Purpose.EXIT if parent else Purpose.ENTRY,
        OrderClass.BRACKET,
    )
    order = new_order(ticket, "a", name, NOW, NEVER, Price(1))
    ledger = EMPTY_LEDGER._replace(quantity=Quantity(filled))
    return order._replace(status=status, parent=parent, ledger=ledger)


def _book(quantity: int, entry: int, first: int, second: int) -> Book:
    """A filled, working or canceled entry and two exits of its size, in these states."""
    filled = quantity if ENTRY[entry] is OrderStatus.FILLED else 0
    book = put(EMPTY_BOOK, None, _order("A", "", quantity, ENTRY[entry], filled))
    book = put(book, None, _order("P", "A", quantity, LEG[first]))
    return put(book, None, _order("S", "A", quantity, LEG[second]))


def held_exits_reserve_nothing(first: int, second: int) -> bool:
    """Until their entry is completely filled, exits that are held reserve nothing.

    Promise: I7
    pre: first >= 0 and second >= 0
    post: __return__
    """
    return claimed(False, ((Quantity(first), False), (Quantity(second), False))) == 0


def the_book_counts_exits_once(quantity: int, entry: int, first: int, second: int) -> bool:
    """In every state of a family its exits reserve nothing or their size once, and the tallies say so.

    Promise: I6
    pre: quantity > 0 and 0 <= entry < 3 and 0 <= first < 3 and 0 <= second < 3
    post: __return__
    """
    book = _book(quantity, entry, first, second)
    states = (LEG[first], LEG[second])
    is_live = OrderStatus.WORKING in states
    may_wake = ENTRY[entry] is OrderStatus.FILLED and OrderStatus.DORMANT in states
    tally = symbol_tally(book, "SPY")
    told = (tally.reducing_quantity, tally.sell_quantity, family_of(book, "A").claim)
    size = quantity if is_live or may_wake else 0
    return told == (size, size, size)


def an_entry_that_is_filled_reserves_for_exits_unseen(quantity: int, filled: int) -> bool:
    """While the exits of a filled entry are not known, all of it is taken for leaving.

    Promise: I7
    pre: quantity > 0 and filled >= quantity
    post: __return__
    """
    book = put(EMPTY_BOOK, None, _order("A", "", quantity, OrderStatus.FILLED, filled))
    return symbol_tally(book, "SPY").reducing_quantity == filled


def nothing_leaves_twice(position: int, others: int, first: int, second: int, part: int, more: int) -> bool:
    """An exit that passes beside an entry's exits: whichever of these fills, no more leaves than is held.

    Promise: I7
    pre: position >= 0 and others >= 0 and first >= 0 and second >= 0 and more > 0
    pre: 0 <= part <= max(first, second)
    post: __return__
    """
    claim = claimed(True, ((Quantity(first), True), (Quantity(second), False)))
    leaving = Quantity(others + claim)
    free = free_to_leave(True, Quantity(position), leaving, Quantity(position), leaving)
    return more > free or position - others - part - more >= 0


def nothing_is_kept_by_counting_twice(position: int, first: int, second: int) -> bool:
    """What the larger of two exits leaves over may leave: the smaller one keeps nothing back.

    Promise: I7
    pre: first >= 0 and second >= 0 and position >= max(first, second)
    post: __return__
    """
    claim = claimed(True, ((Quantity(first), True), (Quantity(second), True)))
    free = free_to_leave(True, Quantity(position), claim, Quantity(position), claim)
    return free == position - max(first, second)


def a_cover_covers_exactly(bought: int, sold: int, live: int) -> bool:
    """After a cover of what is uncovered nothing is, and it never exceeds what is held.

    Promise: I13
    pre: bought >= 0 and sold >= 0 and live >= 0
    post: __return__
    """
    entry = _order("A", "", bought + 1, OrderStatus.CANCELED, bought)
    held = held_of(entry, (_order("P", "A", sold, OrderStatus.CANCELED, sold),))
    cover = uncovered(held, live)
    return (
        held == bought - sold and uncovered(held, live + cover) == 0 and (cover == 0 or live + cover <= held)
    )


def a_close_closes_exactly(bought: int, profit: int, stop: int, closing: int) -> bool:
    """Both exits filled: what is closed ends flat, never on the other side, and there is nothing to cover.

    Promise: I7
    pre: bought >= 0 and profit >= 0 and stop >= 0 and closing >= 0
    post: __return__
    """
    entry = _order("A", "", bought + 1, OrderStatus.FILLED, bought)
    legs = (
        _order("P", "A", profit, OrderStatus.FILLED, profit),
        _order("S", "A", stop, OrderStatus.FILLED, stop),
    )
    held = held_of(entry, legs)
    over = excess(held, closing)
    return (over == 0 or held + closing + over == 0) and (over == 0 or uncovered(held, 0) == 0)


def exits_stand_on_their_sides(is_buy: bool, base: int, market: int, profit: int, stop: int) -> bool:
    """Exits that pass: the profit gains a cent at least, the stop loses one, and does not trigger at once.

    Promise: I9
    pre: base > 0 and market > 0 and profit > 0 and stop > 0
    post: __return__
    """
    if not exits_fit(is_buy, base, market, profit, stop):
        return True
    sign = 1 if is_buy else -1
    return sign * (profit - base) >= CENT and sign * (base - stop) >= CENT and sign * (market - stop) >= CENT
