"""Making a booking: priced, stored, its seats held."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from booking_svc.domain import inputs
from booking_svc.domain.booking import AcceptedRequest, Booking, BookingState
from booking_svc.domain.duties import next_look
from booking_svc.domain.prices import Quote
from booking_svc.domain.show import ShowOnSale
from booking_svc.errors import (
    BookingBusy,
    HoldExpired,
    SeatsRefused,
    ShowClosed,
    StateForbids,
    seats_refused,
)
from booking_svc.ports import Ports, RequestKnown
from booking_svc.usecases.changes import Changes
from booking_svc.usecases.quoting import price
from booking_svc.usecases.requests import accepted, require_same
from booking_svc.usecases.steps import refusal_of
from booking_svc.usecases.viewing import check_buyer_id
from mesh.errors import MatineeError, RemoteError
from mesh.ids import new_token

_WAIT_SECONDS: Final = 0.5
_LOOK_SECONDS: Final = 0.05
_GIVEN_UP: Final = "the seats could not be held in time"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a buyer wants to book."""

    buyer_id: str
    show_id: str
    seat_ids: tuple[str, ...]


async def create_booking(
    ports: Ports, changes: Changes, request_id: str, buyer_id: str, show_id: str, seat_ids: Sequence[str]
) -> Booking:
    """A booking with its seats held.

    A repeat gets the same booking as it stands by then, or the same refusal;
    a new try for seats that were refused needs a new request id. Raises
    `SeatsRefused` of some kind, `UnknownShow`, `RequestIdReused`, `HoldExpired`
    for a repeat that comes after the booking was given up, and `TryAgain`:
    then the same request should be sent again.
    """
    wish = Wish(buyer_id, show_id, tuple(seat_ids))
    check_buyer_id(buyer_id)
    request = accepted(request_id, buyer_id, show_id, *seat_ids)
    try:
        show, priced = await price(ports, show_id, wish.seat_ids)
        if show.cancelled:
            raise ShowClosed("the show does not take place")
    except (MatineeError, RemoteError):
        # Only a repetition is answered all the same: what was sold to the first request stays so.
        known = await ports.bookings.find_by_request(buyer_id, request_id)
        if known is None:
            raise
        return await ports.background.finish(_repeated(ports, changes, known, request))
    # From here on the steps are taken even if the caller goes away.
    return await ports.background.finish(_create(ports, changes, wish, request, show, priced))


async def _create(
    ports: Ports, changes: Changes, wish: Wish, request: AcceptedRequest, show: ShowOnSale, priced: Quote
) -> Booking:
    now = ports.now()
    booking = Booking(
        booking_id=new_token(),
        version=1,
        state=BookingState.CREATED,
        buyer_id=wish.buyer_id,
        access_key=new_token(),
        request=request,
        show=show.facts,
        seat_ids=wish.seat_ids,
        quote=priced,
        cancel_until=ports.terms.cancel_until(show.facts.start_time),
        create_time=now,
        update_time=now,
    )
    try:
        await ports.bookings.add(booking, next_look(booking, ports.terms.pace, now))
    except RequestKnown:
        # The same request came before, or twice at once and the other one was first.
        known = await ports.bookings.find_by_request(wish.buyer_id, request.request_id)
        if known is None:
            raise BookingBusy("this booking is being made; ask again") from None
        return await _repeated(ports, changes, known, request)
    return await _hold(ports, changes, booking)


async def _repeated(ports: Ports, changes: Changes, booking: Booking, request: AcceptedRequest) -> Booking:
    """What the first request got; waits for it, then takes its place if it does not come to an end."""
    require_same(booking.request, request)
    looks = int(_WAIT_SECONDS / _LOOK_SECONDS)
    age = ports.now() - booking.create_time
    while booking.state is BookingState.CREATED and looks > 0 and age < dt.timedelta(seconds=_WAIT_SECONDS):
        await asyncio.sleep(_LOOK_SECONDS)
        looks -= 1
        booking = await ports.bookings.find(booking.booking_id) or booking
    if booking.state is BookingState.CREATED:
        return await _hold(ports, changes, booking)
    return _answer(booking)


async def _hold(ports: Ports, changes: Changes, booking: Booking) -> Booking:
    asked_at = ports.now()
    try:
        held = await ports.seats.hold(booking)
    except SeatsRefused as refused:
        return _answer(await changes.apply(booking, inputs.HoldRefused(refusal_of(refused))))
    hold = ports.terms.hold_by_our_clock(held.hold_id, asked_at, held.time_left)
    try:
        return _answer(await changes.apply(booking, inputs.SeatsHeld(hold)))
    except StateForbids:
        # It was given up while the inventory was slow.
        await ports.seats.release(booking, held.hold_id)
        raise HoldExpired from None


def _answer(booking: Booking) -> Booking:
    if booking.refusal is not None:
        raise seats_refused(booking.refusal.reason, booking.refusal.message, booking.refusal.facts)
    if booking.state is BookingState.EXPIRED and booking.hold is None:
        raise HoldExpired
    return booking
