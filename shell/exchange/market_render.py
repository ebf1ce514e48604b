"""Bars and quotes as Alpaca's market-data objects, in JSON text with exact numbers and in MessagePack.

1. JSON numbers are written from the integers: `167.42` is 167.42, no float in between.
2. MessagePack carries floats and `t` as a Timestamp extension (alpaca-py calls `.to_datetime()` on it).
3. `vw` and `n` are not in a CSV file: the typical price (high + low + close) / 3 at six decimals, and one
   trade for each hundred shares (coins: for each tenth), at least one.
4. Sizes are in shares. Equities carry exchanges, conditions and tape; crypto does not.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

import msgpack

from kernel.reports import Bar, Quote
from kernel.units import SCALE
from shell.exchange.text import amount_text, instant_text, quotient_text

__all__ = ["JSON", "MSGPACK", "Codec", "JsonCodec", "MsgpackCodec", "bar_json", "quote_json"]

_SECOND: Final = 1_000_000_000
_SHARES_A_TRADE: Final = 100 * SCALE
_COINS_A_TRADE: Final = SCALE // 10


def _trade_count(bar: Bar) -> int:
    unit = _COINS_A_TRADE if "/" in bar.symbol else _SHARES_A_TRADE
    return max(1, bar.volume // unit)


def _vwap(bar: Bar) -> str:
    return quotient_text(bar.high + bar.low + bar.close, 3 * SCALE, 6)


def bar_json(bar: Bar) -> str:
    """The fields of a bar, without symbol and braces."""
    return (
        f'"o":{amount_text(bar.open)},"h":{amount_text(bar.high)},"l":{amount_text(bar.low)},'
        f'"c":{amount_text(bar.close)},"v":{amount_text(bar.volume)},"n":{_trade_count(bar)},'
        f'"vw":{_vwap(bar)},"t":"{instant_text(bar.start)}"'
    )


def quote_json(quote: Quote) -> str:
    """The fields of a quote, without symbol and braces."""
    if "/" in quote.symbol:
        return (
            f'"bp":{amount_text(quote.bid)},"bs":{amount_text(quote.bid_size)},'
            f'"ap":{amount_text(quote.ask)},"as":{amount_text(quote.ask_size)},"t":"{instant_text(quote.at)}"'
        )
    return (
        f'"ax":"V","ap":{amount_text(quote.ask)},"as":{amount_text(quote.ask_size)},'
        f'"bx":"V","bp":{amount_text(quote.bid)},"bs":{amount_text(quote.bid_size)},'
        f'"c":["R"],"t":"{instant_text(quote.at)}","z":"B"'
    )


def _number(amount: int) -> int | float:
    """A scaled amount as the number that MessagePack carries: whole ones as integers."""
    whole, rest = divmod(amount, SCALE)
    return whole if rest == 0 else float(amount_text(amount))


def _timestamp(instant: int) -> msgpack.Timestamp:
    return msgpack.Timestamp(*divmod(instant, _SECOND))


class Codec:
    """How one connection's messages are written and read."""

    def control(self, messages: Sequence[dict[str, object]]) -> str | bytes:
        """An array of control messages as one frame."""
        raise AssertionError("a codec overrides this")

    def bar(self, bar: Bar) -> str | bytes:
        """One bar message, to be joined by `frame`."""
        raise AssertionError("a codec overrides this")

    def quote(self, quote: Quote) -> str | bytes:
        """One quote message, to be joined by `frame`."""
        raise AssertionError("a codec overrides this")

    def frame(self, parts: Sequence[str | bytes]) -> str | bytes:
        """An array of messages of this codec as one frame."""
        raise AssertionError("a codec overrides this")

    def read(self, message: str | bytes) -> Any:
        """A client's message as a value. Raises ValueError."""
        raise AssertionError("a codec overrides this")


class JsonCodec(Codec):
    """Text frames of JSON."""

    def control(self, messages: Sequence[dict[str, object]]) -> str | bytes:
        """An array of control messages as one frame."""
        return json.dumps(list(messages), separators=(",", ":"))

    def bar(self, bar: Bar) -> str | bytes:
        """One bar message."""
        return f'{{"T":"b","S":"{bar.symbol}",{bar_json(bar)}}}'

    def quote(self, quote: Quote) -> str | bytes:
        """One quote message."""
        return f'{{"T":"q","S":"{quote.symbol}",{quote_json(quote)}}}'

    def frame(self, parts: Sequence[str | bytes]) -> str | bytes:
        """An array of messages as one frame."""
        return "[" + ",".join(part for part in parts if isinstance(part, str)) + "]"

    def read(self, message: str | bytes) -> Any:
        """JSON text, in a text or a binary frame."""
        try:
            return json.loads(message)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


class MsgpackCodec(Codec):
    """Binary frames of MessagePack."""

    def control(self, messages: Sequence[dict[str, object]]) -> str | bytes:
        """An array of control messages as one frame."""
        return bytes(msgpack.packb(list(messages)))

    def bar(self, bar: Bar) -> str | bytes:
        """One bar message."""
        fields = {
            "T": "b",
            "S": bar.symbol,
            "o": _number(bar.open),
            "h": _number(bar.high),
            "l": _number(bar.low),
            "c": _number(bar.close),
            "v": _number(bar.volume),
            "n": _trade_count(bar),
            "vw": float(_vwap(bar)),
            "t": _timestamp(bar.start),
        }
        return bytes(msgpack.packb(fields))

    def quote(self, quote: Quote) -> str | bytes:
        """One quote message."""
        fields: dict[str, object] = {
            "T": "q",
            "S": quote.symbol,
            "bp": _number(quote.bid),
            "bs": _number(quote.bid_size),
            "ap": _number(quote.ask),
            "as": _number(quote.ask_size),
            "t": _timestamp(quote.at),
        }
        if "/" not in quote.symbol:
            fields.update({"ax": "V", "bx": "V", "c": ["R"], "z": "B"})
        return bytes(msgpack.packb(fields))

    def frame(self, parts: Sequence[str | bytes]) -> str | bytes:
        """An array of messages as one frame."""
        header = bytes(msgpack.Packer().pack_array_header(len(parts)))
        return header + b"".join(part for part in parts if isinstance(part, bytes))

    def read(self, message: str | bytes) -> Any:
        """MessagePack from a binary frame; JSON from a text frame, as the original also takes it."""
        if isinstance(message, str):
            return JSON.read(message)
        try:
            return msgpack.unpackb(message)
        except (ValueError, RecursionError, msgpack.exceptions.UnpackException) as error:
            raise ValueError("not MessagePack") from error


JSON: Final = JsonCodec()
MSGPACK: Final = MsgpackCodec()
