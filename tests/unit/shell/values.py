"""Values of the kernel made by type: for tests of everything that writes and reads them."""

from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st
from immutables import Map

from kernel.config import DeskConfig, StrategyConfig
from kernel.events import BarClosed, Booted, Event, Tick, TradeUpdated
from kernel.reports import (
    Bar,
    BrokerEvent,
    BrokerStatus,
    ExecutionKind,
    ExecutionReport,
    OrderReport,
)
from kernel.sides import OrderClass, OrderType, Side, TimeInForce
from kernel.units import SCALE, SECOND, Instant, Price, Quantity

BEGIN = Instant(1_700_000_000 * SECOND)
INTEGERS = st.one_of(st.integers(-5, 5), st.integers(-(2**70), 2**70), st.integers())


def values_of(annotation: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """A hypothesis strategy for an annotation of the kernel."""
    annotation = getattr(annotation, "__supertype__", annotation)
    plain: dict[Any, st.SearchStrategy[Any]] = {
        int: INTEGERS,
        str: st.text(max_size=20),
        bytes: st.binary(max_size=20),
        bool: st.booleans(),
        NoneType: st.none(),
        Any: INTEGERS,
    }
    if annotation in plain:
        return plain[annotation]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return st.sampled_from(list(annotation))
    if hasattr(annotation, "_fields"):
        hints = get_type_hints(annotation)
        fields = [values_of(hints[name], depth + 1) for name in annotation._fields]
        return st.tuples(*fields).map(lambda row: annotation(*row))
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return st.one_of(*(values_of(argument, depth) for argument in arguments))
    size = 0 if depth > 3 else 2
    if origin is tuple and arguments[-1] is Ellipsis:
        if depth > 3:
            return st.just(())
        return st.lists(values_of(arguments[0], depth + 1), max_size=size).map(tuple)
    if origin is tuple:
        return st.tuples(*(values_of(argument, depth) for argument in arguments))
    if origin is frozenset:
        return st.frozensets(values_of(arguments[0], depth + 1), max_size=size)
    assert origin is Map, f"no strategy for {annotation!r}"
    keys, elements = (values_of(argument, depth + 1) for argument in arguments)
    return st.dictionaries(keys, elements, max_size=size).map(Map)


def booted(epoch: int, at: int = BEGIN) -> Booted:
    """The first event of an epoch."""
    strategies = (StrategyConfig("vwap", "kernel.x:Y", ("SPY",), (("period", 20), ("word", "x"))),)
    return Booted(Instant(at), epoch, "0.1.0", DeskConfig("sim", "mqd", strategies, True))


def bar_closed(index: int) -> BarClosed:
    """A bar with figures of the index."""
    price = Price(100 * SCALE + index)
    start = Instant(BEGIN + index * 60 * SECOND)
    bar = Bar("SPY", start, price, Price(price + 5), Price(price - 5), price, Quantity(1_000 * SCALE))
    return BarClosed(Instant(start + 60 * SECOND), bar)


def trade_updated(index: int) -> TradeUpdated:
    """A full fill, as large as events of its kind are."""
    at = Instant(BEGIN + index * SECOND)
    price, quantity = Price(450_123456789 + index), Quantity(10 * SCALE)
    report = OrderReport(
        broker_order_id=f"61e69015-8549-4bfd-b9c3-{index:012d}",
        client_order_id=f"mqd-1-vwap-{index:06d}",
        symbol="SPY",
        side=Side.BUY,
        type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        order_class=OrderClass.SIMPLE,
        status=BrokerStatus.FILLED,
        status_text="filled",
        quantity=quantity,
        notional=None,
        filled_quantity=quantity,
        filled_average=price,
        limit_price=None,
        stop_price=None,
        extended_hours=False,
        created_at=at,
        updated_at=at,
    )
    execution = ExecutionReport(f"e{index}", ExecutionKind.TRADE, price, quantity, at, None, quantity)
    return TradeUpdated(at, BrokerEvent.FILL, "fill", report, execution, f"01HFX{index:021d}")


def tick(index: int) -> Tick:
    """A tick, a second after the one before."""
    return Tick(Instant(BEGIN + index * SECOND))


def day(epoch: int, count: int) -> list[Event]:
    """A Booted and `count` further events, of the usual kinds."""
    makers = (tick, bar_closed, trade_updated)
    return [booted(epoch), *(makers[index % 3](index) for index in range(count))]
