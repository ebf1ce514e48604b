"""The desk's mode and what it takes to leave COLD: the records of the session room."""

from typing import Final, NamedTuple

from kernel.session.chart import Mode
from kernel.units import Cash, Instant, Quantity, Value

__all__ = ["NO_SESSION", "SessionRecord", "Sync"]


class Sync(NamedTuple):
    """One comparison with the broker: what was asked and what has been answered.

    A snapshot is judged only for what did not move between its asking and its answer.
    """

    asked_at: Instant
    waiting: frozenset[int]
    """Calls not yet answered."""
    cash: Cash | None
    cash_flow: Value
    """Ours when the account was asked."""
    positions: tuple[tuple[str, Quantity], ...] | None
    open_ids: tuple[str, ...] | None
    """Client order ids that the broker lists as open."""
    failed: bool
    """An answer was none: nothing can be concluded."""


class SessionRecord(NamedTuple):
    """Mode, reconciliation and shutdown."""

    mode: Mode
    mode_since: Instant
    reason: str
    account: str
    """The broker's account number, once known."""
    opening_cash: Value | None
    """Cash at the first clean reconciliation less our cash flow: what our books start from."""
    opening_positions: tuple[tuple[str, Quantity], ...]
    """What the account held that is not ours (from before the first boot)."""
    sync: Sync | None
    """The comparison under way."""
    synced_at: Instant
    """The last clean comparison; zero for never in this epoch."""
    sync_failures: int
    """Consecutive comparisons that could not be completed or did not agree."""
    next_sync_at: Instant
    draining: bool
    drain_reason: str
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
    account="",
    opening_cash=None,
    opening_positions=(),
    sync=None,
    synced_at=Instant(0),
    sync_failures=0,
    next_sync_at=Instant(0),
    draining=False,
    drain_reason="",
    buying_power=Cash(0),
    cash_power=Cash(0),
    power_flow=Value(0),
    buying_power_at=Instant(0),
    multiplier=1,
    blocked=False,
)
