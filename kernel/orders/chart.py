"""The three small machines of an order: its status, its cancel request, its replace request.

They stand side by side: a fill changes no request, a pending cancel does not hide a pending replace, and
"partially filled" is no state (it is derived from the ledger). Everything that decides a status is here.

Rules:
1. A machine does not know where an input came from: stream, poll, answer and replay look alike.
2. An acknowledgement never demotes: no input leads from a state that the broker confirmed back to
   SENDING or IN_DOUBT.
3. An end is an end: a late acknowledgement or the same end again is ignored; another end is a fault
   (recorded, status unchanged). After FILLED nothing is left to end, so a stale cancel or expiry is
   absorbed. Fills are the ledger's business and are booked in every state.
4. In doubt ends by evidence alone. ABSENT, proved by consecutive not-founds over a grace, is an end in
   reports, but evidence revives it: so it is `resting`, the one declared exception to rule 3. An order
   that the broker had confirmed ends there only as VANISHED: a look at the open orders and consecutive
   queries by id, all over the grace, show it no more (a shadow; kernel/drift).
5. Evidence beats our own books: a broker's word about an order that we still hold QUEUED moves it.
   PERMITTED is ignored from then on: only a MOVE to SENDING may send.
6. DENIED was never sent: every broker's word about it is a fault. So is dropping what was sent.

Alpaca's words: accepted, pending_new, new, partially_filled, pending_cancel, pending_replace and
accepted_for_bidding are ACKNOWLEDGED (may fill now). held (a leg that waits), suspended, stopped,
done_for_day, calculated and pending_review are SUSPENDED: acknowledged, may come back, is not expected to
trade on its own now. A word that nobody knows proves that the broker has the order: ACKNOWLEDGED, and
the desk raises the alarm. SUPERSEDED is for an order replaced from outside; our own replace continues
the chain as the same order (CONFIRMED of the replace machine) and its status stays.

Ignores: quantities (ledger.py), time-outs and graces (lifecycle.py decides when an input is given).
"""

from enum import Enum
from typing import Final

from statemachine import StateMachine
from statemachine.states import States

from kernel.chart import Table, compile_chart

__all__ = [
    "CANCEL_TABLE",
    "REPLACE_TABLE",
    "STATUS_TABLE",
    "CancelInput",
    "CancelState",
    "OrderInput",
    "OrderStatus",
    "ReplaceInput",
    "ReplaceState",
]


# ---------------------------------------------------------------- status


class OrderStatus(Enum):
    """Where an order is, as far as we know."""

    QUEUED = "queued"
    """Approved, awaiting a permit to be sent."""
    SENDING = "sending"
    """The request was handed to the wire; no answer yet."""
    IN_DOUBT = "in_doubt"
    """We can't tell whether the broker has it; counts as open."""
    WORKING = "working"
    """Acknowledged by the broker; may fill."""
    DORMANT = "dormant"
    """Acknowledged, but not expected to fill for now; may come back."""
    DENIED = "denied"
    """Dropped by us before it was sent."""
    FILLED = "filled"
    """Nothing left to fill."""
    CANCELED = "canceled"
    """Ended by a cancel; may carry fills."""
    EXPIRED = "expired"
    """Ended by its time in force; may carry fills."""
    REJECTED = "rejected"
    """Refused by the broker, definitely; may carry fills."""
    REPLACED = "replaced"
    """Superseded by an order that is not ours to follow; may carry fills."""
    ABSENT = "absent"
    """Proved not to be at the broker (never there, or vanished); revived if it shows up after all."""


