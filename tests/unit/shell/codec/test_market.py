"""Market data frames and pages of bars."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.events import BarClosed, QuoteUpdated, Unrecognized
from kernel.reports import Bar
from kernel.units import SCALE
from shell.codec import BarsPage, Problem, decode_bars, decode_market, known_pairs, parse_json
from tests.unit.shell.codec.samples import AT, text

BAR = (
    '{"T":"b","S":"SPY","o":388.985,"h":389.13,"l":388.975,"c":389.12,"v":49378,"n":1,"vw":389.0500001,'
    '"t":"2021-02-22T19:15:00Z"}'
)
QUOTE = (
    '{"T":"q","S":"AMD","bx":"U","bp":87.66,"bs":1,"ax":"Q","ap":87.68,"as":4,'
    '"t":"2021-02-22T15:51:45.335689322Z","c":["R"],"z":"C"}'
)


def test_a_frame_gives_its_events_in_order() -> None:
    first, second, third = decode_market(f"[{BAR},{QUOTE},{BAR}]", AT)
    assert isinstance(first, BarClosed)
    assert isinstance(second, QuoteUpdated)
    assert first == third
    assert first.bar == Bar(
        "SPY", 1_614_021_300 * SCALE, 388_985_000_000, 389_130_000_000, 388_975_000_000, 389_120_000_000,  # type: ignore[arg-type]
        49_378 * SCALE,  # type: ignore[arg-type]
    )  # fmt: skip
    assert (second.quote.bid, second.quote.ask_size) == (87_660_000_000, 4 * SCALE)
    assert second.quote.at == 1_614_009_105_335_689_322


def test_one_message_without_its_array_is_taken() -> None:
    assert decode_market(BAR, AT) == decode_market(f"[{BAR}]", AT)


def test_numbers_are_exact_where_a_float_is_not() -> None:
    (event,) = decode_market(BAR.replace("388.985,", "90071992547409.93,"), AT)
    assert isinstance(event, BarClosed)
    assert event.bar.open == 90_071_992_547_409_930_000_000


@pytest.mark.parametrize(
    "kind", ["u", "d", "s", "l", "c", "x", "n", "o", "i", "zz", "success", "error", "subscription"]
)
def test_what_has_no_event_is_said(kind: str) -> None:
    (event,) = decode_market(BAR.replace('"T":"b"', f'"T":"{kind}"'), AT)
    assert isinstance(event, Unrecognized)
    assert event.problem.startswith("market.T: ")


def test_a_trade_gives_nothing() -> None:
    assert decode_market('[{"T":"t","S":"AAPL","p":126.55,"s":1}]', AT) == ()


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('"o":388.985', '"o":0', "o"),
        ('"h":389.13', '"h":-1', "h"),
        ('"l":388.975', '"l":"low"', "l"),
        ('"c":389.12', '"c":null', "c"),
        ('"v":49378', '"v":-1', "v"),
        ('"t":"2021-02-22T19:15:00Z"', '"t":1', "t"),
        ('"S":"SPY"', '"S":""', "S"),
    ],
)
def test_a_bad_bar_is_said_and_its_neighbors_live(old: str, new: str, field: str) -> None:
    assert old in BAR
    good, bad, after = decode_market(f"[{BAR},{BAR.replace(old, new)},{QUOTE}]", AT)
    assert isinstance(good, BarClosed)
    assert isinstance(after, QuoteUpdated)
    assert isinstance(bad, Unrecognized)
    assert bad.problem.startswith(f"market.{field}: ")


def test_a_quote_may_lack_a_side_but_not_by_rounding() -> None:
    (event,) = decode_market(QUOTE.replace('"bp":87.66', '"bp":0'), AT)
    assert isinstance(event, QuoteUpdated)
    assert event.quote.bid == 0
    (event,) = decode_market(QUOTE.replace('"bp":87.66', '"bp":1e-10'), AT)
    assert isinstance(event, Unrecognized)
    assert event.problem == "market.bp: too small for nine decimals"


def test_a_known_pair_gets_its_slash() -> None:
    (event,) = decode_market(BAR.replace("SPY", "BTCUSD"), AT, known_pairs(["BTC/USD"]))
    assert isinstance(event, BarClosed)
    assert event.bar.symbol == "BTC/USD"


def page(bars: Any, **more: Any) -> BarsPage | Problem:
    return decode_bars(parse_json(text({"bars": bars, "next_page_token": None} | more)), "AAPL", [])


ROW = {"t": "2022-04-11T08:00:00Z", "o": 168.99, "h": 169.81, "l": 168.99, "c": 169, "v": 7170}


def test_both_forms_of_a_page_are_read() -> None:
    several = page({"AAPL": [ROW, ROW], "MSFT": []}, next_page_token="abc")
    single = page([ROW, ROW], symbol="AAPL", next_page_token="abc")
    assert several == single
    assert isinstance(several, BarsPage)
    assert (len(several.rows), several.next_page, several.rows[0].close) == (2, "abc", 169 * SCALE)


@pytest.mark.parametrize("bars", [None, {}, {"MSFT": []}, []])
def test_a_page_without_bars_is_empty(bars: Any) -> None:
    assert page(bars) == BarsPage((), None)


@pytest.mark.parametrize("bars", ["AAPL", {"AAPL": [{}]}, [ROW, 1]])
def test_an_unreadable_page_is_a_problem(bars: Any) -> None:
    assert isinstance(page(bars), Problem)


def test_a_page_about_another_symbol_is_a_problem() -> None:
    assert isinstance(page([ROW], symbol="MSFT"), Problem)


@given(st.text(max_size=100) | st.binary(max_size=100))
def test_any_frame_gives_events(raw: str | bytes) -> None:
    assert all(isinstance(event, Unrecognized) for event in decode_market(raw, AT))
