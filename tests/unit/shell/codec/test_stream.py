"""trade_updates frames: executions are exact or said not to be, and nothing is dropped."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.events import Event, TradeUpdated, Unrecognized
from kernel.reports import BrokerEvent, ExecutionKind, ExecutionReport
from kernel.units import SCALE
from shell.canonical import encode
from shell.codec import RAW_TEXT_MAX, decode_trade_update
from tests.unit.shell.codec.samples import AT, order, text, update


def events_of(frame: dict[str, Any]) -> tuple[Event, ...]:
    return decode_trade_update(text(frame), AT)


def only(frame: dict[str, Any]) -> TradeUpdated:
    (event,) = events_of(frame)
    assert isinstance(event, TradeUpdated), event
    return event


def with_note(frame: dict[str, Any]) -> tuple[TradeUpdated, Unrecognized]:
    first, second = events_of(frame)
    assert isinstance(first, TradeUpdated)
    assert isinstance(second, Unrecognized)
    assert second.text == text(frame)
    return first, second


def test_an_execution_has_its_own_figures() -> None:
    event = only(update())
    assert event.word is BrokerEvent.PARTIAL_FILL
    assert event.event_id == "01KYA98EMMAHZ1EAE2B7SQVP4M"
    assert event.at == AT
    assert event.execution == ExecutionReport(
        execution_id="e0000000-0000-0000-0000-000000000001",
        kind=ExecutionKind.TRADE,
        price=980_800_000,  # type: ignore[arg-type]
        quantity=SCALE,  # type: ignore[arg-type]
        at=1_791_472_242_191_100_621,  # type: ignore[arg-type]
        previous_execution_id=None,
        position_quantity=-SCALE,  # type: ignore[arg-type]
    )


def test_text_and_binary_frames_are_alike() -> None:
    raw = text(update())
    assert decode_trade_update(raw, AT) == decode_trade_update(raw.encode(), AT)


@pytest.mark.parametrize("word", [word for word in BrokerEvent if word is not BrokerEvent.UNRECOGNIZED])
def test_every_event_word_has_its_member(word: BrokerEvent) -> None:
    event = only(update(word.value, previous_execution_id="earlier"))
    assert (event.word, event.word_text) == (word, word.value)
    booked = {BrokerEvent.FILL, BrokerEvent.PARTIAL_FILL, BrokerEvent.TRADE_BUST, BrokerEvent.TRADE_CORRECT}
    assert (event.execution is not None) is (word in booked)


def test_an_unknown_event_word_is_unrecognized_and_kept() -> None:
    event = only(update("teleported"))
    assert (event.word, event.word_text, event.execution) == (BrokerEvent.UNRECOGNIZED, "teleported", None)


def test_a_bust_and_a_correction_refer_to_another() -> None:
    bust = only(update("trade_bust", qty="-2", price=None, previous_execution_id="e1")).execution
    assert bust is not None
    assert (bust.kind, bust.quantity, bust.price) == (ExecutionKind.BUST, 2 * SCALE, 0)
    assert bust.previous_execution_id == "e1"
    correct = only(update("trade_correct", previous_execution_id="e1")).execution
    assert correct is not None
    assert correct.kind is ExecutionKind.CORRECT
    event, note = with_note(update("trade_bust"))
    assert event.execution is None
    assert "previous_execution_id" in note.problem


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"execution_id": None}, "without execution_id"),
        ({"price": None}, "without a price"),
        ({"qty": None}, "without a price and a positive qty"),
        ({"qty": "0"}, "without a price and a positive qty"),
        ({"qty": "-1"}, "without a price and a positive qty"),
    ],
)
def test_a_fill_that_cannot_be_booked_still_reports_its_order(changes: dict[str, Any], problem: str) -> None:
    event, note = with_note(update("fill", **changes))
    assert event.execution is None
    assert event.report.filled_quantity == SCALE
    assert problem in note.problem


def test_an_execution_that_loses_digits_is_booked_cut_and_said() -> None:
    event, note = with_note(update("fill", price="1.0000000009", qty="0.1234567891"))
    assert event.execution is not None
    assert (event.execution.price, event.execution.quantity) == (SCALE, 123_456_789)
    assert "data.price: 1.0000000009" in note.problem
    assert "data.qty: 0.1234567891" in note.problem


def test_an_unknown_word_inside_the_order_is_said() -> None:
    event, note = with_note(update("new", of=order(side="sell_short_exempt")))
    assert event.report.side is None
    assert "sell_short_exempt" in note.problem


def test_an_order_without_times_takes_the_frames() -> None:
    event = only(update(of=order(created_at=None, submitted_at=None, updated_at=None)))
    assert event.report.created_at == 1_791_472_242_191_100_621


@pytest.mark.parametrize(
    "raw",
    ["", "{", "null", "[]", '"x"', "12", "NaN", '{"stream":"trade_updates"}', '{"stream":"other","data":{}}',
     '{"stream":"trade_updates","data":{"event":"fill"}}', "[" * 100_000, b"\xff\xfe\x00", b"\x81\xa6stream",
     '{"stream":"trade_updates","data":{"event":"fill","order":{"id":1e400}}}', "1" * 5000],
)  # fmt: skip
def test_what_is_no_update_is_one_unrecognized(raw: str | bytes) -> None:
    (event,) = decode_trade_update(raw, AT)
    assert isinstance(event, Unrecognized)
    assert event.source == "trade_updates"
    assert event.problem
    assert len(event.text) <= RAW_TEXT_MAX


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(sorted({*update()["data"], "previous_execution_id"}))
ORDER_KEYS = st.sampled_from(sorted(order()))


@given(st.dictionaries(KEYS, JSON, max_size=3), st.dictionaries(ORDER_KEYS, JSON, max_size=3), st.booleans())
def test_any_values_in_any_field_give_events_that_can_be_stored(
    data: dict[str, Any], changes: dict[str, Any], fills: bool
) -> None:
    frame = update("fill" if fills else "new", of=order(**changes))
    frame["data"] |= data
    events = decode_trade_update(text(frame), AT)
    assert 1 <= len(events) <= 2
    for event in events:
        assert isinstance(event, (TradeUpdated, Unrecognized))
        assert encode(event)


@given(st.binary(max_size=200))
def test_any_bytes_give_events(raw: bytes) -> None:
    assert all(isinstance(event, Unrecognized) for event in decode_trade_update(raw, AT))
