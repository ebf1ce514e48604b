"""The tracker: every order of the desk, and the sums that decisions need.

One function changes it: `put(book, old, new)`. Indexes and tallies follow by difference, so an event
costs the same with 100 live orders and 100,000. Lookups: by any client order id or broker id of a
chain, by symbol (open orders and what they may still do), by strategy and symbol.

Finished orders move to an archive after a while (archive.py). `orders` holds the others: whoever has a name
that may be of a finished order asks `find`, `order_of` or `all_orders`; `put` revives what it is given.

Tallies are worst case: an order in doubt, queued or pending cancel counts until it has ended; while a
replace is pending the larger of the two quantities counts. Exits of one entry count together (families.py).
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from immutables import Map

from kernel.orders.archive import EMPTY_ARCHIVE, Archive, joined, left, shelved, unshelved
from kernel.orders.chart import OrderStatus
from kernel.orders.families import NO_FAMILY, Family, claim_of, joined_by
from kernel.orders.ledger import lacks_figures
from kernel.orders.record import ENDED, Order, reserved
from kernel.seats import seat_of
from kernel.sides import OrderClass, Purpose, Side, opposite
from kernel.units import ZERO_QUANTITY, ZERO_VALUE, Quantity, Value

__all__ = [
    "EMPTY_BOOK",
    "NO_DESK_TALLY",
    "NO_SYMBOL_TALLY",
    "Book",
    "DeskTally",
    "SymbolTally",
    "all_orders",
    "family_of",
    "find",
    "is_known",
    "known_count",
    "open_orders",
    "order_of",
    "put",
    "shelve",
    "symbol_tally",
    "tally_of",
    "with_family",
    "without",
]

WORKING: Final = OrderStatus.WORKING
BUY: Final = Side.BUY
ENTRY: Final = Purpose.ENTRY
SIMPLE: Final = OrderClass.SIMPLE


class SymbolTally(NamedTuple):
    """What the open orders of one symbol may still do."""

    buy_quantity: Quantity
    buy_value: Value
    sell_quantity: Quantity
    sell_value: Value
    entries: int
    """Open entry orders."""
    reducing_quantity: Quantity
    """Unsigned sum of open exits and protective stops."""
    open: Map[str, Side]
    """Open orders by name."""


class DeskTally(NamedTuple):
    """Open orders of one strategy on one symbol."""

    entries: int
    exits: int
    exit_quantity: Quantity


NO_SYMBOL_TALLY: Final = SymbolTally(
    ZERO_QUANTITY, ZERO_VALUE, ZERO_QUANTITY, ZERO_VALUE, 0, ZERO_QUANTITY, Map()
)
NO_DESK_TALLY: Final = DeskTally(0, 0, ZERO_QUANTITY)


class Book(NamedTuple):
    """All orders and their indexes."""

    orders: Map[str, Order]
    """Open, or ended a short while ago."""
    names: Map[str, str]
    """Client order ids of later legs -> the order's name."""
    by_broker: Map[str, str]
    """Broker ids of all legs -> the order's name."""
    symbols: Map[str, SymbolTally]
    strategies: Map[str, DeskTally]
    """seat (strategy and symbol) -> open orders."""
    open_count: int
    lacking: Map[str, Side]
    """Orders of which the broker counts more than executions or activities have shown."""
    entry_value: Value
    """Worst-case value of all open entries: what they reserve of the buying power."""
    archive: Archive
    """Orders that ended longer ago."""
    families: Map[str, Family] = Map()
    """Entries with exits, by name."""


EMPTY_BOOK: Final = Book(Map(), Map(), Map(), Map(), Map(), 0, Map(), ZERO_VALUE, EMPTY_ARCHIVE)


def find(book: Book, client_order_id: str, broker_order_id: str) -> Order | None:
    """The order that an id of its chain belongs to, None when it is not in the book."""
    order = book.orders.get(client_order_id)
    if order is not None:
        return order
    if client_order_id in book.archive.packed:
        return order_of(book, client_order_id)
    name = book.names.get(client_order_id) or book.by_broker.get(broker_order_id)
    return None if name is None else order_of(book, name)


