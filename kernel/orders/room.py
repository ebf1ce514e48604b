"""The orders room: what the desk does with orders, on a Turn.

    submit  an Approved goes in the book, named, and in line for its permit
    cancel  asks the broker once; chase.py asks again, then calls a person (never assumed done)
    on_*    facts from the broker, through lifecycle.py, into the book, the holdings and the counters

Order of effects of every fact: book, holdings, counters, alerts, deadlines. Nothing here knows the
source of a fact. Answers of calls, and what is pursued by deadlines, are in chase.py.
"""

from typing import Final

from kernel.commands import AlertLevel, CancelOrder, OrderTicket, SubmitOrder
from kernel.desk import Turn
from kernel.drift.foreign import disowned, foreign_position
from kernel.events import TradeUpdated
from kernel.ids import OrderKey, client_order_id
from kernel.orders.book import find, put, symbol_tally
from kernel.orders.chart import CancelState, OrderInput, OrderStatus, ReplaceState
from kernel.orders.intents import take
from kernel.orders.lifecycle import Change, ask_cancel, enter, take_report, take_update
from kernel.orders.record import ENDED, NEVER, NO_PURSUIT, Order, broker_order_id, new_order
from kernel.outbox import enqueue
from kernel.portfolio.fills import fill_of
from kernel.portfolio.holdings import book_fill, net_position
from kernel.reasons import Anomaly, RefusalCode
from kernel.reports import OrderReport
from kernel.risk.gate import Approved
from kernel.session.modes import reduce_only
from kernel.sides import OrderClass, Purpose, Side
from kernel.throttle.throttle import Priority
from kernel.trace import Dropped
from kernel.units import SCALE, SECOND, ZERO_QUANTITY, ZERO_VALUE, Duration, Instant

__all__ = [
    "FILLS_GRACE",
    "cancel",
    "check_exposure",
    "commit",
    "drop",
    "locate",
    "mark_sent",
    "next_id",
    "on_report",
    "on_update",
    "request_cancel",
    "submit",
]

FILLS_GRACE: Final = Duration(2 * SECOND)
"""How long executions may lag behind the cumulative figure, for answers overtake frames; then fetched."""

SEND_PRIORITY: Final = {
    Purpose.ENTRY: Priority.ENTRY,
    Purpose.EXIT: Priority.REDUCE,
    Purpose.PROTECTIVE_STOP: Priority.PROTECTIVE_STOP,
}

SIMPLE: Final = OrderClass.SIMPLE
WORKING: Final = OrderStatus.WORKING

LEVELS: Final[dict[Anomaly, AlertLevel | None]] = {
    Anomaly.STALE_REPORT: None,
    Anomaly.LATE_FILL: AlertLevel.WARNING,
    Anomaly.OVERFILL: AlertLevel.CRITICAL,
    Anomaly.CONFLICTING_EXECUTION: AlertLevel.CRITICAL,
    Anomaly.BUST: AlertLevel.CRITICAL,
    Anomaly.BUST_AHEAD: AlertLevel.CRITICAL,
    Anomaly.UNKNOWN_WORD: AlertLevel.CRITICAL,
    Anomaly.DOUBLED: AlertLevel.CRITICAL,
    Anomaly.REVIVED: AlertLevel.CRITICAL,
    Anomaly.SHADOW_ORDER: AlertLevel.CRITICAL,
    Anomaly.ABSENT: AlertLevel.WARNING,
}
"""How loudly an order's anomaly is said; WARNING where it is not listed."""

REDUCES: Final = {
    Anomaly.UNKNOWN_WORD: "a word of the broker that this version does not know",
    Anomaly.DOUBLED: "two orders at the broker carry its id",
}
"""Anomalies of an order after which the desk only reduces."""


def next_id(turn: Turn, strategy: str) -> str:
    """The next client order id of this epoch that the book does not have.

    An adopted order of a later epoch (the journal was old) may have one already; each of them is passed once.
    """
    while True:
        turn.sequence += 1
        name = client_order_id(turn.config.prefix, OrderKey(turn.epoch, strategy, turn.sequence))
        if find(turn.book, name, "") is None:
            return name


