"""Shows that the catalogue cancels or moves, at the sandbox and a box office."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from matinee.booking.v1 import booking_pb2, events_pb2

from mesh.errors import RemoteError
from mesh.testing import eventually
from stack.engines import MongoEngine
from tests.fixtures import sandbox as cards
from tests.fixtures.booking_desk import Desk, gathered, new_database, open_desk


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared_desk(mongo: MongoEngine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    async with new_database(mongo) as database, open_desk(database, folder) as running:
        yield running


@pytest.fixture
def desk(shared_desk: Desk) -> Desk:
    shared_desk.begin_anew()
    return shared_desk


async def _bought(desk: Desk, *seat_ids: str) -> booking_pb2.Booking:
    booking = await desk.create(*seat_ids)
    await desk.pay(booking)
    return await desk.becomes(booking, "CONFIRMED")


async def _refused(call: Any) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        await call
    return caught.value


def _events(desk: Desk, booking: booking_pb2.Booking) -> list[dict[str, Any]]:
    outbox: list[dict[str, Any]] = desk.stored(booking)["outbox"]
    return outbox


def _names(desk: Desk, booking: booking_pb2.Booking) -> list[str]:
    return [entry["name"] for entry in _events(desk, booking)]


async def _hears_of_it(desk: Desk, booking: booking_pb2.Booking) -> booking_pb2.Booking:
    async def heard() -> booking_pb2.Booking | None:
        latest = await desk.get(booking)
        return latest if latest.HasField("show_cancellation") or latest.HasField("show_move") else None

    found = await eventually(heard)
    assert found is not None
    return found


async def _given_back(desk: Desk, booking: booking_pb2.Booking) -> None:
    """The theatre has the seats back; the refund for a cancelled show does not wait for that."""

    async def nothing_sold() -> bool:
        return not desk.office.sold_seats(booking.booking_id)

    await eventually(nothing_sold)


async def test_everyone_who_paid_is_told_once_and_refunded(desk: Desk) -> None:
    bookings = [await _bought(desk, "A1", "A2"), await _bought(desk, "A3")]
    desk.office.cancel_show(desk.show_id)
    for booking, paid in zip(bookings, (2000, 1000), strict=True):
        refunded = await desk.becomes(booking, "REFUNDED")
        assert refunded.show_cancellation.cancel_reason == "The projector broke."
        assert [r.refund_reason for r in refunded.refunds] == ["show_cancelled"]
        assert all(ticket.cancelled for ticket in refunded.tickets)
        assert await desk.movements(booking) == [("capture", paid), ("refund", paid)]
        assert _names(desk, booking) == ["booking_confirmed", "show_cancelled", "refund_issued"]
        told = events_pb2.ShowCancelled.FromString(_events(desk, booking)[1]["body"])
        assert told.cancel_reason == "The projector broke."
        await _given_back(desk, booking)


async def test_seats_of_a_cancelled_show_are_neither_held_nor_sold(desk: Desk) -> None:
    held = await desk.create("A1")
    desk.office.cancel_show(desk.show_id)
    await desk.becomes(held, "EXPIRED")
    assert (await _refused(desk.create("A2"))).reason == "SHOW_CLOSED"

    async def freed() -> bool:
        return desk.office.holds_of(desk.show_id) == []

    await eventually(freed)


async def test_a_page_at_the_provider_is_closed_and_money_that_comes_late_goes_back(desk: Desk) -> None:
    booking = await desk.create("A1")
    url = (await desk.start(booking)).redirect_url
    desk.office.cancel_show(desk.show_id)
    await desk.becomes(booking, "EXPIRED")
    assert (await desk.sandbox.session(url.rpartition("/")[2]))["status"] == "expired"
    late = await desk.create("A1", show_id=(other := desk.office.add_show()))
    await desk.pay(late, cards.LATE_SUCCESS)
    desk.office.cancel_show(other)
    refunded = await desk.becomes(late, "REFUNDED", within_seconds=20)
    assert [r.refund_reason for r in refunded.refunds] == ["show_cancelled"]
    assert await desk.movements(late) == [("capture", 1000), ("refund", 1000)]


async def test_a_paid_booking_whose_show_is_cancelled_before_its_seats_are_confirmed_goes_back(
    desk: Desk,
) -> None:
    desk.office.away.add("ConfirmHold")
    booking = await desk.create("A1")
    await desk.pay(booking)
    await desk.becomes(booking, "PAID")
    desk.office.cancel_show(desk.show_id)
    refunded = await desk.becomes(booking, "REFUNDED")
    assert [r.refund_reason for r in refunded.refunds] == ["show_cancelled"]
    assert _names(desk, booking) == ["show_cancelled", "refund_issued"]


async def test_a_confirmation_that_the_inventory_refuses_for_it_says_why(desk: Desk) -> None:
    """The inventory has heard of it and the walk has not come yet."""
    booking = await desk.create("A1")
    desk.office.away.add("ListScheduleChanges")
    desk.office.cancel_show(desk.show_id)
    desk.office.closed.add(desk.show_id)
    await desk.pay(booking)
    refunded = await desk.becomes(booking, "REFUNDED")
    assert [r.refund_reason for r in refunded.refunds] == ["show_cancelled"]
    desk.office.away.clear()

    async def walked() -> bool:
        with desk.mongo() as client:
            walk = client[desk.settings.mongo_database]["show_walks"].find_one({"show_id": desk.show_id})
        return bool(walk and walk["round"] >= 1)

    await eventually(walked)
    assert _names(desk, booking) == ["show_cancelled", "refund_issued"], "told once"


async def test_a_booking_that_is_made_while_the_show_is_cancelled_is_met_by_the_second_look(
    desk: Desk,
) -> None:
    await _bought(desk, "A1")
    late = await desk.create("A2")
    await desk.pay(late)
    await desk.becomes(late, "CONFIRMED")
    # Hidden from the first walk, as if it had been stored just behind it.
    desk.change_stored(late, {"$set": {"show.show_id": "elsewhere"}})
    desk.office.cancel_show(desk.show_id)

    async def walked_once() -> bool:
        with desk.mongo() as client:
            walk = client[desk.settings.mongo_database]["show_walks"].find_one({"show_id": desk.show_id})
        return bool(walk and walk["round"] >= 1)

    await eventually(walked_once)
    desk.change_stored(late, {"$set": {"show.show_id": desk.show_id}})
    await desk.becomes(late, "REFUNDED", within_seconds=40)


async def test_a_theatre_that_is_away_keeps_nobody_from_their_money(desk: Desk) -> None:
    booking = await _bought(desk, "A1")
    desk.office.away.update({"CancelTickets", "RefreshShow"})
    desk.office.cancel_show(desk.show_id)

    async def back() -> bool:
        return await desk.kept(booking) == 0

    await eventually(back)
    assert desk.office.sold_seats(booking.booking_id) == {"A1"}
    desk.office.away.clear()

    async def void() -> bool:
        return desk.office.sold_seats(booking.booking_id) == set()

    await eventually(void, 15)


async def test_two_replicas_refund_once(desk: Desk) -> None:
    bookings = [await _bought(desk, f"A{n}") for n in range(1, 7)]
    await desk.replica()
    desk.office.cancel_show(desk.show_id)
    for booking in bookings:
        await desk.becomes(booking, "REFUNDED", within_seconds=20)
        assert await desk.movements(booking) == [("capture", 1000), ("refund", 1000)]
        assert _names(desk, booking) == ["booking_confirmed", "show_cancelled", "refund_issued"]


async def test_a_buyer_who_cancels_at_the_same_moment_gets_the_money_once(desk: Desk) -> None:
    bookings = [await _bought(desk, f"A{n}", f"A{n + 1}") for n in (1, 3, 5)]
    desk.office.cancel_show(desk.show_id)
    seats: tuple[list[str], ...] = ([], ["A3"], ["A5"])
    await gathered(*(desk.cancel(b, seat_ids=s) for b, s in zip(bookings, seats, strict=True)))
    for booking in bookings:
        await desk.becomes(booking, "REFUNDED")
        assert await desk.kept(booking) == 0


async def test_a_moved_show_is_told_and_the_buyer_may_keep_or_take_the_money(desk: Desk) -> None:
    keeps, leaves = await _bought(desk, "A1"), await _bought(desk, "A2")
    former = keeps.show.start_time.ToDatetime(dt.UTC)
    # By the ordinary policy it is too late for both.
    for booking in (keeps, leaves):
        desk.change_stored(booking, {"$set": {"cancel_until": booking.create_time.ToDatetime()}})
    assert (await _refused(desk.cancel(leaves))).reason == "CANCEL_TOO_LATE"
    start = former + dt.timedelta(hours=2)
    desk.office.move_show(desk.show_id, start)
    moved = await _hears_of_it(desk, leaves)
    assert moved.show.start_time.ToDatetime(dt.UTC) == start
    assert moved.show_move.previous_start_time.ToDatetime(dt.UTC) == former
    assert moved.show_move.move_reason == "The film was late."
    assert moved.state == booking_pb2.BOOKING_STATE_CONFIRMED
    await desk.cancel(leaves)
    await desk.becomes(leaves, "REFUNDED")
    kept = await _hears_of_it(desk, keeps)
    assert desk.office.sold_seats(kept.booking_id) == {"A1"}
    assert _names(desk, keeps) == ["booking_confirmed", "show_rescheduled"]
    told = events_pb2.ShowRescheduled.FromString(_events(desk, keeps)[1]["body"])
    assert told.previous_start_time.ToDatetime(dt.UTC) == former
    assert told.header.booking.show.start_time.ToDatetime(dt.UTC) == start
    assert told.reschedule_reason == "The film was late."
    assert desk.office.calls["RefreshShow"] >= 1


async def test_of_several_moves_the_last_counts(desk: Desk) -> None:
    booking = await _bought(desk, "A1")
    former = booking.show.start_time.ToDatetime(dt.UTC)
    desk.office.away.add("ListScheduleChanges")
    for hours in (1, 2, 3):
        desk.office.move_show(desk.show_id, former + dt.timedelta(hours=hours))
    desk.office.away.clear()
    moved = await _hears_of_it(desk, booking)
    assert moved.show.start_time.ToDatetime(dt.UTC) == former + dt.timedelta(hours=3)
    assert _names(desk, booking) == ["booking_confirmed", "show_rescheduled"]


async def test_moved_and_then_cancelled(desk: Desk) -> None:
    booking = await _bought(desk, "A1")
    former = booking.show.start_time.ToDatetime(dt.UTC)
    desk.office.move_show(desk.show_id, former + dt.timedelta(hours=1))
    await _hears_of_it(desk, booking)
    desk.office.cancel_show(desk.show_id)
    await desk.becomes(booking, "REFUNDED")
    assert await desk.kept(booking) == 0
    assert _names(desk, booking) == [
        "booking_confirmed",
        "show_rescheduled",
        "show_cancelled",
        "refund_issued",
    ]
