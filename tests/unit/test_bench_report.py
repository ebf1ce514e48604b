"""tests/bench/report.py: figures for one operation, honest verdicts, nothing touched outside the markers."""

from pathlib import Path
from typing import Any

import pytest

from tests.bench import report
from tests.bench.report import BEGIN, END, ReportError, fill, main, rows_of, table


def result(**info: Any) -> dict[str, Any]:
    """A result with one benchmark whose median is 40 us and whose slowest time of 200 is 9 ms."""
    data = [40e-6] * 190 + [9e-3] * 10
    stats = {"median": 40e-6, "iqr": 2e-6, "data": data}
    return {"benchmarks": [{"name": "test_step_of_a_fill", "stats": stats, "extra_info": info}]}


def test_a_row_without_a_budget_has_no_verdict() -> None:
    assert rows_of(result()) == [("step of a fill", "", "40 us", "2 us", "")]


def test_within_the_budget() -> None:
    assert rows_of(result(what="step", budget_us=50)) == [("step", "50 us", "40 us", "2 us", "pass")]


def test_over_the_budget() -> None:
    assert rows_of(result(budget_us=39))[0].verdict == "**OVER**"


def test_figures_are_for_one_operation() -> None:
    row = rows_of(result(operations=20, budget_us=3))[0]
    assert (row.median, row.spread, row.verdict) == ("2 us", "100 ns", "pass")


def test_the_99th_percentile_counts() -> None:
    row = rows_of(result(budget_us=50, p99_us=1_000))[0]
    assert row == ("step of a fill", "50 us, p99 1 ms", "40 us, p99 9 ms", "2 us", "**OVER**")


def test_a_percentile_of_too_few_times_is_refused() -> None:
    few = result(p99_us=1)
    few["benchmarks"][0]["stats"]["data"] = [1e-6] * 99
    with pytest.raises(ReportError, match="100 rounds"):
        rows_of(few)


def test_flatness_compares_medians() -> None:
    both = result(flat="step", flat_max=1.3)
    slow = {"name": "b", "stats": {"median": 60e-6, "iqr": 0.0}, "extra_info": {"flat": "step"}}
    both["benchmarks"].append(slow)
    assert rows_of(both)[-1] == ("step: slowest / fastest", "1.3x", "1.50x", "", "**OVER**")


def test_a_figure_that_is_no_time() -> None:
    row = rows_of(result(what="memory for an order", value=1.5, unit="KB", value_max=2))[0]
    assert row == ("memory for an order", "2 KB", "1.5 KB", "", "pass")


def test_an_empty_result_is_refused() -> None:
    with pytest.raises(ReportError, match="no benchmark"):
        table({"benchmarks": []})


def test_only_the_text_between_the_markers_changes() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert fill(page, "new") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    assert fill(fill(page, "new"), "new") == fill(page, "new")


@pytest.mark.parametrize("page", ["", BEGIN, f"{END}{BEGIN}", f"{BEGIN}{END}{BEGIN}"])
def test_a_page_without_its_markers_is_refused(page: str) -> None:
    with pytest.raises(ReportError, match="once each"):
        fill(page, "new")


def test_a_missing_result_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "ROOT", tmp_path)
    assert main([str(tmp_path / "none.json")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_damaged_result_is_one_line_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "ROOT", tmp_path)
    (tmp_path / "README.md").write_text(f"{BEGIN}{END}", "utf-8")
    (tmp_path / "bench.json").write_text("{", "utf-8")
    assert main([str(tmp_path / "bench.json")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert (tmp_path / "README.md").read_text("utf-8") == f"{BEGIN}{END}"
