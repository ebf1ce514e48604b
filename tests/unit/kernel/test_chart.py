"""The chart compiler: one small bad chart for each refusal, and what a good one gives.

Every refusal names the chart and the offender; the messages are asserted, for a person reads them.
"""

import re
from enum import Enum
from typing import Any

import pytest
from statemachine import HistoryState, State, StateChart, StateMachine
from statemachine.event import Event
from statemachine.states import States

import kernel.chart
from kernel.chart import FAULT, IGNORED, MOVE, ChartError, Table, build_table, charts, compile_chart
from tests.unit.kernel.chart_samples import (
    BURNED_OUT,
    LAMP_FAULTS,
    LAMP_IGNORED,
    SWITCHED,
    Lamp,
    LampChart,
    LampInput,
    Rows,
    lamp,
    lamp_body,
    make,
    refused,
    spoiled,
)

# ---------------------------------------------------------------- what a good chart gives


def test_a_table_decides_every_pair() -> None:
    table = lamp()
    assert {(s, i): table.next(s, i) for s in Lamp for i in LampInput} == {
        (Lamp.OFF, SWITCHED): (Lamp.LIT, MOVE),
        (Lamp.OFF, BURNED_OUT): (Lamp.OFF, IGNORED),
        (Lamp.LIT, SWITCHED): (Lamp.OFF, MOVE),
        (Lamp.LIT, BURNED_OUT): (Lamp.BURNT, MOVE),
        (Lamp.BURNT, SWITCHED): (Lamp.BURNT, FAULT),
        (Lamp.BURNT, BURNED_OUT): (Lamp.BURNT, FAULT),
    }
    assert (table.name, table.initial, table.finals, table.resting) == (
        "LampChart",
        Lamp.OFF,
        (Lamp.BURNT,),
        (),
    )
    assert table.states == tuple(Lamp)
    assert table.inputs == tuple(LampInput)
    assert [table.is_ended(state) for state in Lamp] == [False, False, True]


def test_a_move_says_what_it_is() -> None:
    table = lamp()
    moves = [
        table.next(Lamp.OFF, SWITCHED),
        table.next(Lamp.OFF, BURNED_OUT),
        table.next(Lamp.BURNT, SWITCHED),
    ]
    assert [move.is_move for move in moves] == [True, False, False]
    assert [move.is_ignored for move in moves] == [False, True, False]
    assert [move.is_fault for move in moves] == [False, False, True]


def test_a_table_can_not_be_changed() -> None:
    table = lamp()
    with pytest.raises(AttributeError):
        table.initial = Lamp.LIT  # type: ignore[misc]
    with pytest.raises(TypeError):
        table.rows[Lamp.OFF] = table.rows[Lamp.LIT]  # type: ignore[index]
    with pytest.raises(TypeError):
        table.rows[Lamp.OFF][SWITCHED] = table.next(Lamp.LIT, SWITCHED)  # type: ignore[index]


def test_a_guard_of_another_chart_is_a_chart_error() -> None:
    refused(
        "LampChart: guards ['dark'] are not of this chart",
        lambda: lamp().next(Lamp.OFF, SWITCHED, frozenset({"dark"})),
    )


def test_a_resting_state_is_ended_and_can_be_left() -> None:
    class Resting(StateMachine):
        s = States.from_enum(Lamp, initial=Lamp.OFF)
        switched = s.OFF.to(s.LIT) | s.BURNT.to(s.LIT)
        burned_out = s.LIT.to(s.BURNT)

    table = lamp(
        Resting,
        ignored={Lamp.OFF: (BURNED_OUT,), Lamp.LIT: (SWITCHED,), Lamp.BURNT: (BURNED_OUT,)},
        faults={},
        resting=(Lamp.BURNT,),
    )
    assert table.finals == ()
    assert table.is_ended(Lamp.BURNT)
    assert table.next(Lamp.BURNT, SWITCHED).is_move


def test_building_registers_nothing() -> None:
    before = charts()
    lamp()
    assert charts() == before


# ---------------------------------------------------------------- the class


