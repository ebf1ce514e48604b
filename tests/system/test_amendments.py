"""Amendments of the shipping command under the exchange's faults: one order, many legs, and books that agree.

The configuration enters often and follows the market closely, so that every session sends dozens of PATCHes.
"""

from pathlib import Path

import pytest

from kernel.orders.book import all_orders
from tests.system.kit import WAL, Files, assert_good, run_live, run_replay

CLOSE_BEHIND = (
    WAL
    + """
[[strategies]]
name = "vwap_mr"
path = "vwap_mean_reversion"
symbols = "all"
parameters = { entry_threshold = "0.1%", reprice_after = "0.01%", entry_ttl = "10m" }
"""
)

FAULTS = ("replace_race=0.5", "replace_rejected=0.5", "lost_response=0.5", "reordered_update=0.5")


@pytest.mark.parametrize("fault", ["", *FAULTS])
def test_entries_follow_the_market_as_one_order(tmp_path: Path, fault: str) -> None:
    files = Files(tmp_path, config_text=CLOSE_BEHIND)
    options = ("--fault", fault) if fault else ()
    report = assert_good(run_live(*options, *files.options), files)
    desk = files.desk()
    orders = tuple(all_orders(desk.book))
    chains = [order for order in orders if len(order.broker_ids) > 1]
    assert chains
    assert sum(len(order.broker_ids) - 1 for order in chains) == report["session"]["replaced"]
    assert all(order.replacement is None for order in orders)
    assert report["session"]["open_orders"] == 0
    assert f"digest     {report['journal']['digest']}" in run_replay(files.journal).out
