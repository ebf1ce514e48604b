"""Every key of the configuration file: its kind, default, limits and meaning; and the records they make.

This table is the only list: the loader, the reference (docs/configuration.md) and the example are made
from it, and a test holds it against the fields of the records.

Rules:
1. The kernel's part becomes DeskConfig and goes into the journal; the rest is the shell's own.
2. Nothing here is a secret. Keys of an account come from the environment only.
3. A range is inclusive and in the kind's own unit.
"""

from typing import Final, NamedTuple

from kernel.config import DeskConfig, DriftConfig, GateConfig, LinkConfig, OrderConfig, ThrottleConfig
from kernel.units import DAY, HOUR, MILLISECOND, MINUTE, SCALE, SECOND, Cash, Duration, Ratio
from shell.config_values import ValueKind

__all__ = [
    "SECTIONS",
    "BrokerSettings",
    "JournalSettings",
    "Key",
    "ScreenSettings",
    "Section",
    "SessionSettings",
    "ShellSettings",
    "key_default",
]

COUNT, FLAG, RATIO, QUANTITY = ValueKind.COUNT, ValueKind.FLAG, ValueKind.RATIO, ValueKind.QUANTITY
CASH, DURATION, WORD, URL = ValueKind.CASH, ValueKind.DURATION, ValueKind.WORD, ValueKind.URL

ONE: Final = SCALE
BILLION: Final = 1_000_000_000 * SCALE


class BrokerSettings(NamedTuple):
    """How the broker is reached; an empty URL is Alpaca's own for --paper and --live."""

    trading_url: str = ""
    data_url: str = ""
    order_stream_url: str = ""
    stock_stream_url: str = ""
    crypto_stream_url: str = ""
    feed: str = "iex"
    workers: int = 4
    connect_timeout: Duration = Duration(5 * SECOND)
    read_timeout: Duration = Duration(10 * SECOND)
    total_timeout: Duration = Duration(20 * SECOND)
    ping_every: Duration = Duration(10 * SECOND)
    ping_deadline: Duration = Duration(20 * SECOND)


class JournalSettings(NamedTuple):
    """Where events are kept."""

    path: str = ""
    mode: str = "auto"
    append_timeout: Duration = Duration(30 * SECOND)
    snapshot_every: int = 20_000
    verify: bool = False
    locks: str = ""


class SessionSettings(NamedTuple):
    """The simulated session."""

    speed: str = "max"
    seed: int = 1
    starting_cash: Cash = Cash(100_000 * SCALE)
    volume_share: Ratio = Ratio(100_000_000)


class ScreenSettings(NamedTuple):
    """What people see."""

    panel: bool = True
    panel_every: Duration = Duration(500 * MILLISECOND)
    report: str = ""
    drain_deadline: Duration = Duration(5 * SECOND)


class ShellSettings(NamedTuple):
    """Everything that the kernel does not see."""

    broker: BrokerSettings = BrokerSettings()
    journal: JournalSettings = JournalSettings()
    session: SessionSettings = SessionSettings()
    screen: ScreenSettings = ScreenSettings()


class Key(NamedTuple):
    """One key."""

    name: str
    kind: ValueKind
    meaning: str
    least: int = 0
    most: int = 0
    """Both zero: no limits."""
    choices: tuple[str, ...] = ()
    pattern: str = ""
    """What a word must match as a whole."""


class Section(NamedTuple):
    """A table of the file; the empty name is the top."""

    name: str
    meaning: str
    defaults: dict[str, object]
    keys: tuple[Key, ...]


def _defaults(record: object) -> dict[str, object]:
    fields: dict[str, object] = record._asdict()  # type: ignore[attr-defined]
    return fields


TOP_DEFAULTS: Final[dict[str, object]] = {
    "account": "simulated",
    "prefix": "mqd",
    "arm_at_start": True,
    **{
        name: DeskConfig._field_defaults[name]
        for name in ("cancel_at_drain", "crypto_fee", "reconcile_every")
    },
}

