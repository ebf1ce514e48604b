"""Bar and quote files: a strict reader that names the line of the first thing that is wrong.

    timestamp,open,high,low,close,volume
    timestamp,bid_open,bid_high,bid_low,bid_close,bid_size,ask_open,ask_high,ask_low,ask_close,ask_size

1. The symbol is the file's name up to the first `_` or `.`: `SPY_2013-10-08.csv`, `ETHUSD.csv` (`ETH/USD`).
2. A timestamp is ISO 8601 in UTC (`...Z` or `+00:00`) and is the bar's *start*; a bar lasts one minute, so
   timestamps rise by at least that.
3. Numbers are plain decimals with at most nine decimal places; prices are positive, volumes and sizes not
   negative.
4. Low <= open, close <= high. A jump between bars is legal: recorded days have them.
5. The first violation ends the reading with `BarFileError`, one line: "FILE:LINE: what".
6. A file has at most `ROWS_MAX` rows and a session at most `FILES_MAX` files.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from kernel.reports import Bar
from kernel.units import MINUTE, SCALE, SCALE_DIGITS, Instant, Price, Quantity
from shell.exchange.venue.assets import order_symbol

__all__ = [
    "BAR_HEADER",
    "FILES_MAX",
    "QUOTE_HEADER",
    "ROWS_MAX",
    "BarFile",
    "BarFileError",
    "LoadedFiles",
    "QuoteBar",
    "load_files",
    "parse_lines",
    "read_file",
]

BAR_HEADER: Final = "timestamp,open,high,low,close,volume"
QUOTE_HEADER: Final = (
    "timestamp,bid_open,bid_high,bid_low,bid_close,bid_size,ask_open,ask_high,ask_low,ask_close,ask_size"
)

ROWS_MAX: Final = 2_000_000
"""Rows of one file: four years of a round-the-clock market. More is refused, not cut."""

FILES_MAX: Final = 1_000
"""Files of one session. More is refused."""

_NUMBER: Final = re.compile(r"(\d{1,15})(?:\.(\d+))?")
_STAMP: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)")
_SYMBOL: Final = re.compile(r"[A-Z][A-Z0-9]{0,14}")
_SECOND: Final = 1_000_000_000


class BarFileError(Exception):
    """A file that cannot be used; its text is one line: where and what."""


class QuoteBar(NamedTuple):
    """One minute of recorded quotes: how bid and ask went, and the sizes displayed."""

    symbol: str
    start: Instant
    bid: tuple[Price, Price, Price, Price]
    """Open, high, low, close."""
    bid_size: Quantity
    ask: tuple[Price, Price, Price, Price]
    ask_size: Quantity


class BarFile(NamedTuple):
    """What one file holds: bars or recorded quotes, never both."""

    symbol: str
    bars: tuple[Bar, ...]
    quotes: tuple[QuoteBar, ...]


class LoadedFiles(NamedTuple):
    """A session's files, merged by symbol (order form) and sorted in time."""

    bars: dict[str, tuple[Bar, ...]]
    quotes: dict[str, tuple[QuoteBar, ...]]


class _Fault(Exception):
    """What is wrong with a row; the caller adds where."""


