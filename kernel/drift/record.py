"""What the drift room remembers: the look and the audit under way, what belongs to others, the cases."""

from enum import Enum
from typing import Final, NamedTuple

from immutables import Map

from kernel.drift.cases import NO_CASES, Cases
from kernel.reports import OrderReport
from kernel.units import ZERO_VALUE, Cash, Instant, Quantity, Value

__all__ = [
    "NO_AUDIT",
    "NO_DRIFT",
    "NO_FOREIGN",
    "Audit",
    "DriftRecord",
    "Foreign",
    "ForeignFill",
    "LegSum",
    "Look",
    "Stage",
    "is_clean",
    "restarted",
]


class Stage(Enum):
    """How far a look has come; each stage is asked when the one before is complete."""

    LISTS = "lists"
    """The open orders and the recent ones, page by page."""
    DETAILS = "details"
    """By id, each order of ours that should be open and was not listed; and the fill activities."""
    MONEY = "money"
    """Positions and account."""


class Look(NamedTuple):
    """A comparison under way. It is judged only for what did not move between its asking and its answer."""

    stage: Stage
    asked_at: Instant
    """When the lists were asked."""
    waiting: frozenset[int]
    """Calls not yet answered."""
    failed: bool
    """An answer of this stage was none: the stage is asked again."""
    tries: int
    """Stages asked again so far."""
    again_at: Instant
    """When the stage is asked again; zero for not waiting for that."""
    open_call: int
    """The page of open orders that is awaited; zero when they are complete."""
    recent_call: int
    """Likewise of recent orders."""
    pages: int
    rows: tuple[OrderReport, ...]
    """Open orders as the broker lists them."""
    others: tuple[OrderReport, ...]
    """Recent orders that the book does not have and that are ours by their id."""
    unlisted: tuple[str, ...]
    """Orders of ours that should be open and are not listed; less those that a query found."""
    strays: Map[str, OrderReport]
    """The open orders of others that were known when the lists were asked."""
    left: int
    """Unlisted orders beyond what one look asks for."""
    net: Map[str, Quantity]
    """Our positions when positions and account were asked."""
    cash_flow: Value
    """Ours at that time."""
    foreign: Map[str, Quantity]
    """What was counted as others' positions at that time."""
    foreign_cash: Value
    cash: Cash | None
    positions: tuple[tuple[str, Quantity], ...] | None


class LegSum(NamedTuple):
    """What the activities of one broker order add up to, exactly."""

    quantity: Quantity
    value: Value


class ForeignFill(NamedTuple):
    """A fill of somebody else's order, as it was counted."""

    leg: str
    """The broker's id of the order."""
    symbol: str
    quantity: Quantity
    """Signed: a buy is positive; less the fee that is taken in coins."""
    value: Value
    """What was paid (positive) or received, the fee in cash included."""
    at: Instant


class Audit(NamedTuple):
    """A reading of the FILL activities: which page it waits for and what it has summed."""

    call: int
    """Zero when none is under way."""
    asked_at: Instant
    """When its first page was asked."""
    after: Instant
    """It has every fill since then."""
    sums: Map[str, LegSum]
    """By broker order id."""
    seen: Map[str, Instant]
    """The activities in those sums: a row that two pages show is added once."""
    pages: int
    changed: bool
    """Whether a page so far changed anything."""
    wanted: bool
    """Another reading is to follow: something asked for one while this one was under way."""
    failed: bool
    """The last reading did not come to its end."""
    fruitless: int
    """Readings in a row that changed nothing."""
    lacking: int
    """Orders that lacked executions when the last reading ended."""


class Foreign(NamedTuple):
    """What is on the account and not ours: kept apart, counted in exposure, never touched unless asked."""

    positions: Map[str, Quantity]
    """Signed, by symbol."""
    cash: Value
    """Flow by others' fills and by what was never explained, since the books were opened."""
    orders: Map[str, OrderReport]
    """Open orders of others, by client order id (by broker id where that is empty).

    What they filled counts as open until it is in `positions`: `filled_quantity` is what was counted.
    """
    counted: Map[str, ForeignFill]
    """Others' fills that are in `positions` and `cash`, by activity id."""
    counted_until: Instant
    """Fills up to here were forgotten one by one and are counted for good."""


class DriftRecord(NamedTuple):
    """Everything."""

    look: Look | None
    looked_at: Instant
    """When the last clean look was asked; zero for never in this epoch."""
    agreed_at: Instant
    """Likewise of any epoch: what is older was compared."""
    failures: int
    """Looks in a row that could not be completed or did not agree."""
    moved: int
    """Looks in a row under which the account moved: their money could not be judged."""
    next_look_at: Instant
    watch_at: Instant
    """When it is asked whether the order stream is mute; zero while nothing is open."""
    audit: Audit
    audited_at: Instant
    """When the last complete reading of activities was begun."""
    overbooked: Map[str, LegSum]
    """Legs of which the last complete audit counted less than we booked, and what it counted."""
    foreign: Foreign
    cases: Cases
    opened_at: Instant
    """When the books were opened; zero for not yet."""
    opening_cash: Value | None
    """Cash then, less our cash flow until then: what our books start from."""


NO_AUDIT: Final = Audit(0, Instant(0), Instant(0), Map(), Map(), 0, False, False, False, 0, 0)
NO_FOREIGN: Final = Foreign(Map(), ZERO_VALUE, Map(), Map(), Instant(0))
NO_DRIFT: Final = DriftRecord(
    None,
    Instant(0),
    Instant(0),
    0,
    0,
    Instant(0),
    Instant(0),
    NO_AUDIT,
    Instant(0),
    Map(),
    NO_FOREIGN,
    NO_CASES,
    Instant(0),
    None,
)
"""Before the first look."""


def is_clean(record: DriftRecord) -> bool:
    """Whether our books and the broker's were last seen to agree (in this epoch)."""
    return record.looked_at > 0 and record.failures == 0


def restarted(record: DriftRecord) -> DriftRecord:
    """The record when the process begins again: nothing is under way, and nothing was compared in this epoch.

    What stood by an earlier policy is asked of the policies anew.
    """
    return record._replace(
        look=None,
        looked_at=Instant(0),
        failures=0,
        moved=0,
        watch_at=Instant(0),
        audit=NO_AUDIT,
        cases=record.cases._replace(standing=Map()),
    )
