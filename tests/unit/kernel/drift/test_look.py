"""Comparing with the broker: clean opens the desk, differences bar entries, a failed answer is no answer."""

import pytest

from kernel.commands import FetchAccount, FetchOrders, FetchPositions, QueryOrder
from kernel.drift.look import RETRY
from kernel.drift.record import is_clean
from kernel.events import AccountBody, CallAnswered, DoubtCause, Doubtful
from kernel.reasons import Anomaly, RefusalCode
from kernel.reports import AccountReport
from kernel.session.chart import Mode
from kernel.units import MINUTE, SCALE, SECOND, Cash, Instant, Quantity
from tests.unit.kernel.acting import actor
from tests.unit.kernel.scripts import CASH, SYMBOL, Desktop, config

LOST = Doubtful(DoubtCause.TIMEOUT, "as the test says")


def is_looking(desktop: Desktop) -> bool:
    return desktop.desk.drift.look is not None


def mode_of(desktop: Desktop) -> Mode:
    return desktop.desk.session.mode


def test_a_clean_first_look_opens_the_books_and_arms() -> None:
    desktop = Desktop()
    desktop.positions["OLD"] = 5 * SCALE
    desktop.boot()
    assert mode_of(desktop) is Mode.ARMED
    assert desktop.desk.drift.opening_cash == CASH * SCALE
    assert dict(desktop.desk.drift.foreign.positions) == {"OLD": 5 * SCALE}
    assert is_clean(desktop.desk.drift)


def test_without_arm_at_start_it_waits_for_an_operator() -> None:
    desktop = Desktop(config(arm_at_start=False))
    desktop.boot()
    assert mode_of(desktop) is Mode.DISARMED


@pytest.mark.parametrize("kind", [FetchOrders, FetchPositions, FetchAccount])
def test_a_look_without_an_answer_is_asked_again_and_opens_nothing(kind: type) -> None:
    desktop = Desktop()
    desktop.deaf_to = {kind}
    desktop.boot()
    lost = desktop.unanswered.pop()
    assert isinstance(lost, FetchOrders | FetchPositions | FetchAccount)
    desktop.deaf_to = set()
    desktop.give(CallAnswered(desktop.at, lost.call, desktop.at, LOST, None))
    assert mode_of(desktop) is Mode.COLD
    assert not is_clean(desktop.desk.drift)
    desktop.run_until(Instant(desktop.at + 3 * RETRY))
    assert mode_of(desktop) is Mode.ARMED


def test_an_unlisted_order_whose_query_fails_keeps_the_look_from_being_judged() -> None:
    desktop = Desktop(config(strategies=(actor("b10@95.00"),)))
    desktop.boot()
    desktop.bar(10_000)
    assert desktop.desk.book.open_count == 1
    desktop.deaf_to = {QueryOrder}
    desktop.unlisted = {desktop.order().client_order_id}
    desktop.run_until(desktop.desk.drift.next_look_at)
    query = desktop.unanswered[-1]
    assert isinstance(query, QueryOrder)
    desktop.deaf_to = set()
    desktop.give(CallAnswered(desktop.at, query.call, desktop.at, LOST, None))
    assert is_looking(desktop)
    desktop.run_until(Instant(desktop.at + 3 * RETRY))
    assert not is_looking(desktop)
    assert is_clean(desktop.desk.drift), "found by its id: the list was behind"


def test_a_position_that_differs_blocks_entries_and_calls_a_person() -> None:
    desktop = Desktop(config(strategies=(actor("- b10"),)))
    desktop.boot()
    desktop.bar(10_000)
    desktop.positions[SYMBOL] = 7 * SCALE
    desktop.run_until(Instant(desktop.desk.drift.next_look_at + 3 * RETRY))
    desk = desktop.desk
    assert not is_clean(desk.drift)
    assert desk.counters.anomalies[Anomaly.POSITION_DRIFT] == 1
    assert Anomaly.POSITION_DRIFT.value in desktop.alerts()
    desktop.bar(10_000)
    assert desktop.desk.counters.refusals[RefusalCode.DRIFT] == 1
    assert desktop.desk.book.open_count == 0
    desktop.run_until(Instant(desktop.at + 6 * MINUTE))
    assert mode_of(desktop) is Mode.REDUCING, "nothing explained it: a person arms again"
    assert dict(desktop.desk.drift.foreign.positions)[SYMBOL] == 7 * SCALE
    assert desktop.desk.drift.cases.counts["position:escalated"] == 1


