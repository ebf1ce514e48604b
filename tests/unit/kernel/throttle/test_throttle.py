"""The throttle against a slow twin that keeps every instant and counts every window afresh."""

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.config import ThrottleConfig
from kernel.throttle.throttle import (
    RETRY_AFTER_WINDOWS_MAX,
    Grant,
    Priority,
    ThrottleState,
    Wait,
    decide,
    initial,
    next_grant_at,
    note_deferred,
    note_rate_limited,
    note_response,
    reconfigured,
)
from kernel.units import MINUTE, SECOND, Duration, Instant

T0: Final = 1_767_225_600_000_000_000
ENTRY, QUERY, CANCEL, KILL = Priority.ENTRY, Priority.QUERY, Priority.CANCEL, Priority.KILL
SMALL: Final = ThrottleConfig(limit=5, window=Duration(10), reserved_for_safety=2, reserved_for_urgent=1)
ASKS = st.lists(
    st.tuples(st.integers(min_value=-4, max_value=12), st.sampled_from(Priority)), min_size=1, max_size=60
)


class Twin:
    """What the throttle must do, in the plainest words: no ring, no shortcuts."""

    def __init__(self, config: ThrottleConfig) -> None:
        self.config = config
        self.instants: list[int] = []

    def leave(self, priority: Priority) -> int:
        if priority <= ENTRY:
            return self.config.reserved_for_safety
        return self.config.reserved_for_urgent if priority is QUERY else 0

    def within(self, at: int) -> int:
        return sum(1 for instant in self.instants if at - self.config.window < instant <= at)

    def ask(self, now: int, priority: Priority) -> bool:
        at = max([now, *self.instants])
        if self.within(at) >= self.config.limit - self.leave(priority):
            return False
        self.instants.append(at)
        return True

    def worst_window(self) -> int:
        return max((self.within(at) for at in self.instants), default=0)


def send(state: ThrottleState, now: int, priority: Priority, times: int = 1) -> ThrottleState:
    """So many grants at one instant; fails when one has to wait."""
    for _ in range(times):
        answer = decide(state, Instant(now), priority)
        assert isinstance(answer, Grant)
        state = answer.state
    return state


def burst(state: ThrottleState, now: int, priority: Priority) -> tuple[ThrottleState, int]:
    """As many as are granted at once (at most 1,000)."""
    for count in range(1_000):
        answer = decide(state, Instant(now), priority)
        if isinstance(answer, Wait):
            return state, count
        state = answer.state
    return state, 1_000


@given(ASKS)
@settings(max_examples=400)
def test_same_as_the_twin(asks: list[tuple[int, Priority]]) -> None:
    """Same answers, same peak, for asks whose clock also steps back."""
    state, twin, now = initial(SMALL), Twin(SMALL), T0
    for step, priority in asks:
        now += step
        answer = decide(state, Instant(now), priority)
        assert isinstance(answer, Grant) == twin.ask(now, priority)
        if isinstance(answer, Grant):
            state = answer.state
    assert state.sent == len(twin.instants)
    assert state.peak == twin.worst_window() <= SMALL.limit


@given(ASKS, st.sampled_from(Priority), st.integers(min_value=0, max_value=30))
def test_next_grant_is_the_first_instant(
    asks: list[tuple[int, Priority]], priority: Priority, later: int
) -> None:
    """Tried instant by instant: it waits at each before, and is granted there."""
    state, now = initial(SMALL), T0
    for step, wanted in asks:
        now += step
        answer = decide(state, Instant(now), wanted)
        state = answer.state if isinstance(answer, Grant) else state
    asked = Instant(now + later)
    promised = next_grant_at(state, asked, priority)
    for instant in range(max(asked, state.latest), promised):
        assert isinstance(decide(state, Instant(instant), priority), Wait)
    assert isinstance(decide(state, promised, priority), Grant)
    assert promised - max(asked, state.latest) <= SMALL.window


def test_a_burst_at_the_real_limit() -> None:
    """Entries get 160 of 200, queries 20 more, cancels the rest; then everybody waits for the window."""
    state, entries = burst(initial(ThrottleConfig()), T0, ENTRY)
    state, queries = burst(state, T0, QUERY)
    state, cancels = burst(state, T0, CANCEL)
    assert (entries, queries, cancels) == (160, 20, 20)
    assert (state.sent, state.peak) == (200, 200)
    assert decide(state, Instant(T0 + MINUTE - 1), KILL) == Wait(Instant(T0 + MINUTE))
    assert isinstance(decide(state, Instant(T0 + MINUTE), KILL), Grant)


