"""What a step hands out for people: every decision of the gate, what never left, what is only counted."""

from kernel import EMPTY_DESK, step
from kernel.commands import Alert, AlertLevel
from kernel.config import ThrottleConfig
from kernel.events import Booted
from kernel.reasons import Anomaly, RefusalCode
from kernel.trace import Dropped, Judged, Noted, Trace, Withdrew
from kernel.units import MINUTE, SECOND, Duration, Instant
from tests.unit.kernel.acting import actor
from tests.unit.kernel.scripts import Desktop, config, trading_day


def traced(desktop: Desktop) -> list[Trace]:
    """The trace of all steps of a script."""
    desk, found = EMPTY_DESK, list[Trace]()
    for event in desktop.events:
        stepped = step(desk, event)
        desk = stepped.desk
        found.extend(stepped.trace)
    assert desk == desktop.desk
    return found


def acted(script: str, bars: int) -> Desktop:
    desktop = Desktop(config(strategies=(actor(script),)))
    desktop.boot()
    for _ in range(bars):
        desktop.bar(16_700)
    return desktop


def test_every_proposal_is_judged_once_with_the_gates_own_refusals() -> None:
    desktop = acted("b10 b20 s10", 3)
    judged = [item for item in traced(desktop) if isinstance(item, Judged)]
    assert [item.proposal.reason for item in judged] == ["b10", "b20", "s10"]
    assert [[refusal.code for refusal in item.refusals] for item in judged] == [
        [],
        [RefusalCode.SINGLE_TRADE],
        [],
    ]
    assert desktop.desk.counters.refusals[RefusalCode.SINGLE_TRADE] == 1
    approved = [item.question.ticket.client_order_id for item in judged if not item.refusals]
    assert approved == sorted(desktop.desk.book.orders)


def test_what_never_left_says_why() -> None:
    narrow = ThrottleConfig(limit=41, window=Duration(10 * MINUTE))
    desktop = Desktop(config(strategies=(actor("b10@99.00"),), throttle=narrow))
    desktop.boot()
    desktop.bar(10_000)
    (name,) = desktop.desk.book.orders
    assert not [item for item in traced(desktop) if isinstance(item, Dropped)]
    desktop.run_until(Instant(desktop.at + 11 * SECOND))
    dropped = [item for item in traced(desktop) if isinstance(item, Dropped)]
    assert dropped == [Dropped(name, RefusalCode.STALE)]


def test_withdrawals_carry_their_reason() -> None:
    desktop = Desktop(config(strategies=(actor("b10@160.00 w raise"),)))
    desktop.boot()
    for _ in range(3):
        desktop.bar(16_700)
    found = [item for item in traced(desktop) if isinstance(item, Withdrew)]
    assert found == [
        Withdrew("actor", "SPY", "as the script says"),
        Withdrew("actor", "SPY", "the strategy raised"),
    ]


def test_an_anomaly_is_noted_and_told_when_it_has_a_level() -> None:
    desktop = acted("raise", 1)
    noted = [item for item in traced(desktop) if isinstance(item, Noted)]
    assert [(item.anomaly, item.level) for item in noted] == [(Anomaly.STRATEGY_FAULT, AlertLevel.CRITICAL)]
    alerts = [tuple(alert) for alert in desktop.sent(Alert) if alert.code != "mode"]
    assert alerts == [(AlertLevel.CRITICAL, "strategy_fault", noted[0].text)]


def test_the_desk_keeps_nothing_of_it() -> None:
    first = trading_day()[0]
    assert isinstance(first, Booted)
    desk = EMPTY_DESK
    for event in trading_day():
        desk = step(desk, event).desk
    assert "trace" not in desk._fields
    assert step(desk, first._replace(at=Instant(desk.at), epoch=desk.epoch + 1)).trace == ()
