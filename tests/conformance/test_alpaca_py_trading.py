"""The unmodified alpaca-py TradingClient against the exchange, each in a process of its own."""

from typing import Any

import pytest

from tests.conformance.exchange_process import exchange, run_script

PRELUDE = """
import json, sys, time
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import *
from alpaca.trading.requests import *
client = TradingClient("key", "secret", url_override=sys.argv[1])
def wait_for_quote():
    for _ in range(100):
        try:
            return client.submit_order(MarketOrderRequest(
                symbol="SPY", qty=2, side="buy", time_in_force="day", client_order_id="first"))
        except APIError as error:
            time.sleep(0.05)
def refusal(call):
    try:
        call()
    except APIError as error:
        return [error.status_code, error.code, error.message]
    return None
"""


def run(script: str, *options: str) -> Any:
    """The script's last line, against an exchange that runs a minute in a second."""
    with exchange("--speed", "60", *options) as url:
        return run_script(PRELUDE + script, url)


def test_submit_get_list_and_duplicate() -> None:
    seen = run("""
client.get_clock(); time.sleep(0.2)
order = wait_for_quote()
by_id = client.get_order_by_id(order.id)
by_client_id = client.get_order_by_client_id("first")
listed = client.get_orders(GetOrdersRequest(status="all", limit=10, nested=True, symbols=["SPY"]))
double = refusal(lambda: client.submit_order(MarketOrderRequest(
    symbol="SPY", qty=1, side="buy", time_in_force="day", client_order_id="first")))
print(json.dumps([order.status, str(order.id) == str(by_id.id) == str(by_client_id.id), by_id.status,
    by_id.filled_qty, [str(each.client_order_id) for each in listed], double]))
""")
    assert seen == [
        "pending_new",
        True,
        "filled",
        "2",
        ["first"],
        [422, 40010001, "client_order_id must be unique"],
    ]


def test_replace_and_cancel() -> None:
    seen = run("""
limit = client.submit_order(
    LimitOrderRequest(symbol="SPY", qty=3, side="buy", time_in_force="gtc", limit_price=10.5))
for _ in range(100):
    if client.get_order_by_id(limit.id).status == OrderStatus.NEW: break
    time.sleep(0.05)
changed = client.replace_order_by_id(
    limit.id, ReplaceOrderRequest(qty=2, limit_price=10.25, client_order_id="second"))
old = client.get_order_by_id(limit.id)
new = client.get_order_by_id(changed.id)
nothing = client.cancel_order_by_id(changed.id)
canceled = client.get_order_by_id(changed.id)
again = refusal(lambda: client.cancel_order_by_id(changed.id))
unknown = refusal(lambda: client.get_order_by_id("11111111-2222-4333-8444-555555555555"))
for price in (11, 12):
    client.submit_order(
        LimitOrderRequest(symbol="SPY", qty=1, side="buy", time_in_force="gtc", limit_price=price))
all_canceled = client.cancel_orders()
print(json.dumps([old.status, str(old.replaced_by) == str(new.id), str(new.replaces) == str(old.id), new.qty,
    new.limit_price, new.client_order_id, nothing, canceled.status, again, unknown[0], unknown[1],
    sorted(each.status for each in all_canceled)]))
""")
    assert seen == [
        "replaced",
        True,
        True,
        "2",
        "10.25",
        "second",
        None,
        "canceled",
        [422, 42210000, 'order is already in "canceled" state'],
        404,
        40410000,
        [200, 200],
    ]


def test_positions_account_asset_clock_calendar_and_activities() -> None:
    seen = run("""
from datetime import date
client.get_clock(); time.sleep(0.2)
wait_for_quote()
position = client.get_open_position("SPY")
positions = client.get_all_positions()
account = client.get_account()
configuration = client.get_account_configurations()
asset = client.get_asset("SPY")
assets = client.get_all_assets(GetAssetsRequest(asset_class=AssetClass.US_EQUITY))
clock = client.get_clock()
days = client.get_calendar(GetCalendarRequest(start=date(2024, 3, 28), end=date(2024, 4, 1)))
rows = client.get("/account/activities/FILL", {"direction": "asc"})
order = client.close_position("SPY", ClosePositionRequest(qty="1"))
left = client.get_open_position("SPY").qty
closed = client.close_all_positions(cancel_orders=True)
none = refusal(lambda: client.get_open_position("SPY"))
print(json.dumps([position.qty, len(positions), account.status, float(account.cash) < 100000,
    configuration.suspend_trade, asset.symbol, asset.fractionable, len(assets) > 1, clock.is_open,
    [[str(day.date), str(day.close.time())] for day in days],
    [rows[0]["activity_type"], rows[0]["qty"], rows[0]["symbol"], rows[0]["order_status"]],
    order.side, left, [[each.symbol, each.status] for each in closed], none]))
""")
    assert seen == [
        "2",
        1,
        "ACTIVE",
        True,
        False,
        "SPY",
        True,
        True,
        True,
        [["2024-03-28", "16:00:00"], ["2024-04-01", "16:00:00"]],
        ["FILL", "2", "SPY", "filled"],
        "sell",
        "1",
        [["SPY", 200]],
        [404, 40410000, "position does not exist"],
    ]


def test_floats_as_alpaca_py_sends_them() -> None:
    seen = run("""
from decimal import Decimal
client.get_clock(); time.sleep(0.2)
wait_for_quote()
fraction = client.submit_order(
    MarketOrderRequest(symbol="SPY", qty=0.1 + 0.2, side="buy", time_in_force="day"))
notional = client.submit_order(
    MarketOrderRequest(symbol="SPY", notional=Decimal("25.50"), side="buy", time_in_force="day"))
fine = refusal(lambda: client.submit_order(
    LimitOrderRequest(symbol="SPY", qty=1, side="buy", time_in_force="day", limit_price=100.123)))
tiny = refusal(lambda: client.submit_order(
    LimitOrderRequest(symbol="SPY", qty=1, side="buy", time_in_force="day", limit_price=1e-05)))
print(json.dumps([fraction.qty, notional.notional, notional.qty, fine, tiny[0]]))
""")
    fine = "invalid limit_price 100.123. sub-penny increment does not fulfill minimum pricing criteria"
    assert seen == ["0.3", "25.5", None, [422, 42210000, fine], 422]


@pytest.mark.parametrize("keys", ['"key", "wrong"', '"wrong", "secret"'])
def test_wrong_keys_are_unauthorized(keys: str) -> None:
    seen = run(
        f"""
other = TradingClient({keys}, url_override=sys.argv[1])
try:
    other.get_account()
except APIError as error:
    print(json.dumps([error.status_code, str(error), client.get_account().status]))
""",
        "--key",
        "key",
        "--secret",
        "secret",
    )
    assert seen == [401, '{"message":"unauthorized."}', "ACTIVE"]
