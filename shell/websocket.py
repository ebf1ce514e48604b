"""A WebSocket to somewhere else, by trio-websocket: bounded, closed politely, its end made a value.

1. Connecting is bounded in time, messages in size, the queue of received ones in number.
2. Whatever the library raises when a connection ends, or never begins, becomes SocketEnded, alone and not in
   a group; what the user's block raises comes out as it is.
3. Closing is said to the other side even when we are being canceled: an unclean end keeps Alpaca's only place
   occupied for about 90 s.
4. The TCP stream is ours and is closed in every case (the library forgets it when a handshake is refused).

No policy, no pings, no meaning of messages.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

import trio
import trio_websocket
from trio_websocket import WebSocketConnection
from wsproto.utilities import ProtocolError

__all__ = ["LIBRARY_ERRORS", "SocketEnded", "ended_by", "open_socket"]

CLOSE_S_MAX: Final = 0.5
"""For saying goodbye and hearing it back; then the socket is cut."""

CLOSE_CANCELED_S_MAX: Final = 0.1
"""For saying goodbye when we are being canceled: who would hear the answer has ended already."""

RECEIVE_BYTES: Final = 2**16
BODY_CHARACTERS_MAX: Final = 120

TcpStream = trio.SocketStream | trio.SSLStream[trio.SocketStream]


class SocketEnded(Exception):
    """The connection is over or never was. `http_status` is set where the handshake was refused."""

    def __init__(self, detail: str, http_status: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.http_status = http_status


LIBRARY_ERRORS: Final = (
    SocketEnded,
    trio_websocket.HandshakeError,
    trio_websocket.ConnectionClosed,
    trio.BrokenResourceError,
    trio.ClosedResourceError,
    ProtocolError,
    OSError,
)
"""What the end of a connection raises. Anything else is a bug and escapes."""


def ended_by(error: BaseException) -> SocketEnded:
    """The end that a library's error (or a group of them) tells of."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, SocketEnded):
        return error
    if isinstance(error, trio_websocket.ConnectionRejected):
        body = (error.body or b"")[:BODY_CHARACTERS_MAX].decode("utf-8", "replace")
        return SocketEnded(f"HTTP {error.status_code} to the handshake: {body}", error.status_code)
    if isinstance(error, trio_websocket.ConnectionClosed):
        reason = error.reason
        if reason is None:
            return SocketEnded("closed")
        return SocketEnded(f"closed: {reason.code} {reason.name} {reason.reason or ''}".rstrip())
    return SocketEnded(f"{type(error).__name__}: {error}")


@asynccontextmanager
async def open_socket(
    url: str,
    *,
    connect_timeout: float,
    message_bytes_max: int,
    messages_queued_max: int,
    headers: tuple[tuple[str, str], ...] = (),
) -> AsyncIterator[WebSocketConnection]:
    """Connect to a ws or wss URL, hand the connection out, say goodbye. Raises SocketEnded."""
    deadline = trio.current_time() + connect_timeout
    stream = await _dial(url, deadline)
    raised: Exception | None = None
    try:
        async with trio.open_nursery() as nursery:
            socket = await _upgrade(
                nursery, stream, url, deadline, message_bytes_max, messages_queued_max, headers
            )
            try:
                yield socket
            except Exception as error:  # noqa: BLE001 - raised again below, where no nursery wraps it in a group
                raised = error
            finally:
                await _say_goodbye(socket)
                nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        ours, others = group.split(LIBRARY_ERRORS)
        if others is not None:
            raise others from None
        if ours is not None:
            raised = raised or ended_by(ours)
    finally:
        await trio.aclose_forcefully(stream)
    if raised is not None:
        raise raised


async def _dial(url: str, deadline: float) -> TcpStream:
    """The TCP connection, with TLS on it for wss (its handshake is made with the first bytes)."""
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or parts.hostname is None:
        raise SocketEnded(f"not a ws or wss URL: {url}")
    try:
        with trio.move_on_at(deadline):
            if parts.scheme == "ws":
                return await trio.open_tcp_stream(parts.hostname, parts.port or 80)
            return await trio.open_ssl_over_tcp_stream(
                parts.hostname, parts.port or 443, https_compatible=True
            )
    except OSError as error:
        raise ended_by(error) from error
    raise SocketEnded("no connection in time")


async def _upgrade(
    nursery: trio.Nursery,
    stream: TcpStream,
    url: str,
    deadline: float,
    message_bytes_max: int,
    messages_queued_max: int,
    headers: tuple[tuple[str, str], ...],
) -> WebSocketConnection:
    """The WebSocket handshake; the library's reader runs in the nursery."""
    parts = urlsplit(url)
    with trio.move_on_at(deadline):
        return await trio_websocket.wrap_client_stream(
            nursery,
            stream,
            parts.netloc,
            (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            extra_headers=[(name.encode(), value.encode()) for name, value in headers],
            message_queue_size=messages_queued_max,
            max_message_size=message_bytes_max,
            receive_buffer_size=RECEIVE_BYTES,
        )
    raise SocketEnded("no connection in time")


async def _say_goodbye(socket: WebSocketConnection) -> None:
    canceled = trio.current_effective_deadline() <= trio.current_time()
    with trio.move_on_after(CLOSE_CANCELED_S_MAX if canceled else CLOSE_S_MAX, shield=True):
        await socket.aclose()
