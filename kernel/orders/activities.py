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
from kernel.orders.ledger import is_exact
from kernel.orders.lifecycle import take_sums
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
"""Readings in a row that may bring nothing; then the estimate stays until another order lacks executions."""


def fills_due(turn: Turn) -> None:
    """Starts a reading when an order lacks executions and none is under way."""
    if turn.scan.call or not turn.book.lacking:
        return
    if turn.scan.fruitless >= READINGS_MAX:
        return
    start = turn.at
    for name in turn.book.lacking:
        times = turn.book.orders[name].times
        start = min(start, times.sent if times.sent != NEVER else times.created)
    _ask(turn, Scan(0, Instant(max(0, start - MARGIN)), Map(), 0, turn.scan.fruitless), None)


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
        legs = tuple((leg, *sums[leg]) for leg in old.broker_ids if leg in sums)
        change = take_sums(old, legs, turn.at)
        if change.order is not old:
            scan = scan._replace(fruitless=-1)
            commit(turn, old, change)
    _finish(turn, scan)


def _finish(turn: Turn, scan: Scan) -> None:
    turn.scan = NO_SCAN._replace(fruitless=scan.fruitless + 1)
    if any(not is_exact(turn.book.orders[name].ledger) for name in turn.book.lacking):
        turn.wake(Instant(turn.at + RETRY), "fills")
