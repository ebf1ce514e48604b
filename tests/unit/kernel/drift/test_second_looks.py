"""Faults that a second pair of eyes found in the drift room; each was seen to happen before it was mended."""

import pytest

from kernel.commands import CancelOrder, FetchActivities, FetchPositions, SubmitOrder
from kernel.drift.record import is_clean
from kernel.events import CallAnswered, DoubtCause, Doubtful, OperatorSaid, OperatorWord, Tick, TradeUpdated
from kernel.ids import OrderKey, client_order_id
from kernel.orders.book import find, order_of
from kernel.orders.chart import OrderStatus
from kernel.reports import ActivityRow, BrokerEvent, BrokerStatus, ExecutionKind, ExecutionReport, OrderReport
from kernel.session.boot import is_drained
from kernel.session.chart import Mode
from kernel.sides import OrderClass, OrderType, Purpose, Side, TimeInForce
from kernel.units import MINUTE, SCALE, SECOND, Instant, Price, Quantity
from tests.unit.kernel.acting import actor
from tests.unit.kernel.scripts import SYMBOL, Desktop, config

PRICE = Price(167 * SCALE)


def an_order(desktop: Desktop, name: str, **changes: object) -> OrderReport:
    """A working buy of 100 at 167, not placed here."""
    base = OrderReport(
        broker_order_id="B-" + name,
        client_order_id=name,
        symbol=SYMBOL,
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        order_class=OrderClass.SIMPLE,
        status=BrokerStatus.NEW,
        status_text="new",
        quantity=Quantity(100 * SCALE),
        notional=None,
        filled_quantity=Quantity(0),
        filled_average=None,
        limit_price=PRICE,
        stop_price=None,
        extended_hours=False,
        created_at=desktop.at,
        updated_at=desktop.at,
    )
    return base._replace(**changes)  # type: ignore[arg-type]


def say(desktop: Desktop, word: OperatorWord) -> None:
    desktop.give(OperatorSaid(desktop.at, word, "as the test says"))


def later(desktop: Desktop, seconds: int) -> None:
    desktop.run_until(Instant(desktop.at + seconds * SECOND))


