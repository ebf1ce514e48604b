"""Laws of an order's ledger (I4): fills are facts, counted once, in any order, never dropped.

Ids are concrete ("A", "B" are only compared for equality); prices, quantities, instants and the broker's
cumulative figures are any integers. The right sums are written out here, without the ledger's help.
"""

from kernel.orders.ledger import (
    EMPTY_LEDGER,
    Entry,
    Ledger,
    Leg,
    Outcome,
    book,
    fills_missing,
    take_evidence,
)
from kernel.reports import ExecutionKind, ExecutionReport
from kernel.units import Instant, Price, Quantity, Value

TRADE = ExecutionKind.TRADE
BUST = ExecutionKind.BUST
CORRECT = ExecutionKind.CORRECT
KINDS = tuple(ExecutionKind)


def _report(
    name: str, kind: ExecutionKind, price: int, quantity: int, at: int = 1, of: str | None = None
) -> ExecutionReport:
    return ExecutionReport(name, kind, Price(price), Quantity(quantity), Instant(at), of)


def _booked(*reports: ExecutionReport, leg: str = "leg") -> Ledger:
    ledger = EMPTY_LEDGER
    for report in reports:
        ledger, _ = book(ledger, leg, report)
    return ledger


def _agrees(ledger: Ledger) -> bool:
    """The ledger's own invariant: its totals are those of its legs, each the further advanced witness."""
    quantity = value = 0
    for leg in ledger.legs:
        ahead = leg.evidence_quantity > leg.quantity
        quantity += leg.evidence_quantity if ahead else leg.quantity
        value += leg.evidence_value if ahead else leg.value
    return ledger.quantity == quantity and ledger.value == value


def _state(
    price: int, quantity: int, more: int, more_value: int, evidence: int, evidence_value: int
) -> Ledger:
    """Any ledger of one leg with one known execution "A", whatever else the leg has seen."""
    entry = Entry(Price(price), Quantity(quantity), "leg", Price(price), Quantity(quantity))
    leg = Leg(
        "leg",
        Quantity(quantity + more),
        Value(price * quantity + more_value),
        Quantity(evidence),
        Value(evidence_value),
        False,
        Instant(0),
    )
    ahead = evidence > quantity + more
    return Ledger(
        EMPTY_LEDGER.executions.set("A", entry),
        (leg,),
        leg.evidence_quantity if ahead else leg.quantity,
        leg.evidence_value if ahead else leg.value,
    )


def sum_of_executions(p: int, q: int, r: int, s: int, t: int, u: int) -> bool:
    """Three executions: the booked quantity and value are their sums, exactly, whatever was ordered.

    Promise: I4
    pre: p > 0 and q > 0 and r > 0 and s > 0 and t > 0 and u > 0
    post: __return__
    """
    ledger = _booked(_report("A", TRADE, p, q), _report("B", TRADE, r, s), _report("C", TRADE, t, u))
    return ledger.quantity == q + s + u and ledger.value == p * q + r * s + t * u


def counts_once(p: int, q: int, r: int, s: int) -> bool:
    """The same execution again, at once or later, changes nothing.

    Promise: I4
    pre: p > 0 and q > 0 and r > 0 and s > 0
    post: __return__
    """
    first, second = _report("A", TRADE, p, q), _report("B", TRADE, r, s)
    ledger = _booked(first, second)
    again, booking = book(ledger, "leg", first)
    return (
        again == ledger
        and booking == (Outcome.DUPLICATE, 0, 0)
        and _booked(first, first, second).quantity == ledger.quantity
    )


def first_figures_stay(p: int, q: int, r: int, s: int) -> bool:
    """The same id with other figures is a conflict and changes nothing.

    Promise: I4
    pre: p > 0 and q > 0 and r > 0 and s > 0
    pre: p != r or q != s
    post: __return__
    """
    ledger = _booked(_report("A", TRADE, p, q))
    after, booking = book(ledger, "leg", _report("A", TRADE, r, s))
    return after == ledger and booking.outcome is Outcome.CONFLICT and booking.quantity == 0


def order_of_arrival_is_nothing(p: int, q: int, r: int, s: int) -> bool:
    """Two executions give the same books in either order, on one leg and on two.

    Promise: I4
    pre: p > 0 and q > 0 and r > 0 and s > 0
    post: __return__
    """
    first, second = _report("A", TRADE, p, q), _report("B", TRADE, r, s)
    here, there = _booked(first, second), _booked(second, first)
    one, _ = book(_booked(first), "other", second)
    two, _ = book(_booked(second, leg="other"), "leg", first)
    return (
        here.quantity == there.quantity == one.quantity == two.quantity
        and here.value == there.value == one.value == two.value
    )


