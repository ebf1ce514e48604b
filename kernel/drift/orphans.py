"""Orders that the broker has and the book has not: ours are adopted, others' are observed.

Ownership is by the client order id alone, never by time or symbol. An order with our prefix came from a
submit that this journal does not know (a lost journal, a lost response): it is taken into the book with
what the broker says of it, and its fills become ours. A leg of an order of ours is ours too: Alpaca
names it, so it is known by its parent. Others' open orders count in exposure and are never touched, unless
the policy is to cancel them.
"""

from typing import Final

from immutables import Map

from kernel.commands import AlertLevel, CancelOrder, OrderTicket
from kernel.desk import Turn
from kernel.drift.cases import settled
from kernel.drift.chart import CaseInput
from kernel.drift.diff import OVER, Drift, Finding, flat
from kernel.events import TradeUpdated
from kernel.ids import is_ours, parse_client_order_id
from kernel.orders.book import find, put
from kernel.orders.lifecycle import take_report
from kernel.orders.record import NEVER, Order, new_order
from kernel.orders.room import commit, on_report, on_update
from kernel.outbox import enqueue
from kernel.portfolio.holdings import net_position
from kernel.reasons import Anomaly
from kernel.reports import OrderReport
from kernel.session.modes import reduce_only
from kernel.sides import OrderClass, OrderType, Purpose, Side
from kernel.throttle.throttle import Priority
from kernel.units import Instant, Price

__all__ = ["adopt", "adopt_legs", "cancel_foreign", "note_foreign", "take_strays"]

STRAYS_MAX: Final = 1_000
"""Open orders of others that are remembered; beyond it they are said and not counted in exposure."""
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
            turn.wake(turn.at, "foreign")  # what it did to the account is counted from the activities
        _observe(turn, event)


def _observe(turn: Turn, event: TradeUpdated) -> None:
    """What the stream says of another's order, so that exposure does not wait for the next look."""
    report = event.report
    name = report.client_order_id or report.broker_order_id
    foreign = turn.drift.foreign
    orders = foreign.orders
    if report.status in OVER:
        orders = orders.delete(name) if name in orders else orders
    elif name in orders or len(orders) < STRAYS_MAX:
        if name not in orders:
            turn.note(Anomaly.FOREIGN_ORDER, _text(report), AlertLevel.INFO)
            if turn.config.drift.orphan_foreign == "observe":
                close_orphan(turn, Drift.ORPHAN_FOREIGN, report, CaseInput.DISMISSED_BY_POLICY, OBSERVED)
        orders = orders.set(name, report)
    turn.drift = turn.drift._replace(foreign=foreign._replace(orders=orders))


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
        return True
    key = parse_client_order_id(turn.config.prefix, report.client_order_id)
    if key is None:
        return False
    position = net_position(turn.holdings, report.symbol)
    reduces = position > 0 if report.side is Side.SELL else position < 0
    order = _made(turn, report, key.strategy, Purpose.EXIT if reduces else Purpose.ENTRY)
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
    turn.book = put(turn.book, None, order)
    commit(turn, order, take_report(order, report, turn.at))
    foreign = turn.drift.foreign
    if order.client_order_id in foreign.orders:
        orders = foreign.orders.delete(order.client_order_id)
        turn.drift = turn.drift._replace(foreign=foreign._replace(orders=orders))


def note_foreign(turn: Turn, rows: list[OrderReport]) -> None:
    """The open orders of others by the broker's whole list: they count in exposure."""
    orders: Map[str, OrderReport] = Map()
    for row in flat(rows):
        is_known = find(turn.book, row.client_order_id, row.broker_order_id) is not None
        if not is_known and row.status not in OVER and len(orders) < STRAYS_MAX:
            orders = orders.set(row.client_order_id or row.broker_order_id, row)
    turn.drift = turn.drift._replace(foreign=turn.drift.foreign._replace(orders=orders))


def cancel_foreign(turn: Turn, subject: str) -> None:
    """Asks the broker to cancel an order that is not in the book; only by policy."""
    report = turn.drift.foreign.orders.get(subject)
    if report is not None:
        command = CancelOrder(0, report.client_order_id, report.broker_order_id)
        turn.calls, _ = enqueue(turn.calls, Priority.CANCEL, command, Instant(0))
