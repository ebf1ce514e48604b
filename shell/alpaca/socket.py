"""One WebSocket to the broker, from connecting to the last word: what both streams share.

1. Every step is bounded: connecting and closing (shell/websocket.py), an expected answer, a pong.
2. Text and binary messages are alike; fragments are put together below us.
3. An end is a value (LinkEnd), made from however the socket ended; a stream reports it once.
4. In a simulated session the handshake carries the connection's number, and each message is counted for the
   idle report after its events are in the inbox.
5. Pings ask whether the other side still answers. A pong is no sign that the stream works, only that the
   socket does.

No policy: nobody here connects twice.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import trio
from trio_websocket import WebSocketConnection

from kernel.events import Event, LinkName, LinkReported
from kernel.links.chart import LinkInput
from kernel.units import Instant
from shell.alpaca.settings import AlpacaSettings
from shell.codec import clean_text
from shell.quiescence import Quiescence
from shell.websocket import LIBRARY_ERRORS, SocketEnded, ended_by, open_socket

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

HEARD_EVERY_S: Final = 5.0
"""Pongs are reported at most this often."""

UNAUTHORIZED: Final = 401
"""The answer to a handshake that is about our keys; 403 may be a proxy's, and is about the place."""

Emit = Callable[[Event], Awaitable[None]]
"""Puts an event into the inbox; waits while it is full."""


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

    def __init__(self, socket: WebSocketConnection, quiescence: Quiescence, number: int) -> None:
        self._socket = socket
        self._quiescence = quiescence
        self._number = number

    async def send(self, message: object) -> None:
        """One JSON text message; LinkEnded when the connection is over."""
        try:
            await self._socket.send_message(json.dumps(message, separators=(",", ":")))
        except LIBRARY_ERRORS as error:
            raise _link_ended(error) from error

    async def receive(self) -> str | bytes:
        """The next message, to be followed by `handled`; LinkEnded when the connection is over."""
        try:
            return await self._socket.get_message()
        except LIBRARY_ERRORS as error:
            raise _link_ended(error) from error

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
                    raise _link_ended(error) from error
            if scope.cancelled_caught:
                raise LinkEnded(LinkInput.CONNECTION_LOST, f"no pong within {deadline:g} s")
            if trio.current_time() - told_at >= HEARD_EVERY_S:
                told_at = trio.current_time()
                await heard()


@asynccontextmanager
async def connected(
    url: str, settings: AlpacaSettings, quiescence: Quiescence, headers: tuple[tuple[str, str], ...] = ()
) -> AsyncIterator[Connection]:
    """Connect, hand out the connection, say goodbye. Raises LinkEnded when it can't be made."""
    number = quiescence.next_connection()
    try:
        async with open_socket(
            url,
            connect_timeout=settings.connect_timeout,
            message_bytes_max=MESSAGE_BYTES_MAX,
            messages_queued_max=MESSAGES_QUEUED_MAX,
            headers=headers + settings.sim_label(number),
        ) as socket:
            quiescence.register(number)
            yield Connection(socket, quiescence, number)
    except SocketEnded as error:
        raise _link_ended(error) from error
    finally:
        quiescence.closed(number)


def _link_ended(error: BaseException) -> LinkEnded:
    """What the end of a socket means for the link."""
    end = ended_by(error)
    if end.http_status == UNAUTHORIZED:
        return LinkEnded(LinkInput.AUTHENTICATION_REFUSED, end.detail)
    refused = end.http_status is not None and end.http_status < 500
    return LinkEnded(LinkInput.CONNECTION_REFUSED if refused else LinkInput.CONNECTION_LOST, end.detail)


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
