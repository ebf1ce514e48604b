"""The trading mode: what the desk may do at all.

    COLD --reconciled--> DISARMED --armed--> ARMED, and down: paused, reducing, halted, killed.

Rules:
1. Entries are allowed in ARMED only, and ARMED is entered by an operator's word only.
2. Nothing is armed before a reconciliation: COLD leads to DISARMED, or further down, never up.
3. A halt latches: only HALT_LIFTED leaves HALTED (or a kill). The desk gives HALT_LIFTED only for an
   operator's word with a reason, after a reconciliation of this run that was clean.
4. A kill outranks a halt, and lifting it leaves the desk HALTED: two words of a person before trading.
5. A restart makes the desk COLD, but a halt, a kill and a kill under way stay what they are. Reconciled, the
   desk is again what it was (boot.py): a restart is no way out of a pause or of reducing.
6. A word that asks for what already holds, or for less, is ignored; one that can't be granted is a fault,
   so that the operator hears of it.

Ignores: market phases and hours (calendar.py), and what each mode lets through (the gate).
"""

from enum import Enum
from typing import Final

from statemachine import StateMachine
from statemachine.states import States

from kernel.chart import Table, compile_chart

__all__ = ["MODE_TABLE", "Mode", "ModeInput"]


class Mode(Enum):
    """What the desk may do."""

    COLD = "cold"
    """Just started: it fetches and compares; nothing is sent but cancels."""
    DISARMED = "disarmed"
    """Reconciled; exits are managed, no entries."""
    ARMED = "armed"
    """Entries are allowed, if the gate agrees."""
    PAUSED = "paused"
    """No entries for a while; exits are managed; one word resumes."""
    REDUCING = "reducing"
    """Something is not understood: only orders that reduce risk."""
    HALTED = "halted"
    """Latched: cancels and verified exits only, until a person lifts it."""
    KILLING = "killing"
    """Canceling and flattening everything."""
    KILLED = "killed"
    """Nothing is open and nothing is sent, until a person lifts it."""


class ModeInput(Enum):
    """What can change the mode."""

    RECONCILED = "reconciled"
    """Our books and the broker's agree."""
    ARMED_BY_OPERATOR = "armed_by_operator"
    """A person allows entries."""
    DISARMED_BY_OPERATOR = "disarmed_by_operator"
    """A person forbids entries until armed again."""
    PAUSED_BY_OPERATOR = "paused_by_operator"
    """A person stops entries for a while."""
    RESUMED_BY_OPERATOR = "resumed_by_operator"
    """A person ends a pause."""
    REDUCE_ORDERED = "reduce_ordered"
    """An operator, or something unknown on the wire: only reduce."""
    HALT_ORDERED = "halt_ordered"
    """An operator, or an invariant that does not hold."""
    HALT_LIFTED = "halt_lifted"
    """A person lifts a halt, with a reason, after a clean reconciliation."""
    KILL_ORDERED = "kill_ordered"
    """Cancel and flatten everything."""
    KILL_COMPLETED = "kill_completed"
    """Nothing is open any more, neither order nor position."""
    KILL_LIFTED = "kill_lifted"
    """A person ends a kill, also one that can't complete."""
    PAUSE_KEPT = "pause_kept"
    """The pause that held when the process ended holds on."""
    RESTARTED = "restarted"
    """The process began again on this journal."""


