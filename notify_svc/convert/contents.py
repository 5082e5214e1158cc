"""What waits in the queues, from its bytes."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp
from matinee.booking.v1 import booking_pb2, events_pb2
from matinee.notify.v1 import notify_pb2
from matinee.type.v1 import money_pb2

from mesh.errors import InvalidField
from mesh.money import Money
from notify_svc.convert.notifications import channel_of
from notify_svc.domain.bookings import Booking, Contact, PriceLine, Show, Ticket
from notify_svc.domain.contents import BookingEvent, Content, DirectMessage
from notify_svc.domain.lines import one_line
from notify_svc.domain.requests import check
from notify_svc.errors import ChannelNotOffered, MalformedMessage

_Read: TypeAlias = Callable[[bytes], Content]


def content_of(message_type: str, body: bytes) -> Content:
    """What a message says, by its full proto name; raises MalformedMessage."""
    read = _READERS.get(message_type)
    if read is None:
        raise MalformedMessage("a message of an unknown type")
    try:
        return read(body)
    except DecodeError:
        raise MalformedMessage("not the bytes of its type") from None


def _confirmed(body: bytes) -> Content:
    return _event("booking_confirmed", events_pb2.BookingConfirmed.FromString(body).header)


def _payment_failed(body: bytes) -> Content:
    header = events_pb2.PaymentFailed.FromString(body).header
    return _event("payment_failed", header, reason=one_line(header.booking.payment.decline_reason))


def _expired(body: bytes) -> Content:
    header = events_pb2.BookingExpired.FromString(body).header
    return _event("booking_expired", header, reason=one_line(header.booking.show_cancellation.cancel_reason))


def _cancelled(body: bytes) -> Content:
    event = events_pb2.BookingCancelled.FromString(body)
    return _event("booking_cancelled", event.header, cancelled_seat_ids=tuple(event.cancelled_seat_ids))


def _refund_issued(body: bytes) -> Content:
    event = events_pb2.RefundIssued.FromString(body)
    return _event(
        "refund_issued", event.header, refund=_money(event.refund.amount), reason=event.refund.refund_reason
    )


def _show_rescheduled(body: bytes) -> Content:
    event = events_pb2.ShowRescheduled.FromString(body)
    return _event(
        "show_rescheduled",
        event.header,
        previous_start_time=_time(event.previous_start_time),
        reason=one_line(event.reschedule_reason),
    )


def _show_cancelled(body: bytes) -> Content:
    event = events_pb2.ShowCancelled.FromString(body)
    return _event("show_cancelled", event.header, reason=one_line(event.cancel_reason))


def _show_reminder(body: bytes) -> Content:
    return _event("show_reminder", events_pb2.ShowReminder.FromString(body).header)


def _request(body: bytes) -> Content:
    try:
        message = direct_message(notify_pb2.SendNotificationRequest.FromString(body))
        check(message)
    except (InvalidField, ChannelNotOffered) as error:
        raise MalformedMessage(error.message) from None
    return message


_READERS: Mapping[str, _Read] = {
    "matinee.booking.v1.BookingConfirmed": _confirmed,
    "matinee.booking.v1.PaymentFailed": _payment_failed,
    "matinee.booking.v1.BookingExpired": _expired,
    "matinee.booking.v1.BookingCancelled": _cancelled,
    "matinee.booking.v1.RefundIssued": _refund_issued,
    "matinee.booking.v1.ShowRescheduled": _show_rescheduled,
    "matinee.booking.v1.ShowCancelled": _show_cancelled,
    "matinee.booking.v1.ShowReminder": _show_reminder,
    "matinee.notify.v1.SendNotificationRequest": _request,
}


def direct_message(request: notify_pb2.SendNotificationRequest) -> DirectMessage:
    """What another service asks to send; raises InvalidField for a channel that does not exist."""
    return DirectMessage(
        request_id=request.request_id,
        channel=channel_of("channel", request.channel),
        address=request.recipient,
        template_id=request.template_id,
        values=dict(request.values),
        expire_time=_expire_time(request),
    )


def _expire_time(request: notify_pb2.SendNotificationRequest) -> dt.datetime | None:
    if not request.HasField("expire_time"):
        return None
    try:
        return request.expire_time.ToDatetime(dt.UTC)
    except ValueError:
        raise InvalidField("expire_time", "is a time that no calendar has") from None


def _event(name: str, header: events_pb2.EventHeader, **facts: Any) -> BookingEvent:
    if not header.event_id or not header.booking.booking_id:
        raise MalformedMessage("an event without its id or its booking")
    return BookingEvent(header.event_id, name, _time(header.event_time), _booking(header.booking), **facts)


def _booking(booking: booking_pb2.Booking) -> Booking:
    return Booking(
        booking_id=booking.booking_id,
        version=booking.version,
        access_key=booking.access_key,
        show=_show(booking.show),
        seat_ids=tuple(booking.seat_ids),
        lines=tuple(
            PriceLine(line.seat_id, line.rule_id, one_line(line.description), _money(line.amount))
            for line in booking.quote.lines
        ),
        total=_money(booking.quote.total),
        contact=Contact(
            full_name=one_line(booking.contact.full_name),
            email=booking.contact.email,
            phone=booking.contact.phone,
            language=booking.contact.language,
        ),
        tickets=_valid_tickets(booking),
        cancel_until=_time(booking.cancel_until_time) if booking.HasField("cancel_until_time") else None,
        called_off=booking.HasField("show_cancellation"),
    )


def _valid_tickets(booking: booking_pb2.Booking) -> tuple[Ticket, ...]:
    if booking.state != booking_pb2.BOOKING_STATE_CONFIRMED:
        return ()
    # Seats on their way back to the theatre have good tickets for a moment longer.
    given_up = {seat_id for each in booking.partial_cancellations for seat_id in each.seat_ids}
    return tuple(
        Ticket(ticket.ticket_id, ticket.seat_id)
        for ticket in booking.tickets
        if not ticket.cancelled and ticket.seat_id not in given_up
    )


def _show(facts: booking_pb2.ShowFacts) -> Show:
    try:
        zone = ZoneInfo(facts.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise MalformedMessage("a show without a known time zone") from None
    if not facts.HasField("start_time"):
        raise MalformedMessage("a show without a start time")
    return Show(
        movie_title=one_line(facts.movie_title),
        theatre_name=one_line(facts.theatre_name),
        theatre_address=one_line(facts.theatre_address),
        screen_name=one_line(facts.screen_name),
        zone=zone,
        start_time=_time(facts.start_time),
        runtime_minutes=facts.runtime_minutes,
        language=facts.language,
        formats=tuple(facts.formats),
    )


def _time(timestamp: Timestamp) -> dt.datetime:
    try:
        return timestamp.ToDatetime(dt.UTC)
    except ValueError:
        raise MalformedMessage("a time that no calendar has") from None


def _money(money: money_pb2.Money) -> Money:
    return Money(money.currency_code, money.minor_units)
