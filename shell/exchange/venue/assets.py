"""The assets of a session: made from the symbols of its files, with deterministic identifiers.

1. `ETHUSD` in a file's name is the pair `ETH/USD`; six or more letters ending in USD, USDT or USDC mean
   crypto.
2. Equities: fractionable, shortable, easy to borrow, marginable; the tick follows the price (below one dollar
   0.0001, else 0.01).
3. Crypto: neither shortable nor marginable; the price increment is the asset's own.
4. An asset is found by symbol, by position symbol and by identifier.
"""

from collections.abc import Iterable
from typing import Final

from kernel.units import SCALE
from shell.exchange.venue.ids import asset_uuid
from shell.exchange.venue.model import Asset

__all__ = ["AssetList", "is_crypto_name", "make_asset", "order_symbol", "tick_at"]

_CENT: Final = SCALE // 100
_SUB_DOLLAR_TICK: Final = SCALE // 10_000
_QUOTE_COINS: Final = ("USDT", "USDC", "USD")
_CRYPTO_LETTERS_MIN: Final = 6


def is_crypto_name(name: str) -> bool:
    """Whether a symbol as files write it (`ETHUSD`), or a pair with a slash, is a crypto pair."""
    return "/" in name or (len(name) >= _CRYPTO_LETTERS_MIN and name.endswith(_QUOTE_COINS))


def order_symbol(name: str) -> str:
    """The symbol in the form that orders use: `ETHUSD` becomes `ETH/USD`, equities stay."""
    if "/" in name or not is_crypto_name(name):
        return name
    for coin in _QUOTE_COINS:
        if name.endswith(coin):
            return f"{name.removesuffix(coin)}/{coin}"
    return name


def tick_at(asset: Asset, price: int) -> int:
    """The smallest price step of an order at `price`."""
    if asset.is_crypto:
        return asset.price_increment
    return _CENT if price >= SCALE else _SUB_DOLLAR_TICK


def make_asset(name: str, previous_close: int, price_increment: int = _CENT) -> Asset:
    """An asset for a symbol as files write it; `price_increment` is for crypto only."""
    symbol = order_symbol(name)
    crypto = is_crypto_name(name)
    return Asset(
        id=asset_uuid(symbol),
        symbol=symbol,
        position_symbol=symbol.replace("/", ""),
        asset_class="crypto" if crypto else "us_equity",
        exchange="CRYPTO" if crypto else "ARCA",
        name=f"{symbol.split('/')[0]} / {symbol.split('/')[1]}" if crypto else f"{symbol} Common Stock",
        tradable=True,
        fractionable=True,
        shortable=not crypto,
        easy_to_borrow=not crypto,
        marginable=not crypto,
        price_increment=price_increment if crypto else 0,
        min_trade_increment=1,
        min_order_size=SCALE // 1_000 if crypto else 0,
        previous_close=previous_close,
    )


class AssetList:
    """The assets of a venue, found by any of their names."""

    __slots__ = ("_by_name", "_in_order")

    def __init__(self, assets: Iterable[Asset]) -> None:
        self._in_order = sorted(assets, key=lambda asset: asset.symbol)
        self._by_name: dict[str, Asset] = {}
        for asset in self._in_order:
            for name in {asset.symbol, asset.position_symbol, asset.id}:
                assert name not in self._by_name, f"two assets are called {name}"
                self._by_name[name] = asset

    def find(self, name: str) -> Asset | None:
        """The asset with this symbol, position symbol or identifier; None when there is none."""
        return self._by_name.get(name)

    def change(self, asset: Asset) -> None:
        """Puts new rules in the place of an asset's old ones; its names stay."""
        assert asset.id in self._by_name, f"no asset {asset.symbol}"
        for name in (asset.symbol, asset.position_symbol, asset.id):
            self._by_name[name] = asset
        self._in_order = [asset if each.id == asset.id else each for each in self._in_order]

    def all(self) -> list[Asset]:
        """Every asset, sorted by symbol."""
        return list(self._in_order)
