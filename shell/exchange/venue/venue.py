"""The venue: what a broker's order desk answers, and when. The face of the matching core.

1. Pure and deterministic: no clock, no IO, no threads. Every call takes `now` (ns UTC, never going back);
   the same settings and calls give the same answers, identifiers and updates.
2. An answer is a snapshot made before anything follows from it: `pending_new` (or `accepted` while the
   session is closed). `new`, executions and the rest follow as updates, in the same call when the latencies
   are zero.
3. Refusals are exceptions (`Refused`) in Alpaca's words, raised before anything changes.
4. The driver's order for an instant is: `advance(now)`, then `on_quote` for each quote of it; then
   `drain_updates`.
5. Day orders end at their session's close (`expired`); after hours they wait as `accepted` for the next
   session. Crypto has no session, and knows no day orders.
6. A replacement is a new order with the chain's total quantity; it loses its place in time.

7. A complex order (bracket, oco, oto) is answered with its legs; look-ups show them when `nested` is asked
   for, lists roll them up then and show them one by one otherwise.
8. `tamper` is the seam for faults, `back_office` does what no client can ask for.

Not here: parsing and printing (the wire), the choice of faults, options (mleg is refused).
"""

from collections.abc import Sequence

from kernel.reports import Quote
from shell.exchange.venue import canceling, closing, refusals, replacing
from shell.exchange.venue.admission import Admitted, Draft, admit
from shell.exchange.venue.answers import Account, BulkCancel, BulkClose, Position
from shell.exchange.venue.assets import tick_at
from shell.exchange.venue.backoffice import BackOffice
from shell.exchange.venue.checks import check_request
from shell.exchange.venue.engine import Engine
from shell.exchange.venue.leg_checks import CLASSES, as_simple, check_exits, check_shape
from shell.exchange.venue.legs import Legs
from shell.exchange.venue.matching import trail
from shell.exchange.venue.model import (
    Activity,
    ActivityQuery,
    Asset,
    OrderQuery,
    OrderRequest,
    Refused,
    ReplaceRequest,
    Update,
    VenueOrder,
    VenueSettings,
)
from shell.exchange.venue.schedule import Due, DueKind
from shell.exchange.venue.sessions import MarketCalendar
from shell.exchange.venue.tamper import Tamper

__all__ = ["Venue"]

_MATCHES = frozenset({"new", "partially_filled", "pending_cancel", "pending_replace", "held"})
"""Statuses in which an order may execute."""


