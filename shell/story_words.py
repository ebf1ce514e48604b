"""The words of an order's story: kernel values as one line of plain text each.

1. Prices and quantities are decimal text, exact; instants are UTC with all nine digits, so that columns
   align.
2. A text that somebody else wrote (a reason, a message of the broker) is one line of printable characters,
   cut at TEXT_MAX: it can't break the table or a terminal.
3. A refusal's figures are the kernel's integers; here they get their decimal point or their seconds.
"""

import re
from enum import Enum
from typing import Final

from kernel.commands import BrokerCall, CancelOrder, OrderTicket, QueryOrder, ReplaceOrder, SubmitOrder
from kernel.events import (
    BarClosed,
    Booted,
    BrokerRefused,
    CallResult,
    ClockStepped,
    Doubtful,
    Event,
    LinkReported,
    NotFound,
    OperatorSaid,
    OrderBody,
    QuoteUpdated,
    RateLimited,
    TradeUpdated,
    Unrecognized,
)
from kernel.orders.ledger import average_of, is_exact
from kernel.orders.record import NEVER, Order
from kernel.reasons import Refusal, RefusalCode
from kernel.reports import ExecutionReport, OrderReport
from kernel.sides import OrderType
from kernel.strategies.protocol import Amendment, Proposal
from kernel.units import Instant, Price
from shell.numbers import instant_text, scaled_text

__all__ = [
    "amended_text",
    "amendment_text",
    "call_text",
    "event_text",
    "filled_text",
    "is_named",
    "lasting_text",
    "plain",
    "proposal_text",
    "reason_text",
    "refusal_text",
    "report_text",
    "result_text",
    "stamp",
    "ticket_text",
]

TEXT_MAX: Final = 1_000
"""Characters of a text that somebody else wrote; the rest is cut."""

IN_NS: Final = frozenset({RefusalCode.SYMBOL_EXPIRED, RefusalCode.PRICE_STALE})
"""Refusals whose figures are durations."""
IN_COUNTS: Final = frozenset({RefusalCode.DESK_FULL, RefusalCode.CHECK_FAILED, RefusalCode.DUPLICATE})
"""Refusals whose figures are counts or no numbers: left as they are."""
_WHOLE: Final = re.compile(r"-?[0-9]+")
_LONG: Final = re.compile(r"(?<![\w.-])-?[0-9]{7,}(?![\w.-])")
_NINTHS: Final = re.compile(r"(?<![\w.])(-?[0-9]{1,60})e-9(?!\w)")
_WORD: Final = r"[\w-]"


def plain(text: str) -> str:
    """One line of printable characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= TEXT_MAX else line[: TEXT_MAX - 4] + " ..."


def is_named(text: str, names: frozenset[str]) -> bool:
    """Whether a text names one of the ids: as a whole, not as a part of a longer one."""
    return any(
        name in text and re.search(f"(?<!{_WORD}){re.escape(name)}(?!{_WORD})", text) for name in names
    )


def stamp(instant: Instant) -> str:
    """An instant as `2013-10-08T13:31:00.123456789Z`: always 30 characters."""
    text = instant_text(instant).rstrip("Z")
    second, _, fraction = text.partition(".")
    return f"{second}.{fraction.ljust(9, '0')}Z"


def lasting_text(nanoseconds: int) -> str:
    """A duration in seconds, exact: nanoseconds are scaled like every number."""
    return f"{scaled_text(nanoseconds)} s"


# ---------------------------------------------------------------- orders


def _prices(limit: Price | None, stop: Price | None) -> str:
    parts = []
    if limit is not None:
        parts.append(f"limit {scaled_text(limit)}")
    if stop is not None:
        parts.append(f"stop {scaled_text(stop)}")
    return " ".join(parts) or "no price"


def _terms(kind: OrderType, limit: Price | None, stop: Price | None) -> str:
    """The type and its prices: `market`, `limit 36.7`, `stop_limit limit 36.7 stop 36.8`."""
    if limit is None and stop is None:
        return kind.value
    is_said = kind in (OrderType.LIMIT, OrderType.STOP) and (limit is None or stop is None)
    return _prices(limit, stop) if is_said else f"{kind.value} {_prices(limit, stop)}"


def ticket_text(ticket: OrderTicket) -> str:
    """An order's terms as it was sent."""
    return (
        f"{ticket.side.value} {scaled_text(ticket.quantity)} {ticket.symbol} "
        f"{_terms(ticket.type, ticket.limit_price, ticket.stop_price)}, {ticket.time_in_force.value}, "
        f"{ticket.purpose.value}{exits_text(ticket)}"
    )


