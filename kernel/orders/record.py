"""One order as the desk knows it: terms, three small machines, a ledger, and times.

The record is a value; the functions that change it live in lifecycle.py, and the tables that decide in
chart.py. "Partially filled", "open" and "leaves" are derived here and stored nowhere.

What never changes, what changes with each fill, and what changes only while something is pursued are
records of their own (ticket, ledger and times, pursuit), so a fill rebuilds little.
"""

from typing import Final, NamedTuple

from kernel.commands import OrderTicket
from kernel.orders.chart import CancelState, OrderStatus, ReplaceState
from kernel.orders.ledger import EMPTY_LEDGER, Ledger
from kernel.sides import OrderClass
from kernel.units import Instant, Price, Quantity

__all__ = [
    "ENDED",
    "NEVER",
    "NO_PURSUIT",
    "NO_TIMES",
    "Order",
    "Pursuit",
    "Replacement",
    "Times",
    "broker_order_id",
    "is_in_doubt",
    "is_leg",
    "is_member",
    "is_open",
    "leaves",
    "new_order",
    "overfill",
    "reserved",
    "with_booked",
    "with_status",
]

NEVER: Final = Instant(0)
"""A time that has not come."""


class Times(NamedTuple):
    """When each step was first seen; NEVER where it was not."""

    created: Instant
    sent: Instant = NEVER
    acknowledged: Instant = NEVER
    first_fill: Instant = NEVER
    last_fill: Instant = NEVER
    cancel_asked: Instant = NEVER
    replace_asked: Instant = NEVER
    ended: Instant = NEVER


NO_TIMES: Final = Times(NEVER)


class Pursuit(NamedTuple):
    """How far we are with what the broker has not answered: a submit in doubt, a cancel without effect."""

    misses: int
    """Consecutive not-founds that count: older than the grace and spaced."""
    missed_at: Instant
    """When the last of them was asked."""
    queries: int
    """Queries sent since the doubt began."""
    query_call: int
    """The query under way; zero for none. There is never more than one."""
    next_query_at: Instant
    """NEVER while no query is planned."""
    cancels: int
    """Cancels sent."""
    next_cancel_at: Instant
    """When the cancel is looked after again; NEVER while none is pending."""


NO_PURSUIT: Final = Pursuit(0, NEVER, 0, 0, NEVER, 0, NEVER)


class Replacement(NamedTuple):
    """What a pending replace asked for, and how far it is."""

    client_order_id: str
    """Of the new leg."""
    quantity: Quantity
    """The chain's new total."""
    limit_price: Price | None
    stop_price: Price | None
    reserve_price: Price = Price(0)
    """What a unit may cost on the new terms; zero: as on the old ones."""
    reserve_before: Price = Price(0)
    """What a unit may cost on the old terms, to which a refusal leads back."""
    raises: bool = True
    """Whether it may raise what an entry costs or how likely it fills."""
    sent_at: Instant = NEVER
    """When it was handed to the wire; NEVER while it waits for its permit."""
    is_answered: bool = False
    """The call is over, with or without an answer: nothing of ours is under way any more."""
    broker_order_id: str = ""
    """Of the new leg, once the broker named it; not current before it stands."""
    looks: int = 0
    """How often it was looked for."""
    look_call: int = 0
    """The look under way; zero for none. There is never more than one."""
    next_look_at: Instant = NEVER
    misses: int = 0
    """Consecutive not-founds of the new leg that count."""
    missed_at: Instant = NEVER


class Order(NamedTuple):
    """One order: everything known of it."""

    client_order_id: str
    """Of the first leg: the order's name in the desk for ever."""
    strategy: str
    intent: str
    """The key of the intent that it came from."""
    ticket: OrderTicket
    """As it was first sent."""
    status: OrderStatus
    cancel: CancelState
    replace: ReplaceState
    ledger: Ledger
    quantity: Quantity
    """The chain's total now."""
    limit_price: Price | None
    stop_price: Price | None
    broker_ids: tuple[str, ...]
    """Of each leg of the chain, the current one last."""
    times: Times
    expires_at: Instant
    """When the desk cancels it by itself; NEVER for not at all."""
    reserve_price: Price
    """What a unit may cost in the worst case: the limit, or the far quote with Alpaca's collar."""
    pursuit: Pursuit
    replacement: Replacement | None
    anomalies: int
    """Words that did not fit its state."""
    parent: str = ""
    """The entry to whose family it belongs: as an exit that the broker made, or as a repair of ours."""


