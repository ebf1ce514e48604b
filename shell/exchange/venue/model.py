"""The venue's records: what an order, an update, an execution, a position and an account are.

This is the vocabulary between the matching core (this package) and the wire layer, which alone turns it into
Alpaca's JSON. Figures are plain scaled integers:

    price, quantity, notional   10^-9        (`shell.exchange.text` prints them for messages)
    value, money of the account 10^-18       a price times a quantity, exact
    instant                     nanoseconds since 1970 UTC

Rules:
1. Words (status, event, side, type, time in force) are Alpaca's own, as strings.
2. `VenueOrder` is the one mutable record. Whatever leaves the venue for keeping (an answer, an `Update`) is a
   `snapshot()`; what `order()` and `orders()` return is the live record, to be read at once and not written.
3. `None` means Alpaca's `null`.
4. A replaced order's quantity is the chain's total: `leaves` subtracts what its ancestors filled.
5. An order of a complex class carries its exits in `legs`; they are orders of their own.
"""

from dataclasses import dataclass, fields
from typing import Final, NamedTuple

__all__ = [
    "CASH_SCALE",
    "OPEN_STATUSES",
    "TERMINAL_STATUSES",
    "Activity",
    "ActivityQuery",
    "Asset",
    "OrderQuery",
    "OrderRequest",
    "Refused",
    "ReplaceRequest",
    "StopLoss",
    "TakeProfit",
    "Update",
    "VenueOrder",
    "VenueSettings",
]

CASH_SCALE: Final = 10**18
"""One dollar as money of the account (a Value of kernel.units)."""

TERMINAL_STATUSES: Final = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})
"""Statuses that end an order."""

OPEN_STATUSES: Final = frozenset(
    {
        "accepted",
        "pending_new",
        "new",
        "partially_filled",
        "pending_cancel",
        "pending_replace",
        "held",
        "suspended",
        "done_for_day",
        "accepted_for_bidding",
        "calculated",
        "pending_review",
        "stopped",
    }
)
"""Statuses of an order that may still execute (`held` is left out of `status=open` lists unless nested)."""


class Refused(Exception):
    """The venue says no, in Alpaca's words: HTTP status, code (None: the body has none), message, extras."""

    def __init__(
        self,
        http_status: int,
        code: int | None,
        message: str,
        extras: dict[str, str | list[str]] | None = None,
    ) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.code = code
        self.message = message
        self.extras: dict[str, str | list[str]] = {} if extras is None else extras


class Asset(NamedTuple):
    """One tradable thing; `symbol` is the order form (`ETH/USD`), `position_symbol` the other (`ETHUSD`)."""

    id: str
    symbol: str
    position_symbol: str
    asset_class: str
    """`us_equity` or `crypto`."""
    exchange: str
    name: str
    tradable: bool
    fractionable: bool
    shortable: bool
    easy_to_borrow: bool
    marginable: bool
    price_increment: int
    """Crypto: the tick. Zero for equities, whose tick follows the price."""
    min_trade_increment: int
    min_order_size: int
    previous_close: int
    """Reference price before the first quote; `lastday_price` of positions."""
    status: str = "active"

    @property
    def is_crypto(self) -> bool:
        """Whether it trades around the clock, in coins."""
        return self.asset_class == "crypto"


class VenueSettings(NamedTuple):
    """How the venue behaves; the defaults are a quiet margin account. Latencies in nanoseconds."""

    seed: int = 0
    cash: int = 100_000 * CASH_SCALE
    """Starting cash, 10^-18 of a dollar."""
    multiplier: int = 2
    """1 = cash, 2 = Regulation T margin, 4 = day-trading margin."""
    shorting_enabled: bool = True
    ack_latency: int = 0
    """From the POST to `new`."""
    fill_latency: int = 0
    """From `new` to the first possible execution."""
    cancel_latency: int = 0
    """From the DELETE to `canceled`; above zero the order is `pending_cancel` and may still fill."""
    replace_latency: int = 0
    """From the PATCH to `replaced`; above zero both orders pass through their pending states."""
    crypto_fee_bps: int = 25
    """Of each crypto execution: kept back in coin on buys, in dollars on sells."""
    equity_fee_bps: int = 0
    price_improvement: bool = True
    """Whether some executions print inside the spread, at fractions of a tick, as Alpaca's do."""
    done_for_day: bool = True
    """Whether equities' gtc orders sleep from the close to the next open (`done_for_day`, then `new`)."""
    sibling_cancel_streamed: bool = True
    """Whether the end of an exit whose sibling executed is streamed; at Alpaca it has been seen not to be."""
    orders_max: int = 1_000_000
    """Orders kept, and executions kept; a further submit is refused with 503."""


class TakeProfit(NamedTuple):
    """The profit leg of a bracket."""

    limit_price: int


class StopLoss(NamedTuple):
    """The loss leg of a bracket."""

    stop_price: int
    limit_price: int | None


class OrderRequest(NamedTuple):
    """POST /v2/orders, parsed. `symbol` may be `ETHUSD` or an asset id too; an empty class means simple."""

    symbol: str
    quantity: int | None
    notional: int | None
    side: str
    type: str
    time_in_force: str
    limit_price: int | None = None
    stop_price: int | None = None
    trail_price: int | None = None
    trail_percent: int | None = None
    extended_hours: bool = False
    client_order_id: str | None = None
    order_class: str = ""
    take_profit: TakeProfit | None = None
    stop_loss: StopLoss | None = None
    position_intent: str | None = None


