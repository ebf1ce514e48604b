"""The chart compiler on arcs, guards, decisions and the graph: one small bad chart for each refusal."""

from collections.abc import Callable
from enum import Enum
from typing import Any

import pytest
from statemachine import StateMachine
from statemachine.states import States
from statemachine.transition import Transition
from statemachine.transition_list import TransitionList

from kernel.chart import IGNORED, build_table
from kernel.table import Arc, Decisions, build_rows
from tests.unit.kernel.chart_samples import (
    BURNED_OUT,
    LAMP_FAULTS,
    LAMP_IGNORED,
    SWITCHED,
    Lamp,
    LampInput,
    lamp,
    lamp_body,
    make,
    refused,
    spoiled,
)

# ---------------------------------------------------------------- arcs and guards


def with_arc(arc: Callable[[Any], Any], **changes: Any) -> Callable[[], object]:
    """Builds a lamp chart with one more arc of the event burned_out; `arc` gets the states."""

    def build() -> object:
        body = lamp_body(final=False)
        body["burned_out"] = body["burned_out"] | arc(body["s"])
        return lamp(spoiled(**body), **changes)

    return build


def test_an_eventless_arc_is_refused() -> None:
    body = lamp_body()
    body["s"].OFF.to(body["s"].BURNT)
    refused(
        "Spoiled: arc from OFF has no event: the engine would take it by itself",
        lambda: lamp(spoiled(**body)),
    )


def test_arcs_without_exactly_one_target_are_refused() -> None:
    def to(*targets: Any) -> Callable[[Any], Any]:
        def arc(s: Any) -> Any:
            transition = Transition(s.OFF, [getattr(s, target) for target in targets])
            s.OFF.transitions.add_transitions(transition)
            return TransitionList([transition])

        return arc

    where = "Spoiled: arc from OFF by burned_out"
    refused(f"{where} has 2 targets: exactly one is needed", with_arc(to("LIT", "BURNT")))
    refused(f"{where} has 0 targets: exactly one is needed", with_arc(to()))


def test_an_arc_to_itself_is_refused() -> None:
    message = "Spoiled: arc from OFF by burned_out leads to itself: declare the pair ignored or fault"
    refused(message, with_arc(lambda s: s.OFF.to.itself()))
    refused(message, with_arc(lambda s: s.OFF.to.itself(internal=True)))


@pytest.mark.parametrize("kind", ["on", "before", "after", "validators"])
def test_callbacks_of_arcs_are_refused(kind: str) -> None:
    refused(
        "Spoiled: arc from OFF by burned_out has the callback flash: only guards, by name, are allowed",
        with_arc(lambda s: s.OFF.to(s.BURNT, **{kind: "flash"})),
    )


def test_a_guard_that_is_code_is_refused() -> None:
    def dark() -> bool:
        return True

    refused(
        "Spoiled: arc from OFF by burned_out has the callback dark: only guards, by name, are allowed",
        with_arc(lambda s: s.OFF.to(s.BURNT, cond=dark), guards={"dark": "No light."}),
    )


@pytest.mark.parametrize("guard", ["dark and cold", "not dark", "!dark", "level > 3"])
def test_a_guard_that_is_an_expression_is_refused(guard: str) -> None:
    refused(
        f"Spoiled: arc from OFF by burned_out has the guard {guard!r}: one name, no expression "
        "(use cond= or unless=)",
        with_arc(lambda s: s.OFF.to(s.BURNT, cond=guard), guards={"dark": "No light."}),
    )


def test_guards_and_the_registry_must_agree() -> None:
    refused(
        "Spoiled: arc from OFF by burned_out has the guard dark: it is not in the registry of guards",
        with_arc(lambda s: s.OFF.to(s.BURNT, cond="dark"), guards={"drak": "A typing error."}),
    )
    refused(
        "LampChart: guard dark is in the registry and on no arc", lambda: lamp(guards={"dark": "No light."})
    )


def test_too_many_guards_are_refused() -> None:
    three = dict.fromkeys(("a", "b", "c"), "A fact.")
    refused(
        "Spoiled: (OFF, BURNED_OUT) has 3 guards, at most 2: an input is missing",
        with_arc(lambda s: s.OFF.to(s.BURNT, cond=list(three)), guards=three),
    )
    five = dict.fromkeys(("a", "b", "c", "d", "e"), "A fact.")
    refused("LampChart: 5 guards, at most 4: inputs are missing", lambda: lamp(guards=five))


def test_overlapping_arcs_are_refused() -> None:
    refused("Spoiled: (LIT, BURNED_OUT) has overlapping arcs", with_arc(lambda s: s.LIT.to(s.OFF)))
    refused(
        "Spoiled: (LIT, BURNED_OUT) has overlapping arcs when dark holds",
        with_arc(lambda s: s.LIT.to(s.OFF, cond="dark"), guards={"dark": "No light."}, faults=LAMP_FAULTS),
    )


def test_an_arc_that_can_never_be_taken_is_refused() -> None:
    # The library drops an `unless` that repeats a `cond`, so such an arc can only be built by hand.
    never = Arc(Lamp.OFF, BURNED_OUT, Lamp.BURNT, (("dark", True), ("dark", False)))
    every: Decisions[Lamp, LampInput] = {(state, given): IGNORED for state in Lamp for given in LampInput}
    refused(
        "Hand: arc from OFF by BURNED_OUT can never be taken",
        lambda: build_rows("Hand", tuple(Lamp), tuple(LampInput), [never], every, ("dark",)),
    )


