"""Market data over REST: pages, timeframes, exact numbers, and nothing from the future."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kernel.reports import Bar
from kernel.units import Instant, Price, Quantity
from shell.exchange.routes_data import aggregate, parse_timeframe
from shell.exchange.settings import ExchangeSettings
from shell.exchange.venue.model import Refused
from tests.unit.shell.exchange.wire_harness import Running, running, within, write_bars

MINUTE = 60 * 10**9
OPEN_NS = 1_710_336_600 * 10**9


def settings(tmp_path: Path) -> ExchangeSettings:
    files = (
        write_bars(tmp_path, "SPY", minutes=10),
        write_bars(tmp_path, "AIG", minutes=10, price="75.00"),
        write_bars(tmp_path, "ETHUSD", minutes=10, price="2000.00"),
    )
    return ExchangeSettings(bars=files, rate=None)


def step_to(exchange: Running, instant: int) -> None:
    """Bring the session to an instant, one advance after the other."""
    driver = exchange.served.exchange.driver
    while (upcoming := driver.next_instant()) is not None and upcoming <= instant:
        driver.step(upcoming)


def test_bars_are_paged_across_symbols_and_every_bar_comes_once(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange:
            step_to(exchange, OPEN_NS + 7 * MINUTE)
            rest = await exchange.rest()
            for sort in ("asc", "desc"):
                token, found = "", list[tuple[str, str]]()
                for _ in range(20):
                    target = f"/v2/stocks/bars?symbols=SPY,AIG&timeframe=1Min&limit=3&sort={sort}{token}"
                    page = (await rest.call("GET", target)).json
                    found += [(symbol, bar["t"]) for symbol, bars in page["bars"].items() for bar in bars]
                    if page["next_page_token"] is None:
                        break
                    token = "&page_token=" + page["next_page_token"].replace("=", "%3D")
                assert len(found) == len(set(found)) == 14
                days = [f"2024-03-13T13:3{minute}:00Z" for minute in range(7)]
                ordered = days if sort == "asc" else days[::-1]
                assert found == [(symbol, day) for symbol in ("AIG", "SPY") for day in ordered]

    within(test)


def test_there_is_no_look_into_the_future(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange:
            rest = await exchange.rest()
            target = "/v2/stocks/SPY/bars?start=2024-03-13&end=2030-01-01"
            assert (await rest.call("GET", target)).json["bars"] == []
            assert (await rest.call("GET", "/v2/stocks/SPY/bars/latest")).status == 404
            assert (await rest.call("GET", "/v2/stocks/SPY/quotes/latest")).status == 404
            step_to(exchange, OPEN_NS + MINUTE - 1)
            assert (await rest.call("GET", target)).json["bars"] == []
            step_to(exchange, OPEN_NS + MINUTE)
            assert [bar["t"] for bar in (await rest.call("GET", target)).json["bars"]] == [
                "2024-03-13T13:30:00Z"
            ]

    within(test)


def test_single_and_multi_shapes_and_exact_numbers(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange:
            step_to(exchange, OPEN_NS + 2 * MINUTE)
            rest = await exchange.rest()
            one = await rest.call("GET", "/v2/stocks/SPY/bars?limit=1")
            assert set(one.json) == {"bars", "symbol", "next_page_token"}
            assert one.json["bars"] == [
                {
                    "o": 500,
                    "h": Decimal("500.1"),
                    "l": Decimal("499.9"),
                    "c": 500,
                    "v": 100000,
                    "n": 1000,
                    "vw": 500,
                    "t": "2024-03-13T13:30:00Z",
                }
            ]
            latest = (await rest.call("GET", "/v2/stocks/bars/latest?symbols=SPY,AIG,NOPE")).json
            assert sorted(latest["bars"]) == ["AIG", "SPY"]
            assert latest["bars"]["AIG"]["o"] == Decimal("75.05")
            quotes = (await rest.call("GET", "/v2/stocks/quotes/latest?symbols=SPY")).json["quotes"]
            assert quotes["SPY"]["bp"] < quotes["SPY"]["ap"]
            single = (await rest.call("GET", "/v2/stocks/SPY/quotes/latest")).json
            assert single == {"symbol": "SPY", "quote": quotes["SPY"]}

    within(test)


def test_crypto_has_its_own_paths_and_symbols(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange:
            step_to(exchange, OPEN_NS + 2 * MINUTE)
            rest = await exchange.rest()
            base = "/v1beta3/crypto/us"
            bars = (await rest.call("GET", f"{base}/bars?symbols=ETH%2FUSD,SPY")).json["bars"]
            assert [len(rows) for rows in bars.values()] == [2]
            assert list((await rest.call("GET", f"{base}/latest/bars?symbols=ETH/USD")).json["bars"]) == [
                "ETH/USD"
            ]
            quote = (await rest.call("GET", f"{base}/latest/quotes?symbols=ETH/USD")).json["quotes"][
                "ETH/USD"
            ]
            assert set(quote) == {"bp", "bs", "ap", "as", "t"}
            assert (await rest.call("GET", "/v2/stocks/bars?symbols=ETH/USD")).json["bars"] == {}

    within(test)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "symbols=",
        "symbols=SPY&limit=0",
        "symbols=SPY&limit=10001",
        "symbols=SPY&timeframe=0Min",
        "symbols=SPY&timeframe=60Min",
        "symbols=SPY&timeframe=2Day",
        "symbols=SPY&timeframe=x",
        "symbols=SPY&page_token=x",
        "symbols=SPY&start=soon",
        "symbols=" + "A,B,C," * 400 + "Z",
    ],
)
def test_queries_that_make_no_sense_are_4xx(tmp_path: Path, query: str) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange:
            rest = await exchange.rest()
            answer = await rest.call("GET", f"/v2/stocks/bars?{query}")
            assert answer.status in (400, 422)
            assert answer.json["message"]

    within(test)


def minute_bar(minute: int, **prices: int) -> Bar:
    """A bar that starts so many minutes after the open."""
    made: dict[str, Any] = {"open": 10, "high": 12, "low": 9, "close": 11, "volume": 5, **prices}
    return Bar(
        symbol="SPY",
        start=Instant(OPEN_NS + minute * MINUTE),
        open=Price(made["open"]),
        high=Price(made["high"]),
        low=Price(made["low"]),
        close=Price(made["close"]),
        volume=Quantity(made["volume"]),
    )


def test_larger_bars_are_made_of_smaller_ones() -> None:
    minutes = [minute_bar(0), minute_bar(3, high=20, close=15), minute_bar(4, low=2), minute_bar(5, open=7)]
    made = aggregate(minutes, parse_timeframe("5Min", is_crypto=False))
    assert [(bar.start, bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in made] == [
        (OPEN_NS, 10, 20, 2, 11, 15),
        (OPEN_NS + 5 * MINUTE, 7, 12, 9, 11, 5),
    ]
    day = aggregate(minutes, parse_timeframe("1Day", is_crypto=False))
    assert [bar.start for bar in day] == [1_710_302_400 * 10**9]
    utc_day = aggregate(minutes, parse_timeframe("1D", is_crypto=True))
    assert [bar.start for bar in utc_day] == [1_710_288_000 * 10**9]
    assert parse_timeframe("1T", is_crypto=False) is None
    with pytest.raises(Refused):
        parse_timeframe("1Week", is_crypto=False)
