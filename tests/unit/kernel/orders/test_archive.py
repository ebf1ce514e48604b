"""The archive: it loses nothing. With it and without it the same facts give the same books.

1. A desk that archives at once and one that never does end equal, whatever was said to them.
2. Every id of a chain finds an archived order; a fact revives it; it is archived again.
3. What something may still need stays; the line is bounded in time, in number and in work for each step.
"""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel import Command, Desk, Event, step
from kernel.commands import CancelOrder, QueryOrder
from kernel.config import OrderConfig
from kernel.events import CallAnswered, NotFound, OrderBody, Tick, TradeUpdated
from kernel.orders.archive import EMPTY_ARCHIVE, EXECUTIONS_PACKED_MAX
from kernel.orders.book import EMPTY_BOOK, all_orders, find, is_known, known_count, order_of, put, shelve
from kernel.orders.chart import OrderStatus
from kernel.orders.lifecycle import take_report, take_update
from kernel.orders.record import Order
from kernel.orders.sweep import LOOKS_MAX
from kernel.outbox import Flight
from kernel.reports import BrokerEvent, BrokerStatus, ExecutionKind, ExecutionReport, OrderReport
from kernel.timers import NO_TIMERS
from kernel.units import MINUTE, SECOND, Duration, Instant
from tests.unit.kernel.orders.samples import T0, at, execution, report, sent, working
from tests.unit.kernel.scripts import Desktop, config

NAMES = tuple(f"mqd-1-a-{number:09d}" for number in range(1, 4))
AT_ONCE = OrderConfig(archive_after=Duration(0))
NEVER_DONE = OrderConfig(archive_after=Duration(10**9 * SECOND), archive_hot_max=10**9)


def desk_of(orders: OrderConfig, *more: Order) -> Desk:
    """A started desk with these orders in its book, one second after they were made."""
    desktop = Desktop(config(orders=orders, strategies=()), at=T0)
    desktop.boot()
    book = EMPTY_BOOK
    for order in more:
        book = put(book, None, order)
    return desktop.desk._replace(book=book)


def leg_of(name: str, number: int = 0) -> str:
    """A broker's id of a leg of an order."""
    return f"904837e3-3b76-47ec-b432-{int(name[-3:]):06d}{number:06d}"


def started(name: str) -> Order:
    """An order that the broker acknowledged under an id of its own."""
    return take_report(sent(name), report(BrokerStatus.NEW, name=name, leg=leg_of(name)), at(1)).order


def run(desk: Desk, events: list[Event]) -> tuple[Desk, list[Command]]:
    """The desk after the events, and all that it asked for."""
    commands: list[Command] = []
    for event in events:
        result = step(desk, event)
        desk = result.desk
        commands.extend(result.commands)
    return desk, commands


def plain(desk: Desk) -> Desk:
    """The desk with nothing archived, and without what only says when something is looked at."""
    book = desk.book._replace(
        orders=desk.book.orders.update({order.client_order_id: order for order in all_orders(desk.book)}),
        archive=EMPTY_ARCHIVE,
    )
    return desk._replace(book=book, timers=NO_TIMERS, config=None)


# ---------------------------------------------------------------- the same books


def said(word: BrokerEvent, told: OrderReport, piece: ExecutionReport | None, when: Instant) -> Event:
    """A message of the order stream."""
    return TradeUpdated(when, word, word.value, told, piece, "")


