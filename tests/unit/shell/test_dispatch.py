"""Commands carried out against the real exchange in this process: each once, each outcome in the inbox."""

import pytest
import trio

from kernel import EMPTY_DESK, Event
from kernel.commands import Alert, AlertLevel, CloseLink, FetchAccount, FetchAsset, OpenLink
from kernel.events import AccountBody, AssetBody, CallAnswered, LinkName, LinkReported
from kernel.links.chart import LinkInput
from kernel.units import Instant
from shell.alpaca.settings import simulated_settings
from shell.codec import NO_PAIRS
from shell.dispatch import ShellDispatcher
from shell.exchange.embed import Served, serve
from shell.exchange.settings import ExchangeSettings
from shell.logs import Log
from shell.quiescence import Quiescence
from shell.session import SessionFigures

NOW = Instant(1_700_000_000_000_000_000)


class Inbox:
    """Everything that came, in order."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.openings = 0
        self._came = trio.Event()

    async def put(self, event: Event) -> None:
        self.events.append(event)
        self._came.set()
        self._came = trio.Event()

    def opening(self) -> None:
        self.openings += 1

    async def until(self, count: int) -> None:
        with trio.fail_after(20):
            while len(self.events) < count:
                await self._came.wait()


def test_calls_links_and_alerts() -> None:
    inbox = Inbox()
    figures = SessionFigures(EMPTY_DESK)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            served: Served = await nursery.start(serve, ExchangeSettings(rate=1.0))
            dispatcher = ShellDispatcher(
                settings=simulated_settings(served.url, "desk", lockstep=True),
                pairs=NO_PAIRS,
                quiescence=Quiescence(),
                now=lambda: NOW,
                figures=figures,
            )
            dispatcher.attach(inbox)
            await dispatcher.prepare()
            await nursery.start(dispatcher.run)
            dispatcher.dispatch(FetchAccount(1))
            dispatcher.dispatch(FetchAsset(2, "SPY"))
            dispatcher.dispatch(Alert(AlertLevel.WARNING, "code", "text"))
            await inbox.until(2)
            dispatcher.dispatch(OpenLink(LinkName.ORDERS, ()))
            await inbox.until(5)
            dispatcher.dispatch(CloseLink(LinkName.ORDERS))
            await inbox.until(6)
            dispatcher.dispatch(CloseLink(LinkName.ORDERS))  # of a link that is closed: nothing
            nursery.cancel_scope.cancel()

    trio.run(main)
    answers = [event for event in inbox.events if isinstance(event, CallAnswered)]
    assert [answer.call for answer in answers] == [1, 2]
    assert isinstance(answers[0].result, AccountBody)
    assert isinstance(answers[1].result, AssetBody)
    reports = [event.input for event in inbox.events if isinstance(event, LinkReported)]
    assert reports == [
        LinkInput.CONNECTED,
        LinkInput.AUTHENTICATED,
        LinkInput.LISTEN_CONFIRMED,
        LinkInput.CONNECTION_LOST,
    ]
    assert inbox.openings == 1
    assert figures.alerts == [Alert(AlertLevel.WARNING, "code", "text")]


def test_a_log_that_can_not_be_written_never_stops_anybody(tmp_path: pytest.TempPathFactory) -> None:
    file = open("/dev/full", "w")  # noqa: PTH123, SIM115 - a device that is always full
    log = Log(file)
    log.write("one\n")
    log.write("two\n")
    assert log.lost == 2
    assert "No space left" in log.failure
    log.close()
    assert log.write("three\n") == 6
    assert log.lost == 2
