"""VWAP mean reversion: buy what fell a share below its rolling VWAP, leave when it is back.

Rules:
1. The VWAP is that of the last `vwap_period` bars of the symbol, the bar just closed included, whatever hours
   they are of. Nothing is proposed on it before so many bars were seen.
2. Entry, long: the close is below VWAP x (1 - entry_threshold). Short, only with allow_short 1 and never in
   a symbol that trades around the clock: the close is above VWAP x (1 + entry_threshold). For `quantity`,
   with a limit at the close; with reprice_after 0 at market. Canceled after entry_ttl.
3. No entry while there is a position, an entry that may still fill, or an exit that may still fill.
4. Exit of the whole position, at market, on the first of: the close of the session is near, the bar's close
   has lost `stop` of the average entry price, it is back at the VWAP or across it.
5. An exit is proposed again at each bar on which it is due and none is open. It never exceeds the position.
6. Equities are traded in regular hours only (regular_hours_only 1): a position that is still there after the
   close is managed by the same rules from the next open on. Crypto is traded always.
7. No entry from no_entry_before_close before the close on; out, and entries withdrawn, from
   flat_before_close before the close on. Early closes are closes.
8. An entry that rests is amended to the newer close (one order, other terms; never canceled and sent anew)
   when the close has moved away from its limit by more than `reprice_after` and still calls for the entry.
   Fractions of shares rest as they are: Alpaca does not replace them. Exits are at market and never rest.
9. What the strategy holds, it reads from the view at each bar: it remembers bars only.
10. With take_profit or stop_loss above 0 an entry of equities carries exits that the broker holds, so far
   from the close: both are a bracket, one an oto. They work from the moment at which the entry is completely
   filled, whatever becomes of this process. Such an entry is not amended (rule 8). When rule 4 wants out the
   exits are withdrawn first, for they hold the shares, and the position is left at the next bar; so is one
   whose exits have ended otherwise.

Ignored on purpose: the quote (the gate has it), fees, and whether the symbol can be shorted (the gate knows).
"""

from typing import Final

from kernel.reports import Bar
from kernel.sides import OrderType, Purpose, Side
from kernel.strategies.parameters import Kind, Parameter, defaults_of, integer_of, problems_of
from kernel.strategies.parts import (
    closes_within,
    figure,
    has_lost,
    is_open,
    is_round_the_clock,
    leave,
    time_in_force,
)
from kernel.strategies.protocol import Amendment, Params, Proposal, Strategy, View, Wish, Withdrawal
from kernel.strategies.vwap import (
    EMPTY_WINDOW,
    Vwap,
    Window,
    display,
    is_above,
    is_at_least,
    is_at_most,
    is_below,
    push,
)
from kernel.units import HOUR, MINUTE, SCALE, SECOND, Duration, Price, Quantity, Ratio

__all__ = ["PARAMETERS", "STRATEGY", "VWAP_PERIOD_MAX", "VwapMeanReversion"]

VWAP_PERIOD_MAX: Final = 1_000
"""A window is copied at each bar; beyond this a minute bar would cost more than it tells."""

BUY: Final = Side.BUY
SELL: Final = Side.SELL
ENTRY: Final = Purpose.ENTRY
MARKET: Final = OrderType.MARKET
LIMIT: Final = OrderType.LIMIT

HALF: Final = SCALE // 2

