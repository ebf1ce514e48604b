"""`/sim`: the session's time, published; and lock-step, by which clients and exchange advance together.

Messages are JSON text. Client: `join`, then `idle` whenever it has nothing left to do. Server: `time` after a
join, after each advance, and about once a second in real time; its `sent` counts the messages on each of the
client's labelled streams so far, this instant's included. Integers of nanoseconds are strings.

1. A client labels its traffic `X-Sim-Client: NAME/K`: K = 0 for REST, its own number for each WebSocket.
2. Lock-step advances only when every lock-step participant's last `idle` names the current sequence number,
   reports exactly its live labelled streams with exactly the messages that were sent on each, and has no
   request in flight here. What is waited for can be read at GET /sim/state.
3. The next instant is the least of the market's, the venue's and the participants' `wake_at`. A `wake_at`
   that is not in the future gives a new time message at the same instant.
4. Without a lock-step participant time stands still. One that says goodbye (close frame) is no longer waited
   for; one that dies freezes the session until somebody joins: a killed client finds everything as it left
   it.
5. A second join under the same name takes the place of the first.
6. A message that is not understood gets `{"type":"error","message":...}` and close 1008.

It ignores what is traded: that is the driver's.
"""

import json
import re
from typing import Any, Final, NamedTuple

import trio

from shell.exchange.driver import Driver
from shell.exchange.ws import WebSocket

__all__ = ["JOIN_SECONDS_MAX", "STREAMS_MAX", "Label", "Lockstep", "parse_label"]

JOIN_SECONDS_MAX: Final = 10.0
"""From the handshake to the `join`; then the connection is closed."""

STREAMS_MAX: Final = 64
"""Streams that one idle message may report."""

_LABEL: Final = re.compile(r"([A-Za-z0-9_.\-]{1,64})/(\d{1,9})")
_NAME: Final = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


class Label(NamedTuple):
    """Whose traffic it is: the client's name and its own number of the connection (0 = REST)."""

    name: str
    connection: int


def parse_label(text: str | None) -> Label | None:
    """The X-Sim-Client header as a Label; None when it is absent or not of the form NAME/K."""
    found = _LABEL.fullmatch(text) if text else None
    return Label(found[1], int(found[2])) if found else None


class _Malformed(Exception):
    """A message on /sim that is not understood."""


class Participant:
    """One connection on /sim after its join."""

    def __init__(self, socket: WebSocket, name: str, lockstep: bool) -> None:
        self.socket = socket
        self.name = name
        self.lockstep = lockstep
        self.idle_seq = -1
        self.streams: dict[int, int] = {}
        self.wake_at: int | None = None


