"""A market in time: four quotes a bar, closed bars only, no lookahead; and whole days through the venue."""

import os
from pathlib import Path

import pytest

from kernel.reports import Bar
from kernel.units import Instant, Price, Quantity
from shell.exchange.market.csvfile import QuoteBar, load_files
from shell.exchange.market.session import MarketSession, MarketSettings, MarketStep, assets_for
from shell.exchange.market.synthetic import make_session
from shell.exchange.venue.model import OrderQuery, OrderRequest, Update, VenueSettings
from shell.exchange.venue.venue import Venue
from tests.unit.shell.exchange.venue_kit import MINUTE, OPEN, SECOND, WeekdayCalendar, d


def _bar(symbol: str, minute: int, prices: str, volume: str = "4000") -> Bar:
    first, high, low, last = (Price(d(text)) for text in prices.split())
    return Bar(symbol, Instant(OPEN + minute * MINUTE), first, high, low, last, Quantity(d(volume)))


def _walk(market: MarketSession) -> list[tuple[int, MarketStep]]:
    steps = []
    while (instant := market.next_instant()) is not None:
        steps.append((instant, market.advance_to(instant)))
    return steps


def test_a_bar_walks_through_four_quotes_and_is_published_when_closed() -> None:
    market = MarketSession({"SPY": [_bar("SPY", 0, "100 102 99 101"), _bar("SPY", 1, "101 103 98 99")]})
    steps = _walk(market)
    assert [at - OPEN for at, _ in steps] == [n * 15 * SECOND for n in range(9)]
    bids = [quote.bid for _, step in steps for quote in step.quotes]
    # Rising: open, low, high, close. Falling: open, high, low, close. A tick's spread around each.
    assert [bid + d("0.01") for bid in bids] == [
        d(text) for text in ["100", "99", "102", "101", "101", "103", "98", "99"]
    ]
    assert all(quote.ask - quote.bid == d("0.01") for _, step in steps for quote in step.quotes)
    assert [len(step.bars_closed) for _, step in steps] == [0, 0, 0, 0, 1, 0, 0, 0, 1]
    assert steps[4][1].quotes[0].at == steps[4][1].bars_closed[0].start + MINUTE
    assert [step.ended for _, step in steps] == [False] * 8 + [True]
    assert market.next_instant() is None
    assert (market.bars_done, market.bars_total) == (2, 2)
    assert market.end == OPEN + 2 * MINUTE


def test_sizes_are_a_share_of_a_quarter_of_the_volume_in_whole_shares() -> None:
    settings = MarketSettings(participation=d("0.1"))
    rows = [_bar("SPY", 0, "1 1 1 1", "4090"), _bar("SPY", 1, "1 1 1 1", "5"), _bar("SPY", 2, "1 1 1 1", "0")]
    market = MarketSession({"SPY": rows}, settings=settings)
    sizes = [step.quotes[0].ask_size for _, step in _walk(market) if step.quotes]
    assert sizes[::4] == [d("102"), d("1"), 0]
    coins = MarketSession({"ETH/USD": [_bar("ETH/USD", 0, "350 350 350 350", "25.9")]}, settings=settings)
    assert coins.advance_to(OPEN).quotes[0].bid_size == d("0.6475")


def test_spread_grows_with_the_price_and_stands_on_ticks() -> None:
    market = MarketSession({"GOOG": [_bar("GOOG", 0, "750 750 750 750")]})
    quote = market.advance_to(OPEN).quotes[0]
    assert (quote.bid, quote.ask) == (d("749.96"), d("750.03"))
    penny = MarketSession({"OCGN": [_bar("OCGN", 0, "0.5 0.5 0.5 0.5")]}).advance_to(OPEN).quotes[0]
    assert penny.ask - penny.bid == d("0.0001")


def test_nothing_is_known_before_its_time() -> None:
    rows = [_bar("SPY", n, "100 102 99 101") for n in range(5)]
    market = MarketSession({"SPY": rows})
    assert market.latest_bar("SPY") is None
    assert market.latest_quote("SPY") is None
    assert list(market.history("SPY", 0, 10**20)) == []
    market.advance_to(OPEN + 2 * MINUTE + 30 * SECOND)
    assert list(market.history("SPY", 0, 10**20)) == rows[:2]
    assert list(market.history("SPY", OPEN + MINUTE, OPEN + MINUTE)) == rows[1:2]
    assert market.latest_bar("SPY") == rows[1]
    quote = market.latest_quote("SPY")
    assert quote is not None
    assert quote.at == OPEN + 2 * MINUTE + 30 * SECOND
    assert list(market.history("QQQ", 0, 10**20)) == []


