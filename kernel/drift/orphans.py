"""Orders that the broker has and the book has not: ours are adopted, others' are observed.

Ownership is by the client order id alone, never by time or symbol. An order with our prefix came from a
submit that this journal does not know (a lost journal, a lost response): it is taken into the book with
what the broker says of it, and its fills become ours. A leg of an order of ours is ours too: Alpaca
names it, so it is known by its parent. Others' open orders count in exposure and are never touched, unless
the policy is to cancel them. What another's order filled stays in exposure without a gap: as open until the
activities show the fill, as a position from then on.
"""

from typing import Final

from immutables import Map

from kernel.commands import AlertLevel, CancelOrder, OrderTicket
from kernel.desk import Turn
from kernel.drift.cases import settled
from kernel.drift.chart import CaseInput
from kernel.drift.diff import OVER, Drift, Finding, flat
from kernel.drift.foreign import foreign_position
from kernel.drift.record import Foreign, Look
from kernel.events import TradeUpdated
from kernel.ids import is_ours, parse_client_order_id
from kernel.orders.book import find, put
from kernel.orders.chart import OrderInput
from kernel.orders.lifecycle import enter, take_report
from kernel.orders.record import ENDED, NEVER, Order, new_order
from kernel.orders.room import commit, on_report, on_update
from kernel.outbox import enqueue
from kernel.portfolio.holdings import net_position
from kernel.reasons import Anomaly
from kernel.reports import OrderReport
from kernel.session.modes import reduce_only
from kernel.sides import OrderClass, OrderType, Purpose, Side
from kernel.throttle.throttle import Priority
from kernel.units import SECOND, Duration, Instant, Price, Quantity

__all__ = ["adopt", "adopt_legs", "cancel_foreign", "note_foreign", "take_strays"]

STRAYS_MAX: Final = 1_000
"""Open orders of others that are remembered; beyond it they are said and not counted in exposure."""
FOREIGN_GRACE: Final = Duration(2 * SECOND)
"""How long others' fills may take to be listed among the activities."""
OBSERVED: Final = "observed: counted in exposure, not touched"
STOPS: Final = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)


def take_strays(turn: Turn) -> None:
    """Messages of the order stream about orders that are not in the book, as this step met them."""
    strays, turn.strays = turn.strays, []
    for event in strays:
        report = event.report
        if is_ours(turn.config.prefix, report.client_order_id):
            if turn.config.drift.orphan_ours == "adopt" and adopt(turn, report):
                close_orphan(turn, Drift.ORPHAN_OURS, report, CaseInput.AGREED, "adopted")
                on_update(turn, event)
            else:
                turn.note(Anomaly.UNKNOWN_OURS, _text(report), AlertLevel.CRITICAL)
                turn.wake(turn.at, "look")
            continue
        if event.execution is not None:
            # What it did to the account is counted from the activities, which lag behind.
            turn.wake(Instant(turn.at + FOREIGN_GRACE), "foreign")
        _observe(turn, event)


def _observe(turn: Turn, event: TradeUpdated) -> None:
    """What the stream says of another's order, so that exposure does not wait for the next look."""
    report = event.report
    name = report.client_order_id or report.broker_order_id
    foreign = turn.drift.foreign
    orders = foreign.orders
    report = _uncounted(foreign, event, orders.get(name))
    if report.status in OVER and report.quantity == report.filled_quantity:
        orders = orders.delete(name) if name in orders else orders
    elif name in orders or len(orders) < STRAYS_MAX:
        if name not in orders:
            turn.note(Anomaly.FOREIGN_ORDER, _text(report), AlertLevel.INFO)
            if turn.config.drift.orphan_foreign == "observe":
                close_orphan(turn, Drift.ORPHAN_FOREIGN, report, CaseInput.DISMISSED_BY_POLICY, OBSERVED)
        orders = orders.set(name, report)
    turn.drift = turn.drift._replace(foreign=foreign._replace(orders=orders))


def _uncounted(foreign: Foreign, event: TradeUpdated, known: OrderReport | None) -> OrderReport:
    """The report with only what was counted as filled; of an ended order what it filled is left."""
    report, execution = event.report, event.execution
    filled = report.filled_quantity
    if known is not None:
        counted = int(known.filled_quantity)
    elif execution is None:
        counted = filled
    else:  # the activities may have been faster than the stream
        fills = foreign.counted.values()
        seen = sum(abs(fill.quantity) for fill in fills if fill.leg == report.broker_order_id)
        counted = max(filled - execution.quantity, seen)
    counted = max(0, min(counted, filled))
    quantity = filled if report.status in OVER else report.quantity
    return report._replace(filled_quantity=Quantity(counted), quantity=quantity)


def close_orphan(turn: Turn, drift: Drift, report: OrderReport, given: CaseInput, outcome: str) -> None:
    """A stray order that is settled as soon as it is seen: its case begins and ends here."""
    subject = report.client_order_id or report.broker_order_id
    finding = Finding(drift, subject, 0, report.quantity or 0, _text(report))
    cases = settled(turn.drift.cases, finding, given, turn.at, outcome)
    turn.drift = turn.drift._replace(cases=cases)


def _text(report: OrderReport) -> str:
    return f"{report.client_order_id or report.broker_order_id} ({report.symbol} {report.status_text})"


