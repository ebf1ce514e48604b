"""Orphans: ours are adopted from the stream and from lists, legs with their parent; others' are observed."""

import pytest

import kernel.drift.orphans as orphans_module
from kernel.commands import CancelOrder, SubmitOrder
from kernel.drift.record import is_clean
from kernel.events import TradeUpdated
from kernel.orders.chart import OrderStatus
from kernel.reasons import Anomaly, RefusalCode
from kernel.reports import BrokerEvent, BrokerStatus, ExecutionKind, ExecutionReport, OrderReport
from kernel.session.chart import Mode
from kernel.sides import OrderType, Purpose, Side
from kernel.units import SCALE, SECOND, Cash, Instant, Price, Quantity
from tests.unit.kernel.acting import actor
from tests.unit.kernel.drift.kit import FOREIGN, Account, order_report
from tests.unit.kernel.scripts import SYMBOL, config

SHARE = SCALE
LOST = "mqd-1-actor-000000077"


def started(script: str = "", **drift: str) -> Account:
    settings = config(strategies=(actor(script),))
    account = Account(settings._replace(drift=settings.drift._replace(**drift)))  # type: ignore[arg-type]
    account.boot()
    account.tick(5 * SECOND)
    return account


def said(account: Account, report: OrderReport, word: BrokerEvent, shares: int = 0) -> None:
    """The stream says something of an order, with an execution of so many shares or none."""
    execution = None
    if shares:
        account.count += 1
        execution = ExecutionReport(
            f"X{account.count}", ExecutionKind.TRADE, Price(100 * SCALE), Quantity(shares * SHARE), account.at
        )
    account.give(TradeUpdated(account.at, word, word.value, report, execution, ""))


def held(account: Account, symbol: str = SYMBOL) -> tuple[int, int]:
    """(ours, others')."""
    return (
        account.desk.holdings.net.get(symbol, 0),
        account.desk.drift.foreign.positions.get(symbol, 0),
    )


# ---------------------------------------------------------------- ours


def test_an_open_order_of_ours_is_adopted_from_the_list() -> None:
    account = started()
    account.orders[LOST] = order_report(LOST, at=account.at)
    account.look()
    order = account.desk.book.orders[LOST]
    assert (order.status, order.strategy, order.ticket.purpose) == (
        OrderStatus.WORKING,
        "actor",
        Purpose.ENTRY,
    )
    assert account.desk.book.open_count == 1
    assert account.ended() == [f"orphan_ours:{LOST}: healed"]
    assert account.desk.session.mode is Mode.REDUCING, "another process trades as this desk"
    assert account.desk.counters.anomalies[Anomaly.UNKNOWN_OURS] == 1
    assert is_clean(account.desk.drift)


def test_one_that_has_filled_already_is_found_among_the_recent_ones() -> None:
    account = started()
    account.orders[LOST] = order_report(LOST, at=account.at)
    account.speaks = False
    account.fill(LOST, Quantity(10 * SHARE), Price(94 * SCALE))
    account.look(2)
    assert account.desk.book.orders[LOST].status is OrderStatus.FILLED
    assert held(account) == (10 * SHARE, 0), "adopted before its fills could count as others'"
    assert is_clean(account.desk.drift)


def test_ours_is_adopted_from_the_stream_with_its_execution() -> None:
    account = started()
    account.orders[LOST] = order_report(LOST, at=account.at)
    account.positions[SYMBOL] = 4 * SHARE
    account.cash -= 400 * SCALE * SHARE
    report = order_report(LOST, filled=4, status=BrokerStatus.PARTIALLY_FILLED, at=account.at)
    account.orders[LOST] = report
    account.note_fill(report, Quantity(4 * SHARE), Price(100 * SCALE))
    said(account, report, BrokerEvent.PARTIAL_FILL, 4)
    order = account.desk.book.orders[LOST]
    assert order.ledger.quantity == 4 * SHARE
    assert list(order.ledger.executions) == ["X1"]
    assert dict(account.desk.book.lacking) == {}
    assert account.desk.counters.executions == 1
    account.look(2)
    assert held(account) == (4 * SHARE, 0)
    assert is_clean(account.desk.drift)


