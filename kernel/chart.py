"""Compiles a lifecycle, declared as a python-statemachine chart, into an immutable, total table.

A chart file declares an Enum of states (nouns), an Enum of inputs (past-tense verbs), a flat
`StateMachine` over them, and what every other pair comes to. `compile_chart` turns that into a `Table`
at import, or refuses with a ChartError that names the chart and the offender.

Rules:
1. The library's engine never runs in the kernel: it is mutable, reads the clock and takes locks. A
   test runs it beside the table for every state, input and guard (tests/unit/kernel/test_chart_oracle.py).
2. States are the members of the state Enum; an event's name is the value of its input, and that is the
   member's name in small letters. Nothing has two names.
3. Nothing is lenient: no callbacks but named guards, no nesting, no history, no eventless, internal or
   self arcs, no dotted events, no engine flag but StateMachine's own.
4. Every exception is declared by name: `resting` (ended in reports, yet evidence may revive it) and
   `inert` (an input that by design moves nothing).

Ignores: what decides between arcs (table.py) and what a move causes (the rooms' step functions).
This is the one file in which an `Any` of the library may appear; what it exports is typed.
"""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Final, NamedTuple, TypeVar

from statemachine import State, StateMachine
from statemachine.callbacks import CallbackGroup, SpecReference
from statemachine.event import Event
from statemachine.states import States

from kernel.table import (
    FAULT,
    IGNORED,
    MOVE,
    NO_GUARDS,
    Arc,
    ChartError,
    Kind,
    Move,
    Table,
    build_rows,
    check_graph,
    read_decisions,
    refuse,
)

__all__ = [
    "CHARTS_MAX",
    "FAULT",
    "IGNORED",
    "MOVE",
    "NO_GUARDS",
    "Chart",
    "ChartError",
    "Kind",
    "Move",
    "Table",
    "build_table",
    "charts",
    "compile_chart",
]

S = TypeVar("S", bound=Enum)
E = TypeVar("E", bound=Enum)

CHARTS_MAX: Final = 64
"""Lifecycles in one kernel; one more is refused at import. A person should be able to read them all."""


class Chart(NamedTuple):
    """A registered chart: what the oracle test, the docs and the generators start from."""

    table: Table[Any, Any]
    machine: type[StateMachine]
    module: str
    states: type[Enum]
    inputs: type[Enum]
    guards: Mapping[str, str]
    """Guard name to what it means."""
    inert: tuple[Enum, ...]
    """Inputs that by design move nothing."""


_CHARTS: Final[list[Chart]] = []
"""Filled while the chart files are imported, only read afterwards."""

_FLAGS: Final = (
    ("allow_event_without_transition", False),
    ("catch_errors_as_events", False),
    ("enable_self_transition_entries", False),
    ("atomic_configuration_update", True),
)
"""The engine's strict settings, which StateMachine has and StateChart has not."""

_LIBRARY_NAMES: Final = frozenset(
    {
        *(name for name, _ in _FLAGS),
        # The library's own checks: a chart may turn them off, for the checks here are stricter.
        *("validate_disconnected_states", "validate_final_reachability", "validate_trap_states"),
        *("_abstract", "_class_listeners", "_events", "_events_to_update", "_protected_attrs", "_specs"),
        *("final_states", "id", "initial_state", "name", "prepare", "states", "states_map"),
    }
)
"""What the library's metaclass writes into a chart class, and the flags that are checked by value."""


def charts() -> tuple[Chart, ...]:
    """Every chart compiled so far, in the order of import."""
    return tuple(_CHARTS)


def compile_chart(
    machine: type[StateMachine],
    states: type[S],
    inputs: type[E],
    *,
    ignored: Mapping[S, Iterable[E]],
    faults: Mapping[S, Iterable[E]],
    resting: tuple[S, ...] = (),
    inert: tuple[E, ...] = (),
    guards: Mapping[str, str] | None = None,
) -> Table[S, E]:
    """Builds the table (arguments and errors as build_table) and registers it for the oracle and the docs."""
    table = build_table(
        machine,
        states,
        inputs,
        ignored=ignored,
        faults=faults,
        resting=resting,
        inert=inert,
        guards=guards,
    )
    if len(_CHARTS) >= CHARTS_MAX:
        refuse(table.name, f"more than {CHARTS_MAX} charts: raise CHARTS_MAX if they are meant")
    if any(chart.table.name == table.name for chart in _CHARTS):
        refuse(table.name, "another chart has this class name: rename one")
    if not (machine.__doc__ or "").strip():
        refuse(table.name, "has no docstring: say in one line what lives through it")
    _CHARTS.append(Chart(table, machine, machine.__module__, states, inputs, dict(guards or {}), inert))
    return table


def build_table(
    machine: type[StateMachine],
    states: type[S],
    inputs: type[E],
    *,
    ignored: Mapping[S, Iterable[E]],
    faults: Mapping[S, Iterable[E]],
    resting: tuple[S, ...] = (),
    inert: tuple[E, ...] = (),
    guards: Mapping[str, str] | None = None,
) -> Table[S, E]:
    """Compiles a chart, or raises ChartError.

    ignored, faults: for each state the inputs that are absorbed, or that a person should know of.
    resting: non-final states that count as ended in reports although evidence may revive them.
    inert: inputs that by design move nothing in any state, and so are no event of the chart.
    guards: name of each guard and what it means.
    """
    name = machine.__name__
    _check_class(name, machine)
    _check_enums(name, states, inputs)
    found = _check_states(name, machine, states)
    _check_attributes(name, machine)
    by_event = _check_events(name, machine, inputs, inert)
    names = tuple(guards or {})
    arcs = [arc for state in found for arc in _read_arcs(name, state, by_event, states, names)]
    decided = read_decisions(name, states, inputs, ignored, faults)
    variants = build_rows(name, tuple(states), tuple(inputs), arcs, decided, names)
    initial: S = next(state.value for state in found if state.initial)
    finals: tuple[S, ...] = tuple(state.value for state in found if state.final)
    check_graph(name, tuple(states), initial, finals, resting, arcs)
    return Table(
        name=name,
        initial=initial,
        finals=finals,
        resting=resting,
        states=tuple(states),
        inputs=tuple(inputs),
        guards=names,
        rows=variants[NO_GUARDS],
        variants=variants,
    )


