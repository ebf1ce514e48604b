"""Amendments through the whole kernel: asked once, judged, sent, and pursued until they are settled."""

from importlib import import_module
from typing import Any

import pytest

from kernel.commands import CancelOrder, FetchActivities, QueryOrder, ReplaceOrder, SubmitOrder
from kernel.config import OrderConfig
from kernel.desk import Turn
from kernel.events import (
    Booted,
    BrokerRefused,
    CallAnswered,
    CallResult,
    DoubtCause,
    Doubtful,
    OperatorSaid,
    OperatorWord,
    OrderBody,
    Tick,
)
from kernel.invariants import violations
from kernel.orders.book import symbol_tally
from kernel.orders.chart import CancelState, OrderStatus, ReplaceState
from kernel.orders.record import Order, reserved
from kernel.portfolio.holdings import net_position
from kernel.reasons import Anomaly, RefusalCode
from kernel.reports import BrokerEvent, BrokerStatus
from kernel.risk import gate
from kernel.session.chart import Mode
from kernel.units import MINUTE, SCALE, SECOND, Instant, Price, Quantity
from tests.unit.kernel.acting import actor
from tests.unit.kernel.scripts import SYMBOL, Desktop, config

SHARE = SCALE
SETTINGS = OrderConfig()
C = RefusalCode
TIMEOUT = Doubtful(DoubtCause.TIMEOUT, "no answer")


def acting(script: str, *, bars: int, deaf: bool = False, ttl: int = 0, **changes: object) -> Desktop:
    """A desk whose actor has played its script over `bars` bars at 100.00."""
    desktop = Desktop(config(strategies=(actor(script, ttl=ttl),), **changes))
    if deaf:
        desktop.deaf_to = {ReplaceOrder}
    desktop.boot()
    for _ in range(bars):
        desktop.bar(10_000)
    return desktop


def refusals(desktop: Desktop) -> dict[RefusalCode, int]:
    return dict(desktop.desk.counters.refusals)


