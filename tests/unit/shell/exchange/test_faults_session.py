"""Whole lock-step sessions under faults: they go on, heal, end with exact books, and repeat."""

import re
from pathlib import Path
from typing import Any

import pytest
import trio

from shell.exchange.faults.menu import MENU
from tests.unit.shell.exchange.faults_kit import Trader, check_books, settings
from tests.unit.shell.exchange.wire_harness import running, within

MINUTES = 12
SESSION_SECONDS_MAX = 20.0
QUICK: dict[str, dict[str, float]] = {"slow_response": {"ms": 5}, "hang": {"for_ms": 300}}
"""Real time is dear."""


def session(
    tmp_path: Path, rates: dict[str, float], seed: int = 1, minutes: int = MINUTES
) -> tuple[dict[str, Any], Trader]:
    """One session with these faults; its books and its client."""
    found: list[tuple[dict[str, Any], Trader]] = []

    async def test() -> None:
        wanted = settings(tmp_path, rates, minutes=minutes, options=QUICK, seed=seed)
        async with running(wanted) as exchange:
            trader = Trader(exchange)
            with trio.fail_after(SESSION_SECONDS_MAX):
                found.append((await trader.run(), trader))

    within(test)
    return found[0]


@pytest.mark.parametrize("name", sorted(MENU))
def test_each_fault_alone_happens_and_heals(tmp_path: Path, name: str) -> None:
    books, _ = session(tmp_path, {name: 0.5}, minutes=4 if name == "hang" else MINUTES)
    check_books(books)
    assert books["faults"][name] > 0
    assert set(books["faults"]) == {name}


@pytest.mark.parametrize(
    "name",
    ["hang", "lost_response", "rate_limited", "stream_refused", "stream_cut", "stream_mute", "credentials"],
)
def test_faults_at_every_occasion_end_too(tmp_path: Path, name: str) -> None:
    books, trader = session(tmp_path, {name: 1.0}, minutes=4 if name == "hang" else MINUTES)
    check_books(books)
    assert books["faults"][name] > 0
    if name == "stream_refused":
        assert trader.frames, "who keeps trying gets through"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_faults_together_heal(tmp_path: Path, seed: int) -> None:
    books, trader = session(tmp_path, dict.fromkeys(MENU, 0.1), seed)
    check_books(books)
    assert sum(count > 0 for count in books["faults"].values()) > 12, books["faults"]
    assert len(trader.outcomes) > 4


def test_the_same_session_repeats(tmp_path: Path) -> None:
    """Faults whose course does not hang on real time: the same seed and requests give the same day."""
    names = [name for name in MENU if name not in ("hang", "slow_response", "stream_cut", "stream_refused")]
    rates = dict.fromkeys(names, 0.1)
    one, two = session(tmp_path, rates), session(tmp_path, rates)
    assert one[0] == two[0]
    assert one[1].frames == two[1].frames
    assert one[1].outcomes == two[1].outcomes
    other, _ = session(tmp_path, rates, seed=9)
    assert other["faults"] != one[0]["faults"]
    assert re.fullmatch(r"mine-\d+|web-\d{6}|[0-9a-f-]{36}", one[0]["orders"][0]["client_order_id"])
