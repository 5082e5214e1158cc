"""Hints of changes over a subscription that is cut, or that nobody answers any more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mesh.background import Background
from mesh.testing import eventually
from seat_svc.domain.seats import SeatDelta
from seat_svc.domain.show import Show
from seat_svc.stores.hints import RedisChangeHints
from seat_svc.stores.redis import RedisSeatLedger
from seat_svc.stores.servers import open_servers
from stack.engines import ValkeyEngine
from stack.ports import LOOPBACK
from tests.fixtures.proxy import Proxy, proxy_to
from tests.fixtures.seats import a_show, an_order, put_in_place


@asynccontextmanager
async def listening(proxy: Proxy) -> AsyncIterator[RedisChangeHints]:
    servers = open_servers(f"redis://{LOOPBACK}:{proxy.port}/0", "tests")
    hints = RedisChangeHints(servers)
    background = Background()
    background.every("seat-changes", 0.1, hints.listen)
    try:
        yield hints
    finally:
        await background.close(5)
        await servers.aclose()


@pytest.fixture
async def show(ledger: RedisSeatLedger) -> Show:
    return await put_in_place(ledger, a_show())


async def heard_again(ledger: RedisSeatLedger, show: Show, heard: list[SeatDelta]) -> None:
    """Changes the show until a change is heard of."""
    before = len(heard)

    async def change_is_heard() -> bool:
        hold = await ledger.hold(show, an_order("A1"), ())
        await ledger.release(show, hold.hold_id, an_order("A1").request_id)
        return len(heard) > before

    assert await eventually(change_is_heard, within_seconds=20, every_seconds=0.1)


async def test_hints_come_again_after_the_connection_was_cut(
    ledger: RedisSeatLedger, show: Show, valkey: ValkeyEngine
) -> None:
    heard: list[SeatDelta] = []
    async with proxy_to(valkey.port) as proxy, listening(proxy) as hints:
        hints.follow(show.show_id, heard.append)
        await heard_again(ledger, show, heard)
        await proxy.cut()
        await heard_again(ledger, show, heard)


async def test_a_subscription_that_fell_silent_is_given_up(
    ledger: RedisSeatLedger, show: Show, valkey: ValkeyEngine
) -> None:
    # As when the server's machine vanishes: the connection stays, and nothing comes over it any more.
    async with proxy_to(valkey.port) as proxy:
        servers = open_servers(f"redis://{LOOPBACK}:{proxy.port}/0", "tests")
        heard: list[SeatDelta] = []
        hints = RedisChangeHints(servers)
        hints.follow(show.show_id, heard.append)
        listening_once = asyncio.create_task(hints.listen())
        try:
            await heard_again(ledger, show, heard)
            # Much longer than a silence that is no fault.
            await asyncio.sleep(3.5)
            assert not listening_once.done()
            proxy.hold()
            await asyncio.wait_for(listening_once, 20)
        finally:
            listening_once.cancel()
            proxy.let_go()
            await servers.aclose()
