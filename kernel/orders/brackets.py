"""Brackets watched: whatever becomes of an entry's exits, what it filled is covered once and sold once.

    family_due     looks at a whole family and does what is due; at every change of a member, and by deadline
    note_no_legs   the broker showed an entry with exits, and no exits

What is done is derived from the family as it stands in the book, so a restart in any state goes on with it:
1. The exits of an entry that the broker has are not known: it is asked by its id, with growing waits.
2. An entry has ended short of its size: its exits never wake (orders.md, rule 17). What it filled is covered
   by a stop of ours at the price that was asked for, and a person is told. So is a filled entry whose exits
   ended without us: rejected, canceled, expired. Where the stop can't stand any more, it is left at market.
3. One exit has filled, or the entry ended: the other exits must end. The broker need not say it: after a
   grace it is asked, after another one they are canceled (and chase.py insists, at last calls a person).
4. Both exits filled: exactly what the second one opened is closed at market, at once; CRITICAL.
5. Exits that we canceled ourselves (a strategy that leaves) are not covered anew, nor anything after a kill.

Every repair passes the gate as an exit: it reduces, or it does not leave. What can't be done now is tried
again every REPAIR_EVERY; after REPAIRS_MAX repairs a person is called, and the desk reduces.
"""

from typing import Final, NamedTuple

from kernel.commands import AlertLevel
from kernel.desk import Turn
from kernel.drift.foreign import foreign_position
from kernel.orders.book import family_of, find, is_known, order_of, put, symbol_tally, tally_of, with_family
from kernel.orders.chart import CancelState, OrderStatus
from kernel.orders.chase import query
from kernel.orders.families import Family, excess, held_of, uncovered
from kernel.orders.record import ENDED, NEVER, Order, broker_order_id, is_open, leaves
from kernel.orders.room import cancel, submit
from kernel.portfolio.holdings import net_position, position_of
from kernel.reasons import Anomaly
from kernel.reports import OrderReport
from kernel.risk.exposure import free_to_leave
from kernel.risk.gate import Approved, examine
from kernel.seats import seat_of
from kernel.session.chart import Mode
from kernel.session.modes import reduce_only
from kernel.sides import OrderClass, OrderType, Purpose, Side, opposite
from kernel.strategies.asking import question_of
from kernel.strategies.protocol import Proposal
from kernel.trace import Judged
from kernel.units import SECOND, ZERO_QUANTITY, Duration, Instant, Price, Quantity

__all__ = [
    "EMPTIES_MAX",
    "LEGS_GRACE",
    "LOOK_EVERY_MAX",
    "REPAIRS_MAX",
    "REPAIR_EVERY",
    "SIBLING_GRACE",
    "family_due",
    "note_no_legs",
]

LEGS_GRACE: Final = Duration(1 * SECOND)
"""How long the answer that names the exits may take; then the broker is asked, with waits that double."""
LOOK_EVERY_MAX: Final = Duration(60 * SECOND)
EMPTIES_MAX: Final = 3
"""Answers with the entry and without exits before it counts as having none."""
SIBLING_GRACE: Final = Duration(5 * SECOND)
"""How long the end of the other exits may take to be streamed; then asked for; then, once more, canceled."""
REPAIR_EVERY: Final = Duration(5 * SECOND)
"""The wait before what could not be covered or closed is tried again."""
REPAIRS_MAX: Final = 8
"""Repairs of one family; more do not help where so many did not."""

FILLED: Final = OrderStatus.FILLED
REJECTED: Final = OrderStatus.REJECTED
DENIED: Final = OrderStatus.DENIED
KILLS: Final = (Mode.KILLING, Mode.KILLED)
NEVER_THERE: Final = (OrderStatus.DENIED, OrderStatus.REJECTED, OrderStatus.ABSENT)


