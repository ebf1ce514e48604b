"""`python -m tests.system.crashing POINT N [options of shell.live]`: the command, killed at an exact point.

    journaled N   after the N-th append was durable, before anything of it was stepped
    approved  N   the N-th submit was handed over, and has not left
    sent      N   the exchange has answered the N-th submit, and nobody has read the answer
    asked     N   the same of the N-th cancel or replace
    fetched   N   the same of the N-th query (the first are those of the reconciliation at the start)
    bug       N   not killed: the kernel's step raises at its N-th event

The kill is SIGKILL to itself: nothing is flushed, closed or said.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import kernel
import shell.loop
from kernel import Desk, Event, Step
from kernel.commands import Command, SubmitOrder
from shell.alpaca.http import HttpCall, HttpClient
from shell.dispatch import ShellDispatcher
from shell.journal import SqliteJournal
from shell.live import main


class Countdown:
    """Reaches zero at the N-th call."""

    def __init__(self, count: int) -> None:
        self.left = count

    def reached(self) -> bool:
        """Counts one; True once, at the end."""
        self.left -= 1
        return self.left == 0


def die() -> None:
    """The end of this process, at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_journaled(countdown: Countdown) -> None:
    append = SqliteJournal.append

    async def deadly(self: SqliteJournal, batch: Any) -> None:
        await append(self, batch)
        if countdown.reached():
            die()

    SqliteJournal.append = deadly  # type: ignore[method-assign]


def die_approved(countdown: Countdown) -> None:
    dispatch = ShellDispatcher.dispatch

    def deadly(self: ShellDispatcher, command: Command) -> None:
        if isinstance(command, SubmitOrder) and countdown.reached():
            die()
        dispatch(self, command)

    ShellDispatcher.dispatch = deadly  # type: ignore[method-assign]


def die_answered(countdown: Countdown, *methods: str) -> None:
    send = HttpClient.send

    def deadly(self: HttpClient, call: HttpCall) -> Any:
        answer = send(self, call)
        if call.method in methods and countdown.reached():
            die()
        return answer

    HttpClient.send = deadly  # type: ignore[method-assign]


def die_sent(countdown: Countdown) -> None:
    die_answered(countdown, "POST")


def die_asked(countdown: Countdown) -> None:
    die_answered(countdown, "DELETE", "PATCH")


def die_fetched(countdown: Countdown) -> None:
    die_answered(countdown, "GET")


def raise_bug(countdown: Countdown) -> None:
    step = kernel.step

    def broken(desk: Desk, event: Event) -> Step:
        assert not countdown.reached(), "a promise that was broken on purpose"
        return step(desk, event)

    shell.loop.step = broken  # type: ignore[attr-defined]


POINTS: dict[str, Callable[[Countdown], None]] = {
    "journaled": die_journaled,
    "approved": die_approved,
    "sent": die_sent,
    "asked": die_asked,
    "fetched": die_fetched,
    "bug": raise_bug,
}

if __name__ == "__main__":
    POINTS[sys.argv[1]](Countdown(int(sys.argv[2])))
    sys.exit(main(["--no-panel", *sys.argv[3:]]))
