"""Canceling an order: DELETE /v2/orders/{id}, its refusals, and the ways in which it can come to nothing.

1. A cancel is a request: the answer 204 says that it was taken. With `cancel_latency` the order is
   `pending_cancel` meanwhile, and may still execute.
2. An ended order, one that is being canceled or replaced, and a replacement that is not granted yet cannot be
   canceled.
3. The tamper may decide otherwise: lose the race, refuse, reject afterwards, get stuck, or fill once more.
"""

from shell.exchange.venue import refusals, replacing
from shell.exchange.venue.engine import Engine
from shell.exchange.venue.fills import fill_now
from shell.exchange.venue.model import VenueOrder
from shell.exchange.venue.schedule import DueKind
from shell.exchange.venue.tamper import CancelFate

__all__ = ["reject", "request"]


def request(engine: Engine, order_id: str, now: int) -> None:
    """Takes a cancel. Raises `Refused`; unless a race was lost, nothing has changed then."""
    order = engine.store.get(order_id)
    if not order.is_open:
        raise refusals.already(order.status)
    if order.status == "pending_cancel":
        raise refusals.rule("order pending cancel")
    if order.status == "pending_replace" or replacing.is_awaiting(engine, order):
        raise refusals.rule("order is not cancelable")
    fate = engine.tamper.cancel_fate(order, now)
    if fate is CancelFate.REFUSE:
        raise refusals.rule("order is not cancelable")
    if fate is CancelFate.LOSE and fill_now(engine, order, None, now) and not order.is_open:
        raise refusals.already(order.status)
    order.cancel_requested_at = engine.stamp(now)
    before = order.status
    if engine.settings.cancel_latency > 0 or fate is not CancelFate.GRANT:
        at = engine.change(order, "pending_cancel", now)
        engine.publish("pending_cancel", order, at)
    if fate is CancelFate.REJECT:
        reject(engine, order, before, now)
        return
    if fate is CancelFate.FILL:
        fill_now(engine, order, 1, now)
    if fate is not CancelFate.STICK and order.is_open:
        engine.schedule.put(now + engine.settings.cancel_latency, DueKind.CANCEL, order.id)


def reject(engine: Engine, order: VenueOrder, status: str, now: int) -> None:
    """The venue thinks better of a cancel: the order is what it was."""
    order.cancel_requested_at = None
    at = engine.change(order, status, now)
    engine.publish("order_cancel_rejected", order, at)
