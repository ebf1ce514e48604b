"""The chain: how records are numbered, hashed and checked, whatever stores them.

Rules:
1. hash = SHA-256 of `seq|epoch|kind|` (decimal, UTF-8), the previous hash and the body.
2. seq counts from 0 without a gap; epoch never falls, rises only at a Booted, and each Booted raises it. A
   Booted of a version that this program does not read is refused where it stands (versions.py).
3. Record 0 is the genesis, JSON with sorted keys so that any version and any tool can read it.
4. A chain shows change, not malice: who may write the file can write a new chain. Keep the last hash
   elsewhere (the report prints it) where that matters.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from kernel.events import Booted, Event
from shell.canonical import CANONICAL_VERSION, CanonicalError, encode
from shell.journal.protocol import Genesis, JournalDamaged, JournalFailed, JournalRefused, Record, Tip
from shell.journal.versions import booted_kind, check_version, version_of

__all__ = [
    "GENESIS_KIND",
    "SCHEMA_VERSION",
    "check_first",
    "check_genesis",
    "genesis_of",
    "genesis_record",
    "seal",
    "verified",
]

SCHEMA_VERSION: Final = 1
"""Of the journal's form. Raised when an older program could not read what a newer one writes."""

SCHEMA_OLDEST: Final = 1
CANONICAL_OLDEST: Final = 1
"""The oldest forms that this program reads."""

GENESIS_KIND: Final = "genesis"
NO_HASH: Final = bytes(32)


def _hash(seq: int, epoch: int, kind: str, previous: bytes, body: bytes) -> bytes:
    return hashlib.sha256(b"%d|%d|%s|%s%s" % (seq, epoch, kind.encode(), previous, body)).digest()


def genesis_record(genesis: Genesis) -> Record:
    """Record 0."""
    body = json.dumps(genesis._asdict(), sort_keys=True, separators=(",", ":")).encode()
    return Record(0, 0, GENESIS_KIND, body, NO_HASH, _hash(0, 0, GENESIS_KIND, NO_HASH, body))


def genesis_of(record: Record, where: str) -> Genesis:
    """The Genesis of record 0; JournalDamaged where it is none."""
    try:
        fields: dict[str, Any] = json.loads(record.body)
        genesis = Genesis(**{name: fields[name] for name in Genesis._fields})
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise JournalDamaged(where, 0, f"the genesis can't be read ({error!r})") from None
    for name, kind in (("schema", int), ("canonical", int), ("product", str), ("account", str)):
        if type(getattr(genesis, name)) is not kind:
            raise JournalDamaged(where, 0, f"the genesis has no proper {name}")
    return genesis


def check_genesis(genesis: Genesis, account: str | None, where: str) -> None:
    """Refuses a journal of a form that is not read, or of another account (None: any account)."""
    newer = genesis.schema > SCHEMA_VERSION or genesis.canonical > CANONICAL_VERSION
    if newer or genesis.schema < SCHEMA_OLDEST or genesis.canonical < CANONICAL_OLDEST:
        product = genesis.product
        mend = (
            "use that version or a newer one"
            if newer
            else f"close its positions with version {product}, then begin a new journal (--journal)"
        )
        raise JournalRefused(
            f"{where}: written by version {product} (schema {genesis.schema}, canonical "
            f"{genesis.canonical}); this program reads schema {_span(SCHEMA_OLDEST, SCHEMA_VERSION)}, "
            f"canonical {_span(CANONICAL_OLDEST, CANONICAL_VERSION)}: {mend}"
        )
    if account is not None and genesis.account != account:
        raise JournalRefused(
            f"{where}: belongs to account {genesis.account!r}, not {account!r}; give another --journal"
        )


def _span(oldest: int, newest: int) -> str:
    return str(newest) if oldest == newest else f"{oldest} to {newest}"


def check_first(batch: Sequence[Event], epoch: int) -> None:
    """Refuses a process's first batch that does not begin with a Booted of an epoch above `epoch`."""
    first = batch[0]
    if type(first) is not Booted:
        raise JournalFailed(f"journal: the first event of a process is Booted, not {type(first).__name__}")
    if first.epoch <= epoch:
        raise JournalFailed(f"journal: epoch {first.epoch} was begun before; the next is {epoch + 1}")


def seal(tip: Tip, batch: Sequence[Event]) -> tuple[list[Record], Tip]:
    """The records of a batch, chained to `tip`; JournalFailed for events that can't be written."""
    records = []
    seq, epoch, previous = tip
    for event in batch:
        if type(event) is Booted:
            if event.epoch <= epoch:
                raise JournalFailed(f"journal: epoch {event.epoch} was begun before; the next is {epoch + 1}")
            epoch = event.epoch
            kind = booted_kind()
        else:
            kind = type(event).__name__
        seq += 1
        try:
            body = encode(event)
        except CanonicalError as error:
            raise JournalFailed(f"journal: record {seq}: {kind} has no canonical form ({error})") from None
        digest = _hash(seq, epoch, kind, previous, body)
        records.append(Record(seq, epoch, kind, body, previous, digest))
        previous = digest
    return records, Tip(seq, epoch, previous)


def verified(records: Iterable[Record], tip: Tip | None, where: str) -> Iterator[Record]:
    """The records, each checked against the chain from `tip` (None: from the genesis)."""
    seq, epoch, previous = tip if tip is not None else Tip(-1, 0, NO_HASH)
    for record in records:
        seq += 1
        if record.seq != seq:
            raise JournalDamaged(where, seq, f"missing; the next one there is {record.seq}")
        if record.previous != previous:
            raise JournalDamaged(where, seq, "is not chained to the record before it")
        if record.hash != _hash(seq, record.epoch, record.kind, previous, record.body):
            raise JournalDamaged(where, seq, "its hash does not fit its content")
        rises = record.epoch > epoch
        if rises is not (version_of(record.kind) is not None) or record.epoch < epoch:
            raise JournalDamaged(where, seq, f"epoch {record.epoch} after {epoch} in a {record.kind}")
        if rises:
            check_version(record, where)
        epoch, previous = record.epoch, record.hash
        yield record
