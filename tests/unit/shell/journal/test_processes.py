"""The journal and real processes: a second writer, kill -9 in mid-append, torn logs, full disks."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from kernel.events import Event
from shell.journal import (
    EventReader,
    JournalDamaged,
    JournalFailed,
    JournalLocked,
    JournalMode,
    Opening,
    open_journal,
    read_journal,
)
from tests.unit.shell.values import BEGIN, booted, day

ROOT = Path(__file__).parents[4]
BATCH = 7
LINES_MAX = 10_000

WRITER = f"""
import sys, trio
from pathlib import Path
from shell.errors import Complaint
from shell.journal import JournalMode, open_journal
from tests.unit.shell.values import BEGIN, booted, day

async def main():
    journal = await open_journal(Path(sys.argv[1]), "sim", "0.1.0", BEGIN, JournalMode(sys.argv[2]))
    epoch, seq = journal.opening.epoch + 1, journal.opening.records
    await journal.append([booted(epoch)])
    seq += 1
    print(seq, flush=True)
    while seq < {LINES_MAX}:
        batch = day(1, {BATCH})[1:]
        await journal.append(batch)
        seq += len(batch)
        print(seq, flush=True)

try:
    trio.run(main)
except Complaint as complaint:
    print(complaint.line, file=sys.stderr)
    sys.exit(complaint.code)
"""


def writer(path: Path, mode: JournalMode, prefix: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", prefix + WRITER, str(path), mode.value],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed_after(process: subprocess.Popen[str], lines: int) -> int:
    """Kills the writer when it has told of so many appends; returns the last record that it told of."""
    assert process.stdout is not None
    told = 0
    for _ in range(lines):
        told = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read()  # not communicate(): it would miss what readline has buffered
    process.communicate(timeout=30)
    return max([told, *(int(line) for line in rest.split("\n")[:-1])])


def reopened(path: Path, mode: JournalMode = JournalMode.AUTO) -> Opening:
    async def main() -> Opening:
        journal = await open_journal(path, "sim", "0.1.0", BEGIN, mode)
        await journal.close()
        return journal.opening

    return trio.run(main)


def events_at(path: Path) -> list[Event]:
    return [EventReader("journal").event(record) for record in read_journal(path)]


@pytest.mark.parametrize("mode", [JournalMode.WAL, JournalMode.DELETE])
def test_kill_in_mid_append_loses_nothing_and_tears_nothing(tmp_path: Path, mode: JournalMode) -> None:
    path = tmp_path / "j.db"
    before = 0
    for epoch, lines in enumerate((1, 2, 5, 17, 40), start=1):
        told = killed_after(writer(path, mode), lines)
        seen = len(events_at(path))
        found = reopened(path, mode)
        assert found.records == seen
        assert told <= found.records <= told + BATCH
        assert (found.records - before - 1) % BATCH == 0
        assert found.epoch == epoch
        assert found.lost == 0
        assert any("taken over from process" in notice for notice in found.notices)
        before = found.records
    assert reopened(path).notices == ()


def test_a_second_process_is_refused_with_the_holder(tmp_path: Path) -> None:
    path = tmp_path / "j.db"

    async def main() -> subprocess.CompletedProcess[str]:
        journal = await open_journal(path, "sim", "0.1.0", BEGIN)
        await journal.append(day(1, 3))

        def second() -> subprocess.CompletedProcess[str]:
            process = writer(path, JournalMode.AUTO)
            out, err = process.communicate(timeout=60)
            return subprocess.CompletedProcess([], process.returncode, out, err)

        result = await trio.to_thread.run_sync(second)
        await journal.append(day(1, 3)[1:])
        await journal.close()
        return result

    result = trio.run(main)
    assert result.returncode == 4
    assert result.stdout == ""
    assert f"in use by process {os.getpid()} on " in result.stderr
    assert result.stderr.count("\n") == 1
    assert events_at(path) == [*day(1, 3), *day(1, 3)[1:]]


def test_a_process_that_holds_it_refuses_us_until_it_dies(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    process = writer(path, JournalMode.AUTO)
    assert process.stdout is not None
    process.stdout.readline()
    with pytest.raises(JournalLocked, match=f"in use by process {process.pid} on "):
        reopened(path)
    killed_after(process, 1)
    found = reopened(path)
    assert any(f"taken over from process {process.pid}" in notice for notice in found.notices)


def torn(path: Path, cut: int) -> Opening:
    """Kills a WAL writer, cuts bytes off the log's end, opens again."""
    killed_after(writer(path, JournalMode.WAL), 10)
    wal = Path(f"{path}-wal")
    size = wal.stat().st_size
    assert size > cut
    with wal.open("r+b") as file:
        file.truncate(size - cut)
    return reopened(path, JournalMode.WAL)


