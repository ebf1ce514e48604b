"""Holdings: seats, net positions, cash, fees, days and round trips agree with the fills, in any order."""

from hypothesis import given
from hypothesis import strategies as st
from immutables import Map

from kernel.portfolio.holdings import (
    NO_HOLDINGS,
    TRIPS_MAX,
    Fill,
    Holdings,
    book_fill,
    equity,
    net_position,
    position_of,
    taken_fee,
    today_of,
)
from kernel.sides import Side
from kernel.units import SCALE, Instant, Price, Quantity, Ratio, Value

FEE = Ratio(2_500_000)
BUY, SELL = Side.BUY, Side.SELL


def fill(
    side: Side, quantity: int, price: int, *, seat: str = "a/SPY", at: int = 1, day: int = 20240102
) -> Fill:
    """A fill of whole shares without fees."""
    amount = Quantity(quantity * SCALE)
    worth = Value(amount * price * SCALE)
    symbol = seat.partition("/")[2]
    return Fill(seat, symbol, side, amount, worth, Quantity(0), Value(0), Instant(at), day)


def booked(*fills: Fill) -> Holdings:
    holdings = NO_HOLDINGS
    for one in fills:
        holdings, _ = book_fill(holdings, one)
    return holdings


def coin(side: Side, quantity: int, value: int) -> Fill:
    """A coin's fill with Alpaca's fee."""
    amount, worth = Quantity(quantity), Value(value)
    fee_quantity, fee_value = taken_fee(side, amount, worth, FEE)
    return Fill("a/BTC/USD", "BTC/USD", side, amount, worth, fee_quantity, fee_value, Instant(1), 20240102)


rows = st.lists(
    st.tuples(
        st.sampled_from(["a/SPY", "b/SPY", "a/BTC/USD"]),
        st.sampled_from(list(Side)),
        st.integers(1, 50),
        st.integers(1, 500),
    ),
    max_size=20,
)


@given(rows)
def test_seats_add_up_to_the_account_and_cash_to_what_was_paid(
    given_rows: list[tuple[str, Side, int, int]],
) -> None:
    holdings = booked(*(fill(side, q, p, seat=seat) for seat, side, q, p in given_rows))
    for symbol in ("SPY", "BTC/USD"):
        seats = [seat for seat in holdings.seats if seat.partition("/")[2] == symbol]
        assert net_position(holdings, symbol) == sum(holdings.seats[seat].quantity for seat in seats)
    signed = sum((1 if side is BUY else -1) * q * p for _, side, q, p in given_rows)
    assert holdings.cash_flow == -signed * SCALE * SCALE
    total = sum(position.cost - position.realized for position in holdings.seats.values())
    assert total == -holdings.cash_flow
    marks = Map({"SPY": Price(7), "BTC/USD": Price(9)})
    worth = sum(q * (7 if s == "SPY" else 9) for s, q in holdings.net.items())
    assert equity(holdings, Value(5), marks) == 5 + holdings.cash_flow + worth


def test_a_round_trip_has_its_profit_and_its_largest_size() -> None:
    holdings, trip = book_fill(booked(fill(BUY, 10, 100), fill(SELL, 4, 110, at=2)), fill(SELL, 6, 90, at=3))
    assert trip is not None
    assert (trip.opened_at, trip.closed_at, trip.quantity) == (1, 3, 10 * SCALE)
    assert trip.profit == (40 - 60) * SCALE * SCALE
    assert holdings.trips == (trip,)


def test_a_turn_at_one_instant_ends_one_trip_and_begins_another() -> None:
    holdings = booked(fill(BUY, 10, 100), fill(SELL, 15, 110), fill(BUY, 5, 100))
    assert holdings.trip_count == 2
    assert [trip.quantity for trip in holdings.trips] == [10 * SCALE, 5 * SCALE]
    assert today_of(holdings, "a/SPY", 20240102)[0] == 2


def test_days_start_anew() -> None:
    holdings = booked(fill(BUY, 10, 100), fill(SELL, 10, 101))
    assert today_of(holdings, "a/SPY", 20240102) == (1, 10 * SCALE * SCALE)
    assert today_of(holdings, "a/SPY", 20240103) == (0, 0)
    holdings, _ = book_fill(holdings, fill(BUY, 1, 100, day=20240103))
    assert today_of(holdings, "a/SPY", 20240103) == (1, 0)


def test_trips_kept_are_bounded_and_counted() -> None:
    holdings = booked(*(fill(side, 1, 100, at=n) for n in range(1, TRIPS_MAX + 20) for side in (BUY, SELL)))
    assert len(holdings.trips) == TRIPS_MAX
    assert holdings.trip_count == TRIPS_MAX + 19


def test_coins_pay_in_the_coin_on_a_buy_and_in_cash_on_a_sell() -> None:
    bought = booked(coin(BUY, SCALE, 100 * SCALE * SCALE))
    assert net_position(bought, "BTC/USD") == SCALE - 2_500_000
    assert (bought.cash_flow, bought.fees) == (-100 * SCALE * SCALE, 0)
    sold, _ = book_fill(bought, coin(SELL, SCALE - 2_500_000, 100 * SCALE * SCALE))
    assert sold.fees == 250_000_000 * SCALE
    assert position_of(sold, "a/BTC/USD").quantity == 0


@given(st.sampled_from(list(Side)), st.integers(1, 10**13), st.integers(1, 10**30))
def test_a_bust_gives_the_fee_back(side: Side, quantity: int, value: int) -> None:
    holdings = booked(coin(side, quantity, value), coin(side, -quantity, -value))
    assert net_position(holdings, "BTC/USD") == 0
    assert (holdings.cash_flow, holdings.fees) == (0, 0)


@given(st.sampled_from(list(Side)), st.integers(1, 10**13), st.integers(1, 10**30))
def test_a_fee_is_rounded_against_us_by_less_than_one(side: Side, quantity: int, value: int) -> None:
    coins, cash = taken_fee(side, Quantity(quantity), Value(value), FEE)
    amount, fee = (quantity, coins) if side is BUY else (value, cash)
    assert 0 <= fee * SCALE - amount * FEE < SCALE
