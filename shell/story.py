"""An order's whole story, told by replaying the journal: what happened, what was decided, what left.

    Index      first replay: which names there are, and whose story is asked for (story_index.py)
    Chronicle  second replay: every step in which something about that order happened, line by line

1. Nothing is recorded for it. What changed is the difference of two records of the order (story_changes.py);
   what was decided and why is the step's trace; the gate's checks are asked again, one by one, with the
   same question; commands are those that the step sent.
2. A step is told when its event is about the order, or when something came of it for the order; the event
   stands first, so that every consequence has its cause above it.
3. Text for people that names the order (alerts, anomalies) is told with the order's id as a whole word.

Ignored: what the desk did about other orders in the same step, and stale looks that only count.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from kernel import EMPTY_DESK, Command, Desk, Event, Step
from kernel.commands import Alert, BrokerCall, CancelOrder, QueryOrder, ReplaceOrder, SubmitOrder
from kernel.events import (
    ActivityRows,
    BarClosed,
    Booted,
    CallAnswered,
    ClockStepped,
    LinkReported,
    OperatorSaid,
    OrderRows,
    QuoteUpdated,
    Tick,
    TradeUpdated,
    Unrecognized,
)
from kernel.orders.book import all_orders, family_of, order_of
from kernel.orders.record import NEVER, Order, is_leg, is_member
from kernel.reports import OrderReport
from kernel.risk.gate import checks_for, examine
from kernel.sides import Purpose
from kernel.trace import Amended, Dropped, Judged, Noted, Withdrew
from shell.journal import Record
from shell.numbers import scaled_text
from shell.story_changes import changes
from shell.story_drift import case_changes
from shell.story_index import Followed, Index, reports_of
from shell.story_line import HEADING, Said, StoryLine, Topic, line_text
from shell.story_words import (
    amendment_text,
    call_text,
    event_text,
    filled_text,
    is_named,
    plain,
    proposal_text,
    reason_text,
    refusal_text,
    report_text,
    result_text,
    stamp,
    ticket_text,
)

__all__ = ["Chronicle", "Story", "orders_text", "refused_text", "story_text"]

TOPICS: Final[dict[type, Topic]] = {
    BarClosed: Topic.BAR,
    QuoteUpdated: Topic.QUOTE,
    TradeUpdated: Topic.STREAM,
    Tick: Topic.TICK,
    OperatorSaid: Topic.OPERATOR,
    Booted: Topic.START,
    LinkReported: Topic.LINK,
    ClockStepped: Topic.CLOCK,
    Unrecognized: Topic.UNREAD,
}
"""How an event is called where something came of it; answers are told by what they answer."""


class Story(NamedTuple):
    """What there is to tell of one order, or of an intent that became none."""

    followed: Followed
    order: Order | None
    """As the desk knew it last."""
    reason: str
    """What its strategy gave as reason."""
    lines: tuple[StoryLine, ...]
    family: tuple[Order, ...] = ()
    """The entry with its exits and repairs, as the desk knew them last; empty for an order without."""


class Chronicle:
    """Watches a replay and writes down what concerns one order."""

    def __init__(self, followed: Followed) -> None:
        self.followed = followed
        self.lines: list[StoryLine] = []
        self.order: Order | None = None
        self.reason = ""
        self.calls: dict[int, BrokerCall] = {}
        """Calls about the order that left and had no answer yet, or had one: late ones are known too."""
        self.desk: Desk = EMPTY_DESK

    def observe(self, record: Record, event: Event, stepped: Step) -> None:
        """One step of the replay."""
        before, after = self.desk, stepped.desk
        self.desk = after
        happened = list(self._happened(event, before))
        came = [
            *self._decided(stepped),
            *self._changed(event, after),
            *self._given_up(event, before, after),
            *self._sent(stepped.commands),
            *self._said(stepped),
            *case_changes(before.drift.cases, after.drift.cases, self.followed.ids),
        ]
        if came and not happened:
            happened.append(_cause(event))
        ends = [said for said in came if said.topic is Topic.END]
        for said in (*happened, *(said for said in came if said.topic is not Topic.END), *ends):
            self.lines.append(StoryLine(record.seq, after.at, said))

    def story(self) -> Story:
        """What was written down."""
        return Story(self.followed, self.order, self.reason, tuple(self.lines), self._family())

    def _family(self) -> tuple[Order, ...]:
        order, book = self.order, self.desk.book
        if order is None or not is_member(order):
            return ()
        name = order.parent or order.client_order_id
        family = family_of(book, name)
        return tuple(order_of(book, member) for member in (name, *family.legs, *family.repairs))

    # ------------------------------------------------------------ what happened

    def _happened(self, event: Event, before: Desk) -> Iterator[Said]:
        """The event, where it is about the order by itself."""
        if isinstance(event, CallAnswered):
            yield from self._answered(event, before)
        elif isinstance(event, TradeUpdated):
            if any(self._is_about(report) for report in reports_of(event)):
                yield Said(Topic.STREAM, event_text(event))
        elif isinstance(event, Unrecognized) and is_named(event.text, self.followed.ids):
            yield Said(Topic.UNREAD, event_text(event))

    def _answered(self, event: CallAnswered, before: Desk) -> Iterator[Said]:
        number, result = event.call, event.result
        command = self.calls.get(number)
        rows = [report for report in reports_of(event) if self._is_about(report)]
        asked = f"call {number}, asked {stamp(event.asked_at)}"
        if command is not None:
            late = "" if number in before.calls.flying else "late or again, "
            what = call_text(command).partition(" ")[0]
            yield Said(Topic.ANSWER, f"{late}{what} ({asked}): {result_text(result)}")
        elif isinstance(result, OrderRows):
            for row in rows:
                yield Said(Topic.LIST, f"{asked}: {report_text(row)}")
        elif rows:
            yield Said(Topic.ANSWER, f"of another call ({asked}): {report_text(rows[0])}")
        if isinstance(result, ActivityRows):
            for fill in result.rows:
                if fill.broker_order_id in self.followed.ids:
                    made = f"{scaled_text(fill.quantity)} at {scaled_text(fill.price)}"
                    total = f"{scaled_text(fill.cumulative_quantity)} in all"
                    yield Said(Topic.FILLS, plain(f"{asked}: {made}, {total}, made {stamp(fill.at)}"))

    def _is_about(self, report: OrderReport) -> bool:
        ids = self.followed.ids
        known = report.client_order_id in ids or report.broker_order_id in ids
        return known or (report.replaces is not None and report.replaces in ids)

    # ------------------------------------------------------------ what came of it

    def _decided(self, stepped: Step) -> Iterator[Said]:
        """What the gate and the desk decided about it."""
        order = self.order
        for item in stepped.trace:
            if isinstance(item, Judged):
                if item.question.intent in self.followed.intents:
                    self.reason = self.reason or reason_text(item.proposal)
                    yield from _judged(item)
            elif isinstance(item, Amended):
                if item.amendment.order == self.followed.name:
                    yield from _amended(item)
            elif isinstance(item, Dropped):
                if item.client_order_id == self.followed.name:
                    yield Said(Topic.DROPPED, f"never left: {item.code.value}")
            elif isinstance(item, Withdrew) and order is not None:
                is_its = item.strategy == order.strategy and item.symbol == order.ticket.symbol
                is_open = order.times.ended == NEVER
                if is_its and is_open and order.ticket.purpose is Purpose.ENTRY:
                    yield Said(Topic.WITHDRAW, plain(f"{item.strategy} takes it back: {item.reason}"))

    def _changed(self, event: Event, after: Desk) -> Iterator[Said]:
        """The difference of the order's records. One that has left the book stays as it was."""
        new = after.book.orders.get(self.followed.name)
        if new is None or new is self.order:
            return
        old, self.order = self.order, new
        yield from changes(old, new, event)

    def _given_up(self, event: Event, before: Desk, after: Desk) -> Iterator[Said]:
        """Calls about it whose answer is not waited for any more."""
        if before.calls.flying is after.calls.flying:
            return
        answered = event.call if isinstance(event, CallAnswered) else 0
        for number, command in self.calls.items():
            if number != answered and number in before.calls.flying and number not in after.calls.flying:
                why = "the process began anew" if isinstance(event, Booted) else "it counts as doubtful"
                what = call_text(command).partition(" ")[0]
                yield Said(Topic.DOUBT, f"{what} (call {number}) had no answer: {why}")

    def _sent(self, commands: tuple[Command, ...]) -> Iterator[Said]:
        """The calls about it that left."""
        for command in commands:
            if isinstance(command, SubmitOrder | CancelOrder | ReplaceOrder | QueryOrder):
                about = (
                    command.ticket.client_order_id
                    if isinstance(command, SubmitOrder)
                    else command.client_order_id
                )
                if about == self.followed.name:
                    self.calls[command.call] = command
                    yield Said(Topic.COMMAND, plain(f"call {command.call} left: {call_text(command)}"))

    def _said(self, stepped: Step) -> Iterator[Said]:
        """Anomalies and alerts that name it."""
        ids = self.followed.ids
        for item in stepped.trace:
            if isinstance(item, Noted) and item.level is None and is_named(item.text, ids):
                yield Said(Topic.ANOMALY, plain(f"{item.anomaly.value}: {item.text}"))
        for command in stepped.commands:
            if isinstance(command, Alert) and is_named(command.text, ids):
                yield Said(Topic.ALERT, plain(f"{command.level.value}, {command.code}: {command.text}"))


