"""What the broker says, as values: the words, rows and bodies that events carry.

The codec (shell) makes these from Alpaca's JSON; the kernel reads nothing else of the wire.

Rules:
1. Every word of the wire has a member here; a word that nobody knows becomes UNRECOGNIZED and its
   text is kept beside it. It is an input like any other: never a crash, never ignored.
2. An order's figures are cumulative (`filled_quantity`, `filled_average`); an execution's are its own.
3. A report does not say where it came from: a stream, a poll, an answer and a replay look alike.

Source: Alpaca's trading API v2 (orders, trade_updates, account, positions, activities).
"""

from enum import Enum
from typing import NamedTuple

from kernel.sides import OrderClass, OrderType, Side, TimeInForce
from kernel.units import Cash, Instant, Price, Quantity

__all__ = [
    "AccountReport",
    "ActivityRow",
    "Bar",
    "BrokerEvent",
    "BrokerStatus",
    "ExecutionKind",
    "ExecutionReport",
    "OrderReport",
    "PositionRow",
    "Quote",
    "RateHeaders",
]


class BrokerStatus(Enum):
    """The status word of an order object."""

    ACCEPTED = "accepted"
    """Received, not yet routed; usual outside market hours."""
    PENDING_NEW = "pending_new"
    """Routed, not yet accepted by the venue; the usual answer to a POST."""
    NEW = "new"
    """Live at the venue."""
    PARTIALLY_FILLED = "partially_filled"
    """Live, with at least one execution."""
    FILLED = "filled"
    """Nothing left."""
    DONE_FOR_DAY = "done_for_day"
    """Will not fill today any more; may reopen tomorrow."""
    CANCELED = "canceled"
    """Ended by a cancel; may carry executions."""
    EXPIRED = "expired"
    """Ended by its time in force; may carry executions."""
    REPLACED = "replaced"
    """Superseded by another order of the same chain."""
    PENDING_CANCEL = "pending_cancel"
    """A cancel is under way; it can still fill."""
    PENDING_REPLACE = "pending_replace"
    """A replace is under way; it can still fill."""
    PENDING_REVIEW = "pending_review"
    """Held by the broker for a review."""
    ACCEPTED_FOR_BIDDING = "accepted_for_bidding"
    """Being priced; counts as live."""
    STOPPED = "stopped"
    """A trade is guaranteed but not yet executed."""
    REJECTED = "rejected"
    """Refused after it had been accepted."""
    SUSPENDED = "suspended"
    """Not eligible to trade for the moment."""
    CALCULATED = "calculated"
    """Done for the day, settlement figures pending."""
    HELD = "held"
    """A leg that waits for its entry."""
    UNRECOGNIZED = "?"
    """A word that this version does not know."""


class BrokerEvent(Enum):
    """The event word of a trade_updates message."""

    ACCEPTED = "accepted"
    """The order was received."""
    PENDING_NEW = "pending_new"
    """The order was routed."""
    NEW = "new"
    """The order is live at the venue."""
    FILL = "fill"
    """An execution that leaves nothing."""
    PARTIAL_FILL = "partial_fill"
    """An execution that leaves some."""
    CANCELED = "canceled"
    """The order was canceled."""
    EXPIRED = "expired"
    """The order's time in force ended."""
    DONE_FOR_DAY = "done_for_day"
    """No more executions today."""
    REPLACED = "replaced"
    """The order was superseded."""
    REJECTED = "rejected"
    """The venue refused the order."""
    HELD = "held"
    """The order waits for another."""
    STOPPED = "stopped"
    """A trade is guaranteed."""
    SUSPENDED = "suspended"
    """The order is not eligible to trade."""
    CALCULATED = "calculated"
    """Settlement figures pending."""
    PENDING_CANCEL = "pending_cancel"
    """A cancel is under way."""
    PENDING_REPLACE = "pending_replace"
    """A replace is under way."""
    ORDER_CANCEL_REJECTED = "order_cancel_rejected"
    """The cancel was refused; the order lives on."""
    ORDER_REPLACE_REJECTED = "order_replace_rejected"
    """The replace was refused; the order lives on."""
    TRADE_BUST = "trade_bust"
    """An execution was voided."""
    TRADE_CORRECT = "trade_correct"
    """An execution was replaced by another."""
    RESTATED = "restated"
    """The broker changed the order by hand."""
    UNRECOGNIZED = "?"
    """A word that this version does not know."""


