"""Bracket, OCO and OTO: exits that wait, watch, shrink, end together, and are replaced."""

import pytest

from shell.exchange.venue.model import OrderQuery, Refused, ReplaceRequest, StopLoss, TakeProfit, VenueOrder
from tests.unit.shell.exchange.venue_kit import CLOSE, MINUTE, OPEN, SECOND, Desk, d, order, refusal

DAY = 86_400 * SECOND


def desk(**settings: object) -> Desk:
    made = Desk(**settings)  # type: ignore[arg-type]
    made.quote("SPY", "100.00", "100.02")
    made.quote("KO", "50.00", "50.02")
    made.updates()
    return made


def profit(price: str) -> TakeProfit:
    return TakeProfit(d(price))


def loss(stop: str, limit: str | None = None) -> StopLoss:
    return StopLoss(d(stop), None if limit is None else d(limit))


def bracket(at: Desk, quantity: str = "10", kind: str = "market", **more: object) -> list[VenueOrder]:
    """Entry, take-profit at 110, stop at 95."""
    fields: dict[str, object] = {"take_profit": profit("110"), "stop_loss": loss("95"), **more}
    request = order("SPY", "buy", quantity, kind, order_class="bracket", **fields)
    parent = at.venue.order(at.venue.submit(request, at.now).id)
    assert parent.legs is not None
    return [parent, *parent.legs]


def story(at: Desk, *orders: VenueOrder) -> list[tuple[str, int]]:
    """What was published: event and place of the order among those given."""
    ids = [each.id for each in orders]
    return [(update.event, ids.index(update.order.id)) for update in at.updates()]


def listed(at: Desk, status: str, nested: bool) -> set[str]:
    return {each.id for each in at.venue.orders(OrderQuery(status=status, nested=nested))}


def test_exits_wait_for_the_whole_entry_and_then_one_stands_and_one_watches() -> None:
    at = desk()
    at.quote("SPY", "100.00", "100.02", ask_size="4")
    entry, take, stop = bracket(at)
    assert [entry.order_class, take.order_class, stop.order_class] == ["bracket"] * 3
    assert [entry.status, take.status, stop.status] == ["partially_filled", "held", "held"]
    assert (take.type, take.side, take.position_intent) == ("limit", "sell", "sell_to_close")
    assert (stop.type, stop.stop_price, stop.quantity) == ("stop", d("95"), d("10"))
    assert at.venue.position("SPY").available == d("4"), "exits that wait hold nothing"
    assert story(at, entry, take, stop) == [
        ("pending_new", 0), ("held", 1), ("held", 2), ("new", 0), ("partial_fill", 0)
    ]  # fmt: skip
    at.quote("SPY", "120.00", "100.02")
    assert take.status == "new", "a dormant take-profit was not executed by the same quote"
    assert story(at, entry, take, stop) == [("fill", 0), ("new", 1)]
    assert (stop.status, stop.dormant, stop.held) == ("held", False, 0)
    assert at.venue.position("SPY").available == 0, "the take-profit holds the position for both"


def test_the_take_profit_fills_and_the_stop_is_canceled() -> None:
    at = desk()
    entry, take, stop = bracket(at)
    at.updates()
    at.quote("SPY", "111.00", "111.02")
    assert story(at, entry, take, stop) == [("fill", 1), ("canceled", 2)]
    assert take.filled_average_price == d("110")
    assert at.venue.positions() == []


def test_the_end_of_the_sibling_may_not_be_streamed() -> None:
    at = desk(sibling_cancel_streamed=False)
    entry, take, stop = bracket(at)
    at.updates()
    at.quote("SPY", "111.00", "111.02")
    assert story(at, entry, take, stop) == [("fill", 1)]
    assert stop.status == "canceled"


def test_the_stop_is_triggered() -> None:
    at = desk()
    entry, take, stop = bracket(at)
    at.updates()
    at.quote("SPY", "94.50", "94.52")
    assert story(at, entry, take, stop) == [("canceled", 1), ("new", 2), ("fill", 2)]
    assert stop.filled_average_price == d("94.50")
    assert at.venue.positions() == []


def test_a_stop_limit_exit_rests_after_it_was_triggered() -> None:
    at = desk()
    entry, take, stop = bracket(at, stop_loss=loss("95", "94.90"))
    at.updates()
    at.quote("SPY", "94.50", "94.52")
    assert story(at, entry, take, stop) == [("canceled", 1), ("new", 2)]
    assert (stop.status, stop.held) == ("new", d("10"))
    at.quote("SPY", "94.95", "94.97")
    assert (stop.status, stop.filled_average_price) == ("filled", d("94.90"))


