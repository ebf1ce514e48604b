"""The promises that stay on in production: cheap checks after every step.

A violation is a kernel bug: the desk halts, cancels entries, keeps exits, and the alert carries the figures.
Each check looks only at what the step touched, so it costs the same with any number of orders. The full
predicates over a whole Desk are in specs/.

    I1   every submit belongs to an order of the book that was approved and is being sent for the first time
    I2   a client order id is submitted once
    I5   the desk-wide sums never go below zero
    I6   after an approved entry the symbol's worst case is inside the limits (checked where it is booked)
    I7   an entry leaves only while the desk is armed and not draining
    I8   no window holds more sends than the limit
    I11  an entry leaves only while the order stream is live
"""

from kernel.commands import Command, SubmitOrder
from kernel.desk import Turn
from kernel.events import LinkName
from kernel.links.chart import LinkState
from kernel.links.record import link_of
from kernel.orders.chart import OrderStatus
from kernel.session.modes import entries_allowed
from kernel.sides import Purpose

__all__ = ["violations"]


def violations(turn: Turn, sent: tuple[Command, ...]) -> tuple[str, ...]:
    """What does not hold after this step, one line each; counts the checks that ran."""
    found: list[str] = list(turn.broken)
    turn.checks += 3
    if turn.book.open_count < 0 or turn.book.entry_value < 0:
        found.append(f"I5: open orders {turn.book.open_count}, entry value {turn.book.entry_value}")
    if turn.calls.waiting < 0:
        found.append(f"I8: waiting calls {turn.calls.waiting}")
    if sent:
        peak, limit = turn.throttle.peak, turn.throttle.pool.limit
        if peak > limit:
            found.append(f"I8: {peak} sends in a window, limit {limit}")
    for command in sent:
        if isinstance(command, SubmitOrder):
            found.extend(_submit_violations(turn, command))
    return tuple(found)


def _submit_violations(turn: Turn, command: SubmitOrder) -> list[str]:
    found: list[str] = []
    ticket = command.ticket
    name = ticket.client_order_id
    turn.checks += 2
    order = turn.book.orders.get(name)
    if order is None or order.status is not OrderStatus.SENDING:
        found.append(f"I1: {name} leaves without an approved order")
    elif order.times.sent != turn.at:
        found.append(f"I2: {name} leaves a second time")
    if ticket.purpose is not Purpose.ENTRY:
        return found
    turn.checks += 3
    if not entries_allowed(turn):
        found.append(f"I7: entry {name} leaves while {turn.session.mode.value}")
    if link_of(turn.links, LinkName.ORDERS).state is not LinkState.LIVE:
        found.append(f"I11: entry {name} leaves while the order stream is not live")
    return found
