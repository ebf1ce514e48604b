"""The configuration: a TOML file (and secrets from the environment) as frozen settings.

    settings = load_settings(Path("config.toml"))        # or None: the defaults
    desk = desk_config(settings, ("SPY", "AIG"))         # for the symbols of the session

Rules:
1. An unknown key, an impossible value, a value without its unit: one line that names file, key and what is
   allowed. Nothing is guessed and nothing is ignored.
2. Secrets come from APCA_API_KEY_ID and APCA_API_SECRET_KEY only; the environment overrides nothing else.
3. A strategy's parameters are read by its own table (kind and limits), completed with its defaults and
   checked by its `validate`: the journal keeps the figures that it ran with, not those of a later version.
4. Without [[strategies]] both built-in ones run: vwap_mr on all symbols, vwap_micro on SPY or the first one.

`python -m shell.config --reference` prints docs/configuration.md, `--example` the example file, `--check FILE`
says whether a file is right.
"""

import difflib
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

from kernel.config import DeskConfig, GateConfig, LinkConfig, OrderConfig, StrategyConfig, ThrottleConfig
from kernel.units import Duration, Ratio
from shell.config_values import Unfit, ValueKind, read, show
from shell.errors import Complaint, ExitCode
from shell.numbers import NumberText
from shell.settings import (
    SECTIONS,
    BrokerSettings,
    JournalSettings,
    Key,
    ScreenSettings,
    Section,
    SessionSettings,
    ShellSettings,
)
from shell.strategies_loader import load_strategy

__all__ = [
    "ConfigError",
    "Credentials",
    "Settings",
    "StrategySettings",
    "desk_config",
    "load_settings",
    "main",
]
__all__ += ["parse_settings", "read_credentials"]

FILE_BYTES_MAX: Final = 1_000_000
"""A larger file is no configuration."""

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
KEY_VARIABLE: Final = "APCA_API_KEY_ID"
SECRET_VARIABLE: Final = "APCA_API_SECRET_KEY"


class ConfigError(Complaint):
    """A configuration that can't be used."""

    def __init__(self, source: str, key: str, what: str) -> None:
        place = f"{source}: {key}" if key else source
        super().__init__(f"{place}: {what}", ExitCode.BAD_INPUT)


class StrategySettings(NamedTuple):
    """One strategy as the file has it, its parameters read and complete."""

    name: str
    path: str
    symbols: tuple[str, ...] | str
    """Symbols, or `all` of the session's, or `first` (SPY where it is there)."""
    parameters: tuple[tuple[str, int | str], ...]


class Settings(NamedTuple):
    """Everything that the file says."""

    source: str
    """The file's name for complaints."""
    top: Mapping[str, Any]
    """account, prefix, arm_at_start, cancel_at_drain, crypto_fee, reconcile_every."""
    strategies: tuple[StrategySettings, ...]
    gate: GateConfig
    throttle: ThrottleConfig
    orders: OrderConfig
    links: LinkConfig
    shell: ShellSettings

    @property
    def account(self) -> str:
        """What the desk calls the account."""
        return str(self.top["account"])


class Credentials(NamedTuple):
    """Keys of an account; never printed."""

    key: str
    secret: str

    def __repr__(self) -> str:
        return "Credentials(***)"


def load_settings(path: Path | None) -> Settings:
    """The settings of a file, or the defaults; ConfigError for a file that is missing or wrong."""
    if path is None:
        return parse_settings("", "defaults")
    source = str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(source, "", f"can't be read ({error.strerror})") from None
    if len(data) > FILE_BYTES_MAX:
        raise ConfigError(source, "", f"is larger than {FILE_BYTES_MAX} bytes")
    try:
        return parse_settings(data.decode(), source)
    except UnicodeDecodeError:
        raise ConfigError(source, "", "is not UTF-8 text") from None


