"""TheatreService, as a partner with a token of its own calls it."""

from collections.abc import Awaitable

import pytest
from matinee.theatre.v1 import seats_pb2, theatre_pb2, theatre_pb2_grpc

from mesh.errors import RemoteError
from mesh.ids import new_request_id
from mesh.testing import MESH_TOKEN, calling
from tests.fixtures.seat_service import SeatService, payments_for
from tests.fixtures.seats import a_show


async def hold(inventory: SeatService, *seat_ids: str, show_id: str = "", seconds: int = 0) -> seats_pb2.Hold:
    response = await inventory.theatre.HoldSeats(
        theatre_pb2.HoldSeatsRequest(
            request_id=new_request_id(),
            show_id=show_id or inventory.show.show_id,
            seat_ids=seat_ids,
            holder_id="customer-1",
            hold_seconds=seconds,
        )
    )
    return response.hold


async def confirm(inventory: SeatService, held: seats_pb2.Hold, booking_id: str) -> list[seats_pb2.Ticket]:
    response = await inventory.theatre.ConfirmHold(
        theatre_pb2.ConfirmHoldRequest(
            request_id=new_request_id(),
            show_id=held.show_id,
            hold_id=held.hold_id,
            booking_id=booking_id,
            payments=payments_for(held.seat_ids),
        )
    )
    return list(response.tickets)


async def test_partners_and_matinee_sell_the_same_seats_first_come_first_served(
    inventory: SeatService,
) -> None:
    held = await hold(inventory, "A1", "A2", seconds=60)
    assert held.expire_time.seconds - held.as_of_time.seconds == 60
    assert held.holder_id == "customer-1"
    with pytest.raises(RemoteError) as caught:
        await inventory.hold("A2")
    assert caught.value.reason == "SEAT_TAKEN"
    assert len(await confirm(inventory, held, "order-1")) == 2

    await inventory.hold("B1")
    with pytest.raises(RemoteError) as caught:
        await hold(inventory, "B1")
    assert caught.value.facts == {"seat_ids": "B1"}
    response = await inventory.theatre.GetSeatMap(
        theatre_pb2.GetSeatMapRequest(show_id=inventory.show.show_id)
    )
    assert list(response.seat_map.seat_states)[:2] == [seats_pb2.SEAT_STATE_SOLD] * 2


async def test_the_same_booking_id_of_two_sellers_is_two_bookings(inventory: SeatService) -> None:
    theirs = await confirm(inventory, await hold(inventory, "A1"), "order-1")
    ours = await inventory.confirm(await inventory.hold("A2"), "order-1")
    assert theirs[0].ticket_id != ours[0].ticket_id

    response = await inventory.theatre.CancelTickets(
        theatre_pb2.CancelTicketsRequest(
            request_id=new_request_id(), show_id=inventory.show.show_id, booking_id="order-1"
        )
    )
    assert [ticket.ticket_id for ticket in response.tickets] == [theirs[0].ticket_id]
    states = await inventory.states()
    assert (states["A1"], states["A2"]) == ("AVAILABLE", "SOLD")


async def test_a_release_frees_the_seats(inventory: SeatService) -> None:
    held = await hold(inventory, "A1")
    await inventory.theatre.ReleaseHold(
        theatre_pb2.ReleaseHoldRequest(
            request_id=new_request_id(), show_id=held.show_id, hold_id=held.hold_id
        )
    )
    assert (await inventory.states())["A1"] == "AVAILABLE"


async def test_another_theatres_shows_are_not_a_partners(inventory: SeatService) -> None:
    foreign = inventory.add(a_show(theatre_id="odeon"))
    calls: list[Awaitable[object]] = [
        inventory.theatre.GetSeatMap(theatre_pb2.GetSeatMapRequest(show_id=foreign.show_id)),
        hold(inventory, "A1", show_id=foreign.show_id),
        inventory.theatre.ListSales(
            theatre_pb2.ListSalesRequest(theatre_id="odeon", business_date="2026-06-01")
        ),
        inventory.theatre.CancelTickets(
            theatre_pb2.CancelTicketsRequest(
                request_id=new_request_id(), show_id=foreign.show_id, booking_id="b"
            )
        ),
    ]
    for call in calls:
        with pytest.raises(RemoteError) as caught:
            await call
        assert (caught.value.code, caught.value.reason) == ("PERMISSION_DENIED", "NOT_YOUR_THEATRE")
    assert set((await inventory.states(foreign.show_id)).values()) == {"AVAILABLE"}


async def test_the_mesh_token_is_no_partners_token(inventory: SeatService) -> None:
    async with calling(inventory.address, MESH_TOKEN) as channel:
        stub = channel.stub(theatre_pb2_grpc.TheatreServiceStub)
        with pytest.raises(RemoteError) as caught:
            await stub.GetSeatMap(theatre_pb2.GetSeatMapRequest(show_id=inventory.show.show_id))
    assert caught.value.code == "UNAUTHENTICATED"


