"""What a journal is: the events of one account, in order, durable before anything that they caused.

    inbox -> await journal.append(batch) -> step, step, step -> commands leave

Rules:
1. `append` returns when the whole batch is durable, or raises JournalFailed; then the process must end: the
   batch may or may not be there, and the next start finds out. It can't be canceled half-way.
2. Every record carries (seq, epoch, kind, body, previous hash, hash): a chain from a genesis record that
   says whose journal it is. One changed byte anywhere stops the start with that record's number.
3. The first event that a process appends is its Booted, with a higher epoch than any before it.
4. Only events are journaled. Commands follow from them by replay, because `step` is deterministic; so
   which calls had been handed to the wire when a process died is known too: a call that a journaled batch
   caused may have left (its order is in doubt until the broker answers for it), a call that no journaled
   batch caused can't have left, for commands leave only after `append` has returned.
5. One writer: a second process is refused with the holder's name.

Snapshots (caches of a replayed Desk, snapshots.py) are files beside it and no part of it.

Ignored: other stores; they come behind this same Protocol.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from kernel.events import Event
from kernel.units import Instant
from shell.errors import Complaint, ExitCode

__all__ = [
    "Genesis",
    "Journal",
    "JournalDamaged",
    "JournalFailed",
    "JournalLocked",
    "JournalRefused",
    "Opening",
    "Record",
    "Tip",
]


class JournalDamaged(Complaint):
    """What was written is not what is there: the line names the record."""

    def __init__(self, where: str, seq: int, what: str) -> None:
        self.seq = seq
        super().__init__(
            f"{where}: record {seq}: {what}; restore a copy of the journal, or start a new one "
            "(the broker's books are compared at the start)",
            ExitCode.JOURNAL,
        )


class JournalRefused(Complaint):
    """A journal that this process must not use: another account's, a newer version's, not a journal."""

    def __init__(self, line: str) -> None:
        super().__init__(line, ExitCode.JOURNAL)


class JournalLocked(Complaint):
    """Another process writes it: the line names the holder."""

    def __init__(self, line: str) -> None:
        super().__init__(line, ExitCode.JOURNAL)


class JournalFailed(Complaint):
    """A batch could not be made durable (disk full, failed write, no answer): the process must end."""

    def __init__(self, line: str) -> None:
        super().__init__(line, ExitCode.JOURNAL)


class Genesis(NamedTuple):
    """Record 0: whose journal this is and who began it."""

    schema: int
    """Version of the journal's form."""
    canonical: int
    """Version of the bodies' form (shell/canonical.py)."""
    product: str
    """The product's version that began it."""
    account: str
    created_at: Instant


class Record(NamedTuple):
    """One record as it is stored."""

    seq: int
    epoch: int
    kind: str
    """The event's class name; a Booted's with the version of what follows (versions.py); `genesis` for 0."""
    body: bytes
    """The event's canonical bytes; the Genesis as JSON for record 0."""
    previous: bytes
    """The hash of the record before it, 32 bytes; zeros for record 0."""
    hash: bytes
    """SHA-256 of all of the above."""


class Tip(NamedTuple):
    """The end of a chain."""

    seq: int
    epoch: int
    hash: bytes


class Opening(NamedTuple):
    """What was found when a journal was opened for writing."""

    genesis: Genesis
    records: int
    """Events that it holds."""
    epoch: int
    """The highest epoch that was ever begun: the next Booted carries one more."""
    last_at: Instant
    """Time of the last event, zero when there is none: the clock's floor."""
    lost: int
    """Records that had been reported durable and are gone; orders of theirs may live at the broker."""
    notices: tuple[str, ...]
    """One line each, for a person: an unclean end, a lock taken over, a torn tail."""


class Journal(Protocol):
    """A durable, ordered record of events with one writer."""

    @property
    def opening(self) -> Opening:
        """What was found at the start."""
        ...

    @property
    def tip(self) -> Tip:
        """The last durable record; while no append is under way."""
        ...

    async def append(self, batch: Sequence[Event]) -> None:
        """Makes a batch durable, all of it or nothing; raises JournalFailed, and again ever after."""
        ...

    def read(self, after: int = 0) -> Iterator[Record]:
        """The records after number `after` (0: all events), verified as they come; JournalDamaged."""
        ...

    async def close(self) -> None:
        """Ends the writer's hold; idempotent."""
        ...
