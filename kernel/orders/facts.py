"""What the broker's facts do to one order: pure functions from (order, fact) to a Change.

No function here knows where a fact came from: the stream, a poll, an answer and a replay look alike.
The tables of chart.py decide every status; this file maps the broker's words to inputs, keeps the
ledger and the chain of replaced legs, and says what a person should see.

Rules (shared with specs/):
1. Executions first, then the broker's cumulative figures, then the status word.
2. An order whose booked quantity reaches its quantity is filled, whatever the word was.
3. A word about a leg that was superseded does not end the chain; a fill of it counts.
4. A cancel's answer is "asked", never "canceled"; both requests end when the order ends.
5. What a bust or a correction carries as cumulative figures is no evidence: its execution says it exactly.
   An order that was filled may stay `filled` with less in it after one: that is no contradiction.
6. Terms that somebody else changed at the broker are taken over, and said.
7. Nothing raises for anything the broker may say.
"""

from typing import Final, NamedTuple

from kernel.orders.chain import continued, dropped, learn_leg
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
from kernel.orders.ledger import Ledger, Leg, Outcome, book, take_evidence
from kernel.orders.record import ENDED, NO_PURSUIT, Order, Times, is_leg, with_booked, with_status
from kernel.reasons import Anomaly
from kernel.reports import BrokerEvent, BrokerStatus, ExecutionReport, OrderReport
from kernel.sides import OrderType
from kernel.units import ZERO_QUANTITY, ZERO_VALUE, Instant, Price, Quantity, Value

