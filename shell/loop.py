"""The shell's loop: inbox -> journal -> step -> commands -> outcomes -> inbox.

Rules:
1. Events are durable before they are stepped, and so before any command that they caused leaves. But a
   batch of nothing but quotes and ticks is stepped first: it is made durable before its commands leave where
   it has any, and with the next batch where it has none (at most UNWRITTEN_MAX). So a crash may forget
   quotes that led to nothing, and nothing else.
2. One task steps the kernel; everybody else only puts events in the inbox, which is bounded (INBOX_MAX): a
   full inbox holds the senders back, which holds the sockets back.
3. A batch is what the inbox holds, at most BATCH_MAX events: one commit for all of them.
4. Commands leave in the kernel's order. The loop has no policy: it does not look into them.
5. The kernel's `wake_at` is the only timer. In a simulated lock-step session the exchange's time messages
   take its place, and `idle` says when nothing is in hand (shell/quiescence.py, shell/pen.py).
6. Time in the journal never runs backward; the clock sees to that.
7. Whatever `step` raises is a KernelBug: the batch is made durable, nothing of it leaves, and the loop ends.
8. Whenever all that was stepped is durable, `on_durable` is told the Desk and the journal's tip.

The loop ends by cancellation; whoever cancels it calls `flush` afterwards, before the Desk's digest is told.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import trio

from kernel import Command, Desk, Event, step
from kernel.commands import SubmitOrder
from kernel.events import BarClosed, CallAnswered, LinkReported, QuoteUpdated, Tick, TradeUpdated
from kernel.links.chart import LinkInput
from kernel.units import Instant
from shell.bugs import KernelBug
from shell.clock import Clock
from shell.journal import Journal, Tip
from shell.pen import Pen
from shell.quiescence import Quiescence
from shell.session import SessionFigures
from shell.simclock import SimClock, TimeMessage

__all__ = ["BATCH_MAX", "INBOX_MAX", "Dispatcher", "Loop"]

INBOX_MAX: Final = 4_096
"""Events that may wait; then senders wait."""

BATCH_MAX: Final = 256
"""Events of one commit."""

UNWRITTEN_MAX: Final = 512
"""Quotes and ticks that were stepped and are not yet durable; then they are written."""

LIGHT: Final = (QuoteUpdated, Tick)
"""Events that may be stepped before they are durable: the next ones say the same, and better."""


class Dispatcher(Protocol):
    """Carries commands out."""

    def dispatch(self, command: Command) -> None:
        """Hands a command over; never blocks and never raises."""
        ...


class Arrival(NamedTuple):
    """An event and when it came in (monotonic nanoseconds)."""

    event: Event
    heard_ns: int


class Nudge(NamedTuple):
    """Nothing happened but the counters: look whether we are idle."""


Item = Arrival | TimeMessage | Nudge


class Loop:
    """One kernel, one journal, one inbox."""

    def __init__(
        self,
        *,
        desk: Desk,
        journal: Journal,
        clock: Clock,
        dispatcher: Dispatcher,
        figures: SessionFigures,
        quiescence: Quiescence,
        on_turn: Callable[[Desk], None],
        on_durable: Callable[[Desk, Tip], None] | None = None,
    ) -> None:
        self.desk = desk
        self._journal = journal
        self._clock = clock
        self._dispatcher = dispatcher
        self._figures = figures
        self._quiescence = quiescence
        self._on_turn = on_turn
        self._on_durable = on_durable
        self._send, self._receive = trio.open_memory_channel[Item](INBOX_MAX)
        self._wake_at: Instant | None = None
        self._rearmed = trio.Event()
        self._unwritten: list[Event] = []
        self._in_flight = 0
        self._opening = 0
        self._seq = -1
        self._pen: Pen | None = None
        self._present = desk.at
        self._nudged = False
        self._reported: tuple[int, Mapping[int, int], Instant | None] | None = None
        self.sim: SimClock | None = None

    # ------------------------------------------------------------ what others call

    async def put(self, event: Event) -> None:
        """An event from outside; waits while the inbox is full."""
        await self._send.send(Arrival(event, time.monotonic_ns()))

    async def put_time(self, message: TimeMessage) -> None:
        """A time message of a simulated session."""
        await self._send.send(message)

    def put_nowait(self, event: Event) -> bool:
        """An event from a callback that can't wait; False when the inbox is full."""
        try:
            self._send.send_nowait(Arrival(event, time.monotonic_ns()))
        except trio.WouldBlock:
            return False
        return True

    @property
    def is_quiet(self) -> bool:
        """Whether no event waits and nothing is under way."""
        return self._receive.statistics().current_buffer_used == 0 and self._in_flight == 0

    # ------------------------------------------------------------ the loop

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Steps until canceled; raises what the journal or the kernel raises."""
        if self.sim is not None and self.sim.latest.is_lockstep:
            self._pen = Pen()
            self._present = self.sim.latest.now
        async with trio.open_nursery() as nursery:
            if self._pen is None:
                nursery.start_soon(self._alarm)
            else:
                nursery.start_soon(self._watch_counters)
            task_status.started()
            while True:
                await self._turn(await self._receive.receive())

    async def _turn(self, first: Item) -> None:
        """One batch: collect, make durable, step, hand out."""
        batch: list[Arrival] = []
        marks: list[TimeMessage] = []
        await self._collect(first, batch, marks)
        while len(batch) < BATCH_MAX and not marks:
            try:
                await self._collect(self._receive.receive_nowait(), batch, marks)
            except trio.WouldBlock:
                break
        if batch:
            # Whole or not at all: what is durable is stepped, whoever cancels. The journal has a deadline.
            with trio.CancelScope(shield=True):
                await self._take(batch)
            self._rearmed.set()
        if marks:
            self._seq = marks[-1].seq
        self._on_turn(self.desk)
        if self.sim is not None:
            await self._report_idle()

    async def _collect(self, item: Item, batch: list[Arrival], marks: list[TimeMessage]) -> None:
        if isinstance(item, Arrival):
            event = item.event if self._pen is None else self._pen.admit(item.event, self._present)
            if event is not None:
                batch.append(item if event is item.event else Arrival(event, item.heard_ns))
        elif isinstance(item, TimeMessage):
            await self._reach(item, batch)
            marks.append(item)
        else:
            self._nudged = False

    async def _reach(self, message: TimeMessage, batch: list[Arrival]) -> None:
        """The session's time moved: let go what was held for it, and tick if the kernel asked for it."""
        figures = self._figures
        figures.bars_done, figures.bars_total = message.bars_done, message.bars_total
        figures.ended = message.ended
        if self._pen is None:
            return
        if message.sent is not None:
            await self._quiescence.reached(message.sent)
        earlier, self._present = self._present, message.now
        while True:
            try:
                item = self._receive.receive_nowait()
            except trio.WouldBlock:
                break
            if isinstance(item, Arrival):
                self._hold(item, batch, earlier)
            elif isinstance(item, Nudge):
                self._nudged = False
            else:
                # Only one time message can be out: the next comes after our idle.
                raise AssertionError("lock-step: a second time message before we were idle")
        heard = time.monotonic_ns()
        batch.extend(Arrival(event, heard) for event in self._pen.release(message.now))
        if self._wake_at is not None and self._wake_at <= message.now:
            batch.append(Arrival(Tick(message.now), heard))

    def _hold(self, item: Arrival, batch: list[Arrival], earlier: Instant) -> None:
        """What came in with the time message: of the earlier instant at once, of this one by the pen."""
        assert self._pen is not None
        event = self._pen.admit(item.event, earlier)
        if event is not None:
            batch.append(Arrival(event._replace(at=self._present), item.heard_ns))

    async def _take(self, batch: Sequence[Arrival]) -> None:
        """Durable, stepped, handed out; quotes and ticks are stepped first (rule 1)."""
        is_light = all(isinstance(arrival.event, LIGHT) for arrival in batch)
        self._unwritten.extend(arrival.event for arrival in batch)
        if not is_light:
            await self.flush()
        caused: list[tuple[Arrival, Command]] = []
        for arrival in batch:
            try:
                commands = self._step(arrival)
            except Exception as problem:
                await self.flush()
                raise KernelBug(self.desk, arrival.event, problem) from problem
            caused.extend((arrival, command) for command in commands)
        if caused or len(self._unwritten) >= UNWRITTEN_MAX:
            await self.flush()
        for arrival, command in caused:
            self._hand_out(arrival, command)
        if self._on_durable is not None and not self._unwritten:
            self._on_durable(self.desk, self._journal.tip)

    async def flush(self) -> None:
        """Makes durable what was stepped before it was."""
        events, self._unwritten = self._unwritten, []
        if events:
            await self._journal.append(events)
            self._figures.commits += 1

    def _step(self, arrival: Arrival) -> tuple[Command, ...]:
        event = arrival.event
        result = step(self.desk, event)
        self.desk = result.desk
        self._wake_at = result.wake_at
        if isinstance(event, CallAnswered):
            self._in_flight -= 1
        elif isinstance(event, LinkReported):
            if event.input in (LinkInput.CONNECTED, LinkInput.CONNECTION_LOST, LinkInput.CONNECTION_REFUSED):
                self._opening = max(0, self._opening - 1)
        elif isinstance(event, TradeUpdated):
            self._figures.frame_to_stepped.add(time.monotonic_ns() - arrival.heard_ns)
        self._figures.events += 1
        return result.commands

    def _hand_out(self, arrival: Arrival, command: Command) -> None:
        if hasattr(command, "call"):
            self._in_flight += 1
        if isinstance(command, SubmitOrder) and isinstance(arrival.event, BarClosed):
            self._figures.bars_heard[command.call] = arrival.heard_ns
        self._dispatcher.dispatch(command)

    # ------------------------------------------------------------ time

    async def _alarm(self) -> None:
        """Real time: a Tick when the kernel asked for one."""
        while True:
            wake_at = self._wake_at
            self._rearmed = trio.Event()
            if wake_at is None:
                await self._rearmed.wait()
                continue
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._until_rearmed, scope)
                    await self._clock.sleep_until(wake_at)
                    nursery.cancel_scope.cancel()
                if self._wake_at == wake_at:
                    self._wake_at = None
                    await self.put(Tick(self._clock.now()))

    async def _until_rearmed(self, scope: trio.CancelScope) -> None:
        await self._rearmed.wait()
        scope.cancel()

    # ------------------------------------------------------------ lock-step

    async def _watch_counters(self) -> None:
        """Wakes the loop when a counter moved without an event."""
        version = -1
        while True:
            await self._quiescence.changed(version)
            version = self._quiescence.snapshot().version
            if not self._nudged:
                self._nudged = True
                await self._send.send(Nudge())

    async def _report_idle(self) -> None:
        """Says that nothing is in hand, when nothing is and it was not said yet."""
        assert self.sim is not None
        if self._pen is None or self._seq < 0:
            return
        snapshot = self._quiescence.snapshot()
        if self._in_flight or self._opening or snapshot.busy:
            return
        if self._figures.ended and not self.desk.session.draining:
            return  # the composition root is about to say that the desk drains: time waits for that
        if self._receive.statistics().current_buffer_used:
            return
        report = (self._seq, snapshot.streams, self._wake_at)
        if report != self._reported:
            self._reported = report
            await self.sim.idle(seq=self._seq, streams=snapshot.streams, wake_at=self._wake_at)

    def opening(self) -> None:
        """A connection is about to be set up: we are not idle before it has reported."""
        self._opening += 1
