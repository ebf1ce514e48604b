"""Lock-step and published time: when the session advances, when it waits, and that it repeats."""

import json
from pathlib import Path
from typing import Any

import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from shell.exchange.driver import DRAIN_NS_MAX
from shell.exchange.settings import ExchangeSettings
from shell.exchange.sim import Label
from tests.unit.shell.exchange.wire_harness import (
    Running,
    listen,
    order,
    receive_json,
    running,
    send_json,
    within,
    write_bars,
)

SECOND = 1_000_000_000
OPEN_NS = 1_710_336_600 * SECOND
STEPS_MAX = 500
CASH = 100_000_000 * SECOND


async def join(socket: WebSocketConnection, name: str = "a", lockstep: bool = True) -> Any:
    await send_json(socket, {"type": "join", "client": name, "lockstep": lockstep})
    return await receive_json(socket)


async def idle(
    socket: WebSocketConnection, seq: int, streams: dict[str, int] | None = None, wake: int | None = None
) -> None:
    wake_at = None if wake is None else str(wake)
    await send_json(socket, {"type": "idle", "seq": seq, "streams": streams or {}, "wake_at": wake_at})


async def stays_silent(socket: WebSocketConnection, seconds: float = 0.1) -> bool:
    with trio.move_on_after(seconds) as scope:
        await socket.get_message()
    return scope.cancelled_caught


def lockstep(tmp_path: Path, minutes: int = 4) -> ExchangeSettings:
    return ExchangeSettings(bars=(write_bars(tmp_path, minutes=minutes),), rate=None, cash=CASH)


