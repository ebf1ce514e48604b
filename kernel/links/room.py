"""The links room: opens the streams, follows their charts, and opens them again after a wait.

The order stream is live only after a comparison with the broker by REST (kernel/drift): between its
loss and that moment nothing increases risk (I11). The market stream needs none. Waits between attempts
double up to a maximum; a refused second connection waits as long as Alpaca keeps the dead one; refused
credentials are final until an operator's word.
"""

from typing import Final

from kernel.commands import AlertLevel, CloseLink, OpenLink
from kernel.desk import Turn
from kernel.drift.look import start_look
from kernel.events import LinkName, LinkReported
from kernel.links.chart import LINK_TABLE, LinkInput, LinkState
from kernel.links.record import INDEX, LinkRecord, link_of
from kernel.reasons import Anomaly
from kernel.units import Instant

__all__ = ["link_due", "move_link", "on_link", "open_link", "restart_links", "resync_completed"]

ATTEMPTS_SHIFT_MAX: Final = 16
"""Doublings of the wait; the configured maximum is reached long before."""


def move_link(turn: Turn, link: LinkName, given: LinkInput, detail: str = "") -> LinkRecord:
    """Moves a link by its chart and returns its record.

    A step that can't follow the last one is said, and the connection that took it is closed: its end leads to
    a new one.
    """
    record = link_of(turn.links, link)
    move = LINK_TABLE.next(record.state, given)
    if move.is_fault:
        text = f"{link.value}: {given.value} while {record.state.value}"
        turn.note(Anomaly.LINK_CONFUSED, text, AlertLevel.WARNING)
        turn.commands.append(CloseLink(link))
    elif move.is_move:
        record = record._replace(state=move.target, since=turn.at, detail=detail or record.detail)
        _set(turn, record)
    return record


def _set(turn: Turn, record: LinkRecord) -> None:
    links = list(turn.links)
    links[INDEX[record.link]] = record
    turn.links = tuple(links)


def open_link(turn: Turn, link: LinkName) -> None:
    """Asks the shell for a connection."""
    record = move_link(turn, link, LinkInput.OPEN_REQUESTED)
    if record.state is not LinkState.CONNECTING:
        return
    _set(turn, record._replace(reopen_at=Instant(0)))
    symbols: tuple[str, ...] = ()
    if link is LinkName.MARKET:
        symbols = tuple(sorted({s for strategy in turn.config.strategies for s in strategy.symbols}))
    turn.commands.append(OpenLink(link, symbols))


def restart_links(turn: Turn) -> None:
    """The process began: whatever connections there were are gone."""
    for link in LinkName:
        move_link(turn, link, LinkInput.CONNECTION_LOST, "process started")
        move_link(turn, link, LinkInput.RESET_BY_OPERATOR, "process started")
        record = link_of(turn.links, link)
        _set(turn, record._replace(attempts=0))
        open_link(turn, link)


def on_link(turn: Turn, event: LinkReported) -> None:
    """Something happened to a connection."""
    before = link_of(turn.links, event.link)
    record = move_link(turn, event.link, event.input, event.detail)
    if event.input is LinkInput.FRAME_RECEIVED:
        record = record._replace(last_heard=turn.at)
        _set(turn, record)
    elif event.input is LinkInput.CONNECTED:
        record = record._replace(connects=record.connects + 1)
        _set(turn, record)
    elif event.input is LinkInput.CONNECTION_LOST or event.input is LinkInput.CONNECTION_REFUSED:
        if before.state is not LinkState.DOWN and record.state is LinkState.DOWN:
            _plan(turn, record, event)
    elif event.input is LinkInput.AUTHENTICATION_REFUSED and before.state is not LinkState.UNAUTHORIZED:
        text = f"{event.link.value}: credentials refused: {event.detail}"
        turn.note(Anomaly.LINK_UNAUTHORIZED, text, AlertLevel.CRITICAL)
    if record.state is LinkState.RESYNCING and before.state is not LinkState.RESYNCING:
        _resync(turn, event.link)


def _resync(turn: Turn, link: LinkName) -> None:
    if link is LinkName.MARKET:
        resync_completed(turn, link)
        return
    start_look(turn)


def resync_completed(turn: Turn, link: LinkName) -> None:
    """What could have been missed is known: live."""
    record = move_link(turn, link, LinkInput.RESYNC_COMPLETED)
    if record.state is LinkState.LIVE:
        _set(turn, record._replace(attempts=0))


def _plan(turn: Turn, record: LinkRecord, event: LinkReported) -> None:
    """When to open it again."""
    settings = turn.config.links
    wait = min(settings.backoff_first << min(record.attempts, ATTEMPTS_SHIFT_MAX), settings.backoff_max)
    if event.input is LinkInput.CONNECTION_REFUSED:
        wait = max(wait, settings.backoff_refused)
    at = Instant(turn.at + wait)
    _set(turn, record._replace(attempts=record.attempts + 1, reopen_at=at))
    if turn.session.draining:
        return
    turn.wake(at, "link:" + event.link.value)
    text = f"{event.link.value}: {event.detail or 'connection lost'}"
    turn.note(Anomaly.LINK_LOST, text, AlertLevel.WARNING)


def link_due(turn: Turn, name: str) -> None:
    """A planned reopening fell due."""
    link = LinkName(name)
    record = link_of(turn.links, link)
    if record.state is LinkState.DOWN and 0 < record.reopen_at <= turn.at:
        open_link(turn, link)
