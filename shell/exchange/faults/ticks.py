"""Bad ticks: what the market streams say differs from what the market is.

1. One bar or quote of an instant is spoiled; the venue, its matching and REST keep the true one.
2. Forms: zero, negative, crossed (a bar with its low above its high), stale by an hour, jumping to the
   threefold, sent twice, and late (sent with the next instant's).
"""

from collections.abc import Sequence

from kernel.reports import Bar, Quote
from kernel.units import HOUR, Instant, Price, Quantity
from shell.exchange.faults.draws import Draws

__all__ = ["TickFaults"]


class TickFaults:
    """Between the market and its streams."""

    def __init__(self, draws: Draws) -> None:
        self._draws = draws
        self._late_bars: list[Bar] = []
        self._late_quotes: list[Quote] = []

    def spoil(self, bars: Sequence[Bar], quotes: Sequence[Quote]) -> tuple[list[Bar], list[Quote]]:
        """An instant's bars and quotes as the streams shall tell them."""
        shown_bars = [*bars, *self._late_bars]
        shown_quotes = [*quotes, *self._late_quotes]
        self._late_bars, self._late_quotes = [], []
        if not (bars or quotes) or not self._draws.fires("bad_ticks"):
            return shown_bars, shown_quotes
        kind = self._draws.kind("bad_ticks") or "zero"
        rng = self._draws.rng("bad_ticks")
        self._draws.hit("bad_ticks")
        place = rng.randrange(len(bars) + len(quotes))
        if place < len(bars):
            found = bars[place]
            shown_bars[place : place + 1] = self._bar(found, kind)
        else:
            place -= len(bars)
            shown_quotes[place : place + 1] = self._quote(quotes[place], kind)
        return shown_bars, shown_quotes

    def _bar(self, bar: Bar, kind: str) -> list[Bar]:
        if kind == "twice":
            return [bar, bar]
        if kind == "late":
            self._late_bars.append(bar)
            return []
        if kind == "zero":
            zero = Price(0)
            return [bar._replace(open=zero, high=zero, low=zero, close=zero, volume=Quantity(0))]
        if kind == "negative":
            return [bar._replace(low=Price(-bar.low))]
        if kind == "crossed":
            return [bar._replace(low=Price(bar.high + bar.low), high=bar.low)]
        if kind == "stale":
            return [bar._replace(start=Instant(bar.start - HOUR))]
        return [
            bar._replace(
                open=Price(3 * bar.open),
                high=Price(3 * bar.high),
                low=Price(3 * bar.low),
                close=Price(3 * bar.close),
            )
        ]

    def _quote(self, quote: Quote, kind: str) -> list[Quote]:
        if kind == "twice":
            return [quote, quote]
        if kind == "late":
            self._late_quotes.append(quote)
            return []
        if kind == "zero":
            return [quote._replace(bid=Price(0), ask=Price(0))]
        if kind == "negative":
            return [quote._replace(bid=Price(-quote.bid))]
        if kind == "crossed":
            return [quote._replace(bid=Price(quote.ask + quote.ask - quote.bid), ask=quote.bid)]
        if kind == "stale":
            return [quote._replace(at=Instant(quote.at - HOUR))]
        return [quote._replace(bid=Price(3 * quote.bid), ask=Price(3 * quote.ask))]
