"""The deadline of the archive: finished orders leave the hot state when their time is over.

note_ended   at the end of a step: who ended in it stands in line since now, and a deadline is set
archive_due  at the deadline: the oldest go, a bounded number in one step; the rest a moment later
"""

from typing import Final

from kernel.commands import CancelOrder, QueryOrder, ReplaceOrder, SubmitOrder
from kernel.desk import Turn
from kernel.orders.archive import Archive, joined, looked, stamped
from kernel.orders.book import shelve
from kernel.orders.record import NEVER, is_open
from kernel.units import MILLISECOND, MINUTE, Duration, Instant

__all__ = ["LOOKS_MAX", "archive_due", "note_ended"]

LOOKS_MAX: Final = 16
"""Orders looked at in one step: about half a millisecond of packing, 1,600 orders in a second."""
PAUSE: Final = Duration(10 * MILLISECOND)
"""Until the next step of a sweep that is not done."""
RETRY: Final = Duration(1 * MINUTE)
"""The shortest wait until an order is looked at again that could not go."""


def note_ended(turn: Turn) -> None:
    """Closes the line for this step; when it is too long the oldest go at once. Cheap when nothing ended."""
    archive = turn.book.archive
    if archive.fresh == archive.tail:
        return
    settings = turn.config.orders
    _keep(turn, stamped(archive, Instant(turn.at + settings.archive_after)))
    surplus = archive.tail - archive.head - settings.archive_hot_max
    if surplus > 0:
        _sweep(turn, min(surplus, LOOKS_MAX), is_forced=True)
    _wake(turn, turn.at)


def archive_due(turn: Turn) -> None:
    """Archives the orders whose time in line is over, the oldest first."""
    archive = turn.book.archive
    if archive.wake_at == NEVER or archive.wake_at > turn.at:
        return  # an earlier deadline took its place
    _keep(turn, archive._replace(wake_at=NEVER))
    _sweep(turn, LOOKS_MAX, is_forced=False)
    _wake(turn, Instant(turn.at + PAUSE))


def _sweep(turn: Turn, looks: int, *, is_forced: bool) -> None:
    busy = _in_flight(turn)
    for _ in range(looks):
        archive = turn.book.archive
        if archive.head == archive.fresh:
            return
        name, due = archive.line[archive.head]
        if due > turn.at and not is_forced:
            return
        _keep(turn, looked(archive))
        order = turn.book.orders.get(name)
        if order is None or is_open(order):
            continue  # archived before, or open again: it joins anew when it ends
        if name in turn.book.lacking or name in busy:
            later = Instant(turn.at + max(turn.config.orders.archive_after, RETRY))
            _keep(turn, joined(turn.book.archive, name, later))
        else:
            turn.book = shelve(turn.book, order)


def _in_flight(turn: Turn) -> frozenset[str]:
    """Names of the orders that a call is in flight about."""
    names: set[str] = set()
    for flight in turn.calls.flying.values():
        command = flight.command
        if isinstance(command, SubmitOrder):
            names.add(command.ticket.client_order_id)
        elif isinstance(command, CancelOrder | ReplaceOrder | QueryOrder):
            names.add(command.client_order_id)
    return frozenset(names)


def _wake(turn: Turn, earliest: Instant) -> None:
    """Sets the next deadline: when the head's time is over, not before `earliest`."""
    archive = turn.book.archive
    if archive.head == archive.tail:
        return
    at = max(archive.line[archive.head].due, earliest)
    if archive.wake_at == NEVER or at < archive.wake_at:
        _keep(turn, archive._replace(wake_at=at))
        turn.wake(at, "archive")


def _keep(turn: Turn, archive: Archive) -> None:
    turn.book = turn.book._replace(archive=archive)