def parse_settings(text: str, source: str) -> Settings:
    """The settings of TOML text; `source` names it in complaints."""
    try:
        tables = tomllib.loads(text, parse_float=NumberText)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(source, "", f"is not TOML ({error})") from None
    sections = {section.name: section for section in SECTIONS}
    known = [*(key.name for key in sections[""].keys), *filter(None, sections), "strategies"]
    values: dict[str, dict[str, Any]] = {}
    for name, section in sections.items():
        table = tables.get(name, {}) if name else {k: v for k, v in tables.items() if k not in known[6:]}
        if not isinstance(table, dict):
            raise ConfigError(source, name, f"must be a table: [{name}]")
        values[name] = _section(section, table, source, known if not name else None)
    _check_together(values, source)
    shell = ShellSettings(
        BrokerSettings(**values["broker"]),
        JournalSettings(**values["journal"]),
        SessionSettings(**values["session"]),
        ScreenSettings(**values["screen"]),
    )
    return Settings(
        source,
        values[""],
        _strategies(tables.get("strategies", DEFAULT_STRATEGIES), source),
        GateConfig(**values["gate"]),
        ThrottleConfig(**values["throttle"]),
        OrderConfig(**values["orders"]),
        LinkConfig(**values["links"]),
        shell,
    )


def _section(
    section: Section, table: Mapping[str, Any], source: str, known: list[str] | None
) -> dict[str, Any]:
    keys = {key.name: key for key in section.keys}
    values = dict(section.defaults)
    for name, raw in table.items():
        place = f"{section.name}.{name}" if section.name else name
        if name not in keys:
            _unknown(source, place, name, known if known is not None else list(keys))
        value = _value(keys[name], raw, source, place)
        values[name] = bool(value) if keys[name].kind is ValueKind.FLAG else value
    return values


def _unknown(source: str, place: str, name: str, known: list[str]) -> NoReturn:
    if any(word in name.lower() for word in ("secret", "api_key", "apca", "password", "token")):
        raise ConfigError(
            source, place, f"secrets are read from {KEY_VARIABLE} and {SECRET_VARIABLE} only; remove it"
        )
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    raise ConfigError(source, place, f"unknown key; {hint}")


def _value(key: Key, raw: object, source: str, place: str) -> int | str:
    try:
        value = read(key.kind, raw)
    except Unfit as error:
        raise ConfigError(source, place, str(error)) from None
    if isinstance(value, str):
        if key.choices and value not in key.choices:
            raise ConfigError(source, place, f"{value!r} is not one of {', '.join(key.choices)}")
        if key.pattern and re.fullmatch(key.pattern, value) is None:
            raise ConfigError(source, place, f"{value!r} does not match {key.pattern}")
    elif (key.least or key.most) and not key.least <= value <= key.most:
        least, most = show(key.kind, key.least), show(key.kind, key.most)
        raise ConfigError(
            source, place, f"{show(key.kind, value)} is out of range; allowed are {least} to {most}"
        )
    return value


def _check_together(values: Mapping[str, Mapping[str, Any]], source: str) -> None:
    """Pairs of values that exclude each other."""
    for section, less, more in (
        ("throttle", "reserved_for_urgent", "reserved_for_safety"),
        ("throttle", "reserved_for_safety", "limit"),
        ("orders", "query_every", "query_every_max"),
        ("links", "backoff_first", "backoff_max"),
        ("broker", "read_timeout", "total_timeout"),
        ("gate", "order_notional_max", "position_notional_max"),
    ):
        if values[section][less] > values[section][more]:
            raise ConfigError(source, f"{section}.{less}", f"must not be above {section}.{more}")
    if values["throttle"]["reserved_for_safety"] == values["throttle"]["limit"]:
        raise ConfigError(
            source, "throttle.reserved_for_safety", "leaves nothing of throttle.limit for entries"
        )
    if values["session"]["speed"].strip("0.") == "":
        raise ConfigError(source, "session.speed", "must be above 0, or max")


# ---------------------------------------------------------------- strategies

