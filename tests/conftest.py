"""What holds for every test.

1. Loopback only: a connection to anything else is refused before it leaves (an audit hook, so that no library
   can go around it in this process).
2. Credentials of the environment are dropped before any test begins: no test can reach a real account.
3. Hypothesis has no deadline (no timed tests). Under MQD_TEST_PROFILE=ci its examples are derived from the
   tests, so that a run can be repeated.
4. What the product keeps for its user (XDG_STATE_HOME: locks) goes to a folder of this run, also from
   processes that tests start.
5. Recorded data is read from a folder beside the repository, `shared/data`, or from MQD_SHARED_DATA; tests
   that want it skip with the reason where it is absent.
"""

import atexit
import ipaddress
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

SECRETS: Final = ("APCA_API_KEY_ID", "APCA_API_SECRET_KEY", "APCA_API_BASE_URL", "APCA_API_DATA_URL")
LOCAL_NAMES: Final = frozenset({"localhost", ""})

for secret in SECRETS:
    os.environ.pop(secret, None)

os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="mqd-state-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, print_blob=True)
settings.register_profile("long", settings.get_profile("default"), max_examples=5_000)
settings.load_profile(os.environ.get("MQD_TEST_PROFILE", "default"))


def is_loopback(host: str) -> bool:
    """Whether a host as given to connect() or getaddrinfo() stays on this machine."""
    if host in LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(host.split("%", 1)[0]).is_loopback
    except ValueError:
        return False  # a name: it would have to be looked up elsewhere


def _refuse_the_outside(event: str, args: tuple[object, ...]) -> None:
    if event == "socket.connect":
        address = args[1]
        host = address[0] if isinstance(address, tuple) else ""
    elif event == "socket.getaddrinfo":
        host = args[0] or ""
    else:
        return
    name = host.decode() if isinstance(host, bytes) else str(host)
    if not is_loopback(name):
        raise PermissionError(f"tests use loopback only: {event} to {name!r} was refused (tests/conftest.py)")


sys.addaudithook(_refuse_the_outside)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recorded data; skips where there is none."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("MQD_SHARED_DATA", root.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no recorded data: {folder.name}/ is not beside the repository (or set MQD_SHARED_DATA)")
    return folder
