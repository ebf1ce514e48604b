"""Runs order scenarios (a JSON file in the schema of the shared `scenarios/orders.json`) against the kernel.

Each scenario is an order, inputs in the order in which they arrive (one second apart), and what must hold
after the last. The inputs go through the same lifecycle functions that the orders room uses; the wire's
classification of refusals is the codec's.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from kernel.commands import OrderTicket
from kernel.config import OrderConfig
from kernel.events import Done, DoubtCause, Doubtful, NotFound, OrderBody
from kernel.orders.chart import CancelState, OrderInput, OrderStatus, ReplaceState
from kernel.orders.ledger import average_of, fills_missing
from kernel.orders.lifecycle import (
    Change,
    answer_cancel,
    answer_query,
    answer_replace,
    answer_submit,
    ask_cancel,
    ask_replace,
    enter,
    lose_track,
    take_report,
    take_update,
)
from kernel.orders.record import (
    Order,
    Replacement,
    broker_order_id,
    is_in_doubt,
    is_open,
    leaves,
    new_order,
    overfill,
)
from kernel.reports import BrokerEvent, BrokerStatus, ExecutionKind, ExecutionReport, OrderReport
from kernel.sides import OrderClass, OrderType, Purpose, Side, TimeInForce
from kernel.units import SECOND, Instant, Price, Quantity
from shell.codec import classify_error
from shell.numbers import parse_scaled, scaled_text

__all__ = ["Outcome", "run_file", "run_scenario"]

START: Final = Instant(1_700_000_000_000_000_000)
SETTINGS: Final = OrderConfig()
NAME: Final = "mqd-1-scenario-000000001"


class Outcome(NamedTuple):
    """How one scenario ended."""

    name: str
    failures: tuple[str, ...]


def scaled(text: str | None) -> int:
    """A decimal string as a scaled integer, exact."""
    if text is None:
        return 0
    found = parse_scaled(text)
    if found is None or not found.exact:
        raise ValueError(f"not an exact decimal: {text!r}")
    return found.amount


class Play:
    """One scenario under way: the order, and the broker's side of it as the script tells it."""

    def __init__(self, terms: dict[str, Any]) -> None:
        self.now = START
        self.anomalies: list[str] = []
        self.quantity = Quantity(scaled(terms["qty"]))
        limit = Price(scaled(terms["limit"])) if terms.get("limit") is not None else None
        stop = Price(scaled(terms["stop"])) if terms.get("stop") is not None else None
        ticket = OrderTicket(
            NAME,
            str(terms.get("symbol", "SPY")),
            Side(terms["side"]),
            OrderType(terms["type"]),
            TimeInForce(terms.get("tif", "day")),
            self.quantity,
            limit,
            stop,
            bool(terms.get("extended_hours", False)),
            Purpose.ENTRY,
        )
        self.order: Order = new_order(ticket, "scenario", "intent", self.now, Instant(0), limit or Price(0))
        self.leg = ""
        self.filled: dict[str, dict[str, int]] = {}
        """The broker's executions by leg: what its cumulative figures are made of."""

    # ------------------------------------------------------------ helpers

    def take(self, change: Change) -> None:
        """A change of the order."""
        self.order = change.order
        self.anomalies.extend(anomaly.value for anomaly in change.anomalies)

    def report(self, status: BrokerStatus, leg: str | None = None, **more: Any) -> OrderReport:
        """An order object of a leg, with the cumulative quantity that the script has shown so far."""
        leg = leg if leg is not None else (broker_order_id(self.order) or self.leg or "B1")
        fills = self.filled.get(leg, {})
        base = OrderReport(
            broker_order_id=leg,
            client_order_id=NAME,
            symbol=self.order.ticket.symbol,
            side=self.order.ticket.side,
            type=self.order.ticket.type,
            time_in_force=self.order.ticket.time_in_force,
            order_class=OrderClass.SIMPLE,
            status=status,
            status_text=status.value,
            quantity=self.order.quantity,
            notional=None,
            filled_quantity=Quantity(sum(fills.values())),
            filled_average=None,
            limit_price=self.order.limit_price,
            stop_price=self.order.stop_price,
            extended_hours=False,
            created_at=START,
            updated_at=self.now,
        )
        return base._replace(**more)

    def update(
        self, word: BrokerEvent, report: OrderReport, execution: ExecutionReport | None = None
    ) -> None:
        """A message of the order stream."""
        self.take(take_update(self.order, word, report, execution, self.now))

    def ended(self, word: BrokerEvent, status: BrokerStatus, leg: str | None) -> None:
        """An end, with whatever was filled."""
        self.update(word, self.report(status, leg))

    # ------------------------------------------------------------ inputs

    def submitted(self) -> None:
        self.order, _ = enter(self.order, OrderInput.PERMITTED, self.now)

    def accepted(self, leg: str) -> None:
        self.leg = leg
        self.update(BrokerEvent.NEW, self.report(BrokerStatus.NEW, leg))

    def fill(self, quantity: str, price: str, execution_id: str, leg: str | None = None) -> None:
        leg = leg if leg is not None else (broker_order_id(self.order) or self.leg or "B1")
        amount = Quantity(scaled(quantity))
        self.filled.setdefault(leg, {}).setdefault(execution_id, amount)
        total = sum(sum(fills.values()) for fills in self.filled.values())
        is_done = total >= self.order.quantity
        execution = ExecutionReport(execution_id, ExecutionKind.TRADE, Price(scaled(price)), amount, self.now)
        word = BrokerEvent.FILL if is_done else BrokerEvent.PARTIAL_FILL
        status = BrokerStatus.FILLED if is_done else BrokerStatus.PARTIALLY_FILLED
        self.update(word, self.report(status, leg), execution)

    def cancel_requested(self) -> None:
        if is_open(self.order):
            self.order = ask_cancel(self.order, self.now)

    def cancel_answered(self, http_status: str) -> None:
        status = int(http_status)
        if 200 <= status < 300:
            self.take(answer_cancel(self.order, Done(), self.now))
        else:
            body = json.dumps({"code": 42210000, "message": "order is not cancelable"})
            self.take(answer_cancel(self.order, classify_error(status, body), self.now))

    def cancel_rejected(self) -> None:
        self.update(BrokerEvent.ORDER_CANCEL_REJECTED, self.report(self.alive()))

    def canceled(self, leg: str | None = None) -> None:
        self.ended(BrokerEvent.CANCELED, BrokerStatus.CANCELED, leg)

    def expired(self, leg: str | None = None) -> None:
        self.ended(BrokerEvent.EXPIRED, BrokerStatus.EXPIRED, leg)

    def rejected(self, leg: str | None = None) -> None:
        self.ended(BrokerEvent.REJECTED, BrokerStatus.REJECTED, leg)

    def alive(self) -> BrokerStatus:
        """The surviving status after a refused request."""
        return BrokerStatus.PARTIALLY_FILLED if any(self.filled.values()) else BrokerStatus.NEW

    def replace_requested(self, quantity: str, price: str | None = None) -> None:
        limit = Price(scaled(price)) if price is not None else self.order.limit_price
        terms = Replacement(NAME + "r", Quantity(scaled(quantity)), limit, self.order.stop_price)
        self.order = ask_replace(self.order, terms, self.now)

    def replaced(self, quantity: str, price: str | None, leg: str) -> None:
        old = broker_order_id(self.order) or "B1"
        limit = Price(scaled(price)) if price is not None else None
        self.leg = leg
        body = self.report(
            BrokerStatus.NEW,
            leg,
            client_order_id=NAME + "r",
            quantity=Quantity(scaled(quantity)),
            limit_price=limit,
            replaces=old,
        )
        self.take(answer_replace(self.order, OrderBody(body), self.now))
        self.update(BrokerEvent.REPLACED, self.report(BrokerStatus.REPLACED, old, replaced_by=leg))

    def replace_rejected(self) -> None:
        self.update(BrokerEvent.ORDER_REPLACE_REJECTED, self.report(self.alive()))

    def submit_timeout(self) -> None:
        self.order, _ = enter(self.order, OrderInput.PERMITTED, self.now)
        self.order, _ = lose_track(self.order, self.now, self.now)

    def submit_refused(self, http_status: str, code: str | None, message: str | None) -> None:
        body = json.dumps({k: v for k, v in (("code", code and int(code)), ("message", message)) if v})
        result = classify_error(int(http_status), body, is_submit=True)
        self.take(answer_submit(self.order, result, self.now, self.now))

    def not_found(self) -> None:
        self.query(NotFound("order not found"))

    def query_failed(self) -> None:
        self.query(Doubtful(DoubtCause.TIMEOUT, "no answer"))

    def query(self, result: Any) -> None:
        self.take(
            answer_query(
                self.order, result, self.now, self.now, SETTINGS.absent_after, SETTINGS.absent_misses
            )
        )

    def report_(self, word: str, cumulative: str | None, average: str | None) -> None:
        try:
            status = BrokerStatus(word)
        except ValueError:
            status = BrokerStatus.UNRECOGNIZED
        report = self.report(
            status,
            None,
            status_text=word,
            filled_quantity=Quantity(scaled(cumulative)),
            filled_average=Price(scaled(average)) if average is not None else None,
        )
        body = OrderBody(report)
        if is_in_doubt(self.order):
            self.query(body)
        else:
            self.take(take_report(self.order, report, self.now))

    def bust(self, execution_id: str) -> None:
        leg, amount = self.forget(execution_id)
        execution = ExecutionReport(
            "bust-" + execution_id,
            ExecutionKind.BUST,
            Price(0),
            Quantity(amount),
            self.now,
            previous_execution_id=execution_id,
        )
        self.update(BrokerEvent.TRADE_BUST, self.report(self.alive(), leg), execution)

    def correct(self, execution_id: str, new_id: str, quantity: str, price: str) -> None:
        leg, _ = self.forget(execution_id)
        amount = Quantity(scaled(quantity))
        self.filled.setdefault(leg, {})[new_id] = amount
        execution = ExecutionReport(
            new_id,
            ExecutionKind.CORRECT,
            Price(scaled(price)),
            amount,
            self.now,
            previous_execution_id=execution_id,
        )
        self.update(BrokerEvent.TRADE_CORRECT, self.report(self.alive(), leg), execution)

    def forget(self, execution_id: str) -> tuple[str, int]:
        """Takes an execution out of the broker's figures: (its leg, its quantity)."""
        for leg, fills in self.filled.items():
            if execution_id in fills:
                return leg, fills.pop(execution_id)
        return broker_order_id(self.order) or "B1", 0

    def answer(self, given: list[Any]) -> None:
        """One input of the script."""
        word, *arguments = given
        name = "report_" if word == "report" else word
        verb: Callable[..., None] | None = getattr(self, name, None) if word in WORDS else None
        if verb is None:
            raise ValueError(f"unknown input {word!r}")
        verb(*arguments)
        self.now = Instant(self.now + SECOND)

    # ------------------------------------------------------------ what holds

    def figure(self, key: str) -> object:
        """What the kernel says of an expectation's key."""
        order = self.order
        average = average_of(order.ledger)
        figures: dict[str, Callable[[], object]] = {
            "open": lambda: is_open(order),
            "status": lambda: order.status.value,
            "filled": lambda: scaled_text(order.ledger.quantity),
            "leaves": lambda: scaled_text(leaves(order)),
            "average": lambda: None if average is None else scaled_text(average),
            "overfill": lambda: scaled_text(overfill(order)),
            "cancel_pending": lambda: order.cancel is CancelState.ASKED,
            "replace_pending": lambda: order.replace is ReplaceState.ASKED,
            "in_doubt": lambda: is_in_doubt(order),
            "lost": lambda: order.status is OrderStatus.ABSENT,
            "fills_missing": lambda: fills_missing(order.ledger),
            "broker_id": lambda: broker_order_id(order),
            "anomaly": lambda: bool(self.anomalies) or order.anomalies > 0,
        }
        if key not in figures:
            raise ValueError(f"unknown expectation {key!r}")
        return figures[key]()


