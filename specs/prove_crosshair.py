"""Calls CrossHair on one law and reads its verdict; anything it does not recognize is a failure.

A law is checked by `crosshair check FILE:LINE` in a process of its own, with its limits stated. CrossHair
prints one line for each postcondition. The only good one is "Confirmed over all paths.".
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from specs.prove_laws import Law, Result, Verdict

__all__ = ["Canary", "check_canary", "check_law"]

CONFIRMED = "info: Confirmed over all paths."
REFUTED = "error: false when calling "
ROOT = Path(__file__).resolve().parent.parent
WALL_FACTOR = 5
"""A process that takes so many times its CPU limit (and a minute) hangs: it is ended."""
DETAIL_MAX = 300
"""Characters of CrossHair's words that are shown."""


class Canary(NamedTuple):
    """A false law and the figure at which it is false."""

    law: Law
    figure: str


def _crosshair(law: Law, seconds: float) -> list[str]:
    """CrossHair's lines about one function, without the place that each begins with."""
    command = [
        *(sys.executable, "-m", "crosshair", "check", f"{law.path}:{law.line}"),
        *("--analysis_kind=PEP316", "--report_all"),
        *(f"--per_condition_timeout={seconds}", f"--per_path_timeout={seconds / 2}"),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}
    limit = WALL_FACTOR * seconds * law.posts + 60
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return [f"no answer within {limit:.0f} s"]
    lines = [line.partition(": ")[2] for line in done.stdout.splitlines() if line.strip()]
    return lines or [f"no verdict, exit {done.returncode}: {' '.join(done.stderr.split())[-DETAIL_MAX:]}"]


def check_law(law: Law, seconds: float, bounded: bool) -> Result:
    """One law's verdict; `seconds` of CPU for each postcondition."""
    began = time.monotonic()
    lines = _crosshair(law, seconds)
    took = time.monotonic() - began
    bad = [line for line in lines if line != CONFIRMED]
    checked = len(lines) == law.posts and all(line.startswith(("info: ", "error: ")) for line in lines)
    if bad or not checked:
        words = " | ".join(bad) or f"{len(lines)} verdicts for {law.posts} postconditions"
        return Result(law, Verdict.FAILED, took, words[:DETAIL_MAX], checked)
    return Result(law, Verdict.BOUNDED if bounded else Verdict.CONFIRMED, took, "", True)


def check_canary(canary: Canary, seconds: float) -> str:
    """Empty when CrossHair refuted the canary and named its planted figure; else what it said."""
    lines = _crosshair(canary.law, seconds)
    if any(line.startswith(REFUTED) and canary.figure in line for line in lines):
        return ""
    said = " | ".join(lines)[:DETAIL_MAX]
    return f"{canary.law.name}: the planted bug at {canary.figure} was not found: {said}"
