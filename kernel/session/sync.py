"""Comparing with the broker: at the start, after every (re)connect of the order stream, and on a schedule.

    ask     every order that we hold open (by id), the open orders, fills we lack, positions, account
    judge   when all have answered and nothing moved meanwhile
    clean   the order stream goes live, COLD becomes DISARMED (and ARMED, if configured)
    not     ask again soon; from the second failure on a person is told; entries stay blocked

A snapshot is judged only for what did not move between its asking and its answer: when a fill came in
between, it is asked again. The first clean look of an empty journal says what the account held before us:
that is kept apart and is never ours.
"""

from typing import Final

from kernel.commands import AlertLevel, FetchAccount, FetchOrders, FetchPositions, OrdersScope, QueryOrder
from kernel.desk import Turn
from kernel.events import AccountBody, CallResult, NotFound, OrderBody, OrderRows, PositionRows
from kernel.orders.book import open_orders
from kernel.orders.chart import OrderStatus
from kernel.orders.record import broker_order_id
from kernel.outbox import enqueue
from kernel.reasons import Anomaly
from kernel.reports import AccountReport
from kernel.session.modes import reduce_only
from kernel.session.record import Sync
from kernel.throttle.throttle import Priority
from kernel.units import SCALE, SECOND, Cash, Duration, Instant, Quantity, Value

__all__ = ["SYNC_RETRY", "needs_symbols", "on_sync_answer", "start_sync", "sync_due", "sync_judged"]

