"""Carries out the kernel's commands, each once, and puts what came of them in the inbox.

    broker calls   to the REST workers, in order
    OpenLink       one connection attempt in its own task; every step is reported
    CloseLink      ends that task
    Alert          to the log, the panel and the report

No policy: nothing is repeated, delayed or dropped here. The line to the workers is bounded by the kernel's
throttle (it never hands out more than its budget), and CALLS_MAX only catches a bug.
"""

import math
import time
from collections.abc import Callable
from typing import Final, Protocol

import structlog
import trio

from kernel import Command, Event
from kernel.commands import Alert, AlertLevel, BrokerCall, CloseLink, OpenLink
from kernel.events import CallAnswered, LinkName
from kernel.units import Instant
from shell.alpaca.market_stream import MarketStream
from shell.alpaca.order_stream import OrderStream
from shell.alpaca.rest import AlpacaRest, CallOutcome
from shell.alpaca.settings import AlpacaSettings
from shell.alpaca.socket import Stream
from shell.codec import Pairs
from shell.quiescence import Quiescence
from shell.session import SessionFigures

__all__ = ["CALLS_MAX", "Inbox", "ShellDispatcher"]

CALLS_MAX: Final = 100_000
"""Calls handed out and not yet taken by a worker."""

LEVELS: Final = {AlertLevel.INFO: "info", AlertLevel.WARNING: "warning", AlertLevel.CRITICAL: "critical"}


class Inbox(Protocol):
    """Where outcomes go."""

    async def put(self, event: Event) -> None:
        """An event."""
        ...

    def opening(self) -> None:
        """A connection is about to be set up."""
        ...


class TimedRest(AlpacaRest):
    """Notes when a worker takes a submit that a bar caused: the bar's wait for the wire."""

    figures: SessionFigures

    async def call(self, command: BrokerCall) -> CallOutcome:
        """The call; the wait is added as it leaves the line."""
        heard_ns = self.figures.bars_heard.pop(command.call, None)
        if heard_ns is not None:
            self.figures.bar_to_wire.add(time.monotonic_ns() - heard_ns)
        return await super().call(command)


class ShellDispatcher:
    """The hands of the shell."""

    def __init__(
        self,
        *,
        settings: AlpacaSettings,
        pairs: Pairs,
        quiescence: Quiescence,
        now: Callable[[], Instant],
        figures: SessionFigures,
    ) -> None:
        self._settings = settings
        self._pairs = pairs
        self._quiescence = quiescence
        self._now = now
        self._figures = figures
        self._send, self._receive = trio.open_memory_channel[BrokerCall](math.inf)
        self._rest = TimedRest(settings, now, pairs)
        self._rest.figures = figures
        self._streams: dict[LinkName, Stream] = {}
        self._nursery: trio.Nursery | None = None
        self._inbox: Inbox | None = None
        self._log = structlog.get_logger("desk")

    def attach(self, inbox: Inbox) -> None:
        """Where outcomes go; before anything is dispatched."""
        self._inbox = inbox

    async def prepare(self) -> None:
        """Imports the broker's client ahead of the first call."""
        await self._rest.prepare()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Carries out what is dispatched until canceled; calls under way are then abandoned: in doubt."""
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                nursery.start_soon(self._rest.serve, self._receive, self._on_answer)
                task_status.started()
                await trio.sleep_forever()
        finally:
            self._nursery = None
            with trio.CancelScope(shield=True), trio.move_on_after(1.0):
                await self._rest.aclose()

    def dispatch(self, command: Command) -> None:
        """Hands a command over."""
        match command:
            case Alert():
                self._alert(command)
            case OpenLink():
                self._open(command)
            case CloseLink():
                stream = self._streams.pop(command.link, None)
                if stream is not None:
                    stream.close()
            case _:
                waiting = self._send.statistics().current_buffer_used
                assert waiting < CALLS_MAX, "kernel bug: more calls than any budget"
                self._send.send_nowait(command)

    def _alert(self, alert: Alert) -> None:
        self._figures.alert(alert)
        getattr(self._log, LEVELS[alert.level])(alert.text, code=alert.code)

    def _open(self, command: OpenLink) -> None:
        assert self._nursery is not None, "dispatch: not running"
        assert self._inbox is not None, "dispatch: no inbox"
        stream: Stream
        if command.link is LinkName.ORDERS:
            stream = OrderStream(self._settings, self._quiescence, self._now, self._pairs)
        else:
            stream = MarketStream(self._settings, self._quiescence, self._now, command.symbols)
        self._streams[command.link] = stream
        self._inbox.opening()
        self._nursery.start_soon(stream.run, self._inbox.put)

    async def _on_answer(self, command: BrokerCall, outcome: CallOutcome) -> None:
        assert self._inbox is not None, "dispatch: no inbox"
        for note in outcome.notes:
            await self._inbox.put(note)
        await self._inbox.put(
            CallAnswered(self._now(), command.call, outcome.asked_at, outcome.result, outcome.rate)
        )
