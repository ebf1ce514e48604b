"""The market room: quotes and closed bars, each used once and in order; what can't be right is not used.

A bar is used when its start is later than the last one used of its symbol, and its figures make sense
(positive prices, high and low around open and close). A quote is kept when it has a positive side and is
not older than the one kept. What is not used is counted, and said when it is impossible.
"""

from kernel.desk import MarketRecord, Turn
from kernel.reasons import Anomaly
from kernel.reports import Bar, Quote
from kernel.strategies.room import on_bar as run_strategies
from kernel.units import Instant

__all__ = ["is_possible_bar", "is_possible_quote", "on_bar", "on_quote"]


def is_possible_bar(bar: Bar) -> bool:
    """Whether a bar's figures can be right."""
    low, high = bar.low, bar.high
    return 0 < low <= bar.open <= high and low <= bar.close <= high and bar.volume >= 0


def is_possible_quote(quote: Quote) -> bool:
    """Whether a quote can be right: no negative figure, at least one side."""
    if quote.bid < 0 or quote.ask < 0 or quote.bid_size < 0 or quote.ask_size < 0:
        return False
    return quote.bid > 0 or quote.ask > 0


def on_bar(turn: Turn, bar: Bar) -> None:
    """A closed bar of the market stream."""
    if not is_possible_bar(bar):
        turn.note(Anomaly.BAD_BAR, f"{bar.symbol} {bar.start}: impossible figures")
        return
    starts = turn.market.bar_starts
    if bar.start <= starts.get(bar.symbol, Instant(-1)):
        return
    turn.market = MarketRecord(turn.market.quotes, starts.set(bar.symbol, bar.start))
    run_strategies(turn, bar)


def on_quote(turn: Turn, quote: Quote) -> None:
    """A quote of the market stream."""
    if not is_possible_quote(quote):
        turn.note(Anomaly.BAD_QUOTE, f"{quote.symbol} {quote.at}: impossible figures")
        return
    known = turn.market.quotes.get(quote.symbol)
    if known is not None and quote.at < known.at:
        return
    turn.market = MarketRecord(turn.market.quotes.set(quote.symbol, quote), turn.market.bar_starts)
