"""Amendments: changing an open order at the broker, and pursuing a change until it is known.

    amend    an ApprovedChange becomes a pending replace and stands in line for its permit
    on_*     answers: a 200 carries the new leg; a refusal leaves the old terms; silence proves nothing
    look     what is not settled is looked for by both ids, with growing waits; at last a person is told

Rules (shared with specs/law_amend.py):
1. Only an ApprovedChange becomes a ReplaceOrder (I1), one at a time for each order (chain.py, rule 2).
2. The new leg's name is made before it is sent, and is in the book's names from then on: whatever is said
   of the leg finds the order.
3. While a change is pending both terms count, in quantity and in price, until the broker's word settles it.
4. A change that has not left is dropped when the order ended, a cancel is pending, what it wants has been
   filled or the desk no longer allows an entry; nothing of it is left then.
5. Silence is no answer. That a change never reached the broker is proved as for a submit: by consecutive
   not-founds of the new name, asked after the grace, when no call of ours is under way.

Bounds: one pending change and one look under way for each order; waits grow to query_every_max.
"""

from typing import Final

from kernel.commands import AlertLevel, QueryOrder, ReplaceOrder
from kernel.desk import Turn
from kernel.events import BrokerRefused, CallResult, NotFound, OrderBody
from kernel.orders.book import order_of, put
from kernel.orders.chart import CancelState, OrderStatus, ReplaceInput
from kernel.orders.chase import WAIT_DOUBLINGS_MAX, about, query
from kernel.orders.facts import drop_replacement
from kernel.orders.intents import take
from kernel.orders.lifecycle import answer_replace, ask_replace
from kernel.orders.record import ENDED, NEVER, Order, Replacement, broker_order_id
from kernel.orders.room import check_exposure, commit, on_report
from kernel.outbox import Fate, enqueue
from kernel.reasons import Anomaly, RefusalCode
from kernel.risk.gate import ApprovedChange
from kernel.sides import Purpose
from kernel.throttle.throttle import Priority
from kernel.units import Instant

__all__ = [
    "amend",
    "doubt_replace",
    "drop_replace",
    "fate_of_replace",
    "mark_replace_sent",
    "on_leg_answer",
    "on_replace_answer",
    "replace_due",
]

LOOKS_MAX: Final = 8
"""Then a person is told; it is looked for all the same. By default 120 s, and three not-founds take 90."""

REFUSED: Final = ReplaceInput.REFUSED


def amend(turn: Turn, approved: ApprovedChange) -> Order:
    """Books an approved change and puts it in line. The only way to a ReplaceOrder (I1)."""
    old = order_of(turn.book, approved.name)
    at_broker = broker_order_id(old)
    assert at_broker is not None, "kernel bug: a change of what the broker does not have was approved"
    order = ask_replace(old, approved.replacement, turn.at)
    new = order.replacement
    assert new is not None, "kernel bug: an order that was amended has no pending change"
    assert order is not old, "kernel bug: a change was approved while one was pending"
    turn.book = put(turn.book, old, order)
    turn.intents = take(turn.intents, approved.intent, turn.at, turn.config.gate.intent_horizon)
    command = ReplaceOrder(
        0,
        approved.name,
        at_broker,
        new.client_order_id,
        new.quantity if new.quantity != old.quantity else None,
        new.limit_price if new.limit_price != old.limit_price else None,
        new.stop_price if new.stop_price != old.stop_price else None,
    )
    priority, valid_until = Priority.REDUCE, Instant(0)
    if _is_entry(order, new):
        priority = Priority.ENTRY
        valid_until = Instant(turn.at + turn.config.throttle.entry_age_max)
        check_exposure(turn, order)
    turn.calls, _ = enqueue(turn.calls, priority, command, valid_until)
    return order


def _is_entry(order: Order, replacement: Replacement) -> bool:
    """Whether the change is to be held up as an entry is."""
    return replacement.raises and order.ticket.purpose is Purpose.ENTRY


def _pending(turn: Turn, command: ReplaceOrder) -> tuple[Order, Replacement | None]:
    """The order and its pending change, if that is still the command's."""
    order = order_of(turn.book, command.client_order_id)
    pending = order.replacement
    if pending is not None and pending.client_order_id != command.new_client_order_id:
        pending = None
    return order, pending


# ---------------------------------------------------------------- the way out


def fate_of_replace(turn: Turn, command: ReplaceOrder, barrier: RefusalCode | None) -> Fate:
    """Whether a waiting change should still leave; `barrier` is what keeps an entry back at this moment."""
    order, pending = _pending(turn, command)
    if pending is None or order.status in ENDED:
        return Fate.FORGET
    is_void = (
        order.status is not OrderStatus.WORKING
        or order.cancel is CancelState.ASKED
        or broker_order_id(order) != command.broker_order_id
        or pending.quantity <= order.ledger.quantity
    )
    if is_void or (barrier is not None and _is_entry(order, pending)):
        return Fate.DROP
    return Fate.SEND


