"""Whoever saves a booking's events publishes them: each guard of that, and what happens without it.

Processes are relays over the same store and broker. Their way to the broker can be barred, as that of
a process that hangs; a dead one does nothing any more with what it has saved.
"""

import asyncio
import datetime as dt
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import pytest

from booking_svc.domain.booking import Booking, BookingState
from booking_svc.domain.events import BookingConfirmed, Event
from booking_svc.ports import LeaseChange
from booking_svc.relay import OutboxRelay
from booking_svc.stores.mongo import MongoBookings
from booking_svc.stores.outbox import MongoOutbox, OutboxTurn, TurnEnd, entry_of
from mesh import mongo as mesh_mongo
from mesh.amqp import Message, Publisher
from mesh.background import Background
from mesh.mongo import Document
from mesh.testing import FakeClock, eventually
from tests.fixtures.bookings import in_state
from tests.fixtures.engines import MongoDatabase
from tests.fixtures.listening import Listener, listening, relay_publisher

TURN_SECONDS = 13
"""A little more than a turn lasts."""


class BarredPublisher:
    """A publisher whose messages wait for the way to be opened."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self.way = asyncio.Event()
        self.way.set()
        self.waiting = 0

    async def publish(self, message: Message, *, timeout: float) -> None:
        self.waiting += 1
        try:
            await self.way.wait()
        finally:
            self.waiting -= 1
        await self._publisher.publish(message, timeout=timeout)


class CountingOutbox(MongoOutbox):
    """Counts the calls that end turns."""

    calls = 0

    async def ended(self, ends: Sequence[TurnEnd]) -> None:
        self.calls += 1
        await super().ended(ends)


class OverHasty(MongoBookings):
    """Takes the turn whatever stands in the outbox."""

    async def _saved_with_events(
        self, chosen: Document, update: Document, entries: Sequence[Document], now: dt.datetime
    ) -> bool:
        until = now + dt.timedelta(seconds=12)
        changes = update["$set"] | {"outbox_until": until}
        saved = await self._writes.update(chosen, update | {"$set": changes})
        self._outlet.take(OutboxTurn(chosen["_id"], tuple(map(entry_of, entries)), until))
        return saved


class Meddling(MongoOutbox):
    """Ends turns also when they are somebody else's by now."""

    async def ended(self, ends: Sequence[TurnEnd]) -> None:
        for end in ends:
            await self._bookings.update_one(
                {"_id": end.turn.booking_id},
                {
                    "$pull": {"outbox": {"event_id": {"$in": list(end.published)}}},
                    "$set": {"outbox_until": end.again},
                },
            )


def _encoded(booking: Booking, _event: Event) -> Document:
    return {
        "event_id": f"{booking.booking_id}/{booking.version}",
        "name": "booking_confirmed",
        "type": "matinee.booking.v1.BookingConfirmed",
        "body": b"body",
        "traceparent": "",
    }


@dataclass
class Process:
    """One process that saves and publishes."""

    bookings: MongoBookings
    outbox: MongoOutbox
    relay: OutboxRelay
    publisher: BarredPublisher
    clock: FakeClock

    async def tell(self, booking_id: str) -> str:
        """Changes the booking, with an event; returns its id."""
        while True:
            before = await self.bookings.find(booking_id)
            assert before is not None
            after = replace(before, version=before.version + 1)
            events = (BookingConfirmed(),)
            if await self.bookings.save(before, after, events, None, LeaseChange.KEEP, self.clock.now()):
                return f"{booking_id}/{after.version}"

    async def hangs(self) -> bool:
        """Whether something waits for the way to be opened."""
        return self.publisher.waiting > 0


@dataclass
class House:
    """Where processes are started."""

    client: mesh_mongo.Client
    database: str
    amqp_url: str
    listener: Listener
    around: AsyncExitStack
    clock: FakeClock = field(default_factory=FakeClock)

    async def process(
        self, bookings: type[MongoBookings] = MongoBookings, outbox: type[MongoOutbox] = MongoOutbox
    ) -> Process:
        publisher = BarredPublisher(await self.around.enter_async_context(relay_publisher(self.amqp_url)))
        background = Background()
        self.around.push_async_callback(background.close, 1)
        self.around.callback(publisher.way.set)
        store = outbox(self.client, self.database)
        sender: Any = publisher
        relay = OutboxRelay(store, sender, self.clock, background)
        return Process(
            bookings(self.client, self.database, _encoded, relay), store, relay, publisher, self.clock
        )

    async def booking(self) -> str:
        booking = replace(in_state(BookingState.CONFIRMED), booking_id=uuid4().hex, buyer_id=uuid4().hex)
        await MongoBookings(self.client, self.database, _encoded).add(booking, None)
        return booking.booking_id

    async def left(self) -> int:
        """How many bookings have something to tell."""
        documents = mesh_mongo.database_of(self.client, self.database)["bookings"]
        return int(await documents.count_documents({"outbox.0": {"$exists": True}}))

    async def all_told(self) -> bool:
        return await self.left() == 0

    def heard(self) -> list[str]:
        return [message.message_id for message in self.listener.messages]


