"""Exact numbers: what a price, a quantity, an amount of money and an instant are.

Every figure in the kernel is a plain integer with a fixed scale, told apart only by its type
(a NewType, so it costs nothing at run time and mypy refuses to mix them):

    Price      10^-9 of the quote currency for one unit      1 USD            = 1_000_000_000
    Quantity   10^-9 of a unit (share, coin), may be signed   1 share          = 1_000_000_000
    Cash       10^-9 of the quote currency                    1 USD            = 1_000_000_000
    Value      10^-18 of the quote currency: Price x Quantity, carried exactly; 1 USD = 10^18
    Instant    nanoseconds since 1970-01-01T00:00:00Z
    Duration   nanoseconds
    Ratio      10^-9 of one: 1 % = 10_000_000

Rules:
1. A product of a price and a quantity is a Value and is never rounded.
2. A division names its direction: floor, ceiling, or truncation toward zero. There is no "round".
3. Text becomes an integer, and an integer text, in the shell's codec only.
4. Nothing here is a float or a Decimal: CrossHair proves integer laws over all paths.
"""

from typing import Final, NewType

Price = NewType("Price", int)
Quantity = NewType("Quantity", int)
Cash = NewType("Cash", int)
Value = NewType("Value", int)
Instant = NewType("Instant", int)
Duration = NewType("Duration", int)
Ratio = NewType("Ratio", int)

SCALE_DIGITS: Final = 9
"""Decimal places carried by a price, a quantity, an amount of cash and a ratio."""

SCALE: Final = 1_000_000_000
"""One unit of a price, quantity, cash or ratio."""

VALUE_SCALE: Final = SCALE * SCALE
"""One unit of currency as a Value."""

MICROSECOND: Final = Duration(1_000)
MILLISECOND: Final = Duration(1_000_000)
SECOND: Final = Duration(1_000_000_000)
MINUTE: Final = Duration(60 * 1_000_000_000)
HOUR: Final = Duration(3_600 * 1_000_000_000)
DAY: Final = Duration(86_400 * 1_000_000_000)

ZERO_QUANTITY: Final = Quantity(0)
ZERO_VALUE: Final = Value(0)
ZERO_CASH: Final = Cash(0)

__all__ = [
    "DAY",
    "HOUR",
    "MICROSECOND",
    "MILLISECOND",
    "MINUTE",
    "SCALE",
    "SCALE_DIGITS",
    "SECOND",
    "VALUE_SCALE",
    "ZERO_CASH",
    "ZERO_QUANTITY",
    "ZERO_VALUE",
    "Cash",
    "Duration",
    "Instant",
    "Price",
    "Quantity",
    "Ratio",
    "Value",
    "average_price",
    "cash_ceil",
    "cash_floor",
    "cash_value",
    "ceil_div",
    "fraction_of",
    "truncate_div",
    "value_of",
]


def value_of(price: Price, quantity: Quantity) -> Value:
    """The exact money that `quantity` units cost at `price`; signed like the quantity."""
    return Value(price * quantity)


def cash_value(cash: Cash) -> Value:
    """An amount of cash as an exact Value."""
    return Value(cash * SCALE)


def cash_floor(value: Value) -> Cash:
    """The greatest amount of cash that is not above `value`."""
    return Cash(value // SCALE)


def cash_ceil(value: Value) -> Cash:
    """The least amount of cash that is not below `value`."""
    return Cash(-(-value // SCALE))


def ceil_div(numerator: int, denominator: int) -> int:
    """`numerator / denominator` rounded up; the denominator is positive."""
    assert denominator > 0, "kernel bug: a division needs a positive denominator"
    return -(-numerator // denominator)


def truncate_div(numerator: int, denominator: int) -> int:
    """`numerator / denominator` cut toward zero; the denominator is positive."""
    assert denominator > 0, "kernel bug: a division needs a positive denominator"
    return numerator // denominator if numerator >= 0 else -(-numerator // denominator)


def average_price(value: Value, quantity: Quantity) -> Price:
    """The average price of an exact value over a positive quantity, cut to nine decimals."""
    assert quantity > 0, "kernel bug: an average needs a positive quantity"
    return Price(truncate_div(value, quantity))


def fraction_of(amount: int, ratio: Ratio) -> int:
    """`ratio` of `amount` (10^-9 of one), rounded down, in the amount's own scale."""
    return amount * ratio // SCALE
