"""Which faults, how often, in which forms: a plan, from flags and from a TOML file.

    --fault lost_response=0.05 --fault hang=0.01 --faults FILE.toml

    heal = true                   # default: after the last bar all faults stop and what is stuck resolves

    [faults]
    lost_response = 0.05
    stream_mute = 0.5

    [options.stream_mute]
    for_s = 30
    kinds = ["order"]

1. Flags win over the file. A rate is a number from 0 to 1.
2. Whatever is unknown is a `FaultPlanError` in one line that lists what is known.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from shell.exchange.faults.menu import MENU, WORLD

__all__ = ["FILE_BYTES_MAX", "FaultPlan", "FaultPlanError", "load_plan", "make_plan", "parse_fault"]

FILE_BYTES_MAX: Final = 64 * 1024
"""A plan with every fault and option is under 4 KiB."""


class FaultPlanError(ValueError):
    """The plan cannot be used; the text is one line for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """Rates by name; options and kinds where they differ from the menu. The empty plan is a calm exchange."""

    rates: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    kinds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    heal: bool = True
    """Whether faults stop, and what is stuck resolves, after the last bar."""

    @property
    def is_calm(self) -> bool:
        """Whether nothing can fire."""
        return not any(self.rates.values())


def parse_fault(text: str) -> tuple[str, float]:
    """`NAME=RATE` as a pair. Raises FaultPlanError."""
    name, sign, rate_text = text.partition("=")
    if not sign:
        raise FaultPlanError(f"--fault {text}: expected NAME=RATE, such as lost_response=0.05")
    try:
        rate = float(rate_text)
    except ValueError:
        raise FaultPlanError(f"--fault {text}: {rate_text!r} is not a number from 0 to 1") from None
    return _checked(name.strip(), rate, f"--fault {text}")


def _checked(name: str, rate: object, where: str) -> tuple[str, float]:
    """A name of the menu and a rate. Raises FaultPlanError."""
    _known(name, where)
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0.0 <= rate <= 1.0:
        raise FaultPlanError(f"{where}: the rate of {name} must be a number from 0 to 1")
    return name, float(rate)


def _known(name: str, where: str) -> None:
    """Raises FaultPlanError for a name that the exchange has not got."""
    if name in WORLD:
        raise FaultPlanError(f"{where}: {name} is no fault of the exchange: it {WORLD[name]}")
    if name not in MENU:
        raise FaultPlanError(f"{where}: unknown fault {name!r}; known are {', '.join(MENU)}")


def load_plan(path: Path) -> FaultPlan:
    """A plan from a TOML file. Raises FaultPlanError."""
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
        if len(raw) > FILE_BYTES_MAX:
            raise FaultPlanError(f"{path}: more than {FILE_BYTES_MAX} bytes; this is no fault plan")
        table = tomllib.loads(raw.decode())
    except OSError as error:
        raise FaultPlanError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FaultPlanError(f"{path}: not TOML: {error}") from error
    return _read(table, str(path))


def _read(table: Mapping[str, Any], where: str) -> FaultPlan:
    """A file's table as a plan. Raises FaultPlanError."""
    unknown = sorted(set(table) - {"faults", "options", "heal"})
    if unknown:
        raise FaultPlanError(f"{where}: unknown key {unknown[0]!r}; known are faults, options, heal")
    heal = table.get("heal", True)
    faults, options = table.get("faults", {}), table.get("options", {})
    if not isinstance(heal, bool):
        raise FaultPlanError(f"{where}: heal must be true or false")
    if not isinstance(faults, dict) or not isinstance(options, dict):
        raise FaultPlanError(f"{where}: faults and options are tables")
    rates = dict(_checked(name, rate, where) for name, rate in faults.items())
    numbers: dict[str, dict[str, float]] = {}
    kinds: dict[str, tuple[str, ...]] = {}
    for name, given in options.items():
        _known(name, where)
        if not isinstance(given, dict):
            raise FaultPlanError(f"{where}: options.{name} is a table")
        for key, value in given.items():
            if key == "kinds":
                kinds[name] = _kinds(name, value, where)
            else:
                numbers.setdefault(name, {})[key] = _number(name, key, value, where)
    return FaultPlan(rates=rates, options=numbers, kinds=kinds, heal=heal)


def _kinds(name: str, value: object, where: str) -> tuple[str, ...]:
    """The forms that a plan chooses. Raises FaultPlanError."""
    known = (*MENU[name].kinds, *MENU[name].rare_kinds)
    if not isinstance(value, list) or not value or not all(each in known for each in value):
        raise FaultPlanError(f"{where}: options.{name}.kinds must be some of {', '.join(known) or 'none'}")
    return tuple(value)


def _number(name: str, key: str, value: object, where: str) -> float:
    """An option of a fault. Raises FaultPlanError."""
    option = MENU[name].options.get(key)
    if option is None:
        known = ", ".join((*MENU[name].options, "kinds"))
        raise FaultPlanError(f"{where}: options.{name} has no {key!r}; known are {known}")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise FaultPlanError(f"{where}: options.{name}.{key} must be a number")
    if not option.low <= value <= option.high:
        raise FaultPlanError(f"{where}: options.{name}.{key} must be {option.low:g} to {option.high:g}")
    return float(value)


def make_plan(flags: Sequence[str], file: Path | None) -> FaultPlan:
    """A plan from `NAME=RATE` flags over a file. Raises FaultPlanError."""
    plan = FaultPlan() if file is None else load_plan(file)
    rates = {**plan.rates, **dict(parse_fault(flag) for flag in flags)}
    return FaultPlan(rates=rates, options=plan.options, kinds=plan.kinds, heal=plan.heal)
