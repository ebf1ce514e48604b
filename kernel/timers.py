"""Deadlines as a value: a binary heap of (instant, key) in a persistent map.

The kernel owns no timer; it tells the shell the earliest instant at which it wants a Tick. Deadlines are
never removed: one that no longer matters is recognized when it falls due (what it belongs to says
another instant) and skipped. So setting one is O(log n), the next one is O(1), and the heap holds at most
as many stale entries as deadlines were moved within their own length.

A heap in a map, not in linked nodes: it stays flat, so encoding or comparing a Desk never recurses deep.
"""

from typing import Final, NamedTuple

from immutables import Map

from kernel.units import Instant

__all__ = ["NO_TIMERS", "Deadline", "Timers", "next_at", "put", "take_due"]


class Deadline(NamedTuple):
    """An instant and what it is for."""

    at: Instant
    key: str


class Timers(NamedTuple):
    """The heap: slot 0 is the earliest."""

    size: int
    slots: Map[int, Deadline]


NO_TIMERS: Final = Timers(0, Map())


def put(timers: Timers, at: Instant, key: str) -> Timers:
    """The deadlines with one more."""
    entry = Deadline(at, key)
    slots = timers.slots
    index = timers.size
    while index > 0:
        parent = (index - 1) >> 1
        above = slots[parent]
        if above <= entry:
            break
        slots = slots.set(index, above)
        index = parent
    return Timers(timers.size + 1, slots.set(index, entry))


def next_at(timers: Timers) -> Instant | None:
    """The earliest instant, None when there is none."""
    return timers.slots[0].at if timers.size else None


def take_due(timers: Timers, now: Instant) -> tuple[Timers, str | None]:
    """Takes the earliest deadline that is not after `now`: (the rest, its key), or (all, None)."""
    if timers.size == 0:
        return timers, None
    slots = timers.slots
    first = slots[0]
    if first.at > now:
        return timers, None
    size = timers.size - 1
    last = slots[size]
    slots = slots.delete(size)
    index = 0
    while size:
        child = 2 * index + 1
        if child >= size:
            break
        below = slots[child]
        if child + 1 < size and slots[child + 1] < below:
            child += 1
            below = slots[child]
        if last <= below:
            break
        slots = slots.set(index, below)
        index = child
    if size:
        slots = slots.set(index, last)
    return Timers(size, slots), first.key
