"""The composition root: builds everything in dependency order and nests the nurseries by lifetime.

    exchange (embedded only) > account's lock > clock > journal > broker (REST workers, streams)
        > loop > panel, keeper of snapshots, supervisor

What is inside ends before what is outside: the loop stops before the streams it reads, those before the
journal closes, the journal before the clock and the exchange that it was timed by. Ending is always the same
path: the supervisor drains the desk (a deadline on it), then cancels the inner scope. A second interrupt, or
one before the desk runs, ends everything at once.
"""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import trio

from kernel import EMPTY_DESK, Desk
from kernel.config import DeskConfig
from kernel.drift.record import is_clean
from kernel.events import Booted, ClockStepped, OperatorSaid, OperatorWord
from kernel.session.boot import is_drained
from kernel.session.chart import Mode
from kernel.units import SECOND, Duration, Instant
from shell.account_lock import AccountLock, LockUnavailable, state_folder
from shell.alpaca.settings import AlpacaSettings
from shell.books import compare, fetch_books
from shell.bugs import complaint_of
from shell.canonical import digest
from shell.clock import Clock, WallClock
from shell.codec import known_pairs
from shell.collector import calm_collector
from shell.dispatch import ShellDispatcher
from shell.errors import Complaint, ExitCode
from shell.exchange.embed import Served, serve
from shell.exchange.settings import ExchangeSettings
from shell.journal import Journal, JournalMode, MemoryJournal, SqliteJournal, open_journal
from shell.journal.lock import WriterLock
from shell.keeper import SnapshotKeeper
from shell.logs import open_log
from shell.loop import Loop
from shell.panel import show
from shell.quiescence import Quiescence
from shell.recovery import Recovered, recover
from shell.report import Outcome, build_report
from shell.session import SessionFigures
from shell.settings import JournalSettings
from shell.simclock import SimClock, SimLost, TimeMessage

__all__ = ["Plan", "run_session"]

PREPARE_S_MAX: Final = 60.0
"""For importing the broker's client on a slow disk."""

SETTLE_S_MAX: Final = 5.0
"""After the drain: for the last words of the broker to arrive before the books are compared."""

SIMULATED_ACCOUNT: Final = "simulated"
"""Number of an exchange's one account, for its lock."""

AHEAD_S_MAX: Final = 2
"""Real seconds by which a journal may be ahead of a session in real time: both only estimate its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to run, decided before anything is started."""

    config: DeskConfig
    broker: Callable[[str, bool], AlpacaSettings]
    """From the exchange's URL (empty for a real broker) and lock-step to the adapters' settings."""
    exchange: ExchangeSettings | None
    """The embedded exchange; None for another one or a real broker."""
    url: str
    """Of an exchange that already runs; empty otherwise."""
    client: str
    """How a simulated session knows us; empty for a real broker."""
    journal: Path | None
    """None keeps it in memory."""
    journal_settings: JournalSettings
    account: tuple[str, str] | None
    """URL and number of a real account; None for the one account of a simulated session."""
    drain_s: float
    panel: bool
    source: str
    version: str
    arm_reason: str
    """Said by the operator at the start (live: the digits were typed); empty for nothing."""


class Bell:
    """Wakes whoever waits for something to become true of the session."""

    def __init__(self) -> None:
        self._event = trio.Event()

    def ring(self) -> None:
        """Something changed."""
        self._event.set()
        self._event = trio.Event()

    async def until(self, is_true: Callable[[], bool]) -> None:
        """Returns when `is_true`."""
        while not is_true():
            await self._event.wait()
        await trio.lowlevel.checkpoint()


