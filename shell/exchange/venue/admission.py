"""What the account, its orders and the market say about a sound order, in Alpaca's words.

`admit` raises `Refused` for the first rule that is broken, in this order:

1. there is a price to judge by; a stop that stands alone is on the far side of the market;
2. the position: enough of it is free, no flip through zero, no opening against an open opening of the other
   side;
3. shorts: whole shares, of a shortable asset, by an account that may (and has $2,000 of equity);
4. the intent, when given, is the one that follows from the position;
5. the wash-trade table against every open order of the other side, members of complex orders left out; an
   entry opens, an exit pair closes;
6. the least cost of crypto ($10, but the whole rest of a position may always be sold) and of fractions ($1);
7. buying power. A limit counts at its limit, a stop at its stop, a market order at the far side of the
   quote (the previous close before the first quote); a short at the greater of limit and ask + 3 %.

A replacement is judged the same way, with the order that it replaces left out of account.
"""

from typing import Final, NamedTuple

from kernel.units import SCALE
from shell.exchange.venue import refusals
from shell.exchange.venue.engine import Engine
from shell.exchange.venue.model import CASH_SCALE, Asset, VenueOrder

__all__ = ["Admitted", "Draft", "admit", "check_stop"]

CRYPTO_COST_MIN: Final = 10 * CASH_SCALE
"""Least cost basis of a crypto order, measured at Alpaca in 2026."""

FRACTION_COST_MIN: Final = CASH_SCALE
"""Least cost basis of a fractional buy."""

SHORT_EQUITY_MIN: Final = 2_000 * CASH_SCALE
"""Equity below which an account may not sell short."""

_SHORT_MARKUP_PERCENT: Final = 103


class Draft(NamedTuple):
    """An order as it would be; `quantity` and `notional` are what is still to be executed."""

    side: str
    type: str
    quantity: int | None
    notional: int | None
    limit_price: int | None
    stop_price: int | None
    position_intent: str | None
    replaces: VenueOrder | None = None
    order_class: str = ""
    """A complex order is exempt from the wash-trade table."""


class Admitted(NamedTuple):
    """What follows from the account for an admitted order."""

    position_intent: str
    reserve_price: int
    """Zero for an order that closes."""
    quantity_bound: int
    """For a sell by notional: the most that it may sell."""


