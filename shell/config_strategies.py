"""The strategies of a configuration: names, symbols, and parameters in the strategies' own units.

Rules:
1. A parameter is read by the strategy's table (`parameters`: kind and limits) where it has one. Without one
   an integer is taken as it is, and text only with the unit that it carries ("0.3%", "90s").
2. Parameters are complete: what the file leaves out is the strategy's default of today, and the journal
   keeps it. `validate` has the last word.
3. Whatever a strategy raises here is one line with its name; exit code 5.
"""

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from shell.config_values import ConfigError, Unfit, ValueKind, in_range, read, unknown_key
from shell.errors import Complaint, ExitCode
from shell.numbers import NumberText
from shell.strategies_loader import load_strategy

__all__ = ["DEFAULT_STRATEGIES", "StrategySettings", "chosen_symbols", "read_strategies"]

STRATEGIES_MAX: Final = 64
"""More would not fit one account's request budget."""

SYMBOLS_MAX: Final = 500
"""Of one strategy."""

NAME: Final = re.compile(r"[a-z0-9_]{1,16}")
SYMBOL: Final = re.compile(r"[A-Z0-9]{1,12}([./][A-Z0-9]{1,8})?")
STRATEGY_KEYS: Final = ("name", "path", "symbols", "parameters")
ALL: Final = "all"
FIRST: Final = "first"
PREFERRED: Final = "SPY"
DEFAULT_STRATEGIES: Final = (
    {"name": "vwap_mr", "path": "vwap_mean_reversion", "symbols": ALL},
    {"name": "vwap_micro", "path": "vwap_micro", "symbols": FIRST},
)


class StrategySettings(NamedTuple):
    """One strategy as the file has it, its parameters read and complete."""

    name: str
    path: str
    symbols: tuple[str, ...] | str
    """Symbols, or `all` of the session's, or `first` (SPY where it is there)."""
    parameters: tuple[tuple[str, int | str], ...]


def read_strategies(tables: Any, source: str) -> tuple[StrategySettings, ...]:
    """The strategies of a file, loaded, with complete parameters; ConfigError or a strategy's Complaint."""
    if not isinstance(tables, list | tuple) or not all(isinstance(table, dict) for table in tables):
        raise ConfigError(source, "strategies", "must be tables: [[strategies]]")
    if len(tables) > STRATEGIES_MAX:
        raise ConfigError(source, "strategies", f"at most {STRATEGIES_MAX} are allowed")
    found: list[StrategySettings] = []
    for index, table in enumerate(tables, start=1):
        place = f"strategies[{index}]"
        for name in table:
            if name not in STRATEGY_KEYS:
                raise unknown_key(source, f"{place}.{name}", name, list(STRATEGY_KEYS))
        name = table.get("name")
        if type(name) is not str or NAME.fullmatch(name) is None:
            raise ConfigError(
                source, f"{place}.name", f"{name!r} must match {NAME.pattern} (it goes into order ids)"
            )
        if any(other.name == name for other in found):
            raise ConfigError(source, f"{place}.name", f"{name!r} is taken by another strategy")
        path = table.get("path")
        if type(path) is not str or not path:
            raise ConfigError(
                source, f"{place}.path", "must be module:ATTRIBUTE or the name of an entry point"
            )
        symbols = _symbols(table.get("symbols", ALL), source, f"{place}.symbols")
        parameters = _parameters(path, table.get("parameters", {}), source, f"strategies.{name}.parameters")
        found.append(StrategySettings(name, path, symbols, parameters))
    return tuple(found)


