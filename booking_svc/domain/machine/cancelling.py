"""From CONFIRMED to CANCELLED and on to the refund; or single seats, while the others stay good."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, replace

from booking_svc.domain import inputs
from booking_svc.domain.booking import (
    Booking,
    BookingState,
    Cancellation,
    PartialCancellation,
    SeatStanding,
)
from booking_svc.domain.events import BookingCancelled
from booking_svc.domain.machine.change import Change, known_payment
from booking_svc.domain.machine.refunding import owing, owing_part, sending_back
from booking_svc.domain.prices import Quote, priced_again
from booking_svc.errors import CancelTooLate, RefundChanged, StateForbids
from mesh.errors import RequestIdReused
from mesh.money import Money, zero


@dataclass(frozen=True, slots=True)
class Settlement:
    """What cancelling seats would mean: paid = refunded + kept + refund.

    `refunded` went back before or is about to, `kept` prices what is left and
    is None when nothing is.
    """

    seat_ids: tuple[str, ...]
    paid: Money
    refunded: Money
    kept: Quote | None
    refund: Money


def settlement(booking: Booking, seat_ids: Collection[str]) -> Settlement:
    """What goes back when these seats (none named: all) are cancelled, by the rules stored with the booking.

    Seats that are cancelled already do not count again.
    """
    left = booking.kept_seat_ids
    going = tuple(seat_id for seat_id in left if not seat_ids or seat_id in seat_ids)
    keeping = [seat_id for seat_id in left if seat_id not in going]
    paid = booking.quote.total
    refunded = sum((each.refund for each in booking.partial_cancellations), start=zero(paid.currency_code))
    if not keeping:
        return Settlement(going, paid, refunded, None, paid - refunded)
    kept = priced_again(booking.quote, keeping, at_most=paid - refunded)
    return Settlement(going, paid, refunded, kept, paid - refunded - kept.total)


def require_cancellable(booking: Booking, now: dt.datetime) -> None:
    """Raises what keeps the buyer from cancelling now."""
    if booking.state is not BookingState.CONFIRMED:
        raise StateForbids(booking.state.value)
    if now > booking.cancel_until:
        raise CancelTooLate


def cancel_requested(booking: Booking, given: inputs.CancelRequested, now: dt.datetime) -> Change:
    """CONFIRMED → CANCELLED, or CONFIRMED with seats to give back; a buyer must ask in time.

    What is cancelled already stays so, whoever asks for it again.
    """
    for known in booking.accepted:
        if known.request_id == given.request.request_id:
            if known.content != given.request.content:
                raise RequestIdReused
            return Change(booking)
    if booking.cancellation is not None:
        return Change(booking)
    if booking.state is not BookingState.CONFIRMED:
        raise StateForbids(booking.state.value)
    settled = settlement(booking, given.seat_ids)
    if not settled.seat_ids:
        return Change(booking)
    if given.reason == inputs.BUYER:
        require_cancellable(booking, now)
    if given.expected_refund is not None and given.expected_refund != settled.refund:
        raise RefundChanged(settled.refund)
    accepted = replace(booking, accepted=(*booking.accepted, given.request))
    if settled.kept is None:
        cancellation = Cancellation(given.reason, now)
        return Change(replace(accepted, state=BookingState.CANCELLED, cancellation=cancellation))
    partial = PartialCancellation(
        request_id=given.request.request_id,
        seat_ids=settled.seat_ids,
        reason=given.reason,
        time=now,
        kept=settled.kept,
        refund=settled.refund,
    )
    partials = (*booking.partial_cancellations, partial)
    return Change(replace(accepted, partial_cancellations=partials))


def tickets_cancelled(booking: Booking, given: inputs.TicketsCancelled, _now: dt.datetime) -> Change:
    """CANCELLED → REFUNDING: the theatre has the seats back, now the money follows."""
    if booking.state is not BookingState.CANCELLED or booking.cancellation is None:
        return Change(booking)
    reason = booking.cancellation.reason
    told = {seat_id for each in booking.partial_cancellations if each.done for seat_id in each.seat_ids}
    back = all_given_back(booking)
    owed = owing(back, known_payment(back, back.paid_by), reason)
    # The theatre may know of no sale any more; then what it sold is cancelled all the same.
    freed = replace(owed, tickets=given.tickets or back.tickets, seats=SeatStanding.FREED)
    seat_ids = tuple(seat_id for seat_id in booking.seat_ids if seat_id not in told)
    return Change(sending_back(freed), (BookingCancelled(seat_ids),))


def all_given_back(booking: Booking) -> Booking:
    """No ticket is good any more; single seats that were on their way back go with all the others."""
    for partial in booking.partial_cancellations:
        if not partial.done:
            booking = _given_back(booking, partial)
    return replace(booking, tickets=tuple(replace(ticket, cancelled=True) for ticket in booking.tickets))


def seats_given_back(booking: Booking, given: inputs.SeatsGivenBack, _now: dt.datetime) -> Change:
    """The theatre has single seats back, now their money follows; the other tickets stay good."""
    partial = booking.partial_cancellation(given.request_id)
    if booking.state is not BookingState.CONFIRMED or partial is None or partial.done:
        return Change(booking)
    return Change(_given_back(booking, partial), (BookingCancelled(partial.seat_ids),))


def _given_back(booking: Booking, partial: PartialCancellation) -> Booking:
    payment = known_payment(booking, booking.paid_by)
    owed = owing_part(booking, payment, partial.refund, partial.reason, part=partial.request_id)
    return replace(
        owed,
        partial_cancellations=tuple(
            replace(each, done=True) if each.request_id == partial.request_id else each
            for each in booking.partial_cancellations
        ),
        tickets=tuple(
            replace(ticket, cancelled=ticket.cancelled or ticket.seat_id in partial.seat_ids)
            for ticket in booking.tickets
        ),
    )
