"""The adapters against the embedded exchange over real sockets: a whole lock-step session, and each call."""

from collections import Counter

import trio

from kernel.commands import (
    BrokerCall,
    CancelOrder,
    FetchAccount,
    FetchActivities,
    FetchAsset,
    FetchBars,
    FetchOrders,
    FetchPositions,
    OrdersScope,
    OrderTicket,
    QueryOrder,
    ReplaceOrder,
    SubmitOrder,
)
from kernel.events import (
    AccountBody,
    ActivityRows,
    AssetBody,
    BarClosed,
    BarRows,
    BrokerRefused,
    CallResult,
    Done,
    DoubtCause,
    Doubtful,
    Event,
    LinkReported,
    NotFound,
    OrderBody,
    OrderRows,
    PositionRows,
    TradeUpdated,
    Unrecognized,
)
from kernel.links.chart import LinkInput
from kernel.reports import BrokerEvent, BrokerStatus
from kernel.sides import OrderType, Purpose, Side, TimeInForce
from kernel.units import HOUR, SCALE, Instant, Price, Quantity
from shell.alpaca import AlpacaRest, MarketStream, OrderStream, simulated_settings
from shell.exchange.embed import serve
from shell.exchange.settings import ExchangeSettings
from shell.quiescence import Quiescence
from shell.simclock import SimClock, TimeMessage
from tests.unit.shell.alpaca.servers import run

SYMBOLS = ("AIG", "BAC", "QQQ", "SPY")
BUY_AT_BAR = 40
SESSION_SECONDS_MAX = 25.0


def ticket(name: str, side: Side, limit: int | None = None) -> OrderTicket:
    return OrderTicket(
        client_order_id=name,
        symbol="SPY",
        side=side,
        type=OrderType.MARKET if limit is None else OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        quantity=Quantity(3 * SCALE),
        limit_price=None if limit is None else Price(limit),
        stop_price=None,
        extended_hours=False,
        purpose=Purpose.ENTRY,
    )


class Session:
    """A client without a kernel: buys once, and says idle whenever nothing is in hand."""

    def __init__(self, url: str) -> None:
        self.settings = simulated_settings(url, "desk", lockstep=True)
        self.quiescence = Quiescence()
        self.events: list[Event] = []
        self.sim = SimClock(url, "desk", lockstep=True, on_time=self.on_time)
        self.rest = AlpacaRest(self.settings, self.sim.now)
        self.ended = trio.Event()
        self._seq = -1
        self._bought = False

    async def emit(self, event: Event) -> None:
        self.events.append(event)

    async def on_time(self, message: TimeMessage) -> None:
        assert message.sent is not None
        await self.quiescence.reached(message.sent)
        if message.bars_done >= BUY_AT_BAR and not self._bought:
            self._bought = True
            with self.quiescence.busy():
                outcome = await self.rest.call(SubmitOrder(1, ticket("mqd-1-a-000000001", Side.BUY)))
            assert isinstance(outcome.result, OrderBody)
        self._seq = message.seq
        if message.ended:
            self.ended.set()
        await self.report()

    async def report(self) -> None:
        snapshot = self.quiescence.snapshot()
        if not snapshot.busy:
            await self.sim.idle(seq=self._seq, streams=snapshot.streams, wake_at=None)

    async def keep_reporting(self) -> None:
        version = -1
        while True:
            await self.quiescence.changed(version)
            version = self.quiescence.snapshot().version
            await self.report()

    async def result(self, command: BrokerCall) -> CallResult:
        outcome = await self.rest.call(command)
        assert outcome.notes == ()
        assert outcome.rate is not None
        return outcome.result


