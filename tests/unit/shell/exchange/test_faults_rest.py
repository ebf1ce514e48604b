"""Faults of REST, one at a time, as a plain client sees them."""

import json
import random
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import h11
import pytest
import trio

from shell.exchange.faults.bodies import spoil, unknown_status
from shell.exchange.ratelimit import WINDOW_NS, RateLimiter
from tests.unit.shell.exchange.faults_kit import SECOND, counts, settings, step
from tests.unit.shell.exchange.wire_harness import Answer, Running, order, running, within

Body = Callable[[Running], Awaitable[None]]
MINE = "/v2/orders:by_client_order_id?client_order_id=mine"


def exchange_with(
    tmp_path: Path, body: Body, name: str, kind: str | None = None, rate: float = 1.0, **fields: Any
) -> None:
    """Runs a test against an exchange with one fault, in one form, after the first quote."""

    async def test() -> None:
        kinds: dict[str, tuple[str, ...]] = {} if kind is None else {name: (kind,)}
        async with running(settings(tmp_path, {name: rate}, kinds, **fields)) as exchange:
            step(exchange)
            await body(exchange)
            assert counts(exchange)[name] > 0

    within(test)


def exists(exchange: Running) -> bool:
    """Whether the venue holds the order that was sent."""
    orders = exchange.served.exchange.venue.all_orders()
    return any(each.client_order_id == "mine" for each in orders)


async def post(exchange: Running, seconds: float = 5.0, **fields: object) -> Answer | None:
    """Posts an order named mine; None when the connection was closed or nothing came in time."""
    rest = await exchange.rest()
    try:
        with trio.fail_after(seconds):
            return await rest.call("POST", "/v2/orders", order(client_order_id="mine", **fields))
    except (trio.TooSlowError, ConnectionError, trio.BrokenResourceError, h11.RemoteProtocolError):
        await trio.aclose_forcefully(rest.stream)
        return None


@pytest.mark.parametrize(
    ("name", "kind", "status", "done"),
    [
        ("lost_response", "504", 504, True),
        ("lost_response", "reset", None, True),
        ("refused_response", "504", 504, False),
        ("refused_response", "reset", None, False),
        ("server_error", "before", 5, False),
        ("server_error", "after", 5, True),
        ("rate_limited", "headers", 429, False),
        ("rate_limited", "bare", 429, False),
        ("id_collision", "exists", 422, True),
        ("id_collision", "absent", 422, False),
        ("account_refusal", "buying_power", 403, False),
        ("account_refusal", "wash_trade", 403, False),
        ("account_refusal", "short", 403, False),
        ("account_refusal", "blocked", 403, False),
        ("hang", "before", None, False),
        ("hang", "after", None, True),
    ],
)
def test_what_is_done_and_what_is_said(
    tmp_path: Path, name: str, kind: str, status: int | None, done: bool
) -> None:
    async def body(exchange: Running) -> None:
        answer = await post(exchange, 0.3 if name == "hang" else 5.0)
        assert exists(exchange) is done
        if answer is None:
            assert status is None
            return
        assert answer.status == status or answer.status // 100 == status
        assert answer.headers["x-request-id"]
        if name == "server_error":
            assert answer.headers["content-type"] == "text/html"
            assert answer.body.startswith(b"<html>")
        if name == "rate_limited":
            assert ("x-ratelimit-reset" in answer.headers) is (kind == "headers")
        if name == "id_collision":
            assert answer.json == {"code": 40010001, "message": "client_order_id must be unique"}

    exchange_with(tmp_path, body, name, kind)


