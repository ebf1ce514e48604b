"""The default journal: SQLite on one worker thread, awaited from trio.

Rules:
1. One connection, used by one thread that lives as long as the journal. A batch is one hop and one
   transaction (group commit).
2. An append can't be canceled: it is shielded, so that nobody goes on without knowing whether the batch is
   durable. It has a deadline instead; past it, or after any failed write, every further append raises
   JournalFailed and the process must end. The thread is a daemon, so a disk that hangs can't keep it alive.
3. Reading uses a connection of its own in the caller's thread (long replays belong into a thread).

The deadline is trio's time: under trio.testing.MockClock use MemoryJournal, for a mock clock does not wait
for a disk.
"""

import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, TypeVar

import trio

from kernel.events import Event
from kernel.units import Instant
from shell.journal.chain import verified
from shell.journal.lock import WriterLock
from shell.journal.protocol import JournalFailed, JournalLocked, JournalRefused, Opening, Record, Tip
from shell.journal.store import JournalMode, Store, connect_reader, has_hot_journal, read_pages

__all__ = ["SqliteJournal", "open_journal", "read_journal"]

APPEND_SECONDS_MAX: Final = 30.0
"""A disk that does not answer for so long is broken; trading on an unknown journal is not an option."""

T = TypeVar("T")


class Worker:
    """A thread that does one job after another."""

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def stop(self) -> None:
        """Ends the thread after the jobs that wait."""
        self._jobs.put(None)

    async def run(self, job: Callable[[], T], seconds: float) -> T:
        """The job's result or its exception, shielded from cancellation; TimeoutError after `seconds`."""
        token = trio.lowlevel.current_trio_token()
        done = trio.Event()
        results: list[T] = []
        errors: list[BaseException] = []

        def work() -> None:
            try:
                results.append(job())
            except BaseException as error:  # noqa: BLE001 - raised again in the waiting task
                errors.append(error)
            try:
                token.run_sync_soon(done.set)
            except trio.RunFinishedError:
                return  # nobody waits any more: the process ends

        self._jobs.put(work)
        with trio.CancelScope(shield=True, deadline=trio.current_time() + seconds):
            await done.wait()
        if errors:
            raise errors[0]
        if not results:
            raise TimeoutError
        return results[0]


class SqliteJournal:
    """See the Protocol in protocol.py; made by `open_journal`."""

    def __init__(self, store: Store, worker: Worker, append_seconds_max: float) -> None:
        self._store = store
        self._worker = worker
        self._append_seconds_max = append_seconds_max
        self._failure: str | None = None
        self._closed = False

    @property
    def opening(self) -> Opening:
        """What was found at the start."""
        return self._store.opening

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return self._store.path

    @property
    def mode(self) -> JournalMode:
        """WAL or DELETE, as it was decided."""
        return self._store.mode

    @property
    def tip(self) -> Tip:
        """The last durable record; while no append is under way."""
        return self._store.tip

    async def append(self, batch: Sequence[Event]) -> None:
        """Durable on return; JournalFailed otherwise, and ever after."""
        if self._closed:
            raise JournalFailed(f"{self.path}: an append after the close")
        if self._failure is not None:
            raise JournalFailed(self._failure)
        if not batch:
            await trio.lowlevel.checkpoint()
            return
        events = tuple(batch)
        self._failure = f"{self.path}: an append is still under way"  # until this one has come back
        try:
            await self._worker.run(lambda: self._store.append(events), self._append_seconds_max)
        except JournalFailed as error:
            self._failure = error.line
            raise
        except TimeoutError:
            self._failure = (
                f"{self.path}: the disk did not answer within {self._append_seconds_max:g} s; "
                "check it, then start again"
            )
            raise JournalFailed(self._failure) from None
        self._failure = None

    def read(self, after: int = 0) -> Iterator[Record]:
        """Verified records in order; may be called from any thread, also while others append."""
        yield from _read(self.path, after)

    async def close(self) -> None:
        """Merges the log, says in the lock's text that the end was clean, and lets go."""
        if self._closed:
            return
        self._closed = True
        clean = self._failure is None
        try:
            await self._worker.run(lambda: self._store.close(clean=clean), self._append_seconds_max)
        except TimeoutError:
            raise JournalFailed(f"{self.path}: the disk did not answer at the close") from None
        finally:
            self._worker.stop()


async def open_journal(
    path: Path,
    account: str,
    product: str,
    now: Instant,
    mode: JournalMode = JournalMode.AUTO,
    append_seconds_max: float = APPEND_SECONDS_MAX,
) -> SqliteJournal:
    """Opens or begins the journal of `account` at `path`, checks all of it, and holds it.

    Raises JournalLocked, JournalDamaged or JournalRefused, each one line with what to do.
    """
    worker = Worker(f"journal {path.name}")
    try:
        store = await worker.run(lambda: Store(path, account, product, now, mode), float("inf"))
    except BaseException:
        worker.stop()
        raise
    return SqliteJournal(store, worker, append_seconds_max)


def read_journal(path: Path, after: int = 0) -> Iterator[Record]:
    """The verified records of a journal that this process does not write (for replays and tools).

    Where its writer died in mid-commit and nobody holds it, SQLite's recovery is run first, for a read-only
    connection can't.
    """
    if not path.is_file():
        raise JournalRefused(f"{path}: no such journal; give the path that --journal had")
    if has_hot_journal(path):
        try:
            lock = WriterLock(Path(f"{path}.lock"))
        except JournalLocked:
            pass  # a live writer is in mid-commit; its locks make readers wait
        else:
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            lock.release()
    yield from _read(path, after)


def _read(path: Path, after: int) -> Iterator[Record]:
    where = str(path)
    with closing(connect_reader(path)) as connection:
        tip = None
        if after > 0:
            record = next(read_pages(connection, after - 1, where), None)
            if record is None or record.seq != after:
                return
            tip = Tip(record.seq, record.epoch, record.hash)
        for record in verified(read_pages(connection, after if tip else -1, where), tip, where):
            if record.seq > 0:
                yield record