class Lockstep:
    """The participants of a session, their labelled streams and their requests in flight."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._participants: list[Participant] = []
        self._streams: dict[Label, WebSocket] = {}
        self._in_flight: dict[str, int] = {}
        self._frozen = False
        driver.on_time = self._broadcast

    # What the server tells.

    def request_began(self, label: Label | None) -> None:
        """A labelled request has been read."""
        if label is not None:
            self._in_flight[label.name] = self._in_flight.get(label.name, 0) + 1

    def request_ended(self, label: Label | None) -> None:
        """Its answer is out and its updates are published."""
        if label is not None:
            left = self._in_flight[label.name] - 1
            if left:
                self._in_flight[label.name] = left
            else:
                del self._in_flight[label.name]
            self.consider()

    def stream_opened(self, label: Label | None, socket: WebSocket) -> None:
        """A labelled stream (not /sim itself) was accepted."""
        if label is not None:
            former = self._streams.get(label)
            if former is not None:
                former.abort()
            self._streams[label] = socket

    def stream_closed(self, label: Label | None, socket: WebSocket) -> None:
        """A labelled stream is over."""
        if label is not None and self._streams.get(label) is socket:
            del self._streams[label]
            self.consider()

    # The connection.

    async def serve(self, socket: WebSocket) -> None:
        """Speak with one client on /sim until it leaves."""
        participant: Participant | None = None
        try:
            with trio.move_on_after(JOIN_SECONDS_MAX):
                participant = self._join(socket, await socket.receive())
            if participant is None:
                socket.close(1008, "join expected")
                return
            while (message := await socket.receive()) is not None:
                self._idle(participant, message)
        except _Malformed as error:
            socket.send(json.dumps({"type": "error", "message": str(error)}))
            socket.close(1008, "malformed message")
        finally:
            if participant is not None:
                self._leave(participant)

    def _join(self, socket: WebSocket, message: str | bytes | None) -> Participant | None:
        if message is None:
            return None
        fields = _fields(message)
        name, lockstep = fields.get("client"), fields.get("lockstep", False)
        if fields.get("type") != "join" or not isinstance(name, str) or not isinstance(lockstep, bool):
            raise _Malformed('expected {"type":"join","client":NAME,"lockstep":true|false}')
        if not _NAME.fullmatch(name):
            raise _Malformed("client: 1 to 64 of A-Z a-z 0-9 _ . -")
        participant = Participant(socket, name, lockstep and self._driver.is_lockstep)
        for former in [other for other in self._participants if other.name == name]:
            self._participants.remove(former)
            former.socket.close(1008, "joined again")
        self._participants.append(participant)
        if participant.lockstep:
            self._frozen = False
        self._driver.touch()
        socket.send(self._time_text(name))
        return participant

    def _leave(self, participant: Participant) -> None:
        if participant not in self._participants:
            return
        self._participants.remove(participant)
        if participant.lockstep and not participant.socket.left_cleanly:
            self._frozen = True
        self.consider()

    def _idle(self, participant: Participant, message: str | bytes) -> None:
        fields = _fields(message)
        try:
            if fields["type"] != "idle":
                raise _Malformed('expected {"type":"idle",...}')
            seq = int(fields["seq"])
            streams = {int(number): int(count) for number, count in fields.get("streams", {}).items()}
            wake_at = None if fields.get("wake_at") is None else int(fields["wake_at"])
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise _Malformed('expected {"type":"idle","seq":N,"streams":{K:N},"wake_at":"NS"}') from error
        if len(streams) > STREAMS_MAX:
            raise _Malformed(f"more than {STREAMS_MAX} streams")
        participant.idle_seq, participant.streams, participant.wake_at = seq, streams, wake_at
        self.consider()

    # The advance.

    def consider(self) -> None:
        """Advance once if every lock-step participant is idle; called after all that may change it."""
        if not self._driver.is_lockstep or self._frozen or self._waits_for():
            return
        wakes = [each.wake_at for each in self._participants if each.lockstep and each.wake_at is not None]
        instant = self._driver.next_instant(wakes)
        if instant is not None:
            self._driver.step(instant)
            self._driver.say_time()

    def _waits_for(self) -> list[str]:
        """Why time stands still: one line for each participant that is not idle; empty when all are."""
        waits: list[str] = []
        some = False
        for each in self._participants:
            if each.lockstep:
                some = True
                reason = self._busy(each)
                if reason:
                    waits.append(f"{each.name}: {reason}")
        return waits if some else ["no lock-step participant"]

    def _busy(self, participant: Participant) -> str | None:
        if participant.idle_seq != self._driver.seq:
            return f"idle at {participant.idle_seq}, time is at {self._driver.seq}"
        if self._in_flight.get(participant.name):
            return "a request is in flight"
        live = self.streams_of(participant.name)
        if live != participant.streams:
            return f"streams reported {participant.streams}, sent {live}"
        return None

    def _broadcast(self) -> None:
        for participant in self._participants:
            participant.socket.send(self._time_text(participant.name))

    def streams_of(self, name: str) -> dict[int, int]:
        """Messages sent so far on each of a client's live streams."""
        return {
            label.connection: socket.sent for label, socket in self._streams.items() if label.name == name
        }

    def _time_text(self, name: str = "") -> str:
        """The time message; `sent` tells a client which frames belong to the instants up to this one."""
        driver = self._driver
        return json.dumps(
            {
                "type": "time",
                "seq": driver.seq,
                "now": str(driver.now),
                "rate": "0" if driver.rate is None else f"{driver.rate:g}",
                "mode": "lockstep" if driver.is_lockstep else "realtime",
                "bars_done": driver.market.bars_done,
                "bars_total": driver.market.bars_total,
                "ended": driver.ended,
                "sent": {str(number): count for number, count in self.streams_of(name).items()},
            }
        )

    def state(self) -> dict[str, object]:
        """What GET /sim/state shows: the time, the participants and what is waited for."""
        return {
            **json.loads(self._time_text()),
            "participants": [
                {"client": each.name, "lockstep": each.lockstep, "idle_seq": each.idle_seq}
                for each in self._participants
            ],
            "frozen": self._frozen,
            "waits_for": self._waits_for() if self._driver.is_lockstep else [],
        }


def _fields(message: str | bytes) -> dict[str, Any]:
    """A message as a JSON object. Raises _Malformed."""
    try:
        fields = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise _Malformed("not JSON") from error
    if not isinstance(fields, dict):
        raise _Malformed("not a JSON object")
    return fields
