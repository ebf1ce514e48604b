"""Numbers and instants of the wire: exact conversion between text and the kernel's integers.

The kernel counts in integers scaled by 10^9 and in nanoseconds since 1970 UTC; Alpaca writes decimals and
RFC3339. This is the only file of the shell's codec in which the one becomes the other.

Rules:
1. Nothing passes through a float. A JSON number arrives as its own text (`NumberText`), a JSON integer as
   int.
2. A number is accepted as a JSON number and as a string, exponents included (`1e-09`).
3. More than nine decimals are cut toward zero, and the caller is told that something was lost. It decides.
4. A number whose size is absurd is no number: `1e999999999` must not cost memory.
5. Text for the broker is a plain decimal: no exponent, no trailing zeros, nothing lost.
6. Fractions of a second may have any length; what is finer than a nanosecond is cut off.

It ignores locales and thousands separators, and takes second 60 as the next minute's first.
"""

import re
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from kernel.units import SCALE, SCALE_DIGITS, Instant

__all__ = [
    "DIGITS_MAX",
    "EXPONENT_MAX",
    "NumberText",
    "Scaled",
    "instant_text",
    "parse_instant",
    "parse_scaled",
    "scaled_text",
]

EXPONENT_MAX: Final = 40
"""Largest shift of the decimal point that an exponent may ask for, either way."""

DIGITS_MAX: Final = 64
"""Most characters of a number: the longest recorded one has 30."""

_NUMBER: Final = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,4}))?")
_INSTANT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,40}))?"
    r"(?:([Zz])|([+-])([0-9]{2}):?([0-9]{2}))"
)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_EPOCH: Final = date(1970, 1, 1)
_DAY_SECONDS: Final = 86_400
_SECOND_NS: Final = 1_000_000_000


class NumberText(str):
    """A JSON number with a fraction or an exponent, as written; its type tells it from a JSON string."""

    __slots__ = ()


class Scaled(NamedTuple):
    """A number as a scaled integer."""

    amount: int
    """Scaled by 10^9, cut toward zero."""
    exact: bool
    """False when decimals beyond the ninth were cut off."""


def parse_scaled(token: object) -> Scaled | None:
    """A JSON number or a string, scaled by 10^9; None for what is no number of a sensible size."""
    if isinstance(token, str):
        return _parse_text(token)
    if isinstance(token, int) and not isinstance(token, bool) and abs(token) < 10**EXPONENT_MAX:
        return Scaled(token * SCALE, True)
    return None


def _parse_text(text: str) -> Scaled | None:
    if len(text) > DIGITS_MAX:
        return None
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    sign, whole, fraction, exponent = found.groups()
    fraction = fraction or ""
    if not whole and not fraction:
        return None
    shift = SCALE_DIGITS - len(fraction)
    if exponent is not None:
        power = int(exponent)
        if abs(power) > EXPONENT_MAX:
            return None
        shift += power
    magnitude = int(whole + fraction)
    exact = True
    if shift >= 0:
        magnitude *= 10**shift
    else:
        magnitude, rest = divmod(magnitude, 10**-shift)
        exact = rest == 0
    return Scaled(-magnitude if sign == "-" else magnitude, exact)


def scaled_text(amount: int) -> str:
    """A scaled integer as a plain decimal: 86878000000 -> "86.878", 0 -> "0"."""
    sign = "-" if amount < 0 else ""
    whole, fraction = divmod(abs(amount), SCALE)
    if not fraction:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{fraction:09d}".rstrip("0")


@lru_cache(maxsize=64)
def _day_seconds(day: str) -> int | None:
    """Seconds from 1970 to the day's first instant; None for a day that isn't. A session has one day."""
    try:
        return (date.fromisoformat(day).toordinal() - _EPOCH_DAY) * _DAY_SECONDS
    except ValueError:
        return None


def parse_instant(text: object) -> Instant | None:
    """RFC3339, any offset, any length of fraction, as nanoseconds since 1970 UTC; None for anything else."""
    if not isinstance(text, str):
        return None
    found = _INSTANT.fullmatch(text)
    if found is None:
        return None
    day, hour, minute, second, fraction, _zulu, sign, off_hour, off_minute = found.groups()
    seconds = _day_seconds(day)
    hours, minutes, whole = int(hour), int(minute), int(second)
    if seconds is None or hours > 23 or minutes > 59 or whole > 60:
        return None
    seconds += hours * 3600 + minutes * 60 + whole
    if sign is not None:
        if int(off_hour) > 23 or int(off_minute) > 59:
            return None
        offset = int(off_hour) * 3600 + int(off_minute) * 60
        seconds += offset if sign == "-" else -offset
    nanos = int(fraction[:9].ljust(9, "0")) if fraction else 0
    return Instant(seconds * _SECOND_NS + nanos)


def instant_text(instant: Instant) -> str:
    """Nanoseconds as RFC3339 UTC, the fraction as short as can be. ValueError beyond years 1 to 9999."""
    seconds, nanos = divmod(instant, _SECOND_NS)
    days, rest = divmod(seconds, _DAY_SECONDS)
    try:
        day = (_EPOCH + timedelta(days=days)).isoformat()
    except OverflowError as error:
        raise ValueError(f"numbers: instant {instant} is outside of the years 1 to 9999") from error
    fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
    return f"{day}T{rest // 3600:02d}:{rest % 3600 // 60:02d}:{rest % 60:02d}{fraction}Z"
