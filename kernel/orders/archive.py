"""Where finished orders go: out of the hot state after a while, never out of reach.

    hot       in Book.orders: everything that is open, and what ended a short while ago
    in line   hot and ended; first come first, with the instant when its time there is over
    archived  packed in a few bytes (packing.py); its ids still find it (book.find), a fact revives it

A late fact about an archived order is taken like any other: `find` gives the order as it was, `put` brings
the changed one back to the hot state, at the end of the line. An archive loses nothing and decides nothing.

Bounds: an ended order stays hot for archive_after; when more than archive_hot_max stand in line the oldest
go at once, a bounded number in one step (sweep.py). None goes while something may still need it: while its
executions are behind the broker's figure, or a call about it is in flight. It joins the line anew then.
"""

from typing import Final, NamedTuple

from immutables import Map

from kernel.orders.ledger import EMPTY_LEDGER, Entry
from kernel.orders.packing import pack, unpack
from kernel.orders.record import NEVER, Order
from kernel.units import Instant

__all__ = [
    "EMPTY_ARCHIVE",
    "EXECUTIONS_PACKED_MAX",
    "Archive",
    "Ended",
    "joined",
    "left",
    "looked",
    "shelved",
    "stamped",
    "unshelved",
]

EXECUTIONS_PACKED_MAX: Final = 64
"""An order with more executions keeps them as they are beside its bytes: packing has a bounded cost."""


class Ended(NamedTuple):
    """An ended order in line."""

    name: str
    due: Instant
    """When its time in line is over; NEVER until the step's end."""


class Archive(NamedTuple):
    """The line of ended orders and the packed ones behind it."""

    packed: Map[str, bytes]
    """By name."""
    executions: Map[str, Map[str, Entry]]
    """Of those that have many."""
    line: Map[int, Ended]
    head: int
    fresh: int
    """The first place whose instant is not set yet."""
    tail: int
    wake_at: Instant
    """The deadline that looks after the line; NEVER while none is set."""


EMPTY_ARCHIVE: Final = Archive(Map(), Map(), Map(), 0, 0, 0, NEVER)


def joined(archive: Archive, name: str, due: Instant = NEVER) -> Archive:
    """The archive with an order at the end of the line."""
    packed, executions, line, head, fresh, tail, wake_at = archive
    return Archive(packed, executions, line.set(tail, Ended(name, due)), head, fresh, tail + 1, wake_at)


def stamped(archive: Archive, due: Instant) -> Archive:
    """The archive with `due` as the instant of all that joined in this step and have none."""
    line = archive.line
    for place in range(archive.fresh, archive.tail):
        if line[place].due == NEVER:
            line = line.set(place, line[place]._replace(due=due))
    return archive._replace(line=line, fresh=archive.tail)


def looked(archive: Archive) -> Archive:
    """The archive without the head of its line."""
    return archive._replace(line=archive.line.delete(archive.head), head=archive.head + 1)


def shelved(archive: Archive, order: Order) -> Archive:
    """The archive with one more order, packed."""
    name, ledger = order.client_order_id, order.ledger
    executions = archive.executions
    if len(ledger.executions) > EXECUTIONS_PACKED_MAX:
        executions = executions.set(name, ledger.executions)
        order = order._replace(ledger=ledger._replace(executions=EMPTY_LEDGER.executions))
    return archive._replace(packed=archive.packed.set(name, pack(order)), executions=executions)


def unshelved(archive: Archive, name: str) -> Order | None:
    """The archived order as it was, None for a name that is not archived."""
    packed = archive.packed.get(name)
    if packed is None:
        return None
    order = unpack(packed)
    executions = archive.executions.get(name)
    if executions is None:
        return order
    return order._replace(ledger=order.ledger._replace(executions=executions))


def left(archive: Archive, name: str) -> Archive:
    """The archive without an order that was revived."""
    executions = archive.executions
    if name in executions:
        executions = executions.delete(name)
    return archive._replace(packed=archive.packed.delete(name), executions=executions)
