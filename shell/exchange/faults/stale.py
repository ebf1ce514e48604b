"""Answers from the past: orders, activities and positions as they were a little while ago.

1. What an order was is known from its updates; the last HISTORY_MAX of each are kept. An order that had not
   been published yet is not found (404), and becomes visible later.
2. A list of open orders shows what was open then. Activities lack the newest executions. Positions are taken
   back to what they were, except those that have been closed meanwhile, which are missing.
3. The account is not rewound.
4. Which moment: `lag` is a while ago, whatever happened in it; `stuck` is a replica that has missed the last
   things that happened, and so is behind also when the last of them was a minute ago. A quiet market would
   otherwise hide the fault: what is asked on a schedule is asked long after anything changed.
"""

import json
from collections import deque
from collections.abc import Sequence
from random import Random
from typing import Any, Final

from shell.exchange import render
from shell.exchange.http import Request, Response, json_response
from shell.exchange.text import amount_text, parse_amount, parse_instant
from shell.exchange.venue import refusals
from shell.exchange.venue.model import Update, VenueOrder
from shell.exchange.venue.venue import Venue

__all__ = ["CHANGES_MAX", "HISTORY_MAX", "Past"]

HISTORY_MAX: Final = 16
"""Versions kept of each order."""

CHANGES_MAX: Final = 64
"""Instants kept at which something changed, of all orders."""

_ORDERS: Final = "/v2/orders"
_BY_CLIENT: Final = "/v2/orders:by_client_order_id"
_ACTIVITIES: Final = "/v2/account/activities"
_POSITIONS: Final = "/v2/positions"


class Past:
    """What orders have been."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._versions: dict[str, deque[VenueOrder]] = {}
        self._changes: deque[int] = deque(maxlen=CHANGES_MAX)

    def learn(self, updates: Sequence[Update]) -> None:
        """Takes note of published updates."""
        for update in updates:
            kept = self._versions.setdefault(update.order.id, deque(maxlen=HISTORY_MAX))
            kept.append(update.order)
            self._changes.append(update.order.updated_at)

    def missed(self, since: int, rng: Random) -> int | None:
        """A moment before one of the changes from `since` on; None when nothing has changed."""
        recent = [at for at in self._changes if at >= since]
        return rng.choice(recent) - 1 if recent else None

    def as_of(self, order_id: str, at: int) -> VenueOrder | None:
        """What an order was; None when it was not yet."""
        versions = self._versions.get(order_id, deque[VenueOrder]())
        found = None
        for version in versions:
            if version.updated_at > at:
                break
            found = version
        if found is None and len(versions) == HISTORY_MAX and versions[0].created_at <= at:
            return versions[0]  # older versions are forgotten; it was there
        return found

    def answer(self, request: Request, fresh: Response, at: int) -> Response:
        """The answer as it would have been at `at`; the fresh one when nothing differs."""
        if fresh.status != 200 or request.method != "GET":
            return fresh
        path = request.path
        if path == _ORDERS:
            return self._orders(request, fresh, at)
        if path == _BY_CLIENT or path.startswith(_ORDERS + "/"):
            return self._order(request, fresh, at)
        rows = json.loads(fresh.body)
        if not isinstance(rows, list):
            return fresh
        if path.startswith(_ACTIVITIES):
            kept = [row for row in rows if parse_instant(row["transaction_time"]) <= at]
            return fresh if len(kept) == len(rows) else json_response(200, kept)
        if path == _POSITIONS:
            return self._positions(rows, fresh, at)
        return fresh

    def _order(self, request: Request, fresh: Response, at: int) -> Response:
        shown = json.loads(fresh.body)
        was = self.as_of(shown["id"], at)
        if was is None:
            name = request.query.get("client_order_id") or request.path.rpartition("/")[2]
            refused = refusals.order_not_found(name)
            return json_response(404, {"code": refused.code, "message": refused.message})
        if was.updated_at == self._now_updated(shown["id"]):
            return fresh
        legs = shown["legs"]
        return json_response(200, {**render.order(was), "legs": legs})

    def _now_updated(self, order_id: str) -> int:
        return self._venue.order(order_id).updated_at

    def _orders(self, request: Request, fresh: Response, at: int) -> Response:
        """A list of orders, each as it was; those that have ended since are still open."""
        rows: list[dict[str, Any]] = json.loads(fresh.body)
        shown: list[dict[str, Any]] = []
        status = request.query.get("status", "open")
        for row in rows:
            was = self.as_of(row["id"], at)
            if was is not None and not (status == "closed" and was.is_open):
                shown.append({**render.order(was), "legs": row["legs"]})
        if status == "open" and not request.query.get("symbols"):
            known = {row["id"] for row in rows}
            for order_id in self._versions:
                was = self.as_of(order_id, at) if order_id not in known else None
                if was is not None and was.is_open and was.status != "held":
                    shown.append(render.order(was.flat()))
        return fresh if shown == rows else json_response(200, shown)

    def _positions(self, rows: list[dict[str, Any]], fresh: Response, at: int) -> Response:
        changes: dict[str, int] = {}
        for execution in reversed(self._venue.executions()):
            if execution.transaction_time <= at:
                break
            name = execution.symbol.replace("/", "")
            signed = execution.quantity if execution.side == "buy" else -execution.quantity
            changes[name] = changes.get(name, 0) + signed
        shown = []
        for row in rows:
            was = parse_amount(row["qty"]) - changes.get(row["symbol"], 0)
            if was:
                side = "long" if was > 0 else "short"
                shown.append(
                    {**row, "qty": amount_text(was), "qty_available": amount_text(was), "side": side}
                )
        return json_response(200, shown) if changes else fresh
