"""Orders off and onto the wire."""

import json
from typing import Any

import pytest

from kernel.commands import OrderTicket, ReplaceOrder
from kernel.reports import BrokerStatus, OrderReport
from kernel.sides import OrderClass, OrderType, Purpose, Side, TimeInForce
from kernel.units import SCALE, Price, Quantity
from shell.codec import (
    Problem,
    decode_order,
    decode_orders,
    encode_replace,
    encode_ticket,
    known_pairs,
    parse_json,
)
from tests.unit.shell.codec.samples import order, text


def decoded(**changes: Any) -> OrderReport:
    report = decode_order(parse_json(text(order(**changes))))
    assert isinstance(report, OrderReport), report
    return report


def problem_of(**changes: Any) -> str:
    problem = decode_order(parse_json(text(order(**changes))))
    assert isinstance(problem, Problem), problem
    return problem.text


def test_a_recorded_order_is_read_exactly() -> None:
    report = decoded()
    assert report.status is BrokerStatus.PARTIALLY_FILLED
    assert (report.side, report.type, report.time_in_force) == (Side.SELL, OrderType.LIMIT, TimeInForce.DAY)
    assert report.order_class is OrderClass.SIMPLE
    assert (report.quantity, report.filled_quantity) == (3 * SCALE, SCALE)
    assert (report.limit_price, report.stop_price, report.filled_average) == (980_000_000, None, 980_800_000)
    assert report.updated_at - report.created_at == 877_828_132


def test_numbers_as_text_and_text_as_numbers_are_the_same_order() -> None:
    numbers = '"qty": 3, "filled_qty": 1.0, "filled_avg_price": 9.808e-1, "limit_price": 0.98'
    as_text = '"qty": "3", "filled_qty": "1", "filled_avg_price": "0.9808", "limit_price": "0.98"'
    raw = text(order())
    assert '"qty": "3"' in raw
    body = order()
    for key in ("qty", "filled_qty", "filled_avg_price", "limit_price"):
        del body[key]
    bare = text(body)[:-1]
    reports = [decode_order(parse_json(f"{bare}, {fields}}}")) for fields in (numbers, as_text)]
    assert reports[0] == reports[1] == decoded()


@pytest.mark.parametrize(
    "status", [status for status in BrokerStatus if status is not BrokerStatus.UNRECOGNIZED]
)
def test_every_status_word_has_its_member(status: BrokerStatus) -> None:
    report = decoded(status=status.value)
    assert (report.status, report.status_text) == (status, status.value)


@pytest.mark.parametrize("word", ["flabbergasted", "?", "FILLED"])
def test_an_unknown_status_is_unrecognized_and_its_word_kept(word: str) -> None:
    report = decoded(status=word)
    assert (report.status, report.status_text) == (BrokerStatus.UNRECOGNIZED, word)


@pytest.mark.parametrize(
    ("key", "field"), [("side", "side"), ("type", "type"), ("time_in_force", "time_in_force")]
)
def test_an_unknown_word_is_none_and_noted(key: str, field: str) -> None:
    notes: list[str] = []
    report = decode_order(parse_json(text(order(**{key: "sideways"}))), notes)
    assert isinstance(report, OrderReport)
    assert getattr(report, field) is None
    assert notes == [f"order.{key}: unknown word 'sideways'"]


@pytest.mark.parametrize("key", ["id", "status", "filled_qty"])
@pytest.mark.parametrize("value", [None, "", [], {}])
def test_what_is_required_is_required(key: str, value: object) -> None:
    assert problem_of(**{key: value}).startswith(f"order.{key}: ")


@pytest.mark.parametrize(
    ("key", "value"),
    [("qty", "many"), ("limit_price", "NaN"), ("created_at", "yesterday"), ("symbol", 1.5), ("legs", {}),
     ("extended_hours", "maybe"), ("filled_qty", "-1"), ("client_order_id", "x" * 513), ("id", "\ud800"),
     ("qty", True)],
)  # fmt: skip
def test_a_malformed_field_is_a_problem_that_names_it(key: str, value: object) -> None:
    assert problem_of(**{key: value}).startswith(f"order.{key}: ")


@pytest.mark.parametrize("value", [None, 1, "order", [], [order()]])
def test_what_is_no_object_is_a_problem(value: object) -> None:
    assert isinstance(decode_order(value), Problem)


def test_times_fall_back_and_a_total_lack_is_a_problem() -> None:
    assert decoded(updated_at=None).updated_at == decoded().created_at
    assert decoded(created_at=None).created_at == decoded(created_at=order()["submitted_at"]).created_at
    assert problem_of(created_at=None, submitted_at=None) == "order.created_at: missing"


