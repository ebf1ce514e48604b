"""Every refusal of POST, PATCH and DELETE, in Alpaca's words and codes; a refusal changes nothing."""

from collections.abc import Callable

import pytest

from shell.exchange.venue.model import OrderQuery, OrderRequest, Refused, ReplaceRequest, StopLoss, TakeProfit
from tests.unit.shell.exchange.venue_kit import OPEN, Desk, d, order, refusal

PARAMETER = (422, 40010001)
RULE = (422, 42210000)
FORBIDDEN = (403, 40310000)


def _desk() -> Desk:
    desk = Desk()
    desk.quote("SPY", "100.00", "100.02")
    desk.quote("KO", "50.00", "50.02")
    desk.quote("OCGN", "0.9800", "0.9810")
    desk.quote("ETH/USD", "349.99", "350.00")
    return desk


_BAD: list[tuple[OrderRequest, tuple[int, int], str]] = [
    (order("SPY", "bye", "1"), PARAMETER, "invalid side"),
    (order("SPY", "buy", "1", "iceberg"), PARAMETER, "invalid order type"),
    (order("SPY", "buy", "1", time_in_force="now"), PARAMETER, "invalid time_in_force"),
    (order("SPY", "buy", None), PARAMETER, "qty or notional is required"),
    (order("SPY", "buy", "1", notional="5"), PARAMETER, "only one of qty or notional is accepted"),
    (order("SPY", "buy", "0"), PARAMETER, "qty must be > 0"),
    (order("SPY", "buy", "-1"), PARAMETER, "qty must be > 0"),
    (order("SPY", "buy", "1", "limit"), PARAMETER, "limit orders require a limit price"),
    (order("SPY", "buy", "1", "stop"), PARAMETER, "stop orders require a stop price"),
    (
        order("SPY", "buy", "1", "stop_limit", stop="101"),
        PARAMETER,
        "stop limit orders require both stop and limit price",
    ),
    (order("SPY", "buy", "1", limit="100"), PARAMETER, "market orders require no stop or limit price"),
    (order("SPY", "buy", "1", "limit", limit="0"), PARAMETER, "limit_price must be > 0"),
    (
        order("SPY", "buy", "1", client_order_id="x" * 129),
        PARAMETER,
        "client_order_id must be no more than 128 characters",
    ),
    (order("SPY", "buy", "1", order_class="square"), PARAMETER, "invalid order_class"),
    (
        order("SPY", "sell", "1", "trailing_stop", trail_percent=d("0.05")),
        PARAMETER,
        "trail_percent must be greater than or equal to 0.1",
    ),
    (
        order("SPY", "buy", "1", order_class="bracket", take_profit=TakeProfit(d("110"))),
        PARAMETER,
        "bracket orders require stop_loss.stop_price",
    ),
    (
        order("SPY", "buy", "1", stop_loss=StopLoss(d("90"), None)),
        PARAMETER,
        "take_profit and stop_loss require a complex order_class",
    ),
    (order("NOPE", "buy", "1"), RULE, 'asset "NOPE" not found'),
    (order("GONE", "buy", "1"), RULE, 'asset "GONE" is not tradable'),
    (
        order("SPY", "buy", "1", "limit", limit="100.123"),
        RULE,
        "invalid limit_price 100.123. sub-penny increment does not fulfill minimum pricing criteria",
    ),
    (
        order("OCGN", "buy", "1", "limit", limit="0.98765"),
        RULE,
        "invalid limit_price 0.98765. sub-penny increment does not fulfill minimum pricing criteria",
    ),
    (
        order("SPY", "buy", "1", "stop", stop="100.505"),
        RULE,
        "invalid stop_price 100.505. sub-penny increment does not fulfill minimum pricing criteria",
    ),
    (order("OCGN", "buy", "0.5"), FORBIDDEN, 'asset "OCGN" is not fractionable'),
    (order("SPY", "buy", "0.5", time_in_force="gtc"), RULE, "fractional orders must be DAY orders"),
    (order("SPY", "buy", None, notional="0.50"), RULE, "notional must be >= 1.00"),
    (order("SPY", "buy", "0.001"), FORBIDDEN, "cost basis must be >= minimal amount of order 1"),
    (
        order("SPY", "buy", "1", extended_hours=True),
        RULE,
        "extended hours order must be DAY or GTC limit orders",
    ),
    (order("ETH/USD", "buy", "1", time_in_force="day"), RULE, "invalid crypto time_in_force"),
    (order("ETH/USD", "buy", "1", "stop", stop="400"), RULE, "invalid order type for crypto order"),
    (order("ETH/USD", "buy", "0.01"), FORBIDDEN, "cost basis must be >= minimal amount of order 10"),
    (
        order("ETH/USD", "sell", "1"),
        FORBIDDEN,
        "insufficient balance for ETH (requested: 1, available: 0)",
    ),
    (order("SPY", "sell", "0.5"), RULE, "fractional orders cannot be sold short"),
    (order("OCGN", "sell", "1"), RULE, 'asset "OCGN" cannot be sold short'),
    (
        order("SPY", "buy", "1", position_intent="buy_to_close"),
        RULE,
        "position intent mismatch, inferred: buy_to_open, specified: buy_to_close",
    ),
    (order("SPY", "buy", "1", "stop", stop="99"), RULE, "stop price must be greater than current price"),
    (order("SPY", "buy", "2000"), FORBIDDEN, "insufficient buying power"),
]


