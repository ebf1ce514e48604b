"""The fault menu: every name, when it is drawn, what it does, and what can be set about it.

1. A rate is the chance (0 to 1) that a fault fires at one of its occasions, which `drawn` names:
   request = each REST request that it can concern; update = each trade_updates message; message = each
   message on a stream; minute = once in each minute of session time; quotes = each instant of the market;
   and what the words say (cancel, replace, execution, handshake, acknowledgment, end).
2. `kinds` are the forms of a fault, drawn evenly; a plan may choose among them.
3. Options are numbers: `_s` session seconds, `_ms` real milliseconds. Each firing is bounded by them.
4. Faults of the world (crash, disk, ...) are named to be refused with a line that says where they live.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

__all__ = ["MENU", "WORLD", "Fault", "Option"]


class Option(NamedTuple):
    """A number that can be set."""

    default: float
    low: float
    high: float
    meaning: str


class Fault(NamedTuple):
    """One name of the menu."""

    drawn: str
    meaning: str
    kinds: tuple[str, ...] = ()
    """The forms that are drawn unless the plan says otherwise."""
    options: Mapping[str, Option] = {}
    rare_kinds: tuple[str, ...] = ()
    """Forms that a plan must ask for."""


def _for(default: float, meaning: str, high: float = 3_600) -> dict[str, Option]:
    return {"for_s": Option(default, 1, high, meaning)}


MENU: Final[Mapping[str, Fault]] = {
    "lost_response": Fault(
        "POST, PATCH, DELETE", "carried out, the answer lost: 504, or the connection closed", ("504", "reset")
    ),
    "refused_response": Fault(
        "POST, PATCH, DELETE", "not carried out: 504, or the connection closed", ("504", "reset")
    ),
    "slow_response": Fault(
        "request",
        "carried out, the answer late; updates come before it",
        options={"ms": Option(300, 1, 60_000, "real milliseconds at most; at least a tenth of it")},
    ),
    "hang": Fault(
        "request",
        "no answer: until the client closes the connection, or `for_ms` real milliseconds",
        ("before", "after"),
        {"for_ms": Option(30_000, 1, 120_000, "real milliseconds")},
    ),
    "server_error": Fault(
        "request",
        "500, 502 or 503 with an HTML body, before or after it was carried out",
        ("before", "after"),
    ),
    "bad_body": Fault(
        "request with a JSON answer",
        "200 with truncated JSON, an unknown word, a null, numbers as text and text as numbers, extra fields",
        ("truncated", "word", "null", "swapped", "extra"),
    ),
    "rate_limited": Fault("request", "429, not carried out, with or without headers", ("headers", "bare")),
    "foreign_budget": Fault(
        "trading request",
        "another client spends requests of the account, never more than half of the limit",
        options={"requests": Option(10, 1, 200, "spent in one firing")},
    ),
    "duplicate_update": Fault(
        "update",
        "sent again one to three times: as it was, with a fresh event id, or an earlier one",
        ("same", "fresh", "replay"),
    ),
    "reordered_update": Fault(
        "update; POST, PATCH, DELETE",
        "an update held back until after the next one; a request's updates sent before its answer",
        options=_for(10, "longest hold"),
    ),
    "dropped_update": Fault("update", "one update is never sent"),
    "stream_mute": Fault(
        "minute",
        "open, pings answered, no data; what was to be sent is lost",
        ("order", "market"),
        _for(40, "silence"),
    ),
    "stream_cut": Fault(
        "minute",
        "order and market streams closed with 1000 or 1011, or cut off (1006)",
        ("1000", "1006", "1011"),
    ),
    "stream_refused": Fault(
        "handshake",
        "429 for `for_s`; or authentication refused once; or let in and closed. The next one is let in.",
        ("busy", "unauthorized", "kicked"),
        _for(20, "how long handshakes are answered 429"),
    ),
    "binary_frames": Fault(
        "message",
        "text for binary and the reverse (JSON streams), or in two fragments",
        ("flip", "fragments"),
    ),
    "unknown_word": Fault(
        "update; order answered by REST", "an event or an order status that nobody knows", ("event", "status")
    ),
    "partial_fills": Fault(
        "execution",
        "one execution becomes several: odd lots, fractions where the quantity has one",
        options={"parts": Option(5, 2, 50, "at most")},
    ),
    "late_fill": Fault(
        "cancel; end of an order",
        "an execution after the cancel's 204, or after canceled or expired was sent",
        ("after_204", "after_end"),
        _for(15, "longest delay"),
    ),
    "cancel_rejected": Fault(
        "cancel",
        "the order fills first (422); not cancelable (422); 204 and then order_cancel_rejected",
        ("filled", "refused", "rejected"),
    ),
    "stuck_cancel": Fault(
        "cancel",
        "204, then pending_cancel for long; ends canceled, or sometimes order_cancel_rejected",
        options=_for(300, "how long", 86_400),
    ),
    "replace_race": Fault("replace", "200, then the old order fills and the new one is rejected"),
    "replace_rejected": Fault("replace", "200, then order_replace_rejected and the new order rejected"),
    "bust_correct": Fault(
        "execution",
        "later busted, or corrected in price or quantity, or the order restated",
        ("bust", "price", "quantity", "restate"),
        _for(120, "longest delay"),
    ),
    "stale_snapshot": Fault(
        "GET of orders, positions, activities",
        "the answer as of `lag_s` ago, or without the last things that happened within `stuck_s`; an order "
        "younger than that is a 404",
        ("lag", "stuck"),
        {
            "lag_s": Option(5, 1, 600, "how far behind"),
            "stuck_s": Option(90, 1, 600, "how old may be what a stuck answer lacks"),
        },
    ),
    "truncated_pages": Fault(
        "list of orders or activities", "half of the rows, and rows of one millisecond in any order"
    ),
    "manual_trade": Fault(
        "minute",
        "another client buys or sells a little, its updates streamed or not; or shares move without order",
        ("streamed", "unstreamed"),
        rare_kinds=("transfer",),
    ),
    "orphan_order": Fault(
        "minute",
        "another client's order, far from the market, canceled by its owner in the end; or one by a name of "
        "our kind, left behind by a lost journal or another instance",
        ("foreign", "ours"),
        _for(300, "how long it stands", 86_400),
    ),
    "shadow_order": Fault(
        "acknowledgment",
        "the order vanishes without an event: 404, in no list",
        options=_for(20, "longest delay"),
    ),
    "id_collision": Fault(
        "POST of an order",
        "422 client_order_id must be unique: of an order that exists now, or of none that can be found",
        ("exists", "absent"),
    ),
    "account_refusal": Fault(
        "POST of an order",
        "403: buying power, wash trade, short not available, account blocked; or 200, and then rejected",
        ("buying_power", "wash_trade", "short", "blocked", "later"),
    ),
    "symbol_trouble": Fault(
        "minute",
        "a symbol is halted (its orders `suspended`, or rest under a rarer word), or its asset not tradable, "
        "not fractionable, not to be borrowed",
        ("halt", "rare_word", "not_tradable", "not_fractionable", "not_shortable"),
        _for(45, "how long"),
    ),
    "bad_ticks": Fault(
        "quotes",
        "a bar or quote on the stream: zero, negative, crossed, stale, jumping, twice, or late",
        ("zero", "negative", "crossed", "stale", "jump", "twice", "late"),
    ),
    "credentials": Fault(
        "minute", "every request is 401 or 403 for a while", ("401", "403"), _for(20, "how long")
    ),
}
"""The exchange's faults by name."""

WORLD: Final[Mapping[str, str]] = {
    "crash": "kills the trading process; lives in the simulated world",
    "disk": "fails the journal's writes; lives in the simulated world",
    "clock": "moves the trading process's clock; lives in the simulated world",
    "slow_consumer": "starves the trading process; lives in the simulated world",
    "split_brain": "starts a second instance; lives in the simulated world",
    "operator": "says words to the trading process; lives in the simulated world",
}
"""Faults that are not the exchange's, and where they live."""
