"""What a step did and why, for people: the reasons that neither the Desk nor the commands carry.

    Judged    a proposal, everything that the gate looked at, and what it refused
    Amended   a wish to change an open order, and what was refused of it
    Withdrew  a strategy took its entries of a symbol back, or the desk did on its behalf
    Dropped   an approved order that never left, and why
    Noted     an anomaly, those included that are only counted

1. A step hands its trace out (Step.trace) and keeps nothing of it: the Desk, its digest and the size of an
   order do not know it, and no decision reads it.
2. Replaying the journal makes the same trace: an order's story (shell/story.py) needs no record of its own.
"""

from typing import NamedTuple

from kernel.commands import AlertLevel
from kernel.reasons import Anomaly, Refusal, RefusalCode
from kernel.risk.question import Question
from kernel.strategies.protocol import Amendment, Proposal

__all__ = ["Amended", "Dropped", "Judged", "Noted", "Trace", "Withdrew"]


class Judged(NamedTuple):
    """The gate was asked; `question` is all that its checks could see, so they can be asked again."""

    question: Question
    proposal: Proposal
    refusals: tuple[Refusal, ...]
    """Empty when it was approved; otherwise the question's client order id was not used."""


class Amended(NamedTuple):
    """A strategy asked to change one of its open orders."""

    amendment: Amendment
    refusals: tuple[Refusal, ...]
    """Empty when it was approved."""


class Withdrew(NamedTuple):
    """Open entries of a strategy on a symbol are canceled."""

    strategy: str
    symbol: str
    reason: str


class Dropped(NamedTuple):
    """A submit that had not left never will."""

    client_order_id: str
    code: RefusalCode


class Noted(NamedTuple):
    """An anomaly; with a level there is also an Alert."""

    anomaly: Anomaly
    text: str
    level: AlertLevel | None


Trace = Judged | Amended | Withdrew | Dropped | Noted
