"""One exchange: a venue, a market, their time, and everybody who is connected. `server` serves it.

1. Parts are built in dependency order: assets from the market, the venue over them, the driver over both,
   then the streams, which take the driver's hooks.
2. No part reaches around another: routes see the exchange, the driver sees hooks.
3. What is published passes the faults, which leave it alone unless a plan says otherwise.
4. Setting up fails with SetupError in one line; after that nothing here raises but a bug.
"""

import json
import re
from hashlib import blake2b
from typing import Final

from kernel.units import SCALE
from shell.exchange import render
from shell.exchange.auth import Credentials
from shell.exchange.driver import Driver
from shell.exchange.faults.runtime import Faults
from shell.exchange.hours import Hours
from shell.exchange.market.session import MarketSession, MarketStep
from shell.exchange.market_stream import MarketStream
from shell.exchange.ratelimit import RateLimiter
from shell.exchange.settings import ExchangeSettings, SetupError
from shell.exchange.sim import Lockstep
from shell.exchange.streams import TradeStream
from shell.exchange.venue.model import Asset, Update, VenueSettings
from shell.exchange.venue.venue import Venue

__all__ = ["Exchange"]

SYMBOL: Final = re.compile(r"[A-Z0-9]{1,15}([./\-][A-Z0-9]{1,15})?")
"""Symbols that may appear on the wire without escaping."""


class Exchange:
    """The whole state of one exchange."""

    def __init__(self, settings: ExchangeSettings, market: MarketSession, assets: list[Asset]) -> None:
        for asset in assets:
            if not SYMBOL.fullmatch(asset.symbol):
                raise SetupError(f"symbol {asset.symbol!r}: 1 to 15 of A-Z 0-9; rename its file")
        self.settings = settings
        self.hours = Hours()
        self.market = market
        self.venue = Venue(_venue_settings(settings), assets, self.hours)
        self.driver = Driver(self.venue, market, self.hours, settings.rate)
        self.lockstep = Lockstep(self.driver)
        self.credentials = Credentials(settings.key, settings.secret)
        self.trading_limit = RateLimiter(settings.requests_per_minute)
        self.data_limit = RateLimiter(settings.requests_per_minute)
        self.faults = Faults(settings.faults, settings.seed, self.driver, self.trading_limit)
        self.trade_stream = TradeStream(self.credentials, settings.binary_updates, self.faults.order_stream)
        self.stock_streams = {
            feed: MarketStream(self.credentials, is_crypto=False, hooks=self.faults.market_streams)
            for feed in ("iex", "sip", "delayed_sip")
        }
        self.crypto_stream = MarketStream(self.credentials, is_crypto=True, hooks=self.faults.market_streams)
        self.faults.updates.send = self.trade_stream.publish
        self.bugs: list[str] = []
        """Handlers that raised something unexpected: one line each, the first BUGS_MAX."""
        self._requests = 0
        self.driver.on_updates = self._send_updates
        self.driver.on_market = self._send_market

    def request_id(self) -> str:
        """The next X-Request-ID: unique in a session, the same in each run."""
        self._requests += 1
        return blake2b(f"{self.settings.seed}/request/{self._requests}".encode(), digest_size=16).hexdigest()

    def _send_updates(self, updates: list[Update]) -> None:
        texts = [
            (update.order.id, json.dumps(render.trade_update(update, self.hours), separators=(",", ":")))
            for update in updates
        ]
        self.faults.learn(updates)
        self.trade_stream.publish(self.faults.updates.outgoing(texts, self.driver.now))

    def _send_market(self, step: MarketStep) -> None:
        bars, quotes = self.faults.ticks.spoil(step.bars_closed, step.quotes)
        for stream in self.stock_streams.values():
            stream.publish(bars, quotes)
        self.crypto_stream.publish(bars, quotes)


def _venue_settings(settings: ExchangeSettings) -> VenueSettings:
    """The venue's settings: seed and cash, and whatever was given by name. Raises SetupError."""
    made = VenueSettings(seed=settings.seed, cash=settings.cash * SCALE)
    unknown = sorted(set(settings.venue) - set(VenueSettings._fields))
    if unknown:
        raise SetupError(
            f"venue setting {unknown[0]!r}: unknown; known are {', '.join(VenueSettings._fields)}"
        )
    return VenueSettings(**{**made._asdict(), **settings.venue})
