"""The collector is calm during a session and as before after it, however it ends; cycles still go."""

import gc

import pytest

from shell.collector import COLLECTIONS_FACTOR, calm_collector


class Knot:
    """Refers to itself."""

    gone = 0

    def __init__(self) -> None:
        self.own = self

    def __del__(self) -> None:
        Knot.gone += 1


def test_calm_within_and_restored_after_an_error() -> None:
    before = gc.get_threshold()
    within: list[object] = []

    def ends_in_an_error() -> None:
        with calm_collector():
            within.extend([gc.get_threshold(), gc.get_freeze_count() > 0])
            raise ValueError("an end")

    with pytest.raises(ValueError, match="an end"):
        ends_in_an_error()
    assert within == [(*before[:2], before[2] * COLLECTIONS_FACTOR), True]
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_what_is_made_within_is_still_collected() -> None:
    with calm_collector():
        before = Knot.gone
        Knot()
        gc.collect()
        assert Knot.gone == before + 1
