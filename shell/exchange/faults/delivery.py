"""Carrying out a request's fate: what is done, what is answered, when, and the silence otherwise.

1. The decent way: do, answer, publish. Updates leave after the answer unless the fate says before.
2. A hang ends when the client closes the connection or its time is over; then the connection is closed. A
   delay ends early when the server stops, not when the client leaves.
3. Delays are real time. In lock-step the session stands still meanwhile: a request is in flight.
4. Bytes that a client sends while it waits are dropped with the connection (no pipelining of work here).
"""

from collections.abc import Callable

import trio

from shell.exchange.exchange import Exchange
from shell.exchange.faults.requests import CALM
from shell.exchange.http import HttpPeer, Request, Response

__all__ = ["deliver"]


async def deliver(
    exchange: Exchange, peer: HttpPeer, request: Request, answer: Callable[[], Response]
) -> bool:
    """Carry out and answer one request by its fate; whether the connection goes on."""
    fate = exchange.faults.fate(request)
    try:
        response = answer() if fate.carries_out else None
        if fate is CALM:
            assert response is not None, "a calm request is carried out"
            return await peer.send(response)
        if fate.answer is not None:
            response = fate.answer._replace(
                headers=[*fate.answer.headers, ("X-Request-ID", exchange.request_id())]
            )
        elif fate.change is not None and response is not None:
            response = _changed(response, fate.change)
        if fate.publishes_first:
            exchange.driver.publish()
        if fate.hang_s:
            await _wait_for_the_end(peer, fate.hang_s)
            return False
        if fate.is_dropped or response is None:
            return False
        await trio.sleep(fate.delay_s)
        return await peer.send(response)
    finally:
        exchange.driver.publish()


def _changed(response: Response, change: Callable[[Response], Response | None]) -> Response:
    """The changed answer under the headers of the true one."""
    changed = change(response)
    return response if changed is None else changed._replace(headers=response.headers)


async def _wait_for_the_end(peer: HttpPeer, seconds: float) -> None:
    """Say nothing until the client has left, at most so long."""
    with trio.move_on_after(seconds):
        try:
            while await peer.stream.receive_some(4096):
                pass
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return