def admit(engine: Engine, asset: Asset, draft: Draft) -> Admitted:
    """What follows from an order that the account may place now; raises `Refused` for any other."""
    price = _reference_price(engine, asset, draft)
    if price <= 0:
        raise refusals.rule(f'no market price is known for asset "{asset.symbol}"')
    check_stop(engine, asset, draft.side, draft.stop_price)
    quantity = draft.quantity
    if quantity is None:
        assert draft.notional is not None, "an order has a quantity or a notional"
        quantity = -(-draft.notional * SCALE // price)
    position = engine.holdings.quantity(asset.symbol)
    closes = position > 0 if draft.side == "sell" else position < 0
    if closes:
        quantity = _check_closing(engine, asset, draft, quantity, position)
    else:
        _check_opening(engine, asset, draft, quantity)
    intent = f"{draft.side}_to_{'close' if closes else 'open'}"
    if draft.position_intent is not None and draft.position_intent != intent:
        raise refusals.rule(
            f"position intent mismatch, inferred: {intent}, specified: {draft.position_intent}"
        )
    if draft.order_class in ("bracket", "oto") and closes:
        raise refusals.rule(f"{draft.order_class} orders must be entry orders")
    if draft.order_class == "oco" and not closes:
        raise refusals.rule("oco orders must be exit orders")
    _check_wash(engine, asset, draft)
    _check_cost(asset, draft, quantity, price, abs(position) if closes else None)
    if closes:
        return Admitted(intent, 0, quantity)
    _check_buying_power(engine, asset, draft, price * quantity)
    return Admitted(intent, price, 0)


def _reference_price(engine: Engine, asset: Asset, draft: Draft) -> int:
    """The price at which the order counts against buying power (rule 7)."""
    quote = engine.quote(asset.symbol)
    bid = ask = asset.previous_close
    if quote is not None:
        bid, ask = quote.bid or quote.ask, quote.ask or quote.bid
    if draft.side == "buy":
        return draft.limit_price or draft.stop_price or ask
    if engine.holdings.quantity(asset.symbol) > 0 or asset.is_crypto:
        return draft.limit_price or draft.stop_price or bid
    return max(draft.limit_price or 0, ask * _SHORT_MARKUP_PERCENT // 100)


def check_stop(engine: Engine, asset: Asset, side: str, stop_price: int | None) -> None:
    """Refuses a stop that the market as it stands would trigger."""
    if stop_price is None or engine.quote(asset.symbol) is None:
        return
    market = engine.holdings.price_of(asset)
    wrong = stop_price <= market if side == "buy" else stop_price >= market
    if wrong:
        raise refusals.stop_price(side, stop_price, market)


def _others(engine: Engine, asset: Asset, draft: Draft, side: str) -> list[VenueOrder]:
    """The open orders of one side, without the one that is being replaced."""
    return [
        order
        for order in engine.store.open_of(asset.symbol)
        if order.side == side and order is not draft.replaces
    ]


def _check_closing(engine: Engine, asset: Asset, draft: Draft, quantity: int, position: int) -> int:
    """Enough of the position is free; the quantity that may be closed."""
    held = engine.holdings.held(asset.symbol)
    if draft.replaces is not None:
        held -= draft.replaces.held
    available = max(0, abs(position) - held)
    if quantity > available:
        related = [order.id for order in _others(engine, asset, draft, draft.side) if order.held]
        raise refusals.insufficient_quantity(asset, quantity, available, abs(position), held, related)
    return quantity


def _check_opening(engine: Engine, asset: Asset, draft: Draft, quantity: int) -> None:
    """A short is allowed at all, and nothing opens the other way."""
    if draft.side == "buy":
        if any(order.position_intent == "sell_to_open" for order in _others(engine, asset, draft, "sell")):
            raise refusals.forbidden("cannot open a long buy while a short sell order is open")
        return
    if asset.is_crypto:
        raise refusals.insufficient_quantity(asset, quantity, 0, 0, 0, [])
    if draft.quantity is None or draft.quantity % SCALE != 0:
        raise refusals.rule("fractional orders cannot be sold short")
    if not asset.shortable or not asset.easy_to_borrow:
        raise refusals.rule(f'asset "{asset.symbol}" cannot be sold short')
    if not engine.settings.shorting_enabled or engine.holdings.equity() < SHORT_EQUITY_MIN:
        raise refusals.forbidden("account is not allowed to short")
    if any(order.position_intent == "buy_to_open" for order in _others(engine, asset, draft, "buy")):
        raise refusals.forbidden("cannot open a short sell while a long buy order is open")


def _check_wash(engine: Engine, asset: Asset, draft: Draft) -> None:
    """No open order of the other side could trade against this one."""
    if draft.order_class:
        return
    for order in _others(engine, asset, draft, "sell" if draft.side == "buy" else "buy"):
        if order.order_class:
            continue
        limits = order.limit_price is not None and draft.limit_price is not None
        if limits:
            assert order.limit_price is not None
            assert draft.limit_price is not None
            bought, sold = draft.limit_price, order.limit_price
            if draft.side == "sell":
                bought, sold = sold, bought
            if bought < sold:
                continue
        raise refusals.wash_trade(order.id, order.type)


def _check_cost(asset: Asset, draft: Draft, quantity: int, price: int, position: int | None) -> None:
    """The order is worth the trouble (rule 6); `position` is its size when the order closes."""
    if draft.replaces is not None:
        return
    cost = price * quantity
    if asset.is_crypto:
        if cost < CRYPTO_COST_MIN and quantity != position:
            raise refusals.forbidden("cost basis must be >= minimal amount of order 10")
    elif draft.side == "buy" and quantity % SCALE != 0 and cost < FRACTION_COST_MIN:
        raise refusals.forbidden("cost basis must be >= minimal amount of order 1")


def _check_buying_power(engine: Engine, asset: Asset, draft: Draft, cost: int) -> None:
    """The account can pay for it, with what open orders hold back taken off."""
    if draft.notional is not None:
        cost = draft.notional * SCALE
    power = engine.holdings.cash_power() if asset.is_crypto else engine.holdings.buying_power()
    if draft.replaces is not None:
        power += draft.replaces.reserved
    if cost > power:
        raise refusals.buying_power(power, cost)
