"""The market-data streams: `/v2/iex`, `/v2/sip`, `/v1beta3/crypto/us`, each with its own connections.

1. The server speaks first: connected; then the client authenticates (or did so by headers), and only then
   subscribes. Every message is an array; control messages stand alone in theirs.
2. JSON or MessagePack by the handshake's Content-Type, for the whole connection.
3. A subscription adds, an unsubscription takes away; both are answered by the full current lists. `*` is
   every symbol. Unknown symbols are taken and never heard of, as in the original.
4. At each instant a subscriber gets one array of the bars that closed, sorted by symbol, then one of quotes.
5. Errors 400 to 410 as documented; one connection per feed (406), SYMBOLS_MAX symbols (405), AUTH_SECONDS_MAX
   to authenticate (404), and a slow client is told so (407) and closed.

6. `hooks` may refuse or silence a stream and change the form of what it sends.

It sends bars and quotes only: trades, statuses and the like can be subscribed to and stay silent.
"""

from collections.abc import Sequence
from typing import Any, Final

import trio

from kernel.reports import Bar, Quote
from shell.exchange.auth import Credentials
from shell.exchange.faults.hooks import StreamHooks
from shell.exchange.http import Request
from shell.exchange.market_render import JSON, MSGPACK, Codec
from shell.exchange.ws import WebSocket

__all__ = ["AUTH_SECONDS_MAX", "CONNECTIONS_MAX", "SYMBOLS_MAX", "MarketStream"]

AUTH_SECONDS_MAX: Final = 10.0
"""From the handshake to accepted credentials."""

CONNECTIONS_MAX: Final = 1
"""Authenticated connections of one feed."""

PENDING_MAX: Final = 8
"""Connections of one feed that have not authenticated yet; one more is closed at once."""

SYMBOLS_MAX: Final = 10_000
"""Symbols in all channels of one connection."""

_COMMON: Final = ("trades", "quotes", "bars", "updatedBars", "dailyBars")
_STOCKS: Final = (*_COMMON, "statuses", "lulds", "corrections", "cancelErrors")
_CRYPTO: Final = (*_COMMON, "orderbooks")
_EVERYWHERE: Final = frozenset({*_STOCKS, *_CRYPTO, "news", "imbalances"})

_ERRORS: Final = {
    400: "invalid syntax",
    401: "not authenticated",
    402: "auth failed",
    403: "already authenticated",
    404: "auth timeout",
    405: "symbol limit exceeded",
    406: "connection limit exceeded",
    407: "slow client",
    410: "invalid subscribe action for this feed",
}


def _error(code: int) -> list[dict[str, object]]:
    return [{"T": "error", "code": code, "msg": _ERRORS[code]}]


def _success(message: str) -> list[dict[str, object]]:
    return [{"T": "success", "msg": message}]


class _Subscriber:
    """One connection and what it listens to."""

    def __init__(self, socket: WebSocket, codec: Codec, channels: Sequence[str], hooks: StreamHooks) -> None:
        self.socket = socket
        self.codec = codec
        self._hooks = hooks
        self.authenticated = False
        self.channels: dict[str, dict[str, None]] = {channel: {} for channel in channels}

    def say(self, messages: list[dict[str, object]]) -> None:
        """Send one control frame."""
        self.send(self.codec.control(messages))

    def send(self, message: str | bytes) -> None:
        """Send one frame, in the form that the hooks give it."""
        self.socket.send(*self._hooks.shape(message, flips=self.codec is JSON))

    def wants(self, channel: str, symbol: str) -> bool:
        """Whether a symbol's messages on a channel are for this connection."""
        symbols = self.channels[channel]
        return symbol in symbols or "*" in symbols

    def lists(self) -> list[dict[str, object]]:
        """The current subscriptions as one control message."""
        message: dict[str, object] = {"T": "subscription"}
        message.update({channel: list(symbols) for channel, symbols in self.channels.items()})
        return [message]


