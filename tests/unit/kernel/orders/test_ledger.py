"""The ledger: executions count once, the further advanced witness is booked, busts take back exactly that.

The laws (specs/law_executions.py) prove the small cases for every figure; here whole histories are played
against a plain twin, in any order and with repetitions.
"""

from hypothesis import given
from hypothesis import strategies as st

from kernel.orders.ledger import (
    EMPTY_LEDGER,
    Ledger,
    Outcome,
    average_of,
    book,
    fills_missing,
    is_exact,
    take_evidence,
)
from kernel.reports import ExecutionKind, ExecutionReport
from kernel.units import SCALE, Instant, Price, Quantity, Value
from tests.unit.kernel.orders.samples import execution, shares

BUST, CORRECT = ExecutionKind.BUST, ExecutionKind.CORRECT


def told(ledger: Ledger, filled: int, average: int = 10, *, at: int = 1, exact: bool = False) -> Ledger:
    """The ledger after the broker's cumulative figures."""
    value = Value(shares(filled) * average * SCALE)
    return take_evidence(ledger, "B1", shares(filled), value, Instant(at), exact)[0]


def booked(ledger: Ledger, *executions: ExecutionReport, leg: str = "B1") -> Ledger:
    for one in executions:
        ledger, _ = book(ledger, leg, one)
    return ledger


def test_average_is_exact_over_many_prices() -> None:
    ledger = booked(EMPTY_LEDGER, execution("X1", 40, 10), execution("X2", 60, 11))
    assert ledger.quantity == shares(100)
    assert average_of(ledger) == Price(10_600_000_000)
    assert average_of(EMPTY_LEDGER) is None


def test_the_same_id_with_other_figures_keeps_the_first_and_is_told() -> None:
    ledger = booked(EMPTY_LEDGER, execution("X1", 40))
    for other in (execution("X1", 41), execution("X1", 40, 11)):
        assert book(ledger, "B1", other) == (ledger, (Outcome.CONFLICT, 0, 0))


def test_a_bust_keeps_what_the_broker_counted_and_we_have_not_seen() -> None:
    ledger = told(booked(EMPTY_LEDGER, execution("X1", 40)), 100)
    ledger, booking = book(ledger, "B1", execution("X1-bust", 40, kind=BUST, previous="X1"))
    assert booking == (Outcome.VOIDED, -shares(40), -shares(40) * 10 * SCALE)
    assert ledger.quantity == shares(60)
    assert fills_missing(ledger)


def test_a_correction_keeps_what_the_broker_counted_and_we_have_not_seen() -> None:
    ledger = told(booked(EMPTY_LEDGER, execution("X1", 40)), 100)
    ledger = booked(ledger, execution("X2", 50, 11, kind=CORRECT, previous="X1"))
    assert ledger.quantity == shares(110)
    assert ledger.value == (shares(60) * 10 + shares(50) * 11) * SCALE


def test_reports_from_before_a_bust_do_not_undo_it() -> None:
    ledger = booked(EMPTY_LEDGER, execution("X1", 40))
    ledger = booked(ledger, execution("X1-bust", 40, kind=BUST, previous="X1", seconds=5))
    assert told(ledger, 40, at=1).quantity == 0


def test_exact_sums_take_the_place_of_an_estimate_and_are_not_undone_by_one() -> None:
    estimate = told(EMPTY_LEDGER, 100, 10)
    assert fills_missing(estimate)
    assert not is_exact(estimate)
    exact = told(estimate, 100, 11, exact=True)
    assert exact.value == shares(100) * 11 * SCALE
    assert is_exact(exact)
    assert told(exact, 100, 10) == exact


def test_a_fill_by_a_superseded_leg_counts_in_the_chain() -> None:
    ledger = booked(EMPTY_LEDGER, execution("X1", 40))
    ledger = booked(ledger, execution("X2", 10), leg="B2")
    ledger = booked(ledger, execution("X3", 5), leg="B1")
    assert ledger.quantity == shares(55)
    assert [leg.quantity for leg in ledger.legs] == [shares(45), shares(10)]


trades = st.lists(
    st.tuples(st.integers(0, 7), st.integers(1, 10**12), st.integers(1, 10**12)), min_size=1, max_size=8
)


@given(trades, st.permutations(range(16)), st.sets(st.integers(0, 7)))
def test_any_order_with_repetitions_and_busts_equals_the_plain_sum(
    rows: list[tuple[int, int, int]], order: list[int], busted: set[int]
) -> None:
    facts = {number: (Price(price), Quantity(quantity)) for number, price, quantity in rows}
    reports = [
        ExecutionReport(f"X{n}", ExecutionKind.TRADE, price, quantity, Instant(1))
        for n, (price, quantity) in facts.items()
    ]
    reports += [
        ExecutionReport(f"V{n}", BUST, Price(0), Quantity(0), Instant(2), f"X{n}")
        for n in sorted(busted & facts.keys())
    ]
    shuffled = [reports[index] for index in order if index < len(reports)]
    ledger = booked(EMPTY_LEDGER, *shuffled, *reports, *shuffled)
    kept = [fact for n, fact in facts.items() if n not in busted]
    assert ledger.quantity == sum(quantity for _, quantity in kept)
    assert ledger.value == sum(price * quantity for price, quantity in kept)
    assert not fills_missing(ledger)
