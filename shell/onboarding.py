"""What has to be known of a broker before anything is built: the account's number, the session's symbols.

Two plain requests at the start, outside of the kernel's budget: they come before the journal is open, and
nothing is decided by them but whose journal it is and which symbols a simulated session has.

1. They only read, so they are repeated: on 408, 425, 429 and 5xx, silence, a lost connection, and a body that
   is not what it should be. Waits grow from WAIT_S_FIRST to WAIT_S_MAX; a Retry-After (or the end of the
   window that a 429 names) makes one longer. Everything ends ONBOARDING_S_MAX after the first request.
2. A definite refusal ends at once: 401 and 403 (the keys), any other 4xx, a redirect (keys are not carried
   elsewhere), and on this machine a port at which nobody listens.
3. Time is real time here, in a simulated session too: nobody has joined it yet.
4. The first repetition is said in a line, so that nobody wonders.
"""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from email.message import Message
from http import HTTPStatus
from typing import IO, Any, Final, NamedTuple, TypeVar

from shell.alpaca.settings import AlpacaSettings, is_loopback
from shell.errors import Complaint, ExitCode

__all__ = ["ONBOARDING_S_MAX", "Pace", "account_number", "exchange_symbols"]

ONBOARDING_S_MAX: Final = 60.0
"""From the first request to the complaint; each of the two requests has as much."""
ANSWER_S_FIRST: Final = 1.0
"""The first answer is waited for so long; each next one twice as long, up to ANSWER_S_MAX."""
ANSWER_S_MAX: Final = 8.0
WAIT_S_FIRST: Final = 0.25
WAIT_S_MAX: Final = 4.0
BODY_MAX: Final = 64 * 2**20
CHUNK_BYTES: Final = 2**16
WINDOW_S_MAX: Final = 120.0
"""A reset of the request window that is further away is another clock's, and not believed."""

UNAUTHORIZED: Final = (401, 403)
PASSING: Final = frozenset({408, 425, 429})
"""The 4xx that are about the moment, not about the request."""

Found = TypeVar("Found")


class Pace(NamedTuple):
    """How patient a start is, and who is told; a test gives its own."""

    deadline_s: float = ONBOARDING_S_MAX
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    say: Callable[[str], None] = print


class _Passing(Exception):
    """A failure that may pass: what it was, and how long it asked to be left alone."""

    def __init__(self, what: str, wait_s: float = 0.0) -> None:
        super().__init__(what)
        self.wait_s = wait_s


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like any other; following it would carry the keys to another place."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        return None


def account_number(broker: AlpacaSettings, pace: Pace = Pace()) -> str:  # noqa: B008 - a frozen default
    """GET /v2/account; a Complaint (exit code 3) when the keys are refused."""
    url = f"{broker.trading_url}/v2/account"
    return _ask(url, broker.key, broker.secret, _number, pace)


def exchange_symbols(url: str, pace: Pace = Pace()) -> tuple[str, ...]:  # noqa: B008 - a frozen default
    """The symbols that an exchange trades, sorted."""
    if not url.startswith(("http://", "https://")):
        raise Complaint(f"--exchange {url}: must be an http URL like http://127.0.0.1:8080")
    found = _ask(f"{url.rstrip('/')}/v2/assets", "simulated", "simulated", _symbols, pace)
    if not found:
        raise Complaint(f"--exchange {url}: it lists no tradable symbols", ExitCode.PORT)
    return found


def _number(body: object) -> str:
    number = body.get("account_number") if isinstance(body, dict) else None
    if not isinstance(number, str) or not number:
        raise _Passing("the account has no number")
    return number


def _symbols(body: object) -> tuple[str, ...]:
    """All or nothing: a row that can't be read would cost the session a symbol."""
    if not isinstance(body, list):
        raise _Passing("the assets are no list")
    found: set[str] = set()
    for row in body:
        symbol, tradable = (row.get("symbol"), row.get("tradable")) if isinstance(row, dict) else (None, None)
        if not isinstance(symbol, str) or not symbol or not isinstance(tradable, bool):
            raise _Passing("an asset's row can't be read")
        if tradable:
            found.add(symbol)
    return tuple(sorted(found))


