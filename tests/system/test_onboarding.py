"""Joining an exchange that misbehaves from the first request on: the start is repeated until it succeeds."""

from pathlib import Path

import pytest

from shell.alpaca.settings import simulated_settings
from shell.errors import Complaint, ExitCode
from shell.onboarding import Pace, account_number, exchange_symbols
from tests.system.kit import Files, assert_good, exchange, run_live

FAULTS = ("hang", "server_error", "bad_body", "slow_response", "rate_limited")
SYMBOLS = 4


@pytest.mark.parametrize("rate", [0.05, 0.5])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_start_outlasts_each_fault(fault: str, rate: float) -> None:
    for seed in ("3", "4"):
        with exchange("--speed", "max", "--seed", seed, "--fault", f"{fault}={rate}") as venue:
            assert len(exchange_symbols(venue.url)) == SYMBOLS
            number = account_number(simulated_settings(venue.url, "t", lockstep=True))
            assert number.startswith("PA")


def test_a_start_happens_again_and_again_but_not_for_ever() -> None:
    with exchange("--speed", "max", "--fault", "server_error=1") as venue:
        with pytest.raises(Complaint) as told:
            exchange_symbols(venue.url, Pace(deadline_s=2.0))
        faults = venue.books()["faults"]
    assert told.value.code is ExitCode.PORT
    assert faults["server_error"] >= 3


def test_wrong_keys_end_at_once() -> None:
    with exchange("--key", "right", "--secret", "right") as venue, pytest.raises(Complaint) as told:
        exchange_symbols(venue.url)
    assert told.value.code is ExitCode.CREDENTIALS


def test_a_whole_session_is_joined_and_ends_well(tmp_path: Path) -> None:
    files = Files(tmp_path)
    with exchange("--speed", "max", "--seed", "3", "--fault", "server_error=0.5") as venue:
        report = assert_good(run_live("--exchange", venue.url, *files.options), files)
        assert venue.books()["faults"]["server_error"] > 0
    assert report["orders"]["submitted"] > 0
