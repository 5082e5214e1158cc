"""Cancelling a confirmed booking, or single seats of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from booking_svc.domain import inputs
from booking_svc.domain.booking import Booking
from booking_svc.domain.machine.cancelling import Settlement, require_cancellable, settlement
from booking_svc.domain.proof import Viewer
from booking_svc.errors import StateForbids, UnknownSeat
from booking_svc.ports import Ports
from booking_svc.usecases.changes import Changes
from booking_svc.usecases.driving import Driver
from booking_svc.usecases.quoting import MOST_SEATS
from booking_svc.usecases.requests import accepted, require_same
from booking_svc.usecases.viewing import get_booking
from mesh.errors import InvalidField
from mesh.money import Money


@dataclass(frozen=True, slots=True)
class CancelWish:
    """Which seats a buyer wants to cancel (none named: all), and what they were told would go back."""

    seat_ids: tuple[str, ...] = ()
    expected_refund: Money | None = None


async def preview_cancellation(
    ports: Ports, booking_id: str, viewer: Viewer, seat_ids: Sequence[str]
) -> Settlement:
    """What cancelling these seats now would mean; changes nothing.

    Raises `CancelTooLate`, `StateForbids`, also when none of the seats is left
    to be cancelled, and `UnknownSeat`.
    """
    booking = await get_booking(ports, booking_id, viewer)
    _check_seats(booking, seat_ids)
    require_cancellable(booking, ports.now())
    settled = settlement(booking, seat_ids)
    if not settled.seat_ids:
        raise StateForbids(booking.state.value)
    return settled


async def cancel_booking(
    ports: Ports,
    changes: Changes,
    driver: Driver,
    request_id: str,
    booking_id: str,
    viewer: Viewer,
    wish: CancelWish,
) -> Booking:
    """Cancels seats of a confirmed booking; answers as soon as that is certain to happen.

    Usually the tickets are cancelled and the money is on its way by then.
    Raises `CancelTooLate`, `StateForbids`, `UnknownSeat`, `RefundChanged` and
    `RequestIdReused`.
    """
    request = accepted(request_id, booking_id, "cancel", *sorted(wish.seat_ids))
    booking = await get_booking(ports, booking_id, viewer)
    for known in booking.accepted:
        require_same(known, request)
    _check_seats(booking, wish.seat_ids)
    asked = inputs.CancelRequested(request, inputs.BUYER, wish.seat_ids, wish.expected_refund)
    return await ports.background.finish(_cancel(ports, changes, driver, booking, asked))


async def _cancel(
    ports: Ports, changes: Changes, driver: Driver, booking: Booking, asked: inputs.CancelRequested
) -> Booking:
    booking = await changes.apply(booking, asked)
    await driver.drive(booking.booking_id)
    return await ports.bookings.find(booking.booking_id) or booking


def _check_seats(booking: Booking, seat_ids: Sequence[str]) -> None:
    if len(seat_ids) > MOST_SEATS:
        raise InvalidField("seat_ids", f"must be at most {MOST_SEATS} seats")
    if len(set(seat_ids)) != len(seat_ids):
        raise InvalidField("seat_ids", "must not repeat a seat")
    if any(not 1 <= len(seat_id) <= 8 for seat_id in seat_ids):
        raise InvalidField("seat_ids", "each must have 1 to 8 characters")
    unknown = [seat_id for seat_id in seat_ids if seat_id not in booking.seat_ids]
    if unknown:
        raise UnknownSeat(unknown)
