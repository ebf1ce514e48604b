"""The checks, one function each: a Question in, a Refusal or None out.

The order of CHECKS is the order of the report. `ENTRIES` checks stop only what increases risk (I7);
`EVERY` checks ask whether an order is legal at all, and hold for exits too, because the broker would refuse
the order anyway. A check that has not what it needs refuses: doubt counts as risk.
"""

from collections.abc import Callable
from enum import Enum
from typing import Final, NamedTuple

from kernel.commands import OrderTicket
from kernel.links.chart import LinkState
from kernel.orders.intents import is_taken
from kernel.outbox import WAITING_MAX
from kernel.reasons import Refusal, RefusalCode
from kernel.risk.exposure import exits_fit, free_to_leave, is_covered, is_within, worst_size
from kernel.risk.prices import is_dust
from kernel.risk.question import Question
from kernel.session.chart import Mode
from kernel.sides import OrderClass, OrderType, Purpose, Side, TimeInForce
from kernel.strategies.chart import StrategyState
from kernel.symbols.rounding import check_quantity, is_legal_price
from kernel.symbols.rules import AssetClass
from kernel.units import SCALE, Quantity, fraction_of, value_of

__all__ = ["CHECKS", "Check", "Scope"]

BUY: Final = Side.BUY
C: Final = RefusalCode


class Scope(Enum):
    """Which orders a check looks at."""

    ENTRIES = "entries"
    """Orders that increase risk."""
    EXITS = "exits"
    """Orders that claim to reduce it."""
    EVERY = "every"
    """All orders: is it legal?"""


class Check(NamedTuple):
    """One named check."""

    name: str
    scope: Scope
    ask: Callable[[Question], Refusal | None]
    amends: bool = True
    """Whether an amendment is asked it too."""


def mode(q: Question) -> Refusal | None:
    """Entries only while armed and not draining."""
    if q.mode is Mode.ARMED and not q.draining:
        return None
    return Refusal(C.MODE, "draining" if q.draining else q.mode.value, Mode.ARMED.value)


def link(q: Question) -> Refusal | None:
    """Entries only while the order stream is live (I11)."""
    if q.order_link is LinkState.LIVE:
        return None
    return Refusal(C.LINK, q.order_link.value, LinkState.LIVE.value)


def drift(q: Question) -> Refusal | None:
    """Entries only after a clean comparison with the broker."""
    return None if q.synced else Refusal(C.DRIFT, "not compared", "books agree")


def strategy(q: Question) -> Refusal | None:
    """Entries only from an active strategy."""
    if q.strategy_status is StrategyState.ACTIVE:
        return None
    return Refusal(C.STRATEGY, q.strategy_status.value, StrategyState.ACTIVE.value)


def symbol_known(q: Question) -> Refusal | None:
    """The broker told the symbol's rules, not too long ago, and it may be traded."""
    rules = q.rules
    if rules is None:
        return Refusal(C.SYMBOL_UNKNOWN, q.ticket.symbol, "known")
    if not rules.tradable:
        return Refusal(C.NOT_TRADABLE, q.ticket.symbol, "tradable")
    return None


def symbol_fresh(q: Question) -> Refusal | None:
    """The rules are not older than rules_age_max: stops entries only, so that an exit is never held up."""
    if q.rules is None or q.now - q.rules.as_of <= q.limits.rules_age_max:
        return None
    return Refusal(C.SYMBOL_EXPIRED, str(q.now - q.rules.as_of), str(q.limits.rules_age_max))


def shortable(q: Question) -> Refusal | None:
    """A sell that opens a short needs a symbol that can be shorted."""
    if q.ticket.side is BUY or q.rules is None:
        return None
    held = q.position + q.foreign_position - q.foreign_sells
    if held - q.tally.sell_quantity >= q.adding:
        return None
    if q.rules.shortable and q.rules.easy_to_borrow and q.ticket.quantity % SCALE == 0:
        return None
    return Refusal(C.NOT_SHORTABLE, q.ticket.symbol, "shortable, easy to borrow, whole shares")


def terms(q: Question) -> Refusal | None:
    """Type and prices go together."""
    ticket = q.ticket
    needs_limit = ticket.type in (OrderType.LIMIT, OrderType.STOP_LIMIT)
    needs_stop = ticket.type in (OrderType.STOP, OrderType.STOP_LIMIT)
    if needs_limit != (ticket.limit_price is not None) or needs_stop != (ticket.stop_price is not None):
        return Refusal(C.TERMS, ticket.type.value, "a price for each part of the type and no other")
    if ticket.type is OrderType.TRAILING_STOP:
        return Refusal(C.TERMS, ticket.type.value, "market, limit, stop, stop_limit")
    return None


def tick(q: Question) -> Refusal | None:
    """Every price is a legal tick."""
    if q.rules is None:
        return None
    ticket = q.ticket
    exits = (ticket.take_profit, ticket.stop_loss, ticket.stop_loss_limit)
    for price in (ticket.limit_price, ticket.stop_price, *exits):
        if price is not None and (price <= 0 or not is_legal_price(q.rules, price)):
            return Refusal(C.TICK, str(price), "a multiple of the tick")
    return None


