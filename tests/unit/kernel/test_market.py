"""The market room: what can't be right, is late or of the future is not used, and shuts nothing out."""

import pytest

from kernel import Desk, Event, step
from kernel.events import BarClosed, QuoteUpdated
from kernel.market import FUTURE_MAX, is_possible_bar, is_possible_quote
from kernel.reasons import Anomaly
from kernel.reports import Quote
from kernel.units import MINUTE, SCALE, Instant, Price, Quantity
from tests.unit.kernel.scripts import OPEN, SYMBOL, Desktop, make_bar

SIZE = Quantity(SCALE)
NOW = Instant(OPEN + 10 * MINUTE)


def quote(at: int, bid: int = 100, ask: int = 101) -> Quote:
    return Quote(SYMBOL, Price(bid), Price(ask), SIZE, SIZE, Instant(at))


@pytest.fixture
def desk() -> Desk:
    desktop = Desktop()
    desktop.boot()
    return desktop.desk


def after(desk: Desk, *events: Event) -> Desk:
    for event in events:
        desk = step(desk, event).desk
    return desk


def test_the_newest_quote_is_kept(desk: Desk) -> None:
    end = after(desk, QuoteUpdated(NOW, quote(NOW)), QuoteUpdated(NOW, quote(NOW - 1, 50, 51)))
    assert end.market.quotes[SYMBOL].bid == 100


def test_a_stamp_of_the_far_future_is_not_used(desk: Desk) -> None:
    end = after(desk, QuoteUpdated(NOW, quote(NOW + FUTURE_MAX + 1)))
    assert SYMBOL not in end.market.quotes
    assert end.counters.anomalies[Anomaly.BAD_QUOTE] == 1


def test_a_stamp_a_little_ahead_is_now_and_does_not_shut_out_the_next(desk: Desk) -> None:
    end = after(desk, QuoteUpdated(NOW, quote(NOW + FUTURE_MAX)))
    assert end.market.quotes[SYMBOL].at == NOW
    later = Instant(NOW + 1)
    assert after(end, QuoteUpdated(later, quote(later, 50, 51))).market.quotes[SYMBOL].bid == 50


def test_a_bar_is_used_once_and_in_order(desk: Desk) -> None:
    second, first = make_bar(Instant(OPEN + MINUTE), 100), make_bar(OPEN, 99)
    seat = next(iter(desk.seats))
    end = after(desk, BarClosed(NOW, second), BarClosed(NOW, second), BarClosed(NOW, first))
    assert end.seats[seat].bars == 1
    assert end.market.bar_starts[SYMBOL] == second.start


def test_a_bar_that_has_not_ended_shuts_out_none(desk: Desk) -> None:
    end = after(desk, BarClosed(NOW, make_bar(Instant(NOW + FUTURE_MAX), 100)))
    assert end.counters.anomalies[Anomaly.BAD_BAR] == 1
    assert SYMBOL not in end.market.bar_starts


@pytest.mark.parametrize(
    "changes",
    [
        {"low": Price(0)},
        {"low": Price(-1)},
        {"high": Price(1)},
        {"open": Price(10**12)},
        {"close": Price(1)},
        {"volume": Quantity(-1)},
    ],
    ids=str,
)
def test_an_impossible_bar_is_counted_and_not_used(desk: Desk, changes: dict[str, int]) -> None:
    bar = make_bar(OPEN, 100)
    bad = bar._replace(**changes)  # type: ignore[arg-type]
    assert is_possible_bar(bar)
    assert not is_possible_bar(bad)
    end = after(desk, BarClosed(NOW, bad))
    assert end.counters.anomalies[Anomaly.BAD_BAR] == 1
    assert SYMBOL not in end.market.bar_starts


@pytest.mark.parametrize(("bid", "ask"), [(-1, 100), (100, -1), (0, 0)])
def test_an_impossible_quote_is_counted_and_not_used(desk: Desk, bid: int, ask: int) -> None:
    assert not is_possible_quote(quote(NOW, bid, ask))
    end = after(desk, QuoteUpdated(NOW, quote(NOW, bid, ask)))
    assert end.counters.anomalies[Anomaly.BAD_QUOTE] == 1
    assert SYMBOL not in end.market.quotes


def test_one_side_is_a_quote() -> None:
    assert is_possible_quote(quote(NOW, 100, 0))
