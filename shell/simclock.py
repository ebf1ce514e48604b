"""The clock of a simulated session: follows the exchange's time over its `/sim` WebSocket.

    client -> {"type":"join","client":NAME,"lockstep":true}           once
    server -> {"type":"time","seq":N,"now":"NS","rate":"60",...}      at the join, each advance, each second
    client -> {"type":"idle","seq":N,"streams":{"3":12},"wake_at":"NS"}   whenever nothing is left to do

1. In lock-step time stands still between two time messages; in real time it runs on at `rate` from the last
   one, by the monotonic clock. `now` never runs backward.
2. A time message is handed to `on_time` after `now` has moved; the loop makes a Tick of it. Only when the
   loop has processed everything up to message N may it say `idle(seq=N)`; N is the loop's, not this
   reader's.
3. `sleep_until` waits for session time: by messages in lock-step, by the rate otherwise.
4. A lost or unreadable `/sim` ends `run` with SimLost. Nothing is retried here: without its clock a simulated
   session can't go on.

Satisfies the shell's Clock protocol.
"""

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from kernel.units import SCALE, SECOND, Instant
from shell.codec import clean_text, parse_json
from shell.numbers import parse_scaled
from shell.websocket import LIBRARY_ERRORS, ended_by, open_socket

__all__ = ["SimClock", "SimLost", "TimeMessage"]

CONNECT_S_MAX: Final = 10.0
"""For connecting, and again for the first time message."""

MESSAGE_BYTES_MAX: Final = 2**16
MESSAGES_QUEUED_MAX: Final = 4
"""Time messages received and not yet taken."""

SLEEP_S_MAX: Final = 0.25
"""A real-time sleep looks at the clock at least so often: the exchange's time may have moved."""


class SimLost(OSError):
    """The session's clock is gone: one line that says how."""


class TimeMessage(NamedTuple):
    """What the exchange says about its time."""

    seq: int
    now: Instant
    rate: int
    """Session seconds per real second, scaled by 10^9; 0 in lock-step."""
    is_lockstep: bool
    bars_done: int
    bars_total: int
    ended: bool
    sent: Mapping[int, int] | None = None
    """Messages sent so far on each of our live streams, where the exchange says so."""


def read_time(raw: str | bytes) -> TimeMessage:
    """A time message; SimLost for anything else."""
    value = parse_json(raw)
    if not isinstance(value, dict) or value.get("type") != "time":
        raise SimLost(f"sim: expected a time message, got {clean_text(str(value), 200)}")
    try:
        rate = parse_scaled(value["rate"])
        sent = value.get("sent")
        if rate is None or rate.amount < 0 or not isinstance(value["ended"], bool):
            raise ValueError("rate or ended")
        return TimeMessage(
            seq=_whole(value["seq"]),
            now=Instant(_whole(value["now"])),
            rate=rate.amount,
            is_lockstep=value["mode"] == "lockstep",
            bars_done=_whole(value["bars_done"]),
            bars_total=_whole(value["bars_total"]),
            ended=value["ended"],
            sent={_whole(key): _whole(count) for key, count in sent.items()}
            if isinstance(sent, dict)
            else None,
        )
    except (KeyError, ValueError) as error:
        raise SimLost(f"sim: unreadable time message ({error}): {clean_text(str(value), 200)}") from error


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, str)) or len(str(value)) > 30:
        raise ValueError(f"not a whole number: {value!r}")
    return int(value)