class Session:
    """One run, from the open ports to the report."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.figures = SessionFigures(EMPTY_DESK)
        self.bell = Bell()
        self.interrupts = 0
        self.lost: str | None = None
        self.loop: Loop | None = None
        self.report: dict[str, Any] | None = None
        self._lock: AccountLock | None = None
        self._keeper: SnapshotKeeper | None = None
        self._log = open_log(plan.journal)
        self._differences: list[str] = []
        self._books: dict[str, Any] = {}

    async def run(self) -> None:
        """Everything."""
        plan = self.plan

        try:
            async with trio.open_nursery() as exchange_nursery:
                await exchange_nursery.start(self._signals)
                self._check_lock()
                if plan.account is not None:
                    self._hold_account(*plan.account)
                url = plan.url
                if plan.exchange is not None:
                    served: Served = await exchange_nursery.start(serve, plan.exchange)
                    url = served.url
                if plan.account is None:
                    self._hold_account(url, SIMULATED_ACCOUNT)
                async with trio.open_nursery() as clock_nursery:
                    await self._with_clock(url, clock_nursery)
                    clock_nursery.cancel_scope.cancel()
                exchange_nursery.cancel_scope.cancel()
        finally:
            if self._lock is not None:
                self._lock.release()
            self._log.close()

    def _hold_account(self, url: str, number: str) -> None:
        """Nobody else on this machine may trade the account while we do."""
        plan = self.plan
        try:
            folder = state_folder(plan.journal_settings.locks, dict(os.environ))
            self._lock = AccountLock(folder, url, number, plan.journal)
        except LockUnavailable as problem:
            if plan.account is not None:
                raise
            self.figures.notes.append(f"nothing keeps a second desk off this exchange: {problem.line}")
        else:
            if self._lock.notice is not None:
                self.figures.notes.append(self._lock.notice)

    async def _with_clock(self, url: str, nursery: trio.Nursery) -> None:
        sim: SimClock | None = None
        clock: Clock
        if self.plan.client:
            sim = SimClock(url, self.plan.client, lockstep=True, on_time=self._on_time)
            await nursery.start(self._follow, sim)
            clock = sim
        else:
            clock = WallClock(self._on_clock_step)
        journal = await self._open_journal(clock.now())
        try:
            desk = (await trio.to_thread.run_sync(self._recover, journal, abandon_on_cancel=True)).desk
            self._check_time(desk, clock, sim)
            if sim is None:
                clock = WallClock(self._on_clock_step, floor=desk.at)
            with calm_collector():
                await self._with_journal(url, clock, sim, journal, desk)
        finally:
            with trio.CancelScope(shield=True):
                await journal.close()

    def _check_lock(self) -> None:
        """Another process on our journal is told before the session is joined in that one's place."""
        path = self.plan.journal
        if path is not None and path.is_file():
            WriterLock(Path(f"{path}.lock")).release()

    def _check_time(self, desk: Desk, clock: Clock, sim: SimClock | None) -> None:
        """A journal of another session, or a clock that is far behind: told before anything trades."""
        allowed = AHEAD_S_MAX * (SECOND if sim is None else sim.latest.rate)
        if desk.at <= clock.now() + allowed:
            return
        what = "the session's time; use another journal for this session (--journal)"
        if sim is None:
            what = "this machine's clock: set it right"
        raise Complaint(f"journal {self.plan.journal}: its last event is later than {what}", ExitCode.JOURNAL)

    async def _open_journal(self, now: Instant) -> "SqliteJournal | MemoryJournal":
        plan = self.plan
        if plan.journal is None:
            return MemoryJournal(plan.config.account, plan.version, now)
        settings = plan.journal_settings
        journal = await open_journal(
            plan.journal,
            plan.config.account,
            plan.version,
            now,
            JournalMode(settings.mode),
            settings.append_timeout / SECOND,
        )
        self.figures.notes.extend(journal.opening.notices)
        return journal

    def _recover(self, journal: Journal) -> Recovered:
        plan, figures = self.plan, self.figures
        found = recover(journal, plan.journal, verify=plan.journal_settings.verify)
        figures.base, figures.replayed, figures.replay_s = found.snapshot, found.replayed, found.seconds
        figures.notes.extend(found.notices)
        every = plan.journal_settings.snapshot_every
        if plan.journal is not None and every:
            self._keeper = SnapshotKeeper(plan.journal, every, plan.version, found.snapshot, figures)
        return found

    async def _with_journal(
        self, url: str, clock: Clock, sim: SimClock | None, journal: Journal, desk: Desk
    ) -> None:
        plan = self.plan
        quiescence = Quiescence()
        settings = plan.broker(url, sim is not None and sim.latest.is_lockstep)
        symbols = {symbol for strategy in plan.config.strategies for symbol in strategy.symbols}
        dispatcher = ShellDispatcher(
            settings=settings,
            pairs=known_pairs(sorted(symbols)),
            quiescence=quiescence,
            now=clock.now,
            figures=self.figures,
        )
        loop = Loop(
            desk=desk,
            journal=journal,
            clock=clock,
            dispatcher=dispatcher,
            figures=self.figures,
            quiescence=quiescence,
            on_turn=self._on_turn,
            on_durable=None if self._keeper is None else self._keeper.offer,
        )
        loop.sim = sim
        self.loop = loop
        dispatcher.attach(loop)
        with trio.move_on_after(PREPARE_S_MAX) as scope:
            await dispatcher.prepare()
        if scope.cancelled_caught:
            text = f"the broker's client could not be loaded within {PREPARE_S_MAX:g} s; start again"
            raise Complaint(text, ExitCode.SESSION_FAILED)
        async with trio.open_nursery() as broker_nursery:
            await broker_nursery.start(dispatcher.run)
            async with trio.open_nursery() as loop_nursery:
                loop_nursery.start_soon(show, self.figures, plan.source, plan.panel)
                if self._keeper is not None:
                    loop_nursery.start_soon(self._keeper.run)
                await loop_nursery.start(loop.run)
                epoch = max(desk.epoch, _epoch_of(journal)) + 1
                await loop.put(Booted(clock.now(), epoch, plan.version, plan.config))
                if sim is not None:
                    await loop.put_time(sim.latest)
                await self._supervise(loop, clock)
                await self._compare(url)
                loop_nursery.cancel_scope.cancel()
            broker_nursery.cancel_scope.cancel()
        await loop.flush()
        if self._keeper is not None:
            await self._keeper.finish(loop.desk, journal.tip)
        self._finish(loop)

    # ------------------------------------------------------------ the run's end

    async def _supervise(self, loop: Loop, clock: Clock) -> None:
        """Waits for the session's end or an interrupt, then drains the desk within the deadline."""
        plan, figures = self.plan, self.figures
        if plan.arm_reason:
            await self.bell.until(lambda: loop.desk.session.mode is not Mode.COLD or self._is_over())
            if not self._is_over() and loop.desk.session.mode is not Mode.ARMED:
                await loop.put(OperatorSaid(clock.now(), OperatorWord.ARM, plan.arm_reason))
        await self.bell.until(self._is_over)
        if self.lost is not None:
            return
        reason = "interrupted" if self.interrupts else "the session is over"
        await loop.put(OperatorSaid(clock.now(), OperatorWord.DRAIN, reason))
        with trio.move_on_after(plan.drain_s) as scope:
            await self.bell.until(lambda: is_drained(loop.desk) or self.lost is not None)
        if scope.cancelled_caught:
            figures.notes.append(f"the drain was not complete after {plan.drain_s:g} s")

    def _is_over(self) -> bool:
        return self.figures.ended or self.interrupts > 0 or self.lost is not None

    async def _compare(self, url: str) -> None:
        """Our books against the exchange's; with a real broker the kernel's own last comparison."""
        loop = self.loop
        assert loop is not None
        if not self.plan.client:
            clean = is_clean(loop.desk.drift)
            self._differences = [] if clean else ["the last comparison with the broker was not clean"]
            return
        if self.lost is not None:
            self._differences, self._books = [f"the exchange is lost: {self.lost}"], {}
            return
        deadline = trio.current_time() + SETTLE_S_MAX
        while True:
            try:
                self._books = await trio.to_thread.run_sync(fetch_books, url, abandon_on_cancel=True)
            except (OSError, ValueError) as problem:
                self._differences, self._books = [f"the exchange's books can't be read: {problem}"], {}
                return
            self._differences = compare(loop.desk, self._books)
            if not self._differences or trio.current_time() > deadline:
                return
            await trio.sleep(0.1)

    def _finish(self, loop: Loop) -> None:
        if self._log.failure:
            self.figures.notes.append(f"{self._log.lost} log lines are lost: {self._log.failure}")
        requests = self._books.get("requests", {})
        counters_429 = loop.desk.throttle.brake.http_429
        outcome = Outcome(
            source=self.plan.source,
            differences=tuple(self._differences),
            http_429=max(counters_429, int(requests.get("http_429", 0))),
            digest=digest(loop.desk),
            broker_peak=requests.get("max_in_any_window"),
            interrupted=self.interrupts > 0,
        )
        self.report = build_report(loop.desk, self.figures, outcome)

    # ------------------------------------------------------------ what others tell

    def _on_turn(self, desk: Desk) -> None:
        self.figures.desk = desk
        self.bell.ring()

    async def _on_time(self, message: TimeMessage) -> None:
        self.figures.bars_done, self.figures.bars_total = message.bars_done, message.bars_total
        if self.loop is not None:
            await self.loop.put_time(message)

    def _on_clock_step(self, now: Instant, by: Duration) -> None:
        if self.loop is not None and not self.loop.put_nowait(ClockStepped(now, by)):
            self.figures.notes.append(f"a clock step of {by} ns could not be reported: the inbox was full")

    async def _follow(self, sim: SimClock, *, task_status: trio.TaskStatus[TimeMessage]) -> None:
        """The session's clock; its loss ends the session."""
        try:
            await sim.run(task_status=task_status)
        except SimLost as problem:
            if self.loop is None:
                raise Complaint(f"exchange: {problem}", ExitCode.PORT) from problem
            self.lost = str(problem)
            self.bell.ring()

    async def _signals(self, *, task_status: trio.TaskStatus[None]) -> None:
        """The first interrupt drains, the second ends at once."""
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            task_status.started()
            async for _ in signals:
                self.interrupts += 1
                if self.interrupts > 1:
                    raise Complaint("interrupted again: ended without draining", ExitCode.INTERRUPTED)
                if self.loop is None:
                    raise Complaint("interrupted before the session began", ExitCode.INTERRUPTED)
                self.bell.ring()


def _epoch_of(journal: Journal) -> int:
    return journal.opening.epoch if isinstance(journal, SqliteJournal) else 0


async def run_session(plan: Plan) -> dict[str, Any]:
    """Runs a session to its end and returns its report.

    Raises Complaint for what a person can mend, and for a bug, whose evidence is then written.
    """
    session = Session(plan)
    try:
        await session.run()
    except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - told in a line, kept as evidence
        raise complaint_of(error, plan.journal) from None
    assert session.report is not None, "container: a session ended without a report"
    return session.report
