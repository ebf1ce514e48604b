"""What happens to one order: pure functions from (order, fact) to (order, change).

No function here knows where a fact came from: the stream, a poll, an answer and a replay look alike.
The tables of chart.py decide every status; this file maps the broker's words to inputs, keeps the
ledger and the chain of replaced legs, and says what a person should see.

Rules (shared with specs/):
1. Executions first, then the broker's cumulative figures, then the status word.
2. An order whose booked quantity reaches its quantity is filled, whatever the word was.
3. A word about a leg that was superseded does not end the chain; a fill of it counts.
4. A cancel's answer is "asked", never "canceled"; both requests end when the order ends.
5. Nothing raises for anything the broker may say.
"""

from typing import Final, NamedTuple

from kernel.events import BrokerRefused, CallResult, Done, NotFound, OrderBody
from kernel.orders.chart import (
    CANCEL_TABLE,
    REPLACE_TABLE,
    STATUS_TABLE,
    CancelInput,
    CancelState,
    OrderInput,
    OrderStatus,
    ReplaceInput,
    ReplaceState,
)
from kernel.orders.ledger import Outcome, book, take_evidence
from kernel.orders.record import ENDED, NEVER, NO_DOUBT, Doubt, Order, Replacement
from kernel.reasons import Anomaly
from kernel.reports import BrokerEvent, BrokerStatus, ExecutionReport, OrderReport
from kernel.units import ZERO_QUANTITY, ZERO_VALUE, Instant, Price, Quantity, Value

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
    "take_report",
    "take_update",
]


class Change(NamedTuple):
    """What a fact did to an order."""

    order: Order
    quantity: Quantity
    """Change of the booked quantity (unsigned by side; negative after a bust)."""
    value: Value
    """Change of the booked value, likewise."""
    anomalies: tuple[Anomaly, ...]


STATUS_INPUTS: Final[dict[BrokerStatus, OrderInput]] = {
    BrokerStatus.ACCEPTED: OrderInput.ACKNOWLEDGED,
    BrokerStatus.PENDING_NEW: OrderInput.ACKNOWLEDGED,
    BrokerStatus.NEW: OrderInput.ACKNOWLEDGED,
    BrokerStatus.PARTIALLY_FILLED: OrderInput.ACKNOWLEDGED,
    BrokerStatus.PENDING_CANCEL: OrderInput.ACKNOWLEDGED,
    BrokerStatus.PENDING_REPLACE: OrderInput.ACKNOWLEDGED,
    BrokerStatus.ACCEPTED_FOR_BIDDING: OrderInput.ACKNOWLEDGED,
    BrokerStatus.FILLED: OrderInput.FILLED_UP,
    BrokerStatus.CANCELED: OrderInput.CANCELED,
    BrokerStatus.EXPIRED: OrderInput.EXPIRED,
    BrokerStatus.REJECTED: OrderInput.REJECTED_LATER,
    BrokerStatus.REPLACED: OrderInput.SUPERSEDED,
    BrokerStatus.DONE_FOR_DAY: OrderInput.SUSPENDED,
    BrokerStatus.CALCULATED: OrderInput.SUSPENDED,
    BrokerStatus.STOPPED: OrderInput.SUSPENDED,
    BrokerStatus.SUSPENDED: OrderInput.SUSPENDED,
    BrokerStatus.HELD: OrderInput.SUSPENDED,
    BrokerStatus.PENDING_REVIEW: OrderInput.SUSPENDED,
    # A word that nobody knows proves at least that the broker has the order; the desk alerts and reduces.
    BrokerStatus.UNRECOGNIZED: OrderInput.ACKNOWLEDGED,
}

ACKNOWLEDGED: Final = OrderInput.ACKNOWLEDGED
FILLED_UP: Final = OrderInput.FILLED_UP
SUPERSEDED: Final = OrderInput.SUPERSEDED
NO_REPORT: Final = (ZERO_QUANTITY, ZERO_VALUE)

