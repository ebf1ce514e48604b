"""Account, positions, activities and assets."""

from typing import Any

import pytest

from kernel.reports import AccountReport, ActivityRow, PositionRow
from kernel.sides import Side
from kernel.symbols.rules import AssetClass, SymbolRules
from kernel.units import SCALE
from shell.codec import (
    Problem,
    decode_account,
    decode_activities,
    decode_activity,
    decode_asset,
    decode_position,
    decode_positions,
    known_pairs,
)
from tests.unit.shell.codec.samples import AT

ACCOUNT: dict[str, Any] = {
    "id": "x",
    "account_number": "PA3",
    "status": "ACTIVE",
    "cash": "83567.42",
    "equity": "100000.000000001",
    "buying_power": "-12.5",
    "non_marginable_buying_power": "83567.42",
    "multiplier": "4",
    "shorting_enabled": True,
    "trading_blocked": False,
    "account_blocked": False,
    "trade_suspended_by_user": False,
}
POSITION: dict[str, Any] = {
    "symbol": "KO",
    "asset_class": "us_equity",
    "qty": "0.557436865",
    "qty_available": "0.557436865",
    "avg_entry_price": "86.8798910000001",
    "side": "long",
}
ACTIVITY: dict[str, Any] = {
    "activity_type": "FILL",
    "cum_qty": "0.5",
    "id": "20261008111019730::f16616ea-a1dc-4ea6-b96e-b9b4b270d50d",
    "order_id": "4825c6d6-47e6-4095-ac04-d233b5d5904b",
    "price": "86.872",
    "qty": "0.5",
    "side": "sell",
    "symbol": "KO",
    "transaction_time": "2026-10-08T15:10:19.730663Z",
}
STOCK: dict[str, Any] = {
    "class": "us_equity",
    "symbol": "KO",
    "status": "active",
    "tradable": True,
    "marginable": True,
    "shortable": True,
    "easy_to_borrow": True,
    "fractionable": True,
}
COIN: dict[str, Any] = {
    "class": "crypto",
    "symbol": "BTC/USD",
    "status": "active",
    "tradable": True,
    "marginable": False,
    "shortable": False,
    "fractionable": True,
    "min_order_size": "0.0001",
    "min_trade_increment": "0.000000001",
    "price_increment": "1",
}


def account(**changes: Any) -> AccountReport:
    report = decode_account(ACCOUNT | changes, [])
    assert isinstance(report, AccountReport), report
    return report


def test_an_account_is_exact() -> None:
    report = account()
    assert (report.cash, report.equity) == (83_567_420_000_000, 100_000_000_000_001)
    assert (report.buying_power, report.multiplier, report.blocked) == (-12_500_000_000, 4, False)


@pytest.mark.parametrize(
    "change",
    [{"status": "ACCOUNT_CLOSED_PENDING"}, {"trading_blocked": True}, {"account_blocked": True},
     {"trade_suspended_by_user": True}],
)  # fmt: skip
def test_any_flag_or_status_blocks(change: dict[str, Any]) -> None:
    assert account(**change).blocked


@pytest.mark.parametrize("key", [key for key in ACCOUNT if key != "id"])
def test_an_account_lacks_nothing(key: str) -> None:
    assert decode_account(ACCOUNT | {key: None}, []) == Problem(f"account.{key}: missing")


def test_a_position_is_signed_and_named_as_it_is_ordered() -> None:
    row = decode_position(POSITION, [])
    assert row == PositionRow("KO", 557_436_865, 86_879_891_000, 557_436_865)  # type: ignore[arg-type]
    coin = decode_position(POSITION | {"symbol": "BTCUSD", "asset_class": "crypto"}, [])
    assert isinstance(coin, PositionRow)
    assert coin.symbol == "BTC/USD"
    short = decode_position(POSITION | {"qty": "-3", "qty_available": "-3", "side": "short"}, [])
    assert isinstance(short, PositionRow)
    assert short.quantity == -3 * SCALE


def test_a_position_that_contradicts_itself_is_a_problem() -> None:
    assert isinstance(decode_position(POSITION | {"side": "short"}, []), Problem)
    assert decode_positions([POSITION, {}], []) == Problem("positions[1].qty: missing")


def test_a_fill_activity_is_exact_and_others_are_left_out_and_noted() -> None:
    row = decode_activity(ACTIVITY, [])
    assert isinstance(row, ActivityRow)
    assert (row.side, row.price, row.cumulative_quantity) == (Side.SELL, 86_872_000_000, SCALE // 2)
    notes: list[str] = []
    rows = decode_activities([ACTIVITY, {"activity_type": "DIV"}, ACTIVITY], notes)
    assert rows == (row, row)
    assert notes == ["activities[1]: activity of type DIV, not a FILL"]


@pytest.mark.parametrize("key", [key for key in ACTIVITY if key != "activity_type"])
def test_an_activity_lacks_nothing(key: str) -> None:
    assert isinstance(decode_activities([ACTIVITY, ACTIVITY | {key: None}], []), Problem)


def test_an_activity_of_a_known_pair_gets_its_slash() -> None:
    row = decode_activity(ACTIVITY | {"symbol": "ETHUSD"}, [], known_pairs(["ETH/USD"]))
    assert isinstance(row, ActivityRow)
    assert row.symbol == "ETH/USD"


def rules(asset: dict[str, Any]) -> SymbolRules:
    found = decode_asset(asset, AT, [])
    assert isinstance(found, SymbolRules), found
    return found


def test_a_stock_has_the_equity_rule() -> None:
    found = rules(STOCK)
    assert (found.asset_class, found.price_increment, found.quantity_increment) == (
        AssetClass.US_EQUITY,
        0,
        1,
    )
    assert found.as_of == AT
    assert rules(STOCK | {"fractionable": False}).quantity_increment == SCALE
    assert not rules(STOCK | {"status": "inactive"}).tradable


def test_without_easy_to_borrow_the_borrow_status_says_it() -> None:
    bare = {key: value for key, value in STOCK.items() if key != "easy_to_borrow"}
    assert not rules(bare).easy_to_borrow
    assert rules(bare | {"borrow_status": "easy_to_borrow"}).easy_to_borrow


def test_a_coin_has_its_own_increments_or_no_rules() -> None:
    found = rules(COIN)
    assert (found.price_increment, found.quantity_increment, found.quantity_min) == (SCALE, 1, 100_000)
    assert not found.shortable
    for bad in (None, "0", "-1", "0.0000000001"):
        assert isinstance(decode_asset(COIN | {"price_increment": bad}, AT, []), Problem)


def test_another_class_has_no_rules() -> None:
    problem = decode_asset(STOCK | {"class": "us_option"}, AT, [])
    assert isinstance(problem, Problem)
    assert "'us_option' is not traded" in problem.text
