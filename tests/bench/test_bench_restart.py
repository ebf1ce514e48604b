"""Benchmarks of a restart: a whole day replayed, and the same day from its snapshot; what a snapshot costs.

The days are real ones of the shipping command: `python -m shell.live` is run once, in a folder of its own.
`extra_info` has the events, the bytes, and the loop's longest wait while a snapshot is written beside it.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from kernel import Desk
from shell.canonical import digest, encode
from shell.fingerprint import fingerprint_of
from shell.journal import Tip, open_journal, snapshot_paths, write_snapshot
from shell.recovery import Recovered, recover
from tests.bench.worlds import desk_with_orders
from tests.unit.kernel.scripts import OPEN

Benchmark = Callable[..., Any]
ROOT = Path(__file__).resolve().parents[2]
ORDERS = 10_000


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of a whole synthetic session, with the snapshot of its end."""
    folder = tmp_path_factory.mktemp("day")
    (folder / "c.toml").write_text('[journal]\nmode = "wal"\nsnapshot_every = 4000\n')
    path = folder / "day.journal"
    options = ["--no-panel", "--config", str(folder / "c.toml"), "--journal", str(path)]
    subprocess.run(
        [sys.executable, "-m", "shell.live", *options], cwd=ROOT, check=True, timeout=300, capture_output=True
    )
    return path


def start(path: Path) -> tuple[Recovered, float, float]:
    """A start: what it found, the seconds to open and check the chain, and those to make the Desk."""

    async def run() -> tuple[Recovered, float, float]:
        begun = time.perf_counter()
        journal = await open_journal(path, "simulated", "bench", OPEN)
        opened = time.perf_counter()
        found = recover(journal, path)
        done = time.perf_counter()
        await journal.close()
        return found, opened - begun, done - opened

    return trio.run(run)


def measure(benchmark: Any, path: Path) -> Recovered:
    found, opened, made = benchmark.pedantic(lambda: start(path), rounds=5, warmup_rounds=1)
    benchmark.extra_info |= {
        "events": found.desk.counters.events,
        "replayed": found.replayed,
        "open_and_check_ms": round(opened * 1e3, 1),
        "desk_ms": round(made * 1e3, 1),
    }
    result: Recovered = found
    return result


def test_restart_of_a_day_without_a_snapshot(benchmark: Any, day: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(day, tmp_path))
    assert measure(benchmark, path).snapshot == 0


def test_restart_of_a_day_from_its_snapshot(benchmark: Any, day: Path, tmp_path: Path) -> None:
    """The newest snapshot is of the end: nothing is left to replay."""
    path = Path(shutil.copy(day, tmp_path))
    for snapshot in snapshot_paths(day):
        shutil.copy(snapshot, tmp_path)
    assert measure(benchmark, path).replayed == 0


def test_restart_after_a_kill_late_in_the_day(benchmark: Any, day: Path, tmp_path: Path) -> None:
    """The newest snapshot is some hundred events old."""
    path = Path(shutil.copy(day, tmp_path))
    shutil.copy(snapshot_paths(day)[1], tmp_path)
    found = measure(benchmark, path)
    assert 0 < found.replayed < found.desk.counters.events / 2


def test_encode_the_desk_of_a_day(benchmark: Benchmark, day: Path) -> None:
    """What a snapshot costs in the interpreter, in a thread beside the loop."""
    desk = start(day)[0].desk
    data = benchmark(encode, desk)
    assert len(data) > 1_000


def test_the_loop_goes_on_while_10_000_orders_are_written(benchmark: Any, tmp_path: Path) -> None:
    """`longest_wait_ms`: of a task that wants to run all the time, while the thread encodes and writes."""
    desk: Desk = desk_with_orders(ORDERS)
    tip = Tip(desk.counters.events, desk.epoch, bytes(32))
    code = fingerprint_of(seat.path for seat in desk.seats.values())
    waits: list[float] = []

    async def beat() -> None:
        before = time.perf_counter()
        while True:
            await trio.lowlevel.checkpoint()
            now = time.perf_counter()
            waits.append(now - before)
            before = now

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(beat)
            await trio.to_thread.run_sync(write_snapshot, tmp_path / "j", desk, tip, code, "bench")
            nursery.cancel_scope.cancel()

    benchmark.pedantic(lambda: trio.run(main), rounds=5, warmup_rounds=1)
    (path,) = snapshot_paths(tmp_path / "j")
    benchmark.extra_info |= {"longest_wait_ms": round(max(waits) * 1e3, 1), "bytes": path.stat().st_size}
    assert digest(desk) in path.read_bytes()[:4_096].decode("utf-8", "replace")
