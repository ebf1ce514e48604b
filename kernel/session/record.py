"""The desk's mode, its drain and the account's figures: the record of the session room."""

from typing import Final, NamedTuple

from kernel.session.chart import Mode
from kernel.units import Cash, Instant, Value

__all__ = ["NO_SESSION", "SessionRecord"]


class SessionRecord(NamedTuple):
    """Mode, shutdown, and what the broker says of the account."""

    mode: Mode
    mode_since: Instant
    reason: str
    mode_before: Mode
    """What it was when the process ended; COLD for not yet anything."""
    reason_before: str
    account: str
    """The broker's account number, once known."""
    draining: bool
    drain_reason: str
    drain_since: Instant
    """When the drain began, or when the last order ended in it: books that are older are not the last."""
    buying_power: Cash
    """As the broker last said."""
    cash_power: Cash
    """Likewise, for what can't be bought on margin (coins)."""
    power_flow: Value
    """Our cash flow when it was asked: what was spent since is not in the broker's figures."""
    buying_power_at: Instant
    multiplier: int
    blocked: bool


NO_SESSION: Final = SessionRecord(
    mode=Mode.COLD,
    mode_since=Instant(0),
    reason="",
    mode_before=Mode.COLD,
    reason_before="",
    account="",
    draining=False,
    drain_reason="",
    drain_since=Instant(0),
    buying_power=Cash(0),
    cash_power=Cash(0),
    power_flow=Value(0),
    buying_power_at=Instant(0),
    multiplier=1,
    blocked=False,
)
