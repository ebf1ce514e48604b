"""Every refusal of the venue in Alpaca's own words: status, code, message, extra fields.

The texts are recorded or documented ones; the few that no source quotes say so (`unverified`).
Clients decide on status, code and parts of the message, so each is written once, here.

1. 422 40010001: a parameter is wrong in itself.
2. 422 42210000: the order is well formed but breaks a rule of the asset, the type or the order's state.
3. 403 40310000: the account, its holdings or its other orders forbid it.
4. 404 40410000: there is no such thing.
"""

from shell.exchange.text import amount_text, value_text
from shell.exchange.venue.model import Asset, Refused

__all__ = [
    "already",
    "asset_not_found",
    "buying_power",
    "duplicate_client_id",
    "forbidden",
    "insufficient_quantity",
    "not_found",
    "order_not_found",
    "parameter",
    "position_not_found",
    "rule",
    "stop_price",
    "sub_penny",
    "venue_full",
    "wash_trade",
]


def parameter(message: str) -> Refused:
    """A parameter is missing, impossible or contradicts another."""
    return Refused(422, 40010001, message)


def rule(message: str) -> Refused:
    """A rule of the asset, the order's type or its state forbids it."""
    return Refused(422, 42210000, message)


def forbidden(message: str, extras: dict[str, str | list[str]] | None = None) -> Refused:
    """The account or its holdings forbid it."""
    return Refused(403, 40310000, message, extras)


def not_found(message: str) -> Refused:
    """There is no such thing."""
    return Refused(404, 40410000, message)


def already(status: str) -> Refused:
    """A cancel of an order that has ended."""
    return rule(f'order is already in "{status}" state')


def order_not_found(order_id: str) -> Refused:
    """No order has this identifier (or client order id)."""
    return not_found(f"order not found for {order_id}")


def position_not_found() -> Refused:
    """The account holds none of it."""
    return not_found("position does not exist")


def asset_not_found(name: str) -> Refused:
    """An order for an asset that the venue does not list."""
    return rule(f'asset "{name}" not found')


def duplicate_client_id() -> Refused:
    """This client order id was used before, be that order open or over."""
    return parameter("client_order_id must be unique")


def venue_full() -> Refused:
    """Our own limit: the venue keeps no more orders (`VenueSettings.orders_max`)."""
    return Refused(503, 50310000, "service unavailable")


def sub_penny(field: str, price: int) -> Refused:
    """The price is finer than the asset's tick."""
    text = amount_text(price)
    return rule(
        f"invalid {field} {text}. sub-penny increment does not fulfill minimum pricing criteria",
    )


def stop_price(side: str, stop: int, market: int) -> Refused:
    """The stop would be triggered at once."""
    word = "greater" if side == "buy" else "less"
    refused = rule(f"stop price must be {word} than current price")
    refused.extras = {"market_price": amount_text(market), "stop_price": amount_text(stop)}
    return refused


def insufficient_quantity(
    asset: Asset, requested: int, available: int, existing: int, held: int, related: list[str]
) -> Refused:
    """More than what the position has free."""
    if asset.is_crypto:
        return forbidden(
            f"insufficient balance for {asset.symbol.split('/')[0]} "
            f"(requested: {amount_text(requested)}, available: {amount_text(available)})",
            {"symbol": asset.position_symbol, "available": amount_text(available)},
        )
    extras: dict[str, str | list[str]] = {
        "available": amount_text(available),
        "existing_qty": amount_text(existing),
        "held_for_orders": amount_text(held),
        "symbol": asset.symbol,
    }
    if related:
        extras["related_orders"] = related
    return forbidden(
        "insufficient qty available for order "
        f"(requested: {amount_text(requested)}, available: {amount_text(available)})",
        extras,
    )


def buying_power(available: int, cost: int) -> Refused:
    """The order costs more than the account may spend; both in 10^-18, shown in cents."""
    return forbidden(
        "insufficient buying power",
        {"buying_power": value_text(available, 2), "cost_basis": value_text(cost, 2)},
    )


def wash_trade(existing_order_id: str, existing_type: str) -> Refused:
    """The order could trade against another of the same account."""
    kind = "limit" if existing_type in ("limit", "stop_limit") else "market/stop"
    return forbidden(
        "potential wash trade detected. use complex orders",
        {
            "existing_order_id": existing_order_id,
            "reject_reason": f"opposite side {kind} order exists",
        },
    )
