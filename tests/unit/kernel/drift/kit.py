"""A scripted day with a broker that keeps FILL activities, pages its lists, and has other clients.

Everything else is `Desktop`. What a test changes behind the desk's back, it changes here: a fill that the
stream did not say, a bust that nobody told, an order of somebody else.
"""

from collections import deque

from kernel.commands import Command, FetchActivities, FetchAsset, FetchOrders, OrdersScope, SubmitOrder
from kernel.drift.cases import Case
from kernel.drift.look import RETRY
from kernel.events import ActivityRows, AssetBody, OrderRows, TradeUpdated
from kernel.reports import (
    ActivityRow,
    BrokerEvent,
    BrokerStatus,
    ExecutionKind,
    ExecutionReport,
    OrderReport,
)
from kernel.sides import OrderClass, OrderType, Side, TimeInForce
from kernel.symbols.rules import AssetClass
from kernel.units import SCALE, Instant, Price, Quantity
from tests.unit.kernel.scripts import ALIVE, SYMBOL, Desktop, rules_of

__all__ = ["FOREIGN", "Account", "order_report"]

FOREIGN = "somebody-else"
PRICE = Price(100 * SCALE)


def order_report(
    name: str,
    *,
    side: Side = Side.BUY,
    quantity: int = 10,
    filled: int = 0,
    status: BrokerStatus = BrokerStatus.NEW,
    symbol: str = SYMBOL,
    at: int = 1,
    limit: int | None = 95,
    legs: tuple[OrderReport, ...] = (),
    type: OrderType = OrderType.LIMIT,
) -> OrderReport:
    """An order object; quantities in shares, the limit in dollars."""
    return OrderReport(
        broker_order_id="B-" + name,
        client_order_id=name,
        symbol=symbol,
        side=side,
        type=type,
        time_in_force=TimeInForce.DAY,
        order_class=OrderClass.SIMPLE,
        status=status,
        status_text=status.value,
        quantity=Quantity(quantity * SCALE),
        notional=None,
        filled_quantity=Quantity(filled * SCALE),
        filled_average=PRICE if filled else None,
        limit_price=None if limit is None else Price(limit * SCALE),
        stop_price=None,
        extended_hours=False,
        created_at=Instant(at),
        updated_at=Instant(at),
        legs=legs,
    )


class Account(Desktop):
    """A desktop whose broker keeps activities and may page."""

    page_rows = 0
    """Rows of a page of orders or activities; zero for all."""
    speaks = True
    """Whether the stream tells of fills."""
    books_activities = True
    asks_activities = 0

    def submit(self, command: SubmitOrder) -> None:
        super().submit(command)
        if not self.speaks:
            self.inbox = deque(event for event in self.inbox if not isinstance(event, TradeUpdated))

    def fill(self, name: str, quantity: Quantity, price: Price) -> None:
        super().fill(name, quantity, price)
        if not self.speaks:
            self.inbox.pop()
        if self.books_activities:
            self.note_fill(self.orders[name], quantity, price)

    def note_fill(self, report: OrderReport, quantity: Quantity, price: Price) -> None:
        """The FILL activity of an execution."""
        assert report.side is not None
        name = f"A{len(self.activities) + 1}"
        self.activities.append(
            ActivityRow(
                name,
                report.broker_order_id,
                report.symbol,
                report.side,
                price,
                quantity,
                report.filled_quantity,
                self.at,
            )
        )

    def other_fill(self, name: str, shares: int, price: int = 100, *, streamed: bool = False) -> None:
        """Another client's order fills."""
        old = self.others[name]
        assert old.quantity is not None
        quantity = Quantity(shares * SCALE)
        filled = Quantity(old.filled_quantity + quantity)
        status = BrokerStatus.FILLED if filled >= old.quantity else BrokerStatus.PARTIALLY_FILLED
        report = old._replace(status=status, status_text=status.value, filled_quantity=filled)
        self.others[name] = report
        sign = 1 if old.side is Side.BUY else -1
        self.positions[old.symbol] = self.positions.get(old.symbol, 0) + sign * quantity
        self.cash -= sign * quantity * price * SCALE
        if self.books_activities:
            self.note_fill(report, quantity, Price(price * SCALE))
        if streamed:
            self.count += 1
            execution = ExecutionReport(
                f"X{self.count}", ExecutionKind.TRADE, Price(price * SCALE), quantity, self.at
            )
            word = BrokerEvent.FILL if status is BrokerStatus.FILLED else BrokerEvent.PARTIAL_FILL
            self.give(TradeUpdated(self.at, word, word.value, report, execution, ""))

    def bust_quietly(self, name: str) -> None:
        """All executions of an order of ours are void at the broker, and no word of it is said."""
        report = self.orders[name]
        gone = [row for row in self.activities if row.broker_order_id == report.broker_order_id]
        for row in gone:
            self.activities.remove(row)
            sign = 1 if row.side is Side.BUY else -1
            self.positions[row.symbol] -= sign * row.quantity
            self.cash += sign * row.quantity * row.price

    def answer(self, command: Command) -> None:
        if type(command) in self.deaf_to:
            super().answer(command)
        elif isinstance(command, FetchActivities):
            self.asks_activities += 1
            rows = [row for row in self.activities if command.after is None or row.at >= command.after]
            start = int(command.page_token or 0)
            end = start + (self.page_rows or len(rows) or 1)
            self.reply(
                command.call, ActivityRows(tuple(rows[start:end]), str(end) if end < len(rows) else None)
            )
        elif isinstance(command, FetchAsset) and "/" in command.symbol:
            rules = rules_of(command.symbol, self.at)._replace(asset_class=AssetClass.CRYPTO)
            self.reply(command.call, AssetBody(rules))
        elif isinstance(command, FetchOrders) and self.page_rows:
            self.page_of_orders(command)
        else:
            super().answer(command)

    def page_of_orders(self, command: FetchOrders) -> None:
        """The youngest first, as Alpaca lists them."""
        known = [*self.orders.values(), *self.others.values()]
        if command.scope is OrdersScope.OPEN:
            known = [report for report in known if report.status in ALIVE]
        rows = sorted(
            (
                report
                for report in known
                if report.client_order_id not in self.unlisted
                and (command.until is None or report.created_at < command.until)
                and (command.after is None or report.created_at > command.after)
            ),
            key=lambda report: (report.created_at, report.client_order_id),
            reverse=True,
        )
        page = tuple(rows[: self.page_rows])
        self.reply(command.call, OrderRows(page, len(rows) <= self.page_rows))

    # ------------------------------------------------------------ looking

    def look(self, times: int = 1) -> None:
        """Time passes until the next look (or so many), whatever began it, is over."""
        for _ in range(times):
            before = len(self.sent(FetchOrders))
            for _ in range(1_000):
                if len(self.sent(FetchOrders)) > before:
                    break
                assert self.wake_at is not None, "no look is planned"
                self.run_until(self.wake_at)
            for _ in range(40):
                if self.desk.drift.look is None:
                    break
                self.run_until(Instant(self.at + RETRY))
            assert self.desk.drift.look is None, "the look never ends"

    def open_keys(self) -> list[str]:
        """Keys of the open cases."""
        return sorted(self.desk.drift.cases.open)

    def ended(self) -> list[str]:
        """`key: state`, in the order of the ends."""
        return [f"{case.key}: {case.state.value}" for case in self.desk.drift.cases.ended]

    def last_case(self) -> Case:
        """The case that ended last."""
        return self.desk.drift.cases.ended[-1]
