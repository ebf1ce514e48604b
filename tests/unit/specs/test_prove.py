"""The proof runner fails when it should: a false law, nothing to prove, a prover that finds nothing.

Small law files in a temporary folder; the real CrossHair, the real kernel.
"""

import json
from pathlib import Path

import pytest

from specs import prove_crosshair
from specs.prove import main
from specs.prove_laws import (
    BOUNDED_MAX,
    ProveError,
    Verdict,
    check_kernel,
    discover,
    read_bounded,
    read_planted,
)

HERE = Path(__file__).resolve().parents[3]

TRUE_LAW = '''
def doubling_is_adding(n: int) -> bool:
    """Twice is once more.

    Promise: I9
    post: __return__
    """
    return 2 * n == n + n
'''

FALSE_LAW = '''
def one_is_missing(n: int) -> bool:
    """False at one number.

    Promise: I4, I5
    post: __return__
    """
    return n != 987_654_321
'''

CANARY = '''
PLANTED = {"bird": "424242"}


def bird(n: int) -> bool:
    """False at one number.

    Promise: I9
    post: __return__
    """
    return n != 424_242
'''

BOUNDED = """
[[law]]
name = "law_a.doubling_is_adding"
bound = "all of it"
reason = "a test"
"""


def written(folder: Path, law: str = TRUE_LAW, canary: str = CANARY, bounded: str | None = None) -> Path:
    """A folder with one law file, a canary, and a bounded list where one is given."""
    folder.joinpath("law_a.py").write_text(law, encoding="utf-8")
    folder.joinpath("canary.py").write_text(canary, encoding="utf-8")
    if bounded is not None:
        folder.joinpath("bounded.toml").write_text(bounded, encoding="utf-8")
    return folder


def test_a_true_law_is_confirmed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "proof.json"
    assert main(["--laws", str(written(tmp_path)), "--json", str(report)]) == 0
    shown = json.loads(report.read_text(encoding="utf-8"))
    [law] = shown["laws"]
    assert (law["name"], law["promise"], law["verdict"]) == ("law_a.doubling_is_adding", "I9", "confirmed")
    assert law["seconds"] > 0
    assert (shown["functions"], shown["canaries"]) == (1, 1)
    assert (
        "1 confirmed over all paths, 0 bounded, 0 failed, 1 of 1 canaries caught" in capsys.readouterr().out
    )


def test_a_false_law_fails_and_names_the_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "proof.json"
    assert main(["--laws", str(written(tmp_path, TRUE_LAW + FALSE_LAW)), "--json", str(report)]) == 1
    shown = {law["name"]: law for law in json.loads(report.read_text(encoding="utf-8"))["laws"]}
    assert shown["law_a.one_is_missing"]["verdict"] == "failed"
    assert shown["law_a.one_is_missing"]["promise"] == "I4,I5"
    assert shown["law_a.doubling_is_adding"]["verdict"] == "confirmed"
    captured = capsys.readouterr()
    assert "987654321" in captured.out
    assert "law_a.one_is_missing" in captured.err


def test_a_bounded_law_is_shown_as_such(tmp_path: Path) -> None:
    report = tmp_path / "proof.json"
    folder = written(tmp_path, bounded=BOUNDED)
    assert main(["--laws", str(folder), "--json", str(report)]) == 0
    assert json.loads(report.read_text(encoding="utf-8"))["laws"][0]["verdict"] == "bounded"


def test_a_bounded_law_may_not_be_false(tmp_path: Path) -> None:
    folder = written(tmp_path, FALSE_LAW, bounded=BOUNDED.replace("doubling_is_adding", "one_is_missing"))
    assert main(["--laws", str(folder)]) == 1


