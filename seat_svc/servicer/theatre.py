"""TheatreService: the published partner contract, for the theatres that are hosted here."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from grpc import aio
from matinee.theatre.v1 import theatre_pb2, theatre_pb2_grpc

from mesh.interceptors import caller
from seat_svc import convert
from seat_svc.domain.seats import SeatDelta, SeatMap
from seat_svc.domain.seller import Seller
from seat_svc.errors import NotOffered
from seat_svc.usecases import holds, maps, sales
from seat_svc.usecases.inventory import Inventory

Context = aio.ServicerContext[Any, Any]


class TheatreServicer(theatre_pb2_grpc.TheatreServiceServicer):
    """See the proto. A partner reaches the theatres that `theatres_of` names for it, and no other."""

    def __init__(self, inventory: Inventory, theatres_of: Mapping[str, frozenset[str]]) -> None:
        self._inventory = inventory
        self._last_update: SeatMap | SeatDelta | None = None
        self._last_message = theatre_pb2.WatchSeatsResponse()
        self._theatres_of = theatres_of

    async def GetTheatre(
        self, _request: theatre_pb2.GetTheatreRequest, _context: Context
    ) -> theatre_pb2.GetTheatreResponse:
        """Not offered yet."""
        raise NotOffered

    async def ListScreens(
        self, _request: theatre_pb2.ListScreensRequest, _context: Context
    ) -> theatre_pb2.ListScreensResponse:
        """Not offered yet."""
        raise NotOffered

    async def ListShows(
        self, _request: theatre_pb2.ListShowsRequest, _context: Context
    ) -> theatre_pb2.ListShowsResponse:
        """Not offered yet."""
        raise NotOffered

    async def GetSeatMap(
        self, request: theatre_pb2.GetSeatMapRequest, _context: Context
    ) -> theatre_pb2.GetSeatMapResponse:
        """See the proto."""
        seat_map, _ = await maps.get_seat_map(self._inventory, self._seller(), request.show_id)
        return theatre_pb2.GetSeatMapResponse(seat_map=convert.seat_map(seat_map))

    async def WatchSeats(
        self, request: theatre_pb2.WatchSeatsRequest, _context: Context
    ) -> AsyncIterator[theatre_pb2.WatchSeatsResponse]:
        """See the proto."""
        updates = maps.watch_seats(self._inventory, self._seller(), request.show_id, request.after_sequence)
        async with aclosing(updates):
            async for update in updates:
                yield self._told(update)

    async def HoldSeats(
        self, request: theatre_pb2.HoldSeatsRequest, _context: Context
    ) -> theatre_pb2.HoldSeatsResponse:
        """See the proto."""
        hold = await holds.hold_seats(
            self._inventory,
            self._seller(),
            request.show_id,
            request.seat_ids,
            request.holder_id,
            request.request_id,
            request.hold_seconds,
        )
        return theatre_pb2.HoldSeatsResponse(hold=convert.hold(hold))

    async def ReleaseHold(
        self, request: theatre_pb2.ReleaseHoldRequest, _context: Context
    ) -> theatre_pb2.ReleaseHoldResponse:
        """See the proto."""
        await holds.release_hold(
            self._inventory, self._seller(), request.show_id, request.hold_id, request.request_id
        )
        return theatre_pb2.ReleaseHoldResponse()

    async def ConfirmHold(
        self, request: theatre_pb2.ConfirmHoldRequest, _context: Context
    ) -> theatre_pb2.ConfirmHoldResponse:
        """See the proto."""
        tickets = await sales.confirm_hold(
            self._inventory,
            self._seller(),
            request.show_id,
            request.hold_id,
            request.booking_id,
            convert.seat_payments(request.payments),
            request.request_id,
        )
        return theatre_pb2.ConfirmHoldResponse(tickets=convert.tickets(tickets))

    async def CancelTickets(
        self, request: theatre_pb2.CancelTicketsRequest, _context: Context
    ) -> theatre_pb2.CancelTicketsResponse:
        """See the proto."""
        tickets = await sales.cancel_tickets(
            self._inventory,
            self._seller(),
            request.show_id,
            request.booking_id,
            request.seat_ids,
            convert.seat_payments(request.payments),
            request.request_id,
        )
        return theatre_pb2.CancelTicketsResponse(tickets=convert.tickets(tickets))

    async def ListSales(
        self, request: theatre_pb2.ListSalesRequest, _context: Context
    ) -> theatre_pb2.ListSalesResponse:
        """See the proto."""
        page, following = await sales.list_sales(
            self._inventory,
            self._seller(),
            request.theatre_id,
            request.business_date,
            request.page_size,
            convert.sale_position(request.page_token),
        )
        return theatre_pb2.ListSalesResponse(
            sales=[convert.sale(sale) for sale in page], next_page_token=convert.page_token(following)
        )

    def _seller(self) -> Seller:
        """The partner who calls; one that no theatre is set down for has none."""
        partner = caller()
        name = partner.partner if partner else ""
        return Seller(name, self._theatres_of.get(name, frozenset()))

    def _told(self, update: SeatMap | SeatDelta) -> theatre_pb2.WatchSeatsResponse:
        """The message for an update, made once for all watchers who are told of it in turn."""
        if update is not self._last_update:
            self._last_update, self._last_message = update, _watched(update)
        return self._last_message


def _watched(update: SeatMap | SeatDelta) -> theatre_pb2.WatchSeatsResponse:
    if isinstance(update, SeatMap):
        return theatre_pb2.WatchSeatsResponse(snapshot=convert.seat_map(update))
    return theatre_pb2.WatchSeatsResponse(delta=convert.seat_delta(update))
