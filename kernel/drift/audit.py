"""The audit: the FILL activities read page by page and summed by broker order, exactly.

It settles three things that nothing else can:
1. Executions that the broker counts and has not shown us: the sum replaces the estimate by the average price.
   Activities have no execution ids, so they never become executions: they are exact evidence, and the real
   executions take over when they come (orders/ledger.py, rules 2 and 3).
2. Executions that we booked and the broker does not count (a bust that was never told): noted here, and
   taken back when the position differs by just that (room.py).
3. Fills of others: they explain positions and cash that are not ours. Each counts once, by its activity id.

Bounds: PAGES_MAX pages a reading, beyond which it has failed; READINGS_MAX readings in a row that change
nothing, then no more for the sake of what is lacking until something new is; COUNTED_MAX fills of others
kept by id.
"""

from typing import Final

from immutables import Map

from kernel.commands import AlertLevel, FetchActivities
from kernel.desk import Turn
from kernel.drift.cases import settled
from kernel.drift.chart import CaseInput
from kernel.drift.diff import Drift, Finding, is_off
from kernel.drift.foreign import shifted, with_counted
from kernel.drift.record import NO_AUDIT, Audit, Foreign, ForeignFill, LegSum
from kernel.events import ActivityRows, CallResult
from kernel.orders.book import all_orders, find
from kernel.orders.ledger import set_leg
from kernel.orders.lifecycle import Change, take_sums
from kernel.orders.record import NEVER, Order
from kernel.orders.room import commit
from kernel.outbox import enqueue
from kernel.portfolio.holdings import taken_fee
from kernel.reasons import Anomaly
from kernel.reports import ActivityRow
from kernel.sides import Side
from kernel.throttle.throttle import Priority
from kernel.units import MINUTE, SECOND, ZERO_QUANTITY, ZERO_VALUE, Duration, Instant, Quantity, Ratio, Value

__all__ = ["audit_due", "on_activities", "start_audit", "take_back"]

MARGIN: Final = Duration(1 * MINUTE)
"""Activities are read from so long before the instant of interest: clocks differ, and answers lag."""
RETRY: Final = Duration(5 * SECOND)
"""The wait before the activities are read again when they are behind the orders."""
PAGES_MAX: Final = 1_000
"""Pages of one reading: 100,000 fills. More, and the reading has failed: entries stay blocked."""
READINGS_MAX: Final = 20
BUSTS_REACH: Final = Duration(24 * 60 * MINUTE)
"""While a position differs and no fill explains it, the activities are read from so long ago."""
UNPACKED_MAX: Final = 5_000
"""Archived orders that are looked through for a bust, about 50 ms; beyond it they are a person's."""
FEE_SHARE: Final = 100
"""What is taken back of a coin may be off by one part in so many: its fee."""
COUNTED_MAX: Final = 10_000
NO_SUM: Final = LegSum(ZERO_QUANTITY, ZERO_VALUE)


def audit_due(turn: Turn) -> None:
    """Starts a reading when an order lacks executions and none is under way."""
    audit = turn.drift.audit
    lacking = len(_pursued(turn))
    if audit.call or not lacking or (audit.fruitless >= READINGS_MAX and audit.lacking >= lacking):
        return
    start_audit(turn)


def start_audit(turn: Turn) -> None:
    """Reads the activities since the last whole reading, the oldest case, the oldest order lacking some."""
    record = turn.drift
    audit = record.audit
    if audit.call:
        turn.drift = record._replace(audit=audit._replace(wanted=True))
        return
    start = record.audited_at or record.opened_at or turn.at
    for case in record.cases.open.values():
        start = min(start, record.agreed_at or record.opened_at or case.opened_at, case.opened_at)
        if case.drift is Drift.POSITION and case.tries:
            start = min(start, Instant(max(turn.at - BUSTS_REACH, record.opened_at)))
    for name in _pursued(turn):
        times = turn.book.orders[name].times
        start = min(start, times.sent if times.sent != NEVER else times.created)
    after = Instant(max(0, start - MARGIN))
    _ask(
        turn,
        NO_AUDIT._replace(asked_at=turn.at, after=after, fruitless=audit.fruitless, lacking=audit.lacking),
        None,
    )


