"""Deadlines: a persistent heap gives them back in order of time, then of key, each once."""

from hypothesis import given
from hypothesis import strategies as st

from kernel.timers import NO_TIMERS, Timers, next_at, put, take_due
from kernel.units import Instant

entries = st.lists(st.tuples(st.integers(0, 50), st.sampled_from("abcdef")), max_size=60)


def filled(rows: list[tuple[int, str]]) -> Timers:
    timers = NO_TIMERS
    for at, key in rows:
        timers = put(timers, Instant(at), key)
    return timers


def drained(timers: Timers, now: int) -> tuple[list[str], Timers]:
    keys: list[str] = []
    for _ in range(1_000):
        timers, key = take_due(timers, Instant(now))
        if key is None:
            return keys, timers
        keys.append(key)
    raise AssertionError("it never ends")


@given(entries, st.integers(0, 50))
def test_what_is_due_comes_in_order_and_the_rest_stays(rows: list[tuple[int, str]], now: int) -> None:
    timers = filled(rows)
    assert next_at(timers) == (min(at for at, _ in rows) if rows else None)
    due, rest = drained(timers, now)
    assert due == [key for at, key in sorted(rows) if at <= now]
    late, nothing = drained(rest, 1_000)
    assert late == [key for at, key in sorted(rows) if at > now]
    assert nothing == NO_TIMERS
    assert drained(timers, now)[0] == due, "a value is not changed by taking from it"


@given(entries, entries)
def test_setting_between_takings_keeps_the_order(
    first: list[tuple[int, str]], second: list[tuple[int, str]]
) -> None:
    half, timers = drained(filled(first), 25)
    for at, key in second:
        timers = put(timers, Instant(at), key)
    keys, _ = drained(timers, 1_000)
    left = [row for row in first if row[0] > 25]
    assert half == [key for at, key in sorted(first) if at <= 25]
    assert keys == [key for _, key in sorted(left + second)]


def test_nothing_is_due_before_its_time() -> None:
    timers = filled([(10, "a")])
    assert take_due(timers, Instant(9)) == (timers, None)
    assert take_due(NO_TIMERS, Instant(9)) == (NO_TIMERS, None)
