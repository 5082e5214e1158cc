"""From CONFIRMED to CANCELLED, and on to the refund."""

import datetime as dt
from dataclasses import replace

from booking_svc.domain import inputs
from booking_svc.domain.booking import Booking, BookingState, Cancellation, SeatStanding
from booking_svc.domain.events import BookingCancelled
from booking_svc.domain.machine.change import Change, known_payment
from booking_svc.domain.machine.refunding import owing, sending_back
from booking_svc.errors import CancelTooLate, StateForbids


def cancel_requested(booking: Booking, given: inputs.CancelRequested, now: dt.datetime) -> Change:
    """CONFIRMED → CANCELLED; a buyer must ask in time. A booking that is cancelled already stays so."""
    if booking.cancellation is not None:
        return Change(booking)
    if booking.state is not BookingState.CONFIRMED:
        raise StateForbids(booking.state.value)
    if given.reason == inputs.BUYER and now > booking.cancel_until:
        raise CancelTooLate
    cancelled = replace(
        booking,
        state=BookingState.CANCELLED,
        cancellation=Cancellation(given.reason, now),
        accepted=(*booking.accepted, given.request),
    )
    return Change(cancelled)


def tickets_cancelled(booking: Booking, given: inputs.TicketsCancelled, _now: dt.datetime) -> Change:
    """CANCELLED → REFUNDING: the theatre has the seats back, now the money follows."""
    if booking.state is not BookingState.CANCELLED or booking.cancellation is None:
        return Change(booking)
    owed = owing(booking, known_payment(booking, booking.paid_by), booking.cancellation.reason)
    # The theatre may know of no sale any more; then what it sold is cancelled all the same.
    tickets = given.tickets or tuple(replace(ticket, cancelled=True) for ticket in booking.tickets)
    freed = replace(owed, tickets=tickets, seats=SeatStanding.FREED)
    return Change(sending_back(freed), (BookingCancelled(),))
