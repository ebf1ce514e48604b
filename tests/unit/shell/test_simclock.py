"""The follower of a simulated session's time."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio_websocket

from kernel.units import SECOND, Instant
from shell.simclock import SimClock, SimLost, TimeMessage, read_time
from tests.unit.shell.alpaca.servers import Talk, run, ws_server

Socket = trio_websocket.WebSocketConnection

T0 = 1_800_000_000_000_000_000


def time_text(seq: int, now: int = T0, **changes: Any) -> str:
    return json.dumps(
        {"type": "time", "seq": seq, "now": str(now), "rate": "0", "mode": "lockstep", "bars_done": 1,
         "bars_total": 390, "ended": False} | changes
    )  # fmt: skip


async def ignore(message: TimeMessage) -> None:
    assert message.seq >= 0


def with_clock(
    talk: Talk,
    use: Callable[[SimClock], Awaitable[None]],
    on_time: Callable[[TimeMessage], Awaitable[None]] = ignore,
    **more: Any,
) -> None:
    async def main() -> None:
        async with ws_server(talk) as url, trio.open_nursery() as nursery:
            clock = SimClock(url, "desk", lockstep=True, on_time=on_time, **more)
            await nursery.start(clock.run)
            await use(clock)
            nursery.cancel_scope.cancel()

    run(main)


def test_it_joins_follows_and_reports() -> None:
    asked: list[dict[str, Any]] = []
    seen: list[int] = []

    async def talk(socket: Socket) -> None:
        asked.append(json.loads(await socket.get_message()))
        await socket.send_message(time_text(7, sent={"1": 2}))
        asked.append(json.loads(await socket.get_message()))
        await socket.send_message(time_text(8, T0 + 5, ended=True, bars_done=390))
        await socket.get_message()

    async def on_time(message: TimeMessage) -> None:
        seen.append(message.seq)

    async def use(clock: SimClock) -> None:
        assert clock.latest == TimeMessage(7, Instant(T0), 0, True, 1, 390, False, {1: 2})
        assert (clock.now(), clock.ended) == (T0, False)
        await clock.idle(seq=7, streams={3: 12, 4: 57}, wake_at=Instant(T0 + 5))
        with trio.fail_after(5):
            await clock.sleep_until(Instant(T0 + 5))
        assert (clock.now(), clock.ended) == (T0 + 5, True)

    with_clock(talk, use, on_time)
    assert asked == [
        {"type": "join", "client": "desk", "lockstep": True},
        {"type": "idle", "seq": 7, "streams": {"3": 12, "4": 57}, "wake_at": str(T0 + 5)},
    ]
    assert seen == [7, 8]


def test_in_real_time_it_runs_on_at_the_rate_and_never_back() -> None:
    monotonic = [0]
    gate, moved = trio.Event(), trio.Event()

    async def on_time(message: TimeMessage) -> None:
        if message.seq == 2:
            moved.set()

    async def talk(socket: Socket) -> None:
        await socket.get_message()
        await socket.send_message(time_text(1, rate="60", mode="realtime"))
        await gate.wait()
        # The exchange's own time is behind what was told already.
        await socket.send_message(time_text(2, T0 + 1, rate="1e-1", mode="realtime"))
        await socket.get_message()

    async def use(clock: SimClock) -> None:
        assert clock.now() == T0
        monotonic[0] += SECOND
        assert clock.now() == T0 + 60 * SECOND
        gate.set()
        await moved.wait()
        assert clock.now() == T0 + 60 * SECOND
        monotonic[0] += 1000 * SECOND
        assert clock.now() == T0 + 1 + 100 * SECOND

    with_clock(talk, use, on_time, monotonic=lambda: monotonic[0])


def test_a_sleep_ends_at_the_rate() -> None:
    async def talk(socket: Socket) -> None:
        await socket.get_message()
        await socket.send_message(time_text(1, rate="1000", mode="realtime"))
        await trio.sleep_forever()

    async def use(clock: SimClock) -> None:
        began = trio.current_time()
        await clock.sleep_until(Instant(T0 + 50 * SECOND))
        assert trio.current_time() - began < 5
        assert clock.now() >= T0 + 50 * SECOND

    with_clock(talk, use)


def lost(talk: Talk | None) -> str:
    async def main() -> str:
        if talk is None:
            return await line_of("http://127.0.0.1:1")
        async with ws_server(talk) as url:
            return await line_of(url)

    async def line_of(url: str) -> str:
        clock = SimClock(url, "desk", lockstep=True, on_time=ignore)
        with pytest.raises(SimLost) as caught:
            await clock.run()
        return str(caught.value)

    return run(main)


def test_nobody_there_is_said_in_one_line() -> None:
    line = lost(None)
    assert line.startswith("sim: the session's clock at ws://127.0.0.1:1/sim is lost: ")
    assert "\n" not in line


def test_an_end_is_said() -> None:
    async def talk(socket: Socket) -> None:
        await socket.get_message()
        await socket.send_message(time_text(1))
        await socket.aclose(1008, "joined again")

    assert "joined again" in lost(talk)


def test_a_refusal_is_said() -> None:
    async def talk(socket: Socket) -> None:
        await socket.send_message('{"type":"error","message":"1 to 64 of A-Z"}')
        await trio.sleep_forever()

    assert "1 to 64 of A-Z" in lost(talk)


@pytest.mark.parametrize(
    "changes",
    [
        {"now": None},
        {"seq": "x"},
        {"rate": "-1"},
        {"rate": "fast"},
        {"ended": 0},
        {"now": "9" * 40},
        {"seq": True},
    ],
)
def test_an_unreadable_time_message_is_the_end(changes: dict[str, Any]) -> None:
    with pytest.raises(SimLost, match="unreadable time message"):
        read_time(json.dumps(json.loads(time_text(1)) | changes))


def test_idle_without_a_connection_does_nothing() -> None:
    async def main() -> None:
        clock = SimClock("ws://127.0.0.1:1", "desk", lockstep=True, on_time=ignore)
        with trio.fail_after(1):
            await clock.idle(seq=1, streams={}, wake_at=None)
        with pytest.raises(AssertionError, match="not started"):
            clock.now()

    run(main)
