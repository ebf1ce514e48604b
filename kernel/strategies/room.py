"""The strategies room: seats, the closed bars that they are given, and their proposals' way to the gate.

    bar -> view -> on_bar -> proposals -> rounded -> question -> gate -> Approved -> orders room
                          -> amendments (amending.py) ------------> gate -> ApprovedChange -> orders/amend

A strategy that raises is quarantined alone: its seat is FAULTED, its open entries are canceled, its
position and exits stay managed by the desk. No other seat notices.
"""

from typing import Final

from kernel.commands import AlertLevel
from kernel.config import StrategyConfig
from kernel.desk import Turn
from kernel.orders.book import order_of, symbol_tally, tally_of
from kernel.orders.record import ENDED, NEVER, Order
from kernel.orders.room import cancel, submit
from kernel.portfolio.fills import is_coin
from kernel.portfolio.holdings import position_of, today_of
from kernel.portfolio.position import FLAT, average_entry
from kernel.reasons import Anomaly, Refusal
from kernel.reports import Bar
from kernel.risk.gate import Approved, examine
from kernel.risk.prices import is_dust
from kernel.seats import seat_of
from kernel.session.days import session_view
from kernel.sides import Purpose
from kernel.strategies.amending import change, own_orders
from kernel.strategies.asking import intent_of, question_of
from kernel.strategies.chart import STRATEGY_TABLE, StrategyInput, StrategyState
from kernel.strategies.parameters import complete
from kernel.strategies.protocol import Amendment, Proposal, View, Withdrawal
from kernel.strategies.record import SeatRecord
from kernel.strategies.registry import resolve
from kernel.strategies.screen import fault_text, screened
from kernel.trace import Judged, Withdrew
from kernel.units import Instant

__all__ = ["BAR_LENGTH", "on_bar", "propose", "set_up", "withdraw"]

BAR_LENGTH: Final = 60 * 1_000_000_000
"""Bars are of one minute."""


def set_up(turn: Turn) -> None:
    """Boot: a seat for each configured strategy and symbol.

    A seat that was there keeps its state when its parameters are the same, and starts anew when they are not.
    One that is not configured any more is retired; what it still holds is said.
    """
    wanted: set[str] = set()
    for config in turn.config.strategies:
        for symbol in config.symbols:
            key = seat_of(config.name, symbol)
            wanted.add(key)
            known = turn.seats.get(key)
            if known is None or not _is_same(known, config):
                turn.seats = turn.seats.set(key, _new_seat(turn, config, symbol))
    for key in sorted(turn.seats):
        seat = turn.seats[key]
        if key not in wanted and seat.status is not StrategyState.RETIRED:
            turn.seats = turn.seats.set(key, _moved(seat, StrategyInput.RETIRE_ORDERED, turn.at))
            held = position_of(turn.holdings, key).quantity
            if held:
                turn.alert(AlertLevel.WARNING, "strategy", f"{key} is not configured any more; holds {held}")


def _is_same(seat: SeatRecord, config: StrategyConfig) -> bool:
    is_alike = seat.parameters == config.parameters and seat.path == config.path
    return is_alike and seat.status is not StrategyState.RETIRED


def _new_seat(turn: Turn, config: StrategyConfig, symbol: str) -> SeatRecord:
    """A seat that begins to warm up; quarantined at once where its strategy can't even begin."""
    seat = SeatRecord(
        config.name, symbol, config.path, StrategyState.LOADED, None, config.parameters, 0, 0, turn.at, ""
    )
    strategy = resolve(config.path)
    try:
        params = complete(strategy.defaults, config.parameters)
        seat = seat._replace(state=strategy.initial(params, symbol), warmup=strategy.warmup_bars(params))
    except Exception as problem:  # noqa: BLE001 - foreign code, as in _run
        fault = fault_text(problem)
        turn.note(Anomaly.STRATEGY_FAULT, f"{config.name}/{symbol}: {fault}", AlertLevel.CRITICAL)
        return _moved(seat, StrategyInput.RAISED, turn.at)._replace(fault=fault)
    return _moved(seat, StrategyInput.WARMUP_STARTED, turn.at)


def _moved(seat: SeatRecord, given: StrategyInput, at: Instant) -> SeatRecord:
    move = STRATEGY_TABLE.next(seat.status, given)
    return seat._replace(status=move.target, since=at) if move.is_move else seat


def on_bar(turn: Turn, bar: Bar) -> None:
    """Gives a closed bar to every seat of its symbol, in the configured order."""
    for config in turn.config.strategies:
        if bar.symbol not in config.symbols:
            continue
        key = seat_of(config.name, bar.symbol)
        seat = turn.seats.get(key)
        if seat is not None and seat.status not in (StrategyState.FAULTED, StrategyState.RETIRED):
            _run(turn, key, seat, bar)


