"""What others hold and have open on the account, as exposure reads it."""

from kernel.drift.record import Foreign
from kernel.sides import Side
from kernel.units import ZERO_QUANTITY, Quantity

__all__ = ["foreign_open", "foreign_position"]


def foreign_position(foreign: Foreign, symbol: str) -> Quantity:
    """Others' signed position in a symbol."""
    return foreign.positions.get(symbol, ZERO_QUANTITY)


def foreign_open(foreign: Foreign, symbol: str, side: Side) -> Quantity:
    """What others' open orders of a symbol may still do on a side; unsigned, orders by notional not."""
    total = 0
    for report in foreign.orders.values():
        if report.symbol == symbol and report.side is side and report.quantity is not None:
            total += max(0, report.quantity - report.filled_quantity)
    return Quantity(total)
