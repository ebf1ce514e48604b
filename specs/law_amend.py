"""Laws of amendments (I2, I3, I6): while a change is pending both terms count, whatever becomes of it.

Ids are concrete, for they are only ever compared; quantities and prices are any integers. An order is built
in the law, so that the prover sees plain numbers.
"""

from kernel.commands import OrderTicket
from kernel.orders.book import EMPTY_BOOK, put, symbol_tally, without
from kernel.orders.chart import OrderStatus, ReplaceInput, ReplaceState
from kernel.orders.facts import drop_replacement, take_report
from kernel.orders.lifecycle import ask_replace
from kernel.orders.record import NEVER, Order, Replacement, new_order, reserved
from kernel.reports import BrokerStatus, OrderReport
from kernel.risk.exposure import is_calmer, is_within, worst_leaves, worst_size
from kernel.sides import OrderClass, OrderType, Purpose, Side, TimeInForce
from kernel.units import Cash, Instant, Price, Quantity

NOW = Instant(1)


def _order(quantity: int, limit: int) -> Order:
    """A working buy limit, the broker's B1."""
    ticket = OrderTicket(
        "A",
        "SPY",
        Side.BUY,
        OrderType.LIMIT,
        TimeInForce.DAY,
        Quantity(quantity),
        Price(limit),
        None,
        False,
        Purpose.ENTRY,
    )
    order = new_order(ticket, "a", "intent", NOW, NEVER, Price(limit))
    return order._replace(status=OrderStatus.WORKING, broker_ids=("B1",))


def _asked(quantity: int, limit: int, total: int, price: int) -> Order:
    """The same with a pending change to `total` at `price`, named "A2"."""
    terms = Replacement("A2", Quantity(total), Price(price), None, Price(price))
    return ask_replace(_order(quantity, limit), terms, NOW)


def _report(leg: str, status: BrokerStatus, total: int, price: int) -> OrderReport:
    """An order object about a leg: of the new one, or of the old one with its successor."""
    is_old = leg == "B1"
    return OrderReport(
        broker_order_id=leg,
        client_order_id="A" if is_old else "A2",
        symbol="SPY",
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        order_class=OrderClass.SIMPLE,
        status=status,
        status_text=status.value,
        quantity=Quantity(total),
        notional=None,
        filled_quantity=Quantity(0),
        filled_average=None,
        limit_price=Price(price),
        stop_price=None,
        extended_hours=False,
        created_at=NOW,
        updated_at=NOW,
        replaces=None if is_old else "B1",
        replaced_by="B2" if is_old else None,
    )


def whichever_leg_wins_is_inside(
    position: int, others: int, filled: int, old: int, new: int, more: int, wins: bool, limit: int
) -> bool:
    """An approved change: whichever leg wins and whatever part of it fills, the limit holds (price 1.0).

    Promise: I6
    pre: others >= 0 and 0 <= filled <= old and new > filled and more >= 0
    post: __return__
    """
    adding = worst_leaves(Quantity(filled), Quantity(old), Quantity(new))
    size = worst_size(True, Quantity(position), Quantity(others), adding)
    price = Price(1_000_000_000)
    if more > (new if wins else old) - filled or not is_within(size, price, Cash(limit)):
        return True
    return position + others + more <= limit


def pending_counts_for_both(quantity: int, limit: int, total: int, price: int) -> bool:
    """While a change is pending, the larger of both quantities is reserved at the dearer of both prices.

    Promise: I6
    pre: quantity > 0 and limit > 0 and total > 0 and price > 0
    post: __return__
    """
    order = _asked(quantity, limit, total, price)
    return reserved(order) == max(quantity, total) and order.reserve_price == max(limit, price)


def one_change_at_a_time(quantity: int, first: int, second: int) -> bool:
    """A second change while one is pending changes nothing.

    Promise: I3
    pre: quantity > 0 and first > 0 and second > 0
    post: __return__
    """
    order = _asked(quantity, 1, first, 1)
    again = ask_replace(order, Replacement("A3", Quantity(second), None, None), NOW)
    return again is order and order.replacement is not None and order.replacement.client_order_id == "A2"