def exits_text(asked: OrderTicket | Proposal) -> str:
    """The exits that an entry carries, each after a comma; empty for none."""
    parts = []
    if asked.take_profit is not None:
        parts.append(f"take profit {scaled_text(asked.take_profit)}")
    if asked.stop_loss is not None:
        limit = "" if asked.stop_loss_limit is None else f" limit {scaled_text(asked.stop_loss_limit)}"
        parts.append(f"stop loss {scaled_text(asked.stop_loss)}{limit}")
    return "".join(f", {part}" for part in parts)


def proposal_text(proposal: Proposal) -> str:
    """What a strategy would like, before rounding."""
    lives = proposal.time_to_live
    terms = _terms(proposal.type, proposal.limit_price, proposal.stop_price)
    return (
        f"{proposal.side.value} {scaled_text(proposal.quantity)} {proposal.symbol} "
        f"{terms}, {proposal.time_in_force.value}, "
        f"{proposal.purpose.value}, {'no time limit' if lives is None else 'for ' + lasting_text(lives)}"
        f"{exits_text(proposal)}"
    )


def amendment_text(amendment: Amendment) -> str:
    """What a strategy would like changed, before rounding."""
    wanted = {
        "quantity": amendment.quantity,
        "limit": amendment.limit_price,
        "stop": amendment.stop_price,
    }
    terms = ", ".join(f"{name} {scaled_text(value)}" for name, value in wanted.items() if value is not None)
    return f"{terms or 'nothing'}; {_NINTHS.sub(lambda found: scaled_text(int(found[1])), amendment.reason)}"


def reason_text(proposal: Proposal) -> str:
    """What a strategy gave as reason; figures written as `36700000000e-9` get their decimal point."""
    return plain(_NINTHS.sub(lambda found: scaled_text(int(found[1])), proposal.reason)) or "none given"


def amended_text(old: Order, new: Order) -> str:
    """Which terms of an order changed; empty when none did."""
    parts = []
    if new.quantity != old.quantity:
        parts.append(f"quantity {scaled_text(old.quantity)} -> {scaled_text(new.quantity)}")
    if new.limit_price != old.limit_price or new.stop_price != old.stop_price:
        before = _prices(old.limit_price, old.stop_price)
        parts.append(f"{before} -> {_prices(new.limit_price, new.stop_price)}")
    if new.expires_at != old.expires_at:
        parts.append("no time limit" if new.expires_at == NEVER else f"to end at {stamp(new.expires_at)}")
    return "; ".join(parts)


def filled_text(order: Order) -> str:
    """How much of an order is booked, at which average."""
    average = average_of(order.ledger)
    at = "" if average is None else f" at {scaled_text(average)}"
    doubt = "" if is_exact(order.ledger) else " (the broker's average, not exact)"
    return f"{scaled_text(order.ledger.quantity)} of {scaled_text(order.quantity)} filled{at}{doubt}"


# ---------------------------------------------------------------- what the broker says


def report_text(report: OrderReport) -> str:
    """An order object of the broker."""
    quantity = "by notional" if report.quantity is None else scaled_text(report.quantity)
    filled = scaled_text(report.filled_quantity)
    at = "" if report.filled_average is None else f" at {scaled_text(report.filled_average)}"
    chain = "" if report.replaces is None else f", replaces {report.replaces}"
    chain += "" if report.replaced_by is None else f", replaced by {report.replaced_by}"
    return plain(
        f"{report.status_text or report.status.value}, {filled} of {quantity} filled{at}, "
        f"as of {stamp(report.updated_at)}, broker id {report.broker_order_id}{chain}"
    )


