"""Comparing our books with a snapshot of the broker's: pure functions, linear in what they compare.

A snapshot says when it was asked. What moved since then (an order acknowledged, filled or ended; a fill
booked) is not judged by it: the snapshot may be older than our knowledge. The same snapshot twice gives the
same findings, and a finding's key is made of what it is about, so nothing is found twice.

    orders     orphan (ours by prefix | foreign): the broker lists it open, the book does not have it
               revenant: the broker lists it open, the book has ended it
               unlisted: the book holds it open, the list does not have it; a shadow if no query finds it
    positions  by symbol, exact (a tolerance for dust of coins below the least step)
    cash       to less than a cent

Ignores: what is done about a finding (room.py), where snapshots come from (look.py).
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Final, NamedTuple

from kernel.ids import is_ours
from kernel.orders.chart import OrderStatus
from kernel.orders.record import ENDED, NEVER, Order
from kernel.reports import BrokerStatus, OrderReport
from kernel.units import SCALE, Cash, Duration, Instant, Quantity, Value

__all__ = [
    "CENT",
    "OVER",
    "Drift",
    "Finding",
    "diff_cash",
    "diff_orders",
    "diff_positions",
    "flat",
    "is_judgeable",
    "is_off",
    "shadow_of",
]

CENT: Final = SCALE // 100

OVER: Final = frozenset(
    {
        BrokerStatus.FILLED,
        BrokerStatus.CANCELED,
        BrokerStatus.EXPIRED,
        BrokerStatus.REJECTED,
        BrokerStatus.REPLACED,
    }
)
"""Words of the broker for orders that are over."""

UNSEEN: Final = (OrderStatus.QUEUED, OrderStatus.SENDING, OrderStatus.IN_DOUBT)
"""Not expected in a list of the broker's: on their way, or pursued one by one (orders/chase.py)."""


class Drift(Enum):
    """Classes of drift; each has its policy."""

    ORPHAN_OURS = "orphan_ours"
    """An order with our prefix that the book does not have."""
    ORPHAN_FOREIGN = "orphan_foreign"
    """An open order of somebody else on the account."""
    SHADOW = "shadow"
    """An order that we hold open and the broker does not have."""
    STATUS = "status"
    """An order that one side holds open and the other ended."""
    FILLS = "fills"
    """The broker counts executions that we have not seen."""
    ORPHAN_FILL = "orphan_fill"
    """A fill of an order that is not ours."""
    POSITION = "position"
    """A position differs."""
    COIN_FEE = "coin_fee"
    """A coin's position differs by no more than what its fees may have been."""
    CASH = "cash"
    """Cash differs."""


class Finding(NamedTuple):
    """One difference: what it is about, and the figures."""

    drift: Drift
    subject: str
    """A client order id, a broker id, a symbol, or `cash`."""
    ours: int
    theirs: int
    text: str

    @property
    def key(self) -> str:
        """What it is about, for ever the same."""
        return f"{self.drift.value}:{self.subject}"


def flat(rows: Iterable[OrderReport]) -> list[OrderReport]:
    """Rows and their legs, one level (Alpaca nests no deeper)."""
    found: list[OrderReport] = []
    for row in rows:
        found.append(row)
        found.extend(row.legs)
    return found


def is_judgeable(moved_at: int, since: int, asked_at: int, grace: int) -> bool:
    """Whether a snapshot asked at `asked_at` can say that an order is missing (all in ns).

    It last moved before the asking, and it has been at the broker (`since`) for the grace at least.
    """
    return moved_at < asked_at and since + grace <= asked_at


def is_off(ours: int, theirs: int, tolerance: int) -> bool:
    """Whether two figures differ by more than the tolerance."""
    return abs(ours - theirs) > tolerance


def diff_orders(
    find: Callable[[str, str], Order | None],
    opens: Iterable[Order],
    rows: tuple[OrderReport, ...],
    asked_at: Instant,
    grace: Duration,
    prefix: str,
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """(findings, unlisted orders of ours) from a whole list of open orders that was asked at `asked_at`.

    `find` gives the book's order for a client order id and a broker id; `opens` are those that it holds open.
    """
    found: list[Finding] = []
    listed: set[str] = set()
    for row in flat(rows):
        order = find(row.client_order_id, row.broker_order_id)
        if order is None:
            found.append(_orphan(row, prefix))
            continue
        name = order.client_order_id
        listed.add(name)
        # A nested list has a parent for the sake of its open legs, after its own end too.
        if order.status in ENDED and row.status not in OVER and order.times.ended + grace <= asked_at:
            text = f"{name} ({row.symbol}) is {order.status.value} in the book and {row.status_text} there"
            found.append(Finding(Drift.STATUS, name, 0, row.quantity or 0, text))
    unlisted = tuple(
        order.client_order_id
        for order in opens
        if order.client_order_id not in listed and _is_expected(order, asked_at, grace)
    )
    return tuple(found), unlisted


def _orphan(row: OrderReport, prefix: str) -> Finding:
    drift = Drift.ORPHAN_OURS if is_ours(prefix, row.client_order_id) else Drift.ORPHAN_FOREIGN
    subject = row.client_order_id or row.broker_order_id
    text = f"{subject} ({row.symbol} {row.status_text}) is at the broker and not in the book"
    return Finding(drift, subject, 0, row.quantity or 0, text)


def _is_expected(order: Order, asked_at: Instant, grace: Duration) -> bool:
    """Whether the broker's list of open orders should have it."""
    if order.status in UNSEEN or order.status in ENDED:
        return False
    times = order.times
    moved_at = max(times.acknowledged, times.last_fill, times.replace_asked)
    since = times.sent if times.sent != NEVER else times.created
    return is_judgeable(moved_at, since, asked_at, grace)


def shadow_of(order: Order) -> Finding:
    """An unlisted order that no query by id found either."""
    text = f"{order.client_order_id} ({order.ticket.symbol}) is open in the book and not at the broker"
    return Finding(Drift.SHADOW, order.client_order_id, order.quantity - order.ledger.quantity, 0, text)


def diff_positions(
    ours: Mapping[str, Quantity],
    theirs: Mapping[str, Quantity],
    tolerances: Mapping[str, Quantity],
    fees: Mapping[str, Quantity],
) -> tuple[Finding, ...]:
    """Positions that differ by more than the symbol's tolerance (what a coin can't be traded in; zero else).

    Up to `fees` (what a coin's fees may have been beyond what was reckoned) it is a difference of fees.
    """
    found: list[Finding] = []
    for symbol in sorted({*ours, *theirs}):
        mine, other = ours.get(symbol, Quantity(0)), theirs.get(symbol, Quantity(0))
        if not is_off(mine, other, tolerances.get(symbol, 0)):
            continue
        drift = Drift.POSITION if is_off(mine, other, fees.get(symbol, 0)) else Drift.COIN_FEE
        found.append(Finding(drift, symbol, mine, other, f"{symbol}: ours {mine}, the broker's {other}"))
    return tuple(found)


def diff_cash(ours: Value, theirs: Cash) -> tuple[Finding, ...]:
    """Cash that differs by a cent or more; figures in 10^-9."""
    if not is_off(ours, theirs * SCALE, CENT * SCALE - 1):
        return ()
    mine = ours // SCALE
    return (Finding(Drift.CASH, "cash", mine, theirs, f"ours {mine}, the broker's {theirs}"),)
