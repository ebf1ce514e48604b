"""The gate: no order reaches the broker without passing it (I1).

    examine(question) -> Approved | tuple of refusals

Every check that applies is asked and all refusals are collected, so a person sees the whole reason at
once. Only this module can make an Approved, and only an Approved can become a submit command; mypy
and the constructor both see to that.

A check that raises has failed: that refuses an entry (doubt counts as risk). An exit is not stopped by a
check that failed; what the check would have said is left to the broker.
"""

from typing import Final, final

from kernel.commands import OrderTicket
from kernel.reasons import Refusal, RefusalCode
from kernel.risk.checks import CHECKS, Check, Scope
from kernel.risk.question import Question
from kernel.sides import Purpose
from kernel.units import Price

__all__ = ["Approved", "checks_for", "examine"]

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


def checks_for(purpose: Purpose, checks: tuple[Check, ...] = CHECKS) -> tuple[Check, ...]:
    """The checks that an order of this purpose has to pass, in order."""
    own = Scope.ENTRIES if purpose is Purpose.ENTRY else Scope.EXITS
    return tuple(check for check in checks if check.scope is Scope.EVERY or check.scope is own)


_BY_PURPOSE: Final = {purpose: checks_for(purpose) for purpose in Purpose}


def examine(question: Question, checks: tuple[Check, ...] | None = None) -> Approved | tuple[Refusal, ...]:
    """Asks every check that applies; approved when none refuses."""
    purpose = question.ticket.purpose
    asked = _BY_PURPOSE[purpose] if checks is None else checks_for(purpose, checks)
    refusals: list[Refusal] = []
    for check in asked:
        try:
            refusal = check.ask(question)
        except Exception as problem:  # noqa: BLE001 - whatever it is, a failed check is doubt
            if purpose is Purpose.ENTRY:
                refusals.append(Refusal(RefusalCode.CHECK_FAILED, f"{check.name}: {problem!r}", "no error"))
            continue
        if refusal is not None:
            refusals.append(refusal)
    if refusals:
        return tuple(refusals)
    return Approved(_SEAL, question)