def a_refusal_restores_the_old_terms(quantity: int, limit: int, total: int, price: int) -> bool:
    """A refused change leaves the order as it was, in quantity, price and reserve.

    Promise: I3
    pre: quantity > 0 and limit > 0 and total > 0 and price > 0
    post: __return__
    """
    old = _order(quantity, limit)
    after = drop_replacement(_asked(quantity, limit, total, price), ReplaceInput.REFUSED).order
    return after.replacement is None and (
        after.quantity,
        after.limit_price,
        after.reserve_price,
        after.status,
        after.broker_ids,
    ) == (old.quantity, old.limit_price, old.reserve_price, old.status, old.broker_ids)


def a_leg_rejected_after_its_200_restores_them_too(quantity: int, limit: int, total: int, price: int) -> bool:
    """The broker took the change, then rejected the new leg: the old order lives on, on its old terms.

    Promise: I3
    pre: quantity > 0 and limit > 0 and total > 0 and price > 0
    post: __return__
    """
    order = _asked(quantity, limit, total, price)
    taken = take_report(order, _report("B2", BrokerStatus.PENDING_NEW, total, price), NOW).order
    after = take_report(taken, _report("B2", BrokerStatus.REJECTED, total, price), NOW).order
    is_pending = taken.replace is ReplaceState.ASKED and reserved(taken) == max(quantity, total)
    terms = (after.status, after.quantity, after.limit_price, after.reserve_price, after.broker_ids)
    return is_pending and terms == (OrderStatus.WORKING, quantity, limit, limit, ("B1",))


def the_new_terms_hold_whoever_says_so(quantity: int, limit: int, total: int, price: int, old: bool) -> bool:
    """The new leg works, or the old one says `replaced`: the chain goes on with the new terms, as one order.

    Promise: I3
    pre: quantity > 0 and limit > 0 and total > 0 and price > 0
    post: __return__
    """
    order = _asked(quantity, limit, total, price)
    if old:
        report = _report("B1", BrokerStatus.REPLACED, quantity, limit)
    else:
        report = _report("B2", BrokerStatus.NEW, total, price)
    after = take_report(order, report, NOW).order
    terms = (after.client_order_id, after.status, after.quantity, after.limit_price, after.reserve_price)
    return terms == ("A", OrderStatus.WORKING, total, price, price) and after.broker_ids == ("B1", "B2")


def the_new_name_finds_the_order(quantity: int, total: int) -> bool:
    """From the asking on the new leg's name belongs to this order, also when the change comes to nothing.

    Promise: I2
    pre: quantity > 0 and total > 0
    post: __return__
    """
    order = _asked(quantity, 1, total, 1)
    book = put(put(EMPTY_BOOK, None, _order(quantity, 1)), _order(quantity, 1), order)
    after = put(book, order, drop_replacement(order, ReplaceInput.REFUSED).order)
    return book.names.get("A2") == "A" and after.names.get("A2") == "A" and "A2" not in after.orders


def sums_without_an_order_are_those_before_it(quantity: int, limit: int, total: int, price: int) -> bool:
    """What the gate is asked of a change has the order itself left out, also while another was pending.

    Promise: I6
    pre: quantity > 0 and limit > 0 and total > 0 and price > 0
    post: __return__
    """
    before = symbol_tally(EMPTY_BOOK, "SPY")
    order = _asked(quantity, limit, total, price)
    book = put(EMPTY_BOOK, None, order)
    return without(symbol_tally(book, "SPY"), order) == before


def what_is_calm_costs_no_more(old: int, old_limit: int, total: int, limit: int) -> bool:
    """A change that is asked less is none that buys more, dearer or sooner.

    Promise: I7
    pre: old > 0 and old_limit > 0 and total > 0 and limit > 0
    post: __return__
    """
    was = (Quantity(old), Price(old_limit), Price(old_limit))
    now = (Quantity(total), Price(limit), Price(limit))
    return is_calmer(True, was, now) == (total <= old and limit <= old_limit)
