"""Bodies that are not what they should be: cut, mistyped, full of words that nobody knows.

1. Figures keep their digits: a text becomes the number with the same digits and the reverse; no float.
2. Every function takes and gives the bytes of a JSON body; one that finds nothing to spoil gives None.
"""

import json
import re
from random import Random
from typing import Any, Final

__all__ = ["spoil", "unknown_status"]

_DECIMAL: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
_MARK: Final = "\x00"
"""Stands around the digits of a number while a body is a Python value."""
_MARKED: Final = re.compile(r'"\\u0000([^"\\]*)\\u0000"')
_WORDS: Final = ("status", "type", "order_type", "side", "time_in_force", "order_class", "class", "exchange")
_UNKNOWN: Final = ("rejuvenated", "sideways", "whenever", "unheard_of")


def _number(digits: str) -> str:
    return f"{_MARK}{digits}{_MARK}"


def _load(body: bytes) -> Any:
    return json.loads(body, parse_float=_number, parse_int=_number)


def _dump(value: object) -> bytes:
    return _MARKED.sub(r"\1", json.dumps(value, separators=(",", ":"))).encode()


def _objects(value: object) -> list[dict[str, Any]]:
    """The objects of a body: itself, or the rows of a list."""
    rows = value if isinstance(value, list) else [value]
    return [row for row in rows if isinstance(row, dict) and row]


def spoil(body: bytes, kind: str | None, rng: Random) -> bytes | None:
    """A body with one thing wrong."""
    if kind == "truncated":
        return body[: rng.randrange(1, len(body))] if len(body) > 2 else None
    value = _load(body)
    objects = _objects(value)
    if not objects:
        return None
    found = rng.choice(objects)
    if kind == "extra":
        found["legacy_margin_class"] = {"tier": None, "history": [1, "2", {}]}
    elif kind == "null":
        found[rng.choice(sorted(found))] = None
    elif kind == "word":
        names = [name for name in _WORDS if isinstance(found.get(name), str) and found[name]]
        if not names:
            return None
        found[rng.choice(names)] = rng.choice(_UNKNOWN)
    elif not _swap(found):
        return None
    return _dump(value)


def _swap(found: dict[str, Any]) -> bool:
    """Every figure of an object in the other form; whether there was one."""
    swapped = False
    for name, token in found.items():
        if not isinstance(token, str):
            continue
        if token.startswith(_MARK):
            found[name] = token.strip(_MARK)
            swapped = True
        elif _DECIMAL.fullmatch(token):
            found[name] = _number(token)
            swapped = True
    return swapped


def unknown_status(body: bytes, rng: Random) -> bytes | None:
    """An order, or one of a list of orders, with a status that nobody knows."""
    value = _load(body)
    orders = [each for each in _objects(value) if "client_order_id" in each and "status" in each]
    if not orders:
        return None
    rng.choice(orders)["status"] = rng.choice(_UNKNOWN)
    return _dump(value)
