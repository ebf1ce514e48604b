"""`python -m shell.replay JOURNAL --order ID` on journals of real sessions, calm and in trouble.

For every order of a session: the executions and cumulative figures that its story tells add up to what the
desk booked, its statuses follow one another without a gap and end where the desk's ends, and every execution
that counts has its line.
"""

import re
import subprocess
import sys
from typing import Final

import pytest

from kernel import Desk
from kernel.orders.book import all_orders
from kernel.orders.chart import OrderStatus
from kernel.orders.record import ENDED, Order
from shell.replay import index_of, rebuild
from shell.story import Chronicle, Story
from shell.story_line import Topic
from tests.system.kit import GOODBYE_S, ROOT, Done, Files, environment, python, run_live, scaled

TROUBLE: Final = (
    *("--seed", "5", "--fault", "lost_response=0.3"),
    *("--fault", "refused_response=0.3", "--fault", "partial_fills=0.5"),
)
"""Of a lost response the stream may tell first; a refused one is in doubt until it is proved absent."""


def orders_of(desk: Desk) -> dict[str, Order]:
    """Every order of a desk by name, finished ones too."""
    return {order.client_order_id: order for order in all_orders(desk.book)}


def stories(files: Files) -> dict[str, Story]:
    """The story of every order of a session, told in one replay."""
    desk, index = index_of(files.journal)
    chronicles = {name: Chronicle(index.resolve(name)) for name in orders_of(desk)}

    def watch_all(*step: object) -> None:
        for chronicle in chronicles.values():
            chronicle.observe(*step)  # type: ignore[arg-type]

    rebuild(files.journal, watch_all)
    return {name: chronicle.story() for name, chronicle in chronicles.items()}


def told(files: Files, *options: str) -> Done:
    """The command to its end."""
    with python("-m", "shell.replay", str(files.journal), *options) as running:
        return running.end()


def check(story: Story, order: Order) -> None:
    """One order's story against the desk's record."""
    assert story.order == order
    lines = [line.said for line in story.lines]
    assert sum(said.booked for said in lines) == order.ledger.quantity
    status = OrderStatus.QUEUED.value
    for said in lines:
        if said.topic is Topic.STATUS:
            before, _, after = said.text.partition(" -> ")
            assert before == status
            status = after
    assert status == order.status.value
    for name in order.ledger.executions:
        assert any(said.topic is Topic.EXEC and name in said.text for said in lines)
    topics = [said.topic for said in lines]
    assert topics.count(Topic.ORDER) == 1
    assert {Topic.INTENT, Topic.CHECK, Topic.GATE, Topic.COMMAND} <= set(topics)
    assert topics.count(Topic.END) == (order.status in ENDED)


@pytest.mark.parametrize("options", [("--seed", "1"), TROUBLE], ids=["calm", "trouble"])
def test_every_order_has_a_story_that_adds_up(files: Files, options: tuple[str, ...]) -> None:
    done = run_live(*options, *files.options)
    assert done.code == 0, done.err + done.out
    desk = files.desk()
    every = stories(files)
    orders = orders_of(desk)
    assert set(every) == set(orders)
    assert len(every) > 5
    for name, story in every.items():
        check(story, orders[name])
    in_doubt = [
        name
        for name, story in every.items()
        if any(line.said.text == "sending -> in_doubt" for line in story.lines)
    ]
    assert bool(in_doubt) is (options is TROUBLE)
    if in_doubt:
        check_in_doubt(files, every[in_doubt[0]], orders[in_doubt[0]])


def check_in_doubt(files: Files, story: Story, order: Order) -> None:
    """The command tells the same of an order in doubt, by each of its names: doubt, query, evidence, end."""
    done = told(files, "--order", order.client_order_id)
    assert (done.code, done.err) == (0, "")
    for other in (*order.broker_ids, order.intent):
        assert told(files, "--order", other) == done
    rows = done.out.partition("\n\n")[2].splitlines()[1:]
    assert len(rows) == len(story.lines)
    parts = [re.split(r" {2,}", row.strip(), maxsplit=3) for row in rows]
    text = [(topic, said) for _, _, topic, said in parts]
    doubt = text.index(("status", "sending -> in_doubt"))
    assert text[doubt - 1][0] == "answer"
    assert "doubtful: " in text[doubt - 1][1]
    after = [
        index
        for index, (topic, said) in enumerate(text)
        if topic == "command" and "query by its client" in said
    ]
    assert after[0] > doubt
    assert any(topic == "status" and said.startswith("in_doubt -> ") for topic, said in text)
    # The figures of the text itself add up to what was filled.
    changes = [said.split()[0] for topic, said in text if topic in ("exec", "booked") and said[0] in "+-"]
    assert sum(scaled(change.strip("+:")) for change in changes) == order.ledger.quantity


def test_lists_are_one_line_each_and_an_unknown_order_is_one_line(files: Files) -> None:
    done = run_live("--seed", "1", *files.options)
    assert done.code == 0, done.err + done.out
    orders = orders_of(files.desk())
    listed = told(files, "--orders")
    assert listed.code == 0
    assert sorted(line.split()[0] for line in listed.out.splitlines()) == sorted(orders)
    refused = told(files, "--refused")
    assert (refused.code, refused.err) == (0, "")
    name = max(orders)
    unknown = told(files, "--order", name[:-1] + "x")
    assert (unknown.code, unknown.out) == (2, "")
    assert "no order and no intent of this journal is called so; near: " in unknown.complaint
    check_reader_that_leaves(files, name)


def check_reader_that_leaves(files: Files, name: str) -> None:
    """`| head`: whoever reads goes away after the first bytes, and that is no failure."""
    command = [sys.executable, "-m", "shell.replay", str(files.journal), "--order", name]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=GOODBYE_S) == 0
