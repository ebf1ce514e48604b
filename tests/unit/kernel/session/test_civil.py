"""kernel.session.civil against datetime and zoneinfo: every day, every hour of the Sundays of change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.session import civil
from kernel.units import DAY, HOUR, MINUTE, SECOND, Instant

NEW_YORK = ZoneInfo("America/New_York")
EPOCH = date(1970, 1, 1)


def instant_of(moment: datetime) -> Instant:
    """Nanoseconds of an aware datetime without a fraction of a second."""
    return Instant(int(moment.timestamp()) * SECOND)


def expected_offset(moment: datetime) -> int:
    offset = moment.astimezone(NEW_YORK).utcoffset()
    assert offset is not None
    return int(offset.total_seconds()) * SECOND


def test_every_day_from_1990_to_2040_equals_datetime() -> None:
    day, count = date(1990, 1, 1), 0
    while day <= date(2040, 12, 31):
        number = (day - EPOCH).days
        as_int = day.year * 10_000 + day.month * 100 + day.day
        assert civil.day_number(day.year, day.month, day.day) == number
        assert civil.civil_of(number) == (day.year, day.month, day.day)
        assert civil.day_of(number) == as_int
        assert civil.day_number_of(as_int) == number
        assert civil.is_day(as_int)
        assert civil.weekday_of(number) == day.weekday()
        assert civil.utc_day(Instant(number * DAY)) == as_int
        assert civil.utc_day(Instant(number * DAY + DAY - 1)) == as_int
        day += timedelta(days=1)
        count += 1
    assert count == 18_628


@given(st.dates())
def test_any_date_that_python_knows_equals_datetime(day: date) -> None:
    number = (day - EPOCH).days
    assert civil.day_number(day.year, day.month, day.day) == number
    assert civil.civil_of(number) == (day.year, day.month, day.day)
    assert civil.weekday_of(number) == day.weekday()


@given(st.integers(min_value=0, max_value=99_99_99_99))
def test_is_day_is_what_datetime_accepts(value: int) -> None:
    try:
        date(value // 10_000, value // 100 % 100, value % 100)
        exists = True
    except ValueError:
        exists = False
    assert civil.is_day(value) == exists


@pytest.mark.parametrize("bad", [20230229, 20231301, 20230100, 20230431, 0])
def test_a_date_that_does_not_exist_is_a_kernel_bug(bad: int) -> None:
    assert not civil.is_day(bad)
    with pytest.raises(AssertionError, match="kernel bug: not a date"):
        civil.day_number_of(bad)


def changes_of_zoneinfo(year: int) -> list[datetime]:
    """The UTC hours of a year at which zoneinfo's offset differs from the hour before."""
    moment, found = datetime(year, 1, 1, 6, tzinfo=UTC), []
    while moment.year == year:
        if expected_offset(moment) != expected_offset(moment - timedelta(hours=1)):
            found.append(moment)
        moment += timedelta(hours=1)
    return found


def test_daylight_time_changes_when_zoneinfo_says_to_the_nanosecond() -> None:
    count = 0
    for year in range(1987, 2041):
        for moment in changes_of_zoneinfo(year):
            instant = instant_of(moment)
            assert civil.new_york_offset(instant) == expected_offset(moment)
            assert civil.new_york_offset(Instant(instant - 1)) == expected_offset(moment - timedelta(hours=1))
            count += 1
    assert count == 2 * 54


def test_weekends_of_change_equal_zoneinfo_hour_by_hour() -> None:
    hours = 0
    for year in range(1987, 2041):
        for change in changes_of_zoneinfo(year):
            for step in range(-48, 49):
                moment = change + timedelta(hours=step)
                local = moment.astimezone(NEW_YORK)
                instant = instant_of(moment)
                assert civil.new_york_offset(instant) == expected_offset(moment)
                assert civil.minute_of_day_new_york(instant) == local.hour * 60 + local.minute
                hours += 1
    assert hours == 2 * 54 * 97


@given(st.datetimes(min_value=datetime(1987, 1, 2), max_value=datetime(2040, 12, 31)))
def test_minutes_of_the_day_equal_zoneinfo_anywhere(naive: datetime) -> None:
    moment = naive.replace(microsecond=0, tzinfo=UTC)
    local = moment.astimezone(NEW_YORK)
    assert civil.minute_of_day_new_york(instant_of(moment)) == local.hour * 60 + local.minute
    assert civil.minute_of_day_utc(instant_of(moment)) == moment.hour * 60 + moment.minute


def test_a_minute_is_whole_until_its_last_nanosecond() -> None:
    nine_thirty = instant_of(datetime(2013, 10, 8, 13, 30, tzinfo=UTC))
    assert civil.minute_of_day_new_york(nine_thirty) == 570
    assert civil.minute_of_day_new_york(Instant(nine_thirty - 1)) == 569
    assert civil.minute_of_day_new_york(Instant(nine_thirty + MINUTE - 1)) == 570


def test_beyond_the_known_years_new_york_is_unknown_not_guessed() -> None:
    first = Instant(civil.day_number(1987, 1, 1) * DAY + 5 * HOUR)
    past = Instant(civil.day_number(2100, 1, 1) * DAY + 5 * HOUR)
    assert civil.new_york_offset(first) == -5 * HOUR
    assert civil.new_york_offset(Instant(past - 1)) == -5 * HOUR
    for instant in (Instant(first - 1), past, Instant(0), Instant(-(10**30)), Instant(10**30)):
        assert civil.new_york_offset(instant) is None
        assert civil.minute_of_day_new_york(instant) is None
