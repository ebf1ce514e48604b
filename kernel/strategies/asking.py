"""What the gate is asked about a strategy's wish: the ticket, rounded, and the desk's state around it.

question_of   about a proposal: a new order with its name
about         about a ticket, whatever it came from
"""

from kernel.commands import OrderTicket
from kernel.desk import Turn
from kernel.drift.foreign import foreign_open, foreign_position
from kernel.drift.record import is_clean
from kernel.events import LinkName
from kernel.links.record import link_of
from kernel.orders.book import symbol_tally, tally_of
from kernel.orders.room import next_id
from kernel.portfolio.fills import is_coin
from kernel.portfolio.holdings import net_position, position_of
from kernel.risk.prices import class_of, opposing, reference_price, reserve_price, rounded, rounded_exits
from kernel.risk.question import Question
from kernel.seats import seat_of
from kernel.sides import Side
from kernel.strategies.protocol import Amendment, Proposal
from kernel.strategies.record import SeatRecord
from kernel.units import Instant, Value

__all__ = ["about", "intent_of", "question_of"]


def intent_of(seat: SeatRecord, wish: Proposal | Amendment, bar_start: Instant) -> str:
    """The key of an intent: a repeat of it is a duplicate."""
    return f"{seat.strategy}/{wish.symbol}/{bar_start}/{wish.tag}"


def question_of(turn: Turn, seat: SeatRecord, proposal: Proposal, intent: str) -> Question:
    """Everything that the gate may look at, about a new order."""
    rules = turn.rules.get(proposal.symbol)
    quantity, limit_price, stop_price = rounded(rules, proposal)
    ticket = OrderTicket(
        next_id(turn, seat.strategy),
        proposal.symbol,
        proposal.side,
        proposal.type,
        proposal.time_in_force,
        quantity,
        limit_price,
        stop_price,
        False,
        proposal.purpose,
        class_of(proposal),
        *rounded_exits(rules, proposal),
    )
    return about(turn, seat, ticket, intent)


def about(turn: Turn, seat: SeatRecord, ticket: OrderTicket, intent: str) -> Question:
    """Everything that the gate may look at, about an order with these terms."""
    quote = turn.market.quotes.get(ticket.symbol)
    tally = symbol_tally(turn.book, ticket.symbol)
    own = tally_of(turn.book, seat.strategy, ticket.symbol)
    reference = reference_price(quote, ticket.side)
    session = turn.session
    return Question(
        now=turn.at,
        ticket=ticket,
        strategy=seat.strategy,
        intent=intent,
        limits=turn.config.gate,
        mode=session.mode,
        draining=session.draining,
        order_link=link_of(turn.links, LinkName.ORDERS).state,
        synced=is_clean(turn.drift),
        strategy_status=seat.status,
        rules=turn.rules.get(ticket.symbol),
        quote=quote,
        reference=reference,
        reserve_price=reserve_price(ticket, reference),
        intents=turn.intents,
        tally=tally,
        position=net_position(turn.holdings, ticket.symbol),
        foreign_position=foreign_position(turn.drift.foreign, ticket.symbol),
        foreign_buys=foreign_open(turn.drift.foreign, ticket.symbol, Side.BUY),
        foreign_sells=foreign_open(turn.drift.foreign, ticket.symbol, Side.SELL),
        seat_position=position_of(turn.holdings, seat_of(seat.strategy, ticket.symbol)).quantity,
        seat_entries=own.entries,
        seat_exit_quantity=own.exit_quantity,
        buying_power=session.cash_power if is_coin(turn, ticket.symbol) else session.buying_power,
        spent=Value(max(0, session.power_flow - turn.holdings.cash_flow)),
        reserved=turn.book.entry_value,
        waiting=turn.calls.waiting,
        opposing=opposing(turn.book, tally, ticket),
        adding=ticket.quantity,
    )
