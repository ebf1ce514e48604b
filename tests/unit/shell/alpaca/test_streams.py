"""Both streams against servers that talk as Alpaca does, and as it should not."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio_websocket

from kernel.events import BarClosed, Event, LinkReported, QuoteUpdated, TradeUpdated, Unrecognized
from kernel.links.chart import LinkInput
from shell.alpaca import MarketStream, OrderStream
from shell.alpaca.socket import Stream
from shell.quiescence import Quiescence
from tests.unit.shell.alpaca.servers import Inbox, Talk, hang, http_server, now, run, settings, ws_server
from tests.unit.shell.codec.samples import text, update
from tests.unit.shell.codec.test_market import BAR, QUOTE

Socket = trio_websocket.WebSocketConnection

AUTHORIZED = '{"stream":"authorization","data":{"status":"authorized","action":"authenticate"}}'
LISTENING = '{"stream":"listening","data":{"streams":["trade_updates"]}}'
STEPS = [LinkInput.CONNECTED, LinkInput.AUTHENTICATED, LinkInput.LISTEN_CONFIRMED]


def order_talk(*frames: str | bytes, then: Talk | None = None, binary: bool = False) -> Talk:
    """Authenticate, listen, send frames, and then (by default) close."""

    async def talk(socket: Socket) -> None:
        asked = json.loads(await socket.get_message())
        assert asked == {
            "action": "authenticate",
            "data": {"key_id": "test-key", "secret_key": "test-secret"},
        }
        await socket.send_message(AUTHORIZED.encode() if binary else AUTHORIZED)
        assert json.loads(await socket.get_message()) == {
            "action": "listen",
            "data": {"streams": ["trade_updates"]},
        }
        await socket.send_message(LISTENING.encode() if binary else LISTENING)
        for frame in frames:
            await socket.send_message(frame)
        if then is not None:
            await then(socket)
        await socket.aclose()

    return talk


def say(*frames: str) -> Talk:
    """Send frames whatever is asked; read once before each."""

    async def talk(socket: Socket) -> None:
        for frame in frames:
            await socket.get_message()
            await socket.send_message(frame)
        await socket.get_message()

    return talk


async def stay(socket: Socket) -> None:
    await trio.sleep_forever()


def events_of(
    talk: Talk, make: Callable[[str], Stream] | None = None, *, reject: int | None = None, **changes: Any
) -> list[Event]:
    """Everything that one run of a stream (the order stream by default) emits."""

    async def main() -> list[Event]:
        async with ws_server(talk, reject=reject) as url:
            inbox = Inbox()
            stream = OrderStream(settings(url, **changes), Quiescence(), now) if make is None else make(url)
            await stream.run(inbox.emit)
            return inbox.events

    return run(main)


def inputs(events: list[Event]) -> list[LinkInput]:
    return [event.input for event in events if isinstance(event, LinkReported)]


def last(events: list[Event]) -> LinkReported:
    event = events[-1]
    assert isinstance(event, LinkReported)
    return event


@pytest.mark.parametrize("binary", [False, True])
def test_a_run_reports_each_step_and_its_end(binary: bool) -> None:
    raw = text(update())
    events = events_of(order_talk(raw.encode() if binary else raw, binary=binary))
    assert inputs(events) == [*STEPS, LinkInput.CONNECTION_LOST]
    assert [type(event) for event in events[3:-1]] == [TradeUpdated]
    assert last(events).detail.startswith("closed: 1000")


def test_a_fragmented_message_is_put_together() -> None:
    async def fragments(socket: Socket) -> None:
        from wsproto.events import TextMessage

        raw = text(update())
        await socket._send(TextMessage(raw[:10], message_finished=False))
        await socket._send(TextMessage(raw[10:], message_finished=True))

    events = events_of(order_talk(then=fragments))
    assert [type(event) for event in events[3:-1]] == [TradeUpdated]


def test_what_is_not_an_update_is_said_and_the_stream_lives() -> None:
    error = '{"action":"error","data":{"error_message":"internal server error"}}'
    events = events_of(order_talk("garbage", error, '{"stream":"account_updates","data":{}}', text(update())))
    assert [type(event) for event in events[3:-1]] == [Unrecognized, Unrecognized, Unrecognized, TradeUpdated]


def test_an_update_before_the_confirmation_is_taken() -> None:
    async def talk(socket: Socket) -> None:
        await socket.get_message()
        await socket.send_message(AUTHORIZED)
        await socket.get_message()
        await socket.send_message(text(update()))
        await socket.send_message(LISTENING)

    events = events_of(talk)
    assert [type(event) for event in events[2:4]] == [TradeUpdated, LinkReported]
    assert inputs(events)[:3] == STEPS


UNAUTHORIZED = '{"stream":"authorization","data":{"status":"unauthorized","action":"authenticate"}}'
SECOND = (
    '{"stream":"listening","data":{"error":"your connection is rejected while another connection is open"}}'
)


@pytest.mark.parametrize(
    ("frames", "end"),
    [
        ((UNAUTHORIZED,), LinkInput.AUTHENTICATION_REFUSED),
        ((SECOND,), LinkInput.CONNECTION_REFUSED),
        (("hello",), LinkInput.CONNECTION_LOST),
        ((AUTHORIZED, '{"stream":"listening","data":{"streams":[]}}'), LinkInput.CONNECTION_LOST),
        ((AUTHORIZED, UNAUTHORIZED), LinkInput.AUTHENTICATION_REFUSED),
    ],
)
def test_a_refusal_is_told_from_a_loss(frames: tuple[str, ...], end: LinkInput) -> None:
    assert inputs(events_of(say(*frames)))[-1] is end


@pytest.mark.parametrize(
    ("status", "end"),
    [
        (429, LinkInput.CONNECTION_REFUSED),
        (401, LinkInput.AUTHENTICATION_REFUSED),
        (403, LinkInput.CONNECTION_REFUSED),
        (503, LinkInput.CONNECTION_LOST),
    ],
)
def test_a_refused_upgrade_says_its_status(status: int, end: LinkInput) -> None:
    events = events_of(stay, reject=status)
    assert inputs(events) == [end]
    assert f"HTTP {status}" in last(events).detail


def test_nobody_there_is_a_loss() -> None:
    events = events_of(stay, lambda url: OrderStream(settings("ws://127.0.0.1:1"), Quiescence(), now))
    assert inputs(events) == [LinkInput.CONNECTION_LOST]


def test_a_socket_that_never_upgrades_is_a_loss() -> None:
    async def main() -> list[Event]:
        async with http_server(hang) as server:
            inbox = Inbox()
            await OrderStream(settings(server.url, connect_timeout=0.2), Quiescence(), now).run(inbox.emit)
            assert server.connections == 1
        return inbox.events

    events = run(main)
    assert inputs(events) == [LinkInput.CONNECTION_LOST]
    assert last(events).detail == "no connection in time"


def test_silence_instead_of_an_answer_is_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shell.alpaca.socket.ANSWER_S_MAX", 0.1)
    events = events_of(stay)
    assert inputs(events) == [LinkInput.CONNECTED, LinkInput.CONNECTION_LOST]
    assert "no answer to authenticate" in last(events).detail


def test_a_message_that_is_too_long_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shell.alpaca.socket.MESSAGE_BYTES_MAX", 4096)
    events = events_of(order_talk("x" * 5000, then=stay))
    assert inputs(events)[-1] is LinkInput.CONNECTION_LOST
    assert "1009" in last(events).detail


def test_a_cut_connection_is_a_loss() -> None:
    async def cut(socket: Socket) -> None:
        await socket._stream.aclose()

    events = events_of(order_talk(then=cut))
    assert inputs(events) == [*STEPS, LinkInput.CONNECTION_LOST]
    assert "1006" in last(events).detail


def test_pongs_are_reported_but_not_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shell.alpaca.socket.HEARD_EVERY_S", 0.1)

    async def for_a_while(socket: Socket) -> None:
        await trio.sleep(0.5)
        # Cut, not closed: the test server's library can't answer a ping that crosses its own close.
        await socket._stream.aclose()

    events = events_of(order_talk(then=for_a_while), ping_every=0.02)
    heard = inputs(events).count(LinkInput.FRAME_RECEIVED)
    assert 1 <= heard <= 5


def test_a_missing_pong_is_a_loss() -> None:
    async def deaf(socket: Socket) -> None:
        # The server's reader is stopped, so pings are not answered.
        socket._reader_running = False
        await socket.send_message(text(update()))
        await trio.sleep_forever()

    async def ignore(*_: object) -> None:
        await trio.sleep_forever()

    async def talk(socket: Socket) -> None:
        socket._handle_ping_event = ignore  # type: ignore[assignment]
        await order_talk(then=deaf)(socket)

    events = events_of(talk, ping_every=0.05, ping_deadline=0.2)
    assert last(events).input is LinkInput.CONNECTION_LOST
    assert last(events).detail == "no pong within 0.2 s"


# ---------------------------------------------------------------- closing, counting


def test_closing_says_goodbye_and_reports_the_end() -> None:
    async def main() -> None:
        reasons: list[object] = []

        async def until_goodbye(socket: Socket) -> None:
            try:
                await socket.get_message()
            finally:
                reasons.append(socket.closed)

        async with ws_server(order_talk(then=until_goodbye)) as url, trio.open_nursery() as nursery:
            inbox = Inbox()
            stream = OrderStream(settings(url), Quiescence(), now)
            await nursery.start(stream.run, inbox.emit)
            await inbox.until(3)
            stream.close()
            await inbox.until(4)
            assert last(inbox.events).detail == "closed by us"
        assert len(reasons) == 1
        assert "1000" in repr(reasons[0])

    run(main)


def test_a_cancellation_says_goodbye_and_reports_nothing() -> None:
    async def main() -> None:
        goodbyes: list[object] = []
        gone = trio.Event()

        async def until_goodbye(socket: Socket) -> None:
            try:
                await socket.get_message()
            finally:
                goodbyes.append(socket.closed)
                gone.set()

        async with ws_server(order_talk(then=until_goodbye)) as url:
            inbox = Inbox()
            async with trio.open_nursery() as nursery:
                await nursery.start(OrderStream(settings(url), Quiescence(), now).run, inbox.emit)
                await inbox.until(3)
                nursery.cancel_scope.cancel()
            await gone.wait()
            assert inputs(inbox.events) == STEPS
        assert "1000" in repr(goodbyes)

    run(main)


def test_messages_count_after_their_events_and_a_set_up_is_busy() -> None:
    async def main() -> None:
        quiescence = Quiescence()
        seen: list[tuple[str, dict[int, int], int]] = []

        async def emit(event: Event) -> None:
            snapshot = quiescence.snapshot()
            seen.append((type(event).__name__, dict(snapshot.streams), snapshot.busy))

        async with ws_server(order_talk(text(update()), "junk")) as url:
            await OrderStream(settings(url, sim_client="desk"), quiescence, now).run(emit)
        assert seen == [
            ("LinkReported", {1: 0}, 1),
            ("LinkReported", {1: 1}, 1),
            ("LinkReported", {1: 2}, 1),
            ("TradeUpdated", {1: 2}, 0),
            ("Unrecognized", {1: 3}, 0),
            ("LinkReported", {}, 0),
        ]

    run(main)


def test_a_handshake_carries_its_number() -> None:
    async def main() -> None:
        labels: list[str] = []

        async def serve(request: trio_websocket.WebSocketRequest) -> None:
            labels.extend(value.decode() for name, value in request.headers if name == b"x-sim-client")
            await request.reject(429)

        async with trio.open_nursery() as nursery:
            server = await nursery.start(lambda task_status: trio_websocket.serve_websocket(
                serve, "127.0.0.1", 0, ssl_context=None, task_status=task_status
            ))  # fmt: skip
            quiescence = Quiescence()
            for _ in range(3):
                config = settings(f"ws://127.0.0.1:{server.port}", sim_client="desk")
                await OrderStream(config, quiescence, now).run(Inbox().emit)
            nursery.cancel_scope.cancel()
        assert labels == ["desk/1", "desk/2", "desk/3"]
        assert quiescence.snapshot()[:2] == ({}, 0)

    run(main)


# ---------------------------------------------------------------- market


def market_talk(*frames: str, granted: dict[str, Any] | None = None, then: Talk | None = None) -> Talk:
    async def talk(socket: Socket) -> None:
        await socket.send_message('[{"T":"success","msg":"connected"}]')
        assert json.loads(await socket.get_message()) == {
            "action": "auth",
            "key": "test-key",
            "secret": "test-secret",
        }
        await socket.send_message('[{"T":"success","msg":"authenticated"}]')
        asked = json.loads(await socket.get_message())
        assert asked.pop("action") == "subscribe"
        await socket.send_message(json.dumps([{"T": "subscription", "trades": []} | (granted or asked)]))
        for frame in frames:
            await socket.send_message(frame)
        if then is not None:
            await then(socket)
        await socket.aclose()

    return talk


def market(*symbols: str) -> Callable[[str], Stream]:
    return lambda url: MarketStream(settings(url), Quiescence(), now, symbols)


def test_a_market_run_gives_bars_and_quotes_in_order() -> None:
    events = events_of(market_talk(f"[{BAR}]", f"[{QUOTE},{BAR}]"), market("SPY", "AMD"))
    assert inputs(events) == [*STEPS, LinkInput.CONNECTION_LOST]
    assert [type(event) for event in events[3:-1]] == [BarClosed, QuoteUpdated, BarClosed]


def test_stocks_and_pairs_are_two_connections_and_one_link() -> None:
    async def main() -> None:
        paths: list[str] = []
        coin = BAR.replace("SPY", "BTC/USD")

        async def talk(socket: Socket) -> None:
            paths.append(str(socket.path))
            is_crypto = "crypto" in str(socket.path)
            await market_talk(f"[{coin if is_crypto else BAR}]", then=stay)(socket)

        async with ws_server(talk) as url, trio.open_nursery() as nursery:
            inbox = Inbox()
            stream = MarketStream(settings(url), Quiescence(), now, ("SPY", "BTC/USD"))
            nursery.start_soon(stream.run, inbox.emit)
            events = await inbox.until(5)
            assert inputs(events) == STEPS
            bars = {event.bar.symbol for event in events if isinstance(event, BarClosed)}
            assert bars == {"SPY", "BTC/USD"}
            assert paths == ["/v2/iex", "/v1beta3/crypto/us"]
            stream.close()
            await inbox.until(6)
            assert inputs(inbox.events) == [*STEPS, LinkInput.CONNECTION_LOST]

    run(main)


def test_one_of_two_connections_lost_is_the_link_lost() -> None:
    async def talk(socket: Socket) -> None:
        await market_talk(then=None if "crypto" in str(socket.path) else stay)(socket)

    events = events_of(talk, market("SPY", "BTC/USD"))
    assert inputs(events) == [*STEPS, LinkInput.CONNECTION_LOST]


def test_what_was_not_granted_is_said() -> None:
    events = events_of(market_talk(granted={"bars": ["SPY"], "quotes": []}), market("SPY", "KO"))
    problems = [event.problem for event in events if isinstance(event, Unrecognized)]
    assert problems == ["not subscribed to bars of KO", "not subscribed to quotes of SPY, KO"]


@pytest.mark.parametrize(
    ("code", "end"),
    [
        (402, LinkInput.AUTHENTICATION_REFUSED),
        (409, LinkInput.AUTHENTICATION_REFUSED),
        (405, LinkInput.CONNECTION_REFUSED),
        (406, LinkInput.CONNECTION_REFUSED),
        (404, LinkInput.CONNECTION_LOST),
        (500, LinkInput.CONNECTION_LOST),
    ],
)
@pytest.mark.parametrize("moment", ["greeting", "auth", "mid-stream"])
def test_an_error_ends_the_link_by_its_code(code: int, end: LinkInput, moment: str) -> None:
    error = f'[{{"T":"error","code":{code},"msg":"no"}}]'

    async def talk(socket: Socket) -> None:
        if moment == "mid-stream":
            await market_talk(f"[{BAR}]", error, then=stay)(socket)
        if moment == "auth":
            await socket.send_message('[{"T":"success","msg":"connected"}]')
            await socket.get_message()
        await socket.send_message(error)
        await stay(socket)

    events = events_of(talk, market("SPY"))
    assert last(events).input is end
    assert last(events).detail == f"error {code}: no"


def test_a_bad_greeting_is_said() -> None:
    async def talk(socket: Socket) -> None:
        await socket.send_message('{"hello":1}')
        await stay(socket)

    events = events_of(talk, market("SPY"))
    assert inputs(events) == [LinkInput.CONNECTED, LinkInput.CONNECTION_LOST]
    assert any(isinstance(event, Unrecognized) for event in events)


def test_secrets_are_in_no_event_and_no_printed_form() -> None:
    assert "test-secret" not in repr(settings("ws://x"))
    events = events_of(say(UNAUTHORIZED))
    assert all("test-secret" not in repr(event) for event in events)


def test_a_full_inbox_holds_the_stream_back() -> None:
    async def main() -> None:
        gate, full = trio.Event(), trio.Event()
        seen: list[Event] = []

        async def emit(event: Event) -> None:
            seen.append(event)
            if len(seen) == 4:
                full.set()
                await gate.wait()

        quiescence = Quiescence()
        talk: Callable[[Socket], Awaitable[None]] = order_talk(*[text(update())] * 10)
        async with ws_server(talk) as url, trio.open_nursery() as nursery:
            nursery.start_soon(OrderStream(settings(url), quiescence, now).run, emit)
            await full.wait()
            # The other nine updates are on their way; time for them to arrive where they should not.
            await trio.sleep(0.05)
            assert len(seen) == 4
            assert quiescence.snapshot().streams == {1: 2}
            gate.set()
        assert len(seen) == 14

    run(main)
