"""One command in, one outcome out, whatever happens in between."""

import json

import trio

from kernel.commands import BrokerCall, CancelOrder, FetchAccount, QueryOrder
from kernel.events import AccountBody, Done, DoubtCause, Doubtful, NotFound
from shell.alpaca import AlpacaRest, CallOutcome
from tests.unit.shell.alpaca.servers import NOW, answer, hang, http_server, now, run, settings
from tests.unit.shell.codec.test_account import ACCOUNT


def test_a_call_has_its_result_its_rate_and_its_time() -> None:
    async def main() -> None:
        async with http_server(answer(200, json.dumps(ACCOUNT), X_RateLimit_Remaining="9")) as server:
            rest = AlpacaRest(settings(server.url), now)
            await rest.prepare()
            outcome = await rest.call(FetchAccount(1))
            assert isinstance(outcome.result, AccountBody)
            assert outcome.rate is not None
            assert (outcome.rate.remaining, outcome.asked_at, outcome.notes) == (9, NOW, ())
            await rest.aclose()

    run(main)


def test_what_could_not_be_read_is_kept() -> None:
    async def main() -> None:
        body = json.dumps(ACCOUNT | {"cash": None})
        async with http_server(answer(200, body)) as server:
            rest = AlpacaRest(settings(server.url), now)
            outcome = await rest.call(FetchAccount(1))
            assert isinstance(outcome.result, Doubtful)
            (note,) = outcome.notes
            assert (note.source, note.text, note.problem) == (
                "GET /v2/account",
                body,
                "account.cash: missing",
            )
            await rest.aclose()

    run(main)


def test_a_call_without_an_end_is_in_doubt_and_the_next_one_works() -> None:
    async def main() -> None:
        async with http_server(hang, answer(204)) as server:
            rest = AlpacaRest(settings(server.url, read_timeout=30.0, total_timeout=0.2), now)
            stuck = await rest.call(CancelOrder(1, "a", "b"))
            assert isinstance(stuck.result, Doubtful)
            assert stuck.result.cause is DoubtCause.TIMEOUT
            assert (await rest.call(CancelOrder(2, "a", "b"))).result == Done()
            await rest.aclose()

    run(main)


def test_stuck_threads_are_bounded() -> None:
    async def main() -> None:
        async with http_server(hang) as server:
            rest = AlpacaRest(settings(server.url, read_timeout=3.0, total_timeout=0.01), now)
            rest._limiter.total_tokens = 2
            causes: list[DoubtCause] = []
            for number in range(3):
                result = (await rest.call(FetchAccount(number))).result
                assert isinstance(result, Doubtful)
                causes.append(result.cause)
            assert causes == [DoubtCause.TIMEOUT, DoubtCause.TIMEOUT, DoubtCause.NOT_SENT]

    from unittest.mock import patch

    with patch("shell.alpaca.rest.GRACE_S", 0.1):
        run(main)


def test_one_worker_keeps_the_order_of_calls_and_answers() -> None:
    async def main() -> None:
        async with http_server(answer(404, '{"code":40410000,"message":"order not found"}')) as server:
            rest = AlpacaRest(settings(server.url), now)
            send, receive = trio.open_memory_channel[BrokerCall](100)
            answered: list[int] = []

            async def keep(command: BrokerCall, outcome: CallOutcome) -> None:
                assert isinstance(outcome.result, NotFound)
                answered.append(command.call)

            for number in range(50):
                send.send_nowait(QueryOrder(number, f"mqd-{number}", None))
            send.close()
            await rest.serve(receive, keep)
            assert answered == list(range(50))
            assert [asked.target.rsplit("-", 1)[1] for asked in server.asked] == [
                str(number) for number in range(50)
            ]
            assert server.connections == 1
            await rest.aclose()

    run(main)


def test_several_workers_call_at_once() -> None:
    async def main() -> None:
        arrived = 0
        everybody = trio.Event()

        async def together(stream: trio.SocketStream) -> None:
            nonlocal arrived
            arrived += 1
            if arrived == 3:
                everybody.set()
            await everybody.wait()
            await stream.send_all(answer(204))

        async with http_server(together) as server:
            rest = AlpacaRest(settings(server.url, workers=3), now)
            results: list[object] = []

            async def one(number: int) -> None:
                results.append((await rest.call(CancelOrder(number, "a", "b"))).result)

            async with trio.open_nursery() as nursery:
                for number in range(3):
                    nursery.start_soon(one, number)
            assert results == [Done()] * 3
            await rest.aclose()

    run(main)


def test_a_cancellation_does_not_wait_for_the_thread() -> None:
    async def main() -> None:
        async with http_server(hang) as server:
            rest = AlpacaRest(settings(server.url, read_timeout=2.0), now)
            await rest.prepare()
            with trio.move_on_after(0.1) as scope:
                await rest.call(FetchAccount(1))
            assert scope.cancelled_caught

    run(main)