class OrderInput(Enum):
    """What can happen to an order's status."""

    PERMITTED = "permitted"
    """The throttle gave its permit and the request was handed to the wire."""
    DROPPED = "dropped"
    """We dropped it before sending (stale, withdrawn, or the mode changed)."""
    ACKNOWLEDGED = "acknowledged"
    """The broker has it live, or an execution proves so."""
    SUSPENDED = "suspended"
    """The broker has it, but it does not trade for now."""
    LOST_TRACK = "lost_track"
    """The submit's outcome is unknown: time-out, lost connection, 5xx, unreadable, or a duplicate id."""
    REFUSED = "refused"
    """A definite 4xx to the submit: it never was an order."""
    REJECTED_LATER = "rejected_later"
    """The broker's rejected event or status."""
    FILLED_UP = "filled_up"
    """Leaves reached zero by executions, or the broker's status is filled."""
    CANCELED = "canceled"
    """The broker's canceled event or status."""
    EXPIRED = "expired"
    """The broker's expired event or status."""
    SUPERSEDED = "superseded"
    """The broker's replaced event or status, not by our own replace."""
    NOT_FOUND_FINALLY = "not_found_finally"
    """The grace has passed and consecutive queries found nothing: absence is proved."""
    VANISHED = "vanished"
    """The broker had confirmed it, and neither its lists nor consecutive queries show it any more."""


class OrderStatusChart(StateMachine):
    """The status of an order, from approval to its end."""

    s = States.from_enum(
        OrderStatus,
        initial=OrderStatus.QUEUED,
        final=[
            OrderStatus.DENIED,
            OrderStatus.FILLED,
            OrderStatus.CANCELED,
            OrderStatus.EXPIRED,
            OrderStatus.REJECTED,
            OrderStatus.REPLACED,
        ],
    )

    permitted = s.QUEUED.to(s.SENDING)
    dropped = s.QUEUED.to(s.DENIED)
    acknowledged = s.WORKING.from_(s.QUEUED, s.SENDING, s.IN_DOUBT, s.DORMANT, s.ABSENT)
    suspended = s.DORMANT.from_(s.QUEUED, s.SENDING, s.IN_DOUBT, s.WORKING, s.ABSENT)
    lost_track = s.IN_DOUBT.from_(s.SENDING, s.ABSENT)
    refused = s.REJECTED.from_(s.SENDING, s.IN_DOUBT)
    rejected_later = s.REJECTED.from_(s.QUEUED, s.SENDING, s.IN_DOUBT, s.WORKING, s.DORMANT, s.ABSENT)
    filled_up = s.FILLED.from_(s.QUEUED, s.SENDING, s.IN_DOUBT, s.WORKING, s.DORMANT, s.ABSENT)
    canceled = s.CANCELED.from_(s.QUEUED, s.SENDING, s.IN_DOUBT, s.WORKING, s.DORMANT, s.ABSENT)
    expired = s.EXPIRED.from_(s.QUEUED, s.SENDING, s.IN_DOUBT, s.WORKING, s.DORMANT, s.ABSENT)
    superseded = s.REPLACED.from_(s.QUEUED, s.SENDING, s.IN_DOUBT, s.WORKING, s.DORMANT, s.ABSENT)
    not_found_finally = s.IN_DOUBT.to(s.ABSENT)
    vanished = s.ABSENT.from_(s.WORKING, s.DORMANT)


_PERMITTED: Final = OrderInput.PERMITTED
_DROPPED: Final = OrderInput.DROPPED
_ACKNOWLEDGED: Final = OrderInput.ACKNOWLEDGED
_SUSPENDED: Final = OrderInput.SUSPENDED
_LOST_TRACK: Final = OrderInput.LOST_TRACK
_REFUSED: Final = OrderInput.REFUSED
_REJECTED: Final = OrderInput.REJECTED_LATER
_FILLED: Final = OrderInput.FILLED_UP
_CANCELED: Final = OrderInput.CANCELED
_EXPIRED: Final = OrderInput.EXPIRED
_SUPERSEDED: Final = OrderInput.SUPERSEDED
_NOT_FOUND: Final = OrderInput.NOT_FOUND_FINALLY
_VANISHED: Final = OrderInput.VANISHED

_LATE: Final = (_PERMITTED, _ACKNOWLEDGED, _SUSPENDED, _LOST_TRACK, _NOT_FOUND, _VANISHED)
"""What may still arrive after an end and says nothing new: late words, overtaken by the end."""

