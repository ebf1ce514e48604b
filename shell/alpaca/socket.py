"""One WebSocket to the broker, from connecting to the last word: what both streams share.

1. Every step is bounded: connecting, an expected answer, the size of a message, closing.
2. Text and binary messages are alike; fragments are put together below us.
3. An end is a value (LinkEnd), made from whatever the library raises; a stream reports it once.
4. Closing is said to the other side even when we are cancelled: an unclean end keeps Alpaca's only place
   occupied for about 90 s.
5. In a simulated session the handshake carries the connection's number, and each message is counted for the
   idle report after its events are in the inbox.
6. Pings ask whether the other side still answers. A pong is no sign that the stream works, only that the
   socket does.

No policy: nobody here connects twice.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import trio
import trio_websocket
from wsproto.utilities import ProtocolError

from kernel.events import Event, LinkName, LinkReported
from kernel.links.chart import LinkInput
from kernel.units import Instant
from shell.alpaca.settings import AlpacaSettings
from shell.codec import clean_text
from shell.quiescence import Quiescence

__all__ = [
    "ANSWER_S_MAX",
    "HEARD_EVERY_S",
    "MESSAGE_BYTES_MAX",
    "Connection",
    "Emit",
    "LinkEnd",
    "LinkEnded",
    "Stream",
    "connected",
]

MESSAGE_BYTES_MAX: Final = 8 * 2**20
"""A longer message ends the connection: one array of 10,000 symbols' bars is about 1.5 MiB."""

MESSAGES_QUEUED_MAX: Final = 256
"""Messages received and not yet taken; beyond that the socket is not read (backpressure)."""

ANSWER_S_MAX: Final = 10.0
"""The longest wait for an expected control answer; Alpaca itself gives a client 10 s to authenticate."""

CLOSE_S_MAX: Final = 0.5
"""For saying goodbye and hearing it back; then the socket is cut."""

CLOSE_CANCELED_S_MAX: Final = 0.1
"""For saying goodbye when we are being canceled: who would hear the answer has ended already."""

HEARD_EVERY_S: Final = 5.0
"""Pongs are reported at most this often."""

RECEIVE_BYTES: Final = 2**16

Emit = Callable[[Event], Awaitable[None]]
"""Puts an event into the inbox; waits while it is full."""

LIBRARY_ERRORS: Final = (
    trio_websocket.HandshakeError,
    trio_websocket.ConnectionClosed,
    trio.BrokenResourceError,
    trio.ClosedResourceError,
    ProtocolError,
    OSError,
)
"""What an ended connection raises. Anything else is a bug and escapes."""


class LinkEnd(NamedTuple):
    """How a connection ended."""

    input: LinkInput
    detail: str


CLOSED_BY_US: Final = LinkEnd(LinkInput.CONNECTION_LOST, "closed by us")


class LinkEnded(Exception):
    """Carries a LinkEnd to the stream that reports it."""

    def __init__(self, link_input: LinkInput, detail: str) -> None:
        super().__init__(detail)
        self.end = LinkEnd(link_input, clean_text(detail, 300))


class Connection:
    """An open WebSocket."""

    def __init__(
        self, socket: trio_websocket.WebSocketConnection, quiescence: Quiescence, number: int
    ) -> None:
        self._socket = socket
        self._quiescence = quiescence
        self._number = number

    async def send(self, message: object) -> None:
        """One JSON text message; LinkEnded when the connection is over."""
        try:
            await self._socket.send_message(json.dumps(message, separators=(",", ":")))
        except LIBRARY_ERRORS as error:
            raise _ended(error) from error

    async def receive(self) -> str | bytes:
        """The next message, to be followed by `handled`; LinkEnded when the connection is over."""
        try:
            return await self._socket.get_message()
        except LIBRARY_ERRORS as error:
            raise _ended(error) from error

    async def receive_answer(self, to_what: str) -> str | bytes:
        """The next message, which must come within ANSWER_S_MAX."""
        with trio.move_on_after(ANSWER_S_MAX):
            return await self.receive()
        raise LinkEnded(LinkInput.CONNECTION_LOST, f"no answer to {to_what} within {ANSWER_S_MAX:g} s")

    def handled(self) -> None:
        """The last received message's events are in the inbox."""
        self._quiescence.count(self._number)

    async def watch(self, every: float, deadline: float, heard: Callable[[], Awaitable[None]]) -> None:
        """Ping for ever; `heard` learns of pongs every HEARD_EVERY_S; LinkEnded when one is missing."""
        told_at = trio.current_time()
        while True:
            await trio.sleep(every)
            with trio.move_on_after(deadline) as scope:
                try:
                    await self._socket.ping()
                except LIBRARY_ERRORS as error:
                    raise _ended(error) from error
            if scope.cancelled_caught:
                raise LinkEnded(LinkInput.CONNECTION_LOST, f"no pong within {deadline:g} s")
            if trio.current_time() - told_at >= HEARD_EVERY_S:
                told_at = trio.current_time()
                await heard()


