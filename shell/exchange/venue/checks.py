"""What can be said about an order without knowing the account: parameters, types, ticks, fractions.

`check_request` raises `Refused` for the first rule that a POST breaks, in this order:

1. words and presence of parameters (side, type, time in force, quantity or notional, id, class);
2. the price fields that the type needs and no others;
3. the asset: listed and tradable;
4. time in force and type against the asset class;
5. fractions: fractionable, day orders only, not in extended hours; least notional;
6. extended hours: limit orders only;
7. ticks of every price.

It does not look at quotes, positions, other orders or money: that is `admission`.
"""

from collections.abc import Callable
from typing import Final

from kernel.units import SCALE
from shell.exchange.venue import refusals
from shell.exchange.venue.assets import AssetList, tick_at
from shell.exchange.venue.model import Asset, OrderRequest

__all__ = [
    "CLIENT_ORDER_ID_MAX",
    "check_client_order_id",
    "check_request",
    "check_tick",
    "find_tradable",
    "is_fractional",
]

CLIENT_ORDER_ID_MAX: Final = 128
"""Characters of a client order id."""

NOTIONAL_MIN: Final = SCALE
"""Least notional of an equity order: one dollar."""

_WHOLE_PERCENT: Final = 100 * SCALE
_SIDES: Final = frozenset({"buy", "sell"})
_TYPES: Final = frozenset({"market", "limit", "stop", "stop_limit", "trailing_stop"})
_TIMES: Final = frozenset({"day", "gtc", "opg", "cls", "ioc", "fok"})
_INTENTS: Final = frozenset({"buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close"})
_CRYPTO_TIMES: Final = frozenset({"gtc", "ioc"})
_CRYPTO_TYPES: Final = frozenset({"market", "limit", "stop_limit"})
_IMMEDIATE: Final = frozenset({"ioc", "fok"})


def is_fractional(request: OrderRequest) -> bool:
    """Whether the order is for part of a share: by notional, or by a quantity that is not whole."""
    return request.quantity is None or request.quantity % SCALE != 0


def check_client_order_id(client_order_id: str | None) -> None:
    """Refuses an id that is too long."""
    if client_order_id is not None and len(client_order_id) > CLIENT_ORDER_ID_MAX:
        raise refusals.parameter(f"client_order_id must be no more than {CLIENT_ORDER_ID_MAX} characters")


def check_tick(asset: Asset, field: str, price: int | None) -> None:
    """Refuses a price that is not positive or finer than the asset's tick."""
    if price is None:
        return
    if price <= 0:
        raise refusals.parameter(f"{field} must be > 0")
    if price % tick_at(asset, price) != 0:
        raise refusals.sub_penny(field, price)


def find_tradable(assets: AssetList, name: str) -> Asset:
    """The asset of an order, by any of its names; refused when unknown or not tradable."""
    asset = assets.find(name)
    if asset is None:
        raise refusals.asset_not_found(name)
    if not asset.tradable or asset.status != "active":
        raise refusals.rule(f'asset "{asset.symbol}" is not tradable')
    return asset


def check_request(request: OrderRequest, assets: AssetList) -> Asset:
    """The asset of a request that is sound in itself; raises `Refused` for the first rule that it breaks."""
    _check_words(request)
    _check_amounts(request)
    _check_class(request)
    _PRICE_CHECKS[request.type](request)
    asset = find_tradable(assets, request.symbol)
    if asset.is_crypto:
        _check_crypto(request)
    else:
        _check_equity(request, asset)
    check_tick(asset, "limit_price", request.limit_price)
    check_tick(asset, "stop_price", request.stop_price)
    return asset


def _check_words(request: OrderRequest) -> None:
    """Side, type, time in force and intent are words that Alpaca knows."""
    if not request.symbol:
        raise refusals.parameter("symbol is required")
    if request.side not in _SIDES:
        raise refusals.parameter("invalid side")
    if request.type not in _TYPES:
        raise refusals.parameter("invalid order type")
    if request.time_in_force not in _TIMES:
        raise refusals.parameter("invalid time_in_force")
    if request.position_intent is not None and request.position_intent not in _INTENTS:
        raise refusals.parameter("invalid position_intent")
    check_client_order_id(request.client_order_id)


def _check_amounts(request: OrderRequest) -> None:
    """Exactly one of quantity and notional, and positive."""
    if request.quantity is None and request.notional is None:
        raise refusals.parameter("qty or notional is required")
    if request.quantity is not None and request.notional is not None:
        raise refusals.parameter("only one of qty or notional is accepted")
    if request.quantity is not None and request.quantity <= 0:
        raise refusals.parameter("qty must be > 0")
    if request.notional is not None and request.notional <= 0:
        raise refusals.parameter("notional must be > 0")


