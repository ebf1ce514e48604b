"""A strategy on a symbol, as the desk keeps it."""

from typing import NamedTuple

from kernel.strategies.chart import StrategyState
from kernel.strategies.protocol import State
from kernel.units import Instant

__all__ = ["SeatRecord"]


class SeatRecord(NamedTuple):
    """One seat: its lifecycle and the strategy's own state."""

    strategy: str
    symbol: str
    path: str
    status: StrategyState
    state: State
    parameters: tuple[tuple[str, int | str], ...]
    bars: int
    """Closed bars it has seen."""
    warmup: int
    """Bars it needs before it may propose."""
    since: Instant
    fault: str
    """What it raised, when FAULTED."""
