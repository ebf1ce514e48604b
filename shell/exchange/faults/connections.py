"""Faults of a stream's connection: refused, unauthorized, kicked, cut, mute, oddly framed.

1. One object for the order stream and one for the market streams; each is asked by its stream.
2. A refused handshake begins a hold in which all are answered 429. The first handshake after a refusal of any
   kind is let in without a draw: a client that keeps trying gets through at any rate.
3. A cut closes with 1000 or 1011, or without a close frame (1006 at the client).
"""

from collections.abc import Callable
from typing import Final

from shell.exchange.faults.draws import Draws
from shell.exchange.faults.hooks import StreamHooks
from shell.exchange.http import Response, message_response
from shell.exchange.ws import WebSocket

__all__ = ["ConnectionFaults"]

_CLOSE_CODES: Final = {"1000": 1000, "1011": 1011}


class ConnectionFaults(StreamHooks):
    """The connections of one kind of stream."""

    def __init__(self, draws: Draws, clock: Callable[[], int]) -> None:
        self._draws = draws
        self._clock = clock
        self._sockets: list[WebSocket] = []
        self._held_until = 0
        self._spared = False
        self._next: str | None = None

    def refuse(self) -> Response | None:
        """The refusal of a handshake; None lets it pass."""
        draws, name = self._draws, "stream_refused"
        if draws.is_on and self._clock() < self._held_until:
            return message_response(429, "too many requests.")
        self._next = None
        fired = draws.fires(name)
        if self._spared:
            self._spared = False
            return None
        if not fired:
            return None
        draws.hit(name)
        self._spared = True
        kind = draws.kind(name)
        if kind == "busy":
            self._held_until = self._clock() + draws.duration(name)
            return message_response(429, "too many requests.")
        self._next = kind
        return None

    def authorizes(self) -> bool:
        """Whether good credentials are let in."""
        if self._next != "unauthorized":
            return True
        self._next = None
        return False

    def admitted(self, socket: WebSocket) -> None:
        """A client was authorized: it may be shown the door at once."""
        self._sockets.append(socket)
        if self._next == "kicked":
            self._next = None
            socket.close(1008, "connection limit exceeded")

    def left(self, socket: WebSocket) -> None:
        """A client's connection is over."""
        if socket in self._sockets:
            self._sockets.remove(socket)

    def cut(self, kind: str | None) -> bool:
        """Ends every open connection; whether there was one."""
        found = [socket for socket in self._sockets if socket.is_open]
        for socket in found:
            if kind in _CLOSE_CODES:
                socket.close(_CLOSE_CODES[kind], "")
            else:
                socket.abort()
        return bool(found)

    def shape(self, message: str | bytes, flips: bool) -> tuple[str | bytes, int]:
        """The message as it is sent, and in how many fragments."""
        draws = self._draws
        if not draws.fires("binary_frames"):
            return message, 1
        kind = draws.kind("binary_frames")
        if kind == "flip" and flips:
            draws.hit("binary_frames")
            return (message.encode() if isinstance(message, str) else message.decode()), 1
        if kind == "fragments" and len(message) > 1:
            draws.hit("binary_frames")
            return message, 2
        return message, 1
