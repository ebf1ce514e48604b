"""Whether the shell has nothing in hand: what a simulated session must know before its time may move.

    Quiescence counts; the loop asks; SimClock.idle() says it to the exchange.

1. Each WebSocket has a number K of its own (1, 2, 3, ... never reused) and a count of the data messages that
   were received on it *and* whose events are in the inbox.
2. Whatever is on its way without being such a message (a REST call, a connection being set up) is held as
   `busy`; while anything is, nobody is idle.
3. A count may rise without an event (a message that gives none), and it rises after the event was put into
   the inbox: so a report may be stale the moment it is made. `changed` wakes the loop to report again.

Everything here runs in one trio thread and never blocks. It is kept for real brokers too, where nobody asks.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import trio

__all__ = ["Quiescence", "Snapshot"]


class Snapshot(NamedTuple):
    """What was in hand at one moment."""

    streams: Mapping[int, int]
    """Live connections by K: messages received and handled."""
    busy: int
    """Calls and connection set-ups under way."""
    version: int
    """Rises with every change; to be given to `changed`."""


class Quiescence:
    """The counters."""

    def __init__(self) -> None:
        self._streams: dict[int, int] = {}
        self._busy = 0
        self._last_connection = 0
        self._version = 0
        self._wakeup = trio.Event()

    def next_connection(self) -> int:
        """A number for a new WebSocket; never given twice."""
        self._last_connection += 1
        return self._last_connection

    def register(self, connection: int) -> None:
        """The WebSocket's handshake is done."""
        assert connection not in self._streams, "quiescence: a connection is registered once"
        self._streams[connection] = 0
        self._touch()

    def count(self, connection: int) -> None:
        """One data message was received and its events are in the inbox."""
        self._streams[connection] += 1
        self._touch()

    def closed(self, connection: int) -> None:
        """The WebSocket is over."""
        self._streams.pop(connection, None)
        self._touch()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Something is under way that the exchange can't see: a call, a connection being set up."""
        self._busy += 1
        self._touch()
        try:
            yield
        finally:
            self._busy -= 1
            self._touch()

    def snapshot(self) -> Snapshot:
        """The counters as they are now."""
        return Snapshot(dict(self._streams), self._busy, self._version)

    async def changed(self, version: int) -> None:
        """Returns when the counters are no longer those of `version`."""
        while self._version == version:
            await self._wakeup.wait()
        await trio.lowlevel.checkpoint()

    async def reached(self, sent: Mapping[int, int]) -> None:
        """Returns when every live connection has handled at least as many messages as `sent` says."""
        while any(self._streams.get(number, count) < count for number, count in sent.items()):
            await self.changed(self._version)

    def _touch(self) -> None:
        self._version += 1
        self._wakeup.set()
        self._wakeup = trio.Event()
