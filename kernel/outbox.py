"""Every broker call between the wish and its answer: waiting for a permit, then in flight.

One pool of permits serves them all (kernel/throttle). Waiting calls stand in one line for each priority,
first come first served; the most urgent line goes first, and when it has to wait all less urgent ones wait
too. A waiting entry that grew too old is dropped and said so: never sent late.

    enqueue -> (permit) -> in flight -> answered | silent

Bounds: WAITING_MAX calls may wait; beyond it entries are refused by the gate (DESK_FULL) while cancels and
reductions still queue (there are never more of those than open orders).
"""

from typing import Final, NamedTuple

from immutables import Map

from kernel.commands import BrokerCall
from kernel.throttle.throttle import Grant, Priority, ThrottleState, decide, note_deferred
from kernel.units import Instant

__all__ = [
    "NO_CALLS",
    "WAITING_MAX",
    "Calls",
    "Flight",
    "Lane",
    "Pumped",
    "Waiting",
    "answered",
    "enqueue",
    "pump",
]

WAITING_MAX: Final = 5_000
"""Calls that may wait for a permit; 25 minutes of Alpaca's budget."""

LANES: Final = len(Priority)
ENTRY: Final = Priority.ENTRY


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


NO_CALLS: Final = Calls(1, (EMPTY_LANE,) * LANES, 0, Map())


class Pumped(NamedTuple):
    """What pumping did."""

    calls: Calls
    throttle: ThrottleState
    sent: tuple[BrokerCall, ...]
    dropped: tuple[BrokerCall, ...]
    wake_at: Instant | None
    """When the next permit may come, None when nothing waits."""


def _lane_of(priority: Priority) -> int:
    return LANES - 1 - RANKS[priority]


RANKS: Final = {priority: rank for rank, priority in enumerate(sorted(Priority))}
BY_LANE: Final = tuple(sorted(Priority, reverse=True))


def enqueue(calls: Calls, priority: Priority, command: BrokerCall, valid_until: Instant) -> tuple[Calls, int]:
    """Puts a call in line and numbers it."""
    number = calls.next_call
    index = _lane_of(priority)
    lane = calls.lanes[index]
    numbered = command._replace(call=number)
    lane = Lane(lane.head, lane.tail + 1, lane.items.set(lane.tail, Waiting(numbered, valid_until)))
    lanes = (*calls.lanes[:index], lane, *calls.lanes[index + 1 :])
    return Calls(number + 1, lanes, calls.waiting + 1, calls.flying), number


def pump(calls: Calls, throttle: ThrottleState, now: Instant, allow_entries: bool) -> Pumped:
    """Sends what may be sent now, the most urgent first; entries that grew too old, or that the desk does not
    allow any more, are dropped.
    """
    if calls.waiting == 0:
        return Pumped(calls, throttle, (), (), None)
    sent: list[BrokerCall] = []
    dropped: list[BrokerCall] = []
    lanes = list(calls.lanes)
    flying = calls.flying
    wake_at: Instant | None = None
    waiting = calls.waiting
    for index, priority in enumerate(BY_LANE):
        head, tail, items = lanes[index]
        while head < tail and wake_at is None:
            entry = items[head]
            if (entry.valid_until and entry.valid_until < now) or (priority is ENTRY and not allow_entries):
                dropped.append(entry.command)
            else:
                decision = decide(throttle, now, priority)
                if not isinstance(decision, Grant):
                    wake_at = decision.until
                    throttle = note_deferred(throttle)
                    if entry.valid_until and entry.valid_until < wake_at:
                        wake_at = Instant(entry.valid_until + 1)
                    break
                throttle = decision.state
                flying = flying.set(entry.command.call, Flight(entry.command, now))
                sent.append(entry.command)
            items = items.delete(head)
            head += 1
            waiting -= 1
        lanes[index] = Lane(head, tail, items)
        if wake_at is not None:
            break
    return Pumped(
        Calls(calls.next_call, tuple(lanes), waiting, flying), throttle, tuple(sent), tuple(dropped), wake_at
    )


def answered(calls: Calls, call: int) -> tuple[Calls, Flight | None]:
    """Takes a call out of flight; None when no such call is in flight (a late or repeated answer)."""
    flight = calls.flying.get(call)
    if flight is None:
        return calls, None
    return calls._replace(flying=calls.flying.delete(call)), flight
