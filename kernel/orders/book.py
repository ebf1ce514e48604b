"""The tracker: every order of the desk, and the sums that decisions need.

One function changes it: `put(book, old, new)`. Indexes and tallies follow by difference, so an event
costs the same with 100 live orders and 100,000. Lookups: by any client order id or broker id of a
chain, by symbol (open orders and what they may still do), by strategy and symbol.

Tallies are worst case: an order in doubt, queued or pending cancel counts until it has ended; while a
replace is pending the larger of the two quantities counts.
"""

from typing import Final, NamedTuple

from immutables import Map

from kernel.orders.ledger import fills_missing
from kernel.orders.record import ENDED, Order, reserved
from kernel.seats import seat_of
from kernel.sides import Purpose, Side
from kernel.units import ZERO_QUANTITY, ZERO_VALUE, Quantity, Value

__all__ = [
    "EMPTY_BOOK",
    "NO_DESK_TALLY",
    "NO_SYMBOL_TALLY",
    "Book",
    "DeskTally",
    "SymbolTally",
    "add_name",
    "find",
    "open_orders",
    "put",
    "symbol_tally",
    "tally_of",
]

BUY: Final = Side.BUY
ENTRY: Final = Purpose.ENTRY


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
    names: Map[str, str]
    """Client order ids of later legs -> the order's name."""
    by_broker: Map[str, str]
    """Broker ids of all legs -> the order's name."""
    symbols: Map[str, SymbolTally]
    strategies: Map[str, DeskTally]
    """seat (strategy and symbol) -> open orders."""
    open_count: int
    lacking: Map[str, Side]
    """Orders whose executions are behind the broker's cumulative figure."""
    entry_value: Value
    """Worst-case value of all open entries: what they reserve of the buying power."""


EMPTY_BOOK: Final = Book(Map(), Map(), Map(), Map(), Map(), 0, Map(), ZERO_VALUE)


def find(book: Book, client_order_id: str, broker_order_id: str) -> Order | None:
    """The order that an id of its chain belongs to, None when it is not in the book."""
    order = book.orders.get(client_order_id)
    if order is not None:
        return order
    name = book.names.get(client_order_id) or book.by_broker.get(broker_order_id)
    return None if name is None else book.orders[name]


def put(book: Book, old: Order | None, new: Order) -> Book:
    """The book with `old` exchanged for `new` (or `new` added), indexes and tallies with it."""
    orders = book.orders.set(new.client_order_id, new)
    by_broker = book.by_broker
    if old is None or old.broker_ids is not new.broker_ids:
        for broker_id in new.broker_ids:
            if broker_id not in by_broker:
                by_broker = by_broker.set(broker_id, new.client_order_id)
    lacking = book.lacking
    if old is None or old.ledger is not new.ledger:
        lacking = _with_lacking(lacking, new)
    was_open = old is not None and old.status not in ENDED
    now_open = new.status not in ENDED
    if not was_open and not now_open:
        return book._replace(orders=orders, by_broker=by_broker, lacking=lacking)
    before = reserved(old) if old is not None else ZERO_QUANTITY
    after = reserved(new)
    if was_open == now_open and before == after:
        return book._replace(orders=orders, by_broker=by_broker, lacking=lacking)
    opened = int(now_open) - int(was_open)
    change = after - before
    worth = change * new.reserve_price
    is_entry = new.ticket.purpose is ENTRY
    return Book(
        orders,
        book.names,
        by_broker,
        _with_symbol(book.symbols, new, opened, change, worth),
        _with_strategy(book.strategies, new, opened, change) if opened or not is_entry else book.strategies,
        book.open_count + opened,
        lacking,
        Value(book.entry_value + worth) if is_entry else book.entry_value,
    )


def _with_lacking(lacking: Map[str, Side], order: Order) -> Map[str, Side]:
    name = order.client_order_id
    if fills_missing(order.ledger):
        return lacking.set(name, order.ticket.side)
    return lacking.delete(name) if name in lacking else lacking


def _with_symbol(
    symbols: Map[str, SymbolTally], order: Order, opened: int, change: int, worth: int
) -> Map[str, SymbolTally]:
    ticket = order.ticket
    tally = symbols.get(ticket.symbol, NO_SYMBOL_TALLY)
    names = tally.open
    if opened > 0:
        names = names.set(order.client_order_id, ticket.side)
    elif opened < 0:
        names = names.delete(order.client_order_id)
    is_entry = ticket.purpose is ENTRY
    is_buy = ticket.side is BUY
    return symbols.set(
        ticket.symbol,
        SymbolTally(
            Quantity(tally.buy_quantity + change) if is_buy else tally.buy_quantity,
            Value(tally.buy_value + worth) if is_buy else tally.buy_value,
            tally.sell_quantity if is_buy else Quantity(tally.sell_quantity + change),
            tally.sell_value if is_buy else Value(tally.sell_value + worth),
            tally.entries + opened if is_entry else tally.entries,
            tally.reducing_quantity if is_entry else Quantity(tally.reducing_quantity + change),
            names,
        ),
    )


def _with_strategy(
    strategies: Map[str, DeskTally], order: Order, opened: int, change: int
) -> Map[str, DeskTally]:
    key = seat_of(order.strategy, order.ticket.symbol)
    tally = strategies.get(key, NO_DESK_TALLY)
    if order.ticket.purpose is ENTRY:
        return strategies.set(key, tally._replace(entries=tally.entries + opened))
    return strategies.set(
        key, DeskTally(tally.entries, tally.exits + opened, Quantity(tally.exit_quantity + change))
    )


def add_name(book: Book, client_order_id: str, name: str) -> Book:
    """Another client order id (of a replacing leg) for the order `name`."""
    return book._replace(names=book.names.set(client_order_id, name))


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
