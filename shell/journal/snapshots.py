"""Snapshots: Desks on disk, beside their journal, so that a start need not replay all of it.

    JOURNAL.snapshot-000000020000     one line of JSON, then the seats' bytes, then the Desk's bytes

Rules:
1. A snapshot is a cache, never a source: any of them may be removed at any time, and one that is not beyond
   doubt is ignored with a line that says why. The journal alone decides.
2. Beyond doubt means: its header can be read, the code that made it is today's (shell/fingerprint.py), the
   journal has a record of its number with its hash, the bytes have the digest that the header gives, and the
   Desk that they make has those bytes again and that number of events.
3. The digest is that of the Desk (shell.canonical.digest), so a full replay can be compared with it:
   `Checkpoints` does, for `shell.replay` and for a start with --verify-journal.
4. It is written under another name and then renamed. It is not synced: a torn one fails its digest.
5. KEEP of them are kept: the newest, and the one before it in case that is damaged.

Ignored: compressing (a day's Desk has some 30 KB), a journal in memory (it has nothing to come back to).
"""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from kernel import Desk
from kernel.strategies.parameters import complete
from kernel.strategies.registry import resolve
from shell.canonical import CanonicalError, decode, digest, encode, gc_paused, register_with_parts
from shell.journal.protocol import Tip

__all__ = [
    "SNAPSHOT_VERSION",
    "Checkpoints",
    "Header",
    "Seat",
    "SnapshotUnfit",
    "load_snapshot",
    "read_header",
    "snapshot_paths",
    "write_snapshot",
]

SNAPSHOT_VERSION: Final = 1
"""Of the file's form."""

KEEP: Final = 2
HEADER_BYTES_MAX: Final = 4_096
BODY_BYTES_MAX: Final = 1 << 30
"""Some 5 million orders. A larger Desk is not written: its replay is what it costs."""

PATHS_MAX: Final = 1_000
"""Files that are looked at beside one journal; two are usual."""

NAME: Final = re.compile(r"\.snapshot-(\d{12,18})$")


class Seat(NamedTuple):
    """What has to be loaded before a Desk can be read: a strategy, and how to make a state of its type."""

    path: str
    symbol: str
    parameters: tuple[tuple[str, int | str], ...]


SEATS: Final = tuple[Seat, ...]


class Header(NamedTuple):
    """What a snapshot says of itself."""

    version: int
    seq: int
    """The last record in it."""
    epoch: int
    hash: str
    """That record's, in hex."""
    fingerprint: str
    product: str
    digest: str
    """The Desk's, in hex."""
    seats_digest: str
    """Of the seats' bytes: no strategy is loaded because of a damaged file."""
    seats_bytes: int
    desk_bytes: int


class SnapshotUnfit(Exception):
    """A snapshot that is not used: why, as the end of a sentence."""


def snapshot_paths(journal: Path) -> list[Path]:
    """The snapshots beside a journal, the newest first."""
    found: list[tuple[int, Path]] = []
    try:
        for path in journal.parent.glob(f"{_glob_safe(journal.name)}.snapshot-*"):
            match = NAME.search(path.name)
            if match is not None and len(found) < PATHS_MAX:
                found.append((int(match[1]), path))
    except OSError:
        return []
    return [path for _, path in sorted(found, reverse=True)]


def _glob_safe(name: str) -> str:
    return re.sub(r"([\[\]*?])", r"[\1]", name)


# ---------------------------------------------------------------- writing


def write_snapshot(journal: Path, desk: Desk, tip: Tip, fingerprint: str, product: str) -> Header:
    """Writes the snapshot of `desk`, the Desk after record `tip`, and removes those that are not kept.

    May run in a thread while the desk goes on. Raises SnapshotUnfit where it can't be written or should not.
    """
    if desk.counters.events != tip.seq:
        raise SnapshotUnfit(f"its Desk has {desk.counters.events} events, the journal {tip.seq}")
    try:
        with gc_paused():
            seats = encode(_seats(desk), SEATS)
            body = encode(desk)
    except CanonicalError as error:
        raise SnapshotUnfit(f"has no canonical form ({error})") from None
    if len(body) + len(seats) > BODY_BYTES_MAX:
        raise SnapshotUnfit(f"has more than {BODY_BYTES_MAX} bytes")
    header = Header(
        SNAPSHOT_VERSION,
        tip.seq,
        tip.epoch,
        tip.hash.hex(),
        fingerprint,
        product,
        hashlib.sha256(body).hexdigest(),
        hashlib.sha256(seats).hexdigest(),
        len(seats),
        len(body),
    )
    path = journal.with_name(f"{journal.name}.snapshot-{tip.seq:012d}")
    draft = path.with_name(f"{path.name}.part")
    try:
        with draft.open("wb") as file:
            file.write(json.dumps(header._asdict()).encode() + b"\n")
            file.write(seats)
            file.write(body)
        draft.replace(path)
        _prune(journal, path)
    except OSError as error:
        raise SnapshotUnfit(f"can't be written ({error.strerror or error})") from None
    return header


def _seats(desk: Desk) -> tuple[Seat, ...]:
    seats = {Seat(seat.path, seat.symbol, seat.parameters) for seat in desk.seats.values()}
    return tuple(sorted(seats))


