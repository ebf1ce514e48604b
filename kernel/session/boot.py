"""Start, restart and operators' words.

Boot: the links are opened, every submit that was under way when the process ended is in doubt, every other
call is forgotten (it asked nothing that can't be asked again), the symbols' rules are fetched, and the mode
is COLD: only fetches and cancels leave. A clean comparison with the broker ends COLD (I12: not a halt).
"""

from typing import Final

from kernel.commands import AlertLevel, FetchAsset
from kernel.desk import Desk, Turn
from kernel.drift.look import start_look
from kernel.drift.record import is_clean, restarted
from kernel.events import Booted, OperatorSaid, OperatorWord
from kernel.links.room import restart_links
from kernel.orders.amend import doubt_replace
from kernel.orders.book import open_orders, order_of
from kernel.orders.chart import CancelState, OrderStatus
from kernel.orders.chase import doubt
from kernel.orders.record import Order, is_leg
from kernel.orders.room import cancel
from kernel.outbox import NO_CALLS, enqueue
from kernel.reasons import Anomaly
from kernel.session.chart import Mode, ModeInput
from kernel.session.modes import change_mode, halt, reduce_only
from kernel.sides import Purpose
from kernel.strategies.room import set_up
from kernel.throttle.throttle import Priority, initial, reconfigured
from kernel.units import SECOND, Duration, Instant

__all__ = ["is_drained", "on_boot", "on_operator", "reconciled"]

CLOCK_AHEAD_MAX: Final = Duration(1 * SECOND)
"""A journal that is further ahead of the clock than this stops entries until a person has looked."""


def on_boot(turn: Turn, event: Booted) -> None:
    """The process began, for the first time or again."""
    first = turn.epoch == 0
    assert event.epoch > turn.epoch, "kernel bug: epochs count the starts on a journal"
    turn.epoch = event.epoch
    turn.sequence = 0
    if first:
        turn.throttle = initial(event.config.throttle)
    else:
        turn.throttle = reconfigured(turn.throttle, event.config.throttle, turn.at)
    # What waited or flew is forgotten: numbers are never used again, so a late answer finds nothing.
    next_call = turn.calls.next_call
    turn.calls = NO_CALLS._replace(next_call=next_call, pumped=next_call)
    turn.drift = restarted(turn.drift)
    turn.session = turn.session._replace(
        blocked=False, draining=False, drain_reason="", drain_since=Instant(0)
    )
    if turn.session.mode is not Mode.COLD:  # one that ended while COLD is what it was before that
        before = turn.session
        turn.session = before._replace(mode_before=before.mode, reason_before=before.reason)
    change_mode(turn, ModeInput.RESTARTED, f"start {event.epoch}, version {event.version}")
    _check_clock(turn, event)
    _doubt_what_flew(turn)
    set_up(turn)
    for symbol in _symbols(turn):
        turn.calls, _ = enqueue(turn.calls, Priority.QUERY, FetchAsset(0, symbol), Instant(0))
    restart_links(turn)


def _symbols(turn: Turn) -> tuple[str, ...]:
    """Of the configured strategies: their rules are fetched at each start."""
    return tuple(sorted({symbol for strategy in turn.config.strategies for symbol in strategy.symbols}))


def _check_clock(turn: Turn, event: Booted) -> None:
    """The journal is ahead of the clock: time stands still in the desk until the clock has caught up."""
    ahead = turn.at - event.at
    if ahead > CLOCK_AHEAD_MAX:
        text = f"the journal is {ahead} ns ahead of the clock: one of both was wrong"
        turn.note(Anomaly.CLOCK_STEPPED, text, AlertLevel.CRITICAL)
        reduce_only(turn, text)


def _doubt_what_flew(turn: Turn) -> None:
    """Submits that had left are in doubt; those that had not are dropped: their moment is over."""
    for order in open_orders(turn.book):
        if order.replacement is not None:
            doubt_replace(turn, order)
            order = turn.book.orders[order.client_order_id]  # noqa: PLW2901 - the same order, now
        if order.status is OrderStatus.SENDING or order.status is OrderStatus.IN_DOUBT:
            doubt(turn, order)
        elif order.status is OrderStatus.QUEUED:
            cancel(turn, order)
        elif order.cancel is CancelState.ASKED:
            # The cancel may not have left.
            cancel(turn, order, insist=True)


