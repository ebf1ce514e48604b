"""The comparison of books: silent where they agree, a line with both figures for each difference."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from kernel import Desk
from kernel.sides import Side
from kernel.units import SCALE, VALUE_SCALE
from shell.books import compare
from shell.numbers import scaled_text
from shell.report import money
from tests.unit.kernel.scripts import CASH, Desktop


def traded() -> Desktop:
    """A desk that bought a dip and sold it, and has another order open."""
    desktop = Desktop()
    desktop.boot()
    for close in (16_700, 16_702, 16_698, 16_701, 16_700, 16_640, 16_650, 16_720, 16_700, 16_699):
        desktop.bar(close)
    assert len(desktop.desk.book.orders) >= 2
    return desktop


def books_of(desktop: Desktop) -> dict[str, Any]:
    """The books of an exchange that saw the same, from the plain broker's side."""
    orders = [
        {"client_order_id": name, "id": row.broker_order_id, "status": row.status.value}
        for name, row in desktop.orders.items()
    ]
    executions = []
    for name, order in desktop.desk.book.orders.items():
        for execution_id, entry in order.ledger.executions.items():
            executions.append(
                {
                    "client_order_id": name,
                    "order_id": desktop.orders[name].broker_order_id,
                    "execution_id": execution_id,
                    "qty": scaled_text(entry.quantity),
                    "price": scaled_text(entry.price),
                    "side": "buy" if order.ticket.side is Side.BUY else "sell",
                }
            )
    return {
        "cash": money(desktop.cash),
        "positions": {s: scaled_text(q) for s, q in desktop.positions.items() if q},
        "orders": orders,
        "executions": executions,
    }


def test_books_that_agree() -> None:
    desktop = traded()
    assert compare(desktop.desk, books_of(desktop)) == []


def change_cash(books: dict[str, Any]) -> None:
    books["cash"] = str(float(books["cash"]) + 0.01)


def change_status(books: dict[str, Any]) -> None:
    books["orders"][0]["status"] = "canceled"


def change_price(books: dict[str, Any]) -> None:
    books["executions"][0]["price"] = "1.5"


def change_quantity(books: dict[str, Any]) -> None:
    books["executions"][0]["qty"] = "0.5"


def add_position(books: dict[str, Any]) -> None:
    books["positions"]["QQQ"] = "3"


def add_order(books: dict[str, Any]) -> None:
    books["orders"].append({"client_order_id": "mqd-9-vwap-000000001", "id": "B9", "status": "new"})


def lose_order(books: dict[str, Any]) -> None:
    del books["orders"][0]


def lose_execution(books: dict[str, Any]) -> None:
    del books["executions"][0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (change_cash, "cash: ours "),
        (change_status, "we say filled, the exchange canceled"),
        (change_price, "the exchange 1 at 1.5"),
        (change_quantity, "the exchange 0.5"),
        (add_position, "position QQQ: ours 0, the exchange's 3"),
        (add_order, "mqd-9-vwap-000000001: the exchange has it (new), we do not"),
        (lose_order, "the exchange does not know it"),
        (lose_execution, "the exchange does not know it"),
    ],
)
def test_every_difference_is_a_line(change: Callable[[dict[str, Any]], None], said: str) -> None:
    desktop = traded()
    books = deepcopy(books_of(desktop))
    change(books)
    lines = compare(desktop.desk, books)
    said = said.replace("the exchange 1 at", f"the exchange {books['executions'][0]['qty']} at")
    assert any(said in line for line in lines), lines


def test_an_order_of_another_client_is_not_ours_to_know() -> None:
    desktop = traded()
    books = books_of(desktop)
    books["orders"].append({"client_order_id": "by-hand", "id": "B9", "status": "filled"})
    assert compare(desktop.desk, books) == []


def test_books_that_were_never_opened_say_so() -> None:
    desktop = traded()
    desk: Desk = desktop.desk._replace(drift=desktop.desk.drift._replace(opening_cash=None))
    assert compare(desk, books_of(desktop)) == [
        "cash: our books were never opened (no clean comparison with the broker)"
    ]


def test_the_figures_of_this_test_are_the_brokers_own() -> None:
    desktop = traded()
    assert desktop.cash != CASH * SCALE
    assert desktop.cash == CASH * SCALE + desktop.desk.holdings.cash_flow
    assert VALUE_SCALE == SCALE * SCALE
