"""The prices that a decision is made with: rounding a proposal, the reference, the worst case.

Worst case of a buy: its limit; else the ask with Alpaca's market collar (a market buy is a limit 2.5 to 4 %
above; a buy stop becomes a stop-limit likewise), so 4 %. Of a short sale: 3 % above the ask or the limit, as
Alpaca reserves it. Sells that reduce reserve their value.
"""

from typing import Final

from kernel.commands import OrderTicket
from kernel.orders.book import Book, SymbolTally
from kernel.reports import Quote
from kernel.sides import OrderClass, OrderType, Side, opposite
from kernel.strategies.protocol import Proposal
from kernel.symbols.rounding import PriceRole, RoundingRefusal, lot_for, round_price, round_quantity
from kernel.symbols.rules import SymbolRules
from kernel.units import Price, Quantity, ceil_div

__all__ = [
    "class_of",
    "is_dust",
    "legal_terms",
    "opposing",
    "reference_price",
    "reserve_price",
    "rounded",
    "rounded_exits",
]

BUY: Final = Side.BUY
BUY_COLLAR_PERCENT: Final = 104
SHORT_COLLAR_PERCENT: Final = 103
PRICED: Final = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
LOOKS_MAX: Final = 200
"""Own open orders compared with a new one; more than that in one symbol counts as opposing."""


def rounded(rules: SymbolRules | None, proposal: Proposal) -> tuple[Quantity, Price | None, Price | None]:
    """Quantity, limit and stop made legal, never worse for us.

    A price that can't be made legal stays as it was, for the gate to refuse.
    """
    return legal_terms(rules, proposal.side, proposal.quantity, proposal.limit_price, proposal.stop_price)


def rounded_exits(
    rules: SymbolRules | None, proposal: Proposal
) -> tuple[Price | None, Price | None, Price | None]:
    """Take-profit, stop and the stop's limit made legal on the side that leaves, as `rounded` does it."""
    if rules is None:
        return proposal.take_profit, proposal.stop_loss, proposal.stop_loss_limit
    side = opposite(proposal.side)
    return (
        _legal(rules, side, PriceRole.LIMIT, proposal.take_profit),
        _legal(rules, side, PriceRole.STOP, proposal.stop_loss),
        _legal(rules, side, PriceRole.LIMIT, proposal.stop_loss_limit),
    )


def class_of(proposal: Proposal) -> OrderClass:
    """Two exits make a bracket, one an oto. A stop's limit alone is none."""
    if proposal.take_profit is not None and proposal.stop_loss is not None:
        return OrderClass.BRACKET
    has_exit = proposal.take_profit is not None or proposal.stop_loss is not None
    return OrderClass.OTO if has_exit else OrderClass.SIMPLE


def legal_terms(
    rules: SymbolRules | None, side: Side, quantity: Quantity, limit: Price | None, stop: Price | None
) -> tuple[Quantity, Price | None, Price | None]:
    """The same of plain terms: what is legal already stays as it is."""
    if rules is None:
        return quantity, limit, stop
    return (
        round_quantity(rules, quantity),
        _legal(rules, side, PriceRole.LIMIT, limit),
        _legal(rules, side, PriceRole.STOP, stop),
    )


def _legal(rules: SymbolRules, side: Side, role: PriceRole, price: Price | None) -> Price | None:
    if price is None:
        return None
    result = round_price(rules, side, role, price)
    return price if isinstance(result, RoundingRefusal) else result


def reference_price(quote: Quote | None, side: Side) -> Price | None:
    """The far side of a quote that has both sides and is not crossed; None otherwise."""
    if quote is None or quote.bid <= 0 or quote.ask <= 0 or quote.bid > quote.ask:
        return None
    return quote.ask if side is BUY else quote.bid


def reserve_price(ticket: OrderTicket, reference: Price | None) -> Price:
    """What a unit may cost (or must be covered for) in the worst case; zero when nothing is known."""
    base = ticket.limit_price if ticket.type in PRICED and ticket.limit_price is not None else None
    if ticket.side is BUY:
        if base is not None:
            return base
        known = max(reference or 0, ticket.stop_price or 0)
        return Price(ceil_div(known * BUY_COLLAR_PERCENT, 100))
    covered = ceil_div((reference or 0) * SHORT_COLLAR_PERCENT, 100)
    return Price(max(base or 0, covered, ticket.stop_price or 0))


def is_dust(rules: SymbolRules | None, quantity: Quantity) -> bool:
    """Whether a position (10^-9, signed) is less than what could be sold: what fees and lots leave over."""
    return rules is not None and abs(quantity) < max(lot_for(rules), rules.quantity_min)


def opposing(book: Book, tally: SymbolTally, ticket: OrderTicket) -> bool:
    """Whether the order could meet an own open order of the other side (Alpaca's wash table).

    Market and stop orders always do, two limits when the buy's is at or above the sell's.
    """
    count = tally.buy_quantity if ticket.side is Side.SELL else tally.sell_quantity
    if count == 0:
        return False
    if len(tally.open) > LOOKS_MAX:
        return True
    for name, side in tally.open.items():
        if side is ticket.side:
            continue
        other = book.orders[name]
        if ticket.type not in PRICED or other.ticket.type not in PRICED:
            return True
        pending = other.replacement
        mine, theirs = ticket.limit_price, other.limit_price
        if pending is not None and pending.limit_price is not None and theirs is not None:
            # Either leg may be the live one: the one that meets first counts.
            nearer = min if ticket.side is BUY else max
            theirs = nearer(theirs, pending.limit_price)
        if mine is None or theirs is None:
            return True
        if (mine >= theirs) if ticket.side is BUY else (theirs >= mine):
            return True
    return False
