"""Real processes for the system tests: the command, the exchange, and what both left behind.

1. Every process is started with the test's own interpreter from the repository's root, and ends with its
   context: politely, then by force, always by its own process id.
2. Every wait has an end. A process that outlives its time fails the test with what it had printed.
3. Journals commit by WAL here (`WAL`), for a rollback journal's syncs would make a test wait for the disk;
   durability has its own tests.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from kernel import Desk
from kernel.orders.book import all_orders, order_of
from shell.canonical import digest
from shell.replay import rebuild

ROOT: Final = Path(__file__).resolve().parents[2]
DATA: Final = Path(os.environ.get("MQD_SHARED_DATA", ROOT.parent / "shared" / "data"))
SECONDS_MAX: Final = 90.0
"""For one session; it takes 3 s on an idle machine."""

GOODBYE_S: Final = 10.0
WAL: Final = '[journal]\nmode = "wal"\n'


def environment(**more: str) -> dict[str, str]:
    """Ours without proxies and keys: what a test starts reaches loopback only, and no account."""
    kept = {
        name: text
        for name, text in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith("APCA_")
    }
    return {**kept, "NO_PROXY": "127.0.0.1", "NETRC": os.devnull, "PYTHONPATH": str(ROOT), **more}


def bars(name: str) -> str:
    """The path of a recorded file."""
    return str(DATA / "bars" / name)


class Done(NamedTuple):
    """A process that ended."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line on stderr; fails for none, for more, and for a traceback."""
        lines = [line for line in self.err.splitlines() if line.strip()]
        assert len(lines) == 1, f"expected one line on stderr, got:\n{self.err}\nstdout:\n{self.out}"
        assert "Traceback" not in self.err + self.out
        return lines[0]


def written(file: IO[bytes]) -> str:
    """What a process has written into a file that it inherited.

    Read by position: the child shares the file's offset, so a seek here would move the place where its
    next line lands, and its write would move the place where we read.
    """
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode()


@dataclass
class Running:
    """A process under way; what it prints goes to files, so that it never waits for its reader."""

    process: subprocess.Popen[bytes]
    out: IO[bytes]
    err: IO[bytes]

    def printed(self) -> str:
        """What is on stdout so far."""
        return written(self.out)

    def until_printed(self, text: str, seconds: float = 120.0) -> str:
        """Waits for a text on stdout; fails when the process ends without it."""
        deadline = time.monotonic() + seconds
        while text not in (printed := self.printed()):
            assert self.process.poll() is None, f"ended before {text!r}: {printed}\n{self.end()}"
            assert time.monotonic() < deadline, f"{text!r} not within {seconds:g} s: {printed}"
            time.sleep(0.01)
        return printed

    def end(self, seconds: float = SECONDS_MAX) -> Done:
        """Waits for its end."""
        late = False
        try:
            self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            late = True
            self.process.kill()
            self.process.wait(timeout=GOODBYE_S)
        done = Done(self.process.returncode, self.printed(), written(self.err))
        assert not late, f"did not end within {seconds:g} s\nstdout:\n{done.out}\nstderr:\n{done.err}"
        return done

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to this process and no other."""
        self.process.send_signal(number)

    def kill(self) -> Done:
        """SIGKILL, and its end."""
        self.process.kill()
        return self.end(GOODBYE_S)


@contextmanager
def python(
    *arguments: str, env: Mapping[str, str] | None = None, preexec: Callable[[], None] | None = None
) -> Iterator[Running]:
    """A Python process, dead at the latest when the context ends."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment(**(env or {})),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            preexec_fn=preexec,  # noqa: PLW1509 - only limits of the child are set there
        )
        try:
            yield Running(process, out, err)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(timeout=GOODBYE_S)


def live(
    *options: str, env: Mapping[str, str] | None = None, preexec: Callable[[], None] | None = None
) -> AbstractContextManager[Running]:
    """`python -m shell.live` without a panel, as a context."""
    return python("-m", "shell.live", "--no-panel", *options, env=env, preexec=preexec)


def run_live(*options: str, env: Mapping[str, str] | None = None, seconds: float = SECONDS_MAX) -> Done:
    """`python -m shell.live` to its end."""
    with live(*options, env=env) as running:
        return running.end(seconds)


def run_replay(journal: Path) -> Done:
    """`python -m shell.replay` to its end."""
    with python("-m", "shell.replay", str(journal)) as running:
        return running.end()


class Exchange(NamedTuple):
    """A running `python -m shell.exchange`."""

    url: str
    running: Running

    def get(self, path: str) -> Any:
        """A GET outside of lock-step; decimals stay text."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.url + path, timeout=GOODBYE_S) as answer:
            return json.loads(answer.read())

    def books(self) -> Any:
        """The exchange's own books."""
        return self.get("/sim/books")

    def until(self, is_true: Callable[[Any], bool], seconds: float = 120.0, path: str = "/sim/state") -> Any:
        """Asks until the answer is as wanted; fails after `seconds` with the last one."""
        deadline = time.monotonic() + seconds
        while not is_true(state := self.get(path)):
            assert time.monotonic() < deadline, f"not within {seconds:g} s: {str(state)[:2000]}"
            time.sleep(0.005)
        return state


