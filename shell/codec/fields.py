"""Reading one JSON object: fields of the kernel's types, or a line that says what is wrong with them.

Every decoder of this package reads through `Fields`, so that the wire is judged by one set of rules:

1. Total: text of any kind gives a value or a `Problem`. Inside the package a bad field raises Malformed;
   no public function lets it out.
2. What is required and missing, or is there and unreadable, makes the whole object a Problem. Null counts
   as missing.
3. What is readable but not whole is read and *noted*: decimals beyond the ninth that were cut from a figure
   that should be exact, and words that this version does not know. Notes reach the journal as Unrecognized.
4. Averages, ratios and market figures are cut toward zero without a note: they are never booked.
5. Numbers written as text and text as numbers are both taken; unknown fields are ignored.
6. A string is valid Unicode of at most TEXT_FIELD_MAX characters, so whatever passes can be stored.
"""

import json
from collections.abc import Mapping
from typing import Final, NamedTuple, NoReturn, TypeVar

from kernel.events import Unrecognized
from kernel.units import Cash, Instant, Price, Quantity
from shell.numbers import NumberText, parse_instant, parse_scaled

__all__ = [
    "RAW_TEXT_MAX",
    "TEXT_FIELD_MAX",
    "Fields",
    "JsonObject",
    "Malformed",
    "Notes",
    "Problem",
    "clean_text",
    "objects_of",
    "parse_json",
    "unrecognized",
]

TEXT_FIELD_MAX: Final = 512
"""Characters of one string field: the longest that Alpaca documents is 128."""

RAW_TEXT_MAX: Final = 8_192
"""Characters kept of a raw text in an Unrecognized event: an order with legs is about 5,000."""

JsonObject = Mapping[str, object]
Notes = list[str]
W = TypeVar("W")


class Problem(NamedTuple):
    """Why something could not be read: one line that names the field."""

    text: str


class Malformed(ValueError):
    """A field is missing or unreadable; never leaves this package."""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


_DECODER: Final = json.JSONDecoder(parse_float=NumberText, parse_constant=_refuse_constant)


def parse_json(raw: str | bytes) -> object:
    """The JSON value of a frame or body, numbers exact (NumberText or int); Problem for what is not JSON."""
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        value: object = _DECODER.decode(text)
    except ValueError as error:
        return Problem(f"not JSON: {clean_text(str(error), 120)}")
    except RecursionError:
        return Problem("not JSON: nested too deep")
    return value


def clean_text(text: str, length_max: int = TEXT_FIELD_MAX) -> str:
    """Text that can be stored anywhere: lone surrogates escaped, cut at `length_max` characters."""
    plain = str(text)[:length_max]
    if plain.isascii():
        return plain
    return plain.encode("utf-8", "backslashreplace").decode("utf-8")[:length_max]


def unrecognized(at: Instant, source: str, raw: str | bytes, problem: str) -> Unrecognized:
    """The event for something unreadable, its raw text kept up to RAW_TEXT_MAX characters."""
    if isinstance(raw, bytes):
        raw = raw[: RAW_TEXT_MAX * 4].decode("utf-8", "backslashreplace")
    return Unrecognized(at, source, clean_text(raw, RAW_TEXT_MAX), clean_text(problem))


def objects_of(value: object, where: str) -> list[object]:
    """The members of a JSON array; Malformed for anything else."""
    if isinstance(value, list):
        return value
    raise Malformed(f"{where}: not an array")