_OUTCOME_ANOMALY: Final[dict[Outcome, Anomaly | None]] = {
    Outcome.BOOKED: None,
    Outcome.DUPLICATE: None,
    Outcome.CONFLICT: Anomaly.CONFLICTING_EXECUTION,
    Outcome.VOIDED: Anomaly.BUST,
    Outcome.VOID_AHEAD: Anomaly.BUST_AHEAD,
}


def enter(order: Order, given: OrderInput, now: Instant) -> tuple[Order, Anomaly | None]:
    """Moves the status by the table; a pair that the table calls a fault is a contradiction, and stays."""
    target = STATUS_TABLE.next(order.status, given)
    if target.is_fault:
        return order._replace(anomalies=order.anomalies + 1), Anomaly.CONTRADICTION
    status = target.target
    if status is order.status:
        return order, None
    times = order.times
    if given is ACKNOWLEDGED and times.acknowledged == NEVER:
        times = times._replace(acknowledged=now)
    elif given is OrderInput.PERMITTED:
        times = times._replace(sent=now)
    anomaly = Anomaly.REVIVED if order.status is OrderStatus.ABSENT else None
    if status in ENDED:
        return (
            order._replace(
                status=status,
                cancel=CANCEL_TABLE.next(order.cancel, CancelInput.RESOLVED).target,
                replace=REPLACE_TABLE.next(order.replace, ReplaceInput.RESOLVED).target,
                replacement=None,
                doubt=NO_DOUBT,
                times=times._replace(ended=now),
            ),
            anomaly,
        )
    doubt = order.doubt if status is OrderStatus.IN_DOUBT else NO_DOUBT
    return order._replace(status=status, times=times, doubt=doubt), anomaly


def lose_track(order: Order, now: Instant, query_at: Instant) -> tuple[Order, Anomaly | None]:
    """The submit's outcome is unknown: in doubt, to be queried at `query_at`."""
    order, anomaly = enter(order, OrderInput.LOST_TRACK, now)
    if order.status is OrderStatus.IN_DOUBT:
        order = order._replace(doubt=Doubt(0, 0, query_at))
    return order, anomaly


def take_update(
    order: Order, word: BrokerEvent, report: OrderReport, execution: ExecutionReport | None, now: Instant
) -> Change:
    """One trade_updates message about this order."""
    found: list[Anomaly] = []
    quantity, value = NO_REPORT
    order = _learn_leg(order, report, now)
    if execution is not None:
        order, quantity, value = _take_execution(order, report.broker_order_id, execution, now, found)
    if word is BrokerEvent.ORDER_CANCEL_REJECTED:
        order = order._replace(cancel=CANCEL_TABLE.next(order.cancel, CancelInput.REFUSED).target)
    elif word is BrokerEvent.ORDER_REPLACE_REJECTED:
        order = _drop_replacement(order, ReplaceInput.REFUSED)
    elif word is BrokerEvent.UNRECOGNIZED:
        found.append(Anomaly.UNKNOWN_WORD)
    change = take_report(order, report, now)
    return Change(
        change.order,
        Quantity(change.quantity + quantity),
        Value(change.value + value),
        (*found, *change.anomalies) if found else change.anomalies,
    )


def take_report(order: Order, report: OrderReport, now: Instant) -> Change:
    """One order object of the broker: its cumulative figures, then its status."""
    found: list[Anomaly] = []
    order = _learn_leg(order, report, now)
    quantity, value = NO_REPORT
    if report.filled_quantity > 0:
        average = report.filled_average or Price(0)
        ledger, quantity, value = take_evidence(
            order.ledger,
            report.broker_order_id,
            report.filled_quantity,
            Value(average * report.filled_quantity),
            report.updated_at,
        )
        if quantity or value:
            order = _booked(order, order._replace(ledger=ledger), quantity, now, found)
    if _is_behind(order, report):
        found.append(Anomaly.STALE_REPORT)
    if report.status is BrokerStatus.UNRECOGNIZED:
        found.append(Anomaly.UNKNOWN_WORD)
    current = not order.broker_ids or report.broker_order_id == order.broker_ids[-1]
    given = STATUS_INPUTS[report.status]
    if current and given is not SUPERSEDED:
        order, anomaly = enter(order, given, now)
        if anomaly is not None:
            found.append(anomaly)
    elif current:
        order = _superseded(order, report, found)
    order = _close_when_full(order, now, found)
    return Change(order, quantity, value, tuple(found))