# ---------------------------------------------------------------- one question, until it is answered


def _ask(url: str, key: str, secret: str, read: Callable[[object], Found], pace: Pace) -> Found:
    """What `read` makes of the answer to a GET. Raises Complaint."""
    ends_at = pace.monotonic() + pace.deadline_s
    problem, tries = "nothing was asked", 0
    for answer_s, wait_s in _growing():
        left_s = ends_at - pace.monotonic()
        if left_s <= 0:
            break
        try:
            return read(_get(url, key, secret, min(answer_s, left_s), pace))
        except _Passing as failure:
            problem, tries = str(failure), tries + 1
            asked_s = failure.wait_s
        if pace.monotonic() + asked_s >= ends_at:
            break
        if tries == 1:
            pace.say(f"live: {url}: {problem}; trying again for up to {pace.deadline_s:g} s")
        pace.sleep(min(max(wait_s, asked_s), max(0.0, ends_at - pace.monotonic())))
    raise Complaint(
        f"{url}: can't be reached ({problem}); {tries} tries within {pace.deadline_s:g} s: start again later",
        ExitCode.PORT,
    )


def _growing() -> Iterator[tuple[float, float]]:
    """Patience for an answer and the wait after it, both doubling up to their maxima."""
    answer_s, wait_s = ANSWER_S_FIRST, WAIT_S_FIRST
    while True:
        yield answer_s, wait_s
        answer_s, wait_s = min(2 * answer_s, ANSWER_S_MAX), min(2 * wait_s, WAIT_S_MAX)


def _get(url: str, key: str, secret: str, seconds: float, pace: Pace) -> object:
    """One request. Raises Complaint for what is definite, _Passing for the rest."""
    request = urllib.request.Request(url, headers={"APCA-API-KEY-ID": key, "APCA-API-SECRET-KEY": secret})
    handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
    if is_loopback(url):
        handlers.append(urllib.request.ProxyHandler({}))
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=seconds) as answer:
            return json.loads(_body(answer, pace.monotonic() + seconds, pace))
    except urllib.error.HTTPError as error:
        with closing(error):
            raise _judged(url, error.code, error.headers, pace) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        text = f"{reason}" or type(reason).__name__
        if isinstance(reason, ConnectionRefusedError) and is_loopback(url):
            raise Complaint(f"{url}: can't be reached ({text})", ExitCode.PORT) from None
        raise _Passing(text) from None


def _body(answer: http.client.HTTPResponse, ends_at: float, pace: Pace) -> bytes:
    """The body, bounded in size and time."""
    parts: list[bytes] = []
    size = 0
    while part := answer.read1(CHUNK_BYTES):
        parts.append(part)
        size += len(part)
        if size > BODY_MAX:
            raise ValueError(f"the answer is larger than {BODY_MAX} bytes")
        if pace.monotonic() > ends_at:
            raise TimeoutError("the answer took too long")
    if answer.length:
        raise ValueError("the answer was cut")
    return b"".join(parts)


def _judged(url: str, status: int, headers: Message, pace: Pace) -> Complaint | _Passing:
    """What an answer that is no 200 means."""
    if status in UNAUTHORIZED:
        return Complaint(
            f"{url}: the broker refuses the keys ({status}); paper keys are for --paper only",
            ExitCode.CREDENTIALS,
        )
    if status in PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _Passing(f"the broker answered {status}", _wait_asked(headers, pace.wall()))
    return Complaint(f"{url}: the broker answered {status}", ExitCode.PORT)


def _wait_asked(headers: Message, wall: float) -> float:
    """Seconds that the broker asks to be left alone; zero when it says nothing that can be believed."""
    after = headers.get("Retry-After", "")
    if after.isascii() and after.isdigit() and len(after) < 7:
        return float(after)
    reset = headers.get("X-RateLimit-Reset", "")
    if reset.isascii() and reset.isdigit() and len(reset) < 13:
        ahead = int(reset) - wall
        return ahead if 0 < ahead <= WINDOW_S_MAX else 0.0
    return 0.0
