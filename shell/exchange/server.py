"""The exchange's one port: every connection is HTTP/1.1 first and may become a WebSocket.

1. Loopback only. One task per connection; no more than CONNECTIONS_MAX of them: one more is closed at once.
2. A REST request goes: read, answer (synchronously), send, publish; `faults.delivery` does it, and may do it
   badly. The answer is on its way before the updates that it caused. A labelled request counts as in flight
   until its updates are out.
3. An upgrade is judged before the 101: unknown path 404, second order stream 429, bad handshake 400.
4. Whatever one connection does, the others live on: a broken request is answered and the connection closed;
   an unexpected error ends its own connection and is kept in `Exchange.bugs`.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import trio

from shell.exchange.api import BUGS_MAX, answer, host_is_local
from shell.exchange.exchange import Exchange
from shell.exchange.faults.delivery import deliver
from shell.exchange.http import BadRequest, HttpPeer, Request, Response, message_response
from shell.exchange.settings import SetupError
from shell.exchange.sim import Label, parse_label
from shell.exchange.ws import WebSocket, accept_bytes, handshake_problem

__all__ = ["CONNECTIONS_MAX", "Server", "open_listener"]

CONNECTIONS_MAX: Final = 512
"""Open connections; a client of ours uses under ten."""

BACKLOG: Final = 128
"""Connections that the operating system may hold for us."""

Speaker = Callable[[WebSocket], Awaitable[None]]


async def open_listener(host: str, port: int) -> trio.SocketListener:
    """A listener on a loopback address. Raises SetupError in one line when it cannot be had."""
    try:
        listeners = await trio.open_tcp_listeners(port, host=host, backlog=BACKLOG)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SetupError(f"port {port} on {host}: {reason.lower()}; choose another with --port") from error
    except OverflowError as error:
        raise SetupError(f"port {port}: must be 0 to 65535") from error
    for extra in listeners[1:]:
        await extra.aclose()
    return listeners[0]


class Server:
    """Serves one exchange on one listener."""

    def __init__(self, exchange: Exchange, listener: trio.SocketListener) -> None:
        self._exchange = exchange
        self._listener = listener
        self._connections = 0

    async def run(self) -> None:
        """Accept and serve until cancelled."""
        await trio.serve_listeners(self._connection, [self._listener])

    async def _connection(self, stream: trio.SocketStream) -> None:
        if self._connections >= CONNECTIONS_MAX:
            await trio.aclose_forcefully(stream)
            return
        self._connections += 1
        try:
            stream.setsockopt(trio.socket.IPPROTO_TCP, trio.socket.TCP_NODELAY, 1)
            await self._converse(HttpPeer(stream))
        except Exception as bug:  # noqa: BLE001 - one connection's bug must not end the others
            if len(self._exchange.bugs) < BUGS_MAX:
                self._exchange.bugs.append(f"connection: {type(bug).__name__}: {bug}")
        finally:
            self._connections -= 1
            await trio.aclose_forcefully(stream)

    async def _converse(self, peer: HttpPeer) -> None:
        """Request after request, until the client leaves, errs, or upgrades."""
        while True:
            try:
                request = await peer.next_request()
            except BadRequest as bad:
                if peer.can_answer:
                    await peer.send(message_response(bad.status, bad.message)._replace(close=True))
                return
            if request is None:
                return
            if request.is_upgrade:
                await self._upgrade(peer, request)
                return
            if not await self._rest(peer, request):
                return

    async def _rest(self, peer: HttpPeer, request: Request) -> bool:
        """Answer one REST request; whether the connection goes on."""
        label = parse_label(request.headers.get("x-sim-client"))
        self._exchange.lockstep.request_began(label)
        try:
            return await deliver(self._exchange, peer, request, partial(answer, self._exchange, request))
        finally:
            self._exchange.lockstep.request_ended(label)

    async def _upgrade(self, peer: HttpPeer, request: Request) -> None:
        """Make a WebSocket of the connection, or say why not."""
        problem = handshake_problem(request)
        if not host_is_local(request):
            await peer.send(message_response(403, "forbidden."))
            return
        speaker = self._speaker(request)
        if isinstance(speaker, Response):
            await peer.send(speaker)
            return
        if problem is not None:
            await peer.send(message_response(400, problem))
            return
        label = None if request.path == "/sim" else parse_label(request.headers.get("x-sim-client"))
        socket = WebSocket(peer.stream, accept_bytes(request), peer.surplus)
        self._exchange.driver.touch()
        await self._speak(socket, label, speaker)

    async def _speak(self, socket: WebSocket, label: Label | None, speaker: Speaker) -> None:
        lockstep = self._exchange.lockstep
        lockstep.stream_opened(label, socket)
        try:
            await socket.run(speaker)
        finally:
            lockstep.stream_closed(label, socket)

    def _speaker(self, request: Request) -> Speaker | Response:
        """Who speaks on a path, or the refusal of the handshake."""
        exchange = self._exchange
        path = request.path
        if path == "/sim":
            return exchange.lockstep.serve
        if path == "/stream":
            if exchange.trade_stream.is_full:
                return message_response(429, "too many requests.")
            return exchange.trade_stream.hooks.refuse() or exchange.trade_stream.serve
        stream = exchange.stock_streams.get(path.removeprefix("/v2/")) if path.startswith("/v2/") else None
        if path == "/v1beta3/crypto/us":
            stream = exchange.crypto_stream
        if stream is None:
            return message_response(404, "endpoint not found", 40410000)
        refusal = stream.hooks.refuse()
        if refusal is not None:
            return refusal
        feed = stream
        return lambda socket: feed.serve(socket, request)
