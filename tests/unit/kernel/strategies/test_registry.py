"""kernel.strategies.registry: a path means one thing for good, an unknown one is named."""

from collections.abc import Iterator

import pytest

from kernel.strategies import registry, vwap_mean_reversion, vwap_micro
from kernel.strategies.parameters import complete
from kernel.strategies.registry import StrategyTaken, StrategyUnknown
from kernel.strategies.vwap_mean_reversion import VwapMeanReversion


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Other tests find the registry as it was."""
    before = dict(registry._BY_PATH)
    yield
    registry._BY_PATH.clear()
    registry._BY_PATH.update(before)


def test_built_ins_are_there_under_both_names() -> None:
    assert registry.resolve("vwap_mean_reversion") is vwap_mean_reversion.STRATEGY
    assert registry.resolve("kernel.strategies.vwap_mean_reversion:STRATEGY") is vwap_mean_reversion.STRATEGY
    assert registry.resolve("vwap_micro") is vwap_micro.STRATEGY
    assert registry.resolve("kernel.strategies.vwap_micro:STRATEGY") is vwap_micro.STRATEGY
    for path, strategy in registry.BUILT_IN:
        assert strategy.validate(strategy.defaults) == (), path
        assert strategy.warmup_bars(strategy.defaults) > 0


def test_what_was_registered_is_found_and_never_changes() -> None:
    mine, other = VwapMeanReversion(), VwapMeanReversion()
    assert not registry.is_registered("my.desk:MINE")
    registry.register("my.desk:MINE", mine)
    registry.register("my.desk:MINE", mine)
    assert registry.resolve("my.desk:MINE") is mine
    with pytest.raises(StrategyTaken, match=r"'my.desk:MINE': already means 'VWAP mean reversion'"):
        registry.register("my.desk:MINE", other)
    with pytest.raises(StrategyTaken):
        registry.register("vwap_micro", other)
    assert registry.resolve("my.desk:MINE") is mine
    assert registry.resolve("vwap_micro") is vwap_micro.STRATEGY


def test_an_unknown_path_is_a_bug_that_says_what_is_known() -> None:
    with pytest.raises(StrategyUnknown, match=r"kernel bug: strategy 'nope' was not registered.*vwap_micro"):
        registry.resolve("nope")
    assert issubclass(StrategyUnknown, LookupError)


@pytest.mark.parametrize("path", ["", " ", "a b", "a\n"])
def test_a_path_is_text_without_spaces(path: str) -> None:
    with pytest.raises(StrategyTaken, match="text without spaces"):
        registry.register(path, VwapMeanReversion())


def test_the_number_of_paths_is_bounded() -> None:
    strategy = VwapMeanReversion()
    for number in range(registry.STRATEGIES_MAX - len(registry.registered())):
        registry.register(f"many:{number}", strategy)
    with pytest.raises(StrategyTaken, match="1000 paths are registered"):
        registry.register("many:more", strategy)


def test_given_parameters_go_over_the_defaults_and_unknown_ones_are_named() -> None:
    strategy = vwap_mean_reversion.STRATEGY
    params = complete(strategy.defaults, (("vwap_period", 5),))
    assert params["vwap_period"] == 5
    assert params["stop"] == strategy.defaults["stop"]
    assert strategy.validate(params) == ()
    (line,) = strategy.validate(complete(strategy.defaults, (("vwap_perod", 5),)))
    assert line.startswith("vwap_perod: unknown; known are vwap_period, ")
