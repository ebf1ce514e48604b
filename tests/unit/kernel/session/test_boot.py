"""Start and restart: what flew is in doubt and looked up, a halt latches, operators' words are obeyed."""

import pytest

from kernel.commands import CancelOrder, FetchAsset, FetchOrders, QueryOrder, SubmitOrder
from kernel.config import ThrottleConfig
from kernel.events import Booted, OperatorSaid, OperatorWord, Tick
from kernel.orders.chart import OrderStatus
from kernel.reasons import Anomaly
from kernel.session.boot import is_drained
from kernel.session.chart import Mode
from kernel.units import MINUTE, SECOND, Duration, Instant
from tests.unit.kernel.acting import actor
from tests.unit.kernel.scripts import Desktop, config


def acting(script: str, **changes: object) -> Desktop:
    desktop = Desktop(config(strategies=(actor(script),), **changes))
    desktop.boot()
    return desktop


def say(desktop: Desktop, word: OperatorWord, reason: str = "as the test says") -> None:
    desktop.give(OperatorSaid(desktop.at, word, reason))


def mode_of(desktop: Desktop) -> Mode:
    return desktop.desk.session.mode


def killed_while_sending() -> Desktop:
    """The process ended after the submit left and before its answer was journaled."""
    desktop = acting("b10@99.00")
    desktop.deaf_to = {SubmitOrder}
    desktop.bar(10_000)
    assert desktop.order().status is OrderStatus.SENDING
    desktop.deaf_to = set()
    return desktop


# ---------------------------------------------------------------- restarts


def test_an_order_that_was_being_sent_is_found_and_never_sent_again() -> None:
    desktop = killed_while_sending()
    submit = desktop.unanswered.pop()
    assert isinstance(submit, SubmitOrder)
    desktop.orders[submit.ticket.client_order_id] = desktop.report(submit)
    desktop.boot()
    assert desktop.order().status is OrderStatus.WORKING
    assert len(desktop.sent(SubmitOrder)) == 1


def test_an_order_that_never_arrived_is_absent_after_the_grace_and_the_misses() -> None:
    desktop = killed_while_sending()
    desktop.deaf_to = {FetchOrders}  # so that only the search itself asks
    desktop.boot()
    assert desktop.order().status is OrderStatus.IN_DOUBT
    desktop.run_until(Instant(desktop.at + 14 * SECOND))
    assert desktop.order().status is OrderStatus.IN_DOUBT
    desktop.run_until(Instant(desktop.at + 2 * MINUTE))
    assert desktop.order().status is OrderStatus.ABSENT
    assert desktop.desk.counters.anomalies[Anomaly.ABSENT] == 1
    assert len(desktop.sent(SubmitOrder)) == 1
    assert desktop.desk.book.open_count == 0


def test_one_query_at_a_time_however_long_nobody_answers() -> None:
    desktop = killed_while_sending()
    desktop.boot()
    desktop.deaf_to = {QueryOrder, FetchOrders}
    asked = len(desktop.sent(QueryOrder))
    for _ in range(60):
        desktop.tick(SECOND)
        assert desktop.desk.calls.waiting <= 1
    # Nothing new is asked while the last one is under way; a silent call counts as failed after a minute.
    assert len(desktop.sent(QueryOrder)) - asked <= 2


def test_a_second_restart_in_doubt_asks_again() -> None:
    desktop = killed_while_sending()
    desktop.deaf_to = {QueryOrder}
    desktop.boot()
    desktop.deaf_to = set()
    queries = len(desktop.sent(QueryOrder))
    desktop.boot()
    assert len(desktop.sent(QueryOrder)) > queries
    desktop.run_until(Instant(desktop.at + 2 * MINUTE))
    assert desktop.order().status is OrderStatus.ABSENT


def test_what_was_still_in_line_is_dropped() -> None:
    narrow = ThrottleConfig(limit=41, window=Duration(10 * MINUTE))
    desktop = acting("b10@99.00 w b10@99.00", throttle=narrow)
    desktop.bar(10_000)
    submits = len(desktop.sent(SubmitOrder))
    name = next(iter(desktop.desk.book.orders))
    assert (submits, desktop.desk.book.orders[name].status) == (0, OrderStatus.QUEUED)
    desktop.boot()
    assert desktop.desk.book.orders[name].status is OrderStatus.DENIED
    assert desktop.desk.book.open_count == 0