class Members(NamedTuple):
    """A family with its orders."""

    name: str
    family: Family
    entry: Order
    legs: tuple[Order, ...]
    repairs: tuple[Order, ...]

    @property
    def held(self) -> Quantity:
        """What the fills add up to."""
        return held_of(self.entry, (*self.legs, *self.repairs))

    @property
    def is_entry(self) -> bool:
        """False for an oco, whose parent is an exit itself."""
        return self.entry.ticket.purpose is Purpose.ENTRY


def _members(turn: Turn, name: str) -> Members:
    book = turn.book
    family = family_of(book, name)
    legs = tuple(order_of(book, leg) for leg in family.legs)
    return Members(
        name, family, order_of(book, name), legs, tuple(order_of(book, repair) for repair in family.repairs)
    )


def _keep(turn: Turn, name: str, family: Family) -> None:
    turn.book = with_family(turn.book, name, family)


def _plan(turn: Turn, name: str, at: Instant) -> None:
    """Looks after the family at `at`, unless that is planned for an earlier instant."""
    family = family_of(turn.book, name)
    if family.due > turn.at and family.due <= at:
        return
    _keep(turn, name, family._replace(due=at))
    turn.wake(at, "family:" + name)


def family_due(turn: Turn, name: str) -> None:
    """Something happened in a family, or its deadline has come: what is due is done."""
    if not is_known(turn.book, name):
        return
    members = _members(turn, name)
    entry = members.entry
    if entry.status in ENDED:
        _end_leftovers(turn, members)
        if members.is_entry:
            _repair(turn, _members(turn, name))
    elif any(leg.status is FILLED or leg.ledger.quantity for leg in members.legs) and members.is_entry:
        _look(turn, members)  # its exits fill, so it has filled: its own word is missing
    if not members.legs and not members.family.is_bare and entry.ticket.order_class is not OrderClass.OCO:
        _look(turn, members)


# ---------------------------------------------------------------- the exits are not known


def _look(turn: Turn, members: Members) -> None:
    """Asks for the entry by the broker's id, which shows its exits (rule 1)."""
    entry, family = members.entry, members.family
    is_void = entry.status in ENDED and entry.ledger.quantity == 0
    if broker_order_id(entry) is None or is_void or entry.status in NEVER_THERE:
        return
    if family.next_look_at == NEVER:
        family = family._replace(next_look_at=Instant(turn.at + LEGS_GRACE))
    elif family.next_look_at <= turn.at:
        query(turn, entry)
        looks = family.looks + 1
        wait = min(LEGS_GRACE << min(looks, 16), LOOK_EVERY_MAX)
        family = family._replace(looks=looks, next_look_at=Instant(turn.at + wait))
    _keep(turn, members.name, family)
    _plan(turn, members.name, family.next_look_at)


def note_no_legs(turn: Turn, report: OrderReport) -> None:
    """The broker showed an order by its id, with everything that belongs to it, and no exits."""
    entry = find(turn.book, report.client_order_id, report.broker_order_id)
    if entry is None or entry.parent or entry.ticket.order_class is OrderClass.SIMPLE:
        return
    name = entry.client_order_id
    family = family_of(turn.book, name)
    if family.legs or family.is_bare:
        return
    family = family._replace(empties=family.empties + 1)
    if family.empties >= EMPTIES_MAX:
        family = family._replace(is_bare=True)
        turn.note(Anomaly.EXITS_UNKNOWN, f"{name}: the broker shows no exits of it", AlertLevel.CRITICAL)
    _keep(turn, name, family)
    turn.wake(turn.at, "family:" + name)


# ---------------------------------------------------------------- exits that must end


def _end_leftovers(turn: Turn, members: Members) -> None:
    """Rule 3; where more left than came the other exits are canceled at once (rule 4)."""
    held = members.held
    since = members.entry.times.ended
    if members.entry.status is FILLED and members.is_entry:
        ends = [leg.times.ended for leg in members.legs if leg.status is FILLED]
        if not ends or held > 0:
            return
        since = min(ends)
    is_urgent = held < 0
    for leg in members.legs:
        if is_open(leg):
            _end(turn, members.name, leg, since, is_urgent)


