"""Lock-step order: what arrives on several sockets is put into the inbox in one order, whatever the sockets do.

A bar and the fill that happened at the same instant come over two connections and may overtake each other;
then a strategy would see its position with or without the fill, by chance. So in lock-step:

1. Order updates and link reports pass at once. An update that overtook its instant's time message is stamped
   with its own time (`updated_at`), which is that instant.
2. Bars and quotes are held until the exchange's time message of their instant has come and everything that it
   counts as sent (`TimeMessage.sent`) has been received; then they pass, in their order
   and stamped with that instant; then the time message.
3. Without `sent` in the message nothing is waited for: the order is then that of arrival.

The exchange does not advance before the loop has reported the time message as done, so nothing of a later
instant can be among what is held. In real time this file is not used.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from kernel.events import BarClosed, Event, QuoteUpdated, TradeUpdated
from shell.quiescence import Quiescence
from shell.simclock import TimeMessage

__all__ = ["HELD_MAX", "Sequencer"]

HELD_MAX: Final = 200_000
"""Market events of one instant; beyond it they pass at once, and the order is that of arrival."""


class Sequencer:
    """`emit` and `emit_time` put events and time messages into the inbox."""

    def __init__(
        self,
        quiescence: Quiescence,
        emit: Callable[[Event], Awaitable[None]],
        emit_time: Callable[[TimeMessage], Awaitable[None]],
    ) -> None:
        self._quiescence = quiescence
        self._emit = emit
        self._emit_time = emit_time
        self._held: list[BarClosed | QuoteUpdated] = []

    async def orders(self, event: Event) -> None:
        """What the order stream emits into."""
        if isinstance(event, TradeUpdated) and event.report.updated_at > event.at:
            event = event._replace(at=event.report.updated_at)
        await self._emit(event)

    async def market(self, event: Event) -> None:
        """What the market stream emits into."""
        if isinstance(event, (BarClosed, QuoteUpdated)) and len(self._held) < HELD_MAX:
            self._held.append(event)
        else:
            await self._emit(event)

    async def on_time(self, message: TimeMessage) -> None:
        """What the clock's `on_time` is."""
        await self._quiescence.reached(message.sent or {})
        held, self._held = self._held, []
        for event in held:
            await self._emit(event._replace(at=message.now))
        await self._emit_time(message)
