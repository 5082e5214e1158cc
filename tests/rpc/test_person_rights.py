"""BuyerService over a socket: what is kept about a person goes out to them, or is erased."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from matinee.booking.v1 import booking_pb2, buyer_pb2

from mesh.testing import eventually
from stack.engines import MongoEngine
from tests.fixtures.door import Door, an_address, open_door, refused
from tests.fixtures.post_office import Away


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared_door(mongo: MongoEngine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    async with open_door(mongo, tmp_path_factory.mktemp("door")) as running:
        yield running


@pytest.fixture
def door(shared_door: Door) -> Door:
    shared_door.begin_anew()
    return shared_door


async def export(door: Door, token: str) -> list[buyer_pb2.ExportBuyerResponse]:
    request = buyer_pb2.ExportBuyerRequest(sign_in_token=token)
    return [part async for part in door.stub.ExportBuyer(request, timeout=10)]


async def erase(door: Door, token: str, request_id: str = "") -> str:
    request = buyer_pb2.EraseBuyerRequest(request_id=request_id or str(uuid4()), sign_in_token=token)
    return (await door.stub.EraseBuyer(request)).erasure_id


async def confirmed(door: Door, email: str, seat: str = "A1") -> booking_pb2.Booking:
    """A booking with tickets, bought by another guest."""
    buyer_id = uuid4().hex
    viewer = booking_pb2.BookingViewer(buyer_id=buyer_id)
    booking = await door.desk.create(seat, buyer_id=buyer_id)
    contact = booking_pb2.Contact(full_name="Ada Lovelace", email=email, phone="+351912345678")
    await door.desk.pay_with(booking, viewer=viewer, contact=contact)
    door.desk.buyer_id = buyer_id
    return await door.desk.becomes(booking, "CONFIRMED")


def told_everything(door: Door, booking: booking_pb2.Booking) -> None:
    """Publishes what the booking has to tell, as the relay would if there were a broker."""
    door.desk.change_stored(booking, {"$set": {"outbox": []}})


def over(door: Door, booking: booking_pb2.Booking) -> None:
    """The show was yesterday."""
    yesterday = door.clock.now() - dt.timedelta(days=1)
    door.desk.change_stored(booking, {"$set": {"show.start_time": yesterday}})


def erasures(door: Door) -> list[dict[str, Any]]:
    with door.desk.mongo() as client:
        return list(client[door.desk.settings.mongo_database]["erasures"].find())


def everything_stored(door: Door) -> str:
    with door.desk.mongo() as client:
        database = client[door.desk.settings.mongo_database]
        return "".join(str(list(database[name].find())) for name in database.list_collection_names())


async def test_an_export_holds_the_person_and_their_bookings_without_secrets(door: Door) -> None:
    email = an_address()
    mine = await confirmed(door, email)
    open_payment = await door.bought(email, seat="A2")
    await door.bought(an_address(), seat="A3")
    person, *bookings = await export(door, await door.sign_in(email))
    assert person.buyer.email == email
    assert {part.booking.booking.booking_id for part in bookings} == {
        mine.booking_id,
        open_payment.booking_id,
    }
    for part in bookings:
        assert part.booking.booking.contact.full_name == "Ada Lovelace"
        assert len(part.booking.payments) == 1
        assert part.booking.booking.access_key == ""
        assert part.booking.booking.payment.redirect_url == part.booking.payments[0].redirect_url == ""


async def test_rights_need_somebody_who_signed_in_lately(door: Door) -> None:
    token = await door.sign_in(an_address())
    door.clock.advance(door.desk.settings.fresh_sign_in_minutes * 60 + 1)
    for call in (export(door, token), erase(door, token)):
        error = await refused(call)
        assert (error.code, error.reason) == ("FAILED_PRECONDITION", "SIGN_IN_STALE")
    for wrong in ("", "x" * 43, "x" * 5000):
        for call in (export(door, wrong), erase(door, wrong)):
            assert (await refused(call)).reason == "NOT_SIGNED_IN"


async def test_who_still_has_tickets_or_money_under_way_is_not_erased(door: Door) -> None:
    email = an_address()
    coming = await confirmed(door, email)
    await door.bought(email, seat="A2")
    error = await refused(erase(door, await door.sign_in(email)))
    assert (error.code, error.reason, error.facts) == ("FAILED_PRECONDITION", "LIVE_BOOKINGS", {"count": "2"})
    assert (await door.desk.get(coming)).contact.email == email


async def test_an_erased_person_is_nowhere_and_the_books_stay(door: Door) -> None:
    email = an_address()
    booking = await confirmed(door, email)
    before = door.desk.stored(booking)
    over(door, booking)
    told_everything(door, booking)
    token, elsewhere = await door.sign_in(email), await door.sign_in(email)
    person_id = (await door.buyer(token)).person_id
    request_id = str(uuid4())
    erasure_id = await erase(door, token, request_id)
    assert await erase(door, token, request_id) == erasure_id
    for ended in (token, elsewhere):
        assert (await refused(door.buyer(ended))).reason == "NOT_SIGNED_IN"

    async def erased() -> bool:
        return door.desk.stored(booking)["contact"] is None

    await eventually(erased)
    after = door.desk.stored(booking)
    for kept in ("quote", "seat_ids", "tickets", "refunds", "create_time", "update_time", "state", "paid_by"):
        assert after[kept] == before[kept]
    assert [payment["captured"] for payment in after["payments"]] == [
        payment["captured"] for payment in before["payments"]
    ]
    for viewer in (
        booking_pb2.BookingViewer(buyer_id=before["buyer_id"]),
        booking_pb2.BookingViewer(access_key=before["access_key"]),
        booking_pb2.BookingViewer(access_key=""),
        booking_pb2.BookingViewer(sign_in_token=await door.sign_in(email)),
    ):
        request = booking_pb2.GetBookingRequest(booking_id=booking.booking_id, viewer=viewer)
        assert (await refused(door.desk.stub.GetBooking(request))).reason == "UNKNOWN_BOOKING"
    assert [booking.booking_id] in [list(each.booking_ids) for each in door.post.forgotten]
    assert [email] in [list(each.recipients) for each in door.post.forgotten]
    assert (await door.buyer(await door.sign_in(email))).person_id != person_id


async def test_after_the_last_sweep_the_store_does_not_know_the_person(door: Door) -> None:
    email = an_address()
    booking = await confirmed(door, email)
    over(door, booking)
    told_everything(door, booking)
    erasure_id = await erase(door, await door.sign_in(email))

    async def swept() -> bool:
        return any(each["erasure_id"] == erasure_id and each["swept"] for each in erasures(door))

    async def done() -> bool:
        return any(each["erasure_id"] == erasure_id and "done_time" in each for each in erasures(door))

    await eventually(swept)
    asked = len(door.post.forgotten)
    door.clock.advance(2 * 3600 + 1)
    await eventually(done)
    assert len(door.post.forgotten) > asked
    stored = everything_stored(door)
    buyer_id = door.desk.buyer_id
    for secret in (email, booking.access_key, buyer_id):
        assert secret not in stored


async def test_an_erasure_goes_on_after_messages_were_away(door: Door) -> None:
    email = an_address()
    booking = await confirmed(door, email)
    over(door, booking)
    told_everything(door, booking)
    token = await door.sign_in(email)
    door.post.failure = Away("away")
    await erase(door, token)

    async def tried() -> bool:
        return any(each["text"] == email and each["next_look"] > door.clock.now() for each in erasures(door))

    await eventually(tried)
    assert door.desk.stored(booking)["contact"] is not None
    door.post.failure = None
    door.clock.advance(61)

    async def erased() -> bool:
        return door.desk.stored(booking)["contact"] is None

    await eventually(erased)


async def test_what_a_booking_has_to_tell_is_told_before_its_person_is_erased(door: Door) -> None:
    email = an_address()
    booking = await confirmed(door, email)
    over(door, booking)
    assert door.desk.stored(booking)["outbox"]
    await erase(door, await door.sign_in(email))

    async def tried() -> bool:
        return any(each["text"] == email and each["next_look"] > door.clock.now() for each in erasures(door))

    await eventually(tried)
    assert door.desk.stored(booking)["contact"]["email"] == email
    told_everything(door, booking)
    door.clock.advance(61)

    async def erased() -> bool:
        return door.desk.stored(booking)["contact"] is None

    await eventually(erased)


async def test_other_peoples_bookings_are_left_alone(door: Door) -> None:
    email = an_address()
    mine, theirs = await confirmed(door, email), await confirmed(door, an_address(), "A2")
    for booking in (mine, theirs):
        over(door, booking)
        told_everything(door, booking)
    untouched = door.desk.stored(theirs)
    await erase(door, await door.sign_in(email))

    async def erased() -> bool:
        return door.desk.stored(mine)["contact"] is None

    await eventually(erased)
    assert door.desk.stored(theirs) == untouched


async def test_the_same_request_of_somebody_else_is_refused(door: Door) -> None:
    request_id = str(uuid4())
    await erase(door, await door.sign_in(an_address()), request_id)
    error = await refused(erase(door, await door.sign_in(an_address()), request_id))
    assert (error.code, error.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")
