"""Hand-made bars and views, recorded bars, and a small venue that fills what a strategy proposes.

Rules of the venue (enough to drive a strategy through a day; the real exchange is tested elsewhere):
1. A market order fills whole at the next bar's open, a buy limit when a later bar's low is at or below it.
2. An order with a time to live ends at the first bar that closes after it.
3. Positions, average entry, round trips and realized profit are kept with exact integers and Fractions.
4. It refuses, by failing the test, what a strategy must never do: an exit above the position, an entry while
   there is a position or an open entry, a repeated tag for one bar.
"""

import csv
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from kernel.reports import Bar
from kernel.session.calendar import Session, minute_of_day_new_york, minute_of_day_utc, session_of, utc_day
from kernel.sides import OrderType, Purpose, Side
from kernel.strategies.protocol import (
    Amendment,
    OpenOrder,
    Params,
    Proposal,
    Strategy,
    View,
    Wish,
    Withdrawal,
)
from kernel.units import MINUTE, SCALE, Instant, Price, Quantity, Value

__all__ = [
    "CLOSE",
    "DATA",
    "OPEN",
    "SHARE",
    "Tally",
    "bar_at",
    "crypto_view",
    "dollars",
    "drive",
    "equity_view",
    "read_bars",
    "view_of_bar",
]

SHARE = SCALE
SYMBOL = "SPY"
OPEN = Instant(1_381_239_000 * SCALE)
"""2013-10-08 09:30 in New York."""
CLOSE = Instant(OPEN + 390 * MINUTE)
DATA = (
    Path(os.environ.get("MQD_SHARED_DATA") or Path(__file__).resolve().parents[4] / ".." / "shared" / "data")
    / "bars"
)


def dollars(text: str) -> Price:
    """A price, or any figure of nine places, from decimal text."""
    return Price(int(Decimal(text) * SCALE))


def bar_at(
    minute: int,
    close: str,
    *,
    high: str | None = None,
    low: str | None = None,
    volume: int = 1_000,
    symbol: str = SYMBOL,
    day_offset: int = 0,
) -> Bar:
    """A bar that starts `minute` minutes after 09:30; its open is its close."""
    price = dollars(close)
    return Bar(
        symbol=symbol,
        start=Instant(OPEN + minute * MINUTE + day_offset * 1440 * MINUTE),
        open=price,
        high=dollars(high or close),
        low=dollars(low or close),
        close=price,
        volume=Quantity(volume * SHARE),
    )


