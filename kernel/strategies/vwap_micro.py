"""VWAP micro mean reversion: one small, risk-sized dip a morning, bought with a limit, out by the afternoon.

Rules:
1. The VWAP is the session's: the bars that started in regular hours of the session day, with
   include_pre_market 1 those of the pre-market too (five and a half hours before the open). Around the clock:
   the bars that started on the UTC day. A new day begins a new VWAP, nothing else: a position that is still
   there stays managed.
2. Entry: the close is below VWAP x (1 - entry_deviation), at least vwap_min_bars are in the VWAP, the bar
   ended in [window_start, window_end), the market is open, fewer round trips than max_trades began today (the
   desk counts them at their first fill), and less than daily_loss was lost today (realized, by the desk).
3. An entry is a buy limit at close x (1 - limit_offset), canceled after ttl.
4. Its quantity is risk / (price x stop), but at most max_notional / price, cut down to quantity_step: never
   more than either, and no entry when that is zero.
5. No entry while there is a position, an entry that may still fill, or an exit that may still fill.
6. Exit of the whole position, at market, on the first of: the bar ended at flat_at or later, or the session's
   close is at most flat_before_close ahead (early closes); held for max_time_in_trade; the close has lost
   `stop` of the average entry price; it has gained take_profit of it (0: not asked); it is at the VWAP or
   above, once vwap_min_bars are in the VWAP.
7. An exit is proposed again at each bar on which it is due and none is open, in the market's hours only.
8. From the flat time on what may still enter is withdrawn.
9. Long only. A short position, which only a correction by the broker could make, is bought back at once.

What it holds, it reads from the view at each bar: it remembers the day's sums only. A desk that joins in
mid-session has the VWAP of the bars it was shown.
"""

from typing import Final, NamedTuple

from kernel.reports import Bar
from kernel.sides import OrderType, Purpose, Side
from kernel.strategies.parameters import Kind, Parameter, defaults_of, integer_of, problems_of
from kernel.strategies.parts import (
    closes_within,
    figure,
    has_gained,
    has_lost,
    is_regular,
    is_round_the_clock,
    leave,
    time_in_force,
)
from kernel.strategies.protocol import Params, Proposal, Strategy, View, Withdrawal
from kernel.strategies.vwap import EMPTY_VWAP, Vwap, display, include, is_at_least, is_below
from kernel.units import DAY, HOUR, MINUTE, SCALE, SECOND, Cash, Duration, Price, Quantity, Ratio

__all__ = ["PARAMETERS", "STRATEGY", "MicroState", "VwapMicroMeanReversion", "quantity_for"]

BUY: Final = Side.BUY
ENTRY: Final = Purpose.ENTRY
LIMIT: Final = OrderType.LIMIT

HALF: Final = SCALE // 2
MINUTES: Final = 24 * 60
MILLION: Final = 1_000_000 * SCALE

PRE_MARKET: Final = 330 * MINUTE
"""From 04:00 to 09:30."""

PARAMETERS: Final = (
    Parameter("vwap_min_bars", Kind.COUNT, 20, 1, MINUTES, "bars in the session's VWAP before it counts"),
    Parameter("include_pre_market", Kind.FLAG, 0, 0, 1, "1: bars of the pre-market are in the VWAP"),
    Parameter(
        "entry_deviation", Kind.RATIO, 3_000_000, 1, HALF, "how far below the VWAP the close must be to enter"
    ),
    Parameter(
        "stop", Kind.RATIO, 3_000_000, 1, HALF, "loss against the average entry price at which to leave"
    ),
    Parameter(
        "take_profit",
        Kind.RATIO,
        1_500_000,
        0,
        HALF,
        "gain at which to leave before the VWAP; 0: at the VWAP",
    ),
    Parameter("risk", Kind.CASH, 1_200_000_000, 1, MILLION, "what an entry may lose at its stop"),
    Parameter("max_notional", Kind.CASH, 50 * SCALE, 1, MILLION, "what an entry may cost"),
    Parameter("quantity_step", Kind.QUANTITY, 1_000_000, 1, MILLION, "quantities are multiples of it"),
    Parameter("max_trades", Kind.COUNT, 1, 1, 1_000, "round trips that may begin on a day"),
    Parameter(
        "daily_loss", Kind.CASH, 2_500_000_000, 1, MILLION, "realized loss of a day that ends its entries"
    ),
    Parameter("window_start", Kind.MINUTE_OF_DAY, 600, 0, MINUTES, "first minute of entries"),
    Parameter("window_end", Kind.MINUTE_OF_DAY, 690, 0, MINUTES, "first minute without entries again"),
    Parameter(
        "flat_at", Kind.MINUTE_OF_DAY, 955, 0, MINUTES, "out from this minute on; 1440: never for the hour"
    ),
    Parameter(
        "flat_before_close", Kind.DURATION, 5 * MINUTE, 0, 12 * HOUR, "out in the last so long of a session"
    ),
    Parameter("limit_offset", Kind.RATIO, 0, 0, HALF, "how far below the close the entry's limit is"),
    Parameter(
        "ttl", Kind.DURATION, 90 * SECOND, SECOND, 12 * HOUR, "cancel an entry still open after so long"
    ),
    Parameter("max_time_in_trade", Kind.DURATION, 0, 0, 24 * HOUR, "leave after so long; 0: never for that"),
)


