"""`/stream`: authentication, listening, frames as recorded, one connection, slow clients."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import trio
from trio_websocket import ConnectionClosed

from shell.exchange import streams as streams_module
from shell.exchange import ws as ws_module
from shell.exchange.http import HttpPeer, Response
from shell.exchange.settings import ExchangeSettings
from shell.exchange.venue.model import Update
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

DATA = Path(os.environ.get("MQD_SHARED_DATA", Path(__file__).resolve().parents[5] / "shared" / "data"))

HANDSHAKE = (
    b"GET /stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def settings(tmp_path: Path, **fields: object) -> ExchangeSettings:
    made: dict[str, object] = {"bars": (write_bars(tmp_path),), "rate": None, **fields}
    return ExchangeSettings(**made)  # type: ignore[arg-type]


def begin(exchange: Running) -> None:
    driver = exchange.served.exchange.driver
    instant = driver.next_instant()
    assert instant is not None
    driver.step(instant)


@pytest.mark.parametrize(
    "message",
    [
        {"action": "authenticate", "data": {"key_id": "key", "secret_key": "secret"}},
        {"action": "auth", "key": "key", "secret": "secret"},
    ],
)
def test_both_forms_of_authentication(tmp_path: Path, message: object) -> None:
    async def test() -> None:
        wanted = settings(tmp_path, key="key", secret="secret")
        async with running(wanted) as exchange, exchange.stream("/stream") as stream:
            await send_json(stream, {"action": "auth", "key": "key", "secret": "wrong"})
            reply = {"stream": "authorization", "data": {"status": "unauthorized", "action": "authenticate"}}
            assert await receive_json(stream) == reply
            await send_json(stream, message)
            reply["data"] = {"status": "authorized", "action": "authenticate"}
            assert await receive_json(stream) == reply

    within(test)


def test_listening_wants_authentication_and_replaces_the_whole_set(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange, exchange.stream("/stream") as stream:
            await send_json(stream, {"action": "listen", "data": {"streams": ["trade_updates"]}})
            assert (await receive_json(stream))["data"] == {"status": "unauthorized", "action": "listen"}
            await listen(stream)
            both = {"action": "listen", "data": {"streams": ["account_updates", "trade_updates"]}}
            await send_json(stream, both)
            assert (await receive_json(stream))["data"]["streams"] == ["trade_updates"]
            await send_json(stream, {"action": "listen", "data": {"streams": []}})
            assert (await receive_json(stream))["data"]["streams"] == []
            begin(exchange)
            await (await exchange.rest()).call("POST", "/v2/orders", order())
            await send_json(stream, {"action": "listen", "data": {"streams": ["trade_updates"]}})
            # Nothing of the order was sent while nobody listened.
            assert (await receive_json(stream))["stream"] == "listening"

    within(test)


@pytest.mark.parametrize("message", ["nonsense", "[]", "{}", '{"action":"listen"}', "[" * 50_000, b"\xff"])
def test_what_is_not_understood_is_answered_and_the_stream_lives_on(
    tmp_path: Path, message: str | bytes
) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange, exchange.stream("/stream") as stream:
            await stream.send_message(message)
            assert (await receive_json(stream))["action"] == "error"
            await listen(stream)

    within(test)


@pytest.mark.parametrize(("binary", "kind"), [(True, bytes), (False, str)])
def test_frames_are_binary_on_paper_and_text_on_live(tmp_path: Path, binary: bool, kind: type) -> None:
    async def test() -> None:
        wanted = settings(tmp_path, binary_updates=binary)
        async with running(wanted) as exchange, exchange.stream("/stream") as stream:
            await listen(stream)
            begin(exchange)
            await (await exchange.rest()).call("POST", "/v2/orders", order())
            assert isinstance(await stream.get_message(), kind)

    within(test)


def recorded_frames() -> list[dict[str, Any]]:
    path = DATA / "alpaca_payloads" / "trade_stream.jsonl"
    if not path.exists():
        pytest.skip("no recorded payloads beside the repository (trade_stream.jsonl)")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line["payload"]["data"] for line in lines if str(line["provenance"]).startswith("recorded-")]


def test_the_life_of_an_order_has_the_shape_of_recorded_frames(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange, exchange.stream("/stream") as stream:
            await listen(stream)
            begin(exchange)
            answer = await (await exchange.rest()).call("POST", "/v2/orders", order(qty="2"))
            frames = [(await receive_json(stream))["data"] for _ in range(3)]
            assert [frame["event"] for frame in frames] == ["pending_new", "new", "fill"]
            assert {frame["order"]["id"] for frame in frames} == {answer.json["id"]}
            ids = [frame["event_id"] for frame in frames]
            assert ids == sorted(set(ids))
            fill = frames[2]
            assert (fill["qty"], fill["position_qty"], fill["order"]["filled_qty"]) == ("2", "2", "2")
            assert fill["settle_date"] == "2024-03-14"
            recorded = {frame["event"]: frame for frame in recorded_frames()}
            assert set(recorded) >= {"pending_new", "fill"}
            for frame in frames:
                sample = recorded.get(frame["event"])
                if sample is not None:
                    assert set(frame) == set(sample)
                    assert list(frame["order"]) == list(sample["order"])

    within(test)


def test_the_answer_leaves_before_the_updates_that_it_caused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    send = HttpPeer.send

    async def noted(peer: HttpPeer, response: Response) -> bool:
        went_on = await send(peer, response)
        seen.append("answer")
        return went_on

    monkeypatch.setattr(HttpPeer, "send", noted)

    async def test() -> None:
        async with running(settings(tmp_path)) as exchange, exchange.stream("/stream") as stream:
            await listen(stream)
            begin(exchange)
            driver = exchange.served.exchange.driver
            publish = driver.on_updates

            def note(updates: list[Update]) -> None:
                seen.append(updates[0].event)
                publish(updates)

            driver.on_updates = note
            rest = await exchange.rest()
            assert (await rest.call("POST", "/v2/orders", order())).json["status"] == "pending_new"
            await receive_json(stream)
            assert seen == ["answer", "pending_new"]

    within(test)


def test_a_second_connection_is_429_and_the_first_lives_on(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange:
            async with exchange.stream("/stream") as stream:
                second = await exchange.connect()
                await second.send_all(HANDSHAKE)
                assert bytes(await second.receive_some(4096)).startswith(b"HTTP/1.1 429")
                await listen(stream)
            async with exchange.stream("/stream") as again:
                await listen(again)

    within(test)


def test_who_does_not_authenticate_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams_module, "AUTH_SECONDS_MAX", 0.2)

    async def test() -> None:
        async with running(settings(tmp_path)) as exchange, exchange.stream("/stream") as stream:
            with pytest.raises(ConnectionClosed) as closed:
                await stream.get_message()
            assert closed.value.reason is not None
            assert closed.value.reason.code == 1008

    within(test)


def test_a_client_that_does_not_read_is_cut_off_and_the_exchange_lives_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ws_module, "OUTBOX_BYTES_MAX", 64 * 1024)
    monkeypatch.setattr(ws_module, "CLOSE_SECONDS_MAX", 0.3)

    async def test() -> None:
        async with running(settings(tmp_path)) as exchange:
            stream = await exchange.connect()
            await stream.send_all(HANDSHAKE)
            for text in (
                b'{"action":"auth","key":"k","secret":"s"}',
                b'{"action":"listen","data":{"streams":["trade_updates"]}}',
            ):
                await stream.send_all(bytes([0x81, 0x80 | len(text)]) + bytes(4) + text)
            received = b""
            while b"listening" not in received:
                received += bytes(await stream.receive_some(65536))
            parts = exchange.served.exchange
            for _ in range(20_000):
                parts.trade_stream.publish(["x" * 1024])
                await trio.lowlevel.checkpoint()
                if not parts.trade_stream.is_full:
                    break
            for _ in range(100):
                if not parts.trade_stream.is_full:
                    break
                await trio.sleep(0.05)
            assert not parts.trade_stream.is_full
            async with exchange.stream("/stream") as again:
                await listen(again)

    within(test)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (bytes([0x83, 0x80]) + bytes(4), 1002),  # reserved opcode
        (bytes([0x81, 0x01]) + b"x", 1002),  # not masked
        (bytes([0x81, 0x81]) + bytes(4) + b"\xff", 1007),  # text that is no UTF-8
        (bytes([0x82, 0xFF]) + (300_000).to_bytes(8, "big") + bytes(4) + bytes(300_000), 1009),
    ],
)
def test_broken_frames_are_closed_with_the_right_code(
    tmp_path: Path, frame: bytes, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ws_module, "CLOSE_SECONDS_MAX", 0.2)

    async def test() -> None:
        async with running(settings(tmp_path)) as exchange:
            stream = await exchange.connect()
            await stream.send_all(HANDSHAKE + frame)
            received = b""
            with trio.move_on_after(5):
                while chunk := await stream.receive_some(65536):
                    received += chunk
            body = received.partition(b"\r\n\r\n")[2]
            assert body[0] == 0x88
            assert int.from_bytes(body[2:4], "big") == code
            async with exchange.stream("/stream") as again:
                await listen(again)

    within(test)


def test_pings_are_answered(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(settings(tmp_path)) as exchange, exchange.stream("/stream") as stream:
            with trio.fail_after(5):
                await stream.ping(b"beat")
            await listen(stream)
            assert not exchange.served.exchange.bugs

    within(test)