def _cause(event: Event) -> Said:
    """An event that is about something else, and yet something came of it."""
    if isinstance(event, CallAnswered):
        return Said(Topic.OTHER, f"answer of call {event.call}: {type(event.result).__name__}")
    return Said(TOPICS.get(type(event), Topic.OTHER), event_text(event))


def _judged(item: Judged) -> Iterator[Said]:
    """A proposal, every check of the gate asked again with the same question, and the gate's word."""
    question = item.question
    yield Said(Topic.INTENT, plain(f"{question.intent}: {proposal_text(item.proposal)}"))
    yield Said(Topic.INTENT, f"reason: {reason_text(item.proposal)}")
    checks = checks_for(question.ticket.purpose)
    refused = 0
    for check in checks:
        answer = examine(question, (check,))
        outcome = "pass"
        if isinstance(answer, tuple):
            refused += 1
            outcome = f"REFUSED {'; '.join(refusal_text(refusal) for refusal in answer)}"
        yield Said(Topic.CHECK, f"{check.name:<16}{outcome}")
    assert bool(refused) is bool(item.refusals), "story: the gate says something else when it is asked again"
    if refused:
        yield Said(Topic.GATE, f"refused by {refused} of {len(checks)} checks")
    else:
        yield Said(Topic.GATE, f"approved, {len(checks)} of {len(checks)} checks passed")