def order_class(q: Question) -> Refusal | None:
    """Exits go with an entry only, and with one that the broker takes them with (alpaca.md 2.2)."""
    ticket = q.ticket
    exits = (ticket.take_profit, ticket.stop_loss, ticket.stop_loss_limit)
    if ticket.order_class is OrderClass.SIMPLE:
        found = "a limit of no stop" if exits != (None, None, None) else ""
    elif ticket.purpose is not Purpose.ENTRY:
        found = "an exit with exits"
    elif ticket.order_class is not _class_for(ticket):
        found = f"{ticket.order_class.value} with other exits"
    elif ticket.type not in (OrderType.MARKET, OrderType.LIMIT):
        found = ticket.type.value
    elif ticket.time_in_force not in (TimeInForce.DAY, TimeInForce.GTC):
        found = ticket.time_in_force.value
    elif ticket.extended_hours:
        found = "extended hours"
    elif ticket.quantity % SCALE:
        found = f"quantity {ticket.quantity}"
    elif q.rules is not None and q.rules.asset_class is AssetClass.CRYPTO:
        found = "a coin"
    else:
        found = ""
    if not found:
        return None
    return Refusal(
        C.ORDER_CLASS, found, "an entry at market or limit, day or gtc, whole shares, regular hours"
    )


def _class_for(ticket: OrderTicket) -> OrderClass:
    """The class that a ticket's exits make."""
    if ticket.take_profit is not None and ticket.stop_loss is not None:
        return OrderClass.BRACKET
    if ticket.stop_loss is None and (ticket.take_profit is None or ticket.stop_loss_limit is not None):
        return OrderClass.SIMPLE
    return OrderClass.OTO


def exit_prices(q: Question) -> Refusal | None:
    """Exits stand a cent off the entry on their own side, and the stop a cent off the market."""
    ticket = q.ticket
    base = ticket.limit_price if ticket.limit_price is not None else q.reference
    if ticket.order_class is OrderClass.SIMPLE or base is None or q.reference is None or q.quote is None:
        return None  # without a quote fresh_price says it
    # The market is the trade's price to the broker: the nearer side of the quote is the safe one for a stop.
    market = q.quote.bid if ticket.side is BUY else q.quote.ask
    if exits_fit(ticket.side is BUY, base, market, ticket.take_profit, ticket.stop_loss):
        return None
    found = f"take-profit {ticket.take_profit}, stop {ticket.stop_loss}"
    return Refusal(C.EXIT_PRICES, found, f"0.01 off {base} on their sides, the stop off {market}")


def lot(q: Question) -> Refusal | None:
    """The quantity is a legal lot and at least the broker's least."""
    if q.ticket.quantity <= 0:
        return Refusal(C.LOT, str(q.ticket.quantity), "more than zero")
    if q.rules is None:
        return None
    codes = check_quantity(q.rules, q.ticket.quantity)
    if codes:
        return Refusal(codes[0], str(q.ticket.quantity), str(q.rules.quantity_increment))
    return None


def quantity_max(q: Question) -> Refusal | None:
    """At most order_quantity_max units."""
    if q.ticket.quantity <= q.limits.order_quantity_max:
        return None
    return Refusal(C.QUANTITY_MAX, str(q.ticket.quantity), str(q.limits.order_quantity_max))


