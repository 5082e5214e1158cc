"""What the use cases need from the outside."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from booking_svc.domain.booking import Booking, Payment, Refund, Ticket
from booking_svc.domain.events import Event
from booking_svc.domain.show import ShowOnSale
from booking_svc.domain.terms import Terms
from mesh.background import Background
from mesh.clock import Clock
from mesh.money import Money


class ShowDirectory(Protocol):
    """The catalogue."""

    async def find(self, show_id: str) -> ShowOnSale:
        """The show with its prices; raises `UnknownShow` or `CatalogUnavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class HeldSeats:
    """A hold as the inventory told it: how long it lasts from its answer on."""

    hold_id: str
    time_left: dt.timedelta


class SeatInventory(Protocol):
    """The seats of every show.

    Every call is the same for the same booking, so it may be repeated; every
    method raises `SeatServiceUnavailable` or `TheatreUnavailable` when the
    outcome is unknown.
    """

    async def hold(self, booking: Booking) -> HeldSeats:
        """Holds the booking's seats; raises `SeatsRefused`."""
        ...

    async def release(self, booking: Booking, hold_id: str) -> None:
        """Gives a hold up; harmless when it is over."""
        ...

    async def confirm(self, booking: Booking) -> tuple[Ticket, ...]:
        """Sells the booking's seats; raises `SeatsLost`."""
        ...

    async def cancel(self, booking: Booking) -> tuple[Ticket, ...]:
        """Cancels all tickets of the booking and answers with them; with none when nothing was sold."""
        ...


class SessionState(Enum):
    """Where a payment stands at its provider."""

    OPEN = "OPEN"
    """Not decided: it may still be paid."""
    PAID = "PAID"
    DECLINED = "DECLINED"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True)
class Session:
    """A payment at its provider; `captured` is set when it is PAID."""

    session_id: str
    state: SessionState
    redirect_url: str = field(default="", repr=False)
    captured: Money | None = None
    decline_reason: str = ""


class RefundOutcome(Enum):
    """Where a refund stands at its provider."""

    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class ProviderRefund:
    """A refund at its provider; `idempotency_key` is what it was asked for under."""

    provider_refund_id: str
    outcome: RefundOutcome
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class PaymentEvent:
    """What a provider tells: news of a session (of our `payment_id`) or of a refund."""

    event_id: str
    booking_id: str
    payment_id: str
    session: Session | None = None
    refund: ProviderRefund | None = None


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events in order, and the cursor that asks for what comes after them."""

    events: tuple[PaymentEvent, ...]
    cursor: str
    more: bool


class PaymentProvider(Protocol):
    """A third party that takes money. Every call may raise `PaymentProviderUnavailable`."""

    @property
    def name(self) -> str:
        """Such as "sandbox"."""
        ...

    async def open_session(self, booking: Booking, payment: Payment) -> Session:
        """Opens the payment, or answers with the session that it has; raises `PaymentRefused`."""
        ...

    async def get_session(self, session_id: str) -> Session:
        """The session as it stands."""
        ...

    async def expire_session(self, session_id: str) -> Session:
        """Ends the session unless it is decided; OPEN again means that it cannot be ended yet."""
        ...

    async def refund(self, booking: Booking, payment: Payment, refund: Refund) -> ProviderRefund:
        """Sends money back, once for each idempotency key."""
        ...

    async def get_refund(self, provider_refund_id: str) -> ProviderRefund:
        """The refund as it stands."""
        ...

    def parse_event(self, body: bytes, signature: str, now: dt.datetime) -> PaymentEvent | None:
        """The event in a webhook's body; None for one that is of no interest here.

        Raises `WebhookSignatureInvalid`, and `InvalidField` for a signed body that cannot be read.
        """
        ...

    async def list_events(self, cursor: str) -> EventPage:
        """Events after the cursor ("" is the beginning), whether or not they were posted."""
        ...


@dataclass(frozen=True, slots=True)
class Lease:
    """That one worker, and no other, drives a booking until then."""

    owner: str
    until: dt.datetime


class LeaseChange(Enum):
    """What saving a booking does to its lease, when it does not take it."""

    KEEP = "KEEP"
    END = "END"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A leased booking, and how often in a row driving it has failed."""

    booking: Booking
    failures: int


class RequestKnown(Exception):
    """A booking was not added: the buyer's request has made one before."""


class Bookings(Protocol):
    """The bookings. Every method raises `StoreUnavailable`: what was done is then unknown."""

    async def add(self, booking: Booking, next_look: dt.datetime | None) -> None:
        """Keeps a new booking; raises `RequestKnown`."""
        ...

    async def find(self, booking_id: str) -> Booking | None:
        """The booking with that id."""
        ...

    async def find_by_request(self, buyer_id: str, request_id: str) -> Booking | None:
        """The booking that the buyer's request made."""
        ...

    async def save(
        self,
        booking: Booking,
        events: Sequence[Event],
        next_look: dt.datetime | None,
        lease: Lease | LeaseChange,
        now: dt.datetime,
    ) -> bool:
        """Keeps the booking and its events by one update, if the version before it is what is stored.

        With a `Lease`, only if nobody else has one. False: somebody was faster.
        """
        ...

    async def of_buyer(
        self, buyer_id: str, before: tuple[dt.datetime, str] | None, limit: int
    ) -> list[Booking]:
        """A buyer's bookings whose seats were held at least once, newest first, after that position."""
        ...

    async def versions(self, booking_ids: Collection[str]) -> Mapping[str, int]:
        """The present versions."""
        ...

    async def due(self, now: dt.datetime, limit: int, except_theatres: Collection[str]) -> "list[DueBooking]":
        """Bookings that are to be looked at and that nobody drives, the longest due first."""
        ...

    async def claim(self, booking_id: str, lease: Lease, now: dt.datetime) -> Claimed | None:
        """Takes the lease; None when somebody else has it."""
        ...

    async def release(
        self, booking_id: str, owner: str, next_look: dt.datetime | None, version: int, failures: int
    ) -> None:
        """Ends the lease; the next look is set only if the booking still has that version."""
        ...

    async def resting(self, now: dt.datetime) -> "Resting":
        """How much is overdue."""
        ...


@dataclass(frozen=True, slots=True)
class DueBooking:
    """A booking that is to be looked at, and its theatre."""

    booking_id: str
    theatre_id: str


@dataclass(frozen=True, slots=True)
class Resting:
    """What lies overdue: how many bookings, and how long the oldest event waits to be published."""

    overdue_count: int
    outbox_lag: dt.timedelta


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A payment event that is kept, and of which provider."""

    provider: str
    event: PaymentEvent


class PaymentEvents(Protocol):
    """What providers told. Every method raises `StoreUnavailable`."""

    async def add(self, stored: StoredEvent, now: dt.datetime) -> bool:
        """Keeps the event; False when it is known already."""
        ...

    async def unknown(self, provider: str, event_ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that are not kept."""
        ...

    async def acted_on(self, stored: StoredEvent, now: dt.datetime) -> None:
        """Nothing is left to do for it."""
        ...

    async def put_off(self, stored: StoredEvent, until: dt.datetime) -> None:
        """Acting on it failed for a reason that will hardly pass soon."""
        ...

    async def waiting(self, received_before: dt.datetime, limit: int) -> list[StoredEvent]:
        """Events that nobody has acted on, the oldest first."""
        ...

    async def claim_cursor(self, provider: str, lease: Lease, now: dt.datetime) -> str | None:
        """The place up to which the provider's list was read, for one reader at a time; None: not now."""
        ...

    async def move_cursor(self, provider: str, owner: str, cursor: str) -> None:
        """All events up to there are kept."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """All of it, with the operator's terms."""

    bookings: Bookings
    payment_events: PaymentEvents
    shows: ShowDirectory
    seats: SeatInventory
    providers: Mapping[str, PaymentProvider]
    chosen_provider: str
    clock: Clock
    terms: Terms
    background: Background

    def now(self) -> dt.datetime:
        """The present, to the millisecond that the store keeps."""
        now = self.clock.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)
