"""The project's own papers agree with each other: pins, version, entry points, the gates, the set-up.

1. Every dependency of pyproject.toml is pinned with hashes; the development pins contain the runtime pins; no
   file of pins names an index, a link or a path.
2. Each target that README, CONTRIBUTING and .ci/run mention exists in the Makefile.
3. The set-up script says in one line what to install, and exits with 2, when Python or its venv is missing.
4. Tests cannot reach beyond loopback.
"""

import os
import re
import shutil
import socket
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import is_loopback
from tests.tools.sources import ROOT, tracked_files

PINS = ("requirements.txt", "requirements-dev.txt")
SECONDS_MAX = 60


def project() -> dict[str, Any]:
    """The [project] table."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return table


def canonical(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def wanted(requirements: list[str]) -> set[str]:
    """The names of requirements such as `trio>=0.30,<0.40`."""
    return {canonical(re.split(r"[<>=!~;\[ ]", text, maxsplit=1)[0]) for text in requirements}


def pins(name: str) -> dict[str, list[str]]:
    """Each pin line (`name==version ; marker`) with the hashes that follow it."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / name).read_text("utf-8").splitlines():
        text = line.strip().removesuffix("\\").strip()
        if text.startswith("--hash="):
            found[next(reversed(found))].append(text)
        elif text and not text.startswith("#"):
            found[text] = []
    return found


def names(lines: dict[str, list[str]]) -> set[str]:
    """The distributions that are pinned."""
    return {canonical(line.split("==")[0]) for line in lines}


@pytest.mark.parametrize("name", PINS)
def test_every_pin_is_exact_and_has_hashes(name: str) -> None:
    lines = pins(name)
    assert len(lines) > 20
    for line, hashes in lines.items():
        assert re.fullmatch(r"[a-z0-9._-]+==[\w.+!]+( ; .+)?", line), line
        assert hashes, line
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", text) for text in hashes), line


@pytest.mark.parametrize("name", PINS)
def test_pins_name_no_place(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert not re.search(r"://|@ |^-[-a-z]|^[./]", text, re.MULTILINE)


def test_every_dependency_is_pinned() -> None:
    table = project()
    build = wanted(table["dependency-groups"]["build"]) | wanted(table["build-system"]["requires"])
    runtime = wanted(table["project"]["dependencies"]) | build
    assert runtime <= names(pins("requirements.txt"))
    assert wanted(table["project"]["optional-dependencies"]["dev"]) <= names(pins("requirements-dev.txt"))


def test_development_pins_contain_the_runtime_pins() -> None:
    assert set(pins("requirements.txt")) <= set(pins("requirements-dev.txt"))


def test_version_and_strategies_are_those_of_the_project() -> None:
    table = project()["project"]
    try:
        installed_version = version("miniquantdesk")
    except PackageNotFoundError:
        pytest.skip("the project is not installed here: `make test` does it")
    assert installed_version == table["version"]
    installed = {point.name: point.value for point in entry_points(group="miniquantdesk.strategies")}
    declared = table["entry-points"]["miniquantdesk.strategies"]
    assert declared.items() <= installed.items()
    for point in entry_points(group="miniquantdesk.strategies"):
        if point.name in declared:
            assert point.load() is not None


def test_changelog_knows_the_version_or_an_unreleased_one() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert "## [Unreleased]" in text or f"## [{project()['project']['version']}]" in text


def make_targets() -> set[str]:
    """Targets of the Makefile that help lists."""
    return set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def test_targets_that_are_mentioned_exist() -> None:
    texts = [(ROOT / name).read_text("utf-8") for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
    mentioned = {
        word for text in texts for word in re.findall(r"(?:`|^ {4})make ([a-z]+)", text, re.MULTILINE)
    }
    gates = re.search(r"for gate in ([a-z ]+);", (ROOT / ".ci" / "run").read_text("utf-8"))
    assert gates is not None
    assert {"live", "test", "check", "prove"} <= mentioned | set(gates[1].split())
    assert mentioned | set(gates[1].split()) <= make_targets()


def test_tests_come_last_in_the_whole_gate() -> None:
    gates = re.search(r"for gate in ([a-z ]+);", (ROOT / ".ci" / "run").read_text("utf-8"))
    assert gates is not None
    assert gates[1].split() == ["check", "prove", "test"]


def test_scripts_can_be_run() -> None:
    for path in tracked_files():
        if path.parts[0] in {".ci", "scripts"}:
            assert os.access(ROOT / path, os.X_OK), path
            assert (ROOT / path).read_text("utf-8").startswith("#!"), path


def _set_up(tmp_path: Path, python: str) -> subprocess.CompletedProcess[str]:
    """Run the set-up in an empty tree in which every python3 is the given script."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        (bin_ / name).write_text(f"#!/bin/sh\n{python}\n", "utf-8")
        (bin_ / name).chmod(0o755)
    for tool in ("sh", "dirname", "cat", "rm", "mktemp", "grep", "tail", "touch"):
        found = shutil.which(tool)
        assert found is not None
        (bin_ / tool).symlink_to(found)
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup", tmp_path / "scripts" / "setup")
    return subprocess.run(
        ["sh", str(tmp_path / "scripts" / "setup"), "live"],
        env={"PATH": str(bin_), "MQD_NO_UV": "1"},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a POSIX shell")
def test_set_up_without_venv_says_what_to_install(tmp_path: Path) -> None:
    script = 'case "$*" in *venv*) echo "No module named venv" >&2; exit 1 ;; *) exit 0 ;; esac'
    done = _set_up(tmp_path, script)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "apt-get install python3-venv" in done.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a POSIX shell")
def test_set_up_with_an_old_python_says_what_it_needs(tmp_path: Path) -> None:
    done = _set_up(tmp_path, 'case "$*" in --version) echo Python 3.9.2 ;; *) exit 1 ;; esac')
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "3.11" in done.stderr
    assert "3.9.2" in done.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", ""])
def test_loopback_is_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["192.0.2.1", "0.0.0.0", "2001:db8::1", "broker.example", "localhost.example"]
)
def test_everything_else_is_outside(host: str) -> None:
    assert not is_loopback(host)


def test_tests_cannot_connect_outside() -> None:
    with socket.socket() as client, pytest.raises(PermissionError, match="loopback only"):
        client.connect(("192.0.2.1", 9))
    with pytest.raises(PermissionError, match="loopback only"):
        socket.getaddrinfo("broker.example", 443)
    assert "APCA_API_KEY_ID" not in os.environ
