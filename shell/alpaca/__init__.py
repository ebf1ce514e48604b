"""The broker's adapters: REST by alpaca-py, streams by trio-websocket. They carry out and decide nothing."""

from shell.alpaca.market_stream import MarketStream
from shell.alpaca.order_stream import OrderStream
from shell.alpaca.rest import AlpacaRest, CallOutcome
from shell.alpaca.settings import AlpacaSettings, live_settings, paper_settings, simulated_settings
from shell.alpaca.socket import Emit

__all__ = [
    "AlpacaRest",
    "AlpacaSettings",
    "CallOutcome",
    "Emit",
    "MarketStream",
    "OrderStream",
    "live_settings",
    "paper_settings",
    "simulated_settings",
]
