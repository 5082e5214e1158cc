"""Stripe's objects, read: the few fields that matter here and have been the same for years.

The list of events and webhooks show objects as of the API version that the account or the
endpoint had then, not the one that calls are made with.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from booking_svc.payments.stripe.amounts import from_wire
from booking_svc.ports import PaymentEvent, ProviderRefund, RefundOutcome, Session, SessionState
from mesh.money import Money

Shown = Mapping[str, Any]

SESSION_EVENTS: Final = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
)
REFUND_EVENTS: Final = ("refund.created", "refund.updated", "refund.failed")
EVENTS: Final = (*SESSION_EVENTS, *REFUND_EVENTS)
"""What the webhook endpoint has to subscribe to, and what is read from the list of events."""

BOOKING_ID: Final = "booking_id"
PAYMENT_ID: Final = "payment_id"
REFUND_KEY: Final = "refund_key"
"""Keys of the metadata that our objects carry."""

_OUTCOMES: Final = {
    "pending": RefundOutcome.PENDING,
    # The bank needs details from the buyer, whom Stripe writes to.
    "requires_action": RefundOutcome.PENDING,
    "succeeded": RefundOutcome.SUCCEEDED,
    "failed": RefundOutcome.FAILED,
    "canceled": RefundOutcome.FAILED,
}
_REFUND_KEY: Final = re.compile(r"[0-9a-zA-Z-]{1,200}-[0-9]{1,9}")
_NOT_PAID: Final = "the bank did not make the payment"
_LONGEST_ID: Final = 200


def session_of(shown: Shown) -> Session:
    """A Checkout Session, with its PaymentIntent expanded or not.

    A declined card leaves it open: the buyer may try another on Stripe's page. Complete and
    unpaid means that a bank decides; only the PaymentIntent tells that it has refused.
    """
    intent = shown.get("payment_intent")
    match shown["status"], shown["payment_status"]:
        case "open", _:
            state = SessionState.OPEN
        case "expired", _:
            state = SessionState.CLOSED
        case "complete", "paid" | "no_payment_required":
            state = SessionState.PAID
        case "complete", "unpaid":
            state = _of_unpaid(intent)
        case status, payment_status:
            raise ValueError(f"a session that is {status} and {payment_status}")
    return Session(
        session_id=_id(shown),
        state=state,
        redirect_url=shown.get("url") or "",
        captured=_captured(shown) if state is SessionState.PAID else None,
        decline_reason=_NOT_PAID if state is SessionState.DECLINED else "",
    )


def refund_of(shown: Shown) -> ProviderRefund:
    """A refund that was asked for here; raises `KeyError` for another."""
    return ProviderRefund(_id(shown), _OUTCOMES[shown["status"]], shown["metadata"][REFUND_KEY])


def event_of(shown: Shown) -> PaymentEvent | None:
    """An event; None when it is of no interest, or about what was not started here."""
    event_id, kind, about = _id(shown), str(shown["type"]), shown["data"]["object"]
    if kind not in EVENTS:
        return None
    metadata = about.get("metadata") or {}
    booking_id = metadata.get(BOOKING_ID, "")
    if not booking_id or len(booking_id) > _LONGEST_ID:
        return None
    if kind in REFUND_EVENTS:
        if not _REFUND_KEY.fullmatch(metadata.get(REFUND_KEY, "")):
            return None
        return PaymentEvent(event_id, booking_id, payment_id="", refund=refund_of(about))
    session = session_of(about)
    if kind == "checkout.session.async_payment_failed":
        session = Session(session.session_id, SessionState.DECLINED, decline_reason=_NOT_PAID)
    return PaymentEvent(event_id, booking_id, metadata.get(PAYMENT_ID, "")[:_LONGEST_ID], session=session)


def _of_unpaid(intent: Any) -> SessionState:
    status = intent["status"] if isinstance(intent, Mapping) else "processing"
    if status == "canceled":
        return SessionState.CLOSED
    return SessionState.DECLINED if status == "requires_payment_method" else SessionState.OPEN


def _captured(shown: Shown) -> Money:
    """What was taken; without the PaymentIntent it is the total, which Checkout takes as a whole."""
    intent = shown.get("payment_intent")
    if isinstance(intent, Mapping):
        return from_wire(intent["currency"], _integer(intent["amount_received"]))
    return from_wire(shown["currency"], _integer(shown["amount_total"]))


def _integer(number: Any) -> int:
    if type(number) is not int:
        raise TypeError("an amount is an integer")
    return number


def _id(shown: Shown) -> str:
    object_id = shown["id"]
    if not isinstance(object_id, str) or not 0 < len(object_id) <= _LONGEST_ID:
        raise ValueError("an object needs an id")
    return object_id