def submit(turn: Turn, approved: Approved, expires_at: Instant, parent: str = "") -> Order:
    """Books an approved order and puts it in line. The only way to a SubmitOrder (I1).

    `parent` is the entry whose exits it repairs.
    """
    ticket = approved.ticket
    order = new_order(ticket, approved.strategy, approved.intent, turn.at, expires_at, approved.reserve_price)
    if parent:
        order = order._replace(parent=parent)
    turn.book = put(turn.book, None, order)
    turn.intents = take(turn.intents, approved.intent, turn.at, turn.config.gate.intent_horizon)
    valid_until = Instant(0)
    if ticket.purpose is Purpose.ENTRY:
        valid_until = Instant(turn.at + turn.config.throttle.entry_age_max)
    turn.calls, _ = enqueue(turn.calls, SEND_PRIORITY[ticket.purpose], SubmitOrder(0, ticket), valid_until)
    if expires_at != NEVER:
        turn.wake(expires_at, "expire:" + order.client_order_id)
    if ticket.purpose is Purpose.ENTRY:
        check_exposure(turn, order)
    return order


def check_exposure(turn: Turn, order: Order) -> None:
    """I6 where it must hold: with this entry booked, the symbol's worst case is inside the limit."""
    turn.checks += 1
    tally = symbol_tally(turn.book, order.ticket.symbol)
    symbol = order.ticket.symbol
    position = net_position(turn.holdings, symbol) + foreign_position(turn.drift.foreign, symbol)
    if order.ticket.side is Side.BUY:
        size = max(0, position) + tally.buy_quantity
    else:
        size = max(0, -position) + tally.sell_quantity
    limit = turn.config.gate.position_notional_max * SCALE
    if size * order.reserve_price > limit:
        turn.broken.append(
            f"I6: {order.ticket.symbol} worst case {size * order.reserve_price}, limit {limit}"
        )


def mark_sent(turn: Turn, ticket: OrderTicket) -> None:
    """The submit left for the wire; the caller made sure that it was queued."""
    old = turn.book.orders[ticket.client_order_id]
    order, anomaly = enter(old, OrderInput.PERMITTED, turn.at)
    assert anomaly is None, "kernel bug: an order was sent that was not queued"
    turn.submitted += 1
    commit(turn, old, Change(order, ZERO_QUANTITY, ZERO_VALUE, ()))


def drop(turn: Turn, ticket: OrderTicket, why: RefusalCode) -> None:
    """A submit that has not left never will: waited too long, not allowed any more, or taken back."""
    old = turn.book.orders[ticket.client_order_id]
    order, _ = enter(old, OrderInput.DROPPED, turn.at)
    turn.refuse(why)
    turn.trace.append(Dropped(old.client_order_id, why))
    turn.denied += 1
    commit(turn, old, Change(order, ZERO_QUANTITY, ZERO_VALUE, ()))


def cancel(turn: Turn, order: Order, priority: Priority = Priority.CANCEL, *, insist: bool = False) -> None:
    """Asks for an order's end: at the broker, or here while it has not left.

    While a cancel is pending it is not asked again (chase.py repeats it), unless a person insists.
    """
    if order.status in ENDED:
        return
    if order.status is OrderStatus.QUEUED:
        drop(turn, order.ticket, RefusalCode.WITHDRAWN)
        return
    if order.cancel is CancelState.ASKED:
        if not insist:
            return
        order = _renewed(turn, order)
    request_cancel(turn, order, priority)


def request_cancel(turn: Turn, order: Order, priority: Priority = Priority.CANCEL) -> None:
    """Sends a cancel, or notes that one is to be sent when the broker's id is known."""
    at_broker = broker_order_id(order)
    if at_broker is None:
        # Not yet acknowledged: asked as soon as the broker's id is known (see commit).
        turn.book = put(turn.book, order, order._replace(expires_at=turn.at))
        return
    at = Instant(turn.at + turn.config.orders.cancel_repeat_every)
    turn.book = put(turn.book, order, ask_cancel(order, turn.at, at))
    turn.calls, _ = enqueue(
        turn.calls, priority, CancelOrder(0, order.client_order_id, at_broker), Instant(0)
    )
    turn.wake(at, "cancel:" + order.client_order_id)


def _renewed(turn: Turn, order: Order) -> Order:
    """The order with its cancels counted from the start: a person's word is worth all the tries again."""
    pursuit = order.pursuit._replace(cancels=NO_PURSUIT.cancels)
    renewed = order._replace(pursuit=pursuit)
    turn.book = put(turn.book, order, renewed)
    return renewed


