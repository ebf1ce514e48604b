"""Benchmarks of the throttle: a decision at several fills. Budget: at most 2 us each, whatever the fill."""

from typing import Any

import pytest

from kernel.config import ThrottleConfig
from kernel.throttle.throttle import Grant, Priority, ThrottleState, decide, initial
from kernel.units import MINUTE, Instant

T0 = 1_767_225_600_000_000_000
ROUNDS = 2_000


BUDGET_US = 2


def filled(count: int) -> ThrottleState:
    """A throttle with so many grants, a microsecond apart."""
    state = initial(ThrottleConfig())
    for number in range(count):
        answer = decide(state, Instant(T0 + number * 1_000), Priority.KILL)
        assert isinstance(answer, Grant)
        state = answer.state
    return state


@pytest.mark.parametrize("fill", [0, 1, 100, 159, 199])
@pytest.mark.benchmark(group="throttle decision")
def test_granted(benchmark: Any, fill: int) -> None:
    state, now = filled(fill), Instant(T0 + fill * 1_000)
    benchmark.extra_info.update(what=f"throttle grants, {fill} in the window", budget_us=BUDGET_US)
    answer = benchmark(decide, state, now, Priority.CANCEL)
    assert isinstance(answer, Grant)


@pytest.mark.parametrize(
    ("fill", "priority"), [(160, Priority.ENTRY), (180, Priority.QUERY), (200, Priority.KILL)]
)
@pytest.mark.benchmark(group="throttle decision")
def test_refused(benchmark: Any, fill: int, priority: Priority) -> None:
    state, now = filled(fill), Instant(T0 + fill * 1_000)
    what = f"throttle refuses {priority.name.lower()}, {fill} in the window"
    benchmark.extra_info.update(what=what, budget_us=BUDGET_US)
    assert not isinstance(benchmark(decide, state, now, priority), Grant)


@pytest.mark.benchmark(group="throttle decision")
def test_granted_after_a_million(benchmark: Any) -> None:
    """The ring full and the window empty again: nothing is swept."""
    state = filled(200)
    state = state._replace(sent=1_000_000)
    benchmark.extra_info.update(what="throttle grants after a million", budget_us=BUDGET_US)
    answer = benchmark(decide, state, Instant(T0 + 2 * MINUTE), Priority.ENTRY)
    assert isinstance(answer, Grant)


@pytest.mark.benchmark(group="throttle decision")
def test_a_run_of_grants(benchmark: Any) -> None:
    """`ROUNDS` grants on end, each on the state of the last."""
    benchmark.extra_info.update(what="throttle, grants on end, each", budget_us=BUDGET_US, operations=ROUNDS)

    def run() -> ThrottleState:
        state = initial(ThrottleConfig())
        for number in range(ROUNDS):
            answer = decide(state, Instant(T0 + number * 400_000_000), Priority.ENTRY)
            assert isinstance(answer, Grant)
            state = answer.state
        return state

    assert benchmark(run).sent == ROUNDS
