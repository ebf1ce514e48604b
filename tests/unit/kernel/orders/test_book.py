"""The book: whatever happens to its orders, the tallies equal a slow recount, and ids of a chain find it."""

from hypothesis import given
from hypothesis import strategies as st

from kernel.orders.book import (
    EMPTY_BOOK,
    NO_SYMBOL_TALLY,
    Book,
    find,
    open_orders,
    put,
    symbol_tally,
    tally_of,
)
from kernel.orders.chart import OrderInput
from kernel.orders.ledger import lacks_figures
from kernel.orders.lifecycle import ask_replace, enter, take_report, take_update
from kernel.orders.record import Order, Replacement, is_open, reserved
from kernel.reports import BrokerEvent, BrokerStatus
from kernel.sides import Purpose, Side
from kernel.units import Price
from tests.unit.kernel.orders.samples import at, execution, queued, report, shares, working

SYMBOLS = ("SPY", "BTC/USD")
TERMS = [(side, purpose, symbol) for side in Side for purpose in Purpose for symbol in SYMBOLS]


def recounted(book: Book) -> dict[str, object]:
    """Every sum of the book, the slow way."""
    orders = [book.orders[name] for name in sorted(book.orders)]
    alive = [order for order in orders if is_open(order)]
    counted: dict[str, object] = {
        "open": len(alive),
        "lacking": sorted(o.client_order_id for o in orders if lacks_figures(o.ledger)),
        "entry_value": sum(reserved(o) * o.reserve_price for o in alive if o.ticket.purpose is Purpose.ENTRY),
    }
    for symbol in SYMBOLS:
        mine = [order for order in alive if order.ticket.symbol == symbol]
        for side in Side:
            these = [order for order in mine if order.ticket.side is side]
            counted[f"{symbol} {side.value}"] = (
                sum(reserved(o) for o in these),
                sum(reserved(o) * o.reserve_price for o in these),
            )
        entries = [order for order in mine if order.ticket.purpose is Purpose.ENTRY]
        exits = [order for order in mine if order.ticket.purpose is not Purpose.ENTRY]
        size = sum(reserved(o) for o in exits)
        names = sorted(o.client_order_id for o in mine)
        counted[symbol] = (len(entries), len(exits), size, names)
    return counted


def kept(book: Book) -> dict[str, object]:
    """The same sums as the book keeps them."""
    told: dict[str, object] = {
        "open": book.open_count,
        "lacking": sorted(book.lacking),
        "entry_value": book.entry_value,
    }
    for symbol in SYMBOLS:
        tally, own = symbol_tally(book, symbol), tally_of(book, "a", symbol)
        told[f"{symbol} buy"] = (tally.buy_quantity, tally.buy_value)
        told[f"{symbol} sell"] = (tally.sell_quantity, tally.sell_value)
        assert own.entries == tally.entries
        assert own.exit_quantity == tally.reducing_quantity
        told[symbol] = (tally.entries, own.exits, tally.reducing_quantity, sorted(tally.open))
    return told


def changed(order: Order, action: int, size: int) -> Order:
    """One thing that happens to an order."""
    now = at(size + 2)
    name = order.client_order_id
    leg = "L-" + name
    match action:
        case 0:
            return enter(order, OrderInput.PERMITTED, now)[0]
        case 1:
            return take_report(order, report(BrokerStatus.NEW, leg=leg, name=name), now).order
        case 2:
            said = report(BrokerStatus.PARTIALLY_FILLED, size, leg=leg, name=name)
            one = execution(f"X{size}", size + 1)
            return take_update(order, BrokerEvent.PARTIAL_FILL, said, one, now).order
        case 3:
            return take_report(order, report(BrokerStatus.CANCELED, size, leg=leg, name=name), now).order
        case 4:
            return ask_replace(order, Replacement(name + "r", shares(size + 60), None, None), now)
        case 5:
            again = report(BrokerStatus.NEW, leg=leg + "2", name=name + "r", quantity=size + 60, replaces=leg)
            return take_report(order, again, now).order
        case 6:
            return enter(enter(order, OrderInput.LOST_TRACK, now)[0], OrderInput.NOT_FOUND_FINALLY, now)[0]
        case _:
            return order._replace(reserve_price=Price(order.reserve_price + size))


histories = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7), st.integers(0, 90)), max_size=40)


@given(st.lists(st.sampled_from(TERMS), min_size=1, max_size=6), histories)
def test_tallies_equal_a_slow_recount(
    terms: list[tuple[Side, Purpose, str]], history: list[tuple[int, int, int]]
) -> None:
    book = EMPTY_BOOK
    names = [f"mqd-1-a-{number:09d}" for number in range(len(terms))]
    for name, (side, purpose, symbol) in zip(names, terms, strict=True):
        book = put(book, None, queued(name, side=side, purpose=purpose, symbol=symbol))
    for which, action, size in history:
        old = book.orders[names[which % len(names)]]
        new = changed(old, action, size)
        book = put(book, old, new)
        assert kept(book) == recounted(book)
        for leg in new.broker_ids:
            assert find(book, "?", leg) is new
    assert [order.client_order_id for order in open_orders(book)] == sorted(
        name for name in names if is_open(book.orders[name])
    )


def test_a_book_of_ended_orders_reserves_nothing() -> None:
    book = put(EMPTY_BOOK, None, working())
    old = book.orders["mqd-1-a-000000001"]
    book = put(book, old, take_report(old, report(BrokerStatus.CANCELED), at(2)).order)
    assert symbol_tally(book, "SPY") == NO_SYMBOL_TALLY
    assert (book.open_count, book.entry_value, open_orders(book)) == (0, 0, ())


def test_find_knows_every_id_and_no_other() -> None:
    book = put(EMPTY_BOOK, None, working())
    order = book.orders["mqd-1-a-000000001"]
    assert find(book, "mqd-1-a-000000001", "?") is order
    assert find(book, "?", "B1") is order
    assert find(book, "?", "?") is None