def fact(name: str, action: int, size: int, number: int, when: Instant) -> Event:
    """Something the broker may say about an order: `size` is a cumulative figure, `number` an execution's."""
    leg, piece = leg_of(name), f"X{name[-1]}{number}"
    seconds = (when - T0) // SECOND
    partly = report(BrokerStatus.PARTIALLY_FILLED, size, name=name, leg=leg, seconds=seconds)
    match action:
        case 0:
            full = report(BrokerStatus.FILLED, 100, name=name, leg=leg, seconds=seconds)
            return said(BrokerEvent.FILL, full, execution(piece, 100, seconds=seconds), when)
        case 1:
            part = execution(piece, size + 1, seconds=seconds)
            return said(BrokerEvent.PARTIAL_FILL, partly, part, when)
        case 2:
            ended = report(BrokerStatus.CANCELED, size, name=name, leg=leg, seconds=seconds)
            return said(BrokerEvent.CANCELED, ended, None, when)
        case 3:
            bust = execution(f"V{number}", size + 1, kind=ExecutionKind.BUST, previous=piece, seconds=seconds)
            return said(BrokerEvent.TRADE_BUST, partly, bust, when)
        case 4:
            correction = execution(
                f"C{number}", size + 1, 11, kind=ExecutionKind.CORRECT, previous=piece, seconds=seconds
            )
            return said(BrokerEvent.TRADE_CORRECT, partly, correction, when)
        case 5:
            rest = report(BrokerStatus.FILLED, 100, name=name, leg=leg, seconds=seconds)
            return CallAnswered(when, 10**6, when, OrderBody(rest), None)
        case 6:
            old = report(BrokerStatus.REPLACED, size, name=name, leg=leg, replaced_by=leg_of(name, 1))
            return CallAnswered(when, 10**6, when, OrderBody(old), None)
        case 7:
            new = report(BrokerStatus.NEW, size, name=name + "r", leg=leg_of(name, 1), replaces=leg)
            return said(BrokerEvent.REPLACED, new, None, when)
        case 8:
            rest = report(BrokerStatus.EXPIRED, size, name=name + "r", leg=leg_of(name, 1))
            return CallAnswered(when, 10**6, when, OrderBody(rest), None)
        case _:
            return said(BrokerEvent.UNRECOGNIZED, partly, None, when)


def story(draws: list[tuple[int, int, int, int]]) -> Iterator[Event]:
    """Facts, with a Tick after each in which the archive may do its work, and at the end for what stayed."""
    when = T0
    for which, action, size, number in draws:
        when = Instant(when + 2 * SECOND)
        yield fact(NAMES[which], action, size, number, when)
        yield Tick(Instant(when + 1))
    yield Tick(Instant(when + 2 * MINUTE))


stories = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 9), st.sampled_from([0, 9, 40, 99]), st.integers(0, 3)),
    max_size=25,
)


@settings(max_examples=300, deadline=None)
@given(stories)
def test_archiving_at_once_and_never_give_the_same_books(draws: list[tuple[int, int, int, int]]) -> None:
    orders = [started(NAMES[0]), started(NAMES[1]), sent(NAMES[2])]
    events = list(story(draws))
    with_archive, asked = run(desk_of(AT_ONCE, *orders), events)
    without, as_asked = run(desk_of(NEVER_DONE, *orders), events)
    assert plain(with_archive) == plain(without)
    assert asked == as_asked
    assert not without.book.archive.packed
    for order in all_orders(without.book):
        name = order.client_order_id
        assert order_of(with_archive.book, name) == order
        settled = order.status.value in ("filled", "canceled", "expired")
        assert (name in with_archive.book.orders) is (not settled or name in without.book.lacking)
        for leg in order.broker_ids:
            assert find(with_archive.book, "?", leg) == order


# ---------------------------------------------------------------- one order


def ended_at(desk: Desk, name: str, seconds: int) -> Desk:
    """The desk after the order was filled."""
    return run(desk, [fact(name, 0, 0, 1, at(seconds))])[0]


def after(desk: Desk, wait: int) -> Desk:
    """The desk when so much time has passed, with a Tick whenever it asks for one."""
    end = Instant(desk.at + wait)
    wake_at: Instant | None = desk.at
    while wake_at is not None and wake_at <= end:
        result = step(desk, Tick(wake_at))
        desk, wake_at = result.desk, result.wake_at
    return step(desk, Tick(end)).desk


