"""Taking one duty: ask whoever is concerned, and say what it means for the booking.

A step changes nothing here by itself. It may be taken twice, by two replicas
or after a crash: every call that it makes is the same for the same booking, so
the other side does it once.
"""

import datetime as dt
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog

from booking_svc.domain import duties, inputs
from booking_svc.domain.booking import Booking, Payment, PaymentState, Refusal
from booking_svc.domain.inputs import Input
from booking_svc.domain.machine.change import known_payment, known_refund
from booking_svc.errors import PaymentRefused, SeatsLost, SeatsRefused, TryAgain, UnknownProvider, UnknownShow
from booking_svc.ports import PaymentProvider, Ports, ProviderRefund, RefundOutcome, Session, SessionState

log = structlog.get_logger()

Inputs = tuple[Input, ...]


async def take(ports: Ports, booking: Booking, duty: duties.Duty) -> Inputs:
    """What has become of the duty; nothing when there is no news.

    Raises `TryAgain` when somebody does not answer.
    """
    return await _STEPS[type(duty)](ports, booking, duty)


async def open_payment(ports: Ports, booking: Booking, duty: duties.OpenPayment) -> Inputs:
    """Opens the payment's session, or learns of the one that an earlier call has opened."""
    payment = known_payment(booking, duty.payment_id)
    try:
        session = await provider_of(ports, payment).open_session(booking, payment)
    except PaymentRefused as refused:
        log.error("payment_refused", booking_id=booking.booking_id, problem=str(refused))
        return (inputs.PaymentClosed(payment.payment_id),)
    return (
        inputs.PaymentOpened(payment.payment_id, session.session_id, session.redirect_url),
        *news_of_session(payment.payment_id, session),
    )


async def close_payment(ports: Ports, booking: Booking, duty: duties.ClosePayment) -> Inputs:
    """Ends the session at the provider; it may turn out to be paid.

    A payment that may never have reached the provider is opened there first:
    that is the only way to be sure of the session that there may be.
    """
    payment = known_payment(booking, duty.payment_id)
    opened: Inputs = ()
    session_id = payment.session_id
    if payment.state is PaymentState.STARTING:
        opened = await open_payment(ports, booking, duties.OpenPayment(payment.payment_id))
        first = opened[0]
        if not isinstance(first, inputs.PaymentOpened):
            return opened
        session_id = first.session_id
    session = await provider_of(ports, payment).expire_session(session_id)
    return (*opened[:1], *news_of_session(payment.payment_id, session))


async def _ask_payment(ports: Ports, booking: Booking, duty: duties.AskPayment) -> Inputs:
    payment = known_payment(booking, duty.payment_id)
    session = await provider_of(ports, payment).get_session(payment.session_id)
    return news_of_session(payment.payment_id, session)


async def _give_up_creation(_ports: Ports, _booking: Booking, _duty: duties.GiveUpCreation) -> Inputs:
    return (inputs.CreationGivenUp(),)


async def _end_hold(_ports: Ports, _booking: Booking, _duty: duties.EndHold) -> Inputs:
    return (inputs.TimeUp(),)


async def _confirm_seats(ports: Ports, booking: Booking, _duty: duties.ConfirmSeats) -> Inputs:
    try:
        return (inputs.SeatsConfirmed(await ports.seats.confirm(booking)),)
    except SeatsLost as lost:
        if await _is_called_off(ports, booking):
            return (inputs.ShowCalledOff(reason=""),)
        return (inputs.SeatsMissed(lost.reason),)
    except TryAgain:
        if _out_of_patience(ports, booking):
            return (inputs.SeatsMissed("theatre_unavailable"),)
        raise


async def _is_called_off(ports: Ports, booking: Booking) -> bool:
    """Whether the show was cancelled, of which this booking may not have heard yet."""
    try:
        return await ports.shows.is_cancelled(booking.show.show_id)
    except (TryAgain, UnknownShow):
        return False  # what matters is that the money goes back; why is told less well


async def _cancel_tickets(ports: Ports, booking: Booking, _duty: duties.CancelTickets) -> Inputs:
    return (inputs.TicketsCancelled(await ports.seats.cancel(booking)),)