@pytest.mark.parametrize(("request_", "code", "message"), _BAD, ids=[row[2][:48] for row in _BAD])
def test_refusals_of_a_submit(request_: OrderRequest, code: tuple[int, int], message: str) -> None:
    desk = _desk()
    before = desk.venue.account()
    assert refusal(desk, request_) == (*code, message)
    assert desk.updates() == []
    assert desk.venue.account() == before
    assert desk.venue.orders(OrderQuery(status="all")) == []


def test_duplicate_client_order_id_is_refused_for_ever() -> None:
    desk = _desk()
    desk.buy("SPY", "1", client_order_id="mine")
    assert refusal(desk, order("SPY", "buy", "1", client_order_id="mine")) == (
        422,
        40010001,
        "client_order_id must be unique",
    )
    assert desk.venue.order_by_client_id("mine").status == "filled"


def test_buying_power_refusal_carries_its_figures() -> None:
    desk = _desk()
    desk.buy("SPY", "1900", "limit", limit="99")
    with pytest.raises(Refused) as caught:
        desk.buy("SPY", "200", "limit", limit="99")
    assert caught.value.extras == {"buying_power": "11900", "cost_basis": "19800"}


def test_held_quantity_is_not_available_twice() -> None:
    desk = _desk()
    desk.buy("SPY", "10")
    first = desk.sell("SPY", "7", "limit", limit="110")
    with pytest.raises(Refused) as caught:
        desk.sell("SPY", "4")
    refused = caught.value
    assert refused.message == "insufficient qty available for order (requested: 4, available: 3)"
    assert refused.extras == {
        "available": "3",
        "existing_qty": "10",
        "held_for_orders": "7",
        "symbol": "SPY",
        "related_orders": [first],
    }
    position = desk.venue.position("SPY")
    assert (position.quantity, position.available) == (d("10"), d("3"))


def test_a_sell_beyond_the_long_is_refused_and_not_flipped() -> None:
    desk = _desk()
    desk.buy("SPY", "10")
    assert refusal(desk, order("SPY", "sell", "15"))[2].startswith("insufficient qty available")


def test_shorts_can_be_opened_closed_and_not_flipped() -> None:
    desk = _desk()
    desk.sell("SPY", "10")
    assert desk.venue.position("SPY").quantity == d("-10")
    assert desk.venue.position("SPY").side == "short"
    assert refusal(desk, order("SPY", "buy", "11"))[2].startswith("insufficient qty available")
    found = desk.venue.order(desk.buy("SPY", "10"))
    assert found.position_intent == "buy_to_close"
    assert desk.venue.positions() == []


def test_an_account_without_shorting_may_not() -> None:
    desk = Desk(shorting_enabled=False)
    desk.quote("SPY", "100.00", "100.02")
    assert refusal(desk, order("SPY", "sell", "1")) == (*FORBIDDEN, "account is not allowed to short")


def test_opening_against_an_open_opening_is_refused_both_ways() -> None:
    desk = _desk()
    desk.buy("SPY", "1", "limit", limit="99")
    assert (
        refusal(desk, order("SPY", "sell", "1", "limit", limit="101"))[2]
        == "cannot open a short sell while a long buy order is open"
    )
    desk.sell("KO", "1", "limit", limit="51")
    assert (
        refusal(desk, order("KO", "buy", "1", "limit", limit="49"))[2]
        == "cannot open a long buy while a short sell order is open"
    )


def test_wash_table() -> None:
    desk = _desk()
    desk.buy("SPY", "10")
    limit = desk.sell("SPY", "2", "limit", limit="105")
    with pytest.raises(Refused) as caught:
        desk.buy("SPY", "1", "limit", limit="105")
    assert caught.value.message == "potential wash trade detected. use complex orders"
    assert caught.value.extras == {
        "existing_order_id": limit,
        "reject_reason": "opposite side limit order exists",
    }
    with pytest.raises(Refused):
        desk.buy("SPY", "1")
    desk.buy("SPY", "1", "limit", limit="99")
    with pytest.raises(Refused):
        desk.sell("SPY", "2", "limit", limit="98.99")
    with pytest.raises(Refused):
        desk.sell("SPY", "2", "stop", stop="95")
    assert desk.status(desk.sell("SPY", "2", "limit", limit="99.01")) == "filled"


