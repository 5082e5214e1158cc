"""BookingService over a socket: quoting, making, showing and giving up bookings."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from matinee.booking.v1 import booking_pb2

from mesh.errors import RemoteError
from mesh.testing import eventually
from stack.engines import MongoEngine
from tests.fixtures.booking_desk import Desk, new_database, open_desk


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared_desk(mongo: MongoEngine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    async with new_database(mongo) as database, open_desk(database, folder) as running:
        yield running


@pytest.fixture
def desk(shared_desk: Desk) -> Desk:
    shared_desk.begin_anew()
    return shared_desk


async def _refused(call: object) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        await call  # type: ignore[misc]
    return caught.value


async def test_a_quote_prices_seats_and_holds_nothing(desk: Desk) -> None:
    request = booking_pb2.QuoteBookingRequest(show_id=desk.show_id, seat_ids=["A1", "A2", "A3"])
    quote = (await desk.stub.QuoteBooking(request)).quote
    assert quote.total.minor_units == 2500
    assert [(line.seat_id, line.rule_id, line.amount.minor_units) for line in quote.lines] == [
        ("A1", "base", 1000),
        ("A2", "base", 1000),
        ("A3", "base", 1000),
        ("A3", "third-ticket-50", -500),
    ]
    assert [price.amount.minor_units for price in quote.seat_prices] == [1000, 1000, 500]
    assert desk.office.calls["HoldSeats"] == 0


async def test_the_afternoon_follows_the_theatres_zone(desk: Desk) -> None:
    london = ZoneInfo("Europe/London")
    for hour, total in ((11, 1000), (12, 800), (16, 800), (17, 1000)):
        start = dt.datetime(2030, 7, 1, hour, tzinfo=london)
        show_id = desk.office.add_show(start_time=start.astimezone(dt.UTC), disabled=())
        request = booking_pb2.QuoteBookingRequest(show_id=show_id, seat_ids=["A1"])
        assert (await desk.stub.QuoteBooking(request)).quote.total.minor_units == total


async def test_a_booking_holds_its_seats_and_remembers_its_show_and_price(desk: Desk) -> None:
    booking = await desk.create("A1", "A2")
    assert booking.state == booking_pb2.BOOKING_STATE_HELD
    assert booking.quote.total.minor_units == 2000
    assert (booking.show.movie_title, booking.show.theatre_name) == ("Sintel", "Rialto")
    left = booking.hold_expire_time.ToDatetime() - booking.as_of_time.ToDatetime()
    assert dt.timedelta(seconds=290) < left <= dt.timedelta(seconds=300)
    margin = booking.hold_expire_time.ToDatetime() - booking.pay_until_time.ToDatetime()
    assert margin.total_seconds() == desk.settings.hold_margin_seconds > 0
    gap = booking.show.start_time.ToDatetime() - booking.cancel_until_time.ToDatetime()
    assert gap == dt.timedelta(minutes=60)
    assert desk.office.free_seats(desk.show_id).isdisjoint({"A1", "A2"})
    shown = await desk.get(booking)
    shown.as_of_time.CopyFrom(booking.as_of_time)
    assert shown == booking


async def test_a_price_is_never_computed_again(desk: Desk) -> None:
    booking = await desk.create("A1")
    desk.office.shows[desk.show_id].show.prices[0].price.minor_units = 9999
    assert (await desk.get(booking)).quote.total.minor_units == 1000
    url = (await desk.start(booking)).redirect_url
    assert (await desk.sandbox.session(url.rpartition("/")[2]))["amount"] == 1000


async def test_the_same_request_gets_the_same_booking(desk: Desk) -> None:
    request_id = str(uuid4())
    first = await desk.create("A1", request_id=request_id)
    again = await desk.create("A1", request_id=request_id)
    assert again.booking_id == first.booking_id
    assert desk.office.calls["HoldSeats"] == 1
    other = await _refused(desk.create("A2", request_id=request_id))
    assert (other.code, other.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")
    # The same id of another buyer is another request.
    assert (
        await desk.create("A2", request_id=request_id, buyer_id="somebody")
    ).booking_id != first.booking_id


async def test_a_repeated_request_gets_its_booking_whatever_became_of_the_show(desk: Desk) -> None:
    request_id = str(uuid4())
    first = await desk.create("A1", request_id=request_id)
    desk.office.away.add("GetShow")

    async def forgotten() -> bool:
        try:
            await desk.stub.QuoteBooking(
                booking_pb2.QuoteBookingRequest(show_id=desk.show_id, seat_ids=["A1"])
            )
        except RemoteError as error:
            return error.code == "UNAVAILABLE"
        return False  # the show is remembered for a second

    await eventually(forgotten)
    assert (await desk.create("A1", request_id=request_id)).booking_id == first.booking_id
    assert (await _refused(desk.create("A2"))).code == "UNAVAILABLE"
    desk.office.away.clear()
    desk.office.cancel_show(desk.show_id)
    await desk.becomes(first, "EXPIRED")
    assert (await desk.create("A1", request_id=request_id)).booking_id == first.booking_id
    assert (await _refused(desk.create("A2"))).reason == "SHOW_CLOSED"


async def test_what_would_be_refused_is_no_other_content_for_a_known_request(desk: Desk) -> None:
    request_id = str(uuid4())
    await desk.create("A1", request_id=request_id)
    for wrong in (["A1", "A1"], ["Z9"], []):
        error = await _refused(desk.create(request_id=request_id, seat_ids=wrong))
        assert (error.code, error.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")
    error = await _refused(desk.create("A1", request_id=request_id, show_id="no-such-show"))
    assert error.reason == "REQUEST_ID_REUSED"


async def test_the_same_request_twice_at_once_makes_one_booking(desk: Desk) -> None:
    request_id = str(uuid4())
    made = await asyncio.gather(*(desk.create("A1", request_id=request_id) for _ in range(8)))
    assert len({booking.booking_id for booking in made}) == 1
    with desk.mongo() as client:
        count = client[desk.settings.mongo_database]["bookings"].count_documents({"buyer_id": desk.buyer_id})
    assert count == 1


async def test_a_taken_seat_is_told_with_its_name_and_told_again(desk: Desk) -> None:
    desk.office.take(desk.show_id, ["A2"])
    request_id = str(uuid4())
    for _ in range(2):
        error = await _refused(desk.create("A1", "A2", request_id=request_id))
        assert (error.code, error.reason, error.facts) == ("ABORTED", "SEAT_TAKEN", {"seat_ids": "A2"})
    assert "A1" in desk.office.free_seats(desk.show_id)
    listed = await desk.stub.ListBookings(booking_pb2.ListBookingsRequest(buyer_id=desk.buyer_id))
    assert list(listed.bookings) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"request_id": "not-a-uuid"}, "request_id"),
        ({"buyer_id": ""}, "buyer_id"),
        ({"buyer_id": "x" * 65}, "buyer_id"),
        ({"seat_ids": []}, "seat_ids"),
        ({"seat_ids": ["A1", "A1"]}, "seat_ids"),
        ({"seat_ids": [f"A{n}" for n in range(1, 12)]}, "seat_ids"),
        ({"seat_ids": ["A" * 9]}, "seat_ids"),
        ({"show_id": ""}, "show_id"),
        ({"show_id": "x" * 65}, "show_id"),
    ],
)
async def test_wrong_fields_are_named_and_nothing_is_held(
    desk: Desk, changes: dict[str, object], field: str
) -> None:
    wanted: dict[str, object] = {
        "request_id": str(uuid4()),
        "buyer_id": desk.buyer_id,
        "show_id": desk.show_id,
        "seat_ids": ["A1"],
    }
    request = booking_pb2.CreateBookingRequest(**(wanted | changes))  # type: ignore[arg-type]
    error = await _refused(desk.stub.CreateBooking(request))
    assert (error.code, error.reason, error.facts) == ("INVALID_ARGUMENT", "INVALID_FIELD", {"field": field})
    assert desk.office.calls["HoldSeats"] == 0


async def test_unknown_shows_and_seats_are_told(desk: Desk) -> None:
    show = await _refused(desk.create(show_id="no-such-show"))
    assert (show.code, show.reason) == ("NOT_FOUND", "UNKNOWN_SHOW")
    seat = await _refused(desk.create("A1", "Z9"))
    assert (seat.code, seat.reason, seat.facts) == ("NOT_FOUND", "UNKNOWN_SEAT", {"seat_ids": "Z9"})


async def test_a_booking_is_shown_to_its_buyer_and_to_who_has_its_key(desk: Desk) -> None:
    booking = await desk.create("A1")
    key = booking_pb2.BookingViewer(access_key=booking.access_key)
    request = booking_pb2.GetBookingRequest(booking_id=booking.booking_id, viewer=key)
    assert (await desk.stub.GetBooking(request)).booking.booking_id == booking.booking_id
    for viewer in (
        booking_pb2.BookingViewer(),
        booking_pb2.BookingViewer(buyer_id="somebody else"),
        booking_pb2.BookingViewer(access_key="x" * 22),
        booking_pb2.BookingViewer(access_key=""),
    ):
        for call in (
            desk.stub.GetBooking(booking_pb2.GetBookingRequest(booking_id=booking.booking_id, viewer=viewer)),
            desk.start(booking, viewer=viewer),
            desk.cancel(booking, viewer=viewer),
            desk.abandon(booking, viewer=viewer),
        ):
            error = await _refused(call)
            assert (error.code, error.reason) == ("NOT_FOUND", "UNKNOWN_BOOKING")
    assert (await _refused(desk.get("no-such-booking"))).reason == "UNKNOWN_BOOKING"
    assert (await desk.get(booking)).state == booking_pb2.BOOKING_STATE_HELD


async def test_a_stranger_cannot_watch(desk: Desk) -> None:
    booking = await desk.create("A1")
    viewer = booking_pb2.BookingViewer(buyer_id="somebody else")
    request = booking_pb2.WatchBookingRequest(booking_id=booking.booking_id, viewer=viewer)
    error = await _refused(anext(aiter(desk.stub.WatchBooking(request, timeout=20))))
    assert error.reason == "UNKNOWN_BOOKING"


async def test_a_buyers_bookings_are_listed_newest_first_in_pages(desk: Desk) -> None:
    made = [(await desk.create(f"A{number}")).booking_id for number in range(1, 6)]
    await desk.create("A9", buyer_id="somebody else")
    seen: list[str] = []
    token = ""
    for size in (2, 2, 1):
        page = await desk.stub.ListBookings(
            booking_pb2.ListBookingsRequest(buyer_id=desk.buyer_id, page_size=2, page_token=token)
        )
        assert len(page.bookings) == size
        seen += [booking.booking_id for booking in page.bookings]
        token = page.next_page_token
    assert (seen, token) == (made[::-1], "")
    bad = booking_pb2.ListBookingsRequest(buyer_id=desk.buyer_id, page_token="nonsense")
    assert (await _refused(desk.stub.ListBookings(bad))).reason == "INVALID_PAGE_TOKEN"


async def test_giving_up_frees_the_seats_at_once_and_may_be_repeated(desk: Desk) -> None:
    booking = await desk.create("A1", "A2")
    for _ in range(2):
        ended = await desk.abandon(booking)
        assert (ended.state, ended.given_up) == (booking_pb2.BOOKING_STATE_EXPIRED, True)
    assert {"A1", "A2"} <= desk.office.free_seats(desk.show_id)
    error = await _refused(desk.start(booking))
    assert (error.code, error.reason) == ("FAILED_PRECONDITION", "HOLD_EXPIRED")


async def test_a_caller_that_goes_away_leaves_no_booking_behind_half_made(desk: Desk) -> None:
    desk.office.slow["HoldSeats"] = 1.5
    request = desk.creation("A1")
    creating = asyncio.ensure_future(desk.stub.CreateBooking(request, timeout=1))

    async def asked_for_seats() -> bool:
        return desk.office.calls["HoldSeats"] == 1

    await eventually(asked_for_seats)
    with pytest.raises(RemoteError):
        await creating

    async def held() -> bool:
        with desk.mongo() as client:
            stored = client[desk.settings.mongo_database]["bookings"].find_one({"buyer_id": desk.buyer_id})
        return stored is not None and stored["state"] == "HELD"

    await eventually(held)
    booking = (await desk.stub.CreateBooking(request)).booking
    assert booking.state == booking_pb2.BOOKING_STATE_HELD
    assert desk.office.calls["HoldSeats"] == 1


async def test_an_answer_that_is_lost_is_got_by_asking_again(desk: Desk) -> None:
    desk.office.answers_lost.add("HoldSeats")
    request = desk.creation("A1")
    error = await _refused(desk.stub.CreateBooking(request))
    assert error.code == "UNAVAILABLE"
    desk.office.answers_lost.clear()
    booking = (await desk.stub.CreateBooking(request)).booking
    assert booking.state == booking_pb2.BOOKING_STATE_HELD
    assert desk.office.calls["HoldSeats"] >= 2
    assert len(desk.office.holds_of(desk.show_id)) == 1


async def test_a_catalogue_that_is_away_is_told_as_unavailable(desk: Desk) -> None:
    desk.office.away.add("GetShow")
    error = await _refused(desk.create("A1"))
    assert error.code == "UNAVAILABLE"


async def test_watching_tells_of_every_change_here_and_on_another_replica(desk: Desk) -> None:
    booking = await desk.create("A1")
    other = await desk.replica()
    seen: list[int] = []

    async def follow() -> None:
        request = booking_pb2.WatchBookingRequest(booking_id=booking.booking_id, viewer=desk.viewer)
        async for message in other.WatchBooking(request, timeout=40):
            seen.append(message.booking.state)
            if message.booking.state == booking_pb2.BOOKING_STATE_CONFIRMED:
                return

    following = asyncio.create_task(follow())

    async def begun() -> bool:
        return bool(seen)

    await eventually(begun)
    await desk.pay(booking)
    async with asyncio.timeout(20):
        await following
    assert seen[0] == booking_pb2.BOOKING_STATE_HELD
    assert seen[-1] == booking_pb2.BOOKING_STATE_CONFIRMED


def _back_from_paying(desk: Desk, booking_id: str, seconds: float) -> booking_pb2.GetBookingRequest:
    return booking_pb2.GetBookingRequest(
        booking_id=booking_id,
        viewer=desk.viewer,
        passing_states=[
            booking_pb2.BOOKING_STATE_HELD,
            booking_pb2.BOOKING_STATE_AWAITING_PAYMENT,
            booking_pb2.BOOKING_STATE_PAID,
        ],
        wait_milliseconds=int(seconds * 1000),
    )


async def test_a_booking_is_waited_for_here_and_on_another_replica(desk: Desk) -> None:
    booking = await desk.create("A1")
    other = await desk.replica()
    waiting = [
        asyncio.ensure_future(stub.GetBooking(_back_from_paying(desk, booking.booking_id, 10)))
        for stub in (desk.stub, other)
    ]
    assert not (await asyncio.wait(waiting, timeout=0.3))[0]
    await desk.pay(booking)
    async with asyncio.timeout(20):
        answers = await asyncio.gather(*waiting)
    assert [answer.booking.state for answer in answers] == [booking_pb2.BOOKING_STATE_CONFIRMED] * 2


async def test_a_wait_for_a_booking_ends_with_its_time(desk: Desk) -> None:
    booking = await desk.create("A1")
    began = asyncio.get_running_loop().time()
    answer = await desk.stub.GetBooking(_back_from_paying(desk, booking.booking_id, 0.3))
    assert 0.3 <= asyncio.get_running_loop().time() - began < 8
    assert answer.booking.state == booking_pb2.BOOKING_STATE_HELD


@pytest.mark.parametrize("milliseconds", [-1, 10_001, 2**31 - 1])
async def test_a_wait_that_is_none_is_refused(desk: Desk, milliseconds: int) -> None:
    booking = await desk.create("A1")
    request = _back_from_paying(desk, booking.booking_id, 0)
    request.wait_milliseconds = milliseconds
    error = await _refused(desk.stub.GetBooking(request))
    assert (error.reason, error.facts["field"]) == ("INVALID_FIELD", "wait_milliseconds")


async def test_nobody_waits_for_a_booking_that_is_not_theirs(desk: Desk) -> None:
    booking = await desk.create("A1")
    request = _back_from_paying(desk, booking.booking_id, 10)
    request.viewer.CopyFrom(booking_pb2.BookingViewer(buyer_id="somebody-else"))
    async with asyncio.timeout(8):
        assert (await _refused(desk.stub.GetBooking(request))).reason == "UNKNOWN_BOOKING"
