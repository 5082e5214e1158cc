"""The shared connection to Redis: whose answer is whose, and what happens when there is none."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from mesh.errors import StoreUnavailable
from mesh.redis import open_client
from mesh.testing import eventually
from seat_svc.stores.connection import CommandRefused, SharedConnection
from stack.engines import ValkeyEngine


@contextlib.asynccontextmanager
async def connection_to(url: str) -> AsyncIterator[SharedConnection]:
    client = open_client(url, "tests")
    connection = SharedConnection(client)
    try:
        yield connection
    finally:
        await connection.aclose()
        await client.aclose()


@pytest.fixture
async def connection(redis_url: str) -> AsyncIterator[SharedConnection]:
    async with connection_to(redis_url) as opened:
        await opened.ping()
        yield opened


async def test_everybody_gets_their_own_answer(connection: SharedConnection) -> None:
    answers = await asyncio.gather(*(connection.run("ECHO", f"word {number}") for number in range(2000)))
    assert answers == [f"word {number}".encode() for number in range(2000)]


async def test_callers_that_go_away_shift_nobodys_answer(connection: SharedConnection) -> None:
    asking = [asyncio.ensure_future(connection.run("ECHO", f"{number}")) for number in range(500)]
    await asyncio.sleep(0)
    for task in asking[::3]:
        task.cancel()
    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    for number, outcome in enumerate(outcomes):
        if number % 3 == 0:
            assert isinstance(outcome, asyncio.CancelledError)
        else:
            assert outcome == f"{number}".encode()
    assert await connection.run("ECHO", "afterwards") == b"afterwards"


async def test_a_cancelled_command_may_have_been_carried_out(connection: SharedConnection) -> None:
    task = asyncio.ensure_future(connection.run("INCR", "count"))
    await asyncio.sleep(0)
    task.cancel()

    async def counted() -> bool:
        return bool(await connection.run("GET", "count") == b"1")

    assert await eventually(counted)


async def test_a_refusal_is_told_to_its_caller_alone(connection: SharedConnection) -> None:
    outcomes: list[object] = await asyncio.gather(
        connection.run("ECHO", "a"),
        connection.run("NOSUCHCOMMAND"),
        connection.run("ECHO", "b"),
        return_exceptions=True,
    )
    refused = outcomes.pop(1)
    assert outcomes == [b"a", b"b"]
    assert isinstance(refused, CommandRefused)
    assert refused.code == "ERR"


async def test_a_server_that_is_away_is_told_at_once_to_all() -> None:
    async with connection_to("redis://127.0.0.1:9/0") as connection:
        outcomes = await asyncio.gather(*(connection.ping() for _ in range(100)), return_exceptions=True)
    assert all(isinstance(outcome, StoreUnavailable) for outcome in outcomes)


async def test_a_server_that_hangs_keeps_nobody_for_long_and_is_found_again(
    valkey: ValkeyEngine, redis_url: str
) -> None:
    async with connection_to(redis_url) as connection:
        await connection.ping()
        valkey.pause()
        try:
            started = asyncio.get_running_loop().time()
            outcomes = await asyncio.gather(*(connection.ping() for _ in range(50)), return_exceptions=True)
            waited = asyncio.get_running_loop().time() - started
        finally:
            valkey.resume()
        assert all(isinstance(outcome, StoreUnavailable) for outcome in outcomes)
        assert waited < 10  # of four
        await connection.ping()


async def test_a_restarted_server_is_found_again_and_knows_what_it_knew(
    valkey: ValkeyEngine, redis_url: str
) -> None:
    async with connection_to(redis_url) as connection:
        await connection.run("SET", "film", "Sintel")

        async def written() -> bool:
            # While a disk is slow the file's end waits in the server's memory for up to two seconds.
            return b"aof_buffer_length:0\r\n" in await connection.run("INFO", "persistence")

        await eventually(written)
        await valkey.kill()
        with pytest.raises(StoreUnavailable):
            await connection.ping()
        await valkey.restart()
        assert await connection.run("GET", "film") == b"Sintel"


async def test_who_waits_when_it_is_closed_is_told(redis_url: str) -> None:
    client = open_client(redis_url, "tests")
    connection = SharedConnection(client)
    await connection.ping()
    waiting = asyncio.ensure_future(connection.run("BLPOP", "nothing", 5))
    await asyncio.sleep(0)
    await connection.aclose()
    with pytest.raises(StoreUnavailable):
        await waiting
    with pytest.raises(StoreUnavailable):
        await connection.ping()
    await client.aclose()


async def test_what_comes_while_a_batch_is_under_way_goes_out_together(
    connection: SharedConnection, redis_url: str
) -> None:
    async with connection_to(redis_url) as onlooker:

        async def reads() -> int:
            told = (await onlooker.run("INFO", "stats")).decode()
            return int(told.partition("total_reads_processed:")[2].split()[0])

        before = await reads()
        slow = asyncio.ensure_future(connection.run("BLPOP", "signal", "0"))
        meanwhile = []
        for number in range(100):
            await asyncio.sleep(0.001)
            meanwhile.append(asyncio.ensure_future(connection.run("ECHO", f"{number}")))
        await asyncio.sleep(0)
        await onlooker.run("RPUSH", "signal", "go on")
        assert await asyncio.gather(*meanwhile) == [f"{number}".encode() for number in range(100)]
        assert await slow == [b"signal", b"go on"]
        # The slow one, the rest together, the onlooker's two; a few for a write that was split on its way.
        assert await reads() - before < 10


async def test_after_a_crowd_the_next_ones_go_together_and_one_alone_waits_for_nobody(
    connection: SharedConnection, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{SharedConnection.__module__}._CROWD_SECONDS", 2.0)
    loop = asyncio.get_running_loop()
    async with connection_to(redis_url) as onlooker:

        async def reads() -> int:
            told = (await onlooker.run("INFO", "stats")).decode()
            return int(told.partition("total_reads_processed:")[2].split()[0])

        before = await reads()
        await asyncio.gather(*(connection.ping() for _ in range(3)))
        next_ones = []
        for number in range(4):
            next_ones.append(asyncio.ensure_future(connection.run("ECHO", f"{number}")))
            await asyncio.sleep(0.02)
        assert await asyncio.gather(*next_ones) == [f"{number}".encode() for number in range(4)]
        # The crowd, the next ones, and the question above.
        assert await reads() - before == 3

        await asyncio.sleep(2)
        started = loop.time()
        for _ in range(5):
            await connection.ping()
        assert loop.time() - started < 2


async def test_what_waits_for_its_batch_is_told_when_the_connection_is_lost(
    valkey: ValkeyEngine, redis_url: str
) -> None:
    async with connection_to(redis_url) as connection:
        await connection.ping()
        valkey.pause()
        try:
            first = asyncio.ensure_future(connection.run("INCR", "first"))
            await asyncio.sleep(0.01)
            second = asyncio.ensure_future(connection.run("INCR", "second"))
            outcomes = await asyncio.gather(first, second, return_exceptions=True)
        finally:
            valkey.resume()
        assert [type(outcome) for outcome in outcomes] == [StoreUnavailable, StoreUnavailable]
        # What had not been sent is not sent later either.
        assert await connection.run("GET", "second") is None