class Venue:
    """One account at one broker, over the assets of a session."""

    __slots__ = ("_engine", "_legs", "back_office")

    def __init__(self, settings: VenueSettings, assets: Sequence[Asset], calendar: MarketCalendar) -> None:
        self._engine = Engine(settings, assets, calendar)
        self._legs = Legs(self._engine)
        self.back_office = BackOffice(self._engine)

    def set_tamper(self, tamper: Tamper) -> None:
        """Puts somebody in the place of the venue's conscience."""
        self._engine.tamper = tamper

    # Orders

    def submit(self, request: OrderRequest, now: int) -> VenueOrder:
        """Takes an order; the answer as POST gives it. Raises `Refused`, and then nothing has changed."""
        engine = self._engine
        is_complex = request.order_class in CLASSES
        simple = as_simple(request) if is_complex else request
        asset = check_request(simple, engine.assets)
        if is_complex:
            check_shape(request, asset)
        client_order_id = request.client_order_id or None
        if client_order_id is not None and engine.store.is_taken(client_order_id):
            raise refusals.duplicate_client_id()
        if max(len(engine.store), len(engine.activities)) >= engine.settings.orders_max:
            raise refusals.venue_full()
        draft = Draft(
            side=request.side,
            type=request.type,
            quantity=request.quantity,
            notional=request.notional,
            limit_price=simple.limit_price,
            stop_price=request.stop_price,
            position_intent=request.position_intent,
            order_class=request.order_class if is_complex else "",
        )
        admitted = admit(engine, asset, draft)
        if is_complex:
            check_exits(engine, asset, request, simple.limit_price)
        order = self._make(request, simple.limit_price, admitted, asset, now)
        order.order_class = draft.order_class
        return self._accept(order, asset, request, now)

    def _make(
        self, request: OrderRequest, limit_price: int | None, admitted: Admitted, asset: Asset, now: int
    ) -> VenueOrder:
        """An admitted order as it is before anything becomes of it."""
        engine = self._engine
        at = engine.stamp(now)
        order = VenueOrder(
            id=engine.ids.uuid("order"),
            client_order_id=request.client_order_id or engine.ids.uuid("client"),
            created_at=at,
            updated_at=at,
            submitted_at=at,
            asset_id=asset.id,
            symbol=asset.symbol,
            asset_class=asset.asset_class,
            notional=request.notional,
            quantity=request.quantity,
            order_class="",
            type=request.type,
            side=request.side,
            position_intent=admitted.position_intent,
            time_in_force=request.time_in_force,
            limit_price=limit_price,
            stop_price=request.stop_price,
            status="pending_new",
            extended_hours=request.extended_hours,
            reserve_price=admitted.reserve_price,
            quantity_bound=admitted.quantity_bound,
            trail_price=request.trail_price,
            trail_percent=request.trail_percent,
        )
        if order.type == "trailing_stop":
            market = engine.holdings.price_of(asset)
            trail(order, market, tick_at(asset, market))
        return order

    def _accept(self, order: VenueOrder, asset: Asset, request: OrderRequest, now: int) -> VenueOrder:
        """Stores an admitted order, plans what becomes of it, and answers."""
        engine = self._engine
        engine.store.add(order)
        engine.holdings.hold(order, asset)
        if order.order_class:
            self._legs.place(request, order, asset, now)
        opens = engine.plan_end(order, asset, now)
        if opens is None or opens > now:
            order.status = "accepted"
            if opens is not None:
                engine.schedule.put(opens, DueKind.OPEN, order.id)
        else:
            engine.schedule.put(now + engine.settings.ack_latency, DueKind.ACKNOWLEDGE, order.id)
        engine.publish(order.status, order, order.created_at)
        if order.order_class:
            self._legs.announce(order)
        answer = order.snapshot()
        self.advance(now)
        return answer

    def replace(self, order_id: str, changes: ReplaceRequest, now: int) -> VenueOrder:
        """Replaces an order; the new one as PATCH answers. Raises `Refused`, and then nothing has changed."""
        answer = replacing.request(self._engine, self._legs, order_id, changes, now)
        self.advance(now)
        return answer

    def cancel(self, order_id: str, now: int) -> None:
        """Asks for the end of an order (DELETE, 204). Raises `Refused`."""
        canceling.request(self._engine, order_id, now)
        self.advance(now)

    def cancel_all(self, now: int) -> list[BulkCancel]:
        """Asks for the end of every open order, in order of arrival (DELETE /v2/orders)."""
        done: list[BulkCancel] = []
        for order in self._engine.store.open_orders():
            try:
                self.cancel(order.id, now)
            except Refused as refused:
                done.append(BulkCancel(order.id, refused.http_status, refused))
            else:
                done.append(BulkCancel(order.id, 200, None))
        return done

    def close_position(
        self, symbol_or_id: str, quantity: int | None, percentage: int | None, now: int
    ) -> VenueOrder:
        """Closes a position at the market, or a part (quantity 10^-9, or percentage 10^-9 of a percent)."""
        return self.submit(closing.closing_request(self._engine, symbol_or_id, quantity, percentage), now)

    def close_all(self, cancel_orders: bool, now: int) -> list[BulkClose]:
        """Closes every position at the market, after canceling every order when asked to."""
        if cancel_orders:
            self.cancel_all(now)
        done: list[BulkClose] = []
        for position in self._engine.holdings.positions():
            symbol = position.asset.position_symbol
            try:
                order = self.close_position(position.asset.id, None, None, now)
            except Refused as refused:
                done.append(BulkClose(symbol, refused.http_status, None, refused))
            else:
                done.append(BulkClose(symbol, 200, order, None))
        return done

    # Questions

    def order(self, order_id: str, nested: bool = True) -> VenueOrder:
        """The live order with this id, without its legs unless nested. Raises `Refused` (404)."""
        order = self._engine.store.get(order_id)
        return order if nested else order.flat()

    def order_by_client_id(self, client_order_id: str) -> VenueOrder:
        """The live order with this client order id, without its legs. Raises `Refused` (404)."""
        return self._engine.store.by_client_id(client_order_id).flat()

    def orders(self, query: OrderQuery) -> list[VenueOrder]:
        """The live orders that a list query asks for. Raises `Refused` for an unknown cursor."""
        return self._engine.store.query(query)

    def all_orders(self) -> list[VenueOrder]:
        """Every order there has been, in order of arrival, without a page limit (for /sim/books)."""
        return self._engine.store.everything()

    def lost_orders(self) -> list[VenueOrder]:
        """Orders that vanished without a word (for /sim/books)."""
        return self._engine.store.lost()

    def executions(self) -> Sequence[Activity]:
        """Every execution there has been, oldest first, without a page limit (for /sim/books)."""
        return self._engine.activities

    def activities(self, query: ActivityQuery) -> list[Activity]:
        """One page of executions as GET /v2/account/activities/FILL gives it."""
        return closing.activity_page(self._engine.activities, query)

    def positions(self) -> list[Position]:
        """Every position, sorted by symbol."""
        return self._engine.holdings.positions()

    def position(self, symbol_or_id: str) -> Position:
        """One position. Raises `Refused` (404)."""
        return closing.position_of(self._engine, symbol_or_id)

    def account(self) -> Account:
        """The account as it stands."""
        return self._engine.holdings.account()

    def assets(self) -> list[Asset]:
        """Every asset, sorted by symbol."""
        return self._engine.assets.all()

    def asset(self, symbol_or_id: str) -> Asset:
        """One asset by symbol, position symbol or id. Raises `Refused` (404)."""
        found = self._engine.assets.find(symbol_or_id)
        if found is None:
            raise refusals.not_found(f"asset not found for {symbol_or_id}")
        return found

    def quote(self, symbol: str) -> Quote | None:
        """The last quote of a symbol (order form); None before the first."""
        return self._engine.quote(symbol)

    # Time

    def on_quote(self, quote: Quote, now: int) -> None:
        """Takes a quote of an asset (order form): triggers stops, executes what it reaches."""
        self._engine.on_quote(quote, now)

    def next_due(self) -> int | None:
        """The instant at which `advance` has something to do; None when there is none."""
        due = self._peek()
        return None if due is None else due.at

    def _peek(self) -> Due | None:
        """The next entry that still applies; those of ended orders are dropped."""
        engine = self._engine
        while (due := engine.schedule.peek()) is not None:
            order = engine.store.find(due.order_id)
            if order is not None and order.is_open:
                return due
            engine.schedule.take()
        return None

    def advance(self, now: int) -> None:
        """Does whatever is due until `now`, each thing at its own instant."""
        while (due := self._peek()) is not None and due.at <= now:
            self._engine.schedule.take()
            self._do(due)

    def _do(self, due: Due) -> None:
        """One thing that is due, for an order that is still open."""
        engine = self._engine
        order = engine.store.get(due.order_id)
        if due.kind is DueKind.ACKNOWLEDGE:
            if order.status == "pending_new" and engine.tamper.accepts(order, due.at):
                engine.acknowledge(order, due.at)
            elif order.status == "pending_new":
                engine.finish(order, "rejected", due.at)
        elif due.kind is DueKind.OPEN:
            if order.status == "accepted":
                engine.acknowledge(order, due.at)
            elif order.status == "done_for_day":
                self._wake(order, due.at)
        elif due.kind is DueKind.FIRST_MATCH:
            if order.status in _MATCHES:
                engine.first_match(order, due.at)
        elif due.kind is DueKind.CANCEL:
            engine.finish(order, "canceled", due.at)
        elif due.kind is DueKind.REPLACE:
            replacing.grant(engine, self._legs, order, due.at)
        elif due.kind is DueKind.DAY_DONE:
            self._sleep(order, due.at)
        else:
            assert due.kind is DueKind.END, "every kind of entry is known"
            engine.finish(order, "expired" if order.time_in_force == "day" else "canceled", due.at)

    def _sleep(self, order: VenueOrder, at: int) -> None:
        """A gtc order's session is over: it sleeps until the next one, if the calendar knows one."""
        engine = self._engine
        opens = engine.plan_day(order, at)
        if order.status in ("new", "partially_filled") and opens is not None:
            engine.publish("done_for_day", order, engine.change(order, "done_for_day", at))
            engine.schedule.put(opens, DueKind.OPEN, order.id)

    def _wake(self, order: VenueOrder, at: int) -> None:
        """A sleeping order's session begins."""
        engine = self._engine
        status = "partially_filled" if order.filled_quantity else "new"
        engine.publish("new", order, engine.change(order, status, at))
        engine.plan_match(order, at)

    def drain_updates(self) -> list[Update]:
        """The updates since the last call, in order of publishing."""
        return self._engine.drain_updates()
