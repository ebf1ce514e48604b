"""A finished order as a few bytes, and back again, exactly: unpack(pack(order)) == order.

What an order is made of is written field by field, each value after a tag. A text or a large number that
stood before (the leg of an execution, the price that was asked for and paid) is written as its place.

    tag   0 to 31    an integer of so many bytes, big endian, two's complement
          32 to 39   None, False, True, longer integer, text, UUID, tuple, map
          40         what stood before: one byte says where
          48 to 63   a record of RECORDS, its fields follow
          64 to 255  a member of one of ENUMS

Rules:
1. Total over what an Order may hold: integers of any size, any text (lone surrogates too).
2. Equal orders have equal bytes, in any process: maps are sorted by key.
3. The tables and the fields of the records are the format; FORMAT rises when what was written before would
   be read as something else. A journal holds events, so it replays whatever the format is.

Cost: about 40 us each way for an order with one execution, growing with its executions; so the book keeps
the executions of an order that has many as they are (book.py).
"""

from collections.abc import Callable
from enum import Enum
from typing import Final

from immutables import Map

from kernel.commands import OrderTicket
from kernel.orders.chart import CancelState, OrderStatus, ReplaceState
from kernel.orders.ledger import Entry, Ledger, Leg
from kernel.orders.record import Order, Pursuit, Replacement, Times
from kernel.sides import OrderClass, OrderType, Purpose, Side, TimeInForce

__all__ = ["ENUMS", "FORMAT", "RECORDS", "pack", "unpack"]

FORMAT: Final = 2
"""The first byte of what is packed."""

RECORDS: Final = (Order, OrderTicket, Times, Pursuit, Replacement, Ledger, Leg, Entry)
"""Every record that is part of an order, by its code."""

ENUMS: Final[tuple[type[Enum], ...]] = (
    OrderStatus,
    CancelState,
    ReplaceState,
    Side,
    OrderType,
    TimeInForce,
    Purpose,
    OrderClass,
)
"""Every Enum that is part of an order; members are numbered through in this order."""

INTEGER_BYTES_MAX: Final = 31
NONE, FALSE, TRUE, LONG, TEXT, UUID, TUPLE, MAP, SEEN = range(32, 41)
RECORD, RECORDS_MAX, MEMBER, MEMBERS_MAX = 48, 16, 64, 192
SEEN_MAX: Final = 256
"""Values that can be pointed at; further ones are written out."""
SEEN_BYTES_MIN: Final = 3
"""Smaller integers cost no more than a pointer."""
UUID_TEXT, UUID_BYTES = 36, 16
SIZE_LONG, SIZE_BYTES = 255, 4
"""A size below SIZE_LONG is one byte; a longer one follows in so many."""
CONSTANTS: Final[dict[int, object]] = {NONE: None, FALSE: False, TRUE: True}

MEMBERS: Final = tuple(member for kind in ENUMS for member in kind)
CODE_OF_MEMBER: Final = {member: MEMBER + index for index, member in enumerate(MEMBERS)}
CODE_OF_RECORD: Final[dict[type, int]] = {kind: RECORD + index for index, kind in enumerate(RECORDS)}
MAKERS: Final[tuple[tuple[Callable[..., object], int], ...]] = tuple(
    (kind, len(kind._fields)) for kind in RECORDS
)
assert len(RECORDS) <= RECORDS_MAX, "kernel bug: more records than codes"
assert len(MEMBERS) <= MEMBERS_MAX, "kernel bug: more Enum members than codes"


def pack(order: Order) -> bytes:
    """The order's bytes."""
    out = bytearray((FORMAT,))
    _write(out, {}, order)
    return bytes(out)


def unpack(packed: bytes) -> Order:
    """The order that `pack` made these bytes of; anything else is a kernel bug (AssertionError)."""
    assert packed[0] == FORMAT, f"kernel bug: a packed order of format {packed[0]}, this is {FORMAT}"
    order, end = _read(packed, 1, [])
    assert isinstance(order, Order), "kernel bug: packed bytes that are no order"
    assert end == len(packed), "kernel bug: packed bytes with something after the order"
    return order


# ---------------------------------------------------------------- writing


