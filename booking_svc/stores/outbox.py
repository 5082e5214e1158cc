"""The events that bookings still have to publish; see docs/decisions/0004-outbox-in-the-document.md."""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from booking_svc.stores.calls import come, store_call
from mesh.mongo import Client, database_of


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """One event as it is to be published: `name` is its routing key, `type` its full proto name."""

    event_id: str
    name: str
    type: str
    body: bytes
    traceparent: str


@dataclass(frozen=True, slots=True)
class OutboxTurn:
    """A booking's unpublished events, in order, for one replica to publish until the lease ends."""

    booking_id: str
    entries: tuple[OutboxEntry, ...]


class MongoOutbox:
    """Leases documents with unpublished events, and takes out what was published."""

    def __init__(self, client: Client, name: str) -> None:
        self._bookings = database_of(client, name)["bookings"]

    async def claim(self, now: dt.datetime, lease_until: dt.datetime) -> OutboxTurn | None:
        """The turn that has waited longest and that nobody has; None when there is none."""
        with store_call():
            document: Mapping[str, Any] | None = await self._bookings.find_one_and_update(
                {"outbox.time": come(now), "outbox_until": {"$lte": now}},
                {"$set": {"outbox_until": lease_until}},
                projection={"outbox": 1},
                sort=[("outbox.time", 1)],
            )
        if document is None:
            return None
        entries = tuple(
            OutboxEntry(
                event_id=entry["event_id"],
                name=entry["name"],
                type=entry["type"],
                body=bytes(entry["body"]),
                traceparent=entry["traceparent"],
            )
            for entry in document["outbox"]
        )
        return OutboxTurn(document["_id"], entries)

    async def published(self, booking_id: str, event_ids: Collection[str], again: dt.datetime) -> None:
        """Takes the events out and ends the turn; what is left may be claimed from that time on."""
        with store_call():
            await self._bookings.update_one(
                {"_id": booking_id},
                {
                    "$pull": {"outbox": {"event_id": {"$in": list(event_ids)}}},
                    "$set": {"outbox_until": again},
                },
            )