def test_cash_may_differ_by_less_than_a_cent() -> None:
    desktop = Desktop()
    desktop.boot()
    cent = SCALE * SCALE // 100
    desktop.cash += cent - SCALE
    desktop.run_until(Instant(desktop.at + 6 * MINUTE))
    assert is_clean(desktop.desk.drift)
    desktop.cash += SCALE
    desktop.run_until(Instant(desktop.desk.drift.next_look_at + 3 * RETRY))
    assert not is_clean(desktop.desk.drift)
    assert desktop.desk.counters.anomalies[Anomaly.CASH_DRIFT] == 1
    desktop.run_until(Instant(desktop.at + 6 * MINUTE))
    assert is_clean(desktop.desk.drift), "observed, by policy: a dividend, a transfer"
    assert desktop.desk.drift.cases.counts["cash:dismissed"] == 1
    assert mode_of(desktop) is Mode.ARMED


def test_what_moved_meanwhile_is_asked_again_without_blame() -> None:
    desktop = Desktop(config(strategies=(actor("b10@99.00"),)))
    desktop.boot()
    desktop.bar(10_000)
    desktop.deaf_to = {FetchAccount}
    desktop.run_until(Instant(desktop.desk.drift.next_look_at))
    account = desktop.unanswered.pop()
    assert isinstance(account, FetchAccount)
    name = desktop.order().client_order_id
    desktop.fill(
        name, desktop.order().quantity, desktop.order().ticket.limit_price or desktop.order().reserve_price
    )
    desktop.tick(1)
    assert desktop.desk.holdings.cash_flow != 0
    desktop.deaf_to = set()
    desktop.answer(account)
    desktop.tick(1)
    assert desktop.desk.drift.failures == 0
    desktop.run_until(Instant(desktop.at + 2 * SECOND))
    assert is_clean(desktop.desk.drift)
    assert desktop.desk.drift.look is None


def test_a_blocked_account_only_reduces_and_is_said_once() -> None:
    desktop = Desktop()
    desktop.boot()
    zero = Cash(0)
    blocked = AccountReport("A1", "ACCOUNT_BLOCKED", zero, zero, zero, zero, 1, False, True)
    for _ in range(2):
        desktop.deaf_to = {FetchAccount}
        desktop.run_until(Instant(desktop.desk.drift.next_look_at))
        call = desktop.unanswered.pop()
        assert isinstance(call, FetchAccount)
        desktop.deaf_to = set()
        desktop.give(CallAnswered(desktop.at, call.call, desktop.at, AccountBody(blocked), None))
    assert mode_of(desktop) is Mode.REDUCING
    assert desktop.alerts().count(Anomaly.ACCOUNT_BLOCKED.value) == 1


def test_what_was_spent_since_the_broker_spoke_counts_against_buying_power() -> None:
    limits = config().gate._replace(single_trade_per_symbol=False, position_notional_max=Cash(10**6 * SCALE))
    desktop = Desktop(config(strategies=(actor("b450 b450 b450 b450 b450"),), gate=limits))
    desktop.boot()
    for _ in range(5):
        desktop.bar(10_000)
    assert desktop.desk.counters.refusals[RefusalCode.BUYING_POWER] == 1
    assert desktop.cash == (int(CASH) - 4 * 45_000 * SCALE) * SCALE


def test_an_account_that_never_stands_still_is_looked_at_ever_more_rarely() -> None:
    desktop = Desktop(config(strategies=(actor("b400@99.00"),)))
    desktop.boot()
    desktop.bar(10_000)
    order = desktop.order()
    asked = len(desktop.sent(FetchPositions))
    desktop.desk = desktop.desk._replace(drift=desktop.desk.drift._replace(next_look_at=desktop.at))
    desktop.deaf_to = {FetchAccount}
    began = desktop.at
    for _ in range(400):
        desktop.tick(SECOND // 2)
        for call in (call for call in desktop.unanswered if isinstance(call, FetchAccount)):
            desktop.fill(order.client_order_id, Quantity(SCALE), order.reserve_price)
            desktop.deaf_to = set()
            desktop.answer(call)
            desktop.deaf_to = {FetchAccount}
        desktop.unanswered.clear()
    looks = len(desktop.sent(FetchPositions)) - asked
    assert desktop.at - began == 200 * SECOND
    assert 6 <= looks <= 12, "after 1, 2, 4, ... seconds, and at least once a minute"
    assert desktop.desk.drift.failures == 0
