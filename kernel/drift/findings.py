"""What a look that is complete shows: its snapshots against the book, the holdings and what is kept apart.

Positions are judged symbol by symbol: one that moved since it was asked, ours or others', is not judged by
this snapshot. Cash is judged when nothing moved. An order of others that is known already is no news.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from kernel.desk import Turn
from kernel.drift.diff import (
    Drift,
    Finding,
    diff_cash,
    diff_orders,
    diff_positions,
    shadow_of,
)
from kernel.drift.record import Look
from kernel.orders.book import find, open_orders, order_of
from kernel.orders.record import ENDED, Order
from kernel.symbols.rules import AssetClass
from kernel.units import SCALE, ZERO_QUANTITY, Cash, Quantity, Value

__all__ = ["findings_of", "is_still", "open_books"]

FEE_SHARE: Final = 100
"""A coin's position may be off by one part in so many before it is more than fees."""

Pairs = tuple[tuple[str, Quantity], ...]


def is_still(turn: Turn, look: Look) -> bool:
    """Whether nothing moved between the asking of positions and account and now."""
    foreign = turn.drift.foreign
    return (
        look.cash_flow == turn.holdings.cash_flow
        and look.foreign_cash == foreign.cash
        and look.net == turn.holdings.net
        and look.foreign == foreign.positions
    )


def open_books(turn: Turn, positions: Pairs, cash: Cash) -> None:
    """The first look: what the account holds and is not ours is others'."""
    ours = turn.holdings
    foreign = turn.drift.foreign
    held = foreign.positions
    for symbol, quantity in positions:
        rest = Quantity(quantity - ours.net.get(symbol, ZERO_QUANTITY))
        if rest:
            held = held.set(symbol, rest)
    turn.drift = turn.drift._replace(
        opened_at=turn.at,
        opening_cash=Value(cash * SCALE - ours.cash_flow),
        foreign=foreign._replace(positions=held),
    )


def findings_of(turn: Turn, look: Look) -> tuple[Finding, ...]:
    """Everything that this look shows."""
    found = list(_of_orders(turn, look))
    found.extend(_lacking(turn.book.orders[name]) for name in sorted(turn.book.lacking))
    if turn.drift.opening_cash is not None and look.positions is not None and look.cash is not None:
        found.extend(_of_positions(turn, look, look.positions))
        if is_still(turn, look):
            ours = turn.drift.opening_cash + turn.holdings.cash_flow + turn.drift.foreign.cash
            found.extend(diff_cash(Value(ours), look.cash))
    return tuple(found)


def _lacking(order: Order) -> Finding:
    """An order whose booked value rests on the broker's average price."""
    name = order.client_order_id
    seen = sum(leg.quantity for leg in order.ledger.legs)
    text = f"{name}: executions behind the broker's cumulative figure"
    return Finding(Drift.FILLS, name, seen, order.ledger.quantity, text)


def _of_orders(turn: Turn, look: Look) -> list[Finding]:
    settings = turn.config
    known = turn.drift.foreign.orders
    findings, _ = diff_orders(
        partial(find, turn.book),
        open_orders(turn.book),
        (*look.rows, *look.others),
        look.asked_at,
        settings.drift.grace,
        settings.prefix,
    )
    observed = settings.drift.orphan_foreign == "observe"
    found = [
        finding
        for finding in findings
        if not (observed and finding.drift is Drift.ORPHAN_FOREIGN and finding.subject in known)
    ]
    for name in look.unlisted:
        order = order_of(turn.book, name)
        if order.status not in ENDED and order.times.last_fill < look.asked_at:
            found.append(shadow_of(order))
    return found


def _of_positions(turn: Turn, look: Look, positions: Pairs) -> tuple[Finding, ...]:
    """Positions that stood still since they were asked."""
    theirs = dict(positions)
    ours: dict[str, Quantity] = {}
    net, foreign = turn.holdings.net, turn.drift.foreign.positions
    for symbol in sorted({*net, *foreign, *theirs}):
        mine, others = net.get(symbol, ZERO_QUANTITY), foreign.get(symbol, ZERO_QUANTITY)
        if mine == look.net.get(symbol, ZERO_QUANTITY) and others == look.foreign.get(symbol, ZERO_QUANTITY):
            ours[symbol] = Quantity(mine + others)
        else:
            theirs.pop(symbol, None)
    return diff_positions(ours, theirs, _tolerances(turn), _fees(ours))


def _tolerances(turn: Turn) -> Mapping[str, Quantity]:
    """What a coin can't be traded in: dust is no drift."""
    return {
        symbol: rules.quantity_increment
        for symbol, rules in turn.rules.items()
        if rules.asset_class is AssetClass.CRYPTO
    }


def _fees(ours: Mapping[str, Quantity]) -> Mapping[str, Quantity]:
    """What a coin's fees may have been more or less than was reckoned."""
    return {
        symbol: Quantity(abs(quantity) // FEE_SHARE) for symbol, quantity in ours.items() if "/" in symbol
    }
