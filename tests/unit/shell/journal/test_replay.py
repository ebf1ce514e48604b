"""Replay: the same events in the same order, streamed; a record that can't be read stops it by number."""

from typing import NamedTuple

import pytest
import trio

from kernel.events import Event
from shell.canonical import digest
from shell.journal import JournalDamaged, MemoryJournal, Record, replay
from tests.unit.shell.values import BEGIN, day


class Books(NamedTuple):
    """A small desk: what it has seen."""

    events: int
    names: tuple[str, ...]


class Turned(NamedTuple):
    """What a step returns."""

    desk: Books
    commands: tuple[str, ...]


def step(desk: Books, event: Event) -> Turned:
    name = type(event).__name__
    return Turned(Books(desk.events + 1, (*desk.names[-9:], name)), (f"after {name}",))


def journal_of(events: list[Event]) -> MemoryJournal:
    journal = MemoryJournal("sim", "0.1.0", BEGIN)

    async def main() -> None:
        await journal.append(events)

    trio.run(main)
    return journal


def test_replay_is_the_fold_of_step() -> None:
    events = day(1, 12_000)
    live = Books(0, ())
    for event in events:
        live = step(live, event).desk
    told: list[int] = []
    seen: list[str] = []

    def observe(record: Record, event: Event, stepped: object) -> None:
        assert isinstance(stepped, Turned)
        assert record.kind.partition("@")[0] == type(event).__name__
        seen.extend(stepped.commands)

    desk = replay(journal_of(events).read(), step, Books(0, ()), progress=told.append, observe=observe)
    assert desk == live
    assert digest(desk) == digest(live)
    assert told == [5_000, 10_000, 12_001]
    assert seen == [f"after {type(event).__name__}" for event in events]


def test_nothing_to_replay() -> None:
    told: list[int] = []
    assert replay([], step, Books(0, ()), progress=told.append) == Books(0, ())
    assert told == [0]


def test_an_unreadable_record_stops_it_by_number() -> None:
    records = list(journal_of(day(1, 5)).read())
    records[3] = records[3]._replace(body=records[3].body + b"\x00")
    with pytest.raises(JournalDamaged, match=r"record 4: \w+ can't be read"):
        replay(records, step, Books(0, ()))


def test_what_step_raises_passes_through() -> None:
    def broken(desk: Books, event: Event) -> Turned:
        raise AssertionError("kernel bug: planted")

    with pytest.raises(AssertionError, match="planted"):
        replay(journal_of(day(1, 1)).read(), broken, Books(0, ()))
