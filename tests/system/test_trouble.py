"""Trouble in mid-session: what goes wrong is told in one line or in the report, and nothing is lost."""

import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kernel.orders.book import all_orders
from shell.journal import read_journal
from tests.system.kit import (
    ROOT,
    WAL,
    Files,
    assert_good,
    assert_nothing_doubled_or_lost,
    environment,
    exchange,
    live,
    python,
    run_live,
    run_replay,
    scaled,
)

WILD = """
from typing import Any

class Wild:
    title = "raises at its 40th bar"
    defaults: dict[str, int] = {}

    def validate(self, parameters: Any) -> Any:
        return ()

    def warmup_bars(self, parameters: Any) -> int:
        return 1

    def initial(self, parameters: Any, symbol: str) -> int:
        return 0

    def on_bar(self, parameters: Any, state: int, bar: Any, view: Any) -> tuple[int, tuple[()]]:
        if state == 40:
            raise ZeroDivisionError("as planned")
        return state + 1, ()
"""


def test_a_strategy_that_raises_is_quarantined_alone(tmp_path: Path) -> None:
    (tmp_path / "wild.py").write_text(WILD)
    text = WAL + "".join(
        f'[[strategies]]\nname = "{name}"\npath = "{path}"\nsymbols = "all"\n'
        for name, path in (("wild", "wild:Wild"), ("vwap_mr", "vwap_mean_reversion"))
    )
    files = Files(tmp_path, config_text=text)
    env = {"PYTHONPATH": f"{ROOT}:{tmp_path}"}
    report = assert_good_with(files, env)
    assert report["session"]["strategies"]["wild/SPY"] == "faulted (ZeroDivisionError: as planned)"
    assert report["session"]["strategies"]["vwap_mr/SPY"] == "active"
    assert report["session"]["anomalies"]["strategy_fault"] == 4  # one for each symbol
    faults = [alert for alert in report["session"]["alerts"] if "wild/SPY" in alert["text"]]
    assert [alert["level"] for alert in faults] == ["critical"]
    assert report["fills"] > 0


def assert_good_with(files: Files, env: dict[str, str]) -> Any:
    """A good session whose journal names strategies that only the child could import."""
    done = run_live(*files.options, env=env)
    assert done.code == 0, done.err + done.out
    report = files.report()
    with python("-m", "shell.replay", str(files.journal), env=env) as running:
        assert f"digest     {report['journal']['digest']}" in running.end().out
    assert report["books_agree"] is True
    return report


def test_an_exchange_that_dies(files: Files) -> None:
    with (
        exchange("--speed", "max", "--seed", "1") as venue,
        live("--exchange", venue.url, *files.options) as running,
    ):
        venue.until(lambda state: state["bars_done"] >= 300)
        venue.running.kill()
        done = running.end()
    assert done.code == 1
    assert done.complaint.startswith("live: the session failed: the exchange is lost: ")
    report = files.report()
    assert report["books_agree"] is False
    assert f"digest     {report['journal']['digest']}" in run_replay(files.journal).out


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_full_disk_halts_and_loses_nothing(tmp_path: Path, mode: str) -> None:
    files = Files(tmp_path, config_text=f'[journal]\nmode = "{mode}"\n')
    limit = 200_000

    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    with exchange("--speed", "max", "--seed", "1") as venue:
        with live("--exchange", venue.url, *files.options, preexec=small_disk) as running:
            done = running.end()
        assert done.code == 4
        assert "session.journal" in done.complaint
        assert "could not be written" in done.complaint
        # With room again the same journal goes on, and knows every order.
        report = assert_good(run_live("--exchange", venue.url, *files.options), files)
        assert_nothing_doubled_or_lost(files.desk(), venue.books())
    assert report["session"]["epoch"] == 2


def test_a_kernel_bug_ends_with_70_and_its_evidence(files: Files) -> None:
    with python("-m", "tests.system.crashing", "bug", "500", *files.options) as running:
        done = running.end()
    assert done.code == 70
    assert done.complaint.startswith("live: kernel bug: AssertionError: a promise that was broken on purpose")
    evidence = Path(f"{files.journal}.bug.txt")
    assert str(evidence) in done.complaint
    text = evidence.read_text()
    assert "Traceback" in text
    assert "before the event: digest " in text
    assert "event  " in text
    # The journal is whole, and has the event that it happened with.
    assert len(list(read_journal(files.journal))) >= 500
    assert run_replay(files.journal).code == 0


FOREIGN = """
import json, sys, time, urllib.request
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import MarketOrderRequest

url = sys.argv[1]
client = TradingClient("another", "client", paper=True, url_override=url)
print("ready", flush=True)
while json.load(urllib.request.urlopen(url + "/sim/state"))["bars_done"] < 400:
    time.sleep(0.01)
wanted = MarketOrderRequest(symbol="QQQ", qty=3, side=OrderSide.BUY, time_in_force=TimeInForce.DAY)
order = client.submit_order(wanted)
print(order.client_order_id, flush=True)
"""


def test_another_client_on_the_same_account_is_never_silent(files: Files) -> None:
    with (
        exchange("--speed", "max", "--seed", "1") as venue,
        python("-W", "ignore", "-c", FOREIGN, venue.url) as other,
    ):
        other.until_printed("ready")
        done = run_live("--exchange", venue.url, *files.options)
        foreign = other.end()
        books = venue.books()
    assert foreign.code == 0, foreign.err
    report = files.report()
    # The session went on to its end, and our own orders are right.
    assert report["session"]["bars"] == report["session"]["bars_total"]
    name = foreign.out.split()[1]
    theirs = [row for row in books["executions"] if row["client_order_id"] == name]
    assert sum(scaled(row["qty"]) for row in theirs) == 3 * 10**9
    book = files.desk().book
    ours = {row["client_order_id"] for row in books["orders"] if row["client_order_id"] != name}
    assert {book.names.get(one, one) for one in ours} == {order.client_order_id for order in all_orders(book)}
    # And it is told: in the session's anomalies and alerts, and as a case of drift with its end.
    assert report["session"]["anomalies"]["foreign_fill"] >= 1
    assert any("QQQ" in alert["text"] for alert in report["session"]["alerts"])
    drift = report["drift"]
    assert drift["foreign_positions"] == {"QQQ": "3"}
    told = {case["class"]: case["state"] for case in drift["cases"]}
    assert told["orphan_fill"] == "dismissed"
    # What others hold is kept apart, so our books agree to the cent all the same.
    assert report["books_agree"] is True
    assert done.code == 0


def test_help_needs_no_broker_library() -> None:
    script = "import sys\nfrom shell.live import parse_arguments\nprint(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert not {"pandas", "alpaca", "requests", "numpy"} & set(done.stdout.split())