def order_of(book: Book, name: str) -> Order:
    """The order of a name that is in the book, hot or archived; another name is a kernel bug."""
    order = book.orders.get(name) or unshelved(book.archive, name)
    assert order is not None, f"kernel bug: no order {name}"
    return order


def is_known(book: Book, name: str) -> bool:
    """Whether an order of this name is in the book, hot or archived."""
    return name in book.orders or name in book.archive.packed


def known_count(book: Book) -> int:
    """How many orders are in the book, hot and archived."""
    return len(book.orders) + len(book.archive.packed)


def all_orders(book: Book) -> Iterator[Order]:
    """Every order, hot and archived, by name: for reports, as it unpacks the whole archive."""
    for name in sorted((*book.orders, *book.archive.packed)):
        yield order_of(book, name)


def shelve(book: Book, order: Order) -> Book:
    """The book with a hot order that has ended in the archive."""
    assert order.status in ENDED, "kernel bug: an open order is not archived"
    name = order.client_order_id
    return book._replace(orders=book.orders.delete(name), archive=shelved(book.archive, order))


def put(book: Book, old: Order | None, new: Order) -> Book:
    """The book with `old` exchanged for `new` (or `new` added), indexes and tallies with it."""
    name = new.client_order_id
    orders, names, by_broker, symbols, strategies, open_count, lacking, entry_value, archive, families = book
    orders = orders.set(name, new)
    if old is None or old.broker_ids is not new.broker_ids:
        for broker_id in new.broker_ids:
            if broker_id not in by_broker:
                by_broker = by_broker.set(broker_id, name)
    pending = new.replacement
    if pending is not None and (old is None or old.replacement is not pending):
        names = names.set(pending.client_order_id, name)
        if pending.broker_order_id:
            by_broker = by_broker.set(pending.broker_order_id, name)
    if old is None or old.ledger is not new.ledger:
        if lacks_figures(new.ledger):
            lacking = lacking.set(name, new.ticket.side)
        elif lacking and name in lacking:
            lacking = lacking.delete(name)
    was_open = old is not None and (old.status is WORKING or old.status not in ENDED)
    now_open = new.status is WORKING or new.status not in ENDED
    if was_open or now_open:
        before = reserved(old) if old is not None else ZERO_QUANTITY
        change = reserved(new) - before
        opened = now_open - was_open
        worth = change * new.reserve_price
        if old is not None and old.reserve_price != new.reserve_price:
            worth += before * (new.reserve_price - old.reserve_price)
        if change or opened or worth:
            is_entry = new.ticket.purpose is ENTRY
            symbols = _with_symbol(symbols, new, opened, change, worth)
            if opened or not is_entry:
                strategies = _with_strategy(strategies, new, opened, change)
            open_count += opened
            if is_entry:
                entry_value = Value(entry_value + worth)
    if not (was_open and now_open):
        archive = _with_ended(archive, name, is_open=now_open, is_news=was_open or old is None)
    book = Book(
        orders, names, by_broker, symbols, strategies, open_count, lacking, entry_value, archive, families
    )
    if new.parent or new.ticket.order_class is not SIMPLE:
        return _with_member(book, new)
    return book


def family_of(book: Book, name: str) -> Family:
    """The family of an entry; without members where there is none."""
    return book.families.get(name, NO_FAMILY)