def test_a_take_profit_filled_in_part_shrinks_the_stop() -> None:
    at = desk()
    entry, take, stop = bracket(at)
    at.updates()
    at.quote("SPY", "110.00", "110.02", bid_size="3")
    assert story(at, entry, take, stop) == [("partial_fill", 1), ("restated", 2)]
    assert (take.leaves, stop.quantity, stop.status) == (d("7"), d("7"), "held")
    at.quote("SPY", "94.00", "94.02")
    assert (take.status, stop.status, stop.filled_quantity) == ("canceled", "filled", d("7"))
    assert at.venue.positions() == []


@pytest.mark.parametrize("member", [0, 1, 2])
def test_canceling_any_member_before_the_entry_filled_ends_all(member: int) -> None:
    at = desk()
    members = bracket(at, kind="limit", limit="90", stop_loss=loss("80"))
    at.updates()
    at.venue.cancel(members[member].id, at.now)
    assert [each.status for each in members] == ["canceled"] * 3
    assert sorted(story(at, *members)) == [("canceled", 0), ("canceled", 1), ("canceled", 2)]
    assert at.venue.account().buying_power == Desk().venue.account().buying_power


@pytest.mark.parametrize("member", [1, 2])
def test_canceling_an_exit_cancels_the_other_and_frees_the_position(member: int) -> None:
    at = desk()
    members = bracket(at)
    at.venue.cancel(members[member].id, at.now)
    assert [each.status for each in members] == ["filled", "canceled", "canceled"]
    assert at.venue.position("SPY").available == d("10")


def test_an_entry_canceled_after_a_part_leaves_a_naked_position() -> None:
    at = desk()
    at.quote("SPY", "100.00", "100.02", ask_size="4")
    members = bracket(at)
    at.venue.cancel(members[0].id, at.now)
    assert [each.status for each in members] == ["canceled"] * 3
    assert at.venue.position("SPY").quantity == at.venue.position("SPY").available == d("4")
    assert listed(at, "open", nested=True) == set()


def test_day_members_expire_together() -> None:
    at = desk()
    members = bracket(at, kind="limit", limit="90", stop_loss=loss("80"))
    filled = bracket(at)
    at.at(CLOSE)
    assert [each.status for each in members] == ["expired"] * 3
    assert [each.status for each in filled] == ["filled", "expired", "expired"]


def test_lists_flat_and_nested() -> None:
    at = desk()
    waiting = bracket(at, kind="limit", limit="90", stop_loss=loss("80"))
    filled = bracket(at, "5")
    simple = at.buy("KO", "1", "limit", limit="40")
    assert listed(at, "open", nested=False) == {waiting[0].id, filled[1].id, simple}
    assert listed(at, "open", nested=True) == {waiting[0].id, filled[0].id, simple}
    assert listed(at, "closed", nested=False) == {filled[0].id}
    assert listed(at, "closed", nested=True) == set(), "its exits are open"
    assert len(listed(at, "all", nested=False)) == 7
    for each in at.venue.orders(OrderQuery(status="all")):
        assert each.legs is None
    nested = at.venue.orders(OrderQuery(status="open", nested=True, direction="asc"))
    assert [each.id for each in nested] == [waiting[0].id, filled[0].id, simple]
    assert at.venue.order(filled[0].id, nested=False).legs is None
    assert at.venue.order(filled[0].id).legs == (filled[1], filled[2])


def test_oco_closes_a_position_and_its_stop_watches_from_the_start() -> None:
    at = desk()
    at.buy("SPY", "10")
    request = order("SPY", "sell", "10", "limit", order_class="oco", limit="112",
                    take_profit=profit("110"), stop_loss=loss("95"))  # fmt: skip
    parent = at.venue.order(at.venue.submit(request, at.now).id)
    assert parent.limit_price == d("110"), "the take-profit's limit counts"
    assert parent.legs is not None
    (stop,) = parent.legs
    assert (parent.status, stop.status, stop.dormant) == ("new", "held", False)
    assert at.venue.position("SPY").available == 0
    at.updates()
    at.quote("SPY", "95.00", "95.02")
    assert story(at, parent, stop) == [("canceled", 0), ("new", 1), ("fill", 1)]


