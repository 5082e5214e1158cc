"""SeatService over a real socket, through every interceptor."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from typing import Any

import grpc
import pytest
from grpc import aio
from matinee.seat.v1 import seat_pb2, seat_pb2_grpc
from matinee.theatre.v1 import seats_pb2

from mesh.errors import RemoteError
from mesh.ids import new_request_id
from mesh.testing import MESH_TOKEN
from seat_svc.domain.sale import is_ticket_id
from seat_svc.domain.show import Connector
from seat_svc.errors import SeatsLost
from tests.fixtures.engines import MongoDatabase
from tests.fixtures.seat_service import SeatService, payments_for, seat_service
from tests.fixtures.seats import a_purchase, a_show, hall, move_clock, open_ledger


def reason(caught: pytest.ExceptionInfo[RemoteError]) -> tuple[str, str]:
    return caught.value.code, caught.value.reason


async def test_from_hold_to_ticket_to_cancellation(inventory: SeatService) -> None:
    hold = await inventory.hold("C4", "C5")
    assert list(hold.seat_ids) == ["C4", "C5"]
    assert hold.expire_time.seconds - hold.as_of_time.seconds == 300
    found = await inventory.seats.GetHold(seat_pb2.GetHoldRequest(show_id=hold.show_id, hold_id=hold.hold_id))
    assert (found.hold.hold_id, found.hold.holder_id) == (hold.hold_id, "anna")

    tickets = await inventory.confirm(hold, "booking-1")
    assert [ticket.seat_id for ticket in tickets] == ["C4", "C5"]
    assert len({ticket.ticket_id for ticket in tickets}) == 2
    assert all(is_ticket_id(ticket.ticket_id) for ticket in tickets)
    states = await inventory.states()
    assert (states["C4"], states["C5"], states["C6"]) == ("SOLD", "SOLD", "AVAILABLE")

    cancel = seat_pb2.CancelTicketsRequest(
        request_id=new_request_id(), show_id=hold.show_id, booking_id="booking-1", seat_ids=["C5"]
    )
    for _ in range(2):
        response = await inventory.seats.CancelTickets(cancel)
        assert [ticket.cancelled for ticket in response.tickets] == [False, True]
    states = await inventory.states()
    assert (states["C4"], states["C5"]) == ("SOLD", "AVAILABLE")
    await inventory.confirm(await inventory.hold("C5", holder_id="bert"), "booking-2")

    # All that is left of the first booking; the seat that was sold again is not touched.
    rest = seat_pb2.CancelTicketsRequest(
        request_id=new_request_id(), show_id=hold.show_id, booking_id="booking-1"
    )
    response = await inventory.seats.CancelTickets(rest)
    assert [ticket.cancelled for ticket in response.tickets] == [True, True]
    states = await inventory.states()
    assert (states["C4"], states["C5"]) == ("AVAILABLE", "SOLD")


async def test_a_taken_seat_is_refused_by_name(inventory: SeatService) -> None:
    await inventory.hold("A1", "A2")
    with pytest.raises(RemoteError) as caught:
        await inventory.hold("A2", "A3", holder_id="bert")
    assert reason(caught) == ("ABORTED", "SEAT_TAKEN")
    assert caught.value.facts == {"seat_ids": "A2"}


async def test_a_repeated_hold_gets_the_first_answer_and_other_content_none(inventory: SeatService) -> None:
    request_id = new_request_id()
    first, second = await asyncio.gather(
        inventory.hold("A1", request_id=request_id), inventory.hold("A1", request_id=request_id)
    )
    assert first.hold_id == second.hold_id
    with pytest.raises(RemoteError) as caught:
        await inventory.hold("A2", request_id=request_id)
    assert reason(caught) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")
    assert (await inventory.states())["A2"] == "AVAILABLE"


async def test_a_repeated_confirm_gets_the_same_tickets(inventory: SeatService) -> None:
    hold = await inventory.hold("A1", "A2")
    answers = await asyncio.gather(*(inventory.confirm(hold, "booking-1") for _ in range(8)))
    answers.append(await inventory.confirm(hold, "booking-1"))
    ids = {tuple(ticket.ticket_id for ticket in tickets) for tickets in answers}
    assert len(ids) == 1

    other = await inventory.hold("B1")
    with pytest.raises(RemoteError) as caught:
        await inventory.confirm(other, "booking-1")
    assert reason(caught) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")
    assert (await inventory.states())["B1"] == "HELD"


async def test_a_cancelled_booking_that_is_confirmed_again_takes_nothing(inventory: SeatService) -> None:
    hold = await inventory.hold("A1")
    (ticket,) = await inventory.confirm(hold, "booking-1")
    await inventory.seats.CancelTickets(
        seat_pb2.CancelTicketsRequest(
            request_id=new_request_id(), show_id=hold.show_id, booking_id="booking-1"
        )
    )
    (again,) = await inventory.confirm(hold, "booking-1")
    assert (again.ticket_id, again.cancelled) == (ticket.ticket_id, True)
    assert (await inventory.states())["A1"] == "AVAILABLE"


async def test_a_late_confirm_takes_free_seats_and_loses_taken_ones(inventory: SeatService) -> None:
    free, taken = await inventory.hold("A1"), await inventory.hold("B1", "B2")
    await move_clock(inventory.redis, 301)
    await inventory.hold("B2", holder_id="bert")
    assert len(await inventory.confirm(free, "booking-1")) == 1
    with pytest.raises(RemoteError) as caught:
        await inventory.confirm(taken, "booking-2")
    assert reason(caught) == ("ABORTED", "SEATS_LOST")
    assert caught.value.facts == {"seat_ids": "B2"}
    assert (await inventory.states())["B1"] == "AVAILABLE"


async def test_a_hold_that_is_over_is_unknown_and_releasing_it_changes_nothing(
    inventory: SeatService,
) -> None:
    hold = await inventory.hold("A1")
    await move_clock(inventory.redis, 301)
    with pytest.raises(RemoteError) as caught:
        await inventory.seats.GetHold(seat_pb2.GetHoldRequest(show_id=hold.show_id, hold_id=hold.hold_id))
    assert reason(caught) == ("NOT_FOUND", "UNKNOWN_HOLD")
    await inventory.seats.ReleaseHold(
        seat_pb2.ReleaseHoldRequest(request_id=new_request_id(), show_id=hold.show_id, hold_id=hold.hold_id)
    )


async def test_a_hold_of_another_show_is_unknown_in_this_one(inventory: SeatService) -> None:
    other = inventory.add(a_show())
    hold = await inventory.hold("A1", show_id=other.show_id)
    with pytest.raises(RemoteError) as caught:
        await inventory.seats.GetHold(
            seat_pb2.GetHoldRequest(show_id=inventory.show.show_id, hold_id=hold.hold_id)
        )
    assert reason(caught) == ("NOT_FOUND", "UNKNOWN_HOLD")
    await inventory.seats.ReleaseHold(
        seat_pb2.ReleaseHoldRequest(
            request_id=new_request_id(), show_id=inventory.show.show_id, hold_id=hold.hold_id
        )
    )
    assert (await inventory.states(other.show_id))["A1"] == "HELD"


async def test_an_unknown_show_is_not_found(inventory: SeatService) -> None:
    with pytest.raises(RemoteError) as caught:
        await inventory.hold("A1", show_id="nowhere")
    assert reason(caught) == ("NOT_FOUND", "UNKNOWN_SHOW")


async def test_a_show_of_a_theatre_without_connector_is_unavailable(inventory: SeatService) -> None:
    show = inventory.add(a_show(connector=Connector.API))
    with pytest.raises(RemoteError) as caught:
        await inventory.hold("A1", show_id=show.show_id)
    assert reason(caught) == ("UNAVAILABLE", "THEATRE_UNAVAILABLE")


async def test_limits_are_told(inventory: SeatService) -> None:
    seat_ids = [f"{row}{number}" for row in "AB" for number in range(1, 7)]
    with pytest.raises(RemoteError) as caught:
        await inventory.hold(*seat_ids[:11])
    assert reason(caught) == ("RESOURCE_EXHAUSTED", "HOLD_LIMIT")
    await inventory.hold(*seat_ids[:9])
    with pytest.raises(RemoteError) as caught:
        await inventory.hold(*seat_ids[9:11])
    assert reason(caught) == ("RESOURCE_EXHAUSTED", "HOLD_LIMIT")


async def test_a_theatre_may_refuse_lone_seats(mongo_database: MongoDatabase, redis_url: str) -> None:
    strict = a_show(refuse_lone_seats=True)
    async with seat_service(mongo_database, redis_url, strict) as inventory:
        with pytest.raises(RemoteError) as caught:
            await inventory.hold("A2", "A3")
        assert reason(caught) == ("FAILED_PRECONDITION", "LONE_SEAT")
        assert caught.value.facts == {"seat_ids": "A1"}
        request_id = new_request_id()
        first = await inventory.hold("A1", "A2", request_id=request_id)
        # The repeat is not judged by the seats that it holds itself.
        assert (await inventory.hold("A1", "A2", request_id=request_id)).hold_id == first.hold_id
        # Each pick is right by itself, but not after the other, also when both come at once.
        for row in "BCDE":
            outcomes = await asyncio.gather(
                inventory.hold(f"{row}3", f"{row}4", holder_id=f"bert-{row}"),
                inventory.hold(f"{row}6", holder_id=f"carl-{row}"),
                return_exceptions=True,
            )
            (refused,) = (outcome for outcome in outcomes if isinstance(outcome, RemoteError))
            assert (refused.reason, refused.facts) == ("LONE_SEAT", {"seat_ids": f"{row}5"})


async def test_the_map_comes_with_its_layout_when_asked_for(inventory: SeatService) -> None:
    ask = seat_pb2.GetSeatMapRequest(show_id=inventory.show.show_id, include_layout=True)
    response = await inventory.seats.GetSeatMap(ask)
    assert [seat.seat_id for seat in response.layout.seats][:3] == ["A1", "A2", "A3"]
    assert response.seat_map.layout_id == response.layout.layout_id
    assert set(response.seat_map.seat_states) == {seats_pb2.SEAT_STATE_AVAILABLE}
    assert response.seat_map.sequence > 0
    ask.include_layout = False
    assert not (await inventory.seats.GetSeatMap(ask)).HasField("layout")


async def test_occupancy_of_many_shows_leaves_unknown_ones_out(inventory: SeatService) -> None:
    other = inventory.add(a_show(layout=hall(2, 3, layout_id="tiny")))
    await inventory.hold("A1", "A2")
    response = await inventory.seats.ListOccupancy(
        seat_pb2.ListOccupancyRequest(show_ids=[other.show_id, "nowhere", inventory.show.show_id])
    )
    assert [(each.show_id, each.available_count, each.seat_count) for each in response.occupancies] == [
        (other.show_id, 6, 6),
        (inventory.show.show_id, 38, 40),
    ]


async def test_suggested_seats_can_be_held(inventory: SeatService) -> None:
    ask = seat_pb2.SuggestSeatsRequest(show_id=inventory.show.show_id, party_size=3)
    suggested = (await inventory.seats.SuggestSeats(ask)).seat_ids
    await inventory.hold(*suggested)
    assert not set(suggested) & set((await inventory.seats.SuggestSeats(ask)).seat_ids)
    with pytest.raises(RemoteError) as caught:
        await inventory.seats.SuggestSeats(
            seat_pb2.SuggestSeatsRequest(show_id=inventory.show.show_id, party_size=9)
        )
    assert reason(caught) == ("NOT_FOUND", "NO_SEATS_LEFT")


async def test_a_moved_and_a_cancelled_show_are_taken_over(inventory: SeatService) -> None:
    show = inventory.show
    await inventory.hold("A1")
    refresh = seat_pb2.RefreshShowRequest(show_id=show.show_id)
    inventory.add(replace(show, start_time=dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)))
    await inventory.seats.RefreshShow(refresh)
    with pytest.raises(RemoteError) as caught:
        await inventory.hold("A2")
    assert reason(caught) == ("FAILED_PRECONDITION", "SHOW_CLOSED")

    inventory.add(show)
    await inventory.seats.RefreshShow(refresh)
    hold = await inventory.hold("A2")
    inventory.add(replace(show, cancelled=True))
    await inventory.seats.RefreshShow(refresh)
    with pytest.raises(RemoteError) as caught:
        await inventory.confirm(hold, "booking-1")
    assert reason(caught) == ("ABORTED", "SEATS_LOST")


async def test_states_come_with_the_layout_that_they_follow(inventory: SeatService) -> None:
    """The show moved to another screen, and this process hears of it only when Redis has forgotten it."""
    show = inventory.show
    await inventory.hold("A1")
    inventory.add(replace(show, layout=hall(2, 2, layout_id="small")))
    await inventory.redis.flushall()
    response = await inventory.seats.GetSeatMap(
        seat_pb2.GetSeatMapRequest(show_id=show.show_id, include_layout=True)
    )
    assert response.layout.layout_id == response.seat_map.layout_id == "small"
    assert len(response.layout.seats) == len(response.seat_map.seat_states)


async def test_seats_are_suggested_in_the_layout_that_the_states_follow(inventory: SeatService) -> None:
    """As above."""
    show = inventory.show
    await inventory.hold("A1")
    inventory.add(replace(show, layout=hall(2, 2, layout_id="small")))
    await inventory.redis.flushall()
    response = await inventory.seats.SuggestSeats(
        seat_pb2.SuggestSeatsRequest(show_id=show.show_id, party_size=2)
    )
    assert set(response.seat_ids) <= {"A1", "A2", "B1", "B2"}


async def test_what_is_known_is_sold_while_the_catalogue_is_away(inventory: SeatService) -> None:
    await inventory.hold("A1")
    inventory.catalogue.away = True
    await inventory.redis.flushall()
    assert (await inventory.hold("A1", holder_id="bert")).hold_id
    with pytest.raises(RemoteError) as caught:
        await inventory.hold("A1", show_id="never-asked-for")
    assert caught.value.code == "UNAVAILABLE"


async def test_what_was_known_is_not_said_of_a_show_that_has_changed(
    inventory: SeatService, redis_url: str
) -> None:
    """The catalogue is away, and another process had heard that the show was cancelled."""
    show = inventory.show
    await inventory.hold("A1")
    inventory.catalogue.away = True
    with pytest.raises(RemoteError) as caught:
        await inventory.seats.RefreshShow(seat_pb2.RefreshShowRequest(show_id=show.show_id))
    assert caught.value.code == "UNAVAILABLE"

    called_off = replace(show, cancelled=True)
    async with open_ledger(redis_url) as other:
        turn = await other.begin_refresh(show.show_id)
        await other.refresh(called_off, turn, frozenset())
        with pytest.raises(RemoteError) as caught:
            await inventory.hold("A2")
        assert caught.value.code == "UNAVAILABLE"
        with pytest.raises(SeatsLost):
            await other.claim(called_off, a_purchase("A3"), new_request_id())


async def test_an_unknown_sale_and_seats_that_are_not_in_it(inventory: SeatService) -> None:
    hold = await inventory.hold("A1")
    await inventory.confirm(hold, "booking-1")

    async def cancel(booking_id: str, *seat_ids: str, show_id: str = hold.show_id) -> None:
        await inventory.seats.CancelTickets(
            seat_pb2.CancelTicketsRequest(
                request_id=new_request_id(), show_id=show_id, booking_id=booking_id, seat_ids=seat_ids
            )
        )

    with pytest.raises(RemoteError) as caught:
        await cancel("booking-2")
    assert reason(caught) == ("NOT_FOUND", "UNKNOWN_SALE")
    with pytest.raises(RemoteError) as caught:
        await cancel("booking-1", show_id=inventory.add(a_show()).show_id)
    assert reason(caught) == ("NOT_FOUND", "UNKNOWN_SALE")
    with pytest.raises(RemoteError) as caught:
        await cancel("booking-1", "A1", "A2")
    assert reason(caught) == ("NOT_FOUND", "UNKNOWN_SEAT")
    assert (await inventory.states())["A1"] == "SOLD"


@pytest.fixture
async def bare_stub(inventory: SeatService) -> AsyncIterator["seat_pb2_grpc.SeatServiceAsyncStub"]:
    async with aio.insecure_channel(inventory.address) as channel:
        yield seat_pb2_grpc.SeatServiceStub(channel)


async def test_a_call_without_deadline_is_refused(
    inventory: SeatService, bare_stub: "seat_pb2_grpc.SeatServiceAsyncStub"
) -> None:
    ask = seat_pb2.GetSeatMapRequest(show_id=inventory.show.show_id)
    with pytest.raises(aio.AioRpcError) as caught:
        await bare_stub.GetSeatMap(ask, metadata=(("authorization", f"Bearer {MESH_TOKEN}"),))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_caller_without_the_mesh_token_is_refused(
    inventory: SeatService, bare_stub: "seat_pb2_grpc.SeatServiceAsyncStub"
) -> None:
    ask = seat_pb2.GetSeatMapRequest(show_id=inventory.show.show_id)
    with pytest.raises(aio.AioRpcError) as caught:
        await bare_stub.GetSeatMap(ask, timeout=20)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


HELD_BY_ANNA = {"request_id": new_request_id(), "holder_id": "anna", "seat_ids": ["A1"]}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seat_ids", []),
        ("seat_ids", ["A1", "A1"]),
        ("seat_ids", ["a1"]),
        ("seat_ids", ["A1 "]),
        ("seat_ids", ["A" * 9]),
        ("seat_ids", ["1A"]),
        ("seat_ids", ["Ä1"]),
        ("seat_ids", ["A\u0661"]),
        ("seat_ids", [f"A{number}" for number in range(10_000)]),
        ("request_id", ""),
        ("request_id", "not-a-uuid"),
        ("request_id", "5B3C8A52-5C0E-4F0E-9C36-0F2D2D1C7A11"),
        ("holder_id", ""),
        ("holder_id", "x" * 65),
        ("holder_id", "a\nb"),
        ("show_id", ""),
        ("show_id", "{show}:x"),
        ("show_id", "x" * 65),
    ],
)
async def test_a_wrong_field_is_named_and_changes_nothing(
    inventory: SeatService, field: str, value: object
) -> None:
    good: dict[str, Any] = {"show_id": inventory.show.show_id, **HELD_BY_ANNA}
    with pytest.raises(RemoteError) as caught:
        await inventory.seats.HoldSeats(seat_pb2.HoldSeatsRequest(**(good | {field: value})))
    assert reason(caught) == ("INVALID_ARGUMENT", "INVALID_FIELD")
    assert caught.value.facts == {"field": field}
    assert set((await inventory.states()).values()) == {"AVAILABLE"}


async def test_wrong_fields_of_the_other_calls_are_named(inventory: SeatService) -> None:
    show_id, request_id = inventory.show.show_id, new_request_id()
    seats = inventory.seats
    good: dict[str, Any] = {"request_id": request_id, "show_id": show_id, "hold_id": "h", "booking_id": "b"}
    one = payments_for(["A1"])
    usd = payments_for(["A2"])[0]
    usd.amount.currency_code = "USD"
    calls: dict[str, Awaitable[Any]] = {
        "hold_id": seats.GetHold(seat_pb2.GetHoldRequest(show_id=show_id)),
        "party_size": seats.SuggestSeats(seat_pb2.SuggestSeatsRequest(show_id=show_id, party_size=0)),
        "category_id": seats.SuggestSeats(
            seat_pb2.SuggestSeatsRequest(show_id=show_id, party_size=1, category_id="?")
        ),
        "show_ids": seats.ListOccupancy(seat_pb2.ListOccupancyRequest()),
        "show_ids#": seats.ListOccupancy(
            seat_pb2.ListOccupancyRequest(show_ids=[f"s{number}" for number in range(201)])
        ),
        "booking_id": seats.ConfirmHold(
            seat_pb2.ConfirmHoldRequest(**(good | {"booking_id": "a/b"}), payments=one)
        ),
        "payments": seats.ConfirmHold(seat_pb2.ConfirmHoldRequest(**good)),
        "payments#twice": seats.ConfirmHold(seat_pb2.ConfirmHoldRequest(**good, payments=one * 2)),
        "payments#negative": seats.ConfirmHold(
            seat_pb2.ConfirmHoldRequest(**good, payments=payments_for(["A1"], -1))
        ),
        "payments#huge": seats.ConfirmHold(
            seat_pb2.ConfirmHoldRequest(**good, payments=payments_for(["A1"], 2**62))
        ),
        "payments#currencies": seats.ConfirmHold(seat_pb2.ConfirmHoldRequest(**good, payments=[*one, usd])),
        "seat_ids": seats.CancelTickets(
            seat_pb2.CancelTicketsRequest(
                request_id=request_id, show_id=show_id, booking_id="b", seat_ids=["A1", "A1"]
            )
        ),
        "payments#of a cancelled seat": seats.CancelTickets(
            seat_pb2.CancelTicketsRequest(
                request_id=request_id, show_id=show_id, booking_id="b", seat_ids=["A1"], payments=one
            )
        ),
        "payments#all are cancelled": seats.CancelTickets(
            seat_pb2.CancelTicketsRequest(
                request_id=request_id, show_id=show_id, booking_id="b", payments=one
            )
        ),
        "payments#negative cost": seats.CancelTickets(
            seat_pb2.CancelTicketsRequest(
                request_id=request_id,
                show_id=show_id,
                booking_id="b",
                seat_ids=["A2"],
                payments=payments_for(["A1"], -1),
            )
        ),
        "request_id": seats.ReleaseHold(seat_pb2.ReleaseHoldRequest(show_id=show_id, hold_id="h")),
    }
    for field, call in calls.items():
        with pytest.raises(RemoteError) as caught:
            await call
        assert (caught.value.reason, caught.value.facts) == (
            "INVALID_FIELD",
            {"field": field.partition("#")[0]},
        )
    assert set((await inventory.states()).values()) == {"AVAILABLE"}