def _pursued(turn: Turn) -> list[str]:
    """Orders that lack executions and were not given up: a reading goes back to the oldest of them."""
    standing = turn.drift.cases.standing
    return [name for name in turn.book.lacking if f"{Drift.FILLS.value}:{name}" not in standing]


def _ask(turn: Turn, audit: Audit, token: str | None) -> None:
    command = FetchActivities(0, audit.after, token)
    turn.calls, number = enqueue(turn.calls, Priority.QUERY, command, Instant(0))
    turn.drift = turn.drift._replace(audit=audit._replace(call=number, pages=audit.pages + 1))


def on_activities(turn: Turn, call: int, result: CallResult) -> None:
    """A page: add it up; after the last page, settle."""
    audit = turn.drift.audit
    if call != audit.call:
        return
    if not isinstance(result, ActivityRows):
        _finish(turn, audit, is_whole=False)
        return
    audit = _take_rows(turn, audit, result.rows)
    if result.next_page is not None:
        if audit.pages < PAGES_MAX:
            _ask(turn, audit, result.next_page)
        else:
            _finish(turn, audit, is_whole=False)
        return
    changed = _settle(turn, audit)
    _finish(turn, audit._replace(changed=changed or audit.changed), is_whole=True)


def _take_rows(turn: Turn, audit: Audit, rows: tuple[ActivityRow, ...]) -> Audit:
    """A page: ours are added up by leg, others' are counted."""
    sums, seen, changed = audit.sums, audit.seen, audit.changed
    for row in rows:
        if row.broker_order_id not in turn.book.by_broker:
            changed = _count_foreign(turn, row) or changed
            continue
        if row.activity_id in seen:
            continue
        seen = seen.set(row.activity_id, row.at)
        known = sums.get(row.broker_order_id, NO_SUM)
        total = LegSum(Quantity(known.quantity + row.quantity), Value(known.value + row.price * row.quantity))
        sums = sums.set(row.broker_order_id, total)
    return audit._replace(sums=sums, seen=seen, changed=changed)


def _settle(turn: Turn, audit: Audit) -> bool:
    """Evidence for what is lacking; what we booked beyond the broker's count is noted."""
    changed = False
    over: Map[str, LegSum] = Map()
    for leg in sorted({*audit.sums, *_in_question(turn)}):
        order = find(turn.book, "", leg)
        if order is None:
            continue
        total = audit.sums.get(leg, NO_SUM)
        change = take_sums(order, ((leg, total.quantity, total.value),), turn.at)
        if change.order is not order:
            commit(turn, order, change)
            text = f"{order.client_order_id}: executions behind the broker's cumulative figure"
            finding = Finding(Drift.FILLS, order.client_order_id, order.ledger.quantity, total.quantity, text)
            _close(turn, finding, CaseInput.AGREED, "booked exactly from the fill activities")
            changed = True
        elif _is_over(order, leg, total, audit.after):
            over = over.set(leg, total)
    turn.drift = turn.drift._replace(overbooked=over)
    return changed


def _in_question(turn: Turn) -> list[str]:
    """Legs of what was booked on a symbol whose position differs: a bust may leave no activity at all.

    Finished orders are asked too, unless the archive is too large to unpack in one step.
    """
    cases = turn.drift.cases.open.values()
    symbols = {case.subject for case in cases if case.drift is Drift.POSITION}
    if not symbols:
        return []
    book = turn.book
    orders = all_orders(book) if len(book.archive.packed) <= UNPACKED_MAX else book.orders.values()
    booked = [order for order in orders if order.ledger.quantity > 0 and order.ticket.symbol in symbols]
    return [leg.broker_order_id for order in booked for leg in order.ledger.legs]


def _is_over(order: Order, leg: str, total: LegSum, after: Instant) -> bool:
    """Whether we booked more than a reading that has all of the order's fills."""
    if order.times.sent == NEVER or order.times.sent < after:
        return False
    return _booked(order, leg) > total.quantity


def _booked(order: Order, leg: str) -> int:
    """What a leg has booked: the further advanced of its two witnesses (orders/ledger.py, rule 2)."""
    for known in order.ledger.legs:
        if known.broker_order_id == leg:
            return max(known.quantity, known.evidence_quantity)
    return 0


