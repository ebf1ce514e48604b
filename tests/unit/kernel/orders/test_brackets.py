"""Entries with exits, through the whole kernel: what they reserve, whose they are, and what is mended."""

import pytest

from kernel.commands import AlertLevel, CancelOrder, QueryOrder, SubmitOrder
from kernel.events import OperatorSaid, OperatorWord, TradeUpdated
from kernel.orders.book import NO_SYMBOL_TALLY, family_of, order_of, symbol_tally, tally_of
from kernel.orders.brackets import LEGS_GRACE, REPAIR_EVERY, REPAIRS_MAX, SIBLING_GRACE
from kernel.orders.chart import OrderStatus
from kernel.orders.packing import pack, unpack
from kernel.reasons import RefusalCode
from kernel.reports import BrokerEvent, BrokerStatus, ExecutionKind, ExecutionReport
from kernel.session.boot import is_drained
from kernel.session.chart import Mode
from kernel.sides import OrderClass, Purpose, Side
from kernel.units import MINUTE, SCALE, SECOND, Instant, Price, Quantity
from tests.unit.kernel.acting import actor
from tests.unit.kernel.orders.family_desk import PROFIT, STOP, FamilyDesktop, bracketed
from tests.unit.kernel.scripts import SYMBOL, UNIT, config

SELL, BUY = Side.SELL, Side.BUY
COVER = (SELL, Purpose.PROTECTIVE_STOP, 4, Price(166 * SCALE))


def reducing(desktop: FamilyDesktop) -> int:
    tally = symbol_tally(desktop.desk.book, SYMBOL)
    assert tally_of(desktop.desk.book, "actor", SYMBOL).exit_quantity == tally.reducing_quantity
    assert tally.sell_quantity == tally.reducing_quantity
    return tally.reducing_quantity // UNIT


def refused(desktop: FamilyDesktop, code: RefusalCode) -> int:
    return desktop.desk.counters.refusals.get(code, 0)


def later(desktop: FamilyDesktop, nanoseconds: int) -> None:
    desktop.run_until(Instant(desktop.at + nanoseconds))


def restarted(desktop: FamilyDesktop, often: bool) -> None:
    """A new start on the same journal, so that every state is one that a restart finds."""
    if often:
        desktop.boot()


BOTH = pytest.mark.parametrize("restart", [False, True], ids=["runs", "restarts"])


# ---------------------------------------------------------------- what they are


def test_an_entry_leaves_with_its_exits_and_they_are_taken_in() -> None:
    desktop = bracketed("b10@167.004+168.001-165.999")
    ticket = desktop.sent(SubmitOrder)[0].ticket
    assert ticket.order_class is OrderClass.BRACKET
    assert (ticket.take_profit, ticket.stop_loss) == (168_010_000_000, 165_990_000_000)
    profit, stop = desktop.book(PROFIT), desktop.book(STOP)
    assert (profit.ticket.purpose, stop.ticket.purpose) == (Purpose.EXIT, Purpose.PROTECTIVE_STOP)
    assert profit.status is stop.status is OrderStatus.DORMANT
    assert profit.parent == stop.parent == desktop.entry
    assert (profit.strategy, profit.ticket.side) == ("actor", SELL)
    assert family_of(desktop.desk.book, desktop.entry).legs == (desktop.entry + PROFIT, desktop.entry + STOP)
    assert desktop.alerts().count("exits_lost") == 0


def test_exits_claim_what_their_entry_has_filled_and_count_once() -> None:
    desktop = bracketed()
    assert reducing(desktop) == 0
    desktop.let("", 4, 16_700)
    assert reducing(desktop) == 4  # it may be full at any moment, and then they sell all of it
    desktop.let("", 6, 16_700)
    assert reducing(desktop) == 10  # held still, but the broker may wake them at any moment
    desktop.activate()
    assert reducing(desktop) == 10
    desktop.let(PROFIT, 10, 16_800)
    assert desktop.net() == 0
    assert reducing(desktop) == 10  # its stop has not ended
    desktop.drop(STOP, BrokerStatus.CANCELED)
    assert symbol_tally(desktop.desk.book, SYMBOL) == NO_SYMBOL_TALLY
    assert desktop.repairs() == []


