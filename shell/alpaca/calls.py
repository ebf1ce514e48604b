"""What each command is on the wire, and what its answer means: two pure tables, no IO.

1. Every BrokerCall has one request and one reading of a 2xx body; other statuses are `classify_error`'s.
2. An answer that speaks of another order or symbol than was asked for is in doubt, not believed.
3. A body that can't be read is in doubt (BAD_BODY), and its text is kept as an Unrecognized note.
4. Crypto symbols lose their slash in paths; everything put into a path is quoted.
5. Lists ask for the most rows that Alpaca gives; a full page says that it may not be complete.
"""

from collections.abc import Callable
from typing import Final, assert_never
from urllib.parse import quote

from kernel.commands import (
    BrokerCall,
    CancelOrder,
    FetchAccount,
    FetchActivities,
    FetchAsset,
    FetchBars,
    FetchOrders,
    FetchPositions,
    QueryOrder,
    ReplaceOrder,
    SubmitOrder,
)
from kernel.events import (
    AccountBody,
    ActivityRows,
    AssetBody,
    BarRows,
    CallResult,
    Done,
    DoubtCause,
    Doubtful,
    OrderBody,
    OrderRows,
    PositionRows,
)
from kernel.reports import OrderReport, RateHeaders
from kernel.units import SECOND, Instant
from shell.alpaca.http import HttpAnswer, HttpCall
from shell.codec import (
    NO_PAIRS,
    Notes,
    Pairs,
    Problem,
    classify_error,
    decode_account,
    decode_activities,
    decode_asset,
    decode_bars,
    decode_order,
    decode_orders,
    decode_positions,
    encode_replace,
    encode_ticket,
    parse_json,
)
from shell.numbers import instant_text

__all__ = ["ACTIVITIES_PAGE", "BARS_PAGE", "ORDERS_PAGE", "endpoint_of", "rate_of", "request_of", "result_of"]

ORDERS_PAGE: Final = 500
"""Most orders that one answer has."""

ACTIVITIES_PAGE: Final = 100
"""Most activities that one answer has."""

BARS_PAGE: Final = 10_000
"""Most bars that one answer has."""


def request_of(command: BrokerCall, feed: str) -> HttpCall:
    """The request of a command; `feed` is the source of historical stock bars."""
    match command:
        case SubmitOrder():
            return HttpCall("POST", "/orders", body=encode_ticket(command.ticket))
        case CancelOrder():
            return HttpCall("DELETE", f"/orders/{_quoted(command.broker_order_id)}")
        case ReplaceOrder():
            return HttpCall(
                "PATCH", f"/orders/{_quoted(command.broker_order_id)}", body=encode_replace(command)
            )
        case QueryOrder():
            if command.broker_order_id is not None:
                return HttpCall("GET", f"/orders/{_quoted(command.broker_order_id)}", {"nested": "true"})
            return HttpCall("GET", "/orders:by_client_order_id", {"client_order_id": command.client_order_id})
        case FetchOrders():
            query = {
                "status": command.scope.value,
                "limit": str(ORDERS_PAGE),
                "nested": "true",
                "direction": "desc",
            }
            return HttpCall("GET", "/orders", query | _range(command.after, command.until))
        case FetchAccount():
            return HttpCall("GET", "/account")
        case FetchPositions():
            return HttpCall("GET", "/positions")
        case FetchAsset():
            return HttpCall("GET", f"/assets/{_quoted(command.symbol.replace('/', ''))}")
        case FetchActivities():
            query = {"direction": "asc", "page_size": str(ACTIVITIES_PAGE)} | _range(command.after, None)
            return HttpCall("GET", "/account/activities/FILL", query | _page(command.page_token))
        case FetchBars():
            return _bars_request(command, feed)
        case _:
            assert_never(command)


def _bars_request(command: FetchBars, feed: str) -> HttpCall:
    query = {
        "symbols": command.symbol,
        "timeframe": "1Min",
        "start": instant_text(command.start),
        "end": instant_text(command.end),
        "limit": str(BARS_PAGE),
        "sort": "asc",
    } | _page(command.page_token)
    if "/" in command.symbol:
        return HttpCall("GET", "/crypto/us/bars", query, version="v1beta3", is_data=True)
    return HttpCall("GET", "/stocks/bars", query | {"feed": feed, "adjustment": "raw"}, is_data=True)


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _range(after: Instant | None, until: Instant | None) -> dict[str, str]:
    given = {"after": after, "until": until}
    return {name: instant_text(instant) for name, instant in given.items() if instant is not None}


