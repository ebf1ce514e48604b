"""Market data over REST: bars (paged, aggregated) and the latest bars and quotes, for stocks and crypto.

1. Only closed bars are shown, whatever `end` says: there is no look into the session's future.
2. Bars come symbol by symbol in the order of their names, `limit` counts them all, and the page token says
   where the next page begins (base64 of SYMBOL|START).
3. Timeframes: 1 to 59 Min (T), 1 to 23 Hour (H), 1 Day (D; New York's day for stocks, UTC's for crypto).
   Larger bars are made from the minutes that have closed.
4. Numbers are JSON numbers, written exactly.
5. Symbols that do not exist are left out of answers for several, and are 404 in answers for one.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable
from datetime import datetime, time
from typing import Final

from kernel.reports import Bar
from kernel.units import DAY, HOUR, MINUTE, Instant, Price, Quantity
from shell.exchange import fields as f
from shell.exchange.exchange import Exchange
from shell.exchange.http import Request, Response, text_response
from shell.exchange.market_render import bar_json, quote_json
from shell.exchange.text import NEW_YORK, new_york
from shell.exchange.venue.model import Refused

__all__ = [
    "aggregate",
    "crypto_bars",
    "crypto_latest_bars",
    "crypto_latest_quotes",
    "parse_timeframe",
    "stock_bars",
    "stock_bars_of",
    "stock_latest_bar_of",
    "stock_latest_bars",
    "stock_latest_quote_of",
    "stock_latest_quotes",
]

BARS_LIMIT_MAX: Final = 10_000
"""Bars in one page."""

BARS_LIMIT: Final = 1_000
"""Bars in a page that names no limit."""

SYMBOLS_MAX: Final = 1_000
"""Symbols in one request."""

_TIMEFRAME: Final = re.compile(r"(\d{1,2})(Min|T|Hour|H|Day|D)", re.IGNORECASE)

Bucket = Callable[[int], int]
"""The start of the bar that contains an instant."""


def _symbols(request: Request) -> list[str]:
    names = [name.strip().upper() for name in request.query.get("symbols", "").split(",") if name.strip()]
    if not names:
        raise Refused(400, None, "symbols is required")
    if len(names) > SYMBOLS_MAX:
        raise Refused(400, None, f"more than {SYMBOLS_MAX} symbols")
    return sorted(set(names))


def _object(pairs: Iterable[tuple[str, str]]) -> str:
    """A JSON object of rendered values."""
    return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in pairs) + "}"


def _new_york_day(instant: int) -> int:
    midnight = datetime.combine(new_york(instant).date(), time(), tzinfo=NEW_YORK)
    return int(midnight.timestamp()) * 1_000_000_000


def parse_timeframe(text: str, is_crypto: bool) -> Bucket | None:
    """The bucket function of a timeframe; None for the minute bars themselves. Raises Refused."""
    found = _TIMEFRAME.fullmatch(text)
    count = int(found[1]) if found else 0
    unit = found[2][0].upper() if found else "?"
    unit = "M" if unit == "T" else unit
    most = {"M": 59, "H": 23, "D": 1}.get(unit, 0)
    if not 1 <= count <= most:
        raise Refused(400, None, f"invalid timeframe: {text}")
    if unit == "M" and count == 1:
        return None
    if unit == "D" and not is_crypto:
        return _new_york_day
    width = count * {"M": MINUTE, "H": HOUR, "D": DAY}[unit]
    return lambda instant: instant // width * width


def aggregate(bars: Iterable[Bar], bucket: Bucket | None) -> list[Bar]:
    """Bars made from smaller bars in order of time; prices and volumes exact."""
    if bucket is None:
        return list(bars)
    made: list[Bar] = []
    for bar in bars:
        start = Instant(bucket(bar.start))
        if made and made[-1].start == start:
            last = made[-1]
            made[-1] = last._replace(
                high=Price(max(last.high, bar.high)),
                low=Price(min(last.low, bar.low)),
                close=bar.close,
                volume=Quantity(last.volume + bar.volume),
            )
        else:
            made.append(bar._replace(start=start))
    return made


def _token(symbol: str, start: int) -> str:
    return base64.b64encode(f"{symbol}|{start}".encode()).decode()


def _read_token(token: str | None) -> tuple[str, int] | None:
    if not token:
        return None
    try:
        symbol, _, start = base64.b64decode(token, validate=True).decode().partition("|")
        return symbol, int(start)
    except (binascii.Error, ValueError):
        raise Refused(400, None, "invalid page_token") from None


def _bars(
    exchange: Exchange, request: Request, symbols: list[str], is_crypto: bool
) -> tuple[dict[str, list[Bar]], str | None]:
    """One page of bars by symbol, and the token of the next page."""
    query = request.query
    bucket = parse_timeframe(query.get("timeframe") or "1Min", is_crypto)
    start = f.query_instant(query, "start") or 0
    end = f.query_instant(query, "end") or exchange.driver.now
    limit = f.query_limit(query, "limit", BARS_LIMIT, BARS_LIMIT_MAX)
    descending = f.word(query, "sort") == "desc"
    resume = _read_token(query.get("page_token"))
    page: dict[str, list[Bar]] = {}
    left = limit
    for symbol in symbols:
        if ("/" in symbol) is not is_crypto or (resume is not None and symbol < resume[0]):
            continue
        found = aggregate(exchange.market.history(symbol, start, end), bucket)
        if descending:
            found.reverse()
        if resume is not None and symbol == resume[0]:
            edge = resume[1]
            found = [bar for bar in found if (bar.start <= edge if descending else bar.start >= edge)]
        if len(found) > left:
            if left:
                page[symbol] = found[:left]
            return page, _token(symbol, found[left].start)
        if found:
            page[symbol] = found
            left -= len(found)
    return page, None


def _list(bars: list[Bar]) -> str:
    return "[" + ",".join("{" + bar_json(bar) + "}" for bar in bars) + "]"


def _bars_response(exchange: Exchange, request: Request, is_crypto: bool) -> Response:
    page, token = _bars(exchange, request, _symbols(request), is_crypto)
    shown = _object((symbol, _list(bars)) for symbol, bars in page.items())
    return text_response(200, f'{{"bars":{shown},"next_page_token":{json.dumps(token)}}}')


def stock_bars(exchange: Exchange, request: Request, _: tuple[str, ...]) -> Response:
    """GET /v2/stocks/bars?symbols=."""
    return _bars_response(exchange, request, is_crypto=False)


def crypto_bars(exchange: Exchange, request: Request, _: tuple[str, ...]) -> Response:
    """GET /v1beta3/crypto/us/bars?symbols=."""
    return _bars_response(exchange, request, is_crypto=True)


def stock_bars_of(exchange: Exchange, request: Request, names: tuple[str, ...]) -> Response:
    """GET /v2/stocks/{symbol}/bars."""
    symbol = names[0].upper()
    page, token = _bars(exchange, request, [symbol], is_crypto=False)
    shown = _list(page.get(symbol, []))
    name = json.dumps(symbol)
    return text_response(200, f'{{"bars":{shown},"symbol":{name},"next_page_token":{json.dumps(token)}}}')


def _latest_bars(exchange: Exchange, request: Request, is_crypto: bool) -> Response:
    pairs: list[tuple[str, str]] = []
    for symbol in _symbols(request):
        bar = exchange.market.latest_bar(symbol)
        if bar is not None and ("/" in symbol) is is_crypto:
            pairs.append((symbol, "{" + bar_json(bar) + "}"))
    return text_response(200, f'{{"bars":{_object(pairs)}}}')


def _latest_quotes(exchange: Exchange, request: Request, is_crypto: bool) -> Response:
    pairs: list[tuple[str, str]] = []
    for symbol in _symbols(request):
        quote = exchange.venue.quote(symbol)
        if quote is not None and ("/" in symbol) is is_crypto:
            pairs.append((symbol, "{" + quote_json(quote) + "}"))
    return text_response(200, f'{{"quotes":{_object(pairs)}}}')


def stock_latest_bars(exchange: Exchange, request: Request, _: tuple[str, ...]) -> Response:
    """GET /v2/stocks/bars/latest?symbols=."""
    return _latest_bars(exchange, request, is_crypto=False)


def stock_latest_quotes(exchange: Exchange, request: Request, _: tuple[str, ...]) -> Response:
    """GET /v2/stocks/quotes/latest?symbols=."""
    return _latest_quotes(exchange, request, is_crypto=False)


def crypto_latest_bars(exchange: Exchange, request: Request, _: tuple[str, ...]) -> Response:
    """GET /v1beta3/crypto/us/latest/bars?symbols=."""
    return _latest_bars(exchange, request, is_crypto=True)


def crypto_latest_quotes(exchange: Exchange, request: Request, _: tuple[str, ...]) -> Response:
    """GET /v1beta3/crypto/us/latest/quotes?symbols=."""
    return _latest_quotes(exchange, request, is_crypto=True)


def stock_latest_bar_of(exchange: Exchange, _: Request, names: tuple[str, ...]) -> Response:
    """GET /v2/stocks/{symbol}/bars/latest."""
    symbol = names[0].upper()
    bar = exchange.market.latest_bar(symbol)
    if bar is None or "/" in symbol:
        raise Refused(404, None, f"no bar found for {symbol}")
    return text_response(200, f'{{"symbol":{json.dumps(symbol)},"bar":{{{bar_json(bar)}}}}}')


def stock_latest_quote_of(exchange: Exchange, _: Request, names: tuple[str, ...]) -> Response:
    """GET /v2/stocks/{symbol}/quotes/latest."""
    symbol = names[0].upper()
    quote = exchange.venue.quote(symbol)
    if quote is None or "/" in symbol:
        raise Refused(404, None, f"no quote found for {symbol}")
    return text_response(200, f'{{"symbol":{json.dumps(symbol)},"quote":{{{quote_json(quote)}}}}}')
