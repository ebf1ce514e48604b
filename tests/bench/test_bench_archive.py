"""Benchmarks of the tracker: fills on an order with many executions, and finished orders in the archive.

Budgets: a fill costs the same with 10,000 executions as with 100; a finished order in the archive takes less
than half of a live one; a step does not feel 100,000 archived orders, and archives a bounded number of them.
"""

import gc
import tracemalloc
from typing import Any

import pytest

from kernel import Desk, step
from kernel.events import Tick, TradeUpdated
from kernel.orders.archive import EMPTY_ARCHIVE, stamped
from kernel.orders.book import find, known_count, order_of, put, shelve
from kernel.orders.facts import take_update
from kernel.orders.packing import pack, unpack
from kernel.orders.sweep import LOOKS_MAX
from kernel.reports import BrokerEvent, BrokerStatus
from kernel.timers import put as put_timer
from kernel.units import Instant, Quantity
from tests.bench.worlds import SHARES, desk_with_orders, fill_of, name_of

STEP_BUDGET_US = 20
ROUNDS, ITERATIONS = 60, 50
EXECUTIONS = (100, 1_000, 10_000)
ARCHIVED = (100, 100_000)
MEASURED = 10_000


def execution_id(number: int) -> str:
    """An id in the form of the broker's."""
    return f"df646b4b-9596-42b6-8f16-{number:012d}"


def after_fills(desk: Desk, count: int) -> Desk:
    """The desk after so many executions of its first order, of one share each; it stays open."""
    for number in range(count):
        desk = step(desk, one_share(desk, number)).desk
    return desk


def one_share(desk: Desk, number: int) -> TradeUpdated:
    """The execution `number` of the first order; its own size says more than what the report counts."""
    event = fill_of(desk, 0, execution_id(number), 0, 1)
    assert event.execution is not None
    tiny = event.execution._replace(quantity=Quantity(event.execution.quantity // 1_000_000))
    return event._replace(execution=tiny)


def with_ended(desk: Desk, count: int, *, archived: bool) -> Desk:
    """The desk with its first `count` orders filled by one execution each; archived, or hot and in line."""
    book = desk.book
    for number in range(count):
        event = fill_of(desk, number, execution_id(number), SHARES, SHARES)
        order = find(book, name_of(number), "")
        assert order is not None
        change = take_update(order, event.word, event.report, event.execution, event.at)
        assert change.order.status.value == BrokerStatus.FILLED.value
        book = put(book, order, change.order)
        if archived:
            book = shelve(book, change.order)
            book = book._replace(archive=EMPTY_ARCHIVE._replace(packed=book.archive.packed))
    return desk._replace(book=book)


@pytest.mark.parametrize("executions", EXECUTIONS)
@pytest.mark.benchmark(group="tracker")
def test_a_fill_on_an_order_with_many_executions(benchmark: Any, executions: int) -> None:
    desk = after_fills(desk_with_orders(1), executions)
    event = one_share(desk, executions)
    benchmark.extra_info.update(
        what=f"kernel step, fill of an order with {executions:,} executions",
        budget_us=STEP_BUDGET_US,
        flat="fills on one order",
        flat_max=1.3,
    )
    result = benchmark.pedantic(step, (desk, event), rounds=ROUNDS, iterations=ITERATIONS, warmup_rounds=3)
    order = result.desk.book.orders[name_of(0)]
    assert len(order.ledger.executions) == result.desk.counters.executions == executions + 1


@pytest.mark.parametrize("archived", ARCHIVED)
@pytest.mark.benchmark(group="tracker")
def test_a_step_beside_archived_orders(benchmark: Any, archived: int) -> None:
    desk = with_ended(desk_with_orders(archived + 100), archived, archived=True)
    assert (len(desk.book.orders), known_count(desk.book)) == (100, archived + 100)
    event = fill_of(desk, archived + 1)
    benchmark.extra_info.update(
        what=f"kernel step, fill, {archived:,} archived orders",
        budget_us=STEP_BUDGET_US,
        flat="archived",
        flat_max=1.3,
    )
    result = benchmark.pedantic(step, (desk, event), rounds=ROUNDS, iterations=ITERATIONS, warmup_rounds=3)
    assert result.desk.counters.executions == desk.counters.executions + 1


@pytest.mark.benchmark(group="tracker")
def test_a_late_fact_about_an_archived_order(benchmark: Any) -> None:
    """The order is unpacked, booked and hot again."""
    desk = with_ended(desk_with_orders(10_000), 10_000, archived=True)
    late = fill_of(desk, 5_000, execution_id(99_999), SHARES, 1)
    benchmark.extra_info.update(what="kernel step, late fill, 10,000 archived orders", budget_us=150)
    result = benchmark.pedantic(step, (desk, late), rounds=ROUNDS, iterations=ITERATIONS, warmup_rounds=3)
    assert len(result.desk.book.orders[name_of(5_000)].ledger.executions) == 2
    assert late.word is BrokerEvent.FILL


@pytest.mark.benchmark(group="tracker")
def test_a_step_that_archives(benchmark: Any) -> None:
    """The most that one step does of it."""
    desk = with_ended(desk_with_orders(1_000), 1_000, archived=False)
    archive = stamped(desk.book.archive, desk.at)._replace(wake_at=desk.at)
    desk = desk._replace(book=desk.book._replace(archive=archive))
    desk = step(desk._replace(timers=put_timer(desk.timers, desk.at, "archive")), Tick(desk.at)).desk
    assert len(desk.book.archive.packed) == LOOKS_MAX
    tick = Tick(Instant(desk.book.archive.wake_at))
    benchmark.extra_info.update(what=f"kernel step that archives {LOOKS_MAX} orders", budget_us=2_000)
    result = benchmark.pedantic(step, (desk, tick), rounds=ROUNDS, iterations=5, warmup_rounds=3)
    assert len(result.desk.book.archive.packed) == 2 * LOOKS_MAX


@pytest.mark.benchmark(group="tracker")
def test_packing(benchmark: Any) -> None:
    desk = with_ended(desk_with_orders(1), 1, archived=False)
    order = order_of(desk.book, name_of(0))
    benchmark.extra_info.update(what="pack and unpack an order", budget_us=100)
    assert benchmark(lambda: unpack(pack(order))) == order


def _bytes_of(*, archived: bool) -> float:
    """What an ended order takes, with its share of every index."""
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    desk = with_ended(desk_with_orders(MEASURED), MEASURED, archived=archived)
    if not archived:
        desk = desk._replace(book=desk.book._replace(archive=EMPTY_ARCHIVE))
    gc.collect()
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert known_count(desk.book) == MEASURED
    return used / MEASURED


@pytest.mark.benchmark(group="memory")
def test_memory_of_a_finished_order(benchmark: Any) -> None:
    """With one execution. The time is that of nothing and has no budget."""
    hot = _bytes_of(archived=False)
    benchmark.extra_info.update(
        what="memory of a filled order, hot", value=round(hot), unit="bytes", value_max=2_048, orders=MEASURED
    )
    benchmark.pedantic(len, ((),), rounds=1)
    assert hot > 0


@pytest.mark.benchmark(group="memory")
def test_memory_of_an_archived_order(benchmark: Any) -> None:
    """With one execution; the goal is well below half of what it took before."""
    hot, packed = _bytes_of(archived=False), _bytes_of(archived=True)
    benchmark.extra_info.update(
        what="memory of a filled order, archived",
        value=round(packed),
        unit="bytes",
        value_max=round(hot / 2),
        orders=MEASURED,
    )
    benchmark.pedantic(len, ((),), rounds=1)
    assert packed < hot / 2