def test_fills_that_were_counted_as_others_are_ours_with_the_adopted_order() -> None:
    account = started(orphan_ours="reduce")
    account.orders[LOST] = order_report(LOST, at=account.at)
    account.speaks = False
    account.fill(LOST, Quantity(3 * SHARE), Price(94 * SCALE))
    account.look(2)
    assert held(account) == (0, 3 * SHARE)
    settings = account.settings
    account.settings = settings._replace(drift=settings.drift._replace(orphan_ours="adopt"))
    account.boot()
    account.look(3)
    assert held(account) == (3 * SHARE, 0)
    assert account.desk.drift.foreign.cash == 0
    assert is_clean(account.desk.drift)


def test_ours_of_a_later_epoch_means_that_the_journal_is_old() -> None:
    account = started()
    account.orders["mqd-9-actor-000000001"] = order_report("mqd-9-actor-000000001", at=account.at)
    account.look()
    assert account.desk.session.mode is Mode.REDUCING


def test_an_adopted_id_is_not_given_again() -> None:
    account = started("b10@95.00 b10@94.00")
    said(account, order_report(LOST, at=account.at, symbol="QQQ"), BrokerEvent.NEW)
    assert account.desk.sequence == 77


def test_policy_reduce_leaves_ours_alone_and_calls_a_person_once() -> None:
    account = started(orphan_ours="reduce")
    account.orders[LOST] = order_report(LOST, at=account.at)
    account.look(12)
    assert LOST not in account.desk.book.orders
    assert account.desk.session.mode is Mode.REDUCING
    assert account.ended() == [f"orphan_ours:{LOST}: escalated"], "once, though it still stands"


def test_what_the_broker_does_not_say_enough_of_is_a_persons() -> None:
    account = started()
    account.orders[LOST] = order_report(LOST, at=account.at)._replace(side=None)
    account.look(12)
    assert account.ended() == [f"orphan_ours:{LOST}: escalated"]
    assert account.desk.session.mode is Mode.REDUCING


# ---------------------------------------------------------------- legs


def bracket(name: str, at: int) -> OrderReport:
    stop = order_report("leg-stop", side=Side.SELL, status=BrokerStatus.HELD, type=OrderType.STOP, at=at)
    target = order_report("leg-target", side=Side.SELL, status=BrokerStatus.HELD, at=at)
    return order_report(name, at=at, legs=(stop, target))


def test_legs_of_an_adopted_order_are_adopted_with_it() -> None:
    account = started(orphan_foreign="halt")
    account.orders[LOST] = bracket(LOST, account.at)
    account.look()
    assert account.open_keys() == []
    book = account.desk.book
    assert book.orders["leg-stop"].ticket.purpose is Purpose.PROTECTIVE_STOP
    assert book.orders["leg-target"].ticket.purpose is Purpose.EXIT
    assert {order.strategy for order in book.orders.values()} == {"actor"}
    assert dict(account.desk.drift.foreign.orders) == {}
    assert "orphan_foreign:leg-stop: healed" in account.ended()
    assert account.desk.session.mode is Mode.REDUCING
    assert is_clean(account.desk.drift)


def test_legs_of_an_order_in_the_book_are_no_orphans() -> None:
    account = started("b10@95.00")
    account.bar(10_000)
    name = account.order().client_order_id
    account.orders[name] = account.orders[name]._replace(legs=bracket(name, account.at).legs)
    account.look()
    assert account.ended() == []
    assert account.desk.book.open_count == 3
    assert account.desk.book.symbols[SYMBOL].reducing_quantity == 20 * SHARE


# ---------------------------------------------------------------- others'


def test_anothers_order_is_observed_and_said_once() -> None:
    account = started()
    account.others[FOREIGN] = order_report(FOREIGN, at=account.at)
    account.look(3)
    assert account.ended() == [f"orphan_foreign:{FOREIGN}: dismissed"]
    assert list(account.desk.drift.foreign.orders) == [FOREIGN]
    assert account.sent(CancelOrder) == []
    assert is_clean(account.desk.drift)
    account.others.clear()
    account.look()
    assert dict(account.desk.drift.foreign.orders) == {}


@pytest.mark.parametrize(("quantity", "submits"), [(20, 2), (45, 0)])
def test_anothers_open_order_counts_against_an_entry(quantity: int, submits: int) -> None:
    limits = config().gate._replace(position_notional_max=Cash(5_000 * SCALE), single_trade_per_symbol=False)
    account = Account(config(strategies=(actor("b10@97.00 b10@96.00"),), gate=limits))
    account.boot()
    account.others[FOREIGN] = order_report(FOREIGN, quantity=quantity, at=account.at)
    account.look()
    account.bar(10_000)
    account.bar(10_000)
    assert len(account.sent(SubmitOrder)) == submits
    assert account.desk.counters.refusals.get(RefusalCode.POSITION_MAX, 0) == 2 - submits