class Fields:
    """One JSON object being read. `where` names it in problems; `notes` collects what was cut or unknown."""

    __slots__ = ("_object", "notes", "where")

    def __init__(self, value: object, where: str, notes: Notes) -> None:
        if not isinstance(value, dict):
            raise Malformed(f"{where}: not an object")
        self._object: JsonObject = value
        self.where = where
        self.notes = notes

    def get(self, key: str) -> object:
        """The raw value, None where there is none."""
        return self._object.get(key)

    def bad(self, key: str, problem: str) -> Malformed:
        """The error for a field; to be raised by the caller."""
        return Malformed(f"{self.where}.{key}: {problem}")

    # ------------------------------------------------------------ text

    def text(self, key: str) -> str:
        """A required string that is not empty."""
        value = self.text_or_none(key)
        if value is None:
            raise self.bad(key, "missing")
        return value

    def text_or_none(self, key: str) -> str | None:
        """A string; None where it is missing, null or empty. Integers are taken as their digits."""
        value = self._object.get(key)
        if value is None or value == "":
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value) if abs(value) < 10**40 else None
        if not isinstance(value, str) or isinstance(value, NumberText):
            raise self.bad(key, "not text")
        if len(value) > TEXT_FIELD_MAX:
            raise self.bad(key, f"longer than {TEXT_FIELD_MAX} characters")
        if not value.isascii() and clean_text(value) != value:
            raise self.bad(key, "not valid Unicode")
        return value

    def flag(self, key: str) -> bool:
        """A required boolean, written as true/false or as those words."""
        value = self.flag_or_none(key)
        if value is None:
            raise self.bad(key, "missing")
        return value

    def flag_or_none(self, key: str) -> bool | None:
        """A boolean; None where it is missing or null."""
        value = self._object.get(key)
        if value is None or isinstance(value, bool):
            return value
        if value in ("true", "false"):
            return value == "true"
        raise self.bad(key, "neither true nor false")

    def word(self, key: str, words: Mapping[str, W]) -> W | None:
        """The member for a word; None where it is missing or empty, and with a note where it is unknown."""
        text = self.text_or_none(key)
        if text is None:
            return None
        member = words.get(text)
        if member is None:
            self.notes.append(f"{self.where}.{key}: unknown word {text!r}")
        return member

    # ------------------------------------------------------------ figures

    def exact_or_none(self, key: str) -> int | None:
        """A scaled integer; None where it is missing, null or empty. What was cut off is noted."""
        return self._figure(key, noted=True)

    def exact(self, key: str) -> int:
        """A required figure, scaled by 10^9. What was cut off is noted."""
        return self._required(key, self._figure(key, noted=True))

    def cut_or_none(self, key: str) -> int | None:
        """A figure that is not booked (an average, a market figure): cut toward zero without a note."""
        return self._figure(key, noted=False)

    def cut(self, key: str) -> int:
        """A required figure that is not booked."""
        return self._required(key, self._figure(key, noted=False))

    def price_or_none(self, key: str) -> Price | None:
        """A price that should be exact."""
        value = self._figure(key, noted=True)
        return None if value is None else Price(value)

    def quantity_or_none(self, key: str) -> Quantity | None:
        """A quantity that should be exact."""
        value = self._figure(key, noted=True)
        return None if value is None else Quantity(value)

    def cash(self, key: str) -> Cash:
        """A required amount of money."""
        return Cash(self.exact(key))

    def _required(self, key: str, value: int | None) -> int:
        if value is None:
            raise self.bad(key, "missing")
        return value

    def _figure(self, key: str, *, noted: bool) -> int | None:
        value = self._object.get(key)
        if value is None or value == "":
            return None
        scaled = parse_scaled(value)
        if scaled is None:
            raise self.bad(key, f"not a number: {clean_text(str(value), 40)!r}")
        if noted and not scaled.exact:
            self.notes.append(f"{self.where}.{key}: {value} has more than nine decimals and was cut")
        return scaled.amount

    # ------------------------------------------------------------ times

    def instant(self, key: str) -> Instant:
        """A required RFC3339 time."""
        value = self.instant_or_none(key)
        if value is None:
            raise self.bad(key, "missing")
        return value

    def instant_or_none(self, key: str) -> Instant | None:
        """An RFC3339 time; None where it is missing, null or empty."""
        value = self._object.get(key)
        if value is None or value == "":
            return None
        instant = parse_instant(value)
        if instant is None:
            raise self.bad(key, f"not an RFC3339 time: {clean_text(str(value), 40)!r}")
        return instant
