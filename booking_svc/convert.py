"""Domain ↔ protobuf; pure."""

import base64
import binascii
import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp
from matinee.booking.v1 import booking_pb2, buyer_pb2, events_pb2
from matinee.catalog.v1 import catalog_pb2
from matinee.theatre.v1 import seats_pb2
from matinee.type.v1 import money_pb2

from booking_svc.domain.booking import (
    Booking,
    BookingState,
    PartialCancellation,
    Payment,
    PaymentMethod,
    PaymentState,
    Refund,
    RefundState,
    ShowMove,
    Ticket,
)
from booking_svc.domain.contact import Contact, checked_contact
from booking_svc.domain.events import (
    BookingCancelled,
    Event,
    RefundIssued,
    ShowCancelled,
    ShowRescheduled,
    event_id,
)
from booking_svc.domain.machine.cancelling import Settlement
from booking_svc.domain.people import Address, AddressKind, SignIn, email_address, phone_address
from booking_svc.domain.prices import Quote
from booking_svc.domain.proof import Viewer
from booking_svc.domain.show import ShowFacts, ShowOnSale
from booking_svc.errors import PageTokenInvalid
from booking_svc.usecases.cancelling import CancelWish
from mesh.errors import InvalidField
from mesh.money import Money

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
_WORD: Final = re.compile(r"(?<!^)(?=[A-Z])")


def timestamp(time: dt.datetime) -> Timestamp:
    """The instant as a Timestamp."""
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp


def money(amount: Money) -> money_pb2.Money:
    """The amount."""
    return money_pb2.Money(currency_code=amount.currency_code, minor_units=amount.minor_units)


def quote(priced: Quote) -> booking_pb2.Quote:
    """The price with its lines."""
    return booking_pb2.Quote(
        lines=[
            booking_pb2.PriceLine(
                seat_id=line.seat_id,
                rule_id=line.rule_id,
                description=line.description,
                amount=money(line.amount),
            )
            for line in priced.lines
        ],
        total=money(priced.total),
        seat_prices=seat_payments(priced),
    )


def seat_payments(priced: Quote) -> list[seats_pb2.SeatPayment]:
    """What is paid for each seat."""
    return [
        seats_pb2.SeatPayment(seat_id=each.seat_id, amount=money(each.amount)) for each in priced.seat_prices
    ]


def booking(whole: Booking, as_of: dt.datetime) -> booking_pb2.Booking:
    """The booking, as whoever may see it sees it."""
    message = booking_pb2.Booking(
        booking_id=whole.booking_id,
        version=whole.version,
        state=_STATES[whole.state],
        show=_show(whole.show),
        seat_ids=whole.seat_ids,
        quote=quote(whole.quote),
        tickets=[_ticket(ticket) for ticket in whole.tickets],
        refunds=[_refund(refund) for refund in whole.refunds],
        cancel_until_time=timestamp(whole.cancel_until),
        create_time=timestamp(whole.create_time),
        update_time=timestamp(whole.update_time),
        as_of_time=timestamp(as_of),
        access_key=whole.access_key,
        partial_cancellations=[_partial(each) for each in whole.partial_cancellations],
    )
    if whole.show_cancellation is not None:
        message.show_cancellation.cancel_time.CopyFrom(timestamp(whole.show_cancellation.time))
        message.show_cancellation.cancel_reason = whole.show_cancellation.reason
    if whole.show_move is not None:
        message.show_move.CopyFrom(_show_move(whole.show_move))
    if whole.contact is not None:
        message.contact.CopyFrom(_contact(whole.contact))
    if whole.hold is not None:
        message.hold_expire_time.CopyFrom(timestamp(whole.hold.expire_time))
    if whole.payments:
        message.payment.CopyFrom(_payment(_shown_payment(whole)))
    return message


def _partial(partial: PartialCancellation) -> booking_pb2.PartialCancellation:
    return booking_pb2.PartialCancellation(
        seat_ids=partial.seat_ids,
        cancel_time=timestamp(partial.time),
        kept_quote=quote(partial.kept),
        refund_amount=money(partial.refund),
        completed=partial.done,
    )


