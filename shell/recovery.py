"""A restart's first step: the Desk of the journal, from the newest usable snapshot and the events after it.

Rules:
1. The journal decides. Its chain has been checked whole when it was opened; a snapshot only saves stepping
   what it holds, and one that is not beyond doubt is passed over with a line (shell/journal/snapshots.py).
2. With `verify` everything is replayed, and a snapshot that disagrees stops the start: either it is damaged
   or the same events made another Desk, and nobody should trade before that is known.
3. What was done stands in the report: how many events were replayed, after which one, in what time.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kernel import EMPTY_DESK, Desk, Event
from shell.errors import Complaint, ExitCode
from shell.fingerprint import fingerprint_of
from shell.journal import (
    Checkpoints,
    Journal,
    JournalDamaged,
    Record,
    SnapshotUnfit,
    load_snapshot,
    read_header,
    replay,
    snapshot_paths,
)
from shell.journal.replay import Stepped
from shell.replay import compare_at, step_loaded
from shell.strategies_loader import load_strategy

__all__ = ["Recovered", "recover"]


class Recovered(NamedTuple):
    """What a start found."""

    desk: Desk
    snapshot: int
    """The event after which the snapshot was taken that was used; 0 for none."""
    replayed: int
    """Events that were stepped."""
    seconds: float
    notices: tuple[str, ...]
    """One line for each snapshot that was not used, and what a verification found."""


def recover(journal: Journal, path: Path | None, *, verify: bool = False) -> Recovered:
    """The Desk of an open journal; `path` is its file, None for one in memory.

    Raises Complaint for a journal that does not replay, and with `verify` for a snapshot that disagrees.
    """
    started = time.monotonic()
    where = "journal" if path is None else str(path)
    notices: list[str] = []
    if verify:
        desk, notices = _verified(journal, path, where)
        base = 0
    else:
        found = None if path is None else _newest(journal, path, notices)
        base, initial = found or (0, EMPTY_DESK)
        desk = replay(journal.read(base), step_loaded, initial, where=where)
    replayed = journal.tip.seq - base
    return Recovered(desk, base, replayed, time.monotonic() - started, tuple(notices))


def _newest(journal: Journal, path: Path, notices: list[str]) -> tuple[int, Desk] | None:
    """The newest snapshot beyond doubt, as its number and its Desk."""
    for snapshot in snapshot_paths(path):
        try:
            header = read_header(snapshot)
            if header.seq > journal.tip.seq:
                raise SnapshotUnfit(f"is ahead of the journal, which ends at {journal.tip.seq}")
            if header.seq < 1 or _hash_at(journal, header.seq) != header.hash:
                raise SnapshotUnfit("belongs to other records than this journal's")
            return header.seq, load_snapshot(snapshot, header, fingerprint_of, load_strategy)
        except (SnapshotUnfit, Complaint) as problem:
            if isinstance(problem, JournalDamaged):
                raise
            notices.append(f"{snapshot.name} {problem}: not used; the journal is replayed instead")
    return None


def _hash_at(journal: Journal, seq: int) -> str:
    record = next(_from(journal, seq), None)
    return "" if record is None else record.hash.hex()


def _from(journal: Journal, seq: int) -> Iterator[Record]:
    return journal.read(seq - 1)


def _verified(journal: Journal, path: Path | None, where: str) -> tuple[Desk, list[str]]:
    """A full replay, held against every snapshot."""
    checkpoints = None if path is None else Checkpoints(path)

    def observe(record: Record, _event: Event, stepped: Stepped[Desk]) -> None:
        if checkpoints is not None:
            compare_at(checkpoints, record, stepped.desk)

    desk = replay(journal.read(), step_loaded, EMPTY_DESK, observe=observe, where=where)
    if checkpoints is None:
        return desk, []
    checkpoints.end()
    if checkpoints.problems:
        more = f" (and {len(checkpoints.problems) - 1} more)" if len(checkpoints.problems) > 1 else ""
        raise Complaint(
            f"{where}: {checkpoints.problems[0]}{more}; look into it, then remove that file: it is a cache",
            ExitCode.JOURNAL,
        )
    agreed = ", ".join(map(str, sorted(checkpoints.agreed))) or "there is none"
    return desk, [f"verified by a full replay; snapshots that agree: {agreed}"]
