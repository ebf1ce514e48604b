"""Each command's request, and what its answer means."""

import json
from typing import Any

import pytest

from kernel.commands import (
    BrokerCall,
    CancelOrder,
    FetchAccount,
    FetchActivities,
    FetchAsset,
    FetchBars,
    FetchOrders,
    FetchPositions,
    OrdersScope,
    OrderTicket,
    QueryOrder,
    ReplaceOrder,
    SubmitOrder,
)
from kernel.events import (
    ActivityRows,
    AssetBody,
    BarRows,
    BrokerRefused,
    CallResult,
    Done,
    DoubtCause,
    Doubtful,
    NotFound,
    OrderBody,
    OrderRows,
    PositionRows,
    RateLimited,
)
from kernel.reports import RateHeaders
from kernel.sides import OrderType, Purpose, Side, TimeInForce
from kernel.units import SCALE, SECOND, Instant, Quantity
from shell.alpaca.calls import ACTIVITIES_PAGE, ORDERS_PAGE, endpoint_of, rate_of, request_of, result_of
from shell.alpaca.http import HttpAnswer, HttpCall
from tests.unit.shell.alpaca.servers import NOW
from tests.unit.shell.codec.samples import order
from tests.unit.shell.codec.test_account import ACTIVITY, COIN, POSITION, STOCK

AFTER = Instant(1_791_472_224_010_802_150)
TICKET = OrderTicket(
    "mqd-1-vwap_micro-000000001", "OCGN", Side.SELL, OrderType.MARKET, TimeInForce.DAY, Quantity(SCALE),
    None, None, False, Purpose.EXIT,
)  # fmt: skip
SUBMIT = SubmitOrder(1, TICKET)


def result(command: BrokerCall, status: int, body: object, **headers: str) -> tuple[CallResult, list[str]]:
    notes: list[str] = []
    text = body if isinstance(body, str) else json.dumps(body)
    return result_of(command, HttpAnswer(status, headers, text), NOW, notes), notes


@pytest.mark.parametrize(
    ("command", "call"),
    [
        (CancelOrder(1, "a", "b-1"), HttpCall("DELETE", "/orders/b-1")),
        (CancelOrder(1, "a", "../../x?y"), HttpCall("DELETE", "/orders/..%2F..%2Fx%3Fy")),
        (QueryOrder(1, "a", None), HttpCall("GET", "/orders:by_client_order_id", {"client_order_id": "a"})),
        (QueryOrder(1, "a", "b-1"), HttpCall("GET", "/orders/b-1", {"nested": "true"})),
        (FetchAccount(1), HttpCall("GET", "/account")),
        (FetchPositions(1), HttpCall("GET", "/positions")),
        (FetchAsset(1, "BTC/USD"), HttpCall("GET", "/assets/BTCUSD")),
        (FetchAsset(1, "BRK.B"), HttpCall("GET", "/assets/BRK.B")),
        (
            FetchOrders(1, OrdersScope.ALL, AFTER, None),
            HttpCall(
                "GET",
                "/orders",
                {"status": "all", "limit": "500", "nested": "true", "direction": "desc",
                 "after": "2026-10-08T15:10:24.01080215Z"},
            ),
        ),
        (
            FetchActivities(1, AFTER, "token"),
            HttpCall(
                "GET",
                "/account/activities/FILL",
                {"direction": "asc", "page_size": "100", "after": "2026-10-08T15:10:24.01080215Z",
                 "page_token": "token"},
            ),
        ),
        (ReplaceOrder(1, "a", "b-1", "c", Quantity(SCALE), None, None),
         HttpCall("PATCH", "/orders/b-1", body={"client_order_id": "c", "qty": "1"})),
    ],
)  # fmt: skip
def test_each_command_has_its_request(command: BrokerCall, call: HttpCall) -> None:
    assert request_of(command, "iex") == call


def test_bars_come_from_the_data_host_of_their_kind() -> None:
    stock = request_of(FetchBars(1, "SPY", AFTER, AFTER, None), "sip")
    assert (stock.path, stock.version, stock.is_data) == ("/stocks/bars", "v2", True)
    assert stock.query is not None
    assert (stock.query["feed"], stock.query["timeframe"], stock.query["sort"]) == ("sip", "1Min", "asc")
    coin = request_of(FetchBars(1, "BTC/USD", AFTER, AFTER, "next"), "sip")
    assert (coin.path, coin.version) == ("/crypto/us/bars", "v1beta3")
    assert coin.query is not None
    assert coin.query["page_token"] == "next"
    assert "feed" not in coin.query


def test_an_endpoint_is_named_without_ids() -> None:
    assert endpoint_of(HttpCall("GET", "/orders/b-1")) == "GET /v2/orders/*"
    assert endpoint_of(HttpCall("GET", "/orders")) == "GET /v2/orders"


