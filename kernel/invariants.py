"""The promises that stay on in production: cheap checks after every step.

A violation is a kernel bug: the desk halts, cancels entries, keeps exits, and the alert carries the figures.
Each check looks only at what the step touched, so it costs the same with any number of orders. The full
predicates over a whole Desk are in specs/. They read the Desk directly and use none of the functions that
decide, so that a fault in those does not blind them.

    I1   every submit belongs to an order of the book that was approved and is being sent for the first time,
         every replace to a pending change of an order that stands at the broker
    I2   a client order id is submitted once
    I5   the desk-wide sums never go below zero
    I6   after an approved entry the symbol's worst case is inside the limits (checked where it is booked)
    I7   an entry leaves only while the desk is armed and not draining
    I8   no window holds more sends than the limit
    I11  an entry leaves only while the order stream is live and its symbol's quote is fresh
"""

from typing import Final

from kernel.commands import Command, ReplaceOrder, SubmitOrder
from kernel.desk import Turn
from kernel.events import LinkName
from kernel.links.chart import LinkState
from kernel.links.record import link_of
from kernel.orders.chart import OrderStatus
from kernel.session.chart import Mode
from kernel.sides import Purpose

__all__ = ["violations"]

NONE_BROKEN: Final[tuple[str, ...]] = ()


def violations(turn: Turn, sent: tuple[Command, ...]) -> tuple[str, ...]:
    """What does not hold after this step, one line each; counts the checks that ran."""
    turn.checks += 2
    book = turn.book
    if not sent and not turn.broken and book.open_count >= 0 and book.entry_value >= 0:
        return NONE_BROKEN
    found: list[str] = list(turn.broken)
    if book.open_count < 0 or book.entry_value < 0:
        found.append(f"I5: open orders {book.open_count}, entry value {book.entry_value}")
    if sent:
        turn.checks += 2
        # The configured limit: the broker's word may tighten the one in force below what was sent before it.
        peak, limit = turn.throttle.peak, turn.throttle.pool.config.limit
        if peak > limit:
            found.append(f"I8: {peak} sends in a window, limit {limit}")
        if turn.calls.waiting < 0:
            found.append(f"I8: {turn.calls.waiting} calls wait")
    names: set[str] = set()
    for command in sent:
        if isinstance(command, SubmitOrder):
            found.extend(_submit_violations(turn, command, names))
            names.add(command.ticket.client_order_id)
        elif isinstance(command, ReplaceOrder):
            found.extend(_replace_violations(turn, command))
    return tuple(found)


def _submit_violations(turn: Turn, command: SubmitOrder, names: set[str]) -> list[str]:
    found: list[str] = []
    ticket = command.ticket
    name = ticket.client_order_id
    turn.checks += 2
    order = turn.book.orders.get(name)
    if order is None or order.status is not OrderStatus.SENDING:
        found.append(f"I1: {name} leaves without an approved order")
    elif order.times.sent != turn.at or name in names:
        found.append(f"I2: {name} leaves a second time")
    if ticket.purpose is Purpose.ENTRY:
        found += _entry_violations(turn, name, ticket.symbol)
    return found


def _replace_violations(turn: Turn, command: ReplaceOrder) -> list[str]:
    name, leg = command.client_order_id, command.new_client_order_id
    turn.checks += 1
    order = turn.book.orders.get(name)
    pending = None if order is None else order.replacement
    if order is None or pending is None or pending.client_order_id != leg or turn.book.names.get(leg) != name:
        return [f"I1: a change of {name} leaves that is not pending"]
    if pending.raises and order.ticket.purpose is Purpose.ENTRY:
        return _entry_violations(turn, name, order.ticket.symbol)
    return []


def _entry_violations(turn: Turn, name: str, symbol: str) -> list[str]:
    found: list[str] = []
    turn.checks += 3
    mode = turn.session.mode
    if mode is not Mode.ARMED or turn.session.draining:
        found.append(f"I7: entry {name} leaves while {'draining' if turn.session.draining else mode.value}")
    if link_of(turn.links, LinkName.ORDERS).state is not LinkState.LIVE:
        found.append(f"I11: entry {name} leaves while the order stream is not live")
    quote = turn.market.quotes.get(symbol)
    if quote is None or turn.at - quote.at > turn.config.gate.quote_age_max:
        found.append(f"I11: entry {name} leaves without a fresh quote")
    return found
