"""Orders, reports and executions for the tests of the orders room."""

from kernel.commands import OrderTicket
from kernel.orders.chart import OrderInput
from kernel.orders.lifecycle import enter, take_report
from kernel.orders.record import NEVER, Order, new_order
from kernel.reports import BrokerStatus, ExecutionKind, ExecutionReport, OrderReport
from kernel.sides import OrderClass, OrderType, Purpose, Side, TimeInForce
from kernel.units import SCALE, SECOND, Instant, Price, Quantity

__all__ = ["T0", "at", "execution", "queued", "report", "sent", "shares", "working"]

T0 = Instant(1_700_000_000 * SECOND)
"""When every order of these tests was made."""


def at(seconds: int) -> Instant:
    """So many seconds after T0."""
    return Instant(T0 + seconds * SECOND)


def shares(count: int) -> Quantity:
    """Whole shares."""
    return Quantity(count * SCALE)


def queued(
    name: str = "mqd-1-a-000000001",
    *,
    side: Side = Side.BUY,
    purpose: Purpose = Purpose.ENTRY,
    quantity: int = 100,
    symbol: str = "SPY",
) -> Order:
    """An approved order: a limit at 10."""
    price = Price(10 * SCALE)
    ticket = OrderTicket(
        name,
        symbol,
        side,
        OrderType.LIMIT,
        TimeInForce.DAY,
        shares(quantity),
        price,
        None,
        False,
        purpose,
    )
    return new_order(ticket, "a", f"a/{symbol}/1/{name}", T0, NEVER, price)


def sent(name: str = "mqd-1-a-000000001", **terms: Side | Purpose | int | str) -> Order:
    """An order on its way."""
    order, anomaly = enter(queued(name, **terms), OrderInput.PERMITTED, T0)  # type: ignore[arg-type]
    assert anomaly is None
    return order


def working(name: str = "mqd-1-a-000000001", **terms: Side | Purpose | int | str) -> Order:
    """An order that the broker acknowledged as B1."""
    order = sent(name, **terms)
    return take_report(order, report(BrokerStatus.NEW, name=name, quantity=None), at(1)).order


def report(
    status: BrokerStatus,
    filled: int = 0,
    *,
    name: str = "mqd-1-a-000000001",
    leg: str = "B1",
    average: int | None = 10,
    quantity: int | None = 100,
    seconds: int = 1,
    replaces: str | None = None,
    replaced_by: str | None = None,
) -> OrderReport:
    """An order object of the broker."""
    return OrderReport(
        broker_order_id=leg,
        client_order_id=name,
        symbol="SPY",
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        order_class=OrderClass.SIMPLE,
        status=status,
        status_text=status.value,
        quantity=None if quantity is None else shares(quantity),
        notional=None,
        filled_quantity=shares(filled),
        filled_average=Price(average * SCALE) if filled and average is not None else None,
        limit_price=Price(10 * SCALE),
        stop_price=None,
        extended_hours=False,
        created_at=T0,
        updated_at=at(seconds),
        replaces=replaces,
        replaced_by=replaced_by,
    )


def execution(
    name: str,
    quantity: int,
    price: int = 10,
    *,
    kind: ExecutionKind = ExecutionKind.TRADE,
    previous: str | None = None,
    seconds: int = 1,
) -> ExecutionReport:
    """One execution, whole shares at a whole price."""
    return ExecutionReport(name, kind, Price(price * SCALE), shares(quantity), at(seconds), previous)