# fmt: off
STATUS_TABLE: Final[Table[OrderStatus, OrderInput]] = compile_chart(
    OrderStatusChart, OrderStatus, OrderInput,
    resting=(OrderStatus.ABSENT,),
    ignored={
        OrderStatus.IN_DOUBT: (_LOST_TRACK,),
        OrderStatus.WORKING:  (_PERMITTED, _ACKNOWLEDGED, _LOST_TRACK),
        OrderStatus.DORMANT:  (_PERMITTED, _SUSPENDED, _LOST_TRACK),
        OrderStatus.DENIED:   (_DROPPED, _NOT_FOUND, _VANISHED),
        OrderStatus.FILLED:   (*_LATE, _FILLED, _CANCELED, _EXPIRED),
        OrderStatus.CANCELED: (*_LATE, _CANCELED),
        OrderStatus.EXPIRED:  (*_LATE, _EXPIRED),
        OrderStatus.REJECTED: (*_LATE, _REFUSED, _REJECTED),
        OrderStatus.REPLACED: (*_LATE, _SUPERSEDED),
        OrderStatus.ABSENT:   (_REFUSED, _NOT_FOUND, _VANISHED),
    },
    faults={
        # Nothing was sent: no answer can come of it, and nothing can be proved absent.
        OrderStatus.QUEUED:   (_LOST_TRACK, _REFUSED, _NOT_FOUND, _VANISHED),
        # Sent once, never again; what was sent can't be dropped; absence is proved only of what is in doubt.
        OrderStatus.SENDING:  (_PERMITTED, _DROPPED, _NOT_FOUND, _VANISHED),
        OrderStatus.IN_DOUBT: (_PERMITTED, _DROPPED, _VANISHED),
        # The broker confirmed it: neither a refusal of the submit nor its absence can be true.
        OrderStatus.WORKING:  (_DROPPED, _REFUSED, _NOT_FOUND),
        OrderStatus.DORMANT:  (_DROPPED, _REFUSED, _NOT_FOUND),
        OrderStatus.DENIED:   (_PERMITTED, _ACKNOWLEDGED, _SUSPENDED, _LOST_TRACK, _REFUSED, _REJECTED,
                               _FILLED, _CANCELED, _EXPIRED, _SUPERSEDED),
        # Another end than the one we know.
        OrderStatus.FILLED:   (_DROPPED, _REFUSED, _REJECTED, _SUPERSEDED),
        OrderStatus.CANCELED: (_DROPPED, _REFUSED, _REJECTED, _FILLED, _EXPIRED, _SUPERSEDED),
        OrderStatus.EXPIRED:  (_DROPPED, _REFUSED, _REJECTED, _FILLED, _CANCELED, _SUPERSEDED),
        OrderStatus.REJECTED: (_DROPPED, _FILLED, _CANCELED, _EXPIRED, _SUPERSEDED),
        OrderStatus.REPLACED: (_DROPPED, _REFUSED, _REJECTED, _FILLED, _CANCELED, _EXPIRED),
        OrderStatus.ABSENT:   (_PERMITTED, _DROPPED),
    },
)
# fmt: on


# ---------------------------------------------------------------- the cancel request


class CancelState(Enum):
    """Whether a cancel of an order is pending."""

    NONE = "none"
    """Never asked."""
    ASKED = "asked"
    """Asked and not answered: the order may still fill, or may already be gone."""
    ANSWERED = "answered"
    """The last request is over: refused, or the order ended."""


class CancelInput(Enum):
    """What can happen to a cancel request."""

    REQUESTED = "requested"
    """We asked the broker to cancel; asking again while asked is the same request."""
    ACCEPTED_204 = "accepted_204"
    """The broker took the request: it is asked, not canceled."""
    REFUSED = "refused"
    """A definite no, as an answer or as an event: the order lives on, or had ended before."""
    RESOLVED = "resolved"
    """The order ended, by whatever cause."""
    UNKNOWN_OUTCOME = "unknown_outcome"
    """The request's outcome is unknown: it stays asked, and escalates."""


