"""The session's time: moves the clock, the venue and the market together, and hands out what comes of it.

1. An advance has a fixed order: the clock; what falls due at the venue; the instant's quotes, which the venue
   matches; the updates; the closed bars, then the quotes; at last the time message. All in one synchronous
   step.
2. Real time: the session's clock starts with the first client's contact and then runs at `rate`. Every
   request first brings the session up to its own instant (`touch`).
3. Lock-step: nobody but `sim.Lockstep` calls `step`; between steps time stands still.
4. After its last bar the session runs on to the close, so that day orders expire; then it has `ended`, and
   keeps serving. In lock-step time then still follows what falls due and the clients' wake-ups, DRAIN_NS_MAX
   at most.
5. `settle` does what a request caused; its updates are handed out by `publish`, after the request's answer.

6. `mischief`, when there is any, moves with every step, after the venue and before updates leave.

It ignores sockets and text: the hooks `on_updates`, `on_market` and `on_time` belong to the streams.
"""

from collections.abc import Callable, Iterable
from typing import Final, Protocol

import trio

from kernel.units import HOUR, SECOND
from shell.exchange.hours import Hours
from shell.exchange.market.session import MarketSession, MarketStep
from shell.exchange.venue.model import Update
from shell.exchange.venue.venue import Venue

__all__ = ["DRAIN_NS_MAX", "START_LEAD_NS", "Driver", "Mischief"]

DRAIN_NS_MAX: Final = int(HOUR)
"""Session time that lock-step clients may still use up after the session's end."""

START_LEAD_NS: Final = int(SECOND)
"""The clock starts this much before the first quote."""

TIME_MESSAGE_SECONDS: Final = 1.0
"""Real seconds between two time messages of a real-time session."""


class Mischief(Protocol):
    """Something that acts in session time beside venue and market."""

    def next_due(self) -> int | None:
        """When it wants to act next; None when it has nothing planned."""
        ...

    def advance(self, now: int, is_over: bool) -> None:
        """Acts; `is_over` once the last bar is published."""
        ...


class Driver:
    """Owns the clock of one session. `rate` is simulated seconds per real second, None for lock-step."""

    def __init__(self, venue: Venue, market: MarketSession, hours: Hours, rate: float | None) -> None:
        first = market.next_instant()
        assert first is not None, "a session has at least one bar"
        self.venue = venue
        self.market = market
        self.rate = rate
        self.now = first - START_LEAD_NS
        self.seq = 0
        self.ended = False
        self.mischief: Mischief | None = None
        self.on_updates: Callable[[list[Update]], None] = _drop
        self.on_market: Callable[[MarketStep], None] = _drop
        self.on_time: Callable[[], None] = _nothing
        self._hours = hours
        self._end: int | None = None
        self._pending: list[Update] = []
        self._started = trio.Event()
        self._kick = trio.Event()
        self._anchor_real = 0.0
        self._anchor_session = self.now
        self._sleeps_to = 0

    @property
    def is_lockstep(self) -> bool:
        """Whether time moves by agreement instead of by the clock on the wall."""
        return self.rate is None

    def touch(self) -> int:
        """Bring a real-time session up to the present (its first call starts the clock); returns `now`."""
        if self.rate is None:
            return self.now
        real = trio.current_time()
        if not self._started.is_set():
            self._anchor_real = real
            self._started.set()
        target = self._anchor_session + int((real - self._anchor_real) * self.rate * SECOND)
        self._run_to(target)
        self.now = max(self.now, target)
        return self.now

    def settle(self) -> None:
        """Let the venue do what the last request caused at this instant; `publish` hands out the updates."""
        self.venue.advance(self.now)
        self._pending.extend(self.venue.drain_updates())
        due = self._next_due()
        if due is not None and due < self._sleeps_to:
            self._kick.set()

    def publish(self) -> None:
        """Hand the waiting updates to the order stream, in the venue's order."""
        if self._pending:
            updates, self._pending = self._pending, []
            self.on_updates(updates)

    def next_instant(self, wakes: Iterable[int] = ()) -> int | None:
        """The next instant at which something happens: a bar, a due event, the end, or a client's wake-up."""
        candidates = list(wakes)
        due = self._next_due()
        bar = self.market.next_instant()
        if bar is not None:
            candidates.append(bar)
            if due is not None:
                candidates.append(due)
        else:
            end = self._session_end()
            if not self.ended:
                candidates.append(end)
            if due is not None:
                candidates.append(due)
            limit = end + (DRAIN_NS_MAX if self.ended else 0)
            if self.is_lockstep or not self.ended:
                candidates = [instant for instant in candidates if instant <= limit]
        return max(min(candidates), self.now) if candidates else None

    def _next_due(self) -> int | None:
        """The next thing that venue or mischief have planned."""
        due = self.venue.next_due()
        planned = None if self.mischief is None else self.mischief.next_due()
        return due if planned is None else planned if due is None else min(due, planned)

    def step(self, instant: int) -> None:
        """Advance to `instant`, not before now, and hand out everything that happens there."""
        assert instant >= self.now, "time does not run backwards"
        self.now = instant
        self.venue.advance(instant)
        step: MarketStep | None = None
        bar = self.market.next_instant()
        if bar is not None and bar <= instant:
            step = self.market.advance_to(instant)
            for quote in step.quotes:
                self.venue.on_quote(quote, instant)
            self.venue.advance(instant)
        if self.mischief is not None:
            self.mischief.advance(instant, self.market.next_instant() is None)
            self.venue.advance(instant)
        if not self.ended and self.market.next_instant() is None:
            self.ended = instant >= self._session_end()
        self._pending.extend(self.venue.drain_updates())
        self.publish()
        if step is not None:
            self.on_market(step)

    async def run(self) -> None:
        """Drive a real-time session for ever; in lock-step there is nothing to drive."""
        if self.rate is None:
            await trio.sleep_forever()
        await self._started.wait()
        said = trio.current_time()
        while True:
            self.touch()
            deadline = said + TIME_MESSAGE_SECONDS
            upcoming = self.next_instant()
            if upcoming is not None:
                deadline = min(deadline, self._real_time_of(upcoming))
            self._sleeps_to = self._anchor_session + int((deadline - self._anchor_real) * self._rate * SECOND)
            self._kick = trio.Event()
            with trio.move_on_at(deadline):
                await self._kick.wait()
            if trio.current_time() >= said + TIME_MESSAGE_SECONDS:
                self.touch()
                self.say_time()
                said = trio.current_time()

    def say_time(self) -> None:
        """Publish the time, under a new sequence number."""
        self.seq += 1
        self.on_time()

    @property
    def _rate(self) -> float:
        assert self.rate is not None, "lock-step has no rate"
        return self.rate

    def _real_time_of(self, instant: int) -> float:
        return self._anchor_real + (instant - self._anchor_session) / (self._rate * SECOND)

    def _run_to(self, target: int) -> None:
        """Every step that falls due up to `target`; bounded by the market's length and the venue's orders."""
        while (instant := self.next_instant()) is not None and instant <= target:
            had_ended = self.ended
            self.step(instant)
            if self.ended and not had_ended:
                self.say_time()

    def _session_end(self) -> int:
        """Where the session ends: the last bar's end, or the day's close when that is later."""
        if self._end is None:
            hours = self._hours.session_of(self.now)
            self._end = max(self.now, hours[1]) if hours is not None else self.now
        return self._end


def _drop(_: object) -> None:
    """A hook that nobody took."""


def _nothing() -> None:
    """A hook that nobody took."""