def test_a_cancel_that_may_not_have_left_is_asked_again() -> None:
    desktop = acting("b10@99.00 w")
    desktop.deaf_to = {CancelOrder}
    desktop.bar(10_000)
    desktop.bar(10_000)
    assert len(desktop.sent(CancelOrder)) == 1
    desktop.deaf_to = set()
    desktop.boot()
    assert desktop.order().status is OrderStatus.CANCELED


def test_a_late_answer_of_an_earlier_epoch_finds_nothing_in_flight() -> None:
    desktop = killed_while_sending()
    submit = desktop.unanswered.pop()
    assert isinstance(submit, SubmitOrder)
    desktop.deaf_to = {QueryOrder, FetchOrders}
    desktop.boot()
    desktop.submit(submit)
    desktop.give(Tick(desktop.at))
    assert desktop.order().status is OrderStatus.WORKING


def test_rules_are_fetched_at_every_start() -> None:
    desktop = acting("-")
    desktop.boot()
    assert len(desktop.sent(FetchAsset)) == 2


def test_a_new_throttle_configuration_is_taken_over_with_what_was_sent() -> None:
    desktop = acting("-")
    before = desktop.desk.throttle
    desktop.settings = desktop.settings._replace(throttle=ThrottleConfig(limit=100))
    desktop.boot()
    after = desktop.desk.throttle
    assert after.pool.limit == 100
    assert after.sent > before.sent


def test_a_journal_ahead_of_the_clock_halts() -> None:
    desktop = acting("-")
    desktop.give(Booted(Instant(desktop.at - MINUTE), desktop.desk.epoch + 1, "test", desktop.settings))
    assert desktop.desk.at == desktop.at
    assert mode_of(desktop) is Mode.HALTED
    assert desktop.desk.counters.anomalies[Anomaly.CLOCK_STEPPED] == 1


def test_a_seat_that_is_not_configured_any_more_is_retired() -> None:
    desktop = acting("b10")
    desktop.bar(10_000)
    desktop.settings = desktop.settings._replace(strategies=(actor("-", name="other"),))
    desktop.boot()
    assert {seat: r.status.value for seat, r in desktop.desk.seats.items()} == {
        "actor/SPY": "retired",
        "other/SPY": "warming",
    }
    assert "strategy" in desktop.alerts()


# ---------------------------------------------------------------- the latch


def test_a_halt_survives_a_restart_and_is_lifted_only_by_a_word_with_a_reason() -> None:
    desktop = acting("-")
    say(desktop, OperatorWord.HALT)
    desktop.boot()
    assert mode_of(desktop) is Mode.HALTED
    for word in OperatorWord:
        if word not in (OperatorWord.LIFT_HALT, OperatorWord.KILL, OperatorWord.DRAIN):
            say(desktop, word)
    assert mode_of(desktop) is Mode.HALTED
    say(desktop, OperatorWord.LIFT_HALT, "")
    assert mode_of(desktop) is Mode.HALTED
    say(desktop, OperatorWord.LIFT_HALT)
    assert mode_of(desktop) is Mode.DISARMED


def test_a_halt_is_not_lifted_by_a_comparison_that_is_older() -> None:
    desktop = acting("-")
    desktop.tick(MINUTE)
    desktop.deaf_to = {FetchOrders}
    say(desktop, OperatorWord.HALT)
    say(desktop, OperatorWord.LIFT_HALT)
    assert mode_of(desktop) is Mode.HALTED
    desktop.deaf_to = set()
    for asked in desktop.unanswered:
        desktop.answer(asked)
    desktop.tick(1)
    say(desktop, OperatorWord.LIFT_HALT)
    assert mode_of(desktop) is Mode.DISARMED


def test_a_kill_is_lifted_in_two_words() -> None:
    desktop = acting("-")
    say(desktop, OperatorWord.KILL)
    assert mode_of(desktop) is Mode.KILLING
    desktop.boot()
    assert mode_of(desktop) is Mode.KILLING
    say(desktop, OperatorWord.LIFT_HALT)
    assert mode_of(desktop) is Mode.HALTED
    desktop.run_until(Instant(desktop.at + 6 * MINUTE))
    say(desktop, OperatorWord.LIFT_HALT)
    assert mode_of(desktop) is Mode.DISARMED


