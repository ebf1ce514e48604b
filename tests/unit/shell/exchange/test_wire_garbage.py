"""Broken conversations: the exchange answers or closes, keeps no bug, and serves the next client.

Invariant: whatever bytes a client sends, `Exchange.bugs` stays empty and GET /v2/clock answers 200
afterwards.
"""

import random
from pathlib import Path

import pytest
import trio

from shell.exchange.settings import ExchangeSettings
from tests.unit.shell.exchange.wire_harness import Running, running, within, write_bars

CONVERSATIONS = 400
AT_ONCE_MAX = 16
KEYS = b"Host: localhost\r\nAPCA-API-KEY-ID: k\r\nAPCA-API-SECRET-KEY: s\r\n"
UPGRADE = (
    b"Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
ORDER = b'{"symbol":"SPY","qty":1,"side":"buy","type":"market","time_in_force":"gtc"}'
FRAMES = (
    b'{"action":"auth","key":"k","secret":"s"}',
    b'{"action":"subscribe","bars":["*"]}',
    b'{"action":"listen","data":{"streams":["trade_updates"]}}',
    b'{"type":"join","client":"a","lockstep":true}',
)


def conversations() -> list[bytes]:
    """Sound ones: methods, route families, chunked and absolute forms, every stream with every message."""
    methods = (b"GET", b"HEAD", b"CONNECT")
    made = [method + b" /v2/clock HTTP/1.1\r\n" + KEYS + b"\r\n" for method in methods]
    targets = (
        b"/v2/orders?limit=3&after=2024-01-01T00:00:00Z&status=all",
        b"/v2/calendar?start=2024-01-01&end=2024-01-05",
        b"/v2/stocks/bars?symbols=SPY&start=2024-01-01T00:00:00Z",
        b"/v2/positions/ETH/USD",
        b"http://localhost/v2/account",
        b"*",
    )
    made += [b"GET " + target + b" HTTP/1.1\r\n" + KEYS + b"\r\n" for target in targets]
    length = b"Content-Length: %d\r\n\r\n" % len(ORDER)
    made.append(b"POST /v2/orders HTTP/1.1\r\n" + KEYS + length + ORDER)
    chunks = b'5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n'
    made.append(b"PATCH /v2/orders/x HTTP/1.1\r\n" + KEYS + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
    for path in (b"/stream", b"/v2/iex", b"/sim", b"/v1beta3/crypto/us"):
        for text in FRAMES:
            frame = bytes([0x81, 0x80 | len(text)]) + bytes(4) + text
            farewell = bytes([0x88, 0x82]) + bytes(4) + b"\x03\xe8"
            made.append(b"GET " + path + b" HTTP/1.1\r\n" + UPGRADE + frame + farewell)
    return made


def broken(data: bytes, rng: random.Random) -> bytes:
    """A conversation with a few bytes changed, removed or added, or cut short."""
    changed = bytearray(data)
    for _ in range(rng.choice((0, 1, 1, 2, 5, 20))):
        place = rng.randrange(len(changed))
        kind = rng.randrange(4)
        if kind == 0:
            changed[place] = rng.randrange(256)
        elif kind == 1:
            del changed[place : place + rng.randrange(1, 8)]
        elif kind == 2:
            changed[place:place] = rng.randbytes(rng.randrange(1, 6))
        else:
            del changed[rng.randrange(1, len(changed) + 1) :]
        changed = changed or bytearray(b"x")
    return bytes(changed)


async def converse(exchange: Running, data: bytes) -> None:
    """Say it, listen for a moment, and vanish."""
    stream = await trio.open_tcp_stream("127.0.0.1", exchange.served.port)
    try:
        await stream.send_all(data)
        with trio.move_on_after(0.01):
            while await stream.receive_some(65536):
                pass
    except trio.BrokenResourceError:
        return
    finally:
        await trio.aclose_forcefully(stream)


@pytest.mark.parametrize("seed", [1, 2])
def test_no_conversation_hurts_the_exchange(tmp_path: Path, seed: int) -> None:
    async def test() -> None:
        rng = random.Random(seed)
        sound = conversations()
        settings = ExchangeSettings(bars=(write_bars(tmp_path),), rate=None, requests_per_minute=10**6)
        async with running(settings) as exchange:
            for _ in range(CONVERSATIONS // AT_ONCE_MAX):
                async with trio.open_nursery() as nursery:
                    for _ in range(AT_ONCE_MAX):
                        nursery.start_soon(converse, exchange, broken(rng.choice(sound), rng))
            assert exchange.served.exchange.bugs == []
            assert (await (await exchange.rest()).call("GET", "/v2/clock")).status == 200

    within(test)
