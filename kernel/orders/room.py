"""The orders room: what the desk does with orders, on a Turn.

    submit  an Approved goes in the book, named, and in line for its permit
    cancel  asks the broker; asks again, then calls a person (rule 9: never assumed done)
    on_*    facts from the broker, through lifecycle.py, into the book, the holdings and the counters

Order of effects of every fact: book, holdings, counters, alerts, deadlines. Nothing here knows the
source of a fact.
"""

from typing import Final

from kernel.commands import AlertLevel, CancelOrder, OrderTicket, QueryOrder, SubmitOrder
from kernel.desk import Turn
from kernel.events import BrokerRefused, CallResult, TradeUpdated
from kernel.ids import OrderKey, client_order_id, is_ours
from kernel.orders.book import find, put, symbol_tally
from kernel.orders.chart import CancelState, OrderInput, OrderStatus
from kernel.orders.ledger import fills_missing
from kernel.orders.lifecycle import (
    Change,
    answer_cancel,
    answer_query,
    answer_replace,
    answer_submit,
    ask_cancel,
    enter,
    lose_track,
    take_report,
    take_update,
)
from kernel.orders.record import ENDED, NEVER, Doubt, Order, broker_order_id, new_order
from kernel.outbox import enqueue
from kernel.portfolio.fills import fill_of
from kernel.portfolio.holdings import book_fill, net_position
from kernel.reasons import Anomaly, RefusalCode
from kernel.reports import OrderReport
from kernel.risk.gate import Approved
from kernel.session.modes import reduce_only
from kernel.sides import Purpose, Side
from kernel.throttle.throttle import Priority
from kernel.units import SCALE, ZERO_QUANTITY, ZERO_VALUE, Instant

__all__ = [
    "cancel",
    "cancel_due",
    "commit",
    "doubt",
    "drop",
    "expire_due",
    "mark_sent",
    "next_id",
    "on_cancel_answer",
    "on_query_answer",
    "on_replace_answer",
    "on_report",
    "on_submit_answer",
    "on_update",
    "query_due",
    "submit",
]

SEND_PRIORITY: Final = {
    Purpose.ENTRY: Priority.ENTRY,
    Purpose.EXIT: Priority.REDUCE,
    Purpose.PROTECTIVE_STOP: Priority.PROTECTIVE_STOP,
}

LEVELS: Final[dict[Anomaly, AlertLevel | None]] = {
    Anomaly.STALE_REPORT: None,
    Anomaly.LATE_FILL: AlertLevel.WARNING,
    Anomaly.OVERFILL: AlertLevel.CRITICAL,
    Anomaly.CONFLICTING_EXECUTION: AlertLevel.CRITICAL,
    Anomaly.BUST: AlertLevel.CRITICAL,
    Anomaly.BUST_AHEAD: AlertLevel.CRITICAL,
    Anomaly.UNKNOWN_WORD: AlertLevel.CRITICAL,
    Anomaly.REVIVED: AlertLevel.CRITICAL,
    Anomaly.ABSENT: AlertLevel.WARNING,
}
"""How loudly an order's anomaly is said; WARNING where it is not listed."""


def next_id(turn: Turn, strategy: str) -> str:
    """The next client order id of this epoch."""
    turn.sequence += 1
    return client_order_id(turn.config.prefix, OrderKey(turn.epoch, strategy, turn.sequence))


def submit(turn: Turn, approved: Approved, expires_at: Instant) -> Order:
    """Books an approved order and puts it in line. The only way to a SubmitOrder (I1)."""
    ticket = approved.ticket
    order = new_order(ticket, approved.strategy, approved.intent, turn.at, expires_at, approved.reserve_price)
    turn.book = put(turn.book, None, order)
    turn.intents = turn.intents.set(approved.intent, turn.at)
    valid_until = Instant(0)
    if ticket.purpose is Purpose.ENTRY:
        valid_until = Instant(turn.at + turn.config.throttle.entry_age_max)
    turn.calls, _ = enqueue(turn.calls, SEND_PRIORITY[ticket.purpose], SubmitOrder(0, ticket), valid_until)
    if expires_at != NEVER:
        turn.wake(expires_at, "expire:" + order.client_order_id)
    if ticket.purpose is Purpose.ENTRY:
        _check_exposure(turn, order)
    return order


