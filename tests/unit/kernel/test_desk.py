"""The whole desk, through step: scripts of a day with a plain broker, and what must hold after them."""

from importlib import import_module

import pytest

from kernel import EMPTY_DESK, Command, step
from kernel.commands import (
    CancelOrder,
    FetchActivities,
    FetchPositions,
    OpenLink,
    QueryOrder,
    SubmitOrder,
)
from kernel.config import OrderConfig, ThrottleConfig
from kernel.events import (
    ActivityRows,
    CallAnswered,
    ClockStepped,
    Done,
    DoubtCause,
    Doubtful,
    LinkName,
    LinkReported,
    OrderBody,
    RateLimited,
    Tick,
    TradeUpdated,
    Unrecognized,
)
from kernel.links.chart import LinkInput
from kernel.orders.chart import OrderStatus
from kernel.orders.ledger import fills_missing, is_exact
from kernel.portfolio.holdings import net_position
from kernel.reasons import Anomaly, RefusalCode
from kernel.reports import (
    ActivityRow,
    BrokerEvent,
    BrokerStatus,
    ExecutionKind,
    ExecutionReport,
    RateHeaders,
)
from kernel.session.chart import Mode
from kernel.sides import Purpose, Side
from kernel.strategies.chart import StrategyState
from kernel.units import MINUTE, SCALE, SECOND, Duration, Instant, Price, Quantity
from tests.unit.kernel.acting import actor
from tests.unit.kernel.scripts import SYMBOL, Desktop, config, trading_day

SHARE = SCALE
STEP = import_module("kernel.step")
"""The module: the package's attribute of that name is the function."""


def acting(script: str, *more: str, ttl: int = 0, **changes: object) -> Desktop:
    """A booted desk with an actor, and further ones on the same symbol."""
    actors = tuple(actor(words, name=f"actor{n}", ttl=ttl) for n, words in enumerate((script, *more)))
    desktop = Desktop(config(strategies=actors, **changes))
    desktop.boot()
    return desktop


def status(desktop: Desktop, number: int = -1) -> OrderStatus:
    return desktop.order(number).status


def mode_of(desktop: Desktop) -> Mode:
    return desktop.desk.session.mode


def held(desktop: Desktop) -> int:
    return net_position(desktop.desk.holdings, SYMBOL)


def update(desktop: Desktop, word: BrokerEvent, execution: ExecutionReport | None, **changes: object) -> None:
    """A message about the last order, its order object changed."""
    name = desktop.order().client_order_id
    report = desktop.orders[name]._replace(**changes)  # type: ignore[arg-type]
    desktop.orders[name] = report
    desktop.give(TradeUpdated(desktop.at, word, word.value, report, execution, ""))


def trade(desktop: Desktop, name: str, quantity: int, price: int = 100) -> ExecutionReport:
    return ExecutionReport(
        name, ExecutionKind.TRADE, Price(price * SCALE), Quantity(quantity * SHARE), desktop.at
    )


# ---------------------------------------------------------------- a plain day


def test_an_entry_and_its_exit() -> None:
    desktop = acting("b10 s10")
    desktop.bar(10_000)
    assert (status(desktop), held(desktop)) == (OrderStatus.FILLED, 10 * SHARE)
    desktop.bar(10_100)
    assert (status(desktop), held(desktop)) == (OrderStatus.FILLED, 0)
    counters = desktop.desk.counters
    assert (counters.submitted, counters.filled, counters.executions) == (2, 2, 2)
    assert (counters.denied, counters.violations) == (0, 0)
    assert desktop.desk.holdings.cash_flow == 10 * SHARE * SCALE
    assert counters.checks > 0


def test_a_replay_gives_an_equal_desk_and_equal_commands() -> None:
    events = trading_day()
    desk, commands = EMPTY_DESK, list[tuple[Command, ...]]()
    wakes = list[Instant | None]()
    for event in events:
        result = step(desk, event)
        desk = result.desk
        commands.append(result.commands)
        wakes.append(result.wake_at)
    again = EMPTY_DESK
    for event, expected, wake_at in zip(events, commands, wakes, strict=True):
        result = step(again, event)
        again = result.desk
        assert (result.commands, result.wake_at) == (expected, wake_at)
    assert again == desk
    assert desk.counters.events == len(events)


