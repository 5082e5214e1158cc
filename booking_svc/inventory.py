"""Seats as seat_svc has them."""

from collections.abc import Sequence
from typing import Final

import structlog
from matinee.seat.v1 import seat_pb2, seat_pb2_grpc
from matinee.theatre.v1 import seats_pb2

from booking_svc.convert.prices import seat_payments
from booking_svc.convert.theatres import tickets_from
from booking_svc.convert.values import time_between
from booking_svc.domain.booking import Booking, PartialCancellation, Ticket
from booking_svc.errors import (
    SeatServiceUnavailable,
    SeatsLost,
    TheatreUnavailable,
    TryAgain,
    seats_refused,
)
from booking_svc.ports import HeldSeats
from mesh.errors import Overloaded, RemoteError
from mesh.ids import derived_request_id

log = structlog.get_logger()

_REFUSALS: Final = frozenset(
    {"ABORTED", "NOT_FOUND", "FAILED_PRECONDITION", "RESOURCE_EXHAUSTED", "INVALID_ARGUMENT", "OUT_OF_RANGE"}
)
"""Codes that say, with a reason of ours, that nothing was done and nothing will be by asking again."""


class RemoteSeatInventory:
    """The `SeatInventory` port. Request ids follow from the booking, so a repeat is known as one."""

    def __init__(self, seats: "seat_pb2_grpc.SeatServiceAsyncStub") -> None:
        self._seats = seats

    async def hold(self, booking: Booking) -> HeldSeats:
        """See `SeatInventory.hold`."""
        request = seat_pb2.HoldSeatsRequest(
            request_id=derived_request_id("hold", booking.booking_id),
            show_id=booking.show.show_id,
            seat_ids=booking.seat_ids,
            holder_id=booking.buyer_id,
        )
        try:
            response = await self._seats.HoldSeats(request)
        except RemoteError as error:
            if _is_refusal(error):
                raise seats_refused(error.reason, error.message, error.facts) from None
            raise _unavailable(error) from error
        hold = response.hold
        return HeldSeats(hold.hold_id, time_between(hold.as_of_time, hold.expire_time))

    async def release(self, booking: Booking, hold_id: str) -> None:
        """See `SeatInventory.release`."""
        request = seat_pb2.ReleaseHoldRequest(
            request_id=derived_request_id("release", booking.booking_id, hold_id),
            show_id=booking.show.show_id,
            hold_id=hold_id,
        )
        try:
            await self._seats.ReleaseHold(request)
        except RemoteError as error:
            if not _is_refusal(error):
                raise _unavailable(error) from error
            # There is no such hold, or no such show any more: nothing is held.
            log.info("hold_gone", booking_id=booking.booking_id, reason=error.reason)

    async def confirm(self, booking: Booking) -> tuple[Ticket, ...]:
        """See `SeatInventory.confirm`."""
        request = seat_pb2.ConfirmHoldRequest(
            request_id=derived_request_id("confirm", booking.booking_id),
            show_id=booking.show.show_id,
            hold_id=booking.hold.hold_id if booking.hold is not None else "",
            booking_id=booking.booking_id,
            payments=seat_payments(booking.quote),
        )
        try:
            response = await self._seats.ConfirmHold(request)
        except RemoteError as error:
            if error.reason == "SEATS_LOST":
                raise SeatsLost("seats_lost") from None
            if _is_refusal(error) and error.code != "ABORTED":
                # Nothing that waiting would mend: the show is unknown or closed to us.
                log.error("confirm_refused", booking_id=booking.booking_id, reason=error.reason)
                raise SeatsLost("seats_refused") from None
            raise _unavailable(error) from error
        return tickets_from(response.tickets)

    async def cancel(self, booking: Booking) -> tuple[Ticket, ...]:
        """See `SeatInventory.cancel`."""
        return await self._cancel(booking, derived_request_id("cancel", booking.booking_id))

    async def give_back(self, booking: Booking, partial: PartialCancellation) -> None:
        """See `SeatInventory.give_back`."""
        request_id = derived_request_id("give-back", booking.booking_id, partial.request_id)
        await self._cancel(booking, request_id, partial.seat_ids, seat_payments(partial.kept))

    async def refresh(self, show_id: str) -> None:
        """See `SeatInventory.refresh`."""
        try:
            await self._seats.RefreshShow(seat_pb2.RefreshShowRequest(show_id=show_id))
        except RemoteError as error:
            if error.code != "NOT_FOUND":
                raise _unavailable(error) from error

    async def _cancel(
        self,
        booking: Booking,
        request_id: str,
        seat_ids: Sequence[str] = (),
        payments: Sequence[seats_pb2.SeatPayment] = (),
    ) -> tuple[Ticket, ...]:
        request = seat_pb2.CancelTicketsRequest(
            request_id=request_id,
            show_id=booking.show.show_id,
            booking_id=booking.booking_id,
            seat_ids=seat_ids,
            payments=payments,
        )
        try:
            response = await self._seats.CancelTickets(request)
        except RemoteError as error:
            if error.code == "NOT_FOUND":
                return ()  # nothing was sold to the booking, or there is no such show any more
            raise _unavailable(error) from error
        return tickets_from(response.tickets)


def _is_refusal(error: RemoteError) -> bool:
    return bool(error.reason) and error.code in _REFUSALS and error.reason != Overloaded.reason


def _unavailable(error: RemoteError) -> TryAgain:
    if error.reason == "THEATRE_UNAVAILABLE":
        return TheatreUnavailable(error.message)
    return SeatServiceUnavailable("the seats cannot be reached just now")
