"""The market stream: closed bars and quotes, JSON, stocks and crypto under one link.

1. Stocks and pairs come from two endpoints; the kernel knows one link. So one run opens a connection for
   each kind that there are symbols of, reports each step when all have taken it, and ends all when one ends.
2. Each speaks first ("connected"), then is authenticated, then asked for bars and quotes of its symbols.
   The answer lists what is subscribed; a symbol that is missing from it is reported as Unrecognized.
3. Refusals by code: 402, 408 and 409 are about our rights (AUTHENTICATION_REFUSED: see
   kernel/links); 405, 406 and 410 about the connection (CONNECTION_REFUSED); everything else loses it.
4. An error in mid-stream ends the connection; other control messages are absorbed.

It asks for no trades, statuses or corrections: the kernel has no event for them yet.
"""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final

from kernel.events import LinkName
from kernel.links.chart import LinkInput
from kernel.units import Instant
from shell.alpaca.settings import AlpacaSettings
from shell.alpaca.socket import Connection, Emit, LinkEnded, Stream, connected
from shell.codec import (
    CONTROL_KINDS,
    MARKET,
    clean_text,
    known_pairs,
    market_events,
    parse_json,
    unrecognized,
)
from shell.quiescence import Quiescence

__all__ = ["MarketStream"]

_JSON: Final = (("Content-Type", "application/json"),)
_CHANNELS: Final = ("bars", "quotes")
_RIGHTS: Final = frozenset({402, 408, 409})
_PLACE: Final = frozenset({405, 406, 410})


class MarketStream(Stream):
    """Market data of `symbols`: one connection, two where there are stocks and pairs. See Stream.run."""

    link = LinkName.MARKET

    def __init__(
        self,
        settings: AlpacaSettings,
        quiescence: Quiescence,
        now: Callable[[], Instant],
        symbols: tuple[str, ...],
    ) -> None:
        assert symbols, "market stream: at least one symbol"
        super().__init__(settings, quiescence, now)
        self._pairs = known_pairs(symbols)
        kinds = (
            (settings.stock_stream_url, tuple(symbol for symbol in symbols if "/" not in symbol)),
            (settings.crypto_stream_url, tuple(symbol for symbol in symbols if "/" in symbol)),
        )
        self._feeds = tuple((url, mine) for url, mine in kinds if mine)

    async def _session(self, emit: Emit) -> None:
        async with AsyncExitStack() as stack:
            setting_up = await stack.enter_async_context(AsyncExitStack())
            setting_up.enter_context(self._quiescence.busy())
            connections = [
                await stack.enter_async_context(connected(url, self._settings, self._quiescence, _JSON))
                for url, _ in self._feeds
            ]
            await self._report(emit, LinkInput.CONNECTED)
            for connection in connections:
                await self._authenticate(connection, emit)
            await self._report(emit, LinkInput.AUTHENTICATED)
            for connection, (_, symbols) in zip(connections, self._feeds, strict=True):
                await self._subscribe(connection, symbols, emit)
            await self._report(emit, LinkInput.LISTEN_CONFIRMED)
            await setting_up.aclose()
            watches = [watch for each in connections for watch in self._watches(each, emit)]
            await self._together(*(self._follower(each, emit) for each in connections), *watches)

    def _follower(self, connection: Connection, emit: Emit) -> Callable[[], Awaitable[None]]:
        async def follow() -> None:
            while True:
                await self._take(await connection.receive(), emit)
                connection.handled()

        return follow

    async def _authenticate(self, connection: Connection, emit: Emit) -> None:
        await self._expect(connection, "success", "connected", emit)
        keys = {"key": self._settings.key, "secret": self._settings.secret}
        await connection.send({"action": "auth", **keys})
        await self._expect(connection, "success", "authenticated", emit)

    async def _subscribe(self, connection: Connection, symbols: tuple[str, ...], emit: Emit) -> None:
        await connection.send({"action": "subscribe", **{channel: list(symbols) for channel in _CHANNELS}})
        granted = await self._expect(connection, "subscription", None, emit)
        for channel in _CHANNELS:
            listed = granted.get(channel)
            missing = [symbol for symbol in symbols if not isinstance(listed, list) or symbol not in listed]
            if missing:
                problem = f"not subscribed to {channel} of {', '.join(missing)}"
                await emit(unrecognized(self._now(), MARKET, repr(granted), problem))

    async def _expect(
        self, connection: Connection, kind: str, said: str | None, emit: Emit
    ) -> dict[str, object]:
        """The next control message, of a kind and saying something; LinkEnded for anything else."""
        what = said or kind
        raw = await connection.receive_answer(what)
        connection.handled()
        for message in _messages(parse_json(raw)):
            _raise_error(message)
            if message.get("T") == kind and said in (None, message.get("msg")):
                return message
        await emit(unrecognized(self._now(), MARKET, raw, f"expected {what}"))
        raise LinkEnded(LinkInput.CONNECTION_LOST, f"the broker said something else than {what}")

    async def _take(self, raw: str | bytes, emit: Emit) -> None:
        """Emit what a message says; LinkEnded for an error."""
        value = parse_json(raw)
        messages = _messages(value)
        if messages and all(message.get("T") in CONTROL_KINDS for message in messages):
            for message in messages:
                _raise_error(message)
            return
        for event in market_events(value, raw, self._now(), self._pairs):
            await emit(event)


def _messages(value: object) -> list[dict[str, object]]:
    rows = value if isinstance(value, list) else [value]
    return [row for row in rows if isinstance(row, dict)]


def _raise_error(message: dict[str, object]) -> None:
    """LinkEnded for an error message."""
    if message.get("T") != "error":
        return
    code = message.get("code")
    detail = f"error {clean_text(str(code), 20)}: {clean_text(str(message.get('msg')), 120)}"
    if code in _RIGHTS:
        raise LinkEnded(LinkInput.AUTHENTICATION_REFUSED, detail)
    raise LinkEnded(LinkInput.CONNECTION_REFUSED if code in _PLACE else LinkInput.CONNECTION_LOST, detail)
