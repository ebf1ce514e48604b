"""A made-up trading day: seeded bars that look enough like a market to give mean reversion something to do.

1. Integers only, and one generator per symbol seeded with (seed, symbol): the same seed gives the same day
   on every machine, and adding a symbol changes no other.
2. A price is a fair value, which drifts at random, times one plus a deviation, which is pulled back to zero
   with a half-life of about eleven minutes.
3. Every symbol jumps a few times: one dip of 0.6 to 1.2 % in the first hours, one of 1.3 to 1.9 % later,
   and some of either sign. Of some jumps half is kept by the fair value: those do not revert, and stops are
   hit.
4. Volume is U-shaped over the day, with noise, and greater in a minute with a jump.
5. Prices stand on ticks; low <= open, close <= high; each bar opens near where the last closed.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import Final, NamedTuple

from kernel.reports import Bar
from kernel.units import MINUTE, SCALE, Instant, Price, Quantity

__all__ = ["DEFAULT_SESSION_OPEN", "MINUTES_MAX", "MINUTES_MIN", "SYMBOLS", "make_session"]

DEFAULT_SESSION_OPEN: Final = int(datetime(2024, 3, 13, 13, 30, tzinfo=UTC).timestamp()) * SCALE
"""09:30 in New York of an ordinary Wednesday (ns UTC)."""

MINUTES_MIN: Final = 120
"""A shorter day has no room for the jumps."""

MINUTES_MAX: Final = 1_440
"""A longer one is no day."""

_SUB_STEPS: Final = 6
_TICK: Final = SCALE // 100
_BASIS_POINT: Final = SCALE // 10_000
_PULL_PER_MILLE: Final = 10
"""Of the deviation, per sub-step: 6 % a minute."""


class _Profile(NamedTuple):
    """What a symbol is like."""

    price: int
    volume: int
    """Shares per minute in the middle of the day."""
    drift_bps_tenths: int
    """Noise of the fair value per sub-step, in tenths of a basis point."""
    wobble_bps_tenths: int
    """Noise of the deviation, likewise."""


_PROFILES: Final[dict[str, _Profile]] = {
    "AIG": _Profile(75 * SCALE, 4_000, 5, 14),
    "BAC": _Profile(37 * SCALE, 30_000, 5, 12),
    "QQQ": _Profile(440 * SCALE, 40_000, 4, 8),
    "SPY": _Profile(515 * SCALE, 60_000, 3, 6),
}

SYMBOLS: Final = tuple(sorted(_PROFILES))
"""The symbols of the default day."""

_OTHER: Final = _Profile(50 * SCALE, 5_000, 5, 12)
"""What any other symbol is like."""


def make_session(
    seed: int,
    session_open: int = DEFAULT_SESSION_OPEN,
    minutes: int = 390,
    symbols: Sequence[str] = SYMBOLS,
) -> dict[str, tuple[Bar, ...]]:
    """One session of minute bars for each symbol, from `session_open` (ns UTC) on."""
    if not MINUTES_MIN <= minutes <= MINUTES_MAX:
        raise ValueError(f"a synthetic day has {MINUTES_MIN} to {MINUTES_MAX} minutes, not {minutes}")
    return {symbol: _symbol_day(seed, symbol, session_open, minutes) for symbol in sorted(symbols)}


def _noise(rng: Random, tenths: int) -> int:
    """A bell-shaped draw around zero, 10^-9; its deviation is about `tenths` tenths of a basis point."""
    bound = tenths * _BASIS_POINT // 10
    return sum(rng.randrange(-bound, bound + 1) for _ in range(4)) * 7 // 8


def _jumps(rng: Random, minutes: int) -> dict[int, tuple[int, bool]]:
    """Minute of each jump: its size (10^-9 of one) and whether half of it stays."""
    planned = [
        (rng.randrange(minutes * 9 // 100, minutes * 28 // 100), -rng.randrange(60, 121)),
        (rng.randrange(minutes * 32 // 100, minutes * 80 // 100), -rng.randrange(130, 191)),
    ]
    for _ in range(rng.randrange(2, 5)):
        sign = 1 if rng.randrange(2) else -1
        planned.append(
            (rng.randrange(minutes * 7 // 100, minutes * 90 // 100), sign * rng.randrange(40, 151))
        )
    jumps: dict[int, tuple[int, bool]] = {}
    for minute, size in planned:
        jumps.setdefault(minute, (size * _BASIS_POINT, rng.randrange(3) == 0))
    return jumps


def _symbol_day(seed: int, symbol: str, session_open: int, minutes: int) -> tuple[Bar, ...]:
    """The bars of one symbol."""
    rng = Random(f"{seed}/{symbol}")
    profile = _PROFILES.get(symbol, _OTHER)
    fair = profile.price * (SCALE + _noise(rng, 1_000)) // SCALE
    deviation = 0
    jumps = _jumps(rng, minutes)
    bars: list[Bar] = []
    for minute in range(minutes):
        jump, stays = jumps.get(minute, (0, False))
        path = [_on_tick(fair, deviation)]
        for sub_step in range(_SUB_STEPS):
            if sub_step == 1:
                kept = jump // 2 if stays else 0
                fair += fair * kept // SCALE
                deviation += jump - kept
            fair += fair * _noise(rng, profile.drift_bps_tenths) // SCALE
            deviation += _noise(rng, profile.wobble_bps_tenths) - deviation * _PULL_PER_MILLE // 1_000
            path.append(_on_tick(fair, deviation))
        bars.append(
            Bar(
                symbol=symbol,
                start=Instant(session_open + minute * MINUTE),
                open=Price(path[0]),
                high=Price(max(path)),
                low=Price(min(path)),
                close=Price(path[-1]),
                volume=_volume(rng, profile, minute, minutes, jump != 0),
            )
        )
    return tuple(bars)


def _on_tick(fair: int, deviation: int) -> int:
    """The price on a tick, at least one tick."""
    price = fair * (SCALE + deviation) // SCALE
    return max(_TICK, price // _TICK * _TICK)


def _volume(rng: Random, profile: _Profile, minute: int, minutes: int, jumped: bool) -> Quantity:
    """Whole shares of one minute: least at noon, three times as much at the edges."""
    from_noon = 2 * minute - minutes
    shape = 1_000 + 2_000 * from_noon * from_noon // (minutes * minutes)
    shares = profile.volume * shape // 1_000 * rng.randrange(500, 1_501) // 1_000
    return Quantity(max(1, shares * (2 if jumped else 1)) * SCALE)
