"""Clocks of the shell: what time it is, and sleeping until an instant.

The kernel never reads a clock; events carry the time at which the shell took them in, and this is where
that time comes from.

Rules:
1. `now` is UTC nanoseconds and never runs backward within a process. Where wall time goes back, `now`
   stands still until wall time has caught up.
2. Wall time and the monotonic clock are compared at each reading. When they part by more than a named
   threshold, that is a step: it is reported once, signed, and the new difference is the agreement from
   then on. Slow drift up to DRIFT_MAX (parts per million) is followed and is not a step.
3. `sleep_until` is by wall time and wakes at least every SLEEP_MAX to look again, so a step (or a machine
   that slept) delays a wake-up by no more than that.
4. A floor may be given (the journal's last event): `now` starts there, so time never runs backward within
   a journal either.

SimClock (simclock.py) satisfies the same Protocol with the session's time.
"""

import math
import time
from collections.abc import Callable
from typing import Final, Protocol

import trio

from kernel.units import MILLISECOND, SECOND, Duration, Instant

__all__ = ["Clock", "Stepped", "TrioClock", "WallClock"]

STEP_MIN: Final = Duration(500 * MILLISECOND)
"""Parting by less than this is not called a step: a suspended thread or a slewed clock does as much."""

DRIFT_MAX: Final = 1_000
"""Parts per million by which wall and monotonic time may part slowly (NTP slews by at most 500)."""

SLEEP_MAX: Final = Duration(SECOND)
"""The longest sleep without a look at the wall clock."""

NO_FLOOR: Final = Instant(0)

Stepped = Callable[[Instant, Duration], None]
"""Called with (now, by): wall time moved by `by` against the monotonic clock (negative: it went back)."""


class Clock(Protocol):
    """Time for the shell."""

    def now(self) -> Instant:
        """UTC nanoseconds; never less than an earlier answer."""
        ...

    async def sleep_until(self, instant: Instant) -> None:
        """Returns when `now()` has reached `instant`; at once (with a checkpoint) when it already has."""
        ...


class WallClock:
    """The machine's wall clock, held against its monotonic clock at each reading."""

    def __init__(
        self,
        on_step: Stepped,
        *,
        floor: Instant = NO_FLOOR,
        step_min: Duration = STEP_MIN,
        wall: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._on_step = on_step
        self._step_min = step_min
        self._wall = wall
        self._monotonic = monotonic
        self._last = int(floor)
        self._read_at = monotonic()
        self._offset = wall() - self._read_at

    def now(self) -> Instant:
        """UTC nanoseconds; reports a step before it answers."""
        monotonic = self._monotonic()
        wall = self._wall()
        by = wall - monotonic - self._offset
        drift = (monotonic - self._read_at) * DRIFT_MAX // 1_000_000
        self._read_at = monotonic
        self._last = max(self._last, wall)
        now = Instant(self._last)
        if abs(by) >= self._step_min + drift:
            self._offset += by
            self._on_step(now, Duration(by))
        else:
            # Follow a slewed clock, but no faster than one may be slewed: a frozen one still adds up.
            self._offset += max(-drift, min(drift, by))
        return now

    async def sleep_until(self, instant: Instant) -> None:
        """Sleeps in pieces of at most SLEEP_MAX."""
        await trio.lowlevel.checkpoint()
        while (left := instant - self.now()) > 0:  # noqa: ASYNC110 - time is what it waits for
            await trio.sleep(min(left, SLEEP_MAX) / SECOND)


class TrioClock:
    """trio's own clock, set to begin at `start`: for sessions under trio.testing.MockClock."""

    def __init__(self, start: Instant) -> None:
        self._start = start
        self._began = trio.current_time()
        self._last = start

    def now(self) -> Instant:
        """`start` plus the trio time that passed, to the nanosecond that a float of seconds can tell."""
        self._last = max(self._last, Instant(self._start + self._passed()))
        return self._last

    async def sleep_until(self, instant: Instant) -> None:
        """One sleep; trio's clock is the only time there is, so it can't step."""
        await trio.lowlevel.checkpoint()
        while (left := instant - self.now()) > 0:  # noqa: ASYNC110 - time is what it waits for
            await trio.sleep(left / SECOND)

    def _passed(self) -> int:
        # A float of seconds has no exact nanoseconds: rounding up makes a finished sleep count as finished.
        return math.ceil((trio.current_time() - self._began) * SECOND)
