"""WatchSeats over a real socket: order, resumption, gaps, slow readers."""

import asyncio
import shutil
from statistics import median
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import aio
from matinee.seat.v1 import seat_pb2, seat_pb2_grpc
from matinee.theatre.v1 import seats_pb2

from mesh.errors import RemoteError
from mesh.ids import new_request_id
from mesh.testing import MESH_TOKEN, eventually
from seat_svc.domain.seats import SeatState
from stack.engines import ValkeyEngine
from tests.fixtures.engines import MongoDatabase
from tests.fixtures.seat_service import SeatService, seat_service
from tests.fixtures.seats import a_show, hall, move_clock

Update = seat_pb2.WatchSeatsResponse


class Watcher:
    """A client that keeps the map up to date from what it is told, and checks that it can."""

    def __init__(self, inventory: SeatService, after_sequence: int = 0, show_id: str = "") -> None:
        self.updates: list[Update] = []
        self.states: list[int] = []
        self.sequence = after_sequence
        self.error: RemoteError | None = None
        self._stream = inventory.seats.WatchSeats(
            seat_pb2.WatchSeatsRequest(
                show_id=show_id or inventory.show.show_id, after_sequence=after_sequence
            ),
            timeout=30,
        )
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            async for update in self._stream:
                if update.HasField("snapshot"):
                    self.states = list(update.snapshot.seat_states)
                    self.sequence = update.snapshot.sequence
                else:
                    assert update.delta.sequence == self.sequence + 1, "a gap without a snapshot"
                    self.sequence = update.delta.sequence
                    for change in update.delta.changes:
                        if self.states:
                            self.states[change.seat_index] = change.state
                self.updates.append(update)
        except RemoteError as error:
            self.error = error

    async def reached(self, sequence: int) -> None:
        async def there() -> bool:
            return self.sequence >= sequence

        await eventually(there)

    async def told(self, count: int) -> None:
        async def there() -> bool:
            return len(self.updates) >= count

        await eventually(there)

    async def ended(self) -> None:
        await asyncio.wait_for(asyncio.shield(self._reading), 15)

    async def __aenter__(self) -> "Watcher":
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)


async def current(inventory: SeatService) -> seats_pb2.SeatMap:
    response = await inventory.seats.GetSeatMap(seat_pb2.GetSeatMapRequest(show_id=inventory.show.show_id))
    return response.seat_map


async def read_to_the_end(stream: "aio.UnaryStreamCall[Any, Update]") -> None:
    while await stream.read() is not aio.EOF:
        pass


async def release(inventory: SeatService, hold: seats_pb2.Hold) -> None:
    await inventory.seats.ReleaseHold(
        seat_pb2.ReleaseHoldRequest(request_id=new_request_id(), show_id=hold.show_id, hold_id=hold.hold_id)
    )


async def test_a_snapshot_then_every_change_in_order(inventory: SeatService) -> None:
    async with Watcher(inventory) as watcher:
        await watcher.told(1)
        hold = await inventory.hold("A1", "A2")
        await inventory.confirm(hold, "booking-1")
        await release(inventory, await inventory.hold("B1"))
        now = await current(inventory)
        await watcher.reached(now.sequence)
        assert watcher.states == list(now.seat_states)
        kinds = [update.WhichOneof("update") for update in watcher.updates]
        assert kinds == ["snapshot"] + ["delta"] * (len(kinds) - 1)
        held, claimed, sold = (update.delta for update in watcher.updates[1:4])
        assert [change.seat_index for change in held.changes] == [0, 1]
        assert [delta.changes[0].state for delta in (held, claimed, sold)] == [
            seats_pb2.SEAT_STATE_HELD,
            seats_pb2.SEAT_STATE_CLAIMED,
            seats_pb2.SEAT_STATE_SOLD,
        ]
        assert sold.change_time.seconds > 0


async def test_a_watcher_that_comes_back_misses_nothing(inventory: SeatService) -> None:
    await inventory.hold("A1")
    seen = (await current(inventory)).sequence
    for number in range(2, 6):
        await inventory.hold(f"A{number}")
    async with Watcher(inventory, seen) as watcher:
        await watcher.reached(seen + 4)
        await inventory.hold("A6")
        await watcher.reached(seen + 5)
    assert [update.delta.sequence for update in watcher.updates] == [seen + at for at in range(1, 6)]


async def test_what_redis_forgot_in_a_crash_is_no_change_that_was_seen(
    inventory: SeatService, redis_url: str, valkey: ValkeyEngine
) -> None:
    """Its file ended before the last changes that were told; then others took their numbers."""

    async def written() -> bool:
        return bool((await inventory.redis.info("persistence"))["aof_buffer_length"] == 0)

    await inventory.hold("A1")
    await eventually(written)
    data = valkey.folder / "appendonlydir"
    shutil.copytree(data, data.with_name("earlier"))
    try:
        await inventory.hold("A2")
        seen = (await current(inventory)).sequence
        await valkey.kill()
        shutil.rmtree(data)
        data.with_name("earlier").rename(data)
    finally:
        await valkey.restart()

    async def again() -> bool:
        try:
            return bool((await inventory.hold("B1", holder_id="bert")).hold_id)
        except RemoteError:
            return False

    await eventually(again)
    async with Watcher(inventory, seen) as watcher:
        await watcher.told(1)
        assert watcher.states == list((await current(inventory)).seat_states)
    assert SeatState(watcher.states[1]) is SeatState.AVAILABLE
    # Once is enough: who has seen what came after the crash goes on from there.
    await inventory.hold("B2", holder_id="bert")
    async with Watcher(inventory, watcher.sequence) as watcher:
        await watcher.told(1)
        assert watcher.updates[0].HasField("delta")


