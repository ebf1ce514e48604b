"""The configuration: a TOML file (and secrets from the environment) as frozen settings.

    settings = load_settings(Path("config.toml"))        # or None: the defaults
    desk = desk_config(settings, ("SPY", "AIG"))         # for the symbols of the session

Rules:
1. An unknown key, an impossible value, a value without its unit: one line that names file, key and what is
   allowed. Nothing is guessed and nothing is ignored.
2. Secrets come from APCA_API_KEY_ID and APCA_API_SECRET_KEY only; the environment overrides nothing else.
3. A strategy's parameters are read by its own table (kind and limits), completed with its defaults and
   checked by its `validate`: the journal keeps the figures that it ran with, not those of a later version.
4. Without [[strategies]] both built-in ones run: vwap_mr on all symbols, vwap_micro on SPY or the first.

`python -m shell.config FILE` says whether a file is right; `--reference` writes docs/configuration.md and the
example, with `--check` it only says whether they are current.
"""

import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from kernel.config import (
    DeskConfig,
    DriftConfig,
    GateConfig,
    LinkConfig,
    OrderConfig,
    StrategyConfig,
    ThrottleConfig,
)
from kernel.units import Duration, Ratio
from shell.config_strategies import DEFAULT_STRATEGIES, StrategySettings, chosen_symbols, read_strategies
from shell.config_values import (
    KEY_VARIABLE,
    SECRET_VARIABLE,
    ConfigError,
    Unfit,
    ValueKind,
    in_range,
    read,
    unknown_key,
)
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

__all__ = [
    "ConfigError",
    "Credentials",
    "Settings",
    "StrategySettings",
    "desk_config",
    "load_settings",
    "main",
    "parse_settings",
    "read_credentials",
]

FILE_BYTES_MAX: Final = 1_000_000
"""A larger file is no configuration."""


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
    drift: DriftConfig
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
    tables_known = [*filter(None, sections), "strategies"]
    known = [*(key.name for key in sections[""].keys), *tables_known]
    values: dict[str, dict[str, Any]] = {}
    for name, section in sections.items():
        table = tables.get(name, {}) if name else {k: v for k, v in tables.items() if k not in tables_known}
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
        read_strategies(tables.get("strategies", DEFAULT_STRATEGIES), source),
        GateConfig(**values["gate"]),
        ThrottleConfig(**values["throttle"]),
        OrderConfig(**values["orders"]),
        LinkConfig(**values["links"]),
        DriftConfig(**values["drift"]),
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
            raise unknown_key(source, place, name, known if known is not None else list(keys))
        value = _value(keys[name], raw, source, place)
        values[name] = bool(value) if keys[name].kind is ValueKind.FLAG else value
    return values


def _value(key: Key, raw: object, source: str, place: str) -> int | str:
    try:
        value = read(key.kind, raw)
        if isinstance(value, int) and (key.least or key.most):
            in_range(key.kind, value, key.least, key.most)
    except Unfit as error:
        raise ConfigError(source, place, str(error)) from None
    if isinstance(value, str):
        if key.choices and value not in key.choices:
            raise ConfigError(source, place, f"{value!r} is not one of {', '.join(key.choices)}")
        if key.pattern and re.fullmatch(key.pattern, value) is None:
            raise ConfigError(source, place, f"{value!r} does not match {key.pattern}")
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


# ---------------------------------------------------------------- use


def desk_config(
    settings: Settings, symbols: Sequence[str] | None, *, arm_at_start: bool | None = None
) -> DeskConfig:
    """The kernel's configuration for a session of these symbols (None: any symbol, but then no `all`).

    Raises ConfigError for a strategy on a symbol that the session does not have.
    """
    strategies = []
    for item in settings.strategies:
        chosen = chosen_symbols(item, symbols, settings.source)
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
        drift=settings.drift,
        crypto_fee=Ratio(top["crypto_fee"]),
        reconcile_every=Duration(top["reconcile_every"]),
    )


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
