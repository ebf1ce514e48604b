"""What the broker says about a symbol: its increments, its least order, what may be done with it.

Rules:
1. A record is what the broker's asset list said at `as_of`. It never guesses: what is not known is not
   recorded, and a symbol without a record is refused by the gate.
2. It expires: how old is too old is the gate's policy (GateConfig.rules_age_max), not this file's.
3. `price_increment` 0 means the US equity rule, which goes by the order's own price (see rounding.py).
4. `tradable` already includes the asset's status: an inactive asset is not tradable.

Source: Alpaca GET /v2/assets/{symbol}: min_trade_increment, min_order_size, price_increment, tradable,
shortable, easy_to_borrow (or borrow_status), fractionable, marginable, status, class.
Sessions, time-in-force and order-class tables are not here.
"""

from enum import Enum
from typing import Final, NamedTuple

from kernel.units import SCALE, Cash, Instant, Price, Quantity

__all__ = ["EQUITY_PRICE_INCREMENT", "FRACTION", "WHOLE_SHARE", "AssetClass", "SymbolRules"]


class AssetClass(Enum):
    """What kind of asset it is, in Alpaca's words."""

    US_EQUITY = "us_equity"
    """A US share or fund: priced by SEC Rule 612's ticks, traded in sessions."""
    CRYPTO = "crypto"
    """A coin pair: priced by the asset's own increment, traded around the clock."""


EQUITY_PRICE_INCREMENT: Final = Price(0)
"""`price_increment` of an equity: the tick goes by the order's own price."""

WHOLE_SHARE: Final = Quantity(SCALE)
"""`quantity_increment` of an equity that trades in whole shares."""

FRACTION: Final = Quantity(1)
"""`quantity_increment` of a fractionable equity: the ninth decimal."""


class SymbolRules(NamedTuple):
    """One symbol's rules as the broker had them at `as_of`."""

    symbol: str
    """As it is ordered: `SPY`, `BTC/USD`."""
    asset_class: AssetClass
    price_increment: Price
    """The least step of a price (10^-9 USD); 0 for equities."""
    quantity_increment: Quantity
    """The least step of a quantity (10^-9): WHOLE_SHARE, FRACTION, or the coin's own."""
    quantity_min: Quantity
    """The least quantity of an order (10^-9); 0 where there is none."""
    notional_min: Cash
    """The least value of an order (10^-9 USD); 0 where there is none."""
    tradable: bool
    """Active and open to orders."""
    shortable: bool
    """A short may be opened."""
    easy_to_borrow: bool
    """No locate is needed for a short."""
    fractionable: bool
    """Less than a whole unit may be ordered."""
    marginable: bool
    """Margin buying power may be used."""
    as_of: Instant
    """When the broker said so."""
