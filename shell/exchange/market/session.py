"""A market in time: bars become quotes while they form and are published when they have closed.

A bar [t, t + 60 s) is walked through at four instants: t (open), t + 15 s and t + 30 s (low and high, in
the order that its direction suggests), t + 45 s (close). At t + 60 s the closed bar is published.

1. Nothing is told before its time: `history`, `latest_bar` and `latest_quote` know what has been published
   only.
2. At one instant closed bars come first, then quotes, each sorted by symbol.
3. A derived quote stands around the point of the path: the spread is the greater of one tick and some basis
   points; the size on each side is a share (`participation`) of a quarter of the bar's volume, in whole
   shares for equities.
4. Where a recorded minute of quotes exists for a bar, its prices and sizes are displayed as they are.
5. The same bars and settings give the same timeline: there is no chance in it.

It knows no sessions, no orders and no clock: who calls `advance_to` decides what time it is.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heapreplace
from typing import Final, NamedTuple

from kernel.reports import Bar, Quote
from kernel.units import MINUTE, SCALE, SECOND, Instant, Price, Quantity
from shell.exchange.market.csvfile import QuoteBar
from shell.exchange.venue.assets import make_asset, tick_at
from shell.exchange.venue.model import Asset

__all__ = ["BAR_NS", "MarketSession", "MarketSettings", "MarketStep", "assets_for"]

BAR_NS: Final = MINUTE
"""How long a bar lasts."""

_STEP_NS: Final = 15 * SECOND
_STEPS: Final = 4
_BPS: Final = 10_000
_CENT: Final = SCALE // 100


class MarketSettings(NamedTuple):
    """How quotes are derived from bars."""

    spread_bps: int = 1
    """Of an equity's price; never less than one tick."""
    crypto_spread_bps: int = 5
    participation: int = SCALE // 10
    """Share of the volume that is displayed, 10^-9 of one."""


class MarketStep(NamedTuple):
    """What the market published in one advance."""

    bars_closed: list[Bar]
    quotes: list[Quote]
    ended: bool
    """Whether nothing is left to publish."""


class _Cursor:
    """One symbol's place in its bars; steps 0-3 are quotes of the bar `index`, step 4 is its close."""

    __slots__ = ("asset", "bars", "index", "quotes", "starts", "step")

    def __init__(self, asset: Asset, bars: Sequence[Bar], quotes: Sequence[QuoteBar]) -> None:
        self.asset = asset
        self.bars = bars
        self.starts = [bar.start for bar in bars]
        self.quotes = {quote.start: quote for quote in quotes}
        self.index = 0
        self.step = 0

    def key(self) -> tuple[int, str]:
        """Instant and symbol of what comes next."""
        return self.bars[self.index].start + self.step * _STEP_NS, self.asset.symbol

    def move(self) -> bool:
        """Goes on to the next thing; False when there is none."""
        if self.step < _STEPS:
            self.step += 1
            return True
        self.step = 0
        self.index += 1
        return self.index < len(self.bars)

    @property
    def closed(self) -> int:
        """How many bars have been published."""
        return self.index


def assets_for(bars: Mapping[str, Sequence[Bar]]) -> list[Asset]:
    """The assets of a session, sorted by symbol; the reference price of each is its first bar's open.

    A crypto pair's price increment is one cent, or finer when its recorded prices are.
    """
    made = []
    for symbol, rows in sorted(bars.items()):
        assert rows, f"{symbol} has no bars"
        increment = _CENT
        for bar in rows:
            while any(price % increment for price in (bar.open, bar.high, bar.low, bar.close)):
                increment //= 10
        made.append(make_asset(symbol, rows[0].open, increment))
    return made