def test_a_notional_order_has_no_quantity() -> None:
    report = decoded(notional="5", qty=None, filled_qty="0.057436865", filled_avg_price="86.878")
    assert (report.quantity, report.notional, report.filled_quantity) == (None, 5 * SCALE, 57_436_865)


def test_an_average_is_cut_silently_and_a_quantity_not() -> None:
    notes: list[str] = []
    body = order(filled_avg_price="286.9749783265074366", filled_qty="1.0000000019")
    report = decode_order(parse_json(text(body)), notes)
    assert isinstance(report, OrderReport)
    assert report.filled_average == 286_974_978_326
    assert report.filled_quantity == 1_000_000_001
    assert notes == ["order.filled_qty: 1.0000000019 has more than nine decimals and was cut"]


def test_legs_are_read_and_legs_of_legs_refused() -> None:
    leg = order(id="leg", status="held")
    report = decoded(order_class="bracket", legs=[leg, leg])
    assert report.order_class is OrderClass.BRACKET
    assert [each.status for each in report.legs] == [BrokerStatus.HELD, BrokerStatus.HELD]
    assert "legs of legs" in problem_of(legs=[order(legs=[leg])])
    assert "more than" in problem_of(legs=[leg] * 9)


def test_a_multi_leg_parent_has_empty_words() -> None:
    report = decoded(symbol="", side="", asset_class="", order_class="mleg")
    assert (report.symbol, report.side, report.order_class) == ("", None, None)


def test_a_pair_gets_its_slash() -> None:
    assert decoded(symbol="ETHUSD", asset_class="crypto").symbol == "ETH/USD"
    report = decode_order(order(symbol="DOGEUSDT", asset_class="crypto"), None, known_pairs(["DOGE/USDT"]))
    assert isinstance(report, OrderReport)
    assert report.symbol == "DOGE/USDT"
    assert decoded(symbol="ETHUSD", asset_class="us_equity").symbol == "ETHUSD"


def test_one_bad_row_spoils_the_list() -> None:
    assert decode_orders([order(), order(status=None)], []) == Problem("orders[1].status: missing")
    rows = decode_orders([order(), order()], [])
    assert not isinstance(rows, Problem)
    assert len(rows) == 2


def ticket(quantity: int, limit: int | None, stop: int | None) -> OrderTicket:
    return OrderTicket(
        client_order_id="mqd-1-a-000000001",
        symbol="BTC/USD",
        side=Side.BUY,
        type=OrderType.STOP_LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity=Quantity(quantity),
        limit_price=None if limit is None else Price(limit),
        stop_price=None if stop is None else Price(stop),
        extended_hours=False,
        purpose=Purpose.ENTRY,
    )


def test_a_ticket_goes_out_with_decimals_as_plain_text() -> None:
    body = encode_ticket(ticket(1, 10_000, 123_456_789_012_123_456_789))
    assert json.loads(json.dumps(body)) == {
        "symbol": "BTC/USD",
        "side": "buy",
        "type": "stop_limit",
        "time_in_force": "gtc",
        "qty": "0.000000001",
        "limit_price": "0.00001",
        "stop_price": "123456789012.123456789",
        "client_order_id": "mqd-1-a-000000001",
        "extended_hours": False,
    }


def test_an_entry_goes_out_with_its_exits() -> None:
    asked = ticket(SCALE, 100 * SCALE, None)._replace(
        order_class=OrderClass.BRACKET,
        take_profit=Price(101_500_000_000),
        stop_loss=Price(99 * SCALE),
        stop_loss_limit=Price(98_990_000_000),
    )
    body = encode_ticket(asked)
    assert body["order_class"] == "bracket"
    assert body["take_profit"] == {"limit_price": "101.5"}
    assert body["stop_loss"] == {"stop_price": "99", "limit_price": "98.99"}
    oto = encode_ticket(asked._replace(order_class=OrderClass.OTO, take_profit=None, stop_loss_limit=None))
    assert (oto["order_class"], oto["stop_loss"]) == ("oto", {"stop_price": "99"})
    assert "take_profit" not in oto


def test_what_was_not_asked_is_not_sent() -> None:
    assert {"order_class", "take_profit", "stop_loss"}.isdisjoint(encode_ticket(ticket(SCALE, None, None)))
    assert {"limit_price", "stop_price"}.isdisjoint(encode_ticket(ticket(SCALE, None, None)))
    replace = ReplaceOrder(1, "old", "broker-1", "new", None, Price(1_500_000_000), None)
    assert encode_replace(replace) == {"client_order_id": "new", "limit_price": "1.5"}