def test_an_exit_of_its_own_is_refused_while_the_exits_have_it() -> None:
    desktop = bracketed("b10@167.00+168.00-166.00 s10 x s10")
    desktop.let("", 10, 16_700)
    desktop.activate()
    desktop.bar(16_750)
    assert refused(desktop, RefusalCode.EXIT_EXCEEDS) == 1
    desktop.bar(16_750)  # withdraws the exits: both end, and nothing is covered anew
    assert [desktop.book(end).status for end in (PROFIT, STOP)] == [OrderStatus.CANCELED] * 2
    later(desktop, MINUTE)
    assert desktop.repairs() == []
    desktop.bar(16_750)
    assert desktop.repairs() == [(SELL, Purpose.EXIT, 10, None)]
    assert desktop.net() == 0


def test_exits_of_a_filled_entry_that_nobody_named_claim_all_of_it() -> None:
    desktop = bracketed("b10@167.00+168.00-166.00 s10", tells=False)
    desktop.deaf_to.add(QueryOrder)
    desktop.let("", 10, 16_700)
    assert reducing(desktop) == 10
    desktop.bar(16_750)
    assert refused(desktop, RefusalCode.EXIT_EXCEEDS) == 1


@BOTH
@pytest.mark.parametrize("is_first", [False, True], ids=["named first", "stream first"])
def test_an_exit_is_ours_whatever_tells_of_it_first(is_first: bool, restart: bool) -> None:
    desktop = bracketed(tells=False)
    desktop.let("", 10, 16_700)
    if not is_first:
        later(desktop, 2 * LEGS_GRACE)
        assert desktop.book(PROFIT).status is OrderStatus.DORMANT
    desktop.activate()
    desktop.let(PROFIT, 10, 16_800)
    restarted(desktop, restart)
    later(desktop, 2 * LEGS_GRACE)
    assert desktop.book(PROFIT).status is OrderStatus.FILLED
    assert desktop.net() == 0
    foreign = desktop.desk.drift.foreign
    assert (dict(foreign.orders), any(foreign.positions.values()), foreign.cash) == ({}, False, 0)
    later(desktop, MINUTE)
    assert desktop.desk.drift.cases.open == type(desktop.desk.drift.cases.open)()
    assert desktop.repairs() == []


def test_an_exit_that_shrinks_with_its_sibling_is_no_contradiction() -> None:
    desktop = bracketed()
    desktop.let("", 10, 16_700)
    desktop.activate()
    desktop.let(PROFIT, 4, 16_800)
    name = desktop.entry + STOP
    desktop.orders[name] = desktop.orders[name]._replace(quantity=Quantity(6 * UNIT))
    desktop.say(BrokerEvent.RESTATED, desktop.orders[name])
    desktop.settle()
    assert desktop.book(STOP).quantity == 6 * UNIT
    assert desktop.alerts().count("contradiction") == 0
    assert reducing(desktop) == 6


def test_members_are_not_amended_and_are_packed_whole() -> None:
    desktop = bracketed("b10@167.00+168.00-166.00 a@166.90")
    desktop.bar(16_750)
    assert refused(desktop, RefusalCode.NOT_REPLACEABLE) == 1
    for end in ("", PROFIT, STOP):
        assert unpack(pack(desktop.book(end))) == desktop.book(end)


# ---------------------------------------------------------------- an entry that ends short


@BOTH
@pytest.mark.parametrize("status", [BrokerStatus.CANCELED, BrokerStatus.EXPIRED, BrokerStatus.REJECTED])
def test_what_a_part_filled_entry_left_is_covered(status: BrokerStatus, restart: bool) -> None:
    desktop = bracketed()
    desktop.let("", 4, 16_700)
    restarted(desktop, restart)
    desktop.drop("", status)
    restarted(desktop, restart)
    later(desktop, REPAIR_EVERY)
    assert desktop.repairs()[0] == COVER
    assert desktop.order().parent == desktop.entry
    assert desktop.alerts().count("exits_lost") == 1
    later(desktop, 4 * SIBLING_GRACE)  # the held exits never end by themselves here
    assert [desktop.book(end).status for end in (PROFIT, STOP)] == [OrderStatus.CANCELED] * 2
    later(desktop, 10 * MINUTE)
    assert desktop.repairs() == [COVER]
    assert reducing(desktop) == 4
    desktop.fill(desktop.order().client_order_id, desktop.order().quantity, Price(166 * SCALE))
    desktop.settle()
    assert desktop.net() == 0
    assert reducing(desktop) == 0