def execution_text(execution: ExecutionReport) -> str:
    """One execution as the broker tells it."""
    changes = execution.previous_execution_id
    return (
        f"{execution.kind.value} {scaled_text(execution.quantity)} at {scaled_text(execution.price)}, "
        f"id {execution.execution_id}{'' if changes is None else ', changes ' + changes}, "
        f"made {stamp(execution.at)}"
    )


def result_text(result: CallResult) -> str:
    """What a call came to."""
    match result:
        case OrderBody():
            return report_text(result.report)
        case BrokerRefused():
            return plain(f"refused: HTTP {result.http_status}, code {result.code}: {result.message}")
        case NotFound():
            return plain(f"not found: {result.message}")
        case RateLimited():
            after = "" if result.retry_after is None else f", again after {lasting_text(result.retry_after)}"
            return f"too many requests{after}"
        case Doubtful():
            return plain(f"doubtful: {result.cause.value}: {result.detail}")
        case _:
            return word_of(result)


def word_of(value: object) -> str:
    """A value without figures of its own: an Enum member's word, or what kind it is."""
    return str(value.value) if isinstance(value, Enum) else type(value).__name__


# ---------------------------------------------------------------- what the desk asks


def call_text(command: BrokerCall) -> str:
    """A call about an order."""
    match command:
        case SubmitOrder():
            return f"submit {ticket_text(command.ticket)}"
        case CancelOrder():
            return f"cancel {command.broker_order_id}"
        case ReplaceOrder():
            quantity = "" if command.quantity is None else f"quantity {scaled_text(command.quantity)}, "
            prices = _prices(command.limit_price, command.stop_price)
            return f"replace {command.broker_order_id} by {command.new_client_order_id}: {quantity}{prices}"
        case QueryOrder():
            by = "its client id" if command.broker_order_id is None else f"id {command.broker_order_id}"
            return f"query by {by}"
        case _:
            return type(command).__name__


def refusal_text(refusal: Refusal) -> str:
    """A check's no, with its figures."""
    found, allowed = _figure(refusal.code, refusal.figure), _figure(refusal.code, refusal.limit)
    return plain(f"{refusal.code.value}: {found}; allowed: {allowed}")


def _figure(code: RefusalCode, text: str) -> str:
    if code in IN_COUNTS:
        return text
    if _WHOLE.fullmatch(text):
        return lasting_text(int(text)) if code in IN_NS else scaled_text(int(text))
    return _LONG.sub(lambda found: scaled_text(int(found[0])), text)


# ---------------------------------------------------------------- events


def event_text(event: Event) -> str:
    """What happened, in the words of its kind; answers of calls are told with their call."""
    match event:
        case TradeUpdated():
            made = "" if event.execution is None else f"; {execution_text(event.execution)}"
            number = f"; event id {event.event_id}" if event.event_id else ""
            return plain(f"{event.word_text or event.word.value}: {report_text(event.report)}{made}{number}")
        case BarClosed():
            bar = event.bar
            figures = (bar.open, bar.high, bar.low, bar.close)
            prices = " ".join(scaled_text(price) for price in figures)
            return f"{bar.symbol} from {stamp(bar.start)}: {prices}, volume {scaled_text(bar.volume)}"
        case QuoteUpdated():
            quote = event.quote
            return f"{quote.symbol} {scaled_text(quote.bid)} / {scaled_text(quote.ask)}"
        case Booted():
            return plain(f"start {event.epoch}, version {event.version}")
        case OperatorSaid():
            return plain(f"{event.word.value}: {event.reason or 'no reason given'}")
        case LinkReported():
            return plain(f"{event.link.value}: {event.input.value} {event.detail}")
        case ClockStepped():
            return f"wall time stepped by {lasting_text(event.by)}"
        case Unrecognized():
            return plain(f"{event.source}: {event.problem}: {event.text}")
        case _:
            return "time passed"