def test_a_halt_cancels_entries_and_keeps_exits() -> None:
    desktop = acting("b10 s10@101.00 -")
    desktop.bar(10_000)
    desktop.bar(10_000)
    exit_order = desktop.order()
    desktop.settings = desktop.settings._replace(strategies=(actor("b10@99.00", name="second"),))
    say(desktop, OperatorWord.HALT)
    assert desktop.desk.book.orders[exit_order.client_order_id].status is OrderStatus.WORKING
    say(desktop, OperatorWord.KILL)
    assert desktop.desk.book.orders[exit_order.client_order_id].status is OrderStatus.CANCELED


@pytest.mark.parametrize(
    ("word", "mode"),
    [
        (OperatorWord.DISARM, Mode.DISARMED),
        (OperatorWord.PAUSE, Mode.PAUSED),
        (OperatorWord.REDUCE, Mode.REDUCING),
        (OperatorWord.HALT, Mode.HALTED),
        (OperatorWord.KILL, Mode.KILLING),
    ],
)
def test_no_entry_leaves_but_while_armed(word: OperatorWord, mode: Mode) -> None:
    desktop = acting("b10 b10 b10")
    say(desktop, word)
    assert mode_of(desktop) is mode
    for _ in range(3):
        desktop.bar(10_000)
    assert desktop.sent(SubmitOrder) == []
    assert desktop.desk.counters.denied == 3


def test_pause_and_resume() -> None:
    desktop = acting("b10")
    say(desktop, OperatorWord.PAUSE)
    say(desktop, OperatorWord.RESUME)
    desktop.bar(10_000)
    assert len(desktop.sent(SubmitOrder)) == 1


# ---------------------------------------------------------------- drain


def test_a_drain_cancels_what_is_open_and_lets_nothing_new_in() -> None:
    desktop = acting("b10@99.00 b10@98.00")
    desktop.bar(10_000)
    assert not is_drained(desktop.desk)
    say(desktop, OperatorWord.DRAIN)
    assert is_drained(desktop.desk)
    assert desktop.order().status is OrderStatus.CANCELED
    desktop.bar(10_000)
    assert len(desktop.sent(SubmitOrder)) == 1


def test_a_drain_waits_for_a_cancel_without_an_answer() -> None:
    desktop = acting("b10@99.00")
    desktop.bar(10_000)
    desktop.deaf_to = {CancelOrder}
    say(desktop, OperatorWord.DRAIN)
    assert not is_drained(desktop.desk)
    desktop.deaf_to = set()
    desktop.answer(desktop.unanswered.pop())
    desktop.tick(1)
    assert is_drained(desktop.desk)


def test_a_drain_may_leave_orders() -> None:
    desktop = acting("b10@99.00", cancel_at_drain=False)
    desktop.bar(10_000)
    say(desktop, OperatorWord.DRAIN)
    assert is_drained(desktop.desk)
    assert desktop.order().status is OrderStatus.WORKING


@pytest.mark.parametrize(
    ("word", "mode"),
    [
        (OperatorWord.PAUSE, Mode.PAUSED),
        (OperatorWord.REDUCE, Mode.REDUCING),
        (OperatorWord.DISARM, Mode.DISARMED),
    ],
)
def test_a_restart_is_no_way_out_of_the_mode_that_was(word: OperatorWord, mode: Mode) -> None:
    desktop = acting("-")
    say(desktop, word)
    assert mode_of(desktop) is mode
    desktop.boot()
    assert mode_of(desktop) is mode, "as it was, though the configuration arms at start"
    desktop.deaf_to = {FetchOrders}
    desktop.boot()
    assert mode_of(desktop) is Mode.COLD
    desktop.deaf_to = set()
    desktop.boot()
    assert mode_of(desktop) is mode, "a start that never came to compare is none"
    say(desktop, OperatorWord.ARM)
    assert mode_of(desktop) is Mode.ARMED
    desktop.boot()
    assert mode_of(desktop) is Mode.ARMED