def with_family(book: Book, name: str, family: Family) -> Book:
    """The book with an entry's family as it is now, and what its exits claim in the tallies."""
    entry = order_of(book, name)
    claim = claim_of(family, entry, (order_of(book, leg) for leg in family.legs))
    worth = Value(claim * entry.reserve_price)
    change, more = claim - family.claim, worth - family.worth
    families = book.families.set(name, family._replace(claim=claim, worth=worth))
    if not change and not more:
        return book._replace(families=families)
    symbol, strategies = entry.ticket.symbol, book.strategies
    is_entry = entry.ticket.purpose is ENTRY
    side = opposite(entry.ticket.side) if is_entry else entry.ticket.side
    tally = book.symbols.get(symbol, NO_SYMBOL_TALLY)
    tally = tally._replace(reducing_quantity=Quantity(tally.reducing_quantity + change))
    if side is BUY:
        tally = tally._replace(
            buy_quantity=Quantity(tally.buy_quantity + change), buy_value=Value(tally.buy_value + more)
        )
    else:
        tally = tally._replace(
            sell_quantity=Quantity(tally.sell_quantity + change), sell_value=Value(tally.sell_value + more)
        )
    key = seat_of(entry.strategy, symbol)
    own = strategies.get(key, NO_DESK_TALLY)
    own = own._replace(exit_quantity=Quantity(own.exit_quantity + change))
    return book._replace(
        symbols=book.symbols.set(symbol, tally), strategies=strategies.set(key, own), families=families
    )


def _with_member(book: Book, order: Order) -> Book:
    """The book after a change of an order that belongs to a family."""
    name = order.parent or order.client_order_id
    family = family_of(book, name)
    return with_family(book, name, joined_by(family, order) if order.parent else family)


def _with_ended(archive: Archive, name: str, *, is_open: bool, is_news: bool) -> Archive:
    """The archive after a change of an order that has ended or had: hot now, and in line if it has ended."""
    if name in archive.packed:
        archive = left(archive, name)
        is_news = True
    return joined(archive, name) if is_news and not is_open else archive


def _with_symbol(
    symbols: Map[str, SymbolTally], order: Order, opened: int, change: int, worth: int
) -> Map[str, SymbolTally]:
    ticket = order.ticket
    symbol = ticket.symbol
    buys, buy_value, sells, sell_value, entries, reducing, names = symbols.get(symbol, NO_SYMBOL_TALLY)
    if opened > 0:
        names = names.set(order.client_order_id, ticket.side)
    elif opened < 0:
        names = names.delete(order.client_order_id)
    if ticket.side is BUY:
        buys, buy_value = Quantity(buys + change), Value(buy_value + worth)
    else:
        sells, sell_value = Quantity(sells + change), Value(sell_value + worth)
    if ticket.purpose is ENTRY:
        entries += opened
    else:
        reducing = Quantity(reducing + change)
    return symbols.set(symbol, SymbolTally(buys, buy_value, sells, sell_value, entries, reducing, names))


def without(tally: SymbolTally, order: Order) -> SymbolTally:
    """The symbol's sums as if an open order were not there."""
    return _with_symbol(
        Map({order.ticket.symbol: tally}), order, -1, -reserved(order), -reserved(order) * order.reserve_price
    )[order.ticket.symbol]


def _with_strategy(
    strategies: Map[str, DeskTally], order: Order, opened: int, change: int
) -> Map[str, DeskTally]:
    key = seat_of(order.strategy, order.ticket.symbol)
    entries, exits, quantity = strategies.get(key, NO_DESK_TALLY)
    if order.ticket.purpose is ENTRY:
        return strategies.set(key, DeskTally(entries + opened, exits, quantity))
    return strategies.set(key, DeskTally(entries, exits + opened, Quantity(quantity + change)))


def symbol_tally(book: Book, symbol: str) -> SymbolTally:
    """What the open orders of a symbol may still do."""
    return book.symbols.get(symbol, NO_SYMBOL_TALLY)


def tally_of(book: Book, strategy: str, symbol: str) -> DeskTally:
    """Open orders of a strategy on a symbol."""
    return book.strategies.get(seat_of(strategy, symbol), NO_DESK_TALLY)


def open_orders(book: Book) -> tuple[Order, ...]:
    """Every order that may still fill, by name."""
    names = sorted(name for tally in book.symbols.values() for name in tally.open)
    return tuple(book.orders[name] for name in names)
