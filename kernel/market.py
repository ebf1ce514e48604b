"""The market room: quotes and closed bars, each used once and in order; what can't be right is not used.

A bar is used when its start is later than the last one used of its symbol, it has ended, and its figures make
sense (positive prices, high and low around open and close). A quote is kept when it has a positive side and
is not older than the one kept. What is not used is counted.

Stamps of the future: up to FUTURE_MAX they are a clock that differs, and a quote counts as made now; beyond
it they can't be right. Otherwise one bad stamp would look fresh for ever and shut out all that come after.
"""

from typing import Final

from kernel.desk import MarketRecord, Turn
from kernel.reasons import Anomaly
from kernel.reports import Bar, Quote
from kernel.strategies.room import BAR_LENGTH
from kernel.strategies.room import on_bar as run_strategies
from kernel.units import MINUTE, Duration

__all__ = ["FUTURE_MAX", "SYMBOLS_MAX", "is_possible_bar", "is_possible_quote", "on_bar", "on_quote"]

FUTURE_MAX: Final = Duration(MINUTE)
"""How far ahead of our clock the market's may be."""
SYMBOLS_MAX: Final = 20_000
"""Symbols with a quote or a bar that are kept; further ones are not used. More than US equities has."""


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
    if bar.start + BAR_LENGTH > turn.at + FUTURE_MAX:
        turn.note(Anomaly.BAD_BAR, f"{bar.symbol} {bar.start}: has not ended yet")
        return
    starts = turn.market.bar_starts
    last = starts.get(bar.symbol)
    if last is None:
        if len(starts) >= SYMBOLS_MAX:
            turn.note(Anomaly.BAD_BAR, f"{bar.symbol}: more than {SYMBOLS_MAX} symbols")
            return
    elif bar.start <= last:
        return
    turn.market = MarketRecord(turn.market.quotes, starts.set(bar.symbol, bar.start))
    run_strategies(turn, bar)


def on_quote(turn: Turn, quote: Quote) -> None:
    """A quote of the market stream."""
    if not is_possible_quote(quote):
        turn.note(Anomaly.BAD_QUOTE, f"{quote.symbol} {quote.at}: impossible figures")
        return
    if quote.at > turn.at:
        if quote.at > turn.at + FUTURE_MAX:
            turn.note(Anomaly.BAD_QUOTE, f"{quote.symbol} {quote.at}: of the future")
            return
        quote = quote._replace(at=turn.at)
    quotes = turn.market.quotes
    known = quotes.get(quote.symbol)
    if known is None:
        if len(quotes) >= SYMBOLS_MAX:
            turn.note(Anomaly.BAD_QUOTE, f"{quote.symbol}: more than {SYMBOLS_MAX} symbols")
            return
    elif quote.at < known.at:
        return
    turn.market = MarketRecord(quotes.set(quote.symbol, quote), turn.market.bar_starts)
