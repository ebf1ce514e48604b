"""What both VWAP strategies share besides the VWAP: hours, loss and gain against the entry, how to leave.

Rules:
1. The market's hours are the view's: no session day means closed; a session day without an open and a close
   means that the symbol trades around the clock (crypto).
2. An exit is for the whole position that the view shows, opposite to it, at market: never more, so never a
   naked short.
3. Where an entry may still fill while the position is to be left, it is withdrawn in the same breath and
   before the exit: what it still fills is the next bar's exit.
4. Figures in reasons are `<integer>e-9`: exact, and an exact decimal to any reader; the shell may prettify.
"""

from typing import Final

from kernel.reports import Bar
from kernel.sides import OrderType, Purpose, Side, TimeInForce
from kernel.strategies.protocol import Proposal, View, Withdrawal
from kernel.units import SCALE, Duration, Price, Quantity, Ratio

__all__ = [
    "closes_within",
    "figure",
    "has_gained",
    "has_lost",
    "is_open",
    "is_regular",
    "is_round_the_clock",
    "leave",
    "time_in_force",
]

BUY: Final = Side.BUY
SELL: Final = Side.SELL
EXIT: Final = Purpose.EXIT
MARKET: Final = OrderType.MARKET
DAY: Final = TimeInForce.DAY
GTC: Final = TimeInForce.GTC


def is_round_the_clock(view: View) -> bool:
    """Whether the symbol trades day and night."""
    return view.session_day != 0 and view.session_close is None


def is_regular(view: View) -> bool:
    """Whether orders at market fill now: in regular hours, or around the clock."""
    if is_round_the_clock(view):
        return True
    if view.session_day == 0 or view.session_open is None or view.session_close is None:
        return False
    return view.session_open <= view.now < view.session_close


def is_open(view: View, regular_hours_only: int) -> bool:
    """Whether the strategy acts at all now: with `regular_hours_only` 0 on every bar of a session day."""
    return view.session_day != 0 and (regular_hours_only == 0 or is_regular(view))


def closes_within(view: View, margin: Duration) -> bool:
    """Whether the regular close is at most `margin` ahead, or past; never around the clock."""
    return view.session_close is not None and view.now >= view.session_close - margin


def has_lost(price: Price, view: View, ratio: Ratio) -> bool:
    """Whether the position has lost `ratio` of its average entry price, or more, at `price`."""
    if view.average_entry is None:
        return False
    if view.position > 0:
        return price * SCALE <= view.average_entry * (SCALE - ratio)
    return price * SCALE >= view.average_entry * (SCALE + ratio)


def has_gained(price: Price, view: View, ratio: Ratio) -> bool:
    """Whether the position has gained `ratio` of its average entry price, or more, at `price`."""
    if view.average_entry is None:
        return False
    if view.position > 0:
        return price * SCALE >= view.average_entry * (SCALE + ratio)
    return price * SCALE <= view.average_entry * (SCALE - ratio)


def time_in_force(view: View) -> TimeInForce:
    """DAY for equities, GTC for what trades around the clock (Alpaca takes no DAY there)."""
    return GTC if is_round_the_clock(view) else DAY


def figure(name: str, value: int | None) -> str:
    """A scaled integer for a reason (rule 4)."""
    return f"{name} unknown" if value is None else f"{name} {value}e-9"


def leave(bar: Bar, view: View, tag: str, reason: str) -> tuple[Proposal | Withdrawal, ...]:
    """The whole position out at market, open entries withdrawn first; nothing while an exit is open."""
    assert view.position != 0, "kernel bug: nothing to leave"
    if view.open_exits > 0:
        return ()
    exit_proposal = Proposal(
        tag=tag,
        symbol=bar.symbol,
        side=SELL if view.position > 0 else BUY,
        purpose=EXIT,
        quantity=Quantity(abs(view.position)),
        type=MARKET,
        limit_price=None,
        stop_price=None,
        time_in_force=time_in_force(view),
        time_to_live=None,
        reason=reason,
    )
    if view.open_entries > 0:
        return (Withdrawal(bar.symbol, f"leaving: {reason}"), exit_proposal)
    return (exit_proposal,)
