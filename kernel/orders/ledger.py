"""The executions of one order: facts, booked once, in any status and in any order.

An order that was replaced is a chain of broker orders ("legs"); the ledger covers the whole chain.
Each leg has two witnesses: the executions that we saw, and the cumulative figures that the broker
reported (evidence). What is booked is the further advanced of the two, so a fill that we know only
from a REST snapshot counts at once, and the real executions replace it exactly when they come.

Rules (shared by every caller; a law of specs/ each):
1. An execution id counts once. The same id with other figures keeps the first and is a conflict.
2. booked quantity of a leg = max(sum of its executions, the broker's cumulative); of the order = sum of legs.
3. When executions have caught up with the evidence, the booked value is theirs, exactly.
4. A bust takes its execution back; a correction takes it back and adds its own. A bust that comes before
   its execution makes that execution count nothing when it comes.
5. Nothing is ever dropped: an overfill is booked like any other.

Figures: Quantity 10^-9, Value 10^-18 (exact). O(1) per execution, whatever the history.
"""

from enum import Enum
from typing import Final, NamedTuple

from immutables import Map

from kernel.reports import ExecutionKind, ExecutionReport
from kernel.units import ZERO_QUANTITY, ZERO_VALUE, Instant, Price, Quantity, Value, average_price

__all__ = [
    "EMPTY_LEDGER",
    "Booking",
    "Entry",
    "Ledger",
    "Leg",
    "Outcome",
    "average_of",
    "book",
    "fills_missing",
    "is_exact",
    "lacks_figures",
    "set_leg",
    "take_evidence",
]

TRADE: Final = ExecutionKind.TRADE
BUST: Final = ExecutionKind.BUST
CORRECT: Final = ExecutionKind.CORRECT
INFERRED: Final = ExecutionKind.INFERRED


class Outcome(Enum):
    """What booking an execution came to."""

    BOOKED = "booked"
    """Counted."""
    DUPLICATE = "duplicate"
    """The same execution again: nothing changed."""
    CONFLICT = "conflict"
    """The same id with other figures: the first stays, a person should know."""
    VOIDED = "voided"
    """A bust or a correction took an execution back."""
    VOID_AHEAD = "void_ahead"
    """A bust for an execution that we have not seen: it will count nothing when it comes."""


OUTCOME_BOOKED: Final = Outcome.BOOKED
OUTCOME_DUPLICATE: Final = Outcome.DUPLICATE
OUTCOME_CONFLICT: Final = Outcome.CONFLICT
OUTCOME_VOIDED: Final = Outcome.VOIDED
OUTCOME_VOID_AHEAD: Final = Outcome.VOID_AHEAD


class Entry(NamedTuple):
    """One execution as it was booked."""

    price: Price
    quantity: Quantity
    """What it counts now: zero once it was voided."""
    leg: str
    stated_price: Price
    stated_quantity: Quantity
    """What the broker said; compared when the same id comes again."""


class Leg(NamedTuple):
    """The tally of one broker order of the chain."""

    broker_order_id: str
    quantity: Quantity
    """Sum of its executions."""
    value: Value
    """Their exact value."""
    evidence_quantity: Quantity
    """The broker's cumulative quantity, the greatest we were told."""
    evidence_value: Value
    """That quantity at the broker's average (or exact, from activities)."""
    evidence_exact: bool
    """Whether that value is exact (from activities) or the broker's rounded average."""
    evidence_from: Instant
    """Reports older than this are not evidence (a bust has been since)."""


class Ledger(NamedTuple):
    """All executions of an order and what is booked of them."""

    executions: Map[str, Entry]
    legs: tuple[Leg, ...]
    quantity: Quantity
    """Booked, all legs."""
    value: Value
    """Booked, all legs, exact."""


EMPTY_LEDGER: Final = Ledger(Map(), (), ZERO_QUANTITY, ZERO_VALUE)


class Booking(NamedTuple):
    """What one call changed."""

    outcome: Outcome
    quantity: Quantity
    """Change of the booked quantity; negative after a bust."""
    value: Value
    """Change of the booked value."""


NOTHING: Final = (ZERO_QUANTITY, ZERO_VALUE)


def _booked(leg: Leg) -> tuple[Quantity, Value]:
    if leg.evidence_quantity > leg.quantity:
        return leg.evidence_quantity, leg.evidence_value
    return leg.quantity, leg.value


def _leg_index(legs: tuple[Leg, ...], broker_order_id: str) -> int:
    """Where a leg stands, -1 for nowhere; the last one is asked first, for most reports are about it."""
    for index in range(len(legs) - 1, -1, -1):
        if legs[index].broker_order_id == broker_order_id:
            return index
    return -1


