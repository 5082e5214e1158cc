"""Prices before anything is held."""

from collections.abc import Sequence

from booking_svc.domain.prices import Quote, quote
from booking_svc.domain.show import ShowOnSale
from booking_svc.ports import Ports
from mesh.errors import InvalidField

MOST_SEATS = 10


async def quote_booking(ports: Ports, show_id: str, seat_ids: Sequence[str]) -> Quote:
    """The price of the seats now; raises `UnknownShow`, `UnknownSeats` and `InvalidField`."""
    _, priced = await price(ports, show_id, seat_ids)
    return priced


async def price(ports: Ports, show_id: str, seat_ids: Sequence[str]) -> tuple[ShowOnSale, Quote]:
    """The show and the price of those of its seats."""
    if not show_id or len(show_id) > 64:
        raise InvalidField("show_id", "must have 1 to 64 characters")
    if not 1 <= len(seat_ids) <= MOST_SEATS:
        raise InvalidField("seat_ids", f"must be 1 to {MOST_SEATS} seats")
    if len(set(seat_ids)) != len(seat_ids):
        raise InvalidField("seat_ids", "must not repeat a seat")
    if any(not 1 <= len(seat_id) <= 8 for seat_id in seat_ids):
        raise InvalidField("seat_ids", "each must have 1 to 8 characters")
    show = await ports.shows.find(show_id)
    return show, quote(show, seat_ids)
