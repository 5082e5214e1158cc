"""A booking and its parts, as they are kept."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from booking_svc.domain.contact import Contact
from booking_svc.domain.prices import Quote
from booking_svc.domain.show import ShowFacts
from mesh.money import Money

_MOST_HEARD: Final = 32


class BookingState(Enum):
    """Where a booking stands; see `machine` for the ways between."""

    CREATED = "CREATED"
    HELD = "HELD"
    AWAITING_PAYMENT = "AWAITING_PAYMENT"
    PAID = "PAID"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    REFUNDING = "REFUNDING"
    REFUNDED = "REFUNDED"


class SeatStanding(Enum):
    """What the seat inventory has for a booking, as far as is known."""

    NONE = "NONE"
    HELD = "HELD"
    """Held, as far as anybody can tell, or wanted again by a late payment."""
    SOLD = "SOLD"
    IN_DOUBT = "IN_DOUBT"
    """A sale was given up whose outcome may still be a sale: it has to be cancelled."""
    FREED = "FREED"


class PaymentMethod(Enum):
    """How the buyer pays."""

    CREDIT_CARD = "CREDIT_CARD"
    DEBIT_CARD = "DEBIT_CARD"
    INTERNET_BANKING = "INTERNET_BANKING"


class PaymentState(Enum):
    """Where a payment attempt stands."""

    STARTING = "STARTING"
    """Stored; whether the provider knows it is unknown."""
    OPEN = "OPEN"
    SUCCEEDED = "SUCCEEDED"
    DECLINED = "DECLINED"
    CLOSED = "CLOSED"


class RefundState(Enum):
    """Where a refund stands."""

    OWED = "OWED"
    """The provider is still to be asked, or to be asked again."""
    ACCEPTED = "ACCEPTED"
    """The provider has it under way."""
    COMPLETED = "COMPLETED"


@dataclass(frozen=True, slots=True)
class AcceptedRequest:
    """A change that a client asked for: its id, and a digest of what it asked."""

    request_id: str
    content: str


@dataclass(frozen=True, slots=True)
class Hold:
    """The seats' hold, its times by this service's own clock.

    `pay_until` is a little before `expire_time`: a payment session must be
    closed while the seats are still held.
    """

    hold_id: str
    expire_time: dt.datetime
    pay_until: dt.datetime


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the seats were not held; told again whenever the same request is repeated."""

    reason: str
    message: str
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Payment:
    """One attempt to pay; stored before the provider hears of it.

    `payment_id` is the idempotency key at the provider, `captured` what it says
    that it took, and `expire_time` until when its session may be paid.
    """

    payment_id: str
    request: AcceptedRequest
    provider: str
    method: PaymentMethod
    amount: Money
    return_url: str
    start_time: dt.datetime
    expire_time: dt.datetime
    state: PaymentState = PaymentState.STARTING
    session_id: str = ""
    redirect_url: str = ""
    decline_reason: str = ""
    captured: Money | None = None
    capture_time: dt.datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may still be paid at the provider, as far as is known."""
        return self.state in {PaymentState.STARTING, PaymentState.OPEN}


@dataclass(frozen=True, slots=True)
class Refund:
    """Money of one payment that goes back. `tries` counts definite failures at the provider."""

    refund_id: str
    payment_id: str
    amount: Money
    reason: str
    state: RefundState = RefundState.OWED
    provider_refund_id: str = ""
    tries: int = 0

    @property
    def idempotency_key(self) -> str:
        """The same while the outcome is unknown; a new one after a definite failure."""
        return f"{self.refund_id}-{self.tries}"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket that the theatre issued."""

    ticket_id: str
    seat_id: str
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Cancellation:
    """That a confirmed booking was cancelled, why and when it was asked for."""

    reason: str
    time: dt.datetime


@dataclass(frozen=True, slots=True)
class ShowCancellation:
    """That the theatre cancelled the show, why in its words, and when the booking heard of it."""

    reason: str
    time: dt.datetime