class MarketSession:
    """The timeline of some symbols (order form); advances, never goes back."""

    __slots__ = ("_bars_done", "_cursors", "_heap", "_latest", "_now", "_settings", "assets", "bars_total")

    def __init__(
        self,
        bars: Mapping[str, Sequence[Bar]],
        quotes: Mapping[str, Sequence[QuoteBar]] | None = None,
        settings: MarketSettings | None = None,
        assets: Sequence[Asset] | None = None,
    ) -> None:
        self._settings = settings or MarketSettings()
        self.assets: list[Asset] = list(assets) if assets is not None else assets_for(bars)
        recorded = quotes or {}
        self._cursors = {
            asset.symbol: _Cursor(asset, bars[asset.symbol], recorded.get(asset.symbol, ()))
            for asset in self.assets
        }
        self._heap = [cursor.key() for cursor in self._cursors.values()]
        heapify(self._heap)
        self._latest: dict[str, Quote] = {}
        self._bars_done = 0
        self._now = 0
        self.bars_total = sum(len(cursor.bars) for cursor in self._cursors.values())

    @property
    def bars_done(self) -> int:
        """Bars published so far, of all symbols."""
        return self._bars_done

    @property
    def symbols(self) -> list[str]:
        """The symbols (order form), sorted."""
        return sorted(self._cursors)

    @property
    def start(self) -> int:
        """The first instant of the timeline (ns UTC)."""
        return min(cursor.starts[0] for cursor in self._cursors.values())

    @property
    def end(self) -> int:
        """The instant at which the last bar closes (ns UTC)."""
        return max(cursor.starts[-1] for cursor in self._cursors.values()) + BAR_NS

    def next_instant(self) -> int | None:
        """When something is published next; None when all has been."""
        return self._heap[0][0] if self._heap else None

    def advance_to(self, now: int) -> MarketStep:
        """Publishes everything that falls at or before `now` (ns UTC, never going back).

        Call it for each `next_instant` in turn: a greater leap publishes all quotes in between at once.
        """
        assert now >= self._now, "the market's time does not go back"
        self._now = now
        bars: list[Bar] = []
        quotes: list[Quote] = []
        heap = self._heap
        while heap and heap[0][0] <= now:
            cursor = self._cursors[heap[0][1]]
            bar = cursor.bars[cursor.index]
            if cursor.step == _STEPS:
                bars.append(bar)
                self._bars_done += 1
            else:
                quote = self._quote(cursor, bar)
                self._latest[quote.symbol] = quote
                quotes.append(quote)
            if cursor.move():
                heapreplace(heap, cursor.key())
            else:
                heappop(heap)
        return MarketStep(bars, quotes, not heap)

    def _quote(self, cursor: _Cursor, bar: Bar) -> Quote:
        """The quote of a bar at the cursor's step."""
        at = Instant(bar.start + cursor.step * _STEP_NS)
        recorded = cursor.quotes.get(bar.start)
        if recorded is not None:
            middle = [bid + ask for bid, ask in zip(recorded.bid, recorded.ask, strict=True)]
            place = _path(middle[0], middle[3])[cursor.step]
            bid, ask = recorded.bid[place], recorded.ask[place]
            return Quote(cursor.asset.symbol, bid, ask, recorded.bid_size, recorded.ask_size, at)
        place = _path(bar.open, bar.close)[cursor.step]
        point = (bar.open, bar.high, bar.low, bar.close)[place]
        bid, ask = self._spread(cursor.asset, point)
        size = self._size(cursor.asset, bar.volume)
        return Quote(cursor.asset.symbol, bid, ask, size, size, at)

    def _spread(self, asset: Asset, point: int) -> tuple[Price, Price]:
        """Bid and ask on ticks around a price."""
        tick = tick_at(asset, point)
        bps = self._settings.crypto_spread_bps if asset.is_crypto else self._settings.spread_bps
        spread = max(tick, point * bps // _BPS // tick * tick)
        bid = max(tick, (point - spread // 2) // tick * tick)
        return Price(bid), Price(bid + spread)

    def _size(self, asset: Asset, volume: int) -> Quantity:
        """What each side of a derived quote displays; something wherever there was volume."""
        size = volume * self._settings.participation // SCALE // _STEPS
        if asset.is_crypto:
            return Quantity(max(size, 1) if volume else 0)
        return Quantity(max(size // SCALE, 1) * SCALE if volume else 0)

    def history(self, symbol: str, start: int, end: int) -> Sequence[Bar]:
        """The published bars of a symbol that begin in [start, end], oldest first; none if unknown."""
        cursor = self._cursors.get(symbol)
        if cursor is None:
            return ()
        first = bisect_left(cursor.starts, start)
        last = min(bisect_right(cursor.starts, end), cursor.closed)
        return cursor.bars[first:last]

    def latest_bar(self, symbol: str) -> Bar | None:
        """The last published bar of a symbol; None before the first."""
        cursor = self._cursors.get(symbol)
        return None if cursor is None or cursor.closed == 0 else cursor.bars[cursor.closed - 1]

    def latest_quote(self, symbol: str) -> Quote | None:
        """The last published quote of a symbol; None before the first."""
        return self._latest.get(symbol)


_RISING: Final = (0, 2, 1, 3)
"""Open, low, high, close, as places in (open, high, low, close)."""
_FALLING: Final = (0, 1, 2, 3)
"""Open, high, low, close."""


def _path(first: int, last: int) -> tuple[int, int, int, int]:
    """The order in which a bar's prices are walked through."""
    return _RISING if last >= first else _FALLING