def _check_exposure(turn: Turn, order: Order) -> None:
    """I6 where it must hold: with this entry booked, the symbol's worst case is inside the limit."""
    turn.checks += 1
    tally = symbol_tally(turn.book, order.ticket.symbol)
    position = net_position(turn.holdings, order.ticket.symbol)
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
    """The submit left for the wire."""
    old = turn.book.orders[ticket.client_order_id]
    order, anomaly = enter(old, OrderInput.PERMITTED, turn.at)
    assert anomaly is None, "kernel bug: an order was sent that was not queued"
    turn.submitted += 1
    commit(turn, old, Change(order, ZERO_QUANTITY, ZERO_VALUE, ()))


def drop(turn: Turn, ticket: OrderTicket) -> None:
    """The submit waited too long, or is not allowed any more: it never leaves."""
    old = turn.book.orders[ticket.client_order_id]
    order, _ = enter(old, OrderInput.DROPPED, turn.at)
    turn.refuse(RefusalCode.STALE)
    turn.denied += 1
    commit(turn, old, Change(order, ZERO_QUANTITY, ZERO_VALUE, ()))


def cancel(turn: Turn, order: Order, priority: Priority = Priority.CANCEL) -> None:
    """Asks for an order's end: at the broker, or here while it has not left."""
    if order.status in ENDED:
        return
    if order.status is OrderStatus.QUEUED:
        drop(turn, order.ticket)
        return
    at_broker = broker_order_id(order)
    if at_broker is None:
        # Not yet acknowledged: asked as soon as the broker's id is known (see commit).
        turn.book = put(turn.book, order, order._replace(expires_at=turn.at))
        return
    asked = ask_cancel(order, turn.at)
    turn.book = put(turn.book, order, asked)
    command = CancelOrder(0, order.client_order_id, at_broker)
    turn.calls, _ = enqueue(turn.calls, priority, command, Instant(0))
    turn.wake(Instant(turn.at + turn.config.orders.cancel_repeat_every), "cancel:" + order.client_order_id)


def cancel_due(turn: Turn, name: str) -> None:
    """A cancel was asked a while ago: if the order is still open, look and ask again, at last call a person."""
    order = turn.book.orders.get(name)
    if order is None or order.status in ENDED:
        return
    if order.cancel is CancelState.ASKED and order.cancel_tries >= turn.config.orders.cancel_repeats_max:
        if order.cancel_tries == turn.config.orders.cancel_repeats_max:
            turn.book = put(turn.book, order, order._replace(cancel_tries=order.cancel_tries + 1))
            turn.note(
                Anomaly.CANCEL_STUCK,
                f"{name}: still open after {order.cancel_tries} cancels",
                AlertLevel.CRITICAL,
            )
        return
    _query(turn, order)
    cancel(turn, turn.book.orders[name])


def expire_due(turn: Turn, name: str) -> None:
    """An order's time to live is over."""
    order = turn.book.orders.get(name)
    if order is not None and order.status not in ENDED and order.cancel is CancelState.NONE:
        cancel(turn, order)


def query_due(turn: Turn, name: str) -> None:
    """An order in doubt is looked up, again and again with growing waits, until there is evidence."""
    order = turn.book.orders.get(name)
    if order is None or order.status is not OrderStatus.IN_DOUBT or order.doubt.next_query_at > turn.at:
        return
    _query(turn, order)
    settings = turn.config.orders
    wait = min(settings.query_every << min(order.doubt.queries, 16), settings.query_every_max)
    at = Instant(turn.at + wait)
    doubt = Doubt(order.doubt.misses, order.doubt.queries + 1, at)
    turn.book = put(turn.book, order, order._replace(doubt=doubt))
    turn.wake(at, "query:" + name)


def _query(turn: Turn, order: Order) -> None:
    command = QueryOrder(0, order.client_order_id, broker_order_id(order))
    turn.calls, _ = enqueue(turn.calls, Priority.QUERY, command, Instant(0))


def doubt(turn: Turn, order: Order) -> None:
    """The submit's fate is unknown (a restart, a silent call): look it up at once."""
    changed, anomaly = lose_track(order, turn.at, turn.at)
    commit(turn, order, Change(changed, ZERO_QUANTITY, ZERO_VALUE, () if anomaly is None else (anomaly,)))
    query_due(turn, order.client_order_id)


