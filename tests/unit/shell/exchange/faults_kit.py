"""What the faults' wire tests share: plans, and a stubborn lock-step client that trades through anything.

The client knows nothing of the exchange's insides: it speaks REST, `/stream` and `/sim` over loopback, gives
up a request after PATIENCE real seconds, connects again when it is cut off, and reports what it has received.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import h11
import trio
from trio_websocket import ConnectionClosed, HandshakeError, WebSocketConnection, wrap_client_stream

from shell.exchange.faults.plan import FaultPlan
from shell.exchange.settings import ExchangeSettings
from tests.unit.shell.exchange.wire_harness import Answer, Rest, Running, order, send_json, write_bars

PATIENCE = 0.25
STEPS_MAX = 2_000
SECOND = 1_000_000_000


def settings(
    tmp_path: Path,
    rates: dict[str, float],
    kinds: dict[str, tuple[str, ...]] | None = None,
    minutes: int = 4,
    **fields: Any,
) -> ExchangeSettings:
    """A lock-step session of one symbol with faults; `options` goes to the plan, the rest to the settings."""
    options = fields.pop("options", {})
    plan = FaultPlan(rates=rates, kinds=kinds or {}, options=options, heal=fields.pop("heal", True))
    return ExchangeSettings(bars=(write_bars(tmp_path, minutes=minutes),), rate=None, faults=plan, **fields)


def step(exchange: Running, count: int = 1) -> None:
    """Advance the session by hand, without any client's consent."""
    driver = exchange.served.exchange.driver
    for _ in range(count):
        instant = driver.next_instant()
        assert instant is not None
        driver.step(instant)


def counts(exchange: Running) -> dict[str, int]:
    """How often each fault happened."""
    return exchange.served.exchange.faults.counts


class Trader:
    """Posts, cancels and replaces orders, minute by minute, until the session has ended."""

    def __init__(self, exchange: Running) -> None:
        self.exchange = exchange
        self.outcomes: Counter[str] = Counter()
        self.frames: list[str] = []
        self.connections = 0
        self._received: dict[int, int] = {}
        self._seq = -1
        self._is_idle = False
        self._rest: Rest | None = None
        self._posted = 0
        self._moved = trio.Event()
        self._heard = trio.Event()

    async def call(self, method: str, target: str, body: object = None) -> Answer | None:
        """One request; None when no whole answer came."""
        if self._rest is None:
            self._rest = await self.exchange.rest(X_Sim_Client="t/0")
        try:
            with trio.fail_after(PATIENCE):
                answer = await self._rest.call(method, target, body)
        except (trio.TooSlowError, ConnectionError, trio.BrokenResourceError, h11.RemoteProtocolError):
            await trio.aclose_forcefully(self._rest.stream)
            self._rest = None
            self.outcomes["unanswered"] += 1
            return None
        self.outcomes[str(answer.status)] += 1
        return answer

    async def run(self) -> dict[str, Any]:
        """A whole session; the exchange's books at its end."""
        async with self.exchange.stream("/sim") as sim, trio.open_nursery() as nursery:
            self._sim = sim
            await send_json(sim, {"type": "join", "client": "t", "lockstep": True})
            nursery.start_soon(self._listen)
            for _ in range(STEPS_MAX):
                told = json.loads(await sim.get_message())
                self._is_idle = False
                self._seq = told["seq"]
                self._moved.set()
                self._moved = trio.Event()
                if told["ended"]:
                    with trio.move_on_after(1):
                        while self._received != {int(k): n for k, n in told["sent"].items()}:
                            await self._heard.wait()
                    break
                await self._act()
                self._is_idle = True
                await self._report()
            else:
                raise AssertionError("the session did not end")
            nursery.cancel_scope.cancel()
        books: dict[str, Any] = (await (await self.exchange.rest()).call("GET", "/sim/books")).json
        return books

    async def _act(self) -> None:
        """At every fourth instant an order, in between cancels, replaces and questions."""
        place = self._seq % 4
        if place == 0:
            self._posted += 1
            name = f"mine-{self._posted}"
            fields: dict[str, object] = {"client_order_id": name, "qty": "10"}
            if self._posted % 3:
                fields |= {"type": "limit", "limit_price": "490.00" if self._posted % 2 else "505.00"}
            if await self.call("POST", "/v2/orders", order(**fields)) is None or self._posted % 5 == 0:
                await self.call("GET", f"/v2/orders:by_client_order_id?client_order_id={name}")
        elif place == 1:
            await self.call("GET", "/v2/orders")
            await self.call("GET", "/v2/account/activities/FILL")
        elif place == 2:
            for row in self._open()[-2:]:
                target = f"/v2/orders/{row.id}"
                if self._posted % 3 == 0:
                    await self.call("DELETE", target)
                else:
                    await self.call("PATCH", target, {"limit_price": f"{480 + self._posted}.00"})
        else:
            await self.call("GET", "/v2/positions")

    def _open(self) -> list[Any]:
        """Orders to pick on; looked up in the venue itself, so that every run finds some."""
        found = self.exchange.served.exchange.venue.all_orders()
        return [each for each in found if each.is_open and not each.client_order_id.startswith("web-")]

    async def _report(self) -> None:
        if self._is_idle:
            streams = {str(number): count for number, count in self._received.items()}
            await send_json(
                self._sim, {"type": "idle", "seq": self._seq, "streams": streams, "wake_at": None}
            )

    async def _listen(self) -> None:
        """Connect again and again; never more often than once for each step of the session."""
        while True:
            number = self.connections = self.connections + 1
            tcp = await self.exchange.connect()
            try:
                await self._talk(tcp, number)
            except* HandshakeError:
                self.outcomes["stream refused"] += 1
            await trio.aclose_forcefully(tcp)
            self._received.pop(number, None)
            await self._report()
            await self._moved.wait()

    async def _talk(self, tcp: trio.SocketStream, number: int) -> None:
        """One connection, from the handshake to its end."""
        async with trio.open_nursery() as nursery:
            headers = [(b"X-Sim-Client", f"t/{number}".encode())]
            stream = await wrap_client_stream(
                nursery, tcp, "127.0.0.1", "/stream", extra_headers=headers, message_queue_size=1_000
            )
            self._received[number] = 0
            await self._receive(stream, number)
            nursery.cancel_scope.cancel()

    async def _receive(self, stream: WebSocketConnection, number: int) -> None:
        try:
            await send_json(stream, {"action": "auth", "key": "k", "secret": "s"})
            await send_json(stream, {"action": "listen", "data": {"streams": ["trade_updates"]}})
            while True:
                message = await stream.get_message()
                self._received[number] += 1
                self._heard.set()
                self._heard = trio.Event()
                self.frames.append(message if isinstance(message, str) else message.decode())
                await self._report()
        except ConnectionClosed:
            self.outcomes["stream closed"] += 1


def check_books(books: dict[str, Any], transfers: bool = False) -> None:
    """What must be true of any books: executions make the positions, and nothing is stuck."""
    assert books["ended"] is True
    assert books["healed"] is True
    assert books["bugs"] == []
    held: Counter[str] = Counter()
    for row in books["executions"]:
        held[row["symbol"]] += int(row["qty"]) if row["side"] == "buy" else -int(row["qty"])
    if not transfers:
        assert {s: int(q) for s, q in books["positions"].items()} == {s: q for s, q in held.items() if q}
    ends = {"filled", "canceled", "expired", "rejected", "replaced"}
    assert {row["status"] for row in books["orders"]} <= ends