WORDS: Final = frozenset(
    {
        "submitted",
        "accepted",
        "fill",
        "cancel_requested",
        "cancel_answered",
        "cancel_rejected",
        "canceled",
        "replace_requested",
        "replaced",
        "replace_rejected",
        "expired",
        "rejected",
        "submit_timeout",
        "submit_refused",
        "not_found",
        "query_failed",
        "report",
        "bust",
        "correct",
    }
)

DECIMALS: Final = frozenset({"filled", "leaves", "average", "overfill"})


def run_scenario(scenario: dict[str, Any]) -> Outcome:
    """Plays one scenario and compares; a scenario that can't be played is a failure that says why."""
    failures: list[str] = []
    try:
        play = Play(scenario["order"])
        for given in scenario["inputs"]:
            play.answer(given)
        for key, wanted in scenario["expect"].items():
            found = play.figure(key)
            same = found in wanted if isinstance(wanted, list) else found == wanted
            if key in DECIMALS and wanted is not None and found is not None:
                same = scaled(str(found)) == scaled(str(wanted))
            if not same:
                failures.append(f"{key} is {found!r}, expected {wanted!r} (status {play.order.status.value})")
    except (KeyError, TypeError, ValueError) as problem:
        failures.append(f"can't be played: {problem!r}")
    return Outcome(str(scenario.get("id", "?")), tuple(failures))


def run_file(path: Path) -> list[Outcome]:
    """Every scenario of a file."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return [run_scenario(scenario) for scenario in document["scenarios"]]
