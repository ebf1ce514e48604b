"""Exposure in the worst case: every open order of a side fills, and nothing of the other side does.

Plain integers in, plain integers out, so that laws can be proved of them (specs/law_exposure.py); the checks
turn them into refusals with figures. Sizes are unsigned Quantities on the side that is asked about.
"""

from kernel.units import SCALE, Cash, Price, Quantity, Value

__all__ = ["free_to_leave", "is_calmer", "is_covered", "is_within", "worst_leaves", "worst_size"]


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


def free_to_leave(
    is_sell: bool, position: Quantity, leaving: Quantity, own: Quantity, own_leaving: Quantity
) -> Quantity:
    """How much may still leave of the account's position and of the seat's own, less what is leaving already.

    Positions are signed; the result is negative where more is leaving than is held on that side.
    """
    sign = 1 if is_sell else -1
    return Quantity(min(sign * position - leaving, sign * own - own_leaving))
