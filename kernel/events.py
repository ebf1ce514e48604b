"""Everything that can happen to the desk: a closed union, each with its own time.

An event is a value. The journal holds the events, in order, and nothing else is needed to rebuild the
Desk. The time `at` is when the shell took the event in (UTC nanoseconds); it never runs backward
within a journal (the shell sees to that and reports a wall clock that did).

What every broker call came to is one event, CallAnswered, with a closed union of results:
the kernel knows by the call's number what was asked.
"""

from enum import Enum
from typing import NamedTuple

from kernel.config import DeskConfig
from kernel.links.chart import LinkInput
from kernel.reports import (
    AccountReport,
    ActivityRow,
    Bar,
    BrokerEvent,
    ExecutionReport,
    OrderReport,
    PositionRow,
    Quote,
    RateHeaders,
)
from kernel.symbols.rules import SymbolRules
from kernel.units import Duration, Instant

__all__ = [
    "AccountBody",
    "ActivityRows",
    "AssetBody",
    "BarClosed",
    "BarRows",
    "Booted",
    "BrokerRefused",
    "CallAnswered",
    "CallResult",
    "ClockStepped",
    "Done",
    "DoubtCause",
    "Doubtful",
    "Event",
    "LinkName",
    "LinkReported",
    "NotFound",
    "OperatorSaid",
    "OperatorWord",
    "OrderBody",
    "OrderRows",
    "PositionRows",
    "QuoteUpdated",
    "RateLimited",
    "Tick",
    "TradeUpdated",
    "Unrecognized",
]


class LinkName(Enum):
    """The two streams that the desk listens to."""

    ORDERS = "orders"
    """trade_updates: what happens to our orders."""
    MARKET = "market"
    """Bars and quotes."""


class OperatorWord(Enum):
    """What a person (or the shell on a person's behalf) may say to the desk."""

    ARM = "arm"
    """Allow entries. The argument carries what the shell verified."""
    DISARM = "disarm"
    """No entries until armed again."""
    PAUSE = "pause"
    """No entries; exits are managed."""
    RESUME = "resume"
    """Ends a pause."""
    REDUCE = "reduce"
    """Only orders that reduce risk."""
    HALT = "halt"
    """Latches: no entries until lifted."""
    LIFT_HALT = "lift_halt"
    """Ends a halt, with a reason, after a clean reconciliation."""
    KILL = "kill"
    """Cancel everything and send nothing that adds risk."""
    DRAIN = "drain"
    """The process wants to stop: no entries, open orders canceled or left as configured."""


class DoubtCause(Enum):
    """Why we can't tell what the broker did with a call."""

    TIMEOUT = "timeout"
    """No answer in time."""
    CONNECTION_LOST = "connection_lost"
    """The connection broke before a whole answer."""
    SERVER_ERROR = "server_error"
    """5xx or 408."""
    BAD_BODY = "bad_body"
    """An answer that can't be read."""
    DUPLICATE_ID = "duplicate_id"
    """client_order_id must be unique: an order with our id exists."""
    NOT_SENT = "not_sent"
    """The shell could not send it at all (its own queue or the process ended)."""


# ---------------------------------------------------------------- results of calls


class OrderBody(NamedTuple):
    """One order object: the answer to a submit, a replace or a query."""

    report: OrderReport


class Done(NamedTuple):
    """2xx without a body: the answer to a cancel (204 means asked, not canceled)."""


class OrderRows(NamedTuple):
    """A list of orders; `complete` is False when a page limit may have cut it."""

    rows: tuple[OrderReport, ...]
    complete: bool


class AccountBody(NamedTuple):
    """The account."""

    report: AccountReport


class PositionRows(NamedTuple):
    """All positions."""

    rows: tuple[PositionRow, ...]


class AssetBody(NamedTuple):
    """A symbol's rules as the broker's asset list has them."""

    rules: SymbolRules


class ActivityRows(NamedTuple):
    """FILL activities, oldest first; `next_page` is the token of the next page, if there may be one."""

    rows: tuple[ActivityRow, ...]
    next_page: str | None


class BarRows(NamedTuple):
    """History: closed bars, oldest first."""

    rows: tuple[Bar, ...]
    next_page: str | None


class BrokerRefused(NamedTuple):
    """A definite no: a 4xx whose body says why. Nothing was done."""

    http_status: int
    code: int
    """Alpaca's code, 0 where the body has none."""
    message: str


class NotFound(NamedTuple):
    """404: no such order, position or asset as far as this answer goes."""

    message: str


class RateLimited(NamedTuple):
    """429: too many requests. Of a submit, whether it was done is not known."""

    retry_after: Duration | None


class Doubtful(NamedTuple):
    """We can't tell: it may have been done."""

    cause: DoubtCause
    detail: str


CallResult = (
    OrderBody
    | Done
    | OrderRows
    | AccountBody
    | PositionRows
    | AssetBody
    | ActivityRows
    | BarRows
    | BrokerRefused
    | NotFound
    | RateLimited
    | Doubtful
)

# ---------------------------------------------------------------- events


class Booted(NamedTuple):
    """The process began (or began again): the first event of each epoch."""

    at: Instant
    epoch: int
    """Counts the starts on this journal, from 1; every client order id carries it."""
    version: str
    """The product's version, for the record."""
    config: DeskConfig


class Tick(NamedTuple):
    """The clock reached the instant that the kernel had asked for."""

    at: Instant


class ClockStepped(NamedTuple):
    """Wall time and the monotonic clock disagree by `by` (negative: wall time went back)."""

    at: Instant
    by: Duration


class BarClosed(NamedTuple):
    """A bar of the market stream, closed."""

    at: Instant
    bar: Bar


class QuoteUpdated(NamedTuple):
    """A quote of the market stream."""

    at: Instant
    quote: Quote


class TradeUpdated(NamedTuple):
    """A trade_updates message."""

    at: Instant
    word: BrokerEvent
    word_text: str
    """The word as it was, for UNRECOGNIZED."""
    report: OrderReport
    execution: ExecutionReport | None
    event_id: str
    """The broker's ULID of the message, empty where it had none."""


class LinkReported(NamedTuple):
    """Something happened to a stream's connection."""

    at: Instant
    link: LinkName
    input: LinkInput
    detail: str


class CallAnswered(NamedTuple):
    """What a broker call came to."""

    at: Instant
    call: int
    """The number of the command."""
    asked_at: Instant
    """When the call left."""
    result: CallResult
    rate: RateHeaders | None


class OperatorSaid(NamedTuple):
    """A person's word, with a reason."""

    at: Instant
    word: OperatorWord
    reason: str
    argument: str = ""


class Unrecognized(NamedTuple):
    """Something arrived that the codec could not read: kept whole, never dropped."""

    at: Instant
    source: str
    """Where from: a stream's or an endpoint's name."""
    text: str
    """The raw text, cut at the codec's named maximum."""
    problem: str


Event = (
    Booted
    | Tick
    | ClockStepped
    | BarClosed
    | QuoteUpdated
    | TradeUpdated
    | LinkReported
    | CallAnswered
    | OperatorSaid
    | Unrecognized
)
