"""Laws of drift (I3, I10): one look is no verdict, what moved is never judged, every case ends for good.

States and inputs are numbers into the chart's own tuples; instants, figures and tolerances are any integers.
Keys and symbols are concrete, for they are only compared for equality. A finding's text is concrete too (a
text of an unknown number can't be proved over all paths): where a diff writes figures into it, its law is
about `is_off`, the predicate that decides, and tests/unit/kernel/drift/test_diff.py samples the diff.
"""

from immutables import Map

from kernel.drift.cases import NO_CASES, Cases, advance, look_at
from kernel.drift.chart import CASE_TABLE, CaseInput, CaseState
from kernel.drift.diff import CENT, Drift, Finding, diff_cash, is_judgeable, is_off
from kernel.table import FAULT, IGNORED, MOVE
from kernel.units import SCALE, Cash, Instant, Value

STATES = CASE_TABLE.states
INPUTS = CASE_TABLE.inputs
STATE_COUNT = len(STATES)
INPUT_COUNT = len(INPUTS)
FINALS = CASE_TABLE.finals
KINDS = (MOVE, IGNORED, FAULT)
ALL = frozenset(Drift)


# ---------------------------------------------------------------- the chart


def every_case_pair_is_decided(state: int, given: int) -> bool:
    """Every pair leads to a declared state, and to another one exactly if it is a move.

    Promise: I3
    pre: 0 <= state < STATE_COUNT
    pre: 0 <= given < INPUT_COUNT
    post: __return__
    """
    move = CASE_TABLE.next(STATES[state], INPUTS[given])
    return (
        move.target in STATES and move.kind in KINDS and (move.kind is MOVE) == (move.target != STATES[state])
    )


def an_ended_case_stays_ended(final: int, given: int) -> bool:
    """Nothing leaves HEALED, DISMISSED or ESCALATED: what shows up again is another case.

    Promise: I10
    pre: 0 <= final < len(FINALS)
    pre: 0 <= given < INPUT_COUNT
    post: __return__
    """
    move = CASE_TABLE.next(FINALS[final], INPUTS[given])
    return move.target is FINALS[final] and move.kind is FAULT


def one_look_is_no_verdict(given: int) -> bool:
    """What was seen once is confirmed by a second look alone; agreement or policy ends it, giving up never.

    Promise: I10
    pre: 0 <= given < INPUT_COUNT
    post: __return__
    """
    move = CASE_TABLE.next(CaseState.SUSPECTED, INPUTS[given])
    reached = {
        CaseInput.SEEN_AGAIN: CaseState.CONFIRMED,
        CaseInput.AGREED: CaseState.HEALED,
        CaseInput.HEAL_STARTED: CaseState.HEALING,
        CaseInput.DISMISSED_BY_POLICY: CaseState.DISMISSED,
        CaseInput.GIVEN_UP: CaseState.SUSPECTED,
    }
    return move.target is reached[INPUTS[given]]


def each_end_has_its_one_reason(state: int, given: int) -> bool:
    """HEALED by agreement, DISMISSED by policy, ESCALATED when given up after a second look; by nothing else.

    Promise: I10
    pre: 0 <= state < STATE_COUNT
    pre: 0 <= given < INPUT_COUNT
    post: __return__
    """
    before, word = STATES[state], INPUTS[given]
    move = CASE_TABLE.next(before, word)
    if move.kind is not MOVE or move.target not in FINALS:
        return True
    if move.target is CaseState.HEALED:
        return word is CaseInput.AGREED
    if move.target is CaseState.DISMISSED:
        return word is CaseInput.DISMISSED_BY_POLICY
    return word is CaseInput.GIVEN_UP and before in (CaseState.CONFIRMED, CaseState.HEALING)


def a_case_never_goes_back(state: int, given: int) -> bool:
    """No input leads back to SUSPECTED, nor from HEALING to CONFIRMED: a case moves toward its end.

    Promise: I10
    pre: 0 <= state < STATE_COUNT
    pre: 0 <= given < INPUT_COUNT
    post: __return__
    """
    before = STATES[state]
    move = CASE_TABLE.next(before, INPUTS[given])
    if move.kind is not MOVE:
        return True
    is_back = move.target is CaseState.SUSPECTED
    return not is_back and not (before is CaseState.HEALING and move.target is CaseState.CONFIRMED)


# ---------------------------------------------------------------- what a snapshot may say


def what_moved_is_never_judged(moved_at: int, since: int, asked_at: int, grace: int) -> bool:
    """What moved when the snapshot was asked or later, or is younger than the grace, is not judged by it.

    Promise: I10
    pre: grace >= 0
    post: __return__
    """
    judged = is_judgeable(moved_at, since, asked_at, grace)
    return judged == (not moved_at >= asked_at and not since > asked_at - grace)


def a_later_snapshot_can_say_more(moved_at: int, since: int, asked_at: int, later: int, grace: int) -> bool:
    """What one snapshot may judge, every later one may, as long as nothing moves; and a longer grace less.

    Promise: I10
    pre: later >= 0 and grace >= 0
    post: __return__
    """
    if not is_judgeable(moved_at, since, asked_at, grace):
        return not is_judgeable(moved_at, since, asked_at, grace + later)
    return is_judgeable(moved_at, since, asked_at + later, grace)


def a_difference_is_the_same_from_both_sides(ours: int, theirs: int, tolerance: int, shift: int) -> bool:
    """Whose figure is whose changes nothing, nor does what both have in common.

    Promise: I10
    post: __return__
    """
    off = is_off(ours, theirs, tolerance)
    return off == is_off(theirs, ours, tolerance) == is_off(ours + shift, theirs + shift, tolerance)