class CancelChart(StateMachine):
    """The cancel request of an order."""

    s = States.from_enum(CancelState, initial=CancelState.NONE)

    requested = s.ASKED.from_(s.NONE, s.ANSWERED)
    refused = s.ASKED.to(s.ANSWERED)
    resolved = s.ASKED.to(s.ANSWERED)


# fmt: off
CANCEL_TABLE: Final[Table[CancelState, CancelInput]] = compile_chart(
    CancelChart, CancelState, CancelInput,
    resting=(CancelState.ANSWERED,),
    inert=(CancelInput.ACCEPTED_204, CancelInput.UNKNOWN_OUTCOME),
    ignored={
        CancelState.NONE:     (CancelInput.RESOLVED,),
        CancelState.ASKED:    (CancelInput.REQUESTED, CancelInput.ACCEPTED_204, CancelInput.UNKNOWN_OUTCOME),
        # The end on the stream overtakes the 204; a refusal comes as an answer and as an event.
        CancelState.ANSWERED: (CancelInput.ACCEPTED_204, CancelInput.REFUSED, CancelInput.RESOLVED,
                               CancelInput.UNKNOWN_OUTCOME),
    },
    faults={
        # An answer to what we never asked: somebody else acts on our order.
        CancelState.NONE:     (CancelInput.ACCEPTED_204, CancelInput.REFUSED, CancelInput.UNKNOWN_OUTCOME),
    },
)
# fmt: on


# ---------------------------------------------------------------- the replace request


class ReplaceState(Enum):
    """Whether a replace of an order is pending."""

    NONE = "none"
    """Never asked."""
    ASKED = "asked"
    """Asked and not answered: the old terms, the new ones or both may be live."""
    ANSWERED = "answered"
    """The last request is over: confirmed, refused, or the order ended."""


class ReplaceInput(Enum):
    """What can happen to a replace request."""

    REQUESTED = "requested"
    """We asked the broker to replace."""
    CONFIRMED = "confirmed"
    """The chain has its new leg: the new terms hold."""
    REFUSED = "refused"
    """A definite no, as an answer or as an event: the old terms hold."""
    RESOLVED = "resolved"
    """The order ended, by whatever cause."""
    UNKNOWN_OUTCOME = "unknown_outcome"
    """The request's outcome is unknown: it stays asked, and both terms count."""


class ReplaceChart(StateMachine):
    """The replace request of an order."""

    s = States.from_enum(ReplaceState, initial=ReplaceState.NONE)

    requested = s.ASKED.from_(s.NONE, s.ANSWERED)
    confirmed = s.ASKED.to(s.ANSWERED)
    refused = s.ASKED.to(s.ANSWERED)
    resolved = s.ASKED.to(s.ANSWERED)


# fmt: off
REPLACE_TABLE: Final[Table[ReplaceState, ReplaceInput]] = compile_chart(
    ReplaceChart, ReplaceState, ReplaceInput,
    resting=(ReplaceState.ANSWERED,),
    inert=(ReplaceInput.UNKNOWN_OUTCOME,),
    ignored={
        ReplaceState.NONE:     (ReplaceInput.RESOLVED,),
        ReplaceState.ASKED:    (ReplaceInput.UNKNOWN_OUTCOME,),
        # A confirmation comes as an answer, as an event and in every later report.
        ReplaceState.ANSWERED: (ReplaceInput.CONFIRMED, ReplaceInput.REFUSED, ReplaceInput.RESOLVED,
                                ReplaceInput.UNKNOWN_OUTCOME),
    },
    faults={
        ReplaceState.NONE:     (ReplaceInput.CONFIRMED, ReplaceInput.REFUSED, ReplaceInput.UNKNOWN_OUTCOME),
        # One at a time: a second one in flight would make it unknowable which terms were confirmed.
        ReplaceState.ASKED:    (ReplaceInput.REQUESTED,),
    },
)
# fmt: on