def test_an_order_is_hot_for_its_time_and_archived_after_it() -> None:
    desk = ended_at(desk_of(OrderConfig(archive_after=Duration(10 * SECOND)), started(NAMES[0])), NAMES[0], 5)
    order = desk.book.orders[NAMES[0]]
    assert order.status is OrderStatus.FILLED
    assert not after(desk, 9 * SECOND).book.archive.packed
    desk = after(desk, 10 * SECOND)
    assert list(desk.book.archive.packed) == [NAMES[0]]
    assert NAMES[0] not in desk.book.orders
    assert (is_known(desk.book, NAMES[0]), known_count(desk.book)) == (True, 1)
    assert find(desk.book, NAMES[0], "") == find(desk.book, "", leg_of(NAMES[0])) == order
    assert list(all_orders(desk.book)) == [order]


@pytest.mark.parametrize(
    ("action", "size", "booked"),
    [(1, 9, 110), (3, 99, 0), (4, 49, 50)],
    ids=["a late fill", "a bust", "a correction"],
)
def test_a_late_fact_revives_and_it_is_archived_again(action: int, size: int, booked: int) -> None:
    soon = OrderConfig(archive_after=Duration(10 * SECOND))
    desk = after(ended_at(desk_of(soon, started(NAMES[0])), NAMES[0], 5), 10 * SECOND)
    number = 2 if action == 1 else 1
    desk, _ = run(desk, [fact(NAMES[0], action, size, number, at(60))])
    assert not desk.book.archive.packed
    assert desk.book.orders[NAMES[0]].ledger.quantity == booked * 10**9
    assert desk.holdings.net["SPY"] == booked * 10**9
    revived = desk.book.orders[NAMES[0]]
    assert NAMES[0] in after(desk, 9 * SECOND).book.orders
    desk = after(desk, 10 * SECOND)
    assert NAMES[0] not in desk.book.orders
    assert order_of(desk.book, NAMES[0]) == revived


def test_a_repeated_fact_finds_it_and_leaves_it_archived() -> None:
    desk = after(ended_at(desk_of(AT_ONCE, started(NAMES[0])), NAMES[0], 5), SECOND)
    again, commands = run(desk, [fact(NAMES[0], 0, 0, 1, at(9))])
    assert again.book == desk.book
    assert commands == []
    conflict, _ = run(desk, [fact(NAMES[0], 1, 9, 1, at(9))])
    assert conflict.book == desk.book
    assert sum(conflict.counters.anomalies.values()) == sum(desk.counters.anomalies.values()) + 1 + 1


def test_an_order_proved_absent_that_shows_up_is_open_again() -> None:
    order = sent(NAMES[0])._replace(status=OrderStatus.ABSENT)
    book = shelve(put(EMPTY_BOOK, None, order), order)
    desk = desk_of(AT_ONCE)._replace(book=book)
    desk, _ = run(desk, [said(BrokerEvent.NEW, report(BrokerStatus.NEW, name=NAMES[0]), None, at(5))])
    assert desk.book.orders[NAMES[0]].status is OrderStatus.WORKING
    assert not desk.book.archive.packed
    assert desk.book.archive.head == desk.book.archive.tail - 1  # of when it was put in: it has ended then
    assert after(desk, SECOND).book.orders == desk.book.orders


def test_executions_of_a_large_order_are_kept_as_they_are() -> None:
    order = started(NAMES[0])
    for number in range(EXECUTIONS_PACKED_MAX + 1):
        partly = report(BrokerStatus.PARTIALLY_FILLED, 0, name=NAMES[0], leg=leg_of(NAMES[0]))
        piece = execution(f"X{number}", 1)
        order = take_update(order, BrokerEvent.PARTIAL_FILL, partly, piece, at(3)).order
    closing = report(BrokerStatus.CANCELED, 0, name=NAMES[0], leg=leg_of(NAMES[0]))
    order = take_report(order, closing, at(4)).order
    book = shelve(put(EMPTY_BOOK, None, order), order)
    assert book.archive.executions[NAMES[0]] is order.ledger.executions
    assert len(book.archive.packed[NAMES[0]]) < 200
    assert order_of(book, NAMES[0]) == order
    back = put(book, order_of(book, NAMES[0]), order)
    assert (len(back.archive.packed), len(back.archive.executions)) == (0, 0)
    assert back.orders[NAMES[0]] == order


