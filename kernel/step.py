"""The kernel, whole: step(desk, event) -> Step(desk, commands, wake_at, trace).

    1. a Turn is opened at the event's time (which never goes back)
    2. the event's room takes it
    3. deadlines that are due are worked off
    4. calls that have their permit leave
    5. the invariants that stay on are checked
    6. what ended is put in line for the archive
    7. the Turn is closed into the next Desk

Every event of the closed union is handled here, and mypy sees to it. Nothing here reads a clock, draws a
number, logs or raises for anything that the outside may do; what does raise is a kernel bug.
"""

from typing import Final, NamedTuple, assert_never

from kernel.commands import (
    AlertLevel,
    CancelOrder,
    Command,
    FetchAccount,
    FetchActivities,
    FetchAsset,
    FetchBars,
    FetchOrders,
    FetchPositions,
    QueryOrder,
    ReplaceOrder,
    SubmitOrder,
)
from kernel.desk import Desk, Turn
from kernel.drift.audit import audit_due, on_activities
from kernel.drift.look import on_look_answer
from kernel.drift.orphans import adopt_legs, take_strays
from kernel.drift.room import foreign_due, judge, look_due
from kernel.events import (
    AssetBody,
    BarClosed,
    Booted,
    BrokerRefused,
    CallAnswered,
    CallResult,
    ClockStepped,
    DoubtCause,
    Doubtful,
    Event,
    LinkName,
    LinkReported,
    NotFound,
    OperatorSaid,
    OrderBody,
    OrderRows,
    QuoteUpdated,
    RateLimited,
    Tick,
    TradeUpdated,
    Unrecognized,
)
from kernel.invariants import violations
from kernel.links.room import link_due, on_link, resync_completed
from kernel.market import on_bar, on_quote
from kernel.orders.amend import (
    on_leg_answer,
    on_replace_answer,
    replace_due,
)
from kernel.orders.book import is_known, open_orders
from kernel.orders.brackets import family_due, note_no_legs
from kernel.orders.chase import (
    cancel_due,
    expire_due,
    on_cancel_answer,
    on_query_answer,
    on_submit_answer,
    query_due,
)
from kernel.orders.room import cancel, on_report, on_update
from kernel.orders.sweep import archive_due, note_ended
from kernel.outbox import answered, enqueue, silent
from kernel.reasons import Anomaly
from kernel.reports import OrderReport, RateHeaders
from kernel.sending import check_silence_at, send
from kernel.session.boot import on_boot, on_operator, reconciled
from kernel.session.modes import halt, reduce_only
from kernel.sides import Purpose
from kernel.throttle.throttle import Priority, note_rate_limited, note_response
from kernel.timers import next_at, take_due
from kernel.trace import Trace
from kernel.units import MINUTE, SECOND, Duration, Instant

__all__ = ["DEADLINES_MAX", "Step", "step"]

DEADLINES_MAX: Final = 10_000
"""Deadlines worked off in one step; the rest follow with the next event (the wake-up is then at once)."""

ASSET_RETRY: Final = Duration(5 * SECOND)
"""The wait after a fetch of a symbol's rules that failed."""
ASSET_REFUSED_RETRY: Final = Duration(10 * MINUTE)
"""Likewise after a definite no: the symbol may not exist."""
ORDER_STREAM: Final = "trade_updates"
"""The source of what the order stream said and nobody could read."""
ORDER_ENDPOINTS: Final = "/orders"
"""Part of the sources that are endpoints of orders."""
CLOCK_STEP_MAX: Final = Duration(1 * SECOND)
"""A clock that stepped further than this stops entries until a person has looked."""


class Step(NamedTuple):
    """What one event came to."""

    desk: Desk
    commands: tuple[Command, ...]
    """To be carried out in this order."""
    wake_at: Instant | None
    """The earliest instant at which the kernel wants a Tick."""
    trace: tuple[Trace, ...] = ()
    """Why, for people; decides nothing."""