def settlement(settled: Settlement) -> booking_pb2.PreviewCancellationResponse:
    """What a cancellation would mean."""
    return booking_pb2.PreviewCancellationResponse(
        seat_ids=settled.seat_ids,
        paid_amount=money(settled.paid),
        refunded_amount=money(settled.refunded),
        kept_quote=quote(settled.kept) if settled.kept is not None else None,
        refund_amount=money(settled.refund),
    )


def cancel_wish_from(request: booking_pb2.CancelBookingRequest) -> CancelWish:
    """What the buyer wants to cancel."""
    told = request.expected_refund
    return CancelWish(
        seat_ids=tuple(request.seat_ids),
        expected_refund=Money(told.currency_code, told.minor_units)
        if request.HasField("expected_refund")
        else None,
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


def _payment(payment: Payment) -> booking_pb2.Payment:
    return booking_pb2.Payment(
        payment_id=payment.payment_id,
        provider=payment.provider,
        method=_METHODS[payment.method],
        state=_PAYMENT_STATES[payment.state],
        amount=money(payment.amount),
        redirect_url=payment.redirect_url if payment.is_open else "",
        decline_reason=payment.decline_reason,
    )


def _ticket(ticket: Ticket) -> seats_pb2.Ticket:
    return seats_pb2.Ticket(ticket_id=ticket.ticket_id, seat_id=ticket.seat_id, cancelled=ticket.cancelled)


def _refund(refund: Refund) -> booking_pb2.Refund:
    return booking_pb2.Refund(
        refund_id=refund.refund_id,
        amount=money(refund.amount),
        refund_reason=refund.reason,
        completed=refund.state is RefundState.COMPLETED,
    )


def viewer_from(message: booking_pb2.BookingViewer) -> Viewer:
    """Who asks."""
    return Viewer(buyer_id=message.buyer_id, access_key=message.access_key)


def address_from(message: buyer_pb2.StartSignInRequest) -> Address:
    """The address in normal form; raises `InvalidField`."""
    match message.WhichOneof("address"):
        case "email":
            return email_address(message.email)
        case "phone":
            return phone_address(message.phone)
    raise InvalidField("address", "an e-mail address or a phone number is needed")


def buyer(sign_in: SignIn) -> buyer_pb2.Buyer:
    """Who is signed in."""
    message = buyer_pb2.Buyer(
        person_id=sign_in.person_id,
        sign_in_time=timestamp(sign_in.start_time),
        expire_time=timestamp(sign_in.expire_time),
    )
    if sign_in.address.kind is AddressKind.EMAIL:
        message.email = sign_in.address.text
    else:
        message.phone = sign_in.address.text
    return message


def exported_booking(whole: Booking, as_of: dt.datetime) -> buyer_pb2.ExportedBooking:
    """The booking for its person's own file: without what would open it or pay for it."""
    message = booking(whole, as_of)
    message.ClearField("access_key")
    message.payment.ClearField("redirect_url")
    payments = [_payment(payment) for payment in whole.payments]
    for payment in payments:
        payment.ClearField("redirect_url")
    return buyer_pb2.ExportedBooking(booking=message, payments=payments)


def method_from(number: int) -> PaymentMethod:
    """How the buyer pays; raises `InvalidField`."""
    try:
        return _METHOD_OF[number]  # type: ignore[index]
    except KeyError:
        raise InvalidField("method", "must be one of the methods") from None


def contact_from(message: booking_pb2.Contact) -> Contact:
    """Who the tickets go to, checked."""
    return checked_contact(message.full_name, message.email, message.phone, message.language)


def tickets_from(messages: Any) -> tuple[Ticket, ...]:
    """The theatre's tickets."""
    return tuple(Ticket(message.ticket_id, message.seat_id, message.cancelled) for message in messages)


def show_from(response: catalog_pb2.GetShowResponse) -> ShowOnSale:
    """What a booking needs of a show. Seats whose category has no price are not on sale."""
    show, theatre = response.show, response.theatre
    prices = {
        each.category_id: Money(each.price.currency_code, each.price.minor_units) for each in show.prices
    }
    facts = ShowFacts(
        show_id=show.show_id,
        movie_title=response.movie.title,
        movie_slug=response.movie.slug,
        city_id=theatre.city_id,
        theatre_id=theatre.theatre_id,
        theatre_name=theatre.display_name,
        theatre_address=theatre.address,
        time_zone=theatre.time_zone,
        screen_name=response.screen.display_name,
        start_time=_kept(show.start_time.ToDatetime(dt.UTC)),
        runtime_minutes=response.movie.runtime_minutes,
        language=show.language,
        formats=tuple(show.formats),
    )
    return ShowOnSale(
        facts=facts,
        seat_prices={
            seat.seat_id: prices[seat.category_id]
            for seat in response.layout.seats
            if seat.category_id in prices
        },
        disabled_rule_ids=frozenset(theatre.disabled_price_rule_ids),
        cancelled=show.status == catalog_pb2.SHOW_STATUS_CANCELLED,
    )


def states_from(numbers: Iterable[int]) -> frozenset[BookingState]:
    """The states that a caller named; those that are none here are never left, nor entered."""
    return frozenset(_STATES_OF_NUMBERS[number] for number in numbers if number in _STATES_OF_NUMBERS)


def time_between(earlier: Timestamp, later: Timestamp) -> dt.timedelta:
    """How long it is from one instant to another, to the millisecond, rounded down."""
    between = later.ToDatetime(dt.UTC) - earlier.ToDatetime(dt.UTC)
    return dt.timedelta(milliseconds=between // dt.timedelta(milliseconds=1))


def _kept(time: dt.datetime) -> dt.datetime:
    """To the millisecond: what is told at once must be what is stored and told later."""
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def outbox_entry(whole: Booking, event: Event, traceparent: str) -> Mapping[str, Any]:
    """The event as it will be published: name, type, bytes."""
    name = type(event).__name__
    header = events_pb2.EventHeader(
        event_id=event_id(whole, event),
        event_time=timestamp(whole.update_time),
        booking=booking(whole, whole.update_time),
        traceparent=traceparent,
    )
    message: Any = getattr(events_pb2, name)(header=header)
    if isinstance(event, BookingCancelled):
        message.cancelled_seat_ids.extend(event.seat_ids)
    if isinstance(event, ShowCancelled) and whole.show_cancellation is not None:
        message.cancel_reason = whole.show_cancellation.reason
    if isinstance(event, ShowRescheduled) and whole.show_move is not None:
        message.previous_start_time.CopyFrom(timestamp(whole.show_move.previous_start_time))
        message.reschedule_reason = whole.show_move.reason
    if isinstance(event, RefundIssued):
        refund = whole.refund(event.refund_id)
        if refund is not None:
            message.refund.CopyFrom(_refund(refund))
    return {
        "event_id": header.event_id,
        "name": _WORD.sub("_", name).lower(),
        "type": message.DESCRIPTOR.full_name,
        "body": message.SerializeToString(),
        "traceparent": traceparent,
    }


def page_token(position: tuple[dt.datetime, str] | None) -> str:
    """The token of the next page; empty on the last."""
    if position is None:
        return ""
    time, booking_id = position
    text = f"{int(time.timestamp() * 1000)}.{booking_id}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def position_from(token: str) -> tuple[dt.datetime, str] | None:
    """The position that a token stands for; raises `PageTokenInvalid`."""
    if not token:
        return None
    try:
        text = base64.b64decode(token, altchars=b"-_", validate=True).decode()
        milliseconds, _, booking_id = text.partition(".")
        time = dt.datetime.fromtimestamp(int(milliseconds) / 1000, dt.UTC)
    except (ValueError, OverflowError, OSError, binascii.Error):
        raise PageTokenInvalid from None
    return time, booking_id