def equity_view(bar: Bar, **changes: Any) -> View:
    """What a flat strategy sees when the bar closes, on 2013-10-08 or a day with the same hours after it."""
    now = Instant(bar.start + MINUTE)
    days = (bar.start - OPEN + 570 * MINUTE) // (1440 * MINUTE)
    view = View(
        now=now,
        quote=None,
        position=Quantity(0),
        average_entry=None,
        opened_at=None,
        open_entries=0,
        open_exits=0,
        entries_today=0,
        realized_today=Value(0),
        session_day=20131008 + days,
        session_open=Instant(OPEN + days * 1440 * MINUTE),
        session_close=Instant(CLOSE + days * 1440 * MINUTE),
        minute_of_day=((now - OPEN) // MINUTE + 570) % 1440,
    )
    return view._replace(**changes)


def crypto_view(bar: Bar, **changes: Any) -> View:
    """The same around the clock."""
    now = Instant(bar.start + MINUTE)
    flat = equity_view(
        bar,
        session_day=utc_day(now),
        session_open=None,
        session_close=None,
        minute_of_day=minute_of_day_utc(now),
    )
    return flat._replace(**changes)


def read_bars(name: str) -> list[Bar]:
    """A recorded file's bars; its name begins with the symbol."""
    found: list[Bar] = []
    with (DATA / name).open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            start = int(datetime.fromisoformat(row["timestamp"]).timestamp()) * SCALE
            opened, high, low, close, volume = (
                dollars(row[key]) for key in ("open", "high", "low", "close", "volume")
            )
            symbol = name.split("_", 1)[0]
            found.append(Bar(symbol, Instant(start), opened, high, low, close, Quantity(volume)))
    return found


def view_of_bar(bar: Bar, crypto: bool) -> View:
    """A flat view with the real calendar's session."""
    if crypto:
        return crypto_view(bar)
    now = Instant(bar.start + MINUTE)
    session, minute = session_of(now), minute_of_day_new_york(now)
    assert minute is not None
    if not isinstance(session, Session):
        return equity_view(bar, session_day=0, session_open=None, session_close=None, minute_of_day=minute)
    return equity_view(
        bar,
        session_day=session.day,
        session_open=session.open,
        session_close=session.close,
        minute_of_day=minute,
    )


class Tally(NamedTuple):
    """What came of a day."""

    entries: list[tuple[Bar, Proposal]]
    exits: list[tuple[Bar, Proposal]]
    fills: int
    position: int
    """At the end."""
    realized: Fraction
    """In currency."""
    amended: int


class _Venue:
    """The venue of the module's rules, for one strategy and one symbol."""

    def __init__(self) -> None:
        self.open: list[tuple[Proposal, int]] = []
        self.position = 0
        self.average = Fraction(0)
        self.opened_at: Instant | None = None
        self.begun = 0
        self.realized = Fraction(0)
        self.fills = 0
        self.amended = 0

    def _fill(self, order: Proposal, price: int, at: Instant) -> None:
        signed = order.quantity if order.side is Side.BUY else -order.quantity
        if order.purpose is Purpose.ENTRY:
            assert self.position == 0
            self.position, self.average, self.opened_at = signed, Fraction(price), at
            self.begun += 1
        else:
            assert abs(signed) == abs(self.position)
            self.realized += (price - self.average) * self.position
            self.position, self.opened_at = 0, None
        self.fills += 1

    def trade(self, bar: Bar, regular: bool) -> None:
        """Fills on a bar what was open before it."""
        kept: list[tuple[Proposal, int]] = []
        for order, deadline in self.open:
            if regular and order.type is OrderType.MARKET:
                self._fill(order, bar.open, bar.start)
            elif regular and order.limit_price is not None and bar.low <= order.limit_price:
                self._fill(order, min(order.limit_price, bar.open), bar.start)
            elif bar.start + MINUTE < deadline:
                kept.append((order, deadline))
        self.open = kept

    def take(self, bar: Bar, proposals: tuple[Wish, ...]) -> None:
        """Takes proposals; fails on what rule 4 forbids."""
        tags = [proposal.tag for proposal in proposals if not isinstance(proposal, Withdrawal)]
        assert len(tags) == len(set(tags))
        for proposal in proposals:
            if isinstance(proposal, Withdrawal):
                self.open.clear()
                continue
            if isinstance(proposal, Amendment):
                self.amend(proposal)
                continue
            if proposal.purpose is Purpose.EXIT:
                assert proposal.quantity == abs(self.position) > 0
                assert (proposal.side is Side.SELL) == (self.position > 0)
            else:
                assert self.position == 0
                assert not self.open
            life = proposal.time_to_live
            self.open.append((proposal, bar.start + MINUTE + (10**20 if life is None else life)))

    def amend(self, amendment: Amendment) -> None:
        """Changes a resting entry's limit; fails on what is none, or on a change of nothing."""
        index = int(amendment.order)
        order, deadline = self.open[index]
        assert order.type is OrderType.LIMIT
        assert amendment.limit_price not in (None, order.limit_price)
        self.open[index] = (order._replace(limit_price=amendment.limit_price), deadline)
        self.amended += 1

    def show(self, view: View) -> View:
        """The view with what is held."""
        told = tuple(
            OpenOrder(
                str(index),
                order.purpose,
                order.side,
                order.type,
                order.quantity,
                Quantity(0),
                order.limit_price,
                None,
                True,
            )
            for index, (order, _) in enumerate(self.open)
        )
        entries = sum(order.purpose is Purpose.ENTRY for order, _ in self.open)
        return view._replace(
            position=Quantity(self.position),
            average_entry=Price(int(self.average)) if self.position else None,
            opened_at=self.opened_at,
            open_entries=entries,
            open_exits=len(self.open) - entries,
            entries_today=self.begun,
            orders=told,
            realized_today=Value(int(self.realized)),
        )


Watcher = Callable[[Bar, View, tuple[Wish, ...]], None]


def drive(
    strategy: Strategy, params: Params, bars: list[Bar], crypto: bool, watch: Watcher | None = None
) -> Tally:
    """Runs a strategy over a day at the venue; `watch` sees each bar, view and answer."""
    venue = _Venue()
    tally_entries: list[tuple[Bar, Proposal]] = []
    tally_exits: list[tuple[Bar, Proposal]] = []
    state = strategy.initial(params, bars[0].symbol)
    for bar in bars:
        flat = view_of_bar(bar, crypto)
        regular = crypto or (
            flat.session_open is not None
            and flat.session_close is not None
            and flat.session_open <= bar.start < flat.session_close
        )
        venue.trade(bar, regular)
        view = venue.show(flat)
        before = state
        state, proposals = strategy.on_bar(params, before, bar, view)
        assert (state, proposals) == strategy.on_bar(params, before, bar, view)
        if watch is not None:
            watch(bar, view, proposals)
        venue.take(bar, proposals)
        for proposal in _orders(proposals):
            (tally_entries if proposal.purpose is Purpose.ENTRY else tally_exits).append((bar, proposal))
    return Tally(
        tally_entries, tally_exits, venue.fills, venue.position, venue.realized / SCALE**2, venue.amended
    )


def _orders(proposals: tuple[Wish, ...]) -> Iterator[Proposal]:
    return (proposal for proposal in proposals if isinstance(proposal, Proposal))
