"""The two requests before a session: repeated while that may help, ended at once when it cannot.

A real server on loopback answers from a script; waits are written down instead of slept.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, NamedTuple

import pytest

from shell.alpaca.settings import simulated_settings
from shell.errors import Complaint, ExitCode
from shell.onboarding import WAIT_S_FIRST, WAIT_S_MAX, Pace, account_number, exchange_symbols

WALL = 1_700_000_000.0
ACCOUNT = json.dumps({"account_number": "PA1"})
ASSETS = json.dumps(
    [
        {"symbol": "SPY", "tradable": True},
        {"symbol": "KO", "tradable": True},
        {"symbol": "X", "tradable": False},
    ]
)


class Said(NamedTuple):
    """One scripted answer."""

    status: int
    body: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    cuts: bool = False
    """Promises more than it sends."""


OK = Said(200, ACCOUNT)


class Broker:
    """A server, what it was asked, and a clock that only waits move."""

    def __init__(self, script: list[Said]) -> None:
        self.script = script
        self.keys: list[str | None] = []
        self.waits: list[float] = []
        self.lines: list[str] = []
        self.url = ""

    def pace(self, deadline_s: float = 60.0) -> Pace:
        return Pace(deadline_s, self.waits.append, lambda: sum(self.waits), lambda: WALL, self.lines.append)

    def number(self) -> str:
        return account_number(simulated_settings(self.url, "t", lockstep=True), self.pace())


@contextmanager
def broker(*script: Said) -> Iterator[Broker]:
    """Answers by the script; its last answer for ever."""
    made = Broker(list(script))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.keys.append(self.headers.get("APCA-API-KEY-ID"))
            said = made.script[0] if len(made.script) == 1 else made.script.pop(0)
            body = said.body.encode()
            self.send_response(said.status)
            for name, text in said.headers:
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(body) + said.cuts))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()


def test_a_calm_broker_is_asked_once() -> None:
    with broker(OK) as calm:
        assert calm.number() == "PA1"
    assert (len(calm.keys), calm.waits, calm.lines) == (1, [], [])


def test_symbols_are_the_tradable_ones_sorted() -> None:
    with broker(Said(200, ASSETS)) as calm:
        assert exchange_symbols(calm.url, calm.pace()) == ("KO", "SPY")


@pytest.mark.parametrize(
    "failure",
    [
        Said(500, "<html>"),
        Said(502),
        Said(503),
        Said(504),
        Said(408),
        Said(425),
        Said(429),
        Said(200, ACCOUNT[:9]),
        Said(200, ACCOUNT, cuts=True),
        Said(200, "[]"),
        Said(200, '{"account_number": null}'),
        Said(200, "<html>"),
    ],
)
def test_what_may_pass_is_asked_again(failure: Said) -> None:
    with broker(failure, failure, OK) as busy:
        assert busy.number() == "PA1"
    assert busy.waits == [WAIT_S_FIRST, 2 * WAIT_S_FIRST]
    assert len(busy.lines) == 1
    assert "trying again" in busy.lines[0]


@pytest.mark.parametrize(
    "row", ['{"symbol": null, "tradable": true}', '{"symbol": "A", "tradable": "x"}', "7"]
)
def test_no_symbol_is_lost_to_a_bad_row(row: str) -> None:
    with broker(Said(200, f"[{row}, {ASSETS[1:]}"), Said(200, ASSETS)) as spoiled:
        assert exchange_symbols(spoiled.url, spoiled.pace()) == ("KO", "SPY")
    assert spoiled.waits == [WAIT_S_FIRST]


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ((("Retry-After", "7"),), 7.0),
        ((("Retry-After", "soon"),), WAIT_S_FIRST),
        ((("X-RateLimit-Reset", str(int(WALL) + 20)),), 20.0),
        ((("X-RateLimit-Reset", str(int(WALL) - 20)),), WAIT_S_FIRST),
        ((("X-RateLimit-Reset", str(int(WALL) + 10_000)),), WAIT_S_FIRST),
    ],
)
def test_the_broker_says_how_long_to_wait(headers: tuple[tuple[str, str], ...], wait: float) -> None:
    with broker(Said(429, headers=headers), OK) as busy:
        assert busy.number() == "PA1"
    assert busy.waits == [wait]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Said(401), ExitCode.CREDENTIALS),
        (Said(403, "<html>"), ExitCode.CREDENTIALS),
        (Said(404), ExitCode.PORT),
        (Said(400), ExitCode.PORT),
    ],
)
def test_a_definite_refusal_ends_at_once(answer: Said, code: ExitCode) -> None:
    with broker(answer) as strict, pytest.raises(Complaint) as told:
        strict.number()
    assert told.value.code is code
    assert str(answer.status) in told.value.line
    assert (len(strict.keys), strict.waits) == (1, [])


def test_keys_are_not_carried_to_another_place() -> None:
    with broker(OK) as other:
        redirect = Said(307, headers=(("Location", f"{other.url}/v2/account"),))
        with broker(redirect) as first, pytest.raises(Complaint) as told:
            first.number()
        assert other.keys == []
    assert "307" in told.value.line


def test_it_ends_with_a_line_that_says_what_was_wrong_and_for_how_long() -> None:
    with broker(Said(503)) as down, pytest.raises(Complaint) as told:
        down.number()
    assert told.value.code is ExitCode.PORT
    assert "503" in told.value.line
    assert "60 s" in told.value.line
    assert f"{len(down.keys)} tries" in told.value.line
    assert sum(down.waits) <= 60.0
    assert max(down.waits) == WAIT_S_MAX
    assert len(down.lines) == 1


def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    with broker(Said(429, headers=(("Retry-After", "61"),))) as busy, pytest.raises(Complaint):
        busy.number()
    assert (len(busy.keys), busy.waits) == (1, [])


def test_nobody_at_a_port_of_this_machine_is_told_at_once() -> None:
    with broker(OK) as gone:
        pass
    with pytest.raises(Complaint) as told:
        gone.number()
    assert told.value.code is ExitCode.PORT
    assert gone.waits == []
