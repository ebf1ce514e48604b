"""Versions of the events in a journal: which are read, and how older ones become today's.

A journal may outlive many versions of the program, so each process says in its Booted record's kind which
form its events have: `Booted` is version 1, `Booted@N` version N. The hash covers the kind.

Rules:
1. What an older journal can still say is read: a field that is new since has a default, a member or a class
   that is new since was not used. Such a change does not raise EVENTS_VERSION.
2. Any other change raises it, and either an upcast from the version before is added (from the carrier's
   form of an event to that of the next version), or EVENTS_OLDEST is raised. tests/unit/shell/journal/
   test_versions.py holds today's events against those that were written down with a version.
3. A version outside of [EVENTS_OLDEST, EVENTS_VERSION] is refused in one line that names both sides.
4. Replaying under another kernel may ask other calls than the one that wrote the journal. An answer to a call
   that was never asked shows it (see replay.py), and is refused: nobody trades on a state that never was.

Ignored: telling what another kernel would have decided; the journal's answers are taken as they are.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from kernel.events import Booted, Event
from shell.canonical import CanonicalError, decode
from shell.canonical_wire import pack, unpack
from shell.journal.protocol import JournalDamaged, JournalRefused, Record

__all__ = [
    "EVENTS_OLDEST",
    "EVENTS_VERSION",
    "UPCASTS",
    "EventReader",
    "Upcast",
    "booted_kind",
    "check_version",
    "version_of",
]

EVENTS_VERSION: Final = 2
"""Of the events that this program writes. 2: the first whose records carry it."""

EVENTS_OLDEST: Final = 2
"""The oldest that it reads. The kernel that wrote version 1 compared with the broker by other calls."""

Upcast = Callable[[str, list[Any]], list[Any]]
"""From (event class, its fields in the carrier's form) of a version to the fields of the next one."""

UPCASTS: Final[Mapping[int, Upcast]] = {}
"""By the version they start from; a version without one differs from the next in nothing but its number."""

BOOTED: Final = Booted.__name__
PRODUCT_FIELD: Final = Booted._fields.index("version")


def booted_kind() -> str:
    """The kind of a Booted record that this program writes."""
    return f"{BOOTED}@{EVENTS_VERSION}"


def version_of(kind: str) -> int | None:
    """The events' version that a record begins, None for one that is no Booted."""
    if kind == BOOTED:
        return 1
    name, mark, number = kind.partition("@")
    if name != BOOTED or not mark:
        return None
    return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else None


def check_version(record: Record, where: str) -> int | None:
    """The version that a Booted record begins (None: no Booted); JournalRefused for one that is not read."""
    version = version_of(record.kind)
    if version is None or EVENTS_OLDEST <= version <= EVENTS_VERSION:
        return version
    product = _product(record)
    span = f"this program reads versions {EVENTS_OLDEST} to {EVENTS_VERSION}"
    mend = (
        f"use version {product} or a newer one"
        if version > EVENTS_VERSION
        else f"close its positions with version {product}, then begin a new journal (--journal)"
    )
    raise JournalRefused(
        f"{where}: record {record.seq}: version {product} wrote events of version {version} from here on; "
        f"{span}: {mend}"
    )


def _product(record: Record) -> str:
    """What the Booted record says of its program, in whatever version it is written."""
    try:
        product = unpack(record.body)[1][PRODUCT_FIELD]
    except (CanonicalError, LookupError, TypeError):
        return "unknown"
    return product[:40] if isinstance(product, str) else "unknown"


class EventReader:
    """Reads the events of a journal in order, each in the version of the process that wrote it."""

    def __init__(
        self, where: str, version: int = EVENTS_VERSION, upcasts: Mapping[int, Upcast] = UPCASTS
    ) -> None:
        """`version` holds until the first Booted."""
        self.where = where
        self.version = version
        self.product = "unknown"
        """Of the program that wrote the last Booted."""
        self._upcasts = upcasts

    def pass_by(self, record: Record) -> None:
        """Takes note of a record that nobody reads; JournalRefused for its version."""
        version = check_version(record, self.where)
        if version is not None:
            self.version, self.product = version, _product(record)

    def event(self, record: Record) -> Event:
        """The event of a record; JournalDamaged where it can't be read, JournalRefused for its version."""
        self.pass_by(record)
        try:
            event: Event = decode(self._upcast(record), Event)
        except CanonicalError as error:
            raise JournalDamaged(self.where, record.seq, f"{record.kind} can't be read ({error})") from None
        return event

    def _upcast(self, record: Record) -> bytes:
        steps = [self._upcasts[v] for v in range(self.version, EVENTS_VERSION) if v in self._upcasts]
        if not steps:
            return record.body
        wire = unpack(record.body)
        if type(wire) is not list or len(wire) != 2 or type(wire[0]) is not str or type(wire[1]) is not list:
            raise CanonicalError("", "not an event")
        name, fields = wire
        for upcast in steps:
            try:
                fields = upcast(name, fields)
            except (LookupError, TypeError, ValueError) as error:
                raise CanonicalError("", f"an upcast does not fit it ({error!r})") from None
        return pack([name, fields])