# ---------------------------------------------------------------- facts


def locate(turn: Turn, report: OrderReport) -> Order | None:
    """The order that a report is about: by an id of its chain, or of the leg that it replaces."""
    order = find(turn.book, report.client_order_id, report.broker_order_id)
    if order is None and report.replaces is not None:
        order = find(turn.book, "", report.replaces)
    return order


def on_update(turn: Turn, event: TradeUpdated) -> None:
    """A message of the order stream."""
    report = event.report
    order = locate(turn, report)
    if order is None:
        turn.strays.append(event)  # another's, or ours from before the journal began: the drift room's
        return
    change = take_update(order, event.word, report, event.execution, turn.at)
    turn.executions += change.executions
    commit(turn, order, change)


def on_report(turn: Turn, report: OrderReport) -> None:
    """An order object from a list or a query; one that is not in the book is found by the next look."""
    order = locate(turn, report)
    if order is not None:
        commit(turn, order, take_report(order, report, turn.at))


def commit(turn: Turn, old: Order, change: Change) -> None:
    """Takes a changed order into the book and everything that follows from it."""
    new = change.order
    if new is not old:
        lacked = len(turn.book.lacking)
        turn.book = put(turn.book, old, new)
        if new.broker_ids is not old.broker_ids and turn.drift.foreign.counted:
            _disown(turn, new.broker_ids)
        if change.quantity or change.value:
            turn.holdings, _ = book_fill(turn.holdings, fill_of(turn, new, change.quantity, change.value))
        if new.status is not WORKING or new.broker_ids is not old.broker_ids:
            _follow(turn, old, new)
        if len(turn.book.lacking) > lacked:
            turn.wake(Instant(turn.at + FILLS_GRACE), "fills")
        if new.parent or new.ticket.order_class is not SIMPLE:
            turn.wake(turn.at, "family:" + (new.parent or new.client_order_id))
    if change.anomalies:
        _say(turn, new, change.anomalies)


def _disown(turn: Turn, legs: tuple[str, ...]) -> None:
    """Fills that were taken for others' while the order was in doubt are its own."""
    foreign = turn.drift.foreign
    for leg in legs:
        foreign = disowned(foreign, leg)
    turn.drift = turn.drift._replace(foreign=foreign)


def _follow(turn: Turn, old: Order, new: Order) -> None:
    """What follows from a change of the status, or from learning an id of the broker."""
    grew = new.broker_ids is not old.broker_ids
    if grew and old.replace is ReplaceState.ASKED:
        turn.replaced += 1
    if new.status in ENDED:
        if old.status not in ENDED:
            _count_end(turn, new)
            if turn.session.draining:  # the last comparison is one that knows of this end
                turn.session = turn.session._replace(drain_since=turn.at)
                turn.drift = turn.drift._replace(next_look_at=turn.at)
                turn.wake(turn.at, "look")
    elif grew and not old.broker_ids and new.expires_at != NEVER and new.expires_at <= turn.at:
        cancel(turn, new)
    elif grew and old.broker_ids and _is_unwanted(new):
        request_cancel(turn, new)  # what was asked of the old leg is asked of the new one


def _is_unwanted(order: Order) -> bool:
    """Whether a cancel is pending, or was asked while the replace was: refused of the old leg, it holds."""
    times = order.times
    is_pending = order.cancel is CancelState.ASKED or order.pursuit.next_cancel_at != NEVER
    return is_pending or (times.cancel_asked != NEVER and times.cancel_asked >= times.replace_asked)


def _say(turn: Turn, order: Order, anomalies: tuple[Anomaly, ...]) -> None:
    for anomaly in anomalies:
        level = LEVELS.get(anomaly, AlertLevel.WARNING)
        turn.note(anomaly, f"{order.client_order_id} {order.ticket.symbol} {order.status.value}", level)
        if anomaly in REDUCES:
            reduce_only(turn, f"{order.client_order_id}: {REDUCES[anomaly]}")


def _count_end(turn: Turn, order: Order) -> None:
    status = order.status
    if status is OrderStatus.FILLED:
        turn.filled += 1
    elif status in (OrderStatus.CANCELED, OrderStatus.EXPIRED):
        turn.canceled += 1
    elif status is OrderStatus.REJECTED:
        turn.rejected += 1