@pytest.mark.parametrize("leg", ["take_profit", "stop_loss"])
def test_oto_has_one_exit_that_stands(leg: str) -> None:
    at = desk()
    exits: dict[str, object] = {"take_profit": profit("110")}
    if leg == "stop_loss":
        exits = {"stop_loss": loss("95")}
    parent = at.venue.order(at.send(order("SPY", "buy", "10", "market", order_class="oto", **exits)))
    assert parent.legs is not None
    (exit_,) = parent.legs
    assert (exit_.status, exit_.held) == ("new", d("10"))
    price = "110.00" if leg == "take_profit" else "95.00"
    at.quote("SPY", price, price[:-1] + "2")
    assert exit_.status == "filled"
    assert at.venue.positions() == []


def test_a_short_bracket_is_the_mirror_image() -> None:
    at = desk()
    request = order(
        "SPY", "sell", "10", order_class="bracket", take_profit=profit("90"), stop_loss=loss("105")
    )
    parent = at.venue.order(at.send(request))
    assert parent.legs is not None
    assert [leg.side for leg in parent.legs] == ["buy", "buy"]
    at.quote("SPY", "105.00", "105.02")
    assert [leg.status for leg in parent.legs] == ["canceled", "filled"]
    assert at.venue.positions() == []


def test_exits_that_find_the_position_gone_are_rejected() -> None:
    at = desk()
    at.quote("SPY", "100.00", "100.02", ask_size="4")
    entry, take, stop = bracket(at)
    at.sell("SPY", "4")
    at.quote("SPY", "100.00", "100.02")
    assert (entry.status, take.status, stop.status) == ("filled", "rejected", "rejected")
    assert at.venue.position("SPY").available == d("6")


# Replacing


def test_exits_are_replaced_in_their_places() -> None:
    at = desk()
    entry, take, stop = bracket(at)
    at.updates()
    higher = at.venue.replace(take.id, ReplaceRequest(limit_price=d("111")), at.now)
    tighter = at.venue.replace(stop.id, ReplaceRequest(stop_price=d("97")), at.now)
    assert entry.legs is not None
    assert [leg.id for leg in entry.legs] == [higher.id, tighter.id]
    assert [leg.status for leg in entry.legs] == ["new", "held"]
    assert story(at, take, at.venue.order(higher.id), stop, at.venue.order(tighter.id)) == [
        ("pending_new", 1), ("replaced", 0), ("new", 1), ("pending_new", 3), ("replaced", 2), ("held", 3)
    ]  # fmt: skip
    assert at.venue.position("SPY").available == 0
    at.quote("SPY", "97.00", "97.02")
    assert [leg.status for leg in entry.legs] == ["canceled", "filled"]
    assert at.venue.positions() == []


def test_a_replaced_entry_keeps_its_exits() -> None:
    at = desk()
    entry, take, stop = bracket(at, kind="limit", limit="90", stop_loss=loss("80"))
    new = at.venue.order(at.venue.replace(entry.id, ReplaceRequest(limit_price=d("91")), at.now).id)
    assert (new.legs, entry.legs) == ((take, stop), None)
    at.quote("SPY", "90.90", "90.92")
    assert [new.status, take.status, stop.status] == ["filled", "new", "held"]
    assert take.parent_id == new.id


@pytest.mark.parametrize(
    ("member", "changes", "text"),
    [
        (1, ReplaceRequest(limit_price=d("94")), "take_profit.limit_price must be on the other side"),
        (2, ReplaceRequest(stop_price=d("100.50")), "stop price must be less than current price"),
        (1, ReplaceRequest(quantity=d("5")), "qty of a complex order cannot be replaced"),
        (0, ReplaceRequest(limit_price=d("99")), "order is not open"),
    ],
)
def test_replacements_that_members_do_not_allow(member: int, changes: ReplaceRequest, text: str) -> None:
    at = desk()
    members = bracket(at)
    before = [each.snapshot() for each in members]
    with pytest.raises(Refused) as caught:
        at.venue.replace(members[member].id, changes, at.now)
    assert text in caught.value.message
    assert [each.snapshot() for each in members] == before


def test_a_dormant_exit_cannot_be_replaced() -> None:
    at = desk()
    members = bracket(at, kind="limit", limit="90", stop_loss=loss("80"))
    with pytest.raises(Refused, match="not open"):
        at.venue.replace(members[2].id, ReplaceRequest(stop_price=d("81")), at.now)


# Refusals

RULE = (422, 42210000)
PARAMETER = (422, 40010001)


