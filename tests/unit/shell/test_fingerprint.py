"""The fingerprint: the same for the same code, another for any other, none where it can't be known."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shell import fingerprint as fingerprint_module
from shell.fingerprint import fingerprint_of
from shell.strategies_loader import load_strategy

BUILT_IN = "vwap_mean_reversion"
SOURCE = """
from kernel.strategies.vwap_mean_reversion import STRATEGY

class Own:
    def __getattr__(self, name):
        return getattr(STRATEGY, name)
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An importable folder; what it brought is forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]
    fingerprint_module._module.cache_clear()


def test_it_is_a_function_of_the_set_of_strategies() -> None:
    one = fingerprint_of([BUILT_IN])
    assert len(one) == 64
    assert one == fingerprint_of([BUILT_IN, BUILT_IN]) == fingerprint_of(["vwap_micro"])
    assert one == fingerprint_of([]), "built-in strategies are part of the kernel"


def test_what_nobody_loaded_has_none() -> None:
    assert fingerprint_of(["nobody.loaded:This"]) == ""


def test_a_strategy_of_its_own_is_covered_with_its_package(package: Path) -> None:
    (package / "mine_a").mkdir()
    (package / "mine_a" / "__init__.py").write_text("")
    (package / "mine_a" / "core.py").write_text(SOURCE)
    helper = package / "mine_a" / "helper.py"
    helper.write_text("FACTOR = 1\n")
    load_strategy("mine_a.core:Own")
    first = fingerprint_of(["mine_a.core:Own"])
    assert first not in ("", fingerprint_of([BUILT_IN]))
    helper.write_text("FACTOR = 2\n")
    assert fingerprint_of(["mine_a.core:Own"]) == first, "what was edited since is not what runs"
    fingerprint_module._module.cache_clear()
    assert fingerprint_of(["mine_a.core:Own"]) not in ("", first)


def test_a_strategy_in_one_file_is_covered(package: Path) -> None:
    (package / "mine_b.py").write_text(SOURCE)
    load_strategy("mine_b:Own")
    first = fingerprint_of(["mine_b:Own"])
    (package / "mine_b.py").write_text(SOURCE + "# a comment\n")
    fingerprint_module._module.cache_clear()
    assert fingerprint_of(["mine_b:Own"]) not in ("", first)


def test_sources_that_can_not_be_read_have_none(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (package / "mine_c.py").write_text(SOURCE)
    load_strategy("mine_c:Own")
    (package / "mine_c.py").unlink()
    assert fingerprint_of(["mine_c:Own"]) == ""
    fingerprint_module._module.cache_clear()
    monkeypatch.setattr(fingerprint_module, "FILES_MAX", 0)
    (package / "mine_c.py").write_text(SOURCE)
    assert fingerprint_of(["mine_c:Own"]) == ""
