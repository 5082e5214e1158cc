"""seat_svc on a cluster of three servers: who is harmed when one of them goes away, and who is not."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from matinee.seat.v1 import seat_pb2
from redis.asyncio import Redis
from redis.crc import key_slot

from mesh import mongo
from mesh.errors import RemoteError
from mesh.ids import new_request_id
from mesh.testing import FakeClock, calling, eventually
from seat_svc.domain.seats import SeatState
from seat_svc.stores.mongo import MongoSales
from seat_svc.stores.redis import changes_channel
from seat_svc.theatres.hosted.settlement import Settlement
from stack.engines import ValkeyCluster, ValkeyNode
from stack.errors import ProcessFailed
from tests.concurrency.test_seats_sold_once import ROUNDS, SEATS, sell_out
from tests.fixtures.cluster import a_show_on
from tests.fixtures.engines import MongoDatabase
from tests.fixtures.seat_service import SeatService, seat_service
from tests.fixtures.seats import (
    KnownShows,
    a_purchase,
    a_sale,
    an_order,
    hall,
    open_ledger,
    open_theatre,
    put_in_place,
)

NODES = 3
ANSWERED_WITHIN = 8.0
DEAD = 1


@pytest.fixture
async def inventory(
    mongo_database: MongoDatabase, valkey_cluster: ValkeyCluster, cluster_url: str
) -> AsyncIterator[SeatService]:
    """A running inventory with one show on each server, in this order."""
    shows = [a_show_on(valkey_cluster, number) for number in range(NODES)]
    async with seat_service(mongo_database, cluster_url, *shows) as service:
        yield service


@contextlib.asynccontextmanager
async def killed(cluster: ValkeyCluster, number: int) -> AsyncIterator[None]:
    """Without one of the servers; it is there again afterwards."""
    await cluster.nodes[number].kill()
    try:
        yield
    finally:
        await cluster.nodes[number].restart()
        await cluster.until_formed()


async def refusal_of(inventory: SeatService, show_id: str, seat_id: str) -> tuple[str, float]:
    """Why a hold is refused, and how long that took."""
    started = asyncio.get_running_loop().time()
    try:
        await inventory.hold(seat_id, show_id=show_id)
    except RemoteError as error:
        return error.reason, asyncio.get_running_loop().time() - started
    return "", 0.0


async def answers(inventory: SeatService, show_id: str, seat_id: str) -> bool:
    reason, _ = await refusal_of(inventory, show_id, seat_id)
    return reason in ("", "SEAT_TAKEN")


async def test_a_server_that_is_killed_takes_only_its_own_shows_along(
    inventory: SeatService, valkey_cluster: ValkeyCluster
) -> None:
    shows = list(inventory.catalogue.shows)
    request_id = new_request_id()
    held = await inventory.hold("A1", "A2", show_id=shows[DEAD], request_id=request_id)
    sold = await inventory.hold("B1", show_id=shows[DEAD], holder_id="bert")
    tickets = await inventory.confirm(sold, "booking-1")
    async with killed(valkey_cluster, DEAD):
        for number, show_id in enumerate(shows):
            reason, seconds = await refusal_of(inventory, show_id, "C1")
            assert reason == ("STORE_UNAVAILABLE" if number == DEAD else "")
            assert seconds < ANSWERED_WITHIN
        # A sale of another show is made to its end, and who balances calls leaves this process in place.
        other = await inventory.hold("C2", show_id=shows[0])
        assert len(await inventory.confirm(other, "booking-2")) == 1
        async with calling(inventory.address, timeout_seconds=5) as channel:
            asked = health_pb2.HealthCheckRequest(service="matinee.seat.v1.SeatService")
            stub: Any = channel.stub(health_pb2_grpc.HealthStub)
            health = await stub.Check(asked)
            assert health.status == health_pb2.HealthCheckResponse.SERVING
    assert await eventually(lambda: answers(inventory, shows[DEAD], "C1"))
    again = await inventory.hold("A1", "A2", show_id=shows[DEAD], request_id=request_id)
    assert again.hold_id == held.hold_id
    assert await inventory.confirm(sold, "booking-1") == tickets
    assert (await inventory.states(shows[DEAD]))["B1"] == "SOLD"


async def test_a_server_that_hangs_keeps_its_callers_for_seconds_and_nobody_else(
    inventory: SeatService, valkey_cluster: ValkeyCluster
) -> None:
    shows = list(inventory.catalogue.shows)
    for show_id in shows:
        await inventory.hold("A1", show_id=show_id)
    valkey_cluster.nodes[DEAD].pause()
    try:
        outcomes = await asyncio.gather(*(refusal_of(inventory, show_id, "A2") for show_id in shows))
    finally:
        valkey_cluster.nodes[DEAD].resume()
        await valkey_cluster.until_formed()
    assert [reason for reason, _ in outcomes] == ["", "STORE_UNAVAILABLE", ""]
    assert max(seconds for _, seconds in outcomes) < ANSWERED_WITHIN
    assert await eventually(lambda: answers(inventory, shows[DEAD], "A2"))


async def test_watchers_of_all_shows_hear_over_one_subscription_wherever_it_is(
    inventory: SeatService, valkey_cluster: ValkeyCluster
) -> None:
    shows = list(inventory.catalogue.shows)
    told: list[int] = [0] * NODES

    async def watch(number: int) -> None:
        request = seat_pb2.WatchSeatsRequest(show_id=shows[number])
        async for _ in inventory.seats.WatchSeats(request, timeout=60):
            told[number] += 1

    async def subscribers() -> list[int]:
        """Of the channel of each show, added up over all servers."""
        found = [0] * NODES
        for node in filter(lambda node: node.running, valkey_cluster.nodes):
            async with Redis.from_url(node.url) as client:
                counts = await client.pubsub_numsub(*map(changes_channel, shows))
                found = [sum(pair) for pair in zip(found, (count for _, count in counts), strict=True)]
        return found

    async def all_subscribed() -> bool:
        return await subscribers() == [1] * NODES

    watching = [asyncio.create_task(watch(number)) for number in range(NODES) for _ in range(5)]
    try:
        assert await eventually(all_subscribed)
        for turn in range(NODES):
            # Wherever the subscription is: each of the servers is without it for a while.
            async with killed(valkey_cluster, turn):
                alive = [number for number in range(NODES) if number != turn]
                assert await eventually(all_subscribed)
                before = list(told)
                for number in alive:
                    await inventory.hold(f"A{turn + 1}", show_id=shows[number])

                async def heard(before: list[int] = before, alive: list[int] = alive) -> bool:
                    return all(told[number] >= before[number] + 5 for number in alive)

                assert await eventually(heard)
            assert await eventually(partial(answers, inventory, shows[turn], "E1"))
    finally:
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)


async def test_on_a_cluster_too_ten_seats_go_to_exactly_ten_of_fifty_buyers(
    valkey_cluster: ValkeyCluster, cluster_url: str, sales: MongoSales
) -> None:
    async with open_ledger(cluster_url) as one, open_ledger(cluster_url) as other:
        for number in range(ROUNDS):
            show = a_show_on(valkey_cluster, number % NODES, layout=hall(1, SEATS))
            async with (
                open_theatre(one, sales, KnownShows(show)) as first,
                open_theatre(other, sales, KnownShows(show)) as second,
            ):
                outcome = await sell_out([first, second], show)
            assert len(outcome.tickets) == SEATS
            assert set(outcome.tickets.values()) == {1}
            assert set(outcome.holders.values()) == {1}


async def test_a_show_is_found_where_its_slot_was_moved_to(
    valkey_cluster: ValkeyCluster, cluster_url: str
) -> None:
    show = a_show_on(valkey_cluster, 0)
    key = f"{{{show.show_id}}}:facts"
    here, there = valkey_cluster.nodes[0], valkey_cluster.nodes[2]
    async with open_ledger(cluster_url) as ledger:
        await put_in_place(ledger, show)
        held = await ledger.hold(show, an_order("A1"), ())
        await _move(here, there, key)
        try:
            assert (await ledger.find_hold(show, held.hold_id)).seat_ids == ("A1",)
            await ledger.hold(show, an_order("A2", holder="bert"), ())
        finally:
            await _move(there, here, key)
        states = (await ledger.seat_map(show)).seat_map.states
        assert list(states[:3]) == [SeatState.HELD, SeatState.HELD, SeatState.AVAILABLE]


async def _move(source: ValkeyNode, target: ValkeyNode, key: str) -> None:
    """The key's slot with all keys in it, at once, as Valkey 9 does it; the others' view of it follows."""
    slot = str(key_slot(key.encode()))
    target_id = await target.ask("CLUSTER", "MYID")
    await source.ask("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", target_id)

    async def moved() -> bool:
        try:
            return await target.ask("EXISTS", key) == "1"
        except ProcessFailed:  # it is still the other's
            return False

    assert await eventually(moved)


async def test_what_a_server_forgot_is_told_to_it_however_long_it_was_away(
    mongo_database: MongoDatabase, valkey_cluster: ValkeyCluster, cluster_url: str
) -> None:
    here, elsewhere = a_show_on(valkey_cluster, DEAD), a_show_on(valkey_cluster, 2)
    clock = FakeClock(dt.datetime.now(dt.UTC).replace(microsecond=0))
    client = mongo.open_client(mongo_database.url, "tests")
    try:
        sales = MongoSales(client, mongo_database.name, clock)
        await sales.ready()
        async with open_ledger(cluster_url) as ledger:
            await put_in_place(ledger, here)
            await put_in_place(ledger, elsewhere)
            settlement = Settlement(ledger, sales, KnownShows(here, elsewhere), clock)
            await settlement.step()
            # As it is when the server died before its last second was on the disk: sold, and not known there.
            purchase = a_purchase("A1")
            await ledger.claim(here, purchase, new_request_id())
            await sales.add(replace(a_sale(here, "A1"), sale_id=purchase.sale_id, sale_time=clock.now()))
            async with killed(valkey_cluster, DEAD):
                await settlement.step()
                clock.advance(3600)
                await sales.add(replace(a_sale(elsewhere, "A1"), sale_time=clock.now()))
                await settlement.step()
            await settlement.step()
            states = (await ledger.seat_map(here)).seat_map.states
            assert states[0] == SeatState.SOLD
    finally:
        await mongo.close(client)
