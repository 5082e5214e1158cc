"""What happens to sessions and refunds: the sandbox's rules.

Every method is one transaction that also records the events it causes.
"""

import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from stack.sandbox import records
from stack.sandbox.cards import Behaviour, behaviour
from stack.sandbox.records import Event, Order, Posting, Refund, Session, Timer
from stack.sandbox.store import Store

_TIMERS_AT_ONCE = 100


class UnknownObject(Exception):
    """There is no session or refund with that id."""


class RefundTooLarge(Exception):
    """The refunds of a session would come to more than was captured."""


class Payments:
    """The provider's side of every payment. `wake` is called when there is something to post."""

    def __init__(
        self,
        store: Store,
        *,
        public_url: Callable[[], str],
        clock: Callable[[], float],
        late_seconds: float,
        delay_seconds: float,
        wake: Callable[[], None],
    ) -> None:
        self._store = store
        self._public_url = public_url
        self._clock = clock
        self._late_seconds = late_seconds
        self._delay_seconds = delay_seconds
        self._wake = wake

    def create(self, order: Order, key: str, content: str) -> Session:
        """A new open session, or the one that the idempotency key made; raises `KeyReused`."""
        with self._store.changing() as store:
            known = store.session_by_key(key, content)
            if known is not None:
                return self._current(known)
            session = Session(
                session_id=f"ses_{secrets.token_urlsafe(18)}", order=order, created=self._clock()
            )
            store.add_session(session, key, content)
            store.set_timer("expire", session.session_id, order.expires_at)
            return session

    def session(self, session_id: str) -> Session:
        """The session as it stands now; raises `UnknownObject`."""
        session = self._store.session(session_id)
        if session is not None and not self._is_over(session):
            return session  # nearly always: then nothing is written
        with self._store.changing():
            return self._found(session_id)

    def pay(self, session_id: str, card: Behaviour, last4: str = "") -> Session:
        """The payer pays; a session that is not open stays as it is (a second click pays nothing)."""
        with self._store.changing():
            session = self._found(session_id)
            if session.status != records.OPEN:
                return session
            session = replace(session, behaviour=card.key, last4=last4)
            if card.decline_reason:
                return self._decline(session, card.decline_reason)
            if card.authentication:
                return self._kept(session)
            return self._late(session) if card.late else self._capture(session)

    def authenticate(self, session_id: str, *, passed: bool) -> Session:
        """The payer's bank asked for a code; without it the payment is declined."""
        with self._store.changing():
            session = self._found(session_id)
            if session.status != records.OPEN or not session.behaviour:
                return session
            return self._capture(session) if passed else self._decline(session, "authentication_failed")

    def cancel(self, session_id: str) -> Session:
        """The payer gives up; only an open session ends by it."""
        with self._store.changing():
            session = self._found(session_id)
            if session.status != records.OPEN:
                return session
            return self._told(self._kept(replace(session, status=records.CANCELED)), "session.canceled")

    def expire(self, session_id: str) -> Session:
        """The merchant ends the session; one that has ended already stays as it is."""
        with self._store.changing():
            return self._end(self._found(session_id))

    def refund(self, session_id: str, amount: int, reference: str, key: str, content: str) -> Refund:
        """Sends money back, or answers with what the idempotency key did.

        Raises `UnknownObject`, `RefundTooLarge` and `KeyReused`.
        """
        with self._store.changing() as store:
            known = store.refund_by_key(key, content)
            if known is not None:
                return known
            session = self._found(session_id)
            others = store.refunds_of(session_id)
            if (
                amount + sum(each.amount for each in others if each.status != records.FAILED)
                > session.captured
            ):
                raise RefundTooLarge
            refund = Refund(
                refund_id=f"ref_{secrets.token_urlsafe(18)}",
                session_id=session_id,
                amount=amount,
                currency=session.order.currency,
                reference=reference,
                created=self._clock(),
            )
            store.add_refund(refund, key, content)
            card = behaviour(session.behaviour)
            fails = card.failing_refunds and not others
            if card.pending_refunds:
                kind = "fail_refund" if fails else "refund"
                store.set_timer(kind, refund.refund_id, self._clock() + self._late_seconds)
                return refund
            return self._settled(refund, session, records.FAILED if fails else records.SUCCEEDED)

    def find_refund(self, refund_id: str) -> Refund:
        """The refund as it stands now; raises `UnknownObject`."""
        refund = self._store.refund(refund_id)
        if refund is None:
            raise UnknownObject
        return refund

    def take_due_steps(self) -> None:
        """Lets happen what happens by itself: sessions end, late payments and refunds arrive."""
        for timer in self._store.due_timers(self._clock(), _TIMERS_AT_ONCE):
            with self._store.changing() as store:
                store.end_timer(timer.timer_id)
                self._take(timer)

    def _take(self, timer: Timer) -> None:
        match timer.kind:
            case "expire":
                self._end(self._found(timer.subject_id))
            case "capture":
                self._capture(self._found(timer.subject_id))
            case "refund" | "fail_refund":
                refund = self.find_refund(timer.subject_id)
                status = records.SUCCEEDED if timer.kind == "refund" else records.FAILED
                self._settled(refund, self._found(refund.session_id), status)

    def _found(self, session_id: str) -> Session:
        session = self._store.session(session_id)
        if session is None:
            raise UnknownObject
        return self._current(session)

    def _current(self, session: Session) -> Session:
        return self._end(session) if self._is_over(session) else session

    def _is_over(self, session: Session) -> bool:
        return session.order.expires_at <= self._clock()

    def _end(self, session: Session) -> Session:
        if session.status not in {records.OPEN, records.PROCESSING}:
            return session
        if session.status == records.PROCESSING:
            self._store.set_timer("capture", session.session_id, self._clock() + self._late_seconds)
        return self._told(self._kept(replace(session, status=records.EXPIRED)), "session.expired")

    def _late(self, session: Session) -> Session:
        return self._kept(replace(session, status=records.PROCESSING))

    def _decline(self, session: Session, reason: str) -> Session:
        declined = self._kept(replace(session, status=records.DECLINED, decline_reason=reason))
        return self._told(declined, "session.declined")

    def _capture(self, session: Session) -> Session:
        card = behaviour(session.behaviour)
        amount = max(1, session.order.amount + card.surplus)
        paid = self._kept(replace(session, status=records.PAID, captured=amount))
        self._store.record("capture", paid, amount, self._clock())
        if card.reversed_webhooks:
            before = replace(session, status=records.PROCESSING)
            self._tell("session.processing", before, before, after=self._delay_seconds)
        return self._told(paid, "session.paid")

    def _settled(self, refund: Refund, session: Session, status: str) -> Refund:
        settled = replace(refund, status=status)
        self._store.update_refund(settled)
        if status == records.SUCCEEDED:
            self._store.record("refund", session, settled.amount, self._clock(), settled.refund_id)
        self._tell(f"refund.{status}", settled, session)
        return settled

    def _kept(self, session: Session) -> Session:
        self._store.update_session(session)
        return session

    def _told(self, session: Session, kind: str) -> Session:
        self._tell(kind, session, session)
        return session

    def _tell(self, kind: str, subject: Session | Refund, session: Session, after: float = 0.0) -> None:
        now = self._clock()
        shown: dict[str, Any] = (
            subject.as_json(self._public_url()) if isinstance(subject, Session) else subject.as_json()
        )
        event_id = f"evt_{secrets.token_urlsafe(18)}"
        body = json.dumps({"id": event_id, "type": kind, "created": now, "data": shown})
        self._store.add_event(Event(event_id, kind, body), self._posting(session, now + after))
        self._wake()

    def _posting(self, session: Session, time: float) -> Posting:
        card = behaviour(session.behaviour) if session.behaviour else None
        if card is None:
            return Posting((time,))
        if card.lost_webhooks:
            return Posting()
        delay = self._delay_seconds if card.delayed_webhooks else 0.0
        return Posting((time + delay,) * card.webhook_copies)
