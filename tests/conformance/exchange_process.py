"""Both sides of a conformance test, as processes: the exchange, and a script with unmodified alpaca-py.

The exchange runs by `python -m shell.exchange` on a free port; the script prints one JSON value as its last
line.
"""

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SECONDS_MAX = 60


def _environment() -> dict[str, str]:
    """No proxies and no .netrc for loopback: requests would honor them."""
    kept = {name: text for name, text in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**kept, "NO_PROXY": "127.0.0.1", "NETRC": os.devnull, "PYTHONPATH": str(ROOT)}


@contextmanager
def exchange(*options: str) -> Iterator[str]:
    """A running exchange; its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "shell.exchange", *options],
        cwd=ROOT,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            line = process.stdout.readline()
            assert line.startswith("listening on http://127.0.0.1:"), line + process.stderr.read()
            yield line.removeprefix("listening on ").strip()
        finally:
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=SECONDS_MAX)
    assert errors == ""
    assert process.returncode == 0


def run_script(script: str, url: str) -> Any:
    """Run a script in a fresh interpreter with URL as its argument; its last line of output, as JSON."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script), url],
        cwd=ROOT,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
