"""What makes a complex order sound: classes, their legs, and where exits may stand.

1. Whole shares of an equity, day or gtc, no extended hours. Entries are market or limit orders.
2. bracket: take-profit and stop; oto: exactly one of them; oco: a limit order with both, its own limit being
   the take-profit's.
3. The base price is the entry's limit, at the market the market's price, and for oco the take-profit's limit.
   A sell stop is at least a cent below it, a take-profit at least a cent above; for buys the other way round.
   A stop stands a cent off the market as well.
4. Prices of legs keep the asset's tick.

Texts that no source quotes: those about classes and entries.
"""

from typing import Final

from kernel.units import SCALE
from shell.exchange.text import amount_text
from shell.exchange.venue import refusals
from shell.exchange.venue.checks import check_tick, is_fractional
from shell.exchange.venue.engine import Engine
from shell.exchange.venue.model import Asset, OrderRequest, Refused

__all__ = ["CLASSES", "as_simple", "check_exits", "check_shape"]

CLASSES: Final = frozenset({"bracket", "oco", "oto"})
"""Complex classes of equities."""

_CENT: Final = SCALE // 100


def as_simple(request: OrderRequest) -> OrderRequest:
    """A complex request without its legs: the order that is judged by the ordinary rules first.

    Raises `Refused` when the legs that its class wants are not there (rule 2).
    """
    kind = request.order_class
    if kind == "oto":
        if (request.take_profit is None) == (request.stop_loss is None):
            raise refusals.parameter("oto orders require either take_profit or stop_loss")
    elif request.take_profit is None and not (kind == "oco" and request.limit_price is not None):
        raise refusals.parameter(f"{kind} orders require take_profit.limit_price")
    elif request.stop_loss is None:
        raise refusals.parameter(f"{kind} orders require stop_loss.stop_price")
    limit = request.limit_price
    if kind == "oco":
        if request.type != "limit":
            raise refusals.rule("oco orders must be limit orders")
        if request.take_profit is not None:
            limit = request.take_profit.limit_price
    return request._replace(order_class="", take_profit=None, stop_loss=None, limit_price=limit)


def check_shape(request: OrderRequest, asset: Asset) -> None:
    """Rules 1 and 4, for a request whose simple part is sound."""
    kind = request.order_class
    if asset.is_crypto:
        raise refusals.rule(f"crypto orders not allowed for advanced order_class: {kind}")
    if is_fractional(request):
        raise refusals.rule("fractional orders must be simple orders")
    if request.extended_hours:
        raise refusals.rule("complex orders are not eligible for extended hours trading")
    if request.time_in_force not in ("day", "gtc"):
        raise refusals.rule(f"{kind} orders must be DAY or GTC orders")
    if request.type not in ("market", "limit"):
        raise refusals.rule(f"{kind} orders must be market or limit orders")
    if request.take_profit is not None:
        check_tick(asset, "take_profit.limit_price", request.take_profit.limit_price)
    if request.stop_loss is not None:
        check_tick(asset, "stop_loss.stop_price", request.stop_loss.stop_price)
        check_tick(asset, "stop_loss.limit_price", request.stop_loss.limit_price)


def check_exits(engine: Engine, asset: Asset, request: OrderRequest, limit: int | None) -> None:
    """Rule 3; `limit` is the parent's limit, None for an entry at the market."""
    market = engine.holdings.price_of(asset)
    base = market if limit is None else limit
    sells = request.side == "sell" if request.order_class == "oco" else request.side == "buy"
    if request.take_profit is not None and request.order_class != "oco":
        profit = request.take_profit.limit_price
        if (profit < base + _CENT) if sells else (profit > base - _CENT):
            sign = ">= base_price + 0.01" if sells else "<= base_price - 0.01"
            raise _off(f"take_profit.limit_price must be {sign}", base)
    if request.stop_loss is None:
        return
    stop = request.stop_loss.stop_price
    for each in (base, market):
        if (stop > each - _CENT) if sells else (stop < each + _CENT):
            sign = "<= base_price - 0.01" if sells else ">= base_price + 0.01"
            raise _off(f"stop_loss.stop_price must be {sign}", each)


def _off(message: str, base: int) -> Refused:
    """A leg that stands on the wrong side of the base price, with that price."""
    refused = refusals.rule(message)
    refused.extras = {"base_price": amount_text(base)}
    return refused