def _write(out: bytearray, seen: dict[int | str, int], value: object) -> None:
    kind = type(value)
    if kind is int:
        assert isinstance(value, int)
        _write_integer(out, seen, value)
    elif value is None:
        out.append(NONE)
    elif kind in CODE_OF_RECORD:
        assert isinstance(value, tuple)
        out.append(CODE_OF_RECORD[kind])
        for part in value:
            _write(out, seen, part)
    elif isinstance(value, Enum):
        out.append(CODE_OF_MEMBER[value])
    elif isinstance(value, str):
        _write_text(out, seen, value)
    elif kind is bool:
        out.append(TRUE if value else FALSE)
    elif kind is tuple:
        assert isinstance(value, tuple)
        out.append(TUPLE)
        _write_size(out, len(value))
        for part in value:
            _write(out, seen, part)
    else:
        assert isinstance(value, Map), f"kernel bug: an order holds a {kind.__name__}"
        out.append(MAP)
        _write_size(out, len(value))
        for key, part in sorted(value.items()):
            _write(out, seen, key)
            _write(out, seen, part)


def _write_size(out: bytearray, size: int) -> None:
    if size < SIZE_LONG:
        out.append(size)
    else:
        out.append(SIZE_LONG)
        out += size.to_bytes(SIZE_BYTES, "big")


def _is_seen(out: bytearray, seen: dict[int | str, int], value: int | str) -> bool:
    """Points at a value that stood before; else remembers it, while there is room."""
    index = seen.get(value)
    if index is not None:
        out += bytes((SEEN, index))
        return True
    if len(seen) < SEEN_MAX:
        seen[value] = len(seen)
    return False


def _write_integer(out: bytearray, seen: dict[int | str, int], value: int) -> None:
    size = (value.bit_length() + 8) // 8 if value else 0
    if size >= SEEN_BYTES_MIN and _is_seen(out, seen, value):
        return
    if size <= INTEGER_BYTES_MAX:
        out.append(size)
    else:
        out.append(LONG)
        _write_size(out, size)
    out += value.to_bytes(size, "big", signed=True)


def _write_text(out: bytearray, seen: dict[int | str, int], text: str) -> None:
    if _is_seen(out, seen, text):
        return
    short = _uuid_bytes(text) if len(text) == UUID_TEXT else None
    if short is not None:
        out.append(UUID)
        out += short
        return
    raw = text.encode("utf-8", "surrogatepass")
    out.append(TEXT)
    _write_size(out, len(raw))
    out += raw


def _uuid_bytes(text: str) -> bytes | None:
    """The 16 bytes of a UUID in its usual form, None for any other text."""
    try:
        short = bytes.fromhex(text.replace("-", ""))
    except ValueError:
        return None
    return short if len(short) == UUID_BYTES and _uuid_text(short) == text else None


def _uuid_text(short: bytes) -> str:
    digits = short.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


# ---------------------------------------------------------------- reading


def _read(data: bytes, at: int, seen: list[int | str]) -> tuple[object, int]:
    """The value that begins at `at`, and where the next one does."""
    tag = data[at]
    at += 1
    if tag <= INTEGER_BYTES_MAX or tag == LONG:
        size = tag
        if tag == LONG:
            size, at = _read_size(data, at)
        integer = int.from_bytes(data[at : at + size], "big", signed=True)
        if size >= SEEN_BYTES_MIN and len(seen) < SEEN_MAX:
            seen.append(integer)
        return integer, at + size
    if tag >= MEMBER:
        return MEMBERS[tag - MEMBER], at
    if tag == SEEN:
        return seen[data[at]], at + 1
    if tag in (UUID, TEXT):
        return _read_text(data, at, seen, tag)
    if tag >= RECORD:
        make, size = MAKERS[tag - RECORD]
        parts, at = _read_parts(data, at, seen, size)
        return make(*parts), at
    if tag in (TUPLE, MAP):
        size, at = _read_size(data, at)
        parts, at = _read_parts(data, at, seen, size if tag == TUPLE else 2 * size)
        return tuple(parts) if tag == TUPLE else Map(zip(parts[::2], parts[1::2], strict=True)), at
    assert tag in CONSTANTS, f"kernel bug: a packed order with the tag {tag}"
    return CONSTANTS[tag], at


def _read_size(data: bytes, at: int) -> tuple[int, int]:
    size = data[at]
    if size < SIZE_LONG:
        return size, at + 1
    end = at + 1 + SIZE_BYTES
    return int.from_bytes(data[at + 1 : end], "big"), end


def _read_parts(data: bytes, at: int, seen: list[int | str], count: int) -> tuple[list[object], int]:
    parts: list[object] = []
    for _ in range(count):
        part, at = _read(data, at, seen)
        parts.append(part)
    return parts, at


def _read_text(data: bytes, at: int, seen: list[int | str], tag: int) -> tuple[str, int]:
    if tag == UUID:
        text, end = _uuid_text(data[at : at + UUID_BYTES]), at + UUID_BYTES
    else:
        size, at = _read_size(data, at)
        text, end = data[at : at + size].decode("utf-8", "surrogatepass"), at + size
    if len(seen) < SEEN_MAX:
        seen.append(text)
    return text, end
