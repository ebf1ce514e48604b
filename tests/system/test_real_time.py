"""Other clocks than lock-step: real time, the paper command on loopback, and the panel on a terminal."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.system.kit import (
    ROOT,
    SECONDS_MAX,
    WAL,
    Files,
    assert_good,
    assert_nothing_doubled_or_lost,
    environment,
    exchange,
    live,
    run_live,
)


def test_a_session_in_real_time(files: Files) -> None:
    report = assert_good(run_live("--speed", "3000", "--seed", "1", *files.options), files)
    assert report["session"]["bars"] == report["session"]["bars_total"] == 1560
    assert report["orders"]["submitted"] > 0
    assert report["session"]["positions"] == {}


def test_a_session_in_real_time_on_an_exchange_of_its_own(files: Files) -> None:
    with exchange("--speed", "3000", "--seed", "1") as venue:
        assert_good(run_live("--exchange", venue.url, *files.options), files)
        assert_nothing_doubled_or_lost(files.desk(), venue.books())


def paper_files(folder: Path, url: str) -> Files:
    """The configuration of an account whose broker is the exchange at `url`."""
    stream = "ws" + url.removeprefix("http")
    return Files(
        folder,
        config_text=WAL
        + f"""
[broker]
trading_url = "{url}"
data_url = "{url}"
order_stream_url = "{stream}/stream"
stock_stream_url = "{stream}/v2/iex"
[[strategies]]
name = "vwap_mr"
path = "vwap_mean_reversion"
symbols = ["SPY"]
""",
    )


def test_the_paper_command_runs_and_drains_without_a_simulated_clock(tmp_path: Path) -> None:
    keys = {"APCA_API_KEY_ID": "k", "APCA_API_SECRET_KEY": "s"}
    with exchange("--speed", "60") as venue:
        files = paper_files(tmp_path, venue.url)
        with live("--paper", *files.options, env=keys) as running:
            log = Path(f"{files.journal}.log")
            deadline = time.monotonic() + 30
            while not (log.is_file() and "disarmed -> armed" in log.read_text()):
                assert running.process.poll() is None, running.end()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            running.signal(signal.SIGINT)
            done = running.end(20)
    assert done.code == 0, done.err + done.out
    report = files.report()
    assert report["session"]["links"] == {"orders": "live", "market": "live"}
    assert report["session"]["source"].startswith("paper account ...")
    assert report["books_agree"] is True


# ---------------------------------------------------------------- a terminal


def on_a_terminal(command: list[str], answers: dict[str, str], env: dict[str, str]) -> tuple[int, str]:
    """Runs on a pseudo-terminal, typing an answer when its question appears: exit code, everything drawn."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(TERM="xterm-256color", COLUMNS="120", LINES="40", **env),
        stdin=slave, stdout=slave, stderr=slave,
    ) as process:  # fmt: skip
        os.close(slave)
        drawn = b""
        deadline = time.monotonic() + SECONDS_MAX
        try:
            while time.monotonic() < deadline:
                if not select.select([master], [], [], 0.1)[0]:
                    if process.poll() is not None:
                        break
                    continue
                try:
                    piece = os.read(master, 65_536)
                except OSError:
                    break  # Linux says so when the other side is closed
                if not piece:
                    break
                drawn += piece
                for question in [each for each in answers if each.encode() in drawn]:
                    os.write(master, answers.pop(question).encode() + b"\n")
            code = process.wait(timeout=10)
        finally:
            if process.poll() is None:
                process.kill()
            os.close(master)
    return code, drawn.decode("utf-8", "replace")


def test_the_panel_draws_at_most_twice_a_second_and_disappears(files: Files) -> None:
    command = [sys.executable, "-m", "shell.live", "--speed", "max", *files.options]
    code, drawn = on_a_terminal(command, {}, {})
    assert code == 0, drawn
    report: Any = files.report()
    # rich hides the cursor for as long as the panel lives, and shows it again.
    assert drawn.count("\x1b[?25l") == drawn.count("\x1b[?25h") == 1
    panel, after = drawn.split("\x1b[?25h")
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", panel)
    pictures = plain.count("synthetic session")
    assert 2 <= pictures <= report["session"]["seconds"] * 2 + 2
    for word in ("clock", "mode", "armed", "orders", "links", "refusals", "position"):
        assert word in plain
    # No log line and no plain progress line in between; the report stands below, unharmed.
    assert "level=" not in drawn
    assert "live: 20" not in drawn
    assert f"digest {report['journal']['digest']}" in after
    assert "\x1b" not in after.split("session    ")[1]


def test_live_trades_only_after_the_last_four_digits(tmp_path: Path) -> None:
    keys = {"APCA_API_KEY_ID": "k", "APCA_API_SECRET_KEY": "s"}
    with exchange("--speed", "60") as venue:
        files = paper_files(tmp_path, venue.url)
        command = [sys.executable, "-m", "shell.live", "--live", "--no-panel", *files.options]
        code, drawn = on_a_terminal(command, {"last four digits to arm": "0000x"}, keys)
    assert code == 2
    assert "those are not the account's last four digits" in drawn
    assert not files.journal.exists()
