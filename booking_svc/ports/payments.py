"""Payment providers and what they tell."""

import datetime as dt
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from booking_svc.domain.booking import Booking, Payment, Refund
from mesh.money import Money


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