def test_a_cover_that_is_refused_leaves_at_market() -> None:
    desktop = bracketed()
    desktop.refuses = frozenset({Purpose.PROTECTIVE_STOP})
    desktop.let("", 4, 16_700)
    desktop.drop("", BrokerStatus.CANCELED)
    later(desktop, 2 * REPAIR_EVERY)
    assert desktop.repairs() == [COVER, (SELL, Purpose.EXIT, 4, None)]
    assert desktop.net() == 0


def test_where_the_stop_is_passed_already_it_leaves_at_market_at_once() -> None:
    desktop = bracketed()
    desktop.let("", 4, 16_700)
    desktop.bar(16_590)
    desktop.drop("", BrokerStatus.CANCELED)
    assert desktop.repairs() == [(SELL, Purpose.EXIT, 4, None)]
    assert desktop.net() == 0


def test_repairs_are_bounded_and_a_person_is_called() -> None:
    desktop = bracketed()
    desktop.refuses = frozenset({Purpose.PROTECTIVE_STOP, Purpose.EXIT})
    desktop.let("", 4, 16_700)
    desktop.drop("", BrokerStatus.CANCELED)
    later(desktop, 10 * MINUTE)
    assert len(desktop.repairs()) == REPAIRS_MAX
    assert "repair_failed" in desktop.alerts()
    assert desktop.desk.session.mode is Mode.REDUCING


def test_exits_that_a_filled_entry_lost_are_covered() -> None:
    desktop = bracketed()
    desktop.let("", 10, 16_700)
    desktop.drop(PROFIT, BrokerStatus.REJECTED)
    assert desktop.repairs() == []  # the stop still holds all of it
    desktop.drop(STOP, BrokerStatus.REJECTED)
    assert desktop.repairs() == [(SELL, Purpose.PROTECTIVE_STOP, 10, Price(166 * SCALE))]
    assert desktop.alerts().count("exits_lost") == 1


def test_an_entry_whose_exits_the_broker_does_not_have_is_covered() -> None:
    desktop = bracketed(has=False)
    desktop.let("", 10, 16_700)
    assert reducing(desktop) == 10
    later(desktop, MINUTE)
    assert "exits_unknown" in desktop.alerts()
    assert desktop.repairs() == [(SELL, Purpose.PROTECTIVE_STOP, 10, Price(166 * SCALE))]
    assert reducing(desktop) == 10


def test_without_a_stop_asked_for_it_is_said_and_left_to_the_strategy() -> None:
    desktop = bracketed("b10@167.00+168.00 s4")
    assert desktop.sent(SubmitOrder)[0].ticket.order_class is OrderClass.OTO
    desktop.let("", 4, 16_700)
    desktop.drop("", BrokerStatus.CANCELED)
    assert desktop.repairs() == []
    assert desktop.alerts().count("exits_lost") == 1
    desktop.bar(16_750)
    assert desktop.net() == 0


@BOTH
@pytest.mark.parametrize("is_known", [False, True], ids=["at the broker", "unsaid"])
def test_the_exits_of_an_entry_that_never_filled_end(is_known: bool, restart: bool) -> None:
    desktop = bracketed()
    desktop.drop("", BrokerStatus.CANCELED)
    for end in (PROFIT, STOP):
        if is_known:
            desktop.drop(end, BrokerStatus.CANCELED, is_said=False)
    restarted(desktop, restart)
    later(desktop, 4 * SIBLING_GRACE)
    assert [desktop.book(end).status for end in (PROFIT, STOP)] == [OrderStatus.CANCELED] * 2
    assert bool(desktop.sent(CancelOrder)) is not is_known
    assert symbol_tally(desktop.desk.book, SYMBOL) == NO_SYMBOL_TALLY
    assert desktop.repairs() == []


# ---------------------------------------------------------------- siblings


@BOTH
@pytest.mark.parametrize("is_gone", [False, True], ids=["still there", "unsaid"])
def test_a_sibling_whose_end_nobody_says_is_asked_for_and_then_canceled(is_gone: bool, restart: bool) -> None:
    desktop = bracketed()
    desktop.let("", 10, 16_700)
    desktop.activate()
    desktop.let(PROFIT, 10, 16_800)
    if is_gone:
        desktop.drop(STOP, BrokerStatus.CANCELED, is_said=False)
    restarted(desktop, restart)
    if not restart:
        later(desktop, SIBLING_GRACE - 1)
        assert desktop.book(STOP).status is OrderStatus.DORMANT
        asked = len(desktop.sent(QueryOrder))
        later(desktop, 1)
        assert len(desktop.sent(QueryOrder)) == asked + 1
    later(desktop, 3 * SIBLING_GRACE)
    assert desktop.book(STOP).status is OrderStatus.CANCELED
    assert len(desktop.sent(CancelOrder)) == (0 if is_gone else 1)
    assert (desktop.net(), desktop.repairs()) == (0, [])