def test_join_tells_the_time_and_idle_advances_to_the_first_quote(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(lockstep(tmp_path)) as exchange, exchange.stream("/sim") as sim:
            told = await join(sim)
            assert told == {
                "type": "time",
                "seq": 0,
                "now": str(OPEN_NS - SECOND),
                "rate": "0",
                "mode": "lockstep",
                "bars_done": 0,
                "bars_total": 4,
                "ended": False,
                "sent": {},
            }
            assert await stays_silent(sim)
            await idle(sim, 0)
            told = await receive_json(sim)
            assert (told["seq"], told["now"]) == (1, str(OPEN_NS))

    within(test)


def test_a_stale_or_future_sequence_number_does_not_advance(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(lockstep(tmp_path)) as exchange, exchange.stream("/sim") as sim:
            await join(sim)
            await idle(sim, 5)
            assert await stays_silent(sim)
            await idle(sim, 0)
            assert (await receive_json(sim))["seq"] == 1
            await idle(sim, 0)
            assert await stays_silent(sim)

    within(test)


def test_wake_at_is_served_before_the_next_quote_and_past_ones_at_the_same_instant(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(lockstep(tmp_path)) as exchange, exchange.stream("/sim") as sim:
            await join(sim)
            await idle(sim, 0, wake=OPEN_NS - SECOND // 2)
            assert (await receive_json(sim))["now"] == str(OPEN_NS - SECOND // 2)
            await idle(sim, 1, wake=OPEN_NS - SECOND)
            told = await receive_json(sim)
            assert (told["seq"], told["now"]) == (2, str(OPEN_NS - SECOND // 2))
            await idle(sim, 2)
            assert (await receive_json(sim))["now"] == str(OPEN_NS)

    within(test)


def test_time_waits_for_every_message_that_was_sent_on_a_labelled_stream(tmp_path: Path) -> None:
    async def test() -> None:
        async with (
            running(lockstep(tmp_path)) as exchange,
            exchange.stream("/sim", X_Sim_Client="a/1") as sim,
            exchange.stream("/stream", X_Sim_Client="a/2") as stream,
        ):
            await join(sim)
            await listen(stream)
            await idle(sim, 0)
            assert await stays_silent(sim)
            await idle(sim, 0, {"2": 1})
            assert await stays_silent(sim)
            await idle(sim, 0, {"2": 2, "3": 0})
            assert await stays_silent(sim)
            await idle(sim, 0, {"2": 2})
            assert (await receive_json(sim))["seq"] == 1
            rest = await exchange.rest(X_Sim_Client="a/0")
            assert (await rest.call("POST", "/v2/orders", order())).status == 200
            await idle(sim, 1, {"2": 2})
            assert await stays_silent(sim)
            watcher = await exchange.rest()
            waits = (await watcher.call("GET", "/sim/state")).json["waits_for"]
            assert waits == ["a: streams reported {2: 2}, sent {2: 5}"]
            await idle(sim, 1, {"2": 5})
            assert (await receive_json(sim))["seq"] == 2

    within(test)


def test_time_waits_for_a_labelled_request_until_its_updates_are_out(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(lockstep(tmp_path)) as exchange, exchange.stream("/sim") as sim:
            await join(sim)
            server = exchange.served.exchange.lockstep
            server.request_began(Label("a", 0))
            server.request_began(Label("a", 0))
            await idle(sim, 0)
            assert await stays_silent(sim)
            server.request_ended(Label("a", 0))
            assert await stays_silent(sim)
            server.request_ended(Label("a", 0))
            assert (await receive_json(sim))["seq"] == 1

    within(test)


def test_a_closed_stream_is_no_longer_waited_for(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(lockstep(tmp_path)) as exchange, exchange.stream("/sim") as sim:
            await join(sim)
            async with exchange.stream("/stream", X_Sim_Client="a/2") as stream:
                await listen(stream)
                await idle(sim, 0, {})
                assert await stays_silent(sim)
            # The idle message stands; only the stream's end was missing.
            assert (await receive_json(sim))["seq"] == 1

    within(test)


def test_time_waits_for_every_participant(tmp_path: Path) -> None:
    async def test() -> None:
        async with (
            running(lockstep(tmp_path)) as exchange,
            exchange.stream("/sim") as first,
            exchange.stream("/sim") as second,
            exchange.stream("/sim") as observer,
        ):
            await join(first, "a")
            await join(second, "b")
            await join(observer, "c", lockstep=False)
            await idle(first, 0)
            assert await stays_silent(first)
            await idle(second, 0)
            assert (await receive_json(first))["seq"] == 1
            assert (await receive_json(second))["seq"] == 1
            assert (await receive_json(observer))["seq"] == 1

    within(test)


def test_a_clean_leave_lets_the_others_go_on_and_a_death_freezes_until_a_join(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(lockstep(tmp_path)) as exchange, exchange.stream("/sim") as first:
            await join(first, "a")
            async with exchange.stream("/sim") as second:
                await join(second, "b")
                await idle(first, 0)
                assert await stays_silent(first)
            assert (await receive_json(first))["seq"] == 1

            dying = await exchange.connect()
            await die_after_join(exchange, dying, "b")
            await idle(first, 1)
            assert await stays_silent(first)
            rest = await exchange.rest()
            assert (await rest.call("GET", "/sim/state")).json["frozen"] is True
            async with exchange.stream("/sim") as again:
                await join(again, "b")
                await idle(again, 1)
                assert (await receive_json(first))["seq"] == 2

    within(test)


async def die_after_join(exchange: Running, stream: trio.SocketStream, name: str) -> None:
    """Join by hand and vanish without a close frame, as a killed process does."""
    await stream.send_all(
        b"GET /sim HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert b"101" in bytes(await stream.receive_some(4096))
    text = json.dumps({"type": "join", "client": name, "lockstep": True}).encode()
    await stream.send_all(bytes([0x81, 0x80 | len(text)]) + bytes(4) + text)
    assert b"time" in bytes(await stream.receive_some(4096))
    await stream.aclose()
    rest = await exchange.rest()
    for _ in range(100):
        names = [each["client"] for each in (await rest.call("GET", "/sim/state")).json["participants"]]
        if name not in names:
            return
        await trio.sleep(0.01)
    raise AssertionError("the exchange did not notice the death")


def test_a_second_join_of_the_same_name_replaces_the_first(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(lockstep(tmp_path)) as exchange, exchange.stream("/sim") as first:
            await join(first, "a")
            async with exchange.stream("/sim") as second:
                await join(second, "a")
                with pytest.raises(ConnectionClosed):
                    await first.get_message()
                await idle(second, 0)
                assert (await receive_json(second))["seq"] == 1

    within(test)


@pytest.mark.parametrize(
    "message",
    [
        "nonsense",
        "[1]",
        "[" * 100_000,
        '{"type":"idle","seq":0}',
        '{"type":"join","client":"","lockstep":true}',
        '{"type":"join","client":"a b","lockstep":true}',
        '{"type":"join","client":"a","lockstep":"yes"}',
    ],
)
def test_a_malformed_join_is_told_so_and_closed(tmp_path: Path, message: str) -> None:
    async def test() -> None:
        async with running(lockstep(tmp_path)) as exchange, exchange.stream("/sim") as sim:
            await sim.send_message(message)
            assert (await receive_json(sim))["type"] == "error"
            with pytest.raises(ConnectionClosed) as closed:
                await sim.get_message()
            assert closed.value.reason is not None
            assert closed.value.reason.code == 1008

    within(test)


@pytest.mark.parametrize(
    "message",
    [
        '{"type":"idle"}',
        '{"type":"idle","seq":"x","streams":{}}',
        '{"type":"idle","seq":0,"streams":[1]}',
        '{"type":"idle","seq":0,"streams":{"a":1}}',
        '{"type":"idle","seq":0,"streams":{},"wake_at":"soon"}',
        '{"type":"advance"}',
    ],
)
def test_a_malformed_idle_ends_the_participation_and_freezes_nothing_else(
    tmp_path: Path, message: str
) -> None:
    async def test() -> None:
        async with running(lockstep(tmp_path)) as exchange, exchange.stream("/sim") as sim:
            await join(sim)
            await sim.send_message(message)
            assert (await receive_json(sim))["type"] == "error"
            with pytest.raises(ConnectionClosed):
                await sim.get_message()
            rest = await exchange.rest()
            assert (await rest.call("GET", "/sim/state")).json["participants"] == []

    within(test)


class Client:
    """A lock-step client with an order stream (2) and a market stream (3) that reads all that was sent."""

    def __init__(self, exchange: Running, sockets: dict[str, WebSocketConnection]) -> None:
        self.exchange = exchange
        self.sockets = sockets
        self.counts = {"2": 2, "3": 3}
        self.seen: list[Any] = []

    async def begin(self) -> Any:
        """Join, authenticate and subscribe; the first time message."""
        told = await join(self.sockets["1"])
        await listen(self.sockets["2"])
        market = self.sockets["3"]
        await receive_json(market)
        await send_json(market, {"action": "auth", "key": "key", "secret": "secret"})
        await receive_json(market)
        await send_json(market, {"action": "subscribe", "bars": ["*"], "quotes": ["SPY"]})
        await receive_json(market)
        return told

    async def read(self, sent: dict[str, int]) -> list[Any]:
        """Read the streams up to these counts."""
        fresh: list[Any] = []
        for name in ("2", "3"):
            while self.counts[name] < sent[name]:
                fresh.append(json.loads(await self.sockets[name].get_message()))
                self.counts[name] += 1
        self.seen += fresh
        return fresh

    async def advance(self, told: Any) -> tuple[Any, list[Any]]:
        """Say idle; the next time message and what came with it."""
        await idle(self.sockets["1"], told["seq"], self.counts)
        told = await receive_json(self.sockets["1"])
        fresh = await self.read(told["sent"])
        self.seen.append(told)
        return told, fresh


async def whole_session(exchange: Running, orders: bool) -> list[Any]:
    """Idle through a session, with an order each time a bar closes; everything received."""
    async with (
        exchange.stream("/sim", X_Sim_Client="a/1") as sim,
        exchange.stream("/stream", X_Sim_Client="a/2") as stream,
        exchange.stream("/v2/iex", X_Sim_Client="a/3") as market,
    ):
        client = Client(exchange, {"1": sim, "2": stream, "3": market})
        rest = await exchange.rest(X_Sim_Client="a/0")
        told = await client.begin()
        for _ in range(STEPS_MAX):
            told, fresh = await client.advance(told)
            if told["ended"]:
                return client.seen
            if orders and any(isinstance(each, list) and each[0]["T"] == "b" for each in fresh):
                body = order(client_order_id=f"order-{told['seq']}", qty="4000")
                client.seen.append((await rest.call("POST", "/v2/orders", body)).json)
                # pending_new and new always follow; a fill may.
                await client.read({**client.counts, "2": client.counts["2"] + 2})
                await client.read({**client.counts, "2": sent_to(exchange, 2)})
    raise AssertionError("the session did not end")


def sent_to(exchange: Running, number: int) -> int:
    """What the exchange says it sent on a stream."""
    streams = exchange.served.exchange.lockstep.streams_of("a")
    return streams[number]


def test_two_runs_of_a_session_with_orders_are_the_same_byte_for_byte(tmp_path: Path) -> None:
    runs: list[tuple[list[Any], Any]] = []

    async def test() -> None:
        async with running(lockstep(tmp_path, minutes=6)) as exchange:
            seen = await whole_session(exchange, orders=True)
            rest = await exchange.rest()
            runs.append((seen, (await rest.call("GET", "/sim/books")).body))

    within(test)
    within(test)
    assert runs[0] == runs[1]
    fills = [each for each in runs[0][0] if isinstance(each, dict) and each.get("stream") == "trade_updates"]
    events = {each["data"]["event"] for each in fills}
    assert events >= {"pending_new", "new", "partial_fill", "fill"}


def test_a_bar_is_published_when_it_has_closed_before_the_quotes_of_that_instant(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(lockstep(tmp_path)) as exchange:
            seen = await whole_session(exchange, orders=False)
        kinds = [m[0]["T"] if isinstance(m, list) else "time" for m in seen]
        # Four quotes of the first bar, each followed by its time; then the bar, then the next quote.
        assert kinds[:12] == ["q", "time"] * 4 + ["b", "q", "time", "q"]
        first = next(m[0] for m in seen if isinstance(m, list) and m[0]["T"] == "b")
        assert (first["S"], first["t"]) == ("SPY", "2024-03-13T13:30:00Z")
        assert seen[-1]["ended"] is True
        assert seen[-1]["bars_done"] == seen[-1]["bars_total"] == 4

    within(test)


def test_the_session_runs_on_to_the_close_and_then_only_as_far_as_clients_wake(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(lockstep(tmp_path, minutes=1)) as exchange, exchange.stream("/sim") as sim:
            told = await join(sim)
            rest = await exchange.rest()
            limit = order(type="limit", limit_price="1.00")
            placed = (await rest.call("POST", "/v2/orders", limit)).json
            for _ in range(STEPS_MAX):
                await idle(sim, told["seq"])
                told = await receive_json(sim)
                if told["ended"]:
                    break
            close = OPEN_NS + 6 * 3600 * SECOND + 1800 * SECOND
            assert told["now"] == str(close)
            assert (await rest.call("GET", f"/v2/orders/{placed['id']}")).json["status"] == "expired"

            await idle(sim, told["seq"])
            assert await stays_silent(sim)
            await idle(sim, told["seq"], wake=close + SECOND)
            told = await receive_json(sim)
            assert (told["now"], told["ended"]) == (str(close + SECOND), True)
            await idle(sim, told["seq"], wake=close + DRAIN_NS_MAX + 1)
            assert await stays_silent(sim)

    within(test)


def test_real_time_publishes_rate_and_time_and_ends(tmp_path: Path) -> None:
    async def test() -> None:
        settings = ExchangeSettings(bars=(write_bars(tmp_path, minutes=2),), rate=20_000.0)
        async with running(settings) as exchange, exchange.stream("/sim") as sim:
            told = await join(sim, lockstep=False)
            assert (told["mode"], told["rate"], told["ended"]) == ("realtime", "20000", False)
            before = int(told["now"])
            for _ in range(10):
                told = await receive_json(sim)
                assert int(told["now"]) > before
                before = int(told["now"])
                if told["ended"]:
                    break
            assert told["ended"]
            assert told["bars_done"] == 2

    within(test)


def test_real_time_stands_still_until_somebody_comes(tmp_path: Path) -> None:
    async def test() -> None:
        settings = ExchangeSettings(bars=(write_bars(tmp_path),), rate=1_000.0)
        async with running(settings) as exchange:
            await trio.sleep(0.1)
            assert exchange.served.exchange.driver.now == OPEN_NS - SECOND
            rest = await exchange.rest()
            await rest.call("GET", "/v2/clock")
            await trio.sleep(0.05)
            await rest.call("GET", "/v2/clock")
            assert exchange.served.exchange.driver.now > OPEN_NS

    within(test)
