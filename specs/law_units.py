"""Laws of the numbers: products are exact, divisions go the way they say, conversions lose nothing unsaid.

Divisors are concrete: those that the kernel divides by (the scale, ticks, and a few awkward ones).
"""

from kernel.units import (
    SCALE,
    Cash,
    Price,
    Quantity,
    Ratio,
    Value,
    average_price,
    cash_ceil,
    cash_floor,
    cash_value,
    ceil_div,
    fraction_of,
    truncate_div,
    value_of,
)

DIVISORS = (1, 2, 3, 7, 100_000, 10_000_000, SCALE, 60 * SCALE)
QUANTITIES = (1, 3, 57_436_865, SCALE, 7 * SCALE, 333_333_333_333)


def product_splits(price: int, first: int, second: int) -> bool:
    """Two parts of a quantity cost together what the whole costs, to the last digit.

    Promise: I5
    post: __return__
    """
    whole = value_of(Price(price), Quantity(first + second))
    return whole == value_of(Price(price), Quantity(first)) + value_of(Price(price), Quantity(second))


def product_of_a_unit(price: int) -> bool:
    """One unit costs its price: the scales of price, quantity and value fit together.

    Promise: I5
    post: __return__
    """
    return value_of(Price(price), Quantity(SCALE)) == cash_value(Cash(price))


def cash_round_trip(cash: int) -> bool:
    """Cash survives the way to an exact value and back, either way of rounding.

    Promise: I5
    post: __return__
    """
    value = cash_value(Cash(cash))
    return cash_floor(value) == cash and cash_ceil(value) == cash


def cash_brackets_value(value: int) -> bool:
    """The floor and the ceiling of a value enclose it and are at most one unit of cash apart.

    Promise: I5
    post: __return__
    """
    low, high = cash_floor(Value(value)), cash_ceil(Value(value))
    return (
        low * SCALE <= value <= high * SCALE
        and 0 <= high - low <= 1
        and (high == low) == (value % SCALE == 0)
    )


def ceil_is_least(numerator: int, which: int) -> bool:
    """The ceiling is the least integer that is not below the quotient.

    Promise: I5
    pre: 0 <= which < 8
    post: __return__
    """
    divisor = DIVISORS[which]
    result = ceil_div(numerator, divisor)
    return result * divisor >= numerator > (result - 1) * divisor


def truncation_goes_to_zero(numerator: int, which: int) -> bool:
    """Cutting never grows the size, never flips the sign, and loses less than one.

    Promise: I5
    pre: 0 <= which < 8
    post: __return__
    """
    divisor = DIVISORS[which]
    result = truncate_div(numerator, divisor)
    lost = numerator - result * divisor
    if numerator >= 0:
        return result >= 0 and 0 <= lost < divisor
    return result <= 0 and -divisor < lost <= 0


def average_of_one_price(price: int, which: int) -> bool:
    """What was bought at one price has that average.

    Promise: I4
    pre: 0 <= which < 6
    post: __return__
    """
    quantity = Quantity(QUANTITIES[which])
    return average_price(value_of(Price(price), quantity), quantity) == price


def average_lies_between(low: int, above: int, first: int, second: int) -> bool:
    """The average of two fills lies between their prices.

    Promise: I4
    pre: 0 < low and 0 <= above
    pre: 0 <= first < 6 and 0 <= second < 6
    post: __return__
    """
    high = low + above
    one, two = Quantity(QUANTITIES[first]), Quantity(QUANTITIES[second])
    value = Value(value_of(Price(low), one) + value_of(Price(high), two))
    return low <= average_price(value, Quantity(one + two)) <= high


def fraction_is_a_part(amount: int, ratio: int) -> bool:
    """A share between nothing and all of an amount lies between nothing and all of it, rounded down.

    Promise: I6
    pre: 0 <= amount
    pre: ratio in (0, 1, 2_500_000, 50_000_000, 999_999_999, 1_000_000_000)
    post: __return__
    """
    part = fraction_of(amount, Ratio(ratio))
    return 0 <= part <= amount and part * SCALE <= amount * ratio < (part + 1) * SCALE
