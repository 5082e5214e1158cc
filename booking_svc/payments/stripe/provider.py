"""The `PaymentProvider` port over Stripe Checkout, on Stripe's own page."""

import datetime as dt
from collections.abc import Awaitable, Sequence
from typing import Any, Final, TypeVar

import structlog
from pydantic import SecretStr

from booking_svc.domain.booking import Booking, Payment, Refund
from booking_svc.errors import PaymentProviderUnavailable, PaymentRefused
from booking_svc.payments.stripe import listing
from booking_svc.payments.stripe.amounts import to_wire
from booking_svc.payments.stripe.answers import (
    BOOKING_ID,
    REFUND_KEY,
    Shown,
    event_of,
    refund_of,
    session_of,
)
from booking_svc.payments.stripe.calls import Refused, StripeCalls, Unknowable
from booking_svc.payments.stripe.opening import expires_at, opening
from booking_svc.payments.stripe.webhooks import checked_body
from booking_svc.ports import EventPage, PaymentEvent, ProviderRefund, RefundOutcome, Session, SessionState
from mesh.clock import Clock
from mesh.errors import InvalidField

log = structlog.get_logger()
T = TypeVar("T")

_UNREADABLE: Final = (KeyError, TypeError, ValueError, AttributeError)
_GRACE_SECONDS: Final = 60
_WITH_INTENT: Final = ["payment_intent"]


