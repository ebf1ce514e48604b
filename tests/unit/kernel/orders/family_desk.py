"""A desk whose plain broker knows entries with exits: held until the entry is filled, then one for both.

`FamilyDesktop` adds to `Desktop`: legs that the POST's answer names or keeps to itself, nested looks, and the
words of the stream in whatever order a test says them. What siblings do to each other is said by the test.
"""

from kernel.commands import CancelOrder, Command, FetchOrders, OrdersScope, QueryOrder, SubmitOrder
from kernel.events import BrokerRefused, Done, NotFound, OrderBody, OrderRows, TradeUpdated
from kernel.orders.book import order_of
from kernel.orders.record import Order
from kernel.reports import ActivityRow, BrokerEvent, BrokerStatus, OrderReport
from kernel.sides import OrderClass, OrderType, Purpose, Side, opposite
from kernel.units import Price, Quantity
from tests.unit.kernel.acting import actor
from tests.unit.kernel.scripts import ALIVE, SYMBOL, UNIT, Desktop, config

__all__ = ["PROFIT", "STOP", "FamilyDesktop", "bracketed"]

PROFIT, STOP = "-tp", "-sl"
"""What a leg's client order id ends with here."""
OPEN = (*ALIVE, BrokerStatus.HELD)


class FamilyDesktop(Desktop):
    """The kernel with a plain broker that holds exits."""

    tells_legs = True
    """Whether the answer of a POST names them."""
    has_legs = True
    """Whether there are any."""
    refuses: frozenset[Purpose] = frozenset()
    """Submits that get a definite no."""

    def answer(self, command: Command) -> None:
        """As the plain broker, with families."""
        if type(command) in self.deaf_to:
            super().answer(command)
            return
        if isinstance(command, SubmitOrder) and command.ticket.purpose in self.refuses:
            self.reply(command.call, BrokerRefused(403, 40310000, "insufficient qty available for order"))
        elif isinstance(command, CancelOrder):
            leg = self.leg(command.broker_order_id)
            if leg is not None and leg.status in OPEN:
                self.reply(command.call, Done())
                self.end(leg.client_order_id, BrokerEvent.CANCELED, BrokerStatus.CANCELED)
            else:
                self.reply(command.call, BrokerRefused(422, 42210000, "order is not cancelable"))
        elif isinstance(command, QueryOrder) and command.broker_order_id:
            found = self.leg(command.broker_order_id)
            self.reply(command.call, NotFound("none") if found is None else OrderBody(self.nested(found)))
        elif isinstance(command, FetchOrders):
            rows = [
                self.nested(row)
                for row in self.orders.values()
                if not row.client_order_id.endswith((PROFIT, STOP))
            ]
            if command.scope is OrdersScope.OPEN:
                rows = [row for row in rows if any(each.status in OPEN for each in (row, *row.legs))]
            self.reply(command.call, OrderRows(tuple(rows), True))
        else:
            super().answer(command)

    def nested(self, report: OrderReport) -> OrderReport:
        """The order object with its legs."""
        names = (report.client_order_id + PROFIT, report.client_order_id + STOP)
        return report._replace(legs=tuple(self.orders[name] for name in names if name in self.orders))

    def submit(self, command: SubmitOrder) -> None:
        """An entry with exits is taken and does not fill by itself."""
        ticket = command.ticket
        if ticket.order_class is OrderClass.SIMPLE:
            super().submit(command)
            return
        report = self.report(command)._replace(order_class=ticket.order_class)
        name = ticket.client_order_id
        self.orders[name] = report
        held = report._replace(side=opposite(ticket.side), status=BrokerStatus.HELD, status_text="held")
        if ticket.take_profit is not None and self.has_legs:
            self.orders[name + PROFIT] = held._replace(
                broker_order_id=f"B-{name}{PROFIT}",
                client_order_id=name + PROFIT,
                type=OrderType.LIMIT,
                limit_price=ticket.take_profit,
            )
        if ticket.stop_loss is not None and self.has_legs:
            self.orders[name + STOP] = held._replace(
                broker_order_id=f"B-{name}{STOP}",
                client_order_id=name + STOP,
                type=OrderType.STOP,
                limit_price=None,
                stop_price=ticket.stop_loss,
            )
        self.reply(command.call, OrderBody(self.nested(report) if self.tells_legs else report))
        self.inbox.append(TradeUpdated(self.at, BrokerEvent.NEW, "new", report, None, ""))

    # ------------------------------------------------------------ words of the test

    @property
    def entry(self) -> str:
        """The first submit's name."""
        return self.sent(SubmitOrder)[0].ticket.client_order_id

    def book(self, end: str = "") -> Order:
        """The entry or one of its exits, as the desk knows it."""
        return order_of(self.desk.book, self.entry + end)

    def let(self, end: str, shares: int, price: int) -> None:
        """So many shares of the entry (no end) or of an exit fill, at a price in cents."""
        made, at = Quantity(shares * UNIT), Price(price * UNIT // 100)
        self.fill(self.entry + end, made, at)
        report = self.orders[self.entry + end]
        side = report.side or Side.BUY
        row = (
            f"A{self.count}",
            report.broker_order_id,
            SYMBOL,
            side,
            at,
            made,
            report.filled_quantity,
            self.at,
        )
        self.activities.append(ActivityRow(*row))
        self.settle()

    def activate(self) -> None:
        """The entry is filled: the exit in profit works, for both."""
        name = self.entry + PROFIT
        self.orders[name] = self.orders[name]._replace(status=BrokerStatus.NEW, status_text="new")
        self.say(BrokerEvent.NEW, self.orders[name])
        self.settle()

    def drop(self, end: str, status: BrokerStatus, *, is_said: bool = True) -> None:
        """An order ends unfilled, with or without a word of the stream."""
        name = self.entry + end
        self.orders[name] = self.orders[name]._replace(
            status=status, status_text=status.value, updated_at=self.at
        )
        if is_said:
            self.say(BrokerEvent(status.value), self.orders[name])
        self.settle()

    def settle(self) -> None:
        """Works off what was said."""
        if self.inbox:
            self.give(self.inbox.popleft())

    def net(self) -> int:
        """Shares that the desk holds."""
        return self.desk.holdings.net.get(SYMBOL, 0) // UNIT

    def repairs(self) -> list[tuple[Side, Purpose, int, Price | None]]:
        """What was sent for the first entry's family."""
        tickets = [command.ticket for command in self.sent(SubmitOrder)[1:]]
        return [(t.side, t.purpose, t.quantity // UNIT, t.stop_price) for t in tickets]


def bracketed(
    script: str = "b10@167.00+168.00-166.00", *, tells: bool = True, has: bool = True
) -> FamilyDesktop:
    """A desk with an entry at the broker, at 167.00 by default, exits at 168.00 and 166.00."""
    desktop = FamilyDesktop(config(strategies=(actor(script),)))
    desktop.tells_legs, desktop.has_legs = tells, has
    desktop.boot()
    desktop.bar(16_750)
    assert len(desktop.sent(SubmitOrder)) == 1
    return desktop
