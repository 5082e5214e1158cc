"""A person is erased while money comes in for their booking: the guard, and what happens without it."""

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from uuid import uuid4

import pytest
import pytest_asyncio

from booking_svc.app import encoded
from booking_svc.domain.booking import Booking, BookingState, PaymentState, SeatStanding
from booking_svc.domain.erasing import without_person
from booking_svc.domain.machine import apply
from booking_svc.ports import Lease, LeaseChange
from booking_svc.stores.documents import document_of
from booking_svc.stores.erasures import MongoErasures
from booking_svc.stores.mongo import MongoBookings
from mesh import mongo as mesh_mongo
from mesh.ids import new_token
from mesh.mongo import Document
from mesh.testing import FakeClock
from stack.engines import MongoEngine
from tests.fixtures.booking_desk import new_database
from tests.fixtures.bookings import FIRST, in_state, paid


class Unguarded(MongoErasures):
    """Writes what it has decided on, whatever is stored by then."""

    async def erase(self, booking: Booking, now: dt.datetime) -> bool:
        await self._bookings.update_one({"_id": booking.booking_id}, {"$set": document_of(booking)})
        return True


@dataclass
class Store:
    """The bookings and two ways to erase in them."""

    bookings: MongoBookings
    guarded: MongoErasures
    unguarded: Unguarded
    now: dt.datetime

    async def expired(self) -> Booking:
        """A booking that was never paid, its seats free: settled."""
        booking = replace(
            in_state(BookingState.EXPIRED),
            booking_id=uuid4().hex,
            buyer_id=uuid4().hex,
            seats=SeatStanding.FREED,
        )
        await self.bookings.add(booking, None)
        return booking

    async def found(self, booking: Booking) -> Booking:
        """As it is stored."""
        again = await self.bookings.find(booking.booking_id)
        assert again is not None
        return again

    async def late_payment(self, booking: Booking) -> None:
        """Money comes in."""
        outcome = apply(booking, paid(), self.now)
        assert await self.bookings.save(
            booking, outcome.booking, outcome.events, self.now, LeaseChange.KEEP, self.now
        )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def store(mongo: MongoEngine) -> AsyncIterator[Store]:
    async with AsyncExitStack() as around:
        database = await around.enter_async_context(new_database(mongo))
        client = mesh_mongo.open_client(database.url, "races")
        around.push_async_callback(mesh_mongo.close, client)
        bookings = MongoBookings(client, database.name, encoded)
        await bookings.ready()
        yield Store(
            bookings,
            MongoErasures(client, database.name),
            Unguarded(client, database.name),
            FakeClock().now(),
        )


def captured(booking: Booking) -> bool:
    payment = booking.payment(FIRST)
    return payment is not None and payment.state is PaymentState.SUCCEEDED


async def test_money_that_comes_in_meanwhile_is_not_lost(store: Store) -> None:
    booking = await store.expired()
    decided = without_person(booking, new_token())
    await store.late_payment(booking)
    assert not await store.guarded.erase(decided, store.now)
    stored = await store.found(booking)
    assert captured(stored)
    assert stored.contact == booking.contact


async def test_without_the_guard_it_is_lost(store: Store) -> None:
    booking = await store.expired()
    decided = without_person(booking, new_token())
    await store.late_payment(booking)
    assert await store.unguarded.erase(decided, store.now)
    assert not captured(await store.found(booking))


@pytest.mark.parametrize("busy", ["somebody drives it", "somebody has to look at it", "it has news to tell"])
async def test_a_booking_that_somebody_is_at_is_not_erased(store: Store, busy: str) -> None:
    booking = await store.expired()
    collection = store.guarded._bookings
    later = store.now + dt.timedelta(seconds=30)
    changes: dict[str, Document] = {
        "somebody drives it": {"work.lease_until": later},
        "somebody has to look at it": {"work.next_look": later},
        "it has news to tell": {"outbox": [{"event_id": "event-1", "time": store.now}]},
    }
    rests: Document = {"work.lease_until": store.now, "work.next_look": None, "outbox": []}
    await collection.update_one({"_id": booking.booking_id}, {"$set": changes[busy]})
    assert not await store.guarded.erase(without_person(booking, new_token()), store.now)
    assert (await store.found(booking)).contact is not None
    await collection.update_one({"_id": booking.booking_id}, {"$set": rests})
    assert await store.guarded.erase(without_person(booking, new_token()), store.now)
    assert (await store.found(booking)).contact is None


async def test_who_decided_before_the_erasure_cannot_bring_the_person_back(store: Store) -> None:
    booking = await store.expired()
    outcome = apply(booking, paid(), store.now)
    assert await store.guarded.erase(without_person(booking, new_token()), store.now)
    for lease in (LeaseChange.KEEP, Lease("a-worker", store.now + dt.timedelta(seconds=30))):
        save = store.bookings.save
        assert not await save(booking, outcome.booking, outcome.events, store.now, lease, store.now)
    assert (await store.found(booking)).contact is None
