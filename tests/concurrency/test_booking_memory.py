"""Changes that begin with a booking as a replica remembers it, while other replicas change it."""

import datetime as dt
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from uuid import uuid4

import pytest
import pytest_asyncio

from booking_svc.app import use_cases
from booking_svc.domain import inputs
from booking_svc.domain.booking import Booking, BookingState, Payment, PaymentState
from booking_svc.domain.events import Event
from booking_svc.domain.proof import Viewer
from booking_svc.errors import HoldExpired, UnknownBooking
from booking_svc.ports import Lease, LeaseChange, Ports
from booking_svc.servicer import UseCases
from booking_svc.stores.mongo import MongoBookings
from booking_svc.usecases.creating import create_booking
from mesh.clock import SystemClock
from mesh.errors import StoreUnavailable
from mesh.ids import new_request_id
from mesh.testing import FakeClock
from stack.engines import MongoEngine
from stack.sandbox.signatures import signature
from tests.fixtures.booking_replicas import WISH, Shop, WithoutVersion, open_shop
from tests.fixtures.sandbox import WEBHOOK_SECRET


class CountingReads(MongoBookings):
    """Counts how often a booking is read."""

    reads = 0

    async def find(self, booking_id: str) -> Booking | None:
        self.reads += 1
        return await super().find(booking_id)

    async def find_by_request(self, buyer_id: str, request_id: str) -> Booking | None:
        self.reads += 1
        return await super().find_by_request(buyer_id, request_id)


class Overtaken(MongoBookings):
    """Somebody else is faster each time."""

    async def save(
        self,
        before: Booking,
        booking: Booking,
        events: Sequence[Event],
        next_look: dt.datetime | None,
        lease: Lease | LeaseChange,
        now: dt.datetime,
    ) -> bool:
        return False


