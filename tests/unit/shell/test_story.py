"""An order's story: it says what happened, and its sums are the desk's."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from immutables import Map

from kernel import EMPTY_DESK, Event, step
from kernel.commands import QueryOrder, SubmitOrder
from kernel.config import ThrottleConfig
from kernel.drift.cases import NO_CASES, Case, Cases
from kernel.drift.chart import CaseState
from kernel.drift.diff import Drift
from kernel.events import (
    ActivityRows,
    CallAnswered,
    DoubtCause,
    Doubtful,
    OperatorSaid,
    OperatorWord,
    TradeUpdated,
    Unrecognized,
)
from kernel.orders.book import all_orders
from kernel.orders.chart import OrderStatus
from kernel.reasons import Refusal, RefusalCode
from kernel.reports import ActivityRow, BrokerEvent, BrokerStatus, ExecutionKind, ExecutionReport
from kernel.risk.gate import checks_for
from kernel.sides import Purpose, Side
from kernel.units import MINUTE, SCALE, SECOND, Duration, Instant, Price, Quantity
from shell.errors import Complaint, ExitCode
from shell.journal import Record
from shell.replay import main
from shell.story import Chronicle, Story, orders_text, refused_text, story_text
from shell.story_drift import case_changes
from shell.story_index import Index
from shell.story_line import Topic
from shell.story_words import is_named, plain, refusal_text, stamp
from tests.unit.kernel.acting import actor
from tests.unit.kernel.scripts import OPEN, Desktop, config, trading_day
from tests.unit.shell.test_replay import written

UNIT = SCALE
NAME = "mqd-1-actor-000000001"


def watch(events: list[Event], index: Index, chronicle: Chronicle | None = None) -> None:
    """Replays events with both watchers."""
    desk = EMPTY_DESK
    for seq, event in enumerate(events, 1):
        stepped = step(desk, event)
        desk = stepped.desk
        record = Record(seq, desk.epoch, type(event).__name__, b"", b"", b"")
        index.observe(record, event, stepped)
        if chronicle is not None:
            chronicle.observe(record, event, stepped)
    index.close(desk)


def indexed(events: list[Event]) -> Index:
    index = Index()
    watch(events, index)
    return index


def told(events: list[Event], wanted: str) -> Story:
    """The story of an order of a script."""
    chronicle = Chronicle(indexed(events).resolve(wanted))
    watch(events, Index(), chronicle)
    return chronicle.story()


def acting(script: str, **changes: object) -> Desktop:
    desktop = Desktop(config(strategies=(actor(script),), **changes))
    desktop.boot()
    return desktop


def texts(story: Story, topic: Topic) -> list[str]:
    return [line.said.text for line in story.lines if line.said.topic is topic]


def moves(story: Story) -> list[str]:
    """The statuses that the story tells, from the first to the last."""
    found = ["queued"]
    for text in texts(story, Topic.STATUS):
        before, _, after = text.partition(" -> ")
        assert before == found[-1], "a story has no gaps"
        found.append(after)
    return found


def booked(story: Story) -> int:
    return sum(line.said.booked for line in story.lines)


def check_sums(desktop: Desktop) -> None:
    """Of every order: executions and cumulative figures add up, and the last status is the desk's."""
    orders = tuple(all_orders(desktop.desk.book))
    assert orders
    for order in orders:
        story = told(desktop.events, order.client_order_id)
        assert story.order == order
        assert booked(story) == order.ledger.quantity
        assert moves(story)[-1] == order.status.value
        assert [line.event for line in story.lines] == sorted(line.event for line in story.lines)


# ---------------------------------------------------------------- a whole day


def test_every_order_of_a_day_adds_up() -> None:
    desktop = Desktop()
    for event in trading_day():
        desktop.events.append(event)
        desktop.desk = step(desktop.desk, event).desk
    check_sums(desktop)
    filled = [order for order in all_orders(desktop.desk.book) if order.ledger.quantity]
    assert filled
    for order in filled:
        story = told(desktop.events, order.client_order_id)
        assert len(texts(story, Topic.EXEC)) == len(order.ledger.executions)


