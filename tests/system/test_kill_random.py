"""SIGKILL at a hundred random points, over ten sessions: no fill lost, no order doubled, none forgotten.

Judged from the exchange's own books (tests/system/judging.py). The points are named by their session's seed
(tests/system/killing.py); a failure prints them, and how to run that session alone.
"""

from pathlib import Path
from typing import Final

import pytest

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


@pytest.mark.parametrize("seed", range(SESSIONS))
def test_killed_ten_times_in_a_session(tmp_path: Path, seed: int) -> None:
    left = KILLS
    for attempt in range(TRIES_MAX):
        kills = kills_of(seed + 1_000 * attempt, KILLS)[-left:]
        verdict = run_killed(tmp_path / str(attempt), seed, kills, FAULTS.get(seed, ()))
        assert not verdict.wrong, explained(verdict, seed, tmp_path)
        assert verdict.executions > KILLS, explained(verdict, seed, tmp_path)
        left -= sum(each.is_struck for each in verdict.struck)
        if not left:
            return
    pytest.fail(f"{left} of {KILLS} kills came too late in {TRIES_MAX} sessions: is the machine overloaded?")


def explained(verdict: Verdict, seed: int, folder: Path) -> str:
    """The failure for whoever has to find its cause."""
    again = f"tests/system/test_kill_random.py::{test_killed_ten_times_in_a_session.__name__}[{seed}]"
    return f"{verdict.story}\nseed {seed}, files in {folder}\nagain: python -m pytest '{again}'"


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