@asynccontextmanager
async def connected(
    url: str, settings: AlpacaSettings, quiescence: Quiescence, headers: tuple[tuple[str, str], ...] = ()
) -> AsyncIterator[Connection]:
    """Connect, hand out the connection, say goodbye. Raises LinkEnded when connecting fails."""
    number = quiescence.next_connection()
    raised: LinkEnded | None = None
    try:
        async with trio.open_nursery() as nursery:
            socket = await _connect(nursery, url, settings, headers + settings.sim_label(number))
            quiescence.register(number)
            try:
                yield Connection(socket, quiescence, number)
            except LinkEnded as error:
                # Kept out of the nursery, which would wrap it into a group.
                raised = error
            finally:
                canceled = trio.current_effective_deadline() <= trio.current_time()
                with trio.move_on_after(CLOSE_CANCELED_S_MAX if canceled else CLOSE_S_MAX, shield=True):
                    await socket.aclose()
                quiescence.closed(number)
                nursery.cancel_scope.cancel()
    except* LIBRARY_ERRORS as group:
        raised = raised or _ended(group.exceptions[0])
    if raised is not None:
        raise raised


async def _connect(
    nursery: trio.Nursery, url: str, settings: AlpacaSettings, headers: tuple[tuple[str, str], ...]
) -> trio_websocket.WebSocketConnection:
    with trio.move_on_after(settings.connect_timeout):
        return await trio_websocket.connect_websocket_url(
            nursery,
            url,
            extra_headers=[(name.encode(), value.encode()) for name, value in headers],
            message_queue_size=MESSAGES_QUEUED_MAX,
            max_message_size=MESSAGE_BYTES_MAX,
        )
    raise trio_websocket.ConnectionTimeout


def _ended(error: BaseException) -> LinkEnded:
    """What a library's error means for the link."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, trio_websocket.ConnectionRejected):
        body = (error.body or b"")[:120].decode("utf-8", "replace")
        lost = error.status_code >= 500
        return LinkEnded(
            LinkInput.CONNECTION_LOST if lost else LinkInput.CONNECTION_REFUSED,
            f"HTTP {error.status_code} to the handshake: {body}",
        )
    if isinstance(error, trio_websocket.ConnectionTimeout):
        return LinkEnded(LinkInput.CONNECTION_LOST, "no connection in time")
    if isinstance(error, trio_websocket.ConnectionClosed):
        reason = error.reason
        detail = "closed" if reason is None else f"closed: {reason.code} {reason.name} {reason.reason or ''}"
        return LinkEnded(LinkInput.CONNECTION_LOST, detail.rstrip())
    return LinkEnded(LinkInput.CONNECTION_LOST, f"{type(error).__name__}: {error}")


class Stream(ABC):
    """What is the same of both streams: one attempt, carried to its end, each step reported."""

    link: LinkName

    def __init__(self, settings: AlpacaSettings, quiescence: Quiescence, now: Callable[[], Instant]) -> None:
        self._settings = settings
        self._quiescence = quiescence
        self._now = now
        self._scope = trio.CancelScope()
        self._closing = trio.Event()
        self._is_up = False

    async def run(self, emit: Emit, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """One connection from connecting to its end, every step reported through `emit`.

        Returns after the end was reported (CONNECTION_LOST, CONNECTION_REFUSED or AUTHENTICATION_REFUSED).
        A cancellation from outside reports nothing. To be run once.
        """
        end = CLOSED_BY_US
        task_status.started()
        with self._scope:
            try:
                await self._session(emit)
            except LinkEnded as error:
                end = error.end
        await self._report(emit, end.input, end.detail)

    def close(self) -> None:
        """End the connection; the end is reported as CONNECTION_LOST."""
        self._closing.set()
        if not self._is_up:
            self._scope.cancel()

    @abstractmethod
    async def _session(self, emit: Emit) -> None:
        """The connection from connecting to its end, which it raises as LinkEnded."""

    async def _report(self, emit: Emit, link_input: LinkInput, detail: str = "") -> None:
        await emit(LinkReported(self._now(), self.link, link_input, detail))

    async def _together(self, *tasks: Callable[[], Awaitable[None]]) -> None:
        """Run the tasks of an open connection until the first ends or `close`; raises its LinkEnded."""
        ended: list[LinkEnded] = []
        self._is_up = True
        async with trio.open_nursery() as nursery:

            async def guard(task: Callable[[], Awaitable[None]]) -> None:
                try:
                    await task()
                except LinkEnded as error:
                    ended.append(error)
                nursery.cancel_scope.cancel()

            for task in (*tasks, self._closing.wait):
                nursery.start_soon(guard, task)
        raise ended[0] if ended else LinkEnded(*CLOSED_BY_US)

    def _watches(self, connection: Connection, emit: Emit) -> list[Callable[[], Awaitable[None]]]:
        """The ping task of a connection, where pings are wanted."""
        every = self._settings.ping_every
        if every is None:
            return []

        async def heard() -> None:
            await self._report(emit, LinkInput.FRAME_RECEIVED, "pong")

        async def watch() -> None:
            await connection.watch(every, self._settings.ping_deadline, heard)

        return [watch]
