"""Bracket, OCO and OTO: how the exits of a complex order live with each other and with their entry.

    bracket   entry, take-profit and stop         oto   entry and one of the two
    oco       take-profit (the parent) and stop, to leave a position that is there

1. Exits are `held` and dormant until the entry is *completely* filled. Then the take-profit is `new`; the
   stop of a pair stays `held` and watches, and the take-profit holds the position for both.
2. The stop is triggered: the take-profit is canceled, the stop becomes `new` and executes.
3. The take-profit executes in part: the stop's quantity shrinks to what is left (`restated`). It fills: the
   stop is canceled.
4. Any member ends unfilled (canceled, expired, rejected): the others end with it. A partly filled entry that
   is canceled so leaves a position without exits, as at Alpaca.
5. When a filled entry's exits find too little of the position free, they are rejected.
6. A replaced member passes its place on. Only prices and the time in force of members can be replaced.
"""

from typing import Final

from shell.exchange.venue import refusals
from shell.exchange.venue.engine import Engine
from shell.exchange.venue.model import Asset, OrderRequest, VenueOrder

__all__ = ["Group", "Legs"]

_EXITS_OF: Final = {"buy": "sell", "sell": "buy"}


class Group:
    """The members of one complex order; replaced ones have been passed on."""

    __slots__ = ("elected", "ending", "entry", "stop_loss", "take_profit")

    def __init__(
        self, entry: VenueOrder | None, take_profit: VenueOrder | None, stop_loss: VenueOrder | None
    ) -> None:
        self.entry = entry
        self.take_profit = take_profit
        self.stop_loss = stop_loss
        self.elected = False
        self.ending = False

    def members(self) -> list[VenueOrder]:
        """Entry, take-profit and stop, as far as there are any."""
        return [each for each in (self.entry, self.take_profit, self.stop_loss) if each is not None]

    def exits(self) -> list[VenueOrder]:
        """Take-profit and stop, as far as there are any."""
        return [each for each in (self.take_profit, self.stop_loss) if each is not None]


