"""Orders: Alpaca's order object to an OrderReport, and the bodies of POST and PATCH.

1. Required: `id`, `status`, `filled_qty` and a time of creation. Without them nothing can be concluded.
2. `updated_at` falls back to `created_at`, that to `submitted_at`, that to the frame's own time.
3. An unknown side, type, time in force or class becomes None and is noted; an unknown status becomes
   UNRECOGNIZED and its word is kept.
4. `filled_avg_price` is cut toward zero (the executions are exact, the average need not be).
5. Bodies carry decimals as strings: alpaca-py's own models would send binary floats.

Source: Alpaca trading API v2, orders.
"""

from typing import Final

from kernel.commands import OrderTicket, ReplaceOrder
from kernel.reports import BrokerStatus, OrderReport
from kernel.sides import OrderClass
from kernel.units import Cash, Instant, Price, Quantity
from shell.codec.fields import Fields, Malformed, Notes, Problem, objects_of
from shell.codec.words import (
    NO_PAIRS,
    ORDER_CLASSES,
    ORDER_TYPES,
    SIDES,
    STATUSES,
    TIMES_IN_FORCE,
    Pairs,
    order_symbol,
)
from shell.numbers import scaled_text

__all__ = ["LEGS_MAX", "decode_order", "decode_orders", "encode_replace", "encode_ticket", "read_order"]

LEGS_MAX: Final = 8
"""Legs of one order: a bracket has two, a multi-leg option order at most four."""


def decode_order(value: object, notes: Notes | None = None, pairs: Pairs = NO_PAIRS) -> OrderReport | Problem:
    """One order object; what was cut or unknown is appended to `notes`."""
    try:
        return read_order(value, "order", [] if notes is None else notes, pairs, None)
    except Malformed as error:
        return Problem(str(error))


def decode_orders(value: object, notes: Notes, pairs: Pairs = NO_PAIRS) -> tuple[OrderReport, ...] | Problem:
    """A list of orders. One unreadable row spoils the list: a missing order would look canceled."""
    try:
        return tuple(
            read_order(row, f"orders[{index}]", notes, pairs, None)
            for index, row in enumerate(objects_of(value, "orders"))
        )
    except Malformed as error:
        return Problem(str(error))


def read_order(
    value: object, where: str, notes: Notes, pairs: Pairs, fallback_at: Instant | None
) -> OrderReport:
    """One order object; raises Malformed. `fallback_at` stands in for times that the object does not have."""
    fields = Fields(value, where, notes)
    submitted = fields.instant_or_none("submitted_at")
    created = fields.instant_or_none("created_at") or submitted or fallback_at
    if created is None:
        raise fields.bad("created_at", "missing")
    updated = fields.instant_or_none("updated_at") or created
    status_text = fields.text("status")
    filled_average = fields.cut_or_none("filled_avg_price")
    notional = fields.exact_or_none("notional")
    filled_quantity = fields.exact("filled_qty")
    if filled_quantity < 0:
        raise fields.bad("filled_qty", "negative")
    return OrderReport(
        broker_order_id=fields.text("id"),
        client_order_id=fields.text_or_none("client_order_id") or "",
        symbol=order_symbol(fields.text_or_none("symbol") or "", fields.text_or_none("asset_class"), pairs),
        side=fields.word("side", SIDES),
        type=fields.word("type" if fields.get("type") else "order_type", ORDER_TYPES),
        time_in_force=fields.word("time_in_force", TIMES_IN_FORCE),
        order_class=_order_class(fields),
        status=STATUSES.get(status_text, BrokerStatus.UNRECOGNIZED),
        status_text=status_text,
        quantity=fields.quantity_or_none("qty"),
        notional=None if notional is None else Cash(notional),
        filled_quantity=Quantity(filled_quantity),
        filled_average=None if filled_average is None else Price(filled_average),
        limit_price=fields.price_or_none("limit_price"),
        stop_price=fields.price_or_none("stop_price"),
        extended_hours=fields.flag_or_none("extended_hours") or False,
        created_at=created,
        updated_at=updated,
        replaces=fields.text_or_none("replaces"),
        replaced_by=fields.text_or_none("replaced_by"),
        legs=_legs(fields, notes, pairs, created),
    )


def _order_class(fields: Fields) -> OrderClass | None:
    """Alpaca writes a single order's class as an empty word."""
    value = fields.get("order_class")
    return OrderClass.SIMPLE if value is None or value == "" else fields.word("order_class", ORDER_CLASSES)


def _legs(fields: Fields, notes: Notes, pairs: Pairs, created: Instant) -> tuple[OrderReport, ...]:
    value = fields.get("legs")
    if value is None:
        return ()
    rows = objects_of(value, f"{fields.where}.legs")
    if len(rows) > LEGS_MAX:
        raise fields.bad("legs", f"more than {LEGS_MAX}")
    if fields.where.count(".legs[") > 0 and rows:
        raise fields.bad("legs", "legs of legs")
    return tuple(
        read_order(row, f"{fields.where}.legs[{index}]", notes, pairs, created)
        for index, row in enumerate(rows)
    )


def encode_ticket(ticket: OrderTicket) -> dict[str, str | bool | dict[str, str]]:
    """The body of POST /v2/orders: decimals as strings, no exponents, nothing that was not asked."""
    body: dict[str, str | bool | dict[str, str]] = {
        "symbol": ticket.symbol,
        "side": ticket.side.value,
        "type": ticket.type.value,
        "time_in_force": ticket.time_in_force.value,
        "qty": scaled_text(ticket.quantity),
        "client_order_id": ticket.client_order_id,
        "extended_hours": ticket.extended_hours,
    }
    if ticket.limit_price is not None:
        body["limit_price"] = scaled_text(ticket.limit_price)
    if ticket.stop_price is not None:
        body["stop_price"] = scaled_text(ticket.stop_price)
    if ticket.order_class is not OrderClass.SIMPLE:
        body["order_class"] = ticket.order_class.value
    if ticket.take_profit is not None:
        body["take_profit"] = {"limit_price": scaled_text(ticket.take_profit)}
    if ticket.stop_loss is not None:
        stop_loss = {"stop_price": scaled_text(ticket.stop_loss)}
        if ticket.stop_loss_limit is not None:
            stop_loss["limit_price"] = scaled_text(ticket.stop_loss_limit)
        body["stop_loss"] = stop_loss
    return body


def encode_replace(command: ReplaceOrder) -> dict[str, str | bool]:
    """The body of PATCH /v2/orders/{id}: only what changes, and the new name."""
    body: dict[str, str | bool] = {"client_order_id": command.new_client_order_id}
    if command.quantity is not None:
        body["qty"] = scaled_text(command.quantity)
    if command.limit_price is not None:
        body["limit_price"] = scaled_text(command.limit_price)
    if command.stop_price is not None:
        body["stop_price"] = scaled_text(command.stop_price)
    return body