@dataclass(frozen=True, slots=True)
class ShowMove:
    """That the theatre moved the show, why in its words, and when the booking heard of it.

    `notice_seconds` is how long before the start a cancellation has to come by
    the policy that the booking was made under.
    """

    previous_start_time: dt.datetime
    reason: str
    time: dt.datetime
    notice_seconds: float


@dataclass(frozen=True, slots=True)
class PartialCancellation:
    """That single seats of a confirmed booking were cancelled, and what it means for its price.

    `request_id` is the request that asked for it, and tells it from others;
    `kept` the price of the seats that are left, and `refund` what goes back.
    """

    request_id: str
    seat_ids: tuple[str, ...]
    reason: str
    time: dt.datetime
    kept: Quote
    refund: Money
    done: bool = False
    """Whether the theatre has the seats back: from then on the refund is owed."""


@dataclass(frozen=True, slots=True)
class Booking:
    """A booking.

    `version` grows by one with each change; `paid_by` is the payment that the
    tickets are for. `seat_ids` and `quote` are what was booked, whatever was
    cancelled of it since.
    """

    booking_id: str
    version: int
    state: BookingState
    buyer_id: str
    access_key: str = field(repr=False)
    request: AcceptedRequest
    show: ShowFacts
    seat_ids: tuple[str, ...]
    quote: Quote
    cancel_until: dt.datetime
    create_time: dt.datetime
    update_time: dt.datetime
    seats: SeatStanding = SeatStanding.NONE
    hold: Hold | None = None
    refusal: Refusal | None = None
    contact: Contact | None = None
    payments: tuple[Payment, ...] = ()
    paid_by: str = ""
    tickets: tuple[Ticket, ...] = ()
    cancellation: Cancellation | None = None
    partial_cancellations: tuple[PartialCancellation, ...] = ()
    show_sequence: int = 0
    """The newest change of the show that was taken over, by the catalogue's count."""
    show_cancellation: ShowCancellation | None = None
    show_move: ShowMove | None = None
    refunds: tuple[Refund, ...] = ()
    accepted: tuple[AcceptedRequest, ...] = ()
    heard: tuple[str, ...] = ()
    """Keys of the providers' newest events that changed the booking: by these a repetition is known."""

    @property
    def open_payment(self) -> Payment | None:
        """The newest attempt that may still be paid."""
        return next((payment for payment in reversed(self.payments) if payment.is_open), None)

    @property
    def given_up(self) -> bool:
        """Whether the buyer gave the seats up: the one request that ends in EXPIRED."""
        return self.state is BookingState.EXPIRED and bool(self.accepted)

    @property
    def kept_seat_ids(self) -> tuple[str, ...]:
        """The seats that were not cancelled singly, in their order."""
        gone = {seat_id for each in self.partial_cancellations for seat_id in each.seat_ids}
        return tuple(seat_id for seat_id in self.seat_ids if seat_id not in gone)

    @property
    def kept_quote(self) -> Quote:
        """What the kept seats cost."""
        return self.partial_cancellations[-1].kept if self.partial_cancellations else self.quote

    def having_heard(self, event_key: str) -> "Booking":
        """The booking with one more event that changed it."""
        return replace(self, heard=(*self.heard, event_key)[-_MOST_HEARD:])

    def partial_cancellation(self, request_id: str) -> PartialCancellation | None:
        """The partial cancellation that the request made."""
        return next((each for each in self.partial_cancellations if each.request_id == request_id), None)

    def payment(self, payment_id: str) -> Payment | None:
        """The attempt with that id."""
        return next((payment for payment in self.payments if payment.payment_id == payment_id), None)

    def refund(self, refund_id: str) -> Refund | None:
        """The refund with that id."""
        return next((refund for refund in self.refunds if refund.refund_id == refund_id), None)
