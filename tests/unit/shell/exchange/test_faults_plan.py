"""Plans and draws: what flags and files may say, that names are fixed, that chance repeats and heals."""

from pathlib import Path

import pytest

from shell.exchange.__main__ import parse_arguments
from shell.exchange.faults.agenda import AGENDA_MAX, Agenda
from shell.exchange.faults.draws import Draws
from shell.exchange.faults.menu import MENU, WORLD
from shell.exchange.faults.plan import FaultPlan, FaultPlanError, load_plan, make_plan, parse_fault
from shell.exchange.settings import SetupError

NAMES = """
lost_response refused_response slow_response hang server_error bad_body rate_limited foreign_budget
duplicate_update reordered_update dropped_update stream_mute stream_cut stream_refused binary_frames
unknown_word
partial_fills late_fill cancel_rejected stuck_cancel replace_race replace_rejected bust_correct stale_snapshot
truncated_pages manual_trade orphan_order shadow_order id_collision account_refusal symbol_trouble bad_ticks
credentials
"""


def test_the_menu_has_the_fixed_names() -> None:
    assert set(MENU) == set(NAMES.split())
    assert set(WORLD) == {"crash", "disk", "clock", "slow_consumer", "split_brain", "operator"}
    for name, fault in MENU.items():
        assert fault.drawn, name
        assert fault.meaning, name
        for key, option in fault.options.items():
            assert option.low <= option.default <= option.high, (name, key)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lost_response", "expected NAME=RATE"),
        ("lost_response=often", "'often' is not a number from 0 to 1"),
        ("lost_response=1.5", "must be a number from 0 to 1"),
        ("lost_response=nan", "must be a number from 0 to 1"),
        ("gremlins=1", "unknown fault 'gremlins'; known are lost_response,"),
        (
            "disk=0.5",
            "disk is no fault of the exchange: it fails the journal's writes; lives in the simulated",
        ),
    ],
)
def test_bad_flags_are_one_line(text: str, message: str) -> None:
    with pytest.raises(FaultPlanError) as caught:
        parse_fault(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_and_flags(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(
        "heal = false\n[faults]\nhang = 0.5\nstream_mute = 1\n"
        '[options.stream_mute]\nfor_s = 30\nkinds = ["order"]\n'
    )
    plan = make_plan(["hang=0.25", "bad_ticks=1"], file)
    assert plan.rates == {"hang": 0.25, "stream_mute": 1.0, "bad_ticks": 1.0}
    assert (plan.options, plan.kinds, plan.heal) == (
        {"stream_mute": {"for_s": 30.0}}, {"stream_mute": ("order",)}, False
    )  # fmt: skip
    assert make_plan([], None).is_calm
    settings = parse_arguments(["--fault", "hang=0.25", "--faults", str(file)])
    assert settings.faults.rates["hang"] == 0.25


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[faults]\nhang = true\n", "must be a number from 0 to 1"),
        ("[faults\n", "not TOML"),
        ("[fault]\nhang = 1\n", "unknown key 'fault'"),
        ("faults = 3\n", "are tables"),
        ("heal = 1\n", "heal must be true or false"),
        ("[options.hang]\nfor_s = 3\n", "options.hang has no 'for_s'; known are for_ms, kinds"),
        ("[options.hang]\nfor_ms = 0\n", "options.hang.for_ms must be 1 to 120000"),
        ("[options.hang]\nkinds = ['never']\n", "kinds must be some of before, after"),
        ("[options.clock]\nx = 1\n", "clock is no fault of the exchange"),
        ("#" * 70_000, "more than 65536 bytes"),
    ],
)
def test_bad_files_are_one_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(text)
    with pytest.raises(FaultPlanError) as caught:
        load_plan(file)
    assert message in str(caught.value)
    with pytest.raises(SetupError):
        parse_arguments(["--faults", str(file)])
    with pytest.raises(FaultPlanError, match="no such file"):
        load_plan(tmp_path / "absent.toml")


def test_draws_repeat_and_do_not_depend_on_other_faults() -> None:
    alone = Draws(FaultPlan(rates={"hang": 0.3}), 7)
    among = Draws(FaultPlan(rates={"hang": 0.3, "bad_body": 0.5}), 7)
    other = Draws(FaultPlan(rates={"hang": 0.3}), 8)
    first, second, third = [], [], []
    for _ in range(200):
        first.append(alone.fires("hang"))
        among.fires("bad_body")
        among.kind("bad_body")
        second.append(among.fires("hang"))
        third.append(other.fires("hang"))
    assert first == second != third
    assert 30 < sum(first) < 90
    assert alone.fires("bad_body") is False, "what is not planned never fires"


def test_rates_of_nothing_and_everything_and_healing() -> None:
    draws = Draws(FaultPlan(rates={"hang": 1.0, "bad_body": 0.0}), 0)
    assert all(draws.fires("hang") for _ in range(50))
    assert not any(draws.fires("bad_body") for _ in range(50))
    draws.is_on = False
    assert not any(draws.fires("hang") for _ in range(50))
    assert draws.counts == {"hang": 0}, "what fired did not happen until somebody says so"
    draws.hit("hang")
    assert draws.counts == {"hang": 1}


def test_kinds_are_those_of_the_plan() -> None:
    draws = Draws(FaultPlan(rates={"bad_body": 1.0}, kinds={"bad_body": ("null", "extra")}), 0)
    assert {draws.kind("bad_body") for _ in range(50)} == {"null", "extra"}
    assert draws.kind("bad_body", among=("word",)) is None
    assert draws.one_of([]) is None


def test_the_agenda_keeps_order_and_its_bound() -> None:
    agenda, done = Agenda(), list[tuple[str, int]]()
    agenda.put(5, lambda now: done.append(("b", now)))
    agenda.put(3, lambda now: done.append(("a", now)))
    agenda.put(5, lambda now: done.append(("c", now)))
    assert agenda.next_due() == 3
    agenda.run(4)
    agenda.flush(9)
    assert done == [("a", 4), ("b", 9), ("c", 9)]
    assert agenda.next_due() is None
    for at in range(AGENDA_MAX):
        assert agenda.put(at, lambda _: None)
    assert not agenda.put(0, lambda _: None)
