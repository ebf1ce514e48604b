"""The broker's REST face: one command in, one outcome out, in a worker thread.

1. A command is sent once. Whatever goes wrong is a CallResult; only cancellation is raised.
2. `workers` calls run at once, each on its own client and connection; further calls wait in the order in
   which `call` was entered. With one worker, calls and answers keep their order.
3. A call that outlives `total_timeout` is given up: the result is in doubt, and its thread and connection are
   left to end by themselves. At most ABANDONED_MAX such threads; beyond that a call is not sent (NOT_SENT).
4. A cancellation (the shell cancels calls at shutdown only) also abandons the thread: the order may have
   arrived, which the next start finds out, because the command is in the journal.

No policy: when, whether and how often to call is the kernel's business.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import trio

from kernel.commands import BrokerCall
from kernel.events import CallResult, DoubtCause, Doubtful, Unrecognized
from kernel.reports import RateHeaders
from kernel.units import Instant
from shell.alpaca.calls import endpoint_of, rate_of, request_of, result_of
from shell.alpaca.http import HttpAnswer, HttpCall, HttpClient
from shell.alpaca.settings import AlpacaSettings
from shell.codec import NO_PAIRS, Notes, Pairs, unrecognized

__all__ = ["ABANDONED_MAX", "AlpacaRest", "CallOutcome"]

ABANDONED_MAX: Final = 8
"""Threads that may be stuck in a call that was given up."""

GRACE_S: Final = 1.0
"""What the thread gets beyond its own time limits before it is given up."""


class CallOutcome(NamedTuple):
    """What a call came to."""

    result: CallResult
    rate: RateHeaders | None
    asked_at: Instant
    """When the request left the queue for the wire."""
    notes: tuple[Unrecognized, ...] = ()
    """What of the answer could not be taken whole; to be journaled like any event."""


class AlpacaRest:
    """Calls to the broker. `now` gives the time for stamps; `pairs` the desk's crypto symbols."""

    def __init__(self, settings: AlpacaSettings, now: Callable[[], Instant], pairs: Pairs = NO_PAIRS) -> None:
        assert settings.workers > 0, "rest: at least one worker"
        self._settings = settings
        self._now = now
        self._pairs = pairs
        self._limiter = trio.CapacityLimiter(settings.workers + ABANDONED_MAX)
        self._idle: list[HttpClient] = []
        self._slots = trio.Semaphore(settings.workers, max_value=settings.workers)

    async def prepare(self) -> None:
        """Make the first client now (importing alpaca-py takes time) instead of with the first call."""
        client = await trio.to_thread.run_sync(HttpClient, self._settings, limiter=self._limiter)
        self._idle.append(client)

    async def call(self, command: BrokerCall) -> CallOutcome:
        """Carry out one command. Raises nothing but Cancelled."""
        async with self._slots:
            request = request_of(command, self._settings.feed)
            asked_at = self._now()
            answer = await self._answer(request)
            if isinstance(answer, Doubtful):
                return CallOutcome(answer, None, asked_at)
            notes: Notes = []
            answered_at = self._now()
            result = result_of(command, answer, answered_at, notes, self._pairs)
            kept = (
                (unrecognized(answered_at, endpoint_of(request), answer.body, "; ".join(notes)),)
                if notes
                else ()
            )
            return CallOutcome(result, rate_of(answer), asked_at, kept)

    async def serve(
        self,
        commands: trio.MemoryReceiveChannel[BrokerCall],
        answer: Callable[[BrokerCall, CallOutcome], Awaitable[None]],
    ) -> None:
        """Carry out what arrives, `workers` at once, until the channel is closed.

        Commands are taken in the channel's order, which tasks started side by side would not keep.
        """

        async def work() -> None:
            async for command in commands:
                await answer(command, await self.call(command))

        async with trio.open_nursery() as nursery:
            for _ in range(self._settings.workers):
                nursery.start_soon(work)

    async def aclose(self) -> None:
        """Close the idle connections."""
        clients, self._idle = self._idle, []
        for client in clients:
            await trio.to_thread.run_sync(client.close, limiter=self._limiter)

    async def _answer(self, request: HttpCall) -> HttpAnswer | Doubtful:
        if self._limiter.available_tokens < 1:
            await trio.lowlevel.checkpoint()
            return Doubtful(DoubtCause.NOT_SENT, f"{ABANDONED_MAX} earlier calls are stuck")
        patience = self._settings.total_timeout + GRACE_S
        with trio.move_on_after(patience):
            async with self._client() as client:
                return await trio.to_thread.run_sync(
                    client.send, request, abandon_on_cancel=True, limiter=self._limiter
                )
        return Doubtful(DoubtCause.TIMEOUT, f"no end of the answer within {patience:g} s")

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[HttpClient]:
        """A client of our own; it goes back only when its call has ended."""
        if self._idle:
            client = self._idle.pop()
        else:
            client = await trio.to_thread.run_sync(HttpClient, self._settings, limiter=self._limiter)
        yield client
        self._idle.append(client)