@contextmanager
def exchange(*options: str) -> Iterator[Exchange]:
    """A running exchange on a free port."""
    with python("-m", "shell.exchange", "--port", "0", *options) as running:
        line = running.until_printed("\n")
        assert line.startswith("listening on http://127.0.0.1:"), line
        yield Exchange(line.removeprefix("listening on ").strip(), running)


# ---------------------------------------------------------------- what a session left behind


@dataclass
class Files:
    """The files of one session in a folder of its own."""

    folder: Path
    name: str = "session"
    config_text: str = WAL

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config.write_text(self.config_text)

    @property
    def config(self) -> Path:
        """The configuration."""
        return self.folder / f"{self.name}.toml"

    @property
    def journal(self) -> Path:
        """The journal."""
        return self.folder / f"{self.name}.journal"

    @property
    def report_path(self) -> Path:
        """Where the report goes."""
        return self.folder / f"{self.name}.json"

    @property
    def options(self) -> tuple[str, ...]:
        """For the command line."""
        return (
            *("--config", str(self.config)),
            *("--journal", str(self.journal)),
            *("--report", str(self.report_path)),
        )

    def report(self) -> Any:
        """The report."""
        return json.loads(self.report_path.read_text())

    def desk(self) -> Desk:
        """The journal replayed in this process."""
        return rebuild(self.journal)[0]


def assert_good(done: Done, files: Files) -> Any:
    """The session ended well; its report."""
    assert done.code == 0, f"exit {done.code}\n{done.err}\n{done.out}"
    assert done.err == ""
    report = files.report()
    assert report["books_agree"] is True
    assert report["differences"] == []
    assert report["invariants"]["violated"] == 0
    assert report["invariants"]["checked"] > 0
    assert report["throttle"]["http_429"] == 0
    assert 0 < report["throttle"]["max_in_any_window"] <= report["throttle"]["limit"]
    assert digest(files.desk()) == report["journal"]["digest"]
    return report


def story(desk: Desk) -> dict[str, Any]:
    """What happened to the account, without what may differ from run to run (ticks, links, calls)."""
    return {
        "orders": [
            {
                "name": order.client_order_id,
                "intent": order.intent,
                "side": order.ticket.side.value,
                "quantity": order.ticket.quantity,
                "limit": order.ticket.limit_price,
                "status": order.status.value,
                "executions": sorted(
                    (name, entry.quantity, entry.price) for name, entry in order.ledger.executions.items()
                ),
            }
            for order in all_orders(desk.book)
        ],
        "positions": sorted(desk.holdings.net.items()),
        "cash": desk.holdings.cash_flow,
        "opening": desk.drift.opening_cash,
    }


def assert_nothing_doubled_or_lost(desk: Desk, books: Any) -> None:
    """Independently of the product's comparison: one order for each intent, each execution booked once."""
    names = [row["client_order_id"] for row in books["orders"]]
    assert len(names) == len(set(names))
    # A replacement is a leg of its order: its name is in the book, the order there is that of the first leg.
    firsts = [row["client_order_id"] for row in books["orders"] if row["replaces"] is None]
    legs = [row["client_order_id"] for row in books["orders"] if row["replaces"] is not None]
    intents = [order_of(desk.book, name).intent for name in firsts]
    assert len(intents) == len(set(intents)), "two orders of one intent"
    assert {desk.book.names[name] for name in legs} <= set(firsts), "a leg of no order"
    alive = [desk.book.names.get(name, name) for name in names if _is_alive(books, name)]
    assert len(alive) == len(set(alive)), "two live legs of one order"
    theirs = [row["execution_id"] for row in books["executions"]]
    assert len(theirs) == len(set(theirs))
    booked = sum(order.ledger.quantity for order in all_orders(desk.book))
    assert booked == sum(scaled(row["qty"]) for row in books["executions"])
    held = {symbol.replace("/", ""): quantity for symbol, quantity in desk.holdings.net.items() if quantity}
    assert held == {symbol: scaled(text) for symbol, text in books["positions"].items()}


def _is_alive(books: Any, name: str) -> bool:
    ended = ("filled", "canceled", "expired", "replaced", "rejected")
    return any(row["client_order_id"] == name and row["status"] not in ended for row in books["orders"])


def scaled(text: str) -> int:
    """Decimal text as an integer of 10^-9."""
    whole, _, fraction = text.partition(".")
    sign = -1 if whole.startswith("-") else 1
    return int(whole) * 10**9 + sign * int(fraction.ljust(9, "0")[:9] or 0)


def only(values: Sequence[Any]) -> Any:
    """The one element."""
    assert len(values) == 1, values
    return values[0]
