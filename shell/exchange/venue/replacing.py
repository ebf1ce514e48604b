"""Replacing an order: PATCH /v2/orders/{id}, its refusals, and the race that it can lose.

1. The replacement is a new order with its own id; its quantity is the chain's total, so its own leaves are
   that less what the replaced orders filled. It goes to the end of the queue.
2. With `replace_latency` the old order is `pending_replace` and can still execute. When it has ended
   meanwhile, or has executed as much as the replacement wants in all, the replacement is `rejected`; the
   old one lives on in the second case, and says `order_replace_rejected`.
3. Orders by notional and fractions of shares cannot be replaced; the type, side and symbol stay.
4. A replacement that costs more, or sells more, must be affordable with the old order's hold released.
   While it is pending the two together hold the greater of both needs.
5. Of complex orders, prices and the time in force of members can be replaced; a watching stop stays `held`.
"""

from typing import Final

from kernel.units import SCALE
from shell.exchange.venue import refusals
from shell.exchange.venue.admission import Admitted, Draft, admit, check_stop
from shell.exchange.venue.assets import tick_at
from shell.exchange.venue.checks import check_client_order_id, check_tick
from shell.exchange.venue.engine import Engine
from shell.exchange.venue.fills import fill_now
from shell.exchange.venue.legs import Legs
from shell.exchange.venue.matching import trail
from shell.exchange.venue.model import Asset, ReplaceRequest, VenueOrder
from shell.exchange.venue.schedule import DueKind
from shell.exchange.venue.tamper import ReplaceFate

__all__ = ["grant", "is_awaiting", "request"]

_EQUITY_TIMES: Final = frozenset({"day", "gtc"})
_CRYPTO_TIMES: Final = frozenset({"gtc", "ioc"})


def is_awaiting(engine: Engine, order: VenueOrder) -> bool:
    """Whether the order is a replacement that has not been granted yet."""
    if order.status != "pending_new" or order.replaces is None:
        return False
    old = engine.store.find(order.replaces)
    return old is not None and old.replaced_by is None


def request(engine: Engine, legs: Legs, order_id: str, changes: ReplaceRequest, now: int) -> VenueOrder:
    """Takes a replace; the new order as PATCH answers. Raises `Refused`, and then nothing has changed."""
    old = engine.store.get(order_id)
    asset = engine.asset_of(old)
    _check_state(old)
    _check_changes(asset, old, changes)
    if changes.client_order_id and engine.store.is_taken(changes.client_order_id):
        raise refusals.duplicate_client_id()
    if len(engine.store) >= engine.settings.orders_max:
        raise refusals.venue_full()
    new = _draft(engine, legs, asset, old, changes)
    return _accept(engine, old, new, changes.client_order_id, now)


def _check_state(old: VenueOrder) -> None:
    """Only an order that stands at the venue can be replaced."""
    if old.status in ("accepted", "pending_new"):
        raise refusals.parameter("unable to replace order, order isn't sent to exchange yet")
    watches = old.status == "held" and not old.dormant
    if old.status not in ("new", "partially_filled") and not watches:
        raise refusals.rule("unable to replace order, order is not open")


def _check_changes(asset: Asset, old: VenueOrder, changes: ReplaceRequest) -> None:
    """The changes fit the order's type and change something."""
    check_client_order_id(changes.client_order_id)
    if changes.trail is not None and old.type != "trailing_stop":
        raise refusals.parameter("trail is only valid for trailing stop orders")
    if changes.trail is not None and changes.trail <= 0:
        raise refusals.parameter("trail must be > 0")
    if changes.stop_price is not None and old.type == "trailing_stop":
        raise refusals.parameter("trailing_stop orders require no stop price")
    if old.quantity is None:
        raise refusals.rule("unable to replace order, notional orders cannot be replaced")
    if changes.quantity is not None and changes.quantity <= 0:
        raise refusals.parameter("qty must be > 0")
    wanted = old.quantity if changes.quantity is None else changes.quantity
    if not asset.is_crypto and (old.quantity % SCALE or wanted % SCALE):
        raise refusals.rule("unable to replace order, fractional orders cannot be replaced")
    if changes.limit_price is not None and old.limit_price is None:
        raise refusals.parameter(f"{old.type} orders require no limit price")
    if changes.stop_price is not None and old.stop_price is None:
        raise refusals.parameter(f"{old.type} orders require no stop price")
    times = _CRYPTO_TIMES if asset.is_crypto else _EQUITY_TIMES
    if changes.time_in_force is not None and changes.time_in_force not in times:
        raise refusals.parameter("invalid time_in_force")
    check_tick(asset, "limit_price", changes.limit_price)
    check_tick(asset, "stop_price", changes.stop_price)
    if not (
        changes.quantity not in (None, old.quantity)
        or changes.limit_price not in (None, old.limit_price)
        or changes.stop_price not in (None, old.stop_price)
        or changes.time_in_force not in (None, old.time_in_force)
        or changes.trail not in (None, old.trail_price, old.trail_percent)
    ):
        raise refusals.forbidden("order parameters are not changed")
    if wanted <= old.chain_filled + old.filled_quantity:
        raise refusals.rule("unable to replace order, qty must be > filled_qty")


