"""Identifiers that look random and are not: UUIDs and ULIDs from a seed and a counter.

1. The same seed and the same sequence of requests give the same identifiers, so that two runs compare equal.
2. UUIDs carry version 4 and its variant: Alpaca's clients parse them.
3. ULIDs are strictly increasing, also within one millisecond: they sort by the order of publishing.
4. An asset's UUID follows from its symbol alone, whatever the seed.
"""

from hashlib import blake2b
from typing import Final

__all__ = ["IdSource", "asset_uuid"]

_BASE32: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MILLISECOND: Final = 1_000_000
_ULID_RANDOM_BITS: Final = 80


def _uuid(text: str) -> str:
    """A version-4 UUID made of the hash of `text`."""
    raw = bytearray(blake2b(text.encode(), digest_size=16).digest())
    raw[6] = (raw[6] & 0x0F) | 0x40
    raw[8] = (raw[8] & 0x3F) | 0x80
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def asset_uuid(symbol: str) -> str:
    """The identifier of an asset, the same in every session."""
    return _uuid(f"asset/{symbol}")


class IdSource:
    """A seeded source of identifiers; not thread-safe, like the venue that owns it."""

    __slots__ = ("_counter", "_seed", "_ulid")

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._counter = 0
        self._ulid = 0

    def uuid(self, kind: str) -> str:
        """The next UUID; `kind` only tells purposes apart (`order`, `execution`, ...)."""
        self._counter += 1
        return _uuid(f"{self._seed}/{kind}/{self._counter}")

    def draw(self, bound: int) -> int:
        """The next integer of 0..bound-1, for choices that must be the same in every run."""
        self._counter += 1
        text = f"{self._seed}/draw/{self._counter}"
        return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") % bound

    def ulid(self, at: int) -> str:
        """The next ULID for an instant in nanoseconds; greater than every one before."""
        self._counter += 1
        text = f"{self._seed}/ulid/{self._counter}"
        low = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
        number = (at // _MILLISECOND << _ULID_RANDOM_BITS) | low
        self._ulid = max(number, self._ulid + 1)
        return "".join(_BASE32[self._ulid >> shift & 31] for shift in range(125, -1, -5))
