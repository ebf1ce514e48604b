"""What leaves for the wire in a step: waiting calls that have their permit and are still wanted.

An entry, or a change that is held up as one, is dropped when the desk no longer allows it (I7, I11); a call
whose purpose is settled is forgotten without using up a permit. What left is marked, and looked after.
"""

from functools import partial

from kernel.commands import BrokerCall, CancelOrder, Command, ReplaceOrder, SubmitOrder
from kernel.desk import Turn
from kernel.drift.room import watch
from kernel.orders.amend import drop_replace, fate_of_replace, mark_replace_sent
from kernel.orders.book import find, order_of
from kernel.orders.chart import OrderStatus
from kernel.orders.record import ENDED
from kernel.orders.room import drop, mark_sent
from kernel.outbox import Fate, pump
from kernel.reasons import RefusalCode
from kernel.session.modes import entry_barrier
from kernel.sides import Purpose
from kernel.units import Instant

__all__ = ["check_silence_at", "send"]


def send(turn: Turn) -> tuple[tuple[Command, ...], Instant | None]:
    """Hands out what has its permit; an entry is dropped when the desk no longer allows it."""
    if turn.calls.waiting == 0:
        return (), None
    pumped = pump(turn.calls, turn.throttle, turn.at, partial(_fate, turn))
    turn.calls = pumped.calls
    turn.throttle = pumped.throttle
    for command in pumped.dropped:
        if isinstance(command, ReplaceOrder):
            symbol = order_of(turn.book, command.client_order_id).ticket.symbol
            drop_replace(turn, command, _barrier(turn, symbol) or RefusalCode.STALE)
            continue
        assert isinstance(command, SubmitOrder), "kernel bug: only submits and replaces are dropped"
        drop(turn, command.ticket, _barrier(turn, command.ticket.symbol) or RefusalCode.STALE)
    for command in pumped.sent:
        if isinstance(command, SubmitOrder):
            mark_sent(turn, command.ticket)
            watch(turn)
        elif isinstance(command, ReplaceOrder):
            mark_replace_sent(turn, command)
        turn.commands.append(command)
    if pumped.sent and not turn.calls.check_at:
        check_silence_at(turn, Instant(turn.at + turn.config.orders.call_silence_max))
    return pumped.sent, pumped.wake_at


def _fate(turn: Turn, command: BrokerCall) -> Fate:
    """Whether a waiting call should still leave."""
    if isinstance(command, SubmitOrder):
        ticket = command.ticket
        order = turn.book.orders.get(ticket.client_order_id)
        if order is None or order.status is not OrderStatus.QUEUED:
            return Fate.FORGET  # withdrawn while it waited, or the broker has it already
        if ticket.purpose is Purpose.ENTRY and _barrier(turn, ticket.symbol) is not None:
            return Fate.DROP
        return Fate.SEND
    if isinstance(command, ReplaceOrder):
        symbol = order_of(turn.book, command.client_order_id).ticket.symbol
        return fate_of_replace(turn, command, _barrier(turn, symbol))
    if isinstance(command, CancelOrder):
        order = find(turn.book, command.client_order_id, "")
        if order is not None and order.status in ENDED:
            return Fate.FORGET
    return Fate.SEND


def _barrier(turn: Turn, symbol: str) -> RefusalCode | None:
    """What keeps an entry in a symbol from leaving at this moment (I7, I11)."""
    quote = turn.market.quotes.get(symbol)
    if quote is None or turn.at - quote.at > turn.config.gate.quote_age_max:
        return RefusalCode.PRICE_STALE
    return entry_barrier(turn)


def check_silence_at(turn: Turn, at: Instant) -> None:
    """Plans the search for calls that were never answered."""
    turn.calls = turn.calls._replace(check_at=at)
    turn.wake(at, "silent")
