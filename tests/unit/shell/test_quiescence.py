"""The counters that tell whether the shell has nothing in hand."""

from collections.abc import Callable

import trio
import trio.testing

from shell.quiescence import Quiescence


def test_numbers_are_never_given_twice() -> None:
    quiescence = Quiescence()
    numbers = []
    for _ in range(3):
        number = quiescence.next_connection()
        quiescence.register(number)
        quiescence.closed(number)
        numbers.append(number)
    assert numbers == [1, 2, 3]
    assert quiescence.snapshot().streams == {}


def test_a_snapshot_does_not_change_afterward() -> None:
    quiescence = Quiescence()
    quiescence.register(1)
    with quiescence.busy():
        quiescence.count(1)
        before = quiescence.snapshot()
        quiescence.count(1)
    assert (before.streams, before.busy) == ({1: 1}, 1)
    assert quiescence.snapshot()[:2] == ({1: 2}, 0)


def test_each_change_wakes_who_waits() -> None:
    async def main() -> None:
        quiescence = Quiescence()
        quiescence.register(1)
        woken: list[int] = []

        async def wait() -> None:
            version = quiescence.snapshot().version
            while True:
                await quiescence.changed(version)
                version = quiescence.snapshot().version
                woken.append(version)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            changes: tuple[Callable[[], object], ...] = (
                lambda: quiescence.count(1),
                lambda: quiescence.register(2),
                lambda: quiescence.closed(1),
            )
            for change in changes:
                await trio.testing.wait_all_tasks_blocked()
                change()
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert len(woken) == 3

    trio.run(main)


def test_a_stale_version_returns_at_once() -> None:
    async def main() -> None:
        quiescence = Quiescence()
        version = quiescence.snapshot().version
        quiescence.register(1)
        with trio.fail_after(1):
            await quiescence.changed(version)
        assert quiescence.snapshot().version > version

    trio.run(main)


def test_reached_waits_for_every_live_stream_and_for_no_dead_one() -> None:
    async def main() -> None:
        quiescence = Quiescence()
        quiescence.register(1)
        quiescence.register(2)
        done = trio.Event()

        async def wait() -> None:
            await quiescence.reached({1: 2, 2: 1, 3: 99})
            done.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            quiescence.count(1)
            quiescence.count(2)
            await trio.testing.wait_all_tasks_blocked()
            assert not done.is_set()
            quiescence.closed(1)
            with trio.fail_after(1):
                await done.wait()

    trio.run(main)