def test_a_torn_log_is_cut_off_with_a_notice(tmp_path: Path) -> None:
    """Commits that were durable are gone: it starts, says which, and never begins their epoch again."""
    path = tmp_path / "j.db"
    found = torn(path, 3_000)
    assert found.lost >= 1
    assert (found.records - 1) % BATCH == 0
    assert any(f"torn tail: records {found.records + 1} to " in notice for notice in found.notices)
    assert found.epoch == 1
    assert reopened(path).lost == 0


def test_a_log_torn_to_nothing_still_knows_its_epoch(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    killed_after(writer(path, JournalMode.WAL), 3)
    shutil.copy(f"{path}.lock", tmp_path / "lock")
    reopened(path)  # merges the log
    killed_after(writer(path, JournalMode.WAL), 3)
    Path(f"{path}-wal").write_bytes(b"")
    found = reopened(path)
    assert found.lost > 0
    assert found.epoch == 2  # the records of epoch 2 are gone; the next Booted is 3

    async def boot(epoch: int) -> None:
        journal = await open_journal(path, "sim", "0.1.0", BEGIN)
        try:
            await journal.append([booted(epoch)])
        finally:
            await journal.close()

    with pytest.raises(JournalFailed, match="epoch 2 was begun before; the next is 3"):
        trio.run(boot, 2)
    trio.run(boot, 3)
    assert reopened(path).epoch == 3


def test_a_rollback_journal_left_behind_is_taken_back(tmp_path: Path) -> None:
    """A writer that dies inside a commit leaves half-written pages and the journal that undoes them."""
    path = tmp_path / "j.db"
    program = f"""
import os, sqlite3
from pathlib import Path
connection = sqlite3.connect({str(path)!r}, isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("PRAGMA cache_spill = 1")
connection.execute("BEGIN IMMEDIATE")
for seq in range(22, 3_000):
    connection.execute(
        "INSERT INTO record VALUES (?, 1, 'Tick', zeroblob(400), zeroblob(32), zeroblob(32))", (seq,)
    )
os.kill(os.getpid(), 9)
"""

    async def main() -> None:
        journal = await open_journal(path, "sim", "0.1.0", BEGIN, JournalMode.DELETE)
        await journal.append(day(1, 20))
        await journal.close()

    trio.run(main)
    ended = subprocess.run([sys.executable, "-c", program], check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    assert Path(f"{path}-journal").stat().st_size > 0
    copy = tmp_path / "copy.db"
    for suffix in ("", "-journal", ".lock"):
        shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
    assert events_at(copy) == day(1, 20)
    found = reopened(path, JournalMode.DELETE)
    assert found.records == 21
    assert any("an unfinished batch was taken back" in notice for notice in found.notices)


def test_a_tail_missing_after_a_clean_close_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    killed_after(writer(path, JournalMode.DELETE), 4)
    lock = Path(f"{path}.lock")
    text = json.loads(lock.read_text())
    lock.write_text(json.dumps({**text, "seq": text["seq"] + 100, "closed": True}))
    with pytest.raises(JournalDamaged, match="missing up to"):
        reopened(path)


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on file sizes there")
def test_a_file_that_may_not_grow_ends_the_writer(tmp_path: Path) -> None:
    """The system refuses the write (RLIMIT_FSIZE): one line, code 4, and what was told is all there."""
    path = tmp_path / "j.db"
    prefix = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
    process = writer(path, JournalMode.DELETE, prefix)
    out, err = process.communicate(timeout=60)
    told = int(out.split()[-1])
    assert process.returncode == 4
    assert "could not be written" in err
    assert err.count("\n") == 1
    assert told > 20
    assert len(events_at(path)) == told
    assert reopened(path).records == told
