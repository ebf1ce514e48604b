"""One desk for an account: real processes, their ends, and what is said of them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shell import account_lock as module
from shell.account_lock import AccountLock, LockUnavailable, state_folder
from shell.errors import Complaint, ExitCode
from shell.journal.lock import try_lock

URL = "https://paper-api.example.test"
NUMBER = "PA3ABCDE1234"
ROOT = Path(__file__).parents[3]

HOLDER = """
import sys, time
from pathlib import Path
from shell.account_lock import AccountLock

lock = AccountLock(Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path("their.journal"))
print("held", lock.notice, flush=True)
sys.stdin.read()
"""


def holder(folder: Path, url: str = URL) -> subprocess.Popen[str]:
    """Another process that has the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), url, NUMBER],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("held")
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait(timeout=10)
    for stream in (process.stdin, process.stdout):
        assert stream is not None
        stream.close()


def taken(folder: Path, url: str = URL, number: str = NUMBER) -> AccountLock:
    return AccountLock(folder, url, number, Path("mine.journal"))


def test_a_second_process_is_refused_with_the_holder_and_what_to_do(tmp_path: Path) -> None:
    other = holder(tmp_path)
    try:
        with pytest.raises(Complaint) as caught:
            taken(tmp_path)
    finally:
        end(other)
    line = caught.value.line
    assert line.startswith(f"account ...1234 at {URL}: in use by process {other.pid} on ")
    assert " since 20" in line
    assert f"(journal {ROOT / 'their.journal'}); stop that one first" in line
    assert NUMBER not in line
    assert caught.value.code == ExitCode.JOURNAL


def test_a_killed_holder_is_explained_and_taken_over(tmp_path: Path) -> None:
    other = holder(tmp_path)
    end(other)
    assert other.returncode == -signal.SIGKILL
    lock = taken(tmp_path)
    assert lock.notice is not None
    assert f"process {other.pid} on " in lock.notice
    assert "ended without letting go of it; taken over" in lock.notice
    lock.release()
    assert taken(tmp_path).notice is None, "after a clean end there is nothing to say"


def test_one_process_does_not_take_it_twice(tmp_path: Path) -> None:
    lock = taken(tmp_path)
    with pytest.raises(Complaint, match=f"in use by process {os.getpid()}"):
        taken(tmp_path)
    lock.release()
    lock.release()
    taken(tmp_path).release()


@pytest.mark.parametrize(
    ("url", "number"), [("https://api.example.test", NUMBER), (URL, "PA3ABCDE9999"), (URL + ":8443", NUMBER)]
)
def test_other_accounts_are_free(tmp_path: Path, url: str, number: str) -> None:
    mine = taken(tmp_path)
    other = taken(tmp_path, url, number)
    assert other.path != mine.path
    assert other.notice is None
    other.release()
    mine.release()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (URL, URL + "/"),
        (URL, URL.upper()),
        ("http://localhost:8080", "http://127.0.0.1:8080/"),
    ],
)
def test_spellings_of_one_broker_are_one(tmp_path: Path, one: str, other: str) -> None:
    lock = taken(tmp_path, one)
    with pytest.raises(Complaint, match="in use by"):
        taken(tmp_path, other)
    lock.release()


def test_the_file_is_gone_after_a_clean_end_and_says_all_before(tmp_path: Path) -> None:
    lock = taken(tmp_path)
    text = json.loads(lock.path.read_text())
    assert text["process"] == os.getpid()
    assert text["account"] == NUMBER
    assert text["journal"].endswith("mine.journal")
    assert lock.path.stat().st_mode & 0o077 == 0
    lock.release()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_removed_while_we_waited_is_not_taken_for_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The holder removes the file between our opening it and our locking it; a third makes a new one."""
    first = taken(tmp_path)
    locked = try_lock
    others: list[AccountLock] = []

    def late(fd: int) -> bool:
        if not others:
            monkeypatch.setattr(module, "try_lock", locked)
            first.release()
            others.append(taken(tmp_path))
        return locked(fd)

    monkeypatch.setattr(module, "try_lock", late)
    with pytest.raises(Complaint, match="in use by"):
        taken(tmp_path)
    others[0].release()


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b'"x"', b"\xff" * 9_000, b'{"process": {"a": 1}}'])
def test_a_text_that_is_none_is_no_obstacle(tmp_path: Path, text: bytes) -> None:
    lock = taken(tmp_path)
    path = lock.path
    lock.release()
    path.write_bytes(text)
    again = taken(tmp_path)
    assert (again.notice is None) is (text != b'{"process": {"a": 1}}')
    assert json.loads(path.read_text())["process"] == os.getpid()
    again.release()


def test_what_dead_simulated_sessions_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    dead, real = holder(tmp_path, "http://127.0.0.1:40001"), holder(tmp_path)
    end(dead)
    end(real)
    living = holder(tmp_path, "http://127.0.0.1:40002")
    try:
        assert len(list(tmp_path.iterdir())) == 3 - 1, "the living one's start has removed the dead one's"
        lock = taken(tmp_path, "http://127.0.0.1:40003")
        urls = {json.loads(path.read_text())["url"] for path in tmp_path.iterdir()}
        assert urls == {URL, "http://127.0.0.1:40002", "http://127.0.0.1:40003"}
        lock.release()
    finally:
        end(living)


def test_a_folder_that_can_not_be_used_is_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LockUnavailable) as caught:
        taken(tmp_path / "file" / "below")
    assert "can't be had (" in caught.value.line
    assert caught.value.line.endswith("set journal.locks to a folder that can be written")
    assert caught.value.code == ExitCode.JOURNAL


def test_where_locks_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    assert state_folder("mine", {"XDG_STATE_HOME": "state"}) == Path("mine")
    assert state_folder("", {"XDG_STATE_HOME": "state"}) == Path("state/miniquantdesk")
    assert state_folder("", {}) == Path.home() / ".local/state/miniquantdesk"

    def homeless() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(LockUnavailable, match=r"there is no home folder; set journal\.locks"):
        state_folder("", {})
