"""From PAID to CONFIRMED, or to a refund; and seats that are given back."""

import datetime as dt
from dataclasses import replace

from booking_svc.domain import inputs
from booking_svc.domain.booking import Booking, BookingState, SeatStanding
from booking_svc.domain.events import BookingConfirmed, ShowRescheduled
from booking_svc.domain.machine.change import Change, known_payment
from booking_svc.domain.machine.refunding import owing, sending_back

_ENDED = frozenset({BookingState.EXPIRED, BookingState.REFUNDING, BookingState.REFUNDED})


def seats_freed(booking: Booking, _given: inputs.SeatsFreed, _now: dt.datetime) -> Change:
    """Nothing is left of the hold.

    A late payment may have come between, which wants the seats again, or may even have led to a sale that
    is in doubt: releasing a hold says nothing about that one.
    """
    if booking.state not in _ENDED or booking.seats is not SeatStanding.HELD:
        return Change(booking)
    return Change(replace(booking, seats=SeatStanding.FREED))


def sale_voided(booking: Booking, _given: inputs.SaleVoided, _now: dt.datetime) -> Change:
    """Nothing is left of the sale that was in doubt."""
    if booking.state not in _ENDED or booking.seats is not SeatStanding.IN_DOUBT:
        return Change(booking)
    return Change(replace(booking, seats=SeatStanding.FREED))


def seats_confirmed(booking: Booking, given: inputs.SeatsConfirmed, _now: dt.datetime) -> Change:
    """PAID → CONFIRMED. Tickets for a booking that was given up meanwhile have to be cancelled again."""
    if booking.state is BookingState.PAID:
        confirmed = replace(
            booking, state=BookingState.CONFIRMED, seats=SeatStanding.SOLD, tickets=given.tickets
        )
        if booking.show_move is not None:
            # It was moved while nobody could see that: between holding and having the tickets.
            return Change(confirmed, (BookingConfirmed(), ShowRescheduled()))
        return Change(confirmed, (BookingConfirmed(),))
    if booking.state in _ENDED and booking.cancellation is None:
        return Change(replace(booking, seats=SeatStanding.IN_DOUBT))
    return Change(booking)


def seats_missed(booking: Booking, given: inputs.SeatsMissed, _now: dt.datetime) -> Change:
    """PAID → REFUNDING.

    An earlier confirmation whose answer was lost may still turn into a sale;
    so the sale stays in doubt until the inventory was told to cancel it.
    """
    if booking.state is not BookingState.PAID:
        return Change(booking)
    owed = owing(booking, known_payment(booking, booking.paid_by), given.reason)
    return Change(sending_back(replace(owed, seats=SeatStanding.IN_DOUBT)))
