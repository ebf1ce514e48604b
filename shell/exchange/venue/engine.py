"""The state of the venue and the only ways it changes: publish, execute, finish, match.

1. Every update leaves through `publish`. It is the one seam for whoever wants to lose, repeat or delay
   updates.
2. Instants given to records are strictly increasing: several things of one instant get successive
   nanoseconds.
3. Matching looks at quotes only. Each quote displays a size on each side; executions use it up, and only the
   next quote brings more. So a large order fills in parts, a bit per quote.
4. Priority: orders at the market by arrival, then limits by price, then by arrival.
5. Price: an order that takes (at the market, or a limit on arrival) executes at the far side of the quote;
   a limit order that has rested executes at its own limit, also when the quote jumped through it. Some taking
   executions print a little inside the spread, at fractions of a tick, as Alpaca's do.
6. A buy stop is triggered by an ask at or above its price, a sell stop by a bid at or below it.
7. Equities execute in regular hours, extended-hours orders also outside, and only on a quote of that session:
   a stale one from before the open executes nothing.
8. An order by notional buys what the notional less one cent pays for, cut to nine decimals, as recorded at
   Alpaca.
9. `follow` is called after every acknowledgment, execution and end: there the exits of complex orders react.

Deciding what is admitted is `admission`'s and `venue`'s part, the sums of matching are `matching`'s.
"""

from collections.abc import Callable, Sequence
from typing import Final

from kernel.reports import Quote
from kernel.units import SCALE
from shell.exchange.text import new_york
from shell.exchange.venue.assets import AssetList, tick_at
from shell.exchange.venue.holdings import Holdings
from shell.exchange.venue.ids import IdSource
from shell.exchange.venue.matching import (
    Level,
    Reached,
    elect,
    far_side,
    leaves_at,
    priority,
    rank,
    reaches,
    trail,
)
from shell.exchange.venue.model import Activity, Asset, Update, VenueOrder, VenueSettings
from shell.exchange.venue.schedule import DueKind, Schedule
from shell.exchange.venue.sessions import DAY_NS, GTC_DAYS, MarketCalendar, Span, session_span
from shell.exchange.venue.store import OrderStore
from shell.exchange.venue.tamper import Tamper

__all__ = ["Engine"]

_MICROSECOND: Final = 1_000
_IMPROVED_ONE_IN: Final = 4
"""Of the executions of whole shares that take, one in so many prints inside the spread."""
_LIVE: Final = frozenset({"new", "partially_filled", "pending_cancel", "pending_replace", "held"})
_IMMEDIATE: Final = frozenset({"ioc", "fok"})


class _Hours:
    """The equity session under way or next, remembered until it is over."""

    __slots__ = ("_calendar", "_spans")

    def __init__(self, calendar: MarketCalendar) -> None:
        self._calendar = calendar
        self._spans: dict[bool, tuple[int, Span | None]] = {}

    def span(self, now: int, extended: bool) -> Span | None:
        """The session under way at `now`, or the next one; None when the calendar knows no more."""
        known = self._spans.get(extended)
        if known is not None and known[1] is not None and known[0] <= now < known[1].end:
            return known[1]
        span = session_span(self._calendar, now, extended)
        self._spans[extended] = (now, span)
        return span


