"""A session that is killed again and again, at random points that a seed names, and then brought to its end.

    bars       the share of a band of the session's bars, and some milliseconds more: anywhere in mid-session
    boot       a share of the time that a start takes: imports, journal, replay, join
    join       milliseconds after the exchange saw us join: in the midst of the reconciliation at the start
    journaled  approved  sent  asked  fetched      an exact point (tests/system/crashing.py), the N-th time

1. The kill is SIGKILL, from outside or (exact points) by the process to itself. Each one has a band of the
   session's bars; when its own condition was not met at the band's end, it is killed there from outside.
2. The exchange runs in lock-step, and freezes when its client dies: the next start finds what was left.
3. `bars`, `boot` and `join` depend on real time: the seed gives the same plan, not the same instruction.
   What came of each kill is in the story that a failure prints, and books and journal are left in its folder.
4. Every wait ends: a start within START_S_MAX, a session within SESSION_S_MAX. A process that ends by itself
   before its kill is a missed kill when it ended well, and a failure otherwise.
"""

import functools
import json
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

from tests.system.days import write_day
from tests.system.judging import ended_wrong
from tests.system.kit import WAL, Done, Exchange, Files, Running, exchange, live, python, run_live

__all__ = ["EXACT", "Kill", "Struck", "kills_of", "run_killed"]

START_S_MAX: Final = 30.0
SESSION_S_MAX: Final = 120.0
"""They take 1 s and 5 s on an idle machine."""

POLL_S: Final = 0.004
LAST_SHARE: Final = 0.85
"""Of the bars: the last band ends here, so that a late kill is still in the session."""

LOOSE: Final = ("bars", "boot", "join")
EXACT: Final = {"journaled": 60, "approved": 8, "sent": 8, "asked": 5, "fetched": 16}
"""Exact points and the greatest N: so many happen within a band."""

TRADING: Final = (
    WAL
    + """
[gate]
single_trade_per_symbol = false

[[strategies]]
name = "restless"
path = "tests.system.restless:STRATEGY"
symbols = "all"
parameters = { every = 3 }

[[strategies]]
name = "vwap_mr"
path = "vwap_mean_reversion"
symbols = "all"
parameters = { entry_threshold = "0.15%" }
"""
)
"""Something is always under way."""


class Kill(NamedTuple):
    """One planned kill."""

    kind: str
    amount: float
    """A share (bars, boot), seconds (join), or N (exact points)."""
    late_s: float
    """More seconds to wait (bars)."""
    until: float
    """The share of the bars at which it is killed in any case."""

    def __str__(self) -> str:
        number = f"{self.amount:g}" if self.kind in EXACT else f"{self.amount:.3f}"
        return f"{self.kind} {number}"


class Struck(NamedTuple):
    """What came of a kill."""

    kill: Kill
    is_struck: bool
    by_itself: bool
    """Whether the process killed itself at its exact point."""
    bars: int
    seconds: float
    """From the process's start."""

    def __str__(self) -> str:
        how = (
            "at its point" if self.by_itself else "from outside" if self.is_struck else "MISSED: it had ended"
        )
        return f"{self.kill}: {how}, bar {self.bars}, {self.seconds:.3f} s after its start"


def kills_of(seed: int, count: int) -> tuple[Kill, ...]:
    """The plan of a session: kinds in a random order, each kind as often as any other, in rising bands."""
    rng = Random(f"kills/{seed}")
    kinds: list[str] = []
    while len(kinds) < count:
        # Half of all by real time, in mid-session or at the start; half at exact points.
        kinds.extend(rng.sample(["bars", "bars", "boot", "boot", "join", *EXACT], 10))
    band = LAST_SHARE / count
    plan: list[Kill] = []
    for index, kind in enumerate(kinds[:count]):
        start = index * band
        if kind == "bars":
            amount = start + rng.random() * band * 0.8
        elif kind == "boot":
            amount = rng.uniform(0.05, 1.3)
        elif kind == "join":
            amount = rng.uniform(0.0, 0.12)
        else:
            amount = rng.randint(1, EXACT[kind])
        plan.append(Kill(kind, amount, rng.uniform(0.0, 0.015), start + band))
    return tuple(plan)


