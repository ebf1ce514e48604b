"""Complex orders over the wire: what POST answers, lists flat and nested, what is streamed."""

from pathlib import Path

from shell.exchange.settings import ExchangeSettings
from tests.unit.shell.exchange.faults_kit import step
from tests.unit.shell.exchange.wire_harness import listen, order, receive_json, running, within, write_bars


def test_a_bracket_from_post_to_cancel(tmp_path: Path) -> None:
    async def test() -> None:
        settings = ExchangeSettings(bars=(write_bars(tmp_path),), rate=None)
        async with running(settings) as exchange, exchange.stream("/stream") as stream:
            await listen(stream)
            step(exchange)
            rest = await exchange.rest()
            body = order(
                order_class="bracket",
                take_profit={"limit_price": "550"},
                stop_loss={"stop_price": "450", "limit_price": "449.50"},
            )
            answer = await rest.call("POST", "/v2/orders", body)
            assert answer.status == 200, answer.body
            parent = answer.json
            assert (parent["order_class"], parent["status"]) == ("bracket", "pending_new")
            take, stop = parent["legs"]
            assert [(leg["type"], leg["status"], leg["legs"]) for leg in (take, stop)] == [
                ("limit", "held", None), ("stop_limit", "held", None)
            ]  # fmt: skip
            told = [(await receive_json(stream))["data"] for _ in range(6)]
            assert [(each["event"], each["order"]["id"]) for each in told] == [
                ("pending_new", parent["id"]), ("held", take["id"]), ("held", stop["id"]),
                ("new", parent["id"]), ("fill", parent["id"]), ("new", take["id"]),
            ]  # fmt: skip
            flat = (await rest.call("GET", "/v2/orders")).json
            assert [(row["id"], row["legs"]) for row in flat] == [(take["id"], None)], "held is not open"
            (nested,) = (await rest.call("GET", "/v2/orders?nested=True")).json
            assert [leg["status"] for leg in nested["legs"]] == ["new", "held"]
            one = f"/v2/orders/{parent['id']}"
            assert (await rest.call("GET", one)).json["legs"] is None
            assert len((await rest.call("GET", one + "?nested=true")).json["legs"]) == 2
            assert (await rest.call("DELETE", f"/v2/orders/{stop['id']}")).status == 204
            assert (await rest.call("GET", "/v2/orders?nested=true")).json == []
            position = (await rest.call("GET", "/v2/positions/SPY")).json
            assert position["qty"] == position["qty_available"] == "1"

    within(test)
