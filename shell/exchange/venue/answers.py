"""The venue's answers about the account: positions, balances, and the items of bulk calls.

Figures are those of `model`: prices and quantities 10^-9, money 10^-18 of a dollar, exact; the wire rounds.
Records here are snapshots: nothing in them changes after they were given out.
"""

from typing import NamedTuple

from shell.exchange.venue.model import Asset, Refused, VenueOrder

__all__ = ["Account", "BulkCancel", "BulkClose", "Position"]


class Position(NamedTuple):
    """One row of GET /v2/positions; quantities signed, money 10^-18."""

    asset: Asset
    quantity: int
    available: int
    """Signed like the quantity: what no open order holds."""
    average_entry_price: int
    """Cut to nine decimals."""
    cost_basis: int
    """Signed like the quantity."""
    current_price: int
    market_value: int
    """Signed like the quantity."""
    lastday_price: int

    @property
    def side(self) -> str:
        """`long` or `short`."""
        return "long" if self.quantity > 0 else "short"

    @property
    def unrealized(self) -> int:
        """Market value less cost basis."""
        return self.market_value - self.cost_basis


class Account(NamedTuple):
    """GET /v2/account; all money 10^-18 of a dollar, exact (the wire rounds as Alpaca does)."""

    id: str
    account_number: str
    cash: int
    equity: int
    last_equity: int
    buying_power: int
    regt_buying_power: int
    non_marginable_buying_power: int
    long_market_value: int
    short_market_value: int
    """Negative or zero."""
    initial_margin: int
    maintenance_margin: int
    multiplier: int
    shorting_enabled: bool
    accrued_fees: int = 0
    status: str = "ACTIVE"
    currency: str = "USD"


class BulkCancel(NamedTuple):
    """One item of DELETE /v2/orders."""

    order_id: str
    http_status: int
    refused: Refused | None


class BulkClose(NamedTuple):
    """One item of DELETE /v2/positions: exactly one of `order` and `refused` is there."""

    symbol: str
    http_status: int
    order: VenueOrder | None
    refused: Refused | None
