"""Desks for benchmarks: armed, live, with any number of live orders, and the events that move one of them."""

from typing import Final

from kernel import Desk
from kernel.commands import OrderTicket
from kernel.config import DeskConfig, StrategyConfig
from kernel.events import OrderBody, TradeUpdated
from kernel.orders.book import find, put
from kernel.orders.chart import OrderInput
from kernel.orders.facts import enter
from kernel.orders.lifecycle import answer_submit
from kernel.orders.record import NEVER, new_order
from kernel.reports import BrokerEvent, BrokerStatus, ExecutionKind, ExecutionReport, OrderReport
from kernel.sides import OrderClass, OrderType, Purpose, Side, TimeInForce
from kernel.units import SCALE, Instant, Price, Quantity
from tests.unit.kernel.scripts import CASH, Desktop

__all__ = ["SHARES", "SYMBOLS", "ack_of", "desk_with_orders", "fill_of", "name_of", "report_of"]

SYMBOLS: Final = tuple(f"S{number:03d}" for number in range(50))
"""Orders are spread over so many symbols."""

SHARES: Final = 1_000


def name_of(number: int) -> str:
    """The client order id of the order `number`."""
    return f"mqd-1-vwap-{number + 1:09d}"


def report_of(number: int, at: Instant, filled: int, status: BrokerStatus) -> OrderReport:
    """The broker's word about the order `number`, with so many shares filled."""
    return OrderReport(
        broker_order_id=f"904837e3-3b76-47ec-b432-{number:012d}",
        client_order_id=name_of(number),
        symbol=SYMBOLS[number % len(SYMBOLS)],
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        order_class=OrderClass.SIMPLE,
        status=status,
        status_text=status.value,
        quantity=Quantity(SHARES * SCALE),
        notional=None,
        filled_quantity=Quantity(filled * SCALE),
        filled_average=Price(10 * SCALE) if filled else None,
        limit_price=Price(10 * SCALE),
        stop_price=None,
        extended_hours=False,
        created_at=at,
        updated_at=at,
    )


def desk_with_orders(count: int, *, silent: int = 0) -> Desk:
    """A desk, armed and live, with `count` orders that were sent; the first `silent` are not acknowledged."""
    seats = (StrategyConfig("vwap", "vwap_mean_reversion", SYMBOLS, ()),)
    settings = DeskConfig(account="bench", prefix="mqd", strategies=seats, arm_at_start=True)
    desktop = Desktop(settings)
    desktop.boot()
    desk = desktop.desk
    assert desk.drift.looked_at > 0
    assert CASH > 0
    book, at = desk.book, desk.at
    for number in range(count):
        ticket = OrderTicket(
            name_of(number),
            SYMBOLS[number % len(SYMBOLS)],
            Side.BUY,
            OrderType.LIMIT,
            TimeInForce.DAY,
            Quantity(SHARES * SCALE),
            Price(10 * SCALE),
            None,
            False,
            Purpose.ENTRY,
        )
        intent = f"vwap/{ticket.symbol}/1381239000000000000/{number}"
        order = new_order(ticket, "vwap", intent, at, NEVER, Price(10 * SCALE))
        order, _ = enter(order, OrderInput.PERMITTED, at)
        if number >= silent:
            body = OrderBody(report_of(number, at, 0, BrokerStatus.NEW))
            order = answer_submit(order, body, at, at).order
        book = put(book, None, order)
    desk = desk._replace(book=book)
    assert find(book, name_of(count - 1), "") is not None
    return desk


def ack_of(desk: Desk, number: int) -> TradeUpdated:
    """The broker's `new` for an order."""
    at = Instant(desk.at + 1_000_000)
    return TradeUpdated(at, BrokerEvent.NEW, "new", report_of(number, at, 0, BrokerStatus.NEW), None, "")


def fill_of(
    desk: Desk, number: int, execution: str = "X1", filled: int = 100, quantity: int = 100
) -> TradeUpdated:
    """A fill of `quantity` shares, the last of `filled`."""
    at = Instant(desk.at + 1_000_000)
    is_done = filled == SHARES
    status = BrokerStatus.FILLED if is_done else BrokerStatus.PARTIALLY_FILLED
    word = BrokerEvent.FILL if is_done else BrokerEvent.PARTIAL_FILL
    piece = ExecutionReport(execution, ExecutionKind.TRADE, Price(10 * SCALE), Quantity(quantity * SCALE), at)
    return TradeUpdated(at, word, word.value, report_of(number, at, filled, status), piece, "")
