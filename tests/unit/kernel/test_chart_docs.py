"""docs/charts.md is current, and the generator notices when it is not or when a meaning is missing."""

from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from statemachine import StateMachine
from statemachine.states import States

from kernel.chart import Chart, build_table, charts
from specs.charts_doc import DOC_PATH, MissingMeaning, load_charts, main, meanings, render


def test_the_document_is_current() -> None:
    assert DOC_PATH.exists(), "docs/charts.md is missing: run `python -m specs.charts_doc`"
    assert DOC_PATH.read_text(encoding="utf-8") == render(load_charts()), (
        "docs/charts.md is not current: run `python -m specs.charts_doc`"
    )


def test_every_chart_and_every_member_is_in_the_document() -> None:
    text = DOC_PATH.read_text(encoding="utf-8")
    assert len(load_charts()) == len(charts()) > 0
    for chart in load_charts():
        assert f"## {chart.table.name}: " in text
        for enum in (chart.states, chart.inputs):
            for name, meaning in meanings(enum).items():
                assert f"| `{name}` |" in text
                assert meaning in text


def test_writing_checking_and_staleness(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "docs" / "charts.md"
    assert main(["--check"], path) == 1
    assert main([], path) == 0
    assert main(["--check"], path) == 0
    path.write_text(path.read_text(encoding="utf-8").replace("| - |", "| ! |", 1), encoding="utf-8")
    capsys.readouterr()
    assert main(["--check"], path) == 1
    assert capsys.readouterr().err == "docs/charts.md is not current: run `python -m specs.charts_doc`\n"


class Tap(Enum):
    """A sample whose chart has a guard."""

    SHUT = "shut"
    """No water."""
    OPEN = "open"
    """Water, if there is any."""


class TapInput(Enum):
    """What can happen to the sample."""

    TURNED = "turned"
    """Somebody turned it,
    either way."""
    HIT = "hit"
    """Somebody hit it."""


class TapChart(StateMachine):
    """A tap that sticks."""

    s = States.from_enum(Tap, initial=Tap.SHUT)
    turned = s.SHUT.to(s.OPEN, unless="stuck") | s.OPEN.to(s.SHUT)


def test_guards_are_shown() -> None:
    told = {"stuck": "It does not move."}
    decided: dict[str, Any] = {"ignored": {Tap.SHUT: tuple(TapInput)}, "faults": {Tap.OPEN: (TapInput.HIT,)}}
    table = build_table(TapChart, Tap, TapInput, inert=(TapInput.HIT,), guards=told, **decided)
    text = render((Chart(table, TapChart, __name__, Tap, TapInput, told, (TapInput.HIT,)),))
    assert "## TapChart: A tap that sticks\n" in text
    assert "    SHUT --> OPEN: turned [not stuck]\n" in text
    assert "    OPEN --> SHUT: turned\n" in text
    assert "| `stuck` | It does not move. |" in text
    assert "| **SHUT** | OPEN if not stuck; - if stuck | - |" in text
    assert "| **OPEN** | SHUT | ! |" in text
    assert "| `TURNED` | Somebody turned it, either way. |" in text
    assert "| `HIT` | Somebody hit it. Moves nothing, by design. |" in text


class Silent(Enum):
    """A sample without meanings."""

    TOLD = "told"
    """It has one."""
    UNTOLD = "untold"


def test_a_member_without_a_meaning_is_an_error() -> None:
    with pytest.raises(MissingMeaning, match=r"Silent\.UNTOLD has no meaning: add a line below the member"):
        meanings(Silent)
