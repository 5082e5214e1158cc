"""The load client's own HTTP/2 against a real gRPC server: what it says of a call has to be so."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import grpc
import pytest
from grpc import aio

from bench.calls import Caller, CallFailed

_PATH: Final = "/test.Bytes/Call"
_MEGABYTE: Final = 1_000_000

Handle = Callable[[bytes, "aio.ServicerContext[Any, Any]"], Awaitable[bytes]]


@asynccontextmanager
async def calling(handle: Handle) -> AsyncIterator[tuple[Caller, "aio.Server"]]:
    """A connection to a server whose one method takes and gives bytes."""
    server = aio.server()
    handler: Any = grpc.unary_unary_rpc_method_handler(handle)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Bytes", {"Call": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    caller = await Caller.connected(f"127.0.0.1:{port}", "secret")
    try:
        yield caller, server
    finally:
        caller.close()
        await server.stop(None)


async def test_each_call_gets_its_own_answer_also_when_they_cross() -> None:
    last_came = asyncio.Event()

    async def handle(request: bytes, _context: Any) -> bytes:
        if request == b"99":
            last_came.set()
        await last_came.wait()
        return b"for " + request

    async with calling(handle) as (caller, _):
        requests = [b"%d" % number for number in range(100)]
        answers = await asyncio.gather(*(caller.call(_PATH, request) for request in requests))
    assert answers == [b"for " + request for request in requests]


async def test_the_server_is_told_who_calls_and_for_how_long() -> None:
    async def handle(_request: bytes, context: "aio.ServicerContext[Any, Any]") -> bytes:
        told = dict(context.invocation_metadata() or ())
        return f"{told['authorization']!r} {context.time_remaining():.0f}".encode()

    async with calling(handle) as (caller, _):
        assert await caller.call(_PATH, b"") in (b"'Bearer secret' 20", b"'Bearer secret' 19")


@pytest.mark.parametrize("size", [0, 1, 16_384, _MEGABYTE])
async def test_answers_of_any_size_arrive_whole(size: int) -> None:
    async def handle(_request: bytes, _context: Any) -> bytes:
        return b"\1" * size

    async with calling(handle) as (caller, _):
        assert await caller.call(_PATH, b"") == b"\1" * size


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
async def test_a_failed_call_says_its_status(code: grpc.StatusCode) -> None:
    async def handle(_request: bytes, context: "aio.ServicerContext[Any, Any]") -> bytes:
        await context.abort(code, "no")

    async with calling(handle) as (caller, _):
        for _ in range(2):
            with pytest.raises(CallFailed) as failed:
                await caller.call(_PATH, b"")
            assert failed.value.status == code.name


async def test_an_unknown_method_is_no_answer() -> None:
    async def handle(_request: bytes, _context: Any) -> bytes:
        return b""

    async with calling(handle) as (caller, _):
        with pytest.raises(CallFailed, match="UNIMPLEMENTED"):
            await caller.call("/test.Bytes/Other", b"")


async def test_what_is_under_way_fails_with_its_connection_and_so_does_what_comes_later() -> None:
    begun = asyncio.Event()

    async def handle(_request: bytes, _context: Any) -> bytes:
        begun.set()
        await asyncio.Event().wait()
        return b""

    async with calling(handle) as (caller, _):
        under_way = asyncio.create_task(caller.call(_PATH, b""))
        await begun.wait()
        caller.close()
        with pytest.raises(CallFailed, match="CONNECTION_LOST"):
            await under_way
        with pytest.raises(CallFailed, match="lost"):
            await caller.call(_PATH, b"")


async def test_more_than_the_server_takes_is_refused_here_and_harms_no_other_call() -> None:
    go_on = asyncio.Event()

    async def handle(request: bytes, _context: Any) -> bytes:
        await go_on.wait()
        return request[:1]

    async with calling(handle) as (caller, _):
        small = asyncio.create_task(caller.call(_PATH, b"small"))
        await asyncio.sleep(0)
        with pytest.raises(CallFailed, match="takes no more"):
            await caller.call(_PATH, bytes(_MEGABYTE))
        go_on.set()
        assert await small == b"s"
        assert await caller.call(_PATH, b"again") == b"a"


async def test_the_windows_grow_again_with_what_the_server_has_read() -> None:
    async def handle(request: bytes, _context: Any) -> bytes:
        return request[:1]

    async with calling(handle) as (caller, _):
        for _ in range(100):
            assert await caller.call(_PATH, b"x" * 10_000) == b"x"
