"""Money that goes back, in whatever state the booking is; and REFUNDING → REFUNDED."""

import datetime as dt
from dataclasses import replace

from booking_svc.domain import inputs
from booking_svc.domain.booking import Booking, BookingState, Payment, Refund, RefundState
from booking_svc.domain.events import RefundIssued
from booking_svc.domain.machine.change import Change, known_refund, with_refund
from mesh.ids import derived_request_id
from mesh.money import Money


def owing(booking: Booking, payment: Payment, reason: str) -> Booking:
    """The booking with a refund of what is left of the captured money; of nothing there is none."""
    if payment.captured is None:
        return booking
    rest = payment.captured.minor_units - sum(
        refund.amount.minor_units for refund in booking.refunds if refund.payment_id == payment.payment_id
    )
    return owing_part(booking, payment, Money(payment.captured.currency_code, rest), reason)


def owing_part(booking: Booking, payment: Payment, amount: Money, reason: str, part: str = "") -> Booking:
    """The booking with a refund of that much; `part` tells it from others of the same payment."""
    if amount.minor_units <= 0:
        return booking
    named = (part,) if part else ()
    refund = Refund(
        refund_id=derived_request_id("refund", booking.booking_id, payment.payment_id, *named),
        payment_id=payment.payment_id,
        amount=amount,
        reason=reason,
    )
    return replace(booking, refunds=(*booking.refunds, refund))


def sending_back(booking: Booking) -> Booking:
    """REFUNDING, or REFUNDED when nothing is owed."""
    owes = any(refund.state is not RefundState.COMPLETED for refund in booking.refunds)
    return replace(booking, state=BookingState.REFUNDING if owes else BookingState.REFUNDED)


def refund_accepted(booking: Booking, given: inputs.RefundAccepted, _now: dt.datetime) -> Change:
    """The provider has it under way and tells later how it ended.

    Old news of a try that has failed since changes nothing: nobody would tell any more how it ends.
    """
    refund = known_refund(booking, given.refund_id)
    if refund.state is not RefundState.OWED or refund.tries != given.tries:
        return Change(booking)
    accepted = replace(refund, state=RefundState.ACCEPTED, provider_refund_id=given.provider_refund_id)
    return Change(with_refund(booking, accepted))


def refund_succeeded(booking: Booking, given: inputs.RefundSucceeded, _now: dt.datetime) -> Change:
    """The money is back; with the last refund a REFUNDING booking is REFUNDED.

    Not by a try that is known to have failed: of that one this is old news, and the money came back to us.
    """
    refund = known_refund(booking, given.refund_id)
    if refund.state is RefundState.COMPLETED or refund.tries != given.tries:
        return Change(booking)
    completed = replace(refund, state=RefundState.COMPLETED, provider_refund_id=given.provider_refund_id)
    after = with_refund(booking, completed)
    if booking.state is BookingState.REFUNDING:
        after = sending_back(after)
    return Change(after, (RefundIssued(refund.refund_id),))


def refund_failed(booking: Booking, given: inputs.RefundFailed, _now: dt.datetime) -> Change:
    """The provider did not send the money: it is owed still, and asked for under a new key.

    So it is when the buyer's bank sends back, days later, what was completed.
    Old news of an earlier try changes nothing: a new key while a try is under
    way could send the money twice.
    """
    refund = known_refund(booking, given.refund_id)
    if refund.tries != given.tries:
        return Change(booking)
    again = replace(refund, state=RefundState.OWED, provider_refund_id="", tries=refund.tries + 1)
    after = with_refund(booking, again)
    if booking.state is BookingState.REFUNDED:
        after = sending_back(after)
    return Change(after, alarms=("refund_failed",))
