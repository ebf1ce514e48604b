"""A WebSocket's server side on a connection whose upgrade request has been read.

wsproto frames; this file owns the socket, so that the exchange decides byte by byte what a client sees.

1. Sending never waits: a message goes into a bounded outbox that one writer task empties, joining what is
   queued. `sent` counts the data messages put there: a lock-step client must report just as many as
   processed.
2. An outbox above OUTBOX_BYTES_MAX, or a socket that takes nothing for SEND_SECONDS_MAX, is a slow client: it
   gets a last word if its stream has one (`farewell`) and close 1008, and is dropped after CLOSE_SECONDS_MAX.
3. Fragments are joined (alpaca-py sends its subscriptions in fragments); a message above MESSAGE_BYTES_MAX is
   closed with 1009; pings are answered; a broken frame is closed with the code that wsproto names.
4. `left_cleanly` tells a client that said goodbye from one that died.

It ignores extensions (permessage-deflate is not accepted) and subprotocols.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

import trio
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.utilities import LocalProtocolError, RemoteProtocolError, generate_accept_token

from shell.exchange.http import Request

__all__ = ["WebSocket", "accept_bytes", "handshake_problem"]

MESSAGE_BYTES_MAX: Final = 256 * 1024
"""One message from a client, fragments joined; a subscription of 10,000 symbols is under 100 KiB."""

OUTBOX_BYTES_MAX: Final = 4 * 1024 * 1024
"""Bytes that wait for a client; about 10,000 trade updates."""

SEND_SECONDS_MAX: Final = 20.0
"""For the socket to take what the writer holds."""

CLOSE_SECONDS_MAX: Final = 2.0
"""From our close frame to the client's, before the connection is cut."""

_RECEIVE_BYTES: Final = 16 * 1024


def handshake_problem(request: Request) -> str | None:
    """Why this is no acceptable upgrade request, or None when it is one."""
    headers = request.headers
    if request.method != "GET":
        return "a WebSocket handshake is a GET"
    if "upgrade" not in headers.get("connection", "").lower():
        return "missing Connection: Upgrade"
    if headers.get("sec-websocket-version", "") != "13":
        return "Sec-WebSocket-Version must be 13"
    if len(headers.get("sec-websocket-key", "")) != 24:
        return "missing Sec-WebSocket-Key"
    return None


