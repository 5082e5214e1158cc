"""What has to be done next for a booking, and when.

The recovery loop asks this of every booking that is due; so does whoever has
just changed one. All of it follows from the booking as it is stored: there is
no other list of work that could be lost.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from booking_svc.domain.booking import Booking, BookingState, Payment, PaymentState, RefundState, SeatStanding


@dataclass(frozen=True, slots=True)
class GiveUpCreation:
    """End the booking. Its seats are freed after that: nobody can take them for held by then."""


@dataclass(frozen=True, slots=True)
class EndHold:
    """Look whether the time to pay is over."""


@dataclass(frozen=True, slots=True)
class OpenPayment:
    """Open the payment at the provider, or learn that it is open."""

    payment_id: str


@dataclass(frozen=True, slots=True)
class AskPayment:
    """Ask the provider what has become of the payment."""

    payment_id: str


@dataclass(frozen=True, slots=True)
class ClosePayment:
    """Make sure at the provider that the payment can no longer be paid."""

    payment_id: str


@dataclass(frozen=True, slots=True)
class ConfirmSeats:
    """Get the tickets."""


@dataclass(frozen=True, slots=True)
class CancelTickets:
    """Give the tickets back to the theatre."""


@dataclass(frozen=True, slots=True)
class GiveSeatsBack:
    """Give the tickets of single seats back to the theatre, as the request asked."""

    request_id: str


@dataclass(frozen=True, slots=True)
class FreeSeats:
    """Release the hold."""


@dataclass(frozen=True, slots=True)
class VoidSale:
    """Cancel a sale that may have come about although the booking was given up."""


@dataclass(frozen=True, slots=True)
class SendRefund:
    """Send the money back."""

    refund_id: str


@dataclass(frozen=True, slots=True)
class AskRefund:
    """Ask the provider what has become of the refund."""

    refund_id: str


_PATIENCE: Final = 20
"""What has been under way for so long is asked about again after the 20th part of that."""

Duty: TypeAlias = (
    GiveUpCreation
    | EndHold
    | OpenPayment
    | AskPayment
    | ClosePayment
    | ConfirmSeats
    | CancelTickets
    | GiveSeatsBack
    | FreeSeats
    | VoidSale
    | SendRefund
    | AskRefund
)


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient the duties are, in seconds."""

    creation_seconds: float = 30.0
    """A booking that is CREATED for so long is given up: its caller is gone."""
    opening_seconds: float = 10.0
    """Whoever started a payment opens it; only after so long does anybody else."""
    poll_seconds: float = 10.0
    """How often a provider is asked about what is still open there, at first."""


@dataclass(frozen=True, slots=True)
class Due:
    """A duty and when it is due; `polling` when it is asked again and again from then on."""

    duty: Duty
    time: dt.datetime
    polling: bool = False


def duties(booking: Booking, pace: Pace) -> tuple[Due, ...]:
    """All duties, the most urgent first."""
    if booking.show_cancellation is not None:
        # Nobody waits for seats of a show that does not take place.
        return (*_of_state(booking, pace), *_of_money(booking, pace), *_of_seats(booking))
    return (*_of_state(booking, pace), *_of_seats(booking), *_of_money(booking, pace))


def due_duties(booking: Booking, pace: Pace, now: dt.datetime) -> tuple[Duty, ...]:
    """The duties that are due."""
    return tuple(due.duty for due in duties(booking, pace) if due.time <= now)


def next_look(booking: Booking, pace: Pace, now: dt.datetime) -> dt.datetime | None:
    """When the booking has to be looked at again after this moment; None when it rests for good.

    A provider is asked more and more seldom, for a bank may take days over a refund.
    """
    least = dt.timedelta(seconds=pace.poll_seconds)
    times = [
        max(due.time, now + max(least, (now - due.time) / _PATIENCE)) if due.polling else due.time
        for due in duties(booking, pace)
    ]
    return min(times, default=None)


def _of_state(booking: Booking, pace: Pace) -> Iterator[Due]:
    match booking.state:
        case BookingState.CREATED if booking.show_cancellation is not None:
            yield Due(GiveUpCreation(), booking.update_time)
        case BookingState.CREATED:
            yield Due(GiveUpCreation(), booking.create_time + dt.timedelta(seconds=pace.creation_seconds))
        case BookingState.HELD if booking.hold is not None:
            yield Due(EndHold(), booking.hold.pay_until)
        case BookingState.PAID:
            yield Due(ConfirmSeats(), booking.update_time)
        case BookingState.CONFIRMED:
            under_way = [partial for partial in booking.partial_cancellations if not partial.done]
            # One after the other: each tells the theatre what the seats cost that are kept after it.
            for partial in under_way[:1]:
                yield Due(GiveSeatsBack(partial.request_id), booking.update_time)
        case BookingState.CANCELLED:
            yield Due(CancelTickets(), booking.update_time)


def _of_seats(booking: Booking) -> Iterator[Due]:
    if booking.seats is SeatStanding.IN_DOUBT:
        yield Due(VoidSale(), booking.update_time)
    ended = booking.state in {BookingState.EXPIRED, BookingState.REFUNDING, BookingState.REFUNDED}
    if ended and booking.seats is SeatStanding.HELD:
        yield Due(FreeSeats(), booking.update_time)


def _of_money(booking: Booking, pace: Pace) -> Iterator[Due]:
    for payment in booking.payments:
        if payment.is_open:
            yield from _of_open_payment(booking, payment, pace)
    for refund in booking.refunds:
        match refund.state:
            case RefundState.OWED:
                yield Due(SendRefund(refund.refund_id), booking.update_time)
            case RefundState.ACCEPTED:
                yield Due(AskRefund(refund.refund_id), booking.update_time, polling=True)


def _of_open_payment(booking: Booking, payment: Payment, pace: Pace) -> Iterator[Due]:
    if booking.state is not BookingState.AWAITING_PAYMENT or payment is not booking.open_payment:
        yield Due(ClosePayment(payment.payment_id), booking.update_time)
        return
    called_off = booking.show_cancellation is not None
    end = booking.update_time if called_off else payment.expire_time
    yield Due(ClosePayment(payment.payment_id), end)
    if payment.state is PaymentState.STARTING:
        started = payment.start_time + dt.timedelta(seconds=pace.opening_seconds)
        yield Due(OpenPayment(payment.payment_id), started)
    else:
        yield Due(AskPayment(payment.payment_id), payment.start_time, polling=True)
