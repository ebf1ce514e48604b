"""Replacing: chains, the race with a fill, and who holds what meanwhile."""

import pytest

from shell.exchange.venue.model import Refused, ReplaceRequest
from tests.unit.shell.exchange.venue_kit import CLOSE, SECOND, Desk, d


def test_replace_makes_a_new_order_of_the_same_chain() -> None:
    desk = Desk()
    desk.quote("SPY", "100.00", "100.02")
    old = desk.buy("SPY", "10", "limit", limit="99", client_order_id="a")
    desk.quote("SPY", "98.98", "99.00", ask_size="3")
    desk.updates()
    answer = desk.venue.replace(old, ReplaceRequest(limit_price=d("98.50"), client_order_id="b"), desk.now)
    assert (answer.status, answer.replaces, answer.client_order_id) == ("pending_new", old, "b")
    assert (answer.quantity, answer.filled_quantity) == (d("10"), 0)
    updates = desk.updates()
    assert [(u.event, u.order.client_order_id) for u in updates] == [
        ("pending_new", "b"),
        ("replaced", "a"),
        ("new", "b"),
    ]
    assert updates[1].order.replaced_by == answer.id
    assert updates[1].order.filled_quantity == d("3")
    assert updates[1].order.replaced_at is not None
    desk.quote("SPY", "98.48", "98.50")
    new = desk.venue.order(answer.id)
    assert (new.status, new.filled_quantity, new.leaves) == ("filled", d("7"), 0)
    assert new.expires_at == CLOSE
    assert desk.venue.position("SPY").quantity == d("10")


def test_replace_cannot_go_below_what_the_chain_filled() -> None:
    desk = Desk()
    desk.quote("SPY", "100.00", "100.02", ask_size="3")
    old = desk.buy("SPY", "10", "limit", limit="101")
    with pytest.raises(Refused, match="qty must be > filled_qty"):
        desk.venue.replace(old, ReplaceRequest(quantity=d("3")), desk.now)
    new = desk.venue.replace(old, ReplaceRequest(quantity=d("4")), desk.now)
    with pytest.raises(Refused, match="qty must be > filled_qty"):
        desk.venue.replace(new.id, ReplaceRequest(quantity=d("2")), desk.now)


def test_replace_releases_the_old_holds() -> None:
    desk = Desk()
    desk.quote("SPY", "100.00", "100.02")
    desk.buy("SPY", "10")
    sell = desk.sell("SPY", "10", "limit", limit="110")
    desk.venue.replace(sell, ReplaceRequest(limit_price=d("111")), desk.now)
    assert desk.venue.position("SPY").available == 0
    cash = desk.venue.account().buying_power
    buy = desk.buy("KO", "100", "limit", limit="40")
    assert desk.venue.account().buying_power == cash - 4_000 * 10**18
    new = desk.venue.replace(buy, ReplaceRequest(limit_price=d("41")), desk.now)
    assert desk.venue.account().buying_power == cash - 4_100 * 10**18
    all_of_it = cash // (41 * 10**18)
    bigger = desk.venue.replace(new.id, ReplaceRequest(quantity=all_of_it * 10**9), desk.now)
    assert desk.venue.order(bigger.id).status == "new"
    with pytest.raises(Refused, match="insufficient buying power"):
        desk.venue.replace(bigger.id, ReplaceRequest(quantity=(all_of_it + 1) * 10**9), desk.now)


def test_a_replaced_order_loses_its_place_in_time() -> None:
    desk = Desk()
    desk.quote("SPY", "100.00", "100.02")
    first = desk.buy("SPY", "5", "limit", limit="99")
    second = desk.buy("SPY", "5", "limit", limit="99")
    new = desk.venue.replace(first, ReplaceRequest(quantity=d("6")), desk.now)
    desk.quote("SPY", "98.98", "99.00", ask_size="5")
    assert desk.status(second) == "filled"
    assert desk.venue.order(new.id).filled_quantity == 0


def test_replace_that_loses_to_a_fill_is_rejected() -> None:
    desk = Desk(replace_latency=10 * SECOND)
    desk.quote("SPY", "100.00", "100.02")
    old = desk.buy("SPY", "5", "limit", limit="99")
    desk.updates()
    new = desk.venue.replace(old, ReplaceRequest(limit_price=d("98")), desk.now)
    assert [(u.event, u.order.id) for u in desk.updates()] == [
        ("pending_replace", old),
        ("pending_new", new.id),
    ]
    for order_id in (old, new.id):
        with pytest.raises(Refused, match="not cancelable"):
            desk.venue.cancel(order_id, desk.now)
    desk.quote("SPY", "98.98", "99.00")
    desk.at(desk.now + 10 * SECOND)
    assert [(u.event, u.order.id) for u in desk.updates()] == [("fill", old), ("rejected", new.id)]
    assert desk.venue.order(new.id).failed_at is not None
    assert desk.venue.order(old).replaced_by is None
    assert desk.venue.position("SPY").quantity == d("5")


def test_replace_overtaken_by_a_partial_fill_is_rejected_and_the_old_order_lives_on() -> None:
    desk = Desk(replace_latency=10 * SECOND)
    desk.quote("SPY", "100.00", "100.02")
    old = desk.buy("SPY", "10", "limit", limit="99")
    new = desk.venue.replace(old, ReplaceRequest(quantity=d("4")), desk.now)
    desk.quote("SPY", "98.98", "99.00", ask_size="6")
    desk.updates()
    desk.at(desk.now + 10 * SECOND)
    updates = desk.updates()
    assert [(u.event, u.order.id, u.order.status) for u in updates] == [
        ("order_replace_rejected", old, "partially_filled"),
        ("rejected", new.id, "rejected"),
    ]
    desk.venue.cancel(old, desk.now)
    assert desk.status(old) == "canceled"
    assert desk.venue.account().buying_power == 2 * desk.venue.account().equity - 6 * 98_990 * 10**15


def test_a_triggered_stop_stays_triggered_through_a_replace() -> None:
    desk = Desk()
    desk.quote("SPY", "100.00", "100.02")
    old = desk.buy("SPY", "5", "stop_limit", stop="101", limit="101.05")
    desk.quote("SPY", "101.08", "101.10")
    new = desk.venue.replace(old, ReplaceRequest(limit_price=d("101.10")), desk.now)
    assert desk.venue.order(new.id).filled_average_price == d("101.10")


def test_a_pending_replace_holds_the_greater_of_both() -> None:
    desk = Desk(replace_latency=10 * SECOND)
    desk.quote("SPY", "100.00", "100.02")
    desk.buy("SPY", "10")
    old = desk.sell("SPY", "2", "limit", limit="110")
    desk.venue.replace(old, ReplaceRequest(quantity=d("9")), desk.now)
    assert desk.venue.position("SPY").available == d("1")
    with pytest.raises(Refused, match="insufficient qty available"):
        desk.sell("SPY", "2", "limit", limit="110")
    desk.at(desk.now + 10 * SECOND)
    assert desk.venue.position("SPY").available == d("1")
    power = desk.venue.account().buying_power
    buy = desk.buy("KO", "10", "limit", limit="40")
    desk.quote("KO", "50.00", "50.02")
    desk.venue.replace(buy, ReplaceRequest(quantity=d("4")), desk.now)
    assert desk.venue.account().buying_power == power - 400 * 10**18
    desk.at(desk.now + 10 * SECOND)
    assert desk.venue.account().buying_power == power - 160 * 10**18
