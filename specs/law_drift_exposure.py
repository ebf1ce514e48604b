"""Laws of what is not ours, and of busts that nobody told (I4 to I7): others never make room.

Others' open orders and positions count in the worst case, and keep no exit from leaving what is there. A leg
that is brought to the broker's own count stays so. Names and symbols are concrete; figures are any integers.
"""

from immutables import Map

from kernel.drift.foreign import foreign_open, foreign_position, with_counted
from kernel.drift.record import NO_FOREIGN, Foreign
from kernel.orders.ledger import EMPTY_LEDGER, Ledger, book, set_leg, take_evidence
from kernel.reports import ActivityRow, BrokerStatus, ExecutionKind, ExecutionReport, OrderReport
from kernel.risk.exposure import free_to_leave, worst_size
from kernel.sides import Side
from kernel.units import Instant, Price, Quantity, Value

# ---------------------------------------------------------------- what is not ours, in exposure


def _order(name: str, quantity: int, filled: int, side: Side) -> OrderReport:
    word = BrokerStatus.NEW
    return OrderReport(
        broker_order_id=name,
        client_order_id=name,
        symbol="SPY",
        side=side,
        type=None,
        time_in_force=None,
        order_class=None,
        status=word,
        status_text="new",
        quantity=Quantity(quantity),
        notional=None,
        filled_quantity=Quantity(filled),
        filled_average=None,
        limit_price=None,
        stop_price=None,
        extended_hours=False,
        created_at=Instant(1),
        updated_at=Instant(1),
    )


def _foreign(position: int, *orders: OrderReport) -> Foreign:
    named = Map({order.client_order_id: order for order in orders})
    return NO_FOREIGN._replace(positions=Map({"SPY": Quantity(position)}), orders=named)


def others_orders_never_make_room(
    is_buy: bool, position: int, opening: int, quantity: int, a: int, filled: int, b: int, is_same: bool
) -> bool:
    """With others' orders on the account the worst case is never smaller, and counts what each may still do.

    Promise: I6
    pre: opening >= 0 and quantity > 0 and a > 0 and b > 0 and filled >= 0
    post: __return__
    """
    side = Side.BUY if is_buy else Side.SELL
    other = side if is_same else (Side.SELL if is_buy else Side.BUY)
    foreign = _foreign(0, _order("X", a, filled, side), _order("Y", b, 0, other))
    more = foreign_open(foreign, "SPY", side)
    alone = worst_size(is_buy, Quantity(position), Quantity(opening), Quantity(quantity))
    with_others = worst_size(is_buy, Quantity(position), Quantity(opening + more), Quantity(quantity))
    expected = max(0, a - filled) + (b if is_same else 0)
    return more == expected and with_others == alone + expected and foreign_open(foreign, "QQQ", side) == 0


def others_position_counts(is_buy: bool, position: int, others: int, opening: int, quantity: int) -> bool:
    """What others hold on a side is in that side's worst case, to the last digit.

    Promise: I6
    pre: opening >= 0 and quantity > 0
    post: __return__
    """
    held = foreign_position(_foreign(others), "SPY")
    size = worst_size(is_buy, Quantity(position + held), Quantity(opening), Quantity(quantity))
    total = position + others if is_buy else -position - others
    return held == others and size >= total + opening + quantity and size >= opening + quantity


def an_exit_never_takes_what_is_not_there(
    is_sell: bool, own: int, others: int, leaving: int, own_leaving: int, quantity: int
) -> bool:
    """What may leave exceeds neither the account's position (ours and others') nor the seat's own.

    Promise: I7
    pre: leaving >= 0 and own_leaving >= 0 and quantity > 0
    post: __return__
    """
    account = Quantity(own + foreign_position(_foreign(others), "SPY"))
    free = free_to_leave(is_sell, account, Quantity(leaving), Quantity(own), Quantity(own_leaving))
    if quantity > free:
        return True
    sign = 1 if is_sell else -1
    return quantity + leaving <= sign * (own + others) and quantity + own_leaving <= sign * own


def a_counted_fill_leaves_no_gap(quantity: int, filled: int, fill: int, others: int) -> bool:
    """A fill of another's order moves from what is open to the position: together they stay what they were.

    Promise: I6
    pre: filled >= 0 and fill > 0 and quantity >= filled + fill
    post: __return__
    """
    before = _foreign(others, _order("X", quantity, filled, Side.BUY))
    row = ActivityRow(
        "A1", "X", "SPY", Side.BUY, Price(1), Quantity(fill), Quantity(filled + fill), Instant(2)
    )
    after = with_counted(before, row)._replace(positions=Map({"SPY": Quantity(others + fill)}))
    open_before, open_after = foreign_open(before, "SPY", Side.BUY), foreign_open(after, "SPY", Side.BUY)
    return open_before + others == open_after + foreign_position(after, "SPY")


def a_fill_that_comes_again_frees_nothing(quantity: int, filled: int, cumulative: int) -> bool:
    """An activity that is behind what was counted of its order changes nothing.

    Promise: I6
    pre: 0 < cumulative <= filled < quantity
    post: __return__
    """
    before = _foreign(0, _order("X", quantity, filled, Side.BUY))
    row = ActivityRow("A1", "X", "SPY", Side.BUY, Price(1), Quantity(1), Quantity(cumulative), Instant(2))
    return with_counted(before, row) == before


# ---------------------------------------------------------------- a bust that nobody told


def _ledger(p: int, q: int, told: int, at: int) -> Ledger:
    trade = ExecutionReport("A", ExecutionKind.TRADE, Price(p), Quantity(q), Instant(at))
    ledger, _ = book(EMPTY_LEDGER, "leg", trade)
    ledger, _, _ = take_evidence(ledger, "leg", Quantity(told), Value(7), Instant(at))
    return ledger


def a_leg_is_brought_to_the_brokers_count(p: int, q: int, told: int, count: int, value: int, at: int) -> bool:
    """After set_leg the books are the broker's figures exactly, and the change is the difference.

    Promise: I4, I5
    pre: p > 0 and q > 0 and told >= 0 and count >= 0 and at > 1
    post: __return__
    """
    before = _ledger(p, q, told, 1)
    after, quantity, worth = set_leg(before, "leg", Quantity(count), Value(value), Instant(at))
    return (
        (after.quantity, after.value) == (count, value)
        and after.quantity == before.quantity + quantity
        and after.value == before.value + worth
    )


def what_was_taken_back_stays_so(p: int, q: int, told: int, count: int, at: int, stale: int) -> bool:
    """Neither the execution again nor a report older than the taking back books any of it again.

    Promise: I4
    pre: p > 0 and q > 0 and told >= 0 and 0 <= count < q and 1 < at and stale < at
    post: __return__
    """
    after, _, _ = set_leg(_ledger(p, q, 0, 1), "leg", Quantity(count), Value(p * count), Instant(at))
    again, _ = book(
        after, "leg", ExecutionReport("A", ExecutionKind.TRADE, Price(p), Quantity(q), Instant(1))
    )
    again, _, _ = take_evidence(again, "leg", Quantity(told), Value(7), Instant(stale))
    return again == after


def a_leg_that_is_not_known_is_left_alone(p: int, q: int, count: int, value: int) -> bool:
    """set_leg of another order's leg changes nothing.

    Promise: I4
    pre: p > 0 and q > 0
    post: __return__
    """
    before = _ledger(p, q, 0, 1)
    return set_leg(before, "other", Quantity(count), Value(value), Instant(5)) == (before, 0, 0)