def _with_leg(
    ledger: Ledger, executions: Map[str, Entry], old: Leg | None, new: Leg
) -> tuple[Ledger, Quantity, Value]:
    """The ledger with one leg put or exchanged, and what that changed."""
    legs, quantity, value = ledger.legs, ledger.quantity, ledger.value
    change, worth = _booked(new)
    if old is None:
        legs = (*legs, new)
    else:
        before, before_value = _booked(old)
        change, worth = Quantity(change - before), Value(worth - before_value)
        if len(legs) == 1:
            legs = (new,)
        else:
            legs = tuple(new if leg is old else leg for leg in legs)
    return Ledger(executions, legs, Quantity(quantity + change), Value(value + worth)), change, worth


def _add(
    ledger: Ledger, executions: Map[str, Entry], leg_id: str, price: Price, quantity: Quantity, corrects: bool
) -> tuple[Ledger, Quantity, Value]:
    """Adds `quantity` at `price` to a leg's executions.

    A correction goes to the broker's figure too where that is ahead: what it corrects was taken out of both.
    """
    index = _leg_index(ledger.legs, leg_id)
    worth = price * quantity
    if index < 0:
        new = Leg(leg_id, quantity, Value(worth), ZERO_QUANTITY, ZERO_VALUE, False, Instant(0))
        return _with_leg(ledger, executions, None, new)
    old = ledger.legs[index]
    name, booked, value, told, told_value, is_exact_value, since = old
    if corrects and told > booked:
        told, told_value = Quantity(told + quantity), Value(told_value + worth)
    new = Leg(
        name, Quantity(booked + quantity), Value(value + worth), told, told_value, is_exact_value, since
    )
    return _with_leg(ledger, executions, old, new)


def book(ledger: Ledger, leg_id: str, execution: ExecutionReport) -> tuple[Ledger, Booking]:
    """Books one execution report of the leg `leg_id` (the broker's order id).

    Total: every kind in every state has an outcome; nothing raises.
    """
    name, kind, price, stated, at, previous, _ = execution
    known = ledger.executions.get(name)
    if kind is BUST:
        return _void(ledger, execution, known)
    if known is not None:
        return _again(ledger, execution, known)
    if kind is not CORRECT:
        executions = ledger.executions.set(name, Entry(price, stated, leg_id, price, stated))
        ledger, quantity, value = _add(ledger, executions, leg_id, price, stated, False)
        return ledger, Booking(OUTCOME_BOOKED, quantity, value)
    taken, taken_value = NOTHING
    if previous is not None:
        ledger, taken, taken_value = _take_back(ledger, previous, at)
    executions = ledger.executions.set(name, Entry(price, stated, leg_id, price, stated))
    ledger, quantity, value = _add(ledger, executions, leg_id, price, stated, True)
    return ledger, Booking(OUTCOME_VOIDED, Quantity(quantity + taken), Value(value + taken_value))


def _again(ledger: Ledger, execution: ExecutionReport, known: Entry) -> tuple[Ledger, Booking]:
    """An execution id that is known: nothing more is counted."""
    if known.stated_price == execution.price and known.stated_quantity == execution.quantity:
        return ledger, Booking(OUTCOME_DUPLICATE, ZERO_QUANTITY, ZERO_VALUE)
    if known.stated_quantity != 0:
        return ledger, Booking(OUTCOME_CONFLICT, ZERO_QUANTITY, ZERO_VALUE)
    # A bust came first: the execution is remembered, and counts nothing.
    stated = known._replace(stated_price=execution.price, stated_quantity=execution.quantity)
    ledger = ledger._replace(executions=ledger.executions.set(execution.execution_id, stated))
    return ledger, Booking(OUTCOME_DUPLICATE, ZERO_QUANTITY, ZERO_VALUE)


def _void(ledger: Ledger, bust: ExecutionReport, known: Entry | None) -> tuple[Ledger, Booking]:
    """A bust: once per its own id (where it has one of its own)."""
    target = bust.previous_execution_id or bust.execution_id
    if known is not None and target != bust.execution_id:
        return ledger, Booking(OUTCOME_DUPLICATE, ZERO_QUANTITY, ZERO_VALUE)
    entry = ledger.executions.get(target)
    outcome = OUTCOME_VOIDED
    if entry is None:
        outcome = OUTCOME_VOID_AHEAD
    elif entry.quantity == 0:
        outcome = OUTCOME_DUPLICATE
    ledger, quantity, value = _take_back(ledger, target, bust.at)
    if target != bust.execution_id:
        mark = Entry(bust.price, ZERO_QUANTITY, "", bust.price, bust.quantity)
        ledger = ledger._replace(executions=ledger.executions.set(bust.execution_id, mark))
    return ledger, Booking(outcome, quantity, value)


