"""Fills README's table of budgets from pytest-benchmark's result: `python -m tests.bench.report [FILE]`.

1. One row for each benchmark: what, budget, median, spread (interquartile range), verdict (pass, OVER, none).
2. Figures are for one operation: a benchmark that does many in one round says how many.
3. What a benchmark says of itself stands in its `extra_info`, every key optional:
   - `what`: the row's words; `operations`: how many in one round;
   - `budget_us`: most that the median may be; `p99_us`: most that the 99th percentile may be;
   - `flat`, `flat_max`: among rows of one `flat` the slowest median is at most so many times the fastest;
   - `value`, `unit`, `value_max`: a figure that is not a time.
4. FILE is var/bench.json unless named. Only the text between the two markers of README.md changes. OVER is
   shown, and the exit code is 0, for budgets are measured on all sorts of machines; `--strict` makes it 1.

Errors: exit 2 and one line when the result or the markers are missing or damaged.
"""

import json
import statistics
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

__all__ = ["BEGIN", "END", "ReportError", "Row", "fill", "main", "rows_of", "table"]

ROOT: Final = Path(__file__).resolve().parents[2]
BEGIN: Final = "<!-- bench:begin -->"
END: Final = "<!-- bench:end -->"
MICROSECOND: Final = 1e-6


class ReportError(Exception):
    """The result or the page cannot be used; the text says which and why."""


class Row(NamedTuple):
    """One line of the table."""

    what: str
    budget: str
    median: str
    spread: str
    verdict: str


def time_text(seconds: float) -> str:
    """Three figures and the unit that fits: 0.0000123 is `12.3 us`."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _verdict(*, ok: bool) -> str:
    return "pass" if ok else "**OVER**"


def _percentile_99(stats: dict[str, Any]) -> float | None:
    data = stats.get("data") or []
    return statistics.quantiles(data, n=100)[98] if len(data) >= 100 else None


def _row_of(bench: dict[str, Any]) -> Row:
    info, stats = bench.get("extra_info", {}), bench["stats"]
    what = str(info.get("what") or bench["name"].removeprefix("test_").replace("_", " "))
    if "value" in info:
        value, unit, most = info["value"], str(info.get("unit", "")), info.get("value_max")
        verdict = "" if most is None else _verdict(ok=value <= most)
        return Row(what, "" if most is None else f"{most:g} {unit}", f"{value:g} {unit}", "", verdict)
    operations = int(info.get("operations", 1))
    median, spread = stats["median"] / operations, stats["iqr"] / operations
    shown, budgets, oks = time_text(median), list[str](), list[bool]()
    if "budget_us" in info:
        budgets.append(time_text(info["budget_us"] * MICROSECOND))
        oks.append(median <= info["budget_us"] * MICROSECOND)
    if "p99_us" in info:
        high = _percentile_99(stats)
        if high is None:
            raise ReportError(f"{bench['name']}: a 99th percentile needs the times of 100 rounds or more")
        budgets.append(f"p99 {time_text(info['p99_us'] * MICROSECOND)}")
        shown += f", p99 {time_text(high / operations)}"
        oks.append(high / operations <= info["p99_us"] * MICROSECOND)
    verdict = _verdict(ok=all(oks)) if oks else ""
    return Row(what, ", ".join(budgets), shown, time_text(spread), verdict)


def _flat_rows(benches: list[dict[str, Any]]) -> list[Row]:
    groups: dict[str, list[float]] = {}
    most: dict[str, float] = {}
    for bench in benches:
        info = bench.get("extra_info", {})
        if "flat" in info:
            name = str(info["flat"])
            groups.setdefault(name, []).append(bench["stats"]["median"] / int(info.get("operations", 1)))
            most[name] = float(info.get("flat_max", most.get(name, 1.3)))
    rows = []
    for name, medians in groups.items():
        ratio = max(medians) / min(medians)
        ok = ratio <= most[name]
        rows.append(
            Row(f"{name}: slowest / fastest", f"{most[name]:g}x", f"{ratio:.2f}x", "", _verdict(ok=ok))
        )
    return rows


def rows_of(result: dict[str, Any]) -> list[Row]:
    """The rows of a result, in its order, flatness last. Raises ReportError when there is nothing to show."""
    benches = result.get("benchmarks") or []
    if not benches:
        raise ReportError("the result holds no benchmark")
    return [*map(_row_of, benches), *_flat_rows(benches)]


def table(result: dict[str, Any]) -> str:
    """The whole text between the markers, the machine's line included."""
    machine = result.get("machine_info", {})
    cores = (machine.get("cpu") or {}).get("count", "?")
    day = str(result.get("datetime", ""))[:10]
    lines = ["| what | budget | median | spread | |", "|---|---|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in rows_of(result)]
    lines += [
        "",
        f"Measured {day} on Python {machine.get('python_version', '?')}, {cores} cores, not otherwise idle.",
    ]
    return "\n".join(lines)


def fill(page: str, text: str) -> str:
    """The page with the text between its markers. Raises ReportError when they are not there exactly once."""
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise ReportError(f"README.md: needs {BEGIN} and {END} once each, in this order")
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}"


def main(arguments: list[str]) -> int:
    """Read the result, fill the page, print the table; the exit code."""
    strict = "--strict" in arguments
    names = [argument for argument in arguments if not argument.startswith("--")]
    source, page = Path(names[0] if names else ROOT / "var" / "bench.json"), ROOT / "README.md"
    try:
        text = table(json.loads(source.read_text("utf-8")))
        page.write_text(fill(page.read_text("utf-8"), text), "utf-8")
    except OSError as error:
        print(f"bench report: {error.filename}: {error.strerror}; run: make bench", file=sys.stderr)
        return 2
    except (ReportError, ValueError, KeyError) as error:
        print(f"bench report: {source.name}: {error}", file=sys.stderr)
        return 2
    print(text)
    return 1 if strict and "OVER" in text else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
