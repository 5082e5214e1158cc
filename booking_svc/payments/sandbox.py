"""The payment sandbox as a provider: its JSON API and its signed events."""

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from pydantic import SecretStr

from booking_svc.domain.booking import Booking, Payment, PaymentMethod, Refund
from booking_svc.errors import PaymentProviderUnavailable, PaymentRefused, WebhookSignatureInvalid
from booking_svc.ports import (
    EventPage,
    PaymentEvent,
    ProviderRefund,
    RefundOutcome,
    Session,
    SessionState,
)
from mesh import deadlines
from mesh.errors import InvalidField
from mesh.money import Money

_STEP_SECONDS: Final = 5.0
_MOST_AGE_SECONDS: Final = 300
_METHODS: Final = {
    PaymentMethod.CREDIT_CARD: "credit_card",
    PaymentMethod.DEBIT_CARD: "debit_card",
    PaymentMethod.INTERNET_BANKING: "internet_banking",
}
_SESSION_STATES: Final = {
    "open": SessionState.OPEN,
    "processing": SessionState.OPEN,
    "paid": SessionState.PAID,
    "declined": SessionState.DECLINED,
    "canceled": SessionState.CLOSED,
    "expired": SessionState.CLOSED,
}
_OUTCOMES: Final = {
    "pending": RefundOutcome.PENDING,
    "succeeded": RefundOutcome.SUCCEEDED,
    "failed": RefundOutcome.FAILED,
}


class SandboxPayments:
    """The `PaymentProvider` port over the sandbox's HTTP API."""

    name = "sandbox"

    def __init__(
        self, client: aiohttp.ClientSession, url: str, api_key: SecretStr, webhook_secret: SecretStr
    ) -> None:
        self._client = client
        self._url = url
        self._api_key = api_key
        self._webhook_secret = webhook_secret

    async def open_session(self, booking: Booking, payment: Payment) -> Session:
        """See `PaymentProvider.open_session`; the payment's id is the idempotency key."""
        order = {
            "amount": payment.amount.minor_units,
            "currency": payment.amount.currency_code,
            "method": _METHODS[payment.method],
            "return_url": payment.return_url,
            "cancel_url": payment.return_url,
            "reference": payment.payment_id,
            "description": f"{booking.show.movie_title}, {booking.show.theatre_name}"[:300],
            "metadata": {"booking_id": booking.booking_id, "payment_id": payment.payment_id},
            "expires_at": payment.expire_time.timestamp(),
        }
        return _session(await self._call("POST", "/v1/sessions", order, key=payment.payment_id))

    async def get_session(self, session_id: str) -> Session:
        """See `PaymentProvider.get_session`."""
        return _session(await self._call("GET", f"/v1/sessions/{session_id}"))

    async def expire_session(self, session_id: str) -> Session:
        """See `PaymentProvider.expire_session`."""
        return _session(await self._call("POST", f"/v1/sessions/{session_id}/expire"))

    async def refund(self, booking: Booking, payment: Payment, refund: Refund) -> ProviderRefund:
        """See `PaymentProvider.refund`; its reference tells events of it which refund they are about."""
        wanted = {
            "session": payment.session_id,
            "amount": refund.amount.minor_units,
            "reference": f"{booking.booking_id}/{refund.idempotency_key}",
        }
        return _refund(await self._call("POST", "/v1/refunds", wanted, key=refund.idempotency_key))

    async def get_refund(self, provider_refund_id: str) -> ProviderRefund:
        """See `PaymentProvider.get_refund`."""
        return _refund(await self._call("GET", f"/v1/refunds/{provider_refund_id}"))

    def parse_event(self, body: bytes, signature: str, now: dt.datetime) -> PaymentEvent | None:
        """See `PaymentProvider.parse_event`; `Sandbox-Signature: t=SECONDS,v1=HEX`, at most 5 minutes old."""
        self._check(body, signature, now)
        try:
            return _event(json.loads(body))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise InvalidField("body", "is not an event") from None

    async def list_events(self, cursor: str) -> EventPage:
        """See `PaymentProvider.list_events`; the cursor is the sandbox's sequence number."""
        page = await self._call("GET", f"/v1/events?after={cursor or '0'}")
        rows = page["data"]
        events = tuple(event for row in rows if (event := _event(row)) is not None)
        return EventPage(events, str(rows[-1]["sequence"]) if rows else cursor, page["has_more"])

    def _check(self, body: bytes, signature: str, now: dt.datetime) -> None:
        fields = dict(part.partition("=")[::2] for part in signature.split(","))
        seconds, given = fields.get("t", ""), fields.get("v1", "")
        if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 12 and given.isascii()):
            raise WebhookSignatureInvalid
        secret = self._webhook_secret.get_secret_value().encode()
        expected = hmac.new(secret, f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
        fits = hmac.compare_digest(given, expected)
        if not fits or abs(now.timestamp() - int(seconds)) > _MOST_AGE_SECONDS:
            raise WebhookSignatureInvalid

    async def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, key: str = ""
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._api_key.get_secret_value()}"}
        if key:
            headers["Idempotency-Key"] = key
        timeout = aiohttp.ClientTimeout(total=max(0.001, deadlines.budget(_STEP_SECONDS)))
        try:
            async with self._client.request(
                method, self._url + path, json=body, headers=headers, timeout=timeout
            ) as response:
                answer: dict[str, Any] = await response.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise PaymentProviderUnavailable("the payment provider is not answering") from error
        if response.status == 400 and method == "POST" and path == "/v1/sessions":
            raise PaymentRefused(str(answer.get("error", {}).get("message", "")))
        if response.status != 200:
            raise PaymentProviderUnavailable(f"the payment provider answered {response.status}")
        return answer


def _session(shown: Mapping[str, Any]) -> Session:
    state = _SESSION_STATES[shown["status"]]
    return Session(
        session_id=str(shown["id"]),
        state=state,
        redirect_url=str(shown["url"]),
        captured=Money(str(shown["currency"]), int(shown["amount_captured"]))
        if state is SessionState.PAID
        else None,
        decline_reason=str(shown["decline_message"]),
    )


def _refund(shown: Mapping[str, Any]) -> ProviderRefund:
    return ProviderRefund(
        provider_refund_id=str(shown["id"]),
        outcome=_OUTCOMES[shown["status"]],
        idempotency_key=str(shown["reference"]).rpartition("/")[2],
    )


def _event(told: Mapping[str, Any]) -> PaymentEvent | None:
    event_id, kind, shown = str(told["id"]), str(told["type"]), told["data"]
    if not event_id or len(event_id) > 200:
        raise ValueError("an event needs an id")
    if kind.startswith("session."):
        metadata = shown["metadata"]
        return PaymentEvent(
            event_id=event_id,
            booking_id=str(metadata.get("booking_id", ""))[:64],
            payment_id=str(metadata.get("payment_id", ""))[:64],
            session=_session(shown),
        )
    if kind.startswith("refund."):
        booking_id = str(shown["reference"]).rpartition("/")[0]
        return PaymentEvent(event_id, booking_id[:64], payment_id="", refund=_refund(shown))
    return None
