"""`python -m shell.replay JOURNAL`: rebuilds the Desk from a journal and prints its digest.

    --order ID    one order's whole story: intent, checks, commands, answers, executions, its end
    --orders      every order, one line each
    --refused     every intent that the gate refused, one line each

Nothing is sent and nothing is written: the journal is read, verified record by record, and stepped. The
digest equals the one that `shell.live` printed (I14), and that of every snapshot beside the journal where the
replay passes it: one that differs is damaged, or the code changed since; the exit code is then 4. ID is a
client order id (of a later leg too), the broker's order id, or an intent's key. Text is plain and not
wrapped, for pipes.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from kernel import EMPTY_DESK, Desk, Event, Step, step
from kernel.events import Booted
from kernel.orders.book import known_count, open_orders
from shell.books import wait_text
from shell.bugs import KernelBug, complaint_of
from shell.canonical import digest
from shell.errors import ExitCode
from shell.fingerprint import fingerprint_of
from shell.journal import Checkpoints, Misfit, Record, read_journal, replay
from shell.journal.replay import Stepped
from shell.misfit import misfit_of
from shell.numbers import instant_text
from shell.story import Chronicle, Story, orders_text, refused_text, story_text
from shell.story_index import Index
from shell.strategies_loader import load_strategies

__all__ = ["compare_at", "index_of", "main", "rebuild", "step_loaded", "tell"]

Observer = Callable[[Record, Event, Step], None]


def step_loaded(desk: Desk, event: Event) -> Step:
    """The kernel's step, with the strategies that a start names loaded first; raises KernelBug.

    Raises Misfit for an event that can't have happened to the Desk: another kernel wrote the journal.
    """
    if isinstance(event, Booted):
        load_strategies(event.config)
    elif problem := misfit_of(desk, event):
        raise Misfit(problem)
    try:
        return step(desk, event)
    except Exception as problem:
        raise KernelBug(desk, event, problem) from problem


def compare_at(checkpoints: Checkpoints, record: Record, desk: Desk) -> None:
    """Compares the Desk after a record with the snapshot that was taken there, if one was."""
    if checkpoints.wants(record.seq):
        fingerprint = fingerprint_of(seat.path for seat in desk.seats.values())
        checkpoints.look(record.seq, record.hash, desk, fingerprint)


def rebuild(
    path: Path, watch: Observer | None = None, checkpoints: Checkpoints | None = None
) -> tuple[Desk, int]:
    """The Desk of a journal and the number of its events, compared on the way. Raises Complaint.

    `watch` sees every step.
    """
    count = 0
    last: Step | None = None

    def stepping(desk: Desk, event: Event) -> Step:
        nonlocal last
        last = step_loaded(desk, event)
        return last

    def observe(record: Record, event: Event, stepped: Stepped[Desk]) -> None:
        nonlocal count
        count += 1
        if watch is not None and last is not None:
            watch(record, event, last)
        if checkpoints is not None:
            compare_at(checkpoints, record, stepped.desk)

    desk = replay(read_journal(path), stepping, EMPTY_DESK, observe=observe, where=str(path))
    if checkpoints is not None:
        checkpoints.end()
    return desk, count


def index_of(path: Path) -> tuple[Desk, Index]:
    """The Desk of a journal and the names of all its orders. Raises Complaint."""
    index = Index()
    desk, _ = rebuild(path, index.observe)
    index.close(desk)
    return desk, index


def tell(path: Path, wanted: str) -> Story:
    """The story of the order (or refused intent) that is called so. Raises Complaint with near names."""
    _, index = index_of(path)
    chronicle = Chronicle(index.resolve(wanted))
    rebuild(path, chronicle.observe)
    return chronicle.story()


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line; argparse itself exits with 2 on unknown options."""
    parser = argparse.ArgumentParser(
        prog="python -m shell.replay",
        description="Rebuild a desk from its journal and print its digest, or tell what a journal knows.",
    )
    parser.add_argument("journal", type=Path, help="the journal's file")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--order", metavar="ID", help="one order's story: a client order id, the broker's "
                      "order id, or an intent's key (that of a refused intent too)")  # fmt: skip
    what.add_argument("--orders", action="store_true", help="every order, one line each")
    what.add_argument("--refused", action="store_true", help="every refused intent, one line each")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    options = parse_arguments(arguments)
    try:
        checkpoints = Checkpoints(options.journal)
        text = _text(options, checkpoints)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - a bug is a line and its evidence too
        complaint = complaint_of(error, options.journal)
        print(f"replay: {complaint.line}", file=sys.stderr)
        return complaint.code
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has enough (head, less): that is no failure, and the exit must not flush again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    for problem in checkpoints.problems:
        print(f"replay: {problem}; remove that file: it is a cache", file=sys.stderr)
    return ExitCode.JOURNAL if checkpoints.problems else ExitCode.OK


def _text(options: argparse.Namespace, checkpoints: Checkpoints) -> str:
    path: Path = options.journal
    if options.order is not None:
        return story_text(tell(path, options.order))
    if options.orders:
        return orders_text(rebuild(path)[0])
    if options.refused:
        return refused_text(index_of(path)[1])
    return _digest_text(path, checkpoints)


def _digest_text(path: Path, checkpoints: Checkpoints) -> str:
    """What the rebuilt Desk is, in five lines."""
    started = time.monotonic()
    desk, count = rebuild(path, checkpoints=checkpoints)
    seconds = time.monotonic() - started
    lines = [
        f"journal    {path}: {count} events replayed in {seconds:.2f} s",
        f"desk       epoch {desk.epoch}, {desk.session.mode.value}, at {instant_text(desk.at)}",
        f"orders     {known_count(desk.book)} known, {len(open_orders(desk.book))} open",
        f"positions  {wait_text(desk.holdings)}",
        f"digest     {digest(desk)}",
    ]
    if checkpoints.agreed:
        lines.append(f"snapshots  agree at event {', '.join(map(str, sorted(checkpoints.agreed)))}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