def notional_min(q: Question) -> Refusal | None:
    """At least the broker's least value of an order."""
    if q.rules is None or q.rules.notional_min == 0 or q.reference is None:
        return None
    price = q.ticket.limit_price if q.ticket.limit_price is not None else q.reference
    if q.ticket.quantity * price >= q.rules.notional_min * SCALE:
        return None
    return Refusal(C.QUANTITY_MIN, str(q.ticket.quantity * price // SCALE), str(q.rules.notional_min))


def notional_max(q: Question) -> Refusal | None:
    """Worth at most order_notional_max in the worst case."""
    if is_within(q.ticket.quantity, q.reserve_price, q.limits.order_notional_max):
        return None
    worth = q.ticket.quantity * q.reserve_price
    return Refusal(C.NOTIONAL_MAX, str(worth // SCALE), str(q.limits.order_notional_max))


def position_max(q: Question) -> Refusal | None:
    """Position plus open orders in its direction plus this one: at most position_notional_max (I6)."""
    is_buy = q.ticket.side is BUY
    ours = q.tally.buy_quantity if is_buy else q.tally.sell_quantity
    opening = Quantity(ours + (q.foreign_buys if is_buy else q.foreign_sells))
    size = worst_size(is_buy, Quantity(q.position + q.foreign_position), opening, q.adding)
    if is_within(size, q.reserve_price, q.limits.position_notional_max):
        return None
    return Refusal(C.POSITION_MAX, str(size * q.reserve_price // SCALE), str(q.limits.position_notional_max))


def fresh_price(q: Question) -> Refusal | None:
    """There is a quote with both sides, and it is young enough (I11)."""
    quote = q.quote
    if quote is None or q.reference is None:
        return Refusal(C.PRICE_MISSING, q.ticket.symbol, "a quote with both sides")
    if q.now - quote.at <= q.limits.quote_age_max:
        return None
    return Refusal(C.PRICE_STALE, str(q.now - quote.at), str(q.limits.quote_age_max))


def collar(q: Question) -> Refusal | None:
    """A price is not further from the quote than the collar."""
    if q.reference is None:
        return None
    for price in (q.ticket.limit_price, q.ticket.stop_price):
        if price is not None and abs(price - q.reference) > fraction_of(q.reference, q.limits.collar):
            return Refusal(C.PRICE_COLLAR, str(price), f"{q.reference} +- {q.limits.collar}/{SCALE}")
    return None


def duplicate(q: Question) -> Refusal | None:
    """The intent was not taken before (I2)."""
    if not is_taken(q.intents, q.intent, q.now, q.limits.intent_horizon):
        return None
    return Refusal(C.DUPLICATE, q.intent, "once")


def single_trade(q: Question) -> Refusal | None:
    """No entry while the symbol has a position or an open entry, when so configured. Dust is no position."""
    if not q.limits.single_trade_per_symbol:
        return None
    if q.tally.entries == 0 and (q.position == 0 or is_dust(q.rules, q.position)):
        return None
    return Refusal(C.SINGLE_TRADE, f"position {q.position}, open entries {q.tally.entries}", "none")


def wash(q: Question) -> Refusal | None:
    """It can't meet an own open order of the other side: Alpaca would refuse it (alpaca.md 6.4)."""
    return Refusal(C.OPPOSING_ORDER, q.ticket.symbol, "no crossing own order") if q.opposing else None


def buying_power(q: Question) -> Refusal | None:
    """Buying power, less what was spent since and what open entries reserve, covers the worst case."""
    need = value_of(q.reserve_price, q.adding)
    if is_covered(need, q.buying_power, q.spent, q.reserved):
        return None
    have = q.buying_power * SCALE - q.spent - q.reserved
    return Refusal(C.BUYING_POWER, str(need // SCALE), str(have // SCALE))


def coin_short(q: Question) -> Refusal | None:
    """Coins can't be sold short."""
    if q.rules is None or q.rules.asset_class is not AssetClass.CRYPTO or q.ticket.side is BUY:
        return None
    return Refusal(C.NOT_SHORTABLE, q.ticket.symbol, "coins can't be sold short")


def compared(q: Question) -> Refusal | None:
    """An exit only after this start's first comparison: before it, nobody knows that it reduces."""
    if q.mode is not Mode.COLD:
        return None
    return Refusal(C.MODE, q.mode.value, "books compared with the broker's")


def exit_reduces(q: Question) -> Refusal | None:
    """An exit is no larger than the position less the exits already open (I7, rule 18)."""
    free = free_to_leave(
        q.ticket.side is Side.SELL,
        Quantity(q.position + q.foreign_position),
        q.tally.reducing_quantity,
        q.seat_position,
        q.seat_exit_quantity,
    )
    if q.adding <= free:
        return None
    return Refusal(C.EXIT_EXCEEDS, str(q.adding), str(max(0, free)))


def desk_full(q: Question) -> Refusal | None:
    """The line of waiting calls has room."""
    if q.waiting < WAITING_MAX:
        return None
    return Refusal(C.DESK_FULL, str(q.waiting), str(WAITING_MAX))


CHECKS: Final[tuple[Check, ...]] = (
    Check("mode", Scope.ENTRIES, mode),
    Check("link", Scope.ENTRIES, link),
    Check("drift", Scope.ENTRIES, drift),
    Check("strategy", Scope.ENTRIES, strategy),
    Check("symbol_known", Scope.ENTRIES, symbol_known),
    Check("symbol_fresh", Scope.ENTRIES, symbol_fresh),
    Check("terms", Scope.EVERY, terms),
    Check("tick", Scope.EVERY, tick),
    Check("order_class", Scope.EVERY, order_class),
    Check("exit_prices", Scope.ENTRIES, exit_prices),
    Check("lot", Scope.EVERY, lot),
    Check("quantity_max", Scope.ENTRIES, quantity_max),
    Check("notional_min", Scope.ENTRIES, notional_min),
    Check("notional_max", Scope.ENTRIES, notional_max),
    Check("position_max", Scope.ENTRIES, position_max),
    Check("fresh_price", Scope.ENTRIES, fresh_price),
    Check("collar", Scope.ENTRIES, collar),
    Check("shortable", Scope.ENTRIES, shortable),
    Check("coin_short", Scope.ENTRIES, coin_short),
    Check("duplicate", Scope.EVERY, duplicate),
    Check("single_trade", Scope.ENTRIES, single_trade, amends=False),  # it begins no second trade
    Check("wash", Scope.ENTRIES, wash),
    Check("buying_power", Scope.ENTRIES, buying_power),
    Check("desk_full", Scope.ENTRIES, desk_full),
    Check("compared", Scope.EXITS, compared),
    Check("exit_reduces", Scope.EXITS, exit_reduces),
)
"""All checks, in the order of the report."""

ENTRY: Final = Purpose.ENTRY
