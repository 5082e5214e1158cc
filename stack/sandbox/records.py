"""What the sandbox keeps: sessions, refunds, events, and its JSON for each."""

from dataclasses import dataclass, field
from typing import Any, Final

from stack.sandbox.cards import DECLINE_TEXTS

OPEN: Final = "open"
PROCESSING: Final = "processing"
PAID: Final = "paid"
DECLINED: Final = "declined"
CANCELED: Final = "canceled"
EXPIRED: Final = "expired"

PENDING: Final = "pending"
SUCCEEDED: Final = "succeeded"
FAILED: Final = "failed"


@dataclass(frozen=True, slots=True)
class Order:
    """What a merchant asks a payer to pay. Times are seconds since 1970."""

    amount: int
    currency: str
    method: str
    return_url: str
    cancel_url: str
    reference: str
    description: str
    metadata: dict[str, str]
    expires_at: float


@dataclass(frozen=True, slots=True)
class Session:
    """One order's payment: `open`, then `paid`, `declined`, `canceled` or `expired`.

    `processing` is a payment that the bank has not decided on; it may still be
    captured after the session has expired. `behaviour` names the test card, of
    whose number only `last4` is kept.
    """

    session_id: str
    order: Order
    created: float
    status: str = OPEN
    captured: int = 0
    decline_reason: str = ""
    behaviour: str = ""
    last4: str = ""

    def as_json(self, public_url: str) -> dict[str, Any]:
        """As the API and the events show it."""
        return {
            "id": self.session_id,
            "object": "session",
            "url": f"{public_url}/pay/{self.session_id}",
            "status": self.status,
            "amount": self.order.amount,
            "currency": self.order.currency,
            "amount_captured": self.captured,
            "method": self.order.method,
            "reference": self.order.reference,
            "metadata": self.order.metadata,
            "decline_reason": self.decline_reason,
            "decline_message": DECLINE_TEXTS.get(self.decline_reason, ""),
            "expires_at": self.order.expires_at,
            "created": self.created,
        }


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back: `pending`, then `succeeded` or `failed`."""

    refund_id: str
    session_id: str
    amount: int
    currency: str
    reference: str
    created: float
    status: str = PENDING

    def as_json(self) -> dict[str, Any]:
        """As the API and the events show it."""
        return {
            "id": self.refund_id,
            "object": "refund",
            "session": self.session_id,
            "amount": self.amount,
            "currency": self.currency,
            "reference": self.reference,
            "status": self.status,
            "created": self.created,
        }


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, as it is posted: `body` is the JSON text that is signed."""

    event_id: str
    kind: str
    body: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One posting of an event that is still to be accepted."""

    delivery_id: int
    body: str
    tries: int


@dataclass(frozen=True, slots=True)
class Timer:
    """Something that happens by itself when its time comes."""

    timer_id: int
    kind: str
    subject_id: str


@dataclass(frozen=True, slots=True)
class Posting:
    """When an event is to be posted, and how often; no times at all for one that gets lost."""

    times: tuple[float, ...] = field(default=())
