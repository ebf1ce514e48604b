"""`python -m shell.replay JOURNAL`: rebuilds the Desk from a journal and prints its digest.

Nothing is sent and nothing is written: the journal is read, verified record by record, and stepped. The
digest equals the one that `shell.live` printed (I14), and that of every snapshot beside the journal where the
replay passes it: one that differs is damaged, or the code changed since; the exit code is then 4.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from kernel import EMPTY_DESK, Desk, Event, Step, step
from kernel.events import Booted
from kernel.orders.book import open_orders
from shell.books import wait_text
from shell.bugs import KernelBug, complaint_of
from shell.canonical import digest
from shell.errors import ExitCode
from shell.fingerprint import fingerprint_of
from shell.journal import Checkpoints, Misfit, Record, read_journal, replay
from shell.journal.replay import Stepped
from shell.misfit import misfit_of
from shell.numbers import instant_text
from shell.strategies_loader import load_strategies

__all__ = ["compare_at", "main", "rebuild", "step_loaded"]


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


def rebuild(path: Path, checkpoints: Checkpoints | None = None) -> tuple[Desk, int]:
    """The Desk of a journal and the number of its events, compared on the way. Raises Complaint."""
    count = 0

    def observe(record: Record, _event: Event, stepped: Stepped[Desk]) -> None:
        nonlocal count
        count += 1
        if checkpoints is not None:
            compare_at(checkpoints, record, stepped.desk)

    desk = replay(read_journal(path), step_loaded, EMPTY_DESK, observe=observe, where=str(path))
    if checkpoints is not None:
        checkpoints.end()
    return desk, count


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m shell.replay", description=__doc__)
    parser.add_argument("journal", type=Path, help="the journal's file")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    try:
        checkpoints = Checkpoints(options.journal)
        desk, count = rebuild(options.journal, checkpoints)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - a bug is a line and its evidence too
        complaint = complaint_of(error, options.journal)
        print(f"replay: {complaint.line}", file=sys.stderr)
        return complaint.code
    seconds = time.monotonic() - started
    print(f"journal    {options.journal}: {count} events replayed in {seconds:.2f} s")
    print(f"desk       epoch {desk.epoch}, {desk.session.mode.value}, at {instant_text(desk.at)}")
    print(f"orders     {len(desk.book.orders)} known, {len(open_orders(desk.book))} open")
    print(f"positions  {wait_text(desk.holdings)}")
    print(f"digest     {digest(desk)}")
    return _say_snapshots(checkpoints)


def _say_snapshots(checkpoints: Checkpoints) -> ExitCode:
    if checkpoints.agreed:
        print(f"snapshots  agree at event {', '.join(map(str, sorted(checkpoints.agreed)))}")
    for problem in checkpoints.problems:
        print(f"replay: {problem}; remove that file: it is a cache", file=sys.stderr)
    return ExitCode.JOURNAL if checkpoints.problems else ExitCode.OK


if __name__ == "__main__":
    sys.exit(main())
