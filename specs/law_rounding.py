"""Laws of price rounding (I9): legal tick, never worse for us, a stop on its side, never zero.

Prices are any integers; equities go by their own price, coins by each of a row of increments.
The right answer is defined here without the code: "the greatest legal price that is not above" is
stated as legal, not above, and less than one tick away.
"""

from kernel.sides import Side
from kernel.symbols.rounding import (
    PriceRole,
    RoundingRefusal,
    is_legal_price,
    nearest_price,
    round_price,
    tick_for,
)
from kernel.symbols.rules import FRACTION, AssetClass, SymbolRules
from kernel.units import Cash, Instant, Price, Quantity

DOLLAR = 1_000_000_000
CENT = 10_000_000
TENTH_OF_A_MILL = 100_000
COIN_TICKS = (1, 10, 25, 1_000, 100_000, 2_500_000, 10_000_000, DOLLAR)


def _equity() -> SymbolRules:
    return SymbolRules(
        "EQ",
        AssetClass.US_EQUITY,
        Price(0),
        FRACTION,
        Quantity(0),
        Cash(0),
        True,
        True,
        True,
        True,
        True,
        Instant(0),
    )


def _coin(tick: int) -> SymbolRules:
    return _equity()._replace(asset_class=AssetClass.CRYPTO, price_increment=Price(tick))


def _side(buy: bool) -> Side:
    return Side.BUY if buy else Side.SELL


def _role(limit: bool) -> PriceRole:
    return PriceRole.LIMIT if limit else PriceRole.STOP


def _legal_equity_price(price: int) -> bool:
    """The rule itself: four decimals under a dollar, two from there on."""
    return price > 0 and price % (TENTH_OF_A_MILL if price < DOLLAR else CENT) == 0


def legality_is_the_rule(price: int) -> bool:
    """`is_legal_price` of an equity says exactly what SEC Rule 612 says, for every integer.

    Promise: I9
    post: __return__
    """
    return is_legal_price(_equity(), Price(price)) == _legal_equity_price(price)


def rounded_is_legal(price: int, buy: bool, limit: bool) -> bool:
    """Whatever an equity's price rounds to is legal by its own tick, over the dollar boundary too.

    Promise: I9
    post: __return__
    """
    rounded = round_price(_equity(), _side(buy), _role(limit), Price(price))
    return isinstance(rounded, RoundingRefusal) or _legal_equity_price(rounded)


def limit_is_never_worse(price: int, buy: bool) -> bool:
    """A buy never pays more than was asked, a sell never takes less.

    Promise: I9
    post: __return__
    """
    rounded = round_price(_equity(), _side(buy), PriceRole.LIMIT, Price(price))
    if isinstance(rounded, RoundingRefusal):
        return True
    return rounded <= price if buy else rounded >= price


def stop_stays_on_its_side(stop: int, market: int, buy: bool) -> bool:
    """A stop on the right side of the market (below for a sell, above for a buy) is there after rounding.

    Promise: I9
    pre: (market < stop) if buy else (stop < market)
    post: __return__
    """
    rounded = round_price(_equity(), _side(buy), PriceRole.STOP, Price(stop))
    if isinstance(rounded, RoundingRefusal):
        return True
    return rounded > market if buy else rounded < market


def moves_less_than_a_tick(price: int, buy: bool, limit: bool) -> bool:
    """The result is the neighbor: no legal price of the asked price's tick lies between.

    Promise: I9
    post: __return__
    """
    rounded = round_price(_equity(), _side(buy), _role(limit), Price(price))
    if isinstance(rounded, RoundingRefusal):
        return True
    tick = TENTH_OF_A_MILL if price < DOLLAR else CENT
    return -tick < rounded - price < tick


def legal_price_is_kept(price: int, buy: bool, limit: bool) -> bool:
    """A legal price is not touched; so rounding twice is rounding once.

    Promise: I9
    pre: _legal_equity_price(price)
    post: __return__
    """
    return round_price(_equity(), _side(buy), _role(limit), Price(price)) == price


def refused_exactly_when_nothing_is_legal(price: int, buy: bool, limit: bool) -> bool:
    """Refused: not positive, or going down under the least tick. Everything else has an answer, never zero.

    Promise: I9
    post: __return__
    """
    rounded = round_price(_equity(), _side(buy), _role(limit), Price(price))
    if price <= 0:
        return rounded is RoundingRefusal.NOT_POSITIVE
    if buy == limit and price < TENTH_OF_A_MILL:
        return rounded is RoundingRefusal.TO_ZERO
    return not isinstance(rounded, RoundingRefusal) and rounded > 0


def order_is_kept(low: int, high: int, buy: bool, limit: bool) -> bool:
    """Of two prices the lower one never rounds above the other (a ladder keeps its order).

    Promise: I9
    pre: low <= high
    post: __return__
    """
    first = round_price(_equity(), _side(buy), _role(limit), Price(low))
    second = round_price(_equity(), _side(buy), _role(limit), Price(high))
    if isinstance(first, RoundingRefusal) or isinstance(second, RoundingRefusal):
        return True
    return first <= second


def coin_goes_by_its_increment(price: int, which: int, buy: bool, limit: bool) -> bool:
    """A coin's price is legal by the asset's increment, on the right side, less than one increment away.

    Promise: I9
    pre: 0 <= which < 8
    post: __return__
    """
    tick = COIN_TICKS[which]
    rounded = round_price(_coin(tick), _side(buy), _role(limit), Price(price))
    if isinstance(rounded, RoundingRefusal):
        return price <= 0 or (buy == limit and price < tick)
    moved = price - rounded if buy == limit else rounded - price
    return rounded > 0 and rounded % tick == 0 and 0 <= moved < tick


def unknown_increment_is_refused(price: int, increment: int, buy: bool, limit: bool) -> bool:
    """A coin whose increment is not known has no legal price at all.

    Promise: I9
    pre: increment <= 0
    post: __return__
    """
    rules = _coin(increment)
    rounded = round_price(rules, _side(buy), _role(limit), Price(price))
    return isinstance(rounded, RoundingRefusal) and not is_legal_price(rules, Price(price))


def tick_goes_by_the_orders_price(price: int) -> bool:
    """The tick of an equity is the one of the price itself.

    Promise: I9
    post: __return__
    """
    return tick_for(_equity(), Price(price)) == (CENT if price >= DOLLAR else TENTH_OF_A_MILL)


def nearest_is_nearest(price: int, buy: bool, limit: bool) -> bool:
    """The nearest tick is at most half a tick away; a tie goes where `round_price` goes.

    Promise: I9
    pre: 0 < price
    post: __return__
    """
    nearest = nearest_price(_equity(), _side(buy), _role(limit), Price(price))
    if isinstance(nearest, RoundingRefusal):
        return 2 * price <= TENTH_OF_A_MILL
    tick = TENTH_OF_A_MILL if price < DOLLAR else CENT
    moved = 2 * (nearest - price)
    if moved in (tick, -tick):
        return nearest == round_price(_equity(), _side(buy), _role(limit), Price(price))
    return -tick < moved < tick and _legal_equity_price(nearest)