class SavedUnheard(MongoBookings):
    """Saves, and the answer is lost."""

    async def save(
        self,
        before: Booking,
        booking: Booking,
        events: Sequence[Event],
        next_look: dt.datetime | None,
        lease: Lease | LeaseChange,
        now: dt.datetime,
    ) -> bool:
        await super().save(before, booking, events, next_look, lease, now)
        raise StoreUnavailable("mongodb")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(mongo: MongoEngine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with open_shop(mongo, tmp_path_factory.mktemp("shop")) as opened:
        yield opened


async def _held(shop: Shop, use: UseCases) -> tuple[Booking, Viewer]:
    """A booking that this replica has just made."""
    buyer_id = uuid4().hex
    booking = await create_booking(
        use.ports, use.changes, new_request_id(), buyer_id, shop.office.add_show(), ("A1", "A2")
    )
    return booking, Viewer(buyer_id=buyer_id)


async def _start(use: UseCases, booking: Booking, viewer: Viewer, request_id: str = "") -> Booking:
    redirect = await use.cashier.start_payment(
        request_id or new_request_id(), booking.booking_id, viewer, WISH
    )
    return redirect.booking


async def _tell_paid(use: UseCases, payment: Payment, booking: Booking, event_id: str = "") -> bool:
    """The provider's webhook arrives; True when the event was known."""
    data = {
        "id": payment.session_id,
        "status": "paid",
        "decline_message": "",
        "amount": payment.amount.minor_units,
        "amount_captured": payment.amount.minor_units,
        "currency": payment.amount.currency_code,
        "metadata": {"booking_id": booking.booking_id, "payment_id": payment.payment_id},
        "url": payment.redirect_url,
    }
    event = {"id": event_id or f"evt_{uuid4().hex}", "type": "session.paid", "created": 0, "data": data}
    body = json.dumps(event).encode()
    signed = signature(body, WEBHOOK_SECRET, int(time.time()))
    return await use.news.record_payment_event("sandbox", body, signed)


async def _settled(use: UseCases) -> None:
    await use.driver.settled()


async def test_a_booking_is_bought_at_one_replica_without_being_read(shop: Shop) -> None:
    ports = shop.with_bookings(CountingReads)
    use = use_cases(ports)
    held, viewer = await _held(shop, use)
    booking = await _start(use, held, viewer)
    assert await _tell_paid(use, booking.payments[0], booking) is False
    await _settled(use)
    assert (await shop.found(booking)).state is BookingState.CONFIRMED
    assert isinstance(ports.bookings, CountingReads)
    assert ports.bookings.reads == 0
    assert use.changes.remembered(booking.booking_id) is None, "nothing is to come of it"


async def _paid_meanwhile(shop: Shop, ports: Ports) -> Booking:
    """One replica hears of the first payment and remembers nothing of the second, started at another."""
    one, other = use_cases(ports), use_cases(shop.ports)
    held, viewer = await _held(shop, one)
    booking = await _start(one, held, viewer)
    first = booking.payments[0]
    declined = inputs.PaymentDeclined(first.payment_id, "no")
    await _start(other, await other.changes.apply(booking, declined), viewer)
    assert await _tell_paid(one, first, booking) is False
    await _settled(one)
    return await shop.found(booking)


async def test_what_another_replica_did_since_is_not_overwritten(shop: Shop) -> None:
    booking = await _paid_meanwhile(shop, shop.ports)
    assert len(booking.payments) == 2
    assert booking.paid_by == booking.payments[0].payment_id
    assert booking.payments[0].state is PaymentState.SUCCEEDED


async def test_control_without_the_version_what_another_replica_did_is_forgotten(shop: Shop) -> None:
    booking = await _paid_meanwhile(shop, shop.with_bookings(WithoutVersion))
    assert len(booking.payments) == 1, "the unguarded store kept both: this race proves nothing"


async def _started_after_the_end(shop: Shop, ports: Ports) -> Booking:
    """A booking is given up at one replica; at another one, which remembers it held, it is to be paid."""
    one, other = use_cases(ports), use_cases(shop.ports)
    held, viewer = await _held(shop, one)
    await other.cashier.abandon_booking(new_request_id(), held.booking_id, viewer)
    with suppress(HoldExpired):
        await _start(one, held, viewer)
    return await shop.found(held)


async def test_a_booking_that_was_given_up_elsewhere_is_not_paid_for(shop: Shop) -> None:
    booking = await _started_after_the_end(shop, shop.ports)
    assert (booking.state, booking.payments) == (BookingState.EXPIRED, ())


async def test_control_without_the_version_it_would_be_paid_for(shop: Shop) -> None:
    booking = await _started_after_the_end(shop, shop.with_bookings(WithoutVersion))
    assert booking.state is BookingState.AWAITING_PAYMENT, "this race proves nothing"


async def test_a_start_that_is_repeated_at_a_replica_which_does_not_know_of_it_is_the_same(
    shop: Shop,
) -> None:
    one, other = use_cases(shop.ports), use_cases(shop.ports)
    held, viewer = await _held(shop, one)
    request_id = new_request_id()
    first = await _start(other, held, viewer, request_id)
    assert await _start(one, held, viewer, request_id) == first
    assert len((await shop.found(held)).payments) == 1


async def test_a_remembered_booking_is_nobody_elses(shop: Shop) -> None:
    use = use_cases(shop.ports)
    held, _ = await _held(shop, use)
    with pytest.raises(UnknownBooking):
        await _start(use, held, Viewer(buyer_id=uuid4().hex))
    assert await shop.found(held) == held


async def test_an_event_is_heard_once_however_many_replicas_it_is_told(shop: Shop) -> None:
    replicas = [use_cases(shop.ports) for _ in range(3)]
    held, viewer = await _held(shop, replicas[0])
    booking = await _start(replicas[0], held, viewer)
    known = [await _tell_paid(use, booking.payments[0], booking, "evt_once") for use in replicas * 2]
    for use in replicas:
        await _settled(use)
    assert known == [False, *[True] * 5]
    confirmed = await shop.found(booking)
    assert (confirmed.state, confirmed.heard) == (BookingState.CONFIRMED, ("sandbox/evt_once",))


async def test_an_event_whose_booking_was_too_busy_is_kept_and_acted_on_later(shop: Shop) -> None:
    use = use_cases(shop.ports)
    held, viewer = await _held(shop, use)
    booking = await _start(use, held, viewer)
    event_id = f"evt_{uuid4().hex}"
    troubled = use_cases(shop.with_bookings(Overtaken))
    assert await _tell_paid(troubled, booking.payments[0], booking, event_id) is False
    later = FakeClock(SystemClock().now() + dt.timedelta(seconds=20))  # no lease lasts so long
    next_one = use_cases(replace(shop.ports, clock=later))
    await next_one.news.act_on_waiting()
    await next_one.driver.begin_due()
    await _settled(next_one)
    confirmed = await shop.found(booking)
    assert (confirmed.state, confirmed.heard) == (BookingState.CONFIRMED, (f"sandbox/{event_id}",))
    assert await shop.ports.payment_events.waiting(later.now(), 10) == []


async def test_an_event_that_was_applied_and_not_answered_is_known_when_it_comes_again(shop: Shop) -> None:
    use = use_cases(shop.ports)
    held, viewer = await _held(shop, use)
    booking = await _start(use, held, viewer)
    event_id = f"evt_{uuid4().hex}"
    with pytest.raises(StoreUnavailable):
        await _tell_paid(use_cases(shop.with_bookings(SavedUnheard)), booking.payments[0], booking, event_id)
    assert await _tell_paid(use, booking.payments[0], booking, event_id), (
        "by who remembers it as it was before"
    )
    paid = await shop.found(booking)
    assert (paid.state, paid.heard) == (BookingState.PAID, (f"sandbox/{event_id}",))
    assert await shop.ports.payment_events.unknown("sandbox", [event_id]) == {event_id}
