"""The outbox relay on a real broker: in order, confirmed, again after an absence, never lost."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from matinee.booking.v1 import booking_pb2, events_pb2
from pydantic import SecretStr

from booking_svc.relay import LAG, Gauges, OutboxRelay
from booking_svc.stores.mongo import MongoBookings
from booking_svc.stores.outbox import MongoOutbox, TurnEnd
from mesh import mongo as mesh_mongo
from mesh.amqp import (
    Message,
)
from mesh.background import Background
from mesh.clock import SystemClock
from mesh.errors import StoreUnavailable
from mesh.testing import FakeClock, eventually
from stack.engines import RabbitEngine
from tests.fixtures.booking_desk import open_desk
from tests.fixtures.engines import MongoDatabase
from tests.fixtures.listening import listening, relay_publisher
from tests.fixtures.proxy import proxy_to

LONG_AGO = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
NOW = dt.datetime.now(dt.UTC)


@dataclass
class Store:
    """Documents with outboxes, as bookings have them."""

    documents: Any
    outbox: MongoOutbox
    bookings: MongoBookings

    async def add(self, booking_id: str, *names: str) -> None:
        entries = [
            {
                "event_id": f"{booking_id}/{number}",
                "name": name,
                "type": "matinee.booking.v1.BookingConfirmed",
                "body": b"body",
                "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                "time": NOW,
            }
            for number, name in enumerate(names)
        ]
        # As many fields as the indexes of bookings want to be different.
        await self.documents.insert_one(
            {
                "_id": booking_id,
                "buyer_id": booking_id,
                "request": {"request_id": booking_id},
                "outbox": entries,
                "outbox_until": LONG_AGO,
            }
        )

    async def left(self) -> int:
        count: int = await self.documents.count_documents({"outbox.0": {"$exists": True}})
        return count


@pytest.fixture
async def store(mongo_database: MongoDatabase) -> AsyncIterator[Store]:
    client = mesh_mongo.open_client(mongo_database.url, "relay")
    bookings = MongoBookings(client, mongo_database.name, lambda _booking, _event: {})
    await bookings.ready()
    documents = mesh_mongo.database_of(client, mongo_database.name)["bookings"]
    yield Store(documents, MongoOutbox(client, mongo_database.name), bookings)
    await mesh_mongo.close(client)


async def test_events_are_published_in_order_for_each_booking_by_several_relays(
    store: Store, amqp_url: str
) -> None:
    names = ("booking_confirmed", "booking_cancelled", "refund_issued")
    for number in range(20):
        await store.add(f"b{number}", *names)
    async with (
        listening(amqp_url) as listener,
        relay_publisher(amqp_url) as one,
        relay_publisher(amqp_url) as two,
    ):
        relays = [
            OutboxRelay(store.outbox, publisher, SystemClock(), Background()) for publisher in (one, two)
        ]
        await asyncio.gather(*(relay.relay() for relay in relays))
        await listener.heard(60)
        assert await store.left() == 0
        assert len(listener.messages) == 60, "nothing was published twice"
        for booking_id, event_ids in listener.by_booking().items():
            assert event_ids == [f"{booking_id}/{number}" for number in range(3)]
    first = next(message for message in listener.messages if message.message_id == "b0/0")
    assert (first.routing_key, first.type) == ("booking_confirmed", "matinee.booking.v1.BookingConfirmed")
    assert first.headers["traceparent"].startswith("00-0af7651916cd43dd8448eb211c80319c-")


async def test_an_event_that_no_queue_takes_waits_and_holds_nothing_up(store: Store, amqp_url: str) -> None:
    await store.add("odd", "nobody_listens", "booking_confirmed")
    for number in range(10):
        await store.add(f"b{number}", "booking_confirmed")
    async with listening(amqp_url, "booking_confirmed") as listener, relay_publisher(amqp_url) as publisher:
        clock = FakeClock(SystemClock().now())
        relay = OutboxRelay(store.outbox, publisher, clock, Background())
        await relay.relay()
        await listener.heard(10)
        assert await store.left() == 1
        assert "odd" not in listener.by_booking(), "its second event must not overtake its first"
        # Once somebody listens, it goes out, and what came after it.
        async with listening(amqp_url, "nobody_listens") as odd_listener:
            clock.advance(5)
            await relay.relay()
            await odd_listener.heard(1)
            await listener.heard(11)
            assert odd_listener.by_booking() == {"odd": ["odd/0"]}
        assert listener.by_booking()["odd"] == ["odd/1"]
        assert await store.left() == 0


async def test_only_what_was_confirmed_is_taken_out(store: Store, amqp_url: str) -> None:
    await store.add("b1", "booking_confirmed", "nobody_listens", "booking_confirmed")
    async with listening(amqp_url, "booking_confirmed") as listener, relay_publisher(amqp_url) as publisher:
        await OutboxRelay(store.outbox, publisher, SystemClock(), Background()).relay()
        await listener.heard(1)
    left = (await store.documents.find_one({"_id": "b1"}))["outbox"]
    assert [entry["event_id"] for entry in left] == ["b1/1", "b1/2"]


async def test_after_a_crash_between_confirm_and_mark_the_same_event_comes_again(
    store: Store, amqp_url: str
) -> None:
    class Crashing(MongoOutbox):
        async def ended(self, ends: Sequence[TurnEnd]) -> None:
            raise StoreUnavailable("mongodb")

    await store.add("b1", "booking_confirmed")
    crashing = Crashing.__new__(Crashing)
    crashing.__dict__.update(store.outbox.__dict__)
    async with listening(amqp_url) as listener, relay_publisher(amqp_url) as publisher:
        clock = FakeClock(SystemClock().now())
        await OutboxRelay(crashing, publisher, clock, Background()).relay()
        await listener.heard(1)
        relay = OutboxRelay(store.outbox, publisher, clock, Background())
        await relay.relay()
        assert await store.left() == 1, "the dead relay still has its lease"
        clock.advance(21)
        await relay.relay()
        await listener.heard(2)
        assert [message.message_id for message in listener.messages] == ["b1/0", "b1/0"]
        assert await store.left() == 0


async def test_after_a_brokers_absence_the_relay_goes_on(
    store: Store, amqp_url: str, rabbitmq: RabbitEngine
) -> None:
    await store.add("b1", "booking_confirmed")
    async with listening(amqp_url) as listener, proxy_to(rabbitmq.port) as way:
        far = amqp_url.replace(f":{rabbitmq.port}/", f":{way.port}/")
        async with relay_publisher(far) as publisher:
            relay = OutboxRelay(store.outbox, publisher, SystemClock(), Background())
            async with way.gone():
                await relay.relay()
                assert await store.left() == 1
                await Gauges(store.bookings, FakeClock(NOW + dt.timedelta(seconds=42))).look()
                assert LAG._value.get() == pytest.approx(42, abs=0.01)

            async def gone() -> bool:
                await relay.relay()
                return await store.left() == 0

            await eventually(gone, within_seconds=30, every_seconds=0.2)
            await listener.heard(1)
    await Gauges(store.bookings, SystemClock()).look()
    assert LAG._value.get() == 0


async def test_an_event_that_is_added_during_a_turn_is_not_lost(store: Store, amqp_url: str) -> None:
    await store.add("b1", "booking_confirmed")
    turn = await store.outbox.claim(NOW, NOW + dt.timedelta(seconds=20))
    assert turn is not None
    entry = {"event_id": "b1/1", "name": "x", "type": "t", "body": b"", "traceparent": "", "time": NOW}
    await store.documents.update_one({"_id": "b1"}, {"$push": {"outbox": entry}})
    assert await store.outbox.claim(NOW, NOW) is None
    await store.outbox.ended([TurnEnd(turn, ("b1/0",), NOW)])
    again = await store.outbox.claim(NOW, NOW)
    assert again is not None
    assert [each.event_id for each in again.entries] == ["b1/1"]


@pytest.fixture
async def told(mongo_database: MongoDatabase, amqp_url: str, tmp_path: Path) -> dict[str, Message]:
    """What a booking that was bought and cancelled told, by event."""
    async with (
        listening(amqp_url) as listener,
        open_desk(mongo_database, tmp_path, amqp_url=SecretStr(amqp_url)) as desk,
    ):
        booking = await desk.create("A1", "A2")
        await desk.pay(booking)
        await desk.becomes(booking, "CONFIRMED")
        await desk.cancel(booking)
        await listener.heard(3)

        async def taken_out() -> bool:
            return not desk.stored(booking)["outbox"]

        await eventually(taken_out)
    keys = [message.routing_key.split(".") for message in listener.messages]
    names = [name for name, *_ in keys]
    assert {tuple(reached) for _, *reached in keys} == {("email",)}
    assert names == ["booking_confirmed", "booking_cancelled", "refund_issued"]
    return dict(zip(names, listener.messages, strict=True))


async def test_a_bookings_life_is_told_on_the_exchange(told: dict[str, Message]) -> None:
    for name, kind in (
        ("booking_confirmed", events_pb2.BookingConfirmed),
        ("booking_cancelled", events_pb2.BookingCancelled),
        ("refund_issued", events_pb2.RefundIssued),
    ):
        message = told[name]
        event: Any = kind.FromString(message.body)
        assert message.type == kind.DESCRIPTOR.full_name
        assert message.message_id == event.header.event_id
        assert event.header.booking.contact.email == "ada@example.com"
        assert event.header.booking.access_key
        assert message.headers["traceparent"].split("-")[1] == event.header.traceparent.split("-")[1]
    refund = events_pb2.RefundIssued.FromString(told["refund_issued"].body)
    assert (refund.refund.amount.minor_units, refund.refund.completed) == (2000, True)
    assert refund.header.booking.state == booking_pb2.BOOKING_STATE_REFUNDED
