"""The gate: no order reaches the broker without passing it (I1).

    examine(question)       -> Approved | tuple of refusals
    examine_change(change)  -> ApprovedChange | tuple of refusals

Every check that applies is asked and all refusals are collected, so a person sees the whole reason at
once. Only this module can make an Approved, and only an Approved can become a submit command; mypy
and the constructor both see to that. The same holds for an ApprovedChange and a replace command.

An amendment of an entry that may cost more or fill sooner passes all that an entry passes, in the worst case
of both terms; one that only calms it is asked whether it is legal; one of an exit stays inside the position.

A check that raises has failed: that refuses an entry (doubt counts as risk). An exit is not stopped by a
check that failed; what the check would have said is left to the broker.
"""

from typing import Final, final

from kernel.commands import OrderTicket
from kernel.orders.record import Replacement
from kernel.reasons import Refusal, RefusalCode
from kernel.risk.changes import CHANGE_CHECKS
from kernel.risk.checks import CHECKS, Check, Scope
from kernel.risk.question import Change, Question
from kernel.sides import Purpose
from kernel.units import Price

__all__ = ["Approved", "ApprovedChange", "checks_for", "examine", "examine_change"]

_SEAL: Final = object()


@final
class Approved:
    """An order that passed every check. Can't be made outside this module."""

    __slots__ = ("intent", "reserve_price", "strategy", "ticket")

    def __init__(self, seal: object, question: Question) -> None:
        """Only `examine` has the seal."""
        assert seal is _SEAL, "kernel bug: an Approved was made without the gate"
        self.ticket: Final[OrderTicket] = question.ticket
        self.strategy: Final[str] = question.strategy
        self.intent: Final[str] = question.intent
        self.reserve_price: Final[Price] = question.reserve_price


@final
class ApprovedChange:
    """An amendment that passed every check. Can't be made outside this module."""

    __slots__ = ("intent", "name", "replacement")

    def __init__(self, seal: object, change: Change) -> None:
        """Only `examine_change` has the seal."""
        assert seal is _SEAL, "kernel bug: an ApprovedChange was made without the gate"
        self.name: Final[str] = change.order.client_order_id
        self.intent: Final[str] = change.question.intent
        self.replacement: Final[Replacement] = change.replacement


def checks_for(purpose: Purpose, checks: tuple[Check, ...] = CHECKS) -> tuple[Check, ...]:
    """The checks that an order of this purpose has to pass, in order."""
    own = Scope.ENTRIES if purpose is Purpose.ENTRY else Scope.EXITS
    return tuple(check for check in checks if check.scope is Scope.EVERY or check.scope is own)


_BY_PURPOSE: Final = {purpose: checks_for(purpose) for purpose in Purpose}
_AMENDING: Final = {
    purpose: tuple(check for check in checks if check.amends) for purpose, checks in _BY_PURPOSE.items()
}
_LEGAL: Final = tuple(check for check in CHECKS if check.scope is Scope.EVERY)


def examine(question: Question, checks: tuple[Check, ...] | None = None) -> Approved | tuple[Refusal, ...]:
    """Asks every check that applies; approved when none refuses."""
    purpose = question.ticket.purpose
    refusals = _ask(question, _BY_PURPOSE[purpose] if checks is None else checks_for(purpose, checks))
    return tuple(refusals) if refusals else Approved(_SEAL, question)


def examine_change(change: Change) -> ApprovedChange | tuple[Refusal, ...]:
    """Asks whether the order can be changed at all, and then what applies to its new terms."""
    purpose = change.question.ticket.purpose
    is_calmer = purpose is Purpose.ENTRY and not change.replacement.raises
    refusals = [refusal for ask in CHANGE_CHECKS if (refusal := ask(change)) is not None]
    refusals += _ask(change.question, _LEGAL if is_calmer else _AMENDING[purpose])
    return tuple(refusals) if refusals else ApprovedChange(_SEAL, change)


def _ask(question: Question, asked: tuple[Check, ...]) -> list[Refusal]:
    refusals: list[Refusal] = []
    for check in asked:
        try:
            refusal = check.ask(question)
        except Exception as problem:  # noqa: BLE001 - whatever it is, a failed check is doubt
            if question.ticket.purpose is Purpose.ENTRY:
                refusals.append(Refusal(RefusalCode.CHECK_FAILED, f"{check.name}: {problem!r}", "no error"))
            continue
        if refusal is not None:
            refusals.append(refusal)
    return refusals
