"""Scripted days for tests: a plain broker answers the kernel's commands, so every event is a possible one.

`Desktop` drives the kernel: it keeps the events it gave (so that they can be replayed) and plays a broker
that fills what is marketable. It is a convenience for tests and no model of Alpaca: that is shell.exchange.
"""

from collections import deque
from typing import TypeVar

from kernel import EMPTY_DESK, Command, Desk, Event, step
from kernel.commands import (
    Alert,
    CancelOrder,
    FetchAccount,
    FetchActivities,
    FetchAsset,
    FetchOrders,
    FetchPositions,
    OpenLink,
    OrdersScope,
    QueryOrder,
    ReplaceOrder,
    SubmitOrder,
)
from kernel.config import DeskConfig, StrategyConfig
from kernel.events import (
    AccountBody,
    ActivityRows,
    AssetBody,
    BarClosed,
    Booted,
    BrokerRefused,
    CallAnswered,
    CallResult,
    Done,
    LinkReported,
    NotFound,
    OrderBody,
    OrderRows,
    PositionRows,
    QuoteUpdated,
    Tick,
    TradeUpdated,
)
from kernel.links.chart import LinkInput
from kernel.orders.book import order_of
from kernel.orders.record import Order
from kernel.reports import (
    AccountReport,
    ActivityRow,
    Bar,
    BrokerEvent,
    BrokerStatus,
    ExecutionKind,
    ExecutionReport,
    OrderReport,
    PositionRow,
    Quote,
)
from kernel.sides import OrderClass, Side
from kernel.symbols.rules import AssetClass, SymbolRules
from kernel.units import MINUTE, SCALE, Cash, Instant, Price, Quantity

__all__ = ["CASH", "OPEN", "SYMBOL", "Desktop", "config", "make_bar", "rules_of", "trading_day"]

C = TypeVar("C")

OPEN = Instant(1_381_239_000_000_000_000)
"""2013-10-08T13:30:00Z, a regular open in New York."""

SYMBOL = "SPY"
CASH = Cash(100_000 * SCALE)
UNIT = SCALE
ALIVE = (BrokerStatus.NEW, BrokerStatus.PARTIALLY_FILLED)
EVENTS_MAX = 100_000
"""Events of one script: more are a loop."""


def config(**changes: object) -> DeskConfig:
    """A desk with one mean-reversion strategy that trades readily."""
    parameters = (("entry_threshold", 2_000_000), ("vwap_period", 5))
    seat = StrategyConfig("vwap", "vwap_mean_reversion", (SYMBOL,), parameters)
    base = DeskConfig(account="test", prefix="mqd", strategies=(seat,), arm_at_start=True)
    return base._replace(**changes)  # type: ignore[arg-type]


def rules_of(symbol: str, at: Instant) -> SymbolRules:
    """A plain equity."""
    return SymbolRules(
        symbol,
        AssetClass.US_EQUITY,
        Price(0),
        Quantity(1),
        Quantity(0),
        Cash(0),
        True,
        True,
        True,
        True,
        True,
        at,
    )


