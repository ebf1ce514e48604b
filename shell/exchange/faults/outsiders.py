"""What others do to the account and its symbols: another client's orders, halts, rules, blocked keys.

    manual_trade  orphan_order  symbol_trouble  credentials  stream_mute  stream_cut      once a minute

1. Another client is a client: its orders obey the venue's rules, and when the venue refuses them nothing has
   happened. Its client order ids begin with FOREIGN; an orphan of the kind `ours` carries a name such as the
   client under test gives, of another of its starts: a lost journal's, or another instance's.
2. Whatever begins here ends by the agenda: orders are canceled by their owner, halts lifted, rules restored.
3. `minute` is called once for each minute of session time, in the driver's own step.
"""

import re
from typing import Final

from kernel.units import SCALE
from shell.exchange.faults.agenda import Agenda
from shell.exchange.faults.connections import ConnectionFaults
from shell.exchange.faults.draws import Draws
from shell.exchange.faults.frames import UpdateFaults
from shell.exchange.faults.orders import FOREIGN
from shell.exchange.venue.backoffice import RESTING_STATUSES
from shell.exchange.venue.model import Asset, OrderRequest, Refused
from shell.exchange.venue.venue import Venue

__all__ = ["Outsiders"]

_TRADE_DOLLARS = 20
"""What another client's crypto trade is worth, about."""
_CENT = SCALE // 100
_NAME: Final = re.compile(r"(\w+)-(\d{1,8})-(\w+)-\d{9}")
"""How names of ours are made: prefix, start, strategy, number."""
_STARTS_APART: Final = 1_000
"""The start that an orphan's name tells of is so many later than the client's own."""


