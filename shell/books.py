"""Do our books and the exchange's agree, cent for cent? The comparison at a session's end.

    ours    the Desk: orders, executions, positions by fold, cash by fold
    theirs  GET /sim/books of the exchange, which keeps its own ledger and knows nothing of the kernel

Every difference is a line that names the thing and both figures. With a real broker there are no such books;
there the kernel's own last comparison by REST (kernel/drift) is the answer. What the desk counts as others'
(their fills, what the account held before) is part of what it expects to find.
"""

import json
import urllib.request
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from kernel import Desk
from kernel.ids import is_ours
from kernel.orders.book import all_orders, is_known
from kernel.orders.chart import OrderStatus
from kernel.orders.record import ENDED, Order
from kernel.portfolio.holdings import Holdings
from kernel.units import SCALE, VALUE_SCALE

__all__ = ["compare", "fetch_books", "wait_text"]

FETCH_S_MAX: Final = 5.0
BODY_MAX: Final = 256 * 2**20
CENT: Final = Decimal("0.01")

ENDS: Final[Mapping[OrderStatus, frozenset[str]]] = {
    OrderStatus.FILLED: frozenset({"filled"}),
    OrderStatus.CANCELED: frozenset({"canceled"}),
    OrderStatus.EXPIRED: frozenset({"expired"}),
    OrderStatus.REJECTED: frozenset({"rejected"}),
    OrderStatus.REPLACED: frozenset({"replaced"}),
}
"""Which of the exchange's words each of our ends stands for."""

ALIVE: Final = frozenset(
    {
        "new",
        "accepted",
        "pending_new",
        "partially_filled",
        "pending_cancel",
        "pending_replace",
        "held",
        "done_for_day",
        "suspended",
        "stopped",
        "calculated",
        "accepted_for_bidding",
        "pending_review",
    }
)


def fetch_books(url: str) -> dict[str, Any]:
    """The exchange's own books; blocking. Raises OSError or ValueError."""
    request = urllib.request.Request(url.rstrip("/") + "/sim/books")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=FETCH_S_MAX) as answer:
        books: dict[str, Any] = json.loads(answer.read(BODY_MAX), parse_float=Decimal)
    return books


def compare(desk: Desk, books: Mapping[str, Any]) -> list[str]:
    """Every difference between the Desk and the exchange's books, one line each."""
    assert desk.config is not None, "report: the desk was never booted"
    found: list[str] = []
    theirs = {row["client_order_id"]: row for row in books["orders"]}
    chain: dict[str, Decimal] = {}
    for row in books["executions"]:
        name = _chain_name(desk, row["client_order_id"], row["order_id"])
        chain[name] = chain.get(name, Decimal(0)) + Decimal(row["qty"])
    for order in all_orders(desk.book):
        name = order.client_order_id
        found.extend(_order_differences(order, theirs.get(name), chain.get(name, Decimal(0)), theirs))
    for name, row in sorted(theirs.items()):
        ours = is_known(desk.book, name) or name in desk.book.names
        if not ours and is_ours(desk.config.prefix, name):
            found.append(f"order {name}: the exchange has it ({row['status']}), we do not")
    found.extend(_position_differences(desk, books["positions"]))
    found.extend(_execution_differences(desk, books["executions"]))
    found.extend(_cash_differences(desk, Decimal(books["cash"])))
    return found


def _chain_name(desk: Desk, client_order_id: str, broker_order_id: str) -> str:
    if is_known(desk.book, client_order_id):
        return client_order_id
    return desk.book.names.get(client_order_id) or desk.book.by_broker.get(broker_order_id) or client_order_id


def _order_differences(
    order: Order, theirs: Mapping[str, Any] | None, filled: Decimal, rows: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    name = order.client_order_id
    if theirs is None:
        if order.status is OrderStatus.ABSENT and _quantity(order.ledger.quantity) == filled:
            return []  # never there, or vanished: what it executed counts all the same
        never = order.status in (OrderStatus.DENIED, OrderStatus.REJECTED)
        if never and order.ledger.quantity == 0:
            return []
        return [f"order {name}: we have it {order.status.value}, the exchange does not know it"]
    found: list[str] = []
    ours = _quantity(order.ledger.quantity)
    if ours != filled:
        found.append(f"order {name}: we filled {ours}, the exchange {filled}")
    current = theirs
    for row in rows.values():
        if order.broker_ids and row["id"] == order.broker_ids[-1]:
            current = row
    word = current["status"]
    if order.status in ENDED:
        # One that ended and then filled late to its last share keeps its end here (orders/chart.py, rule 3).
        is_late = word == "filled" and order.ledger.quantity >= order.quantity
        if not is_late and word not in ENDS.get(order.status, frozenset()):
            found.append(f"order {name}: we say {order.status.value}, the exchange {word}")
    elif word not in ALIVE:
        found.append(f"order {name}: we say {order.status.value}, the exchange {word}")
    return found


def _execution_differences(desk: Desk, rows: list[Mapping[str, Any]]) -> list[str]:
    found: list[str] = []
    counted: set[str] = set()
    ours = {order.client_order_id: order.ledger.executions for order in all_orders(desk.book)}
    for row in rows:
        name = _chain_name(desk, row["client_order_id"], row["order_id"])
        entry = ours[name].get(row["execution_id"]) if name in ours else None
        if entry is None:
            # Another's, or known by the broker's figures only: the sums were compared above.
            continue
        counted.add(row["execution_id"])
        if entry.quantity and (
            _quantity(entry.quantity) != Decimal(row["qty"])
            or _quantity(entry.price) != Decimal(row["price"])
        ):
            found.append(
                f"execution {row['execution_id']}: we booked {_quantity(entry.quantity)} at "
                f"{_quantity(entry.price)}, the exchange {row['qty']} at {row['price']}"
            )
    for name, executions in ours.items():
        for execution_id, entry in sorted(executions.items()):
            if entry.quantity and execution_id not in counted:
                found.append(f"execution {execution_id} of {name}: the exchange does not know it")
    return found


def _position_differences(desk: Desk, theirs: Mapping[str, str]) -> list[str]:
    held: dict[str, int] = {}
    for symbol, quantity in (*desk.drift.foreign.positions.items(), *desk.holdings.net.items()):
        key = symbol.replace("/", "")
        held[key] = held.get(key, 0) + quantity
    found: list[str] = []
    for symbol in sorted({*held, *theirs}):
        ours, other = _quantity(held.get(symbol, 0)), Decimal(theirs.get(symbol, "0"))
        if ours != other:
            found.append(f"position {symbol}: ours {ours}, the exchange's {other}")
    return found


def _cash_differences(desk: Desk, theirs: Decimal) -> list[str]:
    opening = desk.drift.opening_cash
    if opening is None:
        return ["cash: our books were never opened (no clean comparison with the broker)"]
    ours = _value(opening + desk.holdings.cash_flow + desk.drift.foreign.cash)
    if abs(ours - theirs) >= CENT:
        return [f"cash: ours {ours}, the exchange's {theirs}"]
    return []


def wait_text(holdings: Holdings) -> str:
    """Positions still held, for a line in the report."""
    held = [
        f"{symbol} {_quantity(quantity)}" for symbol, quantity in sorted(holdings.net.items()) if quantity
    ]
    return ", ".join(held) or "flat"


def _quantity(scaled: int) -> Decimal:
    return Decimal(scaled) / SCALE


def _value(scaled: int) -> Decimal:
    return Decimal(scaled) / VALUE_SCALE
