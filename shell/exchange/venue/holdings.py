"""Cash, positions, and what open orders hold back of either: exact to 10^-18 of a dollar.

1. Cash and positions change by executions only (`apply`), and by taking them back (`reverse`). A product of
   price and quantity is never rounded.
2. Fees: crypto pays `crypto_fee_bps` in coin on buys (the position grows by less than the execution, cut to
   nine decimals) and in dollars on sells; equities pay `equity_fee_bps` in dollars. Fees round up, against
   the account.
3. Positions are valued at the middle of the last quote, before the first one at the previous close.
4. An open order that opens a position holds back money; one that closes holds back quantity. `hold`
   recomputes both from the order as it is, so that calling it twice changes nothing. Of a pair of exits only
   one holds.
5. Buying power = multiplier x (equity - crypto) - value of equities (long and short) - money held back.
   Crypto is bought with settled cash only. Neither is shown below zero.

It does not judge orders: that is `admission`.
"""

from collections.abc import Iterable
from typing import Final

from kernel.units import SCALE
from shell.exchange.venue.answers import Account, Position
from shell.exchange.venue.model import Asset, VenueOrder, VenueSettings

__all__ = ["Holdings"]

_BPS: Final = 10_000
_MAINTENANCE_PERCENT: Final = 30


class _Lot:
    """A position as it is kept: signed quantity and the money that it cost (signed alike, 10^-18)."""

    __slots__ = ("asset", "cost", "quantity")

    def __init__(self, asset: Asset) -> None:
        self.asset = asset
        self.quantity = 0
        self.cost = 0


