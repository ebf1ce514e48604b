"""The reader of bar files: what it takes, and the one line with which it refuses everything else."""

import os
from pathlib import Path

import pytest

from kernel.reports import Bar
from kernel.units import Instant, Price, Quantity
from shell.exchange.market.csvfile import (
    BAR_HEADER,
    QUOTE_HEADER,
    BarFileError,
    load_files,
    parse_lines,
    read_file,
)
from tests.unit.shell.exchange.venue_kit import OPEN, d

_GOOD = "2013-10-08T13:30:00Z,167.4,167.51,167.39,167.5,12345"


def _data() -> Path:
    default = Path(__file__).parents[4] / ".." / "shared" / "data"
    folder = Path(os.environ.get("MQD_SHARED_DATA", default)) / "bars"
    if not folder.is_dir():
        pytest.skip(f"the recorded bars are not here: {folder.name} (set MQD_SHARED_DATA)")
    return folder


def test_a_bar_row_becomes_exact_integers() -> None:
    file = parse_lines("SPY_2013-10-08.csv", [BAR_HEADER + "\r\n", _GOOD + "\r\n"])
    assert file.symbol == "SPY"
    assert file.quotes == ()
    assert file.bars == (
        Bar(
            "SPY",
            Instant(OPEN),
            Price(d("167.4")),
            Price(d("167.51")),
            Price(d("167.39")),
            Price(d("167.5")),
            Quantity(d("12345")),
        ),
    )


def test_crypto_files_carry_a_pair_and_fractions() -> None:
    row = "2017-09-04T00:00:00Z,353.06,353.1,353.06,353.1,25.935548120"
    file = parse_lines("ETHUSD.csv", [BAR_HEADER, row])
    assert file.symbol == "ETH/USD"
    assert file.bars[0].volume == 25_935_548_120


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("", "1 fields where 6 are needed"),
        ("2013-10-08T13:30:00Z,1,1,1,1", "5 fields where 6 are needed"),
        ("2013-10-08T13:30:00Z,1,1,1,1,1,1", "7 fields where 6 are needed"),
        ("2013-10-08 13:30:00,1,1,1,1,1", "timestamp is not ISO 8601 in UTC"),
        ("2013-10-08T13:30:00-04:00,1,1,1,1,1", "timestamp is not ISO 8601 in UTC"),
        ("2013-13-08T13:30:00Z,1,1,1,1,1", "timestamp is no date and time"),
        ("2013-10-08T13:30:00Z,abc,1,1,1,1", "open is not a plain decimal number: 'abc'"),
        ("2013-10-08T13:30:00Z,1,nan,1,1,1", "high is not a plain decimal number"),
        ("2013-10-08T13:30:00Z,1,1e3,1,1,1", "high is not a plain decimal number"),
        ("2013-10-08T13:30:00Z,1,1,-1,1,1", "low is not a plain decimal number"),
        ("2013-10-08T13:30:00Z,1,1,1,1,-5", "volume is not a plain decimal number"),
        ("2013-10-08T13:30:00Z,1,1,1,1, 5", "volume is not a plain decimal number"),
        ("2013-10-08T13:30:00Z,1,1,1,1.0000000001,5", "close has more than 9 decimal places"),
        ("2013-10-08T13:30:00Z,0,0,0,0,5", "must be positive"),
        ("2013-10-08T13:30:00Z,2,1,3,2,5", "high is below low"),
        ("2013-10-08T13:30:00Z,4,3,1,2,5", "open or close is outside low..high"),
        ("2013-10-08T13:30:00Z,2,3,1,4,5", "open or close is outside low..high"),
    ],
)
def test_a_bad_row_is_named_with_its_line(row: str, what: str) -> None:
    with pytest.raises(BarFileError) as caught:
        parse_lines("SPY.csv", [BAR_HEADER, "2013-10-08T13:29:00Z,1,1,1,1,1", row])
    text = str(caught.value)
    assert text.startswith("SPY.csv:3: ")
    assert what in text
    assert "\n" not in text


