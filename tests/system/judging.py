"""Was anything lost, doubled or forgotten? Judged from the exchange's books, not from the product's word.

    judge(desk, books, spoiled) -> one line for each thing that is wrong; empty when all is well

1. lost       an execution of ours at the exchange that is not in our books with its quantity and value
2. doubled    a client order id twice, two orders of one intent, an execution in two orders
3. forgotten  an order of ours at the exchange that the desk does not know, or one that the desk still holds
              for possible (queued, sending, in doubt) after the session's end
4. An order of ours is as the exchange has it: the same end, or open on both sides. One that ended and then
   filled late may keep its end; one that vanished there has ended here.
5. Positions and cash are the exchange's: ours, and what the desk counts as others'. Unless other clients
   traded (`outsiders`) it counts nothing as others': a lost fill can't hide there.

It shares nothing with shell/books.py, which is under test too. Quantities 10^-9, values 10^-18.
"""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from kernel import Desk
from kernel.orders.book import all_orders, is_known
from kernel.orders.record import Order
from tests.system.kit import Done, Files, scaled

__all__ = ["drift_faults", "ended_wrong", "judge"]

PREFIX: Final = "mqd-"
"""How our client order ids begin by default."""

ENDS: Final = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})
"""The exchange's words for orders that are over."""

NEVER_THERE: Final = frozenset({"denied", "rejected", "absent"})
OPEN: Final = frozenset({"working", "dormant"})
UNDECIDED: Final = frozenset({"queued", "sending", "in_doubt"})
CASH_OFF_MAX: Final = 10**16
"""A cent, in 10^-18: broker's averages have finitely many digits."""

Row = Mapping[str, Any]


class Matched(NamedTuple):
    """The exchange's orders and executions, by the order of ours that they belong to."""

    rows: dict[str, list[Row]]
    executions: dict[str, list[Row]]
    strangers: list[Row]
    """Orders with our prefix that the desk does not know."""


def judge(desk: Desk, books: Row, *, outsiders: bool = False) -> list[str]:
    """Every violation in a line."""
    matched = match(desk, books)
    orders = {order.client_order_id: order for order in all_orders(desk.book)}
    found = [
        f"forgotten: {row['client_order_id']} is {row['status']} at the exchange" for row in matched.strangers
    ]
    found.extend(doubled(books, matched, orders))
    vanished = set(books["vanished"])
    for name, order in orders.items():
        found.extend(states(order, matched.rows.get(name, []), name in vanished))
        found.extend(fills(order, matched.executions.get(name, [])))
    found.extend(holdings(desk, books))
    if not outsiders:
        found.extend(unexplained(desk))
    if books["bugs"]:
        found.append(f"the exchange has bugs of its own: {books['bugs']}")
    return found


def match(desk: Desk, books: Row) -> Matched:
    """Whose is what: by client order id, by any later id of a chain, and by the broker's id."""
    rows: dict[str, list[Row]] = {}
    strangers: list[Row] = []
    owner: dict[str, str] = {}
    for row in books["orders"]:
        name = row["client_order_id"]
        if not is_ours(desk, name):
            continue
        root = name if is_known(desk.book, name) else desk.book.names.get(name)
        if root is None:
            strangers.append(row)
            continue
        rows.setdefault(root, []).append(row)
        owner[row["id"]] = root
    executions: dict[str, list[Row]] = {}
    for row in books["executions"]:
        name = row["client_order_id"]
        if is_ours(desk, name):
            known = owner.get(row["order_id"]) or (name if is_known(desk.book, name) else None)
            executions.setdefault(known or name, []).append(row)
    return Matched(rows, executions, strangers)


def is_ours(desk: Desk, name: str) -> bool:
    """By its prefix; or an exit that the exchange made and named for an entry of ours."""
    return name.startswith(PREFIX) or is_known(desk.book, name)


def doubled(books: Row, matched: Matched, orders: Mapping[str, Order]) -> list[str]:
    """Ids that occur twice, and intents and executions that two orders have."""
    found = [
        f"doubled: client order id {name}"
        for name in twice(row["client_order_id"] for row in books["orders"])
    ]
    found.extend(
        f"doubled: execution {name}" for name in twice(row["execution_id"] for row in books["executions"])
    )
    found.extend(f"doubled: intent {name}" for name in twice(orders[root].intent for root in matched.rows))
    ledgers = (name for order in orders.values() for name in order.ledger.executions)
    found.extend(f"doubled: execution {name} is in two orders of ours" for name in twice(ledgers))
    for root, rows in matched.rows.items():
        first = [row for row in rows if not row["replaces"]]
        if len(first) != 1:
            found.append(f"doubled: {root} has {len(first)} first legs at the exchange")
    return found


def twice(names: Any) -> list[str]:
    """What occurs more than once."""
    return sorted(name for name, count in Counter(names).items() if count > 1)