class MarketStream:
    """One feed of market data."""

    def __init__(self, credentials: Credentials, is_crypto: bool, hooks: StreamHooks | None = None) -> None:
        self._credentials = credentials
        self.hooks = hooks or StreamHooks()
        self._is_crypto = is_crypto
        self._channels = _CRYPTO if is_crypto else _STOCKS
        self._subscribers: list[_Subscriber] = []
        self._pending = 0

    def publish(self, bars: Sequence[Bar], quotes: Sequence[Quote]) -> None:
        """Send an instant's closed bars, then its quotes, to whoever subscribed to them."""
        if not self._subscribers or self.hooks.is_mute:
            return
        mine = [bar for bar in bars if ("/" in bar.symbol) is self._is_crypto]
        mine.sort(key=lambda bar: bar.symbol)
        shown = [quote for quote in quotes if ("/" in quote.symbol) is self._is_crypto]
        for subscriber in self._subscribers:
            codec = subscriber.codec
            parts = [codec.bar(bar) for bar in mine if subscriber.wants("bars", bar.symbol)]
            if parts:
                subscriber.send(codec.frame(parts))
            parts = [codec.quote(quote) for quote in shown if subscriber.wants("quotes", quote.symbol)]
            if parts:
                subscriber.send(codec.frame(parts))

    async def serve(self, socket: WebSocket, request: Request) -> None:
        """Speak with one client until it leaves."""
        packed = request.headers.get("content-type", "").startswith("application/msgpack")
        subscriber = _Subscriber(socket, MSGPACK if packed else JSON, self._channels, self.hooks)
        socket.farewell = lambda: subscriber.codec.control(_error(407))
        if self._pending >= PENDING_MAX:
            subscriber.say(_error(406))
            return
        subscriber.say(_success("connected"))
        if self._credentials.accepts_headers(request.headers) and self.hooks.authorizes():
            self._admit(subscriber)
        try:
            await self._authenticate(subscriber)
            if subscriber.authenticated:
                while (message := await socket.receive()) is not None:
                    self._obey(subscriber, message)
        finally:
            if subscriber in self._subscribers:
                self._subscribers.remove(subscriber)
                self.hooks.left(socket)

    async def _authenticate(self, subscriber: _Subscriber) -> None:
        """Read until the client is let in, leaves, or has taken too long."""
        self._pending += 1
        try:
            with trio.move_on_after(AUTH_SECONDS_MAX) as scope:
                while not subscriber.authenticated and subscriber.socket.is_open:
                    message = await subscriber.socket.receive()
                    if message is None:
                        return
                    self._obey(subscriber, message)
            if scope.cancelled_caught:
                subscriber.say(_error(404))
        finally:
            self._pending -= 1

    def _admit(self, subscriber: _Subscriber) -> None:
        if len(self._subscribers) >= CONNECTIONS_MAX:
            subscriber.say(_error(406))
            subscriber.socket.close(1008, "connection limit exceeded")
            return
        subscriber.authenticated = True
        self._subscribers.append(subscriber)
        subscriber.say(_success("authenticated"))
        self.hooks.admitted(subscriber.socket)

    def _obey(self, subscriber: _Subscriber, message: str | bytes) -> None:
        """Carry out and answer one message."""
        try:
            fields = subscriber.codec.read(message)
        except ValueError:
            fields = None
        action = fields.get("action") if isinstance(fields, dict) else None
        if action == "auth":
            if subscriber.authenticated:
                subscriber.say(_error(403))
            elif (
                self._credentials.accepts(fields.get("key"), fields.get("secret")) and self.hooks.authorizes()
            ):
                self._admit(subscriber)
            else:
                subscriber.say(_error(402))
        elif action not in ("subscribe", "unsubscribe"):
            subscriber.say(_error(400))
        elif not subscriber.authenticated:
            subscriber.say(_error(401))
        else:
            subscriber.say(self._change(subscriber, fields, action == "subscribe"))

    def _change(self, subscriber: _Subscriber, fields: dict[str, Any], adds: bool) -> list[dict[str, object]]:
        """Add or take away what the message lists; the answer is the current lists or an error."""
        asked: dict[str, list[str]] = {}
        for channel, symbols in fields.items():
            if channel not in _EVERYWHERE:
                continue
            if channel not in self._channels:
                return _error(410)
            if not isinstance(symbols, list) or not all(isinstance(symbol, str) for symbol in symbols):
                return _error(400)
            asked[channel] = symbols
        if adds:
            known = sum(len(symbols) for symbols in subscriber.channels.values())
            if known + sum(len(symbols) for symbols in asked.values()) > SYMBOLS_MAX:
                return _error(405)
        for channel, symbols in asked.items():
            for symbol in symbols:
                if adds:
                    subscriber.channels[channel][symbol] = None
                else:
                    subscriber.channels[channel].pop(symbol, None)
        return subscriber.lists()
