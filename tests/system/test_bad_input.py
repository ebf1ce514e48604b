"""Whatever is wrong with what a person gives: one line that says what and where, and the right exit code."""

import socket
from pathlib import Path

import pytest

from tests.system.kit import ROOT, WAL, Done, Files, exchange, live, python, run_live, run_replay

BAR = "2013-10-08T13:30:00Z,145.1,145.2,145.0,145.1,1000"
HEAD = "timestamp,open,high,low,close,volume"


def refused(done: Done, code: int, *parts: str) -> None:
    """Ended with `code` and one line that has all parts."""
    line = done.complaint
    assert done.code == code, line
    for part in parts:
        assert part in line, f"{part!r} is not in {line!r}"


# ---------------------------------------------------------------- files and options


@pytest.mark.parametrize(
    ("rows", "parts"),
    [
        ([HEAD, BAR, "2013-10-08T13:31:00Z,145.1,oops,145.0,145.1,1000"], ["3", "oops"]),
        ([HEAD, BAR, "2013-10-08T13:31:00Z,145.1,145.2"], ["3"]),
        ([HEAD, BAR, BAR], ["3"]),
        ([HEAD], []),
        (["nothing of the kind"], []),
    ],
)
def test_a_malformed_file_of_bars(tmp_path: Path, rows: list[str], parts: list[str]) -> None:
    path = tmp_path / "SPY_2013-10-08.csv"
    path.write_text("\n".join(rows) + "\n")
    refused(run_live("--bars", str(path)), 2, "live: ", "SPY_2013-10-08.csv", *parts)


def test_a_missing_file_of_bars(tmp_path: Path) -> None:
    refused(run_live("--bars", str(tmp_path / "SPY_none.csv")), 2, "SPY_none.csv")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("colour = 1\n", ["colour"]),
        ("[gate]\ncollarr = '5%'\n", ["gate.collarr", "collar"]),
        ("[gate]\norder_quantity_max = -1\n", ["gate.order_quantity_max"]),
        ("[gate\n", ["not TOML"]),
        ("[orders]\nquery_every = 5\n", ["orders.query_every"]),
    ],
)
def test_a_wrong_configuration(tmp_path: Path, text: str, parts: list[str]) -> None:
    files = Files(tmp_path, config_text=text)
    refused(run_live("--config", str(files.config)), 2, "session.toml", *parts)


def test_a_missing_configuration(tmp_path: Path) -> None:
    refused(run_live("--config", str(tmp_path / "none.toml")), 2, "none.toml")


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--speed", "fast"], ["--speed", "fast"]),
        (["--speed", "-1"], ["--speed"]),
        (["--seed", "x"], ["--seed"]),
        (["--paper", "--seed", "1"], ["--seed"]),
        (["--exchange", "http://127.0.0.1:1", "--seed", "1"], ["--seed"]),
        (["--exchange", "nonsense"], ["nonsense"]),
    ],
)
def test_a_wrong_option(options: list[str], parts: list[str]) -> None:
    refused(run_live(*options), 2, *parts)