class Holdings:
    """The account of one venue."""

    __slots__ = (
        "_held",
        "_lots",
        "_marks",
        "_reserved_crypto",
        "_reserved_equity",
        "_settings",
        "account_id",
        "cash",
        "fees",
    )

    def __init__(self, settings: VenueSettings, account_id: str) -> None:
        self._settings = settings
        self.account_id = account_id
        self.cash = settings.cash
        self.fees = 0
        """Fees in dollars so far, 10^-18; those in coin show in the positions only."""
        self._lots: dict[str, _Lot] = {}
        self._marks: dict[str, int] = {}
        self._held: dict[str, int] = {}
        self._reserved_equity = 0
        self._reserved_crypto = 0

    def mark(self, symbol: str, bid: int, ask: int) -> None:
        """Takes the value of one unit from a quote; a missing side (zero) is taken to be the other."""
        total = (bid or ask) + (ask or bid)
        if total:
            self._marks[symbol] = total

    def price_of(self, asset: Asset) -> int:
        """The middle of the last quote, cut to nine decimals; the previous close before the first."""
        return self._marks.get(asset.symbol, 2 * asset.previous_close) // 2

    def quantity(self, symbol: str) -> int:
        """The signed position."""
        lot = self._lots.get(symbol)
        return 0 if lot is None else lot.quantity

    def held(self, symbol: str) -> int:
        """What open closing orders hold of the position, unsigned."""
        return self._held.get(symbol, 0)

    def apply(self, order: VenueOrder, asset: Asset, price: int, quantity: int) -> int:
        """Books one execution; the signed position after it."""
        assert quantity > 0, "an execution has a quantity"
        value = price * quantity
        received = quantity
        rate = self._settings.crypto_fee_bps if asset.is_crypto else self._settings.equity_fee_bps
        if order.side == "buy":
            self.cash -= value
            if asset.is_crypto:
                received = quantity * (_BPS - rate) // _BPS
            else:
                self._charge(value * rate)
            return self._move(asset, received, price)
        self.cash += value
        self._charge(value * rate)
        return self._move(asset, -quantity, price)

    def reverse(self, side: str, asset: Asset, price: int, quantity: int) -> int:
        """Takes one execution back, its fee included; the signed position after it."""
        value = price * quantity
        rate = self._settings.crypto_fee_bps if asset.is_crypto else self._settings.equity_fee_bps
        fee = -(-value * rate // _BPS)
        if side == "buy":
            self.cash += value
            received = quantity
            if asset.is_crypto:
                received = quantity * (_BPS - rate) // _BPS
            else:
                self.cash += fee
                self.fees -= fee
            return self._move(asset, -received, price)
        self.cash += fee - value
        self.fees -= fee
        return self._move(asset, quantity, price)

    def transfer(self, asset: Asset, change: int) -> int:
        """Moves shares in or out without cash, as a broker's journal entry does; the position after it."""
        return self._move(asset, change, self.price_of(asset))

    def _charge(self, value_bps: int) -> None:
        """Takes a fee of so many 10^-18 dollars times 10^4, rounded up."""
        fee = -(-value_bps // _BPS)
        self.cash -= fee
        self.fees += fee

    def _move(self, asset: Asset, change: int, price: int) -> int:
        """Adds `change` to the position at average cost; what goes through zero costs `price`."""
        lot = self._lots.get(asset.symbol)
        if lot is None:
            lot = self._lots[asset.symbol] = _Lot(asset)
        before, after = lot.quantity, lot.quantity + change
        if before * change >= 0:
            lot.cost += price * change
        elif before * after < 0:
            lot.cost = price * after
        else:
            lot.cost = lot.cost * after // before
        lot.quantity = after
        if after == 0:
            del self._lots[asset.symbol]
        return after

    def hold(self, order: VenueOrder, asset: Asset) -> None:
        """Recomputes what the order holds back: call it whenever its status or executions changed."""
        self._hold(order, asset, *self._needs(order))

    def hold_difference(self, new: VenueOrder, old: VenueOrder, asset: Asset) -> None:
        """While a replace is pending the chain holds the greater of both needs: the old one's and this."""
        money, quantity = self._needs(new)
        self._hold(new, asset, max(0, money - old.reserved), max(0, quantity - old.held))

    def _hold(self, order: VenueOrder, asset: Asset, money: int, quantity: int) -> None:
        """Sets what the order holds back, and keeps the totals."""
        if money != order.reserved:
            if asset.is_crypto:
                self._reserved_crypto += money - order.reserved
            else:
                self._reserved_equity += money - order.reserved
            order.reserved = money
        if quantity != order.held:
            self._held[order.symbol] = self.held(order.symbol) + quantity - order.held
            order.held = quantity

    def _needs(self, order: VenueOrder) -> tuple[int, int]:
        """Money and quantity that the order holds back as it is."""
        if not order.is_open or order.dormant or not order.holds:
            return 0, 0
        if order.reserve_price == 0:
            if order.quantity is None:
                return 0, max(0, order.quantity_bound - order.filled_quantity)
            return 0, order.leaves
        if order.notional is not None:
            return max(0, order.notional * SCALE - order.filled_value), 0
        return order.reserve_price * order.leaves, 0

    def _values(self) -> tuple[int, int, int]:
        """Market values: equities held long, equities held short (negative), crypto; 10^-18."""
        long_value = short_value = crypto = 0
        for symbol, lot in self._lots.items():
            value = self._worth(symbol, lot)
            if lot.asset.is_crypto:
                crypto += value
            elif lot.quantity > 0:
                long_value += value
            else:
                short_value += value
        return long_value, short_value, crypto

    def _worth(self, symbol: str, lot: _Lot) -> int:
        """The signed market value of a position, 10^-18, cut down."""
        return lot.quantity * self._marks.get(symbol, 2 * lot.asset.previous_close) // 2

    def equity(self) -> int:
        """Cash and the value of every position, 10^-18."""
        return self.cash + sum(self._values())

    def buying_power(self) -> int:
        """What orders that open equity positions may still cost, 10^-18; zero when overdrawn."""
        return max(0, self._power(self._settings.multiplier))

    def cash_power(self) -> int:
        """What crypto buys may still cost (settled cash, no margin), 10^-18; zero when overdrawn."""
        _, short_value, _ = self._values()
        free = self.cash + short_value - self._reserved_equity - self._reserved_crypto
        multiplier = self._settings.multiplier
        return max(0, min(free, self._power(multiplier) // multiplier))

    def _power(self, multiplier: int) -> int:
        """Buying power under a multiplier; negative when overdrawn."""
        long_value, short_value, _ = self._values()
        base = self.cash + long_value + short_value
        gross = long_value - short_value
        return multiplier * (base - self._reserved_crypto) - gross - self._reserved_equity

    def account(self) -> Account:
        """The account as GET /v2/account shows it."""
        long_value, short_value, crypto = self._values()
        gross = long_value - short_value
        multiplier = self._settings.multiplier
        return Account(
            id=self.account_id,
            account_number=f"PA{int(self.account_id[:8], 16):010d}",
            cash=self.cash,
            equity=self.cash + long_value + short_value + crypto,
            last_equity=self._settings.cash,
            buying_power=self.buying_power(),
            regt_buying_power=max(0, self._power(min(multiplier, 2))),
            non_marginable_buying_power=self.cash_power(),
            long_market_value=long_value + crypto,
            short_market_value=short_value,
            initial_margin=gross // min(multiplier, 2) + crypto,
            maintenance_margin=gross * _MAINTENANCE_PERCENT // 100 + crypto,
            multiplier=multiplier,
            shorting_enabled=self._settings.shorting_enabled,
            accrued_fees=0,
        )

    def position(self, asset: Asset) -> Position | None:
        """The position in an asset; None when there is none."""
        lot = self._lots.get(asset.symbol)
        return None if lot is None else self._row(lot)

    def positions(self) -> list[Position]:
        """Every position, sorted by symbol."""
        return [self._row(lot) for lot in self._sorted_lots()]

    def _sorted_lots(self) -> Iterable[_Lot]:
        """The positions in a stable order."""
        return sorted(self._lots.values(), key=lambda lot: lot.asset.symbol)

    def _row(self, lot: _Lot) -> Position:
        """One position as it is shown."""
        held = self.held(lot.asset.symbol)
        return Position(
            asset=lot.asset,
            quantity=lot.quantity,
            available=lot.quantity - held if lot.quantity > 0 else lot.quantity + held,
            average_entry_price=abs(lot.cost) // abs(lot.quantity),
            cost_basis=lot.cost,
            current_price=self.price_of(lot.asset),
            market_value=self._worth(lot.asset.symbol, lot),
            lastday_price=lot.asset.previous_close,
        )
