"""A drift case: one difference between our books and the broker's, from the first look to its end.

Rules:
1. One look is no verdict: a difference is SUSPECTED until a second, later look shows it again.
2. A case ends HEALED (the books agree again), DISMISSED (by policy, with the reason) or ESCALATED (a person
   was called). Nothing ends silently.
3. An ended case that shows up again is another case.

Ignores: what is compared (diff.py), what is done about it (room.py).
"""

from enum import Enum
from typing import Final

from statemachine import StateMachine
from statemachine.states import States

from kernel.chart import Table, compile_chart

__all__ = ["CASE_TABLE", "CaseInput", "CaseState"]


class CaseState(Enum):
    """Where a case is."""

    SUSPECTED = "suspected"
    """Seen once."""
    CONFIRMED = "confirmed"
    """Seen again by a later look."""
    HEALING = "healing"
    """Something is being done about it."""
    HEALED = "healed"
    """The books agree again."""
    DISMISSED = "dismissed"
    """Not ours to mend, by policy; the reason is kept."""
    ESCALATED = "escalated"
    """A person was called; the desk goes on as the policy says."""


class CaseInput(Enum):
    """What can happen to a case."""

    SEEN_AGAIN = "seen_again"
    """A later look shows the difference still."""
    AGREED = "agreed"
    """A later look shows none."""
    HEAL_STARTED = "heal_started"
    """The policy's remedy was begun."""
    DISMISSED_BY_POLICY = "dismissed_by_policy"
    """The policy says to leave it."""
    GIVEN_UP = "given_up"
    """The remedy did not help within its bound: a person."""


class CaseChart(StateMachine):
    """A drift case."""

    s = States.from_enum(
        CaseState,
        initial=CaseState.SUSPECTED,
        final=[CaseState.HEALED, CaseState.DISMISSED, CaseState.ESCALATED],
    )

    seen_again = s.SUSPECTED.to(s.CONFIRMED)
    agreed = s.HEALED.from_(s.SUSPECTED, s.CONFIRMED, s.HEALING)
    heal_started = s.HEALING.from_(s.SUSPECTED, s.CONFIRMED)
    dismissed_by_policy = s.DISMISSED.from_(s.SUSPECTED, s.CONFIRMED, s.HEALING)
    given_up = s.ESCALATED.from_(s.CONFIRMED, s.HEALING)


_ALL: Final = tuple(CaseInput)

# fmt: off
CASE_TABLE: Final[Table[CaseState, CaseInput]] = compile_chart(
    CaseChart, CaseState, CaseInput,
    ignored={
        CaseState.CONFIRMED: (CaseInput.SEEN_AGAIN,),
        CaseState.HEALING:   (CaseInput.SEEN_AGAIN, CaseInput.HEAL_STARTED),
    },
    faults={
        # One look is no verdict.
        CaseState.SUSPECTED: (CaseInput.GIVEN_UP,),
        CaseState.HEALED:    _ALL,
        CaseState.DISMISSED: _ALL,
        CaseState.ESCALATED: _ALL,
    },
)
# fmt: on
