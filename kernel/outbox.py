"""Every broker call between the wish and its answer: waiting for a permit, then in flight.

One pool of permits serves them all (kernel/throttle). Waiting calls stand in one line for each priority,
first come first served; the most urgent line goes first, and when it has to wait all less urgent ones wait
too. A waiting entry that grew too old, or that the desk does not allow any more, is dropped and said so:
never sent late. A call that nobody wants any more is forgotten without using up a permit.

    enqueue -> (permit) -> in flight -> answered | silent

Bounds: WAITING_MAX calls may wait; beyond it entries are refused by the gate (DESK_FULL). Cancels and
reductions still queue: at most one pending cancel and one query for each open order (orders/chase.py).
"""

from collections.abc import Callable
from enum import Enum
from typing import Final, NamedTuple

from immutables import Map

from kernel.commands import BrokerCall
from kernel.throttle.throttle import Grant, Priority, ThrottleState, decide, note_deferred
from kernel.units import Instant

__all__ = [
    "NO_CALLS",
    "WAITING_MAX",
    "Calls",
    "Fate",
    "Flight",
    "Lane",
    "Pumped",
    "Waiting",
    "answered",
    "enqueue",
    "pump",
    "silent",
]

WAITING_MAX: Final = 5_000
"""Calls that may wait for a permit; 25 minutes of Alpaca's budget."""

LANES: Final = len(Priority)


class Fate(Enum):
    """What is to become of a waiting call whose turn it is."""

    SEND = "send"
    """It leaves when it has its permit."""
    DROP = "drop"
    """The desk does not allow it any more: it is handed back."""
    FORGET = "forget"
    """What it was for is settled: it vanishes."""


SEND: Final = Fate.SEND
DROP: Final = Fate.DROP


class Waiting(NamedTuple):
    """A call that waits for its permit."""

    command: BrokerCall
    valid_until: Instant
    """Dropped after this; zero for never."""


class Flight(NamedTuple):
    """A call that was handed to the wire."""

    command: BrokerCall
    sent_at: Instant


class Lane(NamedTuple):
    """A first-in-first-out line as a value."""

    head: int
    tail: int
    items: Map[int, Waiting]


EMPTY_LANE: Final = Lane(0, 0, Map())


class Calls(NamedTuple):
    """All calls that are waiting or in flight."""

    next_call: int
    lanes: tuple[Lane, ...]
    """By priority, the most urgent first."""
    waiting: int
    flying: Map[int, Flight]
    pumped: int
    """Lower numbers were there when permits were last given: those that wait were counted as deferred."""
    check_at: Instant
    """When calls without an answer are looked for; zero while none is in flight."""


NO_CALLS: Final = Calls(1, (EMPTY_LANE,) * LANES, 0, Map(), 1, Instant(0))


class Pumped(NamedTuple):
    """What pumping did."""

    calls: Calls
    throttle: ThrottleState
    sent: tuple[BrokerCall, ...]
    dropped: tuple[BrokerCall, ...]
    wake_at: Instant | None
    """When the next permit may come, None when nothing waits."""


BY_LANE: Final = tuple(sorted(Priority, reverse=True))
LANE_OF: Final = {priority: index for index, priority in enumerate(BY_LANE)}


def enqueue(calls: Calls, priority: Priority, command: BrokerCall, valid_until: Instant) -> tuple[Calls, int]:
    """Puts a call in line and numbers it."""
    number, lanes, waiting, flying, pumped, check_at = calls
    index = LANE_OF[priority]
    head, tail, items = lanes[index]
    items = items.set(tail, Waiting(command._replace(call=number), valid_until))
    lanes = (*lanes[:index], Lane(head, tail + 1, items), *lanes[index + 1 :])
    return Calls(number + 1, lanes, waiting + 1, flying, pumped, check_at), number


def pump(
    calls: Calls, throttle: ThrottleState, now: Instant, fate_of: Callable[[BrokerCall], Fate]
) -> Pumped:
    """Sends what may be sent now, the most urgent first; `fate_of` says whether it still should."""
    sent: list[BrokerCall] = []
    dropped: list[BrokerCall] = []
    lanes = list(calls.lanes)
    flying = calls.flying
    waiting = calls.waiting
    fresh = calls.next_call - calls.pumped
    wake_at: Instant | None = None
    for index, priority in enumerate(BY_LANE):
        head, tail, items = lanes[index]
        while head < tail:
            command, valid_until = items[head]
            fate = fate_of(command)
            if fate is SEND and valid_until and valid_until < now:
                fate = DROP
            if fate is SEND:
                decision = decide(throttle, now, priority)
                if not isinstance(decision, Grant):
                    wake_at = decision.until
                    if valid_until and valid_until < wake_at:
                        wake_at = Instant(valid_until + 1)
                    break
                throttle = decision.state
                flying = flying.set(command.call, Flight(command, now))
                sent.append(command)
            elif fate is DROP:
                dropped.append(command)
            items = items.delete(head)
            head += 1
            waiting -= 1
            fresh -= command.call >= calls.pumped
        lanes[index] = Lane(head, tail, items)
        if wake_at is not None:
            break
    for _ in range(fresh):
        throttle = note_deferred(throttle)
    after = Calls(calls.next_call, tuple(lanes), waiting, flying, calls.next_call, calls.check_at)
    return Pumped(after, throttle, tuple(sent), tuple(dropped), wake_at)


def answered(calls: Calls, call: int) -> tuple[Calls, Flight | None]:
    """Takes a call out of flight; None when no such call is in flight (a late or repeated answer)."""
    next_call, lanes, waiting, flying, pumped, check_at = calls
    flight = flying.get(call)
    if flight is None:
        return calls, None
    return Calls(next_call, lanes, waiting, flying.delete(call), pumped, check_at), flight


def silent(calls: Calls, since: Instant) -> tuple[int, ...]:
    """Calls in flight that left at or before `since`, by number."""
    return tuple(sorted(number for number, flight in calls.flying.items() if flight.sent_at <= since))
