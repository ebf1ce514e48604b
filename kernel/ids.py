"""Our names for orders: deterministic, readable, and only ours.

A client order id tells whose order it is and which: `mqd-7-vwap_micro-000000042` is the desk with the
prefix `mqd`, its seventh start (epoch), the strategy `vwap_micro`, the 42nd order of that epoch.

Rules:
1. No randomness and no clock: the same key gives the same id, so a replay names the same orders.
2. Prefix and strategy are slugs of [a-z0-9_]; '-' separates. At most 48 characters (Alpaca takes 128).
3. Two keys never share an id, and only what `client_order_id` writes parses: `mqd-07-...` is not ours.
4. An epoch is never used twice on a journal, so an id is never used twice at the broker.
5. Parsing is total: anything that is not ours is None, never an error.

A fill that is known only from a cumulative figure gets an execution id of ours, made of the order and of the
cumulative quantity after it, so that the same gap is inferred once however often it is seen.
"""

from typing import Final, NamedTuple

__all__ = [
    "CLIENT_ORDER_ID_MAX",
    "EPOCH_MAX",
    "PREFIX_MAX",
    "SEQUENCE_MAX",
    "STRATEGY_MAX",
    "OrderKey",
    "client_order_id",
    "inferred_execution_id",
    "is_inferred",
    "is_ours",
    "is_slug",
    "parse_client_order_id",
]

PREFIX_MAX: Final = 12
"""Characters of a desk's prefix."""

STRATEGY_MAX: Final = 16
"""Characters of a strategy's slug."""

EPOCH_MAX: Final = 99_999_999
"""Starts on one journal: eight digits."""

SEQUENCE_DIGITS: Final = 9
"""Orders of an epoch are numbered with so many digits, zeros in front, so that ids sort."""

SEQUENCE_MAX: Final = 10**SEQUENCE_DIGITS - 1
"""Orders in one epoch. The desk refuses the next one (desk_full)."""

CLIENT_ORDER_ID_MAX: Final = PREFIX_MAX + 1 + 8 + 1 + STRATEGY_MAX + 1 + SEQUENCE_DIGITS
"""Characters of the longest id: 48."""

SEPARATOR: Final = "-"
SLUG_CHARACTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789_"
DIGITS: Final = "0123456789"
INFERRED: Final = "inferred:"
"""How an execution id of ours begins; the broker's are UUIDs."""


class OrderKey(NamedTuple):
    """Which order it is."""

    epoch: int
    """The start of the process in which it was made: 1 to EPOCH_MAX."""
    strategy: str
    """The strategy's slug."""
    sequence: int
    """Its number within the epoch: 0 to SEQUENCE_MAX."""


def is_slug(text: str, length_max: int) -> bool:
    """Whether `text` is 1 to `length_max` characters of [a-z0-9_]."""
    return 0 < len(text) <= length_max and all(character in SLUG_CHARACTERS for character in text)


def client_order_id(prefix: str, key: OrderKey) -> str:
    """The id of an order: at most CLIENT_ORDER_ID_MAX characters of [a-z0-9_-].

    A bad prefix or key is a kernel bug (AssertionError): configuration and desk have checked them before.
    """
    assert is_slug(prefix, PREFIX_MAX), "kernel bug: a prefix is 1 to 12 characters of [a-z0-9_]"
    assert is_slug(key.strategy, STRATEGY_MAX), "kernel bug: a strategy is 1 to 16 characters of [a-z0-9_]"
    assert 0 < key.epoch <= EPOCH_MAX, "kernel bug: an epoch is 1 to 99,999,999"
    assert 0 <= key.sequence <= SEQUENCE_MAX, "kernel bug: a sequence is 0 to 999,999,999"
    return f"{prefix}-{key.epoch}-{key.strategy}-{key.sequence:09d}"


def _is_number(text: str, length_max: int) -> bool:
    return 0 < len(text) <= length_max and all(character in DIGITS for character in text)


def parse_client_order_id(prefix: str, text: str) -> OrderKey | None:
    """The key that `client_order_id(prefix, key)` wrote as `text`, or None: not ours. Total and canonical."""
    if len(text) > CLIENT_ORDER_ID_MAX or not is_slug(prefix, PREFIX_MAX):
        return None
    parts = text.split(SEPARATOR)
    if len(parts) != 4 or parts[0] != prefix:
        return None
    _, epoch, strategy, sequence = parts
    if not _is_number(epoch, len(str(EPOCH_MAX))) or epoch[0] == "0":
        return None
    if not _is_number(sequence, SEQUENCE_DIGITS) or len(sequence) != SEQUENCE_DIGITS:
        return None
    if not is_slug(strategy, STRATEGY_MAX):
        return None
    return OrderKey(int(epoch), strategy, int(sequence))


def is_ours(prefix: str, text: str) -> bool:
    """Whether a desk with this prefix wrote the id."""
    return parse_client_order_id(prefix, text) is not None


def inferred_execution_id(client_order_id: str, cumulative_quantity: int) -> str:
    """The id of the unseen execution that brings the order to `cumulative_quantity` (10^-9, positive)."""
    assert cumulative_quantity > 0, "kernel bug: an inferred execution brings the order above zero"
    return f"{INFERRED}{client_order_id}:{cumulative_quantity}"


def is_inferred(execution_id: str) -> bool:
    """Whether the execution id is one of ours: it stands in until the broker's own comes."""
    if not execution_id.startswith(INFERRED):
        return False
    _, colon, quantity = execution_id[len(INFERRED) :].rpartition(":")
    return colon == ":" and len(quantity) > 0 and quantity[0] != "0" and all(c in DIGITS for c in quantity)