def reconciled(turn: Turn) -> None:
    """A clean comparison: COLD ends, and the desk is what it was when the process ended.

    It is armed by itself at the first start, and where it was armed, if the configuration says so.
    """
    session = turn.session
    if session.mode is not Mode.COLD or session.draining:  # a drain leaves it as it was, for the next start
        return
    change_mode(turn, ModeInput.RECONCILED, "books agree with the broker's")
    was, why = session.mode_before, f"as before this start: {session.reason_before}"
    if was is Mode.PAUSED:
        change_mode(turn, ModeInput.PAUSE_KEPT, why)
    elif was is Mode.REDUCING:
        change_mode(turn, ModeInput.REDUCE_ORDERED, why)
    elif was is not Mode.DISARMED and turn.config.arm_at_start:
        change_mode(turn, ModeInput.ARMED_BY_OPERATOR, "armed at start, by configuration")


def on_operator(turn: Turn, event: OperatorSaid) -> None:
    """A person's word."""
    reason = event.reason or "no reason given"
    match event.word:
        case OperatorWord.ARM:
            change_mode(turn, ModeInput.ARMED_BY_OPERATOR, reason)
        case OperatorWord.DISARM:
            change_mode(turn, ModeInput.DISARMED_BY_OPERATOR, reason)
            _keep_word(turn, Mode.DISARMED, reason)
        case OperatorWord.PAUSE:
            change_mode(turn, ModeInput.PAUSED_BY_OPERATOR, reason)
            _keep_word(turn, Mode.PAUSED, reason)
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


def _keep_word(turn: Turn, mode: Mode, reason: str) -> None:
    """A word said while COLD holds once the books are compared: it must not arm by itself then."""
    session = turn.session
    if session.mode is not Mode.COLD:
        return
    if session.mode_before is Mode.REDUCING and mode is Mode.PAUSED:
        return  # reducing is stricter
    turn.session = session._replace(mode_before=mode, reason_before=reason)
    turn.alert(AlertLevel.INFO, "mode", f"{mode.value} as soon as the books are compared: {reason}")


def _lift_halt(turn: Turn, event: OperatorSaid) -> None:
    """I12. A kill is lifted by the same word, and leaves the desk halted: two words before trading."""
    session = turn.session
    if not event.reason or not is_clean(turn.drift) or turn.drift.looked_at < session.mode_since:
        text = "a halt is lifted with a reason, and after a clean comparison that is younger than the halt"
        turn.alert(AlertLevel.WARNING, "halt", text)
        return
    is_killed = session.mode is Mode.KILLING or session.mode is Mode.KILLED
    change_mode(turn, ModeInput.KILL_LIFTED if is_killed else ModeInput.HALT_LIFTED, event.reason)


def _cancel_all(turn: Turn, entries_only: bool) -> None:
    priority = Priority.CANCEL if entries_only else Priority.KILL
    for order in open_orders(turn.book):
        if order.ticket.purpose is Purpose.ENTRY or not entries_only:
            cancel(turn, order, priority, insist=True)


def _drain(turn: Turn, reason: str) -> None:
    """The process wants to stop: no new entries; open orders are canceled or left, as configured."""
    if turn.session.draining:
        return
    turn.session = turn.session._replace(draining=True, drain_reason=reason, drain_since=turn.at)
    if turn.config.cancel_at_drain:
        for order in open_orders(turn.book):
            if order.ticket.purpose is not Purpose.PROTECTIVE_STOP and not order.parent:
                cancel(turn, order)  # an exit of an entry would take its stop along; a repair covers one
    if turn.drift.look is None:
        start_look(turn)


def is_drained(desk: Desk) -> bool:
    """Whether nothing is under way any more, and the books were seen to agree after the last order ended.

    The drain asks for that look itself; the shell bounds the wait for it.
    """
    if not desk.session.draining or desk.calls.waiting or desk.calls.flying:
        return False
    if desk.config is None:
        return True
    opens = open_orders(desk.book) if desk.config.cancel_at_drain else ()
    if not all(_may_stay(desk, order) for order in opens):
        return False
    return desk.drift.opening_cash is None or desk.drift.looked_at >= desk.session.drain_since


def _may_stay(desk: Desk, order: Order) -> bool:
    """Whether an order stays at the broker when the process stops: stops, repairs, filled entries' exits."""
    if is_leg(order):
        return order_of(desk.book, order.parent).status is OrderStatus.FILLED
    return order.ticket.purpose is Purpose.PROTECTIVE_STOP or bool(order.parent)
