"""What the wire tests share: bar files, a running exchange, plain clients for REST and streams.

Everything here is real: the exchange listens on loopback, the REST client writes HTTP/1.1 by h11, the streams
go through trio-websocket. Loops and waits are bounded; `within` ends a test that hangs.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import h11
import trio
from trio_websocket import WebSocketConnection, open_websocket_url

from shell.exchange.embed import Served, serve
from shell.exchange.settings import ExchangeSettings

KEYS = {"APCA-API-KEY-ID": "key", "APCA-API-SECRET-KEY": "secret"}
OPEN = "2024-03-13T13:30:00"
SECONDS_MAX = 30.0


def within(test: Callable[[], Awaitable[None]]) -> None:
    """Run an async test, at most SECONDS_MAX real seconds."""

    async def bounded() -> None:
        with trio.fail_after(SECONDS_MAX):
            await test()

    trio.run(bounded)


def write_bars(
    folder: Path, name: str = "SPY", minutes: int = 4, price: str = "500.00", start: str = OPEN
) -> Path:
    """A file of bars: each opens a nickel above the one before, a dime high, with 100,000 shares."""
    first = datetime.fromisoformat(start).replace(tzinfo=UTC)
    lines = ["timestamp,open,high,low,close,volume"]
    for minute in range(minutes):
        at = (first + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")
        base = Decimal(price) + Decimal("0.05") * minute
        lines.append(f"{at},{base},{base + Decimal('0.10')},{base - Decimal('0.10')},{base},100000")
    path = folder / f"{name}_test.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


class Answer(NamedTuple):
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON, fractions as Decimal."""
        return json.loads(self.body, parse_float=Decimal)


class Rest:
    """A keep-alive connection that sends one request at a time."""

    def __init__(self, stream: trio.SocketStream, headers: dict[str, str]) -> None:
        self.stream = stream
        self.headers = headers
        self._connection = h11.Connection(h11.CLIENT)

    async def call(self, method: str, target: str, body: object = None, **headers: str) -> Answer:
        """Send a request (a body that is not bytes is sent as JSON) and read its answer."""
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Host": "127.0.0.1", **self.headers, **{k.replace("_", "-"): v for k, v in headers.items()}}
        if data:
            sent["Content-Length"] = str(len(data))
        connection = self._connection
        wire = connection.send(h11.Request(method=method, target=target, headers=list(sent.items()))) or b""
        if data:
            wire += connection.send(h11.Data(data=data)) or b""
        await self.stream.send_all(wire + (connection.send(h11.EndOfMessage()) or b""))
        return await self._read()

    async def _read(self) -> Answer:
        status, found, body = 0, dict[str, str](), b""
        while True:
            event = self._connection.next_event()
            if event is h11.NEED_DATA:
                self._connection.receive_data(bytes(await self.stream.receive_some(65536)))
            elif isinstance(event, h11.Response):
                status = event.status_code
                found = {name.decode().lower(): value.decode() for name, value in event.headers}
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                if self._connection.our_state is h11.DONE and self._connection.their_state is h11.DONE:
                    self._connection.start_next_cycle()
                return Answer(status, found, body)
            else:
                raise ConnectionError(f"the exchange closed the connection: {event}")


class Running:
    """An exchange under test."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self._opened: list[trio.SocketStream] = []

    async def connect(self) -> trio.SocketStream:
        """A bare TCP connection; closed at the end of the test."""
        stream = await trio.open_tcp_stream("127.0.0.1", self.served.port)
        self._opened.append(stream)
        return stream

    def close(self) -> None:
        """Close what `connect` opened."""
        for stream in self._opened:
            stream.socket.close()

    async def rest(self, **headers: str) -> Rest:
        """A REST client with accepted keys; further headers go with every request."""
        extra = {name.replace("_", "-"): value for name, value in headers.items()}
        return Rest(await self.connect(), {**KEYS, **extra})

    @asynccontextmanager
    async def stream(self, path: str, **headers: str) -> AsyncIterator[WebSocketConnection]:
        """A WebSocket client; closes its socket too, which trio-websocket does not after our close."""
        extra = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        url = self.served.ws_url + path
        async with open_websocket_url(
            url, extra_headers=extra, message_queue_size=1000, disconnect_timeout=2
        ) as connection:
            try:
                yield connection
            finally:
                with trio.CancelScope(shield=True, deadline=trio.current_time() + 2):
                    await connection.aclose()
                await trio.aclose_forcefully(connection._stream)


@asynccontextmanager
async def running(settings: ExchangeSettings) -> AsyncIterator[Running]:
    """Serve an exchange for the time of a block; its bugs fail the test."""
    async with trio.open_nursery() as nursery:
        served: Served = await nursery.start(serve, settings)
        exchange = Running(served)
        try:
            yield exchange
        finally:
            exchange.close()
        assert served.exchange.bugs == []
        nursery.cancel_scope.cancel()


async def receive_json(socket: WebSocketConnection) -> Any:
    """The next message as JSON."""
    return json.loads(await socket.get_message(), parse_float=Decimal)


async def send_json(socket: WebSocketConnection, payload: object) -> None:
    """Send a message as JSON text."""
    await socket.send_message(json.dumps(payload))


async def listen(socket: WebSocketConnection) -> None:
    """Authenticate and listen on an order stream."""
    await send_json(socket, {"action": "auth", "key": "key", "secret": "secret"})
    assert (await receive_json(socket))["data"]["status"] == "authorized"
    await send_json(socket, {"action": "listen", "data": {"streams": ["trade_updates"]}})
    assert (await receive_json(socket))["data"]["streams"] == ["trade_updates"]


def order(**fields: object) -> dict[str, object]:
    """A body for POST /v2/orders: one share of SPY at the market unless said otherwise."""
    return {"symbol": "SPY", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day", **fields}
