"""What is pursued until it is known: answers of the calls about orders, and the deadlines that follow up.

    a submit in doubt   one query at a time, with growing waits, until there is evidence
    a cancel            looked after every cancel_repeat_every, asked again, at last a person is called
    an order's time     its end is asked for when it is over

Bounds: one query under way for each order in doubt, one pending cancel for each order, cancel_repeats_max
repetitions. A deadline that was moved is recognized when it falls due (the order says another instant).
"""

from typing import Final

from kernel.commands import AlertLevel, QueryOrder
from kernel.desk import Turn
from kernel.events import BrokerRefused, CallResult, DoubtCause, Doubtful, OrderBody
from kernel.orders.book import find, order_of, put
from kernel.orders.chart import CancelState, OrderStatus
from kernel.orders.lifecycle import (
    answer_cancel,
    answer_query,
    answer_submit,
    lose_track,
    plain,
)
from kernel.orders.record import ENDED, NEVER, Order, broker_order_id
from kernel.orders.room import cancel, commit, locate, request_cancel
from kernel.outbox import enqueue
from kernel.reasons import Anomaly
from kernel.throttle.throttle import Priority
from kernel.units import Instant

__all__ = [
    "about",
    "cancel_due",
    "doubt",
    "expire_due",
    "on_cancel_answer",
    "on_query_answer",
    "on_submit_answer",
    "query",
    "query_due",
]

IN_DOUBT: Final = OrderStatus.IN_DOUBT
WAIT_DOUBLINGS_MAX: Final = 16
"""Doublings of the wait between queries; the configured maximum is reached long before."""


# ---------------------------------------------------------------- answers


def on_submit_answer(turn: Turn, name: str, result: CallResult) -> None:
    """What a submit came to."""
    old = order_of(turn.book, name)
    result = about(turn, old, result)
    if isinstance(result, BrokerRefused):
        text = f"{name}: {result.http_status} {result.code} {result.message}"
        turn.note(Anomaly.ORDER_REJECTED, text, AlertLevel.WARNING)
    commit(turn, old, answer_submit(old, result, turn.at, turn.at))
    query_due(turn, name)


def on_cancel_answer(turn: Turn, name: str, result: CallResult) -> None:
    """What a cancel came to; a refusal may mean that the order has ended: look."""
    old = find(turn.book, name, "")
    if old is None:
        return  # another's order, canceled by policy: the next look shows what came of it
    commit(turn, old, answer_cancel(old, result, turn.at))
    order = order_of(turn.book, name)
    if order.status not in ENDED and order.cancel is CancelState.ANSWERED:
        query(turn, order)


def on_query_answer(turn: Turn, name: str, call: int, result: CallResult, asked_at: Instant) -> None:
    """What a query by id came to; while the order is in doubt the next one is planned."""
    old = order_of(turn.book, name)
    settings = turn.config.orders
    result = about(turn, old, result)
    change = answer_query(
        old,
        result,
        asked_at,
        turn.at,
        settings.absent_after,
        settings.absent_misses,
        settings.query_every,
    )
    commit(turn, old, change)
    order = order_of(turn.book, name)
    if order.status is IN_DOUBT and order.pursuit.query_call == call:
        _plan_query(turn, order)
    elif len(order.broker_ids) > len(old.broker_ids) > 0 and order.status not in ENDED:
        query(turn, order)  # the leg that we asked about was replaced: its successor says how it stands


def about(turn: Turn, order: Order, result: CallResult) -> CallResult:
    """An answer that is about another order is no answer."""
    if isinstance(result, OrderBody):
        found = locate(turn, result.report)
        if found is None or found.client_order_id != order.client_order_id:
            return Doubtful(DoubtCause.BAD_BODY, f"about {result.report.client_order_id!r}")
    return result


# ---------------------------------------------------------------- in doubt


def doubt(turn: Turn, order: Order) -> None:
    """The submit's fate is unknown (a restart): look it up at once."""
    changed, anomaly = lose_track(order, turn.at, turn.at)
    if changed.status is IN_DOUBT:
        # Of an earlier epoch nothing is under way any more.
        pursuit = changed.pursuit._replace(query_call=0, next_query_at=turn.at)
        changed = changed._replace(pursuit=pursuit)
    commit(turn, order, plain(changed, anomaly))
    query_due(turn, order.client_order_id)


def query_due(turn: Turn, name: str) -> None:
    """Looks an order in doubt up, when its time has come; while a query is under way none is planned."""
    order = turn.book.orders.get(name)
    if order is None or order.status is not IN_DOUBT:
        return
    pursuit = order.pursuit
    if pursuit.next_query_at == NEVER or pursuit.next_query_at > turn.at:
        return
    call = query(turn, order)
    pursuit = pursuit._replace(queries=pursuit.queries + 1, query_call=call, next_query_at=NEVER)
    turn.book = put(turn.book, order, order._replace(pursuit=pursuit))


def _plan_query(turn: Turn, order: Order) -> None:
    settings = turn.config.orders
    doublings = min(order.pursuit.queries - 1, WAIT_DOUBLINGS_MAX)
    at = Instant(turn.at + min(settings.query_every << max(0, doublings), settings.query_every_max))
    pursuit = order.pursuit._replace(query_call=0, next_query_at=at)
    turn.book = put(turn.book, order, order._replace(pursuit=pursuit))
    turn.wake(at, "query:" + order.client_order_id)


def query(turn: Turn, order: Order) -> int:
    """Asks the broker about the current leg; the number of the call."""
    command = QueryOrder(0, order.client_order_id, broker_order_id(order))
    turn.calls, number = enqueue(turn.calls, Priority.QUERY, command, Instant(0))
    return number


# ---------------------------------------------------------------- ends that were asked for


def expire_due(turn: Turn, name: str) -> None:
    """An order's time to live is over."""
    order = turn.book.orders.get(name)
    if order is not None and order.status not in ENDED:
        cancel(turn, order)


def cancel_due(turn: Turn, name: str) -> None:
    """A cancel was asked a while ago: if the order is still open, look, ask again, at last call a person."""
    order = turn.book.orders.get(name)
    if order is None or order.status in ENDED:
        return
    pursuit = order.pursuit
    if pursuit.next_cancel_at == NEVER or pursuit.next_cancel_at > turn.at:
        return
    calm = order._replace(pursuit=pursuit._replace(next_cancel_at=NEVER))
    turn.book = put(turn.book, order, calm)
    query(turn, calm)
    if pursuit.cancels >= turn.config.orders.cancel_repeats_max:
        text = f"{name}: still open after {pursuit.cancels} cancels"
        turn.note(Anomaly.CANCEL_STUCK, text, AlertLevel.CRITICAL)
        return
    request_cancel(turn, calm)
