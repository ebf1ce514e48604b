"""What the kernel's charts promise, over every state and input (specs/ proves the order's again).

The tests walk the compiled tables; the oracle shows that the tables are the charts.
"""

from collections.abc import Iterable
from enum import Enum
from typing import Any

import pytest

from kernel.chart import Table
from kernel.drift.chart import CASE_TABLE, CaseInput, CaseState
from kernel.links.chart import LINK_TABLE, LinkInput, LinkState
from kernel.orders.chart import (
    CANCEL_TABLE,
    REPLACE_TABLE,
    STATUS_TABLE,
    CancelInput,
    CancelState,
    OrderInput,
    OrderStatus,
    ReplaceInput,
    ReplaceState,
)
from kernel.session.chart import MODE_TABLE, Mode, ModeInput
from kernel.strategies.chart import STRATEGY_TABLE, StrategyInput, StrategyState

O, I = OrderStatus, OrderInput  # noqa: E741

UNSENT_OR_UNKNOWN = {O.QUEUED, O.SENDING, O.IN_DOUBT}
REVIVING = {
    I.ACKNOWLEDGED: O.WORKING,
    I.SUSPENDED: O.DORMANT,
    I.LOST_TRACK: O.IN_DOUBT,
    I.REJECTED_LATER: O.REJECTED,
    I.FILLED_UP: O.FILLED,
    I.CANCELED: O.CANCELED,
    I.EXPIRED: O.EXPIRED,
    I.SUPERSEDED: O.REPLACED,
}
"""Evidence about an order that was proved absent, and where it leads."""


def moves(table: Table[Any, Any]) -> Iterable[tuple[Enum, Enum, Enum]]:
    for state in table.states:
        for given in table.inputs:
            move = table.next(state, given)
            if move.is_move:
                yield state, given, move.target


def walk(table: Table[Any, Any], start: Enum, words: Iterable[Enum]) -> Enum:
    state: Any = start
    for word in words:
        state = table.next(state, word).target
    return state  # type: ignore[no-any-return]


def test_final_states_absorb_everything() -> None:
    assert set(STATUS_TABLE.finals) == {O.DENIED, O.FILLED, O.CANCELED, O.EXPIRED, O.REJECTED, O.REPLACED}
    assert STATUS_TABLE.resting == (O.ABSENT,)
    assert not [move for move in moves(STATUS_TABLE) if move[0] in STATUS_TABLE.finals]


def test_nothing_demotes_an_order_that_the_broker_confirmed() -> None:
    confirmed = set(O) - UNSENT_OR_UNKNOWN - {O.ABSENT}
    assert not [m for m in moves(STATUS_TABLE) if m[0] in confirmed and m[2] in UNSENT_OR_UNKNOWN]


def test_an_order_is_sent_once_and_only_when_it_was_queued() -> None:
    assert [m for m in moves(STATUS_TABLE) if m[2] is O.SENDING] == [(O.QUEUED, I.PERMITTED, O.SENDING)]


def test_evidence_revives_an_absent_order_and_nothing_else_does() -> None:
    assert {m[1]: m[2] for m in moves(STATUS_TABLE) if m[0] is O.ABSENT} == REVIVING


def test_only_doubt_and_a_shadow_end_in_absence() -> None:
    assert [m for m in moves(STATUS_TABLE) if m[2] is O.ABSENT] == [
        (O.IN_DOUBT, I.NOT_FOUND_FINALLY, O.ABSENT),
        (O.WORKING, I.VANISHED, O.ABSENT),
        (O.DORMANT, I.VANISHED, O.ABSENT),
    ]