DEFAULT_STRATEGIES: Final = (
    {"name": "vwap_mr", "path": "vwap_mean_reversion", "symbols": ALL},
    {"name": "vwap_micro", "path": "vwap_micro", "symbols": FIRST},
)


def _strategies(tables: Any, source: str) -> tuple[StrategySettings, ...]:
    if not isinstance(tables, list | tuple) or not all(isinstance(table, dict) for table in tables):
        raise ConfigError(source, "strategies", "must be tables: [[strategies]]")
    if len(tables) > STRATEGIES_MAX:
        raise ConfigError(source, "strategies", f"at most {STRATEGIES_MAX} are allowed")
    found: list[StrategySettings] = []
    for index, table in enumerate(tables, start=1):
        place = f"strategies[{index}]"
        for name in table:
            if name not in STRATEGY_KEYS:
                _unknown(source, f"{place}.{name}", name, list(STRATEGY_KEYS))
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
        kinds = {item.name: ValueKind[item.kind.name] for item in getattr(strategy, "parameters", ())}
    except Exception as error:  # noqa: BLE001 - somebody else's code may raise anything
        raise _raised(path, "defaults", error) from None
    values: dict[str, int | str] = dict(defaults)
    for name, raw in table.items():
        if name not in defaults:
            _unknown(source, f"{place}.{name}", name, sorted(defaults))
        try:
            values[name] = _parameter(kinds.get(name), defaults[name], raw)
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
        for carrying in (ValueKind.DURATION, ValueKind.RATIO):
            if raw.strip()[-1:].isalpha() or raw.strip().endswith("%"):
                try:
                    return read(carrying, raw)
                except Unfit:
                    continue
    raise Unfit(f"{raw!r} has no unit that is known here; give the strategy's own integer")


def _raised(path: str, where: str, error: Exception) -> Complaint:
    return Complaint(
        f"strategy {path!r}: its {where} raised {type(error).__name__}: {error}; mend it", ExitCode.STRATEGY
    )


# ---------------------------------------------------------------- use


def desk_config(
    settings: Settings, symbols: Sequence[str] | None, *, arm_at_start: bool | None = None
) -> DeskConfig:
    """The kernel's configuration for a session of these symbols (None: any symbol, but then no `all`).

    Raises ConfigError for a strategy on a symbol that the session does not have.
    """
    strategies = []
    for item in settings.strategies:
        chosen = _chosen(item, symbols, settings.source)
        strategies.append(StrategyConfig(item.name, item.path, chosen, item.parameters))
    top = settings.top
    return DeskConfig(
        account=settings.account,
        prefix=top["prefix"],
        strategies=tuple(strategies),
        arm_at_start=top["arm_at_start"] if arm_at_start is None else arm_at_start,
        cancel_at_drain=top["cancel_at_drain"],
        gate=settings.gate,
        throttle=settings.throttle,
        orders=settings.orders,
        links=settings.links,
        crypto_fee=Ratio(top["crypto_fee"]),
        reconcile_every=Duration(top["reconcile_every"]),
    )


def _chosen(item: StrategySettings, symbols: Sequence[str] | None, source: str) -> tuple[str, ...]:
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


def read_credentials(environment: Mapping[str, str]) -> Credentials:
    """The account's keys; a Complaint (exit code 3) that names the variable where one is missing or odd."""
    found = []
    for name in (KEY_VARIABLE, SECRET_VARIABLE):
        value = environment.get(name, "")
        if not value:
            raise Complaint(
                f"{name} is not set: export it, or run without --paper and --live", ExitCode.CREDENTIALS
            )
        if not value.isascii() or not value.isprintable() or " " in value or len(value) > 200:
            raise Complaint(f"{name} is not a key: it has blanks or odd characters", ExitCode.CREDENTIALS)
        found.append(value)
    return Credentials(*found)


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m shell.config`: see the module's text."""
    from shell.config_docs import run

    return run(sys.argv[1:] if arguments is None else list(arguments))


if __name__ == "__main__":
    sys.exit(main())
