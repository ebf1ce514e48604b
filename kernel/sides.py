"""The words that describe an order on the wire: side, type, time in force, class.

The values are Alpaca's own (POST /v2/orders), so the codec maps by value and nothing is renamed
on the way. Every member carries its meaning.
"""

from enum import Enum

__all__ = ["OrderClass", "OrderType", "Purpose", "Side", "TimeInForce", "opposite"]


class Side(Enum):
    """Which way an order moves the position."""

    BUY = "buy"
    """Adds to the position: opens a long or closes a short."""
    SELL = "sell"
    """Takes from the position: closes a long or opens a short."""


class OrderType(Enum):
    """How an order is priced."""

    MARKET = "market"
    """At the best price there is, now."""
    LIMIT = "limit"
    """At the limit price or better."""
    STOP = "stop"
    """Becomes a market order when the stop price trades."""
    STOP_LIMIT = "stop_limit"
    """Becomes a limit order when the stop price trades."""
    TRAILING_STOP = "trailing_stop"
    """A stop that follows the best price at a distance."""


class TimeInForce(Enum):
    """How long an order stays."""

    DAY = "day"
    """Until the session ends."""
    GTC = "gtc"
    """Until canceled (Alpaca: at most 90 days)."""
    OPG = "opg"
    """In the opening auction only."""
    CLS = "cls"
    """In the closing auction only."""
    IOC = "ioc"
    """What fills at once; the rest is canceled."""
    FOK = "fok"
    """All at once or nothing."""


class OrderClass(Enum):
    """Whether an order stands alone or in a group."""

    SIMPLE = "simple"
    """One order."""
    BRACKET = "bracket"
    """An entry with a take-profit and a stop-loss."""
    OCO = "oco"
    """Two exits of which one cancels the other."""
    OTO = "oto"
    """An entry that triggers one exit."""


class Purpose(Enum):
    """Why the desk sends an order: decides its priority and which checks stop it."""

    ENTRY = "entry"
    """Increases risk. Stopped by modes, locks, links, limits."""
    EXIT = "exit"
    """Reduces risk: closes all or part of a position. Never stopped by a protection or a mode."""
    PROTECTIVE_STOP = "protective_stop"
    """A resting stop that covers an open position. Never stopped by a protection or a mode."""


def opposite(side: Side) -> Side:
    """The side that takes back what this one does."""
    return Side.SELL if side is Side.BUY else Side.BUY
