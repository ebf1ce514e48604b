"""The drift room: compares with the broker at the start, after every (re)connect, and on a schedule.

Every difference is followed as a case, and mended where it can be.

    clean    the order stream goes live, COLD becomes DISARMED (and ARMED, if configured)
    not      cases are opened, confirmed, healed; the next look comes soon; entries stay blocked

Policies by class (kernel/config.py, DriftConfig); the safe ones are the defaults:
    orphan_ours     adopt: it came from a lost submit, and belongs in the book
    orphan_foreign  observe: counted in exposure, never touched
    shadow          queried by id: found heals, consecutive not-founds end it as absent
    status          the end in the book stands: what the broker still lists counts, and is canceled there
    fills           audit of the activities; if they never show it, a person is called and the estimate stays
    position, cash  audit; what others did is kept apart; what nothing explains is a person's
    coin_fee        seen twice, the broker's figure is taken over

The schedule: every reconcile_every; every look_every_mute while an order is open and the stream says
nothing; after a look that was not clean, soon, with waits that double.
"""

from typing import Final

from kernel.commands import AlertLevel, CancelOrder
from kernel.desk import Turn
from kernel.drift.audit import start_audit, take_back
from kernel.drift.cases import Case, advance, look_at
from kernel.drift.chart import CaseInput, CaseState
from kernel.drift.diff import Drift, Finding, flat
from kernel.drift.findings import findings_of, is_still, open_books
from kernel.drift.look import RETRY, advance_look, look_again_due, start_look
from kernel.drift.orphans import adopt, adopt_legs, cancel_foreign, note_foreign
from kernel.orders.book import find
from kernel.outbox import enqueue
from kernel.portfolio.fills import charge_coins
from kernel.reasons import Anomaly
from kernel.reports import OrderReport
from kernel.session.modes import halt, reduce_only
from kernel.throttle.throttle import Priority
from kernel.units import SCALE, SECOND, ZERO_QUANTITY, Duration, Instant, Quantity, Value

__all__ = ["foreign_due", "judge", "look_due", "watch"]

RETRY_MAX: Final = Duration(60 * SECOND)
"""The longest wait between looks that were not clean."""
TRIES_MAX: Final = 5
"""Looks that show a confirmed difference before a person is called."""
TAKE_BACK_AFTER: Final = 2
"""Looks that show a position to differ before bookings beyond the broker's count are taken back."""
FAILURES_SAID: Final = 3
"""Looks in a row that were not clean: a person is told."""
ANOMALY_OF: Final = {Drift.POSITION: Anomaly.POSITION_DRIFT, Drift.CASH: Anomaly.CASH_DRIFT}
ALL_KINDS: Final = frozenset(Drift)
ORDER_KINDS: Final = frozenset(
    {Drift.ORPHAN_OURS, Drift.ORPHAN_FOREIGN, Drift.SHADOW, Drift.STATUS, Drift.FILLS}
)


def judge(turn: Turn) -> bool | None:
    """None while a look is under way; else whether it was clean. Ends it."""
    look = advance_look(turn)
    if look is None:
        return None
    turn.drift = turn.drift._replace(look=None)
    if look.failed or look.cash is None or look.positions is None:
        _again(turn, "an answer is missing")
        return False
    is_whole = is_still(turn, look)
    findings = findings_of(turn, look)
    if turn.drift.opening_cash is None and is_whole and not turn.book.lacking and not _adopts(turn, findings):
        open_books(turn, look.positions, look.cash)
        findings = findings_of(turn, look)
    kinds = ALL_KINDS if is_whole else ORDER_KINDS
    rows = flat((*look.others, *look.rows))
    strays = {row.client_order_id or row.broker_order_id: row for row in rows}
    _follow(turn, findings, kinds, look.asked_at, strays)
    note_foreign(turn, look)
    blocking = sorted(turn.drift.cases.open)
    if blocking or look.left:
        _again(turn, blocking[0] if blocking else f"{look.left} orders are not yet looked up")
        return False
    if turn.drift.opening_cash is None or not is_whole:
        _when_it_moved(turn)
        return False
    turn.drift = turn.drift._replace(looked_at=look.asked_at, agreed_at=look.asked_at, failures=0, moved=0)
    _schedule(turn, turn.config.reconcile_every)
    if turn.book.open_count:
        watch(turn)
    if turn.session.draining and look.asked_at < turn.session.drain_since:
        start_look(turn)  # an order ended meanwhile
    return True


# ---------------------------------------------------------------- cases


