"""What the faults about orders leave behind is one truth: stream, REST and /sim/books agree on it."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kernel.ids import OrderKey, client_order_id, parse_client_order_id
from shell.exchange.faults.stale import HISTORY_MAX, Past
from tests.unit.shell.exchange.faults_kit import settings, step
from tests.unit.shell.exchange.test_faults_rest import exchange_with
from tests.unit.shell.exchange.test_faults_streams import frames
from tests.unit.shell.exchange.venue_kit import Desk
from tests.unit.shell.exchange.wire_harness import Rest, Running, listen, order, running, within

NAME = client_order_id("mqd", OrderKey(1, "vwap", 1))
MINE = f"/v2/orders:by_client_order_id?client_order_id={NAME}"
MINUTES_QUIET = 40


async def post(rest: Rest, **fields: object) -> Any:
    """Our order, which the exchange takes."""
    answer = await rest.call("POST", "/v2/orders", order(client_order_id=NAME, **fields))
    assert answer.status == 200
    return answer.json


# ---------------------------------------------------------------- stale_snapshot


def test_a_stuck_replica_is_behind_long_after_the_market_fell_quiet(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        rest = await exchange.rest()
        await post(rest)
        exchange.served.exchange.driver.step(exchange.served.exchange.driver.now + 59 * 10**9)
        seen = [await rest.call("GET", MINE) for _ in range(MINUTES_QUIET)]
        statuses = {(answer.status, answer.json.get("status")) for answer in seen}
        assert statuses == {(404, None), (200, "pending_new"), (200, "new")}, "any moment of its past"
        exchange.served.exchange.driver.step(exchange.served.exchange.driver.now + 60 * 10**9)
        assert (await rest.call("GET", MINE)).json["status"] == "filled", "too long ago to be missed"

    exchange_with(tmp_path, body, "stale_snapshot", "stuck", minutes=30)


def test_a_list_of_closed_orders_lacks_those_that_were_open_then(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        rest = await exchange.rest()
        made = await post(rest, type="limit", limit_price="400")
        step(exchange)
        await rest.call("DELETE", f"/v2/orders/{made['id']}")
        assert (await rest.call("GET", "/v2/orders?status=closed")).json == []
        step(exchange)
        (row,) = (await rest.call("GET", "/v2/orders?status=closed")).json
        assert row["status"] == "canceled"

    exchange_with(tmp_path, body, "stale_snapshot", "lag")


def test_an_old_order_is_found_also_when_its_first_versions_are_forgotten() -> None:
    desk = Desk()
    desk.quote("SPY", "100.00", "100.02", ask_size="1")
    order_id = desk.buy("SPY", "50")
    long_ago = desk.now
    past = Past(desk.venue)
    for _ in range(2 * HISTORY_MAX):
        desk.at(desk.now + 10**9)
        desk.quote("SPY", "100.00", "100.02", ask_size="1")
        past.learn(desk.updates())
    assert past.as_of(order_id, long_ago - 1) is None
    found = past.as_of(order_id, desk.venue.order(order_id).created_at)
    assert found is not None
    assert found.filled_quantity < desk.venue.order(order_id).filled_quantity


# ---------------------------------------------------------------- shadow, orphan, manual


def test_a_vanished_order_is_nowhere_and_holds_nothing(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        rest = await exchange.rest()
        async with exchange.stream("/stream") as stream:
            await listen(stream)
            power = (await rest.call("GET", "/v2/account")).json["buying_power"]
            made = await post(rest, type="limit", limit_price="400", qty="5")
            assert (await rest.call("GET", "/v2/account")).json["buying_power"] != power
            step(exchange, 6)
            assert [each["data"]["event"] for each in await frames(stream)] == ["pending_new", "new"]
        for path in (f"/v2/orders/{made['id']}", MINE):
            assert (await rest.call("GET", path)).status == 404
        for status in ("open", "closed", "all"):
            assert (await rest.call("GET", f"/v2/orders?status={status}&nested=true")).json == []
        assert (await rest.call("DELETE", f"/v2/orders/{made['id']}")).status == 404
        assert (await rest.call("GET", "/v2/account")).json["buying_power"] == power
        books = (await rest.call("GET", "/sim/books")).json
        assert (books["vanished"], books["orders"], books["positions"]) == ([NAME], [], {})
        again = await rest.call("POST", "/v2/orders", order(client_order_id=NAME))
        assert again.status == 422, "its name stays taken"

    exchange_with(tmp_path, body, "shadow_order")


@pytest.mark.parametrize("kind", ["streamed", "unstreamed"])
def test_a_manual_trade_is_another_clients_order_in_every_list(tmp_path: Path, kind: str) -> None:
    async def body(exchange: Running) -> None:
        rest = await exchange.rest()
        async with exchange.stream("/stream") as stream:
            await listen(stream)
            step(exchange, 4)
            heard = [each["data"] for each in await frames(stream)]
        (row,) = (await rest.call("GET", "/v2/account/activities/FILL")).json
        (made,) = (await rest.call("GET", "/v2/orders?status=all")).json
        assert made["client_order_id"] == "web-000001"
        assert parse_client_order_id("web", made["client_order_id"]) is None
        assert (row["order_id"], row["qty"], made["status"]) == (made["id"], "1", "filled")
        (position,) = (await rest.call("GET", "/v2/positions")).json
        assert (position["symbol"], position["qty"]) == ("SPY", "1")
        account = (await rest.call("GET", "/v2/account")).json
        books = (await rest.call("GET", "/sim/books")).json
        assert Decimal(books["cash"]) == 100_000 - Decimal(row["price"])
        assert abs(Decimal(account["cash"]) - Decimal(books["cash"])) < Decimal("0.01")
        assert [each["order_id"] for each in books["executions"]] == [made["id"]]
        names = [each["order"]["client_order_id"] for each in heard]
        assert set(names) == ({"web-000001"} if kind == "streamed" else set())
        if kind == "streamed":
            assert [each["event"] for each in heard] == ["pending_new", "new", "fill"]

    exchange_with(tmp_path, body, "manual_trade", kind)


def test_an_orphan_by_a_name_like_ours_is_of_another_start(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        rest = await exchange.rest()
        await post(rest, type="limit", limit_price="400")
        async with exchange.stream("/stream") as stream:
            await listen(stream)
            step(exchange, 4)
            heard = [each["data"]["order"]["client_order_id"] for each in await frames(stream)]
        (orphan,) = (r for r in (await rest.call("GET", "/v2/orders")).json if r["client_order_id"] != NAME)
        key = parse_client_order_id("mqd", orphan["client_order_id"])
        assert key == OrderKey(1_001, "vwap", 1)
        assert heard == [orphan["client_order_id"]] * 2
        while not exchange.served.exchange.faults.is_healed:
            step(exchange)
        assert (await rest.call("GET", f"/v2/orders/{orphan['id']}")).json["status"] == "canceled"

    exchange_with(tmp_path, body, "orphan_order", "ours")


def test_before_we_have_named_an_order_an_orphan_is_a_foreign_one(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        step(exchange, 4)
        (found,) = (await (await exchange.rest()).call("GET", "/v2/orders")).json
        assert found["client_order_id"] == "web-000001"

    exchange_with(tmp_path, body, "orphan_order", "ours")


# ---------------------------------------------------------------- replace


async def replaced(exchange: Running) -> tuple[Any, Any, list[Any]]:
    """A resting order, replaced: the answers, and what the stream said after the PATCH."""
    rest = await exchange.rest()
    async with exchange.stream("/stream") as stream:
        await listen(stream)
        old = await post(rest, type="limit", limit_price="400", qty="2")
        await frames(stream)
        changed = await rest.call("PATCH", f"/v2/orders/{old['id']}", {"qty": "3", "client_order_id": "b"})
        assert changed.status == 200, "it is taken, whatever becomes of it"
        step(exchange)
        return old, changed.json, [each["data"] for each in await frames(stream)]


def told(heard: list[Any], order_id: str) -> list[str]:
    """The events of one order, without the prices of the market."""
    return [each["event"] for each in heard if each["order"]["id"] == order_id]


def test_the_old_order_fills_and_its_replacement_is_rejected(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        old, new, heard = await replaced(exchange)
        assert (new["replaces"], new["client_order_id"], new["status"]) == (old["id"], "b", "pending_new")
        assert told(heard, old["id"]) == ["pending_replace", "fill"]
        assert told(heard, new["id"]) == ["pending_new", "rejected"]
        rest = await exchange.rest()
        first = (await rest.call("GET", f"/v2/orders/{old['id']}")).json
        assert (first["status"], first["filled_qty"], first["replaced_by"]) == ("filled", "2", None)
        second = (await rest.call("GET", f"/v2/orders/{new['id']}")).json
        assert (second["status"], second["filled_qty"]) == ("rejected", "0")
        assert second["failed_at"] is not None

    exchange_with(tmp_path, body, "replace_race")


def test_a_replace_is_rejected_after_its_200_and_the_old_order_lives_on(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        old, new, heard = await replaced(exchange)
        assert told(heard, old["id"]) == ["pending_replace", "order_replace_rejected"]
        assert told(heard, new["id"]) == ["pending_new", "rejected"]
        rest = await exchange.rest()
        (row,) = (await rest.call("GET", "/v2/orders")).json
        assert (row["id"], row["status"], row["qty"], row["replaced_by"]) == (old["id"], "new", "2", None)

    exchange_with(tmp_path, body, "replace_rejected")


def test_a_replace_that_is_granted_makes_a_chain(tmp_path: Path) -> None:
    async def body() -> None:
        async with running(settings(tmp_path, {})) as exchange:
            step(exchange)
            await check(exchange)

    async def check(exchange: Running) -> None:
        old, new, heard = await replaced(exchange)
        (gone,) = [each["order"] for each in heard if each["event"] == "replaced"]
        assert (gone["id"], gone["replaced_by"]) == (old["id"], new["id"])
        rest = await exchange.rest()
        (row,) = (await rest.call("GET", "/v2/orders")).json
        assert (row["id"], row["replaces"], row["qty"], row["status"]) == (new["id"], old["id"], "3", "new")
        first = (await rest.call("GET", f"/v2/orders/{old['id']}")).json
        assert (first["status"], first["replaced_by"]) == ("replaced", new["id"])
        assert first["replaced_at"] is not None

    within(body)
