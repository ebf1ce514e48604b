"""`python -m shell.exchange` as a process: ready line, ends, and one line for all that is wrong."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from shell.exchange.__main__ import main, parse_arguments
from shell.exchange.embed import build
from shell.exchange.settings import ExchangeSettings, SetupError, parse_speed
from tests.unit.shell.exchange.wire_harness import write_bars

ROOT = Path(__file__).resolve().parents[4]


def start(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "shell.exchange", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_listens_and_ends_cleanly(tmp_path: Path, end: signal.Signals) -> None:
    with start("--bars", str(write_bars(tmp_path)), "--speed", "max") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:")
        port = int(line.strip().rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=5) as idle:
            idle.sendall(b"GET /v2/cl")
            process.send_signal(end)
            output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (0, "", "")


def failure(*options: str) -> str:
    """The one line on stderr of a start that must fail with exit 2."""
    with start(*options) as process:
        output, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert output == ""
    assert "Traceback" not in errors
    assert len(errors.splitlines()) == 1
    return errors.strip()


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = failure("--port", str(port))
    assert f"port {port}" in line
    assert "in use" in line


def test_a_malformed_row_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "SPY.csv"
    path.write_text("timestamp,open,high,low,close,volume\n2024-03-13T13:30:00Z,1,2,3,1,1\n")
    line = failure("--bars", str(path))
    assert line.startswith("exchange: SPY.csv:2: ")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--port", "x"], "--port x"),
        (["--port", "70000"], "--port 70000"),
        (["--port", "-1"], "--port -1"),
        (["--port", "9" * 5000], "--port 999"),
        (["--seed", "1.5"], "--seed 1.5"),
        (["--speed", "fast"], "--speed fast"),
        (["--speed", "0"], "--speed 0"),
        (["--speed", "nan"], "--speed nan"),
        (["--speed", "1e9"], "--speed 1e9"),
        (["--cash", "much"], "--cash much"),
        (["--cash", "-1"], "--cash -1"),
        (["--cash", "1e15"], "--cash 1e15"),
        (["--key", "k"], "--key and --secret"),
        (["--bars", "no/such/file.csv"], "no/such/file.csv"),
        (["--bars", "."], "."),
    ],
)
def test_wrong_options_are_one_line_and_exit_2(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("exchange: ")
    assert named in errors
    assert len(errors.splitlines()) == 1


def test_options_become_settings(tmp_path: Path) -> None:
    path = write_bars(tmp_path)
    made = parse_arguments(
        ["--port", "0", "--bars", str(path), "--seed", "7", "--speed", "max", "--cash", "2500.50"]
    )
    assert made == ExchangeSettings(bars=(path,), seed=7, rate=None, cash=2_500_500_000_000)
    assert parse_arguments(["--key", "k", "--secret", "s", "--speed", "0.5"]).rate == 0.5
    assert parse_speed("max") is None


def test_a_synthetic_session_is_built_without_files_and_differs_by_seed() -> None:
    first, second = build(ExchangeSettings(seed=1)), build(ExchangeSettings(seed=2))
    assert first.market.bars_total == second.market.bars_total > 1_000
    first.driver.step(first.driver.next_instant() or 0)
    second.driver.step(second.driver.next_instant() or 0)
    assert first.venue.quote("SPY") != second.venue.quote("SPY")
    assert first.request_id() != second.request_id()


def test_unknown_venue_settings_are_named() -> None:
    with pytest.raises(SetupError, match="latency_ack"):
        build(ExchangeSettings(venue={"latency_ack": 5}))
    assert build(ExchangeSettings(venue={"ack_latency": 5})).settings.venue == {"ack_latency": 5}
