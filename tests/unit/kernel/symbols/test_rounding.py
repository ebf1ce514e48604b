"""Prices and lots made legal, against exact fractions and the recorded scenarios."""

import json
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kernel.reasons import RefusalCode
from kernel.sides import Side
from kernel.symbols.rounding import (
    PriceRole,
    RoundingRefusal,
    check_quantity,
    is_legal_price,
    is_whole,
    lot_for,
    nearest_price,
    round_price,
    round_quantity,
    tick_for,
)
from kernel.symbols.rules import FRACTION, WHOLE_SHARE, AssetClass, SymbolRules
from kernel.units import SCALE, Cash, Instant, Price, Quantity

BUY, SELL = Side.BUY, Side.SELL
LIMIT, STOP = PriceRole.LIMIT, PriceRole.STOP
PRICES = st.integers(min_value=-SCALE, max_value=3 * SCALE) | st.integers(min_value=1, max_value=10**18)
SIDES = st.sampled_from(Side)
ROLES = st.sampled_from(PriceRole)
DATA = Path(os.environ.get("MQD_SHARED_DATA", Path(__file__).resolve().parents[4] / ".." / "shared" / "data"))


def rules(
    *,
    equity: bool = True,
    tick: int = 0,
    lot: int = WHOLE_SHARE,
    minimum: int = 0,
    fractionable: bool = False,
) -> SymbolRules:
    return SymbolRules(
        symbol="SPY" if equity else "BTC/USD",
        asset_class=AssetClass.US_EQUITY if equity else AssetClass.CRYPTO,
        price_increment=Price(tick),
        quantity_increment=Quantity(lot),
        quantity_min=Quantity(minimum),
        notional_min=Cash(0),
        tradable=True,
        shortable=True,
        easy_to_borrow=True,
        fractionable=fractionable,
        marginable=True,
        as_of=Instant(0),
    )


def usd(text: str) -> Price:
    """A price as the kernel holds it; decimals after the ninth (one recorded row has twelve) are cut."""
    return Price(int(Fraction(text) * SCALE))


EQUITY = rules()


@pytest.mark.parametrize(
    ("side", "role", "asked", "expected"),
    [
        (BUY, LIMIT, "123.456", "123.45"),
        (SELL, LIMIT, "123.451", "123.46"),
        (SELL, STOP, "123.456", "123.45"),
        (BUY, STOP, "123.451", "123.46"),
        (BUY, LIMIT, "0.99999", "0.9999"),
        (SELL, LIMIT, "0.99991", "1"),
        (BUY, STOP, "0.99991", "1"),
        (SELL, STOP, "1.009999999", "1"),
        (BUY, LIMIT, "1", "1"),
        (SELL, LIMIT, "0.00001", "0.0001"),
        (BUY, LIMIT, "500000.019999999", "500000.01"),
    ],
)
def test_side_and_role_choose_the_direction(side: Side, role: PriceRole, asked: str, expected: str) -> None:
    assert round_price(EQUITY, side, role, usd(asked)) == usd(expected)


@pytest.mark.parametrize(
    ("side", "role", "asked", "refusal"),
    [
        (BUY, LIMIT, 99_999, RoundingRefusal.TO_ZERO),
        (SELL, STOP, 99_999, RoundingRefusal.TO_ZERO),
        (BUY, LIMIT, 0, RoundingRefusal.NOT_POSITIVE),
        (SELL, LIMIT, -1, RoundingRefusal.NOT_POSITIVE),
    ],
)
def test_never_zero(side: Side, role: PriceRole, asked: int, refusal: RoundingRefusal) -> None:
    assert round_price(EQUITY, side, role, Price(asked)) is refusal
    assert nearest_price(EQUITY, side, role, Price(min(asked, 49_999))) is refusal


def test_a_coin_without_an_increment_has_no_legal_price() -> None:
    unknown = rules(equity=False)
    assert round_price(unknown, BUY, LIMIT, usd("100")) is RoundingRefusal.NO_TICK
    assert nearest_price(unknown, BUY, LIMIT, usd("100")) is RoundingRefusal.NO_TICK
    assert not is_legal_price(unknown, usd("100"))


def slow_round(tick: int, down: bool, price: int) -> int | None:
    """The twin: walks from the price to the next multiple, one exact fraction."""
    ratio = Fraction(price, tick)
    multiple = ratio.__floor__() if down else ratio.__ceil__()
    return multiple * tick if price > 0 and multiple > 0 else None