def test_time_never_runs_backward_in_the_desk() -> None:
    desktop = acting("-")
    at = desktop.desk.at
    assert step(desktop.desk, Tick(Instant(at - MINUTE))).desk.at == at


# ---------------------------------------------------------------- entries that may not leave


NARROW = ThrottleConfig(limit=41, window=Duration(10 * MINUTE))
"""One entry in ten minutes, and none right after boot."""


def test_an_entry_that_waits_too_long_is_dropped_not_sent_late() -> None:
    desktop = acting("b10@99.00", throttle=NARROW)
    desktop.bar(10_000)
    assert desktop.sent(SubmitOrder) == []
    assert desktop.desk.book.open_count == 1
    desktop.run_until(Instant(desktop.at + 11 * SECOND))
    assert desktop.desk.book.open_count == 0
    assert desktop.desk.counters.refusals[RefusalCode.STALE] == 1
    desktop.run_until(Instant(desktop.at + 20 * MINUTE))
    assert desktop.sent(SubmitOrder) == []


@pytest.mark.parametrize("lost", ["link", "mode", "books", "quote"])
def test_an_entry_in_line_is_dropped_when_the_desk_does_not_allow_it_any_more(lost: str) -> None:
    desktop = acting("b10@99.00", throttle=NARROW)
    desktop.bar(10_000)
    assert desktop.desk.book.open_count == 1
    if lost == "link":
        desktop.give(LinkReported(desktop.at, LinkName.ORDERS, LinkInput.CONNECTION_LOST, ""))
        code = RefusalCode.LINK
    elif lost == "mode":
        desktop.give(ClockStepped(desktop.at, Duration(5 * SECOND)))
        code = RefusalCode.MODE
    elif lost == "books":
        desktop.desk = desktop.desk._replace(drift=desktop.desk.drift._replace(failures=1))
        desktop.tick(SECOND)
        code = RefusalCode.DRIFT
    else:
        gate = desktop.settings.gate._replace(quote_age_max=Duration(5 * SECOND))
        desktop.desk = desktop.desk._replace(config=desktop.settings._replace(gate=gate))
        desktop.tick(6 * SECOND)
        code = RefusalCode.PRICE_STALE
    assert desktop.desk.book.open_count == 0
    assert dict(desktop.desk.counters.refusals) == {code: 1}


def test_an_entry_withdrawn_in_line_costs_no_permit() -> None:
    desktop = acting("b10@99.00", throttle=NARROW)
    desktop.bar(10_000)
    order = next(iter(desktop.desk.book.orders.values()))
    sent = desktop.desk.throttle.sent
    desktop.boot()
    assert desktop.desk.book.orders[order.client_order_id].status is OrderStatus.DENIED
    assert dict(desktop.desk.counters.refusals) == {RefusalCode.WITHDRAWN: 1}
    assert desktop.desk.throttle.sent > sent
    assert desktop.sent(SubmitOrder) == []


def test_the_same_intent_is_taken_once() -> None:
    limits = config().gate._replace(single_trade_per_symbol=False)
    desktop = acting("b10@99.00 -", gate=limits)
    desktop.bar(10_000)
    intent = desktop.order().intent
    taken = desktop.desk.intents
    assert intent in taken.taken
    seat = desktop.desk.seats["actor0/SPY"]
    twice = desktop.desk.seats.set("actor0/SPY", seat._replace(state=0))
    starts = desktop.desk.market.bar_starts.delete(SYMBOL)
    desktop.desk = desktop.desk._replace(seats=twice, market=desktop.desk.market._replace(bar_starts=starts))
    desktop.at = Instant(desktop.at - MINUTE)
    desktop.bar(10_000)
    assert dict(desktop.desk.counters.refusals) == {RefusalCode.DUPLICATE: 1}
    assert len(desktop.sent(SubmitOrder)) == 1


# ---------------------------------------------------------------- submits without an answer


