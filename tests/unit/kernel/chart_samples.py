"""A small good chart, a lamp, and the ways to spoil it: shared by the tests of the chart compiler."""

import re
import types
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, cast

import pytest
from statemachine import StateMachine
from statemachine.states import States

from kernel.chart import ChartError, Table, build_table


class Lamp(Enum):
    """The states of the sample."""

    OFF = "off"
    LIT = "lit"
    BURNT = "burnt"


class LampInput(Enum):
    """The inputs of the sample."""

    SWITCHED = "switched"
    BURNED_OUT = "burned_out"


class LampChart(StateMachine):
    """A lamp, from off to burnt."""

    s = States.from_enum(Lamp, initial=Lamp.OFF, final=[Lamp.BURNT])
    switched = s.OFF.to(s.LIT) | s.LIT.to(s.OFF)
    burned_out = s.LIT.to(s.BURNT)


Rows = Mapping[Any, Any]
SWITCHED, BURNED_OUT = LampInput.SWITCHED, LampInput.BURNED_OUT
LAMP_IGNORED: Rows = {Lamp.OFF: (BURNED_OUT,)}
LAMP_FAULTS: Rows = {Lamp.BURNT: (SWITCHED, BURNED_OUT)}


def lamp(machine: type[StateMachine] = LampChart, **changes: Any) -> Table[Lamp, LampInput]:
    """The table of a lamp's chart, right but for `changes`."""
    arguments: dict[str, Any] = {"ignored": LAMP_IGNORED, "faults": LAMP_FAULTS, **changes}
    return build_table(machine, Lamp, LampInput, **arguments)


def refused(message: str, build: Callable[[], object]) -> None:
    with pytest.raises(ChartError, match=f"^{re.escape(message)}$"):
        build()


def lamp_body(final: bool = True) -> dict[str, Any]:
    """The attributes of a good lamp chart, to be spoiled."""
    s = States.from_enum(Lamp, initial=Lamp.OFF, final=[Lamp.BURNT] if final else None)
    return {
        "__module__": __name__,
        "s": s,
        "switched": s.OFF.to(s.LIT) | s.LIT.to(s.OFF),
        "burned_out": s.LIT.to(s.BURNT),
        "validate_trap_states": False,
        "validate_final_reachability": False,
        "validate_disconnected_states": False,
    }


def make(name: str, body: dict[str, Any]) -> type[StateMachine]:
    """A chart class of these attributes."""
    return cast(
        "type[StateMachine]", types.new_class(name, (StateMachine,), exec_body=lambda ns: ns.update(body))
    )


def spoiled(**changes: Any) -> type[StateMachine]:
    """A lamp chart with attributes changed or added."""
    return make("Spoiled", {**lamp_body(), **changes})
