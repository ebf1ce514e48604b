"""A fill is somebody's once: what was taken for others' while an order was in doubt becomes its own."""

from kernel.commands import QueryOrder, SubmitOrder
from kernel.drift.record import is_clean
from kernel.orders.chart import OrderStatus
from kernel.reports import ActivityRow
from kernel.sides import Side
from kernel.units import MINUTE, SCALE, Instant, Price, Quantity
from tests.unit.kernel.acting import actor
from tests.unit.kernel.scripts import SYMBOL, Desktop, config

PRICE = Price(99 * SCALE)
SIZE = Quantity(10 * SCALE)


def test_a_fill_of_an_order_in_doubt_is_not_counted_twice_when_the_order_is_found() -> None:
    desktop = Desktop(config(strategies=(actor("b10@99.00"),)))
    desktop.boot()
    desktop.deaf_to = {SubmitOrder, QueryOrder}
    desktop.bar(10_000)
    submit = desktop.sent(SubmitOrder)[0]
    name = submit.ticket.client_order_id
    desktop.orders[name] = desktop.report(submit)
    desktop.fill(name, SIZE, PRICE)
    desktop.inbox.clear()  # neither the answer nor the stream reached us
    row = ActivityRow("A1", "B-" + name, SYMBOL, Side.BUY, PRICE, SIZE, SIZE, desktop.at)
    desktop.activities.append(row)
    desktop.unlisted = {name}  # the lists are behind
    desktop.run_until(Instant(desktop.at + 8 * MINUTE))
    desk = desktop.desk
    assert desktop.order().status is OrderStatus.IN_DOUBT
    assert desk.drift.foreign.positions[SYMBOL] == SIZE, "as far as anybody can tell it is another's"
    desktop.deaf_to = set()
    desktop.run_until(Instant(desktop.at + 8 * MINUTE))
    desk = desktop.desk
    assert desktop.order().status is OrderStatus.FILLED
    assert desk.holdings.net[SYMBOL] == SIZE
    assert desk.drift.foreign.positions[SYMBOL] == 0
    assert desk.drift.foreign.cash == 0
    assert is_clean(desk.drift)
    assert not desk.drift.cases.open
