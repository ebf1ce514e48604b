"""When an asset trades: regular sessions of equities, their extended hours, and crypto's endless day.

1. The calendar is given (`MarketCalendar`), because only tables know holidays and early closes.
2. Equities: regular hours [open, close); extended hours 5.5 hours before the open to 4 hours after the close.
3. Crypto trades always; its day runs from midnight to midnight UTC.
4. A day order placed after its session ended belongs to the next session.
"""

from typing import Final, NamedTuple, Protocol

__all__ = ["DAY_NS", "GTC_DAYS", "MarketCalendar", "Span", "session_span"]

DAY_NS: Final = 86_400 * 1_000_000_000
"""One day."""

GTC_DAYS: Final = 90
"""After so many days Alpaca cancels a GTC order."""

_HOUR: Final = 3_600 * 1_000_000_000
_PRE_MARKET: Final = 5 * _HOUR + _HOUR // 2
_POST_MARKET: Final = 4 * _HOUR
_CLOSED_DAYS_MAX: Final = 14
"""No gap between two sessions has been longer since 1914; beyond it the calendar has run out."""


class MarketCalendar(Protocol):
    """The sessions of the equity market."""

    def session_of(self, at: int) -> tuple[int, int] | None:
        """Regular open and close (UTC ns) of the New York day that contains `at`; None on a closed day."""
        ...


class Span(NamedTuple):
    """The hours in which an order may execute: [start, end), nanoseconds UTC."""

    start: int
    end: int


def session_span(calendar: MarketCalendar, now: int, extended: bool) -> Span | None:
    """The equity session under way or, when none is, the next; None when the calendar knows no more."""
    for days in range(_CLOSED_DAYS_MAX):
        hours = calendar.session_of(now + days * DAY_NS)
        if hours is None:
            continue
        start, end = hours
        if extended:
            start, end = start - _PRE_MARKET, end + _POST_MARKET
        if now < end:
            return Span(start, end)
    return None
