"""The account: margin, what open orders reserve, marks, average cost."""

from tests.unit.shell.exchange.venue_kit import Desk, d

DOLLAR = 10**18


def test_margin_account_has_twice_its_equity() -> None:
    desk = Desk()
    account = desk.venue.account()
    assert (account.cash, account.equity) == (100_000 * DOLLAR, 100_000 * DOLLAR)
    assert account.buying_power == account.regt_buying_power == 200_000 * DOLLAR
    assert account.non_marginable_buying_power == 100_000 * DOLLAR
    desk.quote("SPY", "100.00", "100.00")
    desk.buy("SPY", "1000")
    account = desk.venue.account()
    assert account.cash == 0
    assert account.equity == 100_000 * DOLLAR
    assert account.buying_power == 100_000 * DOLLAR
    assert account.non_marginable_buying_power == 0
    assert account.initial_margin == 50_000 * DOLLAR
    assert account.maintenance_margin == 30_000 * DOLLAR
    desk.quote("SPY", "100.00", "100.00")
    desk.buy("SPY", "1000")
    account = desk.venue.account()
    assert (account.cash, account.buying_power) == (-100_000 * DOLLAR, 0)


def test_cash_account_has_its_cash() -> None:
    desk = Desk(multiplier=1, cash=1_000 * DOLLAR)
    desk.quote("SPY", "100.00", "100.00")
    desk.buy("SPY", "4")
    account = desk.venue.account()
    assert account.buying_power == account.non_marginable_buying_power == 600 * DOLLAR


def test_open_buys_reserve_and_closing_sells_do_not() -> None:
    desk = Desk()
    desk.quote("SPY", "100.00", "100.00")
    desk.buy("SPY", "100")
    before = desk.venue.account().buying_power
    desk.sell("SPY", "100", "limit", limit="110")
    assert desk.venue.account().buying_power == before
    order_id = desk.buy("KO", "100", "limit", limit="50")
    assert desk.venue.account().buying_power == before - 5_000 * DOLLAR
    desk.venue.cancel(order_id, desk.now)
    assert desk.venue.account().buying_power == before


def test_a_waiting_market_buy_reserves_the_far_side_and_a_short_three_percent_more() -> None:
    desk = Desk(ack_latency=10)
    desk.quote("SPY", "100.00", "100.10")
    desk.buy("SPY", "10")
    assert desk.venue.account().buying_power == 200_000 * DOLLAR - 1_001 * DOLLAR
    desk.quote("KO", "50.00", "50.00")
    desk.sell("KO", "10")
    assert desk.venue.account().buying_power == 200_000 * DOLLAR - 1_001 * DOLLAR - 515 * DOLLAR


def test_partial_fill_moves_its_share_from_reserved_to_spent() -> None:
    desk = Desk()
    desk.quote("SPY", "100.00", "100.00", ask_size="4")
    desk.buy("SPY", "10", "limit", limit="100")
    account = desk.venue.account()
    assert account.cash == (100_000 - 400) * DOLLAR
    assert account.buying_power == (200_000 - 1_000) * DOLLAR


def test_shorts_count_against_buying_power_and_their_losses_against_equity() -> None:
    desk = Desk()
    desk.quote("SPY", "100.00", "100.00")
    desk.sell("SPY", "100")
    account = desk.venue.account()
    assert account.cash == 110_000 * DOLLAR
    assert account.short_market_value == -10_000 * DOLLAR
    assert account.buying_power == 190_000 * DOLLAR
    desk.quote("SPY", "110.00", "110.00")
    account = desk.venue.account()
    assert account.equity == 99_000 * DOLLAR
    position = desk.venue.position("SPY")
    assert (position.cost_basis, position.unrealized) == (-10_000 * DOLLAR, -1_000 * DOLLAR)


def test_positions_are_marked_at_the_middle_and_keep_their_average_cost() -> None:
    desk = Desk()
    desk.quote("SPY", "99.98", "100.00")
    desk.buy("SPY", "10")
    desk.quote("SPY", "102.97", "103.00")
    desk.buy("SPY", "20")
    desk.sell("SPY", "5")
    position = desk.venue.position("SPY")
    assert position.average_entry_price == d("102")
    assert position.cost_basis == 25 * 102 * DOLLAR
    assert position.current_price == d("102.985")
    assert position.market_value == 25 * 102_985 * DOLLAR // 1_000
    assert position.lastday_price == d("100")


def test_crypto_is_worth_its_cash_only() -> None:
    desk = Desk()
    desk.quote("ETH/USD", "350.00", "350.00")
    desk.buy("ETH/USD", "10", "limit", limit="340")
    account = desk.venue.account()
    assert account.non_marginable_buying_power == (100_000 - 3_400) * DOLLAR
    assert account.buying_power == (200_000 - 6_800) * DOLLAR


def test_equity_fees_when_set_are_charged_in_dollars_and_round_up() -> None:
    desk = Desk(equity_fee_bps=1)
    desk.quote("SPY", "100.00", "100.010000001")
    desk.buy("SPY", "0.123456789")
    value = d("100.010000001") * d("0.123456789")
    assert desk.venue.account().cash == 100_000 * DOLLAR - value - -(-value // 10_000)
