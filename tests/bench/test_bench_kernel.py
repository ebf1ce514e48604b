"""Benchmarks of the kernel: a step for a fill and an ack with any number of live orders, the gate, replay.

Budgets of the design: a step at most 20 us and flat within 1.3 from 100 to 100,000 live orders; the gate with
all checks at most 25 us; replay at least 50,000 events a second; a live order at most 2 KB.
"""

import gc
import tracemalloc
from typing import Any

import pytest

from kernel import EMPTY_DESK, step
from kernel.events import Booted
from kernel.links.chart import LinkState
from kernel.orders.book import NO_SYMBOL_TALLY
from kernel.risk.gate import Approved, examine
from kernel.session.chart import Mode
from kernel.strategies.chart import StrategyState
from tests.bench.worlds import ack_of, desk_with_orders, fill_of
from tests.unit.kernel.risk.test_gate import question
from tests.unit.kernel.scripts import Desktop

LIVE_ORDERS = (100, 1_000, 10_000, 100_000)
STEP_BUDGET_US = 20
GATE_BUDGET_US = 25
ROUNDS, ITERATIONS = 60, 50


@pytest.mark.parametrize("orders", LIVE_ORDERS)
@pytest.mark.benchmark(group="kernel step")
def test_step_for_a_fill(benchmark: Any, orders: int) -> None:
    desk = desk_with_orders(orders)
    event = fill_of(desk, orders // 2)
    benchmark.extra_info.update(
        what=f"kernel step, fill, {orders:,} live orders", budget_us=STEP_BUDGET_US, flat="fill", flat_max=1.3
    )
    result = benchmark.pedantic(step, (desk, event), rounds=ROUNDS, iterations=ITERATIONS, warmup_rounds=3)
    assert result.desk.counters.executions == desk.counters.executions + 1


@pytest.mark.parametrize("orders", LIVE_ORDERS)
@pytest.mark.benchmark(group="kernel step")
def test_step_for_an_ack(benchmark: Any, orders: int) -> None:
    desk = desk_with_orders(orders, silent=1)
    event = ack_of(desk, 0)
    benchmark.extra_info.update(
        what=f"kernel step, ack, {orders:,} live orders", budget_us=STEP_BUDGET_US, flat="ack", flat_max=1.3
    )
    result = benchmark.pedantic(step, (desk, event), rounds=ROUNDS, iterations=ITERATIONS, warmup_rounds=3)
    assert result.desk.book != desk.book


@pytest.mark.benchmark(group="gate")
def test_gate_with_all_checks(benchmark: Any) -> None:
    asked = question()
    assert asked.mode is Mode.ARMED
    assert asked.order_link is LinkState.LIVE
    assert asked.strategy_status is StrategyState.ACTIVE
    assert asked.tally == NO_SYMBOL_TALLY
    benchmark.extra_info.update(what="gate, an entry through all checks", budget_us=GATE_BUDGET_US)
    assert isinstance(benchmark(examine, asked), Approved)


@pytest.mark.benchmark(group="replay")
def test_replay_events_a_second(benchmark: Any) -> None:
    """A day with trades stepped again from nothing, strategies included; per event."""
    desktop = Desktop()
    desktop.boot()
    for number in range(1_500):
        desktop.bar(16_700 + (number * 7) % 13 - (60 if number % 50 in (7, 8) else 0))
    events = desktop.events
    assert isinstance(events[0], Booted)

    def again() -> Any:
        desk = EMPTY_DESK
        for event in events:
            desk = step(desk, event).desk
        return desk

    benchmark.extra_info.update(what="replay, per event (step alone)", operations=len(events), budget_us=20)
    assert benchmark.pedantic(again, rounds=5, iterations=1, warmup_rounds=1) == desktop.desk


@pytest.mark.benchmark(group="memory")
def test_memory_of_a_live_order(benchmark: Any) -> None:
    """What 10,000 live orders allocate, by one; the time is that of making them and has no budget."""
    count = 10_000
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    desk = desk_with_orders(count)
    gc.collect()
    used = (tracemalloc.get_traced_memory()[0] - before) / count
    tracemalloc.stop()
    benchmark.extra_info.update(
        what="memory of a live order", value=round(used), unit="bytes", value_max=2_048, orders=count
    )
    benchmark.pedantic(len, (desk.book.orders,), rounds=1)
    assert len(desk.book.orders) == count
