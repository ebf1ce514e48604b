"""A look at the broker: what is asked, in which order, and what the answers come to. Judged by room.py.

    LISTS    open orders, and orders since the last clean look, page by page
    DETAILS  by id, each order that should be open and was not listed; the fill activities (audit.py)
    MONEY    positions and account, when the orders stand still

Asking for money last makes one look enough after a gap: what was missed is booked before positions are
compared. An answer that is none makes its stage be asked again after a wait; TRIES_MAX stages asked
again, and the look has failed. A new look replaces the one under way; late answers still update orders.

Bounds: PAGES_MAX pages, QUERIES_MAX queries by id; what is beyond makes the look incomplete, never clean.
"""

from functools import partial
from typing import Final

from immutables import Map

from kernel.commands import (
    AlertLevel,
    BrokerCall,
    FetchAccount,
    FetchOrders,
    FetchPositions,
    OrdersScope,
    QueryOrder,
)
from kernel.desk import Turn
from kernel.drift.audit import start_audit
from kernel.drift.cases import settled
from kernel.drift.chart import CaseInput
from kernel.drift.diff import Drift, Finding, diff_orders, flat
from kernel.drift.record import Look, Stage
from kernel.events import AccountBody, CallResult, NotFound, OrderBody, OrderRows, PositionRows
from kernel.ids import is_ours
from kernel.orders.book import find, open_orders, order_of
from kernel.orders.record import ENDED, broker_order_id
from kernel.outbox import enqueue
from kernel.reasons import Anomaly
from kernel.reports import AccountReport, OrderReport
from kernel.session.modes import reduce_only
from kernel.throttle.throttle import Priority
from kernel.units import MINUTE, SECOND, ZERO_VALUE, Duration, Instant, Value

__all__ = ["QUERIES_MAX", "RETRY", "advance_look", "look_again_due", "on_look_answer", "start_look"]

RETRY: Final = Duration(1 * SECOND)
"""The wait before a stage is asked again."""
TRIES_MAX: Final = 10
PAGES_MAX: Final = 400
"""Pages of both lists: 100,000 orders each."""
QUERIES_MAX: Final = 100
"""Queries by id of one look: half of a minute's budget."""
MARGIN: Final = Duration(1 * MINUTE)
"""Recent orders are listed from so long before the last clean look: clocks differ, and answers lag."""
QUERY: Final = Priority.QUERY
LISTS, DETAILS, MONEY = Stage.LISTS, Stage.DETAILS, Stage.MONEY
NOTHING_YET: Final = Look(
    stage=LISTS,
    asked_at=Instant(0),
    waiting=frozenset(),
    failed=False,
    tries=0,
    again_at=Instant(0),
    open_call=0,
    recent_call=0,
    pages=0,
    rows=(),
    others=(),
    unlisted=(),
    strays=Map(),
    left=0,
    net=Map(),
    cash_flow=ZERO_VALUE,
    foreign=Map(),
    foreign_cash=ZERO_VALUE,
    cash=None,
    positions=None,
)


def start_look(turn: Turn) -> None:
    """Asks for everything that a comparison needs; replaces a comparison under way."""
    _ask_lists(turn, NOTHING_YET)


def _ask(turn: Turn, look: Look, command: BrokerCall) -> tuple[Look, int]:
    turn.calls, number = enqueue(turn.calls, QUERY, command, Instant(0))
    return look._replace(waiting=look.waiting | {number}), number


def _set(turn: Turn, look: Look) -> None:
    turn.drift = turn.drift._replace(look=look)


def _ask_lists(turn: Turn, look: Look) -> None:
    look = look._replace(stage=LISTS, asked_at=turn.at, waiting=frozenset(), failed=False, rows=(), others=())
    look = look._replace(strays=turn.drift.foreign.orders)
    look, number = _ask(turn, look, FetchOrders(0, OrdersScope.OPEN, None, None))
    look = look._replace(open_call=number, recent_call=0, pages=1)
    after = _recent_after(turn)
    if after is not None:
        look, number = _ask(turn, look, FetchOrders(0, OrdersScope.ALL, after, None))
        look = look._replace(recent_call=number, pages=2)
    _set(turn, look)


def _recent_after(turn: Turn) -> Instant | None:
    """Orders since then are listed; None before the books are open: what was before is not ours to find."""
    since = turn.drift.agreed_at or turn.drift.opened_at
    return Instant(max(0, since - MARGIN)) if since else None


def _ask_details(turn: Turn, look: Look) -> None:
    opens = open_orders(turn.book)
    grace, prefix = turn.config.drift.grace, turn.config.prefix
    _, unlisted = diff_orders(partial(find, turn.book), opens, look.rows, look.asked_at, grace, prefix)
    look = look._replace(stage=DETAILS, waiting=frozenset(), failed=False)
    look = look._replace(unlisted=unlisted[:QUERIES_MAX], left=len(unlisted[QUERIES_MAX:]))
    _ask_unlisted(turn, look)
    if turn.drift.opened_at or turn.book.lacking:  # before the books are opened there is nothing to explain
        start_audit(turn)


def _ask_unlisted(turn: Turn, look: Look) -> None:
    look = look._replace(waiting=frozenset(), failed=False)
    for name in look.unlisted:
        order = order_of(turn.book, name)
        look, _ = _ask(turn, look, QueryOrder(0, name, broker_order_id(order)))
    _set(turn, look)