async def _give_seats_back(ports: Ports, booking: Booking, duty: duties.GiveSeatsBack) -> Inputs:
    partial = booking.partial_cancellation(duty.request_id)
    if partial is not None:
        await ports.seats.give_back(booking, partial)
    return (inputs.SeatsGivenBack(duty.request_id),)


async def _free_seats(ports: Ports, booking: Booking, _duty: duties.FreeSeats) -> Inputs:
    if booking.hold is not None:
        hold_id = booking.hold.hold_id
    else:
        # Whoever made it may have held the seats and died before writing so: holding
        # them again tells the hold's id.
        try:
            hold_id = (await ports.seats.hold(booking)).hold_id
        except SeatsRefused:
            return (inputs.SeatsFreed(),)
    await ports.seats.release(booking, hold_id)
    return (inputs.SeatsFreed(),)


async def _void_sale(ports: Ports, booking: Booking, _duty: duties.VoidSale) -> Inputs:
    await ports.seats.cancel(booking)
    if booking.hold is not None and not booking.tickets:
        await ports.seats.release(booking, booking.hold.hold_id)
    return (inputs.SaleVoided(),)


async def _send_refund(ports: Ports, booking: Booking, duty: duties.SendRefund) -> Inputs:
    refund = known_refund(booking, duty.refund_id)
    payment = known_payment(booking, refund.payment_id)
    return news_of_refund(await provider_of(ports, payment).refund(booking, payment, refund))


async def _ask_refund(ports: Ports, booking: Booking, duty: duties.AskRefund) -> Inputs:
    refund = known_refund(booking, duty.refund_id)
    payment = known_payment(booking, refund.payment_id)
    return news_of_refund(await provider_of(ports, payment).get_refund(refund.provider_refund_id))


def news_of_session(payment_id: str, session: Session) -> Inputs:
    """What a session's state means for its booking."""
    match session.state:
        case SessionState.PAID if session.captured is not None:
            return (inputs.PaymentSucceeded(payment_id, session.captured),)
        case SessionState.DECLINED:
            return (inputs.PaymentDeclined(payment_id, session.decline_reason),)
        case SessionState.CLOSED:
            return (inputs.PaymentClosed(payment_id),)
    return ()


def news_of_refund(told: ProviderRefund) -> Inputs:
    """What a refund's state means for its booking."""
    refund_id, tries = refund_id_of(told), int(told.idempotency_key.rpartition("-")[2])
    match told.outcome:
        case RefundOutcome.PENDING:
            return (inputs.RefundAccepted(refund_id, tries, told.provider_refund_id),)
        case RefundOutcome.SUCCEEDED:
            return (inputs.RefundSucceeded(refund_id, tries, told.provider_refund_id),)
        case RefundOutcome.FAILED:
            return (inputs.RefundFailed(refund_id, tries),)


def refund_id_of(told: ProviderRefund) -> str:
    """The refund that it is about: its key is the refund's id and the number of the try."""
    return told.idempotency_key.rpartition("-")[0]


def provider_of(ports: Ports, payment: Payment) -> PaymentProvider:
    """The provider that the payment was started at, also after another one was chosen."""
    try:
        return ports.providers[payment.provider]
    except KeyError:
        raise UnknownProvider from None


def refusal_of(refused: SeatsRefused) -> Refusal:
    """What is remembered of a refusal."""
    return Refusal(refused.reason, refused.message, dict(refused.facts))


def _out_of_patience(ports: Ports, booking: Booking) -> bool:
    payment = known_payment(booking, booking.paid_by)
    patience = dt.timedelta(seconds=ports.terms.confirm_patience_seconds)
    return payment.capture_time is not None and ports.now() >= payment.capture_time + patience


_STEPS: Final[Mapping[type, Callable[[Ports, Booking, Any], Awaitable[Inputs]]]] = {
    duties.GiveUpCreation: _give_up_creation,
    duties.EndHold: _end_hold,
    duties.OpenPayment: open_payment,
    duties.AskPayment: _ask_payment,
    duties.ClosePayment: close_payment,
    duties.ConfirmSeats: _confirm_seats,
    duties.CancelTickets: _cancel_tickets,
    duties.GiveSeatsBack: _give_seats_back,
    duties.FreeSeats: _free_seats,
    duties.VoidSale: _void_sale,
    duties.SendRefund: _send_refund,
    duties.AskRefund: _ask_refund,
}
