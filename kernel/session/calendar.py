"""When US equities trade: session days with their opens and closes, and the phase of any instant.

The days come from a committed table (`nyse_table.py`, made from exchange_calendars' XNYS by
tests/tools/make_nyse_table.py); the broker's calendar is the authority at run time, this is what the kernel
can know by itself.

Rules:
1. A session belongs to one New York date. Pre-market 04:00, regular 09:30 to 16:00, post-market four hours
   from the regular close (20:00; 17:00 on a day of early close, as Alpaca's session_close says).
2. Spans are half-open: the instant of the close is not in the session.
3. A weekday is a session unless the table lists it; early closes and late opens are the table's.
4. Outside of the table's days the answer is a CalendarRange, or Phase.UNKNOWN, never a guess. Neither lets
   anyone trade: `is_regular` is False there.
5. Crypto never closes; its session day is the UTC day (`utc_day`).

Ignored on purpose: the overnight session (20:00 to 04:00), halts, and opens that were late for a part of the
market only (2002-09-11), which the source does not list either.
"""

from enum import Enum
from typing import Final, NamedTuple

from kernel.session import nyse_table
from kernel.session.civil import (
    SATURDAY,
    day_number,
    day_number_of,
    day_of,
    minute_of_day_new_york,
    minute_of_day_utc,
    new_york_offset,
    utc_day,
    weekday_of,
)
from kernel.units import DAY, HOUR, MINUTE, Instant

__all__ = [
    "DAYS_CLOSED_MAX",
    "FIRST_DAY",
    "LAST_DAY",
    "CalendarRange",
    "Phase",
    "Session",
    "is_regular",
    "minute_of_day_new_york",
    "minute_of_day_utc",
    "next_session",
    "phase_at",
    "previous_session",
    "session_of",
    "session_on",
    "utc_day",
]


class Phase(Enum):
    """What the US equity market does at an instant."""

    CLOSED = "closed"
    """Night, weekend or holiday."""
    PRE = "pre"
    """Before the regular open: limit orders marked for extended hours only."""
    REGULAR = "regular"
    """The regular session."""
    POST = "post"
    """After the regular close: limit orders marked for extended hours only."""
    UNKNOWN = "unknown"
    """Outside of the calendar: nobody can say, so it counts as closed."""


class Session(NamedTuple):
    """One session day of US equities."""

    day: int
    """yyyymmdd in New York."""
    open: Instant
    """Of the regular session."""
    close: Instant
    """Of the regular session; early closes included."""
    pre_open: Instant
    """When the pre-market begins."""
    post_close: Instant
    """When the post-market ends."""


class CalendarRange(NamedTuple):
    """The calendar does not reach that far: its answer is that it does not know."""

    day: int
    """yyyymmdd that was asked about (in UTC where New York's offset isn't known either)."""
    first_day: int
    last_day: int


FIRST_DAY: Final = nyse_table.FIRST_DAY
LAST_DAY: Final = nyse_table.LAST_DAY

DAYS_CLOSED_MAX: Final = 10
"""More days without a session than this never follow each other (the longest: 2001-09-11 to 09-16, six)."""