@functools.cache
def start_seconds() -> float:
    """How long a start takes on this machine now, from the process to the session joined."""
    with exchange("--speed", "max") as venue, live("--exchange", venue.url, "--journal", "memory") as running:
        began = time.monotonic()
        await_joined(venue, running)
        return time.monotonic() - began


def await_joined(venue: Exchange, running: Running) -> None:
    """Until the exchange has us as a participant, or the process has ended."""
    deadline = time.monotonic() + START_S_MAX
    while running.process.poll() is None and not venue.get("/sim/state")["participants"]:
        assert time.monotonic() < deadline, f"not joined within {START_S_MAX:g} s: {running.printed()}"
        time.sleep(POLL_S)


def await_share(venue: Exchange, running: Running, share: float) -> None:
    """Until a share of the bars is done, or the process has ended."""
    deadline = time.monotonic() + SESSION_S_MAX
    while running.process.poll() is None:
        state = venue.get("/sim/state")
        if state["bars_done"] >= share * state["bars_total"]:
            return
        assert time.monotonic() < deadline, f"stuck: {state}\n{running.printed()}"
        time.sleep(POLL_S)


def strike(venue: Exchange, files: Files, kill: Kill) -> Struck:
    """Starts the command on the session's journal, and kills it."""
    options = ("--exchange", venue.url, *files.options)
    exact = kill.kind in EXACT
    began = time.monotonic()
    crashing = python("-m", "tests.system.crashing", kill.kind, f"{kill.amount:g}", *options)
    with crashing if exact else live(*options) as running:
        if kill.kind == "boot":
            time.sleep(kill.amount * start_seconds())
        elif kill.kind == "join":
            await_joined(venue, running)
            time.sleep(kill.amount)
        elif kill.kind == "bars":
            await_share(venue, running, kill.amount)
            time.sleep(kill.late_s)
        else:
            await_share(venue, running, kill.until)
        by_itself = running.process.poll() is not None
        done = running.kill()
        seconds = time.monotonic() - began
    struck = Struck(kill, done.code == -signal.SIGKILL, by_itself, settled(venue)["bars_done"], seconds)
    if not struck.is_struck:
        assert done.code == 0, f"{struck}\nexit {done.code}: {done.err}\n{done.out}"
    else:
        assert not by_itself or exact, f"{struck}\nkilled by somebody else: {done.err}\n{done.out}"
        assert not files.report_path.exists(), f"{struck}\na report although it was killed"
    return struck


def settled(venue: Exchange) -> Any:
    """The exchange's state once it has noticed that nobody is there."""
    return venue.until(lambda state: not state["participants"], START_S_MAX)


class Verdict(NamedTuple):
    """A session's end."""

    folder: Path
    struck: tuple[Struck, ...]
    done: Done
    wrong: tuple[str, ...]
    """One line for each thing that is wrong."""
    orders: int
    executions: int

    @property
    def story(self) -> str:
        """Everything that a person needs to look into it."""
        lines = [f"  {number}. {each}" for number, each in enumerate(self.struck, 1)]
        wrong = [f"  {line}" for line in self.wrong[:40]]
        return "\n".join(
            [
                "",
                "kills:",
                *lines,
                f"wrong ({len(self.wrong)}):",
                *wrong,
                f"stderr: {self.done.err}",
                self.done.out,
            ]
        )


def run_killed(folder: Path, seed: int, kills: Sequence[Kill], faults: Sequence[str] = ()) -> Verdict:
    """One session of the exchange with its kills, finished by a last start that is left alone, and judged."""
    files = Files(folder, config_text=TRADING)
    flags = [word for fault in faults for word in ("--fault", fault)]
    struck: list[Struck] = []
    with exchange("--speed", "max", "--seed", str(seed), *flags, "--bars", *write_day(folder, seed)) as venue:
        for kill in kills:
            struck.append(strike(venue, files, kill))
            if not struck[-1].is_struck:
                break
        files.report_path.unlink(missing_ok=True)
        done = run_live("--exchange", venue.url, *files.options, seconds=SESSION_S_MAX)
        books = venue.books()
    (folder / "books.json").write_text(json.dumps(books, indent=1))
    wrong = ended_wrong(files, done, books)
    return Verdict(folder, tuple(struck), done, tuple(wrong), len(books["orders"]), len(books["executions"]))