def _symbols(raw: Any, source: str, place: str) -> tuple[str, ...] | str:
    if raw in (ALL, FIRST):
        return str(raw)
    if not isinstance(raw, list) or not raw:
        raise ConfigError(source, place, f'must be a list of symbols, "{ALL}" or "{FIRST}"')
    for symbol in raw:
        if type(symbol) is not str or SYMBOL.fullmatch(symbol) is None:
            raise ConfigError(source, place, f"{symbol!r} is not a symbol such as SPY, BRK.B or BTC/USD")
    if len(set(raw)) != len(raw):
        raise ConfigError(source, place, "has a symbol twice")
    if len(raw) > SYMBOLS_MAX:
        raise ConfigError(source, place, f"at most {SYMBOLS_MAX} symbols are allowed")
    return tuple(raw)


def _parameters(path: str, table: Any, source: str, place: str) -> tuple[tuple[str, int | str], ...]:
    """The strategy's parameters, read by its own table and complete with its defaults, sorted."""
    if not isinstance(table, dict):
        raise ConfigError(source, place, "must be a table")
    strategy = load_strategy(path)
    try:
        defaults = dict(strategy.defaults)
        table_of = {item.name: item for item in getattr(strategy, "parameters", ())}
        kinds = {name: ValueKind[item.kind.name] for name, item in table_of.items()}
    except Exception as error:  # noqa: BLE001 - somebody else's code may raise anything
        raise _raised(path, "defaults", error) from None
    values: dict[str, int | str] = dict(defaults)
    for name, raw in table.items():
        if name not in defaults:
            raise unknown_key(source, f"{place}.{name}", name, sorted(defaults))
        try:
            value = _parameter(kinds.get(name), defaults[name], raw)
            if name in kinds and isinstance(value, int):
                in_range(kinds[name], value, table_of[name].least, table_of[name].most)
            values[name] = value
        except Unfit as error:
            raise ConfigError(source, f"{place}.{name}", str(error)) from None
    try:
        problems = tuple(strategy.validate(values))
    except Exception as error:  # noqa: BLE001 - likewise
        raise _raised(path, "validate", error) from None
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise ConfigError(source, place, f"{problems[0]}{more}")
    for name, value in values.items():
        if type(value) not in (int, str):
            raise _raised(path, "defaults", TypeError(f"{name} is neither int nor str"))
    return tuple(sorted(values.items()))


def _parameter(kind: ValueKind | None, default: int | str, raw: object) -> int | str:
    """One parameter; without a kind an integer is taken as it is, and text by the unit that it carries."""
    if kind is ValueKind.FLAG and raw in (0, 1):
        return int(bool(raw))
    if kind is not None:
        return read(kind, raw)
    if isinstance(default, str):
        return read(ValueKind.WORD, raw)
    if isinstance(raw, bool | int):
        return int(raw)
    if isinstance(raw, str) and not isinstance(raw, NumberText):
        text = raw.strip().lower()
        if text.endswith(("%", "bps")):
            return read(ValueKind.RATIO, raw)
        if text[-1:].isalpha():
            return read(ValueKind.DURATION, raw)
    raise Unfit(f"{raw!r} has no unit that is known here; give the strategy's own integer")


def _raised(path: str, where: str, error: Exception) -> Complaint:
    return Complaint(
        f"strategy {path!r}: its {where} raised {type(error).__name__}: {error}; mend it", ExitCode.STRATEGY
    )


def chosen_symbols(item: StrategySettings, symbols: Sequence[str] | None, source: str) -> tuple[str, ...]:
    """The symbols of one strategy in a session of `symbols` (None: not known); ConfigError where none fit."""
    place = f"strategies.{item.name}.symbols"
    if symbols is None:
        if isinstance(item.symbols, str):
            raise ConfigError(source, place, f'"{item.symbols}" needs a simulated session; list the symbols')
        return item.symbols
    if not symbols:
        raise ConfigError(source, place, "the session has no symbols")
    if item.symbols == ALL:
        return tuple(symbols)
    if item.symbols == FIRST:
        return (PREFERRED if PREFERRED in symbols else symbols[0],)
    for symbol in item.symbols:
        if symbol not in symbols:
            raise ConfigError(source, place, f"{symbol} is not in the session ({', '.join(symbols)})")
    return tuple(item.symbols)