async def test_the_books_list_every_sale_of_the_date_page_by_page(inventory: SeatService) -> None:
    for number in range(1, 4):
        await inventory.confirm(await inventory.hold(f"A{number}"), f"booking-{number}")
    await confirm(inventory, await hold(inventory, "B1", "B2"), "order-1")
    await inventory.theatre.CancelTickets(
        theatre_pb2.CancelTicketsRequest(
            request_id=new_request_id(),
            show_id=inventory.show.show_id,
            booking_id="order-1",
            seat_ids=["B2"],
        )
    )
    request = theatre_pb2.ListSalesRequest(
        theatre_id="roxy", business_date=inventory.show.business_date.isoformat(), page_size=3
    )
    sales: list[theatre_pb2.Sale] = []
    while True:
        page = await inventory.theatre.ListSales(request)
        sales += page.sales
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert [sale.booking_id for sale in sales] == ["booking-1", "booking-2", "booking-3", "order-1"]
    assert [ticket.cancelled for ticket in sales[3].tickets] == [False, True]
    assert [payment.amount.minor_units for payment in sales[3].payments] == [25_000, 25_000]


async def test_the_books_show_what_kept_seats_cost_after_others_were_cancelled(
    inventory: SeatService,
) -> None:
    held = await hold(inventory, "A1", "A2", "A3")
    await confirm(inventory, held, "order-1")
    cancel = theatre_pb2.CancelTicketsRequest(
        request_id=new_request_id(),
        show_id=held.show_id,
        booking_id="order-1",
        seat_ids=["A1"],
        payments=payments_for(["A3"], 30_000),
    )
    for _ in range(2):
        await inventory.theatre.CancelTickets(cancel)
    cancel.payments[0].amount.minor_units = 1
    with pytest.raises(RemoteError) as caught:
        await inventory.theatre.CancelTickets(cancel)
    assert (caught.value.code, caught.value.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")
    wrong = payments_for(["A1"])  # cancelled before
    with pytest.raises(RemoteError) as caught:
        await inventory.theatre.CancelTickets(
            theatre_pb2.CancelTicketsRequest(
                request_id=new_request_id(),
                show_id=held.show_id,
                booking_id="order-1",
                seat_ids=["A2"],
                payments=wrong,
            )
        )
    assert (caught.value.reason, caught.value.facts) == ("INVALID_FIELD", {"field": "payments"})
    (sale,) = (
        await inventory.theatre.ListSales(
            theatre_pb2.ListSalesRequest(
                theatre_id="roxy", business_date=inventory.show.business_date.isoformat()
            )
        )
    ).sales
    assert [ticket.cancelled for ticket in sale.tickets] == [True, False, False]
    assert [payment.amount.minor_units for payment in sale.payments] == [25_000, 25_000, 30_000]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("theatre_id", ""),
        ("theatre_id", "r xy"),
        ("business_date", ""),
        ("business_date", "1 June"),
        ("page_size", -1),
        ("page_token", "nonsense"),
    ],
)
async def test_wrong_fields_of_the_books_are_named(inventory: SeatService, field: str, value: object) -> None:
    good: dict[str, object] = {"theatre_id": "roxy", "business_date": "2026-06-01"}
    request = theatre_pb2.ListSalesRequest(**(good | {field: value}))  # type: ignore[arg-type]
    with pytest.raises(RemoteError) as caught:
        await inventory.theatre.ListSales(request)
    assert (caught.value.reason, caught.value.facts) == ("INVALID_FIELD", {"field": field})


@pytest.mark.parametrize("seconds", [-1, 601, 2**31 - 1, -(2**31)])
async def test_a_hold_time_out_of_bounds_is_refused(inventory: SeatService, seconds: int) -> None:
    with pytest.raises(RemoteError) as caught:
        await hold(inventory, "A1", seconds=seconds)
    assert (caught.value.reason, caught.value.facts) == ("INVALID_FIELD", {"field": "hold_seconds"})


async def test_what_is_not_offered_says_so(inventory: SeatService) -> None:
    for call in (
        inventory.theatre.GetTheatre(theatre_pb2.GetTheatreRequest()),
        inventory.theatre.ListScreens(theatre_pb2.ListScreensRequest()),
        inventory.theatre.ListShows(theatre_pb2.ListShowsRequest()),
    ):
        with pytest.raises(RemoteError) as caught:
            await call
        assert caught.value.code == "UNIMPLEMENTED"


async def test_a_partner_watches_its_shows(inventory: SeatService) -> None:
    seen = []
    async for update in inventory.theatre.WatchSeats(
        theatre_pb2.WatchSeatsRequest(show_id=inventory.show.show_id), timeout=10
    ):
        seen.append(update.WhichOneof("update"))
        if len(seen) == 2:
            break
        await inventory.hold("A1")
    assert seen == ["snapshot", "delta"]
