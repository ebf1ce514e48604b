"""Faults in the life of an order: the venue's tamper, drawn.

    partial_fills  late_fill         cancel_rejected  stuck_cancel
    replace_race   replace_rejected  bust_correct     shadow_order

1. What is to happen later is put on the agenda and done through the back office; an action that finds nothing
   to do any more does nothing, and does not count.
2. When several faults fire at one cancel or replace, one of them takes place.
3. Orders of other clients (`others`, by client order id) are left alone.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

from kernel.units import SCALE
from shell.exchange.faults.agenda import Agenda
from shell.exchange.faults.draws import Draws
from shell.exchange.venue.model import VenueOrder
from shell.exchange.venue.tamper import CancelFate, ReplaceFate, Tamper
from shell.exchange.venue.venue import Venue

__all__ = ["FOREIGN", "OrderFaults"]

FOREIGN: Final = "web-"
"""How the client order ids of other clients begin."""

_CANCEL_FATES: Final = {
    "filled": CancelFate.LOSE,
    "refused": CancelFate.REFUSE,
    "rejected": CancelFate.REJECT,
}
_REJECTED_ONE_IN: Final = 4
"""Of the stuck cancels, one in so many ends as order_cancel_rejected."""
_CENT: Final = SCALE // 100
_Try = Callable[[int], bool]
_Act = Callable[[int], None]


class OrderFaults(Tamper):
    """Decides for one venue."""

    def __init__(self, draws: Draws, agenda: Agenda, venue: Venue) -> None:
        self._draws = draws
        self._agenda = agenda
        self._venue = venue
        self._office = venue.back_office
        self.others: set[str] = set()
        """Client order ids of other clients; as many as they placed."""

        self.dooms = False
        """Whether the order that is being submitted will be rejected after its 200."""

    def _is_foreign(self, order: VenueOrder) -> bool:
        """Whether another client placed it."""
        return order.client_order_id in self.others

    def doom(self, is_doomed: bool) -> None:
        """The order that is being submitted will be rejected after its 200, or will not any more."""
        self.dooms = is_doomed

    def accepts(self, order: VenueOrder, now: int) -> bool:
        """Whether an order becomes `new`: not the one that its request's fate has doomed."""
        is_doomed, self.dooms = self.dooms and not self._is_foreign(order), False
        return not is_doomed

    def cancel_fate(self, order: VenueOrder, now: int) -> CancelFate:
        """What becomes of a cancel."""
        if self._is_foreign(order):
            return CancelFate.GRANT
        fired = [name for name in ("cancel_rejected", "stuck_cancel", "late_fill") if self._draws.fires(name)]
        if "late_fill" in fired and "after_204" not in self._draws.kinds("late_fill"):
            fired.remove("late_fill")
        name = self._draws.one_of(fired)
        if name == "cancel_rejected":
            self._draws.hit(name)
            return _CANCEL_FATES[self._draws.kind(name) or "refused"]
        if name == "late_fill" and order.leaves > 0 and not order.dormant:
            self._draws.hit(name)
            return CancelFate.FILL
        if name == "stuck_cancel" and self._agenda.put(
            now + self._draws.duration(name), self._unstick(order.id)
        ):
            self._draws.hit(name)
            return CancelFate.STICK
        return CancelFate.GRANT

    def _unstick(self, order_id: str) -> _Act:
        rejects = self._draws.rng("stuck_cancel").randrange(_REJECTED_ONE_IN) == 0
        end = self._office.reject_cancel if rejects else self._office.grant_cancel
        return lambda now: _void(end(order_id, now))

    def replace_fate(self, old: VenueOrder, now: int) -> ReplaceFate:
        """What becomes of a replace."""
        name = self._draws.one_of(
            [name for name in ("replace_race", "replace_rejected") if self._draws.fires(name)]
        )
        if name is None:
            return ReplaceFate.GRANT
        self._draws.hit(name)
        return ReplaceFate.LOSE if name == "replace_race" else ReplaceFate.REJECT

    def parts(self, quantity: int) -> Sequence[int]:
        """Cuts an execution into two or more, in whole units when it is whole."""
        unit = SCALE if quantity % SCALE == 0 else 1
        pieces = quantity // unit
        if not self._draws.fires("partial_fills") or pieces < 2:
            return (quantity,)
        self._draws.hit("partial_fills")
        rng = self._draws.rng("partial_fills")
        count = rng.randint(2, max(2, min(int(self._draws.option("partial_fills", "parts")), pieces)))
        cuts = sorted({rng.randrange(1, pieces) for _ in range(count - 1)})
        return [(end - start) * unit for start, end in pairwise((0, *cuts, pieces))]

    def acknowledged(self, order: VenueOrder, now: int) -> None:
        """An order became new: it may be on its way to vanish."""
        if self._is_foreign(order) or not self._draws.fires("shadow_order"):
            return
        self._later("shadow_order", now, lambda at: self._office.lose(order.id, at))

    def executed(self, order: VenueOrder, execution_id: str, now: int) -> None:
        """An execution was booked: it may not last."""
        if self._is_foreign(order) or not self._draws.fires("bust_correct"):
            return
        kind = self._draws.kind("bust_correct")
        self._later("bust_correct", now, lambda at: self._revise(kind, order, execution_id, at))

    def ended(self, order: VenueOrder, now: int) -> None:
        """An order ended: it may not be over."""
        if self._is_foreign(order) or order.dormant or order.leaves <= 0:
            return
        if order.status not in ("canceled", "expired") or not self._draws.fires("late_fill"):
            return
        if "after_end" not in self._draws.kinds("late_fill"):
            return
        divisor = self._draws.rng("late_fill").choice((None, 1))
        self._later("late_fill", now, lambda at: self._office.late_fill(order.id, divisor, at))

    def _later(self, name: str, now: int, action: _Try) -> None:
        """Plans something that counts when it was done."""

        def act(at: int) -> None:
            if action(at):
                self._draws.hit(name)

        self._agenda.put(now + self._draws.delay(name), act)

    def _revise(self, kind: str | None, order: VenueOrder, execution_id: str, now: int) -> bool:
        """Busts or corrects an execution, or restates its order."""
        if kind == "bust":
            return self._office.bust(execution_id, now)
        if kind == "restate":
            unit = SCALE if order.leaves % SCALE == 0 else 1
            return self._office.restate(order.id, (order.quantity or 0) - unit, now)
        for row in reversed(self._venue.executions()):
            if row.execution_id == execution_id:
                quantity, price = row.quantity, row.price
                if kind == "quantity" and quantity > SCALE:
                    quantity -= SCALE
                else:
                    price = price + _CENT if order.side == "sell" or price <= _CENT else price - _CENT
                return self._office.correct(execution_id, quantity, price, now)
        return False


def _void(_: object) -> None:
    """Takes an answer that does not matter."""
