"""Entries with exits in the shipping command: books that agree, calm, under faults, and killed half-way.

Every entry carries both exits, so near that most of them fill; what is left is judged from the exchange's
books (tests/system/judging.py), which share nothing with the product's own comparison.
"""

import json
import signal
from pathlib import Path
from typing import Any, Final

import pytest

from kernel import Desk
from kernel.orders.book import all_orders
from kernel.orders.families import Family
from kernel.orders.record import ENDED, is_leg
from kernel.sides import OrderClass, Purpose
from tests.system.judging import judge
from tests.system.kit import WAL, Files, assert_good, bars, exchange, live, python, run_live

CONFIG: Final = (
    WAL
    + """
[[strategies]]
name = "vwap_mr"
path = "vwap_mean_reversion"
symbols = "all"

[strategies.parameters]
entry_threshold = "0.1%"
take_profit = "0.1%"
stop_loss = "0.1%"
stop = "2%"
entry_ttl = "5m"
"""
)
FAULTS: Final = ("partial_fills", "late_fill", "stuck_cancel", "dropped_update", "lost_response")
SYNTHETIC: Final = ("--speed", "max", "--seed", "1")


def families(desk: Desk) -> list[Family]:
    """Of the entries that reached the exchange."""
    known = {order.client_order_id: order for order in all_orders(desk.book)}
    return [family for name, family in desk.book.families.items() if known[name].broker_ids]


def assert_whole(files: Files, report: Any, books: Any = None) -> Desk:
    """Every entry had both exits, nothing is left over, and the exchange says so too."""
    desk = files.desk()
    found = families(desk)
    assert found
    assert {len(family.legs) for family in found} == {2}
    orders = list(all_orders(desk.book))
    entries = [order for order in orders if order.ticket.purpose is Purpose.ENTRY]
    assert {order.ticket.order_class for order in entries} == {OrderClass.BRACKET}
    assert all(order.status in ENDED for order in orders)
    assert any(order.ledger.quantity for order in orders if is_leg(order))
    assert report["session"]["positions"] == {}
    assert not any(tally.reducing_quantity for tally in desk.book.symbols.values())
    if books is not None:
        assert judge(desk, books) == []
    return desk


@pytest.mark.parametrize("fault", ["", *FAULTS])
def test_a_made_up_session(tmp_path: Path, fault: str) -> None:
    files = Files(tmp_path, config_text=CONFIG)
    options = ("--fault", f"{fault}=0.5") if fault else ()
    with exchange(*SYNTHETIC, *options) as venue:
        report = assert_good(run_live("--exchange", venue.url, *files.options), files)
        books = venue.books()
    (tmp_path / "books.json").write_text(json.dumps(books))
    desk = assert_whole(files, report, books)
    repaired = [family for family in families(desk) if family.repairs]
    assert bool(repaired) is (fault == "late_fill")  # a canceled exit that fills all the same is closed


@pytest.mark.parametrize("day", ["SPY_2013-10-08.csv", "AIG_2013-10-08.csv"])
def test_a_recorded_day(tmp_path: Path, day: str) -> None:
    files = Files(tmp_path, config_text=CONFIG)
    report = assert_good(run_live("--bars", bars(day), *files.options), files)
    assert report["session"]["open_orders"] == 0
    assert_whole(files, report)


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6, 0.8])
def test_killed_and_started_again(tmp_path: Path, share: float) -> None:
    files = Files(tmp_path, config_text=CONFIG)
    with exchange(*SYNTHETIC, "--fault", "partial_fills=0.5") as venue:
        with live("--exchange", venue.url, *files.options) as running:
            venue.until(lambda state: state["bars_done"] >= share * state["bars_total"])
            assert running.kill().code == -signal.SIGKILL
        report = assert_good(run_live("--exchange", venue.url, *files.options), files)
        assert_whole(files, report, venue.books())
    assert report["session"]["epoch"] == 2


def test_the_story_of_an_entry_has_its_family(tmp_path: Path) -> None:
    files = Files(tmp_path, config_text=CONFIG)
    assert_good(run_live("--bars", bars("SPY_2013-10-08.csv"), *files.options), files)
    desk = files.desk()
    name, family = next((name, one) for name, one in sorted(desk.book.families.items()) if one.legs)
    for wanted in (name, *family.legs):
        with python("-m", "shell.replay", str(files.journal), "--order", wanted) as running:
            told = running.end()
        assert told.code == 0, told.err
        members = [line for line in told.out.splitlines() if line.startswith("family     ")]
        assert [line.split()[1:3] for line in members] == [
            ["entry", name],
            *(["exit", leg] for leg in family.legs),
            *(["repair", repair] for repair in family.repairs),
        ]
        assert "take profit" in members[0]