def test_symbols_are_merged_in_time_then_by_name_with_bars_first() -> None:
    market = MarketSession(
        {"SPY": [_bar("SPY", n, "100 102 99 101") for n in (0, 1, 3)], "AIG": [_bar("AIG", 1, "40 41 40 41")]}
    )
    kinds: list[tuple[int, str, str]] = []
    for at, step in _walk(market):
        kinds += [((at - OPEN) // SECOND, "bar", bar.symbol) for bar in step.bars_closed]
        kinds += [((at - OPEN) // SECOND, "quote", quote.symbol) for quote in step.quotes]
    assert kinds[4:8] == [
        (60, "bar", "SPY"),
        (60, "quote", "AIG"),
        (60, "quote", "SPY"),
        (75, "quote", "AIG"),
    ]
    assert kinds == sorted(kinds)
    assert market.symbols == ["AIG", "SPY"]


def test_recorded_quotes_are_displayed_as_they_are() -> None:
    bid = tuple(Price(d(text)) for text in ["99.9", "102", "98.9", "100.9"])
    ask = tuple(Price(d(text)) for text in ["100.1", "102.2", "99.1", "101.1"])
    assert len(bid) == len(ask) == 4
    recorded = QuoteBar("SPY", Instant(OPEN), bid, Quantity(d("8200")), ask, Quantity(d("4500")))
    market = MarketSession({"SPY": [_bar("SPY", n, "100 102 99 101") for n in range(2)]}, {"SPY": [recorded]})
    quotes = [step.quotes[0] for _, step in _walk(market) if step.quotes]
    assert [quote.ask for quote in quotes[:4]] == [ask[0], ask[2], ask[1], ask[3]]
    assert (quotes[0].bid_size, quotes[0].ask_size) == (d("8200"), d("4500"))
    assert quotes[4].ask - quotes[4].bid == d("0.01")


def test_assets_follow_the_bars() -> None:
    made = assets_for(
        {"SPY": [_bar("SPY", 0, "100 102 99 101")], "XRP/USD": [_bar("XRP/USD", 0, "0.2145 1 0.2 1")]}
    )
    assert [asset.symbol for asset in made] == ["SPY", "XRP/USD"]
    assert (made[0].asset_class, made[0].previous_close) == ("us_equity", d("100"))
    assert (made[1].price_increment, made[1].position_symbol) == (d("0.0001"), "XRPUSD")


def _trade(market: MarketSession) -> tuple[Venue, list[Update]]:
    """A day with an order a bar; the venue and what it published."""
    venue = Venue(VenueSettings(seed=5), market.assets, WeekdayCalendar())
    updates: list[Update] = []
    sides = ("buy", "buy", "sell")
    while (instant := market.next_instant()) is not None:
        venue.advance(instant)
        step = market.advance_to(instant)
        for quote in step.quotes:
            venue.on_quote(quote, instant)
        for bar in step.bars_closed:
            asset = venue.asset(bar.symbol)
            position = next((p.available for p in venue.positions() if p.asset == asset), 0)
            side = sides[market.bars_done % 3]
            if (side == "sell" and position <= 0) or venue.orders(OrderQuery(symbols=(bar.symbol,))):
                continue
            venue.submit(
                OrderRequest(
                    symbol=asset.symbol,
                    quantity=position if side == "sell" else d("1"),
                    notional=None,
                    side=side,
                    type="market",
                    time_in_force="gtc" if asset.is_crypto else "day",
                ),
                instant,
            )
        updates += venue.drain_updates()
    while (due := venue.next_due()) is not None and due <= market.end + 8 * 60 * MINUTE:
        venue.advance(due)
    updates += venue.drain_updates()
    return venue, updates


def test_a_synthetic_day_trades_the_same_twice() -> None:
    venue, updates = _trade(MarketSession(make_session(3)))
    again, repeated = _trade(MarketSession(make_session(3)))
    assert updates == repeated
    assert venue.account() == again.account()
    assert sum(update.event == "fill" for update in updates) > 500


@pytest.mark.parametrize(
    "name", ["SPY_2013-10-08", "AIG_2013-10-08", "SHY_2008-03-07", "ETHUSD_2017-09-04", "AAPL_2014-06-09"]
)
def test_recorded_days_trade_through_the_venue(name: str) -> None:
    default = Path(__file__).parents[4] / ".." / "shared" / "data"
    folder = Path(os.environ.get("MQD_SHARED_DATA", default)) / "bars"
    if not folder.is_dir():
        pytest.skip("the recorded bars are not here (set MQD_SHARED_DATA)")
    loaded = load_files([folder / f"{name}.csv"])
    market = MarketSession(loaded.bars, loaded.quotes)
    venue, updates = _trade(market)
    assert market.bars_done == market.bars_total == sum(map(len, loaded.bars.values()))
    fills = [update for update in updates if update.event in ("fill", "partial_fill")]
    assert len(fills) > 50
    low = min(bar.low for rows in loaded.bars.values() for bar in rows)
    high = max(bar.high for rows in loaded.bars.values() for bar in rows)
    assert all(low * 99 // 100 <= (update.price or 0) <= high * 101 // 100 for update in fills)
    assert all(update.order.status != "new" for update in updates if update.event == "expired")
    assert all(
        found.status == "accepted" or market.assets[0].is_crypto for found in venue.orders(OrderQuery())
    )
