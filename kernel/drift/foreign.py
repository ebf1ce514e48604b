"""What others hold and have open on the account: as exposure reads it, and as fills change it."""

from kernel.drift.record import Foreign, ForeignFill
from kernel.reports import ActivityRow
from kernel.sides import Side
from kernel.units import ZERO_QUANTITY, Quantity, Value

__all__ = ["disowned", "foreign_open", "foreign_position", "shifted", "with_counted"]


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


def with_counted(foreign: Foreign, row: ActivityRow) -> Foreign:
    """A fill was counted in `positions`: the order that it is of has so much less open.

    An order that has ended goes when all that it filled is counted. O(orders of others that are open).
    """
    for name, report in foreign.orders.items():
        if report.broker_order_id != row.broker_order_id:
            continue
        filled = Quantity(max(report.filled_quantity, row.cumulative_quantity))
        is_done = report.quantity is not None and filled >= report.quantity
        if is_done:
            return foreign._replace(orders=foreign.orders.delete(name))
        return foreign._replace(orders=foreign.orders.set(name, report._replace(filled_quantity=filled)))
    return foreign


def shifted(foreign: Foreign, fill: ForeignFill, sign: int) -> Foreign:
    """What is not ours, with a fill counted (1) or taken out again (-1)."""
    held = foreign.positions.get(fill.symbol, ZERO_QUANTITY)
    return foreign._replace(
        positions=foreign.positions.set(fill.symbol, Quantity(held + sign * fill.quantity)),
        cash=Value(foreign.cash - sign * fill.value),
    )


def disowned(foreign: Foreign, leg: str) -> Foreign:
    """Without the fills of a broker order that turned out to be ours: a submit in doubt that was found."""
    for activity_id in sorted(foreign.counted):
        fill = foreign.counted[activity_id]
        if fill.leg == leg:
            foreign = shifted(foreign, fill, -1)._replace(counted=foreign.counted.delete(activity_id))
    return foreign
