"""The journal: events in order, durable before anything that they caused. See protocol.py."""

from shell.journal.memory import DiskFault, MemoryDisk, MemoryJournal
from shell.journal.protocol import (
    Genesis,
    Journal,
    JournalDamaged,
    JournalFailed,
    JournalLocked,
    JournalRefused,
    Opening,
    Record,
    Tip,
)
from shell.journal.replay import Misfit, replay
from shell.journal.snapshots import (
    Checkpoints,
    SnapshotUnfit,
    load_snapshot,
    read_header,
    snapshot_paths,
    write_snapshot,
)
from shell.journal.sqlite import SqliteJournal, open_journal, read_journal
from shell.journal.store import JournalMode, wal_is_safe
from shell.journal.versions import EVENTS_OLDEST, EVENTS_VERSION, EventReader

__all__ = [
    "EVENTS_OLDEST",
    "EVENTS_VERSION",
    "Checkpoints",
    "DiskFault",
    "EventReader",
    "Genesis",
    "Journal",
    "JournalDamaged",
    "JournalFailed",
    "JournalLocked",
    "JournalMode",
    "JournalRefused",
    "MemoryDisk",
    "MemoryJournal",
    "Misfit",
    "Opening",
    "Record",
    "SnapshotUnfit",
    "SqliteJournal",
    "Tip",
    "load_snapshot",
    "open_journal",
    "read_header",
    "read_journal",
    "replay",
    "snapshot_paths",
    "wal_is_safe",
    "write_snapshot",
]
