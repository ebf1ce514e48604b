"""An order's life at the venue: answers, updates, matching, sessions."""

from tests.unit.shell.exchange.venue_kit import CLOSE, DAY, MINUTE, OPEN, SECOND, Desk, d, order


def test_market_order_answers_pending_new_then_new_then_fill() -> None:
    desk = Desk()
    desk.quote("SPY", "100.00", "100.02")
    answer = desk.venue.submit(order("SPY", "buy", "10"), desk.now)
    assert answer.status == "pending_new"
    assert answer.submitted_at == answer.created_at == desk.now
    assert answer.position_intent == "buy_to_open"
    assert answer.expires_at == CLOSE
    updates = desk.updates()
    assert [update.event for update in updates] == ["pending_new", "new", "fill"]
    assert updates[0].execution_id is None
    assert updates[1].execution_id is not None
    assert updates[1].order.submitted_at > answer.submitted_at
    fill = updates[2]
    assert (fill.price, fill.quantity, fill.position_quantity) == (d("100.02"), d("10"), d("10"))
    assert fill.order.status == "filled"
    assert fill.order.filled_value == d("100.02") * d("10")
    assert [u.event_id for u in updates] == sorted({u.event_id for u in updates})
    assert answer.status == "pending_new", "an answer is a snapshot"


def test_partial_fills_follow_the_displayed_size() -> None:
    desk = Desk()
    desk.quote("SPY", "100.00", "100.02", ask_size="4")
    order_id = desk.buy("SPY", "10")
    assert desk.events() == ["pending_new", "new", "partial_fill"]
    desk.quote("SPY", "100.10", "100.12", ask_size="3")
    desk.quote("SPY", "100.20", "100.22", ask_size="300")
    updates = desk.updates()
    assert [(u.event, u.quantity, u.price) for u in updates] == [
        ("partial_fill", d("3"), d("100.12")),
        ("fill", d("3"), d("100.22")),
    ]
    assert desk.venue.order(order_id).filled_quantity == d("10")
    assert [row.leaves_quantity for row in desk.venue.executions()] == [d("6"), d("3"), 0]


def test_two_orders_share_one_displayed_size() -> None:
    desk = Desk()
    desk.quote("SPY", "100.00", "100.02", ask_size="5")
    first = desk.buy("SPY", "3")
    second = desk.buy("SPY", "3")
    assert desk.status(first) == "filled"
    assert desk.venue.order(second).filled_quantity == d("2")


def test_limit_priority_is_price_then_time_and_resting_orders_execute_at_their_limit() -> None:
    desk = Desk()
    desk.quote("SPY", "100.00", "100.02")
    early = desk.buy("SPY", "5", "limit", limit="99.50")
    better = desk.buy("SPY", "5", "limit", limit="99.60")
    late = desk.buy("SPY", "5", "limit", limit="99.50")
    desk.updates()
    desk.quote("SPY", "99.38", "99.40", ask_size="12")
    fills = [(u.order.id, u.price, u.quantity) for u in desk.updates()]
    assert fills == [(better, d("99.60"), d("5")), (early, d("99.50"), d("5")), (late, d("99.50"), d("2"))]
    assert desk.status(late) == "partially_filled"


def test_marketable_limit_takes_the_far_side() -> None:
    desk = Desk()
    desk.quote("SPY", "100.00", "100.02")
    order_id = desk.buy("SPY", "5", "limit", limit="101")
    assert desk.venue.order(order_id).filled_average_price == d("100.02")


def test_stop_is_triggered_by_the_far_side_and_takes_it() -> None:
    desk = Desk()
    desk.quote("SPY", "100.00", "100.02")
    desk.buy("SPY", "5")
    stop = desk.sell("SPY", "5", "stop", stop="99.00")
    desk.quote("SPY", "99.01", "99.03")
    assert desk.status(stop) == "new"
    desk.quote("SPY", "98.50", "98.52")
    assert desk.status(stop) == "filled"
    assert desk.venue.order(stop).filled_average_price == d("98.50")
    assert desk.venue.positions() == []


def test_stop_limit_rests_at_its_limit_once_triggered() -> None:
    desk = Desk()
    desk.quote("SPY", "100.00", "100.02")
    order_id = desk.buy("SPY", "5", "stop_limit", stop="101", limit="101.05")
    desk.quote("SPY", "101.08", "101.10")
    assert desk.status(order_id) == "new"
    desk.quote("SPY", "100.90", "100.92")
    assert desk.venue.order(order_id).filled_average_price == d("101.05")