@pytest.mark.parametrize("stamp", ["2013-10-08T13:30:00Z", "2013-10-08T13:29:00Z", "2013-10-08T13:30:59Z"])
def test_timestamps_rise_by_a_minute(stamp: str) -> None:
    with pytest.raises(BarFileError, match=r"SPY.csv:3: .*not at least one minute after"):
        parse_lines("SPY.csv", [BAR_HEADER, _GOOD, f"{stamp},1,1,1,1,1"])


@pytest.mark.parametrize(
    ("name", "lines", "what"),
    [
        ("SPY.csv", [], "SPY.csv:1: the header must be"),
        ("SPY.csv", ["time,open", _GOOD], "SPY.csv:1: the header must be"),
        ("SPY.csv", [BAR_HEADER], "SPY.csv: no rows after the header"),
        ("spy.csv", [BAR_HEADER, _GOOD], "must begin with a symbol in capitals"),
        ("_.csv", [BAR_HEADER, _GOOD], "must begin with a symbol in capitals"),
    ],
)
def test_a_bad_file_is_named(name: str, lines: list[str], what: str) -> None:
    with pytest.raises(BarFileError) as caught:
        parse_lines(name, lines)
    assert what in str(caught.value)


def test_unreadable_files_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(BarFileError, match=r"nothing\.csv: cannot be read: No such file"):
        read_file(tmp_path / "nothing.csv")
    binary = tmp_path / "SPY.csv"
    binary.write_bytes(b"\xff\xfe\x00garbage")
    with pytest.raises(BarFileError, match="is not UTF-8 text"):
        read_file(binary)
    with pytest.raises(BarFileError, match="no bar files were given"):
        load_files([])


def test_files_of_one_symbol_are_merged_in_time_and_may_not_overlap(tmp_path: Path) -> None:
    late, early = tmp_path / "SPY_2.csv", tmp_path / "SPY_1.csv"
    late.write_text(f"{BAR_HEADER}\n2013-10-09T13:30:00Z,2,2,2,2,1\n")
    early.write_text(f"{BAR_HEADER}\n2013-10-08T13:30:00Z,1,1,1,1,1\n")
    loaded = load_files([late, early])
    assert [bar.open for bar in loaded.bars["SPY"]] == [d("1"), d("2")]
    with pytest.raises(BarFileError, match="SPY: two files have a bar at 2013-10-08T13:30:00Z"):
        load_files([early, early])


def test_recorded_quotes_need_their_bars(tmp_path: Path) -> None:
    quotes = tmp_path / "SPY_quote.csv"
    row = "2013-10-08T13:30:00Z,167.4,167.51,167.4,167.49,8200,167.41,167.52,167.41,167.5,4500"
    quotes.write_text(f"{QUOTE_HEADER}\n{row}\n")
    with pytest.raises(BarFileError, match="recorded quotes but no bars"):
        load_files([quotes])
    bars = tmp_path / "SPY_bars.csv"
    bars.write_text(f"{BAR_HEADER}\n{_GOOD}\n")
    quote = load_files([quotes, bars]).quotes["SPY"][0]
    assert quote.ask == (d("167.41"), d("167.52"), d("167.41"), d("167.5"))
    assert (quote.bid_size, quote.ask_size) == (d("8200"), d("4500"))


def test_every_recorded_day_is_legal_and_the_ticks_are_refused() -> None:
    rows = {}
    for path in sorted(_data().glob("*.csv")):
        if "_tick_" in path.name:
            with pytest.raises(BarFileError, match="the header must be"):
                read_file(path)
            continue
        file = read_file(path)
        rows[path.name] = len(file.bars) or len(file.quotes)
    assert rows["SPY_2013-10-08.csv"] == 828
    assert rows["SPY_2013-10-08_quote.csv"] == 390
    assert rows["ETHUSD_2017-09-04.csv"] == 1440
    assert rows["AAPL_2014-06-09.csv"] == 834
