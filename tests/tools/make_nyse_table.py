"""Makes kernel/session/nyse_table.py from exchange_calendars' XNYS: holidays, early closes, late opens.

    python -m tests.tools.make_nyse_table            writes the table
    python -m tests.tools.make_nyse_table --check    exits 1 and says so when the file differs

Rules:
1. The table holds exceptions only: weekdays without a session, and sessions with other hours than usual.
2. Days are integers yyyymmdd, hours are minutes since midnight in New York.
3. A break in a session, or a session on a weekend, is an error: the kernel's calendar has no word for it.

exchange_calendars is a tool of development; nothing that ships imports it.
"""

import sys
import warnings
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import exchange_calendars

__all__ = ["TABLE_PATH", "main", "render", "sessions"]

FIRST = date(1998, 1, 1)
LAST = date(2028, 12, 31)
NEW_YORK = ZoneInfo("America/New_York")
OPEN_MINUTE = 570
CLOSE_MINUTE = 960
TABLE_PATH = Path(__file__).parents[2] / "kernel" / "session" / "nyse_table.py"

HEADER = '''"""NYSE's holidays, early closes and late opens, {first} to {last}. Generated: do not edit.

Made by `python -m tests.tools.make_nyse_table` from exchange_calendars {version} (calendar XNYS).
Rules:
1. A day is yyyymmdd, a minute counts from midnight in New York.
2. HOLIDAYS are weekdays without a session; every other weekday from FIRST_DAY to LAST_DAY is one.
3. EARLY_CLOSES and LATE_OPENS are (day, minute) of sessions that close before or open after the usual.
"""

from typing import Final

__all__ = ["CLOSE_MINUTE", "EARLY_CLOSES", "FIRST_DAY", "HOLIDAYS", "LAST_DAY", "LATE_OPENS", "OPEN_MINUTE"]

FIRST_DAY: Final = {first_day}
LAST_DAY: Final = {last_day}

OPEN_MINUTE: Final = {open_minute}
"""09:30."""
CLOSE_MINUTE: Final = {close_minute}
"""16:00."""
'''


def _as_int(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


def _rows(name: str, kind: str, items: list[tuple[int, str]]) -> list[str]:
    """An assignment of a tuple, one line for each year (two where it would be too long)."""
    if not items:
        return [f"{name}: Final[{kind}] = ()"]
    lines = [f"{name}: Final[{kind}] = ("]
    for year in sorted({day // 10_000 for day, _ in items}):
        texts = [text for day, text in items if day // 10_000 == year]
        while texts:
            row, texts = texts[:9], texts[9:]
            lines.append("    " + " ".join(f"{text}," for text in row))
    return [*lines, ")"]


def sessions() -> Iterator[tuple[date, datetime, datetime]]:
    """Date, open and close (aware, UTC) of every session of XNYS from FIRST to LAST, in order."""
    with warnings.catch_warnings():
        # Its use of pandas is its own affair.
        warnings.simplefilter("ignore", DeprecationWarning)
        calendar = exchange_calendars.get_calendar("XNYS", start=FIRST.isoformat(), end=LAST.isoformat())
        for row in calendar.schedule.itertuples():
            session: date = row.Index.date()
            if session.weekday() >= 5 or row.break_start == row.break_start:  # NaT is unequal to itself
                raise SystemExit(
                    f"make_nyse_table: {session}: on a weekend or with a break; extend the calendar"
                )
            yield session, row.open.to_pydatetime(), row.close.to_pydatetime()


def render() -> str:
    """The whole text of the table's file."""
    hours: dict[date, tuple[int, int]] = {}
    for session, open_utc, close_utc in sessions():
        opened, closed = (moment.astimezone(NEW_YORK) for moment in (open_utc, close_utc))
        hours[session] = (opened.hour * 60 + opened.minute, closed.hour * 60 + closed.minute)
    holidays: list[tuple[int, str]] = []
    early: list[tuple[int, str]] = []
    late: list[tuple[int, str]] = []
    day = FIRST
    while day <= LAST:
        number = _as_int(day)
        if day.weekday() < 5 and day not in hours:
            holidays.append((number, str(number)))
        elif day in hours:
            opened_minute, closed_minute = hours[day]
            if opened_minute != OPEN_MINUTE:
                late.append((number, f"({number}, {opened_minute})"))
            if closed_minute != CLOSE_MINUTE:
                early.append((number, f"({number}, {closed_minute})"))
        day += timedelta(days=1)
    head = HEADER.format(
        first=FIRST,
        last=LAST,
        version=exchange_calendars.__version__,
        first_day=_as_int(FIRST),
        last_day=_as_int(LAST),
        open_minute=OPEN_MINUTE,
        close_minute=CLOSE_MINUTE,
    )
    pairs = "tuple[tuple[int, int], ...]"
    body = ["", "# fmt: off"]
    body += [*_rows("HOLIDAYS", "tuple[int, ...]", holidays), ""]
    body += [*_rows("EARLY_CLOSES", pairs, early), ""]
    body += _rows("LATE_OPENS", pairs, late)
    return head + "\n".join([*body, "# fmt: on", ""])


def main(arguments: list[str]) -> int:
    """Writes or checks the file; 0, or 1 when it is stale."""
    text = render()
    if "--check" in arguments:
        if TABLE_PATH.is_file() and TABLE_PATH.read_text(encoding="utf-8") == text:
            return 0
        print(f"{TABLE_PATH.name} is stale: run python -m tests.tools.make_nyse_table", file=sys.stderr)
        return 1
    TABLE_PATH.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
