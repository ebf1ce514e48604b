"""Canonical bytes: every kernel value there and back, equal bytes for equal values, total on all else."""

import subprocess
import sys
import threading
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_type_hints

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from immutables import Map

from kernel.commands import Command
from kernel.desk import EMPTY_DESK, Desk
from kernel.events import Event, OperatorSaid, OperatorWord, Tick, Unrecognized
from kernel.reasons import RefusalCode
from kernel.sides import Side
from kernel.units import Instant, Price
from shell.canonical import CANONICAL_VERSION, CanonicalError, decode, digest, encode, register
from tests.unit.shell.values import bar_closed, day, trade_updated, values_of

ROOT = Path(__file__).parents[3]


class Color(Enum):
    """An Enum of the test."""

    RED = "red"
    BLUE = "blue"


class Inner(NamedTuple):
    """A record with a default."""

    number: int
    name: str | None = None


class Outer(NamedTuple):
    """Everything that an annotation may be."""

    inner: Inner
    either: Inner | Tick | int
    color: Color
    word_or_color: str | Color
    tags: frozenset[str]
    table: Map[str, Inner]
    by_number: Map[int, tuple[int, ...]]
    by_pair: Map[tuple[str, int], Color]
    pair: tuple[Price, Color | None]
    free: Any


OUTER = Outer(
    inner=Inner(2**200, None),
    either=Tick(Instant(5)),
    color=Color.BLUE,
    word_or_color=Color.RED,
    tags=frozenset({"b", "a", "c"}),
    table=Map({"y": Inner(-1, "why"), "x": Inner(-(2**63) - 1)}),
    by_number=Map({10: (1, 2), 9: ()}),
    by_pair=Map({("b", 1): Color.RED, ("a", 2): Color.BLUE}),
    pair=(Price(7), None),
    free=(1, Map({Color.RED: Inner(4)}), frozenset({3}), None, True),
)


def test_everything_there_and_back() -> None:
    register(Inner)
    register(Color)
    again = decode(encode(OUTER), Outer)
    assert again == OUTER
    assert type(again.inner) is Inner
    assert type(again.either) is Tick
    assert again.free[1][Color.RED] == Inner(4)
    assert again.free[4] is True


@settings(max_examples=60, deadline=None)
@given(st.data())
@pytest.mark.parametrize("kind", [*get_args(Event), *get_args(Command)], ids=lambda kind: kind.__name__)
def test_every_event_and_command_there_and_back(kind: Any, data: st.DataObject) -> None:
    value = data.draw(values_of(kind))
    union = Event if kind in get_args(Event) else Command
    body = encode(value)
    assert decode(body, union) == value
    assert decode(body, kind) == value
    assert type(decode(body, union)) is kind
    assert encode(decode(body, union)) == body


@settings(max_examples=15, deadline=None)
@given(values_of(Desk))
def test_any_desk_there_and_back(desk: Desk) -> None:
    assert decode(encode(desk), Desk) == desk
    assert digest(decode(encode(desk), Desk)) == digest(desk)


def test_the_empty_desk_has_a_digest() -> None:
    assert len(digest(EMPTY_DESK)) == 64
    assert decode(encode(EMPTY_DESK), Desk) == EMPTY_DESK


def test_the_bytes_do_not_change() -> None:
    """The format is a promise to journals on disk: these bytes were written by version 1."""
    assert CANONICAL_VERSION == 1
    assert encode(Tick(Instant(5))).hex() == "92a45469636b9105"
    assert encode(OperatorSaid(Instant(-1), OperatorWord.HALT, "ü")).hex() == (
        "92ac4f70657261746f725361696494ffa468616c74a2c3bca0"
    )
    assert encode(2**64).hex() == "c70901010000000000000000"
    assert digest(bar_closed(3)) == digest(bar_closed(3))
    assert digest(bar_closed(3)) != digest(bar_closed(4))


def test_the_order_of_making_does_not_matter() -> None:
    one = Map({"a": 1}).set("b", 2).set("c", 3)
    two = Map({"c": 3}).set("b", 9).set("a", 1).set("b", 2)
    assert encode(one, Map[str, int]) == encode(two, Map[str, int])
    assert encode(frozenset([1, 2, 3])) == encode(frozenset([3, 2, 1]))


def test_another_process_gives_the_same_digest() -> None:
    program = (
        "from immutables import Map; from shell.canonical import digest;"
        "from kernel.reasons import RefusalCode;"
        "names = [f'k{i}' for i in range(200)];"
        "print(digest((frozenset(names), Map({n: i for i, n in enumerate(names)}),"
        " Map({c: 1 for c in RefusalCode}))))"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("0", "1", "12345")
    }
    names = [f"k{i}" for i in range(200)]
    here = digest(
        (frozenset(names), Map({n: i for i, n in enumerate(names)}), Map(dict.fromkeys(RefusalCode, 1)))
    )
    assert digests == {f"{here}\n".encode()}


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_damaged_bytes_are_a_value_or_a_canonical_error(data: st.DataObject) -> None:
    body = bytearray(encode(data.draw(st.sampled_from(day(1, 6)))))
    for _ in range(data.draw(st.integers(1, 3))):
        index = data.draw(st.integers(0, len(body) - 1))
        if data.draw(st.booleans()):
            body[index] ^= data.draw(st.integers(1, 255))
        else:
            del body[index:]
            break
    try:
        value = decode(bytes(body), Event)
    except CanonicalError:
        return
    assert decode(encode(value), Event) == value


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_canonical_error(body: bytes) -> None:
    try:
        value = decode(body, Event)
    except CanonicalError:
        return
    assert isinstance(value, get_args(Event))


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(CanonicalError):
        decode(b"\x91" * 100_000, Event)
    with pytest.raises(CanonicalError):
        decode(b"\x91" * 900 + b"\x90", Event)
    report = trade_updated(1).report
    for _ in range(2_000):
        report = report._replace(legs=(report,))
    with pytest.raises(CanonicalError):
        encode(report)