def _is_behind(order: Order, report: OrderReport) -> bool:
    for leg in order.ledger.legs:
        if leg.broker_order_id == report.broker_order_id:
            return report.filled_quantity < leg.quantity
    return False


def _take_execution(
    order: Order, leg: str, execution: ExecutionReport, now: Instant, found: list[Anomaly]
) -> tuple[Order, Quantity, Value]:
    ledger, booking = book(order.ledger, leg, execution)
    anomaly = _OUTCOME_ANOMALY[booking.outcome]
    if anomaly is not None:
        found.append(anomaly)
    if ledger is order.ledger:
        return order, ZERO_QUANTITY, ZERO_VALUE
    order = _booked(order, order._replace(ledger=ledger), booking.quantity, now, found)
    if order.status is not OrderStatus.WORKING and order.status not in ENDED:
        # An execution proves that the broker has it, whatever we believed.
        order, anomaly = enter(order, ACKNOWLEDGED, now)
        if anomaly is not None:
            found.append(anomaly)
    return _close_when_full(order, now, found), booking.quantity, booking.value


def _booked(before: Order, after: Order, quantity: Quantity, now: Instant, found: list[Anomaly]) -> Order:
    """Times and anomalies of a change of the booked quantity."""
    if quantity > 0:
        if before.status in ENDED:
            found.append(Anomaly.LATE_FILL)
        if after.ledger.quantity > after.quantity:
            found.append(Anomaly.OVERFILL)
        first = after.times.first_fill if after.times.first_fill != NEVER else now
        return after._replace(times=after.times._replace(first_fill=first, last_fill=now))
    return after


def _close_when_full(order: Order, now: Instant, found: list[Anomaly]) -> Order:
    if order.status in ENDED or order.ledger.quantity < order.quantity:
        return order
    order, anomaly = enter(order, FILLED_UP, now)
    if anomaly is not None:
        found.append(anomaly)
    return order


def _learn_leg(order: Order, report: OrderReport, now: Instant) -> Order:
    """The broker's id of this order, or of a new leg of its chain."""
    leg = report.broker_order_id
    if not leg or leg in order.broker_ids:
        return order
    if not order.broker_ids:
        return order._replace(broker_ids=(leg,))
    pending = order.replacement
    is_ours = pending is not None and pending.client_order_id == report.client_order_id
    if is_ours or (report.replaces is not None and report.replaces in order.broker_ids):
        if report.status is BrokerStatus.REJECTED:
            # The new leg was accepted with a 200 and then refused: the old one lives on.
            return _drop_replacement(order, ReplaceInput.REFUSED)
        return confirm_replace(order, leg, report.quantity, report.limit_price, report.stop_price)
    return order


def confirm_replace(
    order: Order, leg: str, quantity: Quantity | None, limit_price: Price | None, stop_price: Price | None
) -> Order:
    """The chain continues with a new leg; `quantity` is the chain's total."""
    pending = order.replacement
    if quantity is None:
        quantity = pending.quantity if pending is not None else order.quantity
    return order._replace(
        broker_ids=(*order.broker_ids, leg),
        quantity=quantity,
        limit_price=limit_price,
        stop_price=stop_price,
        replace=REPLACE_TABLE.next(order.replace, ReplaceInput.CONFIRMED).target,
        replacement=None,
    )


def _superseded(order: Order, report: OrderReport, found: list[Anomaly]) -> Order:
    """The current leg was replaced: by what we asked for, or by somebody else."""
    pending = order.replacement
    if report.replaced_by is None:
        found.append(Anomaly.CONTRADICTION)
        return order
    if pending is not None:
        order = confirm_replace(
            order, report.replaced_by, pending.quantity, pending.limit_price, pending.stop_price
        )
        if order.ledger.quantity > order.quantity:
            found.append(Anomaly.AMENDED_BELOW_FILLED)
        return order
    found.append(Anomaly.CONTRADICTION)
    return order._replace(broker_ids=(*order.broker_ids, report.replaced_by))