def test_a_hang_ends_by_itself_too(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        assert await post(exchange, 5.0) is None

    exchange_with(tmp_path, body, "hang", options={"hang": {"for_ms": 100}})


def test_a_slow_answer_comes(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        answer = await post(exchange)
        assert answer is not None
        assert answer.status == 200

    exchange_with(tmp_path, body, "slow_response", options={"slow_response": {"ms": 20}})


@pytest.mark.parametrize("kind", ["truncated", "word", "null", "swapped", "extra"])
def test_bodies_that_are_not_what_they_should_be(tmp_path: Path, kind: str) -> None:
    async def body(exchange: Running) -> None:
        answer = await post(exchange)
        assert answer is not None
        assert answer.status == 200
        (true,) = exchange.served.exchange.venue.all_orders()
        if kind == "truncated":
            with pytest.raises(ValueError):
                json.loads(answer.body)
            return
        shown = answer.json
        if kind == "swapped":
            assert re.search(rb'"qty":1,', answer.body)
        if kind == "extra":
            assert "legacy_margin_class" in shown
        if kind == "word":
            assert set(shown.values()) & {"rejuvenated", "sideways", "whenever", "unheard_of"}
        assert shown["id"] in (true.id, None)

    exchange_with(tmp_path, body, "bad_body", kind)


def test_figures_keep_their_digits() -> None:
    rng = random.Random(0)
    body = b'{"qty":"0.100000001","price":123456789012.123456789,"name":"x","none":null}'
    swapped = spoil(body, "swapped", rng)
    assert swapped == b'{"qty":0.100000001,"price":"123456789012.123456789","name":"x","none":null}'
    assert spoil(swapped, "swapped", rng) == body
    assert spoil(b"[]", "null", rng) is None
    assert unknown_status(b'[{"a":1}]', rng) is None


def test_an_unknown_status(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        answer = await post(exchange)
        assert answer is not None
        assert answer.json["status"] in {"rejuvenated", "sideways", "whenever", "unheard_of"}

    exchange_with(tmp_path, body, "unknown_word")


def test_a_new_order_is_not_found_and_then_is(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        rest = await exchange.rest()
        await post(exchange, type="limit", limit_price="400")
        assert (await rest.call("GET", MINE)).status == 404
        assert (await rest.call("GET", "/v2/orders")).json == []
        step(exchange)
        found = await rest.call("GET", MINE)
        assert (found.status, found.json["status"]) == (200, "new")
        order_id = found.json["id"]
        await rest.call("DELETE", f"/v2/orders/{order_id}")
        assert (await rest.call("GET", f"/v2/orders/{order_id}")).json["status"] == "new"
        assert [row["id"] for row in (await rest.call("GET", "/v2/orders")).json] == [order_id]
        step(exchange)
        assert (await rest.call("GET", f"/v2/orders/{order_id}")).json["status"] == "canceled"
        assert (await rest.call("GET", "/v2/orders")).json == []

    exchange_with(tmp_path, body, "stale_snapshot", "lag")


def test_positions_and_executions_lag(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        rest = await exchange.rest()
        await post(exchange)
        for path in ("/v2/positions", "/v2/account/activities/FILL"):
            assert (await rest.call("GET", path)).json == []
        step(exchange)
        assert (await rest.call("GET", "/v2/positions")).json[0]["qty"] == "1"
        assert len((await rest.call("GET", "/v2/account/activities/FILL")).json) == 1

    exchange_with(tmp_path, body, "stale_snapshot", "lag")


def test_pages_are_cut_in_half(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        rest = await exchange.rest()
        for _ in range(6):
            await rest.call("POST", "/v2/orders", order())
        shown = (await rest.call("GET", "/v2/account/activities/FILL?direction=asc")).json
        true = [row.id for row in exchange.served.exchange.venue.executions()]
        assert sorted(row["id"] for row in shown) == sorted(true[:3])
        assert len((await rest.call("GET", "/v2/orders?status=all")).json) == 3

    exchange_with(tmp_path, body, "truncated_pages")


def test_others_spend_half_of_the_budget_at_most(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        rest = await exchange.rest()
        statuses = [(await rest.call("GET", "/v2/clock")).status for _ in range(25)]
        assert statuses == [200] * 20 + [429] * 5
        books = (await rest.call("GET", "/sim/books")).json
        assert books["requests"]["total"] == 25, "what others spend is no figure of ours"

    exchange_with(tmp_path, body, "foreign_budget", requests_per_minute=40)
    limit = RateLimiter(10)
    assert (limit.spend(3, 0), limit.spend(3, 1), limit.spend(3, 2)) == (3, 2, 0)
    assert limit.spend(3, WINDOW_NS) == 3


def test_keys_are_refused_for_a_while(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        rest = await exchange.rest()
        step(exchange, 4)
        start = exchange.served.exchange.driver.now
        assert (await rest.call("GET", "/v2/account")).status == 401
        step(exchange)
        assert (await rest.call("GET", "/v2/account")).status == 401
        step(exchange)
        assert exchange.served.exchange.driver.now - start == 20 * SECOND, "the end is an instant of its own"
        assert (await rest.call("GET", "/v2/account")).status == 200

    exchange_with(tmp_path, body, "credentials", "401")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("not_tradable", 'asset "SPY" is not tradable'),
        ("not_fractionable", 'asset "SPY" is not fractionable'),
        ("not_shortable", 'asset "SPY" cannot be sold short'),
    ],
)
def test_rules_of_a_symbol_change_for_a_while(tmp_path: Path, kind: str, text: str) -> None:
    async def body(exchange: Running) -> None:
        rest = await exchange.rest()
        step(exchange, 4)
        fields = {"qty": "0.5"} if kind == "not_fractionable" else {"qty": "1"}
        side = "sell" if kind == "not_shortable" else "buy"
        refused = await rest.call("POST", "/v2/orders", order(side=side, **fields))
        assert (refused.status // 100, refused.json["message"]) == (4, text)
        step(exchange, 3)
        assert (await rest.call("POST", "/v2/orders", order(side=side, **fields))).status == 200

    exchange_with(tmp_path, body, "symbol_trouble", kind)


def test_another_client_trades_and_another_rests(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        rest = await exchange.rest()
        step(exchange, 4)
        (position,) = (await rest.call("GET", "/v2/positions")).json
        assert position["qty"] == "1"
        books = (await rest.call("GET", "/sim/books")).json
        assert books["executions"][0]["client_order_id"] == "web-000001"

    exchange_with(tmp_path, body, "manual_trade", "streamed")

    async def orphan(exchange: Running) -> None:
        rest = await exchange.rest()
        step(exchange, 4)
        (found,) = (await rest.call("GET", "/v2/orders")).json
        assert (found["client_order_id"], found["status"]) == ("web-000001", "new")
        while not exchange.served.exchange.faults.is_healed:
            step(exchange)
        assert (await rest.call("GET", "/v2/orders")).json == [], "its owner cancels it in the end"

    exchange_with(tmp_path, orphan, "orphan_order")
    exchange_with(tmp_path, _transferred, "manual_trade", "transfer")


async def _transferred(exchange: Running) -> None:
    step(exchange, 4)
    books = (await (await exchange.rest()).call("GET", "/sim/books")).json
    assert (books["positions"], books["orders"], books["cash"]) == ({"SPY": "1"}, [], "100000")


def test_after_the_last_bar_nothing_fires_and_nothing_is_stuck(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        rest = await exchange.rest()
        await rest.call("POST", "/v2/orders", order(type="limit", limit_price="400"))
        (stuck,) = exchange.served.exchange.venue.all_orders()
        assert (await rest.call("DELETE", f"/v2/orders/{stuck.id}")).status == 204
        while not exchange.served.exchange.faults.is_healed:
            assert stuck.status == "pending_cancel"
            step(exchange)
        assert exchange.served.exchange.market.next_instant() is None
        assert stuck.status in ("canceled", "new"), "at the instant of the last bar"
        happened = counts(exchange)["stuck_cancel"]
        assert (await rest.call("POST", "/v2/orders", order(type="limit", limit_price="400"))).status == 200
        await rest.call("DELETE", "/v2/orders")
        assert not any(each.is_open for each in exchange.served.exchange.venue.all_orders())
        assert counts(exchange)["stuck_cancel"] == happened

    exchange_with(tmp_path, body, "stuck_cancel")


def test_a_plan_may_do_without_healing(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        while not exchange.served.exchange.driver.ended:
            step(exchange)
        assert not exchange.served.exchange.faults.is_healed
        answer = await (await exchange.rest()).call("GET", "/v2/clock")
        assert answer.status == 429

    exchange_with(tmp_path, body, "rate_limited", heal=False)
