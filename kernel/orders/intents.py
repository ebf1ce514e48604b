"""The keys of intents that were taken: a repeat within the horizon is a duplicate (I2).

    take(intents, key, now, horizon) -> intents

Keys stand in a line by age, and each `take` lets the oldest go that are past the horizon: at most two at a
time, so the memory holds what was taken within the horizon and costs O(1).
"""

from typing import Final, NamedTuple

from immutables import Map

from kernel.units import Duration, Instant

__all__ = ["NO_INTENTS", "Intents", "is_taken", "take"]

FORGET_MAX: Final = 2
"""Old keys let go with each new one: the line shrinks faster than it grows."""


class Intents(NamedTuple):
    """What was taken and when, and the line by age."""

    taken: Map[str, Instant]
    head: int
    tail: int
    line: Map[int, str]


NO_INTENTS: Final = Intents(Map(), 0, 0, Map())


def is_taken(intents: Intents, key: str, now: Instant, horizon: Duration) -> bool:
    """Whether the intent was taken within the horizon."""
    at = intents.taken.get(key)
    return at is not None and at + horizon >= now


def take(intents: Intents, key: str, now: Instant, horizon: Duration) -> Intents:
    """Remembers a key and lets old ones go."""
    taken, head, tail, line = intents
    for _ in range(FORGET_MAX):
        if head == tail:
            break
        oldest = line[head]
        at = taken.get(oldest)
        if at is not None and at + horizon >= now:
            break
        if at is not None:
            taken = taken.delete(oldest)
        line = line.delete(head)
        head += 1
    return Intents(taken.set(key, now), head, tail + 1, line.set(tail, key))
