"""Values as people write them in a configuration: exact integers in the kernel's units, and back to text.

Rules:
1. Nothing passes through a float: TOML's decimals arrive as their own text.
2. A share is written "0.3%", "30bps" or 0.003; a length of time has its unit ("250ms", "90s", "30m",
   "1.5h", "2d"); money and quantities are plain decimals, as numbers or as text; a time of day is "10:30".
3. What can't be carried exactly (beyond nine decimals, below a nanosecond) is refused, not rounded.
4. `show` writes the text that `read` reads: the reference and the example are made by it.
"""

import difflib
import re
from collections.abc import Sequence
from enum import Enum
from typing import Final
from urllib.parse import urlsplit

from kernel.units import DAY, HOUR, MICROSECOND, MILLISECOND, MINUTE, SCALE, SECOND
from shell.errors import Complaint, ExitCode
from shell.numbers import NumberText, parse_scaled, scaled_text

__all__ = [
    "KEY_VARIABLE",
    "SECRET_VARIABLE",
    "ConfigError",
    "Unfit",
    "ValueKind",
    "in_range",
    "read",
    "show",
    "unknown_key",
]

KEY_VARIABLE: Final = "APCA_API_KEY_ID"
SECRET_VARIABLE: Final = "APCA_API_SECRET_KEY"
SECRET_WORDS: Final = ("secret", "api_key", "apca", "password", "token")


class Unfit(Exception):
    """A value that is not of its kind; the text says what is wrong and what is allowed."""


class ConfigError(Complaint):
    """A configuration that can't be used: file, key, and what is allowed."""

    def __init__(self, source: str, key: str, what: str) -> None:
        place = f"{source}: {key}" if key else source
        super().__init__(f"{place}: {what}", ExitCode.BAD_INPUT)


def unknown_key(source: str, place: str, name: str, known: Sequence[str]) -> ConfigError:
    """The complaint about a key that nobody knows, with the nearest one that somebody does."""
    if any(word in name.lower() for word in SECRET_WORDS):
        return ConfigError(
            source, place, f"secrets come from {KEY_VARIABLE} and {SECRET_VARIABLE} only; remove it"
        )
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return ConfigError(source, place, f"unknown key; {hint}")


class ValueKind(Enum):
    """What a key's value is; the text says how it is written."""

    COUNT = "a whole number"
    """A plain integer."""
    FLAG = "true or false"
    """Yes or no."""
    RATIO = 'a share: "0.3%", "30bps" or 0.003'
    """10^-9 of one."""
    QUANTITY = "a quantity, such as 10 or 0.001"
    """10^-9 of a unit."""
    CASH = "an amount of money, such as 50000 or 1.20"
    """10^-9 of the quote currency."""
    DURATION = 'a length of time: "250ms", "90s", "30m", "1.5h" or "2d"'
    """Nanoseconds."""
    MINUTE_OF_DAY = 'a time of day: "10:30"'
    """Minutes since local midnight; 1440 is the end of the day."""
    WORD = "text"
    """Text, as it is."""
    URL = "a URL (https, wss; http, ws on this machine only), or empty"
    """An address."""


NUMBER: Final = re.compile(r"\s*([+-]?[0-9][0-9_]*(?:\.[0-9]+)?|[+-]?\.[0-9]+)\s*([a-z%]*)\s*", re.IGNORECASE)
CLOCK: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})")
UNITS: Final = {
    "ns": 1,
    "us": int(MICROSECOND),
    "ms": int(MILLISECOND),
    "s": int(SECOND),
    "m": int(MINUTE),
    "h": int(HOUR),
    "d": int(DAY),
}
SHARES: Final = {"%": 100, "bps": 10_000, "": 1}
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def read(kind: ValueKind, raw: object) -> int | str:
    """The kernel's value of what TOML gave for a key of `kind`; Unfit where it is none.

    A flag becomes 0 or 1, everything else an integer in the kind's unit, or text.
    """
    if kind is ValueKind.FLAG:
        if isinstance(raw, bool):
            return int(raw)
    elif isinstance(raw, bool):
        pass
    elif kind is ValueKind.COUNT:
        if isinstance(raw, int):
            return raw
    elif kind is ValueKind.WORD:
        if type(raw) is str:
            return raw
    elif kind is ValueKind.URL:
        if type(raw) is str:
            return _url(raw)
    elif kind is ValueKind.MINUTE_OF_DAY:
        return _minute(raw)
    elif isinstance(raw, int | str):
        return _number(kind, str(raw))
    raise Unfit(f"{_quoted(raw)} is not {kind.value}")


