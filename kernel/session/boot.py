"""Start, restart and operators' words.

Boot: the links are opened, every submit that was under way when the process ended is in doubt, every other
call is forgotten (it asked nothing that can't be asked again), the symbols' rules are fetched, and the mode is
COLD: only fetches leave. A clean comparison with the broker ends COLD (I12: not a halt).
"""

from kernel.commands import AlertLevel, CloseLink, FetchAsset
from kernel.desk import Desk, Turn
from kernel.events import Booted, LinkName, OperatorSaid, OperatorWord
from kernel.links.chart import LinkInput
from kernel.links.room import move_link, restart_links
from kernel.orders.book import open_orders
from kernel.orders.chart import OrderStatus
from kernel.orders.room import cancel, doubt
from kernel.orders.scan import NO_SCAN
from kernel.outbox import NO_CALLS, enqueue
from kernel.session.chart import Mode, ModeInput
from kernel.session.modes import change_mode, halt, reduce_only
from kernel.session.state import is_synced
from kernel.session.sync import needs_symbols
from kernel.sides import Purpose
from kernel.strategies.room import set_up
from kernel.throttle.throttle import Priority, initial
from kernel.units import Instant

__all__ = ["close_links", "is_drained", "on_boot", "on_operator", "reconciled"]


def on_boot(turn: Turn, event: Booted) -> None:
    """The process began, for the first time or again."""
    first = turn.epoch == 0
    assert event.epoch == turn.epoch + 1, "kernel bug: epochs count the starts on a journal"
    turn.epoch = event.epoch
    turn.sequence = 0
    if first:
        turn.throttle = initial(event.config.throttle)
    # What waited or flew is forgotten: numbers are never used again, so a late answer finds nothing.
    turn.calls = NO_CALLS._replace(next_call=turn.calls.next_call)
    turn.scan = NO_SCAN
    turn.session = turn.session._replace(
        sync=None, synced_at=Instant(0), sync_failures=0, draining=False, drain_reason=""
    )
    change_mode(turn, ModeInput.RESTARTED, f"start {event.epoch}, version {event.version}")
    _doubt_what_flew(turn)
    set_up(turn)
    for symbol in needs_symbols(turn):
        turn.calls, _ = enqueue(turn.calls, Priority.QUERY, FetchAsset(0, symbol), Instant(0))
    restart_links(turn)


def _doubt_what_flew(turn: Turn) -> None:
    """Submits that had left are in doubt; those that had not are dropped: their moment is over."""
    for order in open_orders(turn.book):
        if order.status is OrderStatus.SENDING:
            doubt(turn, order)
        elif order.status is OrderStatus.QUEUED:
            cancel(turn, order)
        elif order.status is OrderStatus.IN_DOUBT:
            turn.wake(turn.at, "query:" + order.client_order_id)


def reconciled(turn: Turn) -> None:
    """A clean comparison: COLD ends; armed by itself where the configuration says so."""
    if turn.session.mode is not Mode.COLD:
        return
    change_mode(turn, ModeInput.RECONCILED, "books agree with the broker's")
    if turn.config.arm_at_start and not turn.session.draining:
        change_mode(turn, ModeInput.ARMED_BY_OPERATOR, "armed at start, by configuration")


def on_operator(turn: Turn, event: OperatorSaid) -> None:
    """A person's word."""
    reason = event.reason or "no reason given"
    match event.word:
        case OperatorWord.ARM:
            change_mode(turn, ModeInput.ARMED_BY_OPERATOR, reason)
        case OperatorWord.DISARM:
            change_mode(turn, ModeInput.DISARMED_BY_OPERATOR, reason)
        case OperatorWord.PAUSE:
            change_mode(turn, ModeInput.PAUSED_BY_OPERATOR, reason)
        case OperatorWord.RESUME:
            change_mode(turn, ModeInput.RESUMED_BY_OPERATOR, reason)
        case OperatorWord.REDUCE:
            reduce_only(turn, reason)
        case OperatorWord.HALT:
            halt(turn, reason)
            _cancel_all(turn, entries_only=True)
        case OperatorWord.LIFT_HALT:
            _lift_halt(turn, event)
        case OperatorWord.KILL:
            change_mode(turn, ModeInput.KILL_ORDERED, reason)
            _cancel_all(turn, entries_only=False)
        case OperatorWord.DRAIN:
            _drain(turn, reason)


def _lift_halt(turn: Turn, event: OperatorSaid) -> None:
    if not event.reason or not is_synced(turn.session):
        text = "a halt is lifted with a reason, and only after a clean comparison with the broker"
        turn.alert(AlertLevel.WARNING, "halt", text)
        return
    change_mode(turn, ModeInput.HALT_LIFTED, event.reason)


def _cancel_all(turn: Turn, entries_only: bool) -> None:
    priority = Priority.CANCEL if entries_only else Priority.KILL
    for order in open_orders(turn.book):
        if order.ticket.purpose is Purpose.ENTRY or not entries_only:
            cancel(turn, order, priority)


def _drain(turn: Turn, reason: str) -> None:
    """The process wants to stop: no new entries; open orders are canceled or left, as configured."""
    if turn.session.draining:
        return
    turn.session = turn.session._replace(draining=True, drain_reason=reason)
    if turn.config.cancel_at_drain:
        for order in open_orders(turn.book):
            if order.ticket.purpose is not Purpose.PROTECTIVE_STOP:
                cancel(turn, order)


def is_drained(desk: Desk) -> bool:
    """Whether nothing is under way any more: no call waits or flies, and no cancel is unanswered."""
    if not desk.session.draining or desk.calls.waiting or desk.calls.flying:
        return False
    if desk.config is None or not desk.config.cancel_at_drain:
        return True
    return all(order.ticket.purpose is Purpose.PROTECTIVE_STOP for order in open_orders(desk.book))


def close_links(turn: Turn) -> None:
    """Asks the shell to close both streams."""
    for link in LinkName:
        move_link(turn, link, LinkInput.CLOSE_REQUESTED, "draining")
        turn.commands.append(CloseLink(link))