def a_larger_difference_is_no_smaller_drift(
    ours: int, gap: int, more: int, tolerance: int, wider: int
) -> bool:
    """A gap that counts still counts when it grows, one that does not still does not with more tolerance.

    Promise: I10
    pre: gap >= 0 and more >= 0 and tolerance >= 0 and wider >= 0
    post: __return__
    """
    if is_off(ours, ours + gap, tolerance):
        return gap > tolerance and is_off(ours, ours + gap + more, tolerance)
    return gap <= tolerance and not is_off(ours, ours + gap, tolerance + wider)


def without_tolerance_a_unit_counts(ours: int, theirs: int) -> bool:
    """Positions of shares are compared to the last digit.

    Promise: I10
    post: __return__
    """
    return is_off(ours, theirs, 0) == (ours != theirs)


def cash_that_agrees_to_the_cent_is_no_drift(cash: int, part: int) -> bool:
    """Less than a cent, either way, is what rounding leaves.

    Promise: I10
    pre: -CENT * SCALE < part < CENT * SCALE
    post: __return__
    """
    return diff_cash(Value(cash * SCALE + part), Cash(cash)) == ()


def a_cent_is_drift(cash: int, part: int) -> bool:
    """A cent or more, either way, is off by the predicate and the tolerance that diff_cash asks.

    Promise: I10
    pre: part <= -CENT * SCALE or part >= CENT * SCALE
    post: __return__
    """
    return is_off(cash * SCALE + part, cash * SCALE, CENT * SCALE - 1)


# ---------------------------------------------------------------- looks


def _finding(subject: str, ours: int, theirs: int, drift: Drift = Drift.POSITION) -> Finding:
    return Finding(drift, subject, ours, theirs, "differs")


def _cases(asked_at: int, ours: int, theirs: int) -> Cases:
    """One open case, as a first look left it."""
    found = (_finding("A", ours, theirs),)
    return look_at(NO_CASES, found, ALL, Instant(asked_at), Instant(asked_at))[0]


def the_same_look_again_changes_nothing(asked_at: int, now: int, ours: int, theirs: int, known: bool) -> bool:
    """A snapshot that is judged twice leaves the cases as after once, known before or not, found or not.

    Promise: I10
    pre: 0 < asked_at <= now
    post: __return__
    """
    before = _cases(asked_at - 1, 1, 2) if known else NO_CASES
    found = (_finding("A", ours, theirs), _finding("B", theirs, ours))
    once, _, _ = look_at(before, found, ALL, Instant(asked_at), Instant(now))
    twice, _, agreed = look_at(once, found, ALL, Instant(asked_at), Instant(now))
    return twice == once and agreed == ()


def a_stale_look_confirms_and_ends_nothing(seen_at: int, asked_at: int, now: int, found: bool) -> bool:
    """A snapshot that is not younger than the last one changes no case that is open.

    Promise: I10
    pre: 0 < asked_at <= seen_at <= now
    post: __return__
    """
    before = _cases(seen_at, 1, 2)
    findings = (_finding("A", 5, 7),) if found else ()
    after, _, agreed = look_at(before, findings, ALL, Instant(asked_at), Instant(now))
    return after == before and agreed == ()


def two_looks_confirm(first: int, later: int, ours: int, theirs: int, now: int) -> bool:
    """A later look that shows the difference still confirms its case, with its figures; one alone does not.

    Promise: I10
    pre: 0 < first < later <= now
    post: __return__
    """
    before = _cases(first, 1, 2)
    after, found, _ = look_at(before, (_finding("A", ours, theirs),), ALL, Instant(later), Instant(now))
    (case,) = found
    return (
        before.open["position:A"].state is CaseState.SUSPECTED
        and case.state is CaseState.CONFIRMED
        and after.open["position:A"] == case
        and (case.ours, case.theirs, case.looks) == (ours, theirs, 2)
        and case.opened_at == first
    )


def a_later_look_that_shows_none_heals(first: int, later: int, now: int, is_looked_at: bool) -> bool:
    """What a later look of its class does not show has agreed; a look of other classes says nothing of it.

    Promise: I10
    pre: 0 < first < later <= now
    post: __return__
    """
    kinds = frozenset({Drift.POSITION if is_looked_at else Drift.CASH})
    after, _, agreed = look_at(_cases(first, 1, 2), (), kinds, Instant(later), Instant(now))
    if not is_looked_at:
        return "position:A" in after.open and agreed == ()
    return after.open == Map() and after.ended == agreed and agreed[0].state is CaseState.HEALED


def every_end_is_counted_once(state: int, given: int, now: int) -> bool:
    """A case that ends leaves the open ones, is kept with its instant, and is counted once; else it is open.

    Promise: I10
    pre: 0 <= state < 3 and 0 <= given < INPUT_COUNT
    pre: now > 5
    post: __return__
    """
    cases = _cases(5, 1, 2)
    case = cases.open["position:A"]._replace(state=STATES[state])
    cases = cases._replace(open=cases.open.set(case.key, case))
    after, moved = advance(cases, case, INPUTS[given], Instant(now), "why")
    ended = moved.state in FINALS
    return (
        len(after.open) == (0 if ended else 1)
        and len(after.ended) == sum(after.counts.values()) == (1 if ended else 0)
        and (not ended or (after.ended[0] == moved and moved.ended_at == now and moved.outcome == "why"))
    )
