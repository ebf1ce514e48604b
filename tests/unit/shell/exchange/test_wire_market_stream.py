"""The market-data streams: greeting, both encodings, fragmented subscriptions, documented errors."""

import json
from pathlib import Path
from typing import Any

import msgpack
import pytest
from trio_websocket import ConnectionClosed, WebSocketConnection

from shell.exchange import market_stream as market_module
from shell.exchange import ws as ws_module
from shell.exchange.settings import ExchangeSettings
from tests.unit.shell.exchange.wire_harness import (
    Running,
    receive_json,
    running,
    send_json,
    within,
    write_bars,
)

OPEN_NS = 1_710_336_600 * 10**9
MINUTE = 60 * 10**9


def settings(tmp_path: Path, **fields: object) -> ExchangeSettings:
    files = (
        write_bars(tmp_path, "SPY"),
        write_bars(tmp_path, "AIG", price="75.00"),
        write_bars(tmp_path, "ETHUSD", price="2000.00"),
    )
    made: dict[str, object] = {"bars": files, "rate": None, **fields}
    return ExchangeSettings(**made)  # type: ignore[arg-type]


def step_to(exchange: Running, instant: int) -> None:
    driver = exchange.served.exchange.driver
    while (upcoming := driver.next_instant()) is not None and upcoming <= instant:
        driver.step(upcoming)


async def authenticate(socket: WebSocketConnection) -> None:
    assert await receive_json(socket) == [{"T": "success", "msg": "connected"}]
    await send_json(socket, {"action": "auth", "key": "key", "secret": "secret"})
    assert await receive_json(socket) == [{"T": "success", "msg": "authenticated"}]


async def error(socket: WebSocketConnection) -> int:
    message = await receive_json(socket)
    assert message[0]["T"] == "error"
    return int(message[0]["code"])


