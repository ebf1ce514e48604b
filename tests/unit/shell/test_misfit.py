"""An event that can't have happened to the Desk: what another kernel wrote is not taken for ours."""

from kernel import EMPTY_DESK, Desk, Event, step
from kernel.commands import FetchAccount, FetchAsset, SubmitOrder
from kernel.events import AccountBody, AssetBody, CallAnswered, DoubtCause, Doubtful, OrderBody, PositionRows
from shell.misfit import misfit_of
from tests.unit.kernel.scripts import trading_day

TIMEOUT = Doubtful(DoubtCause.TIMEOUT, "")


def before_answers() -> list[tuple[Desk, CallAnswered]]:
    """Every answer of a day with the Desk that it came to."""
    desk, found = EMPTY_DESK, []
    for event in trading_day():
        if isinstance(event, CallAnswered):
            found.append((desk, event))
        desk = step(desk, event).desk
    return found


ANSWERS = before_answers()


def answer_to(kind: type) -> tuple[Desk, CallAnswered]:
    return next((d, e) for d, e in ANSWERS if type(d.calls.flying[e.call].command) is kind)


def test_a_day_fits_itself() -> None:
    desk = EMPTY_DESK
    for event in trading_day():
        assert misfit_of(desk, event) is None
        desk = step(desk, event).desk
    assert len(ANSWERS) > 10


def test_a_call_that_was_never_asked() -> None:
    desk, event = ANSWERS[0]
    told = misfit_of(desk, event._replace(call=desk.calls.next_call))
    assert told == f"it answers call {desk.calls.next_call}, which this version never asked"


def test_an_answer_of_another_kind() -> None:
    desk, event = answer_to(FetchAccount)
    assert isinstance(event.result, AccountBody)
    told = misfit_of(desk, event._replace(result=PositionRows(())))
    assert told == f"it answers call {event.call} with PositionRows, this version asked FetchAccount"
    assert misfit_of(desk, event._replace(result=TIMEOUT)) is None, "any call may end in doubt"


def test_an_answer_about_something_else() -> None:
    desk, event = answer_to(SubmitOrder)
    assert isinstance(event.result, OrderBody)
    report = event.result.report._replace(client_order_id="mqd-9-vwap-000000001")
    assert "this version asked SubmitOrder" in str(misfit_of(desk, event._replace(result=OrderBody(report))))
    desk, event = answer_to(FetchAsset)
    assert isinstance(event.result, AssetBody)
    rules = event.result.rules._replace(symbol="ELSE")
    assert "this version asked FetchAsset" in str(misfit_of(desk, event._replace(result=AssetBody(rules))))


def test_a_late_answer_fits() -> None:
    desk, event = ANSWERS[0]
    late: Event = event._replace(result=PositionRows(()))
    assert misfit_of(step(desk, event).desk, late) is None
