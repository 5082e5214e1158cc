"""Two replicas at the same booking: each guard, and what happens without it."""

import asyncio
import datetime as dt
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import pytest
import pytest_asyncio

from booking_svc.app import use_cases
from booking_svc.domain import inputs
from booking_svc.domain.booking import AcceptedRequest, Booking, BookingState
from booking_svc.domain.machine import apply
from booking_svc.ports import Claimed, Lease, LeaseChange, Ports
from booking_svc.stores.documents import booking_of
from booking_svc.stores.mongo import EncodeEvent, MongoBookings
from booking_svc.usecases.changes import Changes
from mesh import mongo as mesh_mongo
from mesh.ids import new_request_id
from mesh.money import Money
from stack.engines import MongoEngine
from tests.fixtures.booking_replicas import WISH, Shop, WithoutVersion, open_shop
from tests.fixtures.meeting import Meeting

REPLICAS = 3


class WithoutLease(MongoBookings):
    """Gives everybody the lease, when all have asked for it."""

    def __init__(self, client: mesh_mongo.Client, name: str, encode_event: EncodeEvent) -> None:
        super().__init__(client, name, encode_event)
        self._all_have_read: defaultdict[str, Meeting] = defaultdict(lambda: Meeting(REPLICAS))

    async def claim(self, booking_id: str, lease: Lease, now: dt.datetime) -> Claimed | None:
        document = await self._bookings.find_one({"_id": booking_id})
        await self._all_have_read[booking_id].come()
        return Claimed(booking_of(document), 0) if document else None


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(mongo: MongoEngine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with open_shop(mongo, tmp_path_factory.mktemp("shop")) as opened:
        yield opened


async def _paid(shop: Shop, count: int) -> list[Booking]:
    """Bookings that rest in PAID, as if their process had died there."""
    bookings = []
    for _ in range(count):
        booking, _ = await shop.awaiting()
        payment_id = booking.payments[0].payment_id
        paid = inputs.PaymentSucceeded(payment_id, booking.quote.total)
        bookings.append(await Changes(shop.ports).apply(booking, paid))
    return bookings


async def _recover_together(shop: Shop, ports: Ports, bookings: list[Booking]) -> int:
    """Replicas recover at once; returns how often a theatre was asked to confirm."""
    before = shop.office.calls["ConfirmHold"]
    shop.office.slow["ConfirmHold"] = 0.05
    drivers = [use_cases(ports).driver for _ in range(REPLICAS)]
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
    assert await _recover_together(shop, shop.ports, bookings) == 10


async def test_control_without_the_lease_steps_are_taken_several_times_and_still_end_right(
    shop: Shop,
) -> None:
    bookings = await _paid(shop, 10)
    assert await _recover_together(shop, shop.with_bookings(WithoutLease), bookings) > 10


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
