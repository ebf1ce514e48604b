"""Numbers and times as Alpaca writes them: exact conversion between wire text and integers.

Inside the exchange everything is an integer: an amount (price, quantity, cash, ratio) is scaled by 10^9, a
value by 10^18, an instant is nanoseconds of UTC. This file is the only place of the wire layer where such an
integer becomes text and where text or a JSON number becomes an integer.

1. Decimals leave as strings without trailing zeros ("86.878", "0", "-3.5"), never in scientific notation.
2. Instants leave as RFC3339 UTC with `Z` and with the trailing zeros of the fraction trimmed, as recorded.
3. A number comes in as a JSON number or a string, exponents included (`1e-09`); nothing passes through a
   float.
4. A number whose size is absurd is refused before it is expanded: `1e999999999` must not cost memory.
5. Calendar edges (the clock, the calendar, settlement, activity ids) are New York's; all else is UTC.

It ignores locales, and leap seconds, which Alpaca's clock does not show either.
"""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from kernel.units import SCALE, SCALE_DIGITS, VALUE_SCALE

__all__ = [
    "EXPONENT_MAX",
    "NEW_YORK",
    "NotANumber",
    "TooFine",
    "amount_text",
    "day_text",
    "instant_of_day",
    "instant_text",
    "micros_text",
    "new_york",
    "new_york_text",
    "parse_amount",
    "parse_instant",
    "quotient_text",
    "truncate_amount",
    "value_text",
]

NEW_YORK: Final = ZoneInfo("America/New_York")
"""The time zone of every calendar edge on the wire."""

EXPONENT_MAX: Final = 15
"""Decimal digits before the point that an amount may have: 10^15 units is beyond any order."""

_DIGITS_MAX: Final = 64
"""Digits that a number on the wire may have; alpaca-py's floats have at most 17."""

_SECOND: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,12}))?)?\s*(Z|z|[+-]\d\d:?\d\d)?)?"
)


class NotANumber(ValueError):
    """The text is no finite decimal number of a sensible size."""


class TooFine(ValueError):
    """The number has more than nine decimals that are not zero."""


def amount_text(amount: int) -> str:
    """A scaled (10^9) integer as a plain decimal: 86878000000 -> "86.878"."""
    sign = ""
    if amount < 0:
        sign, amount = "-", -amount
    whole, fraction = divmod(amount, SCALE)
    if not fraction:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{fraction:09d}".rstrip("0")


def value_text(value: int, digits: int = 18) -> str:
    """A scaled (10^18) integer as a plain decimal, rounded half away from zero to `digits` decimals."""
    unit = 10 ** (18 - digits)
    negative = value < 0
    units = (abs(value) + unit // 2) // unit
    whole, fraction = divmod(units, VALUE_SCALE // unit)
    sign = "-" if negative and units else ""
    if not fraction:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{fraction:0{digits}d}".rstrip("0")


def quotient_text(numerator: int, denominator: int, digits: int) -> str:
    """`numerator / denominator` as a decimal, rounded half away from zero; "0" for a zero denominator."""
    if denominator == 0:
        return "0"
    negative = (numerator < 0) != (denominator < 0)
    scaled = abs(numerator) * 10**digits
    units = (2 * scaled + abs(denominator)) // (2 * abs(denominator))
    whole, fraction = divmod(units, 10**digits)
    sign = "-" if negative and units else ""
    if not fraction:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{fraction:0{digits}d}".rstrip("0")


def _decimal(token: object) -> Decimal:
    """A JSON number (already a Decimal) or a string as a finite Decimal of sensible size."""
    if isinstance(token, str):
        text = token.strip()
        if not text or len(text) > _DIGITS_MAX or not text.isascii() or "_" in text:
            raise NotANumber(token)
        try:
            token = Decimal(text)
        except ArithmeticError as error:
            raise NotANumber(text) from error
    if isinstance(token, bool) or not isinstance(token, (Decimal, int)):
        raise NotANumber(str(token))
    number = Decimal(token)
    if not number.is_finite() or len(number.as_tuple().digits) > _DIGITS_MAX:
        raise NotANumber(str(number)[:_DIGITS_MAX])
    if not number:
        return Decimal(0)
    if not -_DIGITS_MAX <= number.adjusted() <= EXPONENT_MAX:
        raise NotANumber(str(number))
    return number


def _scaled(token: object) -> tuple[int, int]:
    """A number as an integer scaled by 10^9, cut toward zero, and what was cut off (zero when exact)."""
    sign, digits, exponent = _decimal(token).as_tuple()
    assert isinstance(exponent, int), "finite numbers have an integer exponent"
    magnitude, rest = int("".join(map(str, digits))), 0
    shift = SCALE_DIGITS + exponent
    if shift >= 0:
        magnitude *= int(10**shift)
    else:
        magnitude, rest = divmod(magnitude, int(10**-shift))
    return (-magnitude if sign else magnitude), rest


def parse_amount(token: object) -> int:
    """A JSON number or string as an integer scaled by 10^9, exactly. Raises NotANumber, TooFine."""
    amount, rest = _scaled(token)
    if rest:
        raise TooFine(str(token))
    return amount


def truncate_amount(token: object) -> int:
    """Like `parse_amount`, but decimals beyond the ninth are cut off, as Alpaca does with quantities."""
    return _scaled(token)[0]


def instant_text(instant: int) -> str:
    """Nanoseconds as RFC3339 UTC, the fraction's trailing zeros trimmed: "2026-10-08T15:10:24.01080215Z"."""
    seconds, nanos = divmod(instant, _SECOND)
    moment = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    if not nanos:
        return moment + "Z"
    return f"{moment}.{nanos:09d}".rstrip("0") + "Z"


def micros_text(instant: int) -> str:
    """Nanoseconds rounded (not cut) to microseconds, as in `at` and in activities' transaction_time."""
    return instant_text((instant + 500) // 1_000 * 1_000)


def new_york(instant: int) -> datetime:
    """The instant in New York, cut to microseconds."""
    return (_EPOCH + timedelta(microseconds=instant // 1_000)).astimezone(NEW_YORK)


def new_york_text(instant: int) -> str:
    """The instant as RFC3339 with New York's offset and nanoseconds trimmed, as in /v2/clock."""
    local = new_york(instant)
    nanos = instant % _SECOND
    fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
    offset = local.strftime("%z")
    return f"{local.strftime('%Y-%m-%dT%H:%M:%S')}{fraction}{offset[:3]}:{offset[3:]}"


def day_text(day: date) -> str:
    """A civil day as YYYY-MM-DD."""
    return day.isoformat()


def instant_of_day(day: date) -> int:
    """Midday in New York of a civil day: an instant that is inside the day whatever the clocks do."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=NEW_YORK)
    return int(noon.timestamp()) * _SECOND


def parse_instant(text: str) -> int:
    """RFC3339 (any offset, 9 decimals kept) or a bare date (UTC midnight) as ns. Raises ValueError."""
    found = _INSTANT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"not an RFC3339 time: {text[:64]!r}")
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    moment = datetime(
        int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC
    )
    shift = 0
    if offset and offset not in "Zz":
        shift = (int(offset[1:3]) * 3600 + int(offset[-2:]) * 60) * (-1 if offset[0] == "+" else 1)
    elapsed = moment - _EPOCH
    seconds = elapsed.days * 86_400 + elapsed.seconds + shift
    nanos = int((fraction or "0").ljust(9, "0")[:9])
    return seconds * _SECOND + nanos
