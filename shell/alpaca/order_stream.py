"""The order stream: `/stream`, trade_updates.

1. We speak first: authenticate. The first message from the other side must be an `authorization` object.
2. Then listen; the answer must name trade_updates. Updates that come before it are taken like any other.
3. Every update becomes its events; whatever else is said becomes Unrecognized, never nothing.
4. Alpaca replays nothing after a gap: what was missed is fetched by REST, which is the kernel's business.

Sends text; takes text (live) and binary (paper).
"""

from collections.abc import Callable
from contextlib import ExitStack

import trio

from kernel.events import LinkName
from kernel.links.chart import LinkInput
from kernel.units import Instant
from shell.alpaca.settings import AlpacaSettings
from shell.alpaca.socket import ANSWER_S_MAX, Connection, Emit, LinkEnded, Stream, connected
from shell.codec import (
    NO_PAIRS,
    TRADE_UPDATES,
    Pairs,
    clean_text,
    parse_json,
    trade_update_events,
    unrecognized,
)
from shell.quiescence import Quiescence

__all__ = ["OrderStream"]


class OrderStream(Stream):
    """One connection to the order stream; see Stream.run."""

    link = LinkName.ORDERS

    def __init__(
        self,
        settings: AlpacaSettings,
        quiescence: Quiescence,
        now: Callable[[], Instant],
        pairs: Pairs = NO_PAIRS,
    ) -> None:
        super().__init__(settings, quiescence, now)
        self._pairs = pairs

    async def _session(self, emit: Emit) -> None:
        settings = self._settings
        with ExitStack() as setting_up:
            setting_up.enter_context(self._quiescence.busy())
            async with connected(settings.order_stream_url, settings, self._quiescence) as connection:
                await self._report(emit, LinkInput.CONNECTED)
                await self._authenticate(connection, emit)
                await self._report(emit, LinkInput.AUTHENTICATED)
                await self._listen(connection, emit)
                await self._report(emit, LinkInput.LISTEN_CONFIRMED)
                setting_up.close()

                async def follow() -> None:
                    while True:
                        await self._take(await connection.receive(), emit)
                        connection.handled()

                await self._together(follow, *self._watches(connection, emit))

    async def _authenticate(self, connection: Connection, emit: Emit) -> None:
        keys = {"key_id": self._settings.key, "secret_key": self._settings.secret}
        await connection.send({"action": "authenticate", "data": keys})
        raw = await connection.receive_answer("authenticate")
        connection.handled()
        stream, data = _parts(parse_json(raw))
        if stream == "authorization" and data.get("status") == "authorized":
            return
        if stream == "authorization":
            raise LinkEnded(LinkInput.AUTHENTICATION_REFUSED, f"the broker says {data.get('status')!r}")
        await emit(unrecognized(self._now(), TRADE_UPDATES, raw, "expected an authorization"))
        if data.get("error") is not None:
            # An older form of "too many connections".
            raise LinkEnded(LinkInput.CONNECTION_REFUSED, str(data["error"]))
        raise LinkEnded(LinkInput.CONNECTION_LOST, "the answer to authenticate was something else")

    async def _listen(self, connection: Connection, emit: Emit) -> None:
        await connection.send({"action": "listen", "data": {"streams": [TRADE_UPDATES]}})
        deadline = trio.current_time() + ANSWER_S_MAX
        confirmed = False
        while not confirmed:
            if trio.current_time() > deadline:
                raise LinkEnded(LinkInput.CONNECTION_LOST, f"listen unconfirmed for {ANSWER_S_MAX:g} s")
            confirmed = await self._take(await connection.receive_answer("listen"), emit)
            connection.handled()

    async def _take(self, raw: str | bytes, emit: Emit) -> bool:
        """Emit what a message says; True for a confirmation that we listen."""
        value = parse_json(raw)
        stream, data = _parts(value)
        if stream == "listening":
            streams = data.get("streams")
            if isinstance(streams, list) and TRADE_UPDATES in streams:
                return True
            raise LinkEnded(LinkInput.CONNECTION_LOST, f"the broker does not let us listen: {_said(data)}")
        if stream == "authorization" and data.get("status") != "authorized":
            raise LinkEnded(LinkInput.AUTHENTICATION_REFUSED, f"the broker says {_said(data)}")
        if stream == TRADE_UPDATES:
            for event in trade_update_events(value, raw, self._now(), self._pairs):
                await emit(event)
        else:
            await emit(unrecognized(self._now(), TRADE_UPDATES, raw, f"unexpected message: {_said(data)}"))
        return False


def _parts(value: object) -> tuple[str, dict[str, object]]:
    """Stream and data of a message; empty where it has none."""
    if not isinstance(value, dict):
        return "", {}
    stream, data = value.get("stream"), value.get("data")
    return (stream if isinstance(stream, str) else ""), (data if isinstance(data, dict) else {})


def _said(data: dict[str, object]) -> str:
    return clean_text(repr(data), 120)
