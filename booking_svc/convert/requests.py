"""What callers ask of bookings."""

import base64
import binascii
import datetime as dt

from matinee.booking.v1 import booking_pb2

from booking_svc.domain.contact import Contact, checked_contact
from booking_svc.domain.proof import Viewer
from booking_svc.errors import PageTokenInvalid
from booking_svc.usecases.cancelling import CancelWish
from mesh.money import Money


def viewer_from(message: booking_pb2.BookingViewer) -> Viewer:
    """Who asks."""
    return Viewer(buyer_id=message.buyer_id, access_key=message.access_key)


def contact_from(message: booking_pb2.Contact) -> Contact:
    """Who the tickets go to, checked."""
    return checked_contact(message.full_name, message.email, message.phone, message.language)


def cancel_wish_from(request: booking_pb2.CancelBookingRequest) -> CancelWish:
    """What the buyer wants to cancel."""
    told = request.expected_refund
    return CancelWish(
        seat_ids=tuple(request.seat_ids),
        expected_refund=Money(told.currency_code, told.minor_units)
        if request.HasField("expected_refund")
        else None,
    )


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