def test_a_missed_canary_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A canary without a bug is what a blind prover would make of one."""
    folder = written(tmp_path, canary=CANARY.replace("n != 424_242", "n == n"))
    assert main(["--laws", str(folder)]) == 1
    captured = capsys.readouterr()
    assert "CANARY canary.bird: the planted bug at 424242 was not found" in captured.out
    assert "canaries missed" in captured.err


def test_a_canary_refuted_at_another_figure_is_missed(tmp_path: Path) -> None:
    folder = written(tmp_path, canary=CANARY.replace("n != 424_242", "n != 17"))
    assert main(["--laws", str(folder)]) == 1


def test_a_precondition_that_nothing_meets_fails(tmp_path: Path) -> None:
    law = TRUE_LAW.replace("    post:", "    pre: n > 0 and n < 0\n    post:")
    assert main(["--laws", str(written(tmp_path, law))]) == 1


def test_a_law_that_raises_fails(tmp_path: Path) -> None:
    assert main(["--laws", str(written(tmp_path, TRUE_LAW.replace("2 * n", "2 // n")))]) == 1


def test_a_search_that_does_not_end_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    law = TRUE_LAW.replace("2 * n == n + n", "int(str(n)) == n").replace("post:", "pre: n > 0\n    post:")
    assert main(["--laws", str(written(tmp_path, law)), "--seconds", "2"]) == 1
    assert "Not confirmed" in capsys.readouterr().out


def test_a_prover_that_dies_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--laws", str(written(tmp_path, "import no_such_module_at_all\n" + TRUE_LAW))]) == 1
    assert "0 laws were checked, 1 were found" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("law", "message"),
    [
        ("", "a law file without laws"),
        ("def _helper() -> bool:\n    return True\n", "a law file without laws"),
        (TRUE_LAW.replace("    post: __return__\n", ""), "without `post:` proves nothing"),
        (TRUE_LAW.replace("post: __return__", "post: True"), "does not speak of __return__"),
        (TRUE_LAW.replace("Promise: I9", "Promise: I15"), "no line `Promise: I9`"),
        (TRUE_LAW.replace("Promise: I9\n", ""), "no line `Promise: I9`"),
        (TRUE_LAW + TRUE_LAW, "written twice"),
        ("def broken(:\n", "can't be read"),
    ],
)
def test_what_is_no_law_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], law: str, message: str
) -> None:
    assert main(["--laws", str(written(tmp_path, law))]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_an_empty_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--laws", str(tmp_path)]) == 1
    assert "nothing to prove" in capsys.readouterr().err
    assert main(["--laws", str(written(tmp_path)), "--only", "no_such_law"]) == 1
    assert "no law has this in its name" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("canary", "message"),
    [
        (None, "no canaries"),
        ("PLANTED = {}\n", "PLANTED must name each canary"),
        (CANARY.replace('"bird"', '"fish"'), "PLANTED must name each canary"),
    ],
)
def test_a_proof_without_a_canary_is_refused(tmp_path: Path, canary: str | None, message: str) -> None:
    folder = written(tmp_path, canary=canary or "")
    if canary is None:
        folder.joinpath("canary.py").unlink()
    with pytest.raises(ProveError, match=message):
        read_planted(folder / "canary.py")
    assert main(["--laws", str(folder)]) == 1


@pytest.mark.parametrize(
    ("bounded", "message"),
    [
        (BOUNDED.replace("doubling", "tripling"), "is no law"),
        (BOUNDED.replace('"all of it"', '" "'), "lacks bound"),
        (BOUNDED.replace('reason = "a test"', ""), "lacks reason"),
        (BOUNDED * (BOUNDED_MAX + 1), "at most 6"),
        ("law = {", "can't be read"),
    ],
)
def test_a_bad_bounded_list_is_refused(tmp_path: Path, bounded: str, message: str) -> None:
    folder = written(tmp_path, bounded=bounded)
    with pytest.raises(ProveError, match=message):
        read_bounded(folder / "bounded.toml", discover(folder))


@pytest.mark.parametrize("name", ["ids.cpython-311-x86_64-linux-gnu.so", "ids.abi3.so", "ids.pyd", "ids.pyc"])
def test_a_compiled_kernel_is_refused(tmp_path: Path, name: str) -> None:
    room = tmp_path / "kernel" / "room"
    room.mkdir(parents=True)
    tmp_path.joinpath("kernel", "__init__.py").write_text('"""A kernel."""\n', encoding="utf-8")
    room.joinpath(name).write_bytes(b"\x00")
    with pytest.raises(ProveError, match="compiled module"):
        check_kernel(tmp_path / "kernel")


def test_a_kernel_from_elsewhere_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "kernel"
    folder.mkdir()
    with pytest.raises(ProveError, match="no kernel source"):
        check_kernel(folder)
    folder.joinpath("__init__.py").write_text('"""Another kernel."""\n', encoding="utf-8")
    with pytest.raises(ProveError, match="the kernel that Python imports is"):
        check_kernel(folder)


def test_bad_usage_exits_2() -> None:
    for arguments in (["--jobs", "0"], ["--seconds", "-1"], ["--no-such-option"]):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2


def test_the_projects_own_laws_are_well_formed() -> None:
    """All law files of the repository are found, promised, and the bounded list is short and true."""
    laws = discover(HERE / "specs")
    assert {law.name.partition(".")[0] for law in laws} >= {
        "law_executions",
        "law_ids",
        "law_lots",
        "law_orders_status",
        "law_rounding",
        "law_throttle",
        "law_units",
    }
    assert len(read_bounded(HERE / "specs" / "bounded.toml", laws)) <= BOUNDED_MAX
    assert len(read_planted(HERE / "specs" / "canary.py")) >= 1
    assert check_kernel(HERE / "kernel") > 0


def test_words_that_are_not_known_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later CrossHair that says it otherwise must not pass for a confirmation."""
    [law] = discover(written(tmp_path))
    monkeypatch.setattr(prove_crosshair, "CONFIRMED", "info: Proved.")
    assert prove_crosshair.check_law(law, 10.0, False).verdict is Verdict.FAILED