SYNC_RETRY: Final = Duration(1 * SECOND)
"""The wait before asking again; doubles up to SYNC_RETRY_MAX."""
SYNC_RETRY_MAX: Final = Duration(60 * SECOND)
CENT: Final = Cash(SCALE // 100)
QUERY: Final = Priority.QUERY


def start_sync(turn: Turn) -> None:
    """Asks for everything that a comparison needs; replaces a comparison under way."""
    asked: set[int] = set()
    commands: list[QueryOrder | FetchOrders | FetchPositions | FetchAccount] = [
        QueryOrder(0, order.client_order_id, broker_order_id(order))
        for order in open_orders(turn.book)
        if order.status is not OrderStatus.QUEUED
    ]
    commands.append(FetchOrders(0, OrdersScope.OPEN, None, None))
    commands.append(FetchPositions(0))
    commands.append(FetchAccount(0))
    for command in commands:
        turn.calls, number = enqueue(turn.calls, QUERY, command, Instant(0))
        asked.add(number)
    turn.wake(turn.at, "fills")
    turn.session = turn.session._replace(
        sync=Sync(turn.at, frozenset(asked), None, turn.holdings.cash_flow, None, None, False)
    )


def on_sync_answer(turn: Turn, call: int, result: CallResult) -> None:
    """One of the comparison's answers; judges when it was the last."""
    sync = turn.session.sync
    is_asked = sync is not None and call in sync.waiting
    if isinstance(result, AccountBody):
        flow = turn.holdings.cash_flow if sync is None or not is_asked else sync.cash_flow
        _take_account(turn, result.report, flow)
    if sync is None or not is_asked:
        return
    sync = sync._replace(waiting=sync.waiting - {call})
    if not isinstance(result, AccountBody | PositionRows | OrderRows | OrderBody | NotFound):
        sync = sync._replace(failed=True)
    if isinstance(result, AccountBody):
        sync = sync._replace(cash=result.report.cash)
    elif isinstance(result, PositionRows):
        sync = sync._replace(positions=tuple(sorted((row.symbol, row.quantity) for row in result.rows)))
    elif isinstance(result, OrderRows):
        sync = sync._replace(open_ids=tuple(sorted(row.client_order_id for row in result.rows)))
    turn.session = turn.session._replace(sync=sync)


def _take_account(turn: Turn, report: AccountReport, flow: Value) -> None:
    """What the broker says of the account; `flow` is our cash flow when it was asked."""
    was_blocked = turn.session.blocked
    turn.session = turn.session._replace(
        account=report.account_number,
        buying_power=report.buying_power,
        cash_power=report.non_marginable_buying_power,
        power_flow=flow,
        buying_power_at=turn.at,
        multiplier=report.multiplier,
        blocked=report.blocked,
    )
    if report.blocked and not was_blocked:
        text = f"the broker blocks the account ({report.status})"
        turn.note(Anomaly.ACCOUNT_BLOCKED, text, AlertLevel.CRITICAL)
        reduce_only(turn, text)


def sync_judged(turn: Turn) -> bool | None:
    """None while a comparison is under way; else whether it was clean. Ends it."""
    session = turn.session
    sync = session.sync
    if sync is None or sync.waiting:
        return None
    moved = sync.cash_flow != turn.holdings.cash_flow
    if sync.failed or sync.cash is None or sync.positions is None or sync.open_ids is None or moved:
        _again(turn, "the account moved meanwhile" if moved else "an answer is missing", quiet=moved)
        return False
    if session.opening_cash is None:
        _open_books(turn, sync)
        session = turn.session
    problems = _differences(turn, sync.positions, sync.cash)
    if problems:
        for anomaly, text in problems:
            level = AlertLevel.CRITICAL if session.sync_failures >= 1 else None
            turn.note(anomaly, text, level)
        _again(turn, problems[0][1], quiet=False)
        return False
    turn.session = turn.session._replace(sync=None, synced_at=turn.at, sync_failures=0)
    _schedule(turn, turn.config.reconcile_every)
    return True


def _open_books(turn: Turn, sync: Sync) -> None:
    """The first look: what the account held before us."""
    assert sync.cash is not None, "kernel bug: books are opened without cash"
    assert sync.positions is not None, "kernel bug: books are opened without positions"
    ours = turn.holdings
    before = tuple(
        (symbol, Quantity(quantity - ours.net.get(symbol, 0)))
        for symbol, quantity in sync.positions
        if quantity != ours.net.get(symbol, 0)
    )
    opening = Value(sync.cash * SCALE - ours.cash_flow)
    turn.session = turn.session._replace(opening_cash=opening, opening_positions=before)


def _differences(
    turn: Turn, positions: tuple[tuple[str, Quantity], ...], cash: Cash
) -> tuple[tuple[Anomaly, str], ...]:
    """Where our books and the broker's differ: positions exactly, cash to less than a cent."""
    found: list[tuple[Anomaly, str]] = []
    theirs = dict(positions)
    before = dict(turn.session.opening_positions)
    for symbol in sorted({*theirs, *before, *turn.holdings.net}):
        expected = before.get(symbol, 0) + turn.holdings.net.get(symbol, 0)
        actual = theirs.get(symbol, 0)
        if expected != actual:
            found.append((Anomaly.POSITION_DRIFT, f"{symbol}: ours {expected}, the broker's {actual}"))
    opening = turn.session.opening_cash
    assert opening is not None, "kernel bug: books are compared before they are opened"
    expected_cash = opening + turn.holdings.cash_flow
    if abs(expected_cash - cash * SCALE) >= CENT * SCALE:
        found.append((Anomaly.CASH_DRIFT, f"ours {expected_cash // SCALE}, the broker's {cash}"))
    return tuple(found)


def _again(turn: Turn, reason: str, quiet: bool) -> None:
    failures = turn.session.sync_failures + (0 if quiet else 1)
    turn.session = turn.session._replace(sync=None, sync_failures=failures)
    wait = min(SYNC_RETRY << min(failures, 10), SYNC_RETRY_MAX)
    if failures == 3:
        text = f"comparing with the broker failed {failures} times: {reason}"
        turn.alert(AlertLevel.CRITICAL, "sync", text)
    _schedule(turn, Duration(wait))


def _schedule(turn: Turn, wait: Duration) -> None:
    at = Instant(turn.at + wait)
    turn.session = turn.session._replace(next_sync_at=at)
    turn.wake(at, "sync")


def sync_due(turn: Turn) -> None:
    """The schedule says that it is time to compare."""
    session = turn.session
    if session.sync is None and 0 < session.next_sync_at <= turn.at:
        start_sync(turn)


def needs_symbols(turn: Turn) -> tuple[str, ...]:
    """Symbols of the configured strategies: their rules are fetched at each start."""
    return tuple(sorted({symbol for strategy in turn.config.strategies for symbol in strategy.symbols}))
