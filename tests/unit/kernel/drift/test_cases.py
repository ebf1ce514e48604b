"""Cases: opened once, confirmed by later looks, ended with a reason, bounded, and quiet about what stands."""

from hypothesis import given
from hypothesis import strategies as st

from kernel.drift.cases import ENDED_MAX, NO_CASES, Cases, advance, look_at, open_cases, settled
from kernel.drift.chart import CaseInput, CaseState
from kernel.drift.diff import Drift, Finding
from kernel.units import Instant

ALL = frozenset(Drift)


def finding(subject: str = "SPY", theirs: int = 2, drift: Drift = Drift.POSITION) -> Finding:
    return Finding(drift, subject, 1, theirs, f"{subject}: {theirs}")


def looked(cases: Cases, at: int, *found: Finding, kinds: frozenset[Drift] = ALL) -> Cases:
    return look_at(cases, found, kinds, Instant(at), Instant(at))[0]


def test_a_story_from_suspicion_to_a_person() -> None:
    cases = looked(looked(NO_CASES, 1, finding()), 2, finding(theirs=3))
    (case,) = open_cases(cases)
    assert (case.state, case.looks, case.theirs, case.opened_at) == (CaseState.CONFIRMED, 2, 3, 1)
    cases, case = advance(cases, case, CaseInput.HEAL_STARTED, Instant(3))
    cases, case = advance(cases, case, CaseInput.GIVEN_UP, Instant(4), "nothing helped")
    assert (case.state, case.outcome, case.ended_at) == (CaseState.ESCALATED, "nothing helped", 4)
    assert cases.ended == (case,)
    assert dict(cases.counts) == {"position:escalated": 1}
    assert open_cases(cases) == ()


def test_what_is_not_found_any_more_has_agreed_with_an_outcome() -> None:
    cases = looked(looked(NO_CASES, 1, finding()), 2)
    assert cases.ended[0].state is CaseState.HEALED
    assert cases.ended[0].outcome


def test_a_look_of_other_classes_ends_nothing() -> None:
    cases = looked(NO_CASES, 1, finding())
    assert looked(cases, 2, kinds=frozenset({Drift.CASH})) == cases


def test_a_difference_that_two_pages_show_is_found_once() -> None:
    _, found, _ = look_at(NO_CASES, (finding(), finding()), ALL, Instant(1), Instant(1))
    assert len(found) == 1


def test_what_stands_is_no_news_until_its_figures_change_or_it_is_gone() -> None:
    cases = looked(looked(NO_CASES, 1, finding()), 2, finding())
    (case,) = open_cases(cases)
    cases, _ = advance(cases, case, CaseInput.GIVEN_UP, Instant(2), "a person")
    for at in (3, 4, 5):
        cases = looked(cases, at, finding())
        assert open_cases(cases) == (), "else it would be the same case for ever"
    again = looked(cases, 6, finding(theirs=9))
    assert [case.theirs for case in open_cases(again)] == [9]
    assert dict(looked(cases, 6).standing) == {}
    assert len(open_cases(looked(looked(cases, 6), 7, finding()))) == 1, "gone and back: another case"


def test_a_look_of_other_classes_leaves_what_stands() -> None:
    cases = looked(NO_CASES, 1, finding())
    cases, _ = advance(cases, open_cases(cases)[0], CaseInput.DISMISSED_BY_POLICY, Instant(1), "policy")
    assert looked(cases, 2, kinds=frozenset({Drift.CASH})).standing == cases.standing


def test_what_agreed_does_not_stand() -> None:
    cases = looked(looked(NO_CASES, 1, finding()), 2)
    assert dict(cases.standing) == {}
    assert len(open_cases(looked(cases, 3, finding()))) == 1


def test_settled_at_once_is_counted_and_ends_the_open_one() -> None:
    cases = settled(NO_CASES, finding("a", drift=Drift.ORPHAN_FILL), CaseInput.AGREED, Instant(1), "done")
    assert [case.outcome for case in cases.ended] == ["done"]
    assert dict(cases.standing) == {}
    cases = settled(looked(NO_CASES, 1, finding()), finding(), CaseInput.AGREED, Instant(2), "done")
    assert open_cases(cases) == ()
    assert len(cases.ended) == 1


def test_ended_cases_are_bounded_and_counted_beyond() -> None:
    cases = NO_CASES
    for number in range(ENDED_MAX + 7):
        cases = settled(cases, finding(str(number)), CaseInput.AGREED, Instant(number), "done")
    assert len(cases.ended) == ENDED_MAX
    assert cases.ended[-1].subject == str(ENDED_MAX + 6)
    assert cases.counts["position:healed"] == ENDED_MAX + 7


looks = st.lists(
    st.tuples(
        st.sets(st.sampled_from(["A", "B", "C"])),
        st.sampled_from([ALL, frozenset({Drift.POSITION}), frozenset({Drift.CASH})]),
        st.integers(0, 3),
    ),
    max_size=12,
)


@given(looks)
def test_looks_are_idempotent_deterministic_and_lose_no_case(
    story: list[tuple[set[str], frozenset[Drift], int]],
) -> None:
    cases, at = NO_CASES, 0
    begun: set[tuple[str, int]] = set()
    for subjects, kinds, wait in story:
        at += wait
        found = tuple(finding(subject) for subject in sorted(subjects))
        once = look_at(cases, found, kinds, Instant(at), Instant(at))
        assert once == look_at(cases, found, kinds, Instant(at), Instant(at))
        twice = look_at(once[0], found, kinds, Instant(at), Instant(at))
        assert twice[0] == once[0], "the same snapshot again is nothing new"
        assert twice[2] == ()
        cases = once[0]
        begun |= {(case.key, case.opened_at) for case in open_cases(cases)}
        ended = {(case.key, case.opened_at) for case in cases.ended}
        assert {(case.key, case.opened_at) for case in open_cases(cases)} | ended == begun
        for case in open_cases(cases):
            assert (case.state is CaseState.SUSPECTED) == (case.looks == 1)
    assert sum(cases.counts.values()) == len(cases.ended)
