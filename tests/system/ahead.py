"""Sessions two at a time: the cases of a module run ahead of the tests that judge them.

    @pytest.fixture(scope="module")
    def ahead(request, tmp_path_factory):
        with run_ahead(request, tmp_path_factory, "test_one", run) as results:
            yield results

    def test_one(ahead, case): result = ahead(case)

1. A session waits for its other process half of the time, so two use two cores well; more only make each
   other late. Each case gets a folder of its own, in the order of the selected tests.
2. A test waits for its own case only, at most RESULT_S_MAX; what the case raised is raised there.
3. Cases of tests that were not selected do not run; after the last test (or the first failure under -x)
   those that have not begun are dropped, and those under way are waited for.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar, cast

import pytest

__all__ = ["RESULT_S_MAX", "run_ahead"]

AT_ONCE: Final = 2
RESULT_S_MAX: Final = 290.0
"""Below pytest's own limit (faulthandler_timeout), so that the test fails with its name."""

Case = TypeVar("Case")
Result = TypeVar("Result")


@contextmanager
def run_ahead(
    request: pytest.FixtureRequest,
    folders: pytest.TempPathFactory,
    test: str,
    run: Callable[[Path, Case], Result],
) -> Iterator[Callable[[Case], Result]]:
    """Runs `run(folder, case)` for each selected case of `test`, whose one parameter is called `case`."""
    futures: dict[Case, Future[Result]] = {}
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="session")
    for item in request.session.items:
        if isinstance(item, pytest.Function) and item.path == request.path and item.originalname == test:
            case = cast(Case, item.callspec.params["case"])
            futures[case] = pool.submit(run, folders.mktemp("session"), case)
    try:
        yield lambda case: futures[case].result(RESULT_S_MAX)
    finally:
        pool.shutdown(cancel_futures=True)
