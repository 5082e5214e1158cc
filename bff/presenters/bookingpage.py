"""The booking page's views: one for each face of a booking."""

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup
from matinee.booking.v1 import booking_pb2

from bff.contacts import TypedContact
from bff.presenters.bookings import BookingView
from bff.presenters.seatpage import Notice
from bff.texts import Texts

METHODS: Mapping[str, "booking_pb2.PaymentMethod.ValueType"] = {
    "credit_card": booking_pb2.PAYMENT_METHOD_CREDIT_CARD,
    "debit_card": booking_pb2.PAYMENT_METHOD_DEBIT_CARD,
    "internet_banking": booking_pb2.PAYMENT_METHOD_INTERNET_BANKING,
}


@dataclass(frozen=True, slots=True)
class HeldView:
    """Seats are held: who is it for, and how is it paid."""

    booking: BookingView
    contact: TypedContact
    problems: Mapping[str, str]
    methods: tuple[tuple[str, str], ...]
    method: str
    payment_request_id: str


@dataclass(frozen=True, slots=True)
class TicketPicture:
    """A ticket with its QR code."""

    ticket_id: str
    seat_id: str
    cancelled: bool
    qr: Markup


@dataclass(frozen=True, slots=True)
class TicketsView:
    """Paid: the tickets."""

    booking: BookingView
    tickets: tuple[TicketPicture, ...]
    notice: Notice | None


@dataclass(frozen=True, slots=True)
class StateView:
    """A face that shows the booking alone: waiting, or ended."""

    booking: BookingView


@dataclass(frozen=True, slots=True)
class LeavingView:
    """On the way to the provider."""

    payment_url: str


def method_names(texts: Texts) -> tuple[tuple[str, str], ...]:
    """Ways to pay, as form value and name."""
    return (
        ("credit_card", texts.gettext("Credit card")),
        ("debit_card", texts.gettext("Debit card")),
        ("internet_banking", texts.gettext("Internet banking")),
    )
