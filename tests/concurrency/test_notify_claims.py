"""Many workers get the same event at once, and one mail goes out."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from matinee.booking.v1 import events_pb2

from mesh.clock import SystemClock
from mesh.mongo import close, open_client
from mesh.testing import FakeClock
from notify_svc.convert.contents import content_of
from notify_svc.domain.contents import Content
from notify_svc.domain.notifications import Channel, Notification, State
from notify_svc.ports import ClaimOutcome, NotificationLedger
from notify_svc.stores.ledger import MongoNotificationLedger
from notify_svc.stores.mongo import NotifyDatabase
from notify_svc.stores.preferences import MongoPreferences
from notify_svc.usecases.tell import Teller, Told
from tests.fixtures.booking_events import a_header, event_type
from tests.fixtures.engines import MongoDatabase
from tests.fixtures.meeting import Meeting

WORKERS = 20
LEASE = dt.timedelta(seconds=60)
NOTIFICATION = Notification("event-1", "booking_confirmed", "booking-1", Channel.EMAIL, "ada@example.com")


class CountingSender:
    """Takes its time, so that the others are at it meanwhile."""

    channel = Channel.EMAIL

    def __init__(self) -> None:
        self.sent = 0

    async def send(self, _notification: Notification, _content: Content) -> None:
        await asyncio.sleep(0.05)
        self.sent += 1


class UnguardedLedger(MongoNotificationLedger):
    """Looks first and writes afterwards, when all have looked: what the claim must not be."""

    def __init__(self, database: NotifyDatabase) -> None:
        super().__init__(database)
        self._all_have_looked = Meeting(WORKERS)

    async def claim(
        self, notification: Notification, claim_id: str, now: dt.datetime, lease: dt.timedelta
    ) -> ClaimOutcome:
        found = await self._notifications.find_one({"_id": notification.notification_id})
        await self._all_have_looked.come()
        if found is not None:
            return ClaimOutcome.TAKEN
        await super().claim(notification, claim_id, now, lease)
        return ClaimOutcome.GRANTED


@pytest_asyncio.fixture(loop_scope="session")
async def database(mongo_database: MongoDatabase) -> AsyncIterator[NotifyDatabase]:
    client = open_client(mongo_database.url, "test")
    yield NotifyDatabase(client, mongo_database.name)
    await close(client)


async def all_at_once(database: NotifyDatabase, ledger: NotificationLedger) -> tuple[int, list[Told]]:
    event = events_pb2.BookingConfirmed(header=a_header())
    content = content_of(event_type(event), event.SerializeToString())
    sender = CountingSender()
    teller = Teller(sender, ledger, MongoPreferences(database), {Channel.EMAIL}, SystemClock(), LEASE, 6)
    outcomes = await asyncio.gather(*(teller.tell(content, last_attempt=False) for _ in range(WORKERS)))
    return sender.sent, list(outcomes)


async def test_one_of_many_workers_sends(database: NotifyDatabase) -> None:
    ledger = MongoNotificationLedger(database)
    for _ in range(5):
        sent, outcomes = await all_at_once(database, ledger)
        assert sent == 1
        assert set(outcomes) <= {Told.DONE, Told.IN_OTHER_HANDS}


async def test_control_without_the_guard_several_send(database: NotifyDatabase) -> None:
    sent, _ = await all_at_once(database, UnguardedLedger(database))
    assert sent == WORKERS


async def test_a_claim_passes_on_when_its_lease_is_over_and_not_before(database: NotifyDatabase) -> None:
    ledger, clock = MongoNotificationLedger(database), FakeClock()

    async def claim(claim_id: str) -> ClaimOutcome:
        return await ledger.claim(NOTIFICATION, claim_id, clock.now(), LEASE)

    assert await claim("first") is ClaimOutcome.GRANTED
    clock.advance(59)
    assert await claim("second") is ClaimOutcome.TAKEN
    clock.advance(1)
    assert await claim("third") is ClaimOutcome.GRANTED
    # The first one wakes up: it can no longer give back or give up what is not its own.
    await ledger.release(NOTIFICATION, "first", clock.now())
    await ledger.give_up(NOTIFICATION, "first")
    assert await claim("fourth") is ClaimOutcome.TAKEN
    await ledger.release(NOTIFICATION, "third", clock.now())
    assert await claim("fifth") is ClaimOutcome.GRANTED
    await ledger.mark_sent(NOTIFICATION, clock.now())
    clock.advance(3600)
    assert await claim("sixth") is ClaimOutcome.SETTLED


async def test_what_was_given_up_can_be_claimed_again(database: NotifyDatabase) -> None:
    ledger, clock = MongoNotificationLedger(database), FakeClock()
    await ledger.claim(NOTIFICATION, "first", clock.now(), LEASE)
    await ledger.give_up(NOTIFICATION, "first")
    assert await ledger.claim(NOTIFICATION, "second", clock.now(), LEASE) is ClaimOutcome.GRANTED


class BrokenSender:
    """Has a fault of its own."""

    channel = Channel.EMAIL

    async def send(self, _notification: Notification, _content: Content) -> None:
        raise ZeroDivisionError


async def test_a_fault_of_ours_keeps_no_lease_and_the_last_one_ends_the_message(
    database: NotifyDatabase,
) -> None:
    event = events_pb2.BookingConfirmed(header=a_header())
    content = content_of(event_type(event), event.SerializeToString())
    ledger = MongoNotificationLedger(database)
    teller = Teller(
        BrokenSender(), ledger, MongoPreferences(database), {Channel.EMAIL}, SystemClock(), LEASE, 6
    )
    for last_attempt in (False, True):
        with pytest.raises(ZeroDivisionError):
            await teller.tell(content, last_attempt)
    [record] = await ledger.of_booking(event.header.booking.booking_id, None, 2)
    assert record.state is State.DEAD
