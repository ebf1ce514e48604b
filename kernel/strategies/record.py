"""A strategy on a symbol, as the desk keeps it."""

from typing import Any, NamedTuple

from kernel.strategies.chart import StrategyState
from kernel.units import Instant

__all__ = ["SeatRecord"]


class SeatRecord(NamedTuple):
    """One seat: its lifecycle and the strategy's own state."""

    strategy: str
    symbol: str
    path: str
    status: StrategyState
    state: Any  # purity-ok: each strategy's state is its own value type
    parameters: tuple[tuple[str, int | str], ...]
    bars: int
    """Closed bars it has seen."""
    warmup: int
    """Bars it needs before it may propose."""
    since: Instant
    fault: str
    """What it raised, when FAULTED."""