class ExecutionKind(Enum):
    """What an execution does to the ledger."""

    TRADE = "trade"
    """Adds its quantity at its price."""
    BUST = "bust"
    """Voids the execution that it refers to."""
    CORRECT = "correct"
    """Voids the execution that it refers to and adds its own figures."""
    INFERRED = "inferred"
    """Ours: stands in for executions that the broker counts but has not shown."""


class ExecutionReport(NamedTuple):
    """One execution: its own price and quantity, never cumulative ones."""

    execution_id: str
    kind: ExecutionKind
    price: Price
    quantity: Quantity
    """Positive; a bust carries the voided quantity or zero."""
    at: Instant
    previous_execution_id: str | None = None
    """For a bust or a correction: the execution it changes."""
    position_quantity: Quantity | None = None
    """The account's signed position after it, as the broker says (crypto: net of fees)."""


class OrderReport(NamedTuple):
    """One order object of the broker, whichever way it reached us."""

    broker_order_id: str
    client_order_id: str
    symbol: str
    side: Side | None
    """None where the wire leaves it empty (a multi-leg parent)."""
    type: OrderType | None
    """None for a type that this version does not know."""
    time_in_force: TimeInForce | None
    order_class: OrderClass | None
    status: BrokerStatus
    status_text: str
    """The word as it was, for UNRECOGNIZED."""
    quantity: Quantity | None
    """None for an order by notional."""
    notional: Cash | None
    filled_quantity: Quantity
    filled_average: Price | None
    limit_price: Price | None
    stop_price: Price | None
    extended_hours: bool
    created_at: Instant
    updated_at: Instant
    replaces: str | None = None
    """Broker id of the order that this one supersedes."""
    replaced_by: str | None = None
    """Broker id of the order that superseded this one."""
    legs: tuple["OrderReport", ...] = ()


class PositionRow(NamedTuple):
    """One row of GET /v2/positions; `symbol` is normalized to the order form (`BTC/USD`)."""

    symbol: str
    quantity: Quantity
    """Signed: negative for a short."""
    average_entry: Price
    """As the broker rounds it (six decimals): not exact."""
    available: Quantity
    """What is not held by open orders."""


class AccountReport(NamedTuple):
    """GET /v2/account, the figures that decisions use."""

    account_number: str
    status: str
    cash: Cash
    equity: Cash
    buying_power: Cash
    non_marginable_buying_power: Cash
    multiplier: int
    shorting_enabled: bool
    blocked: bool
    """Any of trading_blocked, account_blocked, trade_suspended_by_user, or a status that is not ACTIVE."""


class ActivityRow(NamedTuple):
    """One FILL row of GET /v2/account/activities: has no client order id and no execution id."""

    activity_id: str
    broker_order_id: str
    symbol: str
    side: Side
    price: Price
    quantity: Quantity
    cumulative_quantity: Quantity
    at: Instant


class Bar(NamedTuple):
    """One closed bar; `start` is its first instant, `duration` later it was closed."""

    symbol: str
    start: Instant
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Quantity


class Quote(NamedTuple):
    """Best bid and ask; a zero price means that there is no such side."""

    symbol: str
    bid: Price
    ask: Price
    bid_size: Quantity
    ask_size: Quantity
    at: Instant
    """When the venue says it was made."""


class RateHeaders(NamedTuple):
    """X-RateLimit-* of an answer; None where a header was missing."""

    limit: int | None
    remaining: int | None
    reset_at: Instant | None
