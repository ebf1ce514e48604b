"""The diffs against a naive model, on random books and random lists; their lookups are counted."""

from hypothesis import given
from hypothesis import strategies as st

from kernel.commands import OrderTicket
from kernel.drift.diff import Drift, Finding, diff_cash, diff_orders, diff_positions, flat, is_off
from kernel.orders.book import EMPTY_BOOK, Book, find, open_orders, put
from kernel.orders.chart import OrderStatus
from kernel.orders.record import ENDED, NEVER, Order, Times, new_order
from kernel.reports import OrderReport
from kernel.sides import OrderType, Purpose, Side, TimeInForce
from kernel.units import SCALE, Cash, Duration, Instant, Price, Quantity, Value
from tests.unit.kernel.drift.kit import order_report
from tests.unit.kernel.scripts import SYMBOL

ASKED = Instant(1_000)
GRACE = Duration(100)
NAMES = [f"mqd-1-actor-{number:09d}" for number in range(1, 7)] + ["theirs-1", "theirs-2"]


def book_order(
    name: str, status: OrderStatus, acknowledged: int, sent: int, ended: int, last_fill: int
) -> Order:
    ticket = OrderTicket(
        name,
        SYMBOL,
        Side.BUY,
        OrderType.LIMIT,
        TimeInForce.DAY,
        Quantity(10 * SCALE),
        Price(95 * SCALE),
        None,
        False,
        Purpose.ENTRY,
    )
    order = new_order(ticket, "actor", "why", Instant(1), NEVER, Price(95 * SCALE))
    times = Times(
        Instant(1),
        sent=Instant(sent),
        acknowledged=Instant(acknowledged),
        last_fill=Instant(last_fill),
        ended=Instant(ended) if status in ENDED else NEVER,
    )
    return order._replace(status=status, broker_ids=("B-" + name,), times=times)


moments = st.sampled_from([0, 1, 500, 899, 900, 901, 999, 1_000, 1_001, 2_000])
orders = st.lists(
    st.builds(
        book_order,
        name=st.sampled_from(NAMES[:6]),
        status=st.sampled_from(list(OrderStatus)),
        acknowledged=moments,
        sent=moments,
        ended=moments,
        last_fill=moments,
    ),
    unique_by=lambda order: order.client_order_id,
)
lists = st.lists(st.sampled_from(NAMES), unique=True).map(
    lambda names: [order_report(name) for name in names]
)


def book_of(known: list[Order]) -> Book:
    book = EMPTY_BOOK
    for order in known:
        book = put(book, None, order)
    return book


def compare(book: Book, rows: list[OrderReport]) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    return diff_orders(
        lambda name, leg: find(book, name, leg), open_orders(book), tuple(rows), ASKED, GRACE, "mqd"
    )


@given(orders, lists)
def test_orders_agree_with_a_naive_model(known: list[Order], rows: list[OrderReport]) -> None:
    findings, unlisted = compare(book_of(known), rows)
    by_name = {order.client_order_id: order for order in known}
    expected = set()
    for row in rows:
        name = row.client_order_id
        if name not in by_name:
            expected.add((Drift.ORPHAN_OURS if name.startswith("mqd-") else Drift.ORPHAN_FOREIGN, name))
        elif by_name[name].status in ENDED and by_name[name].times.ended <= ASKED - GRACE:
            expected.add((Drift.STATUS, name))
    assert {(finding.drift, finding.subject) for finding in findings} == expected
    listed = {row.client_order_id for row in rows}
    not_there = (OrderStatus.QUEUED, OrderStatus.SENDING, OrderStatus.IN_DOUBT)
    missing = {
        name
        for name, order in by_name.items()
        if name not in listed
        and order.status not in ENDED
        and order.status not in not_there
        and order.times.acknowledged < ASKED
        and order.times.last_fill < ASKED
        and (order.times.sent or order.times.created) <= ASKED - GRACE
    }
    assert set(unlisted) == missing
    assert len(unlisted) == len(missing)


@given(orders, lists)
def test_orders_are_compared_the_same_in_any_order_and_twice(
    known: list[Order], rows: list[OrderReport]
) -> None:
    book = book_of(known)
    findings, unlisted = compare(book, rows)
    backwards, again = compare(book_of(known[::-1]), rows[::-1])
    assert set(findings) == set(backwards)
    assert unlisted == again
    assert compare(book, rows) == (findings, unlisted)


@given(st.integers(min_value=0, max_value=40), st.integers(min_value=0, max_value=40))
def test_each_row_is_looked_up_once(count: int, legs: int) -> None:
    """Linear by construction: one lookup for each row and leg, whatever the book holds."""
    held = tuple(order_report(f"leg-{number}") for number in range(legs))
    rows = tuple(
        order_report(f"theirs-{number}", legs=held if number == 0 else ()) for number in range(count)
    )
    asked: list[str] = []

    def lookup(name: str, leg: str) -> Order | None:
        asked.append(name)
        return None

    findings, _ = diff_orders(lookup, (), rows, ASKED, GRACE, "mqd")
    assert len(asked) == len(findings) == len(flat(rows)) == count + (legs if count else 0)


figures = st.dictionaries(
    st.sampled_from(["SPY", "QQQ", "BTC/USD", "ETH/USD"]), st.integers(-200, 200).map(Quantity)
)
widths = st.dictionaries(st.sampled_from(["BTC/USD", "ETH/USD"]), st.integers(0, 50).map(Quantity))


@given(figures, figures, widths, widths)
def test_positions_agree_with_a_naive_model(
    ours: dict[str, Quantity],
    theirs: dict[str, Quantity],
    dust: dict[str, Quantity],
    fees: dict[str, Quantity],
) -> None:
    found = {finding.subject: finding for finding in diff_positions(ours, theirs, dust, fees)}
    for symbol in {*ours, *theirs}:
        mine, other = ours.get(symbol, 0), theirs.get(symbol, 0)
        gap = abs(mine - other)
        if gap <= dust.get(symbol, 0):
            assert symbol not in found
            continue
        finding = found.pop(symbol)
        assert (finding.ours, finding.theirs) == (mine, other)
        assert finding.drift is (Drift.COIN_FEE if gap <= fees.get(symbol, 0) else Drift.POSITION)
    assert found == {}


@given(st.integers(-(10**12), 10**12), st.integers(-(3 * 10**16), 3 * 10**16))
def test_cash_is_compared_to_the_cent(cash: int, part: int) -> None:
    found = diff_cash(Value(cash * SCALE + part), Cash(cash))
    assert bool(found) == (abs(part) >= SCALE * SCALE // 100) == is_off(part, 0, SCALE * SCALE // 100 - 1)
    for finding in found:
        assert (finding.key, finding.theirs) == ("cash:cash", cash)


def test_a_key_is_what_it_is_about_and_not_its_figures() -> None:
    one, two = Finding(Drift.CASH, "cash", 1, 2, "a"), Finding(Drift.CASH, "cash", 3, 4, "b")
    assert one.key == two.key == "cash:cash"
