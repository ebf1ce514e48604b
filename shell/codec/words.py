"""The closed words of Alpaca's wire, as tables from text to the kernel's members, and the names of symbols.

1. A word maps by value; the stand-in UNRECOGNIZED is in no table, so no text of the wire can claim to be it.
2. Crypto is ordered as `BTC/USD` and reported in positions as `BTCUSD`; the kernel knows the order form only.
3. A pair without a slash is looked up among the desk's own symbols first, then split before a known quote
   currency.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from kernel.reports import BrokerEvent, BrokerStatus
from kernel.sides import OrderClass, OrderType, Side, TimeInForce

__all__ = [
    "EVENTS",
    "NO_PAIRS",
    "ORDER_CLASSES",
    "ORDER_TYPES",
    "QUOTE_CURRENCIES",
    "SIDES",
    "STATUSES",
    "TIMES_IN_FORCE",
    "Pairs",
    "known_pairs",
    "order_symbol",
]

SIDES: Final = {member.value: member for member in Side}
ORDER_TYPES: Final = {member.value: member for member in OrderType}
TIMES_IN_FORCE: Final = {member.value: member for member in TimeInForce}
ORDER_CLASSES: Final = {member.value: member for member in OrderClass}
STATUSES: Final = {member.value: member for member in BrokerStatus if member is not BrokerStatus.UNRECOGNIZED}
EVENTS: Final = {member.value: member for member in BrokerEvent if member is not BrokerEvent.UNRECOGNIZED}

Pairs = Mapping[str, str]
"""From a pair without a slash to the order form."""

NO_PAIRS: Final[Pairs] = {}

QUOTE_CURRENCIES: Final = ("USDT", "USDC", "USD", "BTC")
"""What Alpaca's pairs are quoted in, the longest first."""


def known_pairs(symbols: Iterable[str]) -> Pairs:
    """The desk's own crypto symbols by the name that positions use."""
    return {symbol.replace("/", ""): symbol for symbol in symbols if "/" in symbol}


def order_symbol(symbol: str, asset_class: str | None, pairs: Pairs) -> str:
    """The symbol as it is ordered. Without a class only the desk's own pairs are known."""
    if "/" in symbol or asset_class not in ("crypto", None):
        return symbol
    known = pairs.get(symbol)
    if known is not None:
        return known
    if asset_class is None:
        return symbol
    for currency in QUOTE_CURRENCIES:
        if symbol.endswith(currency) and len(symbol) > len(currency):
            return f"{symbol[: -len(currency)]}/{currency}"
    return symbol