class ReplaceRequest(NamedTuple):
    """PATCH /v2/orders/{id}, parsed; None leaves a figure as it is."""

    quantity: int | None = None
    time_in_force: str | None = None
    limit_price: int | None = None
    stop_price: int | None = None
    trail: int | None = None
    client_order_id: str | None = None


@dataclass(slots=True)
class VenueOrder:
    """Alpaca's order object, with integers; the fields from `sequence` on are the venue's own."""

    id: str
    client_order_id: str
    created_at: int
    updated_at: int
    submitted_at: int
    asset_id: str
    symbol: str
    asset_class: str
    notional: int | None
    quantity: int | None
    """None for an order by notional, also after it filled."""
    order_class: str
    type: str
    side: str
    position_intent: str
    time_in_force: str
    limit_price: int | None
    stop_price: int | None
    status: str
    extended_hours: bool
    expires_at: int | None = None
    filled_at: int | None = None
    expired_at: int | None = None
    canceled_at: int | None = None
    failed_at: int | None = None
    replaced_at: int | None = None
    replaced_by: str | None = None
    replaces: str | None = None
    filled_quantity: int = 0
    filled_value: int = 0
    """Exact, 10^-18: the average price is this over `filled_quantity`."""
    legs: tuple["VenueOrder", ...] | None = None
    trail_price: int | None = None
    trail_percent: int | None = None
    hwm: int | None = None
    cancel_requested_at: int | None = None
    sequence: int = 0
    """Arrival: time priority and the order of lists."""
    chain_filled: int = 0
    """What its replaced ancestors filled."""
    reserve_price: int = 0
    """Price at which its open quantity counts against buying power; zero when it reserves nothing."""
    reserved: int = 0
    """Money (10^-18) that it holds back from buying power; kept by the holdings."""
    held: int = 0
    """Quantity of the position that it holds; kept by the holdings."""
    quantity_bound: int = 0
    """For a sell by notional: it never sells more than this."""
    elected: bool = False
    """A stop that has been triggered."""
    resting: bool = False
    """A limit order that has stood through a quote: it then executes at its own price."""
    parent_id: str | None = None
    """For an exit of a complex order: the order in whose `legs` it stands."""
    dormant: bool = False
    """An exit whose entry has not filled completely: it never executes and holds nothing."""
    holds: bool = True
    """False for a stop while its take-profit holds the position for both."""
    match_from: int = 0
    """Not executed before this instant."""

    @property
    def is_open(self) -> bool:
        """Whether it may still execute."""
        return self.status not in TERMINAL_STATUSES

    @property
    def leaves(self) -> int:
        """What is still to be executed; zero for an order by notional, whose price decides."""
        if self.quantity is None:
            return 0
        return self.quantity - self.chain_filled - self.filled_quantity

    @property
    def filled_average_price(self) -> int | None:
        """Average execution price cut to nine decimals; None before the first execution."""
        return self.filled_value // self.filled_quantity if self.filled_quantity else None

    def snapshot(self) -> "VenueOrder":
        """A copy that later changes do not touch."""
        copy = object.__new__(VenueOrder)
        for name in _ORDER_FIELDS:
            setattr(copy, name, getattr(self, name))
        if copy.legs is not None:
            copy.legs = tuple(leg.snapshot() for leg in copy.legs)
        return copy

    def flat(self) -> "VenueOrder":
        """The order as lists show it that are not nested: without its legs. A simple one is itself."""
        if self.legs is None:
            return self
        copy = self.snapshot()
        copy.legs = None
        return copy


_ORDER_FIELDS: Final = tuple(field.name for field in fields(VenueOrder))


class Update(NamedTuple):
    """One trade_updates message; the last five are None where the event carries no execution."""

    event: str
    order: VenueOrder
    """Snapshot after the event."""
    at: int
    timestamp: int
    event_id: str
    """ULID: sorts by publishing."""
    execution_id: str | None = None
    price: int | None = None
    quantity: int | None = None
    position_quantity: int | None = None
    """The account's signed position after it; crypto: net of fees."""
    previous_execution_id: str | None = None


class Activity(NamedTuple):
    """One row of GET /v2/account/activities/FILL."""

    id: str
    """`YYYYMMDDhhmmssmmm::uuid`, the prefix in New York time; the uuid is *not* the execution's."""
    transaction_time: int
    """The execution's instant rounded to a microsecond."""
    type: str
    """`fill` or `partial_fill`."""
    price: int
    quantity: int
    cumulative_quantity: int
    leaves_quantity: int
    side: str
    symbol: str
    order_id: str
    order_status: str
    execution_id: str
    """Ours, for /sim/books; Alpaca's row does not show it."""


class ActivityQuery(NamedTuple):
    """GET /v2/account/activities/FILL: instants exclusive, `page_token` the last id already seen."""

    after: int | None = None
    until: int | None = None
    direction: str = "desc"
    page_size: int = 100
    page_token: str | None = None
    order_id: str | None = None


class OrderQuery(NamedTuple):
    """GET /v2/orders: instants filter `submitted_at`, exclusive; the id cursors are exclusive too."""

    status: str = "open"
    """open, closed or all."""
    limit: int = 50
    after: int | None = None
    until: int | None = None
    direction: str = "desc"
    nested: bool = False
    side: str | None = None
    symbols: tuple[str, ...] = ()
    asset_class: str | None = None
    before_order_id: str | None = None
    after_order_id: str | None = None
