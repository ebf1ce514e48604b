"""The desk's mode: one chart, moved by operators, by reconciliation and by the kernel's own alarms.

A move that the chart does not know is refused and said; it never raises. A halt latches (I12): only an
operator's word with a reason, after a clean comparison with the broker, lifts it.
"""

from typing import Final

from kernel.commands import AlertLevel
from kernel.desk import Turn
from kernel.drift.record import is_clean
from kernel.events import LinkName
from kernel.links.chart import LinkState
from kernel.links.record import link_of
from kernel.reasons import RefusalCode
from kernel.session.chart import MODE_TABLE, Mode, ModeInput

__all__ = ["change_mode", "entries_allowed", "entry_barrier", "halt", "reduce_only"]

ARMED: Final = Mode.ARMED


def change_mode(turn: Turn, given: ModeInput, reason: str) -> bool:
    """Moves the mode; False when the chart has no such move."""
    old = turn.session.mode
    move = MODE_TABLE.next(old, given)
    if not move.is_move:
        if move.is_fault:
            text = f"{given.value} is not possible while {old.value}: {reason}"
            turn.alert(AlertLevel.WARNING, "mode", text)
        return False
    if move.target is not old:
        turn.session = turn.session._replace(mode=move.target, mode_since=turn.at, reason=reason)
        turn.alert(AlertLevel.INFO, "mode", f"{old.value} -> {move.target.value}: {reason}")
    return True


def reduce_only(turn: Turn, reason: str) -> None:
    """Nothing that increases risk until an operator arms again. COLD would forget it, so it halts there."""
    if turn.session.mode is Mode.COLD:
        halt(turn, reason)
    else:
        change_mode(turn, ModeInput.REDUCE_ORDERED, reason)


def halt(turn: Turn, reason: str) -> None:
    """Latched: a promise does not hold, or an operator says so.

    The books are compared anew, for lifting it takes a clean comparison that is younger than the halt.
    """
    if change_mode(turn, ModeInput.HALT_ORDERED, reason):
        turn.alert(AlertLevel.CRITICAL, "halt", reason)
        turn.drift = turn.drift._replace(next_look_at=turn.at)
        turn.wake(turn.at, "look")


def entries_allowed(turn: Turn) -> bool:
    """Whether the mode lets an entry leave at this moment."""
    return turn.session.mode is ARMED and not turn.session.draining


def entry_barrier(turn: Turn) -> RefusalCode | None:
    """What keeps every entry from leaving at this moment: the mode, the order stream, or our books."""
    if not entries_allowed(turn):
        return RefusalCode.MODE
    if link_of(turn.links, LinkName.ORDERS).state is not LinkState.LIVE:
        return RefusalCode.LINK
    return None if is_clean(turn.drift) else RefusalCode.DRIFT
