"""The SQLite file of a journal, synchronously: opening, checking, appending, reading.

Rules:
1. One batch is one transaction: after a crash SQLite has all of it or nothing. What can be torn is only the
   uncommitted batch, and SQLite itself takes it back (rollback journal) or skips it (WAL).
2. Durable means synced: WAL with synchronous=FULL, or a rollback journal with EXTRA (FULL leaves the
   removal of the rollback journal unsynced, so a power cut could still take the last commit back).
3. `auto` is WAL where SQLite is free of the WAL-reset bug (see `wal_is_safe`), a rollback journal elsewhere.
4. Opening checks every record. A chain that ends sooner than the lock's text says has lost a tail: records
   that were durable are gone (a disk that lied, a file cut or restored). After a clean close, or where
   SQLite's own check finds fault, that is damage; after an unclean end it is taken with a notice.
5. Readers have their own read-only connection and read in short pages, so they can't starve the writer.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Final

from kernel.events import Event
from kernel.units import Instant
from shell.canonical import CANONICAL_VERSION
from shell.journal.chain import (
    SCHEMA_VERSION,
    check_first,
    check_genesis,
    genesis_of,
    genesis_record,
    seal,
    verified,
)
from shell.journal.lock import Mark, WriterLock
from shell.journal.protocol import (
    Genesis,
    JournalDamaged,
    JournalFailed,
    JournalRefused,
    Opening,
    Record,
    Tip,
)
from shell.journal.versions import EventReader

__all__ = ["JournalMode", "Store", "connect_reader", "has_hot_journal", "read_pages", "wal_is_safe"]

APPLICATION_ID: Final = 0x4D51_444A
"""`MQDJ` in SQLite's header: tells our files from any other."""

BUSY_SECONDS: Final = 5.0
"""How long the writer waits for a reader, or a reader for the writer, before that counts as a failure."""

PAGE_RECORDS: Final = 2_000
"""Records that a reader takes at once: a few milliseconds."""

TABLE: Final = (
    "CREATE TABLE record (seq INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, kind TEXT NOT NULL, "
    "body BLOB NOT NULL, previous BLOB NOT NULL, hash BLOB NOT NULL)"
)
INSERT: Final = "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)"
SELECT: Final = "SELECT seq, epoch, kind, body, previous, hash FROM record WHERE seq > ? ORDER BY seq LIMIT ?"
COLUMNS: Final = (int, int, str, bytes, bytes, bytes)

WAL_FIXED: Final = ((3, 51, 3), (3, 50, 7), (3, 44, 6))
"""Versions with the fix of the WAL-reset bug: the first one, then the backports on their branches.

Two connections that checkpoint and write at one moment may lose committed pages in 3.7.0 to 3.51.2
(sqlite.org/wal.html#walresetbug). This program writes through one connection, but anybody's `sqlite3` on the
file would be a second one, so the bug is kept out altogether.
"""


class JournalMode(Enum):
    """How SQLite makes a commit atomic."""

    AUTO = "auto"
    """WAL where SQLite has no known bug in it, a rollback journal elsewhere."""
    WAL = "wal"
    """Write-ahead log: one sync for a commit."""
    DELETE = "delete"
    """Rollback journal: four syncs for a commit, no known bug."""


