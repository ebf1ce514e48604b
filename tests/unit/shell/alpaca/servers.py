"""Small real servers on loopback for the adapters' tests: HTTP and WebSockets that behave as told.

They speak through real sockets on a free port; what was asked is kept, so that a test can count it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar

import h11
import trio
import trio_websocket

from kernel.events import Event
from kernel.units import Instant
from shell.alpaca.settings import AlpacaSettings

T = TypeVar("T")

NOW = Instant(1_800_000_000_000_000_000)
TEST_SECONDS_MAX = 30.0


def run(main: Callable[[], Awaitable[T]]) -> T:
    """Run an async test, bounded."""

    async def bounded() -> T:
        with trio.fail_after(TEST_SECONDS_MAX):
            return await main()

    return trio.run(bounded)


def now() -> Instant:
    return NOW


class Asked(NamedTuple):
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Reply = bytes | Callable[[trio.SocketStream], Awaitable[None]]
"""Raw bytes to answer with (the connection stays open), or what to do with the connection instead."""


def answer(status: int, body: str = "", **headers: str) -> bytes:
    """A well-formed answer; `x_y` of a header's name is `x-y`."""
    payload = body.encode()
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(payload)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + payload


class HttpServer:
    """Gives the replies in order, the last one again and again; keeps what it was asked."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self.asked: list[Asked] = []
        self.connections = 0
        self.url = ""
        self._replies = list(replies)

    async def serve(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        parser = h11.Connection(h11.SERVER)
        while True:
            asked = await self._read(stream, parser)
            if asked is None:
                return
            self.asked.append(asked)
            reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
            if not isinstance(reply, bytes):
                await reply(stream)
                return
            try:
                await stream.send_all(reply)
            except trio.BrokenResourceError:
                return
            parser = h11.Connection(h11.SERVER)

    @staticmethod
    async def _read(stream: trio.SocketStream, parser: h11.Connection) -> Asked | None:
        request: h11.Request | None = None
        body = b""
        while True:
            event = parser.next_event()
            if event is h11.NEED_DATA:
                try:
                    parser.receive_data(await stream.receive_some())
                except trio.BrokenResourceError:
                    return None
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage) and request is not None:
                headers = {name.decode(): value.decode() for name, value in request.headers}
                return Asked(request.method.decode(), request.target.decode(), headers, body)
            else:
                return None


@asynccontextmanager
async def http_server(*replies: Reply) -> AsyncIterator[HttpServer]:
    server = HttpServer(replies)
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(lambda task_status: _listen(server, task_status))
        server.url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        yield server
        nursery.cancel_scope.cancel()


async def _listen(server: HttpServer, task_status: Any) -> None:
    await trio.serve_tcp(server.serve, 0, host="127.0.0.1", task_status=task_status)


async def hang(stream: trio.SocketStream) -> None:
    """A black hole: the connection is open and nothing comes."""
    await trio.sleep_forever()


async def hang_up(stream: trio.SocketStream) -> None:
    """The connection is closed instead of an answer."""


Talk = Callable[[trio_websocket.WebSocketConnection], Awaitable[None]]


@asynccontextmanager
async def ws_server(talk: Talk, *, reject: int | None = None) -> AsyncIterator[str]:
    """A WebSocket server that talks as told; `reject` refuses the upgrade. Yields its ws URL."""

    async def serve(request: trio_websocket.WebSocketRequest) -> None:
        if reject is not None:
            await request.reject(reject, body=b"no place")
            return
        socket = await request.accept()
        try:
            await talk(socket)
        except trio_websocket.ConnectionClosed:
            return

    async def listen(task_status: Any) -> None:
        await trio_websocket.serve_websocket(serve, "127.0.0.1", 0, ssl_context=None, task_status=task_status)

    async with trio.open_nursery() as nursery:
        server = await nursery.start(listen)
        yield f"ws://127.0.0.1:{server.port}"
        nursery.cancel_scope.cancel()


def settings(url: str, **changes: Any) -> AlpacaSettings:
    """Short patience, everything at one URL."""
    sockets = "ws" + url.removeprefix("http") if url.startswith("http") else url
    values: dict[str, Any] = {
        "key": "test-key",
        "secret": "test-secret",
        "trading_url": url,
        "data_url": url,
        "order_stream_url": f"{sockets}/stream",
        "stock_stream_url": f"{sockets}/v2/iex",
        "crypto_stream_url": f"{sockets}/v1beta3/crypto/us",
        "workers": 1,
        "connect_timeout": 2.0,
        "read_timeout": 1.0,
        "total_timeout": 3.0,
        "ping_every": None,
    }
    return AlpacaSettings(**(values | changes))


class Inbox:
    """Collects events; `until` waits for so many."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._more = trio.Event()

    async def emit(self, event: Event) -> None:
        self.events.append(event)
        self._more.set()
        self._more = trio.Event()
        await trio.lowlevel.checkpoint()

    async def until(self, count: int) -> list[Event]:
        while len(self.events) < count:
            await self._more.wait()
        return self.events