def mark_replace_sent(turn: Turn, command: ReplaceOrder) -> None:
    """The change left for the wire: from now on both terms may be live, and it is looked after."""
    order, pending = _pending(turn, command)
    assert pending is not None, "kernel bug: a change was sent that was not pending"
    at = Instant(turn.at + turn.config.orders.query_every)
    _keep(turn, order, pending._replace(sent_at=turn.at, next_look_at=at))
    turn.wake(at, "replace:" + order.client_order_id)


def drop_replace(turn: Turn, command: ReplaceOrder, why: RefusalCode) -> None:
    """A change that has not left never will: the old terms hold."""
    order, pending = _pending(turn, command)
    turn.refuse(RefusalCode.WITHDRAWN if order.cancel is CancelState.ASKED else why)
    if pending is not None:
        turn.book = put(turn.book, order, drop_replacement(order, REFUSED).order)


def _keep(turn: Turn, order: Order, pending: Replacement) -> None:
    turn.book = put(turn.book, order, order._replace(replacement=pending))


# ---------------------------------------------------------------- answers


def on_replace_answer(turn: Turn, command: ReplaceOrder, result: CallResult) -> None:
    """What the PATCH came to; after a refusal or without an answer: look."""
    order, pending = _pending(turn, command)
    if pending is not None:
        _keep(turn, order, pending._replace(is_answered=True))
    old = order_of(turn.book, command.client_order_id)
    result = about(turn, old, result)
    if isinstance(result, BrokerRefused | NotFound) and pending is None:
        return  # it was settled meanwhile
    commit(turn, old, answer_replace(old, result, turn.at))
    order, pending = _pending(turn, command)
    if order.status in ENDED:
        return
    if isinstance(result, BrokerRefused | NotFound):
        query(turn, order)  # it may have ended
    elif pending is not None and not isinstance(result, OrderBody):
        _look(turn, order, pending)


def on_leg_answer(turn: Turn, leg: str, call: int, result: CallResult, asked_at: Instant) -> None:
    """What a query by a new leg's name came to."""
    name = turn.book.names[leg]
    order = order_of(turn.book, name)
    pending = order.replacement
    if pending is not None and pending.look_call == call:
        _keep(turn, order, pending._replace(look_call=0))
    if isinstance(result, OrderBody):
        on_report(turn, result.report)
        return
    order = order_of(turn.book, name)
    pending = order.replacement
    if not isinstance(result, NotFound) or pending is None or pending.client_order_id != leg:
        return
    settings = turn.config.orders
    is_late_enough = asked_at >= pending.sent_at + settings.absent_after
    is_spaced = asked_at >= pending.missed_at + settings.query_every
    if not (pending.is_answered and is_late_enough and is_spaced) or pending.broker_order_id:
        return
    misses = pending.misses + 1
    if misses < settings.absent_misses:
        _keep(turn, order, pending._replace(misses=misses, missed_at=asked_at))
        return
    commit(turn, order, drop_replacement(order, REFUSED))


# ---------------------------------------------------------------- what is not settled is pursued


def replace_due(turn: Turn, name: str) -> None:
    """A change left a while ago and is not settled."""
    order = turn.book.orders.get(name)
    if order is None or order.replacement is None or order.status in ENDED:
        return
    due = order.replacement.next_look_at
    if due != NEVER and due <= turn.at:
        _look(turn, order, order.replacement)


def doubt_replace(turn: Turn, order: Order) -> None:
    """A restart: what had left is looked for at once, what had not is dropped."""
    pending = order.replacement
    if pending is None:
        return
    if pending.sent_at == NEVER:
        turn.refuse(RefusalCode.WITHDRAWN)
        turn.book = put(turn.book, order, drop_replacement(order, REFUSED).order)
        return
    _look(turn, order, pending._replace(is_answered=True, look_call=0))


def _look(turn: Turn, order: Order, pending: Replacement) -> None:
    """Asks about the new leg by its name and about the old one by its id; plans the next look."""
    settings = turn.config.orders
    name = order.client_order_id
    if pending.look_call == 0:
        looks = pending.looks + 1
        command = QueryOrder(0, pending.client_order_id, None)
        turn.calls, call = enqueue(turn.calls, Priority.QUERY, command, Instant(0))
        query(turn, order)
        pending = pending._replace(looks=looks, look_call=call)
        if looks == LOOKS_MAX:
            text = f"{name}: a replace is not settled after {looks} looks"
            turn.note(Anomaly.REPLACE_STUCK, text, AlertLevel.CRITICAL)
    doublings = min(pending.looks, WAIT_DOUBLINGS_MAX)
    at = Instant(turn.at + min(settings.query_every << doublings, settings.query_every_max))
    _keep(turn, order, pending._replace(next_look_at=at))
    turn.wake(at, "replace:" + name)
