"""Every status that Alpaca knows is reached on the exchange, by ordinary behavior or by a fault."""

from pathlib import Path

import pytest

from kernel.reports import BrokerStatus
from shell.exchange.venue.backoffice import RESTING_STATUSES
from shell.exchange.venue.model import (
    OPEN_STATUSES,
    TERMINAL_STATUSES,
    ReplaceRequest,
    StopLoss,
    TakeProfit,
    Update,
)
from tests.unit.shell.exchange.faults_kit import step
from tests.unit.shell.exchange.test_faults_rest import exchange_with
from tests.unit.shell.exchange.test_faults_streams import frames
from tests.unit.shell.exchange.test_faults_venue import Wicked
from tests.unit.shell.exchange.venue_kit import CLOSE, DAY, OPEN, SECOND, Desk, d
from tests.unit.shell.exchange.wire_harness import Running, listen, order


def ordinary_day() -> list[Update]:
    """A day and a night of a venue with latencies, from before the open."""
    desk = Desk(now=OPEN - SECOND, cancel_latency=SECOND, replace_latency=SECOND)
    early = desk.buy("SPY", "1", "limit", limit="90")
    desk.at(OPEN + SECOND)
    desk.quote("SPY", "100.00", "100.02", ask_size="5")
    desk.buy("SPY", "8", "limit", limit="100.02")
    desk.buy("SPY", "5", "limit", limit="91", time_in_force="gtc")
    changed = desk.buy("SPY", "5", "limit", limit="92")
    exits = (TakeProfit(d("120")), StopLoss(d("80"), None))
    desk.buy("SPY", "1", "limit", limit="95", order_class="bracket", take_profit=exits[0], stop_loss=exits[1])
    desk.venue.replace(changed, ReplaceRequest(limit_price=d("93")), desk.now)
    desk.venue.cancel(early, desk.now)
    desk.at(desk.now + 2 * SECOND)
    desk.quote("SPY", "100.00", "100.02")
    desk.at(CLOSE + DAY)
    return desk.updates()


def test_all_statuses_are_reached_and_each_is_known() -> None:
    seen = {update.order.status for update in ordinary_day()}
    for word in RESTING_STATUSES:
        desk = Wicked(replace_rejected=1.0)
        order_id = desk.buy("SPY", "1", "limit", limit="90")
        desk.venue.replace(order_id, ReplaceRequest(limit_price=d("91")), desk.now)
        assert desk.venue.back_office.halt("SPY", desk.now, word)
        desk.quote("SPY", "80.00", "80.02")
        assert desk.status(order_id) == word, "it does not execute meanwhile"
        assert desk.venue.back_office.resume("SPY", desk.now)
        seen |= {update.order.status for update in desk.updates()}
        assert desk.status(order_id) == "new"
        desk.quote("SPY", "80.00", "80.02")
        assert desk.status(order_id) == "filled"
    known = {status.value for status in BrokerStatus} - {BrokerStatus.UNRECOGNIZED.value}
    assert seen == known
    assert seen == OPEN_STATUSES | TERMINAL_STATUSES


def test_an_order_is_rejected_after_its_200(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        rest = await exchange.rest()
        async with exchange.stream("/stream") as stream:
            await listen(stream)
            answer = await rest.call("POST", "/v2/orders", order(client_order_id="mine"))
            assert (answer.status, answer.json["status"]) == (200, "pending_new")
            heard = [each["data"] for each in await frames(stream)]
        assert [each["event"] for each in heard] == ["pending_new", "rejected"]
        assert heard[-1]["order"]["failed_at"] is not None
        found = (await rest.call("GET", f"/v2/orders/{answer.json['id']}")).json
        assert (found["status"], found["filled_qty"]) == ("rejected", "0")
        assert (await rest.call("GET", "/v2/account")).json["cash"] == "100000"
        refused = await rest.call("POST", "/v2/orders", order(qty="0"))
        assert refused.status == 422, "what is refused is not doomed"
        assert not exchange.served.exchange.venue._engine.tamper.dooms  # type: ignore[attr-defined]

    exchange_with(tmp_path, body, "account_refusal", "later")


@pytest.mark.parametrize("kind", ["halt", "rare_word"])
def test_a_halted_symbols_orders_rest_under_a_word_and_go_on(tmp_path: Path, kind: str) -> None:
    async def body(exchange: Running) -> None:
        rest = await exchange.rest()
        await rest.call("POST", "/v2/orders", order(type="limit", limit_price="400"))
        words = set()
        while not exchange.served.exchange.faults.is_healed:
            step(exchange)
            words |= {row["status"] for row in (await rest.call("GET", "/v2/orders")).json}
        halted = words - {"new"}
        assert halted
        assert halted <= set(RESTING_STATUSES[:1] if kind == "halt" else RESTING_STATUSES[1:])
        (row,) = (await rest.call("GET", "/v2/orders")).json
        assert row["status"] == "new", "in the end it works again"

    exchange_with(tmp_path, body, "symbol_trouble", kind)
