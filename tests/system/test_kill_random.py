"""SIGKILL at a hundred random points, over ten sessions: no fill lost, no order doubled, none forgotten.

Judged from the exchange's own books (tests/system/judging.py). The points are named by their session's seed
(tests/system/killing.py); a failure prints them, and how to run that session alone.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.system.ahead import run_ahead
from tests.system.killing import EXACT, LAST_SHARE, LOOSE, Kill, Verdict, kills_of, run_killed

KILLS: Final = 10
SESSIONS: Final = 10
TRIES_MAX: Final = 3
"""A kill that came too late is made up for in another session, at most so often."""

FAULTS: Final[dict[int, tuple[str, ...]]] = {
    2: ("lost_response=0.2", "duplicate_update=0.3"),
    5: ("late_fill=0.4", "partial_fills=0.5", "reordered_update=0.2"),
    7: ("lost_response=0.1", "late_fill=0.2", "duplicate_update=0.2", "dropped_update=0.1"),
    9: ("stream_cut=0.1", "refused_response=0.1", "stale_snapshot=0.2"),
}
"""By seed: the exchange misbehaves too."""


def run_session(folder: Path, case: int) -> list[Verdict]:
    """Ten kills of a session; those that came too late are made up for in further sessions."""
    verdicts: list[Verdict] = []
    left = KILLS
    for attempt in range(TRIES_MAX):
        kills = kills_of(case + SESSIONS * attempt, KILLS)[-left:]
        verdicts.append(run_killed(folder / str(attempt), case, kills, FAULTS.get(case, ())))
        left -= sum(each.is_struck for each in verdicts[-1].struck)
        if not left or verdicts[-1].wrong:
            break
    return verdicts


@pytest.fixture(scope="module")
def ahead(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[int], list[Verdict]]]:
    """The sessions, two at a time."""
    with run_ahead(request, tmp_path_factory, "test_killed_ten_times_in_a_session", run_session) as results:
        yield results


@pytest.mark.parametrize("case", range(SESSIONS))
def test_killed_ten_times_in_a_session(ahead: Callable[[int], list[Verdict]], case: int) -> None:
    verdicts = ahead(case)
    again = f"tests/system/test_kill_random.py::test_killed_ten_times_in_a_session[{case}]"
    for verdict in verdicts:
        story = f"{verdict.story}\nseed {case}, files in {verdict.folder}\nagain: python -m pytest '{again}'"
        assert not verdict.wrong, story
        assert verdict.executions > KILLS, story
    struck = sum(each.is_struck for verdict in verdicts for each in verdict.struck)
    assert struck == KILLS, (
        f"{KILLS - struck} kills came too late {TRIES_MAX} times: is the machine overloaded?"
    )


def test_the_points_are_a_hundred_of_every_kind() -> None:
    kills = [kill for seed in range(SESSIONS) for kill in kills_of(seed, KILLS)]
    assert len(kills) == len(set(kills)) == 100
    kinds = {kind: sum(kill.kind == kind for kill in kills) for kind in (*LOOSE, *EXACT)}
    assert min(kinds.values()) >= SESSIONS
    assert sum(kinds.values()) == 100
    for seed in range(SESSIONS):
        bands = [kill.until for kill in kills_of(seed, KILLS)]
        assert bands == sorted(bands)
        assert bands[-1] <= LAST_SHARE + 1e-9
        assert kills_of(seed, KILLS) == kills_of(seed, KILLS)


def test_the_plan_names_a_kill_as_it_is_told() -> None:
    assert str(Kill("sent", 3, 0.0, 0.2)) == "sent 3"
    assert str(Kill("bars", 0.25, 0.0, 0.3)) == "bars 0.250"