def test_an_accepted_submit_is_its_order() -> None:
    found, notes = result(SUBMIT, 200, order(status="pending_new"))
    assert isinstance(found, OrderBody)
    assert found.report.client_order_id == TICKET.client_order_id
    assert notes == []


@pytest.mark.parametrize(
    "body",
    ["", "not json", "[]", order(client_order_id="somebody-elses"), order(filled_qty=None), '{"id": "x"'],
)
def test_a_submit_whose_answer_cannot_be_believed_is_in_doubt(body: object) -> None:
    found, notes = result(SUBMIT, 200, body)
    assert isinstance(found, Doubtful)
    assert found.cause is DoubtCause.BAD_BODY
    assert notes == [found.detail]


def test_a_query_is_answered_by_the_order_that_was_asked_for() -> None:
    name, broker = str(order()["client_order_id"]), str(order()["id"])
    assert isinstance(result(QueryOrder(1, name, None), 200, order())[0], OrderBody)
    assert isinstance(result(QueryOrder(1, name, broker), 200, order())[0], OrderBody)
    assert isinstance(result(QueryOrder(1, name, "other"), 200, order())[0], Doubtful)
    assert isinstance(result(QueryOrder(1, "other", None), 200, order())[0], Doubtful)


@pytest.mark.parametrize("status", [200, 204, 207])
def test_a_cancel_that_was_taken_is_done(status: int) -> None:
    assert result(CancelOrder(1, "a", "b"), status, "")[0] == Done()


def test_not_found_is_said_of_a_query_and_refused_of_a_submit() -> None:
    body = {"code": 40410000, "message": "order not found for x"}
    assert isinstance(result(QueryOrder(1, "a", None), 404, body)[0], NotFound)
    assert isinstance(result(SUBMIT, 404, body)[0], BrokerRefused)


def test_too_many_requests_says_when() -> None:
    assert result(SUBMIT, 429, "", **{"Retry-After": "2"})[0] == RateLimited(2 * SECOND)  # type: ignore[arg-type]


def test_a_full_page_of_orders_may_not_be_all() -> None:
    command = FetchOrders(1, OrdersScope.OPEN, None, None)
    short, _ = result(command, 200, [order()] * (ORDERS_PAGE - 1))
    full, _ = result(command, 200, [order()] * ORDERS_PAGE)
    assert isinstance(short, OrderRows)
    assert isinstance(full, OrderRows)
    assert (short.complete, full.complete) == (True, False)


def test_one_unreadable_row_puts_the_list_in_doubt() -> None:
    found, notes = result(FetchOrders(1, OrdersScope.OPEN, None, None), 200, [order(), order(status=None)])
    assert isinstance(found, Doubtful)
    assert notes == ["orders[1].status: missing"]


def test_activities_page_by_their_last_id() -> None:
    command = FetchActivities(1, None, None)
    found, _ = result(command, 200, [ACTIVITY] * ACTIVITIES_PAGE)
    assert isinstance(found, ActivityRows)
    assert found.next_page == ACTIVITY["id"]
    found, _ = result(command, 200, [ACTIVITY])
    assert isinstance(found, ActivityRows)
    assert found.next_page is None


def test_positions_assets_and_bars_are_read() -> None:
    found, _ = result(FetchPositions(1), 200, [POSITION])
    assert isinstance(found, PositionRows)
    asset, _ = result(FetchAsset(1, "BTC/USD"), 200, COIN)
    assert isinstance(asset, AssetBody)
    assert asset.rules.as_of == NOW
    assert isinstance(result(FetchAsset(1, "SPY"), 200, STOCK)[0], Doubtful)
    row = '{"t":"2022-04-11T08:00:00Z","o":168.99,"h":169.81,"l":168.99,"c":169,"v":1e-9}'
    bars, _ = result(
        FetchBars(1, "SPY", AFTER, AFTER, None), 200, f'{{"bars":{{"SPY":[{row}]}},"next_page_token":"n"}}'
    )
    assert isinstance(bars, BarRows)
    assert (bars.rows[0].open, bars.rows[0].volume, bars.next_page) == (168_990_000_000, 1, "n")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"X-RateLimit-Limit": "200", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1791472224"},
         RateHeaders(200, 0, Instant(1_791_472_224 * SECOND))),
        ({"X-RateLimit-Remaining": "7", "X-RateLimit-Reset": "soon"}, RateHeaders(None, 7, None)),
        ({"X-RateLimit-Limit": "-1"}, None),
    ],
)  # fmt: skip
def test_rate_headers_are_read_where_they_are(headers: dict[str, Any], expected: RateHeaders | None) -> None:
    assert rate_of(HttpAnswer(200, headers, "")) == expected
