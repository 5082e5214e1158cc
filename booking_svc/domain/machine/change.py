"""What a rule of the machine answers, and the small steps that several rules share."""

from dataclasses import dataclass, replace

from booking_svc.domain.booking import Booking, Payment, Refund
from booking_svc.domain.events import Event


@dataclass(frozen=True, slots=True)
class Change:
    """The booking as a rule leaves it, what to tell of it, and what a person should look at."""

    booking: Booking
    events: tuple[Event, ...] = ()
    alarms: tuple[str, ...] = ()


class UnknownPart(Exception):
    """An input names a payment or refund that the booking does not have: a fault of ours."""


def with_payment(booking: Booking, payment: Payment) -> Booking:
    """The booking with that attempt in the place of its former self."""
    return replace(
        booking,
        payments=tuple(
            payment if each.payment_id == payment.payment_id else each for each in booking.payments
        ),
    )


def with_refund(booking: Booking, refund: Refund) -> Booking:
    """The booking with that refund in the place of its former self."""
    return replace(
        booking,
        refunds=tuple(refund if each.refund_id == refund.refund_id else each for each in booking.refunds),
    )


def known_payment(booking: Booking, payment_id: str) -> Payment:
    """The attempt with that id; raises `UnknownPart`."""
    payment = booking.payment(payment_id)
    if payment is None:
        raise UnknownPart(payment_id)
    return payment


def known_refund(booking: Booking, refund_id: str) -> Refund:
    """The refund with that id; raises `UnknownPart`."""
    refund = booking.refund(refund_id)
    if refund is None:
        raise UnknownPart(refund_id)
    return refund
