"""The pen: in lock-step the same frames give the same events in the same order."""

from itertools import permutations

from kernel.events import BarClosed, Event, QuoteUpdated, Tick, TradeUpdated
from kernel.reports import Quote
from kernel.units import MINUTE, SECOND, Instant, Price, Quantity
from shell.pen import Pen, own_time
from tests.unit.shell.values import bar_closed, trade_updated

BAR = bar_closed(3)
NOW = Instant(BAR.bar.start + MINUTE)
EARLIER = Instant(NOW - MINUTE)


def quote(at: Instant) -> QuoteUpdated:
    return QuoteUpdated(EARLIER, Quote("SPY", Price(1), Price(2), Quantity(1), Quantity(1), at))


def fill(at: Instant) -> TradeUpdated:
    update = trade_updated(1)
    assert update.execution is not None
    return update._replace(
        report=update.report._replace(updated_at=at), execution=update.execution._replace(at=at)
    )


def test_an_event_tells_of_its_own_instant() -> None:
    assert own_time(BAR) == NOW
    assert own_time(quote(NOW)) == NOW
    assert own_time(fill(NOW)) == NOW
    late = fill(NOW)
    assert late.execution is not None
    assert (
        own_time(late._replace(execution=late.execution._replace(at=Instant(NOW + SECOND)))) == NOW + SECOND
    )
    assert own_time(Tick(NOW)) == 0


def test_what_belongs_to_the_present_passes_with_the_present_time() -> None:
    pen = Pen()
    assert pen.admit(fill(NOW), NOW) == fill(NOW)._replace(at=NOW)
    assert pen.admit(Tick(EARLIER), NOW) == Tick(NOW)
    assert len(pen) == 0


def test_what_overtook_its_time_is_held_until_then() -> None:
    pen = Pen()
    assert pen.admit(quote(NOW), EARLIER) is None
    assert pen.release(EARLIER) == []
    assert pen.release(NOW) == [quote(NOW)._replace(at=NOW)]
    assert pen.release(NOW) == []


def test_every_order_of_arrival_gives_one_order_fills_first() -> None:
    events: list[Event] = [BAR, quote(NOW), fill(NOW)]
    results = []
    for arrival in permutations(events):
        if arrival.index(BAR) > arrival.index(events[1]):
            continue  # one socket keeps its order
        pen = Pen()
        assert [pen.admit(event, EARLIER) for event in arrival] == [None] * 3
        results.append(pen.release(NOW))
    assert len(results) == 3
    assert all(result == results[0] for result in results)
    assert [type(event) for event in results[0]] == [TradeUpdated, BarClosed, QuoteUpdated]
