"""Assets: GET /v2/assets/{symbol} to the kernel's SymbolRules.

1. Only what the desk can trade has rules: US equities and crypto pairs; another class is a Problem that
   says so.
2. Crypto needs its three increments from the broker; without them nothing is guessed.
3. `tradable` includes `status == "active"`. Where `easy_to_borrow` is gone (its sunset was announced),
   `borrow_status` says it.
4. Least order values are not in the asset: NOTIONAL_MIN_EQUITY and NOTIONAL_MIN_CRYPTO were read off refusals
   (`notional must be >= 1.00`; `cost basis must be >= minimal amount of order 10`).

Source: Alpaca trading API v2, assets.
"""

from typing import Final

from kernel.symbols.rules import EQUITY_PRICE_INCREMENT, FRACTION, WHOLE_SHARE, AssetClass, SymbolRules
from kernel.units import SCALE, Cash, Instant, Price, Quantity
from shell.codec.fields import Fields, Malformed, Notes, Problem
from shell.codec.words import NO_PAIRS, Pairs, order_symbol

__all__ = ["NOTIONAL_MIN_CRYPTO", "NOTIONAL_MIN_EQUITY", "decode_asset"]

NOTIONAL_MIN_EQUITY: Final = Cash(1 * SCALE)
"""Alpaca refuses smaller buys of shares."""

NOTIONAL_MIN_CRYPTO: Final = Cash(10 * SCALE)
"""Alpaca refuses smaller crypto orders, though the asset's least size is about a dollar."""

_CLASSES: Final = {member.value: member for member in AssetClass}


def decode_asset(
    value: object, as_of: Instant, notes: Notes, pairs: Pairs = NO_PAIRS
) -> SymbolRules | Problem:
    """One asset as it was at `as_of`."""
    try:
        fields = Fields(value, "asset", notes)
        class_text = fields.text("class" if fields.get("class") else "asset_class")
        asset_class = _CLASSES.get(class_text)
        if asset_class is None:
            raise fields.bad("class", f"{class_text!r} is not traded by this desk")
        if asset_class is AssetClass.CRYPTO:
            return _crypto(fields, as_of, pairs)
        return _equity(fields, as_of)
    except Malformed as error:
        return Problem(str(error))


def _equity(fields: Fields, as_of: Instant) -> SymbolRules:
    fractionable = fields.flag("fractionable")
    return SymbolRules(
        symbol=fields.text("symbol"),
        asset_class=AssetClass.US_EQUITY,
        price_increment=EQUITY_PRICE_INCREMENT,
        quantity_increment=FRACTION if fractionable else WHOLE_SHARE,
        quantity_min=Quantity(0),
        notional_min=NOTIONAL_MIN_EQUITY,
        tradable=_tradable(fields),
        shortable=fields.flag("shortable"),
        easy_to_borrow=_easy_to_borrow(fields),
        fractionable=fractionable,
        marginable=fields.flag("marginable"),
        as_of=as_of,
    )


def _crypto(fields: Fields, as_of: Instant, pairs: Pairs) -> SymbolRules:
    return SymbolRules(
        symbol=order_symbol(fields.text("symbol"), "crypto", pairs),
        asset_class=AssetClass.CRYPTO,
        price_increment=Price(_increment(fields, "price_increment")),
        quantity_increment=Quantity(_increment(fields, "min_trade_increment")),
        quantity_min=Quantity(_increment(fields, "min_order_size")),
        notional_min=NOTIONAL_MIN_CRYPTO,
        tradable=_tradable(fields),
        shortable=False,
        easy_to_borrow=False,
        fractionable=True,
        marginable=False,
        as_of=as_of,
    )


def _increment(fields: Fields, key: str) -> int:
    """A positive step of at least 10^-9; a finer one can't be carried and is refused."""
    before = len(fields.notes)
    amount = fields.exact(key)
    if amount <= 0 or len(fields.notes) > before:
        raise fields.bad(key, "not a positive number of at most nine decimals")
    return amount


def _tradable(fields: Fields) -> bool:
    return fields.flag("tradable") and fields.text("status") == "active"


def _easy_to_borrow(fields: Fields) -> bool:
    flag = fields.flag_or_none("easy_to_borrow")
    return flag if flag is not None else fields.text_or_none("borrow_status") == "easy_to_borrow"
