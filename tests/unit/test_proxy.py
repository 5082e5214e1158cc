"""The proxy that stands in for a bad network."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import pytest
import pytest_asyncio

from stack.ports import LOOPBACK
from tests.fixtures.proxy import Proxy, proxy_to


@pytest_asyncio.fixture(loop_scope="session")
async def heard() -> "asyncio.Queue[bytes]":
    """What the server behind the proxy was told."""
    return asyncio.Queue()


@pytest_asyncio.fixture(loop_scope="session")
async def proxy(heard: "asyncio.Queue[bytes]") -> AsyncIterator[Proxy]:
    """In front of a server that answers each line with the same line."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                heard.put_nowait(line)
                writer.write(line)
        except OSError:
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(echo, LOOPBACK, 0)
    async with server, proxy_to(server.sockets[0].getsockname()[1]) as opened:
        yield opened


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, line: bytes, within: float = 5.0) -> bytes:
        """The answer; empty when the connection ended."""
        self.writer.write(line)
        async with asyncio.timeout(within):
            try:
                return await self.reader.readline()
            except OSError:
                return b""


@asynccontextmanager
async def connected(proxy: Proxy) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection(LOOPBACK, proxy.port)
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


async def seconds_of(client: Client, line: bytes) -> float:
    """How long the answer took."""
    begun = monotonic()
    assert await client.ask(line) == line
    return monotonic() - begun


async def test_it_forwards_both_ways(proxy: Proxy) -> None:
    async with connected(proxy) as client:
        assert await client.ask(b"one\n") == b"one\n"
        assert await client.ask(b"two\n") == b"two\n"


async def test_answers_are_late_as_long_as_told(proxy: Proxy) -> None:
    async with connected(proxy) as client:
        async with proxy.late(0.1):
            # The loop counts in whole milliseconds, from the beginning of a turn: each way may be one short.
            assert await seconds_of(client, b"late\n") >= 0.195
        # The quickest of some: the machine may be busy with other things during any one of them.
        assert min([await seconds_of(client, b"soon\n") for _ in range(10)]) < 0.2


async def test_while_it_is_gone_connections_end(proxy: Proxy) -> None:
    async with connected(proxy) as client:
        await client.ask(b"one\n")
        async with proxy.gone():
            assert await client.ask(b"two\n") == b""
            async with connected(proxy) as new:
                assert await new.ask(b"three\n") == b""
    async with connected(proxy) as client:
        assert await client.ask(b"four\n") == b"four\n"


async def test_while_it_is_deaf_nothing_is_answered_and_all_is_lost(
    proxy: Proxy, heard: "asyncio.Queue[bytes]"
) -> None:
    async with connected(proxy) as client:
        async with proxy.deaf():
            with pytest.raises(TimeoutError):
                await client.ask(b"lost\n", within=0.1)
        assert await client.ask(b"lost too\n") == b""
    async with connected(proxy) as client:
        await client.ask(b"heard\n")
    assert heard.get_nowait() == b"heard\n"


async def test_what_is_held_arrives_after_its_sender_has_gone(
    proxy: Proxy, heard: "asyncio.Queue[bytes]"
) -> None:
    async with connected(proxy) as client:
        await client.ask(b"before\n")
        proxy.hold()
        with pytest.raises(TimeoutError):
            await client.ask(b"late\n", within=0.1)
        client.writer.close()
    assert heard.get_nowait() == b"before\n"
    proxy.let_go()
    async with asyncio.timeout(5):
        assert await heard.get() == b"late\n"
