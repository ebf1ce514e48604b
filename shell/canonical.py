"""Canonical bytes of kernel values: the journal's bodies and the digest of a whole Desk.

What a value becomes is decided by its type's annotations (they are the schema), so the bytes carry no
field names and equal values have equal bytes, in any process, whatever PYTHONHASHSEED is.

Rules:
1. The carrier is MessagePack, smallest form of everything; integers beyond 64 bits are extension type 1
   (two's complement, big endian, as few bytes as hold it), so an integer may have any size.
2. A NamedTuple is the array of its fields in order; an Enum member is its value; a tuple is an array; a
   frozenset is an array sorted; an immutables.Map is an array of [key, value] sorted by key.
3. Where a union leaves a choice between types that are not plain, the value is [class name, value]; so
   is a record or a member at the top. Class names are therefore part of the format.
4. Encoding refuses what decoding could not read back: nothing unreadable gets into a journal.
5. Decoding is total: the value, or a CanonicalError that says where and what. Fewer fields than today's
   class are filled with its defaults (an older journal); more, or an unknown tag, is a newer version's.
6. `Any` (a strategy's own state) is written with its types beside it; reading it back needs `register`.

Ignored: lists, dicts, floats, dataclasses - kernel values have none, so they are refused.
Speed: plans are made once per class and combination of run-time types, then it is table lookups.
"""

import gc
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

from shell.canonical_shapes import Choice, Member, Row, Shape
from shell.canonical_types import register, register_with_parts, shape_of
from shell.canonical_wire import CANONICAL_VERSION, CanonicalError, pack, unpack

__all__ = [
    "CANONICAL_VERSION",
    "CanonicalError",
    "decode",
    "digest",
    "encode",
    "gc_paused",
    "register",
    "register_with_parts",
]

_tops: dict[Any, Shape] = {}


def encode(value: object, declared: Any = None) -> bytes:
    """The canonical bytes of `value`.

    A record or Enum member carries its class name at the top, so `decode` may be given its class or
    any union that has it; `declared` is not needed for it. For other values `declared` is the annotation
    to encode under (default: Any, with every type written beside its value).
    Raises CanonicalError for what has no canonical form or does not fit its annotation.
    """
    if declared is None:
        kind = type(value)
        declared = kind if hasattr(kind, "_fields") or issubclass(kind, Enum) else Any
    try:
        return pack(_top(declared).encoder(type(value))(value))
    except RecursionError:
        raise CanonicalError("", "nested too deep") from None


def decode(data: bytes, expected: Any) -> Any:
    """The value that `data` stands for, of the annotation `expected`; CanonicalError for anything else."""
    wire = unpack(data)
    try:
        return _top(expected).decoder(type(wire))(wire)
    except RecursionError:
        raise CanonicalError("", "nested too deep") from None


def digest(value: object) -> str:
    """SHA-256 of the canonical bytes, in hex: equal for equal values, in every process.

    Linear in the size, about 5 us for each order of a Desk.
    """
    with gc_paused():
        return hashlib.sha256(encode(value)).hexdigest()


@contextmanager
def gc_paused() -> Iterator[None]:
    """No garbage collection while a large value is encoded.

    It would look through the half-made carrier values again and again, find nothing, treble the time, and
    hold up every other thread for as long as it looks.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _top(annotation: Any) -> Shape:
    top = _tops.get(annotation)
    if top is None:
        shape = shape_of(annotation)
        top = Choice((shape,), tagged=True) if isinstance(shape, Row | Member) else shape
        _tops[annotation] = top
    return top