# ---------------------------------------------------------------- the class, its Enums, its states


def _check_class(name: str, machine: type[StateMachine]) -> None:
    if machine.__bases__ != (StateMachine,):
        bases = ", ".join(base.__name__ for base in machine.__bases__)
        refuse(name, f"derives from {bases}: derive from StateMachine directly (StateChart is lenient)")
    for flag, strict in _FLAGS:
        if getattr(machine, flag) is not strict:
            refuse(name, f"{flag} is not {strict}: leave the strict default")
    if not len(machine.states):
        refuse(name, "has no states")


def _check_enums(name: str, states: type[Enum], inputs: type[Enum]) -> None:
    for enum in (states, inputs):
        aliases = [alias for alias, member in enum.__members__.items() if alias != member.name]
        if aliases:
            refuse(name, f"{enum.__name__}.{aliases[0]} is an alias: give each member its own value")
    for given in inputs:
        if given.value != given.name.lower():
            refuse(name, f"{given} has the value {given.value!r}: it must be {given.name.lower()!r}")


def _check_states(name: str, machine: type[StateMachine], states: type[Enum]) -> list[State]:
    """The chart's states, flat, one for each member."""
    found: list[State] = list(machine.states)
    for state in found:
        if state.states or state.parallel or state.history:
            refuse(name, f"state {state.id} is compound, parallel or has history: charts are flat")
        if not isinstance(state.value, states):
            refuse(name, f"state {state.id}, value {state.value!r}: not a member of {states.__name__}")
        if state.value.name != state.id:
            refuse(name, f"state {state.id} stands for {state.value}: name it like the member")
        for spec in state._specs:
            if not spec.is_convention:
                refuse(name, f"state {state.id} has the callback {spec}: a chart holds no code")
    for member in states:
        if all(state.value is not member for state in found):
            refuse(name, f"{states.__name__}.{member.name} has no state")
    return found


def _check_attributes(name: str, machine: type[StateMachine]) -> None:
    for attribute, value in vars(machine).items():
        is_dunder = attribute.startswith("__") and attribute.endswith("__")
        if is_dunder or attribute in _LIBRARY_NAMES or isinstance(value, State | States | Event):
            continue
        # Also the convention hooks (on_enter_x, before_y) and everything that a guard would be bound to.
        refuse(name, f"attribute {attribute}: a chart holds states and events, no code")


# ---------------------------------------------------------------- events and arcs


def _check_events(
    name: str, machine: type[StateMachine], inputs: type[E], inert: tuple[E, ...]
) -> dict[str, E]:
    """The input of each event name."""
    by_event: dict[str, E] = {given.value: given for given in inputs}
    ids = [event.id for event in machine._events]
    for event in machine._events:
        if event.id.startswith(("error_", "error.", "done_", "done.")):
            refuse(name, f"event {event.id}: names that begin with error or done are the library's own")
        if "." in event.id or "*" in event.id:
            refuse(name, f"event {event.id}: dots and stars match other events as well")
        if event.id not in by_event:
            refuse(name, f"event {event.id} is not the value of a member of {inputs.__name__}")
        if event.delay or event.internal:
            refuse(name, f"event {event.id} is delayed or internal: charts know no time")
    for given in inputs:
        if given.value not in ids and given not in inert:
            refuse(name, f"{given} has no arc: add one, or declare it inert")
        if given.value in ids and given in inert:
            refuse(name, f"{given} is declared inert and has an arc")
    return by_event


def _read_arcs(
    name: str, state: State, by_event: Mapping[str, E], states: type[S], guards: tuple[str, ...]
) -> list[Arc[S, E]]:
    source = states(state.value)
    arcs: list[Arc[S, E]] = []
    for transition in state.transitions:
        if transition.is_eventless:
            refuse(name, f"arc from {state.id} has no event: the engine would take it by itself")
        where = f"arc from {state.id} by {transition.event}"
        if len(transition.targets) != 1:
            refuse(name, f"{where} has {len(transition.targets)} targets: exactly one is needed")
        target = states(transition.targets[0].value)
        if target is source:
            refuse(name, f"{where} leads to itself: declare the pair ignored or fault")
        # The library lists its naming conventions everywhere; what was declared is the rest.
        declared = [spec for spec in transition._specs if not spec.is_convention]
        literals = tuple(_read_guard(name, where, spec, guards) for spec in declared)
        arcs.extend(Arc(source, by_event[event.id], target, literals) for event in transition.events)
    return arcs


def _read_guard(name: str, where: str, spec: Any, guards: tuple[str, ...]) -> tuple[str, bool]:
    if spec.group is not CallbackGroup.COND or spec.reference is not SpecReference.NAME:
        refuse(name, f"{where} has the callback {spec}: only guards, by name, are allowed")
    guard: str = spec.func
    if not guard.isidentifier():
        refuse(name, f"{where} has the guard {guard!r}: one name, no expression (use cond= or unless=)")
    if guard not in guards:
        refuse(name, f"{where} has the guard {guard}: it is not in the registry of guards")
    return guard, spec.expected_value is not False
