"""Does an event fit the Desk that it is replayed on? What another kernel wrote may not.

The journal has the broker's answers, and the kernel says by their numbers what they answer. A kernel that
asks other calls, or the same in another order, would take one for another. So before an answer is replayed:

1. Its call was asked: a number that was never given out belongs to another history.
2. Where its call is in flight, a definite answer is of that call's kind, and about what was asked: the codec
   lets nothing else through (shell/alpaca/calls.py), so this holds for every journal of this kernel.

Ignored: answers that came late or twice (no call in flight), and refusals and doubts, which any call may get.
"""

from typing import Final

from kernel import Desk, Event
from kernel.commands import (
    CancelOrder,
    FetchAccount,
    FetchActivities,
    FetchAsset,
    FetchBars,
    FetchOrders,
    FetchPositions,
    QueryOrder,
    ReplaceOrder,
    SubmitOrder,
)
from kernel.events import (
    AccountBody,
    ActivityRows,
    AssetBody,
    BarRows,
    CallAnswered,
    Done,
    OrderBody,
    OrderRows,
    PositionRows,
)

__all__ = ["misfit_of"]

ANSWER_OF: Final[dict[type, type]] = {
    SubmitOrder: OrderBody,
    CancelOrder: Done,
    ReplaceOrder: OrderBody,
    QueryOrder: OrderBody,
    FetchOrders: OrderRows,
    FetchAccount: AccountBody,
    FetchPositions: PositionRows,
    FetchAsset: AssetBody,
    FetchActivities: ActivityRows,
    FetchBars: BarRows,
}
"""What a call's definite answer is."""

DEFINITE: Final = frozenset(ANSWER_OF.values())


def misfit_of(desk: Desk, event: Event) -> str | None:
    """Why an event can't have happened to this Desk; None where it can."""
    if not isinstance(event, CallAnswered):
        return None
    if event.call >= desk.calls.next_call:
        return f"it answers call {event.call}, which this version never asked"
    flight = desk.calls.flying.get(event.call)
    kind = type(event.result)
    if flight is None or kind not in DEFINITE:
        return None
    command = flight.command
    if ANSWER_OF.get(type(command), kind) is not kind or not _is_about(command, event.result):
        return (
            f"it answers call {event.call} with {kind.__name__}, this version asked {type(command).__name__}"
        )
    return None


def _is_about(command: object, result: object) -> bool:
    """Whether an answer is about what was asked, as far as it says."""
    if isinstance(command, SubmitOrder) and isinstance(result, OrderBody):
        return result.report.client_order_id == command.ticket.client_order_id
    if isinstance(command, FetchAsset) and isinstance(result, AssetBody):
        return result.rules.symbol == command.symbol
    return True