PARAMETERS: Final = (
    Parameter(
        "vwap_period", Kind.COUNT, 20, 2, VWAP_PERIOD_MAX, "bars in the VWAP, and bars before the first entry"
    ),
    Parameter(
        "entry_threshold", Kind.RATIO, 10_000_000, 1, HALF, "how far from the VWAP the close must be to enter"
    ),
    Parameter(
        "stop", Kind.RATIO, 10_000_000, 1, HALF, "loss against the average entry price at which to leave"
    ),
    Parameter("quantity", Kind.QUANTITY, 10 * SCALE, 1, 1_000_000 * SCALE, "size of an entry"),
    Parameter(
        "allow_short", Kind.FLAG, 0, 0, 1, "1: enter short above the VWAP too (equities, whole shares)"
    ),
    Parameter("regular_hours_only", Kind.FLAG, 1, 0, 1, "1: act in regular hours only (crypto: always)"),
    Parameter(
        "no_entry_before_close",
        Kind.DURATION,
        15 * MINUTE,
        0,
        12 * HOUR,
        "no entry in the last so long of a session",
    ),
    Parameter(
        "flat_before_close", Kind.DURATION, 5 * MINUTE, 0, 12 * HOUR, "leave in the last so long of a session"
    ),
    Parameter(
        "take_profit",
        Kind.RATIO,
        0,
        0,
        HALF,
        "gain at which the broker leaves by a limit (equities); 0: none",
    ),
    Parameter(
        "stop_loss", Kind.RATIO, 0, 0, HALF, "loss at which the broker leaves by a stop (equities); 0: none"
    ),
    Parameter(
        "reprice_after",
        Kind.RATIO,
        200_000,
        0,
        HALF,
        "how far the close must leave an entry's limit behind to amend it; 0: enter at market",
    ),
    Parameter(
        "entry_ttl", Kind.DURATION, 90 * SECOND, SECOND, 12 * HOUR, "cancel an entry still open after so long"
    ),
)


def _entry(params: Params, sums: Vwap, bar: Bar, view: View, side: Side) -> tuple[Wish, ...]:
    where = "below" if side is BUY else "above"
    threshold = integer_of(params, "entry_threshold")
    at_market = integer_of(params, "reprice_after") == 0
    sign = 1 if side is BUY else -1
    has_exits = not is_round_the_clock(view)
    return (
        Proposal(
            tag="entry_long" if side is BUY else "entry_short",
            symbol=bar.symbol,
            side=side,
            purpose=ENTRY,
            quantity=Quantity(integer_of(params, "quantity")),
            type=MARKET if at_market else LIMIT,
            limit_price=None if at_market else bar.close,
            stop_price=None,
            time_in_force=time_in_force(view),
            time_to_live=Duration(integer_of(params, "entry_ttl")),
            reason=f"{figure('close', bar.close)} {where} {figure('vwap', display(sums))}"
            f" by more than {figure('threshold', threshold)}",
            take_profit=_exit_price(params, "take_profit", bar.close, sign) if has_exits else None,
            stop_loss=_exit_price(params, "stop_loss", bar.close, -sign) if has_exits else None,
        ),
    )