def take_back(turn: Turn, symbol: str, surplus: int) -> bool:
    """What we booked on a symbol beyond the broker's own count is taken back: a bust that nobody told.

    `surplus` is what our position is beyond the broker's, signed; when what would be taken back is not just
    that, the activities may only be late, and nothing is done. Returns whether something was.
    """
    over: list[tuple[str, Order]] = []
    explained = 0
    for leg in sorted(turn.drift.overbooked):
        order = find(turn.book, "", leg)
        if order is None or order.ticket.symbol != symbol:
            continue
        beyond = _booked(order, leg) - turn.drift.overbooked[leg].quantity
        explained += beyond if order.ticket.side is Side.BUY else -beyond
        over.append((leg, order))
    fees = abs(explained) // FEE_SHARE if "/" in symbol else 0
    if is_off(explained, surplus, fees):
        return False
    for leg, _ in over:
        order = find(turn.book, "", leg)  # a chain may have two of the legs
        assert order is not None, "kernel bug: an order left the book"
        total = turn.drift.overbooked[leg]
        ledger, quantity, value = set_leg(order.ledger, leg, total.quantity, total.value, turn.at)
        text = f"{order.client_order_id}: the broker counts {total.quantity}, more was booked: taken back"
        turn.note(Anomaly.BUST, text, AlertLevel.CRITICAL)
        commit(turn, order, Change(order._replace(ledger=ledger), quantity, value, ()))
    turn.drift = turn.drift._replace(overbooked=Map())
    return bool(over)


def _finish(turn: Turn, audit: Audit, is_whole: bool) -> None:
    fruitless = 0 if audit.changed else audit.fruitless + 1
    wanted = turn.drift.audit.wanted
    done = NO_AUDIT._replace(failed=not is_whole, fruitless=fruitless, lacking=len(_pursued(turn)))
    turn.drift = turn.drift._replace(audit=done)
    if is_whole:
        turn.drift = turn.drift._replace(audited_at=audit.asked_at)
    if wanted:
        start_audit(turn)
    elif turn.drift.look is None and _pursued(turn):
        turn.wake(Instant(turn.at + RETRY), "fills")


# ---------------------------------------------------------------- others' fills


def _count_foreign(turn: Turn, row: ActivityRow) -> bool:
    """A fill of somebody else's order: it explains a position and cash that are not ours."""
    foreign = turn.drift.foreign
    opened_at = turn.drift.opened_at
    if row.activity_id in foreign.counted or row.at <= max(opened_at, foreign.counted_until) or not opened_at:
        return False
    fee = turn.config.crypto_fee if "/" in row.symbol else Ratio(0)
    worth = Value(row.price * row.quantity)
    fee_quantity, fee_value = taken_fee(row.side, row.quantity, worth, fee)
    if row.side is Side.BUY:
        quantity, value = Quantity(row.quantity - fee_quantity), Value(worth + fee_value)
    else:
        quantity, value = Quantity(-row.quantity), Value(fee_value - worth)
    fill = ForeignFill(row.broker_order_id, row.symbol, quantity, value, row.at)
    foreign = with_counted(shifted(foreign, fill, 1), row)
    foreign = _bounded(foreign._replace(counted=foreign.counted.set(row.activity_id, fill)))
    turn.drift = turn.drift._replace(foreign=foreign)
    text = f"{row.symbol}: others {row.side.value} {row.quantity} at {row.price} on this account"
    turn.note(Anomaly.FOREIGN_FILL, text, AlertLevel.WARNING)
    finding = Finding(Drift.ORPHAN_FILL, row.activity_id, 0, quantity, text)
    _close(turn, finding, CaseInput.DISMISSED_BY_POLICY, "not ours: kept apart and counted in exposure")
    return True


def _close(turn: Turn, finding: Finding, given: CaseInput, outcome: str) -> None:
    cases = settled(turn.drift.cases, finding, given, turn.at, outcome)
    turn.drift = turn.drift._replace(cases=cases)


def _bounded(foreign: Foreign) -> Foreign:
    """The oldest half is forgotten when there are too many: what is that old is not counted again."""
    if len(foreign.counted) <= COUNTED_MAX:
        return foreign
    by_age = sorted((fill.at, name) for name, fill in foreign.counted.items())
    old = by_age[: COUNTED_MAX // 2]
    counted = foreign.counted.mutate()
    for _, name in old:
        del counted[name]
    return foreign._replace(counted=counted.finish(), counted_until=old[-1][0])