def test_a_stage_that_has_nothing_left_to_ask_goes_on() -> None:
    desktop = Desktop()
    desktop.boot()
    later(desktop, 1)
    desktop.deaf_to = {FetchActivities}
    desktop.boot()
    lost = desktop.unanswered[-1]
    assert isinstance(lost, FetchActivities)
    # Another's fill asks for a reading of its own, which succeeds while the stage waits to be asked again.
    filled = {
        "status": BrokerStatus.FILLED,
        "filled_quantity": Quantity(100 * SCALE),
        "filled_average": PRICE,
    }
    piece = ExecutionReport("FX", ExecutionKind.TRADE, PRICE, Quantity(100 * SCALE), desktop.at)
    theirs = an_order(desktop, "other-1", **filled)
    desktop.give(TradeUpdated(desktop.at, BrokerEvent.FILL, "fill", theirs, piece, ""))
    desktop.at = Instant(desktop.at + 3 * SECOND // 2)
    timeout = Doubtful(DoubtCause.TIMEOUT, "timeout")
    desktop.give(CallAnswered(desktop.at, lost.call, desktop.at, timeout, None))
    desktop.deaf_to = set()
    later(desktop, 60)
    assert desktop.desk.drift.look is None
    assert is_clean(desktop.desk.drift)
    assert desktop.desk.session.mode is Mode.ARMED


def test_an_id_that_an_adopted_order_has_is_never_given_again() -> None:
    desktop = Desktop(config(strategies=(actor("b10@99.00"),)))
    name = client_order_id("mqd", OrderKey(2, "actor", 1))
    desktop.orders[name] = an_order(desktop, name, symbol="QQQ")
    desktop.boot()
    later(desktop, 20)
    assert order_of(desktop.desk.book, name).status is OrderStatus.WORKING
    say(desktop, OperatorWord.LIFT_HALT)
    desktop.boot()
    later(desktop, 20)
    say(desktop, OperatorWord.ARM)
    assert desktop.desk.epoch == 2
    desktop.bar(10_000)
    sent = desktop.sent(SubmitOrder)
    assert [submit.ticket.client_order_id for submit in sent] == [
        client_order_id("mqd", OrderKey(2, "actor", 2))
    ]
    adopted = order_of(desktop.desk.book, name)
    assert (adopted.ticket.symbol, adopted.status) == ("QQQ", OrderStatus.WORKING)
    later(desktop, 1_800)
    assert find(desktop.desk.book, name, "") is not None


@pytest.mark.parametrize(
    ("word", "mode"), [(OperatorWord.PAUSE, Mode.PAUSED), (OperatorWord.DISARM, Mode.DISARMED)]
)
def test_a_word_said_while_cold_holds_once_the_books_are_compared(word: OperatorWord, mode: Mode) -> None:
    desktop = Desktop()
    desktop.deaf_to = {FetchPositions}
    desktop.boot()
    assert desktop.desk.session.mode is Mode.COLD
    say(desktop, word)
    assert desktop.alerts()[-1] == "mode"
    desktop.deaf_to = set()
    for asked in desktop.unanswered:
        desktop.answer(asked)
    desktop.give(Tick(desktop.at))
    assert desktop.desk.session.mode is mode


def test_a_drain_while_cold_leaves_the_mode_for_the_next_start() -> None:
    desktop = Desktop()
    desktop.boot()
    desktop.deaf_to = {FetchPositions}
    desktop.boot()
    say(desktop, OperatorWord.DRAIN)
    desktop.deaf_to = set()
    for asked in desktop.unanswered:
        desktop.answer(asked)
    later(desktop, 5)
    desktop.boot()
    assert desktop.desk.session.mode is Mode.ARMED


@pytest.mark.parametrize("newest_first", [True, False])
def test_a_chain_that_was_replaced_before_it_was_adopted_is_one_order(newest_first: bool) -> None:
    desktop = Desktop()
    desktop.boot()
    later(desktop, 1)
    old, new = (client_order_id("mqd", OrderKey(1, "vwap", number)) for number in (7, 8))
    first = an_order(desktop, old, status=BrokerStatus.REPLACED, replaced_by="B-" + new)
    second = an_order(desktop, new, replaces="B-" + old, created_at=Instant(desktop.at + SECOND))
    pair = [(old, first), (new, second)]
    desktop.orders.update(reversed(pair) if newest_first else pair)
    later(desktop, 600)
    order = find(desktop.desk.book, old, "")
    assert order is not None
    assert order.broker_ids == ("B-" + old, "B-" + new)
    assert order.status is OrderStatus.WORKING
    assert find(desktop.desk.book, "", "B-" + new) == order
    assert desktop.desk.book.open_count == 1


def test_a_stop_found_at_the_first_look_is_no_entry_and_survives_a_halt() -> None:
    desktop = Desktop()
    desktop.positions[SYMBOL] = 100 * SCALE
    name = client_order_id("mqd", OrderKey(2, "vwap", 1))
    stop = {"side": Side.SELL, "type": OrderType.STOP, "limit_price": None, "stop_price": PRICE}
    desktop.orders[name] = an_order(desktop, name, **stop)
    desktop.boot()
    later(desktop, 20)
    assert order_of(desktop.desk.book, name).ticket.purpose is Purpose.PROTECTIVE_STOP
    say(desktop, OperatorWord.HALT)
    assert desktop.sent(CancelOrder) == []


def test_what_an_adopted_order_had_filled_is_ours_and_counted_once() -> None:
    desktop = Desktop()
    forty = Quantity(40 * SCALE)
    desktop.positions[SYMBOL] = forty
    name = client_order_id("mqd", OrderKey(1, "vwap", 7))
    filled = {"status": BrokerStatus.PARTIALLY_FILLED, "filled_quantity": forty, "filled_average": PRICE}
    desktop.orders[name] = an_order(desktop, name, **filled)
    row = ActivityRow("A1", "B-" + name, SYMBOL, Side.BUY, PRICE, forty, forty, desktop.at)
    desktop.activities = [row]
    desktop.boot()
    desktop.run_until(Instant(desktop.at + 15 * MINUTE))
    desk = desktop.desk
    assert desk.holdings.net[SYMBOL] == forty
    assert desk.drift.foreign.positions.get(SYMBOL, 0) == 0
    assert is_clean(desk.drift)
    assert {case.drift.value for case in desk.drift.cases.ended} <= {"orphan_ours", "fills"}


def test_a_drain_looks_again_when_a_cancel_lands_after_its_look() -> None:
    desktop = Desktop(config(strategies=(actor("b10@99.00"),)))
    desktop.boot()
    desktop.bar(10_000)
    desktop.deaf_to = {CancelOrder}
    say(desktop, OperatorWord.DRAIN)
    later(desktop, 1)
    desktop.deaf_to = set()
    desktop.answer(desktop.unanswered[-1])
    desktop.give(Tick(desktop.at))
    later(desktop, 2)
    assert desktop.order().status is OrderStatus.CANCELED
    assert is_drained(desktop.desk)