@pytest.fixture
async def house(mongo_database: MongoDatabase, amqp_url: str) -> AsyncIterator[House]:
    async with AsyncExitStack() as around:
        listener = await around.enter_async_context(listening(amqp_url))
        client = mesh_mongo.open_client(mongo_database.url, "publishing")
        around.push_async_callback(mesh_mongo.close, client)
        await MongoBookings(client, mongo_database.name, _encoded).ready()
        yield House(client, mongo_database.name, amqp_url, listener, around)


async def test_what_is_saved_is_published_without_being_claimed(house: House) -> None:
    one = await house.process()
    booking_id = await house.booking()
    event_id = await one.tell(booking_id)
    await eventually(house.all_told)
    await house.listener.heard(1)
    assert house.heard() == [event_id]
    assert not one.relay.wake.is_set(), "nobody has to look"


@pytest.mark.parametrize("same", [True, False], ids=["same-process", "another-process"])
async def test_an_event_that_is_saved_during_a_turn_follows_it(house: House, same: bool) -> None:
    one, other = await house.process(), await house.process()
    second = one if same else other
    booking_id = await house.booking()
    one.publisher.way.clear()
    first_id = await one.tell(booking_id)
    await eventually(one.hangs)
    second_id = await second.tell(booking_id)
    await other.relay.relay()
    assert house.heard() == []
    second.relay.wake.clear()
    one.publisher.way.set()
    await house.listener.heard(1)
    if same:
        # The end of its turn wakes who looks: nobody else does here.
        async with asyncio.timeout(10):
            await one.relay.wake.wait()

    async def both_told() -> bool:
        await second.relay.relay()
        return await house.all_told()

    await eventually(both_told)
    await house.listener.heard(2)
    assert house.heard() == [first_id, second_id]


async def test_control_without_the_empty_outbox_the_second_event_overtakes_the_first(house: House) -> None:
    one, hasty = await house.process(), await house.process(OverHasty)
    booking_id = await house.booking()
    one.publisher.way.clear()
    first_id = await one.tell(booking_id)
    await eventually(one.hangs)
    second_id = await hasty.tell(booking_id)
    await house.listener.heard(1)
    one.publisher.way.set()
    await house.listener.heard(2)
    assert house.heard() == [second_id, first_id], "the unguarded store kept the order: this proves nothing"


async def test_what_a_dead_process_has_saved_is_claimed_when_its_turn_is_over(house: House) -> None:
    dead, other = await house.process(), await house.process()
    booking_id = await house.booking()
    dead.relay.take = _nobody  # type: ignore[assignment, method-assign]
    event_id = await dead.tell(booking_id)
    await other.relay.relay()
    assert await house.left() == 1, "the turn is the dead one's"
    house.clock.advance(TURN_SECONDS)
    await other.relay.relay()
    await house.listener.heard(1)
    assert house.heard() == [event_id]
    assert await house.left() == 0


async def _slow_and_claimed(house: House, outbox: type[MongoOutbox]) -> OutboxTurn | None:
    """One is slow, another has claimed its turn and is at it; what a third gets once the slow one is done."""
    slow, quick, third = await house.process(outbox=outbox), await house.process(), await house.process()
    booking_id = await house.booking()
    slow.publisher.way.clear()
    quick.publisher.way.clear()
    event_id = await slow.tell(booking_id)
    await eventually(slow.hangs)
    await third.tell(booking_id)
    house.clock.advance(TURN_SECONDS)
    relaying = asyncio.create_task(quick.relay.relay())
    await eventually(quick.hangs)
    slow.publisher.way.set()
    await house.listener.heard(1)
    await eventually(lambda: _ended(slow))
    now = house.clock.now()
    claimed = await third.outbox.claim(now, now + dt.timedelta(seconds=12))
    quick.publisher.way.set()
    await relaying
    await house.listener.heard(2)
    assert house.heard()[:2] == [event_id] * 2, "published twice, which consumers know by its id"
    return claimed