class ModeChart(StateMachine):
    """The desk's trading mode."""

    s = States.from_enum(Mode, initial=Mode.COLD)

    reconciled = s.COLD.to(s.DISARMED)
    armed_by_operator = s.ARMED.from_(s.DISARMED, s.PAUSED, s.REDUCING)
    disarmed_by_operator = s.DISARMED.from_(s.ARMED, s.PAUSED, s.REDUCING)
    paused_by_operator = s.ARMED.to(s.PAUSED)
    resumed_by_operator = s.PAUSED.to(s.ARMED)
    pause_kept = s.DISARMED.to(s.PAUSED)
    reduce_ordered = s.REDUCING.from_(s.DISARMED, s.ARMED, s.PAUSED)
    halt_ordered = s.HALTED.from_(s.COLD, s.DISARMED, s.ARMED, s.PAUSED, s.REDUCING)
    halt_lifted = s.HALTED.to(s.DISARMED)
    kill_ordered = s.KILLING.from_(s.COLD, s.DISARMED, s.ARMED, s.PAUSED, s.REDUCING, s.HALTED, s.KILLED)
    kill_completed = s.KILLING.to(s.KILLED)
    kill_lifted = s.HALTED.from_(s.KILLING, s.KILLED)
    restarted = s.COLD.from_(s.DISARMED, s.ARMED, s.PAUSED, s.REDUCING)


_RECONCILED: Final = ModeInput.RECONCILED
_ARM: Final = ModeInput.ARMED_BY_OPERATOR
_DISARM: Final = ModeInput.DISARMED_BY_OPERATOR
_PAUSE: Final = ModeInput.PAUSED_BY_OPERATOR
_RESUME: Final = ModeInput.RESUMED_BY_OPERATOR
_REDUCE: Final = ModeInput.REDUCE_ORDERED
_HALT: Final = ModeInput.HALT_ORDERED
_LIFT_HALT: Final = ModeInput.HALT_LIFTED
_KILL: Final = ModeInput.KILL_ORDERED
_KILLED: Final = ModeInput.KILL_COMPLETED
_LIFT_KILL: Final = ModeInput.KILL_LIFTED
_RESTARTED: Final = ModeInput.RESTARTED
_PAUSE_KEPT: Final = ModeInput.PAUSE_KEPT

_NO_LATCH: Final = (_LIFT_HALT, _KILLED, _LIFT_KILL)
"""Words about a halt or a kill, where there is none."""

# fmt: off
MODE_TABLE: Final[Table[Mode, ModeInput]] = compile_chart(
    ModeChart, Mode, ModeInput,
    ignored={
        Mode.COLD:     (_DISARM, _PAUSE, _RESTARTED),
        Mode.DISARMED: (_RECONCILED, _DISARM, _PAUSE),
        Mode.ARMED:    (_RECONCILED, _ARM, _RESUME),
        Mode.PAUSED:   (_RECONCILED, _PAUSE, _PAUSE_KEPT),
        # A pause asks for no more than reducing gives; a resume must not undo it.
        Mode.REDUCING: (_RECONCILED, _PAUSE, _REDUCE, _PAUSE_KEPT),
        Mode.HALTED:   (_RECONCILED, _DISARM, _PAUSE, _REDUCE, _HALT, _RESTARTED, _PAUSE_KEPT),
        Mode.KILLING:  (_RECONCILED, _DISARM, _PAUSE, _REDUCE, _HALT, _KILL, _RESTARTED, _PAUSE_KEPT),
        Mode.KILLED:   (_RECONCILED, _DISARM, _PAUSE, _REDUCE, _HALT, _KILLED, _RESTARTED, _PAUSE_KEPT),
    },
    faults={
        # COLD is stricter than reducing, but forgets it: a person must see why before arming.
        Mode.COLD:     (_ARM, _RESUME, _REDUCE, _PAUSE_KEPT, *_NO_LATCH),
        Mode.DISARMED: (_RESUME, *_NO_LATCH),
        Mode.ARMED:    (_PAUSE_KEPT, *_NO_LATCH),
        Mode.PAUSED:   _NO_LATCH,
        Mode.REDUCING: (_RESUME, *_NO_LATCH),
        Mode.HALTED:   (_ARM, _RESUME, _KILLED, _LIFT_KILL),
        Mode.KILLING:  (_ARM, _RESUME, _LIFT_HALT),
        Mode.KILLED:   (_ARM, _RESUME, _LIFT_HALT),
    },
)
# fmt: on