def _take_back(ledger: Ledger, target: str, at: Instant) -> tuple[Ledger, Quantity, Value]:
    """Makes the execution `target` count nothing, now or when it comes.

    Reports older than `at` are no evidence any more. Where the broker's figure was ahead of our executions it
    had this one in it: what we have not seen stays booked.
    """
    entry = ledger.executions.get(target)
    if entry is None:
        ahead = Entry(Price(0), ZERO_QUANTITY, "", Price(0), ZERO_QUANTITY)
        return ledger._replace(executions=ledger.executions.set(target, ahead)), ZERO_QUANTITY, ZERO_VALUE
    if entry.quantity == 0:
        return ledger, ZERO_QUANTITY, ZERO_VALUE
    executions = ledger.executions.set(target, entry._replace(quantity=ZERO_QUANTITY))
    old = ledger.legs[_leg_index(ledger.legs, entry.leg)]
    taken = entry.price * entry.quantity
    is_ahead = old.evidence_quantity > old.quantity
    new = Leg(
        old.broker_order_id,
        Quantity(old.quantity - entry.quantity),
        Value(old.value - taken),
        Quantity(old.evidence_quantity - entry.quantity) if is_ahead else ZERO_QUANTITY,
        Value(old.evidence_value - taken) if is_ahead else ZERO_VALUE,
        old.evidence_exact and is_ahead,
        at,
    )
    return _with_leg(ledger, executions, old, new)


def take_evidence(
    ledger: Ledger, leg_id: str, quantity: Quantity, value: Value, at: Instant, exact: bool = False
) -> tuple[Ledger, Quantity, Value]:
    """The broker's cumulative figures of a leg, as of `at`; returns what that changed.

    A figure behind what is known changes nothing: the cumulative never falls except by a bust. Of two
    values for the same quantity the exact one (a sum of activities) stays.
    """
    index = _leg_index(ledger.legs, leg_id)
    if index < 0:
        if quantity <= 0:
            return ledger, ZERO_QUANTITY, ZERO_VALUE
        new = Leg(leg_id, ZERO_QUANTITY, ZERO_VALUE, quantity, value, exact, Instant(0))
        return _with_leg(ledger, ledger.executions, None, new)
    old = ledger.legs[index]
    is_news = quantity > old.quantity and quantity > old.evidence_quantity
    refines = exact and not old.evidence_exact and quantity == old.evidence_quantity > old.quantity
    if at < old.evidence_from or not (is_news or refines):
        return ledger, ZERO_QUANTITY, ZERO_VALUE
    new = Leg(old.broker_order_id, old.quantity, old.value, quantity, value, exact, old.evidence_from)
    return _with_leg(ledger, ledger.executions, old, new)


def set_leg(
    ledger: Ledger, leg_id: str, quantity: Quantity, value: Value, at: Instant
) -> tuple[Ledger, Quantity, Value]:
    """Brings a leg to the broker's own count, below ours: what was taken back at the broker and never told.

    Reports older than `at` are no evidence any more. The executions stay known, so that none counts again.
    """
    index = _leg_index(ledger.legs, leg_id)
    if index < 0:
        return ledger, ZERO_QUANTITY, ZERO_VALUE
    old = ledger.legs[index]
    new = Leg(old.broker_order_id, quantity, value, ZERO_QUANTITY, ZERO_VALUE, False, at)
    return _with_leg(ledger, ledger.executions, old, new)


def fills_missing(ledger: Ledger) -> bool:
    """Whether the broker counts more than the executions that we have seen."""
    legs = ledger.legs
    if len(legs) == 1:
        return legs[0].evidence_quantity > legs[0].quantity
    return any(leg.evidence_quantity > leg.quantity for leg in legs)


def is_exact(ledger: Ledger) -> bool:
    """Whether the booked value is exact: every leg rests on executions or on activities."""
    return all(leg.evidence_exact for leg in ledger.legs if leg.evidence_quantity > leg.quantity)


def lacks_figures(ledger: Ledger) -> bool:
    """Whether something booked rests on the broker's rounded average: on no executions and no activities."""
    legs = ledger.legs
    if len(legs) == 1:
        leg = legs[0]
        return leg.evidence_quantity > leg.quantity and not leg.evidence_exact
    return not is_exact(ledger)


def average_of(ledger: Ledger) -> Price | None:
    """The exact average price cut to nine decimals; None while nothing is booked."""
    if ledger.quantity <= 0:
        return None
    return average_price(ledger.value, ledger.quantity)
