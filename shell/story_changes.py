"""What a step changed in one order, as lines: the difference of two records, nothing else.

1. Status, cancel and replace requests are told as `old -> new`. A new order is told as queued first: it is
   always made so, even where its permit came in the same step.
2. Executions are told one by one, with what each added or took back; what the broker's cumulative figures
   book beyond them is told apart. The `booked` figures of both add up to the order's booked quantity.
3. Moves within one step are told as one: `sending -> in_doubt -> working` would be `sending -> working`.
"""

from collections.abc import Iterator

from kernel.events import Event, TradeUpdated
from kernel.orders.ledger import Ledger
from kernel.orders.record import ENDED, NEVER, Order, new_order
from kernel.units import ZERO_QUANTITY, Quantity, Value
from shell.numbers import scaled_text
from shell.story_line import Said, Topic
from shell.story_words import amended_text, filled_text, lasting_text, stamp, ticket_text

__all__ = ["changes"]


def changes(old: Order | None, new: Order, event: Event) -> Iterator[Said]:
    """What is new in `new`; `old` is None when the order was not there before."""
    if old is None:
        until = "" if new.expires_at == NEVER else f", to end at {stamp(new.expires_at)}"
        worst = f", at worst {scaled_text(new.reserve_price)} a unit"
        yield Said(Topic.ORDER, f"{new.client_order_id}: {ticket_text(new.ticket)}{until}{worst}; queued")
        old = new_order(
            new.ticket, new.strategy, new.intent, new.times.created, new.expires_at, new.reserve_price
        )
    if new is old:
        return
    yield from _legs(old, new)
    yield from _executions(old.ledger, new, event)
    yield from _booked(old.ledger, new)
    for topic, before, after in (
        (Topic.STATUS, old.status, new.status),
        (Topic.CANCEL, old.cancel, new.cancel),
        (Topic.REPLACE, old.replace, new.replace),
    ):
        if before is not after:
            yield Said(topic, f"{before.value} -> {after.value}{_why(old, new, topic)}")
    terms = amended_text(old, new)
    if terms:
        yield Said(Topic.TERMS, terms)
    yield from _pursuit(old, new)
    if new.status in ENDED and old.status not in ENDED:
        lived = lasting_text(max(0, new.times.ended - new.times.created))
        yield Said(Topic.END, f"{new.status.value}, {filled_text(new)}, after {lived}")


def _why(old: Order, new: Order, topic: Topic) -> str:
    """Why a cancel was asked, where the record knows it."""
    is_over = old.expires_at != NEVER and old.expires_at <= new.times.cancel_asked
    if topic is Topic.CANCEL and old.times.cancel_asked == NEVER and is_over:
        return f" (it was to end at {stamp(old.expires_at)})"
    return ""


def _legs(old: Order, new: Order) -> Iterator[Said]:
    for number, broker_id in enumerate(new.broker_ids, 1):
        if broker_id not in old.broker_ids:
            text = f"the broker has it as {broker_id}"
            yield Said(Topic.LEG, text if number == 1 else f"{text}, leg {number} of the chain")


# ---------------------------------------------------------------- the ledger


def _executions(before: Ledger, new: Order, event: Event) -> Iterator[Said]:
    """Every execution whose record changed, those taken back first."""
    known, now = before.executions, new.ledger.executions
    if now is known:
        return
    changed = []
    for name in _candidates(before, new.ledger, event):
        entry = now.get(name)
        if entry is not None and entry != known.get(name):
            was = known[name].quantity if name in known else ZERO_QUANTITY
            changed.append((entry.quantity - was, name, entry))
    seen = _seen(before)
    for change, name, entry in sorted(changed):
        seen += change
        if change < 0:
            text = f"{scaled_text(change)} at {scaled_text(entry.price)}, taken back"
        elif change > 0:
            text = f"+{scaled_text(change)} at {scaled_text(entry.price)}"
        else:
            text = f"counts nothing, {scaled_text(entry.stated_quantity)} stated"
        total = f"executions {scaled_text(seen)} of {scaled_text(new.quantity)}"
        leg = f", leg {entry.leg}" if entry.leg else ""
        yield Said(Topic.EXEC, f"{text}; {total}; id {name}{leg}", Quantity(change))


def _candidates(before: Ledger, after: Ledger, event: Event) -> list[str]:
    """Executions that may have changed: those that a message names, else all that there are."""
    if isinstance(event, TradeUpdated) and event.execution is not None:
        execution = event.execution
        return [name for name in (execution.execution_id, execution.previous_execution_id) if name]
    return sorted(set(before.executions) | set(after.executions))


def _seen(ledger: Ledger) -> int:
    """Quantity by executions alone."""
    return sum(leg.quantity for leg in ledger.legs)


def _booked(before: Ledger, new: Order) -> Iterator[Said]:
    """What is booked by the broker's cumulative figures, beyond the executions."""
    after = new.ledger
    ahead = after.quantity - _seen(after)
    change = ahead - (before.quantity - _seen(before))
    if change > 0:
        text = f"+{scaled_text(change)} by the broker's cumulative figure, executions not seen"
    elif change < 0:
        text = f"{scaled_text(change)}: executions now seen, or taken back"
    elif ahead and _ahead_value(after) != _ahead_value(before):
        text = "the value of executions not seen is now exact"
    else:
        return
    yield Said(Topic.BOOKED, f"{text}; {filled_text(new)}", Quantity(change))


def _ahead_value(ledger: Ledger) -> Value:
    """Value that is booked beyond the executions."""
    return Value(ledger.value - sum(leg.value for leg in ledger.legs))


# ---------------------------------------------------------------- what is pursued


def _pursuit(old: Order, new: Order) -> Iterator[Said]:
    before, after = old.pursuit, new.pursuit
    if after is before or new.status in ENDED:
        return
    if after.misses > before.misses:
        yield Said(Topic.DOUBT, f"not found, {after.misses} in a row that count")
    elif after.misses < before.misses:
        yield Said(Topic.DOUBT, "found: not-founds are counted from the start")
    if after.next_query_at not in (NEVER, before.next_query_at):
        yield Said(Topic.DOUBT, f"to be looked up at {stamp(after.next_query_at)}")
    if after.cancels > before.cancels:
        yield Said(
            Topic.DOUBT, f"cancel {after.cancels}, to be looked after at {stamp(after.next_cancel_at)}"
        )
