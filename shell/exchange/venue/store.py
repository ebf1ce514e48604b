"""The orders of the venue: found by id and client id, listed as Alpaca lists them.

1. An order is never forgotten: its client order id stays taken for ever.
2. Open orders are indexed by symbol, in order of arrival, and by price (`resting`), so that a quote looks at
   those only that it may concern.
3. Lists are ordered by arrival; time filters look at `submitted_at`, strictly.
4. `held` orders are left out of open lists unless nested. A nested list has parents only, each with its legs;
   it has a parent when the query is met by the parent or by one of its legs (`closed`: by all of them).
5. An order that was lost (`lose`) is not found any more by anybody; its client order id stays taken.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from shell.exchange.venue import refusals
from shell.exchange.venue.model import OrderQuery, VenueOrder
from shell.exchange.venue.resting import Resting

__all__ = ["ORDERS_PAGE_MAX", "OrderStore"]

ORDERS_PAGE_MAX: Final = 500
"""Orders in one answer of GET /v2/orders, whatever was asked for."""


class OrderStore:
    """Every order there has been; `settle` must be told when one ends."""

    __slots__ = ("_by_client_id", "_by_id", "_lost", "_open", "_open_by_symbol", "resting")

    def __init__(self) -> None:
        self._by_id: dict[str, VenueOrder] = {}
        self._by_client_id: dict[str, VenueOrder] = {}
        self._lost: dict[str, VenueOrder] = {}
        self._open: dict[str, VenueOrder] = {}
        self._open_by_symbol: dict[str, dict[str, VenueOrder]] = {}
        self.resting = Resting()

    def __len__(self) -> int:
        return len(self._by_client_id)

    def add(self, order: VenueOrder) -> None:
        """Takes a new, open order with a fresh id and client id; gives it its place in time."""
        assert order.id not in self._by_id, "an order id was made twice"
        assert order.client_order_id not in self._by_client_id, "a client order id was taken twice"
        order.sequence = len(self._by_client_id) + 1
        self._by_id[order.id] = order
        self._by_client_id[order.client_order_id] = order
        self._open[order.id] = order
        self._open_by_symbol.setdefault(order.symbol, {})[order.id] = order
        self.resting.add(order)

    def settle(self, order: VenueOrder) -> None:
        """Takes an ended order off the open lists."""
        assert not order.is_open, "an open order cannot be settled"
        del self._open[order.id]
        del self._open_by_symbol[order.symbol][order.id]
        self.resting.remove(order)

    def lose(self, order: VenueOrder) -> None:
        """Takes an ended order out of every list and look-up."""
        del self._by_id[order.id]
        self._lost[order.id] = order

    def lost(self) -> list[VenueOrder]:
        """The orders that were lost, in the order of losing."""
        return list(self._lost.values())

    def find(self, order_id: str) -> VenueOrder | None:
        """The order with this id, open or ended."""
        return self._by_id.get(order_id)

    def get(self, order_id: str) -> VenueOrder:
        """The order with this id; refused (404) when there is none."""
        order = self._by_id.get(order_id)
        if order is None:
            raise refusals.order_not_found(order_id)
        return order

    def by_client_id(self, client_order_id: str) -> VenueOrder:
        """The order with this client order id; refused (404) when there is none."""
        order = self._by_client_id.get(client_order_id)
        if order is None or order.id in self._lost:
            raise refusals.order_not_found(client_order_id)
        return order

    def is_taken(self, client_order_id: str) -> bool:
        """Whether an order has ever carried this client order id."""
        return client_order_id in self._by_client_id

    def open_orders(self) -> list[VenueOrder]:
        """Every open order, in order of arrival."""
        return list(self._open.values())

    def open_of(self, symbol: str) -> Iterable[VenueOrder]:
        """The open orders of a symbol, in order of arrival; do not change the store while reading it."""
        return self._open_by_symbol.get(symbol, _NOTHING).values()

    def everything(self) -> list[VenueOrder]:
        """Every order there has been, in order of arrival."""
        return list(self._by_id.values())

    def query(self, query: OrderQuery) -> list[VenueOrder]:
        """What GET /v2/orders answers; at most `ORDERS_PAGE_MAX` orders."""
        source = self._open if query.status == "open" else self._by_id
        if query.nested:
            source = self._parents(source)
        ordered: Iterator[VenueOrder]
        ordered = iter(source.values()) if query.direction == "asc" else reversed(source.values())
        before = None if query.before_order_id is None else self.get(query.before_order_id).sequence
        after = None if query.after_order_id is None else self.get(query.after_order_id).sequence
        found: list[VenueOrder] = []
        limit = max(1, min(query.limit, ORDERS_PAGE_MAX))
        for order in ordered:
            if before is not None and order.sequence >= before:
                continue
            if after is not None and order.sequence <= after:
                continue
            if (_matches_nested if query.nested else _matches)(order, query):
                found.append(order if query.nested else order.flat())
                if len(found) == limit:
                    break
        return found

    def _parents(self, source: dict[str, VenueOrder]) -> dict[str, VenueOrder]:
        """The orders of a source, legs by their parents, in order of arrival."""
        roots: dict[str, VenueOrder] = {}
        for order in source.values():
            root = order if order.parent_id is None else self._by_id[order.parent_id]
            roots[root.id] = root
        return dict(sorted(roots.items(), key=lambda item: item[1].sequence))


_NOTHING: Final[dict[str, VenueOrder]] = {}


def _matches_nested(order: VenueOrder, query: OrderQuery) -> bool:
    """Whether a parent is listed: it or a leg matches; for closed orders, all of them."""
    members = (order, *(order.legs or ()))
    if query.status == "closed" and any(member.is_open for member in members):
        return False
    return any(_matches(member, query) for member in members)


def _matches(order: VenueOrder, query: OrderQuery) -> bool:
    """Whether the order is one that the query asks for, cursors aside."""
    if query.status == "open" and order.status == "held" and not query.nested:
        return False
    if query.status == "closed" and order.is_open:
        return False
    if query.after is not None and order.submitted_at <= query.after:
        return False
    if query.until is not None and order.submitted_at >= query.until:
        return False
    if query.side is not None and order.side != query.side:
        return False
    if query.asset_class is not None and order.asset_class != query.asset_class:
        return False
    return (
        not query.symbols or order.symbol in query.symbols or order.symbol.replace("/", "") in query.symbols
    )