def test_lenient_charts_are_refused() -> None:
    class Lenient(StateChart):  # type: ignore[type-arg]
        s = States.from_enum(Lamp, initial=Lamp.OFF, final=[Lamp.BURNT])
        switched = s.OFF.to(s.LIT) | s.LIT.to(s.OFF)
        burned_out = s.LIT.to(s.BURNT)

    class Heir(LampChart):
        pass

    refused(
        "Lenient: derives from StateChart: derive from StateMachine directly (StateChart is lenient)",
        lambda: lamp(Lenient),  # type: ignore[arg-type]
    )
    refused(
        "Heir: derives from LampChart: derive from StateMachine directly (StateChart is lenient)",
        lambda: lamp(Heir),
    )


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("allow_event_without_transition", True),
        ("catch_errors_as_events", True),
        ("enable_self_transition_entries", True),
        ("atomic_configuration_update", False),
    ],
)
def test_each_lenient_flag_is_refused(flag: str, value: bool) -> None:
    chart = make("Flagged", {**lamp_body(), flag: value})
    refused(f"Flagged: {flag} is not {not value}: leave the strict default", lambda: lamp(chart))


def test_a_chart_without_states_is_refused() -> None:
    class Empty(StateMachine):
        pass

    refused("Empty: has no states", lambda: lamp(Empty))


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("on_enter_LIT", lambda self: None),
        ("before_switched", lambda self: None),
        ("on_enter_ILT", lambda self: None),
        ("prepare_event", lambda self: {}),
        ("dark", True),
        ("listeners", [object()]),
        ("start_configuration_values", [Lamp.LIT]),
    ],
)
def test_code_and_data_in_a_chart_are_refused(attribute: str, value: object) -> None:
    refused(
        f"Spoiled: attribute {attribute}: a chart holds states and events, no code",
        lambda: lamp(spoiled(**{attribute: value})),
    )


# ---------------------------------------------------------------- Enums and states


def test_enums_with_aliases_or_other_values_are_refused() -> None:
    class Aliased(Enum):
        OFF = "off"
        DARK = "off"  # noqa: PIE796  (the alias is the point)

    class Renamed(Enum):
        SWITCHED = "flipped"
        BURNED_OUT = "burned_out"

    refused(
        "LampChart: Aliased.DARK is an alias: give each member its own value",
        lambda: build_table(LampChart, Aliased, LampInput, ignored={}, faults={}),
    )
    refused(
        "LampChart: Renamed.SWITCHED has the value 'flipped': it must be 'switched'",
        lambda: build_table(LampChart, Lamp, Renamed, ignored={}, faults={}),
    )


def test_a_state_outside_the_enum_is_refused() -> None:
    class Foreign(StateMachine):
        s = States.from_enum(Lamp, initial=Lamp.OFF, final=[Lamp.BURNT])
        DIM = State()
        switched = s.OFF.to(s.LIT) | s.LIT.to(s.OFF) | DIM.to(s.LIT) | s.LIT.to(DIM)
        burned_out = s.LIT.to(s.BURNT)

    refused("Foreign: state DIM, value 'DIM': not a member of Lamp", lambda: lamp(Foreign))


def test_a_state_named_unlike_its_member_is_refused() -> None:
    class Misnamed(StateMachine):
        OFF = State(value=Lamp.OFF, initial=True)
        BRIGHT = State(value=Lamp.LIT)
        BURNT = State(value=Lamp.BURNT, final=True)
        switched = OFF.to(BRIGHT) | BRIGHT.to(OFF)
        burned_out = BRIGHT.to(BURNT)

    refused("Misnamed: state BRIGHT stands for Lamp.LIT: name it like the member", lambda: lamp(Misnamed))


def test_a_member_without_a_state_is_refused() -> None:
    class Short(StateMachine):
        OFF = State(value=Lamp.OFF, initial=True)
        LIT = State(value=Lamp.LIT)
        switched = OFF.to(LIT) | LIT.to(OFF)

    refused("Short: Lamp.BURNT has no state", lambda: lamp(Short))


def test_nested_parallel_and_history_states_are_refused() -> None:
    class Compound(StateMachine):
        validate_trap_states = False

        class OFF(State.Compound):
            inner = State(initial=True)

        LIT = State(initial=True)
        switched = LIT.to(OFF)

    class Parallel(StateMachine):
        validate_trap_states = False
        validate_disconnected_states = False

        class OFF(State.Parallel):
            left = State(initial=True)
            right = State(initial=True)

        LIT = State(initial=True)
        switched = LIT.to(OFF)

    class History(StateMachine):
        validate_trap_states = False

        class OFF(State.Compound):
            inner = State(initial=True)
            past = HistoryState()

        LIT = State(initial=True)
        switched = LIT.to(OFF)

    for chart in (Compound, Parallel, History):
        message = "state OFF is compound, parallel or has history: charts are flat"
        found = [state.id for state in chart.states]
        assert "OFF" in found
        with pytest.raises(ChartError, match=re.escape(f"{chart.__name__}: {message}")):
            build_table(chart, Lamp, LampInput, ignored={}, faults={})