class Legs:
    """The complex orders of one venue. Takes the engine's hooks."""

    __slots__ = ("_engine", "_groups")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._groups: dict[str, Group] = {}
        engine.follow = self.follow
        engine.on_elected = self.elect

    def group_of(self, order: VenueOrder) -> Group | None:
        """The complex order that this order is a member of; None for a simple one."""
        return self._groups.get(order.id)

    def place(self, request: OrderRequest, parent: VenueOrder, asset: Asset, now: int) -> None:
        """Makes and stores the exits of a complex order that was just stored; publishes them as held."""
        is_oco = request.order_class == "oco"
        side = parent.side if is_oco else _EXITS_OF[parent.side]
        take_profit: VenueOrder | None = parent if is_oco else None
        stop_loss: VenueOrder | None = None
        if request.take_profit is not None and not is_oco:
            take_profit = self._make(parent, side, asset, now)
            take_profit.type, take_profit.limit_price = "limit", request.take_profit.limit_price
        if request.stop_loss is not None:
            stop_loss = self._make(parent, side, asset, now)
            stop_loss.stop_price = request.stop_loss.stop_price
            stop_loss.limit_price = request.stop_loss.limit_price
            stop_loss.type = "stop" if stop_loss.limit_price is None else "stop_limit"
        group = Group(None if is_oco else parent, take_profit, stop_loss)
        parent.legs = tuple(each for each in group.exits() if each is not parent)
        for member in group.members():
            self._groups[member.id] = group
        for leg in parent.legs:
            self._engine.store.add(leg)
            self._engine.plan_end(leg, asset, now)

    def _make(self, parent: VenueOrder, side: str, asset: Asset, now: int) -> VenueOrder:
        """An exit before its prices are set."""
        ids = self._engine.ids
        at = self._engine.stamp(now)
        return VenueOrder(
            id=ids.uuid("order"),
            client_order_id=ids.uuid("client"),
            created_at=at,
            updated_at=at,
            submitted_at=at,
            asset_id=asset.id,
            symbol=asset.symbol,
            asset_class=asset.asset_class,
            notional=None,
            quantity=parent.quantity,
            order_class=parent.order_class,
            type="limit",
            side=side,
            position_intent=f"{side}_to_close",
            time_in_force=parent.time_in_force,
            limit_price=None,
            stop_price=None,
            status="held",
            extended_hours=False,
            parent_id=parent.id,
            dormant=True,
            holds=False,
        )

    def announce(self, parent: VenueOrder) -> None:
        """Publishes the exits as held, after their parent was published."""
        for leg in parent.legs or ():
            self._engine.publish("held", leg, leg.created_at)

    def follow(self, order: VenueOrder, now: int) -> None:
        """What the other members do when one was acknowledged, executed or ended."""
        group = self._groups.get(order.id)
        if group is None or order.status == "replaced":
            return
        if order is group.entry:
            if order.status == "filled":
                self._activate(group, now)
            elif not order.is_open:
                self._end_others(group, order, now)
        elif order.is_open:
            if group.entry is None and order is group.take_profit and order.status == "new":
                self._watch(group.stop_loss, now)
            elif order is group.take_profit and order.filled_quantity:
                self._shrink(group, now)
        elif not group.elected or order is group.stop_loss:
            self._end_others(group, order, now)

    def _activate(self, group: Group, now: int) -> None:
        """The entry has filled: the exits begin (rules 1 and 5)."""
        exits = [each for each in group.exits() if each.is_open and each.dormant]
        if not exits:
            return
        holdings = self._engine.holdings
        leader = exits[0]
        position = holdings.quantity(leader.symbol)
        size = position if leader.side == "sell" else -position
        if size - holdings.held(leader.symbol) < leader.leaves:
            group.ending = True
            for each in exits:
                self._engine.finish(each, "rejected", now)
            return
        leader.dormant, leader.holds = False, True
        self._engine.acknowledge(leader, now)
        for watcher in exits[1:]:
            self._watch(watcher, now)

    def _watch(self, stop_loss: VenueOrder | None, now: int) -> None:
        """The stop of a pair begins to watch; it stays held and holds nothing."""
        if stop_loss is not None and stop_loss.is_open and stop_loss.dormant:
            stop_loss.dormant = False
            self._engine.plan_match(stop_loss, now)

    def elect(self, order: VenueOrder, now: int) -> None:
        """A watching stop was triggered (rule 2)."""
        group = self._groups[order.id]
        group.elected = True
        if group.take_profit is not None and group.take_profit.is_open:
            self._engine.finish(group.take_profit, "canceled", now, streamed=self._streams_siblings)
        order.holds = True
        if order.status == "held":
            self._engine.publish("new", order, self._engine.change(order, "new", now))
        else:
            self._engine.change(order, order.status, now)

    def _shrink(self, group: Group, now: int) -> None:
        """The stop follows what is left of the take-profit (rule 3)."""
        stop_loss, take_profit = group.stop_loss, group.take_profit
        if stop_loss is None or take_profit is None or not stop_loss.is_open:
            return
        quantity = stop_loss.chain_filled + stop_loss.filled_quantity + take_profit.leaves
        if quantity == stop_loss.quantity:
            return
        stop_loss.quantity = quantity
        self._engine.publish("restated", stop_loss, self._engine.change(stop_loss, stop_loss.status, now))

    def _end_others(self, group: Group, order: VenueOrder, now: int) -> None:
        """One member is over: so are the others (rules 3 and 4)."""
        if group.ending:
            return
        group.ending = True
        status = "expired" if order.status == "expired" else "canceled"
        streamed = order.status != "filled" or self._streams_siblings
        for each in group.members():
            if each is not order and each.is_open:
                self._engine.finish(each, status, now, streamed=streamed)

    @property
    def _streams_siblings(self) -> bool:
        return self._engine.settings.sibling_cancel_streamed

    # Replacing

    def check_replacement(self, group: Group, old: VenueOrder, new: VenueOrder) -> None:
        """Refuses what the other members do not allow; the account has been asked or need not be."""
        if new.quantity != old.quantity:
            raise refusals.rule("unable to replace order, qty of a complex order cannot be replaced")
        take_profit = new if old is group.take_profit else group.take_profit
        stop_loss = new if old is group.stop_loss else group.stop_loss
        if take_profit is None or stop_loss is None or old is group.entry:
            return
        limit, stop = take_profit.limit_price, stop_loss.stop_price
        assert limit is not None, "a take-profit has a limit"
        assert stop is not None, "a stop has its price"
        if (limit <= stop) if take_profit.side == "sell" else (limit >= stop):
            raise refusals.rule("take_profit.limit_price must be on the other side of stop_loss.stop_price")

    def pass_on(self, old: VenueOrder, new: VenueOrder) -> None:
        """The replacement was granted: it stands in the old one's place."""
        group = self._groups.get(old.id)
        if group is None:
            return
        self._groups[new.id] = group
        new.dormant, new.holds = old.dormant, old.holds
        if old is group.entry:
            group.entry = new
        elif old is group.take_profit:
            group.take_profit = new
        else:
            group.stop_loss = new
        new.quantity = old.quantity
        parent = group.entry or group.take_profit
        assert parent is not None, "a complex order has a parent"
        old.legs = None
        parent.legs = tuple(each for each in group.exits() if each is not parent)
        for leg in parent.legs:
            leg.parent_id = parent.id
