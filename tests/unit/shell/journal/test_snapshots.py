"""Snapshots: the Desk comes back exactly, and whatever is not beyond doubt says why it is not used."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kernel import EMPTY_DESK, Desk, Event, step
from kernel.units import Instant
from shell.canonical import digest
from shell.fingerprint import fingerprint_of
from shell.journal import (
    Checkpoints,
    SnapshotUnfit,
    Tip,
    load_snapshot,
    read_header,
    snapshot_paths,
    write_snapshot,
)
from shell.strategies_loader import load_strategy
from tests.unit.kernel.scripts import trading_day

HASH = bytes(range(32))


def desks() -> list[Desk]:
    """After each event of a day; the first is that of no event."""
    desk, after = EMPTY_DESK, [EMPTY_DESK]
    for event in trading_day():
        desk = step(desk, event).desk
        after.append(desk)
    return after


DESKS = desks()
END = len(DESKS) - 1
CODE = fingerprint_of(seat.path for seat in DESKS[END].seats.values())


def tip(seq: int) -> Tip:
    return Tip(seq, DESKS[seq].epoch, HASH)


def written(journal: Path, seq: int = END) -> Path:
    write_snapshot(journal, DESKS[seq], tip(seq), CODE, "0.1.0")
    return snapshot_paths(journal)[0]


def loaded(path: Path) -> Desk:
    return load_snapshot(path, read_header(path), fingerprint_of, load_strategy)


def doubt_about(path: Path) -> str:
    with pytest.raises(SnapshotUnfit) as caught:
        loaded(path)
    return str(caught.value)


def test_every_desk_of_a_day_comes_back_as_it_was(tmp_path: Path) -> None:
    assert CODE
    for seq in range(1, END + 1):
        desk = loaded(written(tmp_path / "j", seq))
        assert desk == DESKS[seq]
        assert digest(desk) == digest(DESKS[seq])


def test_the_header_is_a_line_that_a_person_can_read(tmp_path: Path) -> None:
    path = written(tmp_path / "j")
    line = json.loads(path.read_bytes().splitlines()[0])
    assert line["seq"] == END
    assert line["epoch"] == DESKS[END].epoch
    assert line["hash"] == HASH.hex()
    assert line["digest"] == digest(DESKS[END])
    assert line["product"] == "0.1.0"
    assert read_header(path)._asdict() == line


def test_the_newest_and_the_one_before_are_kept(tmp_path: Path) -> None:
    journal = tmp_path / "j"
    (tmp_path / "j.snapshot-000000000001.part").write_bytes(b"a draft of a process that died")
    (tmp_path / "j2.snapshot-000000000001").write_bytes(b"another journal's")
    (tmp_path / "j.snapshot-new").write_bytes(b"somebody's own")
    for seq in (10, 20, 30, 40):
        written(journal, seq)
    assert [path.name[-2:] for path in snapshot_paths(journal)] == ["40", "30"]
    written(journal, 35)
    assert [path.name[-2:] for path in snapshot_paths(journal)] == ["35", "30"], "40 is of a lost history"
    others = {path.name for path in tmp_path.iterdir()} - {path.name for path in snapshot_paths(journal)}
    assert others == {"j2.snapshot-000000000001", "j.snapshot-new"}


def test_a_name_with_wildcards_is_no_pattern(tmp_path: Path) -> None:
    written(tmp_path / "jx", 10)
    assert snapshot_paths(tmp_path / "j[x]") == []
    assert written(tmp_path / "j[x]", 20).name == "j[x].snapshot-000000000020"
    assert len(snapshot_paths(tmp_path / "jx")) == 1


def changed(name: str, value: object) -> Callable[[bytes], bytes]:
    """Changes a field of the header."""

    def change(data: bytes) -> bytes:
        line, rest = data.split(b"\n", 1)
        fields: dict[str, Any] = {**json.loads(line), name: value}
        return json.dumps(fields).encode() + b"\n" + rest

    return change


def flipped(place: int) -> Callable[[bytes], bytes]:
    """Flips a bit."""

    def change(data: bytes) -> bytes:
        at = place % len(data)
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda _: b"", "no header"),
        (lambda _: b"\x00" * 5_000, "no header"),
        (lambda _: b"[" * 4_000 + b"\n", "no header"),
        (lambda _: b"[1]\n", "no header"),
        (lambda data: data[:-1], "not as long as it says"),
        (lambda data: data + b"x", "not as long as it says"),
        (flipped(-1), "its digest does not fit"),
        (flipped(-5_000), "its digest does not fit"),
        (
            lambda data: data.replace(b"vwap_mean_reversion", b"vwap_mean_reversioN"),
            "its digest does not fit",
        ),
        (changed("version", 2), "has form 2, this program reads 1"),
        (changed("seq", "1"), "no proper seq"),
        (changed("seq", END + 1), "does not come back as it was written"),
        (changed("digest", "0" * 64), "its digest does not fit"),
        (changed("fingerprint", "0" * 64), "was made by other code (version 0.1.0)"),
        (changed("fingerprint", ""), "was made by other code"),
        (changed("desk_bytes", -1), "impossible sizes"),
        (changed("desk_bytes", 1 << 40), "impossible sizes"),
        (changed("seats_bytes", -(1 << 40)), "impossible sizes"),
    ],
)
def test_what_is_in_doubt_says_why(tmp_path: Path, change: Callable[[bytes], bytes], why: str) -> None:
    path = written(tmp_path / "j")
    path.write_bytes(change(path.read_bytes()))
    assert why in doubt_about(path)


def test_no_byte_of_it_can_change_unnoticed(tmp_path: Path) -> None:
    """Damage is refused, or it is in a field that somebody else checks (the journal's hash, the product)."""
    path = written(tmp_path / "j", 20)
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(flipped(place)(whole))
        try:
            assert loaded(path) == DESKS[20], f"byte {place}"
        except SnapshotUnfit:
            continue


def test_other_bytes_with_their_own_digest_are_no_desk(tmp_path: Path) -> None:
    path = written(tmp_path / "j")
    header = read_header(path)
    body = b"\x93\x01\x02\x03"
    fields = header._replace(desk_bytes=len(body), digest=hashlib.sha256(body).hexdigest())
    data = path.read_bytes().split(b"\n", 1)[1][: header.seats_bytes]
    path.write_bytes(json.dumps(fields._asdict()).encode() + b"\n" + data + body)
    assert "can't be read" in doubt_about(path)


def test_a_file_that_is_gone_or_can_not_be_written(tmp_path: Path) -> None:
    with pytest.raises(SnapshotUnfit, match="can't be read"):
        read_header(tmp_path / "none")
    with pytest.raises(SnapshotUnfit, match="can't be written"):
        write_snapshot(tmp_path / "no_folder" / "j", DESKS[END], tip(END), CODE, "0.1.0")
    assert snapshot_paths(tmp_path / "no_folder" / "j") == []


def test_a_desk_of_another_moment_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(SnapshotUnfit, match=f"has {END} events, the journal {END - 1}"):
        write_snapshot(tmp_path / "j", DESKS[END], tip(END - 1), CODE, "0.1.0")
    assert snapshot_paths(tmp_path / "j") == []


# ---------------------------------------------------------------- comparing


def compared(journal: Path, events: list[Event], code: str = CODE) -> Checkpoints:
    """A replay of `events`, compared."""
    checkpoints = Checkpoints(journal)
    desk = EMPTY_DESK
    for seq, event in enumerate(events, 1):
        desk = step(desk, event).desk
        checkpoints.look(seq, HASH, desk, code)
    checkpoints.end()
    return checkpoints


def test_a_replay_agrees_with_its_snapshots(tmp_path: Path) -> None:
    for seq in (30, 60):
        written(tmp_path / "j", seq)
    checkpoints = compared(tmp_path / "j", trading_day())
    assert (sorted(checkpoints.agreed), checkpoints.problems) == ([30, 60], [])


def test_a_replay_that_gives_another_desk_says_where_and_whose_fault_it_may_be(tmp_path: Path) -> None:
    written(tmp_path / "j", 30)
    events = trading_day()
    events[20] = events[20]._replace(at=Instant(events[20].at + 1))
    (problem,) = compared(tmp_path / "j", events).problems
    assert "the replay of event 30 gives another Desk: the same code made both" in problem
    (problem,) = compared(tmp_path / "j", events, code="other").problems
    assert "gives another Desk: the code changed since (it was made by version 0.1.0)" in problem


def test_damaged_foreign_and_future_snapshots_are_problems(tmp_path: Path) -> None:
    journal = tmp_path / "j"
    path = written(journal, 30)
    whole = path.read_bytes()
    path.write_bytes(flipped(-1)(whole))
    assert "digest does not fit" in compared(journal, trading_day()).problems[0]
    path.write_bytes(changed("hash", "00" * 32)(whole))
    assert "record 30 has another hash" in compared(journal, trading_day()).problems[0]
    path.write_bytes(whole)
    assert "ahead of the journal: there is no event 30" in compared(journal, trading_day()[:29]).problems[0]
