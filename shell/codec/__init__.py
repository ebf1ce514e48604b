"""The codec: Alpaca's JSON to the kernel's values and back. Any text gives a value, an event or a Problem."""

from shell.codec.fields import RAW_TEXT_MAX, Notes, Problem, clean_text, parse_json, unrecognized
from shell.codec.wire_account import (
    decode_account,
    decode_activities,
    decode_activity,
    decode_position,
    decode_positions,
)
from shell.codec.wire_assets import decode_asset
from shell.codec.wire_errors import classify_error, retry_after
from shell.codec.wire_market import CONTROL_KINDS, MARKET, BarsPage, decode_bars, decode_market, market_events
from shell.codec.wire_orders import decode_order, decode_orders, encode_replace, encode_ticket
from shell.codec.wire_stream import TRADE_UPDATES, decode_trade_update, trade_update_events
from shell.codec.words import NO_PAIRS, Pairs, known_pairs, order_symbol

__all__ = [
    "CONTROL_KINDS",
    "MARKET",
    "NO_PAIRS",
    "RAW_TEXT_MAX",
    "TRADE_UPDATES",
    "BarsPage",
    "Notes",
    "Pairs",
    "Problem",
    "classify_error",
    "clean_text",
    "decode_account",
    "decode_activities",
    "decode_activity",
    "decode_asset",
    "decode_bars",
    "decode_market",
    "decode_order",
    "decode_orders",
    "decode_position",
    "decode_positions",
    "decode_trade_update",
    "encode_replace",
    "encode_ticket",
    "known_pairs",
    "market_events",
    "order_symbol",
    "parse_json",
    "retry_after",
    "trade_update_events",
    "unrecognized",
]
