"""What the desk was told: limits, paces and strategies, as one value.

It arrives in the Booted event, so the journal knows which configuration made which decision.
The shell reads it from TOML and refuses unknown keys and impossible values before the kernel sees it.
"""

from typing import NamedTuple

from kernel.units import MINUTE, SCALE, SECOND, Cash, Duration, Quantity, Ratio

__all__ = [
    "DeskConfig",
    "DriftConfig",
    "GateConfig",
    "LinkConfig",
    "OrderConfig",
    "StrategyConfig",
    "ThrottleConfig",
]


class StrategyConfig(NamedTuple):
    """One strategy of the desk."""

    name: str
    """Its slug in client order ids: [a-z0-9_]{1,16}, unique in the desk."""
    path: str
    """`module:ATTRIBUTE`, or the name of an entry point."""
    symbols: tuple[str, ...]
    parameters: tuple[tuple[str, int | str], ...]
    """Sorted by key. Prices, quantities, cash and ratios are already scaled integers; durations in ns."""


class GateConfig(NamedTuple):
    """The gate's limits."""

    order_quantity_max: Quantity = Quantity(10_000 * SCALE)
    order_notional_max: Cash = Cash(50_000 * SCALE)
    position_notional_max: Cash = Cash(50_000 * SCALE)
    """Worst case per symbol: position plus open orders in its direction."""
    quote_age_max: Duration = Duration(90 * SECOND)
    """An entry needs a quote that is not older."""
    collar: Ratio = Ratio(50_000_000)
    """An entry's price may be off the quote by at most this share (5 %)."""
    rules_age_max: Duration = Duration(24 * 60 * MINUTE)
    """A symbol's rules are unknown again after this."""
    single_trade_per_symbol: bool = True
    """An entry is refused while the symbol has a position or an open entry (anti-pyramiding)."""
    intent_horizon: Duration = Duration(24 * 60 * MINUTE)
    """How long an intent's key is remembered."""


class ThrottleConfig(NamedTuple):
    """The account's request budget."""

    limit: int = 200
    window: Duration = MINUTE
    reserved_for_safety: int = 40
    """Calls that entries and data can't use."""
    reserved_for_urgent: int = 20
    """Calls (of those) that queries can't use either."""
    entry_age_max: Duration = Duration(10 * SECOND)
    """An entry that waited longer for its permit is dropped, not sent late."""


class OrderConfig(NamedTuple):
    """How orders in doubt and requests without an answer are pursued."""

    query_every: Duration = Duration(1 * SECOND)
    """The first wait between two queries of an order in doubt; it doubles up to query_every_max."""
    query_every_max: Duration = Duration(30 * SECOND)
    absent_after: Duration = Duration(15 * SECOND)
    """Not-founds count as absence only when the submit is older than this."""
    absent_misses: int = 3
    """That many consecutive not-founds, spaced by query_every, prove absence."""
    call_silence_max: Duration = Duration(60 * SECOND)
    """A call without any answer for so long counts as doubtful."""
    cancel_repeat_every: Duration = Duration(5 * SECOND)
    """A cancel without effect is queried and asked again after this."""
    cancel_repeats_max: int = 5
    """Then a person is called; the order keeps counting as open."""
    archive_after: Duration = Duration(10 * MINUTE)
    """An order that has ended leaves the hot state after this; late facts still find it."""
    archive_hot_max: int = 10_000
    """When more that have ended are hot, the oldest leave at once."""


class LinkConfig(NamedTuple):
    """How streams are reopened."""

    backoff_first: Duration = SECOND
    backoff_max: Duration = Duration(30 * SECOND)
    backoff_refused: Duration = Duration(90 * SECOND)
    """After a refused second connection: Alpaca reaps the dead one after about 90 s."""


class DriftConfig(NamedTuple):
    """What is done about differences between our books and the broker's, by class (kernel/drift/room.py)."""

    grace: Duration = Duration(15 * SECOND)
    """An order is missed in the broker's answers only when it has been there for so long."""
    look_every_mute: Duration = Duration(30 * SECOND)
    """While an order is open and the order stream says nothing, the broker is looked at this often."""
    orphan_ours: str = "adopt"
    """adopt, reduce."""
    orphan_foreign: str = "observe"
    """observe, cancel, reduce, halt."""
    shadow: str = "reduce"
    """What follows when queries can't settle it: observe, reduce, halt; also of one listed after its end."""
    position: str = "reduce"
    """What follows when nothing explains it: observe, reduce, halt."""
    cash: str = "observe"
    """Likewise; dividends, interest and transfers change cash without a fill."""


class DeskConfig(NamedTuple):
    """Everything."""

    account: str
    """What the desk calls the account; not a secret."""
    prefix: str
    """Of our client order ids: [a-z0-9_]{1,12}."""
    strategies: tuple[StrategyConfig, ...]
    arm_at_start: bool
    """Arm by itself after the first clean reconciliation (simulation and paper)."""
    cancel_at_drain: bool = True
    """Cancel open orders when the process stops; False leaves them."""
    gate: GateConfig = GateConfig()
    throttle: ThrottleConfig = ThrottleConfig()
    orders: OrderConfig = OrderConfig()
    links: LinkConfig = LinkConfig()
    drift: DriftConfig = DriftConfig()
    crypto_fee: Ratio = Ratio(2_500_000)
    """What the venue keeps of a crypto execution (Alpaca: 25 bps for a taker)."""
    reconcile_every: Duration = Duration(5 * MINUTE)
    """Positions, account and open orders are compared this often while running."""