def _nobody(_turn: OutboxTurn) -> None:
    """Takes the turn and does nothing with it."""


async def _ended(process: Process) -> bool:
    return not process.relay._own


async def _waiting(process: Process, count: int) -> bool:
    return process.publisher.waiting == count


async def test_who_was_too_slow_does_not_end_the_turn_of_who_came_after(house: House) -> None:
    assert await _slow_and_claimed(house, MongoOutbox) is None


async def test_control_without_the_time_in_the_condition_two_have_the_turn(house: House) -> None:
    assert await _slow_and_claimed(house, Meddling) is not None, "this race proves nothing"


async def test_many_turns_end_in_a_few_calls(house: House) -> None:
    one = await house.process(outbox=CountingOutbox)
    ids = [await house.booking() for _ in range(40)]
    one.publisher.way.clear()
    await asyncio.gather(*map(one.tell, ids))
    await eventually(lambda: _waiting(one, 40))
    one.publisher.way.set()  # so that they are published at the same time, however slowly they were saved
    await eventually(house.all_told)
    assert isinstance(one.outbox, CountingOutbox)
    assert one.outbox.calls <= 10
    await house.listener.heard(40)


async def test_more_than_can_be_published_at_once_is_left_to_be_claimed(house: House) -> None:
    one = await house.process()
    one.publisher.way.clear()
    ids = [await house.booking() for _ in range(70)]
    for booking_id in ids:
        await one.tell(booking_id)
    await eventually(lambda: _waiting(one, 64))
    assert one.relay.wake.is_set()
    other = await house.process()
    await other.relay.relay()
    await house.listener.heard(6)
    one.publisher.way.set()
    await eventually(house.all_told)
    await house.listener.heard(70)
    assert sorted(house.heard()) == sorted(f"{booking_id}/7" for booking_id in ids), "each once"


async def _lives(house: House, bookings: type[MongoBookings], seed: int) -> dict[str, list[str]]:
    """Processes save, publish, hang and die at random; by booking, the events as they were saved."""
    chance = random.Random(seed)
    processes = [await house.process(bookings) for _ in range(3)]
    saved: dict[str, list[str]] = {await house.booking(): [] for _ in range(6)}

    async def live(booking_id: str) -> None:
        for _ in range(5):
            process = chance.choice(processes)
            if chance.random() < 0.2:
                way = process.publisher.way
                way.clear() if way.is_set() else way.set()
            if chance.random() < 0.15:
                process.relay.take = _nobody  # type: ignore[assignment, method-assign]  # dies with what it has
            saved[booking_id].append(await process.tell(booking_id))
            process.relay.__dict__.pop("take", None)
            await asyncio.sleep(chance.uniform(0, 0.1))
            if chance.random() < 0.2:
                house.clock.advance(TURN_SECONDS)
            if process.publisher.way.is_set():
                await process.relay.relay()

    await asyncio.gather(*map(live, saved))
    for process in processes:
        process.publisher.way.set()

    async def settled() -> bool:
        house.clock.advance(TURN_SECONDS)
        await processes[0].relay.relay()
        return await house.all_told()

    await eventually(settled, within_seconds=20)
    return saved


def _first_heard(house: House) -> dict[str, list[str]]:
    return {booking_id: list(dict.fromkeys(ids)) for booking_id, ids in house.listener.by_booking().items()}


async def _all_heard(house: House, saved: dict[str, list[str]]) -> None:
    async def all_heard() -> bool:
        heard = _first_heard(house)
        return all(sorted(heard.get(key, [])) == sorted(ids) for key, ids in saved.items())

    await eventually(all_heard, within_seconds=20)


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_processes_do_every_event_is_told_in_order(house: House, seed: int) -> None:
    saved = await _lives(house, MongoBookings, seed)
    await _all_heard(house, saved)
    assert _first_heard(house) == saved


@pytest.mark.timeout(600)
async def test_control_without_the_empty_outbox_lives_are_told_out_of_order(house: House) -> None:
    # That it can be seen is the claim, not that the first life shows it: nearly each one does.
    for seed in range(20):
        saved = await _lives(house, OverHasty, seed)
        await _all_heard(house, saved)
        heard = _first_heard(house)
        if any(heard[booking_id] != ids for booking_id, ids in saved.items()):
            return
    pytest.fail("the unguarded store told everything in order: the lives prove nothing")
