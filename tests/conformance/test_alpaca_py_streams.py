"""The unmodified alpaca-py streams against the exchange: order updates, stock and crypto data."""

from pathlib import Path
from typing import Any

from tests.conformance.exchange_process import exchange, run_script

PRELUDE = """
import asyncio, json, sys, threading, time
from alpaca.trading.client import TradingClient
from alpaca.trading.requests import MarketOrderRequest
from alpaca.trading.stream import TradingStream
from alpaca.data.live import CryptoDataStream, StockDataStream
url = sys.argv[1]
ws = url.replace("http", "ws")
def word(event):
    # TradeEvent lacks some of Alpaca's words; those stay plain text.
    return getattr(event, "value", event)
def until(done, stream):
    # The stream's loop is asyncio's own; it is stopped from here.
    thread = threading.Thread(target=stream.run, daemon=True)
    thread.start()
    for _ in range(400):
        if done():
            break
        time.sleep(0.05)
    stream.stop()
    thread.join(10)
"""


def run(script: str, *options: str) -> Any:
    """The script's last line, against an exchange that runs five minutes in a second."""
    with exchange("--speed", "300", *options) as url:
        return run_script(PRELUDE + script, url)


def test_trading_stream_delivers_the_life_of_an_order() -> None:
    seen = run("""
updates, sent = [], []
stream = TradingStream("key", "secret", url_override=ws + "/stream")
client = TradingClient("key", "secret", url_override=url)
async def handler(update):
    updates.append(update)
stream.subscribe_trade_updates(handler)
def submit():
    time.sleep(1.5)
    sent.append(client.submit_order(MarketOrderRequest(
        symbol="SPY", qty=1, side="buy", time_in_force="day", client_order_id="streamed")))
threading.Thread(target=submit, daemon=True).start()
until(lambda: any(word(u.event) == "fill" for u in updates), stream)
print(json.dumps([[word(u.event) for u in updates], updates[-1].order.client_order_id, updates[-1].qty,
    updates[-1].position_qty, updates[-1].execution_id is not None, updates[-1].order.status.value,
    str(updates[-1].order.id) == str(sent[0].id)]))
""")
    assert seen == [["pending_new", "new", "fill"], "streamed", 1.0, 1.0, True, "filled", True]


def test_stock_stream_delivers_bars_and_quotes() -> None:
    seen = run("""
bars, quotes = [], []
stream = StockDataStream("key", "secret", url_override=ws + "/v2/iex")
async def on_bar(bar):
    bars.append(bar)
async def on_quote(quote):
    quotes.append(quote)
stream.subscribe_bars(on_bar, "SPY", "QQQ")
stream.subscribe_quotes(on_quote, "SPY")
until(lambda: len(bars) >= 4 and len(quotes) >= 4, stream)
print(json.dumps([sorted({bar.symbol for bar in bars}), {quote.symbol for quote in quotes} == {"SPY"},
    all(bar.low <= bar.close <= bar.high and bar.volume > 0 for bar in bars),
    all(quote.bid_price < quote.ask_price for quote in quotes),
    bars[0].timestamp.second, bars[0].timestamp.tzinfo is not None]))
""")
    assert seen == [["QQQ", "SPY"], True, True, True, 0, True]


def test_crypto_stream_delivers_bars(tmp_path: Path) -> None:
    rows = "".join(f"2024-03-13T13:{minute:02d}:00Z,100,101,99,100.5,2.5\n" for minute in range(60))
    path = tmp_path / "ETHUSD.csv"
    path.write_text("timestamp,open,high,low,close,volume\n" + rows)
    seen = run(
        """
bars = []
stream = CryptoDataStream("key", "secret", url_override=ws + "/v1beta3/crypto/us")
async def on_bar(bar):
    bars.append(bar)
stream.subscribe_bars(on_bar, "ETH/USD")
until(lambda: len(bars) >= 2, stream)
print(json.dumps([bars[0].symbol, bars[0].close, bars[0].volume]))
""",
        "--bars",
        str(path),
    )
    assert seen == ["ETH/USD", 100.5, 2.5]


def test_stock_stream_with_wrong_keys_gets_nothing() -> None:
    seen = run(
        """
bars, errors = [], []
import logging
class Keep(logging.Handler):
    def emit(self, record):
        errors.append(record.getMessage())
logging.getLogger("alpaca.data.live.websocket").addHandler(Keep())
logging.getLogger("alpaca.data.live.websocket").propagate = False
stream = StockDataStream("key", "wrong", url_override=ws + "/v2/iex")
async def on_bar(bar):
    bars.append(bar)
stream.subscribe_bars(on_bar, "SPY")
until(lambda: errors, stream)
print(json.dumps([len(bars), "auth failed" in errors[0]]))
""",
        "--key",
        "key",
        "--secret",
        "secret",
    )
    assert seen == [0, True]
