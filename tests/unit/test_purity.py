"""The kernel is pure: it says nothing impure (syntax tree), and touches nothing when it runs (audit hook).

1. Every module of kernel/ passes the rules of tests/tools/purity.py, and each rule is seen to catch a plant.
2. During `step`, over a whole scripted day, the interpreter raises not one audit event: no file, socket,
   import, compilation or process. The hook is seen to catch a planted open(), socket and compile().
3. The same events give equal Desks, commands and wake-ups twice; a Desk that was stepped from is unchanged.
"""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from kernel import EMPTY_DESK, Command, Desk, Event, step
from kernel.units import Instant
from tests.tools.audit import listening
from tests.tools.purity import violations
from tests.tools.sources import ROOT, python_files

KERNEL_MODULES_MIN = 20
"""Fewer modules than this mean that the search looked in the wrong place."""

EVENTS_MIN = 50
"""Fewer events than this are not a trading day."""


@pytest.mark.parametrize("path", python_files("kernel"), ids=str)
def test_module_of_the_kernel_says_nothing_impure(path: Path) -> None:
    source = (ROOT / path).read_text(encoding="utf-8")
    faults = [f"{path}:{fault}" for fault in violations(source, is_chart=path.name == "chart.py")]
    assert not faults, "\n".join(faults)


def test_the_search_finds_the_kernel() -> None:
    assert len(python_files("kernel")) >= KERNEL_MODULES_MIN


@pytest.mark.parametrize(
    "plant",
    [
        "import time",
        "import os.path",
        "import collections",
        "from datetime import datetime",
        "from decimal import Decimal",
        "from random import random",
        "from shell.clock import now",
        "from . import units",
        "from statemachine import State",
        "def f():\n    import logging",
        "x = 0.5",
        "x = 1e9",
        "x = 2j",
        "x = 1 / 2",
        "x = 1\nx /= 2",
        "def f(n: int) -> int:\n    return 2 ** n",
        "x = float('1')",
        "x = round(3)",
        "x = open('a')",
        "print('a')",
        "x = hash('a')",
        "x = id('a')",
        "x = eval('1')",
        "def f():\n    global x",
        "from typing import Any\nx: Any = 1",
        "x = 2 ** -1",
        "x = [vars(y) for y in ()]",
        "async def f(): ...",
        "for x in {1, 2}: ...",
        "x = [y for y in set('ab')]",
        "x = tuple(y for y in frozenset('ab'))",
        "x = 0.5  # purity-ok:",
        "x = 0.5  # purity-ok: because",
        "x = 1  # purity-ok: waives nothing at all",
    ],
)
def test_plant_is_caught(plant: str) -> None:
    assert violations(plant, is_chart=False)


@pytest.mark.parametrize(
    "source",
    [
        "from collections.abc import Mapping\nfrom immutables import Map\nfrom kernel.units import Price",
        "x = 7 // 2\ny = 10 ** 9",
        "x = sorted({1, 2})\ny = 1 in {1, 2}",
        "x = 0.5  # purity-ok: shown to people only",
        "text = 'print(1 / 2) 0.5 open()'  # import time",
    ],
)
def test_plain_code_passes(source: str) -> None:
    assert violations(source, is_chart=False) == []


def test_only_chart_files_may_import_the_chart_library() -> None:
    assert violations("from statemachine import State", is_chart=True) == []
    assert violations("from statemachine import State", is_chart=False) != []


def _read_a_file() -> None:
    with open(__file__, encoding="utf-8"):  # noqa: PTH123  # the plant is open() itself
        pass


def _make_a_socket() -> None:
    socket.socket().close()


def _compile_some_code() -> None:
    compile("1 + 1", "planted", "eval")


@pytest.mark.parametrize(
    ("plant", "event"),
    [(_read_a_file, "open"), (_make_a_socket, "socket.__new__"), (_compile_some_code, "compile")],
)
def test_the_ear_hears_a_plant(plant: Callable[[], None], event: str) -> None:
    with listening() as heard:
        plant()
    assert event in heard


def test_the_ear_is_deaf_outside_its_block() -> None:
    with listening() as heard:
        pass
    _read_a_file()
    assert heard == []


def trading_day() -> list[Event]:
    """The scripted day; imported late, so that the static rules above hold even where it is broken."""
    from tests.unit.kernel import scripts

    events = scripts.trading_day()
    assert len(events) >= EVENTS_MIN
    return events


def _run(events: list[Event]) -> tuple[Desk, list[tuple[Command, ...]], list[Instant | None]]:
    desk, commands, wakes = EMPTY_DESK, list[tuple[Command, ...]](), list[Instant | None]()
    for event in events:
        stepped = step(desk, event)
        desk = stepped.desk
        commands.append(tuple(stepped.commands))
        wakes.append(stepped.wake_at)
    return desk, commands, wakes


def test_step_raises_no_audit_event_over_a_whole_day() -> None:
    events = trading_day()
    with listening() as heard:
        _run(events)
    assert heard == []


def test_step_gives_the_same_twice_and_changes_nothing() -> None:
    events = trading_day()
    half, _, _ = _run(events[: len(events) // 2])
    before = repr(half)
    first, second = _run(events), _run(events)
    for event in events[len(events) // 2 :]:
        half = step(half, event).desk
    assert first == second
    assert half == first[0]
    assert repr(_run(events[: len(events) // 2])[0]) == before