class MicroState(NamedTuple):
    """The session's sums."""

    day: int
    """yyyymmdd of the session, or the UTC day's number around the clock; 0 before the first bar."""
    bars: int
    """How many bars of that day are in the sums."""
    sums: Vwap


EMPTY_STATE: Final = MicroState(0, 0, EMPTY_VWAP)


def quantity_for(price: Price, stop: Ratio, risk: Cash, max_notional: Cash, step: Quantity) -> Quantity:
    """How many units lose at most `risk` when `stop` of their price is lost, and cost at most `max_notional`.

    Cut down to a multiple of `step`; 0 when not even one fits. Price, stop and step are positive.
    """
    by_risk = risk * SCALE * SCALE // (price * stop)
    by_notional = max_notional * SCALE // price
    return Quantity(min(by_risk, by_notional) // step * step)


def _day_of_bar(params: Params, bar: Bar, view: View) -> int:
    """The day whose VWAP the bar belongs to; 0 when it belongs to none."""
    if is_round_the_clock(view):
        return bar.start // DAY  # of the start: the bar that ends at midnight is the old day's
    if view.session_day == 0 or view.session_open is None or view.session_close is None:
        return 0
    first = view.session_open - (PRE_MARKET if integer_of(params, "include_pre_market") else 0)
    return view.session_day if first <= bar.start < view.session_close else 0


def _observe(params: Params, state: MicroState, bar: Bar, view: View) -> MicroState:
    """The sums with the bar, if it is one of its session's."""
    day = _day_of_bar(params, bar, view)
    if day == 0:
        return state
    if day != state.day:
        state = MicroState(day, 0, EMPTY_VWAP)
    return MicroState(day, state.bars + 1, include(state.sums, bar))


def _is_flat_time(params: Params, view: View) -> bool:
    if view.minute_of_day >= integer_of(params, "flat_at"):
        return True
    return closes_within(view, Duration(integer_of(params, "flat_before_close")))


def _exit(params: Params, state: MicroState, bar: Bar, view: View) -> tuple[Proposal | Withdrawal, ...]:
    """Rules 6 and 9, in their order."""
    close = figure("close", bar.close)
    if view.position < 0:
        return leave(bar, view, "exit_short", "a short position in a long-only strategy")
    if _is_flat_time(params, view):
        return leave(bar, view, "exit_flat", f"flat time, minute {view.minute_of_day}")
    held_max = integer_of(params, "max_time_in_trade")
    if held_max > 0 and view.opened_at is not None and view.now - view.opened_at >= held_max:
        return leave(bar, view, "exit_time", f"held for {view.now - view.opened_at} ns, at most {held_max}")
    entered = figure("entry", view.average_entry)
    if has_lost(bar.close, view, Ratio(integer_of(params, "stop"))):
        return leave(bar, view, "exit_stop", f"stop: {close} against {entered}")
    profit = integer_of(params, "take_profit")
    if profit > 0 and has_gained(bar.close, view, Ratio(profit)):
        return leave(bar, view, "exit_profit", f"take profit: {close} against {entered}")
    if state.bars >= integer_of(params, "vwap_min_bars") and is_at_least(bar.close, state.sums):
        return leave(bar, view, "exit_vwap", f"{close} is back at {figure('vwap', display(state.sums))}")
    return ()


def _may_enter(params: Params, state: MicroState, view: View) -> bool:
    """Rule 2 without its price, and rule 5 for exits."""
    return (
        view.open_exits == 0
        and state.bars >= integer_of(params, "vwap_min_bars")
        and integer_of(params, "window_start") <= view.minute_of_day < integer_of(params, "window_end")
        and view.entries_today < integer_of(params, "max_trades")
        and view.realized_today > -integer_of(params, "daily_loss") * SCALE
    )


def _entry(params: Params, state: MicroState, bar: Bar, view: View) -> tuple[Proposal | Withdrawal, ...]:
    """Rules 3 and 4."""
    deviation = integer_of(params, "entry_deviation")
    if not is_below(bar.close, state.sums, Ratio(deviation)):
        return ()
    limit = Price(bar.close * (SCALE - integer_of(params, "limit_offset")) // SCALE)
    if limit <= 0:
        return ()
    quantity = quantity_for(
        limit,
        Ratio(integer_of(params, "stop")),
        Cash(integer_of(params, "risk")),
        Cash(integer_of(params, "max_notional")),
        Quantity(integer_of(params, "quantity_step")),
    )
    if quantity <= 0:
        return ()
    return (
        Proposal(
            tag="entry_long",
            symbol=bar.symbol,
            side=BUY,
            purpose=ENTRY,
            quantity=quantity,
            type=LIMIT,
            limit_price=limit,
            stop_price=None,
            time_in_force=time_in_force(view),
            time_to_live=Duration(integer_of(params, "ttl")),
            reason=f"{figure('close', bar.close)} below {figure('vwap', display(state.sums))}"
            f" by more than {figure('deviation', deviation)}",
        ),
    )


def _decide(params: Params, state: MicroState, bar: Bar, view: View) -> tuple[Proposal | Withdrawal, ...]:
    """What to propose on a bar that is already in the sums."""
    if not is_regular(view):
        return ()
    if view.position != 0:
        return _exit(params, state, bar, view)
    if _is_flat_time(params, view):
        if view.open_entries > 0 and view.open_exits == 0:  # a withdrawal would take an open exit with it
            return (Withdrawal(bar.symbol, f"flat time, minute {view.minute_of_day}"),)
        return ()
    if view.open_entries > 0 or not _may_enter(params, state, view):
        return ()
    return _entry(params, state, bar, view)


class VwapMicroMeanReversion:
    """The strategy as a value; its state is the session's sums."""

    title: Final = "VWAP micro mean reversion"
    parameters: Final = PARAMETERS
    defaults: Final[Params] = defaults_of(PARAMETERS)

    def validate(self, params: Params) -> tuple[str, ...]:
        """What is wrong with these parameters: one line each, empty when nothing is."""
        problems = problems_of(PARAMETERS, params)
        if problems:
            return problems
        found: list[str] = []
        start, end, flat = (integer_of(params, name) for name in ("window_start", "window_end", "flat_at"))
        if start >= end:
            found.append(f"window_end: {end} is not after window_start ({start}); it would never enter")
        if flat < end:
            found.append(
                f"flat_at: {flat} is before window_end ({end}); it would enter only to leave at once"
            )
        if integer_of(params, "risk") > integer_of(params, "daily_loss"):
            found.append("risk: more than daily_loss; one stop would lose more than a day may; lower it")
        return tuple(found)

    def warmup_bars(self, params: Params) -> int:
        """As many as its VWAP needs; they must be of the session."""
        return integer_of(params, "vwap_min_bars")

    def initial(self, params: Params, symbol: str) -> MicroState:
        """No bars of no day."""
        return EMPTY_STATE

    def on_bar(
        self, params: Params, state: MicroState, bar: Bar, view: View
    ) -> tuple[MicroState, tuple[Proposal | Withdrawal, ...]]:
        """The sums with the bar, and what the rules propose on it."""
        after = _observe(params, state, bar, view)
        return after, _decide(params, after, bar, view)


STRATEGY: Final[Strategy] = VwapMicroMeanReversion()