async def test_one_that_was_away_too_long_gets_a_snapshot(inventory: SeatService) -> None:
    seen = (await current(inventory)).sequence
    for _ in range(200):
        await release(inventory, await inventory.hold("A1"))
    async with Watcher(inventory, seen) as watcher:
        await watcher.told(1)
    assert watcher.updates[0].snapshot.sequence == seen + 400


async def test_the_end_of_a_hold_is_told_within_a_second(
    mongo_database: MongoDatabase, redis_url: str
) -> None:
    async with (
        seat_service(mongo_database, redis_url, hold_seconds=1) as inventory,
        Watcher(inventory) as watcher,
    ):
        await watcher.told(1)
        late: list[float] = []
        for number in range(1, 4):
            hold = await inventory.hold(f"A{number}")
            await watcher.told(2 * number + 1)
            delta = watcher.updates[-1].delta
            assert delta.changes[0].state == seats_pb2.SEAT_STATE_AVAILABLE
            late.append(_seconds(delta.change_time) - _seconds(hold.expire_time))
        assert min(late) >= 0
        assert median(late) < 1  # a machine that pauses makes one of them late


def _seconds(instant: Timestamp) -> float:
    return instant.seconds + instant.nanos / 1e9


async def test_many_watchers_share_one_subscription_and_all_are_told(inventory: SeatService) -> None:
    async def connections() -> tuple[int, int]:
        clients = await inventory.redis.client_list()
        return len(clients), sum(int(client["sub"]) > 0 for client in clients)

    watchers = [Watcher(inventory)]
    try:
        await watchers[0].told(1)
        all_before, subscribed_before = await connections()
        assert subscribed_before >= 1
        watchers += [Watcher(inventory) for _ in range(59)]
        await asyncio.gather(*(watcher.told(1) for watcher in watchers))
        await asyncio.gather(*(inventory.hold(f"A{number}", holder_id=f"{number}") for number in range(1, 9)))
        last = (await current(inventory)).sequence
        await asyncio.gather(*(watcher.reached(last) for watcher in watchers))
        # Others may be connected to the same server: what counts is that 59 more added nothing.
        all_after, subscribed_after = await connections()
        assert subscribed_after <= subscribed_before
        assert all_after < all_before + 10
    finally:
        for watcher in watchers:
            await watcher.__aexit__()


async def test_a_wiped_show_goes_on_with_a_snapshot_and_a_larger_sequence(inventory: SeatService) -> None:
    async with Watcher(inventory) as watcher:
        await watcher.told(1)
        await inventory.hold("A1")
        await watcher.told(2)
        before = watcher.sequence
        await inventory.redis.flushall()
        await watcher.told(3)
        assert watcher.updates[2].snapshot.sequence > before
        assert watcher.states[0] == seats_pb2.SEAT_STATE_AVAILABLE


async def test_watchers_outlive_a_restart_of_redis(inventory: SeatService, valkey: ValkeyEngine) -> None:
    async with Watcher(inventory) as watcher:
        await watcher.told(1)
        await inventory.hold("A1")
        await valkey.restart()

        async def hold() -> bool:
            try:
                await inventory.hold("A2")
            except RemoteError as error:
                return error.reason == "SEAT_TAKEN"
            return True

        assert await eventually(hold)
        now = await current(inventory)
        await watcher.reached(now.sequence)
        assert watcher.states == list(now.seat_states)
        assert watcher.states[:2] == [seats_pb2.SEAT_STATE_HELD] * 2


async def test_expired_holds_are_told_although_nobody_asks(inventory: SeatService) -> None:
    async with Watcher(inventory) as watcher:
        await watcher.told(1)
        await inventory.hold("A1")
        await watcher.told(2)
        await move_clock(inventory.redis, 301)
        await watcher.told(3)
        assert watcher.states[0] == seats_pb2.SEAT_STATE_AVAILABLE


async def test_a_reader_that_does_not_read_is_cut_off(mongo_database: MongoDatabase, redis_url: str) -> None:
    # Large changes fill the stream's window soon; the reader takes the first message and then nothing.
    show = a_show(layout=hall(26, 40, layout_id="large"))
    seat_ids = [seat.seat_id for seat in show.layout.seats][:1000]
    async with seat_service(
        mongo_database, redis_url, show, seats_per_hold=100, seats_per_holder=1000
    ) as inventory:
        # Else the client's own buffer would grow to megabytes before the server notices.
        options = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 1024))
        async with aio.insecure_channel(inventory.address, options=options) as channel:
            stub = seat_pb2_grpc.SeatServiceStub(channel)
            stream = stub.WatchSeats(
                seat_pb2.WatchSeatsRequest(show_id=show.show_id),
                timeout=60,
                metadata=(("authorization", f"Bearer {MESH_TOKEN}"),),
            )
            await stream.read()
            for _ in range(300):
                hold = await inventory.hold(*seat_ids[:100])
                await release(inventory, hold)
            with pytest.raises(aio.AioRpcError) as caught:
                await read_to_the_end(stream)
            assert caught.value.code().name == "RESOURCE_EXHAUSTED"
            assert (caught.value.details() or "").startswith("read faster")
        # Others are not harmed, and it may come back.
        async with Watcher(inventory, show_id=show.show_id) as watcher:
            await watcher.told(1)


async def test_unknown_shows_and_bad_sequences_are_refused(inventory: SeatService) -> None:
    for show_id, sequence, reason in (
        ("nowhere", 0, "UNKNOWN_SHOW"),
        (inventory.show.show_id, -1, "INVALID_FIELD"),
        (inventory.show.show_id, 2**60, "INVALID_FIELD"),
    ):
        async with Watcher(inventory, sequence, show_id) as watcher:
            await watcher.ended()
            assert watcher.error is not None
            assert watcher.error.reason == reason
