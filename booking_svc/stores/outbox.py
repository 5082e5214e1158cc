"""The events that bookings still have to publish; see docs/decisions/0004-outbox-in-the-document.md."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pymongo import UpdateOne

from booking_svc.stores.times import come
from mesh.mongo import Client, Document, database_of, store_call


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """One event as it is to be published; `type` is its full proto name."""

    event_id: str
    name: str
    routing_key: str
    """The name, then how the buyer can be reached: see `convert.events.routing_key`."""
    type: str
    body: bytes
    traceparent: str


@dataclass(frozen=True, slots=True)
class OutboxTurn:
    """A booking's unpublished events, in order, for one process alone to publish until that time."""

    booking_id: str
    entries: tuple[OutboxEntry, ...]
    until: dt.datetime


@dataclass(frozen=True, slots=True)
class TurnEnd:
    """What became of a turn: the events that were published; the others may be claimed from `again` on."""

    turn: OutboxTurn
    published: tuple[str, ...]
    again: dt.datetime


class Outlet(Protocol):
    """Where whoever saves a booking's events hands them on, if nothing stands before them."""

    def offer(self, now: dt.datetime) -> dt.datetime | None:
        """Until when a turn that begins now would last; None when it would not be taken."""
        ...

    def take(self, turn: OutboxTurn) -> None:
        """The turn that was offered; its events are stored."""
        ...

    def look(self, booking_id: str) -> None:
        """The booking's events were stored and are nobody's turn yet."""
        ...


class NoOutlet:
    """Leaves all events to whoever claims them."""

    def offer(self, now: dt.datetime) -> dt.datetime | None:  # noqa: ARG002
        """None."""
        return None

    def take(self, turn: OutboxTurn) -> None:
        """Is never called."""

    def look(self, booking_id: str) -> None:
        """Does nothing."""


class MongoOutbox:
    """Leases documents with unpublished events, and takes out what was published."""

    def __init__(self, client: Client, name: str) -> None:
        self._bookings = database_of(client, name)["bookings"]

    async def claim(self, now: dt.datetime, until: dt.datetime) -> OutboxTurn | None:
        """The turn that has waited longest and that nobody has; None when there is none."""
        with store_call():
            document: Mapping[str, Any] | None = await self._bookings.find_one_and_update(
                {"outbox.time": come(now), "outbox_until": {"$lte": now}},
                {"$set": {"outbox_until": until}},
                projection={"outbox": 1},
                sort=[("outbox.time", 1)],
            )
        if document is None:
            return None
        return OutboxTurn(document["_id"], tuple(entry_of(entry) for entry in document["outbox"]), until)

    async def ended(self, ends: Sequence[TurnEnd]) -> None:
        """Takes out what was published and ends the turns, but those that went to somebody else meanwhile.

        One call for all; their number should be bounded by whoever gathers them.
        """
        updates = [
            UpdateOne(
                {"_id": end.turn.booking_id, "outbox_until": end.turn.until},
                {
                    "$pull": {"outbox": {"event_id": {"$in": list(end.published)}}},
                    "$set": {"outbox_until": end.again},
                },
            )
            for end in ends
        ]
        with store_call():
            await self._bookings.bulk_write(updates, ordered=False)


def entry_of(stored: Mapping[str, Any]) -> OutboxEntry:
    """The entry as it is published."""
    return OutboxEntry(
        event_id=stored["event_id"],
        name=stored["name"],
        routing_key=stored.get("routing_key", stored["name"]),
        type=stored["type"],
        body=bytes(stored["body"]),
        traceparent=stored["traceparent"],
    )


def with_turn(chosen: Document, update: Document, until: dt.datetime) -> tuple[Document, Document]:
    """The same update, only if the outbox is empty; whoever makes it has the turn."""
    changes = update["$set"] | {"outbox_until": until}
    return chosen | {"outbox": {"$size": 0}}, update | {"$set": changes}