@pytest.mark.parametrize("arrived", [True, False])
def test_a_submit_without_an_answer_is_looked_up_and_never_repeated(arrived: bool) -> None:
    desktop = acting("b10@99.00")
    desktop.deaf_to = {SubmitOrder}
    desktop.bar(10_000)
    submit = desktop.unanswered[0]
    assert isinstance(submit, SubmitOrder)
    if arrived:
        desktop.orders[submit.ticket.client_order_id] = desktop.report(submit)
    desktop.give(CallAnswered(desktop.at, submit.call, desktop.at, Doubtful(DoubtCause.TIMEOUT, ""), None))
    desktop.run_until(Instant(desktop.at + 5 * MINUTE))
    assert status(desktop) is (OrderStatus.WORKING if arrived else OrderStatus.ABSENT)
    assert len(desktop.sent(SubmitOrder)) == 1


def test_a_call_that_the_shell_never_answers_counts_as_doubtful() -> None:
    desktop = acting("b10@99.00")
    desktop.deaf_to = {SubmitOrder, QueryOrder}
    desktop.bar(10_000)
    desktop.run_until(Instant(desktop.at + OrderConfig().call_silence_max - 1))
    assert status(desktop) is OrderStatus.SENDING
    desktop.run_until(Instant(desktop.at + 2))
    assert status(desktop) is OrderStatus.IN_DOUBT
    assert desktop.desk.counters.anomalies[Anomaly.CALL_FAILED] == 1


def test_deadlines_for_silence_do_not_pile_up() -> None:
    desktop = acting("-")
    for _ in range(200):
        desktop.deaf_to = set()
        desktop.bar(10_000)
    assert desktop.desk.timers.size < 20


def test_an_answer_about_another_order_is_no_answer() -> None:
    desktop = acting("b10@99.00")
    desktop.deaf_to = {SubmitOrder}
    desktop.bar(10_000)
    submit = desktop.unanswered[0]
    assert isinstance(submit, SubmitOrder)
    other = desktop.report(submit)._replace(client_order_id="somebody-else", broker_order_id="B-else")
    desktop.deaf_to = {QueryOrder}
    desktop.give(CallAnswered(desktop.at, submit.call, desktop.at, OrderBody(other), None))
    assert status(desktop) is OrderStatus.IN_DOUBT
    assert desktop.order().broker_ids == ()


# ---------------------------------------------------------------- cancels


def test_a_cancel_without_effect_is_repeated_and_then_a_person_is_called() -> None:
    desktop = acting("b10@99.00 w w w w")
    desktop.bar(10_000)
    desktop.deaf_to = {CancelOrder}
    desktop.bar(10_000)
    assert len(desktop.sent(CancelOrder)) == 1
    desktop.run_until(Instant(desktop.at + 10 * MINUTE))
    settings = OrderConfig()
    assert len(desktop.sent(CancelOrder)) == settings.cancel_repeats_max
    assert desktop.alerts().count(Anomaly.CANCEL_STUCK.value) == 1
    assert desktop.desk.book.open_count == 1, "it is never assumed done"


def test_a_withdrawal_at_every_bar_is_one_cancel() -> None:
    desktop = acting("b10@99.00 w w w")
    desktop.bar(10_000)
    slow = desktop.settings.orders._replace(cancel_repeat_every=Duration(MINUTE * 60))
    desktop.desk = desktop.desk._replace(config=desktop.settings._replace(orders=slow))
    desktop.deaf_to = {CancelOrder}
    for _ in range(3):
        desktop.bar(10_000)
    assert len(desktop.sent(CancelOrder)) == 1


def test_a_time_to_live_cancels_also_after_a_cancel_was_refused() -> None:
    desktop = acting("b10@99.00 w", ttl=10 * MINUTE)
    desktop.bar(10_000)
    desktop.deaf_to = {CancelOrder}
    desktop.bar(10_000)
    update(desktop, BrokerEvent.ORDER_CANCEL_REJECTED, None)
    desktop.deaf_to = set()
    desktop.run_until(Instant(desktop.at + 11 * MINUTE))
    assert status(desktop) is OrderStatus.CANCELED


