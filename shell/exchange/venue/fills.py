"""Executions that no quote brought about: races that are lost, fills that come late.

1. They execute at the order's limit, else at the far side of the standing quote, else at the reference price.
2. Nothing executes more than what is left of the order, nothing that is dormant or was replaced, and no coin
   that is not there. Displayed sizes are not looked at.
3. An order that has ended keeps its end; only when it has executed completely it is `filled`.
"""

from shell.exchange.venue.engine import Engine
from shell.exchange.venue.model import VenueOrder

__all__ = ["fill_now", "price_of"]


def price_of(engine: Engine, order: VenueOrder) -> int:
    """The price at which the order executes out of turn (rule 1)."""
    if order.limit_price is not None:
        return order.limit_price
    quote = engine.quote(order.symbol)
    if quote is None:
        return engine.holdings.price_of(engine.asset_of(order))
    return (quote.ask or quote.bid) if order.side == "buy" else (quote.bid or quote.ask)


def fill_now(engine: Engine, order: VenueOrder, divisor: int | None, now: int) -> bool:
    """Executes an order out of turn, open or ended; whether there was something to execute.

    `divisor` None takes all that is left; n takes about 1/(n + 1) of it, in whole shares where the order is.
    """
    if order.quantity is None or order.dormant or order.replaced_by is not None:
        return False
    leaves = order.leaves
    if leaves <= 0 or order.status == "rejected":
        return False
    quantity = leaves if divisor is None else _part(leaves, divisor + 1)
    coins = order.asset_class == "crypto" and order.side == "sell"
    if coins and quantity > engine.holdings.quantity(order.symbol):
        return False
    engine.execute(
        order, engine.asset_of(order), price_of(engine, order), quantity, now, done=quantity == leaves
    )
    return True


def _part(leaves: int, among: int) -> int:
    """A share of what is left: whole units when it is whole, at least one unit of it."""
    unit = 10**9 if leaves % 10**9 == 0 else 1
    return max(unit, leaves // among // unit * unit)