@pytest.mark.parametrize("ended", [O.FILLED, O.CANCELED, O.EXPIRED, O.REJECTED, O.REPLACED])
@pytest.mark.parametrize("late", [I.ACKNOWLEDGED, I.SUSPENDED, I.LOST_TRACK])
def test_late_words_after_an_end_are_no_fault(ended: OrderStatus, late: OrderInput) -> None:
    assert STATUS_TABLE.next(ended, late).is_ignored


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ((I.PERMITTED, I.ACKNOWLEDGED, I.FILLED_UP, I.CANCELED), O.FILLED),
        ((I.PERMITTED, I.FILLED_UP, I.ACKNOWLEDGED), O.FILLED),
        ((I.PERMITTED, I.ACKNOWLEDGED, I.CANCELED, I.FILLED_UP), O.CANCELED),
        ((I.PERMITTED, I.CANCELED), O.CANCELED),
        ((I.ACKNOWLEDGED, I.PERMITTED), O.WORKING),
        ((I.PERMITTED, I.ACKNOWLEDGED, I.SUSPENDED, I.ACKNOWLEDGED), O.WORKING),
        ((I.PERMITTED, I.LOST_TRACK, I.LOST_TRACK), O.IN_DOUBT),
        ((I.PERMITTED, I.LOST_TRACK, I.NOT_FOUND_FINALLY, I.ACKNOWLEDGED), O.WORKING),
        ((I.PERMITTED, I.REFUSED), O.REJECTED),
        ((I.DROPPED, I.PERMITTED), O.DENIED),
    ],
)
def test_stories_of_orders(words: tuple[OrderInput, ...], status: OrderStatus) -> None:
    assert walk(STATUS_TABLE, O.QUEUED, words) is status


@pytest.mark.parametrize("other", [I.FILLED_UP, I.EXPIRED, I.REJECTED_LATER, I.SUPERSEDED, I.REFUSED])
def test_another_end_than_the_known_one_is_a_fault(other: OrderInput) -> None:
    assert STATUS_TABLE.next(O.CANCELED, other).is_fault


def test_a_cancel_is_asked_until_it_is_refused_or_the_order_ends() -> None:
    asked = walk(CANCEL_TABLE, CancelState.NONE, [CancelInput.REQUESTED])
    for word in (CancelInput.ACCEPTED_204, CancelInput.UNKNOWN_OUTCOME, CancelInput.REQUESTED):
        asked = walk(CANCEL_TABLE, asked, [word])
    assert asked is CancelState.ASKED
    for end in (CancelInput.REFUSED, CancelInput.RESOLVED):
        assert walk(CANCEL_TABLE, asked, [end]) is CancelState.ANSWERED
        assert walk(CANCEL_TABLE, asked, [end, CancelInput.REQUESTED]) is CancelState.ASKED


def test_a_replace_is_asked_until_confirmed_refused_or_the_order_ends() -> None:
    asked = walk(REPLACE_TABLE, ReplaceState.NONE, [ReplaceInput.REQUESTED, ReplaceInput.UNKNOWN_OUTCOME])
    assert asked is ReplaceState.ASKED
    assert REPLACE_TABLE.next(ReplaceState.ASKED, ReplaceInput.REQUESTED).is_fault
    for end in (ReplaceInput.CONFIRMED, ReplaceInput.REFUSED, ReplaceInput.RESOLVED):
        assert walk(REPLACE_TABLE, asked, [end, ReplaceInput.REQUESTED]) is ReplaceState.ASKED


def test_a_link_is_live_only_after_a_resync() -> None:
    assert [m for m in moves(LINK_TABLE) if m[2] is LinkState.LIVE] == [
        (LinkState.RESYNCING, LinkInput.RESYNC_COMPLETED, LinkState.LIVE)
    ]
    entered = {m[:2] for m in moves(LINK_TABLE) if m[2] is LinkState.RESYNCING}
    assert entered == {
        (LinkState.LISTENING, LinkInput.LISTEN_CONFIRMED),
        (LinkState.MUTE, LinkInput.FRAME_RECEIVED),
    }


def test_only_an_operator_ends_unauthorized() -> None:
    assert [m for m in moves(LINK_TABLE) if m[0] is LinkState.UNAUTHORIZED] == [
        (LinkState.UNAUTHORIZED, LinkInput.RESET_BY_OPERATOR, LinkState.DOWN)
    ]