def test_an_order_is_canceled_as_soon_as_its_id_is_known() -> None:
    desktop = acting("b10@99.00 w")
    desktop.deaf_to = {SubmitOrder}
    desktop.bar(10_000)
    desktop.bar(10_000)
    assert desktop.sent(CancelOrder) == []
    submit = desktop.unanswered[0]
    assert isinstance(submit, SubmitOrder)
    desktop.submit(submit)
    desktop.give(Tick(desktop.at))
    assert status(desktop) is OrderStatus.CANCELED


def test_a_cancel_of_what_has_ended_does_not_leave() -> None:
    desktop = acting("b10@99.00 w")
    desktop.bar(10_000)
    desktop.give(CallAnswered(desktop.at, 0, desktop.at, RateLimited(Duration(30 * SECOND)), None))
    desktop.at = Instant(desktop.at - 55 * SECOND)
    desktop.bar(10_000)
    assert desktop.sent(CancelOrder) == []
    assert desktop.desk.calls.waiting > 0
    update(desktop, BrokerEvent.CANCELED, None, status=BrokerStatus.CANCELED)
    desktop.run_until(Instant(desktop.at + 5 * MINUTE))
    assert desktop.sent(CancelOrder) == []


# ---------------------------------------------------------------- fills


def test_the_same_message_twice_books_once() -> None:
    desktop = acting("b10")
    desktop.bar(10_000)
    fills = [event for event in desktop.events if isinstance(event, TradeUpdated) and event.execution]
    for event in fills * 3:
        desktop.give(event)
    assert held(desktop) == 10 * SHARE
    assert desktop.desk.counters.executions == len(fills) == 1


def test_a_late_fill_is_booked() -> None:
    desktop = acting("b10@99.00 w")
    desktop.bar(10_000)
    desktop.bar(10_000)
    assert status(desktop) is OrderStatus.CANCELED
    filled = {"filled_quantity": Quantity(4 * SHARE), "filled_average": Price(99 * SCALE)}
    update(desktop, BrokerEvent.PARTIAL_FILL, trade(desktop, "X9", 4, 99), **filled)
    assert (held(desktop), status(desktop)) == (4 * SHARE, OrderStatus.CANCELED)
    assert Anomaly.LATE_FILL.value in desktop.alerts()


def test_fills_known_by_report_only_then_by_activities_then_by_executions() -> None:
    desktop = acting("b10@99.00")
    desktop.bar(10_000)
    name = desktop.order().client_order_id
    rounded = {
        "status": BrokerStatus.FILLED,
        "filled_quantity": Quantity(10 * SHARE),
        "filled_average": Price(98_333_333_333),
    }
    update(desktop, BrokerEvent.NEW, None, **rounded)
    assert (held(desktop), status(desktop)) == (10 * SHARE, OrderStatus.FILLED)
    estimate = desktop.desk.holdings.cash_flow
    assert not is_exact(desktop.order().ledger)

    desktop.deaf_to = {FetchActivities}
    desktop.run_until(Instant(desktop.at + 3 * SECOND))
    call = desktop.sent(FetchActivities)[-1].call
    leg = desktop.order().broker_ids[0]
    rows = tuple(
        ActivityRow(f"A{n}", leg, SYMBOL, Side.BUY, Price(price), Quantity(size), Quantity(0), desktop.at)
        for n, (price, size) in enumerate([(98 * SCALE, 5 * SHARE), (98_666_666_667, 5 * SHARE)])
    )
    desktop.give(CallAnswered(desktop.at, call, desktop.at, ActivityRows(rows, None), None))
    exact = -(98 * SCALE + 98_666_666_667) * 5 * SHARE
    assert desktop.desk.holdings.cash_flow == exact != estimate
    assert is_exact(desktop.order().ledger)
    assert fills_missing(desktop.order().ledger)

    for n, price in enumerate((98 * SCALE, 98_666_666_667)):
        piece = ExecutionReport(f"X{n}", ExecutionKind.TRADE, Price(price), Quantity(5 * SHARE), desktop.at)
        report = desktop.orders[name]
        word = BrokerEvent.PARTIAL_FILL
        desktop.give(TradeUpdated(desktop.at, word, word.value, report, piece, ""))
    assert not fills_missing(desktop.order().ledger)
    assert (desktop.desk.holdings.cash_flow, held(desktop)) == (exact, 10 * SHARE)