def test_an_order_from_its_intent_to_its_end() -> None:
    desktop = acting("b10")
    desktop.bar(16_700)
    story = told(desktop.events, NAME)
    assert [line.said.topic for line in story.lines if line.said.topic is not Topic.CHECK] == [
        Topic.BAR,
        Topic.INTENT,
        Topic.INTENT,
        Topic.GATE,
        Topic.ORDER,
        Topic.STATUS,
        Topic.COMMAND,
        Topic.ANSWER,
        Topic.LEG,
        Topic.STATUS,
        Topic.STREAM,
        Topic.STREAM,
        Topic.EXEC,
        Topic.STATUS,
        Topic.END,
    ]
    assert moves(story) == ["queued", "sending", "working", "filled"]
    names = [text.split()[0] for text in texts(story, Topic.CHECK)]
    assert names == [check.name for check in checks_for(Purpose.ENTRY)]
    assert all(text.endswith(" pass") for text in texts(story, Topic.CHECK))
    assert texts(story, Topic.EXEC)[0].startswith("+10 at 167; executions 10 of 10; id X1, leg B-")
    assert story.reason == "b10"


def test_the_text_is_one_line_each_in_fixed_columns() -> None:
    desktop = acting("b10")
    desktop.bar(16_700)
    head, _, table = story_text(told(desktop.events, NAME)).partition("\n\n")
    assert f"order      {NAME}" in head.splitlines()
    assert "status     filled, cancel none, replace none" in head.splitlines()
    rows = table.splitlines()[1:]
    form = re.compile(r" {0,6}\d+  \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z  [a-z]+ +\S.*")
    assert rows
    assert all(form.fullmatch(row) for row in rows)
    assert "2013-10-08T13:31:00.000000000Z" in rows[0]


# ---------------------------------------------------------------- by whatever name


def test_an_order_is_found_by_each_of_its_names() -> None:
    desktop = acting("b10@160.00")
    desktop.bar(16_700)
    order = desktop.order()
    old = desktop.orders[NAME]._replace(
        status=BrokerStatus.REPLACED, status_text="replaced", replaced_by="B-second"
    )
    desktop.give(TradeUpdated(desktop.at, BrokerEvent.REPLACED, "replaced", old, None, ""))
    leg = desktop.orders[NAME]._replace(
        broker_order_id="B-second", client_order_id="somebody-else", replaces="B-" + NAME
    )
    desktop.give(TradeUpdated(desktop.at, BrokerEvent.NEW, "new", leg, None, ""))
    stories = [
        told(desktop.events, wanted)
        for wanted in (NAME, order.intent, "B-" + NAME, "B-second", "somebody-else")
    ]
    assert all(story == stories[0] for story in stories)
    assert texts(stories[0], Topic.LEG) == [
        f"the broker has it as B-{NAME}",
        "the broker has it as B-second, leg 2 of the chain",
    ]
    assert len(texts(stories[0], Topic.STREAM)) == 3
    check_sums(desktop)


def test_an_unknown_name_is_one_line_with_near_ones() -> None:
    desktop = acting("b10")
    desktop.bar(16_700)
    index = indexed(desktop.events)
    with pytest.raises(Complaint, match=f"near: {NAME}") as raised:
        index.resolve("mqd-1-actor-000000007")
    assert raised.value.code is ExitCode.BAD_INPUT
    assert index.near("actor/SPY/") == [desktop.order().intent]
    with pytest.raises(Complaint, match="--orders lists the orders"):
        index.resolve("*")
    with pytest.raises(Complaint):
        index.resolve("")


# ---------------------------------------------------------------- refused intents