def make_bar(start: Instant, close: int, symbol: str = SYMBOL) -> Bar:
    """A bar of one price (in cents)."""
    price = Price(close * UNIT // 100)
    return Bar(symbol, start, price, price, price, price, Quantity(1_000 * UNIT))


class Desktop:
    """A kernel with a plain broker around it."""

    def __init__(
        self, settings: DeskConfig | None = None, desk: Desk = EMPTY_DESK, at: Instant = OPEN
    ) -> None:
        self.desk = desk
        self.settings = settings if settings is not None else config()
        self.at = at
        self.events: list[Event] = []
        self.commands: list[Command] = []
        self.inbox: deque[Event] = deque()
        self.orders: dict[str, OrderReport] = {}
        self.positions: dict[str, int] = {}
        self.cash = int(CASH) * SCALE
        self.prices: dict[str, int] = {}
        self.count = 0
        self.wake_at: Instant | None = None
        self.fills_at_once = True
        """Whether what is marketable is filled when it is taken."""
        self.others: dict[str, OrderReport] = {}
        """Orders that were not placed here, by client order id."""
        self.unlisted: set[str] = set()
        """Client order ids that the lists leave out."""
        self.activities: list[ActivityRow] = []
        """The account's fills, as the activities have them."""
        self.deaf_to: set[type] = set()
        """Kinds of commands that get no answer; they are kept in `unanswered`."""
        self.unanswered: list[Command] = []

    def boot(self) -> None:
        """Starts (or restarts) and runs until nothing is left to do."""
        self.give(Booted(self.at, self.desk.epoch + 1, "test", self.settings))

    def give(self, event: Event) -> None:
        """One event, and everything that the broker answers to what it caused."""
        self.inbox.append(event)
        while self.inbox:
            event = self.inbox.popleft()
            self.events.append(event)
            assert len(self.events) < EVENTS_MAX, "the script never ends"
            result = step(self.desk, event)
            self.desk = result.desk
            self.wake_at = result.wake_at
            for command in result.commands:
                self.commands.append(command)
                self.answer(command)

    def bar(self, close: int, symbol: str = SYMBOL) -> None:
        """A closed bar and the quote after it; time moves on by a minute."""
        bar = make_bar(self.at, close, symbol)
        self.at = Instant(self.at + MINUTE)
        self.prices[symbol] = close * UNIT // 100
        size = Quantity(1_000 * UNIT)
        price = Price(self.prices[symbol])
        self.give(QuoteUpdated(self.at, Quote(symbol, price, price, size, size, self.at)))
        self.give(BarClosed(self.at, bar))

    def tick(self, nanoseconds: int) -> None:
        """Time passes."""
        self.at = Instant(self.at + nanoseconds)
        self.give(Tick(self.at))

    def run_until(self, at: Instant) -> None:
        """Time passes, with a Tick whenever the kernel wants one."""
        while self.wake_at is not None and self.wake_at <= at:
            self.at = max(self.at, self.wake_at)
            self.give(Tick(self.at))
        self.at = at

    def sent(self, kind: type[C]) -> list[C]:
        """The commands of a kind so far."""
        return [command for command in self.commands if isinstance(command, kind)]

    def alerts(self) -> list[str]:
        """Codes of the alerts so far."""
        return [alert.code for alert in self.sent(Alert)]

    def order(self, number: int = -1) -> Order:
        """The order of the submit `number`, as the desk knows it now."""
        return order_of(self.desk.book, self.sent(SubmitOrder)[number].ticket.client_order_id)

    def answer(self, command: Command) -> None:
        """What the broker does with a command."""
        if type(command) in self.deaf_to:
            self.unanswered.append(command)
            return
        match command:
            case OpenLink():
                for given in (LinkInput.CONNECTED, LinkInput.AUTHENTICATED, LinkInput.LISTEN_CONFIRMED):
                    self.inbox.append(LinkReported(self.at, command.link, given, ""))
            case SubmitOrder():
                self.submit(command)
            case CancelOrder():
                leg = self.leg(command.broker_order_id)
                if leg is not None and leg.status in ALIVE:
                    self.reply(command.call, Done())
                    self.end(leg.client_order_id, BrokerEvent.CANCELED, BrokerStatus.CANCELED)
                else:
                    self.reply(command.call, BrokerRefused(422, 42210000, "order is not cancelable"))
            case ReplaceOrder():
                self.replace(command)
            case QueryOrder():
                at_broker = command.broker_order_id
                order = self.leg(at_broker) if at_broker else self.orders.get(command.client_order_id)
                self.reply(command.call, NotFound("order not found") if order is None else OrderBody(order))
            case FetchOrders():
                known = [*self.orders.values(), *self.others.values()]
                if command.scope is OrdersScope.OPEN:
                    known = [report for report in known if report.status in ALIVE]
                if command.after is not None:
                    known = [report for report in known if report.created_at >= command.after]
                listed = tuple(report for report in known if report.client_order_id not in self.unlisted)
                self.reply(command.call, OrderRows(listed, True))
            case FetchPositions():
                held = sorted((s, q) for s, q in self.positions.items() if q)
                rows = tuple(PositionRow(s, Quantity(q), Price(0), Quantity(q)) for s, q in held)
                self.reply(command.call, PositionRows(rows))
            case FetchAccount():
                cash = Cash(self.cash // SCALE)
                report = AccountReport("A1", "ACTIVE", cash, cash, Cash(2 * cash), cash, 2, True, False)
                self.reply(command.call, AccountBody(report))
            case FetchAsset():
                self.reply(command.call, AssetBody(rules_of(command.symbol, self.at)))
            case FetchActivities():
                self.reply(command.call, ActivityRows(tuple(self.activities), None))
            case _:
                pass

    def reply(self, call: int, result: CallResult) -> None:
        """An answer in the inbox."""
        self.inbox.append(CallAnswered(self.at, call, self.at, result, None))

    def report(self, command: SubmitOrder) -> OrderReport:
        """A fresh order at the broker."""
        ticket = command.ticket
        return OrderReport(
            broker_order_id="B-" + ticket.client_order_id,
            client_order_id=ticket.client_order_id,
            symbol=ticket.symbol,
            side=ticket.side,
            type=ticket.type,
            time_in_force=ticket.time_in_force,
            order_class=OrderClass.SIMPLE,
            status=BrokerStatus.NEW,
            status_text="new",
            quantity=ticket.quantity,
            notional=None,
            filled_quantity=Quantity(0),
            filled_average=None,
            limit_price=ticket.limit_price,
            stop_price=ticket.stop_price,
            extended_hours=False,
            created_at=self.at,
            updated_at=self.at,
        )

    def submit(self, command: SubmitOrder) -> None:
        """Accepts, and fills at once what is marketable."""
        ticket = command.ticket
        report = self.report(command)
        self.orders[ticket.client_order_id] = report
        self.reply(command.call, OrderBody(report))
        self.inbox.append(TradeUpdated(self.at, BrokerEvent.NEW, "new", report, None, ""))
        price = self.prices.get(ticket.symbol, 0)
        limit = ticket.limit_price
        marketable = limit is None or (limit >= price if ticket.side is Side.BUY else limit <= price)
        if self.fills_at_once and price and marketable and ticket.stop_price is None:
            self.fill(ticket.client_order_id, ticket.quantity, Price(price))

    def leg(self, broker_order_id: str) -> OrderReport | None:
        """The order object with this id of the broker."""
        return next((o for o in self.orders.values() if o.broker_order_id == broker_order_id), None)

    def taken(self, command: ReplaceOrder) -> OrderReport:
        """The new leg of a replace as the 200 shows it: taken, and nothing more."""
        old = self.leg(command.broker_order_id)
        assert old is not None
        return old._replace(
            broker_order_id="B-" + command.new_client_order_id,
            client_order_id=command.new_client_order_id,
            status=BrokerStatus.PENDING_NEW,
            quantity=command.quantity or old.quantity,
            limit_price=command.limit_price or old.limit_price,
            filled_quantity=Quantity(0),
            filled_average=None,
            replaces=old.broker_order_id,
            updated_at=self.at,
        )

    def replace(self, command: ReplaceOrder) -> None:
        """Takes a replace and grants it at once."""
        new = self.taken(command)
        self.reply(command.call, OrderBody(new))
        self.grant(command)

    def grant(self, command: ReplaceOrder) -> None:
        """The old leg is replaced, the new one works."""
        old, new = self.leg(command.broker_order_id), self.taken(command)
        assert old is not None
        done = old._replace(status=BrokerStatus.REPLACED, replaced_by=new.broker_order_id)
        self.orders[old.client_order_id] = done
        self.orders[new.client_order_id] = new._replace(status=BrokerStatus.NEW)
        self.say(BrokerEvent.REPLACED, done)
        self.say(BrokerEvent.NEW, self.orders[new.client_order_id])

    def reject(self, command: ReplaceOrder) -> None:
        """The broker thinks better of a replace that it took: the old leg lives on."""
        old, new = self.leg(command.broker_order_id), self.taken(command)
        assert old is not None
        self.orders[new.client_order_id] = new._replace(status=BrokerStatus.REJECTED)
        self.say(BrokerEvent.ORDER_REPLACE_REJECTED, old)
        self.say(BrokerEvent.REJECTED, self.orders[new.client_order_id])

    def say(self, word: BrokerEvent, report: OrderReport) -> None:
        """A message of the order stream."""
        self.inbox.append(TradeUpdated(self.at, word, word.value, report, None, ""))

    def fill(self, name: str, quantity: Quantity, price: Price) -> None:
        """An execution of an order."""
        self.count += 1
        old = self.orders[name]
        filled = Quantity(old.filled_quantity + quantity)
        assert old.quantity is not None
        done = filled >= old.quantity
        status = BrokerStatus.FILLED if done else BrokerStatus.PARTIALLY_FILLED
        report = old._replace(
            status=status,
            status_text=status.value,
            filled_quantity=filled,
            filled_average=price,
            updated_at=self.at,
        )
        self.orders[name] = report
        sign = 1 if old.side is Side.BUY else -1
        self.positions[old.symbol] = self.positions.get(old.symbol, 0) + sign * quantity
        self.cash -= sign * quantity * price
        execution = ExecutionReport(f"X{self.count}", ExecutionKind.TRADE, price, quantity, self.at)
        word = BrokerEvent.FILL if done else BrokerEvent.PARTIAL_FILL
        self.inbox.append(TradeUpdated(self.at, word, word.value, report, execution, ""))

    def end(self, name: str, word: BrokerEvent, status: BrokerStatus) -> None:
        """An order ends without a fill."""
        report = self.orders[name]._replace(status=status, status_text=status.value, updated_at=self.at)
        self.orders[name] = report
        self.inbox.append(TradeUpdated(self.at, word, word.value, report, None, ""))


def trading_day() -> list[Event]:
    """The events of a short day: start, bars with a dip that is bought and sold again, a restart, an end."""
    desktop = Desktop()
    desktop.boot()
    for close in (16_700, 16_702, 16_698, 16_701, 16_700, 16_640, 16_650, 16_720, 16_700, 16_699):
        desktop.bar(close)
    desktop.boot()
    for close in (16_700, 16_630, 16_640, 16_650, 16_710):
        desktop.bar(close)
    desktop.tick(10 * MINUTE)
    return desktop.events
