"""Orders, positions, account over REST: shapes as recorded, Alpaca's refusals, odd bodies."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from shell.exchange.settings import ExchangeSettings
from tests.unit.shell.exchange.wire_harness import Rest, order, running, within, write_bars

DATA = Path(os.environ.get("MQD_SHARED_DATA", Path(__file__).resolve().parents[5] / "shared" / "data"))
SUB_PENNY = "invalid limit_price {}. sub-penny increment does not fulfill minimum pricing criteria"


def settings(tmp_path: Path, **fields: object) -> ExchangeSettings:
    """Lock-step without a participant; `begin` moves it to the first quote."""
    made: dict[str, object] = {"bars": (write_bars(tmp_path),), "rate": None, **fields}
    return ExchangeSettings(**made)  # type: ignore[arg-type]


def begin(exchange: Any) -> None:
    """Step to the first quote of the session."""
    driver = exchange.served.exchange.driver
    instant = driver.next_instant()
    assert instant is not None
    driver.step(instant)


def recorded(kind: str) -> list[dict[str, Any]]:
    """The payloads of one kind that were recorded at the real broker."""
    path = DATA / "alpaca_payloads" / f"{kind}.jsonl"
    if not path.exists():
        pytest.skip(f"no recorded payloads beside the repository ({kind}.jsonl)")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line["payload"] for line in lines if str(line["provenance"]).startswith("recorded-")]


async def refused(rest: Rest, body: object) -> tuple[int, Any]:
    answer = await rest.call("POST", "/v2/orders", body)
    return answer.status, answer.json


def test_a_post_answers_pending_new_and_the_order_is_found_by_both_ids(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange:
            begin(exchange)
            rest = await exchange.rest()
            placed = (await rest.call("POST", "/v2/orders", order(client_order_id="a/b+c&d"))).json
            assert (placed["status"], placed["filled_qty"]) == ("pending_new", "0")
            assert placed["submitted_at"] == placed["created_at"]
            by_id = (await rest.call("GET", f"/v2/orders/{placed['id']}")).json
            target = "/v2/orders:by_client_order_id?client_order_id=a%2Fb%2Bc%26d"
            assert (await rest.call("GET", target)).json == by_id
            assert by_id["status"] == "filled"
            assert by_id["filled_at"].startswith("2024-03-13T13:30:00")
            assert (await rest.call("GET", "/v2/orders:by_client_order_id?client_order_id=x")).status == 404

    within(test)


def test_an_order_has_the_fields_of_recorded_ones(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange:
            begin(exchange)
            rest = await exchange.rest()
            placed = (await rest.call("POST", "/v2/orders", order())).json
            for sample in recorded("orders"):
                assert set(placed) == set(sample)
                same = {name for name, value in placed.items() if type(value) is type(sample[name])}
                assert set(placed) - same <= {
                    name for name in placed if placed[name] is None or sample[name] is None
                }

    within(test)


@pytest.mark.parametrize(
    ("kind", "target"),
    [("positions", "/v2/positions/SPY"), ("accounts", "/v2/account"), ("clock", "/v2/clock")],
)
def test_other_objects_have_the_fields_of_recorded_ones(tmp_path: Path, kind: str, target: str) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange:
            begin(exchange)
            rest = await exchange.rest()
            await rest.call("POST", "/v2/orders", order())
            shown = (await rest.call("GET", target)).json
            for sample in recorded(kind):
                assert set(shown) == set(sample)
                assert [type(shown[name]) for name in sorted(shown)] == [
                    type(sample[name]) for name in sorted(sample)
                ]

    within(test)


def test_activities_and_assets_have_the_fields_of_recorded_ones(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange:
            begin(exchange)
            rest = await exchange.rest()
            await rest.call("POST", "/v2/orders", order())
            row = (await rest.call("GET", "/v2/account/activities/FILL")).json[0]
            assert all(set(row) == set(sample) for sample in recorded("activities"))
            assert row["id"].startswith("20240313093000")
            asset = (await rest.call("GET", "/v2/assets/SPY")).json
            assert all(set(asset) == set(sample) for sample in recorded("assets"))

    within(test)


def test_equal_numbers_in_every_form_make_equal_orders(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange:
            rest = await exchange.rest()
            shown = []
            for quantity in (b'"1"', b"1", b"1.0", b"1e0", b'"1.000000000"', b"10E-1", b"1.0000000000000004"):
                body = (
                    b'{"symbol":"SPY","qty":%s,"side":"buy","type":"limit","limit_price":2.5,'
                    b'"time_in_force":"gtc","extended_hours":false}' % quantity
                )
                placed = (await rest.call("POST", "/v2/orders", body)).json
                shown.append((placed["qty"], placed["limit_price"]))
            assert shown == [("1", "2.5")] * 7

    within(test)


@pytest.mark.parametrize(
    "body",
    [b"", b"nonsense", b"[]", b'"x"', b"{", b"[" * 60_000, b'{"qty":NaN}', b'{"qty":Infinity}', b"\xff\xfe"],
)
def test_a_body_that_is_no_object_is_400(tmp_path: Path, body: bytes) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange:
            rest = await exchange.rest()
            assert await refused(rest, body) == (
                400,
                {"code": 40010000, "message": "request body format is invalid"},
            )

    within(test)


@pytest.mark.parametrize(
    ("fields", "status", "code", "message"),
    [
        ({"qty": "0"}, 422, 40010001, "qty must be > 0"),
        ({"qty": "-1"}, 422, 40010001, "qty must be > 0"),
        ({"qty": None}, 422, 40010001, "qty or notional is required"),
        ({"notional": "5"}, 422, 40010001, "only one of qty or notional is accepted"),
        ({"qty": "many"}, 422, 40010001, "invalid qty"),
        ({"qty": [1]}, 422, 40010001, "invalid qty"),
        ({"qty": True}, 422, 40010001, "invalid qty"),
        ({"qty": "1e999999999"}, 422, 40010001, "invalid qty"),
        ({"symbol": "NOPE"}, 422, 42210000, 'asset "NOPE" not found'),
        ({"symbol": 5}, 422, 40010001, "invalid symbol"),
        ({"time_in_force": "never"}, 422, 40010001, "invalid time_in_force"),
        ({"type": "limit"}, 422, 40010001, "limit orders require a limit price"),
        ({"extended_hours": "maybe"}, 422, 40010001, "invalid extended_hours"),
        (
            {"client_order_id": "x" * 129},
            422,
            40010001,
            "client_order_id must be no more than 128 characters",
        ),
        (
            {"type": "limit", "limit_price": "290.123"},
            422,
            42210000,
            SUB_PENNY.format("290.123"),
        ),
        (
            {"type": "limit", "limit_price": "100.10000000000001"},
            422,
            42210000,
            SUB_PENNY.format("100.10000000000001"),
        ),
    ],
)
def test_refusals_in_alpacas_words(
    tmp_path: Path, fields: dict[str, object], status: int, code: int, message: str
) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange:
            begin(exchange)
            rest = await exchange.rest()
            assert await refused(rest, order(**fields)) == (status, {"code": code, "message": message})
            assert (await rest.call("GET", "/v2/orders?status=all")).json == []

    within(test)


def test_refusals_with_further_fields(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange:
            begin(exchange)
            rest = await exchange.rest()
            status, body = await refused(rest, order(qty="100000"))
            assert (status, body["code"], body["message"]) == (403, 40310000, "insufficient buying power")
            assert {"buying_power", "cost_basis"} < set(body)
            await rest.call("POST", "/v2/orders", order(qty="2"))
            held = (
                await rest.call(
                    "POST", "/v2/orders", order(side="sell", qty="2", type="limit", limit_price="900")
                )
            ).json
            status, body = await refused(rest, order(side="sell", qty="1"))
            assert (status, body["related_orders"]) == (403, [held["id"]])
            assert (body["available"], body["existing_qty"], body["held_for_orders"]) == ("0", "2", "2")

    within(test)


def test_bulk_answers_are_207_with_an_item_each(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange:
            begin(exchange)
            rest = await exchange.rest()
            assert (await rest.call("DELETE", "/v2/orders")).json == []
            resting = order(type="limit", limit_price="1.00", time_in_force="gtc")
            placed = (await rest.call("POST", "/v2/orders", resting)).json
            canceled = await rest.call("DELETE", "/v2/orders")
            assert (canceled.status, canceled.json) == (207, [{"id": placed["id"], "status": 200}])
            await rest.call("POST", "/v2/orders", order(qty="2"))
            closed = await rest.call("DELETE", "/v2/positions?cancel_orders=True")
            assert closed.status == 207
            assert [(item["symbol"], item["status"], item["body"]["side"]) for item in closed.json] == [
                ("SPY", 200, "sell")
            ]
            assert (await rest.call("GET", "/v2/positions")).json == []

    within(test)


def test_cancel_is_204_without_a_body_and_closing_in_parts(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange:
            begin(exchange)
            rest = await exchange.rest()
            resting = order(type="limit", limit_price="1.00", time_in_force="gtc")
            placed = (await rest.call("POST", "/v2/orders", resting)).json
            gone = await rest.call("DELETE", f"/v2/orders/{placed['id']}")
            assert (gone.status, gone.body) == (204, b"")
            assert "content-length" not in gone.headers
            await rest.call("POST", "/v2/orders", order(qty="4"))
            half = await rest.call("DELETE", "/v2/positions/SPY?percentage=50")
            assert (half.status, half.json["qty"], half.json["side"]) == (200, "2", "sell")
            both = await rest.call("DELETE", "/v2/positions/SPY?percentage=50&qty=1")
            assert both.status == 422
            assert (await rest.call("DELETE", "/v2/positions/SPY?percentage=101")).status == 422
            assert (await rest.call("GET", "/v2/positions/NOPE")).status == 404

    within(test)


def test_lists_are_filtered_bounded_and_ordered(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange:
            begin(exchange)
            rest = await exchange.rest()
            for number in range(3):
                body = order(
                    type="limit", limit_price="1.00", time_in_force="gtc", client_order_id=f"o{number}"
                )
                await rest.call("POST", "/v2/orders", body)

            async def ids(query: str) -> list[str]:
                return [
                    each["client_order_id"] for each in (await rest.call("GET", f"/v2/orders{query}")).json
                ]

            assert await ids("") == ["o2", "o1", "o0"]
            assert await ids("?direction=asc&limit=2") == ["o0", "o1"]
            assert await ids("?symbols=QQQ,SPY&side=buy&nested=True&status=open") == ["o2", "o1", "o0"]
            assert await ids("?status=closed") == []
            assert await ids("?after=2030-01-01T00%3A00%3A00%2B00%3A00") == []
            for bad in ("?limit=0", "?limit=501", "?limit=x", "?status=new", "?direction=up", "?after=soon"):
                assert (await rest.call("GET", f"/v2/orders{bad}")).status == 422

    within(test)


def test_crypto_pairs_with_a_slash_in_path_and_body(tmp_path: Path) -> None:
    async def test() -> None:
        path = write_bars(tmp_path, name="ETHUSD", price="2000.00")
        async with running(settings(tmp_path, bars=(path,))) as exchange:
            begin(exchange)
            rest = await exchange.rest()
            body = order(symbol="ETH/USD", qty="0.5", time_in_force="gtc")
            assert (await rest.call("POST", "/v2/orders", body)).json["symbol"] == "ETH/USD"
            assert (await rest.call("GET", "/v2/assets/ETH/USD")).json["class"] == "crypto"
            for name in ("ETHUSD", "ETH/USD", "ETH%2FUSD"):
                position = (await rest.call("GET", f"/v2/positions/{name}")).json
                assert (position["symbol"], position["qty"]) == ("ETHUSD", "0.49875")
            closed = await rest.call("DELETE", "/v2/positions/ETH/USD")
            assert (closed.status, closed.json["qty"]) == (200, "0.49875")
            books = (await rest.call("GET", "/sim/books")).json
            assert books["positions"] == {}
            assert [each["symbol"] for each in books["executions"]] == ["ETH/USD", "ETH/USD"]

    within(test)


def test_books_agree_with_the_orders_and_are_exact(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange:
            begin(exchange)
            rest = await exchange.rest()
            placed = (await rest.call("POST", "/v2/orders", order(qty="3", client_order_id="mine"))).json
            books = Rest(await exchange.connect(), {})
            shown = (await books.call("GET", "/sim/books")).json
            execution = shown["executions"][0]
            assert (execution["order_id"], execution["client_order_id"]) == (placed["id"], "mine")
            assert shown["orders"][0]["filled_qty"] == shown["positions"]["SPY"] == "3"
            spent = float(execution["price"]) * 3
            assert float(shown["starting_cash"]) - float(shown["cash"]) == pytest.approx(spent, abs=1e-9)

    within(test)
