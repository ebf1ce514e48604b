"""The chain of an order's legs at the broker: a replace makes a new leg, and the order stays one.

    learn_leg   the broker's id of the order, or of a new leg of its chain
    continued   the chain goes on with a new leg, on its terms
    dropped     a replace came to nothing: the old terms hold

Rules (shared with specs/law_amend.py):
1. The current leg is the last of broker_ids; the chain's quantity is its total, with what has been filled.
2. A new leg that the broker has only taken is not the current one yet: it may be rejected after a 200, and
   then the old terms hold again. It stands when it works, or when the old leg says `replaced`.
3. Something of a chain that works after the chain has ended is a second order (DOUBLED).
"""

from typing import Final

from kernel.orders.chart import REPLACE_TABLE, ReplaceInput
from kernel.orders.record import ENDED, Order
from kernel.reasons import Anomaly
from kernel.reports import BrokerStatus, OrderReport
from kernel.units import Price, Quantity

__all__ = ["continued", "dropped", "learn_leg"]

TENTATIVE: Final = frozenset(
    {
        BrokerStatus.ACCEPTED,
        BrokerStatus.PENDING_NEW,
        BrokerStatus.ACCEPTED_FOR_BIDDING,
        BrokerStatus.PENDING_REVIEW,
        BrokerStatus.HELD,
        BrokerStatus.UNRECOGNIZED,
    }
)
"""Words of a new leg that do not say yet that it stands (rule 2)."""
ALIVE: Final = frozenset({BrokerStatus.NEW, BrokerStatus.PARTIALLY_FILLED})


def dropped(order: Order, given: ReplaceInput) -> tuple[Order, Anomaly | None]:
    """Moves the replace request to an end that leaves the old terms."""
    move = REPLACE_TABLE.next(order.replace, given)
    if move.is_fault:
        return order, Anomaly.CONTRADICTION
    if not move.is_move:
        return order, None
    pending = order.replacement
    before = order.reserve_price if pending is None else pending.reserve_before
    order = order._replace(replace=move.target, replacement=None, reserve_price=before)
    return order, Anomaly.AMENDMENT_REFUSED


def learn_leg(order: Order, report: OrderReport, found: list[Anomaly]) -> Order:
    """The broker's id of this order, or of a new leg of its chain."""
    leg = report.broker_order_id
    known = order.broker_ids
    if leg in known or not leg:
        return order
    if not known:
        return order._replace(broker_ids=(leg,))
    pending = order.replacement
    is_ours = pending is not None and pending.client_order_id == report.client_order_id
    if is_ours or (report.replaces is not None and report.replaces in known):
        if report.status is BrokerStatus.REJECTED:
            if not is_ours:
                return order  # an earlier leg that was refused: it says nothing of the one that is pending
            # The new leg was accepted with a 200 and then refused: the old one lives on.
            order, anomaly = dropped(order, ReplaceInput.REFUSED)
            if anomaly is not None:
                found.append(anomaly)
            return order
        if report.status in TENTATIVE:
            if pending is not None and is_ours and pending.broker_order_id != leg:
                order = order._replace(replacement=pending._replace(broker_order_id=leg))
            return order
        if order.status in ENDED and report.status in ALIVE:
            found.append(Anomaly.DOUBLED)  # the chain had ended, and yet something of it works
        return continued(order, leg, report.quantity, report.limit_price, report.stop_price, found)
    found.append(Anomaly.DOUBLED)
    return order


def continued(
    order: Order,
    leg: str,
    quantity: Quantity | None,
    limit_price: Price | None,
    stop_price: Price | None,
    found: list[Anomaly],
) -> Order:
    """The chain goes on with a new leg; `quantity` is the chain's total."""
    move = REPLACE_TABLE.next(order.replace, ReplaceInput.CONFIRMED)
    if move.is_fault:
        found.append(Anomaly.CONTRADICTION)  # nobody of ours asked for it
    pending = order.replacement
    if quantity is None:
        quantity = pending.quantity if pending is not None else order.quantity
    if order.ledger.quantity > quantity:
        found.append(Anomaly.AMENDED_BELOW_FILLED)
    if pending is not None:
        reserve = pending.reserve_price or pending.reserve_before
    else:
        reserve = max(order.reserve_price, limit_price or order.reserve_price)
    return order._replace(
        reserve_price=Price(reserve),
        broker_ids=(*order.broker_ids, leg),
        quantity=quantity,
        limit_price=limit_price,
        stop_price=stop_price,
        replace=move.target,
        replacement=None,
    )
