"""Showing bookings to those who may see them."""

import datetime as dt
from dataclasses import dataclass

from booking_svc.domain.booking import Booking
from booking_svc.domain.proof import Viewer
from booking_svc.errors import UnknownBooking
from booking_svc.ports import Ports
from mesh.errors import InvalidField

_DEFAULT_PAGE = 20
_LARGEST_PAGE = 100
_LONGEST_ID = 64


@dataclass(frozen=True, slots=True)
class BookingPage:
    """A page of bookings; `next_before` is the position of the next page, None on the last."""

    bookings: tuple[Booking, ...]
    next_before: tuple[dt.datetime, str] | None


async def get_booking(ports: Ports, booking_id: str, viewer: Viewer) -> Booking:
    """The booking, for whoever may see it; `UnknownBooking` for everybody else."""
    if not booking_id or len(booking_id) > _LONGEST_ID:
        raise UnknownBooking
    booking = await ports.bookings.find(booking_id)
    if booking is None or not viewer.may_see(booking):
        raise UnknownBooking
    return booking


async def list_bookings(
    ports: Ports, viewer: Viewer, page_size: int, before: tuple[dt.datetime, str] | None
) -> BookingPage:
    """The bookings of the viewer's buyers and of their address, newest first."""
    if viewer.buyer_id or viewer.address is None:
        check_buyer_id(viewer.buyer_id)
    if page_size < 0:
        raise InvalidField("page_size", "must not be negative")
    size = min(page_size or _DEFAULT_PAGE, _LARGEST_PAGE)
    found = await ports.bookings.of_viewer(viewer, before, size + 1)
    page = tuple(found[:size])
    more = len(found) > size
    return BookingPage(page, (page[-1].create_time, page[-1].booking_id) if more else None)


def check_buyer_id(buyer_id: str) -> None:
    """Raises `InvalidField` for an id that no buyer has."""
    if not 1 <= len(buyer_id) <= _LONGEST_ID:
        raise InvalidField("buyer_id", f"must have 1 to {_LONGEST_ID} characters")
