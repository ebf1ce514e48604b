"""The life of a stream: connect, authenticate, listen, resync, live; mute, down, unauthorized.

Only LIVE lets risk increase. A link becomes live by one way only: a resync by REST that was asked
after it listens, for the streams replay nothing and whatever happened in the gap is known to REST alone.

Rules:
1. Silence is not health: a link that is silent too long is MUTE, and the first frame leads to a resync,
   not back to live.
2. Refused credentials are tried again, for brokers refuse good ones too: the first CREDENTIALS_CONDEMNED
   leads to UNAUTHORIZED, and that is final until an operator's word. The desk gives it when they were
   refused from the start of a run; once they were good in a run they are tried for ever, with growing waits.
3. After a loss, words of the old connection may still arrive (a frame, a resync's end): absorbed.
   Give RESYNC_COMPLETED only for a resync that was asked after the last LISTEN_CONFIRMED.
4. A handshake's step out of its order is a fault: two connections, or a broker that we don't know.
   The handshake's own deadline is the shell's; its end is CONNECTION_LOST.

Ignores: how many refusals condemn credentials, when to open again, and how long silence may last (the
desk's policy).
"""

from enum import Enum
from typing import Final

from statemachine import StateMachine
from statemachine.states import States

from kernel.chart import Table, compile_chart

__all__ = ["LINK_TABLE", "LinkInput", "LinkState"]


class LinkState(Enum):
    """Where a stream's connection is."""

    DOWN = "down"
    """No connection and none being made."""
    CONNECTING = "connecting"
    """The socket is being opened."""
    AUTHENTICATING = "authenticating"
    """Connected; our credentials are being checked."""
    LISTENING = "listening"
    """Authenticated; the subscription is asked and not confirmed."""
    RESYNCING = "resyncing"
    """Frames arrive; what happened before is being fetched by REST."""
    LIVE = "live"
    """In step: what the stream says is all there is. The only state that lets risk increase."""
    MUTE = "mute"
    """Connected, but silent for too long: nothing is known any more."""
    UNAUTHORIZED = "unauthorized"
    """The broker refused our credentials from the start: final until an operator's word."""


class LinkInput(Enum):
    """What can happen to a stream's connection."""

    OPEN_REQUESTED = "open_requested"
    """The desk asked the shell to open it."""
    CONNECTED = "connected"
    """The socket is open."""
    AUTHENTICATED = "authenticated"
    """The broker accepted our credentials."""
    AUTHENTICATION_REFUSED = "authentication_refused"
    """The broker refused our credentials, this time."""
    CREDENTIALS_CONDEMNED = "credentials_condemned"
    """The broker has refused them so often, and never taken them, that they are wrong."""
    LISTEN_CONFIRMED = "listen_confirmed"
    """The broker confirmed the subscription."""
    RESYNC_COMPLETED = "resync_completed"
    """Everything that the gap may have hidden was fetched and applied."""
    FRAME_RECEIVED = "frame_received"
    """A frame or a pong arrived."""
    SILENCE_DETECTED = "silence_detected"
    """Nothing arrived for longer than allowed."""
    CONNECTION_LOST = "connection_lost"
    """The connection ended, by either side or by the network."""
    CONNECTION_REFUSED = "connection_refused"
    """The broker refused the connection: too many (429 on the upgrade, error 406)."""
    CLOSE_REQUESTED = "close_requested"
    """The desk asked the shell to close it."""
    RESET_BY_OPERATOR = "reset_by_operator"
    """A person says that the credentials are good again."""


