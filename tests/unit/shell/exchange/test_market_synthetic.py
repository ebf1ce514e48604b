"""The made-up day: seeded, sound as bars, and with something for mean reversion to do."""

import pytest

from kernel.reports import Bar
from kernel.units import MINUTE
from shell.exchange.market.synthetic import DEFAULT_SESSION_OPEN, SYMBOLS, make_session
from tests.unit.shell.exchange.venue_kit import d

_SEEDS = range(12)


def _typical(bar: Bar) -> int:
    return (bar.high + bar.low + bar.close) // 3


def _vwap(bars: tuple[Bar, ...]) -> int:
    return sum(_typical(bar) * bar.volume for bar in bars) // sum(bar.volume for bar in bars)


def test_the_same_seed_gives_the_same_day_and_another_seed_another() -> None:
    assert make_session(1) == make_session(1)
    assert make_session(1) != make_session(2)
    assert make_session(1)["SPY"] == make_session(1, symbols=("SPY", "ZZZ"))["SPY"]


@pytest.mark.parametrize("seed", _SEEDS)
def test_bars_are_sound(seed: int) -> None:
    day = make_session(seed)
    assert tuple(day) == SYMBOLS
    for bars in day.values():
        assert [bar.start for bar in bars] == [DEFAULT_SESSION_OPEN + n * MINUTE for n in range(390)]
        for bar in bars:
            assert 0 < bar.low <= min(bar.open, bar.close)
            assert max(bar.open, bar.close) <= bar.high
            assert all(price % d("0.01") == 0 for price in bar[2:6])
            assert bar.volume >= d("1")
            assert bar.volume % d("1") == 0


def test_volume_is_u_shaped() -> None:
    bars = make_session(0)["SPY"]
    edges = sum(bar.volume for bar in (*bars[:30], *bars[-30:]))
    noon = sum(bar.volume for bar in bars[165:225])
    assert edges > 2 * noon


def test_every_day_dips_below_the_session_vwap_in_the_morning() -> None:
    for seed in _SEEDS:
        bars = make_session(seed)["SPY"]
        dips = [n for n in range(30, 120) if bars[n].close * 1_000 < _vwap(bars[: n + 1]) * 997]
        assert dips, f"seed {seed} gives SPY no dip of 0.3 % in the strategy's window"


def test_nearly_every_symbol_dips_a_percent_below_its_twenty_bar_vwap() -> None:
    with_dips = 0
    for seed in _SEEDS:
        for bars in make_session(seed).values():
            with_dips += any(
                bars[n].close * 100 < _vwap(bars[n - 19 : n + 1]) * 99 for n in range(20, len(bars))
            )
    assert with_dips >= len(_SEEDS) * len(SYMBOLS) * 9 // 10


def test_some_dips_revert_and_some_do_not() -> None:
    reverted = stopped = 0
    for seed in _SEEDS:
        for bars in make_session(seed).values():
            entry = next(
                (n for n in range(20, 350) if bars[n].close * 100 < _vwap(bars[n - 19 : n + 1]) * 99), None
            )
            if entry is None:
                continue
            price = bars[entry].close
            for n in range(entry + 1, len(bars)):
                if bars[n].close >= _vwap(bars[n - 19 : n + 1]):
                    reverted += bars[n].close > price
                    break
                if bars[n].close * 100 <= price * 99:
                    stopped += 1
                    break
    assert reverted >= 10
    assert stopped >= 1


def test_an_impossible_length_is_refused() -> None:
    with pytest.raises(ValueError, match="120 to 1440 minutes"):
        make_session(0, minutes=5)