def test_a_report_that_can_not_be_written_is_told_before_the_session(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(run_live("--report", str(tmp_path / "file" / "report.json")), 2, "--report")
    refused(run_live("--report", str(tmp_path)), 2, "--report", "directory")


# ---------------------------------------------------------------- accounts and ports


@pytest.mark.parametrize("option", ["--paper", "--live"])
def test_missing_keys(option: str) -> None:
    refused(run_live(option), 3, "APCA_API_KEY_ID")


def test_live_without_a_terminal_starts_nothing(tmp_path: Path) -> None:
    with exchange() as venue:
        files = Files(tmp_path, config_text=f'[broker]\ntrading_url = "{venue.url}"\n')
        keys = {"APCA_API_KEY_ID": "k", "APCA_API_SECRET_KEY": "s"}
        done = run_live("--live", *files.options, env=keys)
    refused(done, 2, "--live", "terminal")
    assert not files.journal.exists()


def test_keys_that_are_refused(tmp_path: Path) -> None:
    with exchange("--key", "right", "--secret", "right") as venue:
        files = Files(tmp_path, config_text=f'[broker]\ntrading_url = "{venue.url}"\n')
        keys = {"APCA_API_KEY_ID": "wrong", "APCA_API_SECRET_KEY": "wrong"}
        done = run_live("--paper", *files.options, env=keys)
    refused(done, 3, "refuses the keys")
    assert "wrong" not in done.err


def test_an_exchange_that_is_not_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: a connection is refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        refused(run_live("--exchange", url), 6, url)


@pytest.mark.parametrize("port", ["99999", "-1", "http"])
def test_a_bad_port(port: str) -> None:
    with python("-m", "shell.exchange", f"--port={port}") as running:
        refused(running.end(), 2, "--port", port)


def test_a_taken_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with python("-m", "shell.exchange", "--port", port) as running:
            refused(running.end(), 2, port)


# ---------------------------------------------------------------- strategies


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("no_such_module:STRATEGY", ["no_such_module"]),
        ("raises_at_import:STRATEGY", ["raises_at_import", "RuntimeError", "not today"]),
        ("kernel.units:SCALE", ["is no strategy"]),
        ("vwap_unknown", ["no such entry point", "vwap_unknown"]),
    ],
)
def test_a_strategy_that_can_not_be_imported(tmp_path: Path, path: str, parts: list[str]) -> None:
    (tmp_path / "raises_at_import.py").write_text("raise RuntimeError('not today')\n")
    text = f'[[strategies]]\nname = "bad"\npath = "{path}"\nsymbols = "all"\n'
    files = Files(tmp_path, config_text=text)
    done = run_live("--config", str(files.config), env={"PYTHONPATH": f"{ROOT}:{tmp_path}"})
    refused(done, 5, "strategy", *parts)


# ---------------------------------------------------------------- journals


def finished(files: Files) -> None:
    assert run_live(*files.options).code == 0


def test_a_journal_in_use_names_its_holder_and_disturbs_nobody(files: Files) -> None:
    with exchange("--speed", "60") as venue, live("--exchange", venue.url, *files.options) as running:
        venue.until(lambda state: state["bars_done"] > 0)
        second = run_live(
            "--exchange", venue.url, "--config", str(files.config), "--journal", str(files.journal)
        )
        refused(second, 4, "session.journal", "in use", str(running.process.pid))
        assert running.process.poll() is None
        before = venue.get("/sim/state")
        assert [each["client"] for each in before["participants"]] == ["desk"]
        venue.until(lambda state: state["bars_done"] > before["bars_done"])
        assert running.process.poll() is None


def test_a_damaged_journal_names_the_record(files: Files) -> None:
    finished(files)
    data = bytearray(files.journal.read_bytes())
    place = data.index(b"BarClosed", len(data) // 2)
    data[place + 20] ^= 1
    files.journal.write_bytes(data)
    refused(run_live(*files.options), 4, "session.journal", "record ")
    refused(run_replay(files.journal), 4, "session.journal", "record ")


def test_a_file_that_is_no_journal(files: Files) -> None:
    files.journal.write_text("dear diary\n" * 500)
    refused(run_live(*files.options), 4, "session.journal")
    refused(run_replay(files.journal), 4, "session.journal")
    assert files.journal.read_text().startswith("dear diary")


def test_a_journal_of_another_session(files: Files) -> None:
    finished(files)
    refused(run_live(*files.options), 4, "session.journal", "another journal")


def test_a_journal_of_another_account(tmp_path: Path) -> None:
    finished(Files(tmp_path))
    other = Files(tmp_path, config_text=f'account = "other"\n{WAL}')
    refused(run_live(*other.options), 4, "session.journal", "'other'")


def test_a_journal_that_can_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(run_live("--journal", str(tmp_path / "file" / "x.journal")), 4, "file")


def test_replay_of_nothing(tmp_path: Path) -> None:
    refused(run_replay(tmp_path / "none.journal"), 4, "none.journal", "no such journal")