def test_a_sibling_that_can_not_be_canceled_calls_a_person() -> None:
    desktop = bracketed()
    desktop.let("", 10, 16_700)
    desktop.activate()
    desktop.let(PROFIT, 10, 16_800)
    desktop.deaf_to.add(CancelOrder)
    later(desktop, 10 * MINUTE)
    assert "cancel_stuck" in desktop.alerts()


@BOTH
def test_both_exits_fill_and_what_the_second_one_opened_is_closed(restart: bool) -> None:
    desktop = bracketed()
    desktop.let("", 10, 16_700)
    desktop.activate()
    desktop.let(PROFIT, 10, 16_800)
    restarted(desktop, restart)
    desktop.let(STOP, 7, 16_590)
    restarted(desktop, restart)
    later(desktop, 3 * REPAIR_EVERY)
    assert desktop.repairs() == [(BUY, Purpose.EXIT, 7, None)]
    assert desktop.net() == 0
    alert = next(a for a in desktop.commands if getattr(a, "code", "") == "both_exits")
    assert getattr(alert, "level", None) is AlertLevel.CRITICAL
    later(desktop, 4 * SIBLING_GRACE)
    assert desktop.book(STOP).status is OrderStatus.CANCELED
    assert symbol_tally(desktop.desk.book, SYMBOL) == NO_SYMBOL_TALLY


def test_an_exit_that_fills_before_its_entry_is_known_to_have_closes_nothing() -> None:
    desktop = bracketed()
    name, ten = desktop.entry, Quantity(10 * UNIT)
    desktop.orders[name] = desktop.orders[name]._replace(
        status=BrokerStatus.FILLED, filled_quantity=ten, filled_average=Price(167 * SCALE)
    )
    desktop.positions[SYMBOL] = 10 * UNIT
    desktop.activate()
    desktop.let(PROFIT, 10, 16_800)
    assert desktop.net() == -10  # the entry's own fill was never said
    later(desktop, 5 * SECOND)
    assert desktop.net() == 0
    assert desktop.repairs() == []


def test_what_the_second_exit_opened_is_closed_while_the_rest_of_it_still_lives() -> None:
    desktop = bracketed()
    desktop.let("", 10, 16_700)
    desktop.activate()
    desktop.let(PROFIT, 10, 16_800)
    desktop.deaf_to.add(CancelOrder)
    desktop.let(STOP, 7, 16_590)
    assert desktop.repairs() == [(BUY, Purpose.EXIT, 7, None)]  # though three may still be sold
    assert desktop.net() == 0
    desktop.let(STOP, 3, 16_590)
    later(desktop, REPAIR_EVERY)
    assert desktop.repairs() == [(BUY, Purpose.EXIT, 7, None), (BUY, Purpose.EXIT, 3, None)]
    assert desktop.net() == 0


def test_an_entry_shows_how_its_exits_stand() -> None:
    desktop = bracketed()
    desktop.let("", 10, 16_700)
    desktop.drop(STOP, BrokerStatus.EXPIRED, is_said=False)
    desktop.say(BrokerEvent.FILL, desktop.nested(desktop.orders[desktop.entry]))
    desktop.settle()
    assert desktop.book(STOP).status is OrderStatus.EXPIRED


def test_exits_that_rest_for_long_are_no_drift() -> None:
    desktop = bracketed()
    desktop.let("", 10, 16_700)
    desktop.activate()
    later(desktop, 30 * MINUTE)
    assert dict(desktop.desk.drift.cases.counts) == {}
    assert dict(desktop.desk.drift.cases.open) == {}
    assert desktop.desk.session.mode is Mode.ARMED