def row(*fields: Any) -> bytes:
    """Bytes of an event of another version: Tick with these fields."""
    packed: bytes = msgpack.packb(["Tick", list(fields)])
    return packed


def test_a_newer_version_is_named() -> None:
    with pytest.raises(
        CanonicalError, match=r"Tick has 2 fields, canonical version 1 knows 1: a newer version"
    ):
        decode(row(5, "new"), Event)
    body = encode(Tick(Instant(5))).replace(b"Tick", b"Tock")
    with pytest.raises(
        CanonicalError, match=r"unknown type tag 'Tock' in canonical version 1: a newer version"
    ):
        decode(body, Event)
    body = encode(OperatorSaid(Instant(1), OperatorWord.HALT, "")).replace(b"halt", b"hilt")
    with pytest.raises(CanonicalError, match=r"OperatorSaid.word: OperatorWord has no member 'hilt'"):
        decode(body, Event)


def test_an_older_version_is_completed_by_defaults() -> None:
    older = encode(Inner(3, "x")).replace(b"\x92\x03\xa1x", b"\x91\x03")
    assert decode(older, Inner) == Inner(3, None)
    with pytest.raises(CanonicalError, match="Inner lacks its field number"):
        decode(older.replace(b"\x91\x03", b"\x90"), Inner)


def test_what_could_not_be_read_back_is_not_written() -> None:
    bad = bar_closed(1)
    with pytest.raises(CanonicalError, match=r"bar.open: a float stands where int belongs"):
        encode(bad._replace(bar=bad.bar._replace(open=1.5)))  # type: ignore[arg-type]
    with pytest.raises(CanonicalError, match=r"at: a bool stands where int belongs"):
        encode(Tick(True))  # type: ignore[arg-type]
    with pytest.raises(CanonicalError, match=r"a list has no canonical form"):
        encode([1])
    with pytest.raises(CanonicalError, match=r"tags\[\d\]: a int stands where str belongs"):
        encode(OUTER._replace(tags=frozenset({"a", 1})))  # type: ignore[arg-type]
    with pytest.raises(CanonicalError, match=r"table\['x'\].name: a int stands where str \| None belongs"):
        encode(OUTER._replace(table=Map({"x": Inner(1, 2)})))  # type: ignore[arg-type]


def test_marked_text_becomes_text() -> None:
    """Readers of messages mark text by a subclass; the journal keeps the text."""

    class Marked(str):
        __slots__ = ()

    event = Unrecognized(Instant(1), Marked("here"), Marked("1e9"), "x")
    again = decode(encode(event), Event)
    assert again == event
    assert type(again.source) is str
    assert encode(Inner(1, Marked("x"))) == encode(Inner(1, "x"))


def test_half_a_surrogate_pair_survives() -> None:
    event = Unrecognized(Instant(1), "stream", "\ud83d", "broken text")
    assert decode(encode(event), Event) == event


def test_a_second_thread_does_not_see_what_the_first_is_still_making(monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot's thread and the journal's may both meet a type for the first time."""

    class Fresh(NamedTuple):
        inner: Inner

    inside, wrong = threading.Event(), []

    def slow(kind: Any) -> Any:
        inside.set()
        threading.Event().wait(0.2)  # the second thread has all the time to come in between
        return {"inner": Inner} if kind is Fresh else get_type_hints(kind)

    def work() -> None:
        try:
            assert decode(encode(Fresh(Inner(1))), Fresh) == Fresh(Inner(1))
        except BaseException as problem:  # noqa: BLE001 - told by the test
            wrong.append(repr(problem))

    monkeypatch.setattr("shell.canonical_types.get_type_hints", slow)
    first, second = threading.Thread(target=work), threading.Thread(target=work)
    first.start()
    assert inside.wait(10)
    second.start()
    first.join()
    second.join()
    assert wrong == []


def test_unregistered_types_are_not_imported() -> None:
    class Local(NamedTuple):
        x: int

    body = encode((Local(1),))
    with pytest.raises(CanonicalError, match="is not registered"):
        decode(body, Any)


def test_a_set_or_a_map_with_a_repeated_element_is_refused() -> None:
    body = encode(Map({"a": 1, "b": 2}), Map[str, int])
    with pytest.raises(CanonicalError, match="holds a key twice"):
        decode(body.replace(b"\xa1b", b"\xa1a"), Map[str, int])
    with pytest.raises(CanonicalError, match="holds an element twice"):
        decode(b"\x92\x01\x01", frozenset[int])


def test_plain_values_and_members() -> None:
    assert decode(encode(Side.BUY), Side) is Side.BUY
    assert decode(encode(None), None) is None
    assert decode(encode(5), int) == 5
    assert decode(encode((1, "x"), tuple[int, str]), tuple[int, str]) == (1, "x")
    with pytest.raises(CanonicalError, match=r"3 elements where tuple\[int, str\] belongs"):
        encode((1, "x", 2), tuple[int, str])
