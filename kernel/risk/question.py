"""What the gate is asked: one order, rounded, and everything that a check may look at.

A check reads nothing else. So a check is a pure function of this value, and a law can be stated of it.
"""

from typing import NamedTuple

from kernel.commands import OrderTicket
from kernel.config import GateConfig
from kernel.links.chart import LinkState
from kernel.orders.book import SymbolTally
from kernel.orders.intents import Intents
from kernel.orders.record import Order, Replacement
from kernel.reports import Quote
from kernel.session.chart import Mode
from kernel.strategies.chart import StrategyState
from kernel.symbols.rules import SymbolRules
from kernel.units import Cash, Instant, Price, Quantity, Value

__all__ = ["Change", "Question"]


class Question(NamedTuple):
    """One proposed order and the desk's state around it."""

    now: Instant
    ticket: OrderTicket
    strategy: str
    intent: str
    limits: GateConfig
    mode: Mode
    draining: bool
    order_link: LinkState
    synced: bool
    """The last comparison with the broker was clean."""
    strategy_status: StrategyState
    rules: SymbolRules | None
    quote: Quote | None
    reference: Price | None
    """What a unit is worth now: the far side of the quote, None without one."""
    reserve_price: Price
    """What a unit may cost in the worst case."""
    intents: Intents
    tally: SymbolTally
    """Open orders of the symbol."""
    position: Quantity
    """Our signed position in the symbol, all seats."""
    foreign_position: Quantity
    """Others' signed position on the account: it counts in exposure and in what may leave."""
    foreign_buys: Quantity
    """What others' open buys may still do."""
    foreign_sells: Quantity
    seat_position: Quantity
    """The strategy's own."""
    seat_entries: int
    seat_exit_quantity: Quantity
    buying_power: Cash
    """As the broker last said; of a coin, what is not on margin."""
    spent: Value
    """Net payments since then, at least zero."""
    reserved: Value
    """Worst-case value of all open entries that the broker's figure may not yet know."""
    waiting: int
    """Calls that wait for a permit."""
    opposing: bool
    """An own open order of the other side that this one could meet."""
    adding: Quantity
    """What it may still fill: its quantity; of an amendment the larger of what both terms leave."""


class Change(NamedTuple):
    """One proposed amendment: the order, the new terms, and the question as if they were a new order's.

    In the question the ticket has the new terms, tallies and reserves are without the order itself, and what
    a unit may cost is the dearer of both terms.
    """

    order: Order
    replacement: Replacement
    question: Question
