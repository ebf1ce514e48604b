"""Any sequence of calls: books add up, nothing is held twice, sizes suffice, a rerun gives the same."""

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from shell.exchange.venue.model import OrderQuery, Refused, ReplaceRequest, Update
from tests.unit.shell.exchange.venue_kit import CLOSE, OPEN, SECOND, Desk, d, order

_SYMBOLS = ("SPY", "KO", "ETH/USD")
_PRICES = {"SPY": 10_000, "KO": 5_000, "ETH/USD": 35_000}


def _cents(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _random_order(rng: random.Random, desk: Desk) -> None:
    symbol = rng.choice(_SYMBOLS)
    side = rng.choice(("buy", "sell"))
    kind = rng.choice(("market", "limit", "limit", "stop", "stop_limit"))
    more: dict[str, object] = {}
    near = _PRICES[symbol] + rng.randrange(-60, 61)
    if "limit" in kind:
        more["limit"] = _cents(near)
    if "stop" in kind:
        more["stop"] = _cents(near + rng.randrange(-40, 41))
    if symbol != "ETH/USD":
        more["time_in_force"] = rng.choice(("day", "day", "gtc", "ioc", "fok"))
    elif rng.randrange(4) == 0:
        more["time_in_force"] = "ioc"
    quantity: str | None = rng.choice(("1", "3", "10", "0.5", "250", "2.718281828"))
    if rng.randrange(6) == 0:
        quantity, more["notional"] = None, rng.choice(("15", "100", "1000.55"))
    desk.send(order(symbol, side, quantity, kind, **more))


def _step(rng: random.Random, desk: Desk) -> None:
    roll = rng.randrange(10)
    if roll < 4:
        _random_order(rng, desk)
    elif roll < 7:
        symbol = rng.choice(_SYMBOLS)
        bid = _PRICES[symbol] + rng.randrange(-50, 51)
        sizes = [rng.choice(("0", "1", "5", "300")) for _ in range(2)]
        desk.quote(symbol, _cents(bid), _cents(bid + rng.randrange(1, 6)), *sizes)
    elif roll == 7:
        desk.at(desk.now + rng.randrange(1, 90 * 60) * SECOND)
    else:
        found = desk.venue.orders(OrderQuery())
        if found and roll == 8:
            desk.venue.cancel(rng.choice(found).id, desk.now)
        elif found:
            changes = ReplaceRequest(quantity=d(rng.choice(("2", "8", "20"))))
            desk.venue.replace(rng.choice(found).id, changes, desk.now)


def _run(seed: int, steps: int) -> tuple[Desk, list[Update], int]:
    rng = random.Random(seed)
    latency = rng.choice((0, 0, 7 * SECOND))
    desk = Desk(
        seed=seed,
        price_improvement=True,
        cancel_latency=latency,
        replace_latency=latency,
        ack_latency=rng.choice((0, 3 * SECOND)),
    )
    updates: list[Update] = []
    refused = 0
    for symbol in _SYMBOLS:
        desk.quote(symbol, _cents(_PRICES[symbol]), _cents(_PRICES[symbol] + 2))
    for _ in range(steps):
        try:
            _step(rng, desk)
        except Refused:
            refused += 1
        updates += desk.updates()
        _check(desk)
    return desk, updates, refused


def _check(desk: Desk) -> None:
    venue = desk.venue
    bought: Counter[str] = Counter()
    cash = 100_000 * 10**18
    for row in venue.executions():
        assert row.quantity > 0
        value = row.price * row.quantity
        crypto = row.symbol == "ETH/USD"
        if row.side == "buy":
            bought[row.symbol] += row.quantity * 9_975 // 10_000 if crypto else row.quantity
            cash -= value
        else:
            bought[row.symbol] -= row.quantity
            cash += value - (-(-value * 25 // 10_000) if crypto else 0)
    account = venue.account()
    assert account.cash == cash
    positions = {position.asset.symbol: position for position in venue.positions()}
    assert {s: p.quantity for s, p in positions.items()} == {s: q for s, q in bought.items() if q}
    assert account.equity == cash + sum(p.market_value for p in positions.values())
    assert account.buying_power >= 0
    for position in positions.values():
        assert 0 <= position.available * (1 if position.quantity > 0 else -1) <= abs(position.quantity)
    filled: Counter[str] = Counter()
    for row in venue.executions():
        filled[row.order_id] += row.quantity
    for found in venue.orders(OrderQuery(status="all", limit=500)):
        assert found.filled_quantity == filled[found.id]
        assert found.leaves >= 0
        assert found.is_open or found.reserved == found.held == 0
        if found.limit_price is not None and found.filled_average_price is not None:
            better = found.filled_average_price <= found.limit_price
            assert better if found.side == "buy" else found.filled_average_price >= found.limit_price


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_books_add_up_after_any_sequence(seed: int) -> None:
    desk, updates, _ = _run(seed, 120)
    ids = [update.event_id for update in updates]
    assert ids == sorted(set(ids))
    terminal = [
        u.order.id for u in updates if u.order.status in ("filled", "canceled", "expired", "rejected")
    ]
    assert len(terminal) == len(set(terminal)), "an order ends once"
    executions = [u.execution_id for u in updates if u.event in ("fill", "partial_fill")]
    assert executions == [row.execution_id for row in desk.venue.executions()]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32))
def test_the_same_calls_give_the_same_day(seed: int) -> None:
    one, two = _run(seed, 120), _run(seed, 120)
    assert one[1] == two[1]
    assert one[0].venue.account() == two[0].venue.account()


def test_the_random_day_reaches_what_it_should() -> None:
    events: Counter[str] = Counter()
    refused = 0
    for seed in range(12):
        _, updates, count = _run(seed, 120)
        events.update(update.event for update in updates)
        refused += count
    wanted = {"pending_new", "new", "fill", "partial_fill", "canceled", "expired", "replaced", "accepted"}
    assert wanted <= events.keys(), events
    assert refused > 100


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=12), st.integers(0, 20), st.booleans())
def test_executions_never_exceed_the_displayed_size(sizes: list[int], shown: int, sell: bool) -> None:
    desk = Desk(price_improvement=False)
    desk.quote("SPY", "100.00", "100.02", "0", "0")
    for size in sizes:
        if sell:
            desk.sell("SPY", str(size), "limit", limit="100.00")
        else:
            desk.buy("SPY", str(size))
    desk.quote("SPY", "100.00", "100.02", str(shown), str(shown))
    done = sum(row.quantity for row in desk.venue.executions())
    assert done == min(d(str(shown)), d(str(sum(sizes))))


def test_nothing_is_due_when_nothing_is_open() -> None:
    desk = Desk(now=OPEN)
    desk.quote("SPY", "100.00", "100.02")
    assert desk.venue.next_due() is None
    order_id = desk.buy("SPY", "1", "limit", limit="90")
    assert desk.venue.next_due() == CLOSE
    desk.venue.cancel(order_id, desk.now)
    assert desk.venue.next_due() is None