def _follow(
    turn: Turn,
    findings: tuple[Finding, ...],
    kinds: frozenset[Drift],
    asked_at: Instant,
    strays: dict[str, OrderReport],
) -> None:
    cases, found, agreed = look_at(turn.drift.cases, findings, kinds, asked_at, turn.at)
    turn.drift = turn.drift._replace(cases=cases)
    for case in agreed:
        turn.alert(AlertLevel.INFO, "drift", f"{case.key}: healed: {case.text}")
    for case in sorted(found, key=lambda case: _made_at(strays, case)):
        _treat(turn, case, strays)


def _made_at(strays: dict[str, OrderReport], case: Case) -> int:
    """Orders in the order in which they were made: the first leg of a chain before its successors."""
    report = strays.get(case.subject)
    return 0 if report is None else report.created_at


def _adopts(turn: Turn, findings: tuple[Finding, ...]) -> bool:
    """Whether orders are about to be adopted: what they filled is ours, so the books are opened after it."""
    standing = turn.drift.cases.standing
    return any(found.drift is Drift.ORPHAN_OURS and found.key not in standing for found in findings)


def _treat(turn: Turn, case: Case, strays: dict[str, OrderReport]) -> None:
    """What the policy does about a case."""
    policy = turn.config.drift
    match case.drift:
        case Drift.ORPHAN_OURS:
            _treat_ours(turn, case, policy.orphan_ours, strays.get(case.subject))
        case Drift.ORPHAN_FOREIGN:
            _treat_foreign(turn, case, policy.orphan_foreign)
        case Drift.SHADOW:
            # Every look asks for it by id: found heals, consecutive not-founds end it (orders/lifecycle.py).
            _escalate(turn, _try(turn, case), policy.shadow)
        case Drift.STATUS:
            _treat_status(turn, case, policy.shadow)
        case Drift.FILLS:
            start_audit(turn)
            _escalate(turn, _try(turn, case), "call")
        case Drift.POSITION:
            _treat_position(turn, case)
        case Drift.COIN_FEE:
            _treat_fee(turn, case)
        case Drift.CASH | Drift.ORPHAN_FILL:
            start_audit(turn)
            _escalate(turn, _try(turn, case), policy.cash)


def _treat_ours(turn: Turn, case: Case, policy: str, report: OrderReport | None) -> None:
    if policy == "adopt" and report is not None and adopt(turn, report):
        adopt_legs(turn, report)
        _end(turn, case, CaseInput.AGREED, "adopted")
        return
    _escalate(turn, _try(turn, case), "reduce")


def _treat_foreign(turn: Turn, case: Case, policy: str) -> None:
    if find(turn.book, case.subject, case.subject) is not None:
        _end(turn, case, CaseInput.AGREED, "a leg of an order of ours: adopted with it")
        return
    if policy == "observe":
        _end(turn, case, CaseInput.DISMISSED_BY_POLICY, "observed: counted in exposure, not touched")
        return
    case = _try(turn, case)
    if policy == "cancel" and case.state is CaseState.HEALING:
        cancel_foreign(turn, case.subject)
    _escalate(turn, case, "reduce" if policy == "cancel" else policy)


def _treat_status(turn: Turn, case: Case, policy: str) -> None:
    """Ended in the book and alive at the broker: an end is an end, so it is canceled there."""
    case = _try(turn, case)
    order = find(turn.book, case.subject, "")
    if case.state is CaseState.HEALING and order is not None and order.broker_ids:
        # Without the order's name: what the answer says changes nothing of an order that has ended.
        command = CancelOrder(0, "", order.broker_ids[-1])
        turn.calls, _ = enqueue(turn.calls, Priority.CANCEL, command, Instant(0))
    _escalate(turn, case, policy)


def _treat_position(turn: Turn, case: Case) -> None:
    """An audit first: others' fills explain it, or a bust that nobody told; else it is a person's."""
    start_audit(turn)
    case = _try(turn, case)
    if case.tries > TAKE_BACK_AFTER and take_back(turn, case.subject, case.ours - case.theirs):
        return
    _escalate(turn, case, turn.config.drift.position)


def _treat_fee(turn: Turn, case: Case) -> None:
    """A second look first: the broker's positions may lag behind its fills."""
    if case.state is CaseState.SUSPECTED:
        _try(turn, case)
        return
    _take_fee(turn, case)
    _end(turn, case, CaseInput.AGREED, "the broker's figure was taken over")


def _escalate(turn: Turn, case: Case, policy: str) -> None:
    """After TRIES_MAX remedies that did not help: the policy's last word, and a person is called."""
    if case.state is not CaseState.HEALING or case.tries <= TRIES_MAX:
        return
    if policy == "halt":
        halt(turn, f"drift: {case.text}")
    elif policy == "reduce":
        reduce_only(turn, f"drift: {case.text}")
    outcome = f"nothing explained it in {case.tries} looks"
    if case.drift in (Drift.POSITION, Drift.CASH):
        _rebase(turn, case)
        outcome += "; counted as not ours"
    given = CaseInput.DISMISSED_BY_POLICY if policy == "observe" else CaseInput.GIVEN_UP
    _end(turn, case, given, outcome)