def test_bars_that_closed_come_in_one_sorted_array_before_the_quotes(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange, exchange.stream("/v2/iex") as market:
            await authenticate(market)
            await send_json(market, {"action": "subscribe", "bars": ["*"], "quotes": ["SPY"]})
            subscribed = await receive_json(market)
            assert subscribed[0]["T"] == "subscription"
            assert (subscribed[0]["bars"], subscribed[0]["quotes"], subscribed[0]["trades"]) == (
                ["*"],
                ["SPY"],
                [],
            )
            step_to(exchange, OPEN_NS + MINUTE)
            quotes = [await receive_json(market) for _ in range(4)]
            assert [[each["S"] for each in message] for message in quotes] == [["SPY"]] * 4
            bars = await receive_json(market)
            assert [(each["T"], each["S"], each["t"]) for each in bars] == [
                ("b", "AIG", "2024-03-13T13:30:00Z"),
                ("b", "SPY", "2024-03-13T13:30:00Z"),
            ]
            assert [each["T"] for each in await receive_json(market)] == ["q"]

    within(test)


def test_messagepack_carries_timestamps_as_extensions_and_takes_fragments(tmp_path: Path) -> None:
    async def test() -> None:
        async with (
            running(settings(tmp_path)) as exchange,
            exchange.stream("/v2/sip", Content_Type="application/msgpack") as market,
        ):
            assert msgpack.unpackb(await market.get_message()) == [{"T": "success", "msg": "connected"}]
            await market.send_message(msgpack.packb({"action": "auth", "key": "k", "secret": "s"}))
            assert msgpack.unpackb(await market.get_message())[0]["msg"] == "authenticated"
            wire = msgpack.packb({"action": "subscribe", "bars": ["SPY"]})
            stream = market._stream
            for index in range(len(wire)):
                opcode = 0x02 if index == 0 else 0x00
                await stream.send_all(bytes([opcode, 0x81]) + bytes(4) + wire[index : index + 1])
            await stream.send_all(bytes([0x80, 0x80]) + bytes(4))
            assert msgpack.unpackb(await market.get_message())[0]["bars"] == ["SPY"]
            step_to(exchange, OPEN_NS + MINUTE)
            bar = msgpack.unpackb(await market.get_message())[0]
            assert bar["t"] == msgpack.Timestamp(OPEN_NS // 10**9, 0)
            assert (bar["S"], bar["o"], bar["h"], bar["v"]) == ("SPY", 500, 500.1, 100000)

    within(test)


def test_crypto_is_on_its_own_feed(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange, exchange.stream("/v1beta3/crypto/us") as market:
            await authenticate(market)
            await send_json(market, {"action": "subscribe", "lulds": ["*"]})
            assert await error(market) == 410
            await send_json(market, {"action": "subscribe", "bars": ["*"], "orderbooks": ["ETH/USD"]})
            assert (await receive_json(market))[0]["orderbooks"] == ["ETH/USD"]
            step_to(exchange, OPEN_NS + MINUTE)
            assert [each["S"] for each in await receive_json(market)] == ["ETH/USD"]

    within(test)


def test_unsubscribing_takes_away_and_answers_the_current_lists(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange, exchange.stream("/v2/iex") as market:
            await authenticate(market)
            await send_json(market, {"action": "subscribe", "bars": ["SPY", "AIG"]})
            await receive_json(market)
            await send_json(market, {"action": "unsubscribe", "bars": ["SPY", "NOPE"]})
            assert (await receive_json(market))[0]["bars"] == ["AIG"]
            step_to(exchange, OPEN_NS + MINUTE)
            assert [each["S"] for each in await receive_json(market)] == ["AIG"]

    within(test)


def test_keys_in_the_handshake_authenticate(tmp_path: Path) -> None:
    async def test() -> None:
        headers = {"APCA_API_KEY_ID": "key", "APCA_API_SECRET_KEY": "secret"}
        async with running(settings(tmp_path)) as exchange, exchange.stream("/v2/iex", **headers) as market:
            assert (await receive_json(market))[0]["msg"] == "connected"
            assert (await receive_json(market))[0]["msg"] == "authenticated"
            await send_json(market, {"action": "auth", "key": "key", "secret": "secret"})
            assert await error(market) == 403

    within(test)


def test_errors_before_and_after_authentication(tmp_path: Path) -> None:
    async def test() -> None:
        wanted = settings(tmp_path, key="key", secret="secret")
        async with running(wanted) as exchange, exchange.stream("/v2/iex") as market:
            await receive_json(market)
            await market.send_message("nonsense")
            assert await error(market) == 400
            await send_json(market, {"action": "subscribe", "bars": ["SPY"]})
            assert await error(market) == 401
            await send_json(market, {"action": "auth", "key": "key", "secret": "wrong"})
            assert await error(market) == 402
            await send_json(market, {"action": "auth", "key": "key", "secret": "secret"})
            assert (await receive_json(market))[0]["msg"] == "authenticated"
            bad: list[Any] = [[], {"action": "fly"}, {"action": "subscribe", "bars": "SPY"}]
            bad += [{"action": "subscribe", "bars": [1]}]
            for message in bad:
                await send_json(market, message)
                assert await error(market) == 400
            many = [f"S{number}" for number in range(market_module.SYMBOLS_MAX + 1)]
            await send_json(market, {"action": "subscribe", "bars": many})
            assert await error(market) == 405

    within(test)


def test_a_second_connection_of_a_feed_is_406_and_closed(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange, exchange.stream("/v2/iex") as first:
            await authenticate(first)
            async with exchange.stream("/v2/iex") as second:
                await receive_json(second)
                await send_json(second, {"action": "auth", "key": "key", "secret": "secret"})
                assert await error(second) == 406
                with pytest.raises(ConnectionClosed):
                    await second.get_message()
            async with exchange.stream("/v2/sip") as other:
                await authenticate(other)
            await send_json(first, {"action": "subscribe", "bars": ["SPY"]})
            assert (await receive_json(first))[0]["bars"] == ["SPY"]

    within(test)


def test_who_does_not_authenticate_is_told_404_and_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(market_module, "AUTH_SECONDS_MAX", 0.2)

    async def test() -> None:
        async with running(settings(tmp_path)) as exchange, exchange.stream("/v2/iex") as market:
            await receive_json(market)
            assert await error(market) == 404
            with pytest.raises(ConnectionClosed):
                await market.get_message()

    within(test)


def test_a_slow_client_is_told_407_and_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ws_module, "OUTBOX_BYTES_MAX", 1024)

    async def test() -> None:
        async with running(settings(tmp_path)) as exchange, exchange.stream("/v2/iex") as market:
            await authenticate(market)
            await send_json(market, {"action": "subscribe", "quotes": ["*"]})
            await receive_json(market)
            # Without a turn of the event loop the writer cannot send, as if the client did not read.
            step_to(exchange, OPEN_NS + 3 * MINUTE)
            last: Any = None
            closed: ConnectionClosed | None = None
            while closed is None:
                try:
                    last = json.loads(await market.get_message())
                except ConnectionClosed as error:
                    closed = error
            assert last == [{"T": "error", "code": 407, "msg": "slow client"}]
            assert closed.reason is not None
            assert closed.reason.code == 1008

    within(test)
