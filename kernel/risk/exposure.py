"""Exposure in the worst case: every open order of a side fills, and nothing of the other side does.

Plain integers in, plain integers out, so that laws can be proved of them (specs/law_exposure.py); the checks
turn them into refusals with figures. Sizes are unsigned Quantities on the side that is asked about.
"""

from typing import Final

from kernel.units import SCALE, Cash, Price, Quantity, Value

__all__ = ["exits_fit", "free_to_leave", "is_calmer", "is_covered", "is_within", "worst_leaves", "worst_size"]

CENT: Final = SCALE // 100
"""How far the broker wants an entry's exits off, whatever the tick."""


def worst_size(is_buy: bool, position: Quantity, opening: Quantity, quantity: Quantity) -> Quantity:
    """The size of the position on a side when `opening` (its open orders) and `quantity` more all fill.

    A position on the other side is not counted against it: what closes first may not fill.
    """
    held = position if is_buy else -position
    return Quantity(max(0, held) + opening + quantity)


def is_within(size: Quantity, price: Price, limit: Cash) -> bool:
    """Whether so much at that price is worth at most the limit, exactly."""
    return size * price <= limit * SCALE


def is_covered(need: Value, power: Cash, spent: Value, reserved: Value) -> bool:
    """Whether buying power covers what was spent since it was told, what is reserved, and the need."""
    return need <= power * SCALE - spent - reserved


def worst_leaves(filled: Quantity, old_total: Quantity, new_total: Quantity) -> Quantity:
    """What may still fill while a replace is pending: either leg may win, so the larger of the two counts."""
    return Quantity(max(0, old_total - filled, new_total - filled))


def is_calmer(
    is_buy: bool,
    old: tuple[Quantity, Price | None, Price],
    new: tuple[Quantity, Price | None, Price],
) -> bool:
    """Whether new terms (total, limit, worst price) neither cost more nor fill sooner than the old ones."""
    old_total, old_limit, old_worst = old
    total, limit, worst = new
    if total > old_total or worst > old_worst:
        return False
    if limit is None or old_limit is None:
        return limit is old_limit
    return limit <= old_limit if is_buy else limit >= old_limit


def exits_fit(is_buy: bool, base: int, market: int, profit: int | None, stop: int | None) -> bool:
    """Whether an entry's exits stand on their sides; prices in 10^-9, None for no such exit.

    The profit is a cent beyond the entry (`base`) at least, the stop a cent short of it and of the market.
    """
    sign = 1 if is_buy else -1
    is_profit = profit is None or sign * (profit - base) >= CENT
    return is_profit and (stop is None or min(sign * (base - stop), sign * (market - stop)) >= CENT)


def free_to_leave(
    is_sell: bool, position: Quantity, leaving: Quantity, own: Quantity, own_leaving: Quantity
) -> Quantity:
    """How much may still leave of the account's position and of the seat's own, less what is leaving already.

    Positions are signed; the result is negative where more is leaving than is held on that side.
    """
    sign = 1 if is_sell else -1
    return Quantity(min(sign * position - leaving, sign * own - own_leaving))
