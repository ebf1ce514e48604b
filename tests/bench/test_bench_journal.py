"""Benchmarks of the journal: codec, replay without the kernel's own work, commit, digest of a large value.

Budgets: replay at least 50,000 events a second (here without `step`: decode, verify, fetch); a commit well
under the 2 ms that a frame may take to be durable and stepped.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trio
from immutables import Map

from kernel.events import Event
from kernel.reports import OrderReport
from shell.canonical import decode, digest, encode
from shell.journal import JournalMode, Record, open_journal, read_journal, replay
from tests.unit.shell.values import BEGIN, booted, day, tick, trade_updated

Benchmark = Callable[..., Any]
EVENTS = 20_000


class Count(NamedTuple):
    """A desk that counts."""

    desk: int


def count(desk: int, event: Event) -> Count:
    """The cheapest step there is."""
    return Count(desk + 1)


def written(path: Path, events: list[Event]) -> Path:
    """A closed journal of these events."""

    async def main() -> None:
        journal = await open_journal(path, "bench", "0.1.0", BEGIN)
        await journal.append(events)
        await journal.close()

    trio.run(main)
    return path


def test_encode_trade_update(benchmark: Benchmark) -> None:
    assert benchmark(encode, trade_updated(1))


def test_decode_trade_update(benchmark: Benchmark) -> None:
    assert benchmark(decode, encode(trade_updated(1)), Event) == trade_updated(1)


def test_replay_20_000_events(benchmark: Any, tmp_path: Path) -> None:
    """Events a second = 20,000 / the time of a round."""
    path = written(tmp_path / "j.db", day(1, EVENTS - 1))
    seen = benchmark.pedantic(lambda: replay(read_journal(path), count, 0), rounds=5, warmup_rounds=1)
    assert seen == EVENTS
    benchmark.extra_info["events_per_second"] = round(EVENTS / benchmark.stats.stats.median)


def test_verify_at_open_20_000_events(benchmark: Any, tmp_path: Path) -> None:
    path = written(tmp_path / "j.db", day(1, EVENTS - 1))

    async def main() -> int:
        journal = await open_journal(path, "bench", "0.1.0", BEGIN)
        await journal.close()
        return journal.opening.records

    assert benchmark.pedantic(lambda: trio.run(main), rounds=5, warmup_rounds=1) == EVENTS


@pytest.mark.parametrize("batch", [1, 10])
@pytest.mark.parametrize("mode", [JournalMode.WAL, JournalMode.DELETE])
def test_commit(benchmark: Any, tmp_path: Path, mode: JournalMode, batch: int) -> None:
    """One append, durable, through the worker thread and back."""

    async def main() -> list[Record]:
        journal = await open_journal(tmp_path / "j.db", "bench", "0.1.0", BEGIN, mode)
        await journal.append([booted(1)])
        events = [trade_updated(index) for index in range(batch)]
        token = trio.lowlevel.current_trio_token()

        def blocking() -> None:
            trio.from_thread.run(journal.append, events, trio_token=token)

        await trio.to_thread.run_sync(lambda: benchmark.pedantic(blocking, rounds=300, warmup_rounds=20))
        await journal.append([tick(1)])
        await journal.close()
        return list(journal.read())

    assert len(trio.run(main)) > 300 * batch


def test_digest_100_000_orders(benchmark: Any) -> None:
    """Linear in the size: compare with a tenth of it."""
    reports = Map({f"mqd-1-vwap-{index:06d}": trade_updated(index).report for index in range(100_000)})
    assert len(encode(reports, Map[str, OrderReport])) > 10_000_000
    assert len(benchmark.pedantic(lambda: digest((reports,)), rounds=3)) == 64


def test_digest_10_000_orders(benchmark: Any) -> None:
    reports = Map({f"mqd-1-vwap-{index:06d}": trade_updated(index).report for index in range(10_000)})
    assert len(benchmark.pedantic(lambda: digest((reports,)), rounds=3)) == 64
