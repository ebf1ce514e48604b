"""The loop: durable before it is handed out, whole batches, the kernel's timer, and its ends."""

from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock

import kernel
import shell.loop
from kernel import EMPTY_DESK, Command, Desk, Event, Step
from kernel.commands import SubmitOrder
from kernel.events import BarClosed, QuoteUpdated, Tick
from shell.bugs import KernelBug
from shell.canonical import digest
from shell.clock import TrioClock
from shell.journal import DiskFault, JournalFailed, MemoryDisk, MemoryJournal, replay
from shell.loop import INBOX_MAX, UNWRITTEN_MAX, Loop
from shell.quiescence import Quiescence
from shell.session import SessionFigures
from tests.unit.kernel.scripts import OPEN, trading_day


class Recorder:
    """A dispatcher that carries nothing out, and checks at each command that its cause is durable."""

    def __init__(self, disk: MemoryDisk) -> None:
        self.disk = disk
        self.commands: list[Command] = []
        self.loop: Loop | None = None

    def dispatch(self, command: Command) -> None:
        assert self.loop is not None
        assert len(self.disk.records) - 1 >= self.loop.desk.counters.events, "left before it was durable"
        self.commands.append(command)


class World:
    """A loop with a journal in memory."""

    def __init__(self, disk: MemoryDisk | None = None) -> None:
        self.disk = disk or MemoryDisk()
        self.journal = MemoryJournal("test", "0", OPEN, self.disk)
        self.recorder = Recorder(self.disk)
        self.loop: Loop

    def _open(self) -> None:
        self.loop = Loop(
            desk=EMPTY_DESK,
            journal=self.journal,
            clock=TrioClock(OPEN),
            dispatcher=self.recorder,
            figures=SessionFigures(EMPTY_DESK),
            quiescence=Quiescence(),
            on_turn=lambda _desk: None,
        )
        self.recorder.loop = self.loop

    @property
    def written(self) -> int:
        """Events in the journal."""
        return len(self.disk.records) - 1

    def run(self, script: Callable[[], Awaitable[None]]) -> None:
        """The loop in the background, a script in front; then the loop is canceled and flushed."""

        async def main() -> None:
            self._open()
            async with trio.open_nursery() as nursery:
                await nursery.start(self.loop.run)
                await script()
                nursery.cancel_scope.cancel()
            await self.loop.flush()

        trio.run(main, clock=MockClock(autojump_threshold=0))

    async def stepped(self, count: int) -> None:
        """Waits until so many events were stepped."""
        with trio.fail_after(60):
            while self.loop.desk.counters.events < count:  # noqa: ASYNC110 - a mock clock's sleep is a yield
                await trio.sleep(0.001)

    async def put_all(self, events: list[Event]) -> None:
        """Events, one batch each."""
        for event in events:
            count = self.loop.desk.counters.events
            await self.loop.put(event)
            await self.stepped(count + 1)


def test_a_day_is_journaled_stepped_and_handed_out_in_order() -> None:
    world = World()
    events = trading_day()

    async def script() -> None:
        for event in events:
            await world.loop.put(event)
        await world.stepped(len(events))

    world.run(script)
    submits = [command for command in world.recorder.commands if isinstance(command, SubmitOrder)]
    assert len(submits) >= 2
    assert world.written == world.loop.desk.counters.events
    again = replay(world.journal.read(), kernel.step, EMPTY_DESK)
    assert digest(again) == digest(world.loop.desk)


def boot(events: list[Event]) -> int:
    """Where the second event of a script's first bar stands: everything before is the start."""
    return next(index for index, event in enumerate(events) if isinstance(event, QuoteUpdated))


def test_quotes_that_lead_to_nothing_wait_for_the_next_batch() -> None:
    world = World()
    events = trading_day()
    first = boot(events)
    quote, bar = events[first], events[first + 1]
    assert isinstance(quote, QuoteUpdated)
    assert isinstance(bar, BarClosed)

    async def script() -> None:
        await world.put_all(events[:first])
        before = world.written
        commits = world.disk.appends
        await world.put_all([quote, quote, quote])
        assert (world.written, world.disk.appends) == (before, commits)
        await world.put_all([bar])
        assert (world.written, world.disk.appends) == (before + 4, commits + 1)

    world.run(script)


def test_waiting_quotes_are_bounded() -> None:
    world = World()
    events = trading_day()
    first = boot(events)

    async def script() -> None:
        await world.put_all(events[:first])
        before = world.written
        await world.put_all([events[first]] * (UNWRITTEN_MAX - 1))
        assert world.written == before
        await world.put_all([events[first]])
        assert world.written == before + UNWRITTEN_MAX

    world.run(script)


def test_what_waits_is_durable_at_the_end() -> None:
    world = World()
    events = trading_day()
    first = boot(events)

    async def script() -> None:
        await world.put_all([*events[:first], events[first]])

    world.run(script)
    assert world.written == world.loop.desk.counters.events
    assert digest(replay(world.journal.read(), kernel.step, EMPTY_DESK)) == digest(world.loop.desk)


def test_a_tick_comes_when_the_kernel_asked_for_it_and_not_before() -> None:
    world = World()
    events = trading_day()
    times: list[int] = []

    async def script() -> None:
        await world.put_all(events[: boot(events)])
        world.recorder.commands.clear()
        await trio.sleep(290)
        times.append(len(world.recorder.commands))
        await trio.sleep(20)  # a comparison with the broker is due every five minutes
        times.append(len(world.recorder.commands))

    world.run(script)
    assert times[0] == 0
    assert times[1] > 0


def test_nothing_leaves_when_the_disk_is_full() -> None:
    world = World(MemoryDisk({3: DiskFault.FULL}))
    events = trading_day()

    async def script() -> None:
        for event in events:
            await world.loop.put(event)
        await trio.sleep_forever()

    with pytest.RaisesGroup(pytest.RaisesExc(JournalFailed), flatten_subgroups=True):
        world.run(script)
    # The recorder has checked each command; the last batch was neither stepped nor handed out.
    assert world.written == world.loop.desk.counters.events


def test_what_step_raises_is_a_kernel_bug_with_its_event_in_the_journal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    events = trading_day()
    bad = next(event for event in events if isinstance(event, BarClosed))

    def broken(desk: Desk, event: Event) -> Step:
        assert event is not bad, "a broken promise"
        return kernel.step(desk, event)

    monkeypatch.setattr(shell.loop, "step", broken)

    async def script() -> None:
        await world.put_all(events[: events.index(bad)])
        await world.loop.put(bad)
        await trio.sleep_forever()

    def is_it(error: KernelBug) -> bool:
        return error.event is bad and digest(error.desk) == digest(world.loop.desk)

    with pytest.RaisesGroup(
        pytest.RaisesExc(KernelBug, match="a broken promise", check=is_it), flatten_subgroups=True
    ):
        world.run(script)
    assert world.written == world.loop.desk.counters.events + 1


def test_a_full_inbox_is_told_to_who_can_not_wait() -> None:
    world = World()

    async def script() -> None:
        loop = world.loop
        assert loop.put_nowait(trading_day()[0])  # goes straight to the loop, which waits for one
        assert all(loop.put_nowait(Tick(OPEN)) for _ in range(INBOX_MAX))
        assert loop.put_nowait(Tick(OPEN)) is False
        assert loop.is_quiet is False
        await world.stepped(INBOX_MAX + 1)

    world.run(script)