def _amended(item: Amended) -> Iterator[Said]:
    """A wish to change the order, and the gate's word."""
    yield Said(Topic.INTENT, plain(f"amendment {item.amendment.tag}: {amendment_text(item.amendment)}"))
    if item.refusals:
        refused = "; ".join(refusal_text(refusal) for refusal in item.refusals)
        yield Said(Topic.GATE, f"amendment REFUSED: {refused}")
    else:
        yield Said(Topic.GATE, "amendment approved")


# ---------------------------------------------------------------- text


def story_text(story: Story) -> str:
    """The whole story: a head, an empty line, the table."""
    order = story.order
    head = [f"intent     {', '.join(sorted(story.followed.intents))}"]
    if order is None:
        head.append("status     refused by the gate: no order was made of it")
    else:
        ticket = order.ticket
        head = [
            f"order      {order.client_order_id}",
            *head,
            f"strategy   {order.strategy} on {ticket.symbol}",
            f"terms      {ticket_text(ticket)}",
            f"status     {order.status.value}, cancel {order.cancel.value}, replace {order.replace.value}",
            f"filled     {filled_text(order)}, {len(order.ledger.executions)} executions",
            f"broker     {', '.join(order.broker_ids) or 'no id known'}",
            *(f"family     {_member_text(member)}" for member in story.family),
        ]
    head.append(f"reason     {story.reason or 'none known'}")
    return (
        "\n".join([*head, "", HEADING.rstrip(), *(line_text(line).rstrip() for line in story.lines)]) + "\n"
    )


def _member_text(order: Order) -> str:
    """A member of a family: what it is, its terms, how it stands."""
    role = "repair" if order.parent else "entry"
    if is_leg(order):
        role = "exit"
    return (
        f"{role:<7}{order.client_order_id}  {ticket_text(order.ticket)}; "
        f"{order.status.value}, {filled_text(order)}"
    )


def orders_text(desk: Desk) -> str:
    """Every order that the desk knows, one line each, by the time it was made."""
    orders = sorted(all_orders(desk.book), key=lambda order: (order.times.created, order.client_order_id))
    return "".join(
        f"{order.client_order_id}  {stamp(order.times.created)}  {order.status.value:<9}  "
        f"{filled_text(order)}  {ticket_text(order.ticket)}  intent {order.intent}  "
        f"broker {order.broker_ids[-1] if order.broker_ids else '-'}\n"
        for order in orders
    )


def refused_text(index: Index) -> str:
    """Every intent that the gate refused (its first refusal), one line each."""
    return "".join(
        f"{item.intent}  {stamp(item.at)}  event {item.event}  {item.proposal}  {' | '.join(item.reasons)}\n"
        for item in index.refused.values()
    )