def test_the_window_is_half_open() -> None:
    """A grant a whole window ago does not count; one a nanosecond younger does."""
    state, _ = burst(initial(SMALL), T0, CANCEL)
    assert isinstance(decide(state, Instant(T0 + 9), CANCEL), Wait)
    assert isinstance(decide(state, Instant(T0 + 10), CANCEL), Grant)


def test_time_that_steps_back_frees_nothing() -> None:
    state, _ = burst(initial(SMALL), T0, CANCEL)
    for back in (1, 10, 11, 10**18):
        assert decide(state, Instant(T0 - back), KILL) == Wait(Instant(T0 + 10))


def test_two_thousand_intents_with_cancels_between() -> None:
    """A minute's load: no cancel waits, no window over the limit."""
    state, now, sent_cancels = initial(ThrottleConfig()), T0, 0
    for number in range(2_000):
        now += 150_000_000
        answer = decide(state, Instant(now), ENTRY)
        state = answer.state if isinstance(answer, Grant) else note_deferred(state)
        if number % 20 == 0:
            state = send(state, now, CANCEL)
            sent_cancels += 1
    assert sent_cancels == 100
    assert state.peak <= 200
    assert state.deferred > 0
    assert state.sent + state.deferred == 2_000 + sent_cancels


def test_headers_put_a_ceiling_until_the_reset() -> None:
    reset = Instant(T0 + 30 * SECOND)
    state = note_response(initial(ThrottleConfig()), Instant(T0), 200, 50, reset)
    state, entries = burst(state, T0, ENTRY)
    state, cancels = burst(state, T0, CANCEL)
    assert (entries, cancels) == (10, 40)
    assert decide(state, Instant(T0), KILL) == Wait(reset)
    assert isinstance(decide(state, reset, ENTRY), Grant)


def test_calls_in_flight_are_taken_off_what_remains() -> None:
    state = send(initial(ThrottleConfig()), T0, CANCEL, 4)
    state = note_response(state, Instant(T0), 200, 10, Instant(T0 + SECOND), in_flight=3)
    assert burst(state, T0, CANCEL)[1] == 7


def test_an_answer_out_of_order_does_not_loosen() -> None:
    """Two answers of one window: the later state of the broker's count holds, whichever comes last."""
    reset = Instant(T0 + 30 * SECOND)
    for first, second in ((7, 9), (9, 7)):
        state = note_response(initial(ThrottleConfig()), Instant(T0), 200, first, reset)
        state = note_response(state, Instant(T0), 200, second, reset)
        assert burst(state, T0, CANCEL)[1] == 7


def test_a_new_window_of_the_broker_replaces_the_old_ceiling() -> None:
    state = note_response(initial(ThrottleConfig()), Instant(T0), 200, 0, Instant(T0 + SECOND))
    state = note_response(state, Instant(T0), 200, 150, Instant(T0 + 40 * SECOND))
    assert burst(state, T0, CANCEL)[1] == 150


def test_a_reset_in_the_past_or_far_away() -> None:
    fresh = initial(ThrottleConfig())
    assert burst(note_response(fresh, Instant(T0), 200, 0, Instant(T0 - 1)), T0, CANCEL)[1] == 200
    for far in (None, Instant(T0 + 10**18)):
        state = note_response(fresh, Instant(T0), 200, 0, far)
        assert next_grant_at(state, Instant(T0), KILL) == T0 + MINUTE


@pytest.mark.parametrize(("limit", "expected"), [(None, 200), (0, 200), (-5, 200), (1_000, 200), (100, 100)])
def test_the_brokers_limit_only_shrinks_ours(limit: int | None, expected: int) -> None:
    state = note_response(initial(ThrottleConfig()), Instant(T0), limit, None, None)
    assert burst(state, T0, KILL)[1] == expected


def test_a_shrunk_limit_keeps_the_shares_and_comes_back() -> None:
    state = note_response(initial(ThrottleConfig()), Instant(T0), 100, None, None)
    assert burst(state, T0, ENTRY)[1] == 80
    assert burst(state, T0, QUERY)[1] == 90
    state = note_response(state, Instant(T0), 200, None, None)
    assert burst(state, T0, ENTRY)[1] == 160


def test_every_priority_keeps_a_call_at_the_least_limit() -> None:
    state = note_response(initial(ThrottleConfig()), Instant(T0), 1, None, None)
    for priority in Priority:
        assert burst(state, T0, priority)[1] == 1