class SimClock:
    """The follower. `url` is the exchange's http or ws base; `client` labels all of our traffic."""

    def __init__(
        self,
        url: str,
        client: str,
        *,
        lockstep: bool,
        on_time: Callable[[TimeMessage], Awaitable[None]],
        monotonic: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        base = url.rstrip("/")
        self._url = ("ws" + base.removeprefix("http") if base.startswith("http") else base) + "/sim"
        self._client = client
        self._lockstep = lockstep
        self._on_time = on_time
        self._monotonic = monotonic
        self._socket: WebSocketConnection | None = None
        self._last: TimeMessage | None = None
        self._heard_at = 0
        self._floor = 0
        self._moved = trio.Event()

    # ------------------------------------------------------------ the time

    def now(self) -> Instant:
        """Session time in UTC nanoseconds, never less than an earlier answer; after `run` has started."""
        message = self._latest()
        moved = 0 if message.rate == 0 else (self._monotonic() - self._heard_at) * message.rate // SCALE
        self._floor = max(self._floor, message.now + moved)
        return Instant(self._floor)

    async def sleep_until(self, instant: Instant) -> None:
        """Returns when the session has reached `instant`."""
        await trio.lowlevel.checkpoint()
        while (left := instant - self.now()) > 0:
            rate = self._latest().rate
            seconds = SLEEP_S_MAX if rate == 0 else min(left * SCALE / rate / SECOND, SLEEP_S_MAX)
            with trio.move_on_after(seconds):
                await self._moved.wait()

    @property
    def latest(self) -> TimeMessage:
        """The last time message. Only after `run` has started."""
        return self._latest()

    @property
    def ended(self) -> bool:
        """Whether the session's market is over."""
        return self._latest().ended

    # ------------------------------------------------------------ the connection

    async def run(self, *, task_status: trio.TaskStatus[TimeMessage] = trio.TASK_STATUS_IGNORED) -> None:
        """Connect, join, follow. Started with the first time message; ends by SimLost or by cancellation."""
        try:
            async with open_socket(
                self._url,
                connect_timeout=CONNECT_S_MAX,
                message_bytes_max=MESSAGE_BYTES_MAX,
                messages_queued_max=MESSAGES_QUEUED_MAX,
            ) as socket:
                try:
                    await self._follow(socket, task_status)
                finally:
                    self._socket = None
        except SimLost:
            raise
        except LIBRARY_ERRORS as error:
            raise SimLost(
                f"sim: the session's clock at {self._url} is lost: {ended_by(error).detail}"
            ) from error

    async def idle(self, *, seq: int, streams: Mapping[int, int], wake_at: Instant | None) -> None:
        """Report that everything up to time message `seq` is done and nothing is in flight.

        `streams`: live connections by K, with the messages received and handled; `wake_at`: when the kernel
        wants to be woken. Does nothing when the connection is gone (`run` says so).
        """
        if self._socket is None:
            await trio.lowlevel.checkpoint()
            return
        report = {
            "type": "idle",
            "seq": seq,
            "streams": {str(number): count for number, count in streams.items()},
            "wake_at": None if wake_at is None else str(wake_at),
        }
        try:
            await self._socket.send_message(json.dumps(report, separators=(",", ":")))
        except ConnectionClosed:
            return

    async def _follow(self, socket: WebSocketConnection, task_status: trio.TaskStatus[TimeMessage]) -> None:
        join = {"type": "join", "client": self._client, "lockstep": self._lockstep}
        await socket.send_message(json.dumps(join))
        with trio.move_on_after(CONNECT_S_MAX) as scope:
            first = self._take(await socket.get_message())
        if scope.cancelled_caught:
            raise SimLost(f"sim: no time within {CONNECT_S_MAX:g} s of joining")
        self._socket = socket
        task_status.started(first)
        await self._on_time(first)
        while True:
            await self._on_time(self._take(await socket.get_message()))

    def _take(self, raw: str | bytes) -> TimeMessage:
        """Move the clock."""
        message = read_time(raw)
        if self._last is not None:
            self.now()  # keeps what was already told as the floor
        self._last = message
        self._heard_at = self._monotonic()
        self._moved.set()
        self._moved = trio.Event()
        return message

    def _latest(self) -> TimeMessage:
        assert self._last is not None, "simclock: not started"
        return self._last
