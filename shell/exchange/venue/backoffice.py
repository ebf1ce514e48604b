"""What a broker does outside of the order desk: busts, corrections, halts, odd hours, lost orders.

1. Everything is booked exactly: a bust takes its execution back with the fee, a correction takes it back and
   books its own; the list of executions holds what stands.
2. A bust or a correction does not change whether an order is over: a filled order stays filled with less in
   it, an open one has more to execute.
3. A halted symbol executes nothing: its working orders are `suspended` (or rest under another of the words
   of RESTING_STATUSES), and `new` again on resumption.
4. A lost order is found by nobody and is never spoken of again; only simple orders without executions are
   lost.
5. Nothing here is asked for by a client, and nothing is refused: what cannot be done returns False.
"""

from kernel.units import SCALE
from shell.exchange.venue import canceling, fills
from shell.exchange.venue.engine import Engine
from shell.exchange.venue.model import Activity, VenueOrder
from shell.exchange.venue.schedule import DueKind

__all__ = ["RESTING_STATUSES", "BackOffice"]

RESTING_STATUSES = ("suspended", "stopped", "calculated", "accepted_for_bidding", "pending_review")
"""Words for an order that stands at the venue and does not execute for now; each is an event's word too."""

_WORKING = frozenset({"new", "partially_filled"})


