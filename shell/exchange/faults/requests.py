"""What becomes of a REST request: drawn before it is carried out.

    any request           slow_response  hang  server_error  rate_limited  bad_body  unknown_word
    POST, PATCH, DELETE   lost_response  refused_response  reordered_update
    POST of an order      id_collision  account_refusal
    GET                   stale_snapshot  truncated_pages

1. Each fault that concerns a request draws once; when several fire, one takes place.
2. A fate says whether the request is carried out, what is answered, when, or that nothing is. `delivery` does
   it.
3. A fault that finds nothing to spoil in the answer leaves it alone and does not count.
4. Blocked keys (`credentials`) come before all that, and draw nothing here.
"""

import json
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from shell.exchange.faults import bodies
from shell.exchange.faults.draws import SECOND, Draws
from shell.exchange.faults.stale import Past
from shell.exchange.http import Request, Response, json_response, message_response
from shell.exchange.ratelimit import RateLimiter

__all__ = ["CALM", "Fate", "RequestFaults"]

_ORDERS: Final = "/v2/orders"
_ACTIVITIES: Final = "/v2/account/activities"
_PAST: Final = (_ORDERS, "/v2/positions", _ACTIVITIES)

_HTML: Final = b"<html><head><title>%d</title></head><body><h1>%d %s</h1></body></html>\n"
_SERVER_ERRORS: Final = (
    (500, b"Internal Server Error"),
    (502, b"Bad Gateway"),
    (503, b"Service Unavailable"),
)

Change = Callable[[Response], Response | None]
"""The answer that is given for the true one; None leaves it."""


class Fate(NamedTuple):
    """What becomes of one request."""

    carries_out: bool = True
    answer: Response | None = None
    """Given in place of the true one."""
    change: Change | None = None
    is_dropped: bool = False
    """No answer: the connection is closed."""
    hang_s: float = 0.0
    """No answer: real seconds to wait for the client to give up, then the connection is closed."""
    delay_s: float = 0.0
    """Real seconds before the answer."""
    publishes_first: bool = False
    """Whether the updates that it caused are sent before its answer."""


CALM: Final = Fate()
"""The decent thing."""


