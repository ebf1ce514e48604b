"""The HTTP layer against clients that err, dribble, vanish or shout; and the checks before any handler."""

from pathlib import Path

import pytest
import trio

from shell.exchange import http as http_module
from shell.exchange import server as server_module
from shell.exchange.http import BODY_BYTES_MAX, HEAD_BYTES_MAX
from shell.exchange.settings import ExchangeSettings
from tests.unit.shell.exchange.wire_harness import Rest, Running, order, running, within, write_bars


def frozen(tmp_path: Path, **fields: object) -> ExchangeSettings:
    """Lock-step without a participant: time stands still."""
    settings: dict[str, object] = {"bars": (write_bars(tmp_path),), "rate": None, **fields}
    return ExchangeSettings(**settings)  # type: ignore[arg-type]


async def raw(exchange: Running, data: bytes) -> bytes:
    """Send bytes on a fresh connection and read until the exchange closes it."""
    stream = await exchange.connect()
    await stream.send_all(data)
    received = b""
    with trio.move_on_after(3):
        try:
            while chunk := await stream.receive_some(65536):
                received += chunk
        except trio.BrokenResourceError:
            pass
        return received
    raise AssertionError(f"the exchange did not close the connection; it sent {received!r}")


async def is_alive(exchange: Running) -> bool:
    return (await (await exchange.rest()).call("GET", "/v2/clock")).status == 200