FIRST_NUMBER: Final = day_number_of(FIRST_DAY)
LAST_NUMBER: Final = day_number_of(LAST_DAY)
DAYS: Final = tuple(
    year * 10_000 + month * 100 + day
    for year in range(FIRST_DAY // 10_000, LAST_DAY // 10_000 + 1)
    for month in range(1, 13)
    for day in range(1, day_number(year + month // 12, month % 12 + 1, 1) - day_number(year, month, 1) + 1)
)
"""Every date of the table's years by its distance from the first: half the cost of a lookup otherwise."""
HOLIDAYS: Final = frozenset(day_number_of(day) for day in nyse_table.HOLIDAYS)
EARLY_CLOSES: Final = {day_number_of(day): minute * MINUTE for day, minute in nyse_table.EARLY_CLOSES}
LATE_OPENS: Final = {day_number_of(day): minute * MINUTE for day, minute in nyse_table.LATE_OPENS}

assert len(DAYS) == LAST_NUMBER - FIRST_NUMBER + 1, "kernel bug: the table must hold whole years"
assert DAYS[-1] == LAST_DAY, "kernel bug: the table must hold whole years"

PRE_OPEN: Final = 4 * HOUR
OPEN: Final = nyse_table.OPEN_MINUTE * MINUTE
CLOSE: Final = nyse_table.CLOSE_MINUTE * MINUTE
POST_LENGTH: Final = 4 * HOUR
NOON_UTC: Final = 17 * HOUR
"""New York's noon, an hour more or less."""

CLOSED: Final = Phase.CLOSED
PRE: Final = Phase.PRE
REGULAR: Final = Phase.REGULAR
POST: Final = Phase.POST
UNKNOWN: Final = Phase.UNKNOWN


def _session(number: int) -> Session | CalendarRange | None:
    """The session of a New York day number."""
    if not FIRST_NUMBER <= number <= LAST_NUMBER:
        return CalendarRange(day_of(number), FIRST_DAY, LAST_DAY)
    if weekday_of(number) >= SATURDAY or number in HOLIDAYS:
        return None
    # The clocks change on Sundays, so the offset of noon is that of the whole session.
    offset = new_york_offset(Instant(number * DAY + NOON_UTC))
    assert offset is not None, "kernel bug: the calendar reaches beyond New York's rules"
    midnight = number * DAY - offset
    close = midnight + EARLY_CLOSES.get(number, CLOSE)
    return Session(
        DAYS[number - FIRST_NUMBER],
        Instant(midnight + LATE_OPENS.get(number, OPEN)),
        Instant(close),
        Instant(midnight + PRE_OPEN),
        Instant(close + POST_LENGTH),
    )


def _number_at(instant: Instant) -> int | None:
    """The day number of New York's date at an instant; None when its offset isn't known."""
    offset = new_york_offset(instant)
    return None if offset is None else (instant + offset) // DAY


def _beyond(instant: Instant) -> CalendarRange:
    return CalendarRange(utc_day(instant), FIRST_DAY, LAST_DAY)


def session_on(day: int) -> Session | CalendarRange | None:
    """The session of a New York date (yyyymmdd, one that exists); None when there is none that day."""
    return _session(day_number_of(day))


def session_of(instant: Instant) -> Session | CalendarRange | None:
    """The session of the New York date on which the instant falls, whether before, in or after its hours.

    None on weekends and holidays.
    """
    number = _number_at(instant)
    return _beyond(instant) if number is None else _session(number)


def next_session(after: Instant) -> Session | CalendarRange:
    """The first session whose regular open is later than `after`."""
    number = _number_at(after)
    if number is None:
        return _beyond(after)
    for step in range(DAYS_CLOSED_MAX + 2):
        session = _session(number + step)
        if isinstance(session, CalendarRange) or (session is not None and session.open > after):
            return session
    raise AssertionError("kernel bug: the calendar has a hole")


def previous_session(before: Instant) -> Session | CalendarRange:
    """The last session whose regular close is not later than `before`."""
    number = _number_at(before)
    if number is None:
        return _beyond(before)
    for step in range(DAYS_CLOSED_MAX + 2):
        session = _session(number - step)
        if isinstance(session, CalendarRange) or (session is not None and session.close <= before):
            return session
    raise AssertionError("kernel bug: the calendar has a hole")


def phase_at(instant: Instant) -> Phase:
    """What US equities do at the instant; Phase.UNKNOWN outside of the calendar."""
    offset = new_york_offset(instant)
    if offset is None:
        return UNKNOWN
    number, since_midnight = divmod(instant + offset, DAY)
    if not FIRST_NUMBER <= number <= LAST_NUMBER:
        return UNKNOWN
    if weekday_of(number) >= SATURDAY or number in HOLIDAYS or since_midnight < PRE_OPEN:
        return CLOSED
    if since_midnight < LATE_OPENS.get(number, OPEN):
        return PRE
    close = EARLY_CLOSES.get(number, CLOSE)
    if since_midnight < close:
        return REGULAR
    return POST if since_midnight < close + POST_LENGTH else CLOSED


def is_regular(instant: Instant) -> bool:
    """Whether the regular session is open; False where the calendar does not know."""
    return phase_at(instant) is REGULAR
