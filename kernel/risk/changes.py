"""Whether an open order can be changed at all: what the gate asks of an amendment before its new terms.

One function each: a Change in, a Refusal or None out. They hold for entries and exits alike, for the broker
would refuse the replace anyway (alpaca.md 6.5): one request at a time, only of what stands at the broker, no
fractions of shares, at least one term changed, more than what has been filled.
"""

from collections.abc import Callable
from typing import Final

from kernel.orders.chart import CancelState, OrderStatus, ReplaceState
from kernel.orders.record import Order, is_member
from kernel.reasons import Refusal, RefusalCode
from kernel.risk.question import Change
from kernel.symbols.rounding import is_whole
from kernel.symbols.rules import AssetClass

__all__ = [
    "CHANGE_CHECKS",
    "LEGS_MAX",
    "above_filled",
    "changes_something",
    "is_settled",
    "replaceable",
    "settled",
]

LEGS_MAX: Final = 100
"""Legs of a chain; the broker's ids of all of them are kept. Further amendments are refused."""

C: Final = RefusalCode


def is_settled(order: Order) -> bool:
    """Whether it stands at the broker with nothing pending: only then may it be changed."""
    return (
        order.status is OrderStatus.WORKING
        and len(order.broker_ids) > 0
        and order.cancel is not CancelState.ASKED
        and order.replace is not ReplaceState.ASKED
    )


def settled(change: Change) -> Refusal | None:
    """One request at a time, of an order that the broker has acknowledged."""
    order = change.order
    if is_settled(order):
        return None
    found = f"{order.status.value}, cancel {order.cancel.value}, replace {order.replace.value}"
    return Refusal(C.ORDER_BUSY, found, "acknowledged, nothing pending")


def replaceable(change: Change) -> Refusal | None:
    """Fractions of shares can't be replaced, nor an entry apart from its exits; a chain has an end."""
    order = change.order
    if is_member(order):
        return Refusal(
            C.NOT_REPLACEABLE, order.ticket.order_class.value, "an order without exits, and no exit of one"
        )
    if len(order.broker_ids) >= LEGS_MAX:
        return Refusal(C.NOT_REPLACEABLE, f"{len(order.broker_ids)} legs", str(LEGS_MAX))
    rules = change.question.rules
    if rules is not None and rules.asset_class is AssetClass.CRYPTO:
        return None
    if is_whole(order.quantity) and is_whole(change.replacement.quantity):
        return None
    return Refusal(C.NOT_REPLACEABLE, str(change.replacement.quantity), "whole shares, before and after")


def changes_something(change: Change) -> Refusal | None:
    """At least one term is another one."""
    order, new = change.order, change.replacement
    old_terms = (order.quantity, order.limit_price, order.stop_price)
    if (new.quantity, new.limit_price, new.stop_price) != old_terms:
        return None
    return Refusal(C.UNCHANGED, order.client_order_id, "another quantity or price")


def above_filled(change: Change) -> Refusal | None:
    """The new total is more than what has been filled."""
    filled = change.order.ledger.quantity
    if change.replacement.quantity > filled:
        return None
    return Refusal(C.BELOW_FILLED, str(change.replacement.quantity), f"more than {filled}")


CHANGE_CHECKS: Final[tuple[Callable[[Change], Refusal | None], ...]] = (
    settled,
    replaceable,
    changes_something,
    above_filled,
)
"""In the order of the report."""
