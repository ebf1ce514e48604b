"""Clocks: never backward, steps reported once with their sign, sleeps that survive a step."""

import time

import trio
import trio.testing

from kernel.units import MILLISECOND, SECOND, Duration, Instant
from shell.clock import Clock, TrioClock, WallClock


class Times:
    """A wall clock and a monotonic clock that a test turns by hand."""

    def __init__(self) -> None:
        self.wall = 1_700_000_000 * SECOND + 0
        self.monotonic = 5 * SECOND + 0
        self.steps: list[tuple[int, int]] = []

    def pass_by(self, by: int) -> None:
        self.wall += by
        self.monotonic += by

    def clock(self, floor: int = 0) -> WallClock:
        return WallClock(
            lambda at, by: self.steps.append((at, by)),
            floor=Instant(floor),
            wall=lambda: self.wall,
            monotonic=lambda: self.monotonic,
        )


def test_time_passes_without_a_step() -> None:
    times = Times()
    clock = times.clock()
    begin = clock.now()
    times.pass_by(3_600 * SECOND)
    assert clock.now() - begin == 3_600 * SECOND
    assert times.steps == []


def test_a_step_back_is_reported_once_and_time_stands_still() -> None:
    times = Times()
    clock = times.clock()
    begin = clock.now()
    times.wall -= 10 * SECOND
    assert clock.now() == begin
    assert clock.now() == begin
    assert times.steps == [(begin, -10 * SECOND)]
    times.pass_by(11 * SECOND)
    assert clock.now() == begin + SECOND
    assert len(times.steps) == 1


def test_a_step_forward_is_reported_and_followed() -> None:
    times = Times()
    clock = times.clock()
    begin = clock.now()
    times.wall += 7 * SECOND
    assert clock.now() == begin + 7 * SECOND
    assert times.steps == [(begin + 7 * SECOND, 7 * SECOND)]


def test_a_frozen_wall_clock_is_a_step() -> None:
    times = Times()
    clock = times.clock()
    clock.now()
    times.monotonic += 2 * SECOND
    clock.now()
    assert [by for _, by in times.steps] == [-2 * SECOND]


def test_a_frozen_wall_clock_is_found_however_often_it_is_read() -> None:
    times = Times()
    clock = times.clock()
    for _ in range(2_000):
        times.monotonic += MILLISECOND
        clock.now()
    assert 3 <= len(times.steps) <= 4
    assert sum(by for _, by in times.steps) <= -1_500 * MILLISECOND


def test_a_step_is_found_after_days_of_drift() -> None:
    times = Times()
    clock = times.clock()
    for _ in range(3 * 1_440):
        times.pass_by(60 * SECOND)
        times.wall += 60 * SECOND // 5_000
        clock.now()
    times.wall += SECOND
    clock.now()
    assert len(times.steps) == 1
    assert abs(times.steps[0][1] - SECOND) < 20 * MILLISECOND


def test_slow_drift_is_not_a_step() -> None:
    times = Times()
    clock = times.clock()
    for _ in range(1_000):
        times.pass_by(60 * SECOND)
        times.wall += 60 * SECOND // 2_000  # 500 parts per million
        clock.now()
    assert times.steps == []


def test_less_than_the_threshold_is_not_a_step() -> None:
    times = Times()
    clock = times.clock()
    times.wall -= 499 * MILLISECOND
    clock.now()
    assert times.steps == []


def test_the_floor_holds() -> None:
    times = Times()
    clock = times.clock(floor=times.wall + SECOND)
    assert clock.now() == times.wall + SECOND
    times.pass_by(2 * SECOND)
    assert clock.now() == times.wall


def test_real_clocks_agree_and_sleep() -> None:
    steps: list[Duration] = []

    async def main() -> tuple[Instant, Instant]:
        clock: Clock = WallClock(lambda at, by: steps.append(by))
        until = Instant(clock.now() + 20 * MILLISECOND)
        await clock.sleep_until(until)
        await clock.sleep_until(Instant(0))
        return until, clock.now()

    until, now = trio.run(main)
    assert until <= now <= time.time_ns()
    assert steps == []


def test_a_sleeper_wakes_after_a_step_forward() -> None:
    """Wall time jumps over the instant while it sleeps: it wakes within SLEEP_MAX, not an hour later."""
    times = Times()

    async def main() -> float:
        clock = times.clock()
        begin = trio.current_time()
        instant = Instant(clock.now() + 3_600 * SECOND)

        async def jump() -> None:
            await trio.sleep(0.5)
            times.wall += 3_600 * SECOND

        async with trio.open_nursery() as nursery:
            nursery.start_soon(jump)
            await clock.sleep_until(instant)
        return trio.current_time() - begin

    assert trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)) <= 1.5
    assert len(times.steps) == 1


def test_trio_clock_under_mock_time() -> None:
    async def main() -> list[int]:
        clock: Clock = TrioClock(Instant(1_000))
        seen: list[int] = [clock.now()]
        for wait in (1, 10, 3_600 * SECOND, 86_400 * SECOND + 7):
            until = Instant(clock.now() + wait)
            await clock.sleep_until(until)
            seen.append(clock.now())
            assert until <= clock.now() <= until + 10_000
        return seen

    seen = trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert seen == sorted(seen)
    assert seen[0] >= 1_000