def wal_is_safe(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite is free of the WAL-reset bug."""
    first, *backports = WAL_FIXED
    return version >= first or any(version[:2] == fixed[:2] and version >= fixed for fixed in backports)


def read_pages(connection: sqlite3.Connection, after: int, where: str) -> Iterator[Record]:
    """The records after number `after` in order, unchecked except for their columns' types."""
    seq = after
    while True:
        try:
            rows = connection.execute(SELECT, (seq, PAGE_RECORDS)).fetchall()
        except sqlite3.Error as error:
            raise JournalDamaged(where, seq + 1, f"can't be read ({error})") from None
        for row in rows:
            if tuple(map(type, row)) != COLUMNS:
                raise JournalDamaged(where, seq + 1, "has columns of wrong types")
            seq = row[0]
            yield Record(*row)
        if len(rows) < PAGE_RECORDS:
            return


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that can't write; JournalRefused where there is no such file."""
    if not path.is_file():
        raise JournalRefused(f"{path}: no such journal; give the path that --journal had")
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.text_factory = _text
    return connection


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


class Store:
    """A journal open for writing; not thread-safe, one thread does everything."""

    def __init__(self, path: Path, account: str, product: str, now: Instant, mode: JournalMode) -> None:
        """Opens or begins the journal at `path`; a Complaint of protocol.py where that can't be."""
        self.path = path
        self.where = str(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise JournalRefused(
                f"{path.parent}: can't be made ({error.strerror}); give another --journal"
            ) from None
        self._lock = WriterLock(Path(f"{path}.lock"))
        try:
            unclean = _leftover(path)
            self._connection = self._connect()
            try:
                self.opening = self._open(
                    Genesis(SCHEMA_VERSION, CANONICAL_VERSION, product, account, now), mode, unclean
                )
            except BaseException:
                self._connection.close()
                raise
        except BaseException:
            self._lock.release()
            raise
        self._booted = False
        self._lock.mark(self.opening.epoch, self._tip.seq)

    # ------------------------------------------------------------ opening

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise JournalRefused(f"{self.path}: can't be opened ({error}); give another --journal") from None
        connection.text_factory = _text
        return connection

    def _open(self, fresh: Genesis, mode: JournalMode, unclean: str | None) -> Opening:
        self._lock.announce()
        try:
            if self._is_empty():
                self._configure(mode)
                self._begin(fresh)
            else:
                self._configure(mode)
            genesis, last_at = self._check(fresh.account)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise JournalRefused(
                    f"{self.path}: can't be opened ({error}); mend that or give another --journal"
                ) from None
            raise JournalDamaged(self.where, 0, f"the file can't be read ({error})") from None
        notices = [] if unclean is None else [f"{self.path}: {unclean}; ends at record {self._tip.seq}"]
        lost = self._compare(self._lock.found, notices)
        epoch = max(self._tip.epoch, self._lock.found.epoch if self._lock.found else 0)
        return Opening(genesis, self._tip.seq, epoch, last_at, lost, tuple(notices))

    def _is_empty(self) -> bool:
        identity = self._pragma("application_id")
        tables = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and identity != APPLICATION_ID:
            raise JournalRefused(f"{self.path}: is not a journal of MiniQuantDesk; give another --journal")
        if identity == APPLICATION_ID and not tables:
            raise JournalDamaged(self.where, 0, "missing")
        return not tables

    def _configure(self, mode: JournalMode) -> None:
        if mode is JournalMode.AUTO:
            mode = JournalMode.WAL if wal_is_safe(sqlite3.sqlite_version_info) else JournalMode.DELETE
        got = self._pragma(f"journal_mode = {mode.value}")
        if got != mode.value:
            raise JournalRefused(
                f"{self.path}: the disk can't do journal mode {mode.value} (SQLite says {got})"
            )
        self.mode = mode
        for pragma in (
            f"synchronous = {'FULL' if mode is JournalMode.WAL else 'EXTRA'}",
            "fullfsync = ON",  # macOS: fsync alone leaves data in the drive's cache
            "checkpoint_fullfsync = ON",
            "mmap_size = 0",
            "cell_size_check = ON",
            "trusted_schema = OFF",
        ):
            self._connection.execute(f"PRAGMA {pragma}")

    def _begin(self, genesis: Genesis) -> None:
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        execute(f"PRAGMA application_id = {APPLICATION_ID}")
        execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        execute(TABLE)
        execute(INSERT, genesis_record(genesis))
        execute("COMMIT")

    def _check(self, account: str) -> tuple[Genesis, Instant]:
        version = self._pragma("user_version")
        raw = next(read_pages(self._connection, -1, self.where), None)
        if version > SCHEMA_VERSION:
            product = "unknown" if raw is None or raw.seq else genesis_of(raw, self.where).product
            raise JournalRefused(
                f"{self.path}: written by a newer version (schema {version}, begun by {product}); "
                f"this program reads schema {SCHEMA_VERSION}: use a newer one"
            )
        genesis: Genesis | None = None
        record: Record | None = None
        reader = EventReader(self.where)
        for record in verified(read_pages(self._connection, -1, self.where), None, self.where):
            if genesis is None:
                genesis = genesis_of(record, self.where)
                check_genesis(genesis, account, self.where)
            reader.pass_by(record)
        if genesis is None or record is None:
            raise JournalDamaged(self.where, 0, "missing")
        self._tip = Tip(record.seq, record.epoch, record.hash)
        return genesis, reader.event(record).at if record.seq else Instant(0)

    def _compare(self, found: Mark | None, notices: list[str]) -> int:
        """Records that the last holder knew to be durable and that are gone."""
        if found is None:
            return 0
        lost = found.seq - self._tip.seq
        if lost > 0:
            fault = self._pragma("quick_check(1)")
            if found.closed or fault != "ok":
                why = "the file was cut or restored" if fault == "ok" else str(fault)
                raise JournalDamaged(self.where, self._tip.seq + 1, f"missing up to {found.seq} ({why})")
            notices.append(
                f"{self.path}: torn tail: records {self._tip.seq + 1} to {found.seq} are gone; compare "
                f"orders of epoch {found.epoch} with the broker's"
            )
        if not found.closed:
            notices.append(f"{self.path}: taken over from {found.holder}, which ended without closing it")
        return max(lost, 0)

    def _pragma(self, text: str) -> Any:
        row = self._connection.execute(f"PRAGMA {text}").fetchone()
        return row[0] if row else None

    # ------------------------------------------------------------ use

    @property
    def tip(self) -> Tip:
        """The last durable record; while no append is under way."""
        return self._tip

    def append(self, batch: Sequence[Event]) -> None:
        """One transaction; JournalFailed where it could not be committed, and then never again."""
        if not self._booted:
            check_first(batch, self.opening.epoch)
        records, tip = seal(self._tip, batch)
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(INSERT, records)
            self._connection.execute("COMMIT")
            self._lock.mark(tip.epoch, tip.seq)
        except (sqlite3.Error, OSError) as error:
            raise JournalFailed(
                f"{self.path}: records {self._tip.seq + 1} to {tip.seq} could not be written ({error}); "
                "free the disk, then start again: nothing was sent for them"
            ) from None
        self._tip = tip
        self._booted = True

    def close(self, *, clean: bool) -> None:
        """Ends the hold; `clean` says that every append succeeded."""
        if not self._lock.held:
            return
        try:
            self._connection.close()
            if clean:
                self._lock.mark(max(self.opening.epoch, self._tip.epoch), self._tip.seq, closed=True)
        except (sqlite3.Error, OSError) as error:
            raise JournalFailed(f"{self.path}: could not be closed ({error})") from None
        finally:
            self._lock.release()


def has_hot_journal(path: Path) -> bool:
    """Whether a writer died inside a commit: a rollback journal whose first byte is not zero.

    SQLite writes that byte when the rollback journal is synced, before it touches the database; until then
    what is left of it means nothing, and the next commit removes it.
    """
    try:
        with Path(f"{path}-journal").open("rb") as file:
            return file.read(1) not in (b"", b"\0")
    except OSError:
        return False


def _leftover(path: Path) -> str | None:
    """Says so where SQLite has an unfinished or unmerged commit to look at."""
    log = Path(f"{path}-wal")
    if has_hot_journal(path):
        return "the last end was not clean (an unfinished batch was taken back)"
    if log.is_file() and log.stat().st_size:
        return "the last end was not clean (the log was not merged)"
    return None