def test_anothers_position_counts_against_an_entry() -> None:
    limits = config().gate._replace(position_notional_max=Cash(5_000 * SCALE))
    account = Account(config(strategies=(actor("b10@97.00"),), gate=limits))
    account.positions[SYMBOL] = 45 * SHARE
    account.boot()
    account.bar(10_000)
    assert account.desk.counters.refusals[RefusalCode.POSITION_MAX] == 1


def test_the_policy_cancel_cancels_after_a_second_look() -> None:
    account = started(orphan_foreign="cancel")
    account.others[FOREIGN] = order_report(FOREIGN, at=account.at)
    account.deaf_to = {CancelOrder}
    account.look()
    assert account.unanswered == []
    account.look(2)
    assert [c.broker_order_id for c in account.sent(CancelOrder)][:1] == ["B-" + FOREIGN]
    account.others.clear()
    account.look()
    assert account.ended() == [f"orphan_foreign:{FOREIGN}: healed"]
    assert account.desk.session.mode is Mode.ARMED


@pytest.mark.parametrize(("policy", "mode"), [("reduce", Mode.REDUCING), ("halt", Mode.HALTED)])
def test_the_policies_reduce_and_halt_end_with_a_person_once(policy: str, mode: Mode) -> None:
    account = started(orphan_foreign=policy)
    account.others[FOREIGN] = order_report(FOREIGN, at=account.at)
    account.look(14)
    assert account.desk.session.mode is mode
    assert account.ended() == [f"orphan_foreign:{FOREIGN}: escalated"]
    assert is_clean(account.desk.drift), "so that an operator may lift it"


def test_what_the_stream_said_after_the_list_was_asked_is_not_undone_by_it() -> None:
    account = started()
    account.others["old"] = order_report("old", at=account.at)
    account.look()
    account.others["old2"] = order_report("old2", at=account.at)
    assert list(account.desk.drift.foreign.orders) == ["old"]
    account.deaf_to = {
        type(command) for command in account.commands if type(command).__name__ == "FetchAccount"
    }
    account.run_until(account.desk.drift.next_look_at)
    gone = account.others.pop("old")
    said(account, gone._replace(status=BrokerStatus.CANCELED), BrokerEvent.CANCELED)
    said(account, order_report("new", at=account.at), BrokerEvent.NEW)
    account.deaf_to = set()
    for command in account.unanswered:
        account.answer(command)
    account.tick(1)
    assert account.desk.drift.look is None
    assert sorted(account.desk.drift.foreign.orders) == ["new", "old2"]


def test_strays_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphans_module, "STRAYS_MAX", 3)
    account = started()
    for number in range(6):
        said(account, order_report(f"other-{number}", at=account.at), BrokerEvent.NEW)
        account.others[f"other-{number}"] = order_report(f"other-{number}", at=account.at)
    assert len(account.desk.drift.foreign.orders) == 3
    account.look()
    assert len(account.desk.drift.foreign.orders) == 3
    assert len(account.ended()) == 6, "said, though not counted"


def ended_here_alive_there() -> tuple[Account, str]:
    """An order whose end the book has, and that the broker lists open again."""
    account = started("b10@95.00 w")
    account.bar(10_000)
    account.bar(10_000)
    name = account.order().client_order_id
    assert account.order().status is OrderStatus.CANCELED
    account.orders[name] = account.orders[name]._replace(status=BrokerStatus.NEW, status_text="new")
    account.run_until(Instant(account.at + 20 * SECOND))
    account.look()
    assert account.open_keys() == [f"status:{name}"]
    assert list(account.desk.drift.foreign.orders) == [name], "it may fill: exposure counts it"
    return account, name


def test_an_order_that_the_book_has_ended_and_the_broker_lists_is_canceled_there() -> None:
    account, name = ended_here_alive_there()
    account.look(3)
    assert account.orders[name].status is BrokerStatus.CANCELED
    assert account.ended() == [f"status:{name}: healed"]
    assert dict(account.desk.drift.foreign.orders) == {}
    assert account.desk.session.mode is Mode.ARMED


def test_one_that_no_cancel_ends_is_a_persons_and_counts_on() -> None:
    account, name = ended_here_alive_there()
    account.deaf_to = {CancelOrder}
    account.look(10)
    assert account.ended() == [f"status:{name}: escalated"]
    assert list(account.desk.drift.foreign.orders) == [name]
    assert account.desk.session.mode is Mode.REDUCING
