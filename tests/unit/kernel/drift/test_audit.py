"""Audits: exact evidence for what is lacking, busts that nobody told, others' fills counted once."""

import pytest

import kernel.drift.audit as audit_module
from kernel.commands import FetchActivities, QueryOrder, SubmitOrder
from kernel.drift.diff import Drift
from kernel.drift.record import is_clean
from kernel.events import CallAnswered, DoubtCause, Doubtful, TradeUpdated
from kernel.orders.chart import OrderStatus
from kernel.reasons import Anomaly
from kernel.reports import BrokerEvent, BrokerStatus, ExecutionKind, ExecutionReport
from kernel.session.chart import Mode
from kernel.sides import OrderType, Side
from kernel.units import MINUTE, SCALE, SECOND, Instant, Price, Quantity, Value
from tests.unit.kernel.acting import actor
from tests.unit.kernel.drift.kit import FOREIGN, Account, order_report
from tests.unit.kernel.scripts import SYMBOL, config

SHARE = SCALE


def started(script: str = "", **changes: object) -> Account:
    account = Account(config(strategies=(actor(script),), **changes))
    account.boot()
    return account


def with_silent_fill(*prices: int) -> Account:
    """A limit order that filled at these prices (in dollars, equal parts) and the stream did not say it."""
    account = started("b10@95.00")
    account.bar(10_000)
    account.speaks = False
    name = account.order().client_order_id
    for price in prices:
        account.fill(name, Quantity(10 * SHARE // len(prices)), Price(price * SCALE))
    return account


def position(account: Account, symbol: str = SYMBOL) -> int:
    return account.desk.holdings.net.get(symbol, 0)


def others(account: Account, symbol: str = SYMBOL) -> int:
    return account.desk.drift.foreign.positions.get(symbol, 0)


# ---------------------------------------------------------------- what is lacking


def test_a_fill_that_the_stream_lost_is_booked_exactly_from_activities() -> None:
    account = with_silent_fill(94, 90)
    account.look()
    order = account.order()
    assert order.status is OrderStatus.FILLED
    assert order.ledger.value == (5 * 94 + 5 * 90) * SHARE * SCALE, "not ten times the last report's average"
    assert position(account) == 10 * SHARE
    account.look(2)
    assert is_clean(account.desk.drift)
    assert account.desk.holdings.cash_flow == -(5 * 94 + 5 * 90) * SHARE * SCALE
    assert f"fills:{order.client_order_id}: healed" in account.ended()


def test_the_real_executions_take_over_when_they_come_late() -> None:
    account = with_silent_fill(94)
    account.look(2)
    order = account.order()
    execution = ExecutionReport(
        "X1", ExecutionKind.TRADE, Price(94 * SCALE), Quantity(10 * SHARE), account.at
    )
    report = account.orders[order.client_order_id]
    account.give(TradeUpdated(account.at, BrokerEvent.FILL, "fill", report, execution, ""))
    assert position(account) == 10 * SHARE
    assert dict(account.desk.book.lacking) == {}
    account.look(2)
    assert is_clean(account.desk.drift)


def test_what_two_pages_show_twice_is_added_once() -> None:
    account = with_silent_fill(94, 90)
    account.activities.append(account.activities[0])
    account.page_rows = 1
    account.look()
    assert position(account) == 10 * SHARE
    assert account.order().ledger.value == (5 * 94 + 5 * 90) * SHARE * SCALE


def test_activities_are_read_page_by_page() -> None:
    account = with_silent_fill(91, 92, 93, 94, 95)
    account.page_rows = 2
    account.look()
    assert account.asks_activities >= 3
    assert account.order().ledger.value == 2 * (91 + 92 + 93 + 94 + 95) * SHARE * SCALE


def test_fills_that_no_activity_ever_shows_end_with_a_person_and_are_no_news_again() -> None:
    account = with_silent_fill(94)
    account.activities.clear()
    account.look(8)
    name = account.order().client_order_id
    assert dict(account.desk.drift.cases.counts) == {f"{Drift.FILLS.value}:escalated": 1, **_healed(account)}
    assert position(account) == 10 * SHARE, "it counts, at the broker's average"
    assert is_clean(account.desk.drift), "entries are not blocked for ever"
    assert mode_of(account) is Mode.ARMED
    before = len(account.desk.drift.cases.ended)
    account.look(4)
    assert len(account.desk.drift.cases.ended) == before
    assert f"fills:{name}" in account.desk.drift.cases.standing
    account.run_until(Instant(account.at + 60 * MINUTE))
    after = account.sent(FetchActivities)[-1].after
    assert after is not None
    assert after > account.at - 10 * MINUTE, "what was given up is not read for again and again"
    account.boot()
    assert dict(account.desk.drift.cases.standing) == {}, "a start asks the policies anew"


def _healed(account: Account) -> dict[str, int]:
    return {label: n for label, n in account.desk.drift.cases.counts.items() if label.endswith(":healed")}


def mode_of(account: Account) -> Mode:
    return account.desk.session.mode


def test_readings_that_change_nothing_come_to_an_end() -> None:
    account = with_silent_fill(94)
    account.activities.clear()
    account.look(8)
    asked = account.asks_activities
    account.run_until(Instant(account.at + 60 * MINUTE))
    looks = 60 * MINUTE // account.settings.drift.look_every_mute
    assert account.asks_activities - asked <= looks + 2 * audit_module.READINGS_MAX


def test_a_reading_without_an_answer_makes_the_look_fail_and_no_more() -> None:
    account = with_silent_fill(94)
    account.deaf_to = {FetchActivities}
    account.run_until(account.desk.drift.next_look_at)
    assert account.desk.drift.look is not None
    lost = account.unanswered.pop()
    assert isinstance(lost, FetchActivities)
    account.deaf_to = set()
    failure = Doubtful(DoubtCause.TIMEOUT, "as the test says")
    account.give(CallAnswered(account.at, lost.call, account.at, failure, None))
    assert account.desk.drift.look is not None, "it is asked again"
    account.look(2)
    assert is_clean(account.desk.drift)
    assert account.order().ledger.value == 940 * SHARE * SCALE


def test_more_pages_than_a_reading_may_have_leave_the_desk_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    account = with_silent_fill(91, 92, 93, 94, 95)
    account.page_rows = 1
    monkeypatch.setattr(audit_module, "PAGES_MAX", 3)
    account.look(2)
    assert not is_clean(account.desk.drift)
    monkeypatch.setattr(audit_module, "PAGES_MAX", 1_000)
    account.look(2)
    assert is_clean(account.desk.drift)


# ---------------------------------------------------------------- a bust that nobody told


def with_quiet_bust(minutes: int = 0) -> Account:
    account = started("b10")
    account.bar(10_000)
    assert position(account) == 10 * SHARE
    account.look()
    if minutes:
        account.run_until(Instant(account.at + minutes * MINUTE))
    account.bust_quietly(account.order().client_order_id)
    return account


@pytest.mark.parametrize("minutes", [0, 7, 300])
def test_a_bust_that_nobody_told_is_taken_back_when_position_and_activities_say_so(minutes: int) -> None:
    account = with_quiet_bust(minutes)
    account.look()
    assert position(account) == 10 * SHARE, "one look is no verdict"
    account.look(3)
    assert position(account) == 0
    assert others(account) == 0
    account.look()
    assert is_clean(account.desk.drift)
    assert dict(account.desk.drift.cases.counts) == {"position:healed": 1, "cash:healed": 1}
    assert account.desk.counters.anomalies[Anomaly.BUST] == 1
    assert account.desk.holdings.cash_flow == 0


def test_activities_alone_take_nothing_back() -> None:
    account = started("b10")
    account.bar(10_000)
    account.activities.clear()
    account.look(8)
    assert position(account) == 10 * SHARE
    assert is_clean(account.desk.drift)


def test_a_position_that_differs_by_something_else_takes_nothing_back() -> None:
    """Late activities and a position that moved for another reason: not a bust, a person's."""
    account = started("b10")
    account.bar(10_000)
    account.activities.clear()
    account.positions[SYMBOL] -= 3 * SHARE
    account.look(8)
    assert position(account) == 10 * SHARE
    assert others(account) == -3 * SHARE
    assert account.desk.drift.cases.counts["position:escalated"] == 1


def test_what_was_taken_back_is_not_booked_by_an_old_report() -> None:
    account = with_quiet_bust()
    account.look(4)
    name = account.order().client_order_id
    old = account.orders[name]
    assert old.filled_quantity == 10 * SHARE
    account.give(TradeUpdated(account.at, BrokerEvent.FILL, "fill", old, None, ""))
    assert position(account) == 0


# ---------------------------------------------------------------- others' fills


def with_stranger(script: str = "", quantity: int = 100, **changes: object) -> Account:
    account = started(script, **changes)
    account.tick(5 * SECOND)
    account.others[FOREIGN] = order_report(FOREIGN, quantity=quantity, at=account.at)
    return account


def test_a_fill_of_another_is_kept_apart_and_counted_once() -> None:
    account = with_stranger()
    account.other_fill(FOREIGN, 40)
    account.look(2)
    foreign = account.desk.drift.foreign
    assert (position(account), others(account)) == (0, 40 * SHARE)
    assert foreign.cash == Value(-40 * 100 * SCALE * SHARE)
    account.look(3)
    assert others(account) == 40 * SHARE
    assert list(foreign.counted) == ["A1"]
    assert is_clean(account.desk.drift)
    assert account.desk.counters.anomalies[Anomaly.FOREIGN_FILL] == 1
    assert "orphan_fill:A1: dismissed" in account.ended()


def test_a_sale_of_another_likewise() -> None:
    account = started()
    account.tick(SECOND)
    account.others[FOREIGN] = order_report(FOREIGN, side=Side.SELL, at=account.at)
    account.other_fill(FOREIGN, 10, 99)
    account.look(2)
    assert others(account) == -10 * SHARE
    assert account.desk.drift.foreign.cash == Value(10 * 99 * SCALE * SHARE)
    assert is_clean(account.desk.drift)


def test_a_coin_of_another_pays_its_fee_in_the_coin() -> None:
    account = started()
    account.tick(SECOND)
    account.others[FOREIGN] = order_report(FOREIGN, symbol="BTC/USD", at=account.at)
    account.other_fill(FOREIGN, 10)
    fee = 10 * SHARE * account.settings.crypto_fee // SCALE
    account.positions["BTC/USD"] -= fee
    account.look(2)
    assert others(account, "BTC/USD") == 10 * SHARE - fee
    assert is_clean(account.desk.drift)


def test_fills_of_others_are_remembered_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_module, "COUNTED_MAX", 10)
    account = with_stranger(quantity=1_000)
    for _ in range(25):
        account.tick(SECOND)
        account.other_fill(FOREIGN, 1)
    account.look(2)
    foreign = account.desk.drift.foreign
    assert len(foreign.counted) <= 10
    assert foreign.counted_until > 0
    assert others(account) == 25 * SHARE
    account.look(3)
    assert others(account) == 25 * SHARE, "what was forgotten is not counted again"
    assert is_clean(account.desk.drift)


def test_a_fill_before_the_books_were_opened_is_in_the_opening_position() -> None:
    account = Account(config())
    account.others[FOREIGN] = order_report(FOREIGN)
    account.other_fill(FOREIGN, 10)
    account.boot()
    account.look(2)
    assert others(account) == 10 * SHARE
    assert dict(account.desk.drift.foreign.counted) == {}
    assert is_clean(account.desk.drift)


def test_our_fill_that_was_counted_as_anothers_before_its_id_was_known_is_ours_again() -> None:
    """A submit without an answer fills; an audit sees the fill before a query finds the order."""
    account = started("b10")
    account.deaf_to = {SubmitOrder, QueryOrder}
    account.bar(10_000)
    (command,) = account.sent(SubmitOrder)
    account.unlisted = {command.ticket.client_order_id}
    account.speaks = False
    account.submit(command)
    account.inbox.clear()
    account.look()
    assert others(account) == 10 * SHARE, "its id at the broker is not known yet"
    account.deaf_to = set()
    account.run_until(Instant(account.at + 2 * MINUTE))
    assert position(account) == 10 * SHARE
    account.look(2)
    assert (position(account), others(account)) == (10 * SHARE, 0)
    assert is_clean(account.desk.drift)
    assert mode_of(account) is Mode.ARMED


# ---------------------------------------------------------------- no gap in exposure


def exposure_of_others(account: Account) -> int:
    """What others hold, and what their open orders may still buy."""
    orders = account.desk.drift.foreign.orders.values()
    return others(account) + sum(
        (report.quantity or 0) - report.filled_quantity for report in orders if report.side is Side.BUY
    )


def test_anothers_fill_leaves_no_gap_in_exposure() -> None:
    account = with_stranger(quantity=100)
    account.give(TradeUpdated(account.at, BrokerEvent.NEW, "new", account.others[FOREIGN], None, ""))
    assert exposure_of_others(account) == 100 * SHARE
    account.books_activities = False
    account.other_fill(FOREIGN, 30, streamed=True)
    assert exposure_of_others(account) == 100 * SHARE, "not a position yet, so still an order"
    account.other_fill(FOREIGN, 70, streamed=True)
    assert exposure_of_others(account) == 100 * SHARE
    assert others(account) == 0
    for filled, shares in ((30, 30), (100, 70)):
        report = account.others[FOREIGN]._replace(filled_quantity=Quantity(filled * SHARE))
        account.note_fill(report, Quantity(shares * SHARE), Price(100 * SCALE))
    account.run_until(Instant(account.at + 3 * SECOND))
    assert others(account) == 100 * SHARE, "read from the activities after a grace, before any look"
    assert dict(account.desk.drift.foreign.orders) == {}
    assert exposure_of_others(account) == 100 * SHARE


def test_anothers_canceled_order_counts_what_it_filled_and_no_more() -> None:
    account = with_stranger(quantity=100)
    account.give(TradeUpdated(account.at, BrokerEvent.NEW, "new", account.others[FOREIGN], None, ""))
    account.books_activities = False
    account.other_fill(FOREIGN, 30, streamed=True)
    gone = account.others[FOREIGN]._replace(status=BrokerStatus.CANCELED, status_text="canceled")
    account.others[FOREIGN] = gone
    account.give(TradeUpdated(account.at, BrokerEvent.CANCELED, "canceled", gone, None, ""))
    assert exposure_of_others(account) == 30 * SHARE
    account.note_fill(gone, Quantity(30 * SHARE), Price(100 * SCALE))
    account.run_until(Instant(account.at + 3 * SECOND))
    assert (others(account), exposure_of_others(account)) == (30 * SHARE, 30 * SHARE)
    assert dict(account.desk.drift.foreign.orders) == {}


def test_an_activity_that_was_faster_than_the_stream_is_not_counted_twice() -> None:
    account = with_stranger(quantity=10)
    account.other_fill(FOREIGN, 10)
    account.look()
    assert others(account) == 10 * SHARE
    report = account.others[FOREIGN]
    execution = ExecutionReport(
        "X9", ExecutionKind.TRADE, Price(100 * SCALE), Quantity(10 * SHARE), account.at
    )
    account.give(TradeUpdated(account.at, BrokerEvent.FILL, "fill", report, execution, ""))
    assert exposure_of_others(account) == 10 * SHARE


def test_a_market_order_of_another_that_the_stream_shows_filled_counts_at_once() -> None:
    account = with_stranger(quantity=10)
    account.others[FOREIGN] = order_report(FOREIGN, type=OrderType.MARKET, limit=None, at=account.at)
    account.books_activities = False
    account.other_fill(FOREIGN, 10, streamed=True)
    assert exposure_of_others(account) == 10 * SHARE
