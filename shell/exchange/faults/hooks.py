"""What streams ask before they do the decent thing; these answers are the decent ones.

1. The server asks about a handshake, a stream about authentication, silence and the form of each message.
2. `faults.connections` overrides them. Streams know this file only.
"""

from shell.exchange.http import Response
from shell.exchange.ws import WebSocket

__all__ = ["StreamHooks"]


class StreamHooks:
    """A stream that behaves."""

    is_mute = False
    """Whether nothing but answers is sent."""

    def refuse(self) -> Response | None:
        """The refusal of a handshake; None lets it pass."""
        return None

    def authorizes(self) -> bool:
        """Whether good credentials are let in."""
        return True

    def admitted(self, socket: WebSocket) -> None:
        """A client was authorized on this connection."""

    def left(self, socket: WebSocket) -> None:
        """A client's connection is over."""

    def shape(self, message: str | bytes, flips: bool) -> tuple[str | bytes, int]:
        """The message as it is sent, and in how many fragments; `flips`: text and binary mean the same."""
        return message, 1
