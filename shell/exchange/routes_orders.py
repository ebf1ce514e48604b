"""Orders over REST: POST, GET, PATCH and DELETE under /v2/orders.

1. Parsing only: what the body says becomes an OrderRequest; the venue judges it and raises Refused in
   Alpaca's words.
2. POST and PATCH answer 200 with the whole order; DELETE of one answers 204, DELETE of all 207 with an item
   each.
3. Lists default to open, 50, newest first; a limit above 500 is refused.
"""

from typing import Any, Final

from shell.exchange import fields as f
from shell.exchange import render
from shell.exchange.exchange import Exchange
from shell.exchange.http import Request, Response, json_response
from shell.exchange.venue.model import (
    OrderQuery,
    OrderRequest,
    Refused,
    ReplaceRequest,
    StopLoss,
    TakeProfit,
    VenueOrder,
)

__all__ = [
    "cancel_all",
    "cancel_order",
    "get_by_client_id",
    "get_order",
    "list_orders",
    "refusal_body",
    "replace_order",
    "submit_order",
]

ORDERS_LIMIT_MAX: Final = 500
"""Orders in one list."""


def refusal_body(refused: Refused) -> dict[str, object]:
    """A refusal as an error body."""
    body: dict[str, object] = {} if refused.code is None else {"code": refused.code}
    body["message"] = refused.message
    body.update(refused.extras)
    return body


def _order_response(order: VenueOrder) -> Response:
    return json_response(200, render.order(order))


def submit_order(exchange: Exchange, request: Request, _: tuple[str, ...]) -> Response:
    """POST /v2/orders."""
    order_request = _order_request(f.parse_body(request.body))
    return _order_response(exchange.venue.submit(order_request, exchange.driver.now))


def _order_request(body: dict[str, Any]) -> OrderRequest:
    """The body as the venue wants it. Raises Refused."""
    return OrderRequest(
        symbol=(f.text(body, "symbol") or "").strip(),
        quantity=f.quantity(body, "qty"),
        notional=f.quantity(body, "notional"),
        side=f.word(body, "side"),
        type=f.word(body, "type") or f.word(body, "order_type"),
        time_in_force=f.word(body, "time_in_force"),
        limit_price=f.price(body, "limit_price"),
        stop_price=f.price(body, "stop_price"),
        trail_price=f.price(body, "trail_price"),
        trail_percent=f.price(body, "trail_percent"),
        extended_hours=f.flag(body, "extended_hours"),
        client_order_id=f.text(body, "client_order_id"),
        order_class=f.word(body, "order_class"),
        take_profit=_take_profit(body.get("take_profit")),
        stop_loss=_stop_loss(body.get("stop_loss")),
        position_intent=f.word(body, "position_intent") or None,
    )


def _take_profit(leg: object) -> TakeProfit | None:
    if leg is None:
        return None
    limit = f.price(leg, "limit_price") if isinstance(leg, dict) else None
    if limit is None:
        raise f.malformed("bracket orders require take_profit.limit_price")
    return TakeProfit(limit)


def _stop_loss(leg: object) -> StopLoss | None:
    if leg is None:
        return None
    if not isinstance(leg, dict) or (stop := f.price(leg, "stop_price")) is None:
        raise f.malformed("bracket orders require stop_loss.stop_price")
    return StopLoss(stop, f.price(leg, "limit_price"))


def list_orders(exchange: Exchange, request: Request, _: tuple[str, ...]) -> Response:
    """GET /v2/orders."""
    query = request.query
    status = f.word(query, "status") or "open"
    direction = f.word(query, "direction") or "desc"
    if status not in ("open", "closed", "all"):
        raise f.malformed("invalid status")
    if direction not in ("asc", "desc"):
        raise f.malformed("invalid direction")
    wanted = OrderQuery(
        status=status,
        limit=f.query_limit(query, "limit", 50, ORDERS_LIMIT_MAX),
        after=f.query_instant(query, "after"),
        until=f.query_instant(query, "until"),
        direction=direction,
        nested=f.flag(query, "nested"),
        side=f.word(query, "side") or None,
        symbols=tuple(symbol for symbol in query.get("symbols", "").split(",") if symbol),
        asset_class=f.word(query, "asset_class") or None,
        before_order_id=query.get("before_order_id") or None,
        after_order_id=query.get("after_order_id") or None,
    )
    return json_response(200, [render.order(order) for order in exchange.venue.orders(wanted)])


def get_order(exchange: Exchange, request: Request, names: tuple[str, ...]) -> Response:
    """GET /v2/orders/{id}[?nested=]."""
    return _order_response(exchange.venue.order(names[0], f.flag(request.query, "nested")))


def get_by_client_id(exchange: Exchange, request: Request, _: tuple[str, ...]) -> Response:
    """GET /v2/orders:by_client_order_id?client_order_id=."""
    client_order_id = request.query.get("client_order_id", "")
    if not client_order_id:
        raise f.malformed("client_order_id is required")
    return _order_response(exchange.venue.order_by_client_id(client_order_id))


def replace_order(exchange: Exchange, request: Request, names: tuple[str, ...]) -> Response:
    """PATCH /v2/orders/{id}."""
    body = f.parse_body(request.body)
    changes = ReplaceRequest(
        quantity=f.quantity(body, "qty"),
        time_in_force=f.word(body, "time_in_force") or None,
        limit_price=f.price(body, "limit_price"),
        stop_price=f.price(body, "stop_price"),
        trail=f.price(body, "trail"),
        client_order_id=f.text(body, "client_order_id"),
    )
    return _order_response(exchange.venue.replace(names[0], changes, exchange.driver.now))


def cancel_order(exchange: Exchange, _: Request, names: tuple[str, ...]) -> Response:
    """DELETE /v2/orders/{id}."""
    exchange.venue.cancel(names[0], exchange.driver.now)
    return Response(204)


def cancel_all(exchange: Exchange, _: Request, __: tuple[str, ...]) -> Response:
    """DELETE /v2/orders."""
    items: list[dict[str, object]] = []
    for item in exchange.venue.cancel_all(exchange.driver.now):
        shown: dict[str, object] = {"id": item.order_id, "status": item.http_status}
        if item.refused is not None:
            shown["body"] = refusal_body(item.refused)
        items.append(shown)
    return json_response(207, items)
