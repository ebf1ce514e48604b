"""Which session day an instant belongs to, for each asset class, and what a strategy's view says of it.

US equities: the New York date (alpaca.md 6.3); coins: the UTC date, around the clock.
"""

from functools import lru_cache
from typing import NamedTuple

from kernel.session.calendar import CalendarRange, session_of
from kernel.session.civil import (
    day_of as civil_day,
)
from kernel.session.civil import (
    minute_of_day_new_york,
    minute_of_day_utc,
    new_york_offset,
    utc_day,
)
from kernel.units import DAY, HOUR, Instant

__all__ = ["SessionView", "day_of", "session_view"]


class SessionView(NamedTuple):
    """The session as a strategy sees it."""

    day: int
    open: Instant | None
    close: Instant | None
    minute_of_day: int


def day_of(at: Instant, is_crypto: bool) -> int:
    """Yyyymmdd of the session day that the instant falls on; 0 where the calendar does not know."""
    return _day_of_hour(at // HOUR, is_crypto)


@lru_cache(maxsize=64)
def _day_of_hour(hour: int, is_crypto: bool) -> int:
    """Days begin, and clocks change, on a full hour in both zones: so a day is a function of the hour."""
    at = Instant(hour * HOUR)
    if is_crypto:
        return utc_day(at)
    offset = new_york_offset(at)
    return 0 if offset is None else civil_day((at + offset) // DAY)


def session_view(at: Instant, is_crypto: bool) -> SessionView:
    """The session around an instant (a bar's end)."""
    if is_crypto:
        return SessionView(utc_day(at), None, None, minute_of_day_utc(at))
    session = session_of(at)
    minute = minute_of_day_new_york(at) or 0
    if session is None or isinstance(session, CalendarRange):
        return SessionView(0, None, None, minute)
    return SessionView(session.day, session.open, session.close, minute)