__all__ = [
    "STATUS_INPUTS",
    "Change",
    "drop_replacement",
    "enter",
    "move_cancel",
    "plain",
    "take_report",
    "take_sums",
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
    executions: int = 0
    """Executions that were counted for the first time."""


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

ENDING_WORDS: Final[dict[BrokerEvent, OrderInput]] = {
    BrokerEvent.CANCELED: OrderInput.CANCELED,
    BrokerEvent.EXPIRED: OrderInput.EXPIRED,
    BrokerEvent.REJECTED: OrderInput.REJECTED_LATER,
}
"""Events that end an order even where the order object beside them is behind."""

ACKNOWLEDGED: Final = OrderInput.ACKNOWLEDGED
FILLED_UP: Final = OrderInput.FILLED_UP
SUPERSEDED: Final = OrderInput.SUPERSEDED
PERMITTED: Final = OrderInput.PERMITTED
WORKING: Final = OrderStatus.WORKING
FILLED: Final = OrderStatus.FILLED
BOOKED: Final = Outcome.BOOKED
FILL: Final = BrokerEvent.FILL
PARTIAL_FILL: Final = BrokerEvent.PARTIAL_FILL
NEW: Final = BrokerEvent.NEW
PRICED: Final = (OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT)
FILLED_STATUS: Final = BrokerStatus.FILLED
CHANGES_EXECUTIONS: Final = frozenset({BrokerEvent.TRADE_BUST, BrokerEvent.TRADE_CORRECT})

# What `enter` and `_settled` take for granted, so that the path of every fill asks no table:
assert STATUS_TABLE.next(WORKING, ACKNOWLEDGED).is_ignored, "kernel bug: an acknowledged order is working"
assert STATUS_TABLE.next(FILLED, FILLED_UP).is_ignored, "kernel bug: a filled order is filled"
assert CANCEL_TABLE.next(CancelState.NONE, CancelInput.RESOLVED).is_ignored, "kernel bug: no cancel, no end"
assert REPLACE_TABLE.next(ReplaceState.NONE, ReplaceInput.RESOLVED).is_ignored, (
    "kernel bug: no replace, no end"
)

_OUTCOME_ANOMALY: Final[dict[Outcome, Anomaly | None]] = {
    Outcome.BOOKED: None,
    Outcome.DUPLICATE: None,
    Outcome.CONFLICT: Anomaly.CONFLICTING_EXECUTION,
    Outcome.VOIDED: Anomaly.BUST,
    Outcome.VOID_AHEAD: Anomaly.BUST_AHEAD,
}


def plain(order: Order, anomaly: Anomaly | None = None) -> Change:
    """A change that booked nothing."""
    return Change(order, ZERO_QUANTITY, ZERO_VALUE, () if anomaly is None else (anomaly,))


# ---------------------------------------------------------------- the machines


def enter(order: Order, given: OrderInput, now: Instant) -> tuple[Order, Anomaly | None]:
    """Moves the status by the table; a pair that the table calls a fault is a contradiction, and stays."""
    before = order.status
    if (given is ACKNOWLEDGED and before is WORKING) or (given is FILLED_UP and before is FILLED):
        return order, None  # most of what the broker says; asserted above to be the table's word
    move = STATUS_TABLE.next(before, given)
    if move.is_fault:
        return order._replace(anomalies=order.anomalies + 1), Anomaly.CONTRADICTION
    status = move.target
    if status is before:
        return order, None
    anomaly = Anomaly.REVIVED if before is OrderStatus.ABSENT else None
    created, sent, acknowledged, first_fill, last_fill, cancel_asked, replace_asked, ended = order.times
    if status in ENDED:
        ended = now
        order = _settled(order)
    elif given is ACKNOWLEDGED:
        acknowledged = acknowledged or now
    elif given is PERMITTED:
        sent = now
    times = Times(created, sent, acknowledged, first_fill, last_fill, cancel_asked, replace_asked, ended)
    return with_status(order, status, times), anomaly


def _settled(order: Order) -> Order:
    """The order with nothing pending any more."""
    if order.cancel is not CancelState.NONE:
        order = order._replace(cancel=CANCEL_TABLE.next(order.cancel, CancelInput.RESOLVED).target)
    if order.replace is not ReplaceState.NONE:
        target = REPLACE_TABLE.next(order.replace, ReplaceInput.RESOLVED).target
        order = order._replace(replace=target, replacement=None)
    return order if order.pursuit is NO_PURSUIT else order._replace(pursuit=NO_PURSUIT)


def move_cancel(order: Order, given: CancelInput) -> Change:
    """Moves the cancel request; a word about what we never asked is a contradiction."""
    move = CANCEL_TABLE.next(order.cancel, given)
    if move.is_fault:
        return plain(order, Anomaly.CONTRADICTION)
    return plain(order._replace(cancel=move.target) if move.is_move else order)


def drop_replacement(order: Order, given: ReplaceInput) -> Change:
    """Moves the replace request to an end that leaves the old terms."""
    return plain(*dropped(order, given))


# ---------------------------------------------------------------- facts


def take_update(
    order: Order, word: BrokerEvent, report: OrderReport, execution: ExecutionReport | None, now: Instant
) -> Change:
    """One trade_updates message about this order."""
    found: list[Anomaly] = []
    quantity, value, counted = ZERO_QUANTITY, ZERO_VALUE, 0
    order = learn_leg(order, report, found)
    if execution is not None:
        ledger, booking = book(order.ledger, report.broker_order_id, execution)
        outcome, quantity, value = booking
        if outcome is BOOKED:
            counted = 1
        else:
            anomaly = _OUTCOME_ANOMALY[outcome]
            if anomaly is not None:
                found.append(anomaly)
        if ledger is not order.ledger:
            order = _with_ledger(order, ledger, quantity, now, found)
            if order.status is not WORKING and order.status not in ENDED:
                # An execution proves that the broker has it, whatever we believed.
                order = _entered(order, ACKNOWLEDGED, now, found)
    is_evidence = True
    if word is not PARTIAL_FILL and word is not FILL and word is not NEW:
        order = _take_word(order, word, report, found)
        is_evidence = word not in CHANGES_EXECUTIONS
    order, more, worth = _take_report(order, report, now, found, is_evidence)
    if word in ENDING_WORDS and order.status not in ENDED and _is_current(order, report):
        order = _entered(order, ENDING_WORDS[word], now, found)
    return Change(order, Quantity(quantity + more), Value(value + worth), tuple(found), counted)


def take_report(order: Order, report: OrderReport, now: Instant) -> Change:
    """One order object of the broker: its cumulative figures, then its status."""
    found: list[Anomaly] = []
    order = learn_leg(order, report, found)
    order, quantity, value = _take_report(order, report, now, found, True)
    return Change(order, quantity, value, tuple(found))


def take_sums(order: Order, sums: tuple[tuple[str, Quantity, Value], ...], now: Instant) -> Change:
    """What the fill activities add up to for each leg (id, quantity, exact value): exact evidence."""
    found: list[Anomaly] = []
    ledger, quantity, value = order.ledger, ZERO_QUANTITY, ZERO_VALUE
    for leg, filled, worth in sums:
        ledger, more, more_worth = take_evidence(ledger, leg, filled, worth, now, exact=True)
        quantity, value = Quantity(quantity + more), Value(value + more_worth)
    if ledger is order.ledger:
        return plain(order)
    order = _with_ledger(order, ledger, quantity, now, found)
    order = _close_when_full(order, now, found)
    return Change(order, quantity, value, tuple(found))


def _take_word(order: Order, word: BrokerEvent, report: OrderReport, found: list[Anomaly]) -> Order:
    """What an event's word says that the order object beside it does not."""
    if word is BrokerEvent.ORDER_CANCEL_REJECTED:
        change = move_cancel(order, CancelInput.REFUSED)
    elif word is BrokerEvent.ORDER_REPLACE_REJECTED:
        pending = order.replacement
        if pending is not None and report.updated_at < pending.sent_at:
            return order  # of an earlier replace: the word names no leg; this one is looked for (amend.py)
        change = drop_replacement(order, ReplaceInput.REFUSED)
    else:
        if word is BrokerEvent.UNRECOGNIZED:
            found.append(Anomaly.UNKNOWN_WORD)
        return order
    found.extend(change.anomalies)
    return change.order


def _take_report(
    order: Order, report: OrderReport, now: Instant, found: list[Anomaly], is_evidence: bool
) -> tuple[Order, Quantity, Value]:
    quantity, value = ZERO_QUANTITY, ZERO_VALUE
    filled = report.filled_quantity
    if filled > 0 and is_evidence:
        ledger = order.ledger
        leg_id = report.broker_order_id
        worth = Value((report.filled_average or 0) * filled)
        ledger, quantity, value = take_evidence(ledger, leg_id, filled, worth, report.updated_at)
        if ledger is not order.ledger:
            order = _with_ledger(order, ledger, quantity, now, found)
    leg = _leg_of(order.ledger, report)
    if is_evidence and leg is not None and report.filled_quantity < leg.quantity:
        found.append(Anomaly.STALE_REPORT)
    if report.status is BrokerStatus.UNRECOGNIZED:
        found.append(Anomaly.UNKNOWN_WORD)
    is_current = _is_current(order, report)
    if is_current and report.quantity is not None and report.quantity != order.quantity:
        order = _amended_outside(order, report.quantity, found)
    if is_current and order.replacement is None and _is_repriced(order, report):
        order = _repriced_outside(order, report, found)
    order = _close_when_full(order, now, found)
    if is_current:
        given = STATUS_INPUTS[report.status]
        if given is SUPERSEDED:
            order = _superseded(order, report, now, found)
        elif given is not ACKNOWLEDGED or order.status is not WORKING:
            order = _entered(order, given, now, found)
            lacks = report.status is FILLED_STATUS and order.ledger.quantity < order.quantity
            if lacks and not _was_revised(leg, report):
                # Filled, says the word, with less than the order: what is missing is looked for.
                found.append(Anomaly.CONTRADICTION)
    return order, quantity, value


def _is_repriced(order: Order, report: OrderReport) -> bool:
    """Whether the current leg has other prices than we know; a trailing stop moves by itself."""
    limit, stop = report.limit_price, report.stop_price
    if (limit is None or limit == order.limit_price) and (stop is None or stop == order.stop_price):
        return False
    return order.ticket.type in PRICED and order.status not in ENDED


def _repriced_outside(order: Order, report: OrderReport, found: list[Anomaly]) -> Order:
    """Somebody changed the prices at the broker: they are taken over, and the dearer is reserved."""
    found.append(Anomaly.CONTRADICTION)
    limit = order.limit_price if report.limit_price is None else report.limit_price
    stop = order.stop_price if report.stop_price is None else report.stop_price
    worst = max(order.reserve_price, limit or 0, stop or 0)
    return order._replace(limit_price=limit, stop_price=stop, reserve_price=Price(worst))


def _is_current(order: Order, report: OrderReport) -> bool:
    return not order.broker_ids or report.broker_order_id == order.broker_ids[-1]


def _leg_of(ledger: Ledger, report: OrderReport) -> Leg | None:
    for leg in ledger.legs:
        if leg.broker_order_id == report.broker_order_id:
            return leg
    return None


def _was_revised(leg: Leg | None, report: OrderReport) -> bool:
    """Whether a bust or a correction explains what is lacking: the broker counts no more than we do."""
    return leg is not None and leg.evidence_from > 0 and report.filled_quantity <= leg.quantity


def _entered(order: Order, given: OrderInput, now: Instant, found: list[Anomaly]) -> Order:
    order, anomaly = enter(order, given, now)
    if anomaly is not None:
        found.append(anomaly)
    return order


def _with_ledger(
    order: Order, ledger: Ledger, quantity: Quantity, now: Instant, found: list[Anomaly]
) -> Order:
    """The order with other books: times and anomalies follow from the change of the booked quantity."""
    times = order.times
    if quantity > 0:
        if order.status is not WORKING and order.status in ENDED:
            found.append(Anomaly.LATE_FILL)
        if ledger.quantity > order.quantity:
            found.append(Anomaly.OVERFILL)
        created, sent, acknowledged, first, _, cancel_asked, replace_asked, ended = times
        times = Times(created, sent, acknowledged, first or now, now, cancel_asked, replace_asked, ended)
    return with_booked(order, ledger, times)


def _close_when_full(order: Order, now: Instant, found: list[Anomaly]) -> Order:
    if order.ledger.quantity < order.quantity or order.status in ENDED:
        return order
    return _entered(order, FILLED_UP, now, found)


# ---------------------------------------------------------------- what others changed


def _superseded(order: Order, report: OrderReport, now: Instant, found: list[Anomaly]) -> Order:
    """The current leg was replaced, as we asked or by somebody else (then its terms come with its report)."""
    successor = report.replaced_by
    if successor is None:
        if is_leg(order):  # Alpaca calls a take-profit so when its stop was triggered
            return _entered(order, SUPERSEDED, now, found)
        found.append(Anomaly.CONTRADICTION)
        return order
    pending = order.replacement
    if pending is None:
        order = continued(order, successor, None, order.limit_price, order.stop_price, found)
    else:
        order = continued(order, successor, pending.quantity, pending.limit_price, pending.stop_price, found)
    return _close_when_full(order, now, found)


def _amended_outside(order: Order, quantity: Quantity, found: list[Anomaly]) -> Order:
    """The current leg has another quantity than we know: somebody changed it, or the broker restated it."""
    if not is_leg(order):  # the broker lets an exit shrink as its sibling fills
        found.append(Anomaly.CONTRADICTION)
    if order.ledger.quantity > quantity:
        found.append(Anomaly.AMENDED_BELOW_FILLED)
    return order._replace(quantity=quantity)
