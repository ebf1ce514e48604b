"""Benchmarks of reconciling: the diffs alone, and a whole look that `step` judges.

Budgets of the design: 1,000 orders against 1,000 in at most 5 ms, and linear up to 100,000: per order, the
slowest size takes at most LINEAR_MAX times the fastest. That is what a cold memory costs; something quadratic
would take 100 times (and tests/unit/kernel/drift/test_diff.py counts its lookups exactly). Positions have no
number of their own and get the orders' budget. A look's last answer is one step on the trading path:
it judges everything at once.
"""

import gc
from functools import partial
from typing import Any

import pytest

from kernel import Desk, step
from kernel.commands import FetchAccount, FetchActivities, FetchOrders, FetchPositions
from kernel.config import DeskConfig
from kernel.drift.diff import Drift, diff_orders, diff_positions
from kernel.events import (
    AccountBody,
    ActivityRows,
    CallAnswered,
    CallResult,
    Event,
    OrderRows,
    PositionRows,
    Tick,
)
from kernel.orders.book import find, open_orders
from kernel.reports import AccountReport, BrokerStatus, OrderReport
from kernel.units import MINUTE, Instant, Quantity
from tests.bench.worlds import desk_with_orders, report_of
from tests.unit.kernel.scripts import CASH

SIZES = (1_000, 10_000, 100_000)
BUDGET_US = 5_000
LINEAR_MAX = 10
ROUNDS = {1_000: 100, 10_000: 30, 100_000: 7}
ODD_EVERY = 100
"""One row in so many is nobody's, and one order in so many is not listed."""


def rows_of(desk: Desk, count: int) -> tuple[OrderReport, ...]:
    """The broker's list: every order of the desk but some, and some that are nobody's."""
    rows: list[OrderReport] = []
    for number in range(count):
        row = report_of(number, desk.at, 0, BrokerStatus.NEW)
        if number % ODD_EVERY == 0:
            row = row._replace(client_order_id=f"x{number}", broker_order_id=f"x{number}")
        rows.append(row)
    return tuple(rows)


@pytest.mark.parametrize("orders", SIZES)
@pytest.mark.benchmark(group="reconcile")
def test_diff_of_orders(benchmark: Any, orders: int) -> None:
    desk = desk_with_orders(orders)
    rows, opens = rows_of(desk, orders), open_orders(desk.book)
    asked_at, grace = Instant(desk.at + MINUTE), DeskConfig("", "mqd", (), False).drift.grace
    benchmark.extra_info.update(
        what=f"diff of orders, {orders:,} against {orders:,}, for 1,000",
        flat="diff of orders, by size",
        flat_max=LINEAR_MAX,
        operations=orders // 1_000,
        budget_us=BUDGET_US,
    )
    gc.collect()
    findings, unlisted = benchmark.pedantic(
        diff_orders,
        (partial(find, desk.book), opens, rows, asked_at, grace, "mqd"),
        rounds=ROUNDS[orders],
        warmup_rounds=1,
    )
    assert len(findings) == len(unlisted) == orders // ODD_EVERY
    assert all(finding.drift is Drift.ORPHAN_FOREIGN for finding in findings)


@pytest.mark.parametrize("symbols", SIZES)
@pytest.mark.benchmark(group="reconcile")
def test_diff_of_positions(benchmark: Any, symbols: int) -> None:
    ours = {f"S{number:06d}": Quantity(number + 1) for number in range(symbols)}
    theirs = {s: Quantity(q + 1) if q % ODD_EVERY == 0 else q for s, q in reversed(ours.items())}
    benchmark.extra_info.update(
        what=f"diff of positions, {symbols:,} against {symbols:,}, for 1,000",
        flat="diff of positions, by size",
        flat_max=LINEAR_MAX,
        operations=symbols // 1_000,
        budget_us=BUDGET_US,
    )
    gc.collect()
    found = benchmark.pedantic(
        diff_positions, (ours, theirs, {}, {}), rounds=ROUNDS[symbols], warmup_rounds=1
    )
    assert len(found) == symbols // ODD_EVERY


def answers(desk: Desk, rows: tuple[OrderReport, ...]) -> tuple[Desk, Event]:
    """A look up to its last answer: the desk that waits for it, and that answer."""
    at = Instant(desk.at + 10 * MINUTE)
    result = step(desk, Tick(at))
    waiting = list(result.commands)
    pending: list[Event] = []
    while waiting:
        command = waiting.pop(0)
        body: CallResult
        match command:
            case FetchOrders():
                body = OrderRows(rows, True)
            case FetchActivities():
                body = ActivityRows((), None)
            case FetchPositions():
                body = PositionRows(())
            case FetchAccount():
                report = AccountReport("A1", "ACTIVE", CASH, CASH, CASH, CASH, 2, True, False)
                body = AccountBody(report)
            case _:
                continue
        event = CallAnswered(at, command.call, at, body, None)
        if isinstance(command, FetchAccount):
            pending.append(event)
            continue
        result = step(result.desk, event)
        waiting.extend(result.commands)
    (last,) = pending
    return result.desk, last


@pytest.mark.parametrize("orders", SIZES[:2])
@pytest.mark.benchmark(group="reconcile")
def test_judging_a_look(benchmark: Any, orders: int) -> None:
    desk = desk_with_orders(orders)
    rows = tuple(report_of(number, desk.at, 0, BrokerStatus.NEW) for number in range(orders))
    desk, last = answers(desk, rows)
    assert desk.drift.look is not None
    benchmark.extra_info.update(
        what=f"kernel step, the last answer of a look, {orders:,} open orders, for 1,000",
        operations=orders // 1_000,
        budget_us=BUDGET_US,
    )
    gc.collect()
    result = benchmark.pedantic(step, (desk, last), rounds=ROUNDS[orders], warmup_rounds=1)
    assert result.desk.drift.look is None
    assert result.desk.drift.looked_at == desk.drift.look.asked_at, "clean"


@pytest.mark.parametrize("orders", SIZES[:2])
@pytest.mark.benchmark(group="reconcile")
def test_a_page_of_a_look(benchmark: Any, orders: int) -> None:
    """The list of open orders as one answer: every row goes to its order, the first stage is compared."""
    desk = desk_with_orders(orders)
    rows = tuple(report_of(number, desk.at, 0, BrokerStatus.NEW) for number in range(orders))
    at = Instant(desk.at + 10 * MINUTE)
    result = step(desk, Tick(at))
    lists = [command for command in result.commands if isinstance(command, FetchOrders)]
    for other in lists[1:]:
        result = step(result.desk, CallAnswered(at, other.call, at, OrderRows((), True), None))
    event = CallAnswered(at, lists[0].call, at, OrderRows(rows, True), None)
    benchmark.extra_info.update(
        what=f"kernel step, a list of {orders:,} open orders, for 1,000", operations=orders // 1_000
    )
    gc.collect()
    done = benchmark.pedantic(step, (result.desk, event), rounds=ROUNDS[orders], warmup_rounds=1)
    assert any(isinstance(command, FetchActivities) for command in done.commands)