def test_ioc_cancels_its_rest_and_fok_is_all_or_nothing() -> None:
    desk = Desk()
    desk.quote("SPY", "100.00", "100.02", ask_size="4")
    desk.buy("SPY", "10", time_in_force="ioc")
    updates = desk.updates()
    assert [u.event for u in updates] == ["pending_new", "new", "partial_fill", "canceled"]
    assert updates[-1].order.filled_quantity == d("4")
    desk.quote("SPY", "100.00", "100.02", ask_size="4")
    desk.buy("SPY", "5", time_in_force="fok")
    assert desk.events() == ["pending_new", "new", "canceled"]
    desk.buy("SPY", "4", "limit", limit="100.02", time_in_force="fok")
    assert desk.events() == ["pending_new", "new", "fill"]
    desk.buy("SPY", "1", "limit", limit="90", time_in_force="ioc")
    assert desk.events() == ["pending_new", "new", "canceled"]


def test_order_before_the_open_waits_accepted_and_fills_on_the_sessions_first_quote() -> None:
    desk = Desk(now=OPEN - 60 * MINUTE)
    desk.quote("SPY", "90.00", "90.02")
    answer = desk.venue.submit(order("SPY", "buy", "10"), desk.now)
    assert answer.status == "accepted"
    assert desk.events() == ["accepted"]
    assert desk.venue.next_due() == OPEN
    desk.at(OPEN)
    assert desk.events() == ["new"]
    desk.quote("SPY", "100.00", "100.02")
    assert desk.venue.order(answer.id).filled_average_price == d("100.02")


def test_stale_quote_of_before_the_open_executes_nothing() -> None:
    desk = Desk(now=OPEN - 60 * MINUTE)
    desk.quote("SPY", "90.00", "90.02")
    desk.at(OPEN + SECOND)
    order_id = desk.buy("SPY", "10")
    assert desk.status(order_id) == "new"
    desk.quote("SPY", "100.00", "100.02")
    assert desk.status(order_id) == "filled"


def test_extended_hours_order_executes_before_the_open() -> None:
    desk = Desk(now=OPEN - 60 * MINUTE)
    desk.quote("SPY", "90.00", "90.02")
    order_id = desk.buy("SPY", "10", "limit", limit="91", extended_hours=True)
    assert desk.status(order_id) == "filled"


def test_extended_hours_day_order_expires_at_the_end_of_extended_hours() -> None:
    desk = Desk(now=OPEN)
    desk.quote("SPY", "90.00", "90.02")
    order_id = desk.buy("SPY", "10", "limit", limit="80", extended_hours=True)
    desk.at(CLOSE)
    assert desk.status(order_id) == "new"
    desk.at(CLOSE + 4 * 60 * MINUTE)
    assert desk.status(order_id) == "expired"


def test_day_order_expires_at_the_close_and_gtc_does_not() -> None:
    desk = Desk()
    desk.quote("SPY", "100.00", "100.02", ask_size="3")
    day = desk.buy("SPY", "10")
    gtc = desk.buy("SPY", "10", "limit", limit="90", time_in_force="gtc")
    desk.updates()
    assert desk.venue.next_due() == CLOSE
    desk.at(CLOSE)
    updates = desk.updates()
    assert [(u.event, u.order.id) for u in updates] == [("expired", day), ("done_for_day", gtc)]
    assert updates[0].order.filled_quantity == d("3")
    assert updates[0].order.expired_at is not None
    assert desk.status(gtc) == "done_for_day"
    desk.quote("SPY", "80.00", "80.02")
    assert desk.status(gtc) == "done_for_day", "nothing executes after the close"
    desk.at(OPEN + DAY)
    desk.quote("SPY", "80.00", "80.02")
    assert desk.status(gtc) == "filled"


def test_order_after_fridays_close_belongs_to_monday() -> None:
    friday_close = CLOSE + 3 * DAY
    desk = Desk(now=friday_close)
    desk.quote("SPY", "100.00", "100.02")
    order_id = desk.buy("SPY", "1")
    found = desk.venue.order(order_id)
    assert found.status == "accepted"
    assert found.expires_at == friday_close + 3 * DAY


def test_immediate_order_outside_hours_is_canceled() -> None:
    desk = Desk(now=CLOSE + MINUTE)
    desk.quote("SPY", "100.00", "100.02")
    order_id = desk.buy("SPY", "1", "limit", limit="101", time_in_force="ioc")
    assert desk.status(order_id) == "canceled"


