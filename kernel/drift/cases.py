"""The cases of drift that are open, and how the ended ones ended: a value, changed by pure functions.

    look_at(cases, findings, kinds, now) -> (cases, steps)

A look is one comparison of some classes of drift. A finding opens a case or confirms the one that is open;
an open case of a looked-at class that is not found any more has agreed. Looking again at the same
snapshot changes nothing (it was not asked later than the case's last look).

What a policy dismissed or a person was called for may still be so: it stands, with its figures, and is
no news until they change or a look does not show it. Else every look would begin the same case again.
"""

from typing import Final, NamedTuple

from immutables import Map

from kernel.drift.chart import CASE_TABLE, CaseInput, CaseState
from kernel.drift.diff import Drift, Finding
from kernel.units import Instant

__all__ = ["ENDED_MAX", "NO_CASES", "Case", "Cases", "advance", "look_at", "open_cases", "settled"]

ENDED_MAX: Final = 500
"""Ended cases kept for the report; older ones are only counted."""

FINAL: Final = frozenset({CaseState.HEALED, CaseState.DISMISSED, CaseState.ESCALATED})


class Case(NamedTuple):
    """One difference, followed."""

    key: str
    drift: Drift
    subject: str
    state: CaseState
    opened_at: Instant
    looked_at: Instant
    """When the look was asked that last showed it."""
    looks: int
    tries: int
    """Remedies begun."""
    ours: int
    theirs: int
    text: str
    """The figures, as last seen."""
    outcome: str
    """How it ended and why."""
    ended_at: Instant


class Cases(NamedTuple):
    """Open cases by key; the ended ones, oldest first; and counts of all ends."""

    open: Map[str, Case]
    ended: tuple[Case, ...]
    counts: Map[str, int]
    """`class:end` -> how often."""
    standing: Map[str, tuple[int, int]]
    """Ended by policy or given up while seen: key -> (ours, theirs), as long as looks show just that."""


NO_CASES: Final = Cases(Map(), (), Map(), Map())


def open_cases(cases: Cases) -> tuple[Case, ...]:
    """The open ones by key."""
    return tuple(cases.open[key] for key in sorted(cases.open))


def advance(
    cases: Cases, case: Case, given: CaseInput, now: Instant, outcome: str = ""
) -> tuple[Cases, Case]:
    """Moves a case by its chart; an ended one leaves the open ones."""
    move = CASE_TABLE.next(case.state, given)
    if not move.is_move:
        return cases, case
    case = case._replace(state=move.target, outcome=outcome or case.outcome)
    if move.target not in FINAL:
        return cases._replace(open=cases.open.set(case.key, case)), case
    case = case._replace(ended_at=now)
    label = f"{case.drift.value}:{case.state.value}"
    still, standing = cases.open, cases.standing
    if case.key in still:
        still = still.delete(case.key)
        if case.state is not CaseState.HEALED:
            standing = standing.set(case.key, (case.ours, case.theirs))
    ended = (*cases.ended[-(ENDED_MAX - 1) :], case)
    counts = cases.counts.set(label, cases.counts.get(label, 0) + 1)
    return Cases(still, ended, counts, standing), case


def settled(cases: Cases, finding: Finding, given: CaseInput, now: Instant, outcome: str) -> Cases:
    """A difference that was seen and settled at once: its case begins and ends now (or ends, if open)."""
    case = cases.open.get(finding.key)
    if case is None:
        case = _opened(finding, now, now)
    cases, _ = advance(cases, case, given, now, outcome)
    return cases


def _opened(finding: Finding, looked_at: Instant, now: Instant) -> Case:
    key, drift, subject = finding.key, finding.drift, finding.subject
    figures = (finding.ours, finding.theirs, finding.text)
    return Case(key, drift, subject, CaseState.SUSPECTED, now, looked_at, 1, 0, *figures, "", Instant(0))


def look_at(
    cases: Cases, findings: tuple[Finding, ...], kinds: frozenset[Drift], asked_at: Instant, now: Instant
) -> tuple[Cases, tuple[Case, ...], tuple[Case, ...]]:
    """Takes a look's findings: (the cases, those found now, those that have agreed)."""
    found: list[Case] = []
    keys: set[str] = set()
    for finding in findings:
        if finding.key in keys:
            continue  # pages overlap: the same row twice is one difference
        keys.add(finding.key)
        if cases.standing.get(finding.key) == (finding.ours, finding.theirs):
            continue
        case = cases.open.get(finding.key)
        if case is None:
            case = _opened(finding, asked_at, now)
            cases = cases._replace(open=cases.open.set(case.key, case))
        elif asked_at > case.looked_at:
            case = case._replace(looked_at=asked_at, looks=case.looks + 1)
            case = case._replace(ours=finding.ours, theirs=finding.theirs, text=finding.text)
            cases = cases._replace(open=cases.open.set(case.key, case))
            cases, case = advance(cases, case, CaseInput.SEEN_AGAIN, now)
        found.append(case)
    agreed: list[Case] = []
    for key in sorted(cases.open):
        case = cases.open[key]
        if case.drift in kinds and key not in keys and asked_at > case.looked_at:
            cases, case = advance(cases, case, CaseInput.AGREED, now, case.outcome or "the books agree again")
            agreed.append(case)
    gone = [key for key in cases.standing if key not in keys and Drift(key.partition(":")[0]) in kinds]
    for key in gone:
        cases = cases._replace(standing=cases.standing.delete(key))
    return cases, tuple(found), tuple(agreed)