def _run(turn: Turn, key: str, seat: SeatRecord, bar: Bar) -> None:
    strategy = resolve(seat.path)
    view = view_of(turn, seat, bar)
    try:
        params = complete(strategy.defaults, seat.parameters)
        answer = strategy.on_bar(params, seat.state, bar, view)
        state, proposals = screened(answer, lambda symbol: seat_of(seat.strategy, symbol) in turn.seats)
    except Exception as problem:  # noqa: BLE001 - a strategy is foreign code: whatever it raises is its fault
        _quarantine(turn, key, seat, fault_text(problem))
        return
    after = seat._replace(state=state, bars=seat.bars + 1)
    if after.status is StrategyState.WARMING and after.bars >= after.warmup:
        after = _moved(after, StrategyInput.WARMED_UP, turn.at)
    turn.seats = turn.seats.set(key, after)
    # From here on it is the kernel's own code: what raises is its bug, and no strategy's fault.
    for proposal in proposals:
        match proposal:
            case Withdrawal():
                withdraw(turn, after, proposal)
            case Amendment():
                change(turn, after, proposal, bar.start)
            case _:
                propose(turn, after, proposal, bar.start)


def _quarantine(turn: Turn, key: str, seat: SeatRecord, fault: str) -> None:
    """Nothing more is asked of it; its open entries are taken back, its exits and position stay managed."""
    turn.seats = turn.seats.set(key, _moved(seat, StrategyInput.RAISED, turn.at)._replace(fault=fault))
    turn.note(Anomaly.STRATEGY_FAULT, f"{key}: {fault}", AlertLevel.CRITICAL)
    withdraw(turn, seat, Withdrawal(seat.symbol, "the strategy raised"))


def view_of(turn: Turn, seat: SeatRecord, bar: Bar) -> View:
    """What the seat may know at a bar's end."""
    key = seat_of(seat.strategy, seat.symbol)
    end = Instant(bar.start + BAR_LENGTH)
    session = session_view(end, is_coin(turn, seat.symbol))
    position = position_of(turn.holdings, key)
    if is_dust(turn.rules.get(seat.symbol), position.quantity):
        # What fees left over and nobody could sell is no position to a strategy.
        position = FLAT
    tally = tally_of(turn.book, seat.strategy, seat.symbol)
    entries, realized = today_of(turn.holdings, key, session.day)
    return View(
        turn.at,
        turn.market.quotes.get(seat.symbol),
        position.quantity,
        average_entry(position),
        position.opened_at if position.quantity else None,
        tally.entries,
        tally.exits,
        entries,
        realized,
        session.day,
        session.open,
        session.close,
        session.minute_of_day,
        own_orders(turn, seat.strategy, seat.symbol) if tally.entries or tally.exits else (),
    )


def withdraw(turn: Turn, seat: SeatRecord, withdrawal: Withdrawal) -> None:
    """Cancels the seat's open entries of a symbol, or the exits of its ended entries."""
    turn.trace.append(Withdrew(seat.strategy, withdrawal.symbol, withdrawal.reason))
    for name in sorted(symbol_tally(turn.book, withdrawal.symbol).open):
        order = turn.book.orders[name]
        ours = order.strategy == seat.strategy and order.status not in ENDED
        is_meant = (
            _is_exit_in_force(turn, order) if withdrawal.exits else order.ticket.purpose is Purpose.ENTRY
        )
        if ours and is_meant:
            cancel(turn, order)


def _is_exit_in_force(turn: Turn, order: Order) -> bool:
    """Whether it is an exit of an entry that has ended: the broker's, or ours in its stead."""
    return order.parent != "" and order_of(turn.book, order.parent).status in ENDED


def propose(
    turn: Turn, seat: SeatRecord, proposal: Proposal, bar_start: Instant
) -> Approved | tuple[Refusal, ...]:
    """Rounds, names, asks the gate, and sends what it approves."""
    question = question_of(turn, seat, proposal, intent_of(seat, proposal, bar_start))
    answer = examine(question)
    if not isinstance(answer, Approved):
        turn.trace.append(Judged(question, proposal, answer))
        turn.denied += 1
        turn.sequence -= 1
        for refusal in answer:
            turn.refuse(refusal.code)
        return answer
    turn.trace.append(Judged(question, proposal, ()))
    lives = proposal.time_to_live
    submit(turn, answer, NEVER if lives is None else Instant(turn.at + lives))
    return answer