def dollars(cents: int) -> Price:
    return Price(cents * SCALE // 100)


def asked(desktop: Desktop) -> ReplaceOrder:
    """The last replace that left."""
    return desktop.sent(ReplaceOrder)[-1]


def answer(desktop: Desktop, result: CallResult) -> None:
    """The answer to the last replace."""
    desktop.give(CallAnswered(desktop.at, asked(desktop).call, desktop.at, result, None))


def give_all(desktop: Desktop) -> None:
    """Lets what is in the inbox arrive."""
    desktop.give(Tick(desktop.at))


def looks(desktop: Desktop) -> list[QueryOrder]:
    """Queries by the new leg's name."""
    return [q for q in desktop.sent(QueryOrder) if q.client_order_id == asked(desktop).new_client_order_id]


def pending(desktop: Desktop) -> bool:
    return desktop.order().replace is ReplaceState.ASKED


# ---------------------------------------------------------------- what takes effect


def test_a_limit_is_changed_in_place_and_the_chain_fills_under_its_name() -> None:
    desktop = acting("b10@99.00 a@99.50", bars=2)
    command, order = asked(desktop), desktop.order()
    assert (command.quantity, command.limit_price, command.stop_price) == (None, dollars(9_950), None)
    assert command.broker_order_id == order.broker_ids[0]
    assert order.broker_ids[1:] == ("B-" + command.new_client_order_id,)
    assert (order.limit_price, order.reserve_price) == (dollars(9_950), dollars(9_950))
    assert (order.status, pending(desktop), desktop.desk.counters.replaced) == (OrderStatus.WORKING, False, 1)
    desktop.fill(command.new_client_order_id, Quantity(10 * SHARE), dollars(9_950))
    give_all(desktop)
    assert desktop.order().status is OrderStatus.FILLED
    assert net_position(desktop.desk.holdings, SYMBOL) == 10 * SHARE
    assert len(desktop.sent(SubmitOrder)) == len(desktop.sent(ReplaceOrder)) == 1
    assert desktop.desk.counters.violations == 0


def test_names_of_a_chain_are_new_each_and_find_the_order() -> None:
    desktop = acting("b10@99.00 a@99.10 a@99.20 a@99.30", bars=4)
    names = [command.new_client_order_id for command in desktop.sent(ReplaceOrder)]
    own = desktop.order().client_order_id
    assert len({own, *names}) == 4
    assert [desktop.desk.book.names[name] for name in names] == [own] * 3
    assert len(desktop.order().broker_ids) == 4
    assert desktop.desk.book.open_count == 1


def test_a_quantity_is_the_chains_total_and_fills_of_the_old_leg_count() -> None:
    desktop = acting("b10@99.00 a8@99.50", bars=1)
    desktop.fill(desktop.order().client_order_id, Quantity(4 * SHARE), dollars(9_900))
    desktop.bar(10_000)
    order = desktop.order()
    assert asked(desktop).quantity == order.quantity == 8 * SHARE
    assert reserved(order) == 4 * SHARE
    assert order.ledger.quantity == 4 * SHARE


def test_the_price_is_rounded_to_the_tick_never_worse() -> None:
    desktop = Desktop(config(strategies=(actor("b10@99.00 a@99.50"),)))
    desktop.boot()
    desktop.bar(10_000)
    script = import_module("tests.unit.kernel.acting").STRATEGY
    real = script.amendment

    def finer(word: str, bar: Any, view: Any) -> Any:
        return real(word, bar, view)._replace(limit_price=Price(99_509_999_999))

    script.amendment = finer
    try:
        desktop.bar(10_000)
    finally:
        del script.amendment
    assert asked(desktop).limit_price == dollars(9_950)


# ---------------------------------------------------------------- what the gate refuses

REFUSED: list[tuple[RefusalCode, str, dict[str, Any]]] = [
    (C.UNKNOWN_ORDER, "a@99.50", {}),
    (C.UNKNOWN_ORDER, "b10@100.00 a@99.50", {}),  # it has filled
    (C.UNCHANGED, "b10@99.00 a10@99.00", {}),
    (C.PRICE_COLLAR, "b10@99.00 a@105.01", {}),
    (C.NOTIONAL_MAX, "b10@99.00 a600", {}),
    (C.POSITION_MAX, "b10@99.00 a600", {}),
    (C.QUANTITY_MAX, "b10@99.00 a10001", {}),
    (C.BUYING_POWER, "b10@99.00 a2100", {}),
    (C.LOT, "b10@99.00 a0", {}),
    (C.BELOW_FILLED, "b10@99.00 a0", {}),
    (C.EXIT_EXCEEDS, "b10 s10@101.00 a11", {}),
]


@pytest.mark.parametrize(
    ("code", "script", "changes"), REFUSED, ids=[f"{c.value}-{s}" for c, s, _ in REFUSED]
)
def test_an_amendment_is_refused(code: RefusalCode, script: str, changes: dict[str, Any]) -> None:
    desktop = acting(script, bars=len(script.split()), **changes)
    assert code in refusals(desktop)
    assert desktop.sent(ReplaceOrder) == []
    assert all(order.replacement is None for order in desktop.desk.book.orders.values())


def test_a_refused_amendment_uses_up_no_name() -> None:
    refused = acting("b10@99.00 a@120.00 w b10@98.00", bars=4)
    plain = acting("b10@99.00 - w b10@98.00", bars=4)
    assert refused.order().client_order_id == plain.order().client_order_id


def test_what_fits_the_limit_with_itself_left_out_passes() -> None:
    """505 at 99 are 49,995 of 50,000: with the 500 that rest counted too it would be twice as much."""
    desktop = acting("b500@99.00 a505", bars=2)
    assert desktop.order().quantity == 505 * SHARE
    assert refusals(desktop) == {}


def test_an_exit_is_amended_up_to_the_position() -> None:
    desktop = acting("b10 s5@101.00 a10@100.50", bars=3)
    order = desktop.order()
    assert (order.quantity, order.limit_price) == (10 * SHARE, dollars(10_050))
    assert symbol_tally(desktop.desk.book, SYMBOL).reducing_quantity == 10 * SHARE


def test_while_the_desk_does_not_trade_an_entry_is_calmed_but_not_raised() -> None:
    desktop = acting("b10@99.00 a@98.00 a@98.50", bars=1)
    desktop.give(OperatorSaid(desktop.at, OperatorWord.PAUSE, "lunch", ""))
    desktop.bar(10_000)
    assert desktop.order().limit_price == dollars(9_800)
    desktop.bar(10_000)
    assert desktop.order().limit_price == dollars(9_800)
    assert refusals(desktop) == {C.MODE: 1}


def test_fractions_of_shares_are_not_replaced() -> None:
    desktop = acting("b10@99.00 a@99.50", bars=1)
    order = desktop.order()
    half = order._replace(quantity=Quantity(SHARE // 2))
    orders = desktop.desk.book.orders.set(order.client_order_id, half)
    desktop.desk = desktop.desk._replace(book=desktop.desk.book._replace(orders=orders))
    at_broker = desktop.orders[order.client_order_id]
    desktop.orders[order.client_order_id] = at_broker._replace(quantity=half.quantity)
    desktop.bar(10_000)
    assert refusals(desktop) == {C.NOT_REPLACEABLE: 1}


def test_one_change_is_pending_at_a_time_and_none_while_a_cancel_is() -> None:
    desktop = acting("b10@99.00 a@99.50 a@99.60", bars=3, deaf=True)
    assert refusals(desktop) == {C.ORDER_BUSY: 1}
    assert len(desktop.sent(ReplaceOrder)) == 1
    ending = Desktop(config(strategies=(actor("b10@99.00 w a@99.50"),)))
    ending.deaf_to = {CancelOrder}
    ending.boot()
    for _ in range(3):
        ending.bar(10_000)
    assert refusals(ending) == {C.ORDER_BUSY: 1}


def test_only_the_gate_makes_an_approved_change() -> None:
    with pytest.raises(AssertionError, match="without the gate"):
        gate.ApprovedChange(object(), None)  # type: ignore[arg-type]


# ---------------------------------------------------------------- what is pending


def test_while_it_is_pending_both_terms_count() -> None:
    desktop = acting("b10@99.00 a12@99.50", bars=2, deaf=True)
    order = desktop.order()
    assert (order.quantity, order.limit_price, order.reserve_price) == (
        10 * SHARE,
        dollars(9_900),
        dollars(9_950),
    )
    assert desktop.desk.book.entry_value == 12 * SHARE * dollars(9_950)
    answer(desktop, BrokerRefused(422, 42210000, "order is not open"))
    assert desktop.desk.book.entry_value == 10 * SHARE * dollars(9_900)
    assert (desktop.order().limit_price, pending(desktop)) == (dollars(9_900), False)
    assert desktop.desk.counters.anomalies[Anomaly.AMENDMENT_REFUSED] == 1


def test_a_leg_rejected_after_its_200_leaves_the_old_terms_in_any_order_of_arrival() -> None:
    for answer_first in (True, False):
        desktop = acting("b10@99.00 a12@99.50 -", bars=2, deaf=True)
        taken = OrderBody(desktop.taken(asked(desktop)))
        if answer_first:
            answer(desktop, taken)
            assert pending(desktop)
        desktop.reject(asked(desktop))
        give_all(desktop)
        if not answer_first:
            answer(desktop, taken)
        order = desktop.order()
        assert (order.status, order.quantity, order.limit_price) == (
            OrderStatus.WORKING,
            10 * SHARE,
            dollars(9_900),
        )
        assert (len(order.broker_ids), pending(desktop)) == (1, False)
        assert desktop.desk.book.entry_value == 10 * SHARE * dollars(9_900)
        desktop.fill(order.client_order_id, Quantity(10 * SHARE), dollars(9_900))
        give_all(desktop)
        assert desktop.order().status is OrderStatus.FILLED


def test_a_replace_that_loses_to_the_fill_ends_filled() -> None:
    desktop = acting("b10@99.00 a@99.50", bars=2, deaf=True)
    command = asked(desktop)
    new = desktop.taken(command)
    desktop.fill(desktop.order().client_order_id, Quantity(10 * SHARE), dollars(9_900))
    give_all(desktop)
    answer(desktop, OrderBody(new))
    answer(desktop, OrderBody(new._replace(status=BrokerStatus.REJECTED)))
    order = desktop.order()
    assert (order.status, order.ledger.quantity, len(order.broker_ids)) == (OrderStatus.FILLED, 10 * SHARE, 1)
    assert desktop.desk.session.mode is Mode.ARMED
    assert desktop.desk.counters.anomalies.get(Anomaly.AMENDMENT_REFUSED, 0) == 0


def test_a_cancel_that_was_asked_of_the_old_leg_is_asked_of_the_new_one() -> None:
    desktop = acting("b10@99.00 a@99.50 w", bars=2, deaf=True)
    desktop.deaf_to = {ReplaceOrder, CancelOrder}
    desktop.bar(10_000)
    assert desktop.order().cancel is CancelState.ASKED
    desktop.deaf_to = set()
    desktop.grant(asked(desktop))
    give_all(desktop)
    legs = [command.broker_order_id for command in desktop.sent(CancelOrder)]
    assert legs == list(desktop.order().broker_ids)
    assert desktop.order().status is OrderStatus.CANCELED


# ---------------------------------------------------------------- what is not answered


def test_a_lost_answer_is_looked_up_by_the_new_name() -> None:
    desktop = acting("b10@99.00 a@99.50", bars=2, deaf=True)
    desktop.orders[asked(desktop).new_client_order_id] = desktop.taken(asked(desktop))._replace(
        status=BrokerStatus.NEW
    )
    answer(desktop, TIMEOUT)
    order = desktop.order()
    assert (len(looks(desktop)), pending(desktop), order.limit_price) == (1, False, dollars(9_950))
    assert len(desktop.sent(ReplaceOrder)) == 1  # never sent again


def test_the_old_legs_successor_settles_it_too() -> None:
    desktop = acting("b10@99.00 a@99.50", bars=2, deaf=True)
    command, name = asked(desktop), desktop.order().client_order_id
    desktop.orders[name] = desktop.orders[name]._replace(status=BrokerStatus.REPLACED, replaced_by="B-late")
    answer(desktop, TIMEOUT)
    order = desktop.order()
    assert (order.broker_ids[-1], order.limit_price, pending(desktop)) == ("B-late", dollars(9_950), False)
    assert desktop.sent(QueryOrder)[-1].broker_order_id == "B-late"
    assert command.new_client_order_id in desktop.desk.book.names


def test_one_that_never_arrived_is_proved_by_not_founds_after_the_grace() -> None:
    desktop = acting("b10@99.00 a12@99.50", bars=2, deaf=True)
    answer(desktop, TIMEOUT)
    desktop.run_until(Instant(desktop.at + SETTINGS.absent_after - SECOND))
    assert pending(desktop)
    assert len(looks(desktop)) >= SETTINGS.absent_misses
    desktop.run_until(Instant(desktop.at + 3 * MINUTE))
    assert not pending(desktop)
    assert (desktop.order().status, desktop.order().quantity) == (OrderStatus.WORKING, 10 * SHARE)
    assert desktop.desk.book.entry_value == 10 * SHARE * dollars(9_900)


def test_while_our_call_is_under_way_not_founds_prove_nothing_and_a_person_is_told() -> None:
    patient = SETTINGS._replace(call_silence_max=type(SETTINGS.call_silence_max)(10 * MINUTE))
    desktop = acting("b10@99.00 a12@99.50", bars=2, deaf=True, orders=patient)
    desktop.run_until(Instant(desktop.at + 5 * MINUTE))
    assert pending(desktop)
    assert desktop.alerts().count(Anomaly.REPLACE_STUCK.value) == 1
    assert len(looks(desktop)) < 20


def test_a_leg_that_the_broker_took_is_never_proved_absent() -> None:
    desktop = acting("b10@99.00 a12@99.50", bars=2, deaf=True)
    answer(desktop, OrderBody(desktop.taken(asked(desktop))))
    desktop.run_until(Instant(desktop.at + 5 * MINUTE))
    assert pending(desktop)
    assert (
        desktop.desk.book.by_broker["B-" + asked(desktop).new_client_order_id]
        == desktop.order().client_order_id
    )


# ---------------------------------------------------------------- what has not left


def waiting(script: str) -> Desktop:
    """A desk whose first amendment waits for its permit."""
    desktop = acting("b10@99.00 " + script, bars=1)
    limited = desktop.desk.throttle
    blocked = limited._replace(brake=limited.brake._replace(cautious_until=Instant(desktop.at + 10 * MINUTE)))
    desktop.desk = desktop.desk._replace(throttle=blocked)
    desktop.bar(10_000)
    assert pending(desktop)
    assert desktop.sent(ReplaceOrder) == []
    return desktop


def later(desktop: Desktop) -> None:
    """The permits come."""
    limited = desktop.desk.throttle
    desktop.desk = desktop.desk._replace(
        throttle=limited._replace(brake=limited.brake._replace(cautious_until=Instant(0)))
    )
    desktop.give(Tick(desktop.at))


def settled_unsent(desktop: Desktop) -> Order:
    order = desktop.order()
    assert desktop.sent(ReplaceOrder) == []
    assert (order.replacement, order.replace) == (None, ReplaceState.ANSWERED)
    assert desktop.desk.calls.waiting == 0
    return order


def test_a_waiting_change_of_an_order_that_ended_is_forgotten() -> None:
    desktop = waiting("a@99.50")
    desktop.fill(desktop.order().client_order_id, Quantity(10 * SHARE), dollars(9_900))
    give_all(desktop)
    later(desktop)
    assert settled_unsent(desktop).status is OrderStatus.FILLED
    assert refusals(desktop) == {}


def test_a_waiting_change_is_dropped_when_a_cancel_is_asked() -> None:
    desktop = waiting("a@99.50")
    desktop.deaf_to = {CancelOrder}
    desktop.give(OperatorSaid(desktop.at, OperatorWord.HALT, "enough", ""))
    later(desktop)
    order = settled_unsent(desktop)
    assert (order.cancel, order.limit_price) == (CancelState.ASKED, dollars(9_900))
    assert refusals(desktop) == {C.WITHDRAWN: 1}


def test_a_waiting_change_is_dropped_when_it_is_old_or_the_desk_pauses() -> None:
    old = waiting("a@99.50")
    old.tick(11 * SECOND)
    later(old)
    assert settled_unsent(old).reserve_price == dollars(9_900)
    assert refusals(old) == {C.STALE: 1}
    paused = waiting("a@99.50")
    paused.give(OperatorSaid(paused.at, OperatorWord.PAUSE, "lunch", ""))
    later(paused)
    settled_unsent(paused)
    assert refusals(paused) == {C.MODE: 1}


def test_a_waiting_change_to_what_has_filled_meanwhile_is_dropped() -> None:
    desktop = waiting("a11@99.50")
    order = desktop.order()
    grown = order._replace(
        replacement=order.replacement and order.replacement._replace(quantity=Quantity(4 * SHARE))
    )
    book = desktop.desk.book
    book = book._replace(orders=book.orders.set(order.client_order_id, grown))
    desktop.desk = desktop.desk._replace(book=book)
    desktop.fill(order.client_order_id, Quantity(4 * SHARE), dollars(9_900))
    give_all(desktop)
    later(desktop)
    settled_unsent(desktop)


# ---------------------------------------------------------------- restart, replay, promises that stay on


def test_a_restart_looks_for_what_had_left_and_drops_what_had_not() -> None:
    desktop = acting("b10@99.00 a@99.50", bars=2, deaf=True)
    desktop.orders[asked(desktop).new_client_order_id] = desktop.taken(asked(desktop))._replace(
        status=BrokerStatus.NEW
    )
    desktop.give(Booted(desktop.at, 2, "test", desktop.settings))
    assert (pending(desktop), desktop.order().limit_price) == (False, dollars(9_950))
    unsent = waiting("a@99.50")
    unsent.give(Booted(unsent.at, 2, "test", unsent.settings))
    assert settled_unsent(unsent).limit_price == dollars(9_900)
    assert refusals(unsent) == {C.WITHDRAWN: 1}


def test_a_change_that_nobody_asked_for_is_caught_as_it_leaves() -> None:
    desktop = acting("b10@99.00", bars=1)
    order = desktop.order()
    stray = ReplaceOrder(1, order.client_order_id, order.broker_ids[0], "mqd-1-x-000000009", None, None, None)
    turn = Turn(desktop.desk, desktop.at, desktop.settings)
    assert [line[:2] for line in violations(turn, (stray,))] == ["I1"]
    assert violations(turn, (FetchActivities(2, None, None),)) == ()


def test_a_raised_entry_that_leaves_while_paused_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    desktop = waiting("a@99.50")
    monkeypatch.setattr("kernel.sending._barrier", lambda turn, symbol: None)
    desktop.give(OperatorSaid(desktop.at, OperatorWord.PAUSE, "lunch", ""))
    later(desktop)
    assert desktop.desk.counters.violations >= 1
    assert desktop.desk.session.mode is Mode.HALTED


@pytest.mark.parametrize("said", ["late word", "rejected again"])
def test_an_earlier_leg_that_was_refused_says_nothing_of_the_one_that_is_pending(said: str) -> None:
    desktop = acting("b10@99.00 a20@99.00 a100@99.00 -", bars=2, deaf=True)
    first = asked(desktop)
    desktop.reply(first.call, OrderBody(desktop.taken(first)))
    desktop.tick(1)
    old = desktop.leg(first.broker_order_id)
    assert old is not None
    refused = desktop.taken(first)._replace(status=BrokerStatus.REJECTED, created_at=desktop.at)
    desktop.orders[refused.client_order_id] = refused
    desktop.say(BrokerEvent.REJECTED, refused)
    desktop.tick(1)
    assert desktop.order().replace is ReplaceState.ANSWERED
    desktop.bar(10_000)
    second = asked(desktop)
    assert second is not first
    desktop.reply(second.call, OrderBody(desktop.taken(second)))
    desktop.tick(1)
    if said == "late word":
        desktop.say(BrokerEvent.ORDER_REPLACE_REJECTED, old)
    else:
        desktop.say(BrokerEvent.REJECTED, refused)
    desktop.tick(1)
    assert desktop.order().replace is ReplaceState.ASKED
    assert reserved(desktop.order()) == 100 * SHARE
