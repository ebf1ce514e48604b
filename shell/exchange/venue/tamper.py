"""Where a venue can be made to misbehave: questions that it asks before it does the decent thing.

1. `Tamper` answers every question with the decent thing; the fault layer overrides it.
2. A tamper decides, the venue carries out: books stay exact whatever it says.
3. It is told of acknowledgments, executions and ends after they happened, and must not change the venue from
   within those calls: what it wants done it does later, through the back office.
"""

from collections.abc import Sequence
from enum import Enum

from shell.exchange.venue.model import VenueOrder

__all__ = ["CancelFate", "ReplaceFate", "Tamper"]


class CancelFate(Enum):
    """What becomes of a cancel that the rules allow."""

    GRANT = "grant"
    """204, and the order ends after the cancel latency."""
    LOSE = "lose"
    """The order fills first; 422 already in "filled" state."""
    REFUSE = "refuse"
    """422 not cancelable; the order lives on."""
    REJECT = "reject"
    """204, then order_cancel_rejected; the order lives on."""
    STICK = "stick"
    """204, and pending_cancel until the back office grants it."""
    FILL = "fill"
    """204, then some of the order fills, then it ends."""


class ReplaceFate(Enum):
    """What becomes of a replace that the rules allow."""

    GRANT = "grant"
    """200, and the new order takes the old one's place after the replace latency."""
    LOSE = "lose"
    """200, then the old order fills and the new one is rejected."""
    REJECT = "reject"
    """200, then order_replace_rejected; the new order is rejected, the old one lives on."""


class Tamper:
    """A venue's conscience; this one is clean."""

    def accepts(self, order: VenueOrder, now: int) -> bool:
        """Whether an order that was answered 200 becomes `new`; else it is rejected without a reason."""
        return True

    def cancel_fate(self, order: VenueOrder, now: int) -> CancelFate:
        """What becomes of a cancel."""
        return CancelFate.GRANT

    def replace_fate(self, old: VenueOrder, now: int) -> ReplaceFate:
        """What becomes of a replace."""
        return ReplaceFate.GRANT

    def parts(self, quantity: int) -> Sequence[int]:
        """The executions into which one is cut: positive, and `quantity` in all."""
        return (quantity,)

    def acknowledged(self, order: VenueOrder, now: int) -> None:
        """An order became `new`."""

    def executed(self, order: VenueOrder, execution_id: str, now: int) -> None:
        """An execution was booked."""

    def ended(self, order: VenueOrder, now: int) -> None:
        """An order ended without an execution."""
