"""Legal prices and lots: which tick an order's price has, and how a price or a quantity is made legal.

Ticks. A US equity's tick goes by the order's own price, not by the market's: 0.0001 under 1 USD, else 0.01
(SEC Rule 612 as Alpaca enforces it). A coin's tick is the asset's increment; without one nothing is legal.

Rules (I9; each is a law of specs/law_rounding.py or specs/law_lots.py):
1. A limit is never worse for us than what was asked: a buy goes down, a sell goes up.
2. A stop stays on its side of the market: a sell stop goes down, a buy stop goes up. A stop below the price
   stays below it whatever the price is, so it can't be refused for being through the market and never
   fires before the asked price trades. It gives away less than one tick.
3. The result is legal by its *own* tick (0.99995 up is 1.00), and less than one tick from what was asked.
4. A legal price is not changed.
5. Nothing rounds to zero, and nothing that is not positive is rounded: it is refused.
6. A quantity is cut toward zero to the lot; it never grows and never changes its sign.

`nearest_price` is for figures that bind nobody (comparing with a peer that rounds to the nearest tick): ties
go as rules 1 and 2 say, not half to even. No order's price comes from it.

Prices of executions are not ticks and are never rounded. Rules of sessions and order types are not here.
"""

from enum import Enum
from typing import Final

from kernel.reasons import RefusalCode
from kernel.sides import Side
from kernel.symbols.rules import AssetClass, SymbolRules
from kernel.units import SCALE, ZERO_QUANTITY, Price, Quantity

__all__ = [
    "EQUITY_TICK",
    "EQUITY_TICK_BOUNDARY",
    "EQUITY_TICK_SUB_DOLLAR",
    "NO_TICK",
    "PriceRole",
    "RoundingRefusal",
    "check_quantity",
    "is_legal_price",
    "is_whole",
    "lot_for",
    "nearest_price",
    "round_price",
    "round_quantity",
    "tick_for",
]

US_EQUITY: Final = AssetClass.US_EQUITY
BUY: Final = Side.BUY

EQUITY_TICK_BOUNDARY: Final = Price(SCALE)
"""1 USD: from here on an equity is priced in whole cents."""

EQUITY_TICK: Final = Price(10_000_000)
"""0.01 USD."""

EQUITY_TICK_SUB_DOLLAR: Final = Price(100_000)
"""0.0001 USD, under the boundary."""

NO_TICK: Final = Price(0)
"""The broker has not told an increment: no price is legal."""


class PriceRole(Enum):
    """What a price does in an order."""

    LIMIT = "limit"
    """The worst price that we accept."""
    STOP = "stop"
    """The price whose trade wakes the order."""


LIMIT: Final = PriceRole.LIMIT


class RoundingRefusal(Enum):
    """Why a price has no legal neighbor."""

    NOT_POSITIVE = "not_positive"
    """The price asked is zero or less."""
    TO_ZERO = "to_zero"
    """The next legal price on the right side is zero."""
    NO_TICK = "no_tick"
    """The asset's increment is not known."""


def tick_for(rules: SymbolRules, price: Price) -> Price:
    """The step that a price of this size must be a multiple of (10^-9 USD); NO_TICK when not known."""
    if rules.asset_class is US_EQUITY:
        return EQUITY_TICK if price >= EQUITY_TICK_BOUNDARY else EQUITY_TICK_SUB_DOLLAR
    return rules.price_increment if rules.price_increment > 0 else NO_TICK


def is_legal_price(rules: SymbolRules, price: Price) -> bool:
    """Whether the broker takes an order at this price."""
    tick = tick_for(rules, price)
    return price > 0 and tick > 0 and price % tick == 0


def _goes_down(side: Side, role: PriceRole) -> bool:
    """Rules 1 and 2: a buy's limit and a sell's stop go down, a sell's limit and a buy's stop go up."""
    return (side is BUY) is (role is LIMIT)


def round_price(rules: SymbolRules, side: Side, role: PriceRole, price: Price) -> Price | RoundingRefusal:
    """The nearest legal price on the side that rules 1 and 2 allow, or why there is none.

    `price` in 10^-9 USD, any size. Only the tick of `price` is needed: rounding up reaches at most
    the boundary, which is legal in both ticks, and rounding down stays in the same range.
    """
    if price <= 0:
        return RoundingRefusal.NOT_POSITIVE
    tick = tick_for(rules, price)
    if tick <= 0:
        return RoundingRefusal.NO_TICK
    below = price // tick * tick
    if below == price:
        return price
    if not _goes_down(side, role):
        return Price(below + tick)
    if below == 0:
        return RoundingRefusal.TO_ZERO
    return Price(below)


def nearest_price(rules: SymbolRules, side: Side, role: PriceRole, price: Price) -> Price | RoundingRefusal:
    """The nearest legal price, ties as `round_price`; for comparing figures only, never for an order."""
    rounded = round_price(rules, side, role, price)
    tick = tick_for(rules, price)
    if tick <= 0 or price <= 0:
        return rounded
    below = price // tick * tick
    doubled = 2 * (price - below)
    if doubled == tick:
        return rounded
    nearest = below if doubled < tick else below + tick
    return Price(nearest) if nearest > 0 else RoundingRefusal.TO_ZERO


def lot_for(rules: SymbolRules) -> Quantity:
    """The step that a quantity must be a multiple of (10^-9); 0 when not known.

    An equity that is not fractionable has at least a whole share, whatever the record's increment says.
    """
    increment = rules.quantity_increment
    if increment <= 0:
        return ZERO_QUANTITY
    if rules.asset_class is US_EQUITY and not rules.fractionable and increment < SCALE:
        return Quantity(SCALE)
    return increment


def round_quantity(rules: SymbolRules, quantity: Quantity) -> Quantity:
    """`quantity` (10^-9, signed) cut toward zero to the lot; 0 when less than one or the lot is not known."""
    lot = lot_for(rules)
    if lot <= 0:
        return ZERO_QUANTITY
    if quantity < 0:
        return Quantity(-(-quantity // lot * lot))
    return Quantity(quantity // lot * lot)


def is_whole(quantity: Quantity) -> bool:
    """Whether it is a whole number of units: fractional equity orders have rules of their own."""
    return quantity % SCALE == 0


def check_quantity(rules: SymbolRules, quantity: Quantity) -> tuple[RefusalCode, ...]:
    """Why the broker would not take an order of `quantity` (10^-9, positive); empty when it would.

    LOT: not positive, not a multiple of the lot, or the lot is not known. QUANTITY_MIN: less than the least
    order. Both may stand together. Nothing is rounded here: what to do about it is the caller's choice.
    """
    lot = lot_for(rules)
    refusals: tuple[RefusalCode, ...] = ()
    if quantity <= 0 or lot <= 0 or quantity % lot != 0:
        refusals = (RefusalCode.LOT,)
    if 0 < quantity < rules.quantity_min:
        refusals = (*refusals, RefusalCode.QUANTITY_MIN)
    return refusals
