"""Packing: every order comes back as it was, equal orders have equal bytes, the tables leave nothing out."""

from enum import Enum
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.orders.ledger import Entry
from kernel.orders.lifecycle import take_report, take_update
from kernel.orders.packing import ENUMS, FORMAT, RECORDS, pack, unpack
from kernel.orders.record import Order
from kernel.reports import BrokerEvent, BrokerStatus
from kernel.units import Price, Quantity, Value
from tests.unit.kernel.orders.samples import at, execution, report, working
from tests.unit.shell.values import values_of

FILLED_BYTES_MAX = 200
"""For the plain order of these tests after one execution."""


def parts_of(annotation: Any, found: dict[type, None]) -> None:
    """Every record and Enum that an annotation reaches."""
    annotation = getattr(annotation, "__supertype__", annotation)
    if isinstance(annotation, type) and annotation not in found:
        if issubclass(annotation, Enum):
            found[annotation] = None
        elif hasattr(annotation, "_fields"):
            found[annotation] = None
            for hint in get_type_hints(annotation).values():
                parts_of(hint, found)
    for argument in get_args(annotation):
        parts_of(argument, found)


def filled() -> Order:
    """A plain order with one execution."""
    said = report(BrokerStatus.FILLED, 100)
    return take_update(working(), BrokerEvent.FILL, said, execution("X1", 100), at(2)).order


def test_the_tables_hold_every_part_of_an_order() -> None:
    found: dict[type, None] = {}
    parts_of(Order, found)
    assert set(found) == {*RECORDS, *ENUMS}
    assert len({*RECORDS, *ENUMS}) == len(RECORDS) + len(ENUMS)


@given(values_of(Order))
def test_any_order_comes_back_as_it_was(order: Order) -> None:
    packed = pack(order)
    again = unpack(packed)
    assert again == order
    assert pack(again) == packed
    assert [type(part) for part in again] == [type(part) for part in order]


@given(
    st.text(st.characters(exclude_categories=()), max_size=40)
    | st.uuids().map(str)
    | st.uuids().map(lambda u: str(u).upper())
    | st.sampled_from(["-" * 36, " " * 36, "x" * 254, "x" * 255, "x" * 70_000])
)
def test_any_text_comes_back_as_it_was(text: str) -> None:
    order = filled()._replace(intent=text, strategy=text, broker_ids=(text, text + "'"))
    assert unpack(pack(order)) == order


@given(st.integers(), st.integers(200, 4_000), st.booleans())
def test_any_integer_comes_back_as_it_was(value: int, bits: int, is_negative: bool) -> None:
    huge = -(1 << bits) if is_negative else (1 << bits)
    for integer in (value, huge, huge - 1, huge + 1):
        order = filled()
        order = order._replace(ledger=order.ledger._replace(value=Value(integer), quantity=Quantity(integer)))
        assert unpack(pack(order)) == order


@pytest.mark.parametrize("count", [0, 1, 127, 254, 255, 256, 600])
def test_any_number_of_executions_comes_back(count: int) -> None:
    """More values than can be pointed at, and sizes on both sides of what fits into one byte."""
    order = filled()
    executions = order.ledger.executions
    for number in range(count):
        size = Quantity(10**9 + number)
        executions = executions.set(
            f"more {number}", Entry(Price(10**12 - number), size, "B1", Price(5), size)
        )
    order = order._replace(ledger=order.ledger._replace(executions=executions))
    assert unpack(pack(order)) == order


def test_equal_orders_have_equal_bytes_whatever_came_first() -> None:
    orders = []
    for names in (("X1", "X2", "X3"), ("X3", "X1", "X2")):
        order = working()
        for name in names:
            said = report(BrokerStatus.PARTIALLY_FILLED, 30)
            order = take_update(order, BrokerEvent.PARTIAL_FILL, said, execution(name, 10), at(2)).order
        orders.append(order)
    assert orders[0] == orders[1]
    assert pack(orders[0]) == pack(orders[1])


def test_what_is_packed_is_small() -> None:
    canceled = take_report(working(), report(BrokerStatus.CANCELED), at(2)).order
    assert len(pack(canceled)) < len(pack(filled())) <= FILLED_BYTES_MAX


def test_what_is_no_order_is_refused() -> None:
    packed = pack(filled())
    for damaged in (
        bytes((FORMAT + 1,)) + packed[1:],
        packed + b"\0",
        bytes((FORMAT, 32)),
        bytes((FORMAT, 41)),
    ):
        with pytest.raises(AssertionError, match="kernel bug"):
            unpack(damaged)
