"""What payment providers told, in MongoDB, of which a booking does not tell itself: each event once.

Events that have changed their booking are known by it (`Booking.heard`). Here are the others: they wait
to be acted on, or said nothing new, or were about nothing of ours.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any, Final

from pymongo import IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from booking_svc.ports import (
    Lease,
    PaymentEvent,
    ProviderRefund,
    RefundOutcome,
    Session,
    SessionState,
    ToldEvent,
)
from booking_svc.stores.documents import money_document, money_of
from booking_svc.stores.times import LONG_AGO, come
from mesh.mongo import Client, Document, database_of, store_call

_KEPT_SECONDS: Final = 90 * 24 * 3600
_INDEXES: Final = (
    IndexModel("waiting_since", partialFilterExpression={"waiting_since": {"$type": "date"}}),
    IndexModel("booking_id"),
    IndexModel("received_time", expireAfterSeconds=_KEPT_SECONDS),
)


class MongoPaymentEvents:
    """The `PaymentEvents` port: collections `payment_events` and `payment_cursors`."""

    def __init__(self, client: Client, name: str) -> None:
        database = database_of(client, name)
        self._events = database["payment_events"]
        self._cursors = database["payment_cursors"]
        self._prepared = False

    async def ready(self) -> None:
        """Makes the indexes, once; for health probes."""
        if not self._prepared:
            with store_call():
                await self._events.create_indexes(list(_INDEXES))
            self._prepared = True

    async def add(self, told: ToldEvent, now: dt.datetime, *, waiting: bool = True) -> bool:
        """See `PaymentEvents.add`."""
        event = told.event
        document = {
            "_id": told.key,
            "provider": told.provider,
            "event_id": event.event_id,
            "booking_id": event.booking_id,
            "payment_id": event.payment_id,
            "session": _session(event.session) if event.session else None,
            "refund": _refund(event.refund) if event.refund else None,
            "received_time": now,
            "waiting_since": now if waiting else None,
        }
        with store_call():
            try:
                await self._events.insert_one(document)
            except DuplicateKeyError:
                return False
        return True

    async def unknown(self, provider: str, event_ids: Collection[str]) -> frozenset[str]:
        """See `PaymentEvents.unknown`."""
        keys = {f"{provider}/{event_id}": event_id for event_id in event_ids}
        with store_call():
            known = await self._events.find({"_id": {"$in": list(keys)}}, {"_id": 1}).to_list(length=None)
        return frozenset(keys.values()) - {keys[document["_id"]] for document in known}

    async def acted_on(self, told: ToldEvent, now: dt.datetime) -> None:
        """See `PaymentEvents.acted_on`."""
        with store_call():
            await self._events.update_one(
                {"_id": told.key}, {"$set": {"waiting_since": None, "acted_time": now}}
            )

    async def put_off(self, told: ToldEvent, until: dt.datetime) -> None:
        """See `PaymentEvents.put_off`."""
        with store_call():
            await self._events.update_one({"_id": told.key}, {"$set": {"waiting_since": until}})

    async def waiting(self, received_before: dt.datetime, limit: int) -> list[ToldEvent]:
        """See `PaymentEvents.waiting`."""
        with store_call():
            found = (
                await self._events.find({"waiting_since": come(received_before)})
                .sort("waiting_since", 1)
                .limit(limit)
                .to_list(length=limit)
            )
        return [_told_of(document) for document in found]

    async def claim_cursor(self, provider: str, lease: Lease, now: dt.datetime) -> str | None:
        """See `PaymentEvents.claim_cursor`."""
        free = {"$or": [{"lease_until": {"$lte": now}}, {"lease_owner": lease.owner}]}
        with store_call():
            try:
                cursor: Any = await self._cursors.find_one_and_update(
                    {"_id": provider, **free},
                    {
                        "$set": {"lease_owner": lease.owner, "lease_until": lease.until},
                        "$setOnInsert": {"cursor": ""},
                    },
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
            except DuplicateKeyError:
                return None  # there is one, and somebody else reads on from it
        position: str = cursor["cursor"]
        return position

    async def move_cursor(self, provider: str, owner: str, cursor: str) -> None:
        """See `PaymentEvents.move_cursor`."""
        with store_call():
            await self._cursors.update_one(
                {"_id": provider, "lease_owner": owner},
                {"$set": {"cursor": cursor, "lease_until": LONG_AGO}},
            )


def _session(session: Session) -> Document:
    return {
        "session_id": session.session_id,
        "state": session.state.value,
        "captured": money_document(session.captured) if session.captured else None,
        "decline_reason": session.decline_reason,
    }


def _refund(refund: ProviderRefund) -> Document:
    return {
        "provider_refund_id": refund.provider_refund_id,
        "outcome": refund.outcome.value,
        "idempotency_key": refund.idempotency_key,
    }


def _told_of(document: Mapping[str, Any]) -> ToldEvent:
    session, refund = document["session"], document["refund"]
    event = PaymentEvent(
        event_id=document["event_id"],
        booking_id=document["booking_id"],
        payment_id=document["payment_id"],
        session=Session(
            session_id=session["session_id"],
            state=SessionState(session["state"]),
            captured=money_of(session["captured"]) if session["captured"] else None,
            decline_reason=session["decline_reason"],
        )
        if session
        else None,
        refund=ProviderRefund(
            provider_refund_id=refund["provider_refund_id"],
            outcome=RefundOutcome(refund["outcome"]),
            idempotency_key=refund["idempotency_key"],
        )
        if refund
        else None,
    )
    return ToldEvent(document["provider"], event)
