"""Fills that the broker counts and has not shown us: fetched from the FILL activities, exactly.

When an order's reported cumulative runs ahead of its executions, the activities since its start are read
page by page and summed for each of its legs; the sum replaces the estimate by the average price. Activities
have no execution ids, so they never become executions: they are exact evidence, and the real
executions take over when they come (ledger.py, rules 2 and 3).
"""

from typing import Final

from immutables import Map

from kernel.commands import FetchActivities
from kernel.desk import Turn
from kernel.events import ActivityRows, CallResult
from kernel.orders.ledger import is_exact, take_evidence
from kernel.orders.lifecycle import Change
from kernel.orders.record import NEVER
from kernel.orders.room import commit
from kernel.orders.scan import NO_SCAN, LegSum, Scan
from kernel.outbox import enqueue
from kernel.throttle.throttle import Priority
from kernel.units import SECOND, Duration, Instant, Quantity, Value

__all__ = ["fills_due", "on_activities"]

MARGIN: Final = Duration(5 * SECOND)
"""Activities are read from a little before the order was sent: the clocks may differ."""
RETRY: Final = Duration(5 * SECOND)
"""The wait before the activities are read again when they are behind the orders."""
PAGES_MAX: Final = 200
"""Pages of one reading: 20,000 fills. Beyond it the reading is given up and begun again later."""
READINGS_MAX: Final = 20
"""Readings in a row that may bring nothing; then the estimate stays until something new is lacking."""


def fills_due(turn: Turn) -> None:
    """Starts a reading when an order lacks executions and none is under way."""
    if turn.scan.call or not turn.book.lacking:
        return
    if turn.scan.fruitless >= READINGS_MAX and turn.scan.lacking == len(turn.book.lacking):
        return
    start = turn.at
    for name in turn.book.lacking:
        times = turn.book.orders[name].times
        start = min(start, times.sent if times.sent != NEVER else times.created)
    _ask(turn, Scan(0, Instant(max(0, start - MARGIN)), Map(), 0, turn.scan.fruitless, 0), None)


def _ask(turn: Turn, scan: Scan, token: str | None) -> None:
    command = FetchActivities(0, scan.after, token)
    turn.calls, number = enqueue(turn.calls, Priority.QUERY, command, Instant(0))
    turn.scan = scan._replace(call=number, pages=scan.pages + 1)


def on_activities(turn: Turn, call: int, result: CallResult) -> None:
    """A page of activities: add it up; after the last page, take the sums as evidence."""
    scan = turn.scan
    if call != scan.call:
        return
    if not isinstance(result, ActivityRows):
        _finish(turn, scan)
        return
    sums = scan.sums
    for row in result.rows:
        known = sums.get(row.broker_order_id, LegSum(Quantity(0), Value(0)))
        sums = sums.set(
            row.broker_order_id,
            LegSum(Quantity(known.quantity + row.quantity), Value(known.value + row.price * row.quantity)),
        )
    scan = scan._replace(sums=sums)
    if result.next_page is not None and scan.pages < PAGES_MAX:
        _ask(turn, scan, result.next_page)
        return
    for name in sorted(turn.book.lacking):
        old = turn.book.orders[name]
        ledger, quantity, value = old.ledger, Quantity(0), Value(0)
        for leg in old.broker_ids:
            leg_sum = sums.get(leg)
            if leg_sum is not None:
                ledger, more, worth = take_evidence(
                    ledger, leg, leg_sum.quantity, leg_sum.value, turn.at, exact=True
                )
                quantity, value = Quantity(quantity + more), Value(value + worth)
        if ledger is not old.ledger:
            scan = scan._replace(fruitless=-1)
            commit(turn, old, Change(old._replace(ledger=ledger), quantity, value, ()))
    _finish(turn, scan)


def _finish(turn: Turn, scan: Scan) -> None:
    lacking = len(turn.book.lacking)
    turn.scan = NO_SCAN._replace(fruitless=scan.fruitless + 1, lacking=lacking)
    if any(not is_exact(turn.book.orders[name].ledger) for name in turn.book.lacking):
        turn.wake(Instant(turn.at + RETRY), "fills")