def test_a_refused_intent_tells_every_check() -> None:
    desktop = acting("b10 b20")
    desktop.bar(16_700)
    desktop.bar(16_700)
    index = indexed(desktop.events)
    (intent,) = index.refused
    story = told(desktop.events, intent)
    assert story.order is None
    refused = [text for text in texts(story, Topic.CHECK) if not text.endswith(" pass")]
    assert refused == ["single_trade    REFUSED single_trade: position 10, open entries 0; allowed: none"]
    assert texts(story, Topic.GATE) == ["refused by 1 of 24 checks"]
    assert "status     refused by the gate" in story_text(story)
    assert refused_text(index).startswith(f"{intent}  2013-10-08T13:32:00.000000000Z  event ")
    # The id that the refused one would have had belongs to nobody.
    assert "000000002" not in index.names


def test_what_never_left_says_why() -> None:
    desktop = acting("b10@99.00", throttle=ThrottleConfig(limit=41, window=Duration(10 * MINUTE)))
    desktop.bar(10_000)
    desktop.run_until(Instant(desktop.at + 11 * SECOND))
    story = told(desktop.events, NAME)
    assert texts(story, Topic.DROPPED) == ["never left: stale"]
    assert texts(story, Topic.COMMAND) == []
    assert moves(story) == ["queued", "denied"]


# ---------------------------------------------------------------- in doubt


def lost(desktop: Desktop) -> None:
    """A submit whose answer is lost; the broker never had it."""
    desktop.deaf_to = {SubmitOrder}
    desktop.bar(16_700)
    (command,) = desktop.sent(SubmitOrder)
    desktop.give(
        CallAnswered(desktop.at, command.call, desktop.at, Doubtful(DoubtCause.TIMEOUT, "no\nanswer"), None)
    )


def test_an_order_in_doubt_is_followed_until_it_is_proved_absent() -> None:
    desktop = acting("b10@160.00")
    lost(desktop)
    desktop.run_until(Instant(desktop.at + 5 * MINUTE))
    story = told(desktop.events, NAME)
    assert moves(story) == ["queued", "sending", "in_doubt", "absent"]
    assert texts(story, Topic.ANSWER)[0].endswith("doubtful: timeout: no answer")
    queries = [text for text in texts(story, Topic.COMMAND) if "query by its client id" in text]
    assert len(queries) == len([c for c in desktop.sent(QueryOrder) if c.client_order_id == NAME])
    assert [text for text in texts(story, Topic.DOUBT) if text.startswith("not found")] == [
        "not found, 1 in a row that count",
        "not found, 2 in a row that count",
    ]
    assert texts(story, Topic.ALERT) == [f"warning, absent: {NAME} SPY absent"]
    (end,) = texts(story, Topic.END)
    order = desktop.order()
    assert end == f"absent, 0 of 10 filled, after {(order.times.ended - order.times.created) // SECOND} s"


def test_a_call_without_an_answer_is_given_up_and_known_when_it_answers_late() -> None:
    desktop = acting("b10@160.00")
    desktop.deaf_to = {SubmitOrder}
    desktop.bar(16_700)
    desktop.boot()
    (command,) = desktop.sent(SubmitOrder)
    late = Doubtful(DoubtCause.CONNECTION_LOST, "at last")
    desktop.give(CallAnswered(desktop.at, command.call, desktop.at, late, None))
    story = told(desktop.events, NAME)
    assert f"submit (call {command.call}) had no answer: the process began anew" in texts(story, Topic.DOUBT)
    assert texts(story, Topic.START) == ["start 2, version test"]
    assert any(text.startswith("late or again, submit (") for text in texts(story, Topic.ANSWER))