# ---------------------------------------------------------------- facts


def on_update(turn: Turn, event: TradeUpdated) -> None:
    """A message of the order stream."""
    order = find(turn.book, event.report.client_order_id, event.report.broker_order_id)
    if order is None:
        stray(turn, event.report)
        return
    if event.execution is not None:
        turn.executions += 1
    commit(turn, order, take_update(order, event.word, event.report, event.execution, turn.at))


def on_report(turn: Turn, report: OrderReport) -> None:
    """An order object from a list or a query."""
    order = find(turn.book, report.client_order_id, report.broker_order_id)
    if order is None:
        stray(turn, report)
        return
    commit(turn, order, take_report(order, report, turn.at))


def on_submit_answer(turn: Turn, name: str, result: CallResult) -> None:
    """What a submit came to."""
    old = turn.book.orders[name]
    change = answer_submit(old, result, turn.at, turn.at)
    if isinstance(result, BrokerRefused):
        text = f"{name}: {result.http_status} {result.code} {result.message}"
        turn.note(Anomaly.ORDER_REJECTED, text, AlertLevel.WARNING)
    commit(turn, old, change)
    query_due(turn, name)


def on_cancel_answer(turn: Turn, name: str, result: CallResult) -> None:
    """What a cancel came to; a refusal may mean that the order has ended: look."""
    old = turn.book.orders[name]
    commit(turn, old, answer_cancel(old, result, turn.at))
    order = turn.book.orders[name]
    if order.status not in ENDED and order.cancel is CancelState.ANSWERED:
        _query(turn, order)


def on_replace_answer(turn: Turn, name: str, result: CallResult) -> None:
    """What a replace came to."""
    old = turn.book.orders[name]
    commit(turn, old, answer_replace(old, result, turn.at))


def on_query_answer(turn: Turn, name: str, result: CallResult, asked_at: Instant) -> None:
    """What a query by id came to."""
    old = turn.book.orders[name]
    settings = turn.config.orders
    change = answer_query(old, result, asked_at, turn.at, settings.absent_after, settings.absent_misses)
    commit(turn, old, change)


def stray(turn: Turn, report: OrderReport) -> None:
    """An order that is not in the book: foreign, or ours from before the journal began."""
    if is_ours(turn.config.prefix, report.client_order_id):
        turn.note(
            Anomaly.UNKNOWN_OURS,
            f"{report.client_order_id} ({report.symbol}): ours by its prefix, not in this journal",
            AlertLevel.CRITICAL,
        )
        reduce_only(turn, "an order of ours is not in the journal")
        return
    turn.note(Anomaly.FOREIGN_ORDER, f"{report.client_order_id} ({report.symbol})", AlertLevel.INFO)


def commit(turn: Turn, old: Order, change: Change) -> None:
    """Takes a changed order into the book and everything that follows from it."""
    new = change.order
    if new is not old:
        turn.book = put(turn.book, old, new)
    if change.quantity or change.value:
        fill = fill_of(turn, new, change.quantity, change.value)
        turn.holdings, _ = book_fill(turn.holdings, fill)
    if old.status not in ENDED and new.status in ENDED:
        _count_end(turn, new)
    elif not old.broker_ids and new.broker_ids and new.expires_at != NEVER and new.expires_at <= turn.at:
        cancel(turn, new)
    for anomaly in change.anomalies:
        level = LEVELS.get(anomaly, AlertLevel.WARNING)
        turn.note(anomaly, f"{new.client_order_id} {new.ticket.symbol} {new.status.value}", level)
        if anomaly is Anomaly.UNKNOWN_WORD:
            reduce_only(turn, f"{new.client_order_id}: a word of the broker that this version does not know")
    if fills_missing(new.ledger) and not fills_missing(old.ledger):
        turn.wake(turn.at, "fills")


def _count_end(turn: Turn, order: Order) -> None:
    status = order.status
    if status is OrderStatus.FILLED:
        turn.filled += 1
    elif status in (OrderStatus.CANCELED, OrderStatus.EXPIRED):
        turn.canceled += 1
    elif status is OrderStatus.REJECTED:
        turn.rejected += 1