def test_a_desk_is_armed_by_an_operator_only_and_never_from_cold() -> None:
    into = {m[:2] for m in moves(MODE_TABLE) if m[2] is Mode.ARMED}
    assert {word for _, word in into} == {ModeInput.ARMED_BY_OPERATOR, ModeInput.RESUMED_BY_OPERATOR}
    assert Mode.COLD not in {state for state, _ in into}
    out_of_cold = {m[2] for m in moves(MODE_TABLE) if m[0] is Mode.COLD}
    assert out_of_cold == {Mode.DISARMED, Mode.HALTED, Mode.KILLING}
    assert MODE_TABLE.next(Mode.COLD, ModeInput.RECONCILED).target is Mode.DISARMED


def test_a_halt_latches() -> None:
    assert {m[1]: m[2] for m in moves(MODE_TABLE) if m[0] is Mode.HALTED} == {
        ModeInput.HALT_LIFTED: Mode.DISARMED,
        ModeInput.KILL_ORDERED: Mode.KILLING,
    }
    for mode in (Mode.HALTED, Mode.KILLING, Mode.KILLED):
        assert MODE_TABLE.next(mode, ModeInput.RESTARTED).target is mode
    for mode in set(Mode) - {Mode.KILLING, Mode.KILLED}:
        assert MODE_TABLE.next(mode, ModeInput.HALT_ORDERED).target is Mode.HALTED


def test_a_kill_can_be_ordered_from_anywhere_and_leaves_the_desk_halted() -> None:
    for mode in Mode:
        target = MODE_TABLE.next(mode, ModeInput.KILL_ORDERED).target
        assert target is Mode.KILLING
    story = [ModeInput.KILL_ORDERED, ModeInput.HALT_ORDERED, ModeInput.KILL_COMPLETED, ModeInput.KILL_LIFTED]
    assert walk(MODE_TABLE, Mode.ARMED, story) is Mode.HALTED


def test_a_strategy_is_active_after_a_warm_up_only() -> None:
    assert [m for m in moves(STRATEGY_TABLE) if m[2] is StrategyState.ACTIVE] == [
        (StrategyState.WARMING, StrategyInput.WARMED_UP, StrategyState.ACTIVE)
    ]


def test_a_strategy_that_raises_is_quarantined_until_released() -> None:
    for state in set(StrategyState) - {StrategyState.RETIRED}:
        assert STRATEGY_TABLE.next(state, StrategyInput.RAISED).target is StrategyState.FAULTED
    assert {m[1]: m[2] for m in moves(STRATEGY_TABLE) if m[0] is StrategyState.FAULTED} == {
        StrategyInput.RELEASED_BY_OPERATOR: StrategyState.LOADED,
        StrategyInput.RETIRE_ORDERED: StrategyState.RETIRED,
    }


def test_a_case_of_drift_ends_by_agreement_by_policy_or_after_a_second_look() -> None:
    ends = {m for m in moves(CASE_TABLE) if m[2] in CASE_TABLE.finals}
    alive = set(CaseState) - set(CASE_TABLE.finals)
    assert alive == {CaseState.SUSPECTED, CaseState.CONFIRMED, CaseState.HEALING}
    assert ends == {
        *((state, CaseInput.AGREED, CaseState.HEALED) for state in alive),
        *((state, CaseInput.DISMISSED_BY_POLICY, CaseState.DISMISSED) for state in alive),
        (CaseState.CONFIRMED, CaseInput.GIVEN_UP, CaseState.ESCALATED),
        (CaseState.HEALING, CaseInput.GIVEN_UP, CaseState.ESCALATED),
    }


def test_an_ended_case_of_drift_faults_on_everything() -> None:
    for state in CASE_TABLE.finals:
        for given in CaseInput:
            assert CASE_TABLE.next(state, given).is_fault
    assert CASE_TABLE.next(CaseState.SUSPECTED, CaseInput.GIVEN_UP).is_fault, "one look is no verdict"
    story = [CaseInput.SEEN_AGAIN, CaseInput.HEAL_STARTED, CaseInput.SEEN_AGAIN, CaseInput.GIVEN_UP]
    assert walk(CASE_TABLE, CaseState.SUSPECTED, story) is CaseState.ESCALATED