class RequestFaults:
    """Decides for every request of one exchange."""

    def __init__(self, draws: Draws, past: Past, limit: RateLimiter, clock: Callable[[], int]) -> None:
        self._draws = draws
        self._past = past
        self._limit = limit
        self._clock = clock
        self.doom: Callable[[bool], None] = _nobody
        """Told that the order of this request will be rejected after its 200, and when it is answered."""

    def fate(self, request: Request) -> Fate:
        """What becomes of a request; counts the faults that are certain to happen."""
        draws = self._draws
        path, method = request.path, request.method
        if path.startswith("/v2/") and "/stocks" not in path and draws.fires("foreign_budget"):
            self._spend()
        names = ["slow_response", "hang", "server_error", "rate_limited", "bad_body"]
        if method != "GET":
            names += ["lost_response", "refused_response", "reordered_update"]
            if method == "POST" and path == _ORDERS:
                names += ["id_collision", "account_refusal"]
        elif path.startswith(_PAST):
            names += ["stale_snapshot", "truncated_pages"]
        if path.startswith(_ORDERS):
            names.append("unknown_word")
        name = draws.one_of([each for each in names if draws.fires(each)])
        if name is None:
            return CALM
        fate = _FATES[name](self, request)
        if fate.change is None:
            draws.hit(name)
        return fate

    def _spend(self) -> None:
        """Another client spends requests of the account."""
        wanted = int(self._draws.option("foreign_budget", "requests"))
        if self._limit.spend(wanted, self._clock()):
            self._draws.hit("foreign_budget")

    def _lost(self, _: Request) -> Fate:
        return _unanswered(self._draws.kind("lost_response"), carries_out=True)

    def _refused(self, _: Request) -> Fate:
        return _unanswered(self._draws.kind("refused_response"), carries_out=False)

    def _slow(self, _: Request) -> Fate:
        most = int(self._draws.option("slow_response", "ms"))
        delay = self._draws.rng("slow_response").randint(max(1, most // 10), most)
        return Fate(delay_s=delay / 1_000, publishes_first=True)

    def _hang(self, _: Request) -> Fate:
        seconds = self._draws.option("hang", "for_ms") / 1_000
        after = self._draws.kind("hang") == "after"
        return Fate(carries_out=after, hang_s=seconds, publishes_first=True)

    def _server_error(self, _: Request) -> Fate:
        status, phrase = self._draws.rng("server_error").choice(_SERVER_ERRORS)
        answer = Response(status, _HTML % (status, status, phrase), "text/html")
        return Fate(carries_out=self._draws.kind("server_error") == "after", answer=answer)

    def _rate_limited(self, _: Request) -> Fate:
        if self._draws.kind("rate_limited") == "bare":
            return Fate(carries_out=False, answer=Response(429, b"too many requests.", "text/plain"))
        reset = str(self._clock() // SECOND + 2)
        headers = [("X-RateLimit-Limit", str(self._limit.limit)), ("X-RateLimit-Remaining", "0")]
        answer = message_response(429, "too many requests.", 42910000)
        return Fate(
            carries_out=False, answer=answer._replace(headers=[*headers, ("X-RateLimit-Reset", reset)])
        )

    def _early_updates(self, _: Request) -> Fate:
        return Fate(publishes_first=True)

    def _collision(self, _: Request) -> Fate:
        answer = message_response(422, "client_order_id must be unique", 40010001)
        return Fate(carries_out=self._draws.kind("id_collision") == "exists", answer=answer)

    def _refusal(self, request: Request) -> Fate:
        kind = self._draws.kind("account_refusal")
        if kind == "later":
            self.doom(True)
            self._draws.hit("account_refusal")
            return Fate(change=lambda _: self.doom(False))
        return Fate(carries_out=False, answer=_REFUSALS[kind or "blocked"](request))

    def _changed(self, name: str, change: Change) -> Fate:
        """A fate that counts when the answer could be changed."""

        def counted(response: Response) -> Response | None:
            changed = change(response)
            if changed is not None:
                self._draws.hit(name)
            return changed

        return Fate(change=counted)

    def _bad_body(self, _: Request) -> Fate:
        kind, rng = self._draws.kind("bad_body"), self._draws.rng("bad_body")
        return self._changed(
            "bad_body", lambda fresh: _with(fresh, lambda body: bodies.spoil(body, kind, rng))
        )

    def _unknown_word(self, _: Request) -> Fate:
        rng = self._draws.rng("unknown_word")
        return self._changed(
            "unknown_word", lambda fresh: _with(fresh, lambda body: bodies.unknown_status(body, rng))
        )

    def _stale(self, request: Request) -> Fate:
        name, now = "stale_snapshot", self._clock()
        is_stuck = self._draws.kind(name) == "stuck"
        rng = self._draws.rng(name)

        def change(fresh: Response) -> Response | None:
            at: int | None = now - self._draws.duration(name, "lag_s")
            if is_stuck:
                at = self._past.missed(now - self._draws.duration(name, "stuck_s"), rng)
            past = fresh if at is None else self._past.answer(request, fresh, at)
            return None if past is fresh else past

        return self._changed("stale_snapshot", change)

    def _truncated(self, request: Request) -> Fate:
        def change(fresh: Response) -> Response | None:
            rows = json.loads(fresh.body) if fresh.status == 200 else None
            if not isinstance(rows, list) or len(rows) < 2:
                return None
            kept = rows[: len(rows) // 2]
            if request.path.startswith(_ACTIVITIES):
                kept = self._shuffled(kept)
            return json_response(200, kept)._replace(headers=fresh.headers)

        return self._changed("truncated_pages", change)

    def _shuffled(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Rows of one millisecond in any order; only what is shown is moved, so that no page loses a row."""
        rng = self._draws.rng("truncated_pages")
        groups: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            groups.setdefault(str(row["id"]).partition("::")[0], []).append(row)
        return [row for group in groups.values() for row in rng.sample(group, len(group))]


def _nobody(_: bool) -> None:
    """A hook that nobody took."""


def _unanswered(kind: str | None, *, carries_out: bool) -> Fate:
    """The answer is lost: a gateway speaks in its place, or nobody."""
    if kind == "reset":
        return Fate(carries_out=carries_out, is_dropped=True)
    return Fate(carries_out=carries_out, answer=message_response(504, "gateway timeout", 50410000))


def _with(fresh: Response, change: Callable[[bytes], bytes | None]) -> Response | None:
    """A successful JSON answer with another body."""
    if not 200 <= fresh.status < 300 or not fresh.body:
        return None
    body = change(fresh.body)
    return None if body is None else fresh._replace(body=body)


def _asked(request: Request) -> dict[str, str]:
    """Symbol and quantity of an order's body, as far as it says."""
    try:
        fields = json.loads(request.body)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        return {"symbol": "", "qty": "0"}
    return {"symbol": str(fields.get("symbol", "")), "qty": str(fields.get("qty") or "0")}


def _no_power(_: Request) -> Response:
    extras = {"buying_power": "0", "cost_basis": "1"}
    return message_response(403, "insufficient buying power", 40310000, **extras)


def _wash(_: Request) -> Response:
    return message_response(
        403,
        "potential wash trade detected. use complex orders",
        40310000,
        existing_order_id="00000000-0000-4000-8000-000000000000",
        reject_reason="opposite side limit order exists",
    )


def _no_short(request: Request) -> Response:
    asked = _asked(request)
    message = f"insufficient qty available for order (requested: {asked['qty']}, available: 0)"
    return message_response(403, message, 40310000, available="0", symbol=asked["symbol"])


def _blocked(_: Request) -> Response:
    return message_response(403, "account is restricted from trading", 40310000)


_REFUSALS: Final[dict[str, Callable[[Request], Response]]] = {
    "buying_power": _no_power,
    "wash_trade": _wash,
    "short": _no_short,
    "blocked": _blocked,
}

_FATES: Final[dict[str, Callable[[RequestFaults, Request], Fate]]] = {
    "lost_response": RequestFaults._lost,
    "refused_response": RequestFaults._refused,
    "slow_response": RequestFaults._slow,
    "hang": RequestFaults._hang,
    "server_error": RequestFaults._server_error,
    "rate_limited": RequestFaults._rate_limited,
    "reordered_update": RequestFaults._early_updates,
    "id_collision": RequestFaults._collision,
    "account_refusal": RequestFaults._refusal,
    "bad_body": RequestFaults._bad_body,
    "unknown_word": RequestFaults._unknown_word,
    "stale_snapshot": RequestFaults._stale,
    "truncated_pages": RequestFaults._truncated,
}
