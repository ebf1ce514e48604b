"""What a call came to when it did not come to a body: HTTP status and text to a result.

The question is never "what went wrong" but "may it have been done". Only a definite no is a refusal:

1. 400, 401, 403, 404 and 422 with a JSON body that says why are definite. 401 and 403 come without a code
   (0).
2. `client_order_id must be unique` is no refusal: an order with our id exists (perhaps from this very call).
3. 404 is NotFound only with Alpaca's own code (404xxxxx): a gateway's "not found" proves nothing about an
   order. Of a submit it is a refusal.
4. 408, 5xx: in doubt. 429: RateLimited; of a submit whether it was done is not known.
5. Any other status, a redirect, HTML, an empty or unreadable body: in doubt.

Alpaca's status and code often disagree (422 with 40010001, 403 with 42210000): the status decides.
"""

from typing import Final

from kernel.events import BrokerRefused, DoubtCause, Doubtful, NotFound, RateLimited
from kernel.units import SECOND, Duration
from shell.codec.fields import clean_text, parse_json

__all__ = ["MESSAGE_MAX", "RETRY_AFTER_MAX_S", "classify_error", "retry_after"]

MESSAGE_MAX: Final = 300
"""Characters kept of a message."""

RETRY_AFTER_MAX_S: Final = 3_600
"""A longer Retry-After is cut to this: an hour of silence is a person's decision."""

_DEFINITE: Final = frozenset({400, 401, 403, 404, 422})
_UNIQUE: Final = "client_order_id must be unique"
_NOT_FOUND_CODES: Final = range(40_400_000, 40_500_000)

Failure = BrokerRefused | NotFound | RateLimited | Doubtful


def classify_error(
    status: int, body: str, *, is_submit: bool = False, retry_after_text: str | None = None
) -> Failure:
    """The result of an answer whose status is not 2xx; total."""
    if status == 429:
        return RateLimited(retry_after(retry_after_text))
    if status == 408 or status >= 500:
        return Doubtful(DoubtCause.SERVER_ERROR, f"HTTP {status}: {_excerpt(body)}")
    said = _why(body)
    if said is None:
        return Doubtful(DoubtCause.BAD_BODY, f"HTTP {status}: {_excerpt(body)}")
    code, message = said
    if _UNIQUE in message.casefold():
        return Doubtful(DoubtCause.DUPLICATE_ID, message)
    if status not in _DEFINITE:
        return Doubtful(DoubtCause.BAD_BODY, f"HTTP {status}: {message}"[:MESSAGE_MAX])
    if status == 404 and not is_submit:
        if code in _NOT_FOUND_CODES:
            return NotFound(message)
        return Doubtful(DoubtCause.BAD_BODY, f"HTTP 404 without Alpaca's code: {message}"[:MESSAGE_MAX])
    return BrokerRefused(status, code, message)


def retry_after(text: str | None) -> Duration | None:
    """A Retry-After header in seconds; None where it is missing, a date or no number."""
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 9:
        return None
    return Duration(min(int(text), RETRY_AFTER_MAX_S) * SECOND)


def _why(body: str) -> tuple[int, str] | None:
    """Code (0 where there is no number) and message of an error body; None where it says nothing."""
    value = parse_json(body)
    if not isinstance(value, dict):
        return None
    message = value.get("message")
    if not isinstance(message, str) or not message.strip():
        return None
    code = value.get("code")
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) < 12:
        code = int(code)
    if isinstance(code, int) and not isinstance(code, bool):
        return code, clean_text(message, MESSAGE_MAX)
    if isinstance(code, str) and code:
        message = f"{code}: {message}"
    return 0, clean_text(message, MESSAGE_MAX)


def _excerpt(body: str) -> str:
    return clean_text(" ".join(body[:2000].split()), 120) or "no body"