def test_executions_that_follow_soon_cost_no_fetch() -> None:
    desktop = acting("b10@99.00")
    desktop.bar(10_000)
    name = desktop.order().client_order_id
    filled = {
        "status": BrokerStatus.FILLED,
        "filled_quantity": Quantity(10 * SHARE),
        "filled_average": Price(99 * SCALE),
    }
    update(desktop, BrokerEvent.NEW, None, **filled)
    desktop.tick(SECOND)
    word = BrokerEvent.FILL
    piece = trade(desktop, "X1", 10, 99)
    desktop.give(TradeUpdated(desktop.at, word, word.value, desktop.orders[name], piece, ""))
    desktop.run_until(Instant(desktop.at + MINUTE))
    assert desktop.sent(FetchActivities) == []
    assert held(desktop) == 10 * SHARE


def test_readings_that_bring_nothing_end() -> None:
    desktop = acting("b10@99.00")
    desktop.bar(10_000)
    filled = {"filled_quantity": Quantity(SHARE), "filled_average": Price(99 * SCALE)}
    update(desktop, BrokerEvent.NEW, None, **filled)
    desktop.deaf_to = {FetchPositions}  # so that no comparison comes to its end
    desktop.run_until(Instant(desktop.at + 30 * MINUTE))
    assert 10 <= len(desktop.sent(FetchActivities)) <= 23, "and one for each comparison"


# ---------------------------------------------------------------- what is not understood


def test_an_unknown_word_reduces_and_an_operator_arms_again() -> None:
    desktop = acting("b10@99.00 - b10@98.00")
    desktop.bar(10_000)
    update(desktop, BrokerEvent.UNRECOGNIZED, None)
    assert mode_of(desktop) is Mode.REDUCING
    assert Anomaly.UNKNOWN_WORD.value in desktop.alerts()


@pytest.mark.parametrize(
    ("source", "reduces"),
    [("trade_updates", True), ("GET /v2/orders", True), ("market", False), ("GET /v2/account", False)],
)
def test_what_nobody_can_read_about_orders_reduces(source: str, reduces: bool) -> None:
    desktop = acting("-")
    desktop.give(Unrecognized(desktop.at, source, "{", "not JSON"))
    assert mode_of(desktop) is (Mode.REDUCING if reduces else Mode.ARMED)
    assert desktop.desk.counters.anomalies[Anomaly.UNREADABLE] == 1


def test_an_order_of_ours_from_a_later_start_reduces_and_a_foreign_one_does_not() -> None:
    desktop = acting("b10@99.00")
    desktop.bar(10_000)
    report = desktop.orders[desktop.order().client_order_id]
    word = BrokerEvent.NEW
    foreign = report._replace(client_order_id="somebody-else", broker_order_id="B-else")
    desktop.give(TradeUpdated(desktop.at, word, "new", foreign, None, ""))
    assert mode_of(desktop) is Mode.ARMED
    ours = report._replace(client_order_id="mqd-9-vwap-000000001", broker_order_id="B-old")
    desktop.give(TradeUpdated(desktop.at, word, "new", ours, None, ""))
    assert mode_of(desktop) is Mode.REDUCING


def test_two_orders_at_the_broker_under_one_id_reduce() -> None:
    desktop = acting("b10@99.00")
    desktop.bar(10_000)
    update(desktop, BrokerEvent.NEW, None, broker_order_id="B-second")
    assert mode_of(desktop) is Mode.REDUCING
    assert Anomaly.DOUBLED.value in desktop.alerts()


