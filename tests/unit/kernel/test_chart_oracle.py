"""The oracle: the real python-statemachine engine agrees with every compiled table, cell by cell.

For every chart of the kernel, every state, input and set of guards that hold: where the table moves, the
engine goes to the same state; where the table ignores or faults, the engine refuses the event and
stays. The comparison itself is shown to notice a table with one wrong cell.
"""

import importlib
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from statemachine import StateMachine
from statemachine.exceptions import TransitionNotAllowed
from statemachine.states import States

import kernel
from kernel.chart import FAULT, IGNORED, MOVE, Chart, Move, Table, build_table, charts
from kernel.table import valuations

KERNEL = Path(kernel.__file__).parent
CHART_FILES = sorted(path for path in KERNEL.rglob("chart.py") if path.parent != KERNEL)


def module_of(path: Path) -> str:
    return ".".join((KERNEL.name, *path.relative_to(KERNEL).with_suffix("").parts))


def load() -> tuple[Chart, ...]:
    for path in CHART_FILES:
        importlib.import_module(module_of(path))
    return charts()


CHARTS = load()


def engine_move(
    machine: type[StateMachine], guards: tuple[str, ...], held: frozenset[str], state: Enum, event: str
) -> tuple[Any, bool]:
    """Where the real engine is after the event, and whether it took it."""
    facts = {guard: guard in held for guard in guards}
    engine = machine(SimpleNamespace(state=None, **facts), start_value=state)
    assert list(engine.configuration_values) == [state]
    try:
        engine.send(event)
        taken = True
    except TransitionNotAllowed:
        taken = False
    (after,) = engine.configuration_values
    return after, taken


def differences(machine: type[StateMachine], table: Table[Any, Any]) -> tuple[int, list[str]]:
    """How many cells were compared, and those in which engine and table disagree."""
    compared = 0
    found: list[str] = []
    for state in table.states:
        for given in table.inputs:
            for held in valuations(table.guards):
                move = table.next(state, given, held)
                expected = (move.target, move.kind is MOVE)
                actual = engine_move(machine, table.guards, held, state, given.value)
                compared += 1
                if actual != expected:
                    found.append(f"{state} {given} {sorted(held)}: table {expected}, engine {actual}")
    return compared, found


def test_every_chart_file_is_registered() -> None:
    assert CHART_FILES, "no chart.py in the kernel"
    modules = {chart.module for chart in CHARTS}
    assert modules == {module_of(path) for path in CHART_FILES}


def test_every_state_machine_of_the_kernel_is_registered() -> None:
    declared = {
        f"{module_of(path)}.{line.partition('class ')[2].partition('(')[0]}"
        for path in CHART_FILES
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("class ") and "(StateMachine)" in line
    }
    assert declared == {f"{chart.module}.{chart.table.name}" for chart in CHARTS}
    elsewhere = [
        path
        for path in KERNEL.rglob("*.py")
        if path.name != "chart.py" and "import StateMachine" in path.read_text(encoding="utf-8")
    ]
    assert elsewhere == []


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.table.name)
def test_the_engine_agrees_with_the_table(chart: Chart) -> None:
    table = chart.table
    compared, found = differences(chart.machine, table)
    assert found == []
    assert compared == len(chart.states) * len(chart.inputs) * 2 ** len(table.guards)


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.table.name)
def test_the_engine_starts_and_ends_where_the_table_does(chart: Chart) -> None:
    engine = chart.machine()
    assert list(engine.configuration_values) == [chart.table.initial]
    assert {state.value for state in chart.machine.final_states} == set(chart.table.finals)


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.table.name)
def test_one_wrong_cell_is_noticed(chart: Chart) -> None:
    table = chart.table
    state, given = next(
        (state, given)
        for state in table.states
        for given in table.inputs
        if table.next(state, given).kind is not MOVE
    )
    other = next(each for each in table.states if each is not state)
    row = table.rows[state].set(given, Move(other, MOVE))
    _, found = differences(chart.machine, table._replace(rows=table.rows.set(state, row)))
    assert len(found) == 1
    assert str(given) in found[0]


class Door(Enum):
    """A sample with guards, for no chart of the kernel may need any."""

    OPEN = "open"
    CLOSED = "closed"
    LOCKED = "locked"


class DoorInput(Enum):
    """What can happen to the sample."""

    PUSHED = "pushed"
    PULLED = "pulled"


class DoorChart(StateMachine):
    """Guards in all shapes: one, two at once, and negated."""

    s = States.from_enum(Door, initial=Door.OPEN)
    pushed = (
        s.OPEN.to(s.CLOSED, unless="keyed")
        | s.OPEN.to(s.LOCKED, cond="keyed")
        | s.CLOSED.to(s.LOCKED, cond=["keyed", "willing"])
    )
    pulled = s.CLOSED.to(s.OPEN) | s.LOCKED.to(s.OPEN, cond="keyed", unless="willing")


def test_the_engine_agrees_with_a_table_that_has_guards() -> None:
    table = build_table(
        DoorChart,
        Door,
        DoorInput,
        ignored={Door.OPEN: (DoorInput.PULLED,), Door.CLOSED: (DoorInput.PUSHED,)},
        faults={Door.LOCKED: (DoorInput.PUSHED, DoorInput.PULLED)},
        guards={"keyed": "The key is in the lock.", "willing": "Somebody wants it."},
    )
    compared, found = differences(DoorChart, table)
    assert found == []
    assert compared == 3 * 2 * 4
    both = frozenset({"keyed", "willing"})
    assert table.next(Door.CLOSED, DoorInput.PUSHED, both) == (Door.LOCKED, MOVE)
    assert table.next(Door.CLOSED, DoorInput.PUSHED) == (Door.CLOSED, IGNORED)
    assert table.next(Door.LOCKED, DoorInput.PULLED, both) == (Door.LOCKED, FAULT)
    assert table.next(Door.LOCKED, DoorInput.PULLED, frozenset({"keyed"})) == (Door.OPEN, MOVE)