def _ask_money(turn: Turn, look: Look) -> None:
    holdings, foreign = turn.holdings, turn.drift.foreign
    look = look._replace(
        stage=MONEY,
        waiting=frozenset(),
        failed=False,
        net=holdings.net,
        cash_flow=holdings.cash_flow,
        foreign=foreign.positions,
        foreign_cash=foreign.cash,
        cash=None,
        positions=None,
    )
    look, _ = _ask(turn, look, FetchPositions(0))
    look, _ = _ask(turn, look, FetchAccount(0))
    _set(turn, look)


# ---------------------------------------------------------------- answers


def on_look_answer(turn: Turn, call: int, name: str, result: CallResult) -> None:
    """One of the answers; `name` is the order that was asked for, empty for none."""
    look = turn.drift.look
    is_asked = look is not None and call in look.waiting
    if isinstance(result, AccountBody):
        flow = turn.holdings.cash_flow if look is None or not is_asked else look.cash_flow
        _take_account(turn, result.report, flow)
    if look is None or not is_asked:
        return
    look = look._replace(waiting=look.waiting - {call})
    if isinstance(result, OrderRows):
        look = _take_page(turn, look, call, result)
    elif isinstance(result, OrderBody):
        look = look._replace(unlisted=tuple(known for known in look.unlisted if known != name))
        _note_missed(turn, name)
    elif isinstance(result, AccountBody):
        look = look._replace(cash=result.report.cash)
    elif isinstance(result, PositionRows):
        rows = tuple(sorted((row.symbol, row.quantity) for row in result.rows))
        look = look._replace(positions=rows)
    elif not (isinstance(result, NotFound) and name):
        look = look._replace(failed=True)
    _set(turn, look)


def _note_missed(turn: Turn, name: str) -> None:
    """A query found what the stream had not said: an order that we held open has ended."""
    order = order_of(turn.book, name)
    if order.status not in ENDED or order.times.ended != turn.at:
        return  # open still, or the stream said it while the query was under way
    text = f"{name} ({order.ticket.symbol}) was open in the book and is {order.status.value} at the broker"
    finding = Finding(Drift.STATUS, name, order.quantity - order.ledger.quantity, 0, text)
    outcome = "the stream had not said it: taken from a query by id"
    cases = settled(turn.drift.cases, finding, CaseInput.AGREED, turn.at, outcome)
    turn.drift = turn.drift._replace(cases=cases)


def _take_page(turn: Turn, look: Look, call: int, result: OrderRows) -> Look:
    """A page of one of the lists; asks for the next one while there may be one."""
    is_open = call == look.open_call
    rows = look.rows + result.rows if is_open else look.rows
    others = look.others
    if not is_open:
        unknown = [row for row in flat(result.rows) if _is_lost(turn, row)]
        others = (*others, *unknown)
    number = 0
    look = look._replace(rows=rows, others=others)
    if not result.complete and result.rows:
        instants = {row.created_at for row in result.rows}
        if look.pages >= PAGES_MAX or (len(instants) == 1 and len(result.rows) > 1):
            return look._replace(failed=True)  # too many, or a page of one instant: no next page can be named
        # A page may cut rows of one instant: the next one begins just after the oldest row's.
        until = Instant(min(row.created_at for row in result.rows) + 1)
        scope = OrdersScope.OPEN if is_open else OrdersScope.ALL
        after = None if is_open else _recent_after(turn)
        look, number = _ask(turn, look, FetchOrders(0, scope, after, until))
        look = look._replace(pages=look.pages + 1)
    return look._replace(open_call=number) if is_open else look._replace(recent_call=number)


def _is_lost(turn: Turn, row: OrderReport) -> bool:
    """Ours by its id, and not in the book."""
    is_known = find(turn.book, row.client_order_id, row.broker_order_id) is not None
    return not is_known and is_ours(turn.config.prefix, row.client_order_id)


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


# ---------------------------------------------------------------- stages


def advance_look(turn: Turn) -> Look | None:
    """Moves the look on when its stage is complete; the look itself when it is over."""
    look = turn.drift.look
    if look is None or look.waiting or look.again_at:
        return None
    audit = turn.drift.audit
    if look.stage is DETAILS and (audit.call or audit.wanted):
        return None
    if look.failed or (look.stage is DETAILS and audit.failed):
        return _again(turn, look)
    if look.stage is LISTS:
        _ask_details(turn, look)
        return advance_look(turn)  # there may be nothing to ask
    if look.stage is DETAILS:
        _ask_money(turn, look)
        return None
    return look


def _again(turn: Turn, look: Look) -> Look | None:
    if look.tries >= TRIES_MAX:
        return look._replace(failed=True)
    at = Instant(turn.at + RETRY)
    _set(turn, look._replace(tries=look.tries + 1, again_at=at))
    turn.wake(at, "look")
    return None


def look_again_due(turn: Turn) -> bool:
    """The wait is over: the stage is asked again. False when no stage waited."""
    look = turn.drift.look
    if look is None or not look.again_at or look.again_at > turn.at:
        return False
    look = look._replace(again_at=Instant(0))
    if look.stage is LISTS:
        _ask_lists(turn, look)
    elif look.stage is DETAILS:
        _ask_unlisted(turn, look)
        if turn.drift.audit.failed:
            start_audit(turn)
    else:
        _ask_money(turn, look)
    return True
