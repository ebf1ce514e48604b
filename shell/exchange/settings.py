"""What can be set about an embedded exchange, and the errors of setting it wrongly.

1. One frozen record, built by `shell.live` or from the command line; nothing reads the environment.
2. `rate` None means lock-step (`--speed max`): time moves only when every lock-step client is idle. A number
   is simulated seconds per real second.
3. Without `key` and `secret` any non-empty pair is let in, as a paper account for one; with them only that
   pair.
4. A `SetupError` is one line for a person: what, where, what to do.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kernel.units import SCALE
from shell.exchange.faults.plan import FaultPlan

__all__ = ["RATE_MAX", "REQUESTS_PER_MINUTE", "ExchangeSettings", "SetupError", "parse_speed"]

REQUESTS_PER_MINUTE: Final = 200
"""Alpaca's limit for one account, trading and market data each."""

RATE_MAX: Final = 100_000.0
"""Above this a real-time session is pointless; `max` is what is meant."""


class SetupError(Exception):
    """The exchange cannot start as asked; the text is one line for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeSettings:
    """How to build an exchange."""

    host: str = "127.0.0.1"
    port: int = 0
    """0 = any free port."""
    bars: tuple[Path, ...] = ()
    """CSV files of bars or quotes; none = a synthetic session made from `seed`."""
    seed: int = 0
    rate: float | None = 60.0
    """Simulated seconds per real second; None = lock-step."""
    cash: int = 100_000 * SCALE
    """Starting cash, 10^-9 of a dollar."""
    key: str | None = None
    secret: str | None = None
    requests_per_minute: int = REQUESTS_PER_MINUTE
    """In session time."""
    participation: int = SCALE // 10
    """Share of the bars' volume that quotes show and orders may fill, 10^-9 of one."""
    binary_updates: bool = True
    """Trade updates as binary frames (paper) or text frames (live)."""
    faults: FaultPlan = field(default_factory=FaultPlan)
    """Which faults, how often; the empty plan is a calm exchange."""
    venue: dict[str, int | bool] = field(default_factory=dict)
    """Further `VenueSettings` by name, such as ack_latency (ns)."""


def parse_speed(text: str) -> float | None:
    """`max` (None: lock-step) or simulated seconds per real second, above 0. Raises SetupError."""
    if text == "max":
        return None
    try:
        rate = float(text)
    except ValueError:
        raise SetupError(f"--speed {text}: not a number and not 'max'") from None
    if not 0.0 < rate <= RATE_MAX:
        raise SetupError(f"--speed {text}: must be above 0 and at most {RATE_MAX:g}, or 'max'")
    return rate