def _drop_replacement(order: Order, given: ReplaceInput) -> Order:
    return order._replace(replace=REPLACE_TABLE.next(order.replace, given).target, replacement=None)


# ---------------------------------------------------------------- requests and answers


def ask_cancel(order: Order, now: Instant) -> Order:
    """We ask the broker to cancel."""
    times = order.times if order.times.cancel_asked != NEVER else order.times._replace(cancel_asked=now)
    return order._replace(
        cancel=CANCEL_TABLE.next(order.cancel, CancelInput.REQUESTED).target,
        cancel_tries=order.cancel_tries + 1,
        times=times,
    )


def ask_replace(order: Order, replacement: Replacement, now: Instant) -> Order:
    """We ask the broker to replace."""
    return order._replace(
        replace=REPLACE_TABLE.next(order.replace, ReplaceInput.REQUESTED).target,
        replacement=replacement,
        times=order.times._replace(replace_asked=now),
    )


def answer_submit(order: Order, result: CallResult, now: Instant, query_at: Instant) -> Change:
    """What the POST came to."""
    if isinstance(result, OrderBody):
        return take_report(order, result.report, now)
    if isinstance(result, BrokerRefused | NotFound):
        order, anomaly = enter(order, OrderInput.REFUSED, now)
        return _plain(order, anomaly)
    order, anomaly = lose_track(order, now, query_at)
    return _plain(order, anomaly)


def answer_cancel(order: Order, result: CallResult, now: Instant) -> Change:
    """What the DELETE came to: 204 means asked; a definite no is no answer about the order's fate."""
    given = CancelInput.UNKNOWN_OUTCOME
    if isinstance(result, Done):
        given = CancelInput.ACCEPTED_204
    elif isinstance(result, BrokerRefused | NotFound):
        given = CancelInput.REFUSED
    return _plain(order._replace(cancel=CANCEL_TABLE.next(order.cancel, given).target), None)


def answer_replace(order: Order, result: CallResult, now: Instant) -> Change:
    """What the PATCH came to: a 200 carries the new leg."""
    if isinstance(result, OrderBody):
        return take_report(order, result.report, now)
    if isinstance(result, BrokerRefused | NotFound):
        return _plain(_drop_replacement(order, ReplaceInput.REFUSED), None)
    return _plain(
        order._replace(replace=REPLACE_TABLE.next(order.replace, ReplaceInput.UNKNOWN_OUTCOME).target), None
    )


def answer_query(
    order: Order, result: CallResult, asked_at: Instant, now: Instant, absent_after: int, misses_max: int
) -> Change:
    """What a query by id came to. A failed query is no answer; not-found counts only when consecutive and
    older than the grace.
    """
    if isinstance(result, OrderBody):
        order = order._replace(doubt=order.doubt._replace(misses=0))
        return take_report(order, result.report, now)
    if not isinstance(result, NotFound) or order.status in ENDED:
        return _plain(order, None)
    started = order.times.sent if order.times.sent != NEVER else order.times.created
    misses = order.doubt.misses + 1
    order = order._replace(doubt=order.doubt._replace(misses=misses))
    if misses < misses_max or asked_at < started + absent_after:
        return _plain(order, None)
    order, anomaly = enter(order, OrderInput.NOT_FOUND_FINALLY, now)
    return _plain(order, anomaly if anomaly is not None else Anomaly.ABSENT)


def _plain(order: Order, anomaly: Anomaly | None) -> Change:
    return Change(order, ZERO_QUANTITY, ZERO_VALUE, () if anomaly is None else (anomaly,))


# Re-exported for the callers that read the machines' states.
CANCEL_ASKED: Final = CancelState.ASKED
REPLACE_ASKED: Final = ReplaceState.ASKED