def step(desk: Desk, event: Event) -> Step:
    """The next Desk and what it asks of the world. Pure: the same arguments give the same result."""
    config = event.config if isinstance(event, Booted) else desk.config
    assert config is not None, "kernel bug: the first event of a journal is a Booted"
    turn = Turn(desk, event.at, config)
    if isinstance(event, TradeUpdated):  # most of what happens; the others are told apart in _take
        turn.heard_at = turn.at
        on_update(turn, event)
        if turn.strays:
            take_strays(turn)
        if event.report.legs:
            adopt_legs(turn, event.report)
    else:
        _take(turn, event)
    _work_deadlines(turn)
    sent, wake_at = send(turn)
    broken = violations(turn, sent)
    if broken:
        _on_violation(turn, broken)
        _, wake_at = send(turn)
    note_ended(turn)
    next_deadline = next_at(turn.timers)
    if wake_at is None or (next_deadline is not None and next_deadline < wake_at):
        wake_at = next_deadline
    if wake_at is not None and wake_at <= turn.at:
        wake_at = Instant(turn.at + 1)
    return Step(turn.close(), tuple(turn.commands), wake_at, tuple(turn.trace))


def _take(turn: Turn, event: Event) -> None:
    match event:
        case CallAnswered():
            _on_answer(turn, event)
        case BarClosed():
            on_bar(turn, event.bar)
        case QuoteUpdated():
            on_quote(turn, event.quote)
        case Tick():
            pass
        case LinkReported():
            on_link(turn, event)
        case OperatorSaid():
            on_operator(turn, event)
        case Booted():
            on_boot(turn, event)
        case ClockStepped():
            _on_clock(turn, event)
        case TradeUpdated():
            on_update(turn, event)
        case Unrecognized():
            _on_unreadable(turn, event)
        case _:
            assert_never(event)


def _on_unreadable(turn: Turn, event: Unrecognized) -> None:
    """What nobody can read about orders may have been a fill: the desk reduces. Other data only lacks."""
    text = f"{event.source}: {event.problem}"
    is_about_orders = event.source == ORDER_STREAM or ORDER_ENDPOINTS in event.source
    turn.note(Anomaly.UNREADABLE, text, AlertLevel.CRITICAL if is_about_orders else AlertLevel.WARNING)
    if is_about_orders:
        reduce_only(turn, f"unreadable: {text}")


def _on_clock(turn: Turn, event: ClockStepped) -> None:
    turn.note(Anomaly.CLOCK_STEPPED, f"wall time stepped by {event.by} ns", AlertLevel.WARNING)
    if abs(event.by) > CLOCK_STEP_MAX:
        reduce_only(turn, f"wall time stepped by {event.by} ns")


# ---------------------------------------------------------------- answers of calls


def _on_answer(turn: Turn, event: CallAnswered) -> None:
    turn.calls, flight = answered(turn.calls, event.call)
    _note_rate(turn, event.result, event.rate)
    if flight is None:
        if isinstance(event.result, OrderBody):
            on_report(turn, event.result.report)  # too late or said twice: it is still what the broker says
            _take_legs(turn, None, event.result.report)
        return
    _route(turn, flight.command, event.call, event.result, event.asked_at)
    if isinstance(event.result, OrderBody):
        _take_legs(turn, flight.command, event.result.report)
    _finish_look(turn)


def _take_legs(turn: Turn, command: Command | None, report: OrderReport) -> None:
    """The exits that an order object names are ours; that a whole one names none is noted."""
    if report.legs:
        adopt_legs(turn, report)
    elif isinstance(command, QueryOrder) and command.broker_order_id is not None:
        note_no_legs(turn, report)


def _note_rate(turn: Turn, result: CallResult, rate: RateHeaders | None) -> None:
    if isinstance(result, RateLimited):
        turn.throttle = note_rate_limited(turn.throttle, turn.at, result.retry_after)
    elif rate is not None:
        turn.throttle = note_response(
            turn.throttle, turn.at, rate.limit, rate.remaining, rate.reset_at, len(turn.calls.flying)
        )


def _route(turn: Turn, command: Command, call: int, result: CallResult, asked_at: Instant) -> None:
    match command:
        case SubmitOrder():
            on_submit_answer(turn, command.ticket.client_order_id, result)
        case CancelOrder():
            on_cancel_answer(turn, command.client_order_id, result)
        case ReplaceOrder():
            on_replace_answer(turn, command, result)
        case QueryOrder():
            name = command.client_order_id
            answer = on_query_answer if is_known(turn.book, name) else on_leg_answer
            answer(turn, name, call, result, asked_at)
            on_look_answer(turn, call, name, result)
        case FetchOrders():
            if isinstance(result, OrderRows):
                for row in result.rows:
                    on_report(turn, row)
                    adopt_legs(turn, row)
            on_look_answer(turn, call, "", result)
        case FetchPositions() | FetchAccount():
            on_look_answer(turn, call, "", result)
        case FetchAsset():
            _on_asset(turn, command.symbol, result)
        case FetchActivities():
            on_activities(turn, call, result)
        case FetchBars():
            pass
        case _:
            raise AssertionError(f"kernel bug: {type(command).__name__} has no answer")


