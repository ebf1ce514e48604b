"""Account, positions, assets, clock, calendar and activities over REST.

1. Positions answer to symbol, `ETHUSD`, `ETH/USD` and asset id, a slash in the path included.
2. Closing goes through the venue as an ordinary market order; 207 items always carry a body.
3. Activities know one kind, FILL; pages of at most 100 follow a token, the last id seen.
4. The account's configuration can be read and not changed: PATCH is refused in words.
"""

from datetime import date
from typing import Final

from kernel.units import SCALE
from shell.exchange import fields as f
from shell.exchange import render
from shell.exchange.exchange import Exchange
from shell.exchange.http import Request, Response, json_response
from shell.exchange.routes_orders import refusal_body
from shell.exchange.venue.model import ActivityQuery, Refused

__all__ = [
    "close_all_positions",
    "close_position",
    "get_account",
    "get_asset",
    "get_calendar",
    "get_clock",
    "get_configurations",
    "get_position",
    "list_activities",
    "list_assets",
    "list_positions",
    "patch_configurations",
]

ACTIVITIES_PAGE_MAX: Final = 100
"""Activities in one page."""


def get_account(exchange: Exchange, _: Request, __: tuple[str, ...]) -> Response:
    """GET /v2/account."""
    return json_response(200, render.account(exchange.venue.account(), exchange.driver.now))


def get_configurations(exchange: Exchange, _: Request, __: tuple[str, ...]) -> Response:
    """GET /v2/account/configurations."""
    return json_response(200, render.configurations(exchange.venue.account().shorting_enabled))


def patch_configurations(_: Exchange, __: Request, ___: tuple[str, ...]) -> Response:
    """PATCH /v2/account/configurations: not offered."""
    raise Refused(422, 42210000, "account configurations are read-only on this exchange")


def list_positions(exchange: Exchange, _: Request, __: tuple[str, ...]) -> Response:
    """GET /v2/positions."""
    return json_response(200, [render.position(position) for position in exchange.venue.positions()])


def get_position(exchange: Exchange, _: Request, names: tuple[str, ...]) -> Response:
    """GET /v2/positions/{symbol or asset id}."""
    return json_response(200, render.position(exchange.venue.position(names[0])))


def close_position(exchange: Exchange, request: Request, names: tuple[str, ...]) -> Response:
    """DELETE /v2/positions/{symbol or asset id}[?qty=|percentage=]."""
    quantity = f.quantity(request.query, "qty")
    percentage = f.quantity(request.query, "percentage")
    if quantity is not None and percentage is not None:
        raise f.malformed("only one of qty or percentage is accepted")
    if percentage is not None and not 0 < percentage <= 100 * SCALE:
        raise f.malformed("percentage must be between 0 and 100")
    order = exchange.venue.close_position(names[0], quantity, percentage, exchange.driver.now)
    return json_response(200, render.order(order))


def close_all_positions(exchange: Exchange, request: Request, _: tuple[str, ...]) -> Response:
    """DELETE /v2/positions[?cancel_orders=true]."""
    items: list[dict[str, object]] = []
    for item in exchange.venue.close_all(f.flag(request.query, "cancel_orders"), exchange.driver.now):
        body: dict[str, object]
        if item.order is not None:
            body = render.order(item.order)
        else:
            assert item.refused is not None, "an item is closed or refused"
            body = refusal_body(item.refused)
        items.append({"symbol": item.symbol, "status": item.http_status, "body": body})
    return json_response(207, items)


def list_assets(exchange: Exchange, request: Request, _: tuple[str, ...]) -> Response:
    """GET /v2/assets[?status=&asset_class=&exchange=]."""
    query = request.query
    found = [
        render.asset(asset)
        for asset in exchange.venue.assets()
        if query.get("status", asset.status) in ("", asset.status)
        and query.get("asset_class", asset.asset_class) in ("", asset.asset_class)
        and query.get("exchange", asset.exchange) in ("", asset.exchange)
    ]
    return json_response(200, found)


def get_asset(exchange: Exchange, _: Request, names: tuple[str, ...]) -> Response:
    """GET /v2/assets/{symbol or id}; a pair's slash may stand in the path."""
    return json_response(200, render.asset(exchange.venue.asset(names[0])))


def get_clock(exchange: Exchange, _: Request, __: tuple[str, ...]) -> Response:
    """GET /v2/clock, in the session's time."""
    return json_response(200, render.clock(exchange.driver.now, exchange.hours))


def get_calendar(exchange: Exchange, request: Request, _: tuple[str, ...]) -> Response:
    """GET /v2/calendar[?start=&end=], both days included."""
    try:
        start = date.fromisoformat((request.query.get("start") or "1970-01-01")[:10])
        end = date.fromisoformat((request.query.get("end") or "2029-12-31")[:10])
    except ValueError:
        raise f.malformed("failed to parse start or end") from None
    sessions = exchange.hours.days(start, end)
    return json_response(200, [render.calendar_day(session, exchange.hours) for session in sessions])


def list_activities(exchange: Exchange, request: Request, names: tuple[str, ...]) -> Response:
    """GET /v2/account/activities[/FILL]."""
    query = request.query
    kinds = names[0] if names else query.get("activity_types", "FILL")
    direction = f.word(query, "direction") or "desc"
    if direction not in ("asc", "desc"):
        raise f.malformed("invalid direction")
    if "FILL" not in kinds.upper().split(","):
        return json_response(200, [])
    wanted = ActivityQuery(
        after=f.query_instant(query, "after"),
        until=f.query_instant(query, "until"),
        direction=direction,
        page_size=f.query_limit(query, "page_size", ACTIVITIES_PAGE_MAX, ACTIVITIES_PAGE_MAX),
        page_token=query.get("page_token") or None,
        order_id=query.get("order_id") or None,
    )
    return json_response(200, [render.activity(row) for row in exchange.venue.activities(wanted)])
