"""Two replicas at the same booking: each guard, and what happens without it."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from uuid import uuid4

import pytest
import pytest_asyncio

from booking_svc.app import encoded, open_ports, use_cases
from booking_svc.domain import inputs
from booking_svc.domain.booking import AcceptedRequest, Booking, BookingState, PaymentMethod
from booking_svc.domain.contact import Contact
from booking_svc.domain.events import Event
from booking_svc.domain.machine import apply
from booking_svc.domain.proof import Viewer
from booking_svc.ports import Claimed, Lease, LeaseChange, Ports
from booking_svc.stores.documents import booking_of, document_of
from booking_svc.stores.mongo import MongoBookings
from booking_svc.stores.payment_events import MongoPaymentEvents
from booking_svc.usecases.changes import Changes
from booking_svc.usecases.creating import create_booking
from booking_svc.usecases.paying import PaymentWish
from mesh import mongo as mesh_mongo
from mesh.clock import SystemClock
from mesh.ids import new_request_id
from mesh.money import Money
from mesh.run import Resources
from stack.engines import MongoEngine
from tests.fixtures.booking_desk import PUBLIC_URL, desk_settings, new_database
from tests.fixtures.box_office import BoxOffice, open_box_office
from tests.fixtures.sandbox import Sandbox, running_sandbox

WISH = PaymentWish(
    PaymentMethod.CREDIT_CARD, Contact("Ada", "ada@example.com", ""), f"{PUBLIC_URL}/bookings/x"
)


class WithoutLease(MongoBookings):
    """Gives everybody the lease."""

    async def claim(self, booking_id: str, lease: Lease, now: dt.datetime) -> Claimed | None:
        document = await self._bookings.find_one({"_id": booking_id})
        return Claimed(booking_of(document), 0) if document else None


class WithoutVersion(MongoBookings):
    """Overwrites whatever is stored."""

    async def save(
        self,
        before: Booking,
        booking: Booking,
        events: Sequence[Event],
        next_look: dt.datetime | None,
        lease: Lease | LeaseChange,
        now: dt.datetime,
    ) -> bool:
        await asyncio.sleep(0.01)  # the other replica reads meanwhile
        await self._bookings.update_one({"_id": before.booking_id}, {"$set": document_of(booking)})
        return True


@dataclass
class Shop:
    """Stores, sandbox and box office for any number of replicas."""

    ports: Ports
    office: BoxOffice
    sandbox: Sandbox
    client: mesh_mongo.Client
    database: str

    def with_bookings(self, kind: type[MongoBookings]) -> Ports:
        return replace(self.ports, bookings=kind(self.client, self.database, encoded))

    async def awaiting(self) -> tuple[Booking, str]:
        """A booking at the provider's page."""
        use = use_cases(self.ports)
        buyer_id, show_id = uuid4().hex, self.office.add_show()
        booking = await create_booking(
            self.ports, use.changes, new_request_id(), buyer_id, show_id, ("A1", "A2")
        )
        redirect = await use.cashier.start_payment(
            new_request_id(), booking.booking_id, Viewer(buyer_id=buyer_id), WISH
        )
        return redirect.booking, redirect.url

    async def found(self, booking: Booking) -> Booking:
        again = await self.ports.bookings.find(booking.booking_id)
        assert again is not None
        return again


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(mongo: MongoEngine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with AsyncExitStack() as around:
        database = await around.enter_async_context(new_database(mongo))
        office = await around.enter_async_context(open_box_office())
        sandbox = await around.enter_async_context(running_sandbox(tmp_path_factory.mktemp("shop")))
        resources = await around.enter_async_context(Resources())
        settings = desk_settings(database, office, sandbox.url)
        client = mesh_mongo.open_client(settings.mongo_url, "races")
        around.callback(client.close)
        bookings = MongoBookings(client, database.name, encoded)
        events = MongoPaymentEvents(client, database.name)
        await bookings.ready()
        await events.ready()
        ports = await open_ports(settings, resources, SystemClock(), bookings, events)
        yield Shop(ports, office, sandbox, client, database.name)


async def _paid(shop: Shop, count: int) -> list[Booking]:
    """Bookings that rest in PAID, as if their process had died there."""
    bookings = []
    for _ in range(count):
        booking, _ = await shop.awaiting()
        payment_id = booking.payments[0].payment_id
        paid = inputs.PaymentSucceeded(payment_id, booking.quote.total)
        bookings.append(await Changes(shop.ports).apply(booking, paid))
    return bookings


async def _recover_together(shop: Shop, ports: Ports, bookings: list[Booking], replicas: int) -> int:
    """Replicas recover at once; returns how often a theatre was asked to confirm."""
    before = shop.office.calls["ConfirmHold"]
    shop.office.slow["ConfirmHold"] = 0.05
    drivers = [use_cases(ports).driver for _ in range(replicas)]
    await asyncio.gather(*(driver.begin_due() for driver in drivers))
    await asyncio.gather(*(driver.settled() for driver in drivers))
    shop.office.slow.clear()
    for booking in bookings:
        confirmed = await shop.found(booking)
        assert confirmed.state is BookingState.CONFIRMED
        assert len(confirmed.tickets) == 2
    return shop.office.calls["ConfirmHold"] - before


async def test_two_recovery_loops_take_each_step_once(shop: Shop) -> None:
    bookings = await _paid(shop, 10)
    assert await _recover_together(shop, shop.ports, bookings, replicas=3) == 10


async def test_control_without_the_lease_steps_are_taken_several_times_and_still_end_right(
    shop: Shop,
) -> None:
    bookings = await _paid(shop, 10)
    assert await _recover_together(shop, shop.with_bookings(WithoutLease), bookings, replicas=3) > 10


async def _two_payments_at_once(shop: Shop, ports: Ports) -> Booking:
    """Two payments of one booking are captured at the same moment, told to two replicas."""
    booking, _ = await shop.awaiting()
    first = booking.payments[0]
    second = replace(first, payment_id=new_request_id(), session_id="ses_other")
    shop_changes = Changes(shop.ports)
    booking = await shop_changes.apply(booking, inputs.PaymentDeclined(first.payment_id, "no"))
    booking = await shop_changes.apply(booking, inputs.PaymentStarted(second, WISH.contact, 10))
    both = [inputs.PaymentSucceeded(each.payment_id, booking.quote.total) for each in booking.payments]
    await asyncio.gather(*(Changes(ports).apply(booking, paid) for paid in both))
    return await shop.found(booking)


async def test_two_captures_at_once_are_one_for_the_tickets_and_one_to_send_back(shop: Shop) -> None:
    booking = await _two_payments_at_once(shop, shop.ports)
    assert booking.state is BookingState.PAID
    assert [payment.captured for payment in booking.payments] == [Money("USD", 2000)] * 2
    assert len(booking.refunds) == 1
    assert {booking.paid_by, booking.refunds[0].payment_id} == {
        payment.payment_id for payment in booking.payments
    }


async def test_control_without_the_version_a_capture_is_forgotten(shop: Shop) -> None:
    booking = await _two_payments_at_once(shop, shop.with_bookings(WithoutVersion))
    captured = [payment for payment in booking.payments if payment.captured is not None]
    assert len(captured) == 1, "the unguarded store kept both: this race proves nothing"


async def _cancelled_seat_by_seat(shop: Shop, ports: Ports) -> Booking:
    """Both seats of a booking are cancelled at the same moment, each at another replica."""
    (booking,) = await _paid(shop, 1)
    await use_cases(shop.ports).driver.drive(booking.booking_id)
    booking = await shop.found(booking)
    assert booking.state is BookingState.CONFIRMED
    asked = [
        inputs.CancelRequested(AcceptedRequest(new_request_id(), seat_id), inputs.BUYER, (seat_id,))
        for seat_id in booking.seat_ids
    ]
    await asyncio.gather(*(Changes(ports).apply(booking, each) for each in asked))
    return await shop.found(booking)


async def test_seats_that_are_cancelled_at_once_are_both_cancelled(shop: Shop) -> None:
    booking = await _cancelled_seat_by_seat(shop, shop.ports)
    assert booking.state is BookingState.CANCELLED
    assert len(booking.accepted) == 2


async def test_control_without_the_version_one_of_the_seats_is_forgotten(shop: Shop) -> None:
    booking = await _cancelled_seat_by_seat(shop, shop.with_bookings(WithoutVersion))
    assert booking.state is BookingState.CONFIRMED, "the unguarded store kept both: this race proves nothing"
    assert len(booking.kept_seat_ids) == 1


async def test_a_saved_change_carries_its_event_or_neither(shop: Shop) -> None:
    booking, _ = await shop.awaiting()
    outcome = apply(
        booking, inputs.PaymentDeclined(booking.payments[0].payment_id, "no"), booking.update_time
    )
    stale = replace(booking, version=booking.version - 1)
    save, now = shop.ports.bookings.save, booking.update_time
    assert not await save(stale, outcome.booking, outcome.events, None, LeaseChange.KEEP, now)
    assert await shop.found(booking) == booking
    assert await save(booking, outcome.booking, outcome.events, None, LeaseChange.KEEP, now)
    documents = mesh_mongo.database_of(shop.client, shop.database)["bookings"]
    document = await documents.find_one({"_id": booking.booking_id})
    assert document is not None
    assert [entry["name"] for entry in document["outbox"]] == ["payment_failed"]


async def test_a_webhook_a_poll_and_a_recovery_at_once_buy_the_tickets_once(shop: Shop) -> None:
    booking, url = await shop.awaiting()
    await shop.sandbox.pay(url)
    replicas = [use_cases(shop.ports) for _ in range(3)]
    await asyncio.gather(
        *(use.driver.drive(booking.booking_id) for use in replicas),
        *(use.news.catch_up() for use in replicas),
        *(
            use.driver.change_and_begin(
                booking, inputs.PaymentSucceeded(booking.payments[0].payment_id, booking.quote.total)
            )
            for use in replicas
        ),
    )
    for use in replicas:
        await use.driver.begin_due()
        await use.driver.settled()
    confirmed = await shop.found(booking)
    assert confirmed.state is BookingState.CONFIRMED
    assert confirmed.refunds == ()
    assert len(await shop.sandbox.ledger()) >= 1


async def test_one_reader_at_a_time_follows_the_providers_list(shop: Shop) -> None:
    events, now = shop.ports.payment_events, shop.ports.now()
    lease = Lease("first", now + dt.timedelta(seconds=20))
    name = f"provider-{uuid4().hex}"
    assert await events.claim_cursor(name, lease, now) == ""
    assert await events.claim_cursor(name, Lease("second", lease.until), now) is None
    await events.move_cursor(name, "first", "42")
    assert await events.claim_cursor(name, Lease("second", lease.until), now) == "42"
    await events.move_cursor(name, "first", "43")
    later = now + dt.timedelta(seconds=21)
    assert await events.claim_cursor(name, Lease("third", later), later) == "42"