def test_a_drain_leaves_the_exits_of_what_is_held_and_ends_the_others() -> None:
    desktop = bracketed()
    desktop.let("", 10, 16_700)
    desktop.activate()
    desktop.give(OperatorSaid(desktop.at, OperatorWord.DRAIN, "done"))
    assert is_drained(desktop.desk)
    assert [desktop.book(end).status for end in (PROFIT, STOP)] == [OrderStatus.WORKING, OrderStatus.DORMANT]
    assert desktop.sent(CancelOrder) == []


def test_a_drain_waits_for_the_exits_of_a_canceled_entry_and_covers_what_it_filled() -> None:
    desktop = bracketed()
    desktop.let("", 4, 16_700)
    desktop.give(OperatorSaid(desktop.at, OperatorWord.DRAIN, "done"))
    assert desktop.repairs() == [COVER]
    assert not is_drained(desktop.desk)
    later(desktop, 4 * SIBLING_GRACE)
    assert is_drained(desktop.desk)
    assert reducing(desktop) == 4


def test_a_bracket_from_a_lost_journal_is_adopted_with_its_exits() -> None:
    lost = bracketed()
    lost.let("", 4, 16_700)
    found = FamilyDesktop(config(strategies=(actor("-"),)), at=lost.at)
    entry = lost.entry
    found.boot()
    found.orders = dict(lost.orders)
    found.positions, found.cash, found.activities = lost.positions, lost.cash, lost.activities
    later(found, 10 * MINUTE)
    family = family_of(found.desk.book, entry)
    assert family.legs == (entry + PROFIT, entry + STOP)
    assert order_of(found.desk.book, entry).ticket.order_class is OrderClass.BRACKET


@pytest.mark.parametrize("word", [BrokerStatus.CANCELED, BrokerStatus.REPLACED])
def test_a_triggered_stop_ends_the_exit_in_profit(word: BrokerStatus) -> None:
    desktop = bracketed()
    desktop.let("", 10, 16_700)
    desktop.activate()
    desktop.drop(PROFIT, word)  # both words have been seen
    assert desktop.book(PROFIT).status.value == word.value
    assert reducing(desktop) == 10
    desktop.let(STOP, 10, 16_590)
    later(desktop, 4 * SIBLING_GRACE)
    assert (desktop.net(), desktop.repairs()) == (0, [])
    assert symbol_tally(desktop.desk.book, SYMBOL) == NO_SYMBOL_TALLY
    assert "contradiction" not in desktop.alerts()


def test_after_a_kill_nothing_is_covered() -> None:
    desktop = bracketed()
    desktop.let("", 4, 16_700)
    desktop.give(OperatorSaid(desktop.at, OperatorWord.KILL, "enough"))
    later(desktop, 10 * MINUTE)
    assert desktop.repairs() == []
    assert {desktop.book(end).status for end in ("", PROFIT, STOP)} == {OrderStatus.CANCELED}


# ---------------------------------------------------------------- found by a second pair of eyes


def test_nothing_leaves_beside_a_partly_filled_bracket() -> None:
    desktop = bracketed("b10@167.00+168.00-166.00 s4@167.60 -")
    desktop.let("", 4, 16_700)
    desktop.bar(16_750)
    assert refused(desktop, RefusalCode.EXIT_EXCEEDS) == 1
    desktop.let("", 6, 16_700)
    desktop.activate()
    desktop.let(PROFIT, 10, 16_800)
    later(desktop, MINUTE)
    assert desktop.net() == 0


def test_an_exit_that_is_busted_is_covered_although_its_sibling_was_tidied_away() -> None:
    desktop = bracketed()
    desktop.let("", 10, 16_700)
    desktop.activate()
    desktop.let(PROFIT, 10, 16_800)
    for _ in range(4):
        desktop.tick(6 * SECOND)
    assert desktop.book(STOP).status is OrderStatus.CANCELED
    report = desktop.orders[desktop.entry + PROFIT]
    report = report._replace(filled_quantity=Quantity(0), filled_average=None, updated_at=desktop.at)
    bust = ExecutionReport(
        f"X{desktop.count}", ExecutionKind.BUST, Price(168 * SCALE), Quantity(10 * SCALE), desktop.at
    )
    desktop.positions[SYMBOL] = 10 * SCALE
    desktop.give(TradeUpdated(desktop.at, BrokerEvent.TRADE_BUST, "trade_bust", report, bust, ""))
    for _ in range(4):
        desktop.tick(6 * SECOND)
    assert desktop.repairs() == [(SELL, Purpose.PROTECTIVE_STOP, 10, Price(166 * SCALE))]
