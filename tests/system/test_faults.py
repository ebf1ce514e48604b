"""The fault matrix: every fault that concerns orders, alone and all at once, ends with books that agree.

    one name, rate 0.05 and 0.5         the fault really happened at 0.5
    all together at 0.05, 20 seeds

1. A session is the last two hours of a made-up day, on an exchange of its own process that misbehaves by
   plan until the last bar and then heals. `restless` trades in every way (tests/system/restless.py).
2. It is judged from the exchange's books (tests/system/judging.py), and then by the product's own report:
   books agree, no invariant violated, and each case of drift named, with how it ended.
3. A call that is not answered costs real time: the client's patience is short here, and so are hangs.
"""

import functools
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from kernel.reports import Bar
from kernel.units import MINUTE, SECOND
from shell.exchange.faults.menu import MENU
from shell.exchange.market.synthetic import DEFAULT_SESSION_OPEN, MINUTES_MIN, make_session
from shell.numbers import scaled_text
from tests.system.judging import drift_faults, judge
from tests.system.kit import WAL, Done, Files, exchange, run_live

SESSION_S_MAX: Final = 120.0
"""A calm one takes 3 s; with every other answer missing it waits for each."""

SYMBOLS: Final = ("AIG", "SPY")
FULL_DAY: Final = 390
MARKET_DATA: Final = frozenset({"bad_ticks"})
"""Faults of the menu that concern no order."""

OUTSIDERS: Final = frozenset({"manual_trade", "orphan_order"})
"""Other clients trade: positions and cash are not ours alone."""

ORDER_FAULTS: Final = tuple(name for name in MENU if name not in MARKET_DATA)
TOGETHER: Final = 0.05
SEEDS: Final = 20

CONFIG: Final = (
    WAL
    + """
[broker]
connect_timeout = "500ms"
read_timeout = "200ms"
total_timeout = "400ms"

[gate]
single_trade_per_symbol = false

[[strategies]]
name = "restless"
path = "tests.system.restless:STRATEGY"
symbols = "all"
parameters = { every = 3, shares = 60 }

[[strategies]]
name = "vwap_mr"
path = "vwap_mean_reversion"
symbols = "all"
parameters = { entry_threshold = "0.15%" }
"""
)

OPTIONS: Final = """
[options.hang]
for_ms = 2000

[options.slow_response]
ms = 300

[options.stuck_cancel]
for_s = 120
"""


@functools.cache
def made_up_day(seed: int) -> Mapping[str, tuple[Bar, ...]]:
    """The last two hours of a regular session."""
    return make_session(seed, DEFAULT_SESSION_OPEN + (FULL_DAY - MINUTES_MIN) * MINUTE, MINUTES_MIN, SYMBOLS)


def write_day(folder: Path, seed: int) -> tuple[str, ...]:
    """The day as files of bars."""
    return tuple(
        str(write_bars(folder / f"{symbol}_2024-03-13.csv", bars))
        for symbol, bars in made_up_day(seed).items()
    )


def write_bars(path: Path, bars: tuple[Bar, ...]) -> Path:
    """Bars as a file that the exchange reads."""
    path.write_text(
        "timestamp,open,high,low,close,volume\n" + "".join(f"{line}\n" for line in bar_lines(bars))
    )
    return path


def bar_lines(bars: tuple[Bar, ...]) -> Iterator[str]:
    """Each bar as a line."""
    for bar in bars:
        start = datetime.fromtimestamp(bar.start // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        figures = (bar.open, bar.high, bar.low, bar.close, bar.volume)
        yield ",".join([start, *(scaled_text(figure) for figure in figures)])


def run_spoiled(folder: Path, seed: int, rates: Mapping[str, float]) -> tuple[Any, list[str]]:
    """One session with faults: the exchange's books at its end, and everything that is wrong."""
    files = Files(folder, config_text=CONFIG)
    plan = folder / "faults.toml"
    plan.write_text("[faults]\n" + "".join(f"{name} = {rate}\n" for name, rate in rates.items()) + OPTIONS)
    options = ("--speed", "max", "--seed", str(seed), "--faults", str(plan))
    with exchange(*options, "--bars", *write_day(folder, seed)) as venue:
        done = run_live("--exchange", venue.url, *files.options, seconds=SESSION_S_MAX)
        books = venue.books()
    (folder / "books.json").write_text(json.dumps(books, indent=1))
    return books, wrong_with(files, done, books, bool(OUTSIDERS & {*rates}))


def wrong_with(files: Files, done: Done, books: Any, outsiders: bool) -> list[str]:
    """Every complaint: the exchange's view, our report's, and its account of drift."""
    if not files.report_path.exists():
        return [f"no report, exit {done.code}: {done.err}"]
    report = files.report()
    wrong = judge(files.desk(), books, outsiders=outsiders)
    wrong.extend(f"report: {line}" for line in report["differences"])
    if report["books_agree"] is not True:
        wrong.append("report: books_agree is not true")
    if report["invariants"]["violated"] or not report["invariants"]["checked"]:
        wrong.append(f"report: invariants {report['invariants']}")
    if not (books["ended"] and books["healed"]):
        wrong.append(f"the exchange: ended {books['ended']}, healed {books['healed']}")
    if done.code:
        wrong.append(f"exit {done.code}: {done.err.strip()}")
    return wrong + drift_faults(report)


def explained(wrong: list[str], books: Any, folder: Path, test: str) -> str:
    """The failure for whoever has to find its cause."""
    lines = "\n".join(f"  {line}" for line in wrong[:40])
    return (
        f"\nwrong ({len(wrong)}):\n{lines}\nfired: {books['faults']}\nfiles in {folder}\n"
        f"again: python -m pytest 'tests/system/test_faults.py::{test}'"
    )


@pytest.mark.parametrize("rate", [0.05, 0.5])
@pytest.mark.parametrize("name", ORDER_FAULTS)
def test_one_fault(tmp_path: Path, name: str, rate: float) -> None:
    books, wrong = run_spoiled(tmp_path, 1, {name: rate})
    if rate == 0.5 and not books["faults"][name]:
        wrong.append(f"{name} never happened: the session gives it no occasion")
    assert not wrong, explained(wrong, books, tmp_path, f"test_one_fault[{name}-{rate}]")


@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
def test_all_faults_together(tmp_path: Path, seed: int) -> None:
    books, wrong = run_spoiled(tmp_path, seed, dict.fromkeys(ORDER_FAULTS, TOGETHER))
    fired = [name for name, count in books["faults"].items() if count]
    if len(fired) < len(ORDER_FAULTS) // 2:
        wrong.append(f"only {fired} happened")
    assert not wrong, explained(wrong, books, tmp_path, f"test_all_faults_together[{seed}]")


def test_every_fault_of_the_menu_is_placed() -> None:
    assert {*ORDER_FAULTS} | MARKET_DATA == {*MENU}
    assert {*ORDER_FAULTS} >= OUTSIDERS
