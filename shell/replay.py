"""`python -m shell.replay JOURNAL`: rebuilds the Desk from a journal and prints its digest.

Nothing is sent and nothing is written: the journal is read, verified record by record, and stepped. The
digest equals the one that `shell.live` printed (I14).
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from kernel import EMPTY_DESK, Desk, Event, Step, step
from kernel.events import Booted
from kernel.orders.book import known_count, open_orders
from shell.books import wait_text
from shell.bugs import KernelBug, complaint_of
from shell.canonical import digest
from shell.errors import ExitCode
from shell.journal import Record, read_journal, replay
from shell.numbers import instant_text
from shell.strategies_loader import load_strategies

__all__ = ["main", "rebuild", "step_loaded"]


def step_loaded(desk: Desk, event: Event) -> Step:
    """The kernel's step, with the strategies that a start names loaded first; raises KernelBug."""
    if isinstance(event, Booted):
        load_strategies(event.config)
    try:
        return step(desk, event)
    except Exception as problem:
        raise KernelBug(desk, event, problem) from problem


def rebuild(path: Path) -> tuple[Desk, int]:
    """The Desk of a journal and the number of its events. Raises Complaint."""
    count = 0

    def observe(_record: Record, _event: Event, _stepped: object) -> None:
        nonlocal count
        count += 1

    desk = replay(read_journal(path), step_loaded, EMPTY_DESK, observe=observe, where=str(path))
    return desk, count


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m shell.replay", description=__doc__)
    parser.add_argument("journal", type=Path, help="the journal's file")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    try:
        desk, count = rebuild(options.journal)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - a bug is a line and its evidence too
        complaint = complaint_of(error, options.journal)
        print(f"replay: {complaint.line}", file=sys.stderr)
        return complaint.code
    seconds = time.monotonic() - started
    print(f"journal    {options.journal}: {count} events replayed in {seconds:.2f} s")
    print(f"desk       epoch {desk.epoch}, {desk.session.mode.value}, at {instant_text(desk.at)}")
    print(f"orders     {known_count(desk.book)} known, {len(open_orders(desk.book))} open")
    print(f"positions  {wait_text(desk.holdings)}")
    print(f"digest     {digest(desk)}")
    return ExitCode.OK


if __name__ == "__main__":
    sys.exit(main())