def accept_bytes(request: Request) -> bytes:
    """The 101 answer to a good upgrade request."""
    token = generate_accept_token(request.headers["sec-websocket-key"].encode()).decode()
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {token}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class WebSocket:
    """One accepted WebSocket. Build it, then `await run(handler)`; the handler receives until None."""

    def __init__(self, stream: trio.abc.Stream, greeting: bytes, surplus: bytes) -> None:
        self.sent = 0
        """Data messages queued for the client so far."""
        self.left_cleanly = False
        """The client sent a close frame of its own accord (or answered ours)."""
        self.farewell: Callable[[], str | bytes] | None = None
        """The last message that a slow client gets before it is closed."""
        self._stream = stream
        self._greeting = greeting
        self._surplus = surplus
        self._protocol = Connection(ConnectionType.SERVER)
        self._outbox: deque[bytes] = deque()
        self._outbox_bytes = 0
        self._writing = 0
        self._wake = trio.Event()
        self._emptied = trio.Event()
        self._closing = False
        self._parts: list[str | bytes] = []
        self._parts_bytes = 0
        self._scope = trio.CancelScope()

    @property
    def is_open(self) -> bool:
        """Whether a message queued now would be sent."""
        return not self._closing and self._protocol.state is ConnectionState.OPEN

    def send(self, message: str | bytes, fragments: int = 1) -> bool:
        """Queue one message (text for str, binary for bytes); False when the connection is closing.

        `fragments` 2 sends it in two frames.
        """
        if not self.is_open:
            return False
        if self._outbox_bytes > OUTBOX_BYTES_MAX:
            self._give_up()
            return False
        self._queue_message(message, fragments)
        return True

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Queue a close frame; what was queued before still goes out."""
        if self._closing:
            return
        self._closing = True
        if self._protocol.state in (ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING):
            self._queue(self._protocol.send(CloseConnection(code=code, reason=reason[:100])))
        self._scope.deadline = min(self._scope.deadline, trio.current_time() + CLOSE_SECONDS_MAX)
        self._wake.set()

    def abort(self) -> None:
        """Cut the connection at once, without a close frame."""
        self._closing = True
        self._scope.cancel()

    async def run(self, handler: Callable[["WebSocket"], Awaitable[None]]) -> None:
        """Greet, then run the handler beside the writer until either side ends the connection."""
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    self._queue(self._greeting)
                    nursery.start_soon(self._write)
                    await handler(self)
                    self.close()
                    await self._drain()
                    nursery.cancel_scope.cancel()
        finally:
            self._closing = True
            with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSE_SECONDS_MAX):
                await self._stream.aclose()

    async def receive(self) -> str | bytes | None:
        """The next whole message, or None when the connection is over."""
        while True:
            if self._surplus:
                data, self._surplus = self._surplus, b""
                if not self._feed(data):
                    return None
            for event in self._protocol.events():
                if isinstance(event, (TextMessage, BytesMessage)):
                    message = self._join(event)
                    if message is not None:
                        return message
                elif isinstance(event, Ping):
                    if self.is_open:
                        self._queue(self._protocol.send(event.response()))
                elif isinstance(event, CloseConnection):
                    # In state OPEN it is wsproto's verdict on a broken frame, not the client's farewell.
                    self.left_cleanly = self._protocol.state is not ConnectionState.OPEN
                    self.close(event.code)
                    return None
            if self._closing and self._protocol.state is not ConnectionState.LOCAL_CLOSING:
                return None
            try:
                data = bytes(await self._stream.receive_some(_RECEIVE_BYTES))
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                data = b""
            if not data or not self._feed(data):
                return None

    def _feed(self, data: bytes) -> bool:
        try:
            self._protocol.receive_data(data)
        except RemoteProtocolError as error:
            hint = error.event_hint
            self.close(hint.code if isinstance(hint, CloseConnection) else 1002, "protocol error")
            return False
        except LocalProtocolError:
            return False
        return True

    def _join(self, event: TextMessage | BytesMessage) -> str | bytes | None:
        self._parts.append(event.data if isinstance(event.data, str) else bytes(event.data))
        self._parts_bytes += len(event.data)
        if self._parts_bytes > MESSAGE_BYTES_MAX:
            self.close(1009, f"message above {MESSAGE_BYTES_MAX} bytes")
            return None
        if not event.message_finished:
            return None
        parts, self._parts, self._parts_bytes = self._parts, [], 0
        if isinstance(event, TextMessage):
            return "".join(part for part in parts if isinstance(part, str))
        return b"".join(part for part in parts if isinstance(part, bytes))

    def _queue(self, wire: bytes) -> None:
        self._outbox.append(wire)
        self._outbox_bytes += len(wire)
        self._wake.set()

    def _queue_message(self, message: str | bytes, fragments: int = 1) -> None:
        self.sent += 1
        if fragments > 1:
            half = len(message) // 2
            first, message = message[:half], message[half:]
            self._queue(self._protocol.send(_message(first, finished=False)))
        self._queue(self._protocol.send(_message(message, finished=True)))

    def _give_up(self) -> None:
        """The client reads too slowly: what waits is thrown away; the last word and a close go out."""
        self._outbox.clear()
        self._outbox_bytes = self._writing
        if self.farewell is not None:
            self._queue_message(self.farewell())
        self.close(1008, "slow client")

    async def _write(self) -> None:
        while True:
            if not self._outbox:
                self._wake = trio.Event()
                await self._wake.wait()
                continue
            wire = b"".join(self._outbox)
            self._outbox.clear()
            self._writing = len(wire)
            try:
                with trio.fail_after(SEND_SECONDS_MAX):
                    await self._stream.send_all(wire)
            except (trio.TooSlowError, trio.BrokenResourceError, trio.ClosedResourceError):
                self.abort()
                return
            self._outbox_bytes -= self._writing
            self._writing = 0
            if not self._outbox:
                self._emptied.set()

    async def _drain(self) -> None:
        """Wait for the outbox to empty and the client's close frame; the scope's deadline bounds it."""
        while self._outbox_bytes > 0:
            self._emptied = trio.Event()
            await self._emptied.wait()
        while self._protocol.state is ConnectionState.LOCAL_CLOSING:
            if await self.receive() is None:
                return


def _message(data: str | bytes, *, finished: bool) -> TextMessage | BytesMessage:
    """A frame of a message."""
    if isinstance(data, str):
        return TextMessage(data=data, message_finished=finished)
    return BytesMessage(data=data, message_finished=finished)
