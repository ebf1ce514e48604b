"""Dates and New York wall time from instants, in integers alone.

Rules:
1. A *day number* counts days since 1970-01-01 (proleptic Gregorian); a *day* is the integer yyyymmdd.
2. Weekdays are 0 (Monday) to 6 (Sunday).
3. New York is five hours behind UTC, four in daylight time. Daylight time begins and ends at 02:00 local:
   1987 to 2006 from the first Sunday of April to the last Sunday of October; since 2007 from the second
   Sunday of March to the first Sunday of November.
4. Before 1987 and from 2100 on the offset is None: the rules were, or may be, others. Nobody guesses.

Days from and to civil dates follow Howard Hinnant's "chrono-compatible low-level date algorithms".
Ignored on purpose: leap seconds (an instant has none), other time zones.
"""

from bisect import bisect_right
from typing import Final, NamedTuple

from kernel.units import DAY, HOUR, MINUTE, Duration, Instant

__all__ = [
    "NEW_YORK_YEAR_FIRST",
    "NEW_YORK_YEAR_LAST",
    "SATURDAY",
    "SUNDAY",
    "Civil",
    "civil_of",
    "day_number",
    "day_number_of",
    "day_of",
    "is_day",
    "minute_of_day_new_york",
    "minute_of_day_utc",
    "new_york_offset",
    "utc_day",
    "weekday_of",
]

SATURDAY: Final = 5
SUNDAY: Final = 6

NEW_YORK_YEAR_FIRST: Final = 1987
"""The first year of rule 3."""
NEW_YORK_YEAR_LAST: Final = 2099
"""The last year that rule 3 is trusted for."""

STANDARD: Final = Duration(-5 * HOUR)
DAYLIGHT: Final = Duration(-4 * HOUR)


class Civil(NamedTuple):
    """A date of the proleptic Gregorian calendar."""

    year: int
    month: int
    """1 to 12."""
    day: int
    """1 to 31."""


def day_number(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to the date; negative before it. The date must exist."""
    shifted = year if month > 2 else year - 1  # years begin in March, so that the leap day is the last
    era = shifted // 400
    year_of_era = shifted - era * 400
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146_097 + day_of_era - 719_468


def civil_of(number: int) -> Civil:
    """The date of a day number."""
    shifted = number + 719_468
    era = shifted // 146_097
    day_of_era = shifted - era * 146_097
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted_month + 2) // 5 + 1
    month = shifted_month + 3 if shifted_month < 10 else shifted_month - 9
    return Civil(year_of_era + era * 400 + (1 if month <= 2 else 0), month, day)


def day_of(number: int) -> int:
    """The day (yyyymmdd) of a day number."""
    year, month, day = civil_of(number)
    return year * 10_000 + month * 100 + day


def is_day(day: int) -> bool:
    """Whether yyyymmdd is a date that exists (year 1 to 9999)."""
    if not 1_01_01 <= day <= 9999_12_31:
        return False
    month, day_of_month = day // 100 % 100, day % 100
    if not (1 <= month <= 12 and 1 <= day_of_month <= 31):
        return False
    return day_of(day_number(day // 10_000, month, day_of_month)) == day


def day_number_of(day: int) -> int:
    """The day number of yyyymmdd, which must be a date that exists."""
    number = day_number(day // 10_000, day // 100 % 100, day % 100)
    assert day_of(number) == day, "kernel bug: not a date (yyyymmdd)"
    return number


def weekday_of(number: int) -> int:
    """0 (Monday) to 6 (Sunday) of a day number; 1970-01-01 was a Thursday."""
    return (number + 3) % 7


def _sunday_on_or_after(year: int, month: int, day: int) -> int:
    number = day_number(year, month, day)
    return number + (SUNDAY - weekday_of(number))


def _changes() -> tuple[int, ...]:
    """The instants at which daylight time begins and ends, in turn, oldest first."""
    changes: list[int] = []
    for year in range(NEW_YORK_YEAR_FIRST, NEW_YORK_YEAR_LAST + 1):
        if year <= 2006:
            begin, end = _sunday_on_or_after(year, 4, 1), _sunday_on_or_after(year, 10, 25)
        else:
            begin, end = _sunday_on_or_after(year, 3, 8), _sunday_on_or_after(year, 11, 1)
        changes.append(begin * DAY + 2 * HOUR - STANDARD)
        changes.append(end * DAY + 2 * HOUR - DAYLIGHT)
    return tuple(changes)


CHANGES: Final = _changes()
FIRST: Final = day_number(NEW_YORK_YEAR_FIRST, 1, 1) * DAY - STANDARD
PAST: Final = day_number(NEW_YORK_YEAR_LAST + 1, 1, 1) * DAY - STANDARD


def new_york_offset(instant: Instant) -> Duration | None:
    """What to add to UTC for New York's wall time then; None outside of the years of rule 4."""
    if not FIRST <= instant < PAST:
        return None
    return DAYLIGHT if bisect_right(CHANGES, instant) % 2 else STANDARD


def minute_of_day_new_york(instant: Instant) -> int | None:
    """Whole minutes since New York's wall clock showed 00:00 (0 to 1439); None outside of rule 4's years.

    It is what the wall clock shows, so an hour is missing or comes twice on the two Sundays of change.
    """
    offset = new_york_offset(instant)
    return None if offset is None else (instant + offset) % DAY // MINUTE


def minute_of_day_utc(instant: Instant) -> int:
    """Whole minutes since midnight UTC (0 to 1439)."""
    return instant % DAY // MINUTE


def utc_day(instant: Instant) -> int:
    """The UTC date as yyyymmdd: the session day of crypto."""
    return day_of(instant // DAY)