def test_a_replace_by_somebody_else_is_followed_whichever_leg_is_told_first() -> None:
    desktop = acting("b10@99.00")
    desktop.bar(10_000)
    name = desktop.order().client_order_id
    old = desktop.orders[name]
    new = old._replace(
        client_order_id="by-hand",
        broker_order_id="B-new",
        replaces=old.broker_order_id,
        quantity=Quantity(7 * SHARE),
    )
    desktop.give(TradeUpdated(desktop.at, BrokerEvent.NEW, "new", new, None, ""))
    assert desktop.order().broker_ids == (old.broker_order_id, "B-new")
    assert desktop.order().quantity == 7 * SHARE
    piece = trade(desktop, "X1", 7, 99)
    done = new._replace(
        status=BrokerStatus.FILLED, filled_quantity=Quantity(7 * SHARE), filled_average=Price(99 * SCALE)
    )
    desktop.give(TradeUpdated(desktop.at, BrokerEvent.FILL, "fill", done, piece, ""))
    assert (status(desktop), held(desktop)) == (OrderStatus.FILLED, 7 * SHARE)


# ---------------------------------------------------------------- strategies


@pytest.mark.parametrize("word", ["raise", "junk"])
def test_a_strategy_that_fails_is_quarantined_and_the_others_go_on(word: str) -> None:
    limits = config().gate._replace(single_trade_per_symbol=False)
    desktop = acting(f"b10@99.00 {word} b10@98.00", "- - b10@97.00", gate=limits)
    for _ in range(3):
        desktop.bar(10_000)
    seat = desktop.desk.seats["actor0/SPY"]
    assert seat.status is StrategyState.FAULTED
    assert seat.fault
    assert "0x" not in seat.fault
    assert [submit.ticket.limit_price for submit in desktop.sent(SubmitOrder)] == [99 * SCALE, 97 * SCALE]
    assert status(desktop, 0) is OrderStatus.CANCELED
    assert status(desktop, 1) is OrderStatus.WORKING
    assert desktop.desk.seats["actor1/SPY"].status is StrategyState.ACTIVE
    assert desktop.alerts().count(Anomaly.STRATEGY_FAULT.value) == 1


def test_an_exit_of_a_quarantined_strategy_stays() -> None:
    desktop = acting("b10 s10@101.00 raise")
    for _ in range(3):
        desktop.bar(10_000)
    assert status(desktop) is OrderStatus.WORKING
    assert held(desktop) == 10 * SHARE


# ---------------------------------------------------------------- the broker's pace; promises that stay on


def test_a_limit_that_the_broker_lowers_is_no_violation() -> None:
    desktop = acting("b10@99.00 w b10@98.00 w")
    for _ in range(2):
        desktop.bar(10_000)
    low = RateHeaders(3, 3, None)
    desktop.give(CallAnswered(desktop.at, 0, desktop.at, Done(), low))
    assert desktop.desk.throttle.pool.limit == 3
    assert desktop.desk.throttle.peak > 3
    for _ in range(3):
        desktop.bar(10_000)
    assert desktop.desk.counters.violations == 0
    assert mode_of(desktop) is Mode.ARMED


def test_a_promise_that_does_not_hold_halts_and_cancels_entries_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desktop = acting("b10@99.00 -")
    desktop.bar(10_000)
    once = iter([("I5: planted",)])
    monkeypatch.setattr(STEP, "violations", lambda turn, sent: next(once, ()))
    desktop.give(Tick(desktop.at))
    assert mode_of(desktop) is Mode.HALTED
    assert status(desktop) is OrderStatus.CANCELED
    assert desktop.desk.counters.violations == 1
    assert "invariant" in desktop.alerts()


def test_an_entry_that_leaves_against_the_rules_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    desktop = acting("b10@99.00")
    desktop.deaf_to = {OpenLink}
    desktop.give(LinkReported(desktop.at, LinkName.ORDERS, LinkInput.CONNECTION_LOST, ""))
    monkeypatch.setattr("kernel.risk.gate._BY_PURPOSE", dict.fromkeys(Purpose, ()))
    monkeypatch.setattr(import_module("kernel.sending"), "_barrier", lambda turn, symbol: None)
    desktop.bar(10_000)
    assert desktop.desk.counters.violations >= 1
    assert mode_of(desktop) is Mode.HALTED
