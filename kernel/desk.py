"""The Desk: the whole state of one account, as a frozen value; and the Turn that makes the next one.

A Desk is comparable, encodable and deterministic: replaying the journal gives the same Desk, byte for
byte. It holds a few rooms, each a value with its own step functions; nothing here decides anything.

A Turn is the scratchpad of one step: it is made from a Desk, the rooms' functions change it, and it is
closed into the next Desk. It never outlives its step, so the kernel stays pure.
"""

from typing import Final, NamedTuple

from immutables import Map

from kernel.commands import Alert, AlertLevel, Command
from kernel.config import DeskConfig, ThrottleConfig
from kernel.drift.record import NO_DRIFT, DriftRecord
from kernel.events import TradeUpdated
from kernel.links.record import NO_LINKS, LinkRecord
from kernel.orders.book import EMPTY_BOOK, Book
from kernel.orders.intents import NO_INTENTS, Intents
from kernel.outbox import NO_CALLS, Calls
from kernel.portfolio.holdings import NO_HOLDINGS, Holdings
from kernel.reasons import Anomaly, RefusalCode
from kernel.reports import Quote
from kernel.session.record import NO_SESSION, SessionRecord
from kernel.strategies.record import SeatRecord
from kernel.symbols.rules import SymbolRules
from kernel.throttle.throttle import ThrottleState, initial
from kernel.timers import NO_TIMERS, Timers, put
from kernel.trace import Noted, Trace
from kernel.units import Instant

__all__ = ["EMPTY_DESK", "Counters", "Desk", "MarketRecord", "Turn"]


class Counters(NamedTuple):
    """What happened so far, for the report; decisions never read it."""

    events: int
    submitted: int
    filled: int
    """Orders that ended filled."""
    canceled: int
    rejected: int
    denied: int
    executions: int
    checks: int
    """Invariant checks run."""
    violations: int
    replaced: int
    """Amendments that took effect."""
    refusals: Map[RefusalCode, int]
    anomalies: Map[Anomaly, int]


class MarketRecord(NamedTuple):
    """What the market stream last said."""

    quotes: Map[str, Quote]
    bar_starts: Map[str, Instant]
    """Start of the last bar that was used, by symbol: a bar is used once, in order."""


class Desk(NamedTuple):
    """The whole state of one account."""

    at: Instant
    """Of the last event."""
    epoch: int
    sequence: int
    """Of the last client order id in this epoch."""
    config: DeskConfig | None
    session: SessionRecord
    links: tuple[LinkRecord, ...]
    """In the order of LinkName."""
    rules: Map[str, SymbolRules]
    market: MarketRecord
    seats: Map[str, SeatRecord]
    """Strategies by seat."""
    book: Book
    holdings: Holdings
    calls: Calls
    throttle: ThrottleState
    timers: Timers
    drift: DriftRecord
    """Comparing with the broker: what is under way, what is not ours, and the cases."""
    heard_at: Instant
    """When the order stream last said something about an order."""
    intents: Intents
    """Keys of intents taken: a repeat within the horizon is a duplicate."""
    counters: Counters


NO_COUNTERS: Final = Counters(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, Map(), Map())

EMPTY_DESK: Final = Desk(
    at=Instant(0),
    epoch=0,
    sequence=0,
    config=None,
    session=NO_SESSION,
    links=NO_LINKS,
    rules=Map(),
    market=MarketRecord(Map(), Map()),
    seats=Map(),
    book=EMPTY_BOOK,
    holdings=NO_HOLDINGS,
    calls=NO_CALLS,
    throttle=initial(ThrottleConfig()),
    timers=NO_TIMERS,
    drift=NO_DRIFT,
    heard_at=Instant(0),
    intents=NO_INTENTS,
    counters=NO_COUNTERS,
)
"""Before the first event."""


class Turn:
    """The scratchpad of one step."""

    __slots__ = (
        "anomalies",
        "at",
        "book",
        "broken",
        "calls",
        "canceled",
        "checks",
        "commands",
        "config",
        "denied",
        "desk",
        "drift",
        "epoch",
        "events",
        "executions",
        "filled",
        "heard_at",
        "holdings",
        "intents",
        "links",
        "market",
        "refusals",
        "rejected",
        "replaced",
        "rules",
        "seats",
        "sequence",
        "session",
        "strays",
        "submitted",
        "throttle",
        "timers",
        "trace",
        "violations",
    )

    def __init__(self, desk: Desk, at: Instant, config: DeskConfig) -> None:
        """Opens a turn on `desk` at `at`; `config` is the desk's, or the one that a Booted brings."""
        self.desk = desk
        self.config = config
        self.commands: list[Command] = []
        self.broken: list[str] = []
        self.strays: list[TradeUpdated] = []
        self.trace: list[Trace] = []
        (
            before,
            self.epoch,
            self.sequence,
            _,
            self.session,
            self.links,
            self.rules,
            self.market,
            self.seats,
            self.book,
            self.holdings,
            self.calls,
            self.throttle,
            self.timers,
            self.drift,
            self.heard_at,
            self.intents,
            counters,
        ) = desk
        self.at = max(at, before)
        (
            self.events,
            self.submitted,
            self.filled,
            self.canceled,
            self.rejected,
            self.denied,
            self.executions,
            self.checks,
            self.violations,
            self.replaced,
            self.refusals,
            self.anomalies,
        ) = counters

    def close(self) -> Desk:
        """The next Desk."""
        return Desk(
            self.at,
            self.epoch,
            self.sequence,
            self.config,
            self.session,
            self.links,
            self.rules,
            self.market,
            self.seats,
            self.book,
            self.holdings,
            self.calls,
            self.throttle,
            self.timers,
            self.drift,
            self.heard_at,
            self.intents,
            Counters(
                self.events + 1,
                self.submitted,
                self.filled,
                self.canceled,
                self.rejected,
                self.denied,
                self.executions,
                self.checks,
                self.violations,
                self.replaced,
                self.refusals,
                self.anomalies,
            ),
        )

    def wake(self, at: Instant, key: str) -> None:
        """Asks for a Tick at `at`, for `key`."""
        self.timers = put(self.timers, at, key)

    def alert(self, level: AlertLevel, code: str, text: str) -> None:
        """Tells a person."""
        self.commands.append(Alert(level, code, text))

    def note(self, anomaly: Anomaly, text: str, level: AlertLevel | None = None) -> None:
        """Counts an anomaly and, with a level, tells a person."""
        self.anomalies = self.anomalies.set(anomaly, self.anomalies.get(anomaly, 0) + 1)
        self.trace.append(Noted(anomaly, text, level))
        if level is not None:
            self.alert(level, anomaly.value, text)

    def refuse(self, code: RefusalCode) -> None:
        """Counts a refusal."""
        self.refusals = self.refusals.set(code, self.refusals.get(code, 0) + 1)
