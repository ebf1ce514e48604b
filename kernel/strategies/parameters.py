"""What a strategy can be told: its parameters as a table, from which defaults, checks and docs come.

Rules:
1. A parameter has one kind; the kind says its unit, so the shell knows how to read "0.3 %" or "90 s".
2. In the kernel every value is an integer of the kind's unit; nothing is converted here.
3. A value outside of [least, most], of another type, missing or unknown is named with what is allowed.

A strategy may carry such a table as `parameters`; the protocol asks for `defaults` and `validate` only.
"""

from enum import Enum
from typing import NamedTuple

from kernel.strategies.protocol import Params

__all__ = ["Kind", "Parameter", "complete", "defaults_of", "integer_of", "problems_of"]


class Kind(Enum):
    """The unit of a parameter's integer."""

    COUNT = "count"
    """A plain number."""
    FLAG = "0 or 1"
    """No or yes."""
    RATIO = "10^-9 of one"
    """A share of something: 1 % is 10_000_000."""
    QUANTITY = "10^-9 of a unit"
    """Shares or coins."""
    CASH = "10^-9 of the quote currency"
    """Money."""
    DURATION = "ns"
    """A length of time."""
    MINUTE_OF_DAY = "minutes since local midnight"
    """New York's for equities, UTC's for crypto."""


class Parameter(NamedTuple):
    """One parameter: what it is called, what it may be, what it means."""

    name: str
    kind: Kind
    default: int
    least: int
    """The smallest value allowed, in the kind's unit."""
    most: int
    """The largest value allowed, in the kind's unit."""
    meaning: str
    """One line for people; the unit is the kind's."""


def defaults_of(parameters: tuple[Parameter, ...]) -> dict[str, int | str]:
    """Every parameter's name with its default."""
    return {parameter.name: parameter.default for parameter in parameters}


def integer_of(params: Params, name: str) -> int:
    """A parameter's integer; validated parameters always have it."""
    value = params[name]
    assert isinstance(value, int), "kernel bug: a strategy ran with parameters that were not validated"
    return value


def problems_of(parameters: tuple[Parameter, ...], params: Params) -> tuple[str, ...]:
    """One line for each value that is missing, unknown, no integer or out of range; in the table's order."""
    found: list[str] = []
    for parameter in parameters:
        name, unit = parameter.name, parameter.kind.value
        allowed = f"allowed are {parameter.least} to {parameter.most} ({unit})"
        value = params.get(name)
        if value is None:
            found.append(f"{name}: missing; {allowed}")
        elif not isinstance(value, int) or isinstance(value, bool):
            found.append(f"{name}: {value!r} is not an integer; {allowed}")
        elif not parameter.least <= value <= parameter.most:
            found.append(f"{name}: {value} is impossible; {allowed}")
    names = [parameter.name for parameter in parameters]
    found += [f"{name}: unknown; known are {', '.join(names)}" for name in sorted(set(params) - set(names))]
    return tuple(found)


def complete(defaults: Params, given: tuple[tuple[str, int | str], ...]) -> dict[str, int | str]:
    """The parameters to run with: the defaults, with what was given put over them.

    Unknown keys stay in it, so that `validate` names them.
    """
    return {**defaults, **dict(given)}
