"""The judge of the system tests is itself tried: books that were spoiled by hand never pass it."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from kernel import Desk
from shell.exchange.market.synthetic import MINUTES_MIN
from tests.system.days import write_day
from tests.system.judging import drift_faults, judge
from tests.system.killing import TRADING
from tests.system.kit import Files, exchange, run_live

Judged = tuple[Desk, Any]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """A calm session: the desk and the exchange's books."""
    files = Files(tmp_path_factory.mktemp("calm"), config_text=TRADING)
    with exchange("--speed", "max", "--bars", *write_day(files.folder, 1, MINUTES_MIN)) as venue:
        assert run_live("--exchange", venue.url, *files.options).code == 0
        return files.desk(), venue.books()


def drop_execution(books: Any) -> None:
    books["executions"].pop()


def add_execution(books: Any) -> None:
    books["executions"].append({**books["executions"][-1], "execution_id": "another"})


def repeat_execution(books: Any) -> None:
    books["executions"].append(books["executions"][-1])


def change_price(books: Any) -> None:
    books["executions"][-1]["price"] = "1"


def forget_order(books: Any) -> None:
    books["orders"].append(
        {**books["orders"][-1], "id": "new", "client_order_id": "mqd-1-restless-000099999"}
    )


def repeat_order(books: Any) -> None:
    books["orders"].append({**books["orders"][-1], "id": "new"})


def lose_order(books: Any) -> None:
    books["orders"].pop(first_filled(books))


def reopen_order(books: Any) -> None:
    books["orders"][first_filled(books)]["status"] = "new"


def end_otherwise(books: Any) -> None:
    books["orders"][first_filled(books)]["status"] = "canceled"


def hold_a_share(books: Any) -> None:
    books["positions"]["SPY"] = "1"


def add_a_dollar(books: Any) -> None:
    whole, _, cents = books["cash"].partition(".")
    books["cash"] = f"{int(whole) + 1}.{cents or '0'}"


def first_filled(books: Any) -> int:
    """Which order of the exchange is the first that was filled."""
    return [row["status"] for row in books["orders"]].index("filled")


SPOILED: Final[dict[Callable[[Any], None], str]] = {
    drop_execution: "doubled: mqd-",
    add_execution: "lost: mqd-",
    repeat_execution: "doubled: execution",
    change_price: "lost: ",
    forget_order: "forgotten: mqd-1-restless-000099999",
    repeat_order: "doubled: client order id",
    lose_order: "state: mqd-",
    reopen_order: "state: mqd-",
    end_otherwise: "state: mqd-",
    hold_a_share: "lost: position SPY",
    add_a_dollar: "lost: cash",
}


def test_a_calm_session_passes(judged: Judged) -> None:
    desk, books = judged
    assert len(books["executions"]) > 10
    assert judge(desk, books) == []


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda spoil: spoil.__name__)
def test_spoiled_books_are_seen(judged: Judged, spoil: Callable[[Any], None]) -> None:
    desk, books = judged[0], copy.deepcopy(judged[1])
    spoil(books)
    assert any(line.startswith(SPOILED[spoil]) for line in judge(desk, books)), judge(desk, books)


CASE: Final = {
    "class": "shadow_order", "subject": "mqd-1-a-000000001", "state": "healed", "outcome": "ended here",
    "opened_at": "2024-03-13T14:00:00Z", "ended_at": "2024-03-13T14:05:00Z",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({}, False),
        ({"outcome": ""}, True),
        ({"class": ""}, True),
        ({"ended_at": None}, True),
        ({"state": "suspected"}, True),  # while the report says that none is open
    ],
)
def test_a_case_of_drift_without_a_name_is_seen(change: dict[str, object], seen: bool) -> None:
    report = {"drift": {"open": 0, "cases": [{**CASE, **change}], "counts": {"shadow_order": 1}}}
    assert bool(drift_faults(json.loads(json.dumps(report)))) is seen


def test_a_report_without_drift_is_seen() -> None:
    assert drift_faults({}) == ["drift: the report has no account of it"]


def test_a_day_as_files_is_as_long_as_asked(tmp_path: Path) -> None:
    for path in write_day(tmp_path, 1, MINUTES_MIN):
        assert len(Path(path).read_text().splitlines()) == 1 + MINUTES_MIN
