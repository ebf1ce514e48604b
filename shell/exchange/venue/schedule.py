"""What the venue owes to the future: acknowledgments, delayed cancels and replaces, session ends.

1. Entries are taken in order of instant, then of scheduling: the same calls give the same order.
2. An entry is not withdrawn when its order ends; whoever takes it looks whether it still applies.
3. At most `DUE_MAX` entries wait; a further one is a bug of the venue, whose orders are bounded.
"""

from enum import Enum
from heapq import heappop, heappush
from typing import Final, NamedTuple

__all__ = ["DUE_MAX", "Due", "DueKind", "Schedule"]

DUE_MAX: Final = 4_000_000
"""Four entries (acknowledgment, first match, end, cancel or replace) for each of a million orders; those of
a gtc order's days come one after the other."""


class DueKind(Enum):
    """What is to be done with the order."""

    ACKNOWLEDGE = "acknowledge"
    """It becomes `new`."""
    OPEN = "open"
    """Its session begins: a queued order becomes `new`, and waits for the first quote."""
    FIRST_MATCH = "first_match"
    """It may execute from now on; immediate orders end here."""
    CANCEL = "cancel"
    """The venue grants the cancel."""
    REPLACE = "replace"
    """The venue grants or refuses the replace; the order is the new one."""
    DAY_DONE = "day_done"
    """A gtc order's session ends: it sleeps until the next one."""
    END = "end"
    """Its time in force ends."""


class Due(NamedTuple):
    """One entry; sorts by instant and then by sequence."""

    at: int
    sequence: int
    kind: DueKind
    order_id: str


class Schedule:
    """The entries that wait."""

    __slots__ = ("_heap", "_sequence")

    def __init__(self) -> None:
        self._heap: list[Due] = []
        self._sequence = 0

    def put(self, at: int, kind: DueKind, order_id: str) -> None:
        """Adds an entry for an instant in nanoseconds."""
        assert len(self._heap) < DUE_MAX, "the venue's schedule is full"
        self._sequence += 1
        heappush(self._heap, Due(at, self._sequence, kind, order_id))

    def peek(self) -> Due | None:
        """The next entry, left where it is; None when nothing waits."""
        return self._heap[0] if self._heap else None

    def take(self) -> Due:
        """The next entry, taken away."""
        return heappop(self._heap)