def test_a_429_pauses_all_and_entries_for_a_window() -> None:
    state = note_rate_limited(initial(ThrottleConfig()), Instant(T0), Duration(5 * SECOND))
    assert next_grant_at(state, Instant(T0), KILL) == T0 + 5 * SECOND
    assert next_grant_at(state, Instant(T0), QUERY) == T0 + 5 * SECOND
    assert next_grant_at(state, Instant(T0), ENTRY) == T0 + MINUTE
    assert state.brake.http_429 == 1


def test_pauses_double_up_to_a_window_and_start_again() -> None:
    state, now, pauses = initial(ThrottleConfig()), Instant(T0), []
    for _ in range(9):
        state = note_rate_limited(state, now, None)
        pauses.append(state.brake.blocked_until - now)
        now = state.brake.blocked_until
    assert pauses == [MINUTE // 2**step for step in (6, 5, 4, 3, 2, 1, 0, 0, 0)]
    state = note_rate_limited(state, Instant(now + MINUTE), None)
    assert state.brake.blocked_until - now - MINUTE == MINUTE // 64


def test_429s_of_one_pause_count_as_one() -> None:
    state = initial(ThrottleConfig())
    for _ in range(5):
        state = note_rate_limited(state, Instant(T0), None)
    assert state.brake.blocked_until == T0 + MINUTE // 64
    assert state.brake.http_429 == 5


def test_an_absurd_retry_after_is_cut() -> None:
    fresh = initial(ThrottleConfig())
    state = note_rate_limited(fresh, Instant(T0), Duration(10**20))
    assert next_grant_at(state, Instant(T0), KILL) == T0 + RETRY_AFTER_WINDOWS_MAX * MINUTE
    state = note_rate_limited(fresh, Instant(T0), Duration(-1))
    assert next_grant_at(state, Instant(T0), KILL) == T0 + MINUTE // 64


@given(
    ASKS,
    st.integers(min_value=1, max_value=9),
    st.integers(min_value=1, max_value=20),
    st.lists(st.integers(min_value=0, max_value=6), max_size=30),
)
def test_reconfiguring_forgets_no_send(
    asks: list[tuple[int, Priority]], limit: int, window: int, later: list[int]
) -> None:
    """Under the new limit every grant, and all that the old ring still knew before it, fit the new window."""
    state, now = initial(SMALL), T0
    for step, priority in asks:
        now += step
        answer = decide(state, Instant(now), priority)
        state = answer.state if isinstance(answer, Grant) else state
    instants = sorted(state.grants.values())
    state = reconfigured(state, ThrottleConfig(limit, Duration(window), 0, 0), Instant(now))
    for step in later:
        now += step
        answer = decide(state, Instant(now), KILL)
        if isinstance(answer, Grant):
            state = answer.state
            instants.append(state.latest)
            assert sum(1 for at in instants if at > state.latest - window) <= limit
    assert state.peak <= limit


def test_reconfiguring_with_the_same_configuration_is_nothing() -> None:
    state = send(initial(SMALL), T0, CANCEL, 3)
    assert reconfigured(state, SMALL, Instant(T0)) is state


@pytest.mark.parametrize(
    "config",
    [
        ThrottleConfig(limit=40),
        ThrottleConfig(window=Duration(0)),
        ThrottleConfig(reserved_for_safety=10, reserved_for_urgent=20),
        ThrottleConfig(reserved_for_urgent=-1),
    ],
)
def test_an_impossible_budget_is_a_kernel_bug(config: ThrottleConfig) -> None:
    with pytest.raises(AssertionError, match="kernel bug"):
        initial(config)


def test_the_state_is_a_value() -> None:
    """Same history, same state; deciding changes nothing that was there before."""
    first = send(initial(SMALL), T0, CANCEL, 2)
    second = send(initial(SMALL), T0, CANCEL, 2)
    assert first == second
    assert hash(first) == hash(second)
    send(first, T0, CANCEL)
    assert first == second


def test_urgency_rises() -> None:
    names = [priority.name for priority in sorted(Priority, reverse=True)]
    assert names == ["KILL", "CANCEL", "PROTECTIVE_STOP", "REDUCE", "QUERY", "ENTRY", "DATA"]


def test_a_longer_ring_takes_the_gap_for_the_oldest_known_send() -> None:
    """Of the three sends two are remembered: the forgotten one counts as the older of them, not the newer."""
    state = initial(ThrottleConfig(2, Duration(10), 0, 0))
    for now in (T0, T0 + 10, T0 + 17):
        state = send(state, now, CANCEL)
    state = reconfigured(state, ThrottleConfig(3, Duration(100), 0, 0), Instant(T0 + 17))
    assert next_grant_at(state, Instant(T0 + 17), CANCEL) == T0 + 110
    assert state.peak == 3