def _number(kind: ValueKind, text: str) -> int:
    found = NUMBER.fullmatch(text)
    scaled = None
    if found is not None:
        scaled = parse_scaled(found[1].replace("_", ""))
    elif isinstance(text, NumberText) or "e" in text.lower():
        scaled = parse_scaled(text)  # 1e-3, as TOML allows it
    unit = found[2].lower() if found is not None else ""
    if scaled is None:
        raise Unfit(f"{_quoted(text)} is not {kind.value}")
    if not scaled.exact:
        raise Unfit(f"{_quoted(text)} has more than nine decimals")
    if kind is ValueKind.DURATION:
        if unit not in UNITS:
            raise Unfit(f"{_quoted(text)} has no unit: write {kind.value}")
        amount, rest = divmod(scaled.amount * UNITS[unit], SCALE)
    elif kind is ValueKind.RATIO:
        if unit not in SHARES:
            raise Unfit(f"{_quoted(text)} is not {kind.value}")
        amount, rest = divmod(scaled.amount, SHARES[unit])
    else:
        amount, rest = scaled.amount, 1 if unit else 0
        if unit:
            raise Unfit(f"{_quoted(text)} is not {kind.value}")
    if rest:
        raise Unfit(f"{_quoted(text)} is finer than a billionth")
    return amount


def _minute(raw: object) -> int:
    found = CLOCK.fullmatch(raw) if type(raw) is str else None
    if found is not None and int(found[2]) < 60:
        return int(found[1]) * 60 + int(found[2])
    if type(raw) is int:
        return raw
    raise Unfit(f"{_quoted(raw)} is not {ValueKind.MINUTE_OF_DAY.value}")


def _url(text: str) -> str:
    if not text:
        return text
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname or "", parts.port
    except ValueError as error:
        raise Unfit(f"{_quoted(text)} is not a URL ({error})") from None
    allowed = ("https", "wss", "http", "ws") if host in LOOPBACK else ("https", "wss")
    if parts.scheme not in allowed or not host or parts.query or parts.fragment or parts.username:
        raise Unfit(f"{_quoted(text)} is not {ValueKind.URL.value}")
    return text.rstrip("/")


def _quoted(raw: object) -> str:
    text = str(raw) if isinstance(raw, NumberText) else repr(raw)
    return text if len(text) <= 60 else f"{text[:56]} ..."


def in_range(kind: ValueKind, value: int, least: int, most: int) -> None:
    """Unfit for a value outside of [least, most], with the range as people write it."""
    if not least <= value <= most:
        allowed = f"{show(kind, least)} to {show(kind, most)}"
        raise Unfit(f"{show(kind, value)} is out of range; allowed are {allowed}")


def show(kind: ValueKind, value: int | str) -> str:
    """The TOML text of a value."""
    if isinstance(value, str):
        return f'"{value}"'
    if kind is ValueKind.FLAG:
        return "true" if value else "false"
    if kind is ValueKind.RATIO:
        return f'"{scaled_text(value * 100)}%"'
    if kind is ValueKind.DURATION:
        if value == 0:
            return '"0s"'
        unit = next(name for name, size in reversed(UNITS.items()) if value % size == 0)
        return f'"{value // UNITS[unit]}{unit}"'
    if kind is ValueKind.MINUTE_OF_DAY:
        return f'"{value // 60:02d}:{value % 60:02d}"'
    if kind in (ValueKind.CASH, ValueKind.QUANTITY):
        return scaled_text(value)
    return str(value)
