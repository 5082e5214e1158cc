"""Payments: HELD → AWAITING_PAYMENT → PAID, back to HELD, or money that has to go back."""

import datetime as dt
from dataclasses import replace

from booking_svc.domain import inputs
from booking_svc.domain.booking import Booking, BookingState, Payment, PaymentState, SeatStanding
from booking_svc.domain.events import PaymentFailed, ShowCancelled
from booking_svc.domain.inputs import SHOW_CANCELLED
from booking_svc.domain.machine.change import Change, known_payment, with_payment
from booking_svc.domain.machine.holding import expired
from booking_svc.domain.machine.refunding import owing, sending_back
from booking_svc.errors import HoldExpired, PaymentLimit, StateForbids
from mesh.money import Money

AMOUNT_MISMATCH = "amount_mismatch"
PAID_TWICE = "paid_twice"

_PAYABLE = frozenset({BookingState.HELD, BookingState.AWAITING_PAYMENT, BookingState.EXPIRED})


def payment_started(booking: Booking, given: inputs.PaymentStarted, now: dt.datetime) -> Change:
    """HELD → AWAITING_PAYMENT while time is left; a booking that costs nothing is PAID at once."""
    if booking.state is BookingState.EXPIRED:
        raise HoldExpired
    if booking.state is not BookingState.HELD or booking.hold is None:
        raise StateForbids(booking.state.value)
    if now >= booking.hold.pay_until:
        raise HoldExpired
    if len(booking.payments) >= given.most_payments:
        raise PaymentLimit(given.most_payments)
    started = replace(
        booking,
        state=BookingState.AWAITING_PAYMENT,
        contact=given.contact,
        payments=(*booking.payments, given.payment),
    )
    if given.payment.amount.minor_units == 0:
        return _accepted(started, _captured(given.payment, given.payment.amount, now))
    return Change(started)


def payment_opened(booking: Booking, given: inputs.PaymentOpened, _now: dt.datetime) -> Change:
    """The session is known, in whatever state the booking is by now: it may have to be closed again."""
    payment = known_payment(booking, given.payment_id)
    if payment.state is not PaymentState.STARTING:
        return Change(booking)
    opened = replace(
        payment, state=PaymentState.OPEN, session_id=given.session_id, redirect_url=given.redirect_url
    )
    return Change(with_payment(booking, opened))


def payment_succeeded(booking: Booking, given: inputs.PaymentSucceeded, now: dt.datetime) -> Change:
    """Money came in: for the tickets if it is the first and the right amount, else it goes back.

    Also after a decline, a closed session or the booking's end: events come in
    any order, and a bank may be late. Nobody pays for a show that was cancelled.
    """
    payment = known_payment(booking, given.payment_id)
    if payment.state is PaymentState.SUCCEEDED:
        return Change(booking)
    captured = _captured(payment, given.captured, now)
    right = captured.captured == payment.amount == booking.quote.total
    if booking.state in _PAYABLE and right:
        return _called_off(booking, captured) if booking.show_cancellation else _accepted(booking, captured)
    reason = PAID_TWICE if right else AMOUNT_MISMATCH
    owed = owing(with_payment(booking, captured), captured, reason)
    if booking.state in _PAYABLE:
        # The buyer has paid something, though not this: the booking ends, the money goes back.
        owed = replace(owed, state=BookingState.REFUNDING if owed.refunds else BookingState.REFUNDED)
    return Change(owed, alarms=(reason,))


def payment_declined(booking: Booking, given: inputs.PaymentDeclined, _now: dt.datetime) -> Change:
    """AWAITING_PAYMENT → HELD; whether time is left is looked at from there."""
    payment = known_payment(booking, given.payment_id)
    if not payment.is_open:
        return Change(booking)
    declined = replace(payment, state=PaymentState.DECLINED, decline_reason=given.decline_reason)
    after = with_payment(booking, declined)
    if booking.state is not BookingState.AWAITING_PAYMENT or after.open_payment is not None:
        return Change(after)
    if booking.show_cancellation is not None:
        return expired(after)
    return Change(replace(after, state=BookingState.HELD), (PaymentFailed(),))


def payment_closed(booking: Booking, given: inputs.PaymentClosed, now: dt.datetime) -> Change:
    """AWAITING_PAYMENT → HELD while time is left, else → EXPIRED: the session can no longer be paid."""
    payment = known_payment(booking, given.payment_id)
    if not payment.is_open:
        return Change(booking)
    after = with_payment(booking, replace(payment, state=PaymentState.CLOSED))
    if booking.state is not BookingState.AWAITING_PAYMENT or after.open_payment is not None:
        return Change(after)
    time_left = booking.hold is not None and now < booking.hold.pay_until
    if time_left and booking.show_cancellation is None:
        return Change(replace(after, state=BookingState.HELD))
    return expired(after)


def _captured(payment: Payment, amount: Money, now: dt.datetime) -> Payment:
    return replace(payment, state=PaymentState.SUCCEEDED, captured=amount, capture_time=now)


def _called_off(booking: Booking, payment: Payment) -> Change:
    owed = owing(with_payment(booking, payment), payment, SHOW_CANCELLED)
    return Change(sending_back(owed), (ShowCancelled(),))


def _accepted(booking: Booking, payment: Payment) -> Change:
    paid = replace(
        with_payment(booking, payment),
        state=BookingState.PAID,
        paid_by=payment.payment_id,
        # After an end the seats were freed; now they are wanted again.
        seats=SeatStanding.HELD,
    )
    return Change(paid)
