"""kernel.session.calendar against exchange_calendars: every session day 1998 to 2028, and its edges."""

import importlib
from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.session import calendar, nyse_table
from kernel.session.calendar import CalendarRange, Phase, Session
from kernel.units import DAY, HOUR, MINUTE, SECOND, Instant

pytest.importorskip("exchange_calendars", reason="a tool of development, to compare with")
tool = importlib.import_module("tests.tools.make_nyse_table")

NEW_YORK = ZoneInfo("America/New_York")


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> Instant:
    return Instant(int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp()) * SECOND)


def new_york(day: date, hour: int, minute: int = 0) -> int:
    moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK)
    return int(moment.timestamp()) * SECOND


@pytest.fixture(scope="module")
def schedule() -> dict[date, tuple[int, int]]:
    """Regular open and close (ns UTC) of every session of XNYS, from exchange_calendars."""
    return {
        day: (int(opened.timestamp()) * SECOND, int(closed.timestamp()) * SECOND)
        for day, opened, closed in tool.sessions()
    }


@pytest.fixture(scope="module")
def sessions(schedule: dict[date, tuple[int, int]]) -> list[Session]:
    """Ours of the same days, in order."""
    found = [calendar.session_on(day.year * 10_000 + day.month * 100 + day.day) for day in sorted(schedule)]
    return [session for session in found if isinstance(session, Session)]


def test_every_day_of_31_years_equals_exchange_calendars(schedule: dict[date, tuple[int, int]]) -> None:
    day, count = date(1998, 1, 1), 0
    while day <= date(2028, 12, 31):
        number = day.year * 10_000 + day.month * 100 + day.day
        session = calendar.session_on(number)
        if day in schedule:
            assert isinstance(session, Session), day
            assert (session.open, session.close) == schedule[day], day
            assert session.day == number
            assert session.pre_open == new_york(day, 4)
            assert session.post_close == session.close + 4 * HOUR
            count += 1
        else:
            assert session is None, day
        day += timedelta(days=1)
    assert count == len(schedule) == 7_796


def test_phases_at_every_edge_of_every_session(sessions: list[Session]) -> None:
    assert len(sessions) == 7_796
    for session in sessions:
        edges = (
            (session.pre_open, Phase.CLOSED, Phase.PRE),
            (session.open, Phase.PRE, Phase.REGULAR),
            (session.close, Phase.REGULAR, Phase.POST),
            (session.post_close, Phase.POST, Phase.CLOSED),
        )
        for edge, before, after in edges:
            assert calendar.phase_at(Instant(edge - 1)) is before
            assert calendar.phase_at(edge) is after
        assert calendar.is_regular(session.open)
        assert calendar.is_regular(Instant(session.close - 1))
        assert not calendar.is_regular(session.close)
        assert calendar.session_of(session.open) == session
        assert calendar.session_of(session.pre_open) == session
        assert calendar.session_of(Instant(session.post_close - 1)) == session


def test_neighbors_of_every_session(sessions: list[Session]) -> None:
    for earlier, later in pairwise(sessions):
        assert calendar.next_session(earlier.open) == later
        assert calendar.next_session(Instant(later.open - 1)) == later
        assert calendar.previous_session(later.open) == earlier
        assert calendar.previous_session(earlier.close) == earlier
        assert calendar.previous_session(Instant(later.close - 1)) == earlier


def test_no_stretch_without_a_session_is_longer_than_the_named_maximum(sessions: list[Session]) -> None:
    gaps = [b.open // DAY - a.open // DAY - 1 for a, b in pairwise(sessions)]
    assert max(gaps) == 6  # 2001-09-11, a Tuesday, to the Sunday after
    assert max(gaps) <= calendar.DAYS_CLOSED_MAX


INSTANTS = st.integers(utc(1998, 1, 2, 12), utc(2028, 12, 29, 12))


@given(INSTANTS)
def test_any_instant_agrees_with_a_search_in_the_list_of_sessions(
    sessions: list[Session], value: int
) -> None:
    instant = Instant(value)
    opens = [session.open for session in sessions]
    closes = [session.close for session in sessions]
    inside = bisect_right(opens, instant) - 1
    open_now = inside >= 0 and instant < closes[inside]
    assert calendar.is_regular(instant) == open_now
    after = bisect_right(opens, instant)
    assert calendar.next_session(instant) == sessions[after]
    before = bisect_right(closes, instant) - 1
    if before >= 0:
        assert calendar.previous_session(instant) == sessions[before]
    local = datetime.fromtimestamp(value // SECOND, NEW_YORK).date()
    day = local.year * 10_000 + local.month * 100 + local.day
    days = [session.day for session in sessions]
    place = bisect_left(days, day)
    held = sessions[place] if place < len(days) and days[place] == day else None
    assert calendar.session_of(instant) == held


def test_days_that_people_know() -> None:
    christmas_eve = calendar.session_on(20151224)
    assert isinstance(christmas_eve, Session)
    assert christmas_eve.open == utc(2015, 12, 24, 14, 30)
    assert christmas_eve.close == utc(2015, 12, 24, 18)
    assert christmas_eve.post_close == utc(2015, 12, 24, 22)
    assert calendar.session_on(20010911) is None
    assert calendar.session_on(20121029) is None
    assert calendar.session_on(20250109) is None  # a day of mourning
    friday, monday = calendar.session_on(20080307), calendar.session_on(20080310)
    assert isinstance(friday, Session)
    assert isinstance(monday, Session)
    assert friday.open == utc(2008, 3, 7, 14, 30)
    assert monday.open == utc(2008, 3, 10, 13, 30)  # daylight time began on the Sunday between


@pytest.mark.parametrize("day", [19971231, 20290102, 20500601, 10101])
def test_outside_of_the_table_the_answer_is_that_it_is_unknown(day: int) -> None:
    assert calendar.session_on(day) == CalendarRange(day, 19980101, 20281231)


def test_outside_of_the_table_nobody_trades_and_nothing_fails() -> None:
    strange = (Instant(0), Instant(-(10**25)), Instant(10**25), utc(1997, 12, 31, 18), utc(2029, 1, 2, 18))
    for instant in strange:
        assert isinstance(calendar.session_of(instant), CalendarRange)
        assert isinstance(calendar.next_session(instant), (CalendarRange, Session))
        assert isinstance(calendar.previous_session(instant), (CalendarRange, Session))
        assert calendar.phase_at(instant) is Phase.UNKNOWN
        assert not calendar.is_regular(instant)
    assert isinstance(calendar.next_session(utc(2028, 12, 29, 22)), CalendarRange)
    assert isinstance(calendar.previous_session(utc(1998, 1, 1, 22)), CalendarRange)


def test_crypto_has_a_day_and_a_minute_at_any_instant() -> None:
    midnight = utc(2017, 9, 5)
    assert calendar.utc_day(midnight) == 20170905
    assert calendar.utc_day(Instant(midnight - 1)) == 20170904
    assert calendar.minute_of_day_utc(Instant(midnight - 1)) == 1439
    assert calendar.minute_of_day_utc(Instant(midnight + 90 * MINUTE)) == 90


def test_the_committed_table_is_what_the_generator_writes() -> None:
    written = Path(nyse_table.__file__).read_text(encoding="utf-8").splitlines()
    made = tool.render().splitlines()
    # The line with the source's version may differ: only the days matter.
    assert [line for line in written if "exchange_calendars" not in line] == [
        line for line in made if "exchange_calendars" not in line
    ]