def bust_takes_back_exactly(p: int, q: int, r: int, s: int, own_id: bool) -> bool:
    """A bust leaves what would be booked without the execution, and busting twice is busting once.

    Promise: I4
    pre: p > 0 and q > 0 and r > 0 and s > 0
    post: __return__
    """
    bust = _report("X", BUST, p, q, 2, "A") if own_id else _report("A", BUST, p, q, 2)
    ledger = _booked(_report("A", TRADE, p, q), _report("B", TRADE, r, s), bust)
    twice, booking = book(ledger, "leg", bust)
    return (
        ledger.quantity == s
        and ledger.value == r * s
        and (twice.quantity, twice.value) == (s, r * s)
        and booking == (Outcome.DUPLICATE, 0, 0)
    )


def bust_before_its_execution(p: int, q: int, own_id: bool) -> bool:
    """A bust that comes first: the execution counts nothing when it comes, however often.

    Promise: I4
    pre: p > 0 and q > 0
    post: __return__
    """
    bust = _report("X", BUST, p, q, 2, "A") if own_id else _report("A", BUST, p, q, 2)
    trade = _report("A", TRADE, p, q)
    ledger = _booked(bust, trade, trade)
    return ledger.quantity == 0 and ledger.value == 0


def correction_replaces(p: int, q: int, r: int, s: int, ahead: bool) -> bool:
    """A correction counts in place of the execution it corrects, whichever comes first.

    Promise: I4
    pre: p > 0 and q > 0 and r > 0 and s > 0
    post: __return__
    """
    trade, correction = _report("A", TRADE, p, q), _report("B", CORRECT, r, s, 2, "A")
    ledger = _booked(correction, trade) if ahead else _booked(trade, correction)
    return ledger.quantity == s and ledger.value == r * s


def booked_is_the_further_witness(p: int, q: int, cumulative: int, value: int, evidence_first: bool) -> bool:
    """Booked is the greater of the executions' sum and the broker's cumulative figure, in either order.

    Promise: I4
    pre: p > 0 and q > 0 and cumulative > 0 and value > 0
    post: __return__
    """
    trade = _report("A", TRADE, p, q)
    if evidence_first:
        told, _, _ = take_evidence(EMPTY_LEDGER, "leg", Quantity(cumulative), Value(value), Instant(5))
        ledger, _ = book(told, "leg", trade)
    else:
        ledger, _, _ = take_evidence(_booked(trade), "leg", Quantity(cumulative), Value(value), Instant(5))
    if cumulative > q:
        return ledger.quantity == cumulative and ledger.value == value and fills_missing(ledger)
    return ledger.quantity == q and ledger.value == p * q and not fills_missing(ledger)


def executions_replace_the_stand_in(p: int, q: int, r: int, s: int, value: int) -> bool:
    """When the executions have caught up with the cumulative figure, the value is theirs to the last digit.

    Promise: I4
    pre: p > 0 and q > 0 and r > 0 and s > 0
    post: __return__
    """
    told, _, _ = take_evidence(EMPTY_LEDGER, "leg", Quantity(q + s), Value(value), Instant(5))
    ledger, _ = book(told, "leg", _report("A", TRADE, p, q))
    ledger, _ = book(ledger, "leg", _report("B", TRADE, r, s))
    return ledger.quantity == q + s and ledger.value == p * q + r * s and not fills_missing(ledger)


def evidence_never_takes_back(q: int, more: int, evidence: int, cumulative: int, at: int) -> bool:
    """A cumulative figure, however late or small, never lowers what is booked.

    Promise: I4
    pre: q > 0 and more >= 0 and evidence >= 0
    post: __return__
    """
    ledger = _state(7, q, more, 3, evidence, 5)
    after, change, _ = take_evidence(ledger, "leg", Quantity(cumulative), Value(9), Instant(at))
    return after.quantity >= ledger.quantity and change == after.quantity - ledger.quantity


def totals_are_inductive(
    p: int,
    q: int,
    more: int,
    evidence: int,
    evidence_value: int,
    kind: int,
    r: int,
    s: int,
    known: bool,
    at: int,
) -> bool:
    """Whatever the books are, after any report the totals are those of the legs, and the change is as said.

    Promise: I4, I5
    pre: p > 0 and q > 0 and more >= 0 and evidence >= 0
    pre: r > 0 and s > 0 and 0 <= kind < 4
    post: __return__
    """
    ledger = _state(p, q, more, 11, evidence, evidence_value)
    previous = "A" if KINDS[kind] in (BUST, CORRECT) else None
    report = _report("A" if known else "N", KINDS[kind], r, s, at, previous)
    after, booking = book(ledger, "leg", report)
    return (
        _agrees(after)
        and after.quantity == ledger.quantity + booking.quantity
        and after.value == ledger.value + booking.value
    )


def value_lies_between_the_prices(low: int, above: int, q: int, s: int) -> bool:
    """What two fills cost lies between both at the lower and both at the higher price.

    Promise: I4
    pre: low > 0 and above >= 0 and q > 0 and s > 0
    post: __return__
    """
    ledger = _booked(_report("A", TRADE, low, q), _report("B", TRADE, low + above, s))
    return low * ledger.quantity <= ledger.value <= (low + above) * ledger.quantity