def _end(turn: Turn, name: str, leg: Order, since: Instant, is_urgent: bool) -> None:
    asked_at, canceled_at = Instant(since + SIBLING_GRACE), Instant(since + 2 * SIBLING_GRACE)
    if is_urgent:
        if leg.cancel is CancelState.NONE:
            cancel(turn, leg)
    elif turn.at < asked_at:
        _plan(turn, name, asked_at)
    elif leg.pursuit.queries == 0:
        query(turn, leg)
        turn.book = put(turn.book, leg, leg._replace(pursuit=leg.pursuit._replace(queries=1)))
        _plan(turn, name, max(canceled_at, Instant(turn.at + SIBLING_GRACE)))
    elif turn.at < canceled_at:
        _plan(turn, name, canceled_at)
    elif leg.cancel is CancelState.NONE:
        cancel(turn, leg)


# ---------------------------------------------------------------- repairs


def _repair(turn: Turn, members: Members) -> None:
    """Rules 2 and 4, for an entry that has ended."""
    held, side = members.held, members.entry.ticket.side
    own = [order for order in members.repairs if is_open(order)]
    covering = sum(leaves(order) for order in own if order.ticket.side is not side)
    closing = sum(leaves(order) for order in own if order.ticket.side is side)
    over = excess(held, closing)
    if over:
        _close(turn, members, over)
        return
    bare = uncovered(held, members.family.claim + covering)
    if bare and turn.session.mode not in KILLS and not _is_waived(members):
        _cover(turn, members, bare)


def _is_waived(members: Members) -> bool:
    """Whether we canceled the exits ourselves (rule 5); of an entry that ended short they are only tidied."""
    is_tidied = members.entry.status is not FILLED or any(leg.status is FILLED for leg in members.legs)
    live = () if is_tidied else members.legs
    exits = (order for order in members.repairs if order.ticket.side is not members.entry.ticket.side)
    return any(order.times.cancel_asked != NEVER for order in (*live, *exits))


def _cover(turn: Turn, members: Members, quantity: Quantity) -> None:
    """A stop of ours for what has none; at market where the stop was refused or its price is passed."""
    entry = members.entry
    side = opposite(entry.ticket.side)
    quantity = _reducible(turn, members, side, quantity, ZERO_QUANTITY)
    if not quantity:
        return
    text = f"{members.name} ({entry.ticket.symbol}) {entry.status.value}: {quantity}e-9 held without exits"
    _say(turn, members, Anomaly.EXITS_LOST, text, AlertLevel.WARNING)
    stop, limit = _stop_of(members)
    if stop is None:
        return  # it asked for no stop: its strategy leaves it
    failed = [order for order in members.repairs if order.status is REJECTED]
    if failed or _is_passed(turn, entry.ticket.symbol, side, stop):
        _send(turn, members, side, Purpose.EXIT, quantity, None, None)
    else:
        _send(turn, members, side, Purpose.PROTECTIVE_STOP, quantity, stop, limit)


def _close(turn: Turn, members: Members, quantity: Quantity) -> None:
    """What was sold twice is bought back (or the other way round), at market."""
    side = members.entry.ticket.side
    # The other exits are on the other side: they reduce nothing of what is to be closed now.
    quantity = _reducible(turn, members, side, quantity, members.family.claim)
    if not quantity:
        return
    text = f"{members.name} ({members.entry.ticket.symbol}): both exits filled, {quantity}e-9 too much"
    _say(turn, members, Anomaly.BOTH_EXITS, text, AlertLevel.CRITICAL)
    _send(turn, members, side, Purpose.EXIT, quantity, None, None)