# ---------------------------------------------------------------- what stays, and bounds


def test_what_lacks_executions_stays() -> None:
    desk, _ = run(desk_of(AT_ONCE, started(NAMES[0])), [fact(NAMES[0], 5, 0, 0, at(5))])
    assert desk.book.orders[NAMES[0]].status is OrderStatus.FILLED
    assert NAMES[0] in desk.book.lacking
    later = after(desk, 5 * MINUTE)
    assert NAMES[0] in later.book.orders
    told, _ = run(later, [fact(NAMES[0], 0, 0, 1, Instant(later.at + SECOND))])
    assert NAMES[0] not in told.book.lacking
    assert list(after(told, 2 * MINUTE).book.archive.packed) == [NAMES[0]]


@pytest.mark.parametrize("is_query", [True, False])
def test_what_a_call_in_flight_is_about_stays(is_query: bool) -> None:
    name = NAMES[0]
    command = QueryOrder(7_000, name, None) if is_query else CancelOrder(7_000, name, leg_of(name))
    desk = desk_of(AT_ONCE, started(name))
    flying = desk.calls.flying.set(7_000, Flight(command, desk.at))
    desk = ended_at(desk._replace(calls=desk.calls._replace(flying=flying)), name, 5)
    desk = after(desk, 30 * SECOND)
    assert name in desk.book.orders
    desk, _ = run(desk, [CallAnswered(at(50), 7_000, at(2), NotFound("gone"), None)])
    assert name in desk.book.orders
    assert list(after(desk, 2 * MINUTE).book.archive.packed) == [name]


def test_an_answer_about_an_archived_order_is_taken() -> None:
    """The deadline of a call that nobody answers may come long after the order has gone."""
    name = NAMES[0]
    desk = after(ended_at(desk_of(AT_ONCE, started(name)), name, 5), SECOND)
    for command in (QueryOrder(7_000, name, None), CancelOrder(7_000, name, leg_of(name))):
        flying = desk.calls.flying.set(7_000, Flight(command, desk.at))
        flown = desk._replace(calls=desk.calls._replace(flying=flying))
        answered, _ = run(flown, [CallAnswered(at(50), 7_000, at(2), NotFound("gone"), None)])
        assert answered.book == desk.book


def test_a_line_that_is_too_long_lets_the_oldest_go() -> None:
    names = [f"mqd-1-a-{number:09d}" for number in range(1, 11)]
    desk = desk_of(OrderConfig(archive_hot_max=4), *map(started, names))
    for number, name in enumerate(names):
        desk = ended_at(desk, name, number + 2)
    assert sorted(desk.book.orders) == names[-4:]
    assert sorted(desk.book.archive.packed) == names[:-4]


def test_one_step_archives_a_bounded_number_and_the_rest_follow() -> None:
    names = [f"mqd-1-a-{number:09d}" for number in range(1, 3 * LOOKS_MAX)]
    desk = desk_of(OrderConfig(archive_after=Duration(SECOND)), *map(started, names))
    for name in names:
        desk = ended_at(desk, name, 5)
    counts = []
    wake_at: Instant | None = Instant(desk.at + SECOND)
    while wake_at is not None and len(desk.book.archive.packed) < len(names):
        result = step(desk, Tick(wake_at))
        counts.append(len(result.desk.book.archive.packed) - len(desk.book.archive.packed))
        desk, wake_at = result.desk, result.wake_at
    assert max(counts) == LOOKS_MAX
    assert sum(counts) == len(names)
    assert desk.at < at(5) + 2 * SECOND
    assert len(desk.book.archive.line) == 0
    assert "archive" not in {deadline.key for deadline in desk.timers.slots.values()}


def test_only_what_has_ended_is_archived() -> None:
    book = put(EMPTY_BOOK, None, working())
    with pytest.raises(AssertionError, match="open order"):
        shelve(book, working())
    with pytest.raises(AssertionError, match="no order"):
        order_of(book, "another")