def _number(field: str, text: str) -> int:
    """A plain decimal as an integer scaled by 10^9."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise _Fault(f"{field} is not a plain decimal number: {text[:40]!r}")
    whole, fraction = found[1], (found[2] or "").rstrip("0")
    if len(fraction) > SCALE_DIGITS:
        raise _Fault(f"{field} has more than {SCALE_DIGITS} decimal places: {text[:40]!r}")
    return int(whole) * SCALE + int(fraction.ljust(SCALE_DIGITS, "0"))


def _instant(text: str) -> Instant:
    """An ISO 8601 instant in UTC as nanoseconds."""
    found = _STAMP.fullmatch(text)
    if found is None:
        raise _Fault(f"timestamp is not ISO 8601 in UTC (2013-10-08T13:30:00Z): {text[:40]!r}")
    try:
        moment = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
    except ValueError:
        raise _Fault(f"timestamp is no date and time: {text[:40]!r}") from None
    fraction = int((found[2] or "").ljust(9, "0"))
    return Instant(int(moment.timestamp()) * _SECOND + fraction)


def _prices(fields: Sequence[str], prefix: str) -> tuple[Price, Price, Price, Price]:
    """Open, high, low, close: positive and in order (rule 4)."""
    names = ("open", "high", "low", "close")
    first, high, low, last = (
        Price(_number(prefix + name, text)) for name, text in zip(names, fields, strict=True)
    )
    if min(first, high, low, last) <= 0:
        raise _Fault(f"{prefix}open, high, low and close must be positive")
    if high < low:
        raise _Fault(f"{prefix}high is below {prefix}low")
    if not low <= first <= high or not low <= last <= high:
        raise _Fault(f"{prefix}open or {prefix}close is outside {prefix}low..{prefix}high")
    return first, high, low, last


def _bar(symbol: str, fields: Sequence[str]) -> Bar:
    """One row of a bar file."""
    first, high, low, last = _prices(fields[1:5], "")
    volume = Quantity(_number("volume", fields[5]))
    return Bar(symbol, _instant(fields[0]), first, high, low, last, volume)


def _quote(symbol: str, fields: Sequence[str]) -> QuoteBar:
    """One row of a quote file."""
    bid = _prices(fields[1:5], "bid_")
    ask = _prices(fields[6:10], "ask_")
    return QuoteBar(
        symbol=symbol,
        start=_instant(fields[0]),
        bid=bid,
        bid_size=Quantity(_number("bid_size", fields[5])),
        ask=ask,
        ask_size=Quantity(_number("ask_size", fields[10])),
    )


def parse_lines(name: str, lines: Iterable[str]) -> BarFile:
    """The contents of a file called `name` (without folders). Raises BarFileError."""
    stem = re.split(r"[_.]", name, maxsplit=1)[0]
    if _SYMBOL.fullmatch(stem) is None:
        raise BarFileError(
            f"{name}: the file's name must begin with a symbol in capitals, like SPY_2013-10-08.csv"
        )
    symbol = order_symbol(stem)
    numbered = enumerate((line.rstrip("\r\n") for line in lines), start=1)
    header = next(numbered, (0, ""))[1]
    if header not in (BAR_HEADER, QUOTE_HEADER):
        raise BarFileError(
            f"{name}:1: the header must be {BAR_HEADER!r} (or the quote file's), not {header[:80]!r}"
        )
    width = header.count(",") + 1
    bars: list[Bar] = []
    quotes: list[QuoteBar] = []
    earliest = 0
    for number, line in numbered:
        if number > ROWS_MAX:
            raise BarFileError(f"{name}:{number}: more than {ROWS_MAX} rows")
        fields = line.split(",")
        try:
            if len(fields) != width:
                raise _Fault(f"{len(fields)} fields where {width} are needed")
            row = _bar(symbol, fields) if header == BAR_HEADER else _quote(symbol, fields)
            if row.start < earliest:
                raise _Fault(f"timestamp {fields[0]} is not at least one minute after the row before")
        except _Fault as fault:
            raise BarFileError(f"{name}:{number}: {fault}") from None
        earliest = row.start + MINUTE
        if isinstance(row, Bar):
            bars.append(row)
        else:
            quotes.append(row)
    if not bars and not quotes:
        raise BarFileError(f"{name}: no rows after the header")
    return BarFile(symbol, tuple(bars), tuple(quotes))


def read_file(path: Path) -> BarFile:
    """Reads one file. Raises BarFileError, also when it cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return parse_lines(path.name, lines)
    except OSError as error:
        raise BarFileError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise BarFileError(f"{path}: is not UTF-8 text (byte {error.start})") from error


def load_files(paths: Sequence[Path]) -> LoadedFiles:
    """Reads a session's files and merges those of one symbol. Raises BarFileError."""
    if not paths:
        raise BarFileError("no bar files were given")
    if len(paths) > FILES_MAX:
        raise BarFileError(f"{len(paths)} files are more than {FILES_MAX}")
    bars: dict[str, list[Bar]] = {}
    quotes: dict[str, list[QuoteBar]] = {}
    for path in paths:
        file = read_file(path)
        if file.bars:
            bars.setdefault(file.symbol, []).extend(file.bars)
        else:
            quotes.setdefault(file.symbol, []).extend(file.quotes)
    for symbol in sorted(quotes.keys() - bars.keys()):
        raise BarFileError(f"{symbol}: there are recorded quotes but no bars of that symbol")
    merged_bars = {symbol: tuple(sorted(rows, key=_start_of)) for symbol, rows in sorted(bars.items())}
    merged_quotes = {symbol: tuple(sorted(rows, key=_start_of)) for symbol, rows in sorted(quotes.items())}
    for symbol, rows in merged_bars.items():
        _check_overlap(symbol, rows)
        _check_overlap(symbol, merged_quotes.get(symbol, ()))
    return LoadedFiles(merged_bars, merged_quotes)


def _start_of(row: Bar | QuoteBar) -> int:
    """When the row begins."""
    return row.start


def _check_overlap(symbol: str, rows: Sequence[Bar | QuoteBar]) -> None:
    """No two files tell of the same minute."""
    for before, after in pairwise(rows):
        if after.start < before.start + MINUTE:
            moment = datetime.fromtimestamp(after.start // _SECOND, UTC)
            raise BarFileError(f"{symbol}: two files have a bar at {moment:%Y-%m-%dT%H:%M:%SZ}")
