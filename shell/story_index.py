"""By which names an order can be asked for, and what is near to a name that nothing has.

    our client order id          the name in the desk
    a later leg's client id      from replace calls and from the broker's reports
    the broker's order id        of every leg, from the broker's reports
    an intent's key              of the order that it became, or of an intent that the gate refused

The Index watches a replay once; the story of one order is told in a second replay, for only at the end all of
its names are known. Its size grows with the orders and refused intents of the journal, not with its events.
"""

import difflib
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from kernel import Desk, Event, Step
from kernel.commands import ReplaceOrder
from kernel.events import CallAnswered, OrderBody, OrderRows, TradeUpdated
from kernel.orders.book import all_orders, find
from kernel.reports import OrderReport
from kernel.trace import Judged
from kernel.units import Instant
from shell.errors import Complaint, ExitCode
from shell.journal import Record
from shell.story_words import plain, proposal_text, refusal_text

__all__ = ["Followed", "Index", "Refused", "reports_of"]

NEAR_MAX: Final = 3
"""Near names in the line about an unknown one."""
NEAR_FROM: Final = 0.6
"""How alike a name has to be (0 to 1) to be called near; difflib's own default."""
ALIKE_MAX: Final = 5_000
"""Names that are compared letter by letter, the latest: beyond it the hint would take seconds."""
NESTED_MAX: Final = 3
"""Legs of legs of an order object: Alpaca nests once."""


class Refused(NamedTuple):
    """An intent that the gate refused."""

    event: int
    at: Instant
    intent: str
    proposal: str
    reasons: tuple[str, ...]
    """Each with its figures."""


class Followed(NamedTuple):
    """Whose story is told."""

    name: str
    """The order's name in the desk; empty for an intent that became no order."""
    intents: frozenset[str]
    """Its intent's key."""
    ids: frozenset[str]
    """Everything that it is called: client ids, broker ids, the intent."""


def reports_of(event: Event) -> Iterator[OrderReport]:
    """Every order object that an event carries, nested legs too."""
    if isinstance(event, TradeUpdated):
        yield from _with_legs(event.report, NESTED_MAX)
    elif isinstance(event, CallAnswered):
        if isinstance(event.result, OrderBody):
            yield from _with_legs(event.result.report, NESTED_MAX)
        elif isinstance(event.result, OrderRows):
            for row in event.result.rows:
                yield from _with_legs(row, NESTED_MAX)


def _with_legs(report: OrderReport, depth: int) -> Iterator[OrderReport]:
    yield report
    if depth:
        for leg in report.legs:
            yield from _with_legs(leg, depth - 1)


class Index:
    """The names of all orders of a journal."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        """Any id of an order -> its name in the desk."""
        self.intents: dict[str, str] = {}
        """Intent -> the name of the order that it became."""
        self.refused: dict[str, Refused] = {}
        """Intent -> its first refusal."""

    def observe(self, record: Record, event: Event, stepped: Step) -> None:
        """One step of the replay."""
        book = stepped.desk.book
        for item in stepped.trace:
            if isinstance(item, Judged):
                self._judged(record.seq, stepped.desk.at, item)
        for report in reports_of(event):
            order = find(book, report.client_order_id, report.broker_order_id)
            if order is not None:
                for alias in (report.client_order_id, report.broker_order_id, *order.broker_ids):
                    if alias:
                        self.names.setdefault(alias, order.client_order_id)
        for command in stepped.commands:
            if isinstance(command, ReplaceOrder):
                self.names.setdefault(command.new_client_order_id, command.client_order_id)

    def _judged(self, seq: int, at: Instant, item: Judged) -> None:
        intent = item.question.intent
        if item.refusals:
            reasons = tuple(refusal_text(refusal) for refusal in item.refusals)
            refused = Refused(seq, at, intent, proposal_text(item.proposal), reasons)
            self.refused.setdefault(intent, refused)
        else:
            name = item.question.ticket.client_order_id
            self.names[name] = name
            self.intents[intent] = name

    def close(self, desk: Desk) -> None:
        """After the last step: the orders that the desk knows, whatever made them."""
        for order in all_orders(desk.book):
            name = order.client_order_id
            self.names[name] = name
            self.intents.setdefault(order.intent, name)
            for broker_id in order.broker_ids:
                self.names.setdefault(broker_id, name)

    def resolve(self, wanted: str) -> Followed:
        """Whose story `wanted` asks for. Raises Complaint with near names."""
        name = self.names.get(wanted) or self.intents.get(wanted)
        if name is not None:
            intents = frozenset(intent for intent, order in self.intents.items() if order == name)
            ids = frozenset(alias for alias, order in self.names.items() if order == name)
            return Followed(name, intents, ids | intents)
        if wanted in self.refused:
            intents = frozenset((wanted,))
            return Followed("", intents, intents)
        raise Complaint(self._unknown(wanted), ExitCode.BAD_INPUT)

    def _unknown(self, wanted: str) -> str:
        line = f"--order {plain(wanted)!r}: no order and no intent of this journal is called so"
        near = self.near(wanted)
        hint = f"near: {', '.join(near)}" if near else "--orders lists the orders, --refused what was refused"
        return f"{line}; {hint}"

    def near(self, wanted: str) -> list[str]:
        """Names that have `wanted` in them; else those that are most alike."""
        every = [*(key for key in self.refused if key not in self.intents), *self.intents, *self.names]
        holding = list(islice((name for name in every if wanted and wanted in name), NEAR_MAX))
        return holding or difflib.get_close_matches(wanted, every[-ALIKE_MAX:], NEAR_MAX, NEAR_FROM)
