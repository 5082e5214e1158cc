"""Cancelling single seats of a booking, at the sandbox and a box office."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio
from matinee.booking.v1 import booking_pb2
from matinee.type.v1 import money_pb2

from mesh.errors import RemoteError
from mesh.testing import eventually
from stack.engines import MongoEngine
from tests.fixtures import sandbox as cards
from tests.fixtures.booking_desk import Desk, gathered, new_database, open_desk, refusal


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared_desk(mongo: MongoEngine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    async with new_database(mongo) as database, open_desk(database, folder) as running:
        yield running


@pytest.fixture
def desk(shared_desk: Desk) -> Desk:
    shared_desk.begin_anew()
    return shared_desk


async def _bought(desk: Desk, *seat_ids: str, card: str = cards.SUCCESS) -> booking_pb2.Booking:
    booking = await desk.create(*seat_ids)
    await desk.pay(booking, card)
    return await desk.becomes(booking, "CONFIRMED")


async def _preview(
    desk: Desk, booking: booking_pb2.Booking, *seat_ids: str
) -> booking_pb2.PreviewCancellationResponse:
    return await desk.stub.PreviewCancellation(
        booking_pb2.PreviewCancellationRequest(
            booking_id=booking.booking_id, viewer=desk.viewer, seat_ids=seat_ids
        )
    )


async def _refused(call: object) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        await call  # type: ignore[misc]
    return caught.value


async def _kept_becomes(desk: Desk, booking: booking_pb2.Booking, amount: int) -> None:
    async def arrived() -> bool:
        return await desk.kept(booking) == amount

    await eventually(arrived)


async def test_one_of_three_goes_back_as_it_was_told_and_the_others_stay_good(desk: Desk) -> None:
    booking = await _bought(desk, "A1", "A2", "A3")
    told = await _preview(desk, booking, "A2")
    assert (told.paid_amount.minor_units, told.refund_amount.minor_units) == (2500, 500)
    assert [line.rule_id for line in told.kept_quote.lines] == ["base", "base"]
    assert list(told.seat_ids) == ["A2"]
    after = await desk.cancel(booking, seat_ids=["A2"], expected_refund=told.refund_amount)
    assert after.state == booking_pb2.BOOKING_STATE_CONFIRMED
    assert desk.office.sold_for(booking.booking_id) == {"A1": 1000, "A3": 1000}
    assert "A2" in desk.office.free_seats(desk.show_id), "somebody else may have it at once"
    await _kept_becomes(desk, booking, 2000)
    shown = await desk.get(booking)
    assert [t.seat_id for t in shown.tickets if not t.cancelled] == ["A1", "A3"]
    partial = shown.partial_cancellations[0]
    assert (list(partial.seat_ids), partial.refund_amount.minor_units, partial.completed) == (
        ["A2"],
        500,
        True,
    )
    assert partial.kept_quote.total.minor_units == 2000
    assert shown.quote == booking.quote
    names = [entry["name"] for entry in desk.stored(booking)["outbox"]]
    assert names == ["booking_confirmed", "booking_cancelled", "refund_issued"]


async def test_several_follow_and_the_last_ends_the_booking(desk: Desk) -> None:
    booking = await _bought(desk, "A1", "A2", "A3")
    await desk.cancel(booking, seat_ids=["A3"])
    again = await _preview(desk, booking, "A1", "A3")
    assert (list(again.seat_ids), again.refunded_amount.minor_units) == (["A1"], 500)
    await desk.cancel(booking, seat_ids=["A1"])
    last = await _preview(desk, booking)
    assert (list(last.seat_ids), last.refund_amount.minor_units) == (["A2"], 1000)
    assert not last.HasField("kept_quote")
    await desk.cancel(booking)
    await desk.becomes(booking, "REFUNDED")
    assert await desk.kept(booking) == 0
    assert sorted(await desk.movements(booking)) == [
        ("capture", 2500),
        ("refund", 500),
        ("refund", 1000),
        ("refund", 1000),
    ]
    assert desk.office.sold_seats(booking.booking_id) == set()
    assert (await _refused(_preview(desk, booking))).reason == "BOOKING_STATE"


async def test_a_repeat_is_the_same_also_at_once_and_other_content_is_refused(desk: Desk) -> None:
    booking = await _bought(desk, "A1", "A2", "A3")
    request_id = str(uuid4())
    results = await gathered(
        *(desk.cancel(booking, request_id=request_id, seat_ids=["A1"]) for _ in range(6))
    )
    assert refusal(results) == []
    await desk.cancel(booking, request_id=request_id, seat_ids=["A1"])
    error = await _refused(desk.cancel(booking, request_id=request_id, seat_ids=["A2"]))
    assert error.reason == "REQUEST_ID_REUSED"
    await _kept_becomes(desk, booking, 2000)
    assert await desk.movements(booking) == [("capture", 2500), ("refund", 500)]


async def test_different_seats_cancelled_at_once_add_up(desk: Desk) -> None:
    booking = await _bought(desk, "A1", "A2", "A3", "A4")
    calls = (desk.cancel(booking, seat_ids=[seat]) for seat in ("A1", "A2", "A3", "A1"))
    assert refusal(await gathered(*calls)) == []
    await _kept_becomes(desk, booking, 1000)
    assert desk.office.sold_for(booking.booking_id) == {"A4": 1000}


async def test_another_amount_than_was_told_cancels_nothing(desk: Desk) -> None:
    booking = await _bought(desk, "A1", "A2", "A3")
    wrong = money_pb2.Money(currency_code="USD", minor_units=1000)
    error = await _refused(desk.cancel(booking, seat_ids=["A1"], expected_refund=wrong))
    assert (error.code, error.reason) == ("FAILED_PRECONDITION", "REFUND_CHANGED")
    assert error.facts["minor_units"] == "500"
    assert len(desk.office.sold_seats(booking.booking_id)) == 3


async def test_while_the_theatre_is_away_the_seat_waits_and_no_money_goes_back(desk: Desk) -> None:
    booking = await _bought(desk, "A1", "A2")
    desk.office.away.add("CancelTickets")
    after = await desk.cancel(booking, seat_ids=["A1"])
    assert not after.partial_cancellations[0].completed
    assert await desk.kept(booking) == 2000
    desk.office.away.clear()
    await _kept_becomes(desk, booking, 1000)
    assert desk.office.sold_seats(booking.booking_id) == {"A2"}


async def test_while_the_theatre_is_away_later_cancellations_wait_for_their_turn(desk: Desk) -> None:
    booking = await _bought(desk, "A1", "A2", "A3", "A4")
    desk.office.answers_lost.add("CancelTickets")
    await desk.cancel(booking, seat_ids=["A4"])
    await desk.cancel(booking, seat_ids=["A2"])
    assert desk.office.sold_for(booking.booking_id) == {"A1": 1000, "A2": 1000, "A3": 500}
    desk.office.answers_lost.clear()
    await _kept_becomes(desk, booking, 2000)
    assert desk.office.sold_for(booking.booking_id) == {"A1": 1000, "A3": 1000}


@pytest.mark.parametrize("card", [cards.SLOW_REFUND, cards.FAILING_REFUND])
async def test_a_partial_refund_that_is_slow_or_fails_at_first_arrives_once(desk: Desk, card: str) -> None:
    booking = await _bought(desk, "A1", "A2", card=card)
    await desk.cancel(booking, seat_ids=["A1"])
    await _kept_becomes(desk, booking, 1000)
    assert await desk.movements(booking) == [("capture", 2000), ("refund", 1000)]


@pytest.mark.parametrize(
    ("seat_ids", "reason"),
    [
        (["Z9"], "UNKNOWN_SEAT"),
        (["A1", "A1"], "INVALID_FIELD"),
        ([""], "INVALID_FIELD"),
        (["A" * 100_000], "INVALID_FIELD"),
        ([f"A{n}" for n in range(1, 12)], "INVALID_FIELD"),
    ],
)
async def test_wrong_seats_cancel_nothing(desk: Desk, seat_ids: list[str], reason: str) -> None:
    booking = await _bought(desk, "A1", "A2")
    assert (await _refused(desk.cancel(booking, seat_ids=seat_ids))).reason == reason
    assert (await _refused(_preview(desk, booking, *seat_ids))).reason == reason
    assert len(desk.office.sold_seats(booking.booking_id)) == 2


async def test_nobody_else_may_look_what_would_go_back(desk: Desk) -> None:
    booking = await _bought(desk, "A1", "A2")
    desk.buyer_id = uuid4().hex
    assert (await _refused(_preview(desk, booking, "A1"))).reason == "UNKNOWN_BOOKING"
