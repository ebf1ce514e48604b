"""Laws of an order's three small machines (I2, I3): every pair is decided, ends absorb, nothing demotes.

The states and inputs are numbers into the tables' own tuples, so CrossHair walks over all of them; sequences
are walked one step at a time, for each law is about any state whatever led to it.
"""

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
from kernel.table import FAULT, IGNORED, MOVE

STATES = STATUS_TABLE.states
INPUTS = STATUS_TABLE.inputs
STATE_COUNT = len(STATES)
INPUT_COUNT = len(INPUTS)
FINALS = STATUS_TABLE.finals
KINDS = (MOVE, IGNORED, FAULT)
UNCONFIRMED = (OrderStatus.QUEUED, OrderStatus.SENDING, OrderStatus.IN_DOUBT)
"""What an order can be before the broker said that it has it."""
CONFIRMED = (OrderStatus.WORKING, OrderStatus.DORMANT, *FINALS)
"""What an order can be after; DENIED is among the finals and was never sent."""


def every_pair_is_decided(state: int, given: int) -> bool:
    """Every pair leads to a declared state, and to another one exactly if it is a move.

    Promise: I3
    pre: 0 <= state < STATE_COUNT
    pre: 0 <= given < INPUT_COUNT
    post: __return__
    """
    move = STATUS_TABLE.next(STATES[state], INPUTS[given])
    return (
        move.target in STATES and move.kind in KINDS and (move.kind is MOVE) == (move.target != STATES[state])
    )


def final_states_absorb_every_input(final: int, given: int) -> bool:
    """Nothing leaves a final state.

    Promise: I3
    pre: 0 <= final < len(FINALS)
    pre: 0 <= given < INPUT_COUNT
    post: __return__
    """
    move = STATUS_TABLE.next(FINALS[final], INPUTS[given])
    return move.target is FINALS[final] and move.kind is not MOVE


def working_is_never_demoted(given: int) -> bool:
    """No input leads from WORKING back to SENDING or IN_DOUBT, nor to being denied; absent only as vanished.

    Promise: I3
    pre: 0 <= given < INPUT_COUNT
    post: __return__
    """
    target = STATUS_TABLE.next(OrderStatus.WORKING, INPUTS[given]).target
    if target is OrderStatus.ABSENT:
        return INPUTS[given] is OrderInput.VANISHED
    return target not in UNCONFIRMED and target is not OrderStatus.DENIED


def what_is_confirmed_stays_confirmed(state: int, given: int) -> bool:
    """No input leads from a state that the broker confirmed to one in which we do not know; it may vanish.

    Promise: I3
    pre: 0 <= state < len(CONFIRMED)
    pre: 0 <= given < INPUT_COUNT
    post: __return__
    """
    target = STATUS_TABLE.next(CONFIRMED[state], INPUTS[given]).target
    return target in CONFIRMED or (target is OrderStatus.ABSENT and INPUTS[given] is OrderInput.VANISHED)


def an_order_is_sent_once(state: int, given: int) -> bool:
    """SENDING is entered from QUEUED by a permit, and QUEUED is entered by nothing: a second send can't be.

    Promise: I2
    pre: 0 <= state < STATE_COUNT
    pre: 0 <= given < INPUT_COUNT
    post: __return__
    """
    move = STATUS_TABLE.next(STATES[state], INPUTS[given])
    if move.kind is not MOVE:
        return True
    if move.target is OrderStatus.SENDING:
        return STATES[state] is OrderStatus.QUEUED and INPUTS[given] is OrderInput.PERMITTED
    return move.target is not OrderStatus.QUEUED


def doubt_ends_by_evidence_only(given: int) -> bool:
    """Our own words never end a doubt, nor can what was never there vanish: only evidence leaves IN_DOUBT.

    Promise: I2
    pre: 0 <= given < INPUT_COUNT
    post: __return__
    """
    no_evidence = (OrderInput.PERMITTED, OrderInput.DROPPED, OrderInput.LOST_TRACK, OrderInput.VANISHED)
    move = STATUS_TABLE.next(OrderStatus.IN_DOUBT, INPUTS[given])
    return (move.kind is MOVE) == (INPUTS[given] not in no_evidence)


def absence_is_proved(state: int, given: int) -> bool:
    """An order becomes ABSENT by consecutive not-founds over the grace alone, in doubt or vanished.

    Promise: I2
    pre: 0 <= state < STATE_COUNT
    pre: 0 <= given < INPUT_COUNT
    post: __return__
    """
    move = STATUS_TABLE.next(STATES[state], INPUTS[given])
    doubted = STATES[state] is OrderStatus.IN_DOUBT and INPUTS[given] is OrderInput.NOT_FOUND_FINALLY
    alive = STATES[state] is OrderStatus.WORKING or STATES[state] is OrderStatus.DORMANT
    vanished = alive and INPUTS[given] is OrderInput.VANISHED
    return (move.kind is MOVE and move.target is OrderStatus.ABSENT) == (doubted or vanished)


def a_request_is_pending_until_answered(given: int) -> bool:
    """A pending cancel ends by a refusal or by the order's end; neither a 204 nor silence ends it.

    Promise: I3
    pre: 0 <= given < len(CANCEL_TABLE.inputs)
    post: __return__
    """
    word = CANCEL_TABLE.inputs[given]
    ends = word is CancelInput.REFUSED or word is CancelInput.RESOLVED
    return (CANCEL_TABLE.next(CancelState.ASKED, word).target is not CancelState.ASKED) == ends


def a_replace_is_pending_until_answered(given: int) -> bool:
    """A pending replace ends by a confirmation, a refusal or the order's end; silence does not end it.

    Promise: I3
    pre: 0 <= given < len(REPLACE_TABLE.inputs)
    post: __return__
    """
    word = REPLACE_TABLE.inputs[given]
    ends = word in (ReplaceInput.CONFIRMED, ReplaceInput.REFUSED, ReplaceInput.RESOLVED)
    return (REPLACE_TABLE.next(ReplaceState.ASKED, word).target is not ReplaceState.ASKED) == ends


def every_request_pair_is_decided(state: int, cancel: int, replace: int) -> bool:
    """Likewise for both requests: a declared state, and another one exactly if it is a move.

    Promise: I3
    pre: 0 <= state < 3
    pre: 0 <= cancel < len(CANCEL_TABLE.inputs)
    pre: 0 <= replace < len(REPLACE_TABLE.inputs)
    post: __return__
    """
    asked, changed = CANCEL_TABLE.states[state], REPLACE_TABLE.states[state]
    first = CANCEL_TABLE.next(asked, CANCEL_TABLE.inputs[cancel])
    second = REPLACE_TABLE.next(changed, REPLACE_TABLE.inputs[replace])
    return (first.kind is MOVE) == (first.target != asked) and (second.kind is MOVE) == (
        second.target != changed
    )