class Engine:
    """Orders, holdings, quotes and the updates that wait to be drained."""

    __slots__ = (
        "_clock",
        "_hours",
        "_levels",
        "_updates",
        "activities",
        "assets",
        "follow",
        "holdings",
        "ids",
        "on_elected",
        "schedule",
        "settings",
        "store",
        "suspended",
        "tamper",
    )

    def __init__(self, settings: VenueSettings, assets: Sequence[Asset], calendar: MarketCalendar) -> None:
        self.settings = settings
        self.assets = AssetList(assets)
        self.ids = IdSource(settings.seed)
        self.store = OrderStore()
        self.schedule = Schedule()
        self.holdings = Holdings(settings, self.ids.uuid("account"))
        self.activities: list[Activity] = []
        self.suspended: set[str] = set()
        """Symbols (order form) that are halted: nothing executes."""
        self.tamper = Tamper()
        self.follow: Callable[[VenueOrder, int], None] = _nobody
        """Told after an order was acknowledged, executed or ended."""
        self.on_elected: Callable[[VenueOrder, int], None] = _nobody
        """Told when a stop is triggered whose take-profit holds the position for both."""
        self._hours = _Hours(calendar)
        self._levels: dict[str, Level] = {}
        self._updates: list[Update] = []
        self._clock = 0

    def stamp(self, now: int) -> int:
        """An instant for a record: `now`, or just after the last one given out."""
        self._clock = max(now, self._clock + 1)
        return self._clock

    def asset_of(self, order: VenueOrder) -> Asset:
        """The asset of an order of this venue."""
        asset = self.assets.find(order.asset_id)
        assert asset is not None, "an order has an asset"
        return asset

    def quote(self, symbol: str) -> Quote | None:
        """The last quote of a symbol (order form), as it was displayed."""
        level = self._levels.get(symbol)
        return None if level is None else level.quote

    def plan_end(self, order: VenueOrder, asset: Asset, now: int) -> int | None:
        """Sets and plans the order's end; when its session begins (`now` or before when it is under way).

        None when the calendar knows no session to come: the order then waits without an end.
        """
        span = None if asset.is_crypto else self._hours.span(now, order.extended_hours)
        if order.time_in_force == "day" and span is not None:
            order.expires_at = span.end
        elif order.time_in_force == "gtc":
            order.expires_at = order.created_at + GTC_DAYS * DAY_NS
        if order.expires_at is not None:
            self.schedule.put(order.expires_at, DueKind.END, order.id)
        if span is not None and order.time_in_force == "gtc":
            self.plan_day(order, now)
        if asset.is_crypto or order.time_in_force in _IMMEDIATE:
            return now
        return None if span is None else span.start

    def plan_day(self, order: VenueOrder, now: int) -> int | None:
        """Plans the end of a gtc order's session; when that session begins. None for orders without one."""
        span = None
        if self.settings.done_for_day and order.asset_class != "crypto":
            span = self._hours.span(now, order.extended_hours)
        if span is None:
            return None
        self.schedule.put(span.end, DueKind.DAY_DONE, order.id)
        return span.start

    def acknowledge(self, order: VenueOrder, now: int) -> None:
        """The order becomes `new`; it may execute once the latency is over (but see rule 7)."""
        order.submitted_at = self.change(order, "new", now)
        self.publish("new", order, order.submitted_at)
        self.plan_match(order, now)
        self.tamper.acknowledged(order, now)
        self.follow(order, now)

    def plan_match(self, order: VenueOrder, now: int) -> None:
        """Lets the order execute from the end of the latency on."""
        order.match_from = now + self.settings.fill_latency
        self.store.resting.watch(order)
        self.schedule.put(order.match_from, DueKind.FIRST_MATCH, order.id)

    def drain_updates(self) -> list[Update]:
        """The updates since the last call, in order of publishing."""
        updates, self._updates = self._updates, []
        return updates

    def publish(
        self,
        event: str,
        order: VenueOrder,
        at: int,
        execution: tuple[str, int, int, int] | None = None,
        previous: str | None = None,
    ) -> None:
        """The one way out for updates.

        `execution` is (id, price, quantity, position after it), `previous` the execution that it changes.
        """
        execution_id = self.ids.uuid("execution") if event == "new" else None
        price = quantity = position = None
        if execution is not None:
            execution_id, price, quantity, position = execution
        self._updates.append(
            Update(
                event=event,
                order=order.snapshot(),
                at=at,
                timestamp=at,
                event_id=self.ids.ulid(at),
                execution_id=execution_id,
                price=price,
                quantity=quantity,
                position_quantity=position,
                previous_execution_id=previous,
            )
        )

    def change(self, order: VenueOrder, status: str, now: int) -> int:
        """Gives the order a status that keeps it open; the instant of the change."""
        at = self.stamp(now)
        order.status = status
        order.updated_at = at
        self.holdings.hold(order, self.asset_of(order))
        return at

    def finish(self, order: VenueOrder, status: str, now: int, *, streamed: bool = True) -> None:
        """Ends the order (canceled, expired, rejected, replaced) and publishes it."""
        at = self.stamp(now)
        order.status = status
        order.updated_at = at
        if status == "canceled":
            order.canceled_at = at
        elif status == "expired":
            order.expired_at = at
        elif status == "replaced":
            order.replaced_at = at
        else:
            assert status == "rejected", f"an order cannot end as {status}"
            order.failed_at = at
        self._settle(order)
        if streamed:
            self.publish(status, order, at)
        self.tamper.ended(order, now)
        self.follow(order, now)

    def _settle(self, order: VenueOrder) -> None:
        """Frees what an ended order held."""
        self.holdings.hold(order, self.asset_of(order))
        self.store.settle(order)

    def on_quote(self, quote: Quote, now: int) -> None:
        """Takes a new quote: marks, triggers stops, and executes what it reaches."""
        self._levels[quote.symbol] = Level(quote)
        self.holdings.mark(quote.symbol, quote.bid, quote.ask)
        orders = self.store.resting.reached(quote)
        self._match(quote.symbol, [order for order in orders if order.status in _LIVE], now)
        self.store.resting.park(orders, quote)

    def first_match(self, order: VenueOrder, now: int) -> None:
        """Executes a just acknowledged order against the standing quote; immediate orders end here."""
        assert order.status in _LIVE or order.dormant, "an order is acknowledged before it is matched"
        if order.time_in_force == "fok" and self._displayed(order, now) < order.leaves:
            self.finish(order, "canceled", now)
            return
        self._match(order.symbol, [order], now, arriving=True)
        if order.is_open and order.time_in_force in _IMMEDIATE:
            self.finish(order, "canceled", now)

    def _displayed(self, order: VenueOrder, now: int) -> int:
        """How much of the order the standing quote could execute at once."""
        level = self._usable_level(self.asset_of(order), order, now)
        if level is None:
            return 0
        price, left = far_side(level, order.side)
        return left if price and reaches(order, price) else 0

    def _usable_level(self, asset: Asset, order: VenueOrder, now: int) -> Level | None:
        """The symbol's level when the order may execute on it now (rule 7)."""
        level = self._levels.get(asset.symbol)
        if level is None or now < order.match_from or order.dormant or asset.symbol in self.suspended:
            return None
        if asset.is_crypto:
            return level
        span = self._hours.span(now, order.extended_hours)
        if span is None or not span.start <= level.quote.at or not span.start <= now:
            return None
        return level

    def _match(self, symbol: str, orders: Sequence[VenueOrder], now: int, arriving: bool = False) -> None:
        """Executes the orders that the symbol's quote reaches, in order of priority."""
        asset = self.assets.find(symbol)
        assert asset is not None, f"a quote for {symbol}, which is no asset"
        reached: list[Reached] = []
        for order in orders:
            if (order.time_in_force in _IMMEDIATE and not arriving) or not order.is_open:
                continue
            level = self._usable_level(asset, order, now)
            if level is None:
                continue
            price, _ = far_side(level, order.side)
            if not price:
                continue
            if order.type == "trailing_stop" and not order.elected:
                trail(order, price, tick_at(asset, price))
            elect(order, price)
            if order.elected and not order.holds:
                self.on_elected(order, now)
            if reaches(order, price):
                reached.append((*priority(order), order))
            elif order.stop_price is None or order.elected:
                order.resting = True
        reached.sort(key=rank)
        for _, _, _, order in reached:
            if order.is_open:
                self._take(order, asset, now)
                order.resting = True

    def _take(self, order: VenueOrder, asset: Asset, now: int) -> None:
        """Executes as much of one order as the displayed size allows, as one execution."""
        level = self._levels[asset.symbol]
        price, left = far_side(level, order.side)
        rested = order.resting and order.limit_price is not None
        if rested and order.limit_price is not None:
            price = order.limit_price
        leaves = leaves_at(order, price)
        if leaves <= 0:
            # Only an order by notional gets here: the rest of it no longer pays for anything.
            self.finish(order, "canceled", now)
            return
        quantity = min(leaves, left)
        if quantity <= 0:
            return
        if not rested:
            price = self._improved(asset, order.side, price, quantity, level.quote)
        if order.side == "buy":
            level.ask_left -= quantity
        else:
            level.bid_left -= quantity
        done = quantity == leaves
        parts = self.tamper.parts(quantity)
        for index, part in enumerate(parts, start=1):
            self.execute(order, asset, price, part, now, done=done and index == len(parts))

    def _improved(self, asset: Asset, side: str, price: int, quantity: int, quote: Quote) -> int:
        """The price of a taking execution: the far side, or up to four tenths of a tick better (rule 5)."""
        if not self.settings.price_improvement or asset.is_crypto or not quote.bid < quote.ask:
            return price
        if quantity % SCALE == 0 and self.ids.draw(_IMPROVED_ONE_IN) != 0:
            return price
        better = self.ids.draw(5) * tick_at(asset, price) // 10
        return price - better if side == "buy" else price + better

    def execute(
        self, order: VenueOrder, asset: Asset, price: int, quantity: int, now: int, *, done: bool
    ) -> None:
        """Books one execution and publishes it; `done` when it leaves nothing.

        An order that has ended otherwise keeps its end, unless it is done.
        """
        assert done == (order.leaves == quantity) or order.quantity is None, "leaves and executions disagree"
        was_open = order.is_open
        at = self.stamp(now)
        position = self.holdings.apply(order, asset, price, quantity)
        order.filled_quantity += quantity
        order.filled_value += price * quantity
        order.updated_at = at
        execution_id = self.ids.uuid("execution")
        if done:
            order.status = "filled"
            order.filled_at = at
            if was_open:
                self._settle(order)
        else:
            if order.status == "new":
                order.status = "partially_filled"
            self.holdings.hold(order, asset)
        self._record(order, at, price, quantity, execution_id)
        self.publish("fill" if done else "partial_fill", order, at, (execution_id, price, quantity, position))
        self.tamper.executed(order, execution_id, now)
        self.follow(order, now)

    def _record(self, order: VenueOrder, at: int, price: int, quantity: int, execution_id: str) -> None:
        """Adds the row of GET /v2/account/activities/FILL."""
        moment = (at + _MICROSECOND // 2) // _MICROSECOND * _MICROSECOND
        local = new_york(moment)
        prefix = f"{local:%Y%m%d%H%M%S}{local.microsecond // 1_000:03d}"
        self.activities.append(
            Activity(
                id=f"{prefix}::{self.ids.uuid('activity')}",
                transaction_time=moment,
                type="fill" if order.status == "filled" else "partial_fill",
                price=price,
                quantity=quantity,
                cumulative_quantity=order.filled_quantity,
                leaves_quantity=max(0, order.leaves),
                side=order.side,
                symbol=order.symbol,
                order_id=order.id,
                order_status=order.status,
                execution_id=execution_id,
            )
        )


def _nobody(_: VenueOrder, __: int) -> None:
    """A hook that nobody took."""