def test_a_whole_session_in_lockstep() -> None:
    async def main() -> Session:
        async with trio.open_nursery() as nursery:
            served = await nursery.start(serve, ExchangeSettings(rate=None, seed=3))
            session = Session(served.url)
            orders = OrderStream(session.settings, session.quiescence, session.sim.now)
            market = MarketStream(session.settings, session.quiescence, session.sim.now, SYMBOLS)
            with session.quiescence.busy():
                await session.rest.prepare()
                await nursery.start(session.sim.run)
                await nursery.start(orders.run, session.emit)
                await nursery.start(market.run, session.emit)
            nursery.start_soon(session.keep_reporting)
            with trio.fail_after(SESSION_SECONDS_MAX):
                await session.ended.wait()
            rows = await session.result(FetchOrders(9, OrdersScope.ALL, None, None))
            assert isinstance(rows, OrderRows)
            assert [row.status for row in rows.rows] == [BrokerStatus.FILLED]
            positions = await session.result(FetchPositions(9))
            assert isinstance(positions, PositionRows)
            assert [(row.symbol, row.quantity) for row in positions.rows] == [("SPY", 3 * SCALE)]
            activities = await session.result(FetchActivities(9, None, None))
            assert isinstance(activities, ActivityRows)
            executed = [event.execution for event in session.events if isinstance(event, TradeUpdated)]
            assert [(row.price, row.quantity) for row in activities.rows] == [
                (execution.price, execution.quantity) for execution in executed if execution is not None
            ]
            await session.rest.aclose()
            nursery.cancel_scope.cancel()
        return session

    session = run(main)
    links = [event.input for event in session.events if isinstance(event, LinkReported)]
    assert Counter(links) == dict.fromkeys(
        (LinkInput.CONNECTED, LinkInput.AUTHENTICATED, LinkInput.LISTEN_CONFIRMED), 2
    )
    assert not any(isinstance(event, Unrecognized) for event in session.events)
    bars = [event.bar for event in session.events if isinstance(event, BarClosed)]
    assert Counter(bar.symbol for bar in bars) == dict.fromkeys(SYMBOLS, 390)
    words = [event.word for event in session.events if isinstance(event, TradeUpdated)]
    assert words[:2] == [BrokerEvent.PENDING_NEW, BrokerEvent.NEW]
    assert words[-1] is BrokerEvent.FILL


def test_every_call_and_its_answer() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            served = await nursery.start(serve, ExchangeSettings(rate=None, seed=3))
            session = Session(served.url)
            with session.quiescence.busy():
                await nursery.start(session.sim.run)
            account = await session.result(FetchAccount(1))
            assert isinstance(account, AccountBody)
            assert (account.report.cash, account.report.blocked) == (100_000 * SCALE, False)
            asset = await session.result(FetchAsset(2, "SPY"))
            assert isinstance(asset, AssetBody)
            assert asset.rules.tradable
            assert isinstance(await session.result(FetchAsset(3, "NOWHERE")), NotFound)
            assert isinstance(await session.result(QueryOrder(4, "never-sent", None)), NotFound)

            rests = SubmitOrder(5, ticket("mqd-1-a-000000002", Side.BUY, 1 * SCALE))
            first = await session.result(rests)
            assert isinstance(first, OrderBody)
            assert first.report.limit_price == SCALE
            again = await session.result(rests)
            assert isinstance(again, Doubtful)
            assert again.cause is DoubtCause.DUPLICATE_ID
            found = await session.result(QueryOrder(6, "mqd-1-a-000000002", None))
            assert isinstance(found, OrderBody)
            assert found.report.broker_order_id == first.report.broker_order_id

            replace = ReplaceOrder(
                7, "mqd-1-a-000000002", first.report.broker_order_id, "mqd-1-a-000000003", None,
                Price(1_010_000_000), None,
            )  # fmt: skip
            replaced = await session.result(replace)
            assert isinstance(replaced, (OrderBody, BrokerRefused)), replaced
            name, broker = (
                (replaced.report.client_order_id, replaced.report.broker_order_id)
                if isinstance(replaced, OrderBody)
                else (first.report.client_order_id, first.report.broker_order_id)
            )
            assert await session.result(CancelOrder(8, name, broker)) == Done()

            uncovered = ticket("mqd-1-a-000000004", Side.BUY)._replace(quantity=Quantity(10_000_000 * SCALE))
            refused = await session.result(SubmitOrder(9, uncovered))
            assert isinstance(refused, BrokerRefused)
            assert (refused.http_status, refused.code) == (403, 40310000)
            now = session.sim.now()
            history = await session.result(FetchBars(10, "SPY", Instant(now - HOUR), now, None))
            assert isinstance(history, BarRows)
            assert history.next_page is None
            await session.rest.aclose()
            nursery.cancel_scope.cancel()

    run(main)


def test_a_second_order_stream_is_refused() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            served = await nursery.start(serve, ExchangeSettings(rate=60.0, seed=3))
            settings = simulated_settings(served.url, None, lockstep=False)
            quiescence = Quiescence()
            first: list[Event] = []
            second: list[Event] = []
            up = trio.Event()

            async def emit(event: Event) -> None:
                first.append(event)
                if len(first) == 3:
                    up.set()

            async def emit_second(event: Event) -> None:
                second.append(event)

            stream = OrderStream(settings, quiescence, lambda: Instant(0))
            nursery.start_soon(stream.run, emit)
            await up.wait()
            await OrderStream(settings, quiescence, lambda: Instant(0)).run(emit_second)
            (end,) = second
            assert isinstance(end, LinkReported)
            assert end.input is LinkInput.CONNECTION_REFUSED
            assert "429" in end.detail
            nursery.cancel_scope.cancel()

    run(main)