def _check_class(request: OrderRequest) -> None:
    """Simple orders here; a complex one is judged without its legs first (`leg_checks`)."""
    if request.order_class == "mleg":
        raise refusals.rule("order_class mleg is not supported by this exchange")
    if request.order_class not in ("", "simple"):
        raise refusals.parameter("invalid order_class")
    if request.take_profit is not None or request.stop_loss is not None:
        raise refusals.parameter("take_profit and stop_loss require a complex order_class")


def _check_market_prices(request: OrderRequest) -> None:
    """A market order has no price."""
    if request.limit_price is not None or request.stop_price is not None:
        raise refusals.parameter("market orders require no stop or limit price")
    _check_no_trail(request)


def _check_limit_prices(request: OrderRequest) -> None:
    """A limit order has a limit only."""
    if request.limit_price is None:
        raise refusals.parameter("limit orders require a limit price")
    if request.stop_price is not None:
        raise refusals.parameter("limit orders require no stop price")
    _check_no_trail(request)


def _check_stop_prices(request: OrderRequest) -> None:
    """A stop order has a stop only."""
    if request.stop_price is None:
        raise refusals.parameter("stop orders require a stop price")
    if request.limit_price is not None:
        raise refusals.parameter("stop orders require no limit price")
    _check_no_trail(request)


def _check_stop_limit_prices(request: OrderRequest) -> None:
    """A stop-limit order has both."""
    if request.limit_price is None or request.stop_price is None:
        raise refusals.parameter("stop limit orders require both stop and limit price")
    _check_no_trail(request)


def _check_trailing(request: OrderRequest) -> None:
    """A trailing stop has one trail and no other price."""
    if request.limit_price is not None or request.stop_price is not None:
        raise refusals.parameter("trailing stop orders require no stop or limit price")
    if (request.trail_price is None) == (request.trail_percent is None):
        raise refusals.parameter("trailing stop orders must specify one of trail_price or trail_percent")
    if request.trail_percent is not None and request.trail_percent < SCALE // 10:
        raise refusals.parameter("trail_percent must be greater than or equal to 0.1")
    if request.trail_percent is not None and request.trail_percent >= _WHOLE_PERCENT:
        raise refusals.parameter("trail_percent must be less than 100")
    if request.trail_price is not None and request.trail_price <= 0:
        raise refusals.parameter("trail_price must be > 0")
    if request.time_in_force not in ("day", "gtc"):
        raise refusals.rule("trailing stop orders must be DAY or GTC orders")


def _check_no_trail(request: OrderRequest) -> None:
    """Only a trailing stop has a trail."""
    if request.trail_price is not None or request.trail_percent is not None:
        raise refusals.parameter("trail_price and trail_percent are only valid for trailing stop orders")


_PRICE_CHECKS: Final[dict[str, Callable[[OrderRequest], None]]] = {
    "market": _check_market_prices,
    "limit": _check_limit_prices,
    "stop": _check_stop_prices,
    "stop_limit": _check_stop_limit_prices,
    "trailing_stop": _check_trailing,
}


def _check_crypto(request: OrderRequest) -> None:
    """Crypto: gtc and ioc; market, limit and stop-limit."""
    if request.time_in_force not in _CRYPTO_TIMES:
        raise refusals.rule("invalid crypto time_in_force")
    if request.type not in _CRYPTO_TYPES:
        raise refusals.rule("invalid order type for crypto order")


def _check_equity(request: OrderRequest, asset: Asset) -> None:
    """Equities: immediate orders are market or limit; fractions and extended hours have their own rules."""
    if request.time_in_force in ("opg", "cls"):
        raise refusals.rule(f"{request.time_in_force} orders are not available for this account")
    if request.time_in_force in _IMMEDIATE and request.type not in ("market", "limit"):
        raise refusals.rule(f"{request.time_in_force} orders must be market or limit orders")
    if request.extended_hours and (request.type != "limit" or request.time_in_force not in ("day", "gtc")):
        raise refusals.rule("extended hours order must be DAY or GTC limit orders")
    if not is_fractional(request):
        return
    if not asset.fractionable:
        raise refusals.forbidden(f'asset "{asset.symbol}" is not fractionable')
    if request.time_in_force != "day":
        raise refusals.rule("fractional orders must be DAY orders")
    if request.type == "trailing_stop":
        raise refusals.rule("fractional orders must be market, limit, stop, or stop_limit orders")
    if request.extended_hours:
        raise refusals.rule("fractional orders are not eligible for extended hours trading")
    if request.notional is not None and request.notional < NOTIONAL_MIN:
        raise refusals.rule("notional must be >= 1.00")