def states(order: Order, rows: list[Row], vanished: bool) -> list[str]:
    """The order's status beside the exchange's."""
    name, status = order.client_order_id, order.status.value
    if status in UNDECIDED:
        return [f"forgotten: {name} is still {status}"]
    if not rows:
        if status not in OPEN and (vanished or (status in NEVER_THERE and not order.ledger.quantity)):
            return []
        return [
            f"state: {name} is {status} here, and {'vanished' if vanished else 'unknown'} at the exchange"
        ]
    # A chain stands where its last living leg stands: a leg that the exchange rejected never took over.
    legs = [row for row in rows if row["status"] != "replaced"] or rows
    taken = [row for row in legs if row["status"] != "rejected"] or legs
    word = taken[-1]["status"]
    over = word in ENDS
    if over == (status in OPEN):
        return [f"state: {name} is {status} here, {word} at the exchange"]
    # An order that ended, and then filled late to its last share, is filled there: it is over on both sides.
    filled_late = word == "filled" and order.ledger.quantity >= order.quantity
    if over and word != status and not filled_late:
        return [f"state: {name} ended {status} here, {word} at the exchange"]
    return []


def fills(order: Order, rows: list[Row]) -> list[str]:
    """The order's executions beside the exchange's: each once, with its figures, and their sums exact."""
    name, ledger = order.client_order_id, order.ledger
    found: list[str] = []
    quantity = sum(scaled(row["qty"]) for row in rows)
    value = sum(scaled(row["qty"]) * scaled(row["price"]) for row in rows)
    if ledger.quantity != quantity:
        word = "lost" if ledger.quantity < quantity else "doubled"
        found.append(f"{word}: {name} filled {ledger.quantity} here, {quantity} at the exchange (10^-9)")
    elif abs(ledger.value - value) >= CASH_OFF_MAX:
        found.append(f"lost: {name} is worth {ledger.value} here, {value} at the exchange (10^-18)")
    theirs = {row["execution_id"]: row for row in rows}
    for execution_id, entry in ledger.executions.items():
        row = theirs.get(execution_id)
        if row is not None and entry.quantity:
            ours = (entry.quantity, entry.price)
            if ours != (scaled(row["qty"]), scaled(row["price"])):
                found.append(f"lost: execution {execution_id} of {name} is {ours} here")
    return found


def holdings(desk: Desk, books: Row) -> list[str]:
    """Positions to the last digit, cash to the cent."""
    held: Counter[str] = Counter()
    for symbol, quantity in (*desk.drift.foreign.positions.items(), *desk.holdings.net.items()):
        held[symbol.replace("/", "")] += quantity
    theirs = {symbol: scaled(text) for symbol, text in books["positions"].items()}
    found = [
        f"lost: position {symbol} is {held[symbol]} here, {theirs.get(symbol, 0)} there"
        for symbol in sorted({*held, *theirs})
        if held[symbol] != theirs.get(symbol, 0)
    ]
    opening = desk.drift.opening_cash
    if opening is None:
        return [*found, "lost: cash was never compared (the books were never opened)"]
    cash = int(Decimal(books["cash"]).scaleb(18))
    ours = opening + desk.holdings.cash_flow + desk.drift.foreign.cash
    if abs(ours - cash) >= CASH_OFF_MAX:
        found.append(f"lost: cash is {ours} here, {cash} there (10^-18)")
    return found


def unexplained(desk: Desk) -> list[str]:
    """What the desk counts as others' although nobody else traded."""
    foreign = desk.drift.foreign
    found = [
        f"lost: {quantity} of {symbol} are said to be others' (10^-9)"
        for symbol, quantity in sorted(foreign.positions.items())
        if quantity
    ]
    if abs(foreign.cash) >= CASH_OFF_MAX:
        found.append(f"lost: a cash flow of {foreign.cash} is said to be others' (10^-18)")
    return found


def ended_wrong(files: Files, done: Done, books: Row, *, outsiders: bool = False) -> list[str]:
    """What is wrong at a session's end: by the exchange's books first, then by our own report."""
    if not files.report_path.exists():
        return [f"no report, exit {done.code}: {done.err.strip()}"]
    report = files.report()
    wrong = judge(files.desk(), books, outsiders=outsiders)
    wrong.extend(f"report: {line}" for line in report["differences"])
    if report["books_agree"] is not True:
        wrong.append("report: books_agree is not true")
    if report["invariants"]["violated"] or not report["invariants"]["checked"]:
        wrong.append(f"report: invariants {report['invariants']}")
    if not books["ended"] or report["session"]["bars"] != report["session"]["bars_total"]:
        wrong.append(f"report: {report['session']['bars']} of {report['session']['bars_total']} bars")
    if done.code:
        wrong.append(f"exit {done.code}: {done.err.strip()}")
    return wrong


CASE_WORDS: Final = ("class", "subject", "state", "outcome", "opened_at", "ended_at")
ENDED_CASES: Final = frozenset({"healed", "dismissed", "escalated"})


def drift_faults(report: Row) -> list[str]:
    """What is wrong with the report's account of drift: each case is named, and so is how it ended."""
    drift = report.get("drift")
    if drift is None:
        return ["drift: the report has no account of it"]
    found: list[str] = []
    unfinished = 0
    for case in drift["cases"]:
        missing = [word for word in CASE_WORDS if word not in case]
        if missing:
            found.append(f"drift: a case without {', '.join(missing)}: {case}")
            continue
        over = case["state"] in ENDED_CASES
        unfinished += not over
        needed = CASE_WORDS if over else CASE_WORDS[:3]
        empty = [word for word in needed if not case[word]]
        if empty:
            found.append(f"drift: {case['class']} of {case['subject']} has no {', '.join(empty)}")
    if drift["open"] != unfinished:
        found.append(f"drift: {drift['open']} cases are said to be open, {unfinished} are")
    if not isinstance(drift["counts"], dict):
        found.append("drift: counts is no table")
    return found