class Outsiders:
    """Everybody and everything but the client under test."""

    def __init__(
        self,
        draws: Draws,
        agenda: Agenda,
        venue: Venue,
        updates: UpdateFaults,
        streams: tuple[ConnectionFaults, ConnectionFaults],
        others: set[str],
    ) -> None:
        self._draws = draws
        self._agenda = agenda
        self._venue = venue
        self._updates = updates
        self._streams = streams
        self._others = others
        self._placed = 0
        self.blocked: str | None = None
        """`401` or `403` while every request is answered so."""

    def minute(self, now: int) -> None:
        """One minute's draws."""
        draws = self._draws
        for name, act in (
            ("manual_trade", self._trade),
            ("orphan_order", self._place),
            ("symbol_trouble", self._trouble),
            ("credentials", self._block),
            ("stream_mute", self._mute),
            ("stream_cut", self._cut),
        ):
            if draws.fires(name) and act(name, now):
                draws.hit(name)

    def _asset(self, name: str) -> Asset | None:
        """An asset that has a quote."""
        quoted = [asset for asset in self._venue.assets() if self._venue.quote(asset.symbol) is not None]
        return self._draws.rng(name).choice(quoted) if quoted else None

    def _price(self, asset: Asset) -> int:
        quote = self._venue.quote(asset.symbol)
        assert quote is not None, "an asset with a quote was chosen"
        return quote.ask or quote.bid

    def _quantity(self, asset: Asset) -> int:
        """One share, or coins for a few dollars."""
        if not asset.is_crypto:
            return SCALE
        return max(SCALE // 10_000, _TRADE_DOLLARS * SCALE * SCALE // max(1, self._price(asset)))

    def _submit(self, request: OrderRequest, hidden: bool, now: int, like_ours: bool = False) -> str | None:
        """Places an order of the other client; its id, or None when the venue refuses it."""
        self._placed += 1
        name = (self._like_ours() if like_ours else None) or f"{FOREIGN}{self._placed:06d}"
        self._others.add(name)
        try:
            order = self._venue.submit(request._replace(client_order_id=name), now)
        except Refused:
            return None
        if hidden:
            self._updates.hidden.add(order.id)
        return order.id

    def _like_ours(self) -> str | None:
        """A name such as the client's last one, of another start; None before it has named an order so."""
        for order in reversed(self._venue.all_orders()):
            found = _NAME.fullmatch(order.client_order_id)
            if found is not None and order.client_order_id not in self._others:
                start = (int(found[2]) + _STARTS_APART) % 10**8
                return f"{found[1]}-{start}-{found[3]}-{self._placed:09d}"
        return None

    def _trade(self, name: str, now: int) -> bool:
        """Another client buys a little, or sells some of what is free."""
        asset = self._asset(name)
        if asset is None:
            return False
        kind = self._draws.kind(name)
        rng = self._draws.rng(name)
        held = [row for row in self._venue.positions() if row.asset == asset and row.available >= SCALE]
        side = "sell" if held and rng.randrange(2) else "buy"
        if kind == "transfer":
            return self._venue.back_office.transfer(asset.symbol, 1 if side == "buy" else -1, now)
        request = OrderRequest(
            symbol=asset.symbol,
            quantity=self._quantity(asset),
            notional=None,
            side=side,
            type="market",
            time_in_force="ioc" if asset.is_crypto else "day",
        )
        return self._submit(request, kind == "unstreamed", now) is not None

    def _place(self, name: str, now: int) -> bool:
        """Another client's buy, a tenth below the market; its owner cancels it in the end."""
        asset = self._asset(name)
        if asset is None:
            return False
        tick = asset.price_increment or _CENT
        request = OrderRequest(
            symbol=asset.symbol,
            quantity=self._quantity(asset),
            notional=None,
            side="buy",
            type="limit",
            time_in_force="gtc" if asset.is_crypto else "day",
            limit_price=self._price(asset) * 9 // 10 // tick * tick,
        )
        order_id = self._submit(request, False, now, like_ours=self._draws.kind(name) == "ours")
        if order_id is None:
            return False
        found = order_id
        self._agenda.put(now + self._draws.duration(name), lambda at: self._withdraw(found, at))
        return True

    def _withdraw(self, order_id: str, now: int) -> None:
        """The owner cancels; an order that is over needs no cancel."""
        try:
            if self._venue.order(order_id).is_open:
                self._venue.cancel(order_id, now)
        except Refused:
            return

    def _trouble(self, name: str, now: int) -> bool:
        """A symbol is halted, or its asset's rules change, for a while."""
        asset = self._asset(name)
        kind = self._draws.kind(name)
        if asset is None:
            return False
        office, symbol = self._venue.back_office, asset.symbol
        end = now + self._draws.duration(name)
        if kind in ("halt", "rare_word"):
            words = RESTING_STATUSES[:1] if kind == "halt" else RESTING_STATUSES[1:]
            word = self._draws.rng(name).choice(words)
            return office.halt(symbol, now, word) and self._agenda.put(
                end, lambda at: _ignore(office.resume(symbol, at))
            )
        rule = {"not_tradable": "tradable", "not_fractionable": "fractionable"}.get(str(kind), "shortable")
        if not getattr(asset, rule):
            return False
        office.change_asset(symbol, **{rule: False})
        return self._agenda.put(end, lambda _: _ignore(office.change_asset(symbol, **{rule: True})))

    def _block(self, name: str, now: int) -> bool:
        """Keys are refused for a while."""
        if self.blocked is not None or not self._agenda.put(now + self._draws.duration(name), self._unblock):
            return False
        self.blocked = self._draws.kind(name)
        return True

    def _unblock(self, _: int) -> None:
        self.blocked = None

    def _mute(self, name: str, now: int) -> bool:
        """A stream falls silent for a while."""
        target: UpdateFaults | ConnectionFaults = self._updates
        if self._draws.kind(name) == "market":
            target = self._streams[1]

        def speak(_: int) -> None:
            target.is_mute = False

        if target.is_mute or not self._agenda.put(now + self._draws.duration(name), speak):
            return False
        target.is_mute = True
        return True

    def _cut(self, name: str, _: int) -> bool:
        """Connections are closed or cut."""
        kind = self._draws.kind(name)
        cut = [stream.cut(kind) for stream in self._streams]
        return any(cut)


def _ignore(_: object) -> None:
    """Takes an answer that does not matter."""
