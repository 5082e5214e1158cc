"""What a change of a booking tells the rest of the world."""

import uuid
from dataclasses import dataclass
from typing import Final, TypeAlias

from booking_svc.domain.booking import Booking

_NAMESPACE: Final = uuid.UUID("0d1b4f0e-6a0e-4a53-9d0a-0a7c7b3f9f2e")


@dataclass(frozen=True, slots=True)
class BookingConfirmed:
    """Tickets were issued."""


@dataclass(frozen=True, slots=True)
class PaymentFailed:
    """A payment was declined; the seats are still held."""


@dataclass(frozen=True, slots=True)
class BookingExpired:
    """Time ran out after a payment attempt."""


@dataclass(frozen=True, slots=True)
class BookingCancelled:
    """Tickets of these seats were cancelled."""

    seat_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RefundIssued:
    """Money went back."""

    refund_id: str


@dataclass(frozen=True, slots=True)
class ShowCancelled:
    """The theatre cancelled the show of a booking that was paid for; its money follows."""


@dataclass(frozen=True, slots=True)
class ShowRescheduled:
    """The theatre moved the show of a booking with tickets."""


Event: TypeAlias = (
    BookingConfirmed
    | PaymentFailed
    | BookingExpired
    | BookingCancelled
    | RefundIssued
    | ShowCancelled
    | ShowRescheduled
)


def event_id(booking: Booking, event: Event) -> str:
    """The id of an event of the booking's present version: the same however often it is computed."""
    return str(uuid.uuid5(_NAMESPACE, f"{booking.booking_id}/{booking.version}/{event!r}"))
