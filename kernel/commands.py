"""Everything that the kernel may ask of the world: a closed union.

The shell has no policy. It carries out a command once and reports what came of it as a CallAnswered
with the same number (links report with LinkReported; an Alert has no answer). It never repeats,
delays or drops a call by itself.
"""

from enum import Enum
from typing import NamedTuple

from kernel.events import LinkName
from kernel.sides import OrderClass, OrderType, Purpose, Side, TimeInForce
from kernel.units import Instant, Price, Quantity

__all__ = [
    "Alert",
    "AlertLevel",
    "BrokerCall",
    "CancelOrder",
    "CloseLink",
    "Command",
    "FetchAccount",
    "FetchActivities",
    "FetchAsset",
    "FetchBars",
    "FetchOrders",
    "FetchPositions",
    "OpenLink",
    "OrderTicket",
    "OrdersScope",
    "QueryOrder",
    "ReplaceOrder",
    "SubmitOrder",
]


class AlertLevel(Enum):
    """How soon a person should look."""

    INFO = "info"
    """Worth knowing."""
    WARNING = "warning"
    """Look today."""
    CRITICAL = "critical"
    """Look now."""


class OrdersScope(Enum):
    """Which orders to list."""

    OPEN = "open"
    """Everything that may still fill."""
    ALL = "all"
    """Everything since an instant."""


class OrderTicket(NamedTuple):
    """An order as it goes on the wire; rounded and approved."""

    client_order_id: str
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    quantity: Quantity
    limit_price: Price | None
    stop_price: Price | None
    extended_hours: bool
    purpose: Purpose
    order_class: OrderClass = OrderClass.SIMPLE
    """Of an entry with exits, and of those exits, which the broker makes and names."""
    take_profit: Price | None = None
    """Limit of the exit in profit, held by the broker until the entry is completely filled."""
    stop_loss: Price | None = None
    """Stop of the exit in loss, likewise."""
    stop_loss_limit: Price | None = None
    """Limit of that stop; None for a market order when it triggers."""


class SubmitOrder(NamedTuple):
    """POST /v2/orders."""

    call: int
    ticket: OrderTicket


class CancelOrder(NamedTuple):
    """DELETE /v2/orders/{id}."""

    call: int
    client_order_id: str
    broker_order_id: str


class ReplaceOrder(NamedTuple):
    """PATCH /v2/orders/{id}; only what is not None changes."""

    call: int
    client_order_id: str
    broker_order_id: str
    new_client_order_id: str
    quantity: Quantity | None
    limit_price: Price | None
    stop_price: Price | None


class QueryOrder(NamedTuple):
    """GET by client order id, or by the broker's id where that is given."""

    call: int
    client_order_id: str
    broker_order_id: str | None


class FetchOrders(NamedTuple):
    """GET /v2/orders, nested, at most 500 rows, newest first; pages by `until` (submitted before it)."""

    call: int
    scope: OrdersScope
    after: Instant | None
    until: Instant | None


class FetchAccount(NamedTuple):
    """GET /v2/account."""

    call: int


class FetchPositions(NamedTuple):
    """GET /v2/positions."""

    call: int


class FetchAsset(NamedTuple):
    """GET /v2/assets/{symbol}."""

    call: int
    symbol: str


class FetchActivities(NamedTuple):
    """GET /v2/account/activities/FILL, oldest first, a page of at most 100."""

    call: int
    after: Instant | None
    page_token: str | None


class FetchBars(NamedTuple):
    """GET of historical one-minute bars of one symbol, oldest first."""

    call: int
    symbol: str
    start: Instant
    end: Instant
    page_token: str | None


class OpenLink(NamedTuple):
    """Connect a stream, authenticate, listen; the shell reports each step."""

    link: LinkName
    symbols: tuple[str, ...]
    """For the market stream: what to subscribe to."""


class CloseLink(NamedTuple):
    """Close a stream."""

    link: LinkName


class Alert(NamedTuple):
    """Tell a person."""

    level: AlertLevel
    code: str
    text: str


BrokerCall = (
    SubmitOrder
    | CancelOrder
    | ReplaceOrder
    | QueryOrder
    | FetchOrders
    | FetchAccount
    | FetchPositions
    | FetchAsset
    | FetchActivities
    | FetchBars
)
"""The commands that use the account's request budget."""

Command = BrokerCall | OpenLink | CloseLink | Alert