def test_a_resting_protective_stop_blocks_a_top_up() -> None:
    desk = _desk()
    desk.buy("SPY", "10")
    stop = desk.sell("SPY", "10", "stop", stop="95")
    with pytest.raises(Refused) as caught:
        desk.buy("SPY", "1", "limit", limit="90")
    assert caught.value.extras == {
        "existing_order_id": stop,
        "reject_reason": "opposite side market/stop order exists",
    }


def test_stop_beyond_the_market_names_both_prices() -> None:
    desk = _desk()
    desk.buy("SPY", "10")
    with pytest.raises(Refused) as caught:
        desk.sell("SPY", "10", "stop", stop="100.50")
    assert caught.value.message == "stop price must be less than current price"
    assert caught.value.extras == {"market_price": "100.01", "stop_price": "100.5"}


def test_crypto_is_bought_with_cash_only_and_dust_may_be_sold() -> None:
    desk = _desk()
    assert refusal(desk, order("ETH/USD", "buy", "286"))[2] == "insufficient buying power"
    desk.buy("ETH/USD", "0.03")
    desk.quote("ETH/USD", "200.00", "200.05")
    assert refusal(desk, order("ETH/USD", "sell", "0.01"))[2].startswith("cost basis must be")
    desk.sell("ETH/USD", "0.029925")
    assert desk.venue.positions() == []


def test_unknown_things_are_404() -> None:
    desk = _desk()
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: desk.venue.order("no"), "order not found for no"),
        (lambda: desk.venue.order_by_client_id("no"), "order not found for no"),
        (lambda: desk.venue.cancel("no", desk.now), "order not found for no"),
        (lambda: desk.venue.position("SPY"), "position does not exist"),
        (lambda: desk.venue.asset("NOPE"), "asset not found for NOPE"),
        (lambda: desk.venue.close_position("SPY", None, None, desk.now), "position does not exist"),
    ]
    for call, message in calls:
        with pytest.raises(Refused) as caught:
            call()
        assert (caught.value.http_status, caught.value.code, caught.value.message) == (404, 40410000, message)


def test_cancel_refuses_what_is_over_or_pending() -> None:
    desk = _desk()
    filled = desk.buy("SPY", "1")
    with pytest.raises(Refused, match='order is already in "filled" state') as caught:
        desk.venue.cancel(filled, desk.now)
    assert (caught.value.http_status, caught.value.code) == RULE
    slow = Desk(cancel_latency=10)
    slow.quote("SPY", "100.00", "100.02")
    order_id = slow.buy("SPY", "1", "limit", limit="90")
    slow.venue.cancel(order_id, slow.now)
    with pytest.raises(Refused, match="order pending cancel"):
        slow.venue.cancel(order_id, slow.now)
    done = slow.venue.cancel_all(slow.now)
    assert [(item.order_id, item.http_status) for item in done] == [(order_id, 422)]


def test_replace_refusals() -> None:
    desk = _desk()
    limit = desk.buy("SPY", "10", "limit", limit="99")
    market = desk.buy("KO", "1")
    fraction = desk.buy("KO", "0.5", "limit", limit="45")
    cases = [
        (limit, ReplaceRequest(), FORBIDDEN, "order parameters are not changed"),
        (limit, ReplaceRequest(quantity=d("10")), FORBIDDEN, "order parameters are not changed"),
        (limit, ReplaceRequest(quantity=0), PARAMETER, "qty must be > 0"),
        (limit, ReplaceRequest(stop_price=d("9")), PARAMETER, "limit orders require no stop price"),
        (
            limit,
            ReplaceRequest(limit_price=d("1000"), quantity=d("500")),
            FORBIDDEN,
            "insufficient buying power",
        ),
        (limit, ReplaceRequest(time_in_force="fok"), PARAMETER, "invalid time_in_force"),
        (limit, ReplaceRequest(trail=d("1")), PARAMETER, "trail is only valid for trailing stop orders"),
        (market, ReplaceRequest(quantity=d("2")), RULE, "unable to replace order, order is not open"),
        (
            fraction,
            ReplaceRequest(limit_price=d("44")),
            RULE,
            "unable to replace order, fractional orders cannot be replaced",
        ),
    ]
    for order_id, changes, code, message in cases:
        desk.updates()
        with pytest.raises(Refused) as caught:
            desk.venue.replace(order_id, changes, desk.now)
        assert (caught.value.http_status, caught.value.code, caught.value.message) == (*code, message)
        assert desk.updates() == []
    queued = Desk(now=OPEN - 10)
    order_id = queued.buy("SPY", "1", "limit", limit="90")
    with pytest.raises(Refused, match="order isn't sent to exchange yet"):
        queued.venue.replace(order_id, ReplaceRequest(quantity=d("2")), queued.now)


def test_a_full_venue_says_503() -> None:
    desk = Desk(orders_max=2)
    desk.quote("SPY", "100.00", "100.02")
    desk.buy("SPY", "1")
    desk.buy("SPY", "1")
    assert refusal(desk, order("SPY", "buy", "1"))[0] == 503
