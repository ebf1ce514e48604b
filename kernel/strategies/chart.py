"""The life of a strategy on the desk.

Rules:
1. Only ACTIVE may propose entries; ACTIVE is reached by warming up, also after a quarantine.
2. A strategy that raises is quarantined (FAULTED) from wherever it is; only an operator's word releases it,
   and it starts anew. Its orders and position stay managed by the desk.
3. DRAINING proposes exits only and retires when flat; RETIRE_ORDERED retires at once, and what is left
   of its position is the desk's to manage.
4. RETIRED is final: a strategy that comes back is loaded as a new one.

Ignores: which symbols are warm (the desk counts bars and gives WARMED_UP when all are).
"""

from enum import Enum
from typing import Final

from statemachine import StateMachine
from statemachine.states import States

from kernel.chart import Table, compile_chart

__all__ = ["STRATEGY_TABLE", "StrategyInput", "StrategyState"]


class StrategyState(Enum):
    """What a strategy may do."""

    LOADED = "loaded"
    """Found, validated, and not fed yet."""
    WARMING = "warming"
    """Fed with closed bars; its proposals are not taken."""
    ACTIVE = "active"
    """Fed; its proposals go to the gate."""
    DRAINING = "draining"
    """Fed; only its exits go to the gate, until it is flat."""
    FAULTED = "faulted"
    """It raised: quarantined and not fed; the desk manages what it holds."""
    RETIRED = "retired"
    """Done for good."""


class StrategyInput(Enum):
    """What can happen to a strategy."""

    WARMUP_STARTED = "warmup_started"
    """The bars that it needs before it can propose are being fed (again)."""
    WARMED_UP = "warmed_up"
    """It has seen the bars that it needs."""
    DRAIN_ORDERED = "drain_ordered"
    """No more entries: close what is open, then retire."""
    FLAT_REACHED = "flat_reached"
    """It has no position and no open order."""
    RAISED = "raised"
    """Its code raised or gave what is no proposal."""
    RETIRE_ORDERED = "retire_ordered"
    """A person ends it at once."""
    RELEASED_BY_OPERATOR = "released_by_operator"
    """A person takes a quarantine or a drain back, with a reason."""


class StrategyChart(StateMachine):
    """A strategy's life on the desk."""

    s = States.from_enum(StrategyState, initial=StrategyState.LOADED, final=[StrategyState.RETIRED])

    warmup_started = s.WARMING.from_(s.LOADED, s.ACTIVE)
    warmed_up = s.WARMING.to(s.ACTIVE)
    drain_ordered = s.DRAINING.from_(s.LOADED, s.WARMING, s.ACTIVE)
    flat_reached = s.DRAINING.to(s.RETIRED)
    raised = s.FAULTED.from_(s.LOADED, s.WARMING, s.ACTIVE, s.DRAINING)
    retire_ordered = s.RETIRED.from_(s.LOADED, s.WARMING, s.ACTIVE, s.DRAINING, s.FAULTED)
    released_by_operator = s.LOADED.from_(s.DRAINING, s.FAULTED)


_WARMUP: Final = StrategyInput.WARMUP_STARTED
_WARM: Final = StrategyInput.WARMED_UP
_DRAIN: Final = StrategyInput.DRAIN_ORDERED
_FLAT: Final = StrategyInput.FLAT_REACHED
_RAISED: Final = StrategyInput.RAISED
_RETIRE: Final = StrategyInput.RETIRE_ORDERED
_RELEASED: Final = StrategyInput.RELEASED_BY_OPERATOR

# fmt: off
STRATEGY_TABLE: Final[Table[StrategyState, StrategyInput]] = compile_chart(
    StrategyChart, StrategyState, StrategyInput,
    ignored={
        # Being flat is news to a strategy that drains, and to no other.
        StrategyState.LOADED:   (_FLAT,),
        StrategyState.WARMING:  (_WARMUP, _FLAT),
        StrategyState.ACTIVE:   (_WARM, _FLAT),
        # A drain or a fault may come while bars are still being fed.
        StrategyState.DRAINING: (_WARM, _DRAIN),
        StrategyState.FAULTED:  (_WARM, _DRAIN, _FLAT, _RAISED),
        StrategyState.RETIRED:  (_WARM, _DRAIN, _FLAT, _RETIRE),
    },
    faults={
        StrategyState.LOADED:   (_WARM, _RELEASED),
        StrategyState.WARMING:  (_RELEASED,),
        StrategyState.ACTIVE:   (_RELEASED,),
        StrategyState.DRAINING: (_WARMUP,),
        StrategyState.FAULTED:  (_WARMUP,),
        StrategyState.RETIRED:  (_WARMUP, _RAISED, _RELEASED),
    },
)
# fmt: on
