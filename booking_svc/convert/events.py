"""Events as they are published."""

import re
from collections.abc import Mapping
from typing import Any, Final

from matinee.booking.v1 import events_pb2

from booking_svc.convert.bookings import booking, refund
from booking_svc.convert.values import timestamp
from booking_svc.domain.booking import Booking
from booking_svc.domain.events import (
    BookingCancelled,
    Event,
    RefundIssued,
    ShowCancelled,
    ShowRescheduled,
    event_id,
)
from booking_svc.domain.people import addresses_of

_WORD: Final = re.compile(r"(?<!^)(?=[A-Z])")


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
        issued = whole.refund(event.refund_id)
        if issued is not None:
            message.refund.CopyFrom(refund(issued))
    routed = _WORD.sub("_", name).lower()
    return {
        "event_id": header.event_id,
        "name": routed,
        "routing_key": routing_key(routed, whole),
        "type": message.DESCRIPTOR.full_name,
        "body": message.SerializeToString(),
        "traceparent": traceparent,
    }


def routing_key(name: str, whole: Booking) -> str:
    """Such as `booking_confirmed.email`, so that nobody is woken who could not reach the buyer."""
    return ".".join([name, *(address.kind.value for address in addresses_of(whole.contact))])