class LinkChart(StateMachine):
    """A stream's connection, from down to live and back."""

    s = States.from_enum(LinkState, initial=LinkState.DOWN)

    open_requested = s.DOWN.to(s.CONNECTING)
    connected = s.CONNECTING.to(s.AUTHENTICATING)
    authenticated = s.AUTHENTICATING.to(s.LISTENING)
    authentication_refused = s.DOWN.from_(
        s.CONNECTING, s.AUTHENTICATING, s.LISTENING, s.RESYNCING, s.LIVE, s.MUTE
    )
    credentials_condemned = s.DOWN.to(s.UNAUTHORIZED)
    listen_confirmed = s.LISTENING.to(s.RESYNCING)
    resync_completed = s.RESYNCING.to(s.LIVE)
    frame_received = s.MUTE.to(s.RESYNCING)
    silence_detected = s.MUTE.from_(s.RESYNCING, s.LIVE)
    connection_lost = s.DOWN.from_(s.CONNECTING, s.AUTHENTICATING, s.LISTENING, s.RESYNCING, s.LIVE, s.MUTE)
    connection_refused = s.DOWN.from_(
        s.CONNECTING, s.AUTHENTICATING, s.LISTENING, s.RESYNCING, s.LIVE, s.MUTE
    )
    close_requested = s.DOWN.from_(s.CONNECTING, s.AUTHENTICATING, s.LISTENING, s.RESYNCING, s.LIVE, s.MUTE)
    reset_by_operator = s.UNAUTHORIZED.to(s.DOWN)


_OPEN: Final = LinkInput.OPEN_REQUESTED
_CONNECTED: Final = LinkInput.CONNECTED
_AUTHENTICATED: Final = LinkInput.AUTHENTICATED
_BAD_KEYS: Final = LinkInput.AUTHENTICATION_REFUSED
_CONDEMNED: Final = LinkInput.CREDENTIALS_CONDEMNED
_CONFIRMED: Final = LinkInput.LISTEN_CONFIRMED
_RESYNCED: Final = LinkInput.RESYNC_COMPLETED
_FRAME: Final = LinkInput.FRAME_RECEIVED
_SILENCE: Final = LinkInput.SILENCE_DETECTED
_LOST: Final = LinkInput.CONNECTION_LOST
_REFUSED: Final = LinkInput.CONNECTION_REFUSED
_CLOSE: Final = LinkInput.CLOSE_REQUESTED
_RESET: Final = LinkInput.RESET_BY_OPERATOR

# fmt: off
LINK_TABLE: Final[Table[LinkState, LinkInput]] = compile_chart(
    LinkChart, LinkState, LinkInput,
    ignored={
        LinkState.DOWN:           (_BAD_KEYS, _RESYNCED, _FRAME, _SILENCE, _LOST, _REFUSED, _CLOSE, _RESET),
        LinkState.CONNECTING:     (_OPEN, _RESYNCED, _FRAME, _SILENCE, _RESET),
        LinkState.AUTHENTICATING: (_OPEN, _RESYNCED, _FRAME, _SILENCE, _RESET),
        LinkState.LISTENING:      (_OPEN, _RESYNCED, _FRAME, _SILENCE, _RESET),
        # A changed subscription is confirmed again.
        LinkState.RESYNCING:      (_OPEN, _CONFIRMED, _FRAME, _RESET),
        LinkState.LIVE:           (_OPEN, _CONFIRMED, _RESYNCED, _FRAME, _RESET),
        LinkState.MUTE:           (_OPEN, _CONFIRMED, _RESYNCED, _SILENCE, _RESET),
        LinkState.UNAUTHORIZED:   (_BAD_KEYS, _RESYNCED, _FRAME, _SILENCE, _LOST, _REFUSED, _CLOSE),
    },
    faults={
        LinkState.DOWN:           (_CONNECTED, _AUTHENTICATED, _CONFIRMED),
        LinkState.CONNECTING:     (_AUTHENTICATED, _CONFIRMED, _CONDEMNED),
        LinkState.AUTHENTICATING: (_CONNECTED, _CONFIRMED, _CONDEMNED),
        LinkState.LISTENING:      (_CONNECTED, _AUTHENTICATED, _CONDEMNED),
        LinkState.RESYNCING:      (_CONNECTED, _AUTHENTICATED, _CONDEMNED),
        LinkState.LIVE:           (_CONNECTED, _AUTHENTICATED, _CONDEMNED),
        LinkState.MUTE:           (_CONNECTED, _AUTHENTICATED, _CONDEMNED),
        LinkState.UNAUTHORIZED:   (_OPEN, _CONNECTED, _AUTHENTICATED, _CONFIRMED, _CONDEMNED),
    },
)
# fmt: on
