"""The kernel, whole: step(desk, event) -> Step(desk, commands, wake_at).

    1. a Turn is opened at the event's time (which never goes back)
    2. the event's room takes it
    3. deadlines that are due are worked off
    4. calls that have their permit leave
    5. the invariants that stay on are checked
    6. the Turn is closed into the next Desk

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
from kernel.events import (
    AssetBody,
    BarClosed,
    Booted,
    CallAnswered,
    CallResult,
    ClockStepped,
    DoubtCause,
    Doubtful,
    Event,
    LinkName,
    LinkReported,
    OperatorSaid,
    OrderRows,
    QuoteUpdated,
    RateLimited,
    Tick,
    TradeUpdated,
    Unrecognized,
)
from kernel.invariants import violations
from kernel.links.chart import LinkState
from kernel.links.record import link_of
from kernel.links.room import link_due, on_link, resync_completed
from kernel.market import on_bar, on_quote
from kernel.orders.activities import fills_due, on_activities
from kernel.orders.book import open_orders
from kernel.orders.chart import OrderStatus
from kernel.orders.room import (
    cancel,
    cancel_due,
    drop,
    expire_due,
    mark_sent,
    on_cancel_answer,
    on_query_answer,
    on_replace_answer,
    on_report,
    on_submit_answer,
    on_update,
    query_due,
)
from kernel.outbox import answered, enqueue, pump
from kernel.reasons import Anomaly
from kernel.reports import RateHeaders
from kernel.session.boot import on_boot, on_operator, reconciled
from kernel.session.modes import entries_allowed, halt, reduce_only
from kernel.session.sync import on_sync_answer, sync_due, sync_judged
from kernel.sides import Purpose
from kernel.throttle.throttle import Priority, note_rate_limited, note_response
from kernel.timers import next_at, take_due
from kernel.units import SECOND, Duration, Instant

__all__ = ["DEADLINES_MAX", "Step", "step"]

DEADLINES_MAX: Final = 10_000
"""Deadlines worked off in one step; the rest follow with the next event (the wake-up is then at once)."""

ASSET_RETRY: Final = Duration(5 * SECOND)
CLOCK_STEP_MAX: Final = Duration(1 * SECOND)
"""A clock that stepped further than this stops entries until a person has looked."""


class Step(NamedTuple):
    """What one event came to."""

    desk: Desk
    commands: tuple[Command, ...]
    """To be carried out in this order."""
    wake_at: Instant | None
    """The earliest instant at which the kernel wants a Tick."""


def step(desk: Desk, event: Event) -> Step:
    """The next Desk and what it asks of the world. Pure: the same arguments give the same result."""
    config = event.config if isinstance(event, Booted) else desk.config
    assert config is not None, "kernel bug: the first event of a journal is a Booted"
    turn = Turn(desk, event.at, config)
    _take(turn, event)
    _work_deadlines(turn)
    sent, wake_at = _send(turn)
    broken = violations(turn, sent)
    if broken:
        _on_violation(turn, broken)
    next_deadline = next_at(turn.timers)
    if wake_at is None or (next_deadline is not None and next_deadline < wake_at):
        wake_at = next_deadline
    if wake_at is not None and wake_at <= turn.at:
        wake_at = Instant(turn.at + 1)
    return Step(turn.close(), tuple(turn.commands), wake_at)


def _take(turn: Turn, event: Event) -> None:
    match event:
        case TradeUpdated():
            on_update(turn, event)
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
        case Unrecognized():
            text = f"{event.source}: {event.problem}"
            turn.note(Anomaly.UNREADABLE, text, AlertLevel.WARNING)
        case _:
            assert_never(event)


def _on_clock(turn: Turn, event: ClockStepped) -> None:
    turn.note(Anomaly.CLOCK_STEPPED, f"wall time stepped by {event.by} ns", AlertLevel.WARNING)
    if abs(event.by) > CLOCK_STEP_MAX:
        reduce_only(turn, f"wall time stepped by {event.by} ns")


# ---------------------------------------------------------------- answers of calls


def _on_answer(turn: Turn, event: CallAnswered) -> None:
    turn.calls, flight = answered(turn.calls, event.call)
    _note_rate(turn, event.result, event.rate)
    if flight is None:
        return
    _route(turn, flight.command, event.call, event.result, event.asked_at)
    _finish_sync(turn)


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
            on_replace_answer(turn, command.client_order_id, result)
        case QueryOrder():
            on_query_answer(turn, command.client_order_id, result, asked_at)
            on_sync_answer(turn, call, result)
        case FetchOrders():
            if isinstance(result, OrderRows):
                for row in result.rows:
                    on_report(turn, row)
            on_sync_answer(turn, call, result)
        case FetchPositions() | FetchAccount():
            on_sync_answer(turn, call, result)
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
    else:
        turn.note(Anomaly.CALL_FAILED, f"rules of {symbol}: {type(result).__name__}", None)
        at = Instant(turn.at + ASSET_RETRY)
    turn.wake(at, "asset:" + symbol)


def _finish_sync(turn: Turn) -> None:
    """When a comparison ended clean: the order stream is live and the desk leaves COLD."""
    if sync_judged(turn):
        resync_completed(turn, LinkName.ORDERS)
        reconciled(turn)


# ---------------------------------------------------------------- deadlines


def _work_deadlines(turn: Turn) -> None:
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
            case "fills":
                fills_due(turn)
            case "sync":
                sync_due(turn)
            case "link":
                link_due(turn, name)
            case "asset":
                command = FetchAsset(0, name)
                turn.calls, _ = enqueue(turn.calls, Priority.QUERY, command, Instant(0))
            case "silent":
                _silent_due(turn, int(name))
            case _:
                raise AssertionError(f"kernel bug: a deadline of an unknown kind: {key}")


def _silent_due(turn: Turn, call: int) -> None:
    """A call that was never answered counts as doubtful: the shell bounds every call, so this is its bug or a
    dead thread.
    """
    if call in turn.calls.flying:
        result = Doubtful(DoubtCause.TIMEOUT, "no answer from the shell")
        _on_answer(turn, CallAnswered(turn.at, call, turn.at, result, None))


# ---------------------------------------------------------------- sending


def _send(turn: Turn) -> tuple[tuple[Command, ...], Instant | None]:
    """Hands out what has its permit; an entry is dropped when the desk no longer allows it."""
    if turn.calls.waiting == 0:
        return (), None
    live = link_of(turn.links, LinkName.ORDERS).state is LinkState.LIVE
    pumped = pump(turn.calls, turn.throttle, turn.at, entries_allowed(turn) and live)
    turn.calls = pumped.calls
    turn.throttle = pumped.throttle
    sent: list[Command] = []
    for command in pumped.dropped:
        assert isinstance(command, SubmitOrder), "kernel bug: only entries are dropped"
        if turn.book.orders[command.ticket.client_order_id].status is OrderStatus.QUEUED:
            drop(turn, command.ticket)
    for command in pumped.sent:
        if isinstance(command, SubmitOrder):
            if turn.book.orders[command.ticket.client_order_id].status is not OrderStatus.QUEUED:
                # Withdrawn while it waited, or the broker has it already: it must not leave.
                turn.calls, _ = answered(turn.calls, command.call)
                continue
            mark_sent(turn, command.ticket)
        turn.commands.append(command)
        sent.append(command)
        turn.wake(Instant(turn.at + turn.config.orders.call_silence_max), f"silent:{command.call}")
    return tuple(sent), pumped.wake_at


def _on_violation(turn: Turn, broken: tuple[str, ...]) -> None:
    """Halts, cancels entries, keeps exits, and says why."""
    turn.violations += len(broken)
    for line in broken:
        turn.note(Anomaly.INVARIANT, line, AlertLevel.CRITICAL)
    halt(turn, broken[0])
    for order in open_orders(turn.book):
        if order.ticket.purpose is Purpose.ENTRY:
            cancel(turn, order)