@given(PRICES, SIDES, ROLES)
@example(SCALE - 1, SELL, LIMIT)
@example(SCALE, SELL, LIMIT)
@example(SCALE + 1, BUY, LIMIT)
def test_equity_against_the_twin(price: int, side: Side, role: PriceRole) -> None:
    tick = 100_000 if price < SCALE else 10_000_000
    expected = slow_round(tick, (side is BUY) == (role is LIMIT), price)
    rounded = round_price(EQUITY, side, role, Price(price))
    assert (None if isinstance(rounded, RoundingRefusal) else rounded) == expected
    assert isinstance(rounded, RoundingRefusal) or is_legal_price(EQUITY, rounded)
    assert tick_for(EQUITY, Price(price)) == tick


@given(PRICES, SIDES, ROLES, st.integers(min_value=1, max_value=2 * SCALE))
def test_coin_against_the_twin(price: int, side: Side, role: PriceRole, tick: int) -> None:
    coin = rules(equity=False, tick=tick)
    expected = slow_round(tick, (side is BUY) == (role is LIMIT), price)
    rounded = round_price(coin, side, role, Price(price))
    assert (None if isinstance(rounded, RoundingRefusal) else rounded) == expected


@given(st.integers(min_value=-(10**24), max_value=10**24), st.integers(min_value=1, max_value=10**13))
def test_quantity_against_the_twin(quantity: int, lot: int) -> None:
    coin = rules(equity=False, tick=1, lot=lot)
    rounded = round_quantity(coin, Quantity(quantity))
    assert rounded == int(Fraction(quantity, lot)) * lot
    assert (check_quantity(coin, rounded) == ()) == (rounded > 0)


def test_whole_shares_and_fractions() -> None:
    assert lot_for(rules(lot=FRACTION, fractionable=False)) == WHOLE_SHARE
    assert lot_for(rules(lot=FRACTION, fractionable=True)) == FRACTION
    assert lot_for(rules(lot=100 * SCALE, fractionable=False)) == 100 * SCALE
    assert lot_for(rules(equity=False, lot=1_000)) == 1_000
    assert is_whole(Quantity(3 * SCALE))
    assert not is_whole(Quantity(SCALE + 1))


def test_an_unknown_lot_is_refused() -> None:
    unknown = rules(lot=0)
    assert round_quantity(unknown, Quantity(5 * SCALE)) == 0
    assert check_quantity(unknown, Quantity(5 * SCALE)) == (RefusalCode.LOT,)


def test_refusals_are_collected() -> None:
    coin = rules(equity=False, lot=1_000, minimum=50_000)
    assert check_quantity(coin, Quantity(50_000)) == ()
    assert check_quantity(coin, Quantity(49_000)) == (RefusalCode.QUANTITY_MIN,)
    assert check_quantity(coin, Quantity(49_999)) == (RefusalCode.LOT, RefusalCode.QUANTITY_MIN)
    assert check_quantity(coin, Quantity(0)) == (RefusalCode.LOT,)
    assert check_quantity(coin, Quantity(-50_000)) == (RefusalCode.LOT,)


def scenarios(kind: str) -> list[dict[str, Any]]:
    path = DATA / "scenarios" / "rounding.json"
    if not path.exists():
        pytest.skip("the shared scenarios (scenarios/rounding.json) are not here; set MQD_SHARED_DATA")
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))[kind]
    assert rows
    return rows


def scenario_rules(props: dict[str, Any]) -> SymbolRules:
    equity = props["asset_class"] == "us_equity"
    lot = int(Fraction(props["lot"]) * SCALE)
    minimum = int(Fraction(props.get("min_qty") or 0) * SCALE)
    return rules(equity=equity, tick=0 if equity else usd(props["tick"]), lot=lot, minimum=minimum)


def test_recorded_prices() -> None:
    """A row that is no tie: the nearest tick is the expected one. A tie goes by side, never half to even."""
    ties = 0
    for row in scenarios("price_cases"):
        symbol = scenario_rules(row["props"])
        asked, expected = usd(row["raw"]), usd(row["expect"])
        low, high = (round_price(symbol, side, LIMIT, asked) for side in (BUY, SELL))
        assert expected in ((0 if low is RoundingRefusal.TO_ZERO else low), high), row["id"]
        for side in Side:
            nearest = nearest_price(symbol, side, LIMIT, asked)
            if row["tie"]:
                assert nearest == (low if side is BUY else high), row["id"]
            else:
                assert nearest == expected, row["id"]
        ties += row["tie"]
    assert ties > 0


def test_recorded_quantities() -> None:
    for row in scenarios("quantity_cases"):
        symbol = scenario_rules(row["props"])
        asked = Quantity(int(Fraction(row["raw"]) * SCALE))
        rounded = round_quantity(symbol, asked)
        assert rounded == Fraction(row["expect"]) * SCALE, row["id"]
        assert (check_quantity(symbol, Quantity(abs(rounded))) == ()) == row["accept"], row["id"]
