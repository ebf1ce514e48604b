"""From a request to an answer: host, route, keys, limit, handler, headers. Synchronous from end to end.

1. The order of the checks is the original's: an unknown path is 404 for anybody, wrong keys 401, one request
   too many 429; only then is the body looked at.
2. Handlers return a Response or raise Refused. Anything else that they raise is a bug of ours: 500, kept in
   `Exchange.bugs`, and the server lives on.
3. Every answer carries X-Request-ID, and X-RateLimit-* when it was counted.
4. Only loopback names are served (Host), so that no web page can reach the exchange under another name.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from shell.exchange import routes_account as account
from shell.exchange import routes_data as data
from shell.exchange import routes_orders as orders
from shell.exchange.books import books
from shell.exchange.exchange import Exchange
from shell.exchange.http import Request, Response, json_response, message_response
from shell.exchange.ratelimit import RateLimiter
from shell.exchange.venue.model import Refused

__all__ = ["BUGS_MAX", "answer", "host_is_local"]

BUGS_MAX: Final = 100
"""Lines kept of handlers' unexpected errors; the rest is only counted as 500s by the clients."""

_LOCAL: Final = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)

Handler = Callable[[Exchange, Request, tuple[str, ...]], Response]


class Route(NamedTuple):
    """Handlers of one path by method, and which limit counts it."""

    handlers: dict[str, Handler]
    is_data: bool = False


_EXACT: Final[dict[str, Route]] = {
    "/v2/orders": Route(
        {"GET": orders.list_orders, "POST": orders.submit_order, "DELETE": orders.cancel_all}
    ),
    "/v2/orders:by_client_order_id": Route({"GET": orders.get_by_client_id}),
    "/v2/positions": Route({"GET": account.list_positions, "DELETE": account.close_all_positions}),
    "/v2/account": Route({"GET": account.get_account}),
    "/v2/account/configurations": Route(
        {"GET": account.get_configurations, "PATCH": account.patch_configurations}
    ),
    "/v2/account/activities": Route({"GET": account.list_activities}),
    "/v2/assets": Route({"GET": account.list_assets}),
    "/v2/clock": Route({"GET": account.get_clock}),
    "/v2/calendar": Route({"GET": account.get_calendar}),
    "/v2/stocks/bars": Route({"GET": data.stock_bars}, is_data=True),
    "/v2/stocks/bars/latest": Route({"GET": data.stock_latest_bars}, is_data=True),
    "/v2/stocks/quotes/latest": Route({"GET": data.stock_latest_quotes}, is_data=True),
    "/v1beta3/crypto/us/bars": Route({"GET": data.crypto_bars}, is_data=True),
    "/v1beta3/crypto/us/latest/bars": Route({"GET": data.crypto_latest_bars}, is_data=True),
    "/v1beta3/crypto/us/latest/quotes": Route({"GET": data.crypto_latest_quotes}, is_data=True),
}

_PATTERNS: Final[tuple[tuple[re.Pattern[str], Route], ...]] = (
    (
        re.compile(r"/v2/orders/([^/]+)"),
        Route({"GET": orders.get_order, "PATCH": orders.replace_order, "DELETE": orders.cancel_order}),
    ),
    (
        re.compile(r"/v2/positions/(.+)"),
        Route({"GET": account.get_position, "DELETE": account.close_position}),
    ),
    (re.compile(r"/v2/assets/(.+)"), Route({"GET": account.get_asset})),
    (re.compile(r"/v2/account/activities/([^/]+)"), Route({"GET": account.list_activities})),
    (re.compile(r"/v2/stocks/([^/]+)/bars"), Route({"GET": data.stock_bars_of}, is_data=True)),
    (re.compile(r"/v2/stocks/([^/]+)/bars/latest"), Route({"GET": data.stock_latest_bar_of}, is_data=True)),
    (
        re.compile(r"/v2/stocks/([^/]+)/quotes/latest"),
        Route({"GET": data.stock_latest_quote_of}, is_data=True),
    ),
)


def host_is_local(request: Request) -> bool:
    """Whether it was meant for this machine: a loopback Host and, from a browser, a loopback Origin."""
    origin = request.headers.get("origin")
    if origin is not None and not _LOCAL.fullmatch(origin.partition("://")[2]):
        return False
    return _LOCAL.fullmatch(request.headers.get("host", "")) is not None


def _find(path: str) -> tuple[Route, tuple[str, ...]] | None:
    route = _EXACT.get(path)
    if route is not None:
        return route, ()
    for pattern, candidate in _PATTERNS:
        found = pattern.fullmatch(path)
        if found is not None:
            return candidate, found.groups()
    return None


def answer(exchange: Exchange, request: Request) -> Response:
    """The whole answer to one REST request; the updates that it caused wait for `Driver.publish`."""
    response, limit = _judge(exchange, request)
    headers = [*response.headers, ("X-Request-ID", exchange.request_id())]
    if limit is not None:
        headers += limit.headers(exchange.driver.now)
    return response._replace(headers=headers)


def _judge(exchange: Exchange, request: Request) -> tuple[Response, RateLimiter | None]:
    """The answer without the common headers, and the limit that counted it."""
    if not host_is_local(request):
        return message_response(403, "forbidden."), None
    if request.path.startswith("/sim/"):
        return _ours(exchange, request), None
    found = _find(request.path)
    if found is None:
        return message_response(404, "endpoint not found", 40410000), None
    route, names = found
    if not exchange.credentials.accepts_headers(request.headers):
        return message_response(401, "unauthorized."), None
    handler = route.handlers.get(request.method)
    if handler is None:
        return message_response(405, "method not allowed", 40510000), None
    now = exchange.driver.touch()
    limit = exchange.data_limit if route.is_data else exchange.trading_limit
    if not limit.take(now):
        return message_response(429, "too many requests.", 42910000), limit
    return _handle(exchange, request, handler, names), limit


def _handle(exchange: Exchange, request: Request, handler: Handler, names: tuple[str, ...]) -> Response:
    try:
        response = handler(exchange, request, names)
    except Refused as refused:
        response = json_response(refused.http_status, orders.refusal_body(refused))
    except Exception as bug:  # noqa: BLE001 - one request's bug must not end the session
        if len(exchange.bugs) < BUGS_MAX:
            exchange.bugs.append(f"{request.method} {request.path}: {type(bug).__name__}: {bug}")
        response = message_response(500, "internal server error occurred", 50010000)
    exchange.driver.settle()
    return response


def _ours(exchange: Exchange, request: Request) -> Response:
    """The paths that Alpaca has not got."""
    if request.method != "GET":
        return message_response(405, "method not allowed", 40510000)
    if request.path == "/sim/books":
        exchange.driver.touch()
        return json_response(200, books(exchange))
    if request.path == "/sim/state":
        return json_response(200, exchange.lockstep.state())
    return message_response(404, "endpoint not found", 40410000)
