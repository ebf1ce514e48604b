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
    event_of,
)
from shell.journal.replay import replay
from shell.journal.sqlite import SqliteJournal, open_journal, read_journal
from shell.journal.store import JournalMode, wal_is_safe

__all__ = [
    "DiskFault",
    "Genesis",
    "Journal",
    "JournalDamaged",
    "JournalFailed",
    "JournalLocked",
    "JournalMode",
    "JournalRefused",
    "MemoryDisk",
    "MemoryJournal",
    "Opening",
    "Record",
    "SqliteJournal",
    "event_of",
    "open_journal",
    "read_journal",
    "replay",
    "wal_is_safe",
]
