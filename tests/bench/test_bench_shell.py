"""Benchmarks of the shell: how long a person, a frame and a bar wait.

Budgets of the design: frame to durable and stepped p50 2 ms, p99 10 ms; closed bar to submit on the wire over
loopback p50 5 ms, p99 15 ms; `shell.live` to its first session event at most 3 s. The session's figures come
from whole sessions of the shipping command in its own process: its report carries them.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.system.kit import ROOT, environment, run_live

SESSIONS = 3
HELP_BUDGET_US = 500_000
FIRST_EVENT_BUDGET_US = 3_000_000


def run(*arguments: str) -> None:
    """A command of ours that must succeed."""
    subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment(), check=True, capture_output=True, timeout=60
    )


@pytest.mark.benchmark(group="start")
def test_live_help(benchmark: Any) -> None:
    benchmark.extra_info.update(what="python -m shell.live --help, a new process", budget_us=HELP_BUDGET_US)
    benchmark.pedantic(run, ("-m", "shell.live", "--help"), rounds=7, warmup_rounds=1)


@pytest.mark.benchmark(group="start")
def test_first_session_event(benchmark: Any, tmp_path: Path) -> None:
    """From the process's start to the first line that a session event made."""

    def first() -> None:
        command = [sys.executable, "-m", "shell.live", "--no-panel", "--journal", "memory"]
        with subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            assert process.stdout is not None
            try:
                seen = 0
                for line in process.stdout:
                    seen += line.startswith("live:")
                    if seen == 2:
                        break
            finally:
                process.kill()
        assert seen == 2

    benchmark.extra_info.update(
        what="shell.live, start to first session event shown", budget_us=FIRST_EVENT_BUDGET_US
    )
    benchmark.pedantic(first, rounds=3)


@pytest.mark.benchmark(group="session")
def test_session_waits(benchmark: Any, tmp_path: Path) -> None:
    """Whole default sessions; the waits are the medians of their reports."""
    reports: list[dict[str, Any]] = []

    def session() -> None:
        number = len(reports)
        report = tmp_path / f"{number}.json"
        done = run_live("--journal", str(tmp_path / f"{number}.journal"), "--report", str(report))
        assert done.code == 0, done.err
        reports.append(json.loads(report.read_text(encoding="utf-8")))

    benchmark.extra_info.update(what="a whole default session, process start to end", budget_us=60_000_000)
    benchmark.pedantic(session, rounds=SESSIONS)
    middle = SESSIONS // 2
    for kind in ("frame_to_stepped", "bar_to_wire"):
        for share in ("p50", "p99"):
            waits = sorted(report["latency_ms"][kind][share] for report in reports)
            benchmark.extra_info[f"{kind}_{share}_ms"] = waits[middle]


@pytest.mark.parametrize(
    ("kind", "share", "budget_ms"),
    [
        ("frame_to_stepped", "p50", 2),
        ("frame_to_stepped", "p99", 10),
        ("bar_to_wire", "p50", 5),
        ("bar_to_wire", "p99", 15),
    ],
)
@pytest.mark.benchmark(group="waits")
def test_wait(benchmark: Any, tmp_path: Path, kind: str, share: str, budget_ms: int) -> None:
    """One of the four waits of a default session, as its report has it; the time of this row is not one."""
    report = tmp_path / "report.json"
    done = run_live("--journal", str(tmp_path / "journal"), "--report", str(report))
    assert done.code == 0, done.err
    figure = json.loads(report.read_text(encoding="utf-8"))["latency_ms"][kind][share]
    what = {
        "frame_to_stepped": "frame to durable and stepped",
        "bar_to_wire": "closed bar to submit on the wire",
    }
    benchmark.extra_info.update(what=f"{what[kind]}, {share}", value=figure, unit="ms", value_max=budget_ms)
    benchmark.pedantic(time.monotonic, rounds=1)
