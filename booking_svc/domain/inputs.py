"""What can happen to a booking."""

import datetime as dt
from dataclasses import dataclass
from typing import TypeAlias

from booking_svc.domain.booking import (
    AcceptedRequest,
    Hold,
    Payment,
    Refusal,
    Ticket,
)
from booking_svc.domain.contact import Contact
from mesh.money import Money

SHOW_CANCELLED = "show_cancelled"
"""Reason of what goes back because the show does not take place."""
BUYER = "cancelled_by_buyer"
"""Reason of a cancellation that has to be in time; others come from the theatre and need not."""


@dataclass(frozen=True, slots=True)
class SeatsHeld:
    """The inventory holds the seats."""

    hold: Hold


@dataclass(frozen=True, slots=True)
class HoldRefused:
    """The inventory refused the seats."""

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class CreationGivenUp:
    """Nobody came back to hold the seats."""


@dataclass(frozen=True, slots=True)
class PaymentStarted:
    """The buyer chose how to pay; the payment is STARTING."""

    payment: Payment
    contact: Contact
    most_payments: int


@dataclass(frozen=True, slots=True)
class PaymentOpened:
    """The provider has a session for the payment."""

    payment_id: str
    session_id: str
    redirect_url: str


@dataclass(frozen=True, slots=True)
class PaymentSucceeded:
    """The provider captured that amount."""

    payment_id: str
    captured: Money


@dataclass(frozen=True, slots=True)
class PaymentDeclined:
    """The provider declined the payment for good."""

    payment_id: str
    decline_reason: str


@dataclass(frozen=True, slots=True)
class PaymentClosed:
    """The provider closed the session without a payment, or never had it."""

    payment_id: str


@dataclass(frozen=True, slots=True)
class TimeUp:
    """Somebody looked whether the time to pay is over."""


@dataclass(frozen=True, slots=True)
class Abandoned:
    """The buyer gives the seats up."""

    request: AcceptedRequest


@dataclass(frozen=True, slots=True)
class SeatsFreed:
    """The inventory no longer holds the seats."""


@dataclass(frozen=True, slots=True)
class SaleVoided:
    """The inventory no longer holds the seats, has no sale of them, and will not make one."""


@dataclass(frozen=True, slots=True)
class SeatsConfirmed:
    """The theatre issued tickets."""

    tickets: tuple[Ticket, ...]


@dataclass(frozen=True, slots=True)
class SeatsMissed:
    """The seats cannot be had any more, although they are paid; `reason` becomes the refund's."""

    reason: str


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """Seats of the booking, or all of them (none named), are to be cancelled by its buyer (`BUYER`) or for
    another reason; `expected_refund` is what the buyer was told would go back, if anything.
    """

    request: AcceptedRequest
    reason: str
    seat_ids: tuple[str, ...] = ()
    expected_refund: Money | None = None


@dataclass(frozen=True, slots=True)
class TicketsCancelled:
    """The theatre cancelled the tickets."""

    tickets: tuple[Ticket, ...]


@dataclass(frozen=True, slots=True)
class SeatsGivenBack:
    """The theatre cancelled the tickets of the seats that the request names."""

    request_id: str


@dataclass(frozen=True, slots=True)
class ShowCalledOff:
    """The theatre cancelled the show; `reason` is in its words."""

    reason: str


@dataclass(frozen=True, slots=True)
class ShowMoved:
    """The theatre moved the show, by the catalogue's change with that sequence."""

    sequence: int
    start_time: dt.datetime
    reason: str


@dataclass(frozen=True, slots=True)
class RefundAccepted:
    """The provider has the refund under way, at the try with that number."""

    refund_id: str
    tries: int
    provider_refund_id: str


@dataclass(frozen=True, slots=True)
class RefundSucceeded:
    """The money is back, by the try with that number."""

    refund_id: str
    tries: int
    provider_refund_id: str


@dataclass(frozen=True, slots=True)
class RefundFailed:
    """The provider definitely did not send the money back, at the try with that number."""

    refund_id: str
    tries: int


Input: TypeAlias = (
    SeatsHeld
    | HoldRefused
    | CreationGivenUp
    | PaymentStarted
    | PaymentOpened
    | PaymentSucceeded
    | PaymentDeclined
    | PaymentClosed
    | TimeUp
    | Abandoned
    | SeatsFreed
    | SaleVoided
    | SeatsConfirmed
    | SeatsMissed
    | CancelRequested
    | TicketsCancelled
    | SeatsGivenBack
    | ShowCalledOff
    | ShowMoved
    | RefundAccepted
    | RefundSucceeded
    | RefundFailed
)