def test_keep_alive_headers_and_request_ids(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(frozen(tmp_path)) as exchange:
            rest = await exchange.rest()
            answers = [await rest.call("GET", "/v2/clock") for _ in range(3)]
            assert {answer.status for answer in answers} == {200}
            assert len({answer.headers["x-request-id"] for answer in answers}) == 3
            assert answers[0].headers["content-type"] == "application/json; charset=UTF-8"
            assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["199", "198", "197"]

    within(test)


@pytest.mark.parametrize(
    ("method", "target", "status", "code"),
    [
        ("GET", "/", 404, 40410000),
        ("GET", "/v2/nothing", 404, 40410000),
        ("GET", "/v3/orders", 404, 40410000),
        ("GET", "/v2/orders/a/b", 404, 40410000),
        ("PUT", "/v2/orders", 405, 40510000),
        ("POST", "/sim/books", 405, 40510000),
        ("GET", "/sim/nothing", 404, 40410000),
    ],
)
def test_unknown_routes_and_methods_are_json_errors(
    tmp_path: Path, method: str, target: str, status: int, code: int
) -> None:
    async def test() -> None:
        async with running(frozen(tmp_path)) as exchange:
            answer = await (await exchange.rest()).call(method, target)
            assert (answer.status, answer.json["code"]) == (status, code)

    within(test)


def test_keys_are_wanted_and_compared(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(frozen(tmp_path, key="key", secret="secret")) as exchange:
            bare = Rest(await exchange.connect(), {})
            answer = await bare.call("GET", "/v2/account")
            assert (answer.status, answer.body) == (401, b'{"message":"unauthorized."}')
            wrong = await bare.call("GET", "/v2/account", APCA_API_KEY_ID="key", APCA_API_SECRET_KEY="x")
            assert wrong.status == 401
            basic = await bare.call("GET", "/v2/account", Authorization="Basic a2V5OnNlY3JldA==")
            assert basic.status == 200
            assert (await bare.call("GET", "/v2/account", Authorization="Basic !")).status == 401
            assert (await bare.call("GET", "/v2/account", Authorization="Bearer t")).status == 401
            assert (await bare.call("GET", "/sim/books")).status == 200

    within(test)


def test_only_loopback_names_are_served(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(frozen(tmp_path)) as exchange:
            rest = await exchange.rest()
            foreign = await rest.call("GET", "/v2/account", Origin="http://example.org")
            assert (foreign.status, foreign.body) == (403, b'{"message":"forbidden."}')
            other = Rest(await exchange.connect(), {**rest.headers, "Host": "example.org"})
            assert (await other.call("GET", "/v2/account")).status == 403

    within(test)


def test_the_limit_is_counted_in_session_time(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(frozen(tmp_path, requests_per_minute=5)) as exchange:
            rest = await exchange.rest()
            statuses = [(await rest.call("GET", "/v2/clock")).status for _ in range(7)]
            assert statuses == [200] * 5 + [429] * 2
            refused = await rest.call("POST", "/v2/orders", order())
            assert refused.json == {"code": 42910000, "message": "too many requests."}
            assert refused.headers["x-ratelimit-remaining"] == "0"
            start = exchange.served.exchange.driver.now
            assert refused.headers["x-ratelimit-reset"] == str(start // 10**9 + 60)
            data = await rest.call("GET", "/v2/stocks/bars?symbols=SPY")
            assert data.status == 200
            requests = (await rest.call("GET", "/sim/books")).json["requests"]
            assert (requests["total"], requests["http_429"], requests["max_in_any_window"]) == (8, 3, 8)
            exchange.served.exchange.driver.step(start + 60 * 10**9)
            assert (await rest.call("GET", "/v2/clock")).status == 200

    within(test)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"\x00\xff\x16\x03\x01" * 10 + b"\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /\xc3\xa4 HTTP/1.1\r\nHost: localhost\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * (2 * HEAD_BYTES_MAX), b"431"),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"GET /?" + b"a&" * 200 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"400"),
    ],
)
def test_garbage_is_answered_and_closed_and_the_server_lives_on(
    tmp_path: Path, data: bytes, status: bytes
) -> None:
    async def test() -> None:
        async with running(frozen(tmp_path)) as exchange:
            assert (await raw(exchange, data)).startswith(b"HTTP/1.1 " + status)
            assert await is_alive(exchange)

    within(test)


def test_a_body_above_the_maximum_is_413(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(frozen(tmp_path)) as exchange:
            head = b"POST /v2/orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n"
            answer = await raw(exchange, head + b"x" * (BODY_BYTES_MAX + 1))
            assert answer.startswith(b"HTTP/1.1 413")
            assert await is_alive(exchange)

    within(test)


def test_expect_100_continue_is_honored(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(frozen(tmp_path)) as exchange:
            stream = await exchange.connect()
            await stream.send_all(
                b"POST /v2/orders HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"
            )
            assert bytes(await stream.receive_some(4096)).startswith(b"HTTP/1.1 100")
            await stream.send_all(b"{}")
            assert b"401" in bytes(await stream.receive_some(4096))

    within(test)


def test_a_request_that_dribbles_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "REQUEST_SECONDS_MAX", 0.2)

    async def test() -> None:
        async with running(frozen(tmp_path)) as exchange:
            answer = await raw(exchange, b"GET /v2/clock HTTP/1.1\r\nHost: local")
            assert answer.startswith(b"HTTP/1.1 408")
            assert await is_alive(exchange)

    within(test)


def test_an_idle_connection_is_closed_without_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "IDLE_SECONDS_MAX", 0.2)

    async def test() -> None:
        async with running(frozen(tmp_path)) as exchange:
            assert await raw(exchange, b"") == b""

    within(test)


def test_connections_above_the_maximum_are_closed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "CONNECTIONS_MAX", 2)

    async def test() -> None:
        async with running(frozen(tmp_path)) as exchange:
            first, _ = await exchange.rest(), await exchange.rest()
            assert (await first.call("GET", "/v2/clock")).status == 200
            assert await raw(exchange, b"GET / HTTP/1.1\r\n\r\n") == b""
            assert (await first.call("GET", "/v2/clock")).status == 200

    within(test)


def test_a_client_that_vanishes_after_its_post_leaves_the_order_and_the_server(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(frozen(tmp_path)) as exchange:
            stream = await exchange.connect()
            body = b'{"symbol":"SPY","qty":1,"side":"buy","type":"market","time_in_force":"gtc"}'
            head = (
                "POST /v2/orders HTTP/1.1\r\nHost: localhost\r\nAPCA-API-KEY-ID: k\r\n"
                f"APCA-API-SECRET-KEY: s\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            await stream.send_all(head.encode() + body)
            await stream.aclose()
            rest = await exchange.rest()
            orders: list[dict[str, str]] = []
            for _ in range(100):
                orders = (await rest.call("GET", "/sim/books")).json["orders"]
                if orders:
                    break
                await trio.sleep(0.01)
            assert [each["qty"] for each in orders] == ["1"]

    within(test)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n", b"400"),
        (b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n", b"400"),
    ],
)
def test_a_bad_handshake_is_refused(tmp_path: Path, headers: bytes, status: bytes) -> None:
    async def test() -> None:
        async with running(frozen(tmp_path)) as exchange:
            answer = await raw(exchange, b"GET /stream HTTP/1.1\r\nHost: localhost\r\n" + headers + b"\r\n")
            assert answer.startswith(b"HTTP/1.1 " + status)
            unknown = b"GET /v2/nope HTTP/1.1\r\nHost: localhost\r\n" + headers + b"\r\n"
            assert (await raw(exchange, unknown)).startswith(b"HTTP/1.1 404")
            assert await is_alive(exchange)

    within(test)


def test_a_bug_in_a_handler_is_a_500_and_is_kept(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(frozen(tmp_path)) as exchange:
            parts = exchange.served.exchange
            whole, parts.hours = parts.hours, None  # type: ignore[assignment]
            rest = await exchange.rest()
            assert (await rest.call("GET", "/v2/clock")).json["code"] == 50010000
            parts.hours = whole
            assert (await rest.call("GET", "/v2/clock")).status == 200
            assert len(parts.bugs) == 1
            assert parts.bugs[0].startswith("GET /v2/clock: AttributeError")
            parts.bugs.clear()

    within(test)
