"""The equity calendar in the forms that the venue and the wire want, from the kernel's committed table.

1. `session_of` gives the venue plain integers; days outside of the table are closed days.
2. `days` lists sessions between two civil days, for /v2/calendar; never more than DAYS_MAX.
3. `next_open` and `next_close` serve /v2/clock: the session under way counts for the close, not for the open.
"""

from datetime import date, timedelta
from typing import Final

from kernel.session import calendar
from kernel.session.calendar import CalendarRange, Session
from kernel.units import Instant

__all__ = ["DAYS_MAX", "Hours"]

DAYS_MAX: Final = 20_000
"""Civil days that one calendar request walks over at most (the table spans fewer)."""


class Hours:
    """The regular sessions of US equities."""

    def session_of(self, at: int) -> tuple[int, int] | None:
        """Regular open and close of the New York day that contains `at`; None on a closed or unknown day."""
        session = calendar.session_of(Instant(at))
        return (session.open, session.close) if isinstance(session, Session) else None

    def is_open(self, now: int) -> bool:
        """Whether the regular session is under way."""
        return calendar.is_regular(Instant(now))

    def next_open(self, now: int) -> int | None:
        """The next regular open after `now`; None beyond the table."""
        session = calendar.next_session(Instant(now))
        return None if isinstance(session, CalendarRange) else session.open

    def next_close(self, now: int) -> int | None:
        """The next regular close after `now`; None beyond the table."""
        today = self.session_of(now)
        if today is not None and now < today[1]:
            return today[1]
        session = calendar.next_session(Instant(now))
        return None if isinstance(session, CalendarRange) else session.close

    def days(self, start: date, end: date) -> list[Session]:
        """The sessions from `start` to `end`, both included."""
        first = max(start, _civil(calendar.FIRST_DAY))
        last = min(end, _civil(calendar.LAST_DAY))
        found: list[Session] = []
        for step in range(min((last - first).days + 1, DAYS_MAX)):
            day = first + timedelta(days=step)
            session = calendar.session_on(day.year * 10_000 + day.month * 100 + day.day)
            if isinstance(session, Session):
                found.append(session)
        return found


def _civil(day: int) -> date:
    """The kernel's yyyymmdd as a date."""
    return date(day // 10_000, day // 100 % 100, day % 100)