# ---------------------------------------------------------------- every pair, once


def test_an_undecided_pair_is_refused() -> None:
    refused("LampChart: (OFF, BURNED_OUT) is no arc, not ignored and no fault", lambda: lamp(ignored={}))
    refused(
        "Spoiled: (OFF, BURNED_OUT) is no arc, not ignored and no fault when no guard holds",
        with_arc(lambda s: s.OFF.to(s.BURNT, cond="dark"), guards={"dark": "No light."}, ignored={}),
    )


def test_a_pair_declared_twice_is_refused() -> None:
    message = "LampChart: (OFF, BURNED_OUT) is declared twice as ignored or fault"
    refused(message, lambda: lamp(faults={**LAMP_FAULTS, Lamp.OFF: (BURNED_OUT,)}))
    refused(message, lambda: lamp(ignored={Lamp.OFF: (BURNED_OUT, BURNED_OUT)}))


def test_an_arc_that_is_declared_as_well_is_refused() -> None:
    refused(
        "LampChart: (LIT, SWITCHED) is an arc and declared ignored as well",
        lambda: lamp(ignored={**LAMP_IGNORED, Lamp.LIT: (SWITCHED,)}),
    )
    refused(
        "LampChart: (LIT, BURNED_OUT) is an arc and declared fault as well",
        lambda: lamp(faults={**LAMP_FAULTS, Lamp.LIT: (BURNED_OUT,)}),
    )
    refused(
        "Spoiled: (OFF, BURNED_OUT) is an arc and declared ignored as well",
        with_arc(
            lambda s: s.OFF.to(s.BURNT, cond="dark") | s.OFF.to(s.LIT, unless="dark"),
            guards={"dark": "No light."},
        ),
    )


def test_declarations_outside_the_enums_are_refused() -> None:
    refused("LampChart: ignored: 'OFF' is not a member of Lamp", lambda: lamp(ignored={"OFF": (BURNED_OUT,)}))
    refused(
        "LampChart: fault: <Lamp.OFF: 'off'> is not a member of LampInput",
        lambda: lamp(faults={Lamp.OFF: (Lamp.OFF,)}),
    )


# ---------------------------------------------------------------- the graph


def graph(
    arcs: Callable[[Any], dict[str, Any]], final: tuple[Lamp, ...] = (), **changes: Any
) -> Callable[[], object]:
    """Builds a chart of the given arcs; every other pair is ignored."""

    def build() -> object:
        s = States.from_enum(Lamp, initial=Lamp.OFF, final=final)
        body = {**lamp_body(), "s": s, **arcs(s)}
        chart = make("Graph", body)
        taken = {
            (t.source.value, e.id) for state in chart.states for t in state.transitions for e in t.events
        }
        ignored = {
            state: tuple(given for given in LampInput if (state, given.value) not in taken) for state in Lamp
        }
        return lamp(chart, ignored=ignored, faults={}, **changes)

    return build


def test_unreachable_states_are_refused() -> None:
    refused(
        "Graph: state BURNT is unreachable from OFF",
        graph(lambda s: {"switched": s.OFF.to(s.LIT), "burned_out": s.LIT.to(s.OFF) | s.BURNT.to(s.OFF)}),
    )


def test_trap_states_are_refused() -> None:
    refused(
        "Graph: state BURNT is a trap: not final and nothing leaves it",
        graph(lambda s: {"switched": s.OFF.to(s.LIT) | s.LIT.to(s.OFF), "burned_out": s.LIT.to(s.BURNT)}),
    )
    refused(
        "Graph: state LIT is a trap: no way leads back to OFF",
        graph(lambda s: {"switched": s.OFF.to(s.LIT) | s.BURNT.to(s.LIT), "burned_out": s.LIT.to(s.BURNT)}),
    )


def test_states_that_lead_to_no_end_are_refused() -> None:
    class Four(Enum):
        A = "a"
        B = "b"
        C = "c"
        D = "d"

    class FourChart(StateMachine):
        validate_final_reachability = False
        s = States.from_enum(Four, initial=Four.A, final=[Four.D])
        switched = s.A.to(s.B) | s.B.to(s.C) | s.C.to(s.B)
        burned_out = s.A.to(s.D)

    every = {Four.B: (BURNED_OUT,), Four.C: (BURNED_OUT,), Four.D: tuple(LampInput)}
    refused(
        "FourChart: state B is a trap: no way leads to a final or resting state",
        lambda: build_table(FourChart, Four, LampInput, ignored=every, faults={}),
    )
    resting = build_table(FourChart, Four, LampInput, ignored=every, faults={}, resting=(Four.C,))
    assert resting.is_ended(Four.C)


def test_resting_states_must_be_no_finals_and_be_left_by_something() -> None:
    refused(
        "LampChart: state BURNT is final and resting: nothing may leave a final state",
        lambda: lamp(resting=(Lamp.BURNT,)),
    )
    refused(
        "Graph: state BURNT is resting and nothing revives it: declare it final",
        graph(
            lambda s: {"switched": s.OFF.to(s.LIT) | s.LIT.to(s.OFF), "burned_out": s.LIT.to(s.BURNT)},
            resting=(Lamp.BURNT,),
        ),
    )
