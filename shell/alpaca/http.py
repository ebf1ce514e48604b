"""One HTTP client: alpaca-py's REST client in raw mode, with its retries off and a bound on everything.

alpaca-py 0.44 by itself repeats a POST up to three times after a 504 and never times out; both would be
fatal here.

1. One call is one request: `_retry` is 0, `_retry_codes` is empty, urllib3's retries are 0, redirects are
   not followed.
2. Connecting, silence, the size of a body and the time of reading it are bounded.
3. Status, headers and the body's own text are taken from the transport, because alpaca-py hides the headers
   and reads decimals as floats. What alpaca-py makes of an answer is not looked at.
4. A request that never left is told from one that may have arrived: NOT_SENT is said only when no
   connection was made.
5. A client belongs to one thread at a time: requests.Session is not promised to be thread-safe.

The private names that this rests on (`_retry`, `_retry_codes`, `_session`) are asserted when a client is
made and by a contract test. alpaca-py is imported when the first client is made, because that takes time.
"""

import io
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from kernel.events import DoubtCause, Doubtful
from shell.alpaca.settings import AlpacaSettings, is_loopback

if TYPE_CHECKING:
    import requests

__all__ = ["BODY_BYTES_MAX", "HttpAnswer", "HttpCall", "HttpClient", "SdkChanged"]

BODY_BYTES_MAX: Final = 32 * 2**20
"""Bytes of one body, unpacked: 500 nested orders are about 3 MiB, 10,000 bars about 1 MiB."""

CHUNK_BYTES: Final = 2**16
DETAIL_MAX: Final = 200
"""Characters kept of what a library says about a failure."""


class HttpCall(NamedTuple):
    """One request."""

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    """After the version, parameters of the path already quoted."""
    query: Mapping[str, str] | None = None
    body: Mapping[str, str | bool | dict[str, str]] | None = None
    version: str = "v2"
    is_data: bool = False
    """Goes to the market-data host."""


class HttpAnswer(NamedTuple):
    """One complete answer."""

    status: int
    headers: Mapping[str, str]
    """Case-insensitive."""
    body: str


class SdkChanged(RuntimeError):
    """alpaca-py no longer has a name that the safety of a call rests on."""


class HttpClient:
    """A connection of its own to the broker; to be used by one thread at a time."""

    def __init__(self, settings: AlpacaSettings) -> None:
        from alpaca.common.rest import RESTClient

        self._data_url = settings.data_url
        self._client: Any = RESTClient(
            base_url=settings.trading_url,
            api_key=settings.key,
            secret_key=settings.secret,
            raw_data=True,
        )
        for name in ("_retry", "_retry_codes", "_session"):
            if not hasattr(self._client, name):
                raise SdkChanged(f"alpaca-py: RESTClient has no {name}; install the pinned version")
        self._client._retry = 0
        self._client._retry_codes = []
        self._transport = _make_transport(settings)
        session: requests.Session = self._client._session
        session.trust_env = not is_loopback(settings.trading_url)
        session.headers.update(dict(settings.sim_label(0)))
        session.mount("http://", self._transport)
        session.mount("https://", self._transport)

    def send(self, call: HttpCall) -> HttpAnswer | Doubtful:
        """One request and its answer; blocks, bounded. Raises nothing: a failure is doubt with its cause."""
        self._transport.answer = None
        try:
            self._dispatch(call)
        except Exception as error:  # noqa: BLE001 - whatever is raised once a request may have left is doubt
            failure = _doubt(error)
        else:
            failure = Doubtful(DoubtCause.CONNECTION_LOST, "the transport gave no answer")
        # alpaca-py also raises for statuses and bodies that are answers to us.
        answer: HttpAnswer | None = self._transport.answer
        return failure if answer is None else answer

    def close(self) -> None:
        """Close the connection."""
        self._client._session.close()

    def _dispatch(self, call: HttpCall) -> None:
        if call.method == "GET":
            base = self._data_url if call.is_data else None
            self._client.get(call.path, _plain(call.query), base_url=base, api_version=call.version)
        elif call.method == "POST":
            self._client.post(call.path, _plain(call.body))
        elif call.method == "PATCH":
            self._client.patch(call.path, _plain(call.body))
        else:
            self._client.delete(call.path, _plain(call.query))


def _plain(
    mapping: Mapping[str, str | bool | dict[str, str]] | Mapping[str, str] | None,
) -> dict[str, object] | None:
    return None if mapping is None else dict(mapping)


def _make_transport(settings: AlpacaSettings) -> Any:
    """The adapter that bounds a request and keeps its answer; requests is imported here, late."""
    from requests.adapters import HTTPAdapter

    class Transport(HTTPAdapter):
        """Injects timeouts, bounds the body, keeps the last complete answer."""

        answer: HttpAnswer | None = None

        def send(  # type: ignore[override]
            self, request: "requests.PreparedRequest", **options: Any
        ) -> "requests.Response":
            options["timeout"] = (settings.connect_timeout, settings.read_timeout)
            options["stream"] = True
            ends_at = time.monotonic() + settings.total_timeout
            response = super().send(request, **options)
            try:
                body = _read_body(response.raw, ends_at)
            finally:
                # A body that was read to its end has given its connection back; any other ends it.
                response.raw.close()
            self.answer = HttpAnswer(response.status_code, response.headers, body.decode("utf-8", "replace"))
            response.raw = io.BytesIO(body)
            return response

    return Transport(max_retries=0, pool_connections=2, pool_maxsize=1)


def _read_body(raw: Any, ends_at: float) -> bytes:
    """The unpacked body; raises ValueError when it is too large, TimeoutError when it takes too long."""
    parts: list[bytes] = []
    size = 0
    while part := raw.read1(CHUNK_BYTES, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > BODY_BYTES_MAX:
            raise ValueError(f"the answer's body is larger than {BODY_BYTES_MAX} bytes")
        if time.monotonic() > ends_at:
            raise TimeoutError("the answer's body took too long")
    return b"".join(parts)


def _doubt(error: Exception) -> Doubtful:
    """The cause of a failure, as far as it can be told from what was raised."""
    import requests
    import urllib3.exceptions as low

    detail = f"{type(error).__name__}: {error}"[:DETAIL_MAX]
    if isinstance(error, requests.ConnectTimeout) or isinstance(_reason(error), low.NewConnectionError):
        return Doubtful(DoubtCause.NOT_SENT, detail)
    if isinstance(error, (requests.Timeout, low.TimeoutError, TimeoutError)):
        return Doubtful(DoubtCause.TIMEOUT, detail)
    if isinstance(error, (requests.exceptions.InvalidJSONError, requests.exceptions.InvalidURL)):
        return Doubtful(DoubtCause.NOT_SENT, detail)
    if isinstance(error, (requests.RequestException, low.HTTPError, OSError)):
        return Doubtful(DoubtCause.CONNECTION_LOST, detail)
    return Doubtful(DoubtCause.BAD_BODY, detail)


def _reason(error: Exception) -> object:
    """What urllib3 gave as the reason of requests' ConnectionError, if it did."""
    inner = error.args[0] if error.args else None
    return getattr(inner, "reason", inner)
