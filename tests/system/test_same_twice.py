"""The same files and seed give the same orders, fills and books, although sockets and threads are real."""

from pathlib import Path

import pytest

from tests.system.kit import DATA, Files, assert_good, bars, run_live, story

RUNS = 3


def assert_same(folder: Path, *options: str) -> None:
    stories = []
    for run in range(RUNS):
        files = Files(folder / str(run))
        assert_good(run_live(*options, *files.options), files)
        stories.append(story(files.desk()))
    assert stories[0]["orders"]
    assert stories[1:] == stories[:1] * (RUNS - 1)


def test_a_synthetic_session_thrice(tmp_path: Path) -> None:
    assert_same(tmp_path, "--seed", "7")


@pytest.mark.skipif(not DATA.is_dir(), reason="no recorded bars beside the repository (MQD_SHARED_DATA)")
def test_the_wild_recorded_day_thrice(tmp_path: Path) -> None:
    assert_same(tmp_path, "--bars", bars("ETHUSD_2017-09-04.csv"))


def test_another_seed_is_another_session(tmp_path: Path) -> None:
    stories = []
    for seed in ("1", "2"):
        files = Files(tmp_path / seed)
        assert_good(run_live("--seed", seed, *files.options), files)
        stories.append(story(files.desk()))
    assert stories[0] != stories[1]