def _draft(engine: Engine, legs: Legs, asset: Asset, old: VenueOrder, changes: ReplaceRequest) -> VenueOrder:
    """The replacement as it would be, judged by the account; not stored yet."""
    assert old.quantity is not None, "an order by notional is not replaced"
    new = old.snapshot()
    new.quantity = old.quantity if changes.quantity is None else changes.quantity
    new.chain_filled = old.chain_filled + old.filled_quantity
    new.filled_quantity = new.filled_value = 0
    new.reserved = new.held = 0
    new.legs = None
    new.limit_price = old.limit_price if changes.limit_price is None else changes.limit_price
    new.stop_price = old.stop_price if changes.stop_price is None else changes.stop_price
    new.time_in_force = changes.time_in_force or old.time_in_force
    new.elected = old.elected and new.stop_price == old.stop_price
    if changes.trail is not None:
        new.trail_price = None if old.trail_price is None else changes.trail
        new.trail_percent = None if old.trail_percent is None else changes.trail
        assert old.hwm is not None, "a trailing stop has its mark"
        trail(new, old.hwm, tick_at(asset, old.hwm))
    group = legs.group_of(old)
    if group is not None:
        legs.check_replacement(group, old, new)
        if old is not group.entry:
            check_stop(engine, asset, new.side, None if new.elected else new.stop_price)
            return new
    admitted: Admitted = admit(
        engine,
        asset,
        Draft(
            side=old.side,
            type=old.type,
            quantity=new.leaves,
            notional=None,
            limit_price=new.limit_price,
            stop_price=None if new.elected or new.type == "trailing_stop" else new.stop_price,
            position_intent=None,
            replaces=old,
            order_class=old.order_class,
        ),
    )
    new.position_intent = admitted.position_intent
    new.reserve_price = admitted.reserve_price
    return new


def _accept(
    engine: Engine, old: VenueOrder, new: VenueOrder, client_order_id: str | None, now: int
) -> VenueOrder:
    """Stores the replacement as pending, plans the grant, and answers."""
    at = engine.stamp(now)
    new.id = engine.ids.uuid("order")
    new.client_order_id = client_order_id or engine.ids.uuid("client")
    new.created_at = new.updated_at = new.submitted_at = at
    new.replaces = old.id
    new.replaced_by = None
    new.status = "pending_new"
    new.expires_at = None
    new.resting = False
    engine.store.add(new)
    engine.holdings.hold_difference(new, old, engine.asset_of(new))
    fate = engine.tamper.replace_fate(old, now)
    if engine.settings.replace_latency > 0 or fate is not ReplaceFate.GRANT:
        engine.publish("pending_replace", old, engine.change(old, "pending_replace", now))
    engine.publish("pending_new", new, at)
    answer = new.snapshot()
    if fate is ReplaceFate.LOSE and fill_now(engine, old, None, now):
        engine.finish(new, "rejected", now)
        return answer
    if fate is not ReplaceFate.GRANT:
        _reject(engine, old, new, now)
        return answer
    engine.schedule.put(now + engine.settings.replace_latency, DueKind.REPLACE, new.id)
    return answer


def _reject(engine: Engine, old: VenueOrder, new: VenueOrder, now: int) -> None:
    """The old order lives on as what it was, the new one never lived."""
    status = "partially_filled" if old.filled_quantity else "new"
    if not old.holds:
        status = "held"
    engine.publish("order_replace_rejected", old, engine.change(old, status, now))
    engine.finish(new, "rejected", now)


def grant(engine: Engine, legs: Legs, new: VenueOrder, now: int) -> None:
    """The venue's decision on a replace that was asked for (rule 2)."""
    assert new.replaces is not None, "a replacement replaces something"
    old = engine.store.get(new.replaces)
    if not old.is_open:
        engine.finish(new, "rejected", now)
        return
    assert new.quantity is not None, "an order by notional is not replaced"
    chain_filled = old.chain_filled + old.filled_quantity
    if new.quantity <= chain_filled:
        _reject(engine, old, new, now)
        return
    new.chain_filled = chain_filled
    old.replaced_by = new.id
    engine.finish(old, "replaced", now)
    legs.pass_on(old, new)
    asset = engine.asset_of(new)
    engine.plan_end(new, asset, now)
    if new.holds:
        engine.acknowledge(new, now)
    else:
        new.submitted_at = engine.change(new, "held", now)
        engine.publish("held", new, new.submitted_at)
        engine.plan_match(new, now)
