"""The links room: opens the streams, follows their charts, and opens them again after a wait.

The order stream is live only after a comparison with the broker by REST (kernel/drift): between its
loss and that moment nothing increases risk (I11). The market stream needs none.

lost, kicked          tried again; waits double up to backoff_max. They begin anew only after a connection has
                      lived for backoff_max: one that is thrown out at once is no success
refused (429, 406)    at least backoff_refused: as long as Alpaca keeps the dead connection
credentials refused   live before in this run: tried for ever, waits doubling up to backoff_refused, told
                      once. Never live, REFUSALS_MAX times: final until an operator's word
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

__all__ = [
    "REFUSALS_MAX",
    "link_due",
    "move_link",
    "on_link",
    "open_link",
    "restart_links",
    "resync_completed",
]

ATTEMPTS_SHIFT_MAX: Final = 16
"""Doublings of the wait; the configured maximum is reached long before."""

REFUSALS_MAX: Final = 3
"""Refusals in a row that condemn credentials which have not been good in this run."""


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
        _set(turn, record._replace(attempts=0, refusals=0, lives=0))
        open_link(turn, link)


def on_link(turn: Turn, event: LinkReported) -> None:
    """Something happened to a connection."""
    before = link_of(turn.links, event.link)
    record = move_link(turn, event.link, event.input, event.detail)
    was_live = before.state is LinkState.LIVE and record.state is not LinkState.LIVE
    if was_live and turn.at - before.since >= turn.config.links.backoff_max:
        record = record._replace(attempts=0)
        _set(turn, record)
    if event.input is LinkInput.FRAME_RECEIVED:
        record = record._replace(last_heard=turn.at)
        _set(turn, record)
    elif event.input is LinkInput.CONNECTED:
        record = record._replace(connects=record.connects + 1)
        _set(turn, record)
    elif before.state is not LinkState.DOWN and record.state is LinkState.DOWN:
        _fell(turn, record, event)
    if record.state is LinkState.RESYNCING and before.state is not LinkState.RESYNCING:
        _resync(turn, event.link)


def _resync(turn: Turn, link: LinkName) -> None:
    if link is LinkName.MARKET:
        resync_completed(turn, link)
        return
    start_look(turn)


def resync_completed(turn: Turn, link: LinkName) -> None:
    """What could have been missed is known: live."""
    before = link_of(turn.links, link)
    record = move_link(turn, link, LinkInput.RESYNC_COMPLETED)
    if before.state is not LinkState.LIVE and record.state is LinkState.LIVE:
        _set(turn, record._replace(refusals=0, lives=record.lives + 1))


def _fell(turn: Turn, record: LinkRecord, event: LinkReported) -> None:
    """A connection ended, or was never made: condemns the credentials, or plans the next one."""
    if event.input is LinkInput.AUTHENTICATION_REFUSED:
        record = record._replace(refusals=record.refusals + 1)
        text = f"{event.link.value}: credentials refused: {event.detail}"
        if record.lives == 0 and record.refusals >= REFUSALS_MAX:
            _set(turn, record)
            move_link(turn, event.link, LinkInput.CREDENTIALS_CONDEMNED)
            text = f"{text}; refused {record.refusals} times and never accepted: check the keys, start again"
            turn.note(Anomaly.LINK_UNAUTHORIZED, text, AlertLevel.CRITICAL)
            return
        is_news = record.lives > 0 and record.refusals == 1
        level = AlertLevel.CRITICAL if is_news else AlertLevel.WARNING
        turn.note(Anomaly.LINK_UNAUTHORIZED, f"{text}; it is tried again", level)
    _plan(turn, record, event)


def _plan(turn: Turn, record: LinkRecord, event: LinkReported) -> None:
    """When to open it again."""
    settings = turn.config.links
    is_unauthorized = event.input is LinkInput.AUTHENTICATION_REFUSED
    longest = settings.backoff_refused if is_unauthorized else settings.backoff_max
    wait = min(settings.backoff_first << min(record.attempts, ATTEMPTS_SHIFT_MAX), longest)
    if event.input is LinkInput.CONNECTION_REFUSED:
        wait = max(wait, settings.backoff_refused)
    at = Instant(turn.at + wait)
    _set(turn, record._replace(attempts=record.attempts + 1, reopen_at=at))
    if turn.session.draining:
        return
    turn.wake(at, "link:" + event.link.value)
    if not is_unauthorized:
        text = f"{event.link.value}: {event.detail or 'connection lost'}"
        turn.note(Anomaly.LINK_LOST, text, AlertLevel.WARNING)


def link_due(turn: Turn, name: str) -> None:
    """A planned reopening fell due."""
    link = LinkName(name)
    record = link_of(turn.links, link)
    if record.state is LinkState.DOWN and 0 < record.reopen_at <= turn.at:
        open_link(turn, link)