ENDED: Final = (
    OrderStatus.FILLED,
    OrderStatus.CANCELED,
    OrderStatus.EXPIRED,
    OrderStatus.DENIED,
    OrderStatus.REJECTED,
    OrderStatus.REPLACED,
    OrderStatus.ABSENT,
)
"""Statuses in which nothing more is expected to fill; the usual ends first, for an Enum hashes slowly."""

WORKING: Final = OrderStatus.WORKING
IN_DOUBT: Final = OrderStatus.IN_DOUBT
SIMPLE: Final = OrderClass.SIMPLE


def new_order(
    ticket: OrderTicket, strategy: str, intent: str, now: Instant, expires_at: Instant, reserve_price: Price
) -> Order:
    """A new order, approved and waiting for its permit."""
    return Order(
        client_order_id=ticket.client_order_id,
        strategy=strategy,
        intent=intent,
        ticket=ticket,
        status=OrderStatus.QUEUED,
        cancel=CancelState.NONE,
        replace=ReplaceState.NONE,
        ledger=EMPTY_LEDGER,
        quantity=ticket.quantity,
        limit_price=ticket.limit_price,
        stop_price=ticket.stop_price,
        broker_ids=(),
        times=Times(now),
        expires_at=expires_at,
        reserve_price=reserve_price,
        pursuit=NO_PURSUIT,
        replacement=None,
        anomalies=0,
    )


def with_booked(order: Order, ledger: Ledger, times: Times) -> Order:
    """The order with other books and times: `_replace` for the path of every fill, at a third of its cost."""
    a, b, c, d, e, f, g, _, h, i, j, k, _, m, n, o, p, q, r = order
    return Order(a, b, c, d, e, f, g, ledger, h, i, j, k, times, m, n, o, p, q, r)


def with_status(order: Order, status: OrderStatus, times: Times) -> Order:
    """The order in another status; the requests and what is pursued stay."""
    a, b, c, d, _, e, f, g, h, i, j, k, _, m, n, o, p, q, r = order
    return Order(a, b, c, d, status, e, f, g, h, i, j, k, times, m, n, o, p, q, r)


def is_open(order: Order) -> bool:
    """Whether it may still fill at the broker, as far as we know (in doubt counts as open)."""
    return order.status is WORKING or order.status not in ENDED


def is_member(order: Order) -> bool:
    """Whether it belongs to a family: as the entry with exits, as one of them, or as a repair."""
    return order.parent != "" or order.ticket.order_class is not SIMPLE


def is_leg(order: Order) -> bool:
    """Whether the broker made it, as an exit of an order of ours."""
    return order.parent != "" and order.ticket.order_class is not SIMPLE


def is_in_doubt(order: Order) -> bool:
    """Whether we can't tell if the broker has it."""
    return order.status is IN_DOUBT


def leaves(order: Order) -> Quantity:
    """What can still fill: zero once the order has ended."""
    if not is_open(order):
        return Quantity(0)
    return Quantity(max(0, order.quantity - order.ledger.quantity))


def reserved(order: Order) -> Quantity:
    """Leaves in the worst case: a pending replace may win or lose, so the larger of the two counts.

    An exit that the broker holds reserves nothing by itself: its family claims for all of them (families.py).
    """
    if (order.status is not WORKING and order.status in ENDED) or (order.parent and is_leg(order)):
        return Quantity(0)
    total = order.quantity
    if order.replacement is not None and order.replacement.quantity > total:
        total = order.replacement.quantity
    left = total - order.ledger.quantity
    return Quantity(max(0, left))


def overfill(order: Order) -> Quantity:
    """What was filled beyond the order."""
    return Quantity(max(0, order.ledger.quantity - order.quantity))


def broker_order_id(order: Order) -> str | None:
    """The current id of the chain at the broker, None before it is known."""
    return order.broker_ids[-1] if order.broker_ids else None