class StripePayments:
    """Stripe as a `PaymentProvider`."""

    name = "stripe"

    def __init__(self, calls: StripeCalls, webhook_secrets: Sequence[SecretStr], clock: Clock) -> None:
        self._calls = calls
        self._webhook_secrets = webhook_secrets
        self._clock = clock

    async def open_session(self, booking: Booking, payment: Payment) -> Session:
        """See `PaymentProvider.open_session`; the payment's id is the idempotency key.

        A refusal is believed only when there is no session of the payment: Stripe may look
        at the parameters before it looks whether it had the request before.
        """
        params = opening(booking, payment)
        sessions = self._calls.v1.checkout.sessions
        call = sessions.create_async(params, {"idempotency_key": payment.payment_id})
        try:
            opened = await self._calls.answer(call)
        except Refused as refused:
            found = await self._look_for(payment)
            if found is None:
                raise PaymentRefused(f"{refused} ({refused.code or refused.param})") from None
            opened = found
        except Unknowable:
            found = await self._look_for(payment)
            if found is None:
                self._require_over(payment)
                raise PaymentRefused("was never opened") from None
            opened = found
        session = _session(opened)
        if opened.get("payment_method_types") == [] and session.state is SessionState.OPEN:
            # The account has none of the types switched on: nobody could pay there.
            await self.expire_session(session.session_id)
            raise PaymentRefused("the account has no payment method of this kind")
        return session

    async def get_session(self, session_id: str) -> Session:
        """See `PaymentProvider.get_session`."""
        return _session(await self._show(session_id))

    async def expire_session(self, session_id: str) -> Session:
        """See `PaymentProvider.expire_session`; one that is not open any more is read instead."""
        call = self._calls.v1.checkout.sessions.expire_async(session_id)
        try:
            return _session(await self._calls.answer(call))
        except Refused:
            return await self.get_session(session_id)

    async def refund(self, booking: Booking, payment: Payment, refund: Refund) -> ProviderRefund:
        """See `PaymentProvider.refund`.

        What is there already is looked up first, since Stripe forgets keys after a day. A
        refusal under this key stays one, so it is a failure: the next try has another key.
        """
        session_id = payment.session_id or await self._lost_session(booking, payment)
        intent = (await self._show(session_id)).get("payment_intent") or {}
        if "id" not in intent:
            raise PaymentProviderUnavailable("the payment provider has taken no money for this payment")
        sent = await self._sent(booking, intent["id"], refund)
        if sent is not None:
            return sent
        call = self._calls.v1.refunds.create_async(
            {
                "payment_intent": intent["id"],
                "amount": to_wire(refund.amount)[1],
                "metadata": _marks(booking, refund),
            },
            {"idempotency_key": refund.idempotency_key},
        )
        try:
            return _refund(await self._calls.answer(call))
        except (Refused, Unknowable) as error:
            log.warning("stripe_refund_not_made", refund_id=refund.refund_id, problem=str(error))
        sent = await self._sent(booking, intent["id"], refund, by_hand=True)
        if sent is not None:
            return sent
        return ProviderRefund("", RefundOutcome.FAILED, refund.idempotency_key)

    async def get_refund(self, provider_refund_id: str) -> ProviderRefund:
        """See `PaymentProvider.get_refund`."""
        call = self._calls.v1.refunds.retrieve_async(provider_refund_id)
        return _refund(await _known(self._calls.answer(call)))

    def parse_event(self, body: bytes, signature: str, now: dt.datetime) -> PaymentEvent | None:
        """See `PaymentProvider.parse_event`."""
        shown = checked_body(body, signature, self._webhook_secrets, now)
        try:
            if shown["livemode"] is not self._calls.is_live:
                # Signed, but with play money: the secret of a test endpoint among those of the live one.
                raise InvalidField("body", "is an event of Stripe's other mode")
            return event_of(shown)
        except _UNREADABLE:
            raise InvalidField("body", "is not an event") from None

    async def list_events(self, cursor: str) -> EventPage:
        """See `PaymentProvider.list_events`; `listing` has the cursor's meaning."""
        page = await listing.read_on(self._calls, cursor, self._clock.now())
        events: list[PaymentEvent] = []
        for row in page.rows:
            try:
                event = event_of(row)
            except _UNREADABLE:
                # One that cannot be read must not keep the others from being read.
                log.error("stripe_event_unreadable", event_id=row.get("id"), kind=row.get("type"))
                continue
            if event is not None:
                events.append(event)
        return EventPage(tuple(events), page.cursor, page.more)

    async def _lost_session(self, booking: Booking, payment: Payment) -> str:
        """Of a payment that was told of before the answer to its opening was stored."""
        try:
            return (await self.open_session(booking, payment)).session_id
        except PaymentRefused:
            raise PaymentProviderUnavailable("the payment provider does not know the payment") from None

    async def _show(self, session_id: str) -> dict[str, Any]:
        call = self._calls.v1.checkout.sessions.retrieve_async(session_id, {"expand": _WITH_INTENT})
        return await _known(self._calls.answer(call))

    async def _look_for(self, payment: Payment) -> dict[str, Any] | None:
        found, sure = await listing.session_of_payment(self._calls, payment)
        if found is None and not sure:
            self._require_over(payment)
        return found

    def _require_over(self, payment: Payment) -> None:
        """Raises unless a session of the payment, if there was one, has ended by itself."""
        over = expires_at(payment) + _GRACE_SECONDS
        if self._clock.now().timestamp() < over:
            raise PaymentProviderUnavailable("it is not known whether the payment was opened")

    async def _sent(
        self, booking: Booking, intent_id: str, refund: Refund, *, by_hand: bool = False
    ) -> ProviderRefund | None:
        """What has been sent of the refund: by this try, or by one that was taken for failed.

        When Stripe refuses it is looked for one by hand as well, made in the dashboard. What is
        not of this try gets its marks, so that its news is this try's.
        """
        call = self._calls.v1.refunds.list_async({"payment_intent": intent_id, "limit": 100})
        rows, _ = await _known(self._calls.rows(call))
        for row in rows:
            if _key_of(row) == refund.idempotency_key:
                return _refund(row)
        wanted = {refund.refund_id, ""} if by_hand else {refund.refund_id}
        for row in rows:
            is_good = row.get("status") not in ("failed", "canceled")
            if is_good and _of(row) in wanted and row.get("amount") == to_wire(refund.amount)[1]:
                log.warning("stripe_refund_known", refund_id=refund.refund_id, provider_refund=row["id"])
                marked = self._calls.v1.refunds.update_async(row["id"], {"metadata": _marks(booking, refund)})
                return _refund(await _known(self._calls.answer(marked)))
        return None


async def _known(answer: Awaitable[T]) -> T:
    """An answer about what Stripe must know."""
    try:
        return await answer
    except Refused as refused:
        # Of another account or mode, or a fault of ours: whatever it is, it is no news of the payment.
        log.error("stripe_refused", problem=str(refused), code=refused.code)
        raise PaymentProviderUnavailable("the payment provider does not know the payment") from None


def _marks(booking: Booking, refund: Refund) -> dict[str, str]:
    return {BOOKING_ID: booking.booking_id, REFUND_KEY: refund.idempotency_key}


def _key_of(row: Shown) -> str:
    return str((row.get("metadata") or {}).get(REFUND_KEY, ""))


def _of(row: Shown) -> str:
    return _key_of(row).rpartition("-")[0]


def _session(shown: Shown) -> Session:
    try:
        return session_of(shown)
    except _UNREADABLE:
        raise PaymentProviderUnavailable("the payment provider's answer cannot be read") from None


def _refund(shown: Shown) -> ProviderRefund:
    try:
        return refund_of(shown)
    except _UNREADABLE:
        raise PaymentProviderUnavailable("the payment provider's answer cannot be read") from None
