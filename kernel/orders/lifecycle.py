"""The life of one order: what the desk asks of the broker, and what the answers come to. Pure functions.

What the broker says by itself (take_update, take_report, take_sums) is in facts.py and handed on from here.

    lose_track, answer_submit     is it there at all?  (in doubt ends by evidence alone)
    ask_cancel, answer_cancel     a 204 means asked; a definite no ends the request, not the order
    ask_replace, answer_replace   a 200 carries the new leg; it stands when it works
    answer_query                  a failed query is no answer; not-founds count when they may prove something

A not-found counts when it was asked after the grace (the broker's answers lag behind its orders) and long
enough after the last one that counted; one find starts the count anew. Of an order in doubt enough of
them prove that it never was there; one that the broker had confirmed is a shadow then, and ends as absent.
"""

from typing import Final

from kernel.events import BrokerRefused, CallResult, Done, NotFound, OrderBody
from kernel.orders.chart import REPLACE_TABLE, CancelInput, OrderInput, OrderStatus, ReplaceInput
from kernel.orders.facts import (
    STATUS_INPUTS,
    Change,
    drop_replacement,
    enter,
    move_cancel,
    plain,
    take_report,
    take_sums,
    take_update,
)
from kernel.orders.record import ENDED, NEVER, NO_PURSUIT, Order, Replacement
from kernel.reasons import Anomaly
from kernel.units import Instant, Price

__all__ = [
    "STATUS_INPUTS",
    "Change",
    "answer_cancel",
    "answer_query",
    "answer_replace",
    "answer_submit",
    "ask_cancel",
    "ask_replace",
    "enter",
    "lose_track",
    "plain",
    "take_report",
    "take_sums",
    "take_update",
]

IN_DOUBT: Final = OrderStatus.IN_DOUBT


def lose_track(order: Order, now: Instant, query_at: Instant) -> tuple[Order, Anomaly | None]:
    """The submit's outcome is unknown: in doubt, to be looked up at `query_at`."""
    was = order.status
    order, anomaly = enter(order, OrderInput.LOST_TRACK, now)
    if order.status is IN_DOUBT and was is not IN_DOUBT:
        cancels, next_cancel_at = order.pursuit.cancels, order.pursuit.next_cancel_at
        pursuit = NO_PURSUIT._replace(next_query_at=query_at, cancels=cancels, next_cancel_at=next_cancel_at)
        order = order._replace(pursuit=pursuit)
    return order, anomaly


def answer_submit(order: Order, result: CallResult, now: Instant, query_at: Instant) -> Change:
    """What the POST came to."""
    if isinstance(result, OrderBody):
        return take_report(order, result.report, now)
    if isinstance(result, BrokerRefused | NotFound):
        return plain(*enter(order, OrderInput.REFUSED, now))
    return plain(*lose_track(order, now, query_at))


def ask_cancel(order: Order, now: Instant, look_again_at: Instant = NEVER) -> Order:
    """We ask the broker to cancel, and look after it again at `look_again_at`."""
    times = order.times if order.times.cancel_asked != NEVER else order.times._replace(cancel_asked=now)
    pursuit = order.pursuit._replace(cancels=order.pursuit.cancels + 1, next_cancel_at=look_again_at)
    order = move_cancel(order, CancelInput.REQUESTED).order
    return order._replace(times=times, pursuit=pursuit)


def answer_cancel(order: Order, result: CallResult, now: Instant) -> Change:  # noqa: ARG001 - like its peers
    """What the DELETE came to: 204 means asked; a definite no is no answer about the order's fate."""
    given = CancelInput.UNKNOWN_OUTCOME
    if isinstance(result, Done):
        given = CancelInput.ACCEPTED_204
    elif isinstance(result, BrokerRefused | NotFound):
        given = CancelInput.REFUSED
    return move_cancel(order, given)


def ask_replace(order: Order, replacement: Replacement, now: Instant) -> Order:
    """We ask the broker to replace; while one is pending a second one is not asked.

    What a unit may cost is the dearer of both terms until it is answered.
    """
    move = REPLACE_TABLE.next(order.replace, ReplaceInput.REQUESTED)
    if not move.is_move:
        return order
    times = order.times._replace(replace_asked=now)
    dearer = max(order.reserve_price, replacement.reserve_price)
    replacement = replacement._replace(reserve_before=order.reserve_price)
    return order._replace(
        replace=move.target, replacement=replacement, times=times, reserve_price=Price(dearer)
    )


def answer_replace(order: Order, result: CallResult, now: Instant) -> Change:
    """What the PATCH came to: a 200 carries the new leg; without an answer both terms count on."""
    if isinstance(result, OrderBody):
        return take_report(order, result.report, now)
    if isinstance(result, BrokerRefused | NotFound):
        return drop_replacement(order, ReplaceInput.REFUSED)
    return plain(order)


def answer_query(
    order: Order,
    result: CallResult,
    asked_at: Instant,
    now: Instant,
    absent_after: int,
    misses_max: int,
    spacing: int = 0,
) -> Change:
    """What a query by id came to.

    A not-found counts when it was asked `absent_after` after the submit and `spacing` after the last one that
    counted (both in ns); `misses_max` of them are a proof.
    """
    if isinstance(result, OrderBody):
        if order.pursuit.misses:
            order = order._replace(pursuit=order.pursuit._replace(misses=0, missed_at=NEVER))
        return take_report(order, result.report, now)
    if not isinstance(result, NotFound) or order.status in ENDED:
        return plain(order)
    sent = order.times.sent if order.times.sent != NEVER else order.times.created
    if asked_at < sent + absent_after or asked_at < order.pursuit.missed_at + spacing:
        return plain(order)
    misses = order.pursuit.misses + 1
    order = order._replace(pursuit=order.pursuit._replace(misses=misses, missed_at=asked_at))
    if misses < misses_max:
        return plain(order)
    if order.status is IN_DOUBT:
        order, anomaly = enter(order, OrderInput.NOT_FOUND_FINALLY, now)
        return plain(order, anomaly if anomaly is not None else Anomaly.ABSENT)
    order, anomaly = enter(order, OrderInput.VANISHED, now)
    return plain(order, anomaly if anomaly is not None else Anomaly.SHADOW_ORDER)
