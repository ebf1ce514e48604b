"""Order in a lock-step session: the same frames give the same events in the same order.

Two sockets and a clock race even on one machine. So, in lock-step only:

1. An event that tells of a later instant than the session's is held until the time message of that instant.
2. When that message has come, and every stream has delivered what the exchange says it sent, the held events
   are let go: first the order stream's in their order, then the market's, then the tick.
3. An event of the present instant (what our own calls caused) is let through at once.

Its time is the session's: an event is stamped with the instant at which it is let go. With a real broker this
file does nothing: `own_time` is then never asked.
"""

from typing import Final

from kernel import Event
from kernel.events import BarClosed, QuoteUpdated, TradeUpdated
from kernel.units import MINUTE, Instant

__all__ = ["Pen", "own_time"]

BAR_LENGTH: Final = MINUTE


def own_time(event: Event) -> Instant:
    """The instant that a stream's event tells of; zero for events that tell of none."""
    match event:
        case QuoteUpdated():
            return event.quote.at
        case BarClosed():
            return Instant(event.bar.start + BAR_LENGTH)
        case TradeUpdated():
            at = event.report.updated_at
            return max(at, event.execution.at) if event.execution is not None else at
        case _:
            return Instant(0)


class Pen:
    """Holds events of instants that the session has not reached."""

    def __init__(self) -> None:
        self._held: list[Event] = []

    def admit(self, event: Event, now: Instant) -> Event | None:
        """The event, stamped, when it belongs to the present; None when it is held."""
        if own_time(event) > now:
            self._held.append(event)
            return None
        return event._replace(at=now)

    def release(self, now: Instant) -> list[Event]:
        """What was held, up to `now`, in its order."""
        due = [event for event in self._held if own_time(event) <= now]
        self._held = [event for event in self._held if own_time(event) > now]
        due.sort(key=_rank)
        return [event._replace(at=now) for event in due]

    def __len__(self) -> int:
        return len(self._held)


def _rank(event: Event) -> int:
    return 0 if isinstance(event, TradeUpdated) else 1
