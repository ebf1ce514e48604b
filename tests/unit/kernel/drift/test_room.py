"""The room: every class of drift to its end, the schedule, and that the same snapshot is nothing new."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel import EMPTY_DESK, Desk, Event, step
from kernel.commands import FetchAccount, FetchOrders, FetchPositions, OrdersScope, QueryOrder
from kernel.drift.look import RETRY, TRIES_MAX
from kernel.drift.record import is_clean
from kernel.events import CallAnswered, DoubtCause, Doubtful, OperatorSaid, OperatorWord, TradeUpdated
from kernel.orders.chart import OrderStatus
from kernel.reasons import Anomaly
from kernel.reports import BrokerEvent, BrokerStatus
from kernel.session.boot import is_drained
from kernel.session.chart import Mode
from kernel.sides import Side
from kernel.units import MINUTE, SCALE, SECOND, Duration, Instant, Price, Quantity
from tests.unit.kernel.acting import actor
from tests.unit.kernel.drift.kit import FOREIGN, Account, order_report
from tests.unit.kernel.scripts import SYMBOL, config

SHARE = SCALE
COIN = "BTC/USD"
LOST = Doubtful(DoubtCause.TIMEOUT, "as the test says")


def started(script: str = "", symbol: str = SYMBOL, **drift: object) -> Account:
    base = config(strategies=(actor(script, symbol=symbol),))
    account = Account(base._replace(drift=base.drift._replace(**drift)))  # type: ignore[arg-type]
    account.boot()
    return account


def with_order() -> Account:
    """An order that is open, long enough to be missed."""
    account = started("b10@95.00")
    account.bar(10_000)
    account.tick(20 * SECOND)
    return account


def mode_of(account: Account) -> Mode:
    return account.desk.session.mode


# ---------------------------------------------------------------- shadows and ends


def test_a_shadow_ends_absent_by_consecutive_queries_and_evidence_revives_it() -> None:
    account = with_order()
    name = account.order().client_order_id
    report = account.orders.pop(name)
    account.look()
    assert account.open_keys() == [f"shadow:{name}"]
    assert account.order().status is OrderStatus.WORKING, "one look is no verdict"
    account.look(3)
    assert account.order().status is OrderStatus.ABSENT
    assert account.ended() == [f"shadow:{name}: healed"]
    assert is_clean(account.desk.drift)
    assert len(account.sent(QueryOrder)) >= account.settings.orders.absent_misses
    account.orders[name] = report
    account.give(TradeUpdated(account.at, BrokerEvent.NEW, "new", report, None, ""))
    assert account.order().status is OrderStatus.WORKING


def test_a_young_order_is_not_missed() -> None:
    account = started("b10@95.00")
    account.look()
    account.bar(10_000)
    account.unlisted = {account.order().client_order_id}
    account.give(OperatorSaid(account.at, OperatorWord.HALT, "look now", "test"))
    assert account.sent(QueryOrder) == []
    assert account.open_keys() == []


def test_an_end_that_the_stream_did_not_say_is_taken_from_the_query_and_told() -> None:
    account = with_order()
    name = account.order().client_order_id
    gone = account.orders[name]._replace(status=BrokerStatus.CANCELED, status_text="canceled")
    account.orders[name] = gone
    account.unlisted = {name}
    account.look()
    assert account.order().status is OrderStatus.CANCELED
    assert account.ended() == [f"status:{name}: healed"]
    assert is_clean(account.desk.drift)


def test_an_end_that_the_stream_said_while_the_query_was_under_way_is_no_drift() -> None:
    account = with_order()
    name = account.order().client_order_id
    account.unlisted = {name}
    account.deaf_to = {QueryOrder}
    while not account.unanswered:
        assert account.wake_at is not None
        account.run_until(account.wake_at)
    (query,) = account.unanswered
    account.end(name, BrokerEvent.CANCELED, BrokerStatus.CANCELED)
    account.tick(1)
    account.deaf_to = set()
    account.tick(1)
    account.answer(query)
    account.tick(1)
    assert account.desk.drift.look is None
    assert account.ended() == []


@pytest.mark.parametrize(
    ("policy", "mode", "end"),
    [
        ("observe", Mode.ARMED, "dismissed"),
        ("reduce", Mode.REDUCING, "escalated"),
        ("halt", Mode.HALTED, "escalated"),
    ],
)
def test_the_policies_of_a_position_that_nothing_explains(policy: str, mode: Mode, end: str) -> None:
    account = started(position=policy)
    account.tick(SECOND)
    account.positions[SYMBOL] = 7 * SHARE
    account.look(10)
    assert mode_of(account) is mode
    assert account.ended() == [f"position:{SYMBOL}: {end}"]
    assert dict(account.desk.drift.foreign.positions) == {SYMBOL: 7 * SHARE}
    assert is_clean(account.desk.drift)
    account.positions[SYMBOL] = 9 * SHARE
    account.look(1)
    assert account.open_keys() == [f"position:{SYMBOL}"], "the next drift is seen from the new base"


@pytest.mark.parametrize(
    ("policy", "mode", "end"),
    [
        ("observe", Mode.ARMED, "dismissed"),
        ("reduce", Mode.REDUCING, "escalated"),
        ("halt", Mode.HALTED, "escalated"),
    ],
)
def test_the_policies_of_cash_that_nothing_explains(policy: str, mode: Mode, end: str) -> None:
    account = started(cash=policy)
    account.cash += 25 * SCALE * SCALE
    account.look(10)
    assert mode_of(account) is mode
    assert account.ended() == [f"cash:cash: {end}"]
    assert account.desk.drift.foreign.cash == 25 * SCALE * SCALE
    assert is_clean(account.desk.drift)


def test_a_difference_that_goes_by_itself_is_healed_and_nobody_is_called() -> None:
    account = started()
    account.positions[SYMBOL] = 7 * SHARE
    account.look()
    account.positions.clear()
    account.look()
    assert account.ended() == [f"position:{SYMBOL}: healed"]
    assert Anomaly.POSITION_DRIFT not in account.desk.counters.anomalies


# ---------------------------------------------------------------- fees in the coin


def with_coins() -> Account:
    """A coin bought; the desk reckons with its configured fee."""
    account = started("b1", symbol=COIN)
    account.bar(10_000, COIN)
    assert account.desk.holdings.net[COIN] == SHARE - SHARE * account.settings.crypto_fee // SCALE
    return account


def test_a_coin_fee_that_is_another_is_charged_after_a_second_look() -> None:
    account = with_coins()
    account.positions[COIN] = SHARE - SHARE * 4 // 1_000
    account.look()
    assert account.open_keys() == [f"coin_fee:{COIN}"], "positions may lag behind fills"
    account.look(2)
    assert account.desk.holdings.net[COIN] == account.positions[COIN]
    assert account.ended() == [f"coin_fee:{COIN}: healed"]
    assert is_clean(account.desk.drift)


def test_a_position_of_coins_that_lags_for_one_look_charges_nothing() -> None:
    account = with_coins()
    net = account.desk.holdings.net[COIN]
    account.positions[COIN] = net - 1_000_000
    account.look()
    account.positions[COIN] = net
    account.look()
    assert account.desk.holdings.net[COIN] == net
    assert account.ended() == [f"coin_fee:{COIN}: healed"]
    assert dict(account.desk.drift.foreign.positions) == {}


def test_a_coin_fee_that_is_less_is_kept_apart() -> None:
    account = with_coins()
    net = account.desk.holdings.net[COIN]
    account.positions[COIN] = SHARE
    account.look(3)
    assert account.desk.holdings.net[COIN] == net
    assert account.desk.drift.foreign.positions[COIN] == SHARE - net
    assert is_clean(account.desk.drift)


# ---------------------------------------------------------------- the schedule


def lists_asked(account: Account) -> int:
    return len([c for c in account.sent(FetchOrders) if c.scope is OrdersScope.OPEN])


def test_without_open_orders_looks_come_every_reconcile_every() -> None:
    account = started()
    before = lists_asked(account)
    account.run_until(Instant(account.at + 20 * MINUTE))
    assert lists_asked(account) - before == 4


def test_while_an_order_is_open_and_the_stream_is_mute_looks_come_sooner_again_and_again() -> None:
    account = with_order()
    before = lists_asked(account)
    account.run_until(Instant(account.at + 4 * MINUTE))
    assert 7 <= lists_asked(account) - before <= 9
    account.end(account.order().client_order_id, BrokerEvent.CANCELED, BrokerStatus.CANCELED)
    account.tick(1)
    before = lists_asked(account)
    account.run_until(Instant(account.at + 4 * MINUTE))
    assert lists_asked(account) - before <= 1


def test_a_stream_that_speaks_needs_no_more_looks() -> None:
    account = with_order()
    name = account.order().client_order_id
    before = lists_asked(account)
    for _ in range(20):
        account.give(TradeUpdated(account.at, BrokerEvent.NEW, "new", account.orders[name], None, ""))
        account.run_until(Instant(account.at + 10 * SECOND))
    assert lists_asked(account) == before


def test_the_watch_over_a_mute_stream_is_one_deadline_however_many_orders() -> None:
    base = config(strategies=(actor(" ".join(f"b10@{95 + n / 100:.2f}" for n in range(40))),))
    account = Account(base._replace(gate=base.gate._replace(single_trade_per_symbol=False)))
    account.boot()
    for _ in range(40):
        account.bar(10_000)
    assert account.desk.book.open_count > 30
    account.run_until(Instant(account.at + 10 * MINUTE))
    slots = account.desk.timers.slots.values()
    assert len([slot for slot in slots if slot.key == "look"]) <= 12, "a look's own, every 30 s for 5 minutes"


def test_new_orders_do_not_put_the_watch_off() -> None:
    """The stream is dead and an order leaves every minute: the look comes all the same."""
    base = config(strategies=(actor(" ".join(f"b10@{96 + n / 100:.2f}" for n in range(10))),))
    account = Account(
        base._replace(
            gate=base.gate._replace(single_trade_per_symbol=False),
            drift=base.drift._replace(look_every_mute=Duration(5 * MINUTE)),
            reconcile_every=Duration(60 * MINUTE),
        )
    )
    account.boot()
    account.speaks = False
    before = lists_asked(account)
    for _ in range(8):
        account.bar(10_000)
        account.run_until(account.at)
    assert account.desk.book.open_count == 8
    assert lists_asked(account) == before + 1


def test_an_order_that_filled_while_it_was_looked_up_is_no_shadow() -> None:
    account = with_order()
    name = account.order().client_order_id
    report = account.orders.pop(name)
    account.deaf_to = {QueryOrder}
    while not account.unanswered:
        assert account.wake_at is not None
        account.run_until(account.wake_at)
    (query,) = account.unanswered
    account.deaf_to = set()
    account.answer(query)
    account.orders[name] = report
    account.fill(name, Quantity(4 * SHARE), Price(94 * SCALE))
    account.inbox.rotate(1)
    account.tick(1)
    assert account.desk.drift.look is None
    assert account.open_keys() == []


def test_a_restart_with_open_orders_watches_again() -> None:
    account = with_order()
    account.boot()
    before = lists_asked(account)
    account.run_until(Instant(account.at + 4 * MINUTE))
    assert lists_asked(account) - before >= 7


def test_looks_that_are_not_clean_come_with_growing_waits_and_are_said() -> None:
    account = started()
    account.positions[SYMBOL] = 7 * SHARE
    account.look()
    waits = []
    for _ in range(4):
        waits.append(account.desk.drift.next_look_at - account.at)
        account.look()
    assert waits == [RETRY << n for n in range(4)]
    assert account.alerts().count("sync") == 1


def test_a_look_whose_answers_never_come_fails_and_blocks() -> None:
    account = started()
    account.deaf_to = {FetchPositions}
    account.run_until(account.desk.drift.next_look_at)
    tries = 0
    while account.unanswered and tries < 100:
        command = account.unanswered.pop()
        assert isinstance(command, FetchPositions)
        account.give(CallAnswered(account.at, command.call, account.at, LOST, None))
        tries += 1
        if account.desk.drift.look is not None:
            account.run_until(Instant(account.at + RETRY))
    assert tries == TRIES_MAX + 1
    assert account.desk.drift.failures == 1
    assert not is_clean(account.desk.drift)
    account.deaf_to = set()
    account.look()
    assert is_clean(account.desk.drift)


def test_a_reconnect_while_a_stage_waits_begins_the_look_anew() -> None:
    account = started()
    account.deaf_to = {FetchPositions}
    account.run_until(account.desk.drift.next_look_at)
    (lost,) = account.unanswered
    assert isinstance(lost, FetchPositions)
    account.give(CallAnswered(account.at, lost.call, account.at, LOST, None))
    waiting = account.desk.drift.look
    assert waiting is not None
    assert waiting.again_at > account.at
    account.deaf_to = set()
    account.boot()
    assert account.desk.drift.look is None
    assert is_clean(account.desk.drift)
    account.run_until(Instant(account.at + 10 * RETRY))
    assert is_clean(account.desk.drift)
    late = CallAnswered(account.at, lost.call, account.at, LOST, None)
    before = account.desk.drift
    account.give(late)
    assert account.desk.drift == before, "an answer of an earlier look is of no use"


# ---------------------------------------------------------------- pages


def test_every_page_of_the_lists_is_read() -> None:
    account = started()
    account.tick(SECOND)
    for number in range(23):
        name = f"other-{number}"
        account.others[name] = order_report(name, at=account.at + number)
    lost = "mqd-1-actor-000000077"
    account.orders[lost] = order_report(lost, at=account.at, status=BrokerStatus.CANCELED)
    account.page_rows = 4
    account.look()
    assert len(account.desk.drift.foreign.orders) == 23
    assert account.desk.book.orders[lost].status is OrderStatus.CANCELED, "the recent list has pages too"
    assert len(account.desk.drift.cases.ended) == 24, "rows that two pages show are found once"
    assert is_clean(account.desk.drift)


def test_rows_of_one_instant_that_a_page_cuts_are_not_lost() -> None:
    account = started()
    account.tick(SECOND)
    for number in range(9):
        name = f"other-{number}"
        account.others[name] = order_report(name, at=account.at + number // 3)
    account.page_rows = 4
    account.look()
    assert len(account.desk.drift.foreign.orders) == 9


def test_a_page_of_one_instant_alone_is_never_clean_and_not_asked_for_ever() -> None:
    account = started()
    account.tick(SECOND)
    for number in range(9):
        name = f"other-{number}"
        account.others[name] = order_report(name, at=account.at)
    account.page_rows = 4
    before = len(account.sent(FetchOrders))
    account.look()
    assert not is_clean(account.desk.drift)
    assert len(account.sent(FetchOrders)) - before <= 3 * (TRIES_MAX + 1)


def test_a_restart_lists_what_is_recent_since_the_last_clean_look_of_any_epoch() -> None:
    account = started()
    account.run_until(Instant(account.at + 120 * MINUTE))
    clean = account.desk.drift.agreed_at
    account.boot()
    recent = [command for command in account.sent(FetchOrders) if command.scope is OrdersScope.ALL]
    assert recent[-1].after == clean - MINUTE, "not since the books were opened: that only grows"


# ---------------------------------------------------------------- start, drain


def test_a_start_forgets_the_look_and_keeps_the_cases() -> None:
    account = started()
    account.positions[SYMBOL] = 7 * SHARE
    account.look(2)
    (key,) = account.open_keys()
    before = account.desk.drift
    account.deaf_to = {FetchOrders}
    account.boot()
    after = account.desk.drift
    assert (after.looked_at, after.failures, after.cases.open) == (0, 0, before.cases.open)
    assert after.agreed_at == before.agreed_at
    assert not is_clean(after)
    assert mode_of(account) is Mode.COLD
    assert key == f"position:{SYMBOL}"


def test_a_drain_ends_with_a_clean_look_that_is_younger_than_the_last_end() -> None:
    account = with_order()
    account.deaf_to = {FetchAccount}
    account.give(OperatorSaid(account.at, OperatorWord.DRAIN, "stop", "test"))
    name = account.order().client_order_id
    assert account.orders[name].status is BrokerStatus.CANCELED
    assert not is_drained(account.desk)
    account.deaf_to = set()
    for command in account.unanswered:
        account.answer(command)
    account.tick(SECOND)
    account.run_until(Instant(account.at + 5 * SECOND))
    assert is_drained(account.desk)
    assert account.desk.drift.looked_at >= account.desk.session.drain_since


# ---------------------------------------------------------------- idempotence


def troubled() -> Account:
    """A day with all sorts of drift."""
    account = started("b10@95.00 b5 - b5")
    account.bar(10_000)
    account.bar(10_000)
    account.others[FOREIGN] = order_report(FOREIGN, quantity=50, at=account.at)
    account.orders["mqd-1-actor-000000077"] = order_report(
        "mqd-1-actor-000000077", symbol="QQQ", at=account.at
    )
    account.other_fill(FOREIGN, 20)
    account.tick(20 * SECOND)
    account.cash += 30 * SCALE * SCALE
    account.positions["IWM"] = -4 * SHARE
    account.speaks = False
    account.fill(account.order(0).client_order_id, Quantity(4 * SHARE), Price(94 * SCALE))
    account.orders["mqd-1-actor-000000078"] = order_report(
        "mqd-1-actor-000000078", symbol="DIA", at=account.at, side=Side.SELL
    )._replace(type=None)
    account.look(10)
    return account


def settled_state(account: Account) -> tuple[Any, ...]:
    """What the same snapshot again must not change."""
    drift, desk = account.desk.drift, account.desk
    counters = desk.counters._replace(events=0, checks=0)
    return (drift.cases, drift.foreign, desk.book, desk.holdings, counters, desk.session.mode)


def test_the_same_snapshot_again_changes_nothing_also_after_a_restart() -> None:
    account = troubled()
    assert is_clean(account.desk.drift)
    assert account.open_keys() == []
    before = settled_state(account)
    account.look(3)
    assert settled_state(account) == before
    account.boot()
    account.look(12)
    after = settled_state(account)
    again = [key for key in account.ended() if account.ended().count(key) > 1]
    assert again == ["orphan_ours:mqd-1-actor-000000078: escalated"] * 2, "a start asks the policies anew"
    assert after[1:4] == before[1:4]


def replayed(events: list[Event], desk: Desk = EMPTY_DESK) -> Desk:
    for event in events:
        desk = step(desk, event).desk
    return desk


def test_a_replay_gives_the_same_desk_and_a_look_after_it_finds_nothing_new() -> None:
    account = troubled()
    desk = replayed(account.events)
    assert desk == account.desk
    middle = len(account.events) // 2
    assert replayed(account.events[middle:], replayed(account.events[:middle])) == account.desk


# ---------------------------------------------------------------- any desk, any snapshot

amounts = st.integers(-9, 9)


@settings(max_examples=25, deadline=None)
@given(
    positions=st.dictionaries(st.sampled_from([SYMBOL, "QQQ", "IWM", COIN]), amounts),
    cash=st.integers(-50, 50),
    forgotten=st.booleans(),
    strangers=st.integers(0, 3),
    ours=st.integers(0, 2),
)
def test_whatever_the_broker_says_every_case_ends_and_the_books_agree(
    positions: dict[str, int], cash: int, forgotten: bool, strangers: int, ours: int
) -> None:
    account = with_order()
    for symbol, shares in positions.items():
        account.positions[symbol] = account.positions.get(symbol, 0) + shares * SHARE
    account.cash += cash * SCALE * SCALE
    if forgotten:
        account.orders.clear()
    for number in range(strangers):
        account.others[f"other-{number}"] = order_report(f"other-{number}", at=account.at + number)
    for number in range(ours):
        name = f"mqd-1-actor-{500 + number:09d}"
        account.orders[name] = order_report(name, at=account.at + number)
    account.look(12)
    drift, holdings = account.desk.drift, account.desk.holdings
    assert is_clean(drift)
    assert account.open_keys() == []
    assert all(case.outcome and case.ended_at for case in drift.cases.ended)
    for symbol in {*account.positions, *holdings.net, *drift.foreign.positions}:
        total = holdings.net.get(symbol, 0) + drift.foreign.positions.get(symbol, 0)
        assert total == account.positions.get(symbol, 0)
    assert drift.opening_cash is not None
    total_cash = drift.opening_cash + holdings.cash_flow + drift.foreign.cash
    assert abs(total_cash - account.cash) < SCALE * SCALE // 100
    before = settled_state(account)
    account.look(2)
    assert settled_state(account) == before
    assert account.desk.counters.violations == 0


def test_the_grace_is_configured() -> None:
    account = started("b10@95.00", grace=Duration(10 * MINUTE))
    account.bar(10_000)
    account.orders.clear()
    account.look(3)
    assert account.open_keys() == []
