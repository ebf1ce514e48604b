"""What faults have put off: actions at instants of session time, taken in order.

1. Same instants are taken in the order of putting, so that the same session repeats.
2. `flush` takes everything at once: that is how faults heal.
3. At most AGENDA_MAX actions wait; one more is not taken, and the caller's fault then has no end to wait for,
   so it must not begin (`put` says whether it was taken).
"""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final

__all__ = ["AGENDA_MAX", "Action", "Agenda"]

AGENDA_MAX: Final = 10_000
"""Actions that wait; each belongs to one order, update or window."""

Action = Callable[[int], None]
"""Called with the instant at which it is taken."""


class Agenda:
    """The actions that wait."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Action]] = []
        self._sequence = 0

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, at: int, action: Action) -> bool:
        """Plans an action; False when there is no room."""
        if len(self._heap) >= AGENDA_MAX:
            return False
        self._sequence += 1
        heappush(self._heap, (at, self._sequence, action))
        return True

    def next_due(self) -> int | None:
        """When the next action is due; None when nothing waits."""
        return self._heap[0][0] if self._heap else None

    def run(self, now: int) -> None:
        """Takes what is due until `now`, in order; actions planned meanwhile too, if they are due."""
        while self._heap and self._heap[0][0] <= now:
            heappop(self._heap)[2](now)

    def flush(self, now: int) -> None:
        """Takes everything that waits, in order."""
        waiting, self._heap = sorted(self._heap, key=lambda entry: entry[:2]), []
        for _, _, action in waiting:
            action(now)
