"""Bookings as they are shown."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Final

from matinee.booking.v1 import booking_pb2
from matinee.theatre.v1 import seats_pb2

from booking_svc.convert.prices import quote
from booking_svc.convert.values import money, timestamp
from booking_svc.domain.booking import (
    Booking,
    BookingState,
    PartialCancellation,
    Payment,
    PaymentMethod,
    PaymentState,
    Refund,
    RefundState,
    ShowCancellation,
    ShowMove,
    Ticket,
)
from booking_svc.domain.contact import Contact
from booking_svc.domain.show import ShowFacts
from mesh.errors import InvalidField

_METHODS: Final = {
    method: booking_pb2.PaymentMethod.Value(f"PAYMENT_METHOD_{method.value}") for method in PaymentMethod
}
_METHOD_OF: Final = {number: method for method, number in _METHODS.items()}
_STATES: Final = {
    state: booking_pb2.BookingState.Value(f"BOOKING_STATE_{state.value}") for state in BookingState
}
_STATES_OF_NUMBERS: Final[Mapping[int, BookingState]] = {number: state for state, number in _STATES.items()}
_PAYMENT_STATES: Final = {
    state: booking_pb2.PaymentState.Value(f"PAYMENT_STATE_{state.value}") for state in PaymentState
}


def booking(whole: Booking, as_of: dt.datetime) -> booking_pb2.Booking:
    """The booking, as whoever may see it sees it."""
    called_off = whole.show_cancellation
    return booking_pb2.Booking(
        booking_id=whole.booking_id,
        version=whole.version,
        state=_STATES[whole.state],
        show=_show(whole.show),
        seat_ids=whole.seat_ids,
        quote=quote(whole.quote),
        tickets=[_ticket(ticket) for ticket in whole.tickets],
        refunds=[refund(each) for each in whole.refunds],
        cancel_until_time=timestamp(whole.cancel_until),
        create_time=timestamp(whole.create_time),
        update_time=timestamp(whole.update_time),
        as_of_time=timestamp(as_of),
        access_key=whole.access_key,
        partial_cancellations=[_partial(each) for each in whole.partial_cancellations],
        show_cancellation=_show_cancellation(called_off) if called_off is not None else None,
        show_move=_show_move(whole.show_move) if whole.show_move is not None else None,
        contact=_contact(whole.contact) if whole.contact is not None else None,
        hold_expire_time=timestamp(whole.hold.expire_time) if whole.hold is not None else None,
        pay_until_time=timestamp(whole.hold.pay_until) if whole.hold is not None else None,
        payment=payment(_shown_payment(whole)) if whole.payments else None,
        given_up=whole.given_up,
    )


def payment(attempt: Payment) -> booking_pb2.Payment:
    """One attempt to pay."""
    return booking_pb2.Payment(
        payment_id=attempt.payment_id,
        provider=attempt.provider,
        method=_METHODS[attempt.method],
        state=_PAYMENT_STATES[attempt.state],
        amount=money(attempt.amount),
        redirect_url=attempt.redirect_url if attempt.is_open else "",
        decline_reason=attempt.decline_reason,
    )


def refund(whole: Refund) -> booking_pb2.Refund:
    """Money that goes back."""
    return booking_pb2.Refund(
        refund_id=whole.refund_id,
        amount=money(whole.amount),
        refund_reason=whole.reason,
        completed=whole.state is RefundState.COMPLETED,
    )


def _partial(partial: PartialCancellation) -> booking_pb2.PartialCancellation:
    return booking_pb2.PartialCancellation(
        seat_ids=partial.seat_ids,
        cancel_time=timestamp(partial.time),
        kept_quote=quote(partial.kept),
        refund_amount=money(partial.refund),
        completed=partial.done,
    )


def _show_cancellation(called_off: ShowCancellation) -> booking_pb2.ShowCancellation:
    return booking_pb2.ShowCancellation(
        cancel_time=timestamp(called_off.time), cancel_reason=called_off.reason
    )


def _show_move(move: ShowMove) -> booking_pb2.ShowMove:
    return booking_pb2.ShowMove(
        previous_start_time=timestamp(move.previous_start_time),
        move_time=timestamp(move.time),
        move_reason=move.reason,
    )


def _shown_payment(whole: Booking) -> Payment:
    """The payment that the tickets are for, or else the newest one."""
    return whole.payment(whole.paid_by) or whole.payments[-1]


def _show(facts: ShowFacts) -> booking_pb2.ShowFacts:
    return booking_pb2.ShowFacts(
        show_id=facts.show_id,
        movie_title=facts.movie_title,
        movie_slug=facts.movie_slug,
        city_id=facts.city_id,
        theatre_id=facts.theatre_id,
        theatre_name=facts.theatre_name,
        theatre_address=facts.theatre_address,
        time_zone=facts.time_zone,
        screen_name=facts.screen_name,
        start_time=timestamp(facts.start_time),
        runtime_minutes=facts.runtime_minutes,
        language=facts.language,
        formats=facts.formats,
    )


def _contact(contact: Contact) -> booking_pb2.Contact:
    return booking_pb2.Contact(
        full_name=contact.full_name, email=contact.email, phone=contact.phone, language=contact.language
    )


def _ticket(ticket: Ticket) -> seats_pb2.Ticket:
    return seats_pb2.Ticket(ticket_id=ticket.ticket_id, seat_id=ticket.seat_id, cancelled=ticket.cancelled)


def method_from(number: int) -> PaymentMethod:
    """How the buyer pays; raises `InvalidField`."""
    try:
        return _METHOD_OF[number]  # type: ignore[index]
    except KeyError:
        raise InvalidField("method", "must be one of the methods") from None


def states_from(numbers: Iterable[int]) -> frozenset[BookingState]:
    """The states that a caller named; those that are none here are never left, nor entered."""
    return frozenset(_STATES_OF_NUMBERS[number] for number in numbers if number in _STATES_OF_NUMBERS)