def _exit_price(params: Params, name: str, close: Price, sign: int) -> Price | None:
    """Rule 10: so far from the close; None where the parameter is 0."""
    ratio = integer_of(params, name)
    return Price(close * (SCALE + sign * ratio) // SCALE) if ratio else None


def _has_exits(params: Params, view: View) -> bool:
    """Whether its entries carry exits (rule 10)."""
    is_on = integer_of(params, "take_profit") > 0 or integer_of(params, "stop_loss") > 0
    return is_on and not is_round_the_clock(view)


def _exit(params: Params, window: Window, bar: Bar, view: View) -> tuple[Wish, ...]:
    """Rule 4; with exits at the broker as rule 10 says."""
    why = _wants_out(params, window, bar, view)
    if not _has_exits(params, view):
        return leave(bar, view, *why) if why else ()
    if why and view.open_exits > 0:
        withdrawn = Withdrawal(bar.symbol, f"leaving: {why[1]}", exits=True)
        entries = (Withdrawal(bar.symbol, f"leaving: {why[1]}"),) if view.open_entries > 0 else ()
        return (*entries, withdrawn)
    if why is None and (view.open_exits > 0 or view.open_entries > 0):
        return ()
    return leave(bar, view, *(why or ("exit_bare", "no exits of it are left")))


def _wants_out(params: Params, window: Window, bar: Bar, view: View) -> tuple[str, str] | None:
    """Rule 4, in its order: tag and reason of the exit that is due."""
    if closes_within(view, Duration(integer_of(params, "flat_before_close"))):
        return "exit_flat", "the session closes"
    if has_lost(bar.close, view, Ratio(integer_of(params, "stop"))):
        entered = figure("entry", view.average_entry)
        return "exit_stop", f"stop: {figure('close', bar.close)} against {entered}"
    if len(window.rows) < integer_of(params, "vwap_period"):
        return None
    reached = is_at_least if view.position > 0 else is_at_most
    if reached(bar.close, window.total):
        reason = f"{figure('close', bar.close)} is back at {figure('vwap', display(window.total))}"
        return "exit_vwap", reason
    return None


def _decide(params: Params, window: Window, bar: Bar, view: View) -> tuple[Wish, ...]:
    """What to propose on a bar that is already in the window."""
    if not is_open(view, integer_of(params, "regular_hours_only")):
        return ()
    if view.position != 0:
        return _exit(params, window, bar, view)
    rests = view.open_entries > 0
    if rests and closes_within(view, Duration(integer_of(params, "flat_before_close"))):
        return (Withdrawal(bar.symbol, "the session closes"),)
    if view.open_exits > 0:
        return ()
    if closes_within(view, Duration(integer_of(params, "no_entry_before_close"))):
        return ()
    if len(window.rows) < integer_of(params, "vwap_period"):
        return ()
    side = _called_for(params, window.total, bar, view)
    if side is None:
        return ()
    return _reprice(params, bar, view, side) if rests else _entry(params, window.total, bar, view, side)


def _called_for(params: Params, sums: Vwap, bar: Bar, view: View) -> Side | None:
    """Rule 2: the side of the entry that the close calls for."""
    threshold = Ratio(integer_of(params, "entry_threshold"))
    if is_below(bar.close, sums, threshold):
        return BUY
    may_short = integer_of(params, "allow_short") == 1 and not is_round_the_clock(view)
    return SELL if may_short and is_above(bar.close, sums, threshold) else None


def _reprice(params: Params, bar: Bar, view: View, side: Side) -> tuple[Wish, ...]:
    """Rule 8: the entry that rests, at the newer close."""
    after = integer_of(params, "reprice_after")
    sign = 1 if side is BUY else -1
    for order in view.orders:
        limit = order.limit_price
        if order.purpose is not ENTRY or order.side is not side or limit is None or not order.is_settled:
            continue
        if order.quantity % SCALE and not is_round_the_clock(view):
            continue
        if sign * (bar.close - limit) * SCALE > limit * after:
            reason = f"{figure('close', bar.close)} left {figure('limit', limit)} behind"
            return (Amendment("reprice", bar.symbol, order.name, None, bar.close, None, reason),)
    return ()


class VwapMeanReversion:
    """The strategy as a value; its state is the window of bars."""

    title: Final = "VWAP mean reversion"
    parameters: Final = PARAMETERS
    defaults: Final[Params] = defaults_of(PARAMETERS)

    def validate(self, params: Params) -> tuple[str, ...]:
        """What is wrong with these parameters: one line each, empty when nothing is."""
        problems = problems_of(PARAMETERS, params)
        if problems:
            return problems
        found: list[str] = []
        flat, last = integer_of(params, "flat_before_close"), integer_of(params, "no_entry_before_close")
        if last < flat:
            found.append(
                f"no_entry_before_close: {last} ns is less than flat_before_close ({flat} ns):"
                " it would enter only to leave at once; give at least as much"
            )
        if integer_of(params, "allow_short") and integer_of(params, "quantity") % SCALE:
            found.append(
                f"quantity: {integer_of(params, 'quantity')} (10^-9) is no whole number of shares,"
                " which a short needs; give a multiple of 1000000000 or allow_short 0"
            )
        has_exits = integer_of(params, "take_profit") or integer_of(params, "stop_loss")
        if has_exits and integer_of(params, "quantity") % SCALE:
            found.append(
                f"quantity: {integer_of(params, 'quantity')} (10^-9) is no whole number of shares,"
                " which exits at the broker need; give a multiple of 1000000000, or no such exits"
            )
        return tuple(found)

    def warmup_bars(self, params: Params) -> int:
        """The period of the VWAP."""
        return integer_of(params, "vwap_period")

    def initial(self, params: Params, symbol: str) -> Window:
        """No bars."""
        return EMPTY_WINDOW

    def on_bar(self, params: Params, state: Window, bar: Bar, view: View) -> tuple[Window, tuple[Wish, ...]]:
        """The window with the bar, and what the rules propose on it."""
        window = push(state, bar, integer_of(params, "vwap_period"))
        return window, _decide(params, window, bar, view)


STRATEGY: Final[Strategy] = VwapMeanReversion()