def test_a_callback_of_a_state_is_refused() -> None:
    class Entering(StateMachine):
        OFF = State(value=Lamp.OFF, initial=True)
        LIT = State(value=Lamp.LIT, enter="shine")
        BURNT = State(value=Lamp.BURNT, final=True)
        switched = OFF.to(LIT) | LIT.to(OFF)
        burned_out = LIT.to(BURNT)

    refused("Entering: state LIT has the callback shine: a chart holds no code", lambda: lamp(Entering))


# ---------------------------------------------------------------- events


def test_an_event_outside_the_enum_is_refused() -> None:
    body = lamp_body()
    body["dimmed"] = body["s"].LIT.to(body["s"].OFF)
    refused("Spoiled: event dimmed is not the value of a member of LampInput", lambda: lamp(spoiled(**body)))


@pytest.mark.parametrize("event_id", ["switched.twice", "*", "switched.*"])
def test_dotted_and_star_events_are_refused(event_id: str) -> None:
    body = lamp_body()
    body["more"] = Event(body["s"].LIT.to(body["s"].BURNT), id=event_id)
    refused(
        f"Spoiled: event {event_id}: dots and stars match other events as well", lambda: lamp(spoiled(**body))
    )


@pytest.mark.parametrize("event_id", ["error_found", "done_state_LIT", "done_waiting"])
def test_the_librarys_own_event_names_are_refused(event_id: str) -> None:
    body = lamp_body()
    body[event_id] = body["s"].LIT.to(body["s"].BURNT)
    refused(
        f"Spoiled: event {event_id}: names that begin with error or done are the library's own",
        lambda: lamp(spoiled(**body)),
    )


@pytest.mark.parametrize("option", [{"delay": 5}, {"internal": True}])
def test_delayed_and_internal_events_are_refused(option: dict[str, Any]) -> None:
    body = lamp_body()
    body["burned_out"] = Event(body["s"].LIT.to(body["s"].BURNT), **option)
    refused(
        "Spoiled: event burned_out is delayed or internal: charts know no time", lambda: lamp(spoiled(**body))
    )


def test_an_input_without_an_arc_must_be_declared_inert() -> None:
    class More(Enum):
        SWITCHED = "switched"
        BURNED_OUT = "burned_out"
        DUSTED = "dusted"

    ignored: Rows = {
        Lamp.OFF: (More.BURNED_OUT, More.DUSTED),
        Lamp.LIT: (More.DUSTED,),
        Lamp.BURNT: tuple(More),
    }

    def build(**changes: Any) -> Table[Lamp, More]:
        return build_table(LampChart, Lamp, More, ignored=ignored, faults={}, **changes)

    refused("LampChart: More.DUSTED has no arc: add one, or declare it inert", build)
    assert build(inert=(More.DUSTED,)).next(Lamp.OFF, More.DUSTED).is_ignored
    refused(
        "LampChart: More.SWITCHED is declared inert and has an arc",
        lambda: build(inert=(More.DUSTED, More.SWITCHED)),
    )


# ---------------------------------------------------------------- the registry


def register(machine: type[StateMachine]) -> Table[Lamp, LampInput]:
    return compile_chart(machine, Lamp, LampInput, ignored=LAMP_IGNORED, faults=LAMP_FAULTS)


def test_the_registry_takes_each_name_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel.chart, "_CHARTS", [])
    table = register(LampChart)
    assert [(chart.table, chart.machine, chart.module) for chart in charts()] == [
        (table, LampChart, LampChart.__module__)
    ]
    refused("LampChart: another chart has this class name: rename one", lambda: register(LampChart))


def test_the_registry_wants_a_docstring_and_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel.chart, "_CHARTS", [])
    refused("Spoiled: has no docstring: say in one line what lives through it", lambda: register(spoiled()))
    monkeypatch.setattr(kernel.chart, "CHARTS_MAX", 0)
    refused("LampChart: more than 0 charts: raise CHARTS_MAX if they are meant", lambda: register(LampChart))
    assert charts() == ()
