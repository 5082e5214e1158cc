"""seat_svc while its stores restart, hang or forget; over a real socket."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

import pytest
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from matinee.seat.v1 import seat_pb2

from mesh.errors import RemoteError
from mesh.ids import new_request_id
from mesh.testing import eventually
from seat_svc.stores.mongo import MongoSales
from stack.engines import MongoEngine, ValkeyEngine
from tests.fixtures.engines import MongoDatabase
from tests.fixtures.seat_service import SeatService, payments_for, seat_service
from tests.fixtures.seats import a_show, hall

T = TypeVar("T")


async def health(inventory: SeatService) -> str:
    async with aio.insecure_channel(inventory.address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        response = await stub.Check(
            health_pb2.HealthCheckRequest(service="matinee.seat.v1.SeatService"), timeout=10
        )
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(response.status))


async def test_no_hold_is_lost_when_redis_is_killed(inventory: SeatService, valkey: ValkeyEngine) -> None:
    request_id = new_request_id()
    held = await inventory.hold("A1", "A2", request_id=request_id)
    sold = await inventory.confirm(await inventory.hold("B1"), "booking-1")
    await valkey.kill()
    with pytest.raises(RemoteError) as caught:
        await inventory.hold("C1")
    assert caught.value.code == "UNAVAILABLE"
    await valkey.restart()

    async def found() -> bool:
        response = await inventory.seats.GetHold(
            seat_pb2.GetHoldRequest(show_id=held.show_id, hold_id=held.hold_id)
        )
        return list(response.hold.seat_ids) == ["A1", "A2"]

    assert await found()
    assert (await inventory.hold("A1", "A2", request_id=request_id)).hold_id == held.hold_id
    assert (await inventory.states())["B1"] == "SOLD"
    assert len(sold) == 1


async def test_a_confirm_while_mongodb_is_away_fails_cleanly_and_succeeds_when_repeated(
    inventory: SeatService, mongo: MongoEngine
) -> None:
    held = await inventory.hold("A1")
    other = await inventory.hold("A2", holder_id="bert")
    await inventory.confirm(other, "booking-0")
    await mongo.kill()
    try:
        started = asyncio.get_running_loop().time()
        with pytest.raises(RemoteError) as caught:
            await inventory.confirm(held, "booking-1")
        assert caught.value.code == "UNAVAILABLE"
        assert asyncio.get_running_loop().time() - started < 9
        # Nobody else can have it, and looking needs no MongoDB.
        with pytest.raises(RemoteError) as caught:
            await inventory.hold("A1", holder_id="bert")
        assert caught.value.reason == "SEAT_TAKEN"
        assert (await inventory.states())["A1"] == "CLAIMED"
    finally:
        await mongo.restart()

    async def sold() -> bool:
        try:
            return len(await inventory.confirm(held, "booking-1")) == 1
        except RemoteError as error:
            if error.code != "UNAVAILABLE":
                raise
            return False

    assert await eventually(sold, within_seconds=20)
    assert (await inventory.states())["A1"] == "SOLD"


async def test_a_confirm_waits_for_mongodb_within_its_deadline(
    inventory: SeatService, mongo: MongoEngine
) -> None:
    held = await inventory.hold("A1")
    mongo.pause()
    try:
        confirming = asyncio.create_task(inventory.confirm(held, "booking-1"))
        await asyncio.sleep(0.5)
        assert not confirming.done()
    finally:
        mongo.resume()
    assert len(await confirming) == 1


async def test_health_tells_which_way_the_stores_went(inventory: SeatService, valkey: ValkeyEngine) -> None:
    async def serving() -> bool:
        return await health(inventory) == "SERVING"

    async def not_serving() -> bool:
        return await health(inventory) == "NOT_SERVING"

    assert await eventually(serving)
    valkey.pause()
    try:
        assert await eventually(not_serving, within_seconds=20)
    finally:
        valkey.resume()
    assert await eventually(serving, within_seconds=20)


async def insist(ask: Callable[[], Awaitable[T]]) -> T:
    """As callers do: one that is wiped out at every try of the service is told to ask again."""
    while True:
        try:
            return await ask()
        except RemoteError as error:
            if error.code != "UNAVAILABLE":
                raise


async def test_a_wipe_in_the_middle_of_a_sale_sells_no_seat_twice(
    mongo_database: MongoDatabase, redis_url: str, sales: MongoSales
) -> None:
    show = a_show(layout=hall(4, 10))
    seat_ids = [seat.seat_id for seat in show.layout.seats]
    tickets: Counter[str] = Counter()
    unexpected: list[str] = []

    async def buyer(service: SeatService, number: int) -> None:
        for offset in range(len(seat_ids)):
            seat_id = seat_ids[(number * 7 + offset) % len(seat_ids)]
            hold = partial(service.hold, seat_id, holder_id=f"buyer-{number}", request_id=new_request_id())
            try:
                held = await insist(hold)
                for ticket in await insist(partial(service.confirm, held, f"booking-{number}")):
                    tickets[ticket.seat_id] += 1
            except RemoteError as error:
                if error.reason not in ("SEAT_TAKEN", "SEATS_LOST"):
                    unexpected.append(str(error))
                continue
            return

    async def wipe_again_and_again(service: SeatService, until: asyncio.Event) -> None:
        while not until.is_set():
            await service.redis.flushall()
            await asyncio.sleep(0.05)

    async with (
        seat_service(mongo_database, redis_url, show) as first,
        seat_service(mongo_database, redis_url, show) as second,
    ):
        done = asyncio.Event()
        wiping = asyncio.create_task(wipe_again_and_again(first, done))
        await asyncio.gather(*(buyer((first, second)[number % 2], number) for number in range(60)))
        done.set()
        await wiping
        assert unexpected == []
        assert set(tickets.values()) == {1}
        recorded = Counter(
            seat_id for sale in await sales.of_show(show.show_id) for seat_id in sale.live_seat_ids
        )
        assert recorded == tickets
        states = await first.states()
        assert {seat_id for seat_id, state in states.items() if state == "SOLD"} == set(tickets)


async def test_a_booking_confirmed_after_a_wipe_ends_in_tickets_or_seats_lost(
    inventory: SeatService,
) -> None:
    kept, lost = await inventory.hold("A1"), await inventory.hold("B1", "B2")
    await inventory.redis.flushall()
    await inventory.hold("B2", holder_id="bert")
    assert len(await inventory.confirm(kept, "booking-1")) == 1
    with pytest.raises(RemoteError) as caught:
        await inventory.confirm(lost, "booking-2")
    assert (caught.value.reason, caught.value.facts) == ("SEATS_LOST", {"seat_ids": "B2"})


async def test_a_caller_that_gives_up_on_a_confirm_finds_it_done(
    inventory: SeatService, mongo: MongoEngine
) -> None:
    held = await inventory.hold("A1")
    await inventory.confirm(await inventory.hold("A2", holder_id="bert"), "booking-0")
    request = seat_pb2.ConfirmHoldRequest(
        request_id=new_request_id(),
        show_id=held.show_id,
        hold_id=held.hold_id,
        booking_id="booking-1",
        payments=payments_for(held.seat_ids),
    )

    async def claimed() -> bool:
        return (await inventory.states())["A1"] == "CLAIMED"

    mongo.pause()
    try:
        confirming = asyncio.ensure_future(inventory.seats.ConfirmHold(request, timeout=1))
        assert await eventually(claimed)
        with pytest.raises(RemoteError) as caught:
            await confirming
        assert caught.value.code == "DEADLINE_EXCEEDED"
    finally:
        mongo.resume()

    async def sold() -> bool:
        return (await inventory.states())["A1"] == "SOLD"

    assert await eventually(sold)
    assert len(await inventory.confirm(held, "booking-1")) == 1