@pytest.mark.parametrize(
    ("fields", "code", "text"),
    [
        ({"stop_loss": None}, PARAMETER, "bracket orders require stop_loss.stop_price"),
        ({"take_profit": None}, PARAMETER, "bracket orders require take_profit.limit_price"),
        ({"take_profit": profit("100.00")}, RULE, "take_profit.limit_price must be >= base_price + 0.01"),
        ({"stop_loss": loss("100.01")}, RULE, "stop_loss.stop_price must be <= base_price - 0.01"),
        ({"stop_loss": loss("95.001")}, RULE, "invalid stop_loss.stop_price 95.001. sub-penny"),
        ({"quantity": d("1.5")}, RULE, "fractional orders must be simple orders"),
        ({"time_in_force": "ioc"}, RULE, "bracket orders must be DAY or GTC orders"),
        ({"order_class": "oto"}, PARAMETER, "oto orders require either take_profit or stop_loss"),
        ({"order_class": "oco"}, RULE, "oco orders must be limit orders"),
        ({"order_class": "mleg"}, RULE, "order_class mleg is not supported"),
        ({"symbol": "ETH/USD", "time_in_force": "gtc"}, RULE, "crypto orders not allowed"),
    ],
)
def test_unsound_complex_orders(fields: dict[str, object], code: tuple[int, int], text: str) -> None:
    at = desk()
    at.quote("ETH/USD", "100.00", "100.02")
    sound = order("SPY", "buy", "10", order_class="bracket", take_profit=profit("110"), stop_loss=loss("95"))
    status, number, message = refusal(at, sound._replace(**fields))  # type: ignore[arg-type]
    assert (status, number) == code
    assert text in message
    assert at.venue.all_orders() == []


def test_entries_enter_and_exits_exit() -> None:
    at = desk()
    exits: dict[str, object] = {"take_profit": profit("110"), "stop_loss": loss("95")}
    assert "must be exit orders" in refusal(
        at, order("SPY", "sell", "1", "limit", limit="110", order_class="oco", **exits)
    )[2]  # fmt: skip
    at.buy("SPY", "10")
    down: dict[str, object] = {"take_profit": profit("90"), "stop_loss": loss("105")}
    assert (
        "must be entry orders"
        in refusal(at, order("SPY", "sell", "1", "market", order_class="bracket", **down))[2]
    )


def test_complex_orders_are_exempt_from_the_wash_table() -> None:
    at = desk()
    members = bracket(at)
    assert at.venue.order(at.buy("SPY", "1")).status == "filled", (
        "a bracket's exits do not stand against a buy"
    )
    at.quote("SPY", "100.00", "100.02")
    at.sell("SPY", "1", "limit", limit="120")
    assert refusal(at, order("SPY", "buy", "1"))[2].startswith("potential wash trade")
    assert bracket(at, "2")[0].status == "filled"
    assert members[1].status == "new"


# Trailing stops and the days of gtc orders


def test_a_trailing_stop_follows_and_then_sells() -> None:
    at = desk()
    at.buy("SPY", "10")
    order_id = at.sell("SPY", "10", "trailing_stop", trail_price=d("2"))
    trailing = at.venue.order(order_id)
    assert (trailing.hwm, trailing.stop_price) == (d("100.01"), d("98.01"))
    at.quote("SPY", "104.00", "104.02")
    at.quote("SPY", "102.50", "102.52")
    assert (trailing.hwm, trailing.stop_price, trailing.status) == (d("104"), d("102"), "new")
    new = at.venue.order(at.venue.replace(order_id, ReplaceRequest(trail=d("1.70")), at.now).id)
    assert (new.stop_price, new.status) == (d("102.30"), "new")
    at.quote("SPY", "102.30", "102.32")
    assert (new.status, new.filled_average_price) == ("filled", d("102.30"))


def test_a_trailing_buy_by_percent_stays_above() -> None:
    at = desk()
    trailing = at.venue.order(at.buy("SPY", "10", "trailing_stop", trail_percent=d("1")))
    at.quote("SPY", "90.00", "90.02")
    assert (trailing.hwm, trailing.stop_price) == (d("90.02"), d("90.93")), "rounded away from the market"
    at.quote("SPY", "90.91", "90.93")
    assert trailing.status == "filled"


def test_a_gtc_order_sleeps_at_night() -> None:
    at = desk()
    order_id = at.buy("SPY", "10", "limit", limit="90", time_in_force="gtc")
    at.updates()
    at.at(CLOSE)
    assert at.events() == ["done_for_day"]
    at.quote("SPY", "80.00", "80.02")
    assert at.status(order_id) == "done_for_day"
    at.at(OPEN + DAY)
    assert at.events() == ["new"]
    at.at(at.now + MINUTE)
    at.quote("SPY", "80.00", "80.02")
    assert at.status(order_id) == "filled"