def _rebase(turn: Turn, case: Case) -> None:
    """What nothing explains is counted as not ours from now on, so that the next drift is seen."""
    foreign = turn.drift.foreign
    more = case.theirs - case.ours
    if case.drift is Drift.CASH:
        foreign = foreign._replace(cash=Value(foreign.cash + more * SCALE))
    else:
        held = foreign.positions.get(case.subject, ZERO_QUANTITY)
        foreign = foreign._replace(positions=foreign.positions.set(case.subject, Quantity(held + more)))
    turn.drift = turn.drift._replace(foreign=foreign)


def _take_fee(turn: Turn, case: Case) -> None:
    """A coin's fee was another than reckoned: what is missing is charged, what is over is kept apart."""
    missing = Quantity(case.ours - case.theirs)
    if missing > 0 and charge_coins(turn, case.subject, missing):
        return
    _rebase(turn, case)


def _try(turn: Turn, case: Case) -> Case:
    """Counts a remedy; a confirmed case is being healed from then on, and a person may know of it."""
    cases = turn.drift.cases
    tried = case._replace(tries=case.tries + 1)
    if case.state is CaseState.CONFIRMED:
        cases, tried = advance(cases, tried, CaseInput.HEAL_STARTED, turn.at)
        turn.note(ANOMALY_OF.get(case.drift, Anomaly.DRIFT), f"{case.key}: {case.text}", AlertLevel.CRITICAL)
    else:
        cases = cases._replace(open=cases.open.set(tried.key, tried))
    turn.drift = turn.drift._replace(cases=cases)
    return tried


def _end(turn: Turn, case: Case, given: CaseInput, outcome: str) -> None:
    cases, ended = advance(turn.drift.cases, case, given, turn.at, outcome)
    turn.drift = turn.drift._replace(cases=cases)
    level = AlertLevel.CRITICAL if ended.state is CaseState.ESCALATED else AlertLevel.INFO
    turn.alert(level, "drift", f"{case.key}: {outcome}: {case.text}")


# ---------------------------------------------------------------- schedule


def _when_it_moved(turn: Turn) -> None:
    """The account moved under the look: looked at again without blame, and ever more rarely while it does."""
    moved = turn.drift.moved
    turn.drift = turn.drift._replace(moved=moved + 1)
    _schedule(turn, Duration(min(RETRY << min(moved, 10), RETRY_MAX)))


def _again(turn: Turn, reason: str) -> None:
    failures = turn.drift.failures + 1
    turn.drift = turn.drift._replace(failures=failures)
    if failures == FAILURES_SAID:
        text = f"comparing with the broker failed {failures} times: {reason}"
        turn.alert(AlertLevel.CRITICAL, "sync", text)
    _schedule(turn, Duration(min(RETRY << min(failures - 1, 10), RETRY_MAX)))


def _schedule(turn: Turn, wait: Duration) -> None:
    at = Instant(turn.at + wait)
    turn.drift = turn.drift._replace(next_look_at=at)
    turn.wake(at, "look")


def look_due(turn: Turn) -> None:
    """A look, or a stage of the one under way, fell due; or the stream is mute while an order is open."""
    if look_again_due(turn):
        return
    record = turn.drift
    if record.look is None and record.next_look_at and record.next_look_at <= turn.at:
        start_look(turn)
    if not record.watch_at or record.watch_at > turn.at:
        return
    turn.drift = turn.drift._replace(watch_at=Instant(0))
    if not turn.book.open_count:
        return
    every = turn.config.drift.look_every_mute
    quiet_since = max(turn.heard_at, record.looked_at)
    if quiet_since + every > turn.at:
        _watch_at(turn, Instant(quiet_since + every))
        return
    if turn.drift.look is None and record.next_look_at:
        start_look(turn)  # when it is clean, the next watch begins


def watch(turn: Turn) -> None:
    """An order left for the wire: if nothing is heard of any order, a look comes before the schedule's.

    One deadline watches over all orders, as long as one is open.
    """
    if turn.drift.watch_at <= turn.at:
        _watch_at(turn, Instant(turn.at + turn.config.drift.look_every_mute))


def _watch_at(turn: Turn, at: Instant) -> None:
    turn.drift = turn.drift._replace(watch_at=at)
    turn.wake(at, "look")


def foreign_due(turn: Turn) -> None:
    """Others traded on the account: what it did is read from the activities."""
    start_audit(turn)
