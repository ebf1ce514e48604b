"""A strategy's wish to change one of its open orders: found, rounded, asked of the gate, carried out.

What the gate is asked is about the order with its new terms, as if it were new, with itself left out of every
sum; what it may still fill is the larger, what a unit may cost the dearer of both terms (change_of).
"""

from typing import Final

from kernel.desk import Turn
from kernel.orders.amend import amend
from kernel.orders.book import symbol_tally, without
from kernel.orders.record import ENDED, Order, Replacement, is_member, reserved
from kernel.orders.room import next_id
from kernel.reasons import Refusal, RefusalCode
from kernel.risk.changes import is_settled
from kernel.risk.exposure import is_calmer, worst_leaves
from kernel.risk.gate import ApprovedChange, examine_change
from kernel.risk.prices import legal_terms
from kernel.risk.question import Change
from kernel.sides import Purpose, Side
from kernel.strategies.asking import about, intent_of
from kernel.strategies.protocol import Amendment, OpenOrder
from kernel.strategies.record import SeatRecord
from kernel.trace import Amended
from kernel.units import Instant, Price, Quantity, Value

__all__ = ["ORDERS_SEEN_MAX", "change", "change_of", "own_orders"]

ORDERS_SEEN_MAX: Final = 200
"""Open orders of a symbol that are looked through for a view; where there are more, none are told."""


def own_orders(turn: Turn, strategy: str, symbol: str) -> tuple[OpenOrder, ...]:
    """A strategy's own open orders of a symbol, by name."""
    names = symbol_tally(turn.book, symbol).open
    if len(names) > ORDERS_SEEN_MAX:
        return ()
    orders = (turn.book.orders[name] for name in sorted(names))
    return tuple(_told(order) for order in orders if order.strategy == strategy)


def _told(order: Order) -> OpenOrder:
    ticket = order.ticket
    return OpenOrder(
        order.client_order_id,
        ticket.purpose,
        ticket.side,
        ticket.type,
        order.quantity,
        order.ledger.quantity,
        order.limit_price,
        order.stop_price,
        is_settled(order) and not is_member(order),
    )


def change(
    turn: Turn, seat: SeatRecord, amendment: Amendment, bar_start: Instant
) -> ApprovedChange | tuple[Refusal, ...]:
    """Finds the order, asks the gate, and sends what it approves."""
    answer = _judged(turn, seat, amendment, bar_start)
    turn.trace.append(Amended(amendment, () if isinstance(answer, ApprovedChange) else answer))
    if isinstance(answer, ApprovedChange):
        amend(turn, answer)
    else:
        for refusal in answer:
            turn.refuse(refusal.code)
    return answer


def _judged(
    turn: Turn, seat: SeatRecord, amendment: Amendment, bar_start: Instant
) -> ApprovedChange | tuple[Refusal, ...]:
    order = turn.book.orders.get(amendment.order)
    if order is None or not _is_own(order, seat, amendment):
        return (Refusal(RefusalCode.UNKNOWN_ORDER, amendment.order, "an open order of its own"),)
    sequence = turn.sequence
    asked = change_of(turn, seat, order, amendment, intent_of(seat, amendment, bar_start))
    answer = examine_change(asked)
    if not isinstance(answer, ApprovedChange):
        turn.sequence = sequence  # the name was not used
    return answer


def _is_own(order: Order, seat: SeatRecord, amendment: Amendment) -> bool:
    is_seats = order.strategy == seat.strategy and order.ticket.symbol == amendment.symbol
    return is_seats and order.status not in ENDED


def change_of(turn: Turn, seat: SeatRecord, order: Order, amendment: Amendment, intent: str) -> Change:
    """The amendment as the gate is asked about it."""
    old = order.ticket
    quantity, limit_price, stop_price = legal_terms(
        turn.rules.get(old.symbol),
        old.side,
        order.quantity if amendment.quantity is None else amendment.quantity,
        order.limit_price if amendment.limit_price is None else amendment.limit_price,
        order.stop_price if amendment.stop_price is None else amendment.stop_price,
    )
    ticket = old._replace(quantity=quantity, limit_price=limit_price, stop_price=stop_price)
    question = about(turn, seat, ticket, intent)
    worst = question.reserve_price
    is_calm = stop_price == order.stop_price and is_calmer(
        old.side is Side.BUY,
        (order.quantity, order.limit_price, order.reserve_price),
        (quantity, limit_price, worst),
    )
    name = next_id(turn, seat.strategy)
    replacement = Replacement(name, quantity, limit_price, stop_price, worst, raises=not is_calm)
    held = reserved(order)
    is_entry = old.purpose is Purpose.ENTRY
    own_exits = question.seat_exit_quantity - (0 if is_entry else held)
    others = question.reserved - (held * order.reserve_price if is_entry else 0)
    question = question._replace(
        tally=without(question.tally, order),
        seat_exit_quantity=Quantity(own_exits),
        reserved=Value(others),
        reserve_price=Price(max(worst, order.reserve_price)),
        adding=worst_leaves(order.ledger.quantity, order.quantity, quantity),
    )
    return Change(order, replacement, question)
