"""Cancelling a confirmed booking."""

from collections.abc import Sequence

from booking_svc.domain import inputs
from booking_svc.domain.booking import AcceptedRequest, Booking
from booking_svc.domain.proof import Viewer
from booking_svc.errors import PartialCancelUnsupported, UnknownSeat
from booking_svc.ports import Ports
from booking_svc.usecases.changes import Changes
from booking_svc.usecases.driving import Driver
from booking_svc.usecases.requests import accepted, require_same
from booking_svc.usecases.viewing import get_booking


async def cancel_booking(
    ports: Ports,
    changes: Changes,
    driver: Driver,
    request_id: str,
    booking_id: str,
    viewer: Viewer,
    seat_ids: Sequence[str],
) -> Booking:
    """Cancels all of a confirmed booking; answers as soon as that is certain to happen.

    Usually the tickets are cancelled and the money is on its way by then.
    Raises `CancelTooLate`, `StateForbids`, `UnknownSeat`, `RequestIdReused` and,
    for some but not all of the seats, `PartialCancelUnsupported`.
    """
    request = accepted(request_id, booking_id, "cancel", *sorted(seat_ids))
    booking = await get_booking(ports, booking_id, viewer)
    for known in booking.accepted:
        require_same(known, request)
    unknown = [seat_id for seat_id in seat_ids if seat_id not in booking.seat_ids]
    if unknown:
        raise UnknownSeat(unknown)
    if seat_ids and set(seat_ids) != set(booking.seat_ids):
        raise PartialCancelUnsupported
    return await ports.background.finish(_cancel(ports, changes, driver, booking, request))


async def _cancel(
    ports: Ports, changes: Changes, driver: Driver, booking: Booking, request: AcceptedRequest
) -> Booking:
    booking = await changes.apply(booking, inputs.CancelRequested(request, inputs.BUYER))
    await driver.drive(booking.booking_id)
    return await ports.bookings.find(booking.booking_id) or booking
