"""The notifications in MongoDB: one document each, its id made of event, channel and recipient.

So the unique index on `_id` is what keeps two workers from sending the same. A worker's updates are
gathered: `at_once` is how many messages it sends at the same moment.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pymongo import DESCENDING

from mesh.mongo import Document, store_call
from notify_svc.domain.news import KIND_OF, UNPAID
from notify_svc.domain.notifications import Channel, Notification, Record, SkipReason, State
from notify_svc.domain.preferences import address_key
from notify_svc.ports import ClaimOutcome, Place
from notify_svc.stores.gathering import GatheredUpdates
from notify_svc.stores.mongo import NOTIFICATIONS, NotifyDatabase


class MongoNotificationLedger:
    """See `NotificationLedger`."""

    def __init__(self, database: NotifyDatabase, at_once: int = 8) -> None:
        self._notifications = database.database[NOTIFICATIONS]
        self._updates = GatheredUpdates(self._notifications, at_once)

    async def claim(
        self, notification: Notification, claim_id: str, now: dt.datetime, lease: dt.timedelta
    ) -> ClaimOutcome:
        """See `NotificationLedger`."""
        claimed = {
            "$set": {"state": State.SENDING.value, "claim_id": claim_id, "lease_until": now + lease},
            "$inc": {"tries": 1},
        }
        return await self._take(notification, claimed, now)

    async def skip(self, notification: Notification, reason: SkipReason, now: dt.datetime) -> ClaimOutcome:
        """See `NotificationLedger`."""
        skipped = {
            "$set": {"state": State.SKIPPED.value, "skip_reason": reason.value},
            "$unset": {"claim_id": "", "lease_until": ""},
        }
        return await self._take(notification, skipped, now)

    async def count_like(self, notification: Notification, since: dt.datetime, at_most: int) -> int:
        """See `NotificationLedger`."""
        others = {
            "recipient_key": address_key(notification.recipient),
            "create_time": {"$gt": since},
            "channel": notification.channel.value,
            "event_name": {"$in": _ABOUT_UNPAID},
            "state": {"$ne": State.SKIPPED.value},
            "_id": {"$ne": notification.notification_id},
        }
        with store_call():
            return int(await self._notifications.count_documents(others, limit=at_most))

    async def mark_sent(self, notification: Notification, now: dt.datetime) -> None:
        """See `NotificationLedger`. Whoever holds the claim now: that it was sent is a fact."""
        await self._updates.update(
            {"_id": notification.notification_id},
            {
                "$set": {"state": State.SENT.value, "sent_time": now},
                "$unset": {"claim_id": "", "lease_until": ""},
            },
        )

    async def release(self, notification: Notification, claim_id: str, now: dt.datetime) -> None:
        """See `NotificationLedger`."""
        await self._updates.update(_held(notification, claim_id), {"$set": {"lease_until": now}})

    async def give_up(self, notification: Notification, claim_id: str) -> None:
        """See `NotificationLedger`."""
        await self._updates.update(_held(notification, claim_id), {"$set": {"state": State.DEAD.value}})

    async def find(self, notification_id: str) -> Record | None:
        """See `NotificationLedger`."""
        with store_call():
            found = await self._notifications.find_one({"_id": notification_id})
        return None if found is None else _record(found)

    async def of_booking(self, booking_id: str, after: Place | None, limit: int) -> Sequence[Record]:
        """See `NotificationLedger`."""
        return await self._page({"booking_id": booking_id}, after, limit)

    async def to_recipient(self, recipient: str, after: Place | None, limit: int) -> Sequence[Record]:
        """See `NotificationLedger`."""
        return await self._page({"recipient_key": address_key(recipient)}, after, limit)

    async def forget(self, recipients: Collection[str], booking_ids: Collection[str]) -> None:
        """See `NotificationLedger`. The ids stay, so that nothing is sent again."""
        theirs: list[Document] = []
        if recipients:
            theirs.append({"recipient_key": {"$in": [address_key(recipient) for recipient in recipients]}})
        if booking_ids:
            theirs.append({"booking_id": {"$in": list(booking_ids)}})
        with store_call():
            await self._notifications.update_many(
                {"$or": theirs}, {"$set": {"recipient": "", "recipient_key": ""}}
            )

    async def _take(self, notification: Notification, change: Document, now: dt.datetime) -> ClaimOutcome:
        """Makes the change if nobody has the message and it is not settled, in one atomic step."""
        free = {
            "_id": notification.notification_id,
            "$or": [
                {"state": State.DEAD.value},
                {"state": State.SENDING.value, "lease_until": {"$lte": now}},
            ],
        }
        change["$setOnInsert"] = _facts(notification) | {"create_time": now, "sent_time": None}
        if await self._updates.update(free, change, upsert=True):
            return ClaimOutcome.GRANTED
        with store_call():  # there is one, and it is not free
            found = await self._notifications.find_one({"_id": notification.notification_id}, ["state"])
        settled = found is not None and found["state"] in _SETTLED
        return ClaimOutcome.SETTLED if settled else ClaimOutcome.TAKEN

    async def _page(self, where: Document, after: Place | None, limit: int) -> Sequence[Record]:
        if after is not None:
            where["$or"] = [
                {"create_time": {"$lt": after.create_time}},
                {"create_time": after.create_time, "_id": {"$lt": after.notification_id}},
            ]
        with store_call():
            found = self._notifications.find(where, limit=limit).sort(
                [("create_time", DESCENDING), ("_id", DESCENDING)]
            )
            return [_record(document) async for document in found]


_ABOUT_UNPAID = [name for name, kind in KIND_OF.items() if kind is UNPAID]
_SETTLED = (State.SENT.value, State.SKIPPED.value)


def _held(notification: Notification, claim_id: str) -> Document:
    return {"_id": notification.notification_id, "claim_id": claim_id, "state": State.SENDING.value}


def _facts(notification: Notification) -> Document:
    return {
        "event_id": notification.event_id,
        "event_name": notification.event_name,
        "booking_id": notification.booking_id,
        "channel": notification.channel.value,
        "recipient": notification.recipient,
        "recipient_key": address_key(notification.recipient),
    }


def _record(document: Mapping[str, Any]) -> Record:
    return Record(
        document["_id"],
        Notification(
            event_id=document["event_id"],
            event_name=document["event_name"],
            booking_id=document["booking_id"],
            channel=Channel(document["channel"]),
            recipient=document["recipient"],
        ),
        State(document["state"]),
        document["create_time"],
        document["sent_time"],
        SkipReason(document["skip_reason"]) if "skip_reason" in document else None,
    )