def test_a_silent_call_counts_as_doubtful() -> None:
    desktop = acting("b10@160.00")
    desktop.deaf_to = {SubmitOrder}
    desktop.bar(16_700)
    (command,) = desktop.sent(SubmitOrder)
    desktop.run_until(Instant(desktop.at + 61 * SECOND))
    story = told(desktop.events, NAME)
    assert f"submit (call {command.call}) had no answer: it counts as doubtful" in texts(story, Topic.DOUBT)
    assert "in_doubt" in moves(story)


# ---------------------------------------------------------------- executions


def test_cumulative_figures_and_busts_are_told_and_add_up() -> None:
    desktop = acting("b10@160.00")
    desktop.bar(16_700)
    ahead = desktop.orders[NAME]._replace(
        status=BrokerStatus.PARTIALLY_FILLED,
        status_text="partially_filled",
        filled_quantity=Quantity(4 * UNIT),
        filled_average=Price(100 * UNIT),
    )
    desktop.give(TradeUpdated(desktop.at, BrokerEvent.NEW, "new", ahead, None, ""))
    desktop.fill(NAME, Quantity(4 * UNIT), Price(100 * UNIT))
    desktop.tick(SECOND)
    bust = ExecutionReport("X9", ExecutionKind.BUST, Price(100 * UNIT), Quantity(4 * UNIT), desktop.at, "X1")
    desktop.give(
        TradeUpdated(desktop.at, BrokerEvent.TRADE_BUST, "trade_bust", desktop.orders[NAME], bust, "E1")
    )
    story = told(desktop.events, NAME)
    assert [line.said.booked // UNIT for line in story.lines if line.said.booked] == [4, 4, -4, -4]
    assert "-4 at 100, taken back; executions 0 of 10; id X1" in texts(story, Topic.EXEC)[1]
    assert any("event id E1" in text for text in texts(story, Topic.STREAM))
    assert booked(story) == desktop.order().ledger.quantity == 0
    assert any(text.startswith("critical, bust: ") for text in texts(story, Topic.ALERT))


def test_a_fill_activity_of_the_order_is_told() -> None:
    desktop = acting("b10@160.00")
    desktop.bar(16_700)
    row = ActivityRow(
        "A1", "B-" + NAME, "SPY", Side.BUY, Price(100 * UNIT), Quantity(4 * UNIT), Quantity(4 * UNIT), OPEN
    )
    other = row._replace(broker_order_id="B-other")
    desktop.give(CallAnswered(desktop.at, 10_000, desktop.at, ActivityRows((other, row), None), None))
    story = told(desktop.events, NAME)
    assert [text.partition(": ")[2] for text in texts(story, Topic.FILLS)] == [
        "4 at 100, 4 in all, made 2013-10-08T13:30:00.000000000Z"
    ]


# ---------------------------------------------------------------- people, cancels, what can't be read


def test_a_cancel_is_told_with_who_wanted_it() -> None:
    desktop = acting("b10@160.00 w")
    desktop.bar(16_700)
    desktop.bar(16_700)
    story = told(desktop.events, NAME)
    assert texts(story, Topic.WITHDRAW) == ["actor takes it back: as the script says"]
    assert texts(story, Topic.CANCEL) == ["none -> asked", "asked -> answered"]
    assert texts(story, Topic.END) == ["canceled, 0 of 10 filled, after 60 s"]

    desktop = acting("b10@160.00")
    desktop.bar(16_700)
    desktop.give(OperatorSaid(desktop.at, OperatorWord.KILL, "enough"))
    assert texts(told(desktop.events, NAME), Topic.OPERATOR) == ["kill: enough"]


def test_a_message_that_nobody_can_read_is_told_when_it_names_the_order() -> None:
    desktop = acting("b10@160.00")
    desktop.bar(16_700)
    for text in (f'{{"id": "B-{NAME}", "x"', f'{{"id": "B-{NAME}7"', "{}"):
        desktop.give(Unrecognized(desktop.at, "trade_updates", text, "torn"))
    assert texts(told(desktop.events, NAME), Topic.UNREAD) == [
        f'trade_updates: torn: {{"id": "B-{NAME}", "x"'
    ]


def test_a_name_is_a_whole_word() -> None:
    names = frozenset({"mqd-1-a-1", "B"})
    assert is_named("order mqd-1-a-1: late", names)
    assert is_named("(B)", names)
    assert not is_named("mqd-1-a-12", names)
    assert not is_named("x-mqd-1-a-1", names)
    assert not is_named("B-1 AB", names)


def test_words_are_one_printable_line_and_figures_have_units() -> None:
    assert plain("a\x1b[31m\r\nb\u2028c") == "a [31m b c"
    assert len(plain("x" * 5_000)) == 1_000
    assert stamp(Instant(1)) == "1970-01-01T00:00:00.000000001Z"
    old = Refusal(RefusalCode.PRICE_STALE, str(5 * SECOND), str(SECOND // 2))
    assert refusal_text(old) == "price_stale: 5 s; allowed: 0.5 s"
    far = Refusal(RefusalCode.PRICE_COLLAR, str(110 * UNIT), f"{100 * UNIT} +- {UNIT // 20}/{UNIT}")
    assert refusal_text(far) == "price_collar: 110; allowed: 100 +- 0.05/1"
    full = Refusal(RefusalCode.DESK_FULL, "5000", "5000")
    assert refusal_text(full) == "desk_full: 5000; allowed: 5000"


# ---------------------------------------------------------------- drift cases


def a_case(subject: str, text: str = "ours 1, theirs 2") -> Case:
    """A case that was just opened."""
    at = Instant(1)
    return Case(
        f"status:{subject}", Drift.STATUS, subject, CaseState.SUSPECTED, at, at, 1, 0, 1, 2, text, "", at
    )


def test_cases_about_the_order_are_told_as_they_open_move_and_end() -> None:
    ids = frozenset({NAME})
    none = NO_CASES
    first, other = a_case(NAME), a_case("SPY")
    opened = none._replace(open=Map({"c1": first, "c2": other}))
    healed = first._replace(state=CaseState.HEALED, outcome="taken over")
    ended = Cases(Map({"c2": other}), (healed,), Map(), Map())
    tell: Callable[[Cases, Cases], list[str]] = lambda before, after: [  # noqa: E731
        said.text for said in case_changes(before, after, ids)
    ]
    assert tell(none, none) == []
    assert tell(none, opened) == [f"status:{NAME}: suspected: ours 1, theirs 2"]
    moved = [f"status:{NAME}: suspected -> healed: ours 1, theirs 2; taken over"]
    assert tell(none._replace(open=Map({first.key: first})), ended) == moved
    named = none._replace(open=Map({"c2": a_case("SPY", f"fills of {NAME} lack")}))
    assert len(tell(none, named)) == 1
    assert tell(opened, opened._replace(open=opened.open.set("c3", other))) == []


# ---------------------------------------------------------------- the command


def test_the_command_tells_and_lists(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desktop = acting("b10 b20 s10")
    for _ in range(3):
        desktop.bar(16_700)
    path = written(tmp_path / "day.journal", desktop.events)
    assert main([str(path), "--order", NAME]) == 0
    assert capsys.readouterr().out == story_text(told(desktop.events, NAME))
    assert main([str(path), "--orders"]) == 0
    out = capsys.readouterr().out
    assert out == orders_text(desktop.desk)
    assert [line.split()[0] for line in out.splitlines()] == sorted(desktop.desk.book.orders)
    assert main([str(path), "--refused"]) == 0
    assert "single_trade: position 10" in capsys.readouterr().out
    assert main([str(path), "--order", "mqd-1-actor-00000000x"]) == ExitCode.BAD_INPUT
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("replay: --order 'mqd-1-actor-00000000x': no order and no intent")
    assert NAME in said.err
    assert len(said.err.splitlines()) == 1
    assert desktop.order(0).status is OrderStatus.FILLED
