"""Recorded days through the whole product: trades where the rules call for them, and books that agree.

What is called for was computed by a twin with exact fractions (tests/unit/kernel/strategies,
test_recorded_days.py): by default vwap_micro buys once, between 10:00 and 11:30, when the close is 0.3 %
under the session's VWAP, and leaves at the stop, the profit or 11:30; vwap_mr wants a close 1 % under the
VWAP of 20 bars, which no calm day has and the wild crypto day has 32 times (more here, for orders may fill in
parts).
"""

from pathlib import Path

import pytest

from kernel.orders.book import all_orders
from kernel.units import Cash
from tests.system.kit import DATA, WAL, Files, assert_good, bars, run_live

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="no recorded bars beside the repository (MQD_SHARED_DATA)"
)

FINER = (
    WAL
    + """
[[strategies]]
name = "vwap_mr"
path = "vwap_mean_reversion"
symbols = "all"
parameters = { entry_threshold = "0.15%", reprice_after = "0%" }
"""
)


@pytest.mark.parametrize(
    ("name", "micro_trades"),
    [
        ("SPY_2013-10-07.csv", 0),
        ("SPY_2013-10-08.csv", 1),
        ("SPY_2013-10-09.csv", 1),
        ("AIG_2013-10-08.csv", 1),
        ("BAC_2013-10-09.csv", 1),
        ("GOOG_2015-12-24.csv", 0),
        ("SHY_2008-03-07.csv", 0),
        ("AAPL_2014-06-09.csv", 1),
    ],
)
def test_a_day_of_shares(files: Files, name: str, micro_trades: int) -> None:
    report = assert_good(run_live("--bars", bars(name), *files.options), files)
    assert report["session"]["bars"] == report["session"]["bars_total"] > 200
    assert report["orders"]["submitted"] == report["orders"]["filled"] == 2 * micro_trades
    assert {order.strategy for order in all_orders(files.desk().book)} <= {"vwap_micro"}
    assert (report["pnl"]["vwap_micro"] == "0") is (micro_trades == 0)
    assert report["session"]["positions"] == {}
    assert report["session"]["open_orders"] == 0


@pytest.mark.parametrize(
    ("name", "entries_called_for"),
    [
        ("AIG_2013-10-08.csv", 10),
        ("BAC_2013-10-09.csv", 5),
        ("GOOG_2015-12-24.csv", 2),
        ("SPY_2013-10-08.csv", 3),
    ],
)
def test_a_finer_threshold_trades_in_and_out_all_day(
    tmp_path: Path, name: str, entries_called_for: int
) -> None:
    files = Files(tmp_path, config_text=FINER)
    report = assert_good(run_live("--bars", bars(name), *files.options), files)
    assert report["fills"] >= 2 * entries_called_for
    assert report["session"]["positions"] == {}
    assert report["session"]["open_orders"] == 0


def test_the_wild_crypto_day_around_the_clock(files: Files) -> None:
    report = assert_good(run_live("--bars", bars("ETHUSD_2017-09-04.csv"), *files.options), files)
    assert report["session"]["bars"] == 1440
    desk = files.desk()
    by_reversion = [order for order in all_orders(desk.book) if order.strategy == "vwap_mr"]
    assert len(by_reversion) >= 64  # 32 entries and their exits
    assert report["fills"] > report["orders"]["filled"]  # a coin is bought in several executions
    # Fees are taken in coins on buys and in dollars on sells: both are in the books that agree.
    flow = sum(
        (-1 if order.ticket.side.value == "buy" else 1) * order.ledger.value
        for order in all_orders(desk.book)
    )
    assert desk.holdings.cash_flow < flow
    assert report["session"]["positions"] == {} or set(report["session"]["positions"]) == {"ETH/USD"}


def test_several_symbols_in_one_session(files: Files) -> None:
    names = ("SPY_2013-10-08.csv", "AIG_2013-10-08.csv")
    report = assert_good(run_live("--bars", *(bars(name) for name in names), *files.options), files)
    assert report["session"]["bars"] == 828 + 429
    assert set(report["session"]["strategies"]) == {"vwap_micro/SPY", "vwap_mr/AIG", "vwap_mr/SPY"}


def test_cash_that_is_too_little_is_a_refusal_and_not_a_failure(tmp_path: Path) -> None:
    files = Files(tmp_path, config_text=WAL + f"[session]\nstarting_cash = {Cash(10)}\n")
    report = assert_good(run_live("--bars", bars("SPY_2013-10-08.csv"), *files.options), files)
    assert report["orders"]["submitted"] == 0
    assert report["orders"]["denied"] > 0
    assert report["refusals"]["buying_power"] == report["orders"]["denied"]
