"""`/stream`: trade_updates, as the paper endpoint speaks it.

1. The server says nothing first. Both forms of authentication are answered by one `authorization` object;
   `listen` replaces the whole set of streams and is answered by `listening`, unknown names left out.
2. Frames are binary JSON (paper) or text JSON (live), as the settings say.
3. One connection per account: a further handshake is answered HTTP 429 before it becomes a WebSocket.
4. There is no replay: who was not listening missed it. A client that reads too slowly is closed.
5. Updates come as they shall be sent; `hooks` may still refuse, cut, or change the form of what is sent.

It ignores MessagePack on this stream and the extinct account_updates.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

import trio

from shell.exchange.auth import Credentials
from shell.exchange.faults.hooks import StreamHooks
from shell.exchange.ws import WebSocket

__all__ = ["AUTH_SECONDS_MAX", "CONNECTIONS_MAX", "TradeStream"]

CONNECTIONS_MAX: Final = 1
"""Order streams of one account, in practice."""

AUTH_SECONDS_MAX: Final = 10.0
"""From the handshake to accepted credentials; then the connection is closed."""


class _Listener:
    """One connection and what it has asked for."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.authorized = False
        self.streams: tuple[str, ...] = ()


class TradeStream:
    """The order stream of one account."""

    def __init__(self, credentials: Credentials, binary: bool, hooks: StreamHooks | None = None) -> None:
        self._credentials = credentials
        self._binary = binary
        self.hooks = hooks or StreamHooks()
        self._listeners: list[_Listener] = []

    @property
    def is_full(self) -> bool:
        """Whether a further handshake must be answered 429."""
        return len(self._listeners) >= CONNECTIONS_MAX

    def publish(self, messages: Sequence[str]) -> None:
        """Send rendered trade updates, in this order, to whoever listens."""
        for listener in self._listeners:
            if "trade_updates" in listener.streams:
                for text in messages:
                    self._send(listener, text)

    async def serve(self, socket: WebSocket) -> None:
        """Speak with one client until it leaves."""
        listener = _Listener(socket)
        self._listeners.append(listener)
        try:
            with trio.move_on_after(AUTH_SECONDS_MAX):
                while not listener.authorized:
                    if not await self._exchange_one(listener):
                        return
            if not listener.authorized:
                socket.close(1008, "auth timeout")
                return
            while await self._exchange_one(listener):
                pass
        finally:
            self._listeners.remove(listener)
            self.hooks.left(socket)

    async def _exchange_one(self, listener: _Listener) -> bool:
        """Read one message and answer it; False when the client has left."""
        message = await listener.socket.receive()
        if message is None:
            return False
        try:
            fields = json.loads(message)
        except (ValueError, RecursionError):
            fields = None
        data = fields.get("data") if isinstance(fields, dict) else None
        action = fields.get("action") if isinstance(fields, dict) else None
        if isinstance(fields, dict) and action == "auth":
            self._authorize(listener, fields.get("key"), fields.get("secret"))
        elif action == "authenticate" and isinstance(data, dict):
            self._authorize(listener, data.get("key_id"), data.get("secret_key"))
        elif action == "listen" and isinstance(data, dict):
            self._listen(listener, data)
        else:
            self._reply(listener, {"action": "error", "data": {"error_message": "invalid message"}})
        return True

    def _authorize(self, listener: _Listener, key: object, secret: object) -> None:
        listener.authorized = self._credentials.accepts(key, secret) and self.hooks.authorizes()
        status = "authorized" if listener.authorized else "unauthorized"
        self._reply(
            listener, {"stream": "authorization", "data": {"status": status, "action": "authenticate"}}
        )
        if listener.authorized:
            self.hooks.admitted(listener.socket)

    def _listen(self, listener: _Listener, data: dict[str, Any]) -> None:
        if not listener.authorized:
            self._reply(
                listener, {"stream": "authorization", "data": {"status": "unauthorized", "action": "listen"}}
            )
            return
        asked = data.get("streams")
        wanted = asked if isinstance(asked, list) else []
        listener.streams = ("trade_updates",) if "trade_updates" in wanted else ()
        self._reply(listener, {"stream": "listening", "data": {"streams": list(listener.streams)}})

    def _reply(self, listener: _Listener, payload: dict[str, object]) -> None:
        self._send(listener, json.dumps(payload, separators=(",", ":")))

    def _send(self, listener: _Listener, text: str) -> None:
        listener.socket.send(*self.hooks.shape(text.encode() if self._binary else text, flips=True))