class BackOffice:
    """Acts on one venue; the caller drains the updates."""

    __slots__ = ("_engine",)

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # Executions

    def bust(self, execution_id: str, now: int) -> bool:
        """Voids an execution: trade_bust with an id of its own and a negative quantity."""
        found = self._find(execution_id)
        if found is None:
            return False
        place, row, order = found
        position = self._take_back(row, order)
        del self._engine.activities[place]
        at = self._restatus(order, now)
        bust_id = self._engine.ids.uuid("execution")
        figures = (bust_id, row.price, -row.quantity, position)
        self._engine.publish("trade_bust", order, at, figures, previous=execution_id)
        return True

    def correct(self, execution_id: str, quantity: int, price: int, now: int) -> bool:
        """Replaces an execution by another of this quantity and price, at once: trade_correct."""
        found = self._find(execution_id)
        if found is None or quantity <= 0 or price <= 0:
            return False
        place, row, order = found
        if order.quantity is not None and order.leaves + row.quantity < quantity:
            return False
        engine = self._engine
        self._take_back(row, order)
        position = engine.holdings.apply(order, engine.asset_of(order), price, quantity)
        order.filled_quantity += quantity
        order.filled_value += price * quantity
        corrected = engine.ids.uuid("execution")
        engine.activities[place] = row._replace(
            id=f"{row.id.partition('::')[0]}::{engine.ids.uuid('activity')}",
            price=price,
            quantity=quantity,
            cumulative_quantity=row.cumulative_quantity - row.quantity + quantity,
            leaves_quantity=max(0, row.leaves_quantity + row.quantity - quantity),
            execution_id=corrected,
        )
        at = self._restatus(order, now)
        engine.publish(
            "trade_correct", order, at, (corrected, price, quantity, position), previous=execution_id
        )
        return True

    def late_fill(self, order_id: str, divisor: int | None, now: int) -> bool:
        """Executes an order out of turn, ended or not: all that is left, or about 1/(divisor + 1) of it."""
        order = self._engine.store.find(order_id)
        return order is not None and fills.fill_now(self._engine, order, divisor, now)

    def _find(self, execution_id: str) -> tuple[int, Activity, VenueOrder] | None:
        """An execution that stands, its place in the list, and its order."""
        rows = self._engine.activities
        for place in range(len(rows) - 1, -1, -1):
            if rows[place].execution_id == execution_id:
                return place, rows[place], self._engine.store.get(rows[place].order_id)
        return None

    def _take_back(self, row: Activity, order: VenueOrder) -> int:
        """Unbooks an execution; the position after it."""
        asset = self._engine.asset_of(order)
        order.filled_quantity -= row.quantity
        order.filled_value -= row.price * row.quantity
        return self._engine.holdings.reverse(order.side, asset, row.price, row.quantity)

    def _restatus(self, order: VenueOrder, now: int) -> int:
        """The status after a bust or a correction (rule 2); the instant of the change."""
        status = order.status
        if status in _WORKING:
            status = "partially_filled" if order.filled_quantity else "new"
        return self._engine.change(order, status, now)

    # Orders

    def restate(self, order_id: str, quantity: int, now: int) -> bool:
        """Changes the quantity of a working simple order by hand: restated."""
        order = self._engine.store.find(order_id)
        if order is None or order.status not in _WORKING or order.order_class or order.quantity is None:
            return False
        if not order.chain_filled + order.filled_quantity < quantity < order.quantity:
            return False
        order.quantity = quantity
        self._engine.publish("restated", order, self._engine.change(order, order.status, now))
        return True

    def lose(self, order_id: str, now: int) -> bool:
        """An open order vanishes without a word (rule 4)."""
        engine = self._engine
        order = engine.store.find(order_id)
        if order is None or order.status not in _WORKING or order.order_class or order.filled_quantity:
            return False
        if order.replaces is not None:
            return False
        engine.finish(order, "canceled", now, streamed=False)
        engine.store.lose(order)
        return True

    def grant_cancel(self, order_id: str, now: int) -> bool:
        """Ends a cancel that was stuck."""
        order = self._engine.store.find(order_id)
        if order is None or order.status != "pending_cancel":
            return False
        self._engine.schedule.put(now, DueKind.CANCEL, order_id)
        return True

    def reject_cancel(self, order_id: str, now: int) -> bool:
        """Lets an order live on whose cancel was stuck: order_cancel_rejected."""
        order = self._engine.store.find(order_id)
        if order is None or order.status != "pending_cancel":
            return False
        canceling.reject(self._engine, order, "partially_filled" if order.filled_quantity else "new", now)
        return True

    # Symbols

    def halt(self, symbol: str, now: int, word: str = "suspended") -> bool:
        """Halts trading in a symbol (order form); `word` is its working orders' status meanwhile."""
        assert word in RESTING_STATUSES, "orders of a halted symbol rest"
        engine = self._engine
        if symbol in engine.suspended or engine.assets.find(symbol) is None:
            return False
        engine.suspended.add(symbol)
        for order in list(engine.store.open_of(symbol)):
            if order.status in _WORKING:
                engine.publish(word, order, engine.change(order, word, now))
        return True

    def resume(self, symbol: str, now: int) -> bool:
        """Lets a halted symbol trade again, from its next quote on."""
        engine = self._engine
        if symbol not in engine.suspended:
            return False
        engine.suspended.discard(symbol)
        for order in list(engine.store.open_of(symbol)):
            if order.status in RESTING_STATUSES:
                status = "partially_filled" if order.filled_quantity else "new"
                engine.publish("new", order, engine.change(order, status, now))
                engine.plan_match(order, now)
        return True

    def change_asset(self, symbol: str, **changes: bool | str) -> bool:
        """Changes rules of an asset: tradable, fractionable, shortable, easy_to_borrow, ..."""
        asset = self._engine.assets.find(symbol)
        if asset is None:
            return False
        self._engine.assets.change(asset._replace(**changes))  # type: ignore[arg-type]
        return True

    def transfer(self, symbol: str, shares: int, now: int) -> bool:
        """Moves whole shares in or out without an order or cash, as a journal entry does; unpublished."""
        asset = self._engine.assets.find(symbol)
        if asset is None or shares == 0 or now < 0:
            return False
        if self._engine.holdings.quantity(asset.symbol) + shares * SCALE < 0:
            return False
        self._engine.holdings.transfer(asset, shares * SCALE)
        return True