def _reducible(turn: Turn, members: Members, side: Side, quantity: Quantity, apart: Quantity) -> Quantity:
    """As much of it as reduces the account's and the seat's position, exits apart left out."""
    symbol, strategy = members.entry.ticket.symbol, members.entry.strategy
    free = free_to_leave(
        side is Side.SELL,
        Quantity(net_position(turn.holdings, symbol) + foreign_position(turn.drift.foreign, symbol)),
        Quantity(symbol_tally(turn.book, symbol).reducing_quantity - apart),
        position_of(turn.holdings, seat_of(strategy, symbol)).quantity,
        Quantity(tally_of(turn.book, strategy, symbol).exit_quantity - apart),
    )
    return Quantity(max(0, min(quantity, free)))


def _stop_of(members: Members) -> tuple[Price | None, Price | None]:
    """The stop that was asked for, and its limit; of an adopted entry as its exits have it."""
    ticket = members.entry.ticket
    if ticket.stop_loss is not None:
        return ticket.stop_loss, ticket.stop_loss_limit
    for leg in members.legs:
        if leg.ticket.purpose is Purpose.PROTECTIVE_STOP:
            return leg.stop_price, leg.limit_price
    return None, None


def _is_passed(turn: Turn, symbol: str, side: Side, stop: Price) -> bool:
    """Whether the market is at the stop or beyond it already: the broker would refuse it."""
    quote = turn.market.quotes.get(symbol)
    if quote is None or quote.bid <= 0 or quote.ask <= 0:
        return False
    return quote.bid <= stop if side is Side.SELL else quote.ask >= stop


def _say(turn: Turn, members: Members, anomaly: Anomaly, text: str, level: AlertLevel) -> None:
    """Tells a person, once for each kind of trouble of a family."""
    if members.family.said != anomaly.value:
        turn.note(anomaly, text, level)
        _keep(turn, members.name, family_of(turn.book, members.name)._replace(said=anomaly.value))


def _send(
    turn: Turn,
    members: Members,
    side: Side,
    purpose: Purpose,
    quantity: Quantity,
    stop: Price | None,
    limit: Price | None,
) -> None:
    """A repair through the gate; later where it can't leave now."""
    entry, name = members.entry, members.name
    tries = [order for order in members.repairs if order.status is not DENIED]
    last = max((order.times.ended for order in tries if order.status in NEVER_THERE), default=NEVER)
    if last != NEVER and turn.at < last + REPAIR_EVERY:
        _plan(turn, name, Instant(last + REPAIR_EVERY))
        return
    symbol = entry.ticket.symbol
    seat = turn.seats.get(seat_of(entry.strategy, symbol))
    if len(tries) >= REPAIRS_MAX or seat is None:
        text = f"{name} ({symbol}): {quantity}e-9 to {side.value} after {len(tries)} repairs"
        turn.note(Anomaly.REPAIR_FAILED, text, AlertLevel.CRITICAL)
        reduce_only(turn, text)
        return
    kind = OrderType.MARKET
    if stop is not None:
        kind = OrderType.STOP if limit is None else OrderType.STOP_LIMIT
    number = len(members.repairs) + 1
    tif = entry.ticket.time_in_force
    reason = f"repairs the exits of {name}"
    tag = f"repair{number}"
    proposal = Proposal(tag, symbol, side, purpose, quantity, kind, limit, stop, tif, None, reason)
    question = question_of(turn, seat, proposal, f"{name}/{tag}")
    if side is entry.ticket.side:
        apart = members.family.claim
        tally = question.tally
        question = question._replace(
            tally=tally._replace(reducing_quantity=Quantity(tally.reducing_quantity - apart)),
            seat_exit_quantity=Quantity(question.seat_exit_quantity - apart),
        )
    answer = examine(question)
    turn.trace.append(Judged(question, proposal, () if isinstance(answer, Approved) else answer))
    if isinstance(answer, Approved):
        submit(turn, answer, NEVER, parent=name)
        return
    turn.sequence -= 1
    turn.denied += 1
    for refusal in answer:
        turn.refuse(refusal.code)
    _plan(turn, name, Instant(turn.at + REPAIR_EVERY))
