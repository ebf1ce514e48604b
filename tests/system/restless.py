"""A strategy for the system tests: it trades all day, in every way that can be interrupted or spoiled.

1. Every `every` bars of a symbol it does the next thing of a round: enters at market, at a limit that is
   met, at one that is not (and is withdrawn two bars later, or runs out of time); leaves at market, or at
   a limit above; what rests comes closer a bar later. So submits, cancels, amendments, expiries and fills
   are always under way.
2. Long only; out in the last minutes. Its state is the number of bars seen.
"""

from typing import Final

from kernel.reports import Bar
from kernel.sides import OrderType, Purpose, Side, TimeInForce
from kernel.strategies.parts import closes_within, is_regular
from kernel.strategies.protocol import Amendment, Params, Proposal, Strategy, View, Withdrawal
from kernel.units import MINUTE, SCALE, SECOND, Duration, Price, Quantity

__all__ = ["STRATEGY", "Restless"]

CENT: Final = SCALE // 100
OUT: Final = Duration(5 * MINUTE)
NO_ENTRY: Final = Duration(10 * MINUTE)

Actions = tuple[Proposal | Withdrawal | Amendment, ...]


def order(bar: Bar, purpose: Purpose, quantity: int, limit: int | None, ttl_s: int, why: str) -> Proposal:
    """An order of this bar; `limit` None is at market."""
    return Proposal(
        tag=why,
        symbol=bar.symbol,
        side=Side.BUY if purpose is Purpose.ENTRY else Side.SELL,
        purpose=purpose,
        quantity=Quantity(quantity),
        type=OrderType.MARKET if limit is None else OrderType.LIMIT,
        limit_price=None if limit is None else Price(limit // CENT * CENT),
        stop_price=None,
        time_in_force=TimeInForce.DAY,
        time_to_live=Duration(ttl_s * SECOND),
        reason=why,
    )


def enter(bar: Bar, turn: int, quantity: int) -> Actions:
    """The next way in."""
    way = turn % 4
    if way == 0:
        return (order(bar, Purpose.ENTRY, quantity, None, 60, "enter_market"),)
    if way == 1:
        return (order(bar, Purpose.ENTRY, quantity, bar.close + 5 * CENT, 60, "enter_limit"),)
    if way == 2:
        return (order(bar, Purpose.ENTRY, quantity, bar.close * 995 // 1000, 45, "enter_short_lived"),)
    return (order(bar, Purpose.ENTRY, quantity, bar.close * 990 // 1000, 3_600, "enter_far"),)


def leave(bar: Bar, turn: int, view: View) -> Actions:
    """The next way out, for the whole position."""
    if turn % 3 == 0:
        return (order(bar, Purpose.EXIT, view.position, bar.close * 1005 // 1000, 90, "exit_limit"),)
    return (order(bar, Purpose.EXIT, view.position, None, 60, "exit_market"),)


def closer(bar: Bar, view: View) -> Actions:
    """Every limit that rests comes a little closer to the market."""
    return tuple(
        Amendment(
            "closer",
            bar.symbol,
            resting.name,
            None,
            Price(resting.limit_price * (1_001 if resting.side is Side.BUY else 999) // 1_000 // CENT * CENT),
            None,
            "a little closer",
        )
        for resting in view.orders
        if resting.is_settled and resting.limit_price is not None
    )


class Restless:
    """The strategy as a value."""

    title: Final = "restless: trades in every way, for the tests"
    defaults: Final[Params] = {"every": 3, "shares": 40}

    def validate(self, params: Params) -> tuple[str, ...]:
        """Any pair of positive integers will do."""
        return ()

    def warmup_bars(self, params: Params) -> int:
        """None."""
        return 0

    def initial(self, params: Params, symbol: str) -> int:
        """No bars."""
        return 0

    def on_bar(self, params: Params, state: int, bar: Bar, view: View) -> tuple[int, Actions]:
        """The count with this bar, and what the rules propose on it."""
        return state + 1, self._decide(params, state, bar, view)

    def _decide(self, params: Params, state: int, bar: Bar, view: View) -> Actions:
        every, shares = params["every"], params["shares"]
        assert isinstance(every, int)
        assert isinstance(shares, int)
        turn, rest = divmod(state, every)
        if not is_regular(view):
            return ()
        if closes_within(view, OUT):
            # What may still enter goes first; then the position, unless an exit is under way.
            away: Actions = (Withdrawal(bar.symbol, "the close"),) if view.open_entries else ()
            if view.position > 0 and not view.open_exits:
                return (*away, order(bar, Purpose.EXIT, view.position, None, 60, "exit_close"))
            return away
        if rest == 2 and view.open_entries and turn % 4 == 3:
            return (Withdrawal(bar.symbol, "thought better of it"),)
        if rest == 1:
            return closer(bar, view)
        if rest or view.open_entries or view.open_exits:
            return ()
        if view.position > 0:
            return leave(bar, turn, view)
        if closes_within(view, NO_ENTRY):
            return ()
        return enter(bar, turn, shares * SCALE)


STRATEGY: Final[Strategy] = Restless()
