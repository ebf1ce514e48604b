"""The command's own decisions: options to a plan, exit codes, and what is said of every kind of end."""

from pathlib import Path
from typing import Any

import pytest

from kernel import EMPTY_DESK
from shell.bugs import KernelBug, complaint_of
from shell.config import parse_settings
from shell.errors import Complaint, ExitCode
from shell.exchange.settings import SetupError
from shell.live import complain, failure_of, parse_arguments
from shell.planning import make_plan
from tests.unit.kernel.scripts import trading_day


def plan(*options: str, text: str = "") -> Any:
    return make_plan(parse_arguments(options), parse_settings(text, "test"))


def test_without_options_a_synthetic_session_in_lock_step_with_a_new_journal() -> None:
    made = plan()
    assert made.exchange.rate is None
    assert made.exchange.bars == ()
    assert made.url == ""
    assert made.journal.parts[:2] == ("var", "sessions")
    assert {s.name for s in made.config.strategies} == {"vwap_mr", "vwap_micro"}
    assert made.config.arm_at_start is True
    assert made.panel is True


def test_options_go_before_the_configuration() -> None:
    text = '[session]\nspeed = "60"\nseed = 5\nstarting_cash = 7\n[journal]\npath = "a.journal"\n'
    made = plan(text=text)
    assert (made.exchange.rate, made.exchange.seed, made.journal) == (60.0, 5, Path("a.journal"))
    assert made.exchange.cash == 7 * 10**9
    made = plan("--speed", "max", "--seed", "6", "--journal", "memory", "--no-panel", text=text)
    assert (made.exchange.rate, made.exchange.seed, made.journal, made.panel) == (None, 6, None, False)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--exchange", "http://127.0.0.1:1", "--bars", "x.csv"), "--bars"),
        (("--paper", "--speed", "max"), "--speed"),
        (("--seed", "-1"), "--seed -1"),
        (("--seed", "9" * 19), "--seed"),
        (("--speed", "0"), "--speed 0"),
        (("--bars", "none_here.csv"), "none_here.csv"),
    ],
)
def test_what_can_not_be_meant_is_refused_by_name(options: tuple[str, ...], part: str) -> None:
    if options[0] == "--seed" and options[1] == "-1":
        options = ("--seed=-1",)
    with pytest.raises(Complaint) as caught:
        plan(*options)
    assert part.replace(" -1", " -1") in caught.value.line
    assert caught.value.code == ExitCode.BAD_INPUT


@pytest.mark.parametrize(
    ("report", "said"),
    [
        ({"invariants": {"violated": 0}, "differences": []}, ""),
        ({"invariants": {"violated": 2}, "differences": []}, "2 invariants violated"),
        ({"invariants": {"violated": 0}, "differences": ["a"]}, "a"),
        ({"invariants": {"violated": 0}, "differences": ["a", "b", "c"]}, "a (and 2 more)"),
    ],
)
def test_a_failure_is_a_line(report: dict[str, Any], said: str) -> None:
    assert failure_of(report).startswith(said)
    assert bool(failure_of(report)) is bool(said)


def ending(error: BaseException) -> int:
    def run() -> int:
        raise error

    return complain(run)


def test_every_end_has_its_code_and_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the evidence of the bug goes to var/
    group = ExceptionGroup("tasks", [ExceptionGroup("inner", [Complaint("x", ExitCode.JOURNAL)])])
    for error, code in (
        (Complaint("wrong"), 2),
        (group, 4),
        (SetupError("port"), 2),
        (KeyboardInterrupt(), 130),
        (BaseExceptionGroup("tasks", [KeyboardInterrupt()]), 130),
        (ValueError("oops"), 70),
    ):
        assert ending(error) == code
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert complain(lambda: 0) == 0
    assert "ValueError: oops" in (tmp_path / "var" / "live.bug.txt").read_text()


def test_a_kernel_bug_is_told_before_everything_that_followed_from_it(tmp_path: Path) -> None:
    bug = KernelBug(EMPTY_DESK, trading_day()[0], AssertionError("it"))
    both = BaseExceptionGroup("tasks", [Complaint("the journal closed"), bug, KeyboardInterrupt()])
    complaint = complaint_of(both, tmp_path / "x.journal")
    assert complaint.code == ExitCode.KERNEL_BUG
    assert complaint.line.startswith("kernel bug: AssertionError: it; evidence in ")
    assert (tmp_path / "x.journal.bug.txt").is_file()


def test_evidence_that_can_not_be_written_goes_to_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    complaint = complaint_of(ValueError("oops"), tmp_path / "file" / "x.journal")
    assert "can't be written" in complaint.line
    assert "ValueError: oops" in capsys.readouterr().err
