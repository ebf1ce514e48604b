"""The outbox: the most urgent first, in order within a line; nothing lost, sent late or paid for twice."""

from hypothesis import given
from hypothesis import strategies as st

from kernel.commands import BrokerCall, FetchAccount, FetchPositions
from kernel.config import ThrottleConfig
from kernel.outbox import NO_CALLS, Calls, Fate, Pumped, answered, enqueue, pump, silent
from kernel.throttle.throttle import Priority, initial
from kernel.units import SECOND, Duration, Instant

NEVER = Instant(0)
T0 = Instant(1_000 * SECOND)
TIGHT = ThrottleConfig(limit=4, window=Duration(60 * SECOND), reserved_for_safety=2, reserved_for_urgent=1)


def always(_: BrokerCall) -> Fate:
    return Fate.SEND


def lined(*priorities: Priority, valid_until: Instant = NEVER) -> Calls:
    """Calls in line, numbered from 1."""
    calls = NO_CALLS
    for priority in priorities:
        calls, _ = enqueue(calls, priority, FetchAccount(0), valid_until)
    return calls


def numbers(commands: tuple[BrokerCall, ...]) -> list[int]:
    return [command.call for command in commands]


def pumped(calls: Calls, config: ThrottleConfig = TIGHT, now: Instant = T0) -> Pumped:
    return pump(calls, initial(config), now, always)


def test_the_most_urgent_go_first_and_each_line_in_order() -> None:
    calls = lined(Priority.ENTRY, Priority.QUERY, Priority.CANCEL, Priority.QUERY, Priority.KILL)
    done = pumped(calls, ThrottleConfig())
    assert numbers(done.sent) == [5, 3, 2, 4, 1]
    assert (done.calls.waiting, done.wake_at) == (0, None)
    assert sorted(done.calls.flying) == [1, 2, 3, 4, 5]


def test_entries_leave_the_reserve_to_cancels() -> None:
    done = pumped(lined(*[Priority.ENTRY] * 5))
    assert numbers(done.sent) == [1, 2]
    assert done.wake_at == T0 + 60 * SECOND
    calls, _ = enqueue(done.calls, Priority.CANCEL, FetchAccount(0), NEVER)
    more = pump(calls, done.throttle, T0, always)
    assert numbers(more.sent) == [6]


def test_who_waits_is_counted_as_deferred_once() -> None:
    done = pumped(lined(*[Priority.ENTRY] * 5))
    assert done.throttle.deferred == 3
    again = pump(done.calls, done.throttle, T0, always)
    assert again.throttle.deferred == 3
    calls, _ = enqueue(again.calls, Priority.ENTRY, FetchAccount(0), NEVER)
    assert pump(calls, again.throttle, T0, always).throttle.deferred == 4


def test_what_grew_too_old_is_dropped_not_sent_late() -> None:
    calls = lined(*[Priority.ENTRY] * 3, valid_until=Instant(T0 + 10 * SECOND))
    done = pumped(calls)
    assert numbers(done.sent) == [1, 2]
    assert done.wake_at == T0 + 10 * SECOND + 1
    late = pump(done.calls, done.throttle, Instant(T0 + 61 * SECOND), always)
    assert (numbers(late.sent), numbers(late.dropped)) == ([], [3])
    assert late.calls.waiting == 0


def test_what_nobody_wants_any_more_costs_no_permit() -> None:
    calls = lined(Priority.ENTRY, Priority.ENTRY, Priority.ENTRY)
    done = pump(calls, initial(TIGHT), T0, lambda command: Fate.FORGET if command.call == 1 else Fate.SEND)
    assert (numbers(done.sent), done.dropped) == ([2, 3], ())
    assert done.throttle.sent == 2


def test_what_is_not_allowed_is_handed_back() -> None:
    done = pump(lined(Priority.ENTRY), initial(TIGHT), T0, lambda _: Fate.DROP)
    assert (numbers(done.dropped), done.throttle.sent, done.calls.waiting) == ([1], 0, 0)


def test_an_answer_is_taken_once() -> None:
    done = pumped(lined(Priority.QUERY))
    calls, flight = answered(done.calls, 1)
    assert flight is not None
    assert (flight.command, flight.sent_at) == (FetchAccount(1), T0)
    assert answered(calls, 1) == (calls, None)
    assert answered(calls, 99) == (calls, None)


def test_calls_without_an_answer_are_found_by_age() -> None:
    done = pumped(lined(Priority.CANCEL, Priority.CANCEL))
    calls, _ = answered(done.calls, 1)
    assert silent(calls, Instant(T0 - 1)) == ()
    assert silent(calls, T0) == (2,)


@given(
    st.lists(st.sampled_from(list(Priority)), max_size=40),
    st.lists(st.integers(1, 90), min_size=1, max_size=20),
)
def test_every_call_leaves_exactly_once(priorities: list[Priority], waits: list[int]) -> None:
    calls, throttle, now = NO_CALLS, initial(TIGHT), T0
    left: list[int] = []
    pending = list(priorities)
    for seconds in (*waits, *[60] * 40):
        if pending:
            calls, number = enqueue(calls, pending.pop(), FetchPositions(0), NEVER)
            assert number == calls.next_call - 1
        done = pump(calls, throttle, now, always)
        calls, throttle = done.calls, done.throttle
        left += numbers(done.sent)
        assert calls.waiting == sum(lane.tail - lane.head for lane in calls.lanes)
        assert (done.wake_at is None) == (calls.waiting == 0)
        now = Instant(now + seconds * SECOND)
    assert sorted(left) == sorted(set(left))
    assert len(left) + calls.waiting + len(pending) == len(priorities)
    assert throttle.peak <= TIGHT.limit
