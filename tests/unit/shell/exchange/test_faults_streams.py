"""Faults of streams, one at a time, as a plain client sees them."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from tests.unit.shell.exchange.faults_kit import counts, settings, step
from tests.unit.shell.exchange.wire_harness import (
    Running,
    listen,
    order,
    receive_json,
    running,
    send_json,
    within,
)

Body = Callable[[Running], Awaitable[None]]
AUTH = {"action": "auth", "key": "k", "secret": "s"}
HANDSHAKE = (
    b"GET /stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
LIMIT = {"type": "limit", "limit_price": "400.00"}


def exchange_with(
    tmp_path: Path, body: Body, name: str, kind: str | None = None, rate: float = 1.0, **fields: Any
) -> None:
    """Runs a test against an exchange with one fault, in one form, after the first quote."""

    async def test() -> None:
        kinds: dict[str, tuple[str, ...]] = {} if kind is None else {name: (kind,)}
        async with running(settings(tmp_path, {name: rate}, kinds, **fields)) as exchange:
            step(exchange)
            await body(exchange)
            assert counts(exchange)[name] > 0

    within(test)


async def events(stream: WebSocketConnection, seconds: float = 0.2) -> list[str]:
    """The events of all updates that arrive."""
    return [frame["data"]["event"] for frame in await frames(stream, seconds)]


async def frames(stream: WebSocketConnection, seconds: float = 0.2) -> list[Any]:
    """All frames that arrive until nothing more does for so long."""
    found: list[Any] = []
    for _ in range(100):
        with trio.move_on_after(seconds) as scope:
            found.append(json.loads(await stream.get_message()))
        if scope.cancelled_caught:
            break
    return found


async def buy(exchange: Running, **fields: object) -> None:
    answer = await (await exchange.rest()).call("POST", "/v2/orders", order(**fields))
    assert answer.status == 200


def test_updates_are_dropped(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        async with exchange.stream("/stream") as stream:
            await listen(stream)
            await buy(exchange)
            assert await events(stream) == []
            assert exchange.served.exchange.faults.counts["dropped_update"] == 3

    exchange_with(tmp_path, body, "dropped_update")


@pytest.mark.parametrize("kind", ["same", "fresh", "replay"])
def test_updates_come_again(tmp_path: Path, kind: str) -> None:
    async def body(exchange: Running) -> None:
        async with exchange.stream("/stream") as stream:
            await listen(stream)
            await buy(exchange)
            found = await frames(stream)
            assert 6 <= len(found) <= 12
            assert found[0]["data"]["event"] == "pending_new"
            executions = {f["data"]["execution_id"] for f in found if f["data"]["event"] == "fill"}
            assert len(executions) == 1
            ids = {f["data"]["event_id"] for f in found}
            assert (len(ids) > 3) is (kind == "fresh")

    exchange_with(tmp_path, body, "duplicate_update", kind)


def test_updates_change_places_and_none_is_lost(tmp_path: Path) -> None:
    orders = set()
    for seed in range(4):

        async def body(exchange: Running) -> None:
            async with exchange.stream("/stream") as stream:
                await listen(stream)
                await buy(exchange)
                step(exchange, 2)
                told = await events(stream)
                assert sorted(told) == ["fill", "new", "pending_new"]
                orders.add(tuple(told))

        exchange_with(tmp_path, body, "reordered_update", rate=0.5, seed=seed)
    assert len(orders) > 1


def test_an_update_that_comes_before_the_answer(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        async with exchange.stream("/stream") as stream:
            await listen(stream)
            rest = await exchange.rest()
            with trio.move_on_after(0.3):
                await rest.call("POST", "/v2/orders", order())
            assert await events(stream) == ["pending_new", "new", "fill"]

    exchange_with(tmp_path, body, "hang", "after")


@pytest.mark.parametrize("kind", ["event", "status"])
def test_words_that_nobody_knows(tmp_path: Path, kind: str) -> None:
    async def body(exchange: Running) -> None:
        exchange.served.exchange.driver.settle()
        async with exchange.stream("/stream") as stream:
            await listen(stream)
            await buy(exchange)
            for frame in await frames(stream):
                word = frame["data"]["event"] if kind == "event" else frame["data"]["order"]["status"]
                assert word in {"rejuvenated", "pending_review_2", "held_for_reasons"}

    exchange_with(tmp_path, body, "unknown_word", kind)


def test_the_order_stream_falls_silent_and_speaks_again(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        async with exchange.stream("/stream") as stream:
            await listen(stream)
            step(exchange, 4)
            await buy(exchange)
            await stream.ping()
            assert await events(stream) == [], "open, pings answered, no data"
            step(exchange, 3)
            await buy(exchange, **LIMIT)
            assert await events(stream) == ["pending_new", "new"]

    exchange_with(tmp_path, body, "stream_mute", "order")


def test_the_market_stream_falls_silent(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        async with exchange.stream("/v2/iex") as stream:
            await subscribe(stream)
            step(exchange, 4)
            assert len(await frames(stream)) == 3, "three quotes; the fifth instant is silent already"
            step(exchange, 2)
            assert await frames(stream) == []
            step(exchange, 2)
            assert len(await frames(stream)) == 1, "at 45 seconds past the minute it speaks again"

    exchange_with(tmp_path, body, "stream_mute", "market")


async def subscribe(stream: WebSocketConnection) -> None:
    """Authenticate, then quotes and bars of everything."""
    assert (await receive_json(stream))[0]["msg"] == "connected"
    await send_json(stream, AUTH)
    assert (await receive_json(stream))[0]["msg"] == "authenticated"
    await send_json(stream, {"action": "subscribe", "bars": ["*"], "quotes": ["SPY"]})
    assert (await receive_json(stream))[0]["bars"] == ["*"]


async def end_of(socket: WebSocketConnection) -> int:
    """Reads until the connection is over; its close code."""
    for _ in range(100):
        try:
            await socket.get_message()
        except ConnectionClosed as closed:
            return 1006 if closed.reason is None else int(closed.reason.code)
    raise AssertionError("the connection goes on")


@pytest.mark.parametrize(("kind", "code"), [("1000", 1000), ("1011", 1011), ("1006", 1006)])
def test_streams_are_cut(tmp_path: Path, kind: str, code: int) -> None:
    async def body(exchange: Running) -> None:
        async with exchange.stream("/stream") as stream, exchange.stream("/v2/iex") as market:
            await listen(stream)
            await subscribe(market)
            step(exchange, 4)
            for socket in (stream, market):
                assert await end_of(socket) == code

    exchange_with(tmp_path, body, "stream_cut", kind)


def test_handshakes_are_refused_for_a_while_and_then_not(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        async def status() -> bytes:
            tcp = await exchange.connect()
            await tcp.send_all(HANDSHAKE)
            return bytes(await tcp.receive_some(4096))[9:12]

        assert [await status() for _ in range(3)] == [b"429"] * 3
        step(exchange, 2)
        assert await status() == b"101", "who keeps trying gets through"

    exchange_with(tmp_path, body, "stream_refused", "busy")


def test_good_keys_are_not_believed_once(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        async with exchange.stream("/stream") as stream:
            await send_json(stream, AUTH)
            assert (await receive_json(stream))["data"]["status"] == "unauthorized"
        async with exchange.stream("/stream") as stream:
            await listen(stream)

    exchange_with(tmp_path, body, "stream_refused", "unauthorized")


def test_let_in_and_shown_the_door(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        async with exchange.stream("/stream") as stream:
            await send_json(stream, AUTH)
            assert (await receive_json(stream))["data"]["status"] == "authorized"
            with pytest.raises(ConnectionClosed):
                await stream.get_message()
        async with exchange.stream("/stream") as stream:
            await listen(stream)

    exchange_with(tmp_path, body, "stream_refused", "kicked")


@pytest.mark.parametrize("kind", ["flip", "fragments"])
def test_frames_of_the_other_kind_and_in_pieces(tmp_path: Path, kind: str) -> None:
    async def body(exchange: Running) -> None:
        async with exchange.stream("/stream") as stream, exchange.stream("/v2/iex") as market:
            await send_json(stream, AUTH)
            answer = await stream.get_message()
            assert isinstance(answer, str) is (kind == "flip"), "binary is this exchange's way"
            assert json.loads(answer)["data"]["status"] == "authorized"
            assert isinstance(await market.get_message(), bytes) is (kind == "flip")
            socket = next(iter(exchange.served.exchange.trade_stream._listeners)).socket
            assert socket.sent == 1, "a message in pieces is one message"

    exchange_with(tmp_path, body, "binary_frames", kind)


def test_fragments_are_on_the_wire(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        tcp = await exchange.connect()
        await tcp.send_all(HANDSHAKE.replace(b"/stream", b"/v2/iex"))
        raw = b""
        while raw.count(b"connected") < 1 and not raw.endswith(b"]"):
            raw += bytes(await tcp.receive_some(4096))
        first = raw.partition(b"\r\n\r\n")[2]
        assert first[0] == 0x01, "text, not final"
        assert first[2 + first[1]] == 0x80, "continuation, final"

    exchange_with(tmp_path, body, "binary_frames", "fragments")


@pytest.mark.parametrize("kind", ["zero", "negative", "crossed", "stale", "jump", "twice", "late"])
def test_bad_ticks_are_told_and_not_traded_on(tmp_path: Path, kind: str) -> None:
    async def body(exchange: Running) -> None:
        async with exchange.stream("/v2/iex") as stream:
            await subscribe(stream)
            step(exchange, 3)
            told = [row for frame in await frames(stream) for row in frame]
            true = exchange.served.exchange.venue.quote("SPY")
            assert true is not None
            assert 0 < true.bid < true.ask < 600 * 10**9
            prices = [(float(row["bp"]), float(row["ap"])) for row in told]
            if kind == "late":
                late = ["2024-03-13T13:30:00Z", "2024-03-13T13:30:15Z", "2024-03-13T13:30:30Z"]
                assert [row["t"] for row in told] == late
            elif kind == "twice":
                assert len(told) == 6
            else:
                assert len(told) == 3
            if kind == "zero":
                assert prices == [(0, 0)] * 3
            elif kind == "negative":
                assert all(bid < 0 < ask for bid, ask in prices)
            elif kind == "crossed":
                assert all(bid > ask for bid, ask in prices)
            elif kind == "stale":
                assert all(row["t"].startswith("2024-03-13T12:30") for row in told)
            elif kind == "jump":
                assert all(bid > 1_000 for bid, _ in prices)

    exchange_with(tmp_path, body, "bad_ticks", kind)


def test_a_halt_suspends_and_resumes(tmp_path: Path) -> None:
    async def body(exchange: Running) -> None:
        async with exchange.stream("/stream") as stream:
            await listen(stream)
            await buy(exchange, **LIMIT)
            step(exchange, 4)
            assert await events(stream) == ["pending_new", "new", "suspended"]
            step(exchange, 3)
            assert await events(stream) == ["new"]

    exchange_with(tmp_path, body, "symbol_trouble", "halt")


@pytest.mark.parametrize("kind", ["streamed", "unstreamed"])
def test_another_clients_trade_is_streamed_or_not(tmp_path: Path, kind: str) -> None:
    async def body(exchange: Running) -> None:
        async with exchange.stream("/stream") as stream:
            await listen(stream)
            step(exchange, 4)
            assert await events(stream) == (["pending_new", "new", "fill"] if kind == "streamed" else [])

    exchange_with(tmp_path, body, "manual_trade", kind)
