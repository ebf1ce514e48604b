"""One order through everything that a broker may say: where each fact leads, and what a person is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.config import OrderConfig
from kernel.events import BrokerRefused, Done, DoubtCause, Doubtful, NotFound, OrderBody, RateLimited
from kernel.orders.chart import CancelState, OrderInput, OrderStatus, ReplaceState
from kernel.orders.ledger import fills_missing
from kernel.orders.lifecycle import (
    answer_cancel,
    answer_query,
    answer_replace,
    answer_submit,
    ask_cancel,
    ask_replace,
    enter,
    lose_track,
    take_report,
    take_sums,
    take_update,
)
from kernel.orders.record import ENDED, Order, Replacement, is_open, leaves, overfill, reserved
from kernel.reasons import Anomaly
from kernel.reports import BrokerEvent, BrokerStatus, ExecutionKind
from kernel.units import SCALE, Instant, Price, Value
from tests.unit.kernel.orders.samples import T0, at, execution, queued, report, sent, shares, working

NEW, PARTIAL, FILLED = BrokerStatus.NEW, BrokerStatus.PARTIALLY_FILLED, BrokerStatus.FILLED
GRACE, MISSES, SPACING = OrderConfig().absent_after, OrderConfig().absent_misses, OrderConfig().query_every


def in_doubt() -> Order:
    order, anomaly = lose_track(sent(), at(1), at(1))
    assert anomaly is None
    return order


def pending_replace(quantity: int) -> Order:
    terms = Replacement("mqd-1-a-000000002", shares(quantity), Price(11 * SCALE), None)
    return ask_replace(working(), terms, at(2))


# ---------------------------------------------------------------- fills


def test_a_fill_fills_and_closes() -> None:
    change = take_update(working(), BrokerEvent.FILL, report(FILLED, 100), execution("X1", 100), at(3))
    assert change.order.status is OrderStatus.FILLED
    assert (change.quantity, change.executions, change.anomalies) == (shares(100), 1, ())
    assert change.order.times.first_fill == change.order.times.last_fill == change.order.times.ended == at(3)


def test_the_same_execution_again_counts_nothing() -> None:
    update = (BrokerEvent.PARTIAL_FILL, report(PARTIAL, 40), execution("X1", 40), at(3))
    once = take_update(working(), *update)
    twice = take_update(once.order, *update)
    assert (twice.quantity, twice.value, twice.executions, twice.anomalies) == (0, 0, 0, ())
    assert twice.order == once.order


@pytest.mark.parametrize("end", [BrokerStatus.CANCELED, BrokerStatus.EXPIRED, BrokerStatus.REJECTED])
def test_a_late_fill_is_booked_and_reopens_nothing(end: BrokerStatus) -> None:
    ended = take_report(working(), report(end), at(2)).order
    change = take_update(ended, BrokerEvent.PARTIAL_FILL, report(end, 40), execution("X1", 40), at(3))
    assert change.quantity == shares(40)
    assert change.order.status is ended.status
    assert Anomaly.LATE_FILL in change.anomalies
    assert leaves(change.order) == 0


def test_an_overfill_is_booked_measured_and_said() -> None:
    full = take_update(working(), BrokerEvent.FILL, report(FILLED, 100), execution("X1", 100), at(3)).order
    change = take_update(full, BrokerEvent.FILL, report(FILLED, 101), execution("X2", 1), at(4))
    assert overfill(change.order) == shares(1)
    assert {Anomaly.OVERFILL, Anomaly.LATE_FILL} <= set(change.anomalies)


def test_a_fill_proves_that_the_broker_has_it() -> None:
    change = take_update(
        in_doubt(), BrokerEvent.PARTIAL_FILL, report(PARTIAL, 40), execution("X1", 40), at(3)
    )
    assert change.order.status is OrderStatus.WORKING
    assert change.order.broker_ids == ("B1",)


def test_a_report_stands_in_until_the_executions_come() -> None:
    change = take_report(working(), report(FILLED, 100), at(3))
    assert change.order.status is OrderStatus.FILLED
    assert fills_missing(change.order.ledger)
    first = take_update(
        change.order, BrokerEvent.PARTIAL_FILL, report(PARTIAL, 60), execution("X1", 60, 9), at(4)
    )
    second = take_update(first.order, BrokerEvent.FILL, report(FILLED, 100), execution("X2", 40, 11), at(5))
    total = change.value + first.value + second.value
    assert total == second.order.ledger.value == (60 * 9 + 40 * 11) * SCALE * SCALE
    assert not fills_missing(second.order.ledger)


def test_a_bust_is_not_undone_by_the_cumulative_figure_beside_it() -> None:
    full = take_update(working(), BrokerEvent.FILL, report(FILLED, 100), execution("X1", 100), at(3)).order
    bust = execution("V1", 100, kind=ExecutionKind.BUST, previous="X1", seconds=4)
    change = take_update(full, BrokerEvent.TRADE_BUST, report(FILLED, 100, seconds=4), bust, at(4))
    assert change.quantity == -shares(100)
    assert change.order.ledger.quantity == 0
    assert Anomaly.BUST in change.anomalies


@pytest.mark.parametrize("filled", [0, 40])
def test_a_filled_order_may_stay_filled_with_less_in_it_after_a_bust(filled: int) -> None:
    order = working()
    for name, quantity, seconds in (("X1", 60, 2), ("X2", 40, 3)):
        word = BrokerEvent.PARTIAL_FILL if name == "X1" else BrokerEvent.FILL
        status = PARTIAL if name == "X1" else FILLED
        so_far = 60 if name == "X1" else 100
        seen = execution(name, quantity, seconds=seconds)
        order = take_update(order, word, report(status, so_far, seconds=seconds), seen, at(seconds)).order
    for name, previous, quantity, left in (("V1", "X1", 60, 40), ("V2", "X2", 40, 0)):
        if left < filled:
            continue
        bust = execution(name, quantity, kind=ExecutionKind.BUST, previous=previous, seconds=4)
        change = take_update(order, BrokerEvent.TRADE_BUST, report(FILLED, left, seconds=4), bust, at(4))
        assert change.anomalies == (Anomaly.BUST,)
        order = change.order
    assert (order.status, order.ledger.quantity) == (OrderStatus.FILLED, shares(filled))
    assert take_report(order, report(FILLED, filled, seconds=5), at(5)).anomalies == ()


def test_filled_with_less_than_the_order_and_no_bust_is_a_contradiction() -> None:
    change = take_report(working(), report(FILLED, 40, seconds=3), at(3))
    assert change.anomalies == (Anomaly.CONTRADICTION,)


def test_sums_of_activities_close_an_order_and_are_told_like_fills() -> None:
    worth = Value(shares(100) * 10 * SCALE)
    change = take_sums(working(), (("B1", shares(100), worth),), at(3))
    assert change.order.status is OrderStatus.FILLED
    assert change.order.times.first_fill == at(3)
    assert take_sums(change.order, (("B1", shares(100), worth),), at(4)).order is change.order


# ---------------------------------------------------------------- words


def test_an_order_object_that_is_behind_the_word_does_not_keep_it_open() -> None:
    change = take_update(working(), BrokerEvent.CANCELED, report(NEW), None, at(3))
    assert change.order.status is OrderStatus.CANCELED


def test_a_full_order_is_filled_whatever_the_word() -> None:
    change = take_report(working(), report(BrokerStatus.CANCELED, 100), at(3))
    assert change.order.status is OrderStatus.FILLED


def test_filled_by_word_with_less_than_the_order_is_said() -> None:
    change = take_report(working(), report(FILLED, 40), at(3))
    assert change.order.status is OrderStatus.FILLED
    assert Anomaly.CONTRADICTION in change.anomalies


def test_an_unknown_word_proves_that_the_broker_has_it_and_is_said() -> None:
    change = take_report(sent(), report(BrokerStatus.UNRECOGNIZED), at(3))
    assert change.order.status is OrderStatus.WORKING
    assert change.anomalies == (Anomaly.UNKNOWN_WORD,)


def test_a_cancel_refused_that_nobody_asked_for_is_a_contradiction() -> None:
    change = take_update(working(), BrokerEvent.ORDER_CANCEL_REJECTED, report(NEW), None, at(3))
    assert change.anomalies == (Anomaly.CONTRADICTION,)


def test_two_orders_under_one_id_are_told() -> None:
    change = take_report(working(), report(NEW, leg="B2"), at(3))
    assert Anomaly.DOUBLED in change.anomalies
    assert change.order.broker_ids == ("B1",)


def test_a_quantity_changed_by_somebody_else_is_taken_over_and_said() -> None:
    change = take_report(working(), report(NEW, quantity=150), at(3))
    assert change.order.quantity == shares(150)
    assert Anomaly.CONTRADICTION in change.anomalies


# ---------------------------------------------------------------- requests


def test_a_204_is_asked_and_the_end_is_the_streams() -> None:
    order = answer_cancel(ask_cancel(working(), at(2)), Done(), at(3)).order
    assert order.cancel is CancelState.ASKED
    assert is_open(order)
    ended = take_report(order, report(BrokerStatus.CANCELED), at(4)).order
    assert (ended.status, ended.cancel) == (OrderStatus.CANCELED, CancelState.ANSWERED)


def test_a_fill_forgets_no_request() -> None:
    order = ask_cancel(pending_replace(100), at(3))
    order = take_update(
        order, BrokerEvent.PARTIAL_FILL, report(PARTIAL, 40), execution("X1", 40), at(4)
    ).order
    assert (order.cancel, order.replace) == (CancelState.ASKED, ReplaceState.ASKED)


def test_a_pending_replace_reserves_the_greater_of_both() -> None:
    assert reserved(pending_replace(150)) == shares(150)
    assert reserved(pending_replace(50)) == shares(100)


def test_a_replace_continues_the_chain_under_its_name() -> None:
    leg = report(NEW, leg="B2", name="mqd-1-a-000000002", quantity=150, replaces="B1")
    order = answer_replace(pending_replace(150), OrderBody(leg), at(3)).order
    assert order.broker_ids == ("B1", "B2")
    assert (order.quantity, order.replace, order.replacement) == (shares(150), ReplaceState.ANSWERED, None)
    old = take_report(order, report(BrokerStatus.REPLACED, replaced_by="B2"), at(4))
    assert (old.order.status, old.anomalies) == (OrderStatus.WORKING, ())


def test_a_second_replace_is_not_asked_while_one_is_pending() -> None:
    order = pending_replace(150)
    assert ask_replace(order, Replacement("x", shares(1), None, None), at(3)) is order


def test_a_replace_by_somebody_else_is_followed_and_said() -> None:
    change = take_report(working(), report(BrokerStatus.REPLACED, replaced_by="B2"), at(3))
    assert change.order.broker_ids == ("B1", "B2")
    assert is_open(change.order)
    assert Anomaly.CONTRADICTION in change.anomalies
    after = take_report(change.order, report(NEW, leg="B2", quantity=30), at(4)).order
    assert after.quantity == shares(30)


def test_amended_below_the_filled_quantity_is_done() -> None:
    order = take_update(
        pending_replace(30), BrokerEvent.PARTIAL_FILL, report(PARTIAL, 40), execution("X1", 40), at(3)
    ).order
    change = take_report(order, report(BrokerStatus.REPLACED, 40, replaced_by="B2"), at(4))
    assert change.order.status is OrderStatus.FILLED
    assert Anomaly.AMENDED_BELOW_FILLED in change.anomalies


# ---------------------------------------------------------------- doubt


@pytest.mark.parametrize(
    "result",
    [Doubtful(cause, "") for cause in DoubtCause] + [RateLimited(None)],
)
def test_what_is_no_answer_leaves_a_submit_in_doubt(result: Doubtful | RateLimited) -> None:
    order = answer_submit(sent(), result, at(1), at(1)).order
    assert order.status is OrderStatus.IN_DOUBT
    assert order.pursuit.next_query_at == at(1)


def test_a_definite_no_is_the_end() -> None:
    order = answer_submit(sent(), BrokerRefused(403, 40310000, "insufficient"), at(1), at(1)).order
    assert order.status is OrderStatus.REJECTED


def test_not_found_counts_only_after_the_grace_and_spaced() -> None:
    order = in_doubt()

    def misses_after(asked: Instant) -> int:
        nonlocal order
        order = answer_query(order, NotFound(""), asked, asked, GRACE, MISSES, SPACING).order
        return order.pursuit.misses

    assert [misses_after(at(10)) for _ in range(10)] == [0] * 10
    assert [misses_after(at(20)) for _ in range(10)] == [1] * 10
    assert misses_after(at(21)) == 2
    assert order.status is OrderStatus.IN_DOUBT
    change = answer_query(order, NotFound(""), at(22), at(22), GRACE, MISSES, SPACING)
    assert change.order.status is OrderStatus.ABSENT
    assert change.anomalies == (Anomaly.ABSENT,)


def test_a_find_starts_the_count_anew_and_failed_queries_say_nothing() -> None:
    order = in_doubt()
    for second in (20, 21):
        order = answer_query(order, NotFound(""), at(second), at(second), GRACE, MISSES, SPACING).order
    failed = Doubtful(DoubtCause.TIMEOUT, "")
    assert answer_query(order, failed, at(22), at(22), GRACE, MISSES, SPACING).order is order
    order = answer_query(order, OrderBody(report(NEW)), at(23), at(23), GRACE, MISSES, SPACING).order
    assert (order.status, order.pursuit.misses) == (OrderStatus.WORKING, 0)


def test_an_absent_order_that_shows_up_is_revived() -> None:
    order = in_doubt()
    for second in (20, 21, 22):
        order = answer_query(order, NotFound(""), at(second), at(second), GRACE, MISSES, SPACING).order
    assert order.status is OrderStatus.ABSENT
    change = take_report(order, report(NEW), at(60))
    assert (change.order.status, change.anomalies) == (OrderStatus.WORKING, (Anomaly.REVIVED,))


def test_a_confirmed_order_that_is_not_found_ends_as_a_shadow_and_comes_back_with_evidence() -> None:
    order = working()
    said: list[Anomaly] = []
    for second in range(20, 40):
        change = answer_query(order, NotFound(""), at(second), at(second), GRACE, MISSES, SPACING)
        order = change.order
        said += change.anomalies
    assert order.status is OrderStatus.ABSENT
    assert said == [Anomaly.SHADOW_ORDER]
    change = take_report(order, report(NEW), at(60))
    assert (change.order.status, change.anomalies) == (OrderStatus.WORKING, (Anomaly.REVIVED,))


# ---------------------------------------------------------------- anything at all

words = st.sampled_from(list(BrokerEvent))
statuses = st.sampled_from(list(BrokerStatus))
inputs = st.sampled_from(list(OrderInput))
results = st.sampled_from(
    [
        Done(),
        NotFound(""),
        BrokerRefused(422, 0, ""),
        RateLimited(None),
        Doubtful(DoubtCause.TIMEOUT, ""),
        OrderBody(report(FILLED, 100)),
        OrderBody(report(NEW, 20)),
        OrderBody(report(BrokerStatus.REPLACED, replaced_by=None)),
        OrderBody(report(BrokerStatus.REJECTED, leg="B2", replaces="B1")),
    ]
)
facts = st.one_of(
    st.tuples(st.just("update"), words, statuses, st.integers(0, 130), st.integers(0, 4)),
    st.tuples(st.just("answer"), st.sampled_from(["submit", "cancel", "replace", "query"]), results),
    st.tuples(st.just("ask"), st.sampled_from(["cancel", "replace"])),
    st.tuples(st.just("enter"), inputs),
)


def played(order: Order, fact: tuple[object, ...], second: int) -> Order:
    now = at(second)
    match fact:
        case ("update", BrokerEvent() as word, BrokerStatus() as status, int(filled), int(number)):
            leg = "B1" if number % 2 else "B2"
            kind = list(ExecutionKind)[number % 4]
            one = execution(f"X{number}", 10, kind=kind, previous=f"X{number - 1}", seconds=second)
            said = report(status, filled, leg=leg, seconds=second, replaces="B1", replaced_by="B2")
            return take_update(order, word, said, one if number else None, now).order
        case ("answer", "submit", result):
            return answer_submit(order, result, now, now).order  # type: ignore[arg-type]
        case ("answer", "cancel", result):
            return answer_cancel(order, result, now).order  # type: ignore[arg-type]
        case ("answer", "replace", result):
            return answer_replace(order, result, now).order  # type: ignore[arg-type]
        case ("answer", "query", result):
            return answer_query(order, result, now, now, GRACE, MISSES, SPACING).order  # type: ignore[arg-type]
        case ("ask", "cancel"):
            return ask_cancel(order, now)
        case ("ask", _):
            return ask_replace(order, Replacement("r", shares(120), None, None), now)
        case ("enter", OrderInput() as given_input):
            return enter(order, given_input, now)[0]
        case _:
            raise AssertionError(fact)


@given(st.lists(facts, max_size=30), st.sampled_from([queued, sent, working]))
def test_nothing_that_can_be_said_raises_or_breaks_the_books(
    history: list[tuple[object, ...]], begin: object
) -> None:
    order = begin()  # type: ignore[operator]
    assert order.times.created == T0
    for second, fact in enumerate(history, start=2):
        before = order
        order = played(order, fact, second)
        ahead = [leg for leg in order.ledger.legs if leg.evidence_quantity > leg.quantity]
        unseen = sum(leg.evidence_quantity - leg.quantity for leg in ahead)
        total = unseen + sum(leg.quantity for leg in order.ledger.legs)
        assert order.ledger.quantity == total
        assert reserved(order) == 0 or order.status not in ENDED
        if before.status in ENDED and before.status is not OrderStatus.ABSENT:
            assert order.status is before.status
        assert set(before.broker_ids) <= set(order.broker_ids)
