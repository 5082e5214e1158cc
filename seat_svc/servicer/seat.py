"""SeatService: the installation's own face."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from grpc import aio
from matinee.seat.v1 import seat_pb2, seat_pb2_grpc

from seat_svc import convert
from seat_svc.domain.seats import SeatDelta, SeatMap
from seat_svc.domain.seller import MATINEE
from seat_svc.usecases import holds, maps, sales
from seat_svc.usecases.inventory import Inventory

Context = aio.ServicerContext[Any, Any]


class SeatServicer(seat_pb2_grpc.SeatServiceServicer):
    """See the proto."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._last_update: SeatMap | SeatDelta | None = None
        self._last_message = seat_pb2.WatchSeatsResponse()

    async def GetSeatMap(
        self, request: seat_pb2.GetSeatMapRequest, _context: Context
    ) -> seat_pb2.GetSeatMapResponse:
        """See the proto."""
        seat_map, layout = await maps.get_seat_map(self._inventory, MATINEE, request.show_id)
        return seat_pb2.GetSeatMapResponse(
            seat_map=convert.seat_map(seat_map),
            layout=convert.layout_message(layout) if request.include_layout else None,
        )

    async def WatchSeats(
        self, request: seat_pb2.WatchSeatsRequest, _context: Context
    ) -> AsyncIterator[seat_pb2.WatchSeatsResponse]:
        """See the proto."""
        updates = maps.watch_seats(self._inventory, MATINEE, request.show_id, request.after_sequence)
        async with aclosing(updates):
            async for update in updates:
                yield self._told(update)

    async def ListOccupancy(
        self, request: seat_pb2.ListOccupancyRequest, _context: Context
    ) -> seat_pb2.ListOccupancyResponse:
        """See the proto."""
        found = await maps.list_occupancy(self._inventory, MATINEE, request.show_ids)
        return seat_pb2.ListOccupancyResponse(
            occupancies=[
                seat_pb2.Occupancy(
                    show_id=each.show_id, available_count=each.available_count, seat_count=each.seat_count
                )
                for each in found
            ]
        )

    async def SuggestSeats(
        self, request: seat_pb2.SuggestSeatsRequest, _context: Context
    ) -> seat_pb2.SuggestSeatsResponse:
        """See the proto."""
        seat_ids = await maps.suggest_seats(
            self._inventory,
            MATINEE,
            request.show_id,
            request.party_size,
            request.category_id,
            request.accessible,
        )
        return seat_pb2.SuggestSeatsResponse(seat_ids=seat_ids)

    async def HoldSeats(
        self, request: seat_pb2.HoldSeatsRequest, _context: Context
    ) -> seat_pb2.HoldSeatsResponse:
        """See the proto."""
        hold = await holds.hold_seats(
            self._inventory,
            MATINEE,
            request.show_id,
            request.seat_ids,
            request.holder_id,
            request.request_id,
        )
        return seat_pb2.HoldSeatsResponse(hold=convert.hold(hold))

    async def GetHold(self, request: seat_pb2.GetHoldRequest, _context: Context) -> seat_pb2.GetHoldResponse:
        """See the proto."""
        hold = await holds.get_hold(self._inventory, MATINEE, request.show_id, request.hold_id)
        return seat_pb2.GetHoldResponse(hold=convert.hold(hold))

    async def ReleaseHold(
        self, request: seat_pb2.ReleaseHoldRequest, _context: Context
    ) -> seat_pb2.ReleaseHoldResponse:
        """See the proto."""
        await holds.release_hold(
            self._inventory, MATINEE, request.show_id, request.hold_id, request.request_id
        )
        return seat_pb2.ReleaseHoldResponse()

    async def ConfirmHold(
        self, request: seat_pb2.ConfirmHoldRequest, _context: Context
    ) -> seat_pb2.ConfirmHoldResponse:
        """See the proto."""
        tickets = await sales.confirm_hold(
            self._inventory,
            MATINEE,
            request.show_id,
            request.hold_id,
            request.booking_id,
            convert.seat_payments(request.payments),
            request.request_id,
        )
        return seat_pb2.ConfirmHoldResponse(tickets=convert.tickets(tickets))

    async def CancelTickets(
        self, request: seat_pb2.CancelTicketsRequest, _context: Context
    ) -> seat_pb2.CancelTicketsResponse:
        """See the proto."""
        tickets = await sales.cancel_tickets(
            self._inventory,
            MATINEE,
            request.show_id,
            request.booking_id,
            request.seat_ids,
            convert.seat_payments(request.payments),
            request.request_id,
        )
        return seat_pb2.CancelTicketsResponse(tickets=convert.tickets(tickets))

    async def RefreshShow(
        self, request: seat_pb2.RefreshShowRequest, _context: Context
    ) -> seat_pb2.RefreshShowResponse:
        """See the proto."""
        await maps.refresh_show(self._inventory, MATINEE, request.show_id)
        return seat_pb2.RefreshShowResponse()

    def _told(self, update: SeatMap | SeatDelta) -> seat_pb2.WatchSeatsResponse:
        """The message for an update, made once for all watchers who are told of it in turn."""
        if update is not self._last_update:
            self._last_update, self._last_message = update, _watched(update)
        return self._last_message


def _watched(update: SeatMap | SeatDelta) -> seat_pb2.WatchSeatsResponse:
    if isinstance(update, SeatMap):
        return seat_pb2.WatchSeatsResponse(snapshot=convert.seat_map(update))
    return seat_pb2.WatchSeatsResponse(delta=convert.seat_delta(update))
