"""The fault matrix: every fault that concerns orders, alone and all at once, ends with books that agree.

    one name, rate 0.05 and 0.5         the fault really happened at 0.5
    all together at 0.05, 20 seeds

1. A session is the last two hours of a made-up day, on an exchange of its own process that misbehaves by
   plan until the last bar and then heals. `restless` trades in every way (tests/system/restless.py).
2. It is judged from the exchange's books (tests/system/judging.py), and then by the product's own report:
   books agree, no invariant violated, and each case of drift named, with how it ended.
3. Sessions run two at a time, ahead of the tests that judge them (tests/system/ahead.py).
4. A call that is not answered costs real time: the client's patience is short here, and so are hangs.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from shell.exchange.faults.menu import MENU
from shell.exchange.market.synthetic import MINUTES_MIN
from tests.system.ahead import run_ahead
from tests.system.days import write_day
from tests.system.judging import drift_faults, ended_wrong
from tests.system.kit import WAL, Done, Files, exchange, run_live

SESSION_S_MAX: Final = 240.0
"""A calm one takes 3 s; with every other answer missing it waits for each."""

MARKET_DATA: Final = frozenset({"bad_ticks"})
"""Faults of the menu that concern no order."""

OUTSIDERS: Final = frozenset({"manual_trade", "orphan_order"})
"""Other clients trade: positions and cash are not ours alone."""

ORDER_FAULTS: Final = tuple(name for name in MENU if name not in MARKET_DATA)
ALL: Final = "all"
OFTEN: Final = 0.5
SEEDS: Final = 20
LINES_MAX: Final = 40
"""Complaints that a failure prints."""

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

SHORT_TEMPERED: Final = CONFIG.replace("200ms", "100ms").replace("400ms", "200ms")
"""Half of the answers never come: hundreds of waits, one after another."""

OPTIONS: Final = """
[options.hang]
for_ms = 2000

[options.slow_response]
ms = 300

[options.stuck_cancel]
for_s = 120
"""


class Case(NamedTuple):
    """A session with faults: a single name or all of them."""

    name: str
    rate: float
    seed: int

    def __str__(self) -> str:
        return f"{self.name}-{self.rate:g}-{self.seed}"

    @property
    def names(self) -> tuple[str, ...]:
        """The faults."""
        return ORDER_FAULTS if self.name == ALL else (self.name,)


class Spoiled(NamedTuple):
    """A session's end."""

    case: Case
    folder: Path
    books: Any
    wrong: list[str]


SINGLE: Final = tuple(Case(name, rate, 1) for name in ORDER_FAULTS for rate in (0.05, OFTEN))
TOGETHER: Final = tuple(Case(ALL, 0.05, seed) for seed in range(1, SEEDS + 1))


def run_spoiled(folder: Path, case: Case) -> Spoiled:
    """One session with faults: the exchange's books at its end, and everything that is wrong."""
    often_silent = case.name == "hang" and case.rate == OFTEN
    files = Files(folder, config_text=SHORT_TEMPERED if often_silent else CONFIG)
    plan = folder / "faults.toml"
    rates = "".join(f"{name} = {case.rate}\n" for name in case.names)
    plan.write_text(f"[faults]\n{rates}{OPTIONS}")
    options = ("--speed", "max", "--seed", str(case.seed), "--faults", str(plan))
    with exchange(*options, "--bars", *write_day(folder, case.seed, MINUTES_MIN)) as venue:
        done = run_live("--exchange", venue.url, *files.options, seconds=SESSION_S_MAX)
        books = venue.books()
    (folder / "books.json").write_text(json.dumps(books, indent=1))
    wrong = wrong_with(files, done, books, not OUTSIDERS.isdisjoint(case.names))
    return Spoiled(case, folder, books, wrong)


def wrong_with(files: Files, done: Done, books: Any, outsiders: bool) -> list[str]:
    """Every complaint: the exchange's view, our report's, and its account of drift."""
    wrong = ended_wrong(files, done, books, outsiders=outsiders)
    if files.report_path.exists():
        wrong.extend(drift_faults(files.report()))
    if not books["healed"]:
        wrong.append("the exchange has not healed")
    return wrong


@pytest.fixture(scope="module")
def single(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Case], Spoiled]]:
    """The sessions with one fault, run two at a time."""
    with run_ahead(request, tmp_path_factory, "test_one_fault", run_spoiled) as results:
        yield results


@pytest.fixture(scope="module")
def together(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Case], Spoiled]]:
    """The sessions with all faults, run two at a time."""
    with run_ahead(request, tmp_path_factory, "test_all_faults_together", run_spoiled) as results:
        yield results


def assert_right(spoiled: Spoiled, test: str, *more: str) -> None:
    """Nothing is wrong; otherwise everything that whoever looks for the cause needs."""
    wrong = [*spoiled.wrong, *more]
    lines = "\n".join(f"  {line}" for line in wrong[:LINES_MAX])
    assert not wrong, (
        f"\n{len(wrong)} wrong:\n{lines}\nfired: {spoiled.books['faults']}\nfiles in {spoiled.folder}\n"
        f"again: python -m pytest 'tests/system/test_faults.py::{test}[{spoiled.case}]'"
    )


@pytest.mark.parametrize("case", SINGLE, ids=str)
def test_one_fault(single: Callable[[Case], Spoiled], case: Case) -> None:
    spoiled = single(case)
    never = case.rate == OFTEN and not spoiled.books["faults"][case.name]
    assert_right(spoiled, "test_one_fault", *["it never happened: it had no occasion"] * never)


@pytest.mark.parametrize("case", TOGETHER, ids=str)
def test_all_faults_together(together: Callable[[Case], Spoiled], case: Case) -> None:
    spoiled = together(case)
    few = sum(1 for count in spoiled.books["faults"].values() if count) < len(ORDER_FAULTS) // 2
    assert_right(spoiled, "test_all_faults_together", *["less than half of the faults happened"] * few)


def test_every_fault_of_the_menu_is_placed() -> None:
    assert {*ORDER_FAULTS} | MARKET_DATA == {*MENU}
    assert {*ORDER_FAULTS} >= OUTSIDERS
