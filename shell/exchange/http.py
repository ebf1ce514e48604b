"""HTTP/1.1 on one connection: what a request and a response are, and how they cross a socket.

h11 parses and frames; this file sets the limits and keeps the way out explicit, so that the exchange can
later misbehave on purpose (answer late, cut an answer, close after the work was done).

1. One `HttpPeer` per TCP connection; requests are read one after the other (keep-alive, no pipelining of
   work).
2. A head above HEAD_BYTES_MAX is answered 431, a body above BODY_BYTES_MAX 413, a broken request 400; then
   the connection is closed. A request that dribbles in for more than REQUEST_SECONDS_MAX is dropped.
3. A client that does not read its answer within SEND_SECONDS_MAX is dropped.
4. Nothing here knows Alpaca: routes and bodies are other files' business.

It ignores TLS, HTTP/2, trailers and compression: loopback only.
"""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote

import h11
import trio

__all__ = [
    "BODY_BYTES_MAX",
    "HEAD_BYTES_MAX",
    "BadRequest",
    "HttpPeer",
    "Request",
    "Response",
    "json_response",
    "message_response",
    "text_response",
]

HEAD_BYTES_MAX: Final = 16 * 1024
"""Request line and headers. requests and trio-websocket send under 1 KiB; Go's servers stop at 1 MiB."""

BODY_BYTES_MAX: Final = 64 * 1024
"""A body; the largest real one (a bracket order with every field) is under 2 KiB."""

QUERY_FIELDS_MAX: Final = 64
"""Fields in a query string; more is a 400."""

IDLE_SECONDS_MAX: Final = 900.0
"""A keep-alive connection without a request is closed after this."""

REQUEST_SECONDS_MAX: Final = 10.0
"""From a request's first byte to its last; slower is a half-open or hostile client."""

SEND_SECONDS_MAX: Final = 10.0
"""For one answer to be taken by the client's socket."""

_RECEIVE_BYTES: Final = 16 * 1024

JSON_TYPE: Final = "application/json; charset=UTF-8"


class Request(NamedTuple):
    """One parsed request. `path` is percent-decoded, header names are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def is_upgrade(self) -> bool:
        """Whether the client wants this connection to become a WebSocket."""
        return self.headers.get("upgrade", "").lower() == "websocket"


class Response(NamedTuple):
    """One answer. `headers` come after Content-Type and Content-Length."""

    status: int
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: Sequence[tuple[str, str]] = ()
    close: bool = False


class BadRequest(Exception):
    """The bytes on the connection are no acceptable request; `status` is what to answer before closing."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def json_response(status: int, payload: object) -> Response:
    """An answer with a JSON body."""
    return Response(status, json.dumps(payload, separators=(",", ":")).encode())


def text_response(status: int, text: str) -> Response:
    """An answer whose JSON text is already rendered (exact numbers)."""
    return Response(status, text.encode())


def message_response(status: int, message: str, code: int | None = None, **extras: object) -> Response:
    """Alpaca's error body: a code (absent for authentication), a message, and sometimes more fields."""
    payload: dict[str, object] = {} if code is None else {"code": code}
    payload["message"] = message
    payload.update(extras)
    return json_response(status, payload)


class HttpPeer:
    """The server's side of one HTTP/1.1 connection."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self._is_head = False
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES_MAX)

    async def next_request(self) -> Request | None:
        """The next whole request, or None when the client left or stayed silent. Raises BadRequest."""
        if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
        with trio.move_on_after(IDLE_SECONDS_MAX) as scope:
            try:
                return await self._read_request(scope)
            except h11.RemoteProtocolError as error:
                raise BadRequest(error.error_status_hint, f"bad request: {error}") from error
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return None
        if self._h11.trailing_data[0] or self._h11.their_state is not h11.IDLE:
            raise BadRequest(408, "request timeout")
        return None

    async def _read_request(self, scope: trio.CancelScope) -> Request | None:
        head: h11.Request | None = None
        body = bytearray()
        hurried = False
        while True:
            event = self._h11.next_event()
            if event is h11.NEED_DATA:
                if self._h11.they_are_waiting_for_100_continue:
                    await self._send_event(h11.InformationalResponse(status_code=100, headers=[]))
                data = bytes(await self.stream.receive_some(_RECEIVE_BYTES))
                if data and not hurried:
                    scope.deadline = trio.current_time() + REQUEST_SECONDS_MAX
                    hurried = True
                self._h11.receive_data(data)
            elif isinstance(event, h11.Request):
                head = event
                self._is_head = event.method == b"HEAD"
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > BODY_BYTES_MAX:
                    raise BadRequest(413, f"request body above {BODY_BYTES_MAX} bytes")
            elif isinstance(event, h11.EndOfMessage):
                assert head is not None, "h11 gives the head before the end"
                return _request(head, bytes(body))
            else:
                return None

    async def _send_event(self, event: h11.InformationalResponse) -> None:
        await self.stream.send_all(self._h11.send(event) or b"")

    async def send(self, response: Response) -> bool:
        """Send a whole answer; False when the client is gone or does not read, or when we must close."""
        wire = self.encode(response)
        try:
            with trio.fail_after(SEND_SECONDS_MAX):
                await self.stream.send_all(wire)
        except (trio.TooSlowError, trio.BrokenResourceError, trio.ClosedResourceError):
            return False
        return self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE

    def encode(self, response: Response) -> bytes:
        """The bytes of a whole answer; the connection's state moves as if they had been sent."""
        headers = [("Content-Length", str(len(response.body))), *response.headers]
        if response.body:
            headers.insert(0, ("Content-Type", response.content_type))
        if response.status == 204:
            headers = list(response.headers)
        if response.close:
            headers.append(("Connection", "close"))
        head = (
            self._h11.send(
                h11.Response(status_code=response.status, headers=headers, reason=_reason(response.status))
            )
            or b""
        )
        if response.body and response.status != 204 and not self._is_head:
            head += self._h11.send(h11.Data(data=response.body)) or b""
        return head + (self._h11.send(h11.EndOfMessage()) or b"")

    @property
    def can_answer(self) -> bool:
        """Whether an error answer can still be framed on this connection."""
        return self._h11.our_state in (h11.IDLE, h11.SEND_RESPONSE)

    @property
    def surplus(self) -> bytes:
        """Bytes that the client sent after its upgrade request: the first WebSocket frames."""
        return bytes(self._h11.trailing_data[0])


def _reason(status: int) -> str:
    """The phrase beside the status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _request(head: h11.Request, body: bytes) -> Request:
    """h11's head and a body as a Request. Raises BadRequest."""
    try:
        target = head.target.decode("ascii")
        headers = {name.decode("ascii").lower(): value.decode("latin-1") for name, value in head.headers}
        method = head.method.decode("ascii").upper()
    except UnicodeDecodeError as error:
        raise BadRequest(400, "request line is not ASCII") from error
    raw_path, _, raw_query = target.partition("?")
    try:
        fields = parse_qsl(raw_query, keep_blank_values=True, max_num_fields=QUERY_FIELDS_MAX)
    except ValueError as error:
        raise BadRequest(400, f"more than {QUERY_FIELDS_MAX} query fields") from error
    return Request(method, unquote(raw_path), dict(fields), headers, body)