TOP: Final = (
    Key(
        "account",
        WORD,
        "what the desk calls the account; a journal belongs to one account; not a secret",
        pattern=r"[A-Za-z0-9_-]{1,40}",
    ),
    Key(
        "prefix",
        WORD,
        "begins our client order ids, so that our orders can be told from others'",
        pattern=r"[a-z0-9_]{1,12}",
    ),
    Key(
        "arm_at_start", FLAG, "arm by itself after the first clean reconciliation; with --live a person arms"
    ),
    Key(
        "cancel_at_drain", FLAG, "cancel open orders when the process stops; false leaves them at the broker"
    ),
    Key("crypto_fee", RATIO, "what the venue keeps of a crypto execution", 0, ONE // 10),
    Key(
        "reconcile_every", DURATION, "positions, account and open orders are compared this often", SECOND, DAY
    ),
)
GATE: Final = (
    Key("order_quantity_max", QUANTITY, "largest quantity of one order", 1, BILLION),
    Key("order_notional_max", CASH, "largest value of one order", 1, BILLION),
    Key(
        "position_notional_max",
        CASH,
        "largest value of a symbol's position in the worst case: with all its open orders filled",
        1,
        BILLION,
    ),
    Key("quote_age_max", DURATION, "an entry needs a quote that is not older", MILLISECOND, DAY),
    Key("collar", RATIO, "how far an entry's price may be off the quote", 1, ONE),
    Key("rules_age_max", DURATION, "a symbol's rules are unknown again after this", MINUTE, 30 * DAY),
    Key(
        "single_trade_per_symbol",
        FLAG,
        "refuse an entry while the symbol has a position or an open entry (no pyramiding)",
    ),
    Key(
        "intent_horizon",
        DURATION,
        "how long an intent is remembered, so that a repeat is refused",
        MINUTE,
        30 * DAY,
    ),
)
THROTTLE: Final = (
    Key("limit", COUNT, "requests that the account may make in a window (Alpaca: 200 a minute)", 1, 100_000),
    Key("window", DURATION, "length of the window; no window, wherever it begins, has more", SECOND, HOUR),
    Key("reserved_for_safety", COUNT, "requests of a window that entries and data can't use", 0, 100_000),
    Key("reserved_for_urgent", COUNT, "of those, requests that queries can't use either", 0, 100_000),
    Key(
        "entry_age_max",
        DURATION,
        "an entry that waited longer for its turn is dropped, not sent late",
        MILLISECOND,
        HOUR,
    ),
)
ORDERS: Final = (
    Key(
        "query_every",
        DURATION,
        "first wait between two questions about an order in doubt; it doubles",
        10 * MILLISECOND,
        HOUR,
    ),
    Key("query_every_max", DURATION, "longest wait between two such questions", 10 * MILLISECOND, HOUR),
    Key("absent_after", DURATION, "a 'not found' is evidence only when the submit is older", SECOND, HOUR),
    Key(
        "absent_misses",
        COUNT,
        "so many of them in a row prove that an order never reached the broker",
        2,
        100,
    ),
    Key("call_silence_max", DURATION, "a call without any answer for so long is in doubt", SECOND, HOUR),
    Key(
        "cancel_repeat_every",
        DURATION,
        "a cancel without effect is asked again after this",
        100 * MILLISECOND,
        HOUR,
    ),
    Key("cancel_repeats_max", COUNT, "so often; then a person is called", 1, 100),
    Key(
        "archive_after",
        DURATION,
        "a finished order is packed away after this; late news of it still finds it",
        SECOND,
        DAY,
    ),
    Key("archive_hot_max", COUNT, "finished orders kept unpacked at most; then the oldest go", 1, 1_000_000),
)
LINKS: Final = (
    Key(
        "backoff_first", DURATION, "wait before a lost stream is opened again; it doubles", MILLISECOND, HOUR
    ),
    Key("backoff_max", DURATION, "longest such wait", MILLISECOND, HOUR),
    Key(
        "backoff_refused",
        DURATION,
        "wait after a refused second connection (Alpaca drops dead ones after 90 s)",
        MILLISECOND,
        HOUR,
    ),
)
DRIFT: Final = (
    Key(
        "grace", DURATION, "an order is missed only when it has been at the broker for so long", SECOND, HOUR
    ),
    Key(
        "look_every_mute",
        DURATION,
        "the broker is looked at this often while an order is open and the stream says nothing",
        SECOND,
        HOUR,
    ),
    Key(
        "orphan_ours",
        WORD,
        "an order with our prefix that the journal does not know",
        choices=("adopt", "reduce"),
    ),
    Key(
        "orphan_foreign",
        WORD,
        "an order of somebody else on the account",
        choices=("observe", "cancel", "reduce", "halt"),
    ),
    Key(
        "shadow",
        WORD,
        "an order that only one side holds open, when queries can't settle it",
        choices=("observe", "reduce", "halt"),
    ),
    Key("position", WORD, "a position that nothing explains", choices=("observe", "reduce", "halt")),
    Key("cash", WORD, "cash that nothing explains", choices=("observe", "reduce", "halt")),
)
BROKER: Final = (
    Key("trading_url", URL, "trading REST; empty: Alpaca's, by --paper or --live"),
    Key("data_url", URL, "market data REST; empty: Alpaca's"),
    Key("order_stream_url", URL, "trade_updates stream; empty: Alpaca's, by --paper or --live"),
    Key("stock_stream_url", URL, "stock market stream with its feed; empty: Alpaca's"),
    Key("crypto_stream_url", URL, "crypto market stream; empty: Alpaca's"),
    Key("feed", WORD, "feed of stock data: sip needs a subscription", choices=("iex", "sip")),
    Key("workers", COUNT, "calls that are under way at once, each on its own connection", 1, 32),
    Key("connect_timeout", DURATION, "longest wait for a connection", 100 * MILLISECOND, 5 * MINUTE),
    Key(
        "read_timeout", DURATION, "longest silence while an answer is awaited", 100 * MILLISECOND, 5 * MINUTE
    ),
    Key(
        "total_timeout",
        DURATION,
        "longest that a call may take; then it is in doubt",
        100 * MILLISECOND,
        10 * MINUTE,
    ),
    Key("ping_every", DURATION, "between two pings of a stream", SECOND, 5 * MINUTE),
    Key(
        "ping_deadline", DURATION, "a pong later than this means that the stream is lost", SECOND, 5 * MINUTE
    ),
)
JOURNAL: Final = (
    Key(
        "path",
        WORD,
        "the journal's file, or memory; empty: var/<account>.journal for --paper and --live, "
        "a new file for each simulated session",
    ),
    Key(
        "mode",
        WORD,
        "how SQLite commits; auto is wal, and delete on versions with the WAL-reset bug",
        choices=("auto", "wal", "delete"),
    ),
    Key(
        "append_timeout",
        DURATION,
        "a disk that does not answer for so long ends the process",
        100 * MILLISECOND,
        10 * MINUTE,
    ),
    Key(
        "snapshot_every",
        COUNT,
        "events between two snapshots, which make a restart quick; also one at a clean end; 0: none",
        0,
        10_000_000,
    ),
    Key("verify", FLAG, "replay the whole journal at the start and compare it with the snapshots"),
    Key(
        "locks",
        WORD,
        "folder of the locks that keep a second desk off an account; empty: miniquantdesk in "
        "$XDG_STATE_HOME or ~/.local/state",
    ),
)
SESSION: Final = (
    Key(
        "speed",
        WORD,
        "simulated seconds for each real one, or max (lock-step)",
        pattern=r"max|[0-9]{1,6}(\.[0-9]{1,6})?",
    ),
    Key("seed", COUNT, "of the synthetic market and of the exchange's ids", 0, 2**63 - 1),
    Key("starting_cash", CASH, "of the simulated account", 0, BILLION),
    Key("volume_share", RATIO, "share of the market's volume that may fill our orders", 1, ONE),
)
SCREEN: Final = (
    Key("panel", FLAG, "show the live panel where there is a terminal"),
    Key("panel_every", DURATION, "between two pictures of it", 500 * MILLISECOND, MINUTE),
    Key("report", WORD, "write the session's report as JSON to this file; empty: do not"),
    Key(
        "drain_deadline", DURATION, "a stop cancels, flushes and reports within this", 100 * MILLISECOND, HOUR
    ),
)
SECTIONS: Final = (
    Section("", "The desk", TOP_DEFAULTS, TOP),
    Section("gate", "What an order must pass", _defaults(GateConfig()), GATE),
    Section("throttle", "The account's request budget", _defaults(ThrottleConfig()), THROTTLE),
    Section("orders", "How orders in doubt are pursued", _defaults(OrderConfig()), ORDERS),
    Section("links", "How streams are opened again", _defaults(LinkConfig()), LINKS),
    Section("drift", "What is done about differences", _defaults(DriftConfig()), DRIFT),
    Section("broker", "How the broker is reached", _defaults(BrokerSettings()), BROKER),
    Section("journal", "Where events are kept", _defaults(JournalSettings()), JOURNAL),
    Section("session", "The simulated session", _defaults(SessionSettings()), SESSION),
    Section("screen", "What people see, and how it ends", _defaults(ScreenSettings()), SCREEN),
)


def key_default(section: Section, key: Key) -> int | str:
    """A key's default as `show` takes it."""
    value = section.defaults[key.name]
    assert isinstance(value, int | str), f"{section.name}.{key.name} has no plain default"
    return int(value) if key.kind is FLAG else value
