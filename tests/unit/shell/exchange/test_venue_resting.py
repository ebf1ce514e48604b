"""Orders parked at their prices: a day with them is the day of a venue that looks at every order."""

import random
from collections import Counter

import pytest

from kernel.reports import Quote
from kernel.units import Instant, Price, Quantity
from shell.exchange.venue.model import (
    OrderQuery,
    OrderRequest,
    Refused,
    ReplaceRequest,
    StopLoss,
    TakeProfit,
    VenueOrder,
)
from shell.exchange.venue.resting import Resting
from tests.unit.shell.exchange.venue_kit import DAY, SECOND, Desk, d, order

PRICES = {"SPY": 100, "KO": 50, "ETH/USD": 350}
STEPS = 700
LATENCY = 2 * SECOND


class Everything(Resting):
    """The slow twin: nothing is ever parked, so every quote looks at every open order."""

    def park(self, orders: object, quote: Quote) -> None:
        """Parks nothing."""


def desk_of(twin: bool) -> Desk:
    """A desk in its session with every quote."""
    desk = Desk(ack_latency=LATENCY // 4, fill_latency=LATENCY, replace_latency=LATENCY)
    if twin:
        desk.venue._engine.store.resting = Everything()
    for symbol, price in PRICES.items():
        desk.quote(symbol, f"{price}.00", f"{price}.02")
    return desk


def act(rng: random.Random, desk: Desk, seen: Counter[str]) -> None:
    """One step of a random day: quotes above all, and every kind of order, cancel, replace and halt."""
    symbol = rng.choice(sorted(PRICES))
    around = PRICES[symbol]
    level = around + rng.randrange(-8, 9) / 4
    roll = rng.randrange(20)
    if roll < 8:
        desk.at(desk.now + rng.randrange(1, 40) * SECOND // 10)
        bid, ask = f"{level:.2f}", f"{level + 0.02:.2f}"
        if rng.randrange(12) == 0:
            bid, ask = rng.choice((("0", ask), (bid, "0")))
        desk.quote(symbol, bid, ask, str(rng.randrange(1, 9)), str(rng.randrange(1, 9)))
        return
    if roll == 8:
        desk.at(desk.now + rng.choice((LATENCY, 3_600 * SECOND, DAY // 2)))
        return
    if roll == 9:
        office = desk.venue.back_office
        seen["halt"] += office.halt(symbol, desk.now) or office.resume(symbol, desk.now)
        return
    try:
        if roll < 13:
            open_orders = desk.venue.orders(OrderQuery(status="open", limit=500))
            if open_orders:
                change(rng, desk, rng.choice(open_orders), f"{level:.2f}", seen)
            return
        desk.venue.submit(made(rng, symbol, around, f"{level:.2f}", seen), desk.now)
    except Refused:
        seen["refused"] += 1


def change(rng: random.Random, desk: Desk, found: VenueOrder, level: str, seen: Counter[str]) -> None:
    """Cancels or replaces an order."""
    if rng.randrange(3) == 0:
        desk.venue.cancel(found.id, desk.now)
        seen["cancel"] += 1
        return
    changes = ReplaceRequest(limit_price=d(level))
    if found.limit_price is None:
        changes = ReplaceRequest(stop_price=d(level))
    desk.venue.replace(found.id, changes, desk.now)
    seen["replace"] += 1


def made(rng: random.Random, symbol: str, around: int, level: str, seen: Counter[str]) -> OrderRequest:
    """Some order."""
    side = rng.choice(("buy", "sell"))
    kinds = ["market", "limit", "limit", "limit", "stop_limit", "ioc"]
    if symbol != "ETH/USD":
        kinds += ["stop", "trailing_stop", "bracket", "gtc", "extended"]
    kind = rng.choice(kinds)
    seen[kind] += 1
    quantity = str(rng.randrange(1, 12))
    if kind == "market":
        return order(symbol, side, quantity)
    if kind == "stop":
        return order(symbol, side, quantity, "stop", stop=level)
    if kind == "stop_limit":
        return order(symbol, side, quantity, "stop_limit", stop=level, limit=level)
    if kind == "trailing_stop":
        return order(symbol, side, quantity, "trailing_stop", trail_price=d("0.75"))
    if kind == "bracket":
        return order(
            symbol,
            "buy",
            quantity,
            order_class="bracket",
            take_profit=TakeProfit(d(f"{around + 2}")),
            stop_loss=StopLoss(d(f"{around - 2}"), rng.choice((None, d(f"{around - 3}")))),
        )
    more: dict[str, object] = {"limit": level}
    if kind in ("ioc", "gtc"):
        more["time_in_force"] = kind
    if kind == "extended":
        more["extended_hours"] = True
    return order(symbol, side, quantity, "limit", **more)


@pytest.mark.parametrize("seed", range(12))
def test_a_day_is_the_same_as_when_every_order_is_looked_at(seed: int) -> None:
    fast, slow = desk_of(False), desk_of(True)
    seen, again = Counter[str](), Counter[str]()
    one, other = random.Random(seed), random.Random(seed)
    for _ in range(STEPS):
        act(one, fast, seen)
        act(other, slow, again)
        fast.venue.advance(fast.now)
        slow.venue.advance(slow.now)
        assert fast.updates() == slow.updates()
    assert seen == again
    assert fast.venue.executions() == slow.venue.executions()
    assert fast.venue.account() == slow.venue.account()
    assert len(fast.venue.executions()) > 20
    kinds = "market limit stop stop_limit trailing_stop bracket ioc gtc extended cancel replace halt"
    assert set(kinds.split()) <= seen.keys()


class Counting(Resting):
    """Counts what quotes look at."""

    looked = 0

    def reached(self, quote: Quote) -> list[VenueOrder]:
        """What is reached."""
        found = super().reached(quote)
        self.looked += len(found)
        return found


def test_a_quote_looks_at_what_it_may_fill_only() -> None:
    desk = Desk(cash=10**9 * 10**18)
    counting = desk.venue._engine.store.resting = Counting()
    desk.quote("SPY", "100.00", "100.02")
    for cents in range(300):
        desk.buy("SPY", "1", "limit", limit=f"{90 + cents / 100:.2f}")
    desk.quote("SPY", "100.00", "100.02")
    assert counting.looked == 300, "the first quote finds out"
    counting.looked = 0
    for _ in range(100):
        desk.quote("SPY", "100.00", "100.02")
    assert counting.looked == 0
    desk.quote("SPY", "92.96", "92.98")
    assert counting.looked == 2
    assert sum(row.quantity for row in desk.venue.executions()) == d("2")


def test_an_order_that_is_planned_anew_is_looked_at_again() -> None:
    desk = Desk()
    desk.quote("SPY", "100.00", "100.02")
    order_id = desk.buy("SPY", "1", "limit", limit="90")
    found = desk.venue.order(order_id)
    resting = desk.venue._engine.store.resting
    desk.quote("SPY", "100.00", "100.02")
    far = Quote(
        "SPY", Price(d("100")), Price(d("100.02")), Quantity(d("1")), Quantity(d("1")), Instant(desk.now)
    )
    assert resting.reached(far) == []
    desk.venue._engine.plan_match(found, desk.now)
    assert resting.reached(far) == [found]
    desk.venue.cancel(order_id, desk.now)
    assert resting.reached(far) == []