def test_crypto_trades_at_night_and_pays_its_fee_in_coin() -> None:
    desk = Desk(now=CLOSE + 300 * MINUTE)
    desk.quote("ETH/USD", "349.99", "350.00", ask_size="5")
    desk.buy("ETHUSD", "1", time_in_force="gtc")
    fill = desk.updates()[-1]
    assert (fill.event, fill.quantity, fill.position_quantity) == ("fill", d("1"), d("0.9975"))
    position = desk.venue.position("ETHUSD")
    assert position.quantity == position.available == d("0.9975")
    assert position.asset.symbol == "ETH/USD"
    assert desk.venue.account().cash == (100_000 - 350) * 10**18
    desk.sell("ETH/USD", "0.9975")
    assert desk.venue.positions() == []
    value = d("349.99") * d("0.9975")
    assert desk.venue.account().cash == (100_000 - 350) * 10**18 + value - value * 25 // 10_000


def test_crypto_fee_cuts_the_position_as_recorded() -> None:
    desk = Desk()
    desk.quote("ETH/USD", "83643.10", "83643.11", ask_size="5")
    desk.buy("ETH/USD", "0.000175822")
    assert desk.updates()[-1].position_quantity == d("0.000175382")


def test_notional_order_stays_a_cent_below_its_notional() -> None:
    desk = Desk()
    desk.quote("KO", "86.87", "86.88")
    answer = desk.venue.submit(order("KO", "buy", None, notional="5"), desk.now)
    assert answer.quantity is None
    found = desk.venue.order(answer.id)
    assert found.status == "filled"
    assert found.quantity is None
    assert found.filled_quantity == (d("4.99") * 10**9) // d("86.88")
    assert found.filled_value <= d("4.99") * 10**9


def test_notional_sell_never_sells_more_than_it_holds() -> None:
    desk = Desk()
    desk.quote("KO", "50.00", "50.02")
    desk.buy("KO", "1.5")
    desk.quote("KO", "50.00", "50.02", bid_size="0.1")
    order_id = desk.send(order("KO", "sell", None, notional="70"))
    desk.quote("KO", "20.00", "20.02")
    assert desk.status(order_id) == "filled"
    assert desk.venue.order(order_id).filled_quantity == d("1.4")
    assert desk.venue.position("KO").quantity == d("0.1")


def test_price_improvement_prints_inside_the_spread_with_finer_decimals() -> None:
    desk = Desk(price_improvement=True, seed=3)
    for _ in range(20):
        desk.quote("KO", "86.87", "86.88")
        desk.buy("KO", "0.5")
    prices = {row.price for row in desk.venue.executions()}
    assert len(prices) > 1
    assert all(d("86.87") < price <= d("86.88") for price in prices)
    assert any(price % d("0.01") for price in prices)


def test_latencies_delay_the_acknowledgment_the_execution_and_the_cancel() -> None:
    desk = Desk(ack_latency=3 * SECOND, fill_latency=2 * SECOND, cancel_latency=SECOND)
    desk.quote("SPY", "100.00", "100.02")
    order_id = desk.buy("SPY", "10", "limit", limit="101")
    start = desk.now
    assert desk.events() == ["pending_new"]
    desk.at(start + 2 * SECOND)
    assert desk.status(order_id) == "pending_new"
    desk.at(start + 3 * SECOND)
    assert desk.events() == ["new"]
    desk.venue.cancel(order_id, desk.now)
    assert desk.events() == ["pending_cancel"]
    desk.quote("SPY", "100.00", "100.02", ask_size="4")
    assert desk.events() == [], "the fill latency holds for new quotes too"
    desk.at(start + 4 * SECOND)
    assert desk.events() == ["canceled"]


def test_a_pending_cancel_can_still_fill() -> None:
    desk = Desk(cancel_latency=10 * SECOND)
    desk.quote("SPY", "100.00", "100.02")
    part = desk.buy("SPY", "10", "limit", limit="99")
    whole = desk.buy("SPY", "2", "limit", limit="99.50")
    desk.venue.cancel(part, desk.now)
    desk.venue.cancel(whole, desk.now)
    desk.updates()
    desk.quote("SPY", "98.98", "99.00", ask_size="6")
    updates = desk.updates()
    assert [(u.event, u.order.status) for u in updates] == [
        ("fill", "filled"),
        ("partial_fill", "pending_cancel"),
    ]
    desk.at(desk.now + 10 * SECOND)
    assert desk.events() == ["canceled"]
    assert desk.venue.order(part).filled_quantity == d("4")
    assert desk.status(whole) == "filled"
