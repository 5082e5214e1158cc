"""From CREATED to HELD, and to EXPIRED when nobody pays."""

import datetime as dt
from dataclasses import replace

from booking_svc.domain import inputs
from booking_svc.domain.booking import Booking, BookingState, SeatStanding
from booking_svc.domain.events import BookingExpired
from booking_svc.domain.machine.change import Change
from booking_svc.errors import StateForbids


def seats_held(booking: Booking, given: inputs.SeatsHeld, _now: dt.datetime) -> Change:
    """CREATED → HELD, or EXPIRED if the show was cancelled meanwhile. A repeat says nothing new."""
    if booking.hold is not None and booking.hold.hold_id == given.hold.hold_id:
        return Change(booking)
    if booking.state is not BookingState.CREATED:
        raise StateForbids(booking.state.value)
    held = replace(booking, state=BookingState.HELD, hold=given.hold, seats=SeatStanding.HELD)
    return Change(held) if booking.show_cancellation is None else expired(held)


def hold_refused(booking: Booking, given: inputs.HoldRefused, _now: dt.datetime) -> Change:
    """CREATED → EXPIRED, remembering why, so that a repeat of the request is told the same."""
    if booking.state is not BookingState.CREATED:
        return Change(booking)
    return Change(replace(booking, state=BookingState.EXPIRED, refusal=given.refusal))


def creation_given_up(booking: Booking, _given: inputs.CreationGivenUp, _now: dt.datetime) -> Change:
    """CREATED → EXPIRED; whoever made it may have held the seats."""
    if booking.state is not BookingState.CREATED:
        return Change(booking)
    return Change(replace(booking, state=BookingState.EXPIRED, seats=SeatStanding.HELD))


def time_up(booking: Booking, _given: inputs.TimeUp, now: dt.datetime) -> Change:
    """HELD → EXPIRED once the time to pay is over.

    AWAITING_PAYMENT does not end here: its session is closed at the provider first (`PaymentClosed`).
    """
    if booking.state is not BookingState.HELD or booking.hold is None or now < booking.hold.pay_until:
        return Change(booking)
    return expired(booking)


def abandoned(booking: Booking, given: inputs.Abandoned, _now: dt.datetime) -> Change:
    """HELD → EXPIRED by the buyer's wish; nobody needs to be told. An open payment must be closed first."""
    match booking.state:
        case BookingState.CREATED | BookingState.HELD:
            accepted = (*booking.accepted, given.request)
            ended = replace(booking, state=BookingState.EXPIRED, seats=SeatStanding.HELD, accepted=accepted)
            return Change(ended)
        case BookingState.EXPIRED:
            return Change(booking)
    raise StateForbids(booking.state.value)


def expired(booking: Booking) -> Change:
    """The end of a booking whose time is up; told only to somebody who has tried to pay."""
    events = (BookingExpired(),) if booking.payments else ()
    return Change(replace(booking, state=BookingState.EXPIRED), events)
