"""Made-up days as files of bars, shorter than the exchange's own: fewer symbols, or only the last hours."""

import functools
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from kernel.reports import Bar
from kernel.units import MINUTE, SECOND
from shell.exchange.market.synthetic import DEFAULT_SESSION_OPEN, make_session
from shell.numbers import scaled_text

__all__ = ["FULL_DAY", "write_day"]

FULL_DAY: Final = 390
"""Minutes of a regular session."""

SYMBOLS: Final = ("AIG", "SPY")


@functools.cache
def made_up_day(seed: int, minutes: int) -> Mapping[str, tuple[Bar, ...]]:
    """The last so many minutes of a regular session."""
    return make_session(seed, DEFAULT_SESSION_OPEN + (FULL_DAY - minutes) * MINUTE, minutes, SYMBOLS)


def write_day(folder: Path, seed: int, minutes: int = FULL_DAY) -> tuple[str, ...]:
    """A day of two symbols as files in a folder; their paths."""
    paths: list[str] = []
    for symbol, bars in made_up_day(seed, minutes).items():
        path = folder / f"{symbol}_2024-03-13.csv"
        lines = ("timestamp,open,high,low,close,volume", *bar_lines(bars))
        path.write_text("".join(f"{line}\n" for line in lines))
        paths.append(str(path))
    return tuple(paths)


def bar_lines(bars: tuple[Bar, ...]) -> Iterator[str]:
    """Each bar as a line."""
    for bar in bars:
        start = datetime.fromtimestamp(bar.start // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        figures = (bar.open, bar.high, bar.low, bar.close, bar.volume)
        yield ",".join([start, *(scaled_text(figure) for figure in figures)])
