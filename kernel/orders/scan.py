"""A reading of the FILL activities that is under way: its record in the Desk."""

from typing import Final, NamedTuple

from immutables import Map

from kernel.units import Instant, Quantity, Value

__all__ = ["NO_SCAN", "LegSum", "Scan"]


class LegSum(NamedTuple):
    """What the activities of one broker order add up to, exactly."""

    quantity: Quantity
    value: Value


class Scan(NamedTuple):
    """The reading: which call it waits for and what it has summed so far."""

    call: int
    """Zero when none is under way."""
    after: Instant
    sums: Map[str, LegSum]
    pages: int
    fruitless: int
    """Readings in a row that brought nothing new."""


NO_SCAN: Final = Scan(0, Instant(0), Map(), 0, 0)
