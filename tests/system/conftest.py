"""Fixtures of the system tests."""

from pathlib import Path

import pytest

from tests.system.kit import Files


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """The files of one session."""
    return Files(tmp_path)
