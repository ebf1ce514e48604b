"""The contract with alpaca-py and requests: one call is one request, and everything ends."""

import gzip

import pytest
import trio

from kernel.events import DoubtCause, Doubtful
from shell.alpaca.http import HttpAnswer, HttpCall, HttpClient
from tests.unit.shell.alpaca.servers import Reply, answer, hang, hang_up, http_server, run, settings

POST = HttpCall("POST", "/orders", body={"symbol": "KO", "qty": "0.1", "limit_price": "86.878"})
GET = HttpCall("GET", "/account")


def send(call: HttpCall, *replies: Reply, times: int = 1) -> tuple[list[HttpAnswer | Doubtful], int, int]:
    """Results of one client's calls, and how many requests and connections the server saw."""

    async def main() -> tuple[list[HttpAnswer | Doubtful], int, int]:
        async with http_server(*replies) as server:
            client = HttpClient(settings(server.url))
            results = [await trio.to_thread.run_sync(client.send, call) for _ in range(times)]
            client.close()
            return results, len(server.asked), server.connections

    return run(main)


def cause(result: HttpAnswer | Doubtful) -> DoubtCause:
    assert isinstance(result, Doubtful), result
    return result.cause


def test_the_private_names_that_safety_rests_on_exist() -> None:
    client = HttpClient(settings("http://127.0.0.1:1"))
    sdk = client._client
    assert sdk._retry == 0
    assert sdk._retry_codes == []
    assert {type(sdk._session.get_adapter(f"{scheme}://x")) for scheme in ("http", "https")} == {
        type(client._transport)
    }
    assert client._transport.max_retries.total == 0
    assert sdk._session.trust_env is False


def test_the_sdk_by_itself_still_needs_taming() -> None:
    from alpaca.common.rest import RESTClient

    sdk = RESTClient(base_url="http://127.0.0.1:1", api_key="k", secret_key="s")
    assert sdk._retry > 0
    assert 504 in sdk._retry_codes


def test_proxies_and_netrc_are_only_for_real_hosts() -> None:
    client = HttpClient(settings("https://paper-api.alpaca.markets"))
    assert client._client._session.trust_env is True


@pytest.mark.parametrize("status", [504, 429, 500, 503])
def test_one_bad_answer_is_one_request(status: int) -> None:
    results, requests, _ = send(POST, answer(status, '{"message":"no"}', X_RateLimit_Remaining="7"))
    (result,) = results
    assert isinstance(result, HttpAnswer)
    assert (result.status, result.body, result.headers["x-ratelimit-remaining"]) == (
        status,
        '{"message":"no"}',
        "7",
    )
    assert requests == 1


def test_decimals_go_out_as_they_are() -> None:
    async def main() -> None:
        async with http_server(answer(200, "{}")) as server:
            client = HttpClient(settings(server.url, sim_client="desk"))
            await trio.to_thread.run_sync(client.send, POST)
            (asked,) = server.asked
            assert (asked.method, asked.target) == ("POST", "/v2/orders")
            assert b'"qty": "0.1"' in asked.body
            assert b'"limit_price": "86.878"' in asked.body
            assert asked.headers["apca-api-key-id"] == "test-key"
            assert asked.headers["x-sim-client"] == "desk/0"
            client.close()

    run(main)


def test_a_connection_is_kept_for_the_next_call() -> None:
    results, requests, connections = send(GET, answer(200, '{"a": 1.10}'), times=3)
    assert [result.body for result in results if isinstance(result, HttpAnswer)] == ['{"a": 1.10}'] * 3
    assert (requests, connections) == (3, 1)


def test_a_black_hole_is_a_timeout() -> None:
    results, requests, _ = send(POST, hang)
    assert cause(results[0]) is DoubtCause.TIMEOUT
    assert requests == 1


def test_a_connection_closed_without_an_answer_is_lost_and_not_sent_again() -> None:
    results, requests, connections = send(POST, hang_up)
    assert cause(results[0]) is DoubtCause.CONNECTION_LOST
    assert (requests, connections) == (1, 1)


def test_nobody_listening_is_not_sent() -> None:
    async def main() -> Doubtful | HttpAnswer:
        async with http_server(b"") as server:
            url = server.url
        client = HttpClient(settings(url))
        return await trio.to_thread.run_sync(client.send, POST)

    assert cause(run(main)) is DoubtCause.NOT_SENT


def test_a_name_without_an_address_is_not_sent() -> None:
    client = HttpClient(settings("http://nowhere.invalid"))
    assert cause(client.send(POST)) is DoubtCause.NOT_SENT


def raw(head: str, body: bytes) -> Reply:
    """Bytes, then the connection's end."""

    async def reply(stream: trio.SocketStream) -> None:
        await stream.send_all(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)

    return reply


@pytest.mark.parametrize(
    "reply",
    [
        raw("HTTP/1.1 200 OK\nContent-Length: 100", b'{"id": "cut'),
        raw("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", b"ff\r\n{"),
        raw("HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: 4", b"junk"),
        raw("what is this", b""),
    ],
)
def test_a_broken_answer_is_lost(reply: Reply) -> None:
    results, requests, _ = send(POST, reply)
    assert cause(results[0]) is DoubtCause.CONNECTION_LOST
    assert requests == 1


def test_chunked_and_packed_bodies_are_whole() -> None:
    packed = gzip.compress(b'{"a": "' + b"x" * 200_000 + b'"}')
    results, _, _ = send(
        GET,
        raw("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", b'4\r\n{"a"\r\n4\r\n: 1}\r\n0\r\n\r\n'),
        raw(f"HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: {len(packed)}", packed),
        times=2,
    )
    first, second = results
    assert isinstance(first, HttpAnswer)
    assert first.body == '{"a": 1}'
    assert isinstance(second, HttpAnswer)
    assert len(second.body) == 200_009


def test_a_body_without_end_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shell.alpaca.http.BODY_BYTES_MAX", 2**20)

    async def flood(stream: trio.SocketStream) -> None:
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
        try:
            for _ in range(10_000):
                await stream.send_all(b"x" * 2**16)
        except trio.BrokenResourceError:
            return

    results, _, _ = send(GET, flood)
    assert cause(results[0]) is DoubtCause.BAD_BODY


def test_a_dripping_body_is_bounded() -> None:
    async def drip(stream: trio.SocketStream) -> None:
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        try:
            for _ in range(100):
                await trio.sleep(0.2)
                await stream.send_all(b"x")
        except trio.BrokenResourceError:
            return

    async def main() -> HttpAnswer | Doubtful:
        async with http_server(drip) as server:
            client = HttpClient(settings(server.url, total_timeout=0.5))
            return await trio.to_thread.run_sync(client.send, GET)

    assert cause(run(main)) is DoubtCause.TIMEOUT


def test_a_redirect_is_not_followed() -> None:
    results, requests, _ = send(POST, answer(302, "", Location="/elsewhere"))
    assert isinstance(results[0], HttpAnswer)
    assert (results[0].status, requests) == (302, 1)


def test_what_json_cannot_carry_is_not_sent() -> None:
    results, requests, _ = send(HttpCall("POST", "/orders", body={"qty": float("nan")}), b"")  # type: ignore[dict-item]
    assert cause(results[0]) is DoubtCause.NOT_SENT
    assert requests == 0
