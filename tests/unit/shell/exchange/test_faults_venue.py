"""Faults in the venue: busts, corrections, late fills, lost orders, halts, races; books stay exact."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shell.exchange.faults.agenda import Agenda
from shell.exchange.faults.draws import Draws
from shell.exchange.faults.orders import FOREIGN, OrderFaults
from shell.exchange.faults.plan import FaultPlan
from shell.exchange.venue.model import OrderQuery, Refused, ReplaceRequest, StopLoss, TakeProfit
from tests.unit.shell.exchange.venue_kit import CLOSE, SECOND, Desk, d, order

MINUTE = 60 * SECOND
CASH = 100_000 * 10**18


class Wicked(Desk):
    """A desk whose venue has order faults."""

    def __init__(
        self, kinds: dict[str, tuple[str, ...]] | None = None, seed: int = 0, **rates: float
    ) -> None:
        super().__init__()
        plan = FaultPlan(rates=rates, kinds=kinds or {})
        self.draws, self.agenda = Draws(plan, seed), Agenda()
        self.faults = OrderFaults(self.draws, self.agenda, self.venue)
        self.venue.set_tamper(self.faults)
        self.quote("SPY", "100.00", "100.02")
        self.quote("KO", "50.00", "50.02")
        self.quote("ETH/USD", "350.00", "350.20")
        self.updates()

    def later(self, seconds: int = 400) -> None:
        """Time goes by: what was put off is done."""
        self.at(self.now + seconds * SECOND)
        self.agenda.run(self.now)
        self.venue.advance(self.now)


# The back office


def test_a_bust_takes_an_execution_back() -> None:
    desk = Wicked()
    order_id = desk.buy("SPY", "10")
    desk.sell("SPY", "4")
    row = desk.venue.executions()[0]
    desk.updates()
    assert desk.venue.back_office.bust(row.execution_id, desk.now)
    (update,) = desk.updates()
    assert (update.event, update.previous_execution_id) == ("trade_bust", row.execution_id)
    assert (update.quantity, update.price, update.position_quantity) == (d("-10"), d("100.02"), d("-4"))
    assert update.execution_id not in (None, row.execution_id)
    assert (update.order.status, update.order.filled_quantity) == ("filled", 0)
    assert desk.status(order_id) == "filled"
    assert [kept.side for kept in desk.venue.executions()] == ["sell"]
    assert desk.venue.account().cash == CASH + d("4") * d("100.00")
    assert not desk.venue.back_office.bust(row.execution_id, desk.now), "it does not stand any more"


def test_a_bust_of_a_crypto_buy_gives_the_coins_back_net_of_fee() -> None:
    desk = Wicked()
    desk.buy("ETH/USD", "2")
    assert desk.venue.position("ETH/USD").quantity == d("1.995")
    desk.venue.back_office.bust(desk.venue.executions()[0].execution_id, desk.now)
    assert desk.venue.positions() == []
    assert desk.venue.account().cash == CASH


def test_a_bust_of_an_open_order_gives_it_more_to_execute() -> None:
    desk = Wicked()
    desk.quote("SPY", "100.00", "100.02", ask_size="3")
    order_id = desk.buy("SPY", "10")
    desk.venue.back_office.bust(desk.venue.executions()[0].execution_id, desk.now)
    assert (desk.status(order_id), desk.venue.order(order_id).leaves) == ("new", d("10"))
    desk.quote("SPY", "100.00", "100.02")
    assert desk.venue.position("SPY").quantity == d("10")


def test_a_correction_changes_figures_at_once() -> None:
    desk = Wicked()
    order_id = desk.buy("SPY", "10")
    row = desk.venue.executions()[0]
    desk.updates()
    assert desk.venue.back_office.correct(row.execution_id, d("8"), d("99.50"), desk.now)
    (update,) = desk.updates()
    assert (update.event, update.quantity, update.price) == ("trade_correct", d("8"), d("99.50"))
    (now,) = desk.venue.executions()
    assert (now.execution_id, now.quantity, now.price) == (update.execution_id, d("8"), d("99.50"))
    assert now.id != row.id
    found = desk.venue.order(order_id)
    assert (found.filled_quantity, found.filled_average_price) == (d("8"), d("99.50"))
    assert desk.venue.account().cash == CASH - d("8") * d("99.50")
    assert not desk.venue.back_office.correct(update.execution_id or "", d("11"), d("1"), desk.now)


def test_a_restated_order_wants_less() -> None:
    desk = Wicked()
    order_id = desk.buy("SPY", "10", "limit", limit="90")
    desk.updates()
    assert desk.venue.back_office.restate(order_id, d("9"), desk.now)
    assert desk.events() == ["restated"]
    assert desk.venue.order(order_id).reserved == d("9") * d("90")
    assert not desk.venue.back_office.restate(order_id, d("9"), desk.now), "it says that already"


def test_a_lost_order_is_found_by_nobody() -> None:
    desk = Wicked()
    order_id = desk.buy("SPY", "10", "limit", limit="90", client_order_id="mine")
    desk.updates()
    assert desk.venue.back_office.lose(order_id, desk.now)
    assert desk.events() == []
    with pytest.raises(Refused, match="order not found"):
        desk.venue.order(order_id)
    with pytest.raises(Refused, match="order not found"):
        desk.venue.order_by_client_id("mine")
    assert desk.venue.orders(OrderQuery(status="all")) == desk.venue.all_orders() == []
    assert [lost.client_order_id for lost in desk.venue.lost_orders()] == ["mine"]
    assert desk.venue.account().buying_power == Desk().venue.account().buying_power
    with pytest.raises(Refused, match="unique"):
        desk.buy("SPY", "1", client_order_id="mine")
    desk.quote("SPY", "80.00", "80.02")
    assert desk.venue.executions() == []


def test_a_halted_symbol_rests() -> None:
    desk = Wicked()
    resting = desk.buy("SPY", "10", "limit", limit="99")
    other = desk.buy("KO", "1", "limit", limit="49")
    desk.updates()
    assert desk.venue.back_office.halt("SPY", desk.now)
    assert not desk.venue.back_office.halt("SPY", desk.now)
    arriving = desk.buy("SPY", "1")
    desk.quote("SPY", "90.00", "90.02")
    assert [desk.status(each) for each in (resting, arriving, other)] == ["suspended", "new", "new"]
    assert desk.events() == ["suspended", "pending_new", "new"]
    desk.venue.back_office.resume("SPY", desk.now)
    assert desk.events() == ["new"]
    desk.later(1)
    assert [desk.status(each) for each in (resting, arriving)] == ["filled", "new"], "resumption looks at it"
    desk.quote("SPY", "90.00", "90.02")
    assert desk.status(arriving) == "filled"


def test_rules_of_an_asset_change_and_shares_move() -> None:
    desk = Wicked()
    desk.venue.back_office.change_asset("SPY", tradable=False)
    with pytest.raises(Refused, match="not tradable"):
        desk.buy("SPY", "1")
    assert [asset.tradable for asset in desk.venue.assets() if asset.symbol == "SPY"] == [False]
    desk.venue.back_office.change_asset("SPY", tradable=True)
    desk.buy("SPY", "1")
    cash = desk.venue.account().cash
    assert desk.venue.back_office.transfer("SPY", 2, desk.now)
    assert (desk.venue.position("SPY").quantity, desk.venue.account().cash) == (d("3"), cash)
    assert not desk.venue.back_office.transfer("SPY", -4, desk.now)


# Drawn


def test_late_fills_after_canceled_and_after_expired() -> None:
    desk = Wicked({"late_fill": ("after_end",)}, late_fill=1.0)
    canceled = desk.buy("SPY", "10", "limit", limit="99")
    expired = desk.buy("SPY", "5", "limit", limit="98")
    desk.venue.cancel(canceled, desk.now)
    desk.updates()
    desk.later(16)
    (update,) = desk.updates()
    assert update.event in ("fill", "partial_fill")
    assert (update.order.id, update.price) == (canceled, d("99"))
    assert update.order.canceled_at is not None
    desk.at(CLOSE)
    assert desk.events() == ["expired"]
    desk.later(16)
    assert desk.venue.order(expired).filled_quantity > 0
    assert desk.draws.counts == {"late_fill": 2}


def test_a_fill_after_the_cancel_was_taken() -> None:
    desk = Wicked({"late_fill": ("after_204",)}, late_fill=1.0)
    order_id = desk.buy("SPY", "10", "limit", limit="99")
    desk.updates()
    desk.venue.cancel(order_id, desk.now)
    assert desk.events() == ["pending_cancel", "partial_fill", "canceled"]
    assert desk.venue.order(order_id).filled_quantity == d("5")


def test_both_exits_of_a_bracket_fill() -> None:
    desk = Wicked({"late_fill": ("after_end",)}, late_fill=1.0)
    request = order("SPY", "buy", "10", order_class="bracket")
    request = request._replace(take_profit=TakeProfit(d("110")), stop_loss=StopLoss(d("95"), None))
    desk.send(request)
    desk.quote("SPY", "94.00", "94.02")
    assert desk.venue.positions() == []
    desk.later()
    position = desk.venue.position("SPY")
    assert position.quantity < 0, "the take-profit filled after its cancel"
    assert position.average_entry_price == d("110"), "what went through zero cost its own price"


@pytest.mark.parametrize(
    ("kind", "refused", "events", "status"),
    [
        ("filled", 'order is already in "filled" state', ["fill"], "filled"),
        ("refused", "order is not cancelable", [], "new"),
        ("rejected", None, ["pending_cancel", "order_cancel_rejected"], "new"),
    ],
)
def test_cancels_that_come_to_nothing(kind: str, refused: str | None, events: list[str], status: str) -> None:
    desk = Wicked({"cancel_rejected": (kind,)}, cancel_rejected=1.0)
    order_id = desk.buy("SPY", "10", "limit", limit="99")
    desk.updates()
    if refused is None:
        desk.venue.cancel(order_id, desk.now)
    else:
        with pytest.raises(Refused, match=refused):
            desk.venue.cancel(order_id, desk.now)
    assert (desk.events(), desk.status(order_id)) == (events, status)
    assert desk.draws.counts == {"cancel_rejected": 1}


def test_a_stuck_cancel_ends() -> None:
    ends = Counter[str]()
    for seed in range(12):
        desk = Wicked(seed=seed, stuck_cancel=1.0)
        order_id = desk.buy("SPY", "10", "limit", limit="99")
        desk.venue.cancel(order_id, desk.now)
        desk.later(299)
        assert desk.status(order_id) == "pending_cancel"
        with pytest.raises(Refused, match="pending cancel"):
            desk.venue.cancel(order_id, desk.now)
        desk.later(2)
        ends[desk.status(order_id)] += 1
    assert ends.keys() == {"canceled", "new"}


@pytest.mark.parametrize("fault", ["replace_race", "replace_rejected"])
def test_replaces_that_come_to_nothing(fault: str) -> None:
    desk = Wicked(None, 0, **{fault: 1.0})
    order_id = desk.buy("SPY", "10", "limit", limit="99")
    desk.updates()
    new = desk.venue.replace(order_id, ReplaceRequest(limit_price=d("98")), desk.now)
    assert (new.status, new.replaces) == ("pending_new", order_id)
    lost = fault == "replace_race"
    assert desk.events() == [
        "pending_replace", "pending_new", "fill" if lost else "order_replace_rejected", "rejected"
    ]  # fmt: skip
    assert (desk.status(order_id), desk.status(new.id)) == ("filled" if lost else "new", "rejected")
    assert desk.venue.order(order_id).replaced_by is None


def test_one_execution_becomes_several() -> None:
    desk = Wicked(partial_fills=1.0)
    whole, coins = desk.buy("SPY", "10"), desk.buy("ETH/USD", "1.5")
    rows = desk.venue.executions()
    shares = [row.quantity for row in rows if row.order_id == whole]
    assert sum(shares) == d("10")
    assert 2 <= len(shares) <= 5
    assert all(quantity % d("1") == 0 for quantity in shares)
    parts = [row.quantity for row in rows if row.order_id == coins]
    assert sum(parts) == d("1.5")
    assert any(quantity % d("0.1") for quantity in parts)
    assert desk.status(whole) == desk.status(coins) == "filled"
    assert [row.leaves_quantity for row in rows][len(shares) - 1] == 0


def test_executions_are_revised_later() -> None:
    events = Counter[str]()
    for seed in range(20):
        desk = Wicked(seed=seed, bust_correct=1.0)
        desk.buy("SPY", "10")
        desk.quote("KO", "50.00", "50.02", ask_size="3")
        desk.buy("KO", "10", "limit", limit="50.02")
        desk.updates()
        desk.later()
        events.update(desk.events())
    assert {"trade_bust", "trade_correct", "restated"} <= events.keys()


def test_orders_vanish_and_those_of_others_do_not() -> None:
    desk = Wicked(shadow_order=1.0)
    mine = desk.buy("SPY", "10", "limit", limit="90")
    desk.faults.others.add(f"{FOREIGN}000001")
    theirs = desk.buy("SPY", "10", "limit", limit="90", client_order_id=f"{FOREIGN}000001")
    filled = desk.buy("SPY", "1")
    desk.later()
    assert [each.id for each in desk.venue.all_orders()] == [theirs, filled]
    assert [each.id for each in desk.venue.lost_orders()] == [mine]


# Books


def _act(rng: random.Random, desk: Wicked) -> None:
    roll = rng.randrange(12)
    symbol = rng.choice(("SPY", "KO", "ETH/USD"))
    price = {"SPY": 100, "KO": 50, "ETH/USD": 350}[symbol]
    if roll < 3:
        more: dict[str, object] = {"limit": f"{price + rng.randrange(-3, 4)}.00"} if rng.randrange(2) else {}
        kind = "limit" if more else "market"
        quantity = rng.choice(("1", "4", "10", "2.5"))
        desk.send(order(symbol, rng.choice(("buy", "sell")), quantity, kind, **more))
    elif roll < 5 and symbol != "ETH/USD":
        request = order(symbol, "buy", rng.choice(("2", "9")), "market", order_class="bracket")
        above, below = TakeProfit(d(str(price + 3))), StopLoss(d(str(price - 3)), None)
        desk.send(request._replace(take_profit=above, stop_loss=below))
    elif roll < 9:
        bid = price + rng.randrange(-5, 6)
        sizes = [rng.choice(("0", "3", "300")) for _ in range(2)]
        desk.quote(symbol, f"{bid}.00", f"{bid}.02", *sizes)
    elif roll == 9:
        desk.later(rng.randrange(1, 900))
    else:
        found = desk.venue.orders(OrderQuery(status="all"))
        if found and roll == 10:
            desk.venue.cancel(rng.choice(found).id, desk.now)
        elif found:
            changes = ReplaceRequest(limit_price=d(str(price + rng.randrange(-2, 3))))
            desk.venue.replace(rng.choice(found).id, changes, desk.now)


def _check_books(desk: Desk) -> None:
    held: Counter[str] = Counter()
    filled: Counter[str] = Counter()
    cash = CASH
    for row in desk.venue.executions():
        value, crypto = row.price * row.quantity, row.symbol == "ETH/USD"
        filled[row.order_id] += row.quantity
        if row.side == "buy":
            held[row.symbol] += row.quantity * 9_975 // 10_000 if crypto else row.quantity
            cash -= value
        else:
            held[row.symbol] -= row.quantity
            cash += value - (-(-value * 25 // 10_000) if crypto else 0)
    assert desk.venue.account().cash == cash
    positions = {row.asset.symbol: row.quantity for row in desk.venue.positions()}
    assert positions == {symbol: quantity for symbol, quantity in held.items() if quantity}
    for each in desk.venue.all_orders():
        assert each.filled_quantity == filled[each.id]
        assert each.leaves >= 0
        assert each.is_open or each.reserved == each.held == 0
        if each.dormant or not each.holds:
            assert each.held == 0


RATES = dict.fromkeys(
    ("partial_fills", "late_fill", "cancel_rejected", "stuck_cancel", "replace_race", "replace_rejected",
     "bust_correct", "shadow_order"), 0.3
)  # fmt: skip


def _day(seed: int) -> Wicked:
    rng, desk = random.Random(seed), Wicked(None, seed, **RATES)
    for _ in range(100):
        try:
            _act(rng, desk)
        except Refused:
            continue
        finally:
            _check_books(desk)
    return desk


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32))
def test_books_add_up_whatever_fails(seed: int) -> None:
    desk = _day(seed)
    again = _day(seed)
    assert desk.updates() == again.updates()
    assert desk.draws.counts == again.draws.counts
    for each in desk.venue.all_orders():
        legs = each.legs or ()
        if legs and not each.is_open and each.status != "filled":
            assert not any(leg.is_open for leg in legs), "an entry that ended unfilled has no exits"
        if len(legs) == 2 and not all(leg.is_open for leg in legs):
            assert sum(leg.is_open for leg in legs) <= 1


def test_the_random_days_reach_every_fault() -> None:
    reached: Counter[str] = Counter()
    for seed in range(30):
        desk = _day(seed)
        reached.update(desk.draws.counts)
    assert all(reached[name] for name in RATES), reached


def test_what_goes_through_zero_costs_its_own_price() -> None:
    desk = Wicked()
    desk.buy("SPY", "10")
    resting = desk.sell("SPY", "10", "limit", limit="110")
    desk.venue.cancel(resting, desk.now)
    desk.sell("SPY", "7")
    assert desk.venue.back_office.late_fill(resting, None, desk.now)
    position = desk.venue.position("SPY")
    assert (position.quantity, position.average_entry_price) == (d("-7"), d("110"))
    assert desk.status(resting) == "filled"
    assert not desk.venue.back_office.late_fill(resting, None, desk.now), "nothing is left of it"