def _prune(journal: Path, newest: Path) -> None:
    """Keeps `newest` and those before it, KEEP in all; what claims to be newer is of a lost history."""
    kept = 0
    for path in snapshot_paths(journal):
        if path.name <= newest.name and kept < KEEP:
            kept += 1
        else:
            path.unlink(missing_ok=True)
    for draft in journal.parent.glob(f"{_glob_safe(journal.name)}.snapshot-*.part"):
        draft.unlink(missing_ok=True)


# ---------------------------------------------------------------- reading


def read_header(path: Path) -> Header:
    """The header of a snapshot, SnapshotUnfit where it has none that this version reads."""
    try:
        with path.open("rb") as file:
            line = file.readline(HEADER_BYTES_MAX)
        fields: dict[str, Any] = json.loads(line)
        header = Header(**{name: fields[name] for name in Header._fields})
    except OSError as error:
        raise SnapshotUnfit(f"can't be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SnapshotUnfit("is damaged: it has no header") from None
    for name, kind in Header.__annotations__.items():
        if type(getattr(header, name)) is not kind:
            raise SnapshotUnfit(f"is damaged: its header has no proper {name}")
    if header.version != SNAPSHOT_VERSION:
        raise SnapshotUnfit(f"has form {header.version}, this program reads {SNAPSHOT_VERSION}")
    return header


def load_snapshot(
    path: Path,
    header: Header,
    fingerprint_of: Callable[[list[str]], str],
    load_strategy: Callable[[str], object],
) -> Desk:
    """The Desk of a snapshot; SnapshotUnfit where its bytes or its code are not those that it was made of.

    `load_strategy` imports and registers a strategy: only those that the desk ran are asked for.
    """
    seats_bytes, body = _bytes_of(path, header)
    try:
        seats: tuple[Seat, ...] = decode(seats_bytes, SEATS)
        for strategy in sorted({seat.path for seat in seats}):
            load_strategy(strategy)
        if fingerprint_of([seat.path for seat in seats]) != header.fingerprint or not header.fingerprint:
            raise SnapshotUnfit(f"was made by other code (version {header.product})")
        for seat in seats:
            _register_state(seat)
        desk: Desk = decode(body, Desk)
    except CanonicalError as error:
        raise SnapshotUnfit(f"can't be read ({error})") from None
    if desk.counters.events != header.seq or encode(desk) != body:
        raise SnapshotUnfit("does not come back as it was written")
    return desk


def _bytes_of(path: Path, header: Header) -> tuple[bytes, bytes]:
    sizes = header.seats_bytes, header.desk_bytes
    if min(sizes) < 0 or sum(sizes) > BODY_BYTES_MAX:
        raise SnapshotUnfit("is damaged: its header has impossible sizes")
    try:
        with path.open("rb") as file:
            file.readline(HEADER_BYTES_MAX)
            data = file.read(sum(sizes) + 1)
    except OSError as error:
        raise SnapshotUnfit(f"can't be read ({error.strerror})") from None
    if len(data) != sum(sizes):
        raise SnapshotUnfit("is damaged: it is not as long as it says")
    seats, body = data[: header.seats_bytes], data[header.seats_bytes :]
    if (hashlib.sha256(seats).hexdigest(), hashlib.sha256(body).hexdigest()) != (
        header.seats_digest,
        header.digest,
    ):
        raise SnapshotUnfit("is damaged: its digest does not fit its content")
    return seats, body


def _register_state(seat: Seat) -> None:
    """Makes the states of a seat's strategy readable, by a state of its own making."""
    strategy = resolve(seat.path)
    try:
        state = strategy.initial(complete(strategy.defaults, seat.parameters), seat.symbol)
        register_with_parts(type(state))
    except Exception:  # noqa: BLE001 - foreign code; a state that can't be read then says so itself
        return


# ---------------------------------------------------------------- comparing


class Checkpoints:
    """Compares a full replay with the snapshots that lie beside the journal."""

    def __init__(self, journal: Path) -> None:
        """Reads them all; what is kept are the headers, the Desks are compared by their digests."""
        self.agreed: list[int] = []
        self.problems: list[str] = []
        """One line for each snapshot that does not agree, or can't be compared."""
        self._wanted: dict[int, tuple[Path, Header]] = {}
        for path in snapshot_paths(journal):
            try:
                header = read_header(path)
                _bytes_of(path, header)
            except SnapshotUnfit as problem:
                self.problems.append(f"{path.name} {problem}")
            else:
                self._wanted[header.seq] = (path, header)

    def look(self, seq: int, record_hash: bytes, desk: Desk, fingerprint: str) -> None:
        """Compares, where a snapshot was taken after record `seq`."""
        wanted = self._wanted.pop(seq, None)
        if wanted is None:
            return
        path, header = wanted
        if header.hash != record_hash.hex():
            self.problems.append(f"{path.name} belongs to other records: record {seq} has another hash")
        elif header.digest == digest(desk):
            self.agreed.append(seq)
        else:
            cause = (
                "the same code made both, so one of them is damaged or the kernel is not deterministic"
                if header.fingerprint == fingerprint
                else f"the code changed since (it was made by version {header.product})"
            )
            self.problems.append(f"{path.name}: the replay of event {seq} gives another Desk: {cause}")

    def wants(self, seq: int) -> bool:
        """Whether `look` is to be called after record `seq`."""
        return seq in self._wanted

    def end(self) -> None:
        """The journal is over: what was not compared is ahead of it."""
        for seq, (path, _) in sorted(self._wanted.items()):
            self.problems.append(f"{path.name} is ahead of the journal: there is no event {seq}")
        self._wanted.clear()
