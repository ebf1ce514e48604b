"""Laws of exposure (I6, I7): an approved entry is inside the limits in the worst case; an exit only reduces.

Prices are concrete where a product of unknowns would stop the prover; sizes, positions and sums are any
integers. The checks of the gate are these functions and a text (a text of an unknown number can't be
proved over all paths); two laws ask the checks themselves where they have no figure to tell.
"""

from kernel.commands import OrderTicket
from kernel.config import GateConfig
from kernel.links.chart import LinkState
from kernel.orders.book import NO_SYMBOL_TALLY
from kernel.orders.intents import NO_INTENTS
from kernel.risk.checks import compared, shortable
from kernel.risk.exposure import free_to_leave, is_covered, is_within, worst_size
from kernel.risk.question import Question
from kernel.session.chart import Mode
from kernel.sides import OrderType, Purpose, Side, TimeInForce
from kernel.strategies.chart import StrategyState
from kernel.symbols.rules import AssetClass, SymbolRules
from kernel.units import SCALE, Cash, Instant, Price, Quantity, Value

PRICES = (1, 100_000, 333_333_333, SCALE, 437_119_999_999, 99_999 * SCALE)
MODES = tuple(Mode)


def every_fill_is_inside(
    which: int, is_buy: bool, position: int, opening: int, filled: int, quantity: int, limit: int
) -> bool:
    """Once the worst case is inside the limit, so is the position after any part of it has filled.

    Promise: I6
    pre: 0 <= which < 6
    pre: opening >= 0 and quantity > 0 and 0 <= filled <= opening + quantity
    post: __return__
    """
    size = worst_size(is_buy, Quantity(position), Quantity(opening), Quantity(quantity))
    if not is_within(size, Price(PRICES[which]), Cash(limit)):
        return True
    after = position + filled if is_buy else -position + filled
    return after * PRICES[which] <= limit * SCALE


def the_other_side_never_helps(is_buy: bool, position: int, opening: int, quantity: int) -> bool:
    """The worst case is at least the orders themselves, however large the position on the other side.

    Promise: I6
    pre: opening >= 0 and quantity > 0
    post: __return__
    """
    size = worst_size(is_buy, Quantity(position), Quantity(opening), Quantity(quantity))
    held = position if is_buy else -position
    return size >= opening + quantity and size >= held + opening + quantity


def the_limit_is_exact(which: int, size: int) -> bool:
    """What is worth the limit to the last digit is inside, one 10^-18 more is not.

    Promise: I6
    pre: 0 <= which < 6
    pre: size > 0
    post: __return__
    """
    limit = GateConfig().order_notional_max
    inside = is_within(Quantity(size), Price(PRICES[which]), limit)
    return inside == (size * PRICES[which] <= limit * SCALE)


def what_is_reserved_is_covered(need: int, power: int, spent: int, reserved: int) -> bool:
    """What was spent, what open entries reserve and the new order are covered together, or it is refused.

    Promise: I6
    post: __return__
    """
    covered = is_covered(Value(need), Cash(power), Value(spent), Value(reserved))
    return covered == (spent + reserved + need <= power * SCALE)


def an_exit_never_turns_a_position(
    is_sell: bool, position: int, own: int, leaving: int, own_leaving: int, quantity: int
) -> bool:
    """What is free to leave, with all that leaves already, keeps both positions on their side.

    Promise: I6, I7
    pre: leaving >= 0 and own_leaving >= 0 and quantity > 0
    post: __return__
    """
    free = free_to_leave(is_sell, Quantity(position), Quantity(leaving), Quantity(own), Quantity(own_leaving))
    if quantity > free:
        return True
    sign = 1 if is_sell else -1
    return sign * position - leaving - quantity >= 0 and sign * own - own_leaving - quantity >= 0


def what_is_free_may_leave(is_sell: bool, free: int, leaving: int, own_leaving: int) -> bool:
    """Nothing that is held and not already leaving is ever kept from leaving.

    Promise: I7
    pre: free > 0 and leaving >= 0 and own_leaving >= 0
    post: __return__
    """
    sign = 1 if is_sell else -1
    position, own = sign * (free + leaving), sign * (free + own_leaving)
    return free == free_to_leave(
        is_sell, Quantity(position), Quantity(leaving), Quantity(own), Quantity(own_leaving)
    )


def _question(side: Side, purpose: Purpose, quantity: int) -> Question:
    ticket = OrderTicket(
        "id", "SPY", side, OrderType.MARKET, TimeInForce.DAY, Quantity(quantity), None, None, False, purpose
    )
    return Question(
        now=Instant(1),
        ticket=ticket,
        strategy="a",
        intent="a",
        limits=GateConfig(),
        mode=Mode.ARMED,
        draining=False,
        order_link=LinkState.LIVE,
        synced=True,
        strategy_status=StrategyState.ACTIVE,
        rules=None,
        quote=None,
        reference=Price(1),
        reserve_price=Price(1),
        intents=NO_INTENTS,
        tally=NO_SYMBOL_TALLY,
        position=Quantity(0),
        foreign_position=Quantity(0),
        foreign_buys=Quantity(0),
        foreign_sells=Quantity(0),
        seat_position=Quantity(0),
        seat_entries=0,
        seat_exit_quantity=Quantity(0),
        buying_power=Cash(0),
        spent=Value(0),
        reserved=Value(0),
        waiting=0,
        opposing=False,
        adding=Quantity(quantity),
    )


def only_a_start_holds_exits_up(mode: int) -> bool:
    """Of all modes only COLD, in which nothing has been compared yet, holds an exit up.

    Promise: I7
    pre: 0 <= mode < 8
    post: __return__
    """
    question = _question(Side.SELL, Purpose.EXIT, 1)._replace(mode=MODES[mode])
    return (compared(question) is None) == (MODES[mode] is not Mode.COLD)


def a_short_needs_leave(position: int, sells: int, quantity: int) -> bool:
    """In a symbol that can't be shorted, a sell passes only when the position covers it and all open sells.

    Promise: I6
    pre: sells >= 0 and quantity > 0
    post: __return__
    """
    yes, no = True, False
    rules = SymbolRules(
        "SPY",
        AssetClass.US_EQUITY,
        Price(0),
        Quantity(1),
        Quantity(0),
        Cash(0),
        yes,
        no,
        no,
        yes,
        yes,
        Instant(1),
    )
    question = _question(Side.SELL, Purpose.ENTRY, quantity)._replace(
        rules=rules,
        position=Quantity(position),
        tally=NO_SYMBOL_TALLY._replace(sell_quantity=Quantity(sells)),
    )
    return (shortable(question) is None) == (position - sells - quantity >= 0)
