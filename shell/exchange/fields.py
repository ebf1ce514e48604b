"""Reading request bodies and query strings: each field's type, with Alpaca's refusal when it has another.

1. A number may be a JSON number or a string; `True`, `true` and `1` are all true (alpaca-py writes Python's).
2. A null or an empty text counts as absent.
3. Quantities finer than 10^-9 are cut; prices finer than 10^-9 are refused as sub-penny, in the sender's own
   digits.
4. A body must be one JSON object: anything else is 400.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from shell.exchange.text import NotANumber, TooFine, parse_amount, parse_instant, truncate_amount
from shell.exchange.venue.model import Refused

__all__ = [
    "Fields",
    "flag",
    "malformed",
    "parse_body",
    "price",
    "quantity",
    "query_instant",
    "query_limit",
    "text",
    "word",
]

Fields = Mapping[str, Any]


def malformed(message: str) -> Refused:
    """A parameter that cannot be read."""
    return Refused(422, 40010001, message)


def _no_constant(name: str) -> Decimal:
    raise ValueError(f"{name} is no JSON number")


def parse_body(body: bytes) -> dict[str, Any]:
    """The body as an object, its numbers exact. Raises Refused (400)."""
    try:
        parsed = json.loads(body, parse_float=Decimal, parse_int=Decimal, parse_constant=_no_constant)
    except (ValueError, ArithmeticError, RecursionError):
        raise Refused(400, 40010000, "request body format is invalid") from None
    if not isinstance(parsed, dict):
        raise Refused(400, 40010000, "request body format is invalid")
    return parsed


def text(fields: Fields, name: str) -> str | None:
    """A text field; None when absent, null or empty."""
    found = fields.get(name)
    if found is None or found == "":
        return None
    if not isinstance(found, str):
        raise malformed(f"invalid {name}")
    return found


def word(fields: Fields, name: str) -> str:
    """A text field in lower case, empty when absent."""
    return (text(fields, name) or "").lower()


def quantity(fields: Fields, name: str) -> int | None:
    """A quantity (10^-9, finer digits cut off); None when absent."""
    found = fields.get(name)
    if found is None or found == "":
        return None
    try:
        return truncate_amount(found)
    except NotANumber:
        raise malformed(f"invalid {name}") from None


def price(fields: Fields, name: str) -> int | None:
    """A price (10^-9, exact); None when absent. Finer ones are refused."""
    found = fields.get(name)
    if found is None or found == "":
        return None
    try:
        return parse_amount(found)
    except NotANumber:
        raise malformed(f"invalid {name}") from None
    except TooFine:
        raise Refused(
            422,
            42210000,
            f"invalid {name} {found}. sub-penny increment does not fulfill minimum pricing criteria",
        ) from None


def flag(fields: Fields, name: str) -> bool:
    """A boolean, absent = false."""
    found = fields.get(name, False)
    if isinstance(found, bool):
        return found
    if found is None or str(found).lower() in ("", "false", "0"):
        return False
    if str(found).lower() in ("true", "1"):
        return True
    raise malformed(f"invalid {name}")


def query_instant(fields: Fields, name: str) -> int | None:
    """An RFC3339 time or a date in a query (ns); None when absent."""
    found = fields.get(name)
    if not found:
        return None
    try:
        return parse_instant(str(found).replace(" ", "+"))
    except ValueError:
        raise malformed(f"failed to parse {name}") from None


def query_limit(fields: Fields, name: str, default: int, most: int) -> int:
    """A count in a query, from 1 to `most`."""
    found = fields.get(name)
    if not found:
        return default
    try:
        count = int(str(found))
    except ValueError:
        raise malformed(f"invalid {name}") from None
    if not 1 <= count <= most:
        raise malformed(f"{name} must be between 1 and {most}")
    return count
