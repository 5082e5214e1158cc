"""What becomes of bookings whose show was cancelled or moved."""

import datetime as dt
from dataclasses import replace
from typing import Final

from booking_svc.domain import inputs
from booking_svc.domain.booking import (
    Booking,
    BookingState,
    Cancellation,
    SeatStanding,
    ShowCancellation,
    ShowMove,
)
from booking_svc.domain.events import Event, ShowCancelled, ShowRescheduled
from booking_svc.domain.machine.cancelling import all_given_back
from booking_svc.domain.machine.change import Change, known_payment
from booking_svc.domain.machine.holding import expired
from booking_svc.domain.machine.refunding import owing, sending_back

_ENDED: Final = frozenset({BookingState.CANCELLED, BookingState.REFUNDING, BookingState.REFUNDED})
_TIME_TO_DECIDE: Final = dt.timedelta(hours=24)
"""Somebody who is told of a move late has at least so long to decide, though not beyond the new start."""


def show_called_off(booking: Booking, given: inputs.ShowCalledOff, now: dt.datetime) -> Change:
    """PAID, CONFIRMED → REFUNDING; HELD → EXPIRED; else remembered, for money that may still come.

    The money does not wait for the theatre to take the tickets back: they are worth nothing any more.
    """
    if booking.show_cancellation is not None or booking.state in _ENDED:
        return Change(booking)
    told = replace(booking, show_cancellation=ShowCancellation(given.reason, now))
    match booking.state:
        case BookingState.HELD:
            return expired(told)
        case BookingState.CONFIRMED:
            cancelled = replace(told, cancellation=Cancellation(inputs.SHOW_CANCELLED, now))
            return _refunded(all_given_back(cancelled))
        case BookingState.PAID:
            return _refunded(told)
    return Change(told)


def show_moved(booking: Booking, given: inputs.ShowMoved, now: dt.datetime) -> Change:
    """The booking follows its show; whoever has tickets is told, and may have the money back for a while."""
    known = given.sequence <= booking.show_sequence or given.start_time == booking.show.start_time
    if known or booking.state in _ENDED or booking.show_cancellation is not None:
        return Change(booking)
    former = booking.show.start_time
    if booking.show_move is not None:
        notice = dt.timedelta(seconds=booking.show_move.notice_seconds)
    else:
        notice = former - booking.cancel_until
    moved = replace(
        booking,
        show=replace(booking.show, start_time=given.start_time),
        show_sequence=given.sequence,
        show_move=ShowMove(former, given.reason, now, notice.total_seconds()),
        cancel_until=_cancel_until(booking, given.start_time, notice, now),
    )
    # Who has no tickets yet is told when they come.
    events: tuple[Event, ...] = (ShowRescheduled(),) if booking.state is BookingState.CONFIRMED else ()
    return Change(moved, events)


def _cancel_until(
    booking: Booking, start: dt.datetime, notice: dt.timedelta, now: dt.datetime
) -> dt.datetime:
    decided = now + _TIME_TO_DECIDE
    # Whoever is told in time of an earlier start does not see the film first and then give it back.
    before = booking.cancel_until if start < decided else min(booking.cancel_until, start)
    return max(before, start - notice, min(start, decided))


def _refunded(booking: Booking) -> Change:
    """The money goes back. What was or may have been sold is cancelled at the theatre beside that."""
    owed = owing(booking, known_payment(booking, booking.paid_by), inputs.SHOW_CANCELLED)
    return Change(sending_back(replace(owed, seats=SeatStanding.IN_DOUBT)), (ShowCancelled(),))