def adopt(turn: Turn, report: OrderReport) -> bool:
    """Takes an orphan of ours into the book; False when what the broker says of it is not enough."""
    if find(turn.book, report.client_order_id, report.broker_order_id) is not None:
        on_report(turn, report)  # a later leg of one that was adopted just now
        return True
    key = parse_client_order_id(turn.config.prefix, report.client_order_id)
    if key is None:
        return False
    order = _made(turn, report, key.strategy, _purpose_of(turn, report))
    if order is None:
        return False
    if key.epoch == turn.epoch and key.sequence > turn.sequence:
        turn.sequence = key.sequence  # an id is never given twice
    if key.epoch >= turn.epoch:
        reduce_only(
            turn, f"{report.client_order_id}: another process trades as this desk, or the journal is old"
        )
    turn.note(Anomaly.UNKNOWN_OURS, _text(report) + ": ours by its id: adopted", AlertLevel.CRITICAL)
    _take_in(turn, order, report)
    return True


def _purpose_of(turn: Turn, report: OrderReport) -> Purpose:
    """What an orphan is for: what reduces the account's position is an exit, and a stop among them protects.

    Before the books are opened nobody knows what the account holds: a stop is then taken for a protective one
    (orders.md, rule 16: those are never canceled).
    """
    if turn.drift.opening_cash is None and report.type in STOPS:
        return Purpose.PROTECTIVE_STOP
    symbol = report.symbol
    position = net_position(turn.holdings, symbol) + foreign_position(turn.drift.foreign, symbol)
    if not (position > 0 if report.side is Side.SELL else position < 0):
        return Purpose.ENTRY
    return Purpose.PROTECTIVE_STOP if report.type in STOPS else Purpose.EXIT


def adopt_legs(turn: Turn, report: OrderReport) -> None:
    """Takes the legs of an order of ours into the book: exits of its strategy, named by Alpaca.

    One that is in the book already is told what the report says of it.
    """
    parent = find(turn.book, report.client_order_id, report.broker_order_id)
    if parent is None:
        return
    for leg in report.legs:
        if find(turn.book, leg.client_order_id, leg.broker_order_id) is not None:
            on_report(turn, leg)
            continue
        purpose = Purpose.PROTECTIVE_STOP if leg.type in STOPS else Purpose.EXIT
        order = _made(turn, leg, parent.strategy, purpose)
        if order is not None:
            kind = parent.ticket.order_class
            if kind is OrderClass.SIMPLE:
                kind = leg.order_class or OrderClass.SIMPLE
            ticket = order.ticket._replace(order_class=kind)
            _take_in(turn, order._replace(ticket=ticket, parent=parent.client_order_id), leg)


def _made(turn: Turn, report: OrderReport, strategy: str, purpose: Purpose) -> Order | None:
    """An order of the book from the broker's word alone; None when it does not say enough."""
    if report.side is None or report.type is None or report.time_in_force is None or report.quantity is None:
        return None
    name = report.client_order_id or report.broker_order_id
    ticket = OrderTicket(
        name,
        report.symbol,
        report.side,
        report.type,
        report.time_in_force,
        report.quantity,
        report.limit_price,
        report.stop_price,
        report.extended_hours,
        purpose,
        report.order_class or OrderClass.SIMPLE,
    )
    worst = report.limit_price or report.stop_price or report.filled_average or Price(0)
    order = new_order(ticket, strategy, "adopted/" + name, turn.at, NEVER, worst)
    return order._replace(times=order.times._replace(sent=report.created_at))


def _take_in(turn: Turn, order: Order, report: OrderReport) -> None:
    order, _ = enter(
        order, OrderInput.ACKNOWLEDGED, turn.at
    )  # the broker has it: whatever follows is pursued
    turn.book = put(turn.book, None, order)
    commit(turn, order, take_report(order, report, turn.at))
    foreign = turn.drift.foreign
    if order.client_order_id in foreign.orders:
        orders = foreign.orders.delete(order.client_order_id)
        turn.drift = turn.drift._replace(foreign=foreign._replace(orders=orders))


def note_foreign(turn: Turn, look: Look) -> None:
    """The open orders by the broker's whole list that the book does not have open: they count in exposure.

    What the stream said of one since the list was asked is younger than the list, and stays.
    """
    now, then = turn.drift.foreign.orders, look.strays
    moved = {name: report for name, report in now.items() if then.get(name) != report}
    orders: Map[str, OrderReport] = Map(moved)
    for row in flat(look.rows):
        name = row.client_order_id or row.broker_order_id
        is_known = name in now or name not in then  # else it has ended meanwhile
        if (
            name not in moved
            and is_known
            and len(orders) < STRAYS_MAX
            and _is_stray(turn, row, look.asked_at)
        ):
            orders = orders.set(name, row)
    turn.drift = turn.drift._replace(foreign=turn.drift.foreign._replace(orders=orders))


def _is_stray(turn: Turn, row: OrderReport, asked_at: Instant) -> bool:
    """Open at the broker and not in the book; or ended there so long ago that the list should know."""
    if row.status in OVER:
        return False  # a nested list shows an ended parent for its open legs
    order = find(turn.book, row.client_order_id, row.broker_order_id)
    if order is None:
        return True
    return order.status in ENDED and order.times.ended + turn.config.drift.grace <= asked_at


def cancel_foreign(turn: Turn, subject: str) -> None:
    """Asks the broker to cancel an order that is not in the book; only by policy."""
    report = turn.drift.foreign.orders.get(subject)
    if report is not None:
        command = CancelOrder(0, report.client_order_id, report.broker_order_id)
        turn.calls, _ = enqueue(turn.calls, Priority.CANCEL, command, Instant(0))