def _page(token: str | None) -> dict[str, str]:
    return {} if token is None else {"page_token": token}


def endpoint_of(call: HttpCall) -> str:
    """Where from, for notes: method and path without what identifies an order."""
    path = call.path
    for stem in ("/orders/", "/assets/"):
        if path.startswith(stem):
            path = stem + "*"
    return f"{call.method} /{call.version}{path}"


# ---------------------------------------------------------------- answers


def result_of(
    command: BrokerCall, answer: HttpAnswer, answered_at: Instant, notes: Notes, pairs: Pairs = NO_PAIRS
) -> CallResult:
    """What an answer means for its command; what was cut, unknown or unreadable goes to `notes`."""
    if not 200 <= answer.status < 300:
        return classify_error(
            answer.status,
            answer.body,
            is_submit=isinstance(command, SubmitOrder),
            retry_after_text=answer.headers.get("Retry-After"),
        )
    if isinstance(command, CancelOrder):
        return Done()
    value = parse_json(answer.body)
    result = value if isinstance(value, Problem) else _read(command, value, answered_at, notes, pairs)
    if isinstance(result, Problem):
        notes.append(result.text)
        return Doubtful(DoubtCause.BAD_BODY, result.text)
    return result


def _read(
    command: BrokerCall, value: object, answered_at: Instant, notes: Notes, pairs: Pairs
) -> CallResult | Problem:
    match command:
        case SubmitOrder():
            return _order(
                value, notes, pairs, lambda report: _is_named(report, command.ticket.client_order_id)
            )
        case ReplaceOrder():
            return _order(value, notes, pairs, lambda report: _is_named(report, command.new_client_order_id))
        case QueryOrder():
            return _order(value, notes, pairs, lambda report: _is_asked(report, command))
        case FetchOrders():
            orders = decode_orders(value, notes, pairs)
            return orders if isinstance(orders, Problem) else OrderRows(orders, len(orders) < ORDERS_PAGE)
        case FetchAccount():
            account = decode_account(value, notes)
            return account if isinstance(account, Problem) else AccountBody(account)
        case FetchPositions():
            positions = decode_positions(value, notes, pairs)
            return positions if isinstance(positions, Problem) else PositionRows(positions)
        case FetchAsset():
            return _asset(command, value, answered_at, notes, pairs)
        case FetchActivities():
            return _activities(value, notes, pairs)
        case FetchBars():
            page = decode_bars(value, command.symbol, notes)
            return page if isinstance(page, Problem) else BarRows(page.rows, page.next_page)
        case CancelOrder():
            return Done()
        case _:
            assert_never(command)


def _order(
    value: object, notes: Notes, pairs: Pairs, is_right: Callable[[OrderReport], bool]
) -> CallResult | Problem:
    report = decode_order(value, notes, pairs)
    if isinstance(report, Problem):
        return report
    if not is_right(report):
        return Problem(f"order: the answer is about another order ({report.client_order_id})")
    return OrderBody(report)


def _is_named(report: OrderReport, client_order_id: str) -> bool:
    return report.client_order_id == client_order_id


def _is_asked(report: OrderReport, command: QueryOrder) -> bool:
    if command.broker_order_id is not None:
        return report.broker_order_id == command.broker_order_id
    return report.client_order_id == command.client_order_id


def _asset(
    command: FetchAsset, value: object, answered_at: Instant, notes: Notes, pairs: Pairs
) -> CallResult | Problem:
    rules = decode_asset(value, answered_at, notes, pairs)
    if isinstance(rules, Problem):
        return rules
    if rules.symbol != command.symbol:
        return Problem(f"asset: the answer is about {rules.symbol}, not {command.symbol}")
    return AssetBody(rules)


def _activities(value: object, notes: Notes, pairs: Pairs) -> CallResult | Problem:
    rows = decode_activities(value, notes, pairs)
    if isinstance(rows, Problem):
        return rows
    is_full = isinstance(value, list) and len(value) >= ACTIVITIES_PAGE
    return ActivityRows(rows, rows[-1].activity_id if is_full and rows else None)


def rate_of(answer: HttpAnswer) -> RateHeaders | None:
    """The X-RateLimit headers of an answer; None where it has none of them."""
    limit, remaining, reset = (
        _whole(answer.headers.get(f"X-RateLimit-{name}")) for name in ("Limit", "Remaining", "Reset")
    )
    if limit is None and remaining is None and reset is None:
        return None
    return RateHeaders(limit, remaining, None if reset is None else Instant(reset * SECOND))


def _whole(text: str | None) -> int | None:
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 12:
        return None
    return int(text)
