"""Laws of quantities (I9): a legal lot, never larger than asked, never of the other sign, else refused."""

from kernel.reasons import RefusalCode
from kernel.symbols.rounding import check_quantity, is_whole, lot_for, round_quantity
from kernel.symbols.rules import AssetClass, SymbolRules
from kernel.units import Cash, Instant, Price, Quantity

UNIT = 1_000_000_000
LOTS = (1, 10, 1_000, 100_000, 57_436_865, UNIT, 100 * UNIT, 1_000 * UNIT)


def _rules(lot: int, minimum: int, equity: bool, fractionable: bool) -> SymbolRules:
    return SymbolRules(
        "S",
        AssetClass.US_EQUITY if equity else AssetClass.CRYPTO,
        Price(0),
        Quantity(lot),
        Quantity(minimum),
        Cash(0),
        True,
        True,
        True,
        fractionable,
        True,
        Instant(0),
    )


def never_grows(quantity: int, which: int) -> bool:
    """What is left lies between zero and what was asked, on the same side, less than one lot away.

    Promise: I9
    pre: 0 <= which < 8
    post: __return__
    """
    rounded = round_quantity(_rules(LOTS[which], 0, False, True), Quantity(quantity))
    lost = quantity - rounded
    if quantity >= 0:
        return rounded >= 0 and 0 <= lost < LOTS[which]
    return rounded <= 0 and -LOTS[which] < lost <= 0


def rounded_is_a_lot(quantity: int, which: int) -> bool:
    """What is left is a whole number of lots, and rounding it again changes nothing.

    Promise: I9
    pre: 0 <= which < 8
    post: __return__
    """
    rules = _rules(LOTS[which], 0, False, True)
    rounded = round_quantity(rules, Quantity(quantity))
    return rounded % LOTS[which] == 0 and round_quantity(rules, rounded) == rounded


def equity_in_whole_shares(quantity: int, increment: int) -> bool:
    """An equity that is not fractionable trades in whole shares, however fine the record's increment is.

    Promise: I9
    pre: increment in (1, 1_000, 500_000_000, 1_000_000_000)
    post: __return__
    """
    rules = _rules(increment, 0, True, False)
    rounded = round_quantity(rules, Quantity(quantity))
    return rounded % UNIT == 0 and is_whole(rounded) and abs(quantity - rounded) < UNIT


def fraction_where_it_is_allowed(quantity: int, which: int, equity: bool) -> bool:
    """A fractionable asset trades in its own increment, an equity as well as a coin.

    Promise: I9
    pre: 0 <= which < 8
    post: __return__
    """
    rules = _rules(LOTS[which], 0, equity, True)
    return (
        lot_for(rules) == LOTS[which]
        and abs(quantity - round_quantity(rules, Quantity(quantity))) < LOTS[which]
    )


def accepted_means_legal(quantity: int, minimum: int, which: int) -> bool:
    """No refusal means: positive, whole lots, at least the minimum. And what is all that has no refusal.

    Promise: I9
    pre: 0 <= which < 8
    post: __return__
    """
    refusals = check_quantity(_rules(LOTS[which], minimum, False, True), Quantity(quantity))
    legal = quantity > 0 and quantity % LOTS[which] == 0 and quantity >= minimum
    return (refusals == ()) == legal


def refusal_says_what(quantity: int, minimum: int, which: int) -> bool:
    """LOT stands exactly for a quantity that is no lot, QUANTITY_MIN exactly for one that is too small.

    Promise: I9
    pre: 0 <= which < 8
    post: __return__
    """
    refusals = check_quantity(_rules(LOTS[which], minimum, False, True), Quantity(quantity))
    no_lot = quantity <= 0 or quantity % LOTS[which] != 0
    too_small = 0 < quantity < minimum
    return (RefusalCode.LOT in refusals) == no_lot and (RefusalCode.QUANTITY_MIN in refusals) == too_small


def rounded_passes_or_is_nothing(quantity: int, which: int) -> bool:
    """After rounding a positive quantity is a lot, or nothing is left and the check refuses it.

    Promise: I9
    pre: 0 < quantity
    pre: 0 <= which < 8
    post: __return__
    """
    rules = _rules(LOTS[which], 0, False, True)
    rounded = round_quantity(rules, Quantity(quantity))
    return (check_quantity(rules, rounded) == ()) == (rounded > 0)


def unknown_lot_is_refused(quantity: int, increment: int, equity: bool, fractionable: bool) -> bool:
    """Without a lot from the broker every quantity rounds to nothing and is refused.

    Promise: I9
    pre: increment <= 0
    post: __return__
    """
    rules = _rules(increment, 0, equity, fractionable)
    return (
        lot_for(rules) == 0
        and round_quantity(rules, Quantity(quantity)) == 0
        and RefusalCode.LOT in check_quantity(rules, Quantity(quantity))
    )