def _on_asset(turn: Turn, symbol: str, result: CallResult) -> None:
    if isinstance(result, AssetBody):
        turn.rules = turn.rules.set(symbol, result.rules)
        at = Instant(turn.at + turn.config.gate.rules_age_max // 2)
    elif isinstance(result, NotFound | BrokerRefused):
        text = f"rules of {symbol}: {result.message}"
        turn.note(Anomaly.CALL_FAILED, text, None if symbol in turn.rules else AlertLevel.WARNING)
        at = Instant(turn.at + ASSET_REFUSED_RETRY)
    else:
        turn.note(Anomaly.CALL_FAILED, f"rules of {symbol}: {type(result).__name__}")
        at = Instant(turn.at + ASSET_RETRY)
    turn.wake(at, "asset:" + symbol)


def _finish_look(turn: Turn) -> None:
    """When a comparison ended clean: the order stream is live and the desk leaves COLD."""
    if judge(turn):
        resync_completed(turn, LinkName.ORDERS)
        reconciled(turn)


# ---------------------------------------------------------------- deadlines


def _work_deadlines(turn: Turn) -> None:
    next_deadline = next_at(turn.timers)
    if next_deadline is None or next_deadline > turn.at:
        return
    for _ in range(DEADLINES_MAX):
        turn.timers, key = take_due(turn.timers, turn.at)
        if key is None:
            return
        kind, _, name = key.partition(":")
        match kind:
            case "query":
                query_due(turn, name)
            case "expire":
                expire_due(turn, name)
            case "cancel":
                cancel_due(turn, name)
            case "replace":
                replace_due(turn, name)
            case "fills":
                audit_due(turn)
            case "look":
                look_due(turn)
                _finish_look(turn)  # a stage that has nothing left to ask ends here
            case "foreign":
                foreign_due(turn)
            case "link":
                link_due(turn, name)
            case "asset":
                _asset_due(turn, name)
            case "silent":
                _silent_due(turn)
            case "family":
                family_due(turn, name)
            case "archive":
                archive_due(turn)
            case _:
                raise AssertionError(f"kernel bug: a deadline of an unknown kind: {key}")


def _asset_due(turn: Turn, symbol: str) -> None:
    """A symbol's rules grow old; a deadline that an earlier start left behind finds them young."""
    rules = turn.rules.get(symbol)
    if rules is None or rules.as_of + turn.config.gate.rules_age_max // 2 <= turn.at:
        turn.calls, _ = enqueue(turn.calls, Priority.QUERY, FetchAsset(0, symbol), Instant(0))


def _silent_due(turn: Turn) -> None:
    """A call that was never answered counts as doubtful.

    The shell bounds every call, so this is its bug or a dead thread.
    """
    if not turn.calls.check_at or turn.calls.check_at > turn.at:
        return
    turn.calls = turn.calls._replace(check_at=Instant(0))
    patience = turn.config.orders.call_silence_max
    result = Doubtful(DoubtCause.TIMEOUT, "no answer from the shell")
    for call in silent(turn.calls, Instant(turn.at - patience)):
        turn.note(Anomaly.CALL_FAILED, f"call {call}: no answer in {patience} ns", AlertLevel.WARNING)
        _on_answer(turn, CallAnswered(turn.at, call, turn.at, result, None))
    if turn.calls.flying:
        oldest = min(flight.sent_at for flight in turn.calls.flying.values())
        check_silence_at(turn, Instant(oldest + patience))


def _on_violation(turn: Turn, broken: tuple[str, ...]) -> None:
    """Halts, cancels entries, keeps exits, and says why."""
    turn.violations += len(broken)
    for line in broken:
        turn.note(Anomaly.INVARIANT, line, AlertLevel.CRITICAL)
    halt(turn, broken[0])
    for order in open_orders(turn.book):
        if order.ticket.purpose is Purpose.ENTRY:
            cancel(turn, order, insist=True)
