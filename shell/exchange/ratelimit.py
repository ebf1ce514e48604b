"""The broker's request limit, kept in the session's own time.

1. No window of WINDOW_NS holds more than `limit` accepted requests: the window slides, which is stricter than
   a counter that restarts each minute, so a client that satisfies this one satisfies either.
2. A refused request does not count against the window, but it counts in the figures.
3. Two requests exactly WINDOW_NS apart are not in one window.

4. One account, one pool: what another client spends is missing here, and it spends half of it at most.
"""

from collections import deque
from typing import Final

from kernel.units import MINUTE, SECOND

__all__ = ["SEEN_MAX", "WINDOW_NS", "RateLimiter"]

WINDOW_NS: Final = int(MINUTE)
"""Alpaca counts by the minute."""

SEEN_MAX: Final = 100_000
"""Requests remembered for the figures; a client that sends more in one window is beyond judging."""


class RateLimiter:
    """Counts requests and says which are too many."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.total = 0
        self.refused = 0
        self.max_in_any_window = 0
        """Most requests seen in one window, refused ones included."""
        self._accepted: deque[int] = deque()
        self._foreign: deque[int] = deque()
        self._seen: deque[int] = deque(maxlen=SEEN_MAX)

    def take(self, now: int) -> bool:
        """Count a request at `now` (ns); False when it is one too many."""
        horizon = now - WINDOW_NS
        self.total += 1
        self._seen.append(now)
        while self._seen[0] <= horizon:
            self._seen.popleft()
        self.max_in_any_window = max(self.max_in_any_window, len(self._seen))
        while self._accepted and self._accepted[0] <= horizon:
            self._accepted.popleft()
        if len(self._accepted) >= self.limit:
            self.refused += 1
            return False
        self._accepted.append(now)
        return True

    def spend(self, count: int, now: int) -> int:
        """Another client's requests: they use up the window, at most half of it; how many there were.

        They are no figures of ours.
        """
        horizon = now - WINDOW_NS
        while self._accepted and self._accepted[0] <= horizon:
            self._accepted.popleft()
        while self._foreign and self._foreign[0] <= horizon:
            self._foreign.popleft()
        free = min(self.limit // 2 - len(self._foreign), self.limit - len(self._accepted))
        spent = max(0, min(count, free))
        self._foreign.extend([now] * spent)
        self._accepted.extend([now] * spent)
        return spent

    def headers(self, now: int) -> list[tuple[str, str]]:
        """X-RateLimit-Limit, -Remaining and -Reset (unix seconds, rounded up)."""
        reset = self._accepted[0] + WINDOW_NS if self._accepted else now
        return [
            ("X-RateLimit-Limit", str(self.limit)),
            ("X-RateLimit-Remaining", str(self.limit - len(self._accepted))),
            ("X-RateLimit-Reset", str(-(-reset // SECOND))),
        ]
