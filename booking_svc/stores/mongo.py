"""Bookings in MongoDB: one document each, with its outbox and its place in the queue of work.

Beside the booking's own fields (`stores.documents`) a document has

- `contact_keys`: what the contact's addresses are found by (`domain.people`);
- `work`: `next_look` (when somebody must look at it, None when it rests),
  `lease_owner`, `lease_until` and `failures`;
- `outbox`: events that are still to be published, in order, and
  `outbox_until`: until when one process alone publishes them (`stores.outbox`).
"""

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from pymongo import IndexModel

from booking_svc.domain.booking import Booking, BookingState
from booking_svc.domain.events import Event
from booking_svc.domain.proof import Viewer
from booking_svc.ports import Claimed, DueBooking, Lease, LeaseChange, RequestKnown, Resting
from booking_svc.stores.documents import booking_of, changes_of, document_of
from booking_svc.stores.outbox import NoOutlet, OutboxTurn, Outlet, entry_of, with_turn
from booking_svc.stores.times import LONG_AGO, come
from mesh.grouped_writes import GroupedWrites
from mesh.mongo import Client, Document, database_of, ping, store_call

INDEXES: Final = (
    IndexModel([("buyer_id", 1), ("request.request_id", 1)], unique=True),
    IndexModel([("buyer_id", 1), ("create_time", -1), ("_id", -1)]),
    IndexModel([("contact_keys", 1), ("create_time", -1), ("_id", -1)]),
    # Only what is under way is in these two, so they stay small however many bookings there are.
    IndexModel("work.next_look", partialFilterExpression={"work.next_look": {"$type": "date"}}),
    IndexModel("outbox.time", partialFilterExpression={"outbox.time": {"$type": "date"}}),
    IndexModel([("show.show_id", 1), ("_id", 1)]),
)
_NOT_OVER: Final = [
    state.value
    for state in (
        BookingState.CREATED,
        BookingState.HELD,
        BookingState.AWAITING_PAYMENT,
        BookingState.PAID,
        BookingState.CONFIRMED,
    )
]

EncodeEvent = Callable[[Booking, Event], Document]
"""Turns an event into its outbox entry: `event_id`, `name`, `type`, `body`, `traceparent`."""


class MongoBookings:
    """The `Bookings` port: collection `bookings`."""

    def __init__(
        self, client: Client, name: str, encode_event: EncodeEvent, outlet: Outlet | None = None
    ) -> None:
        """Events are handed to the outlet when they are saved; without one, they wait to be claimed."""
        self._client = client
        self._outlet = outlet or NoOutlet()
        self._bookings = database_of(client, name)["bookings"]
        self._writes = GroupedWrites(self._bookings)
        self._encode_event = encode_event
        self._prepared = False

    async def ready(self) -> None:
        """Returns when the store answers and has its indexes; for health probes."""
        if self._prepared:
            await ping(self._client)
            return
        with store_call():
            await self._bookings.create_indexes(list(INDEXES))
        self._prepared = True

    async def add(self, booking: Booking, next_look: dt.datetime | None) -> None:
        """See `Bookings.add`."""
        if not self._prepared:
            # Without its unique index a repeated request would make a second booking.
            await self.ready()
        document = {
            "_id": booking.booking_id,
            **document_of(booking),
            "work": {"next_look": next_look, "lease_owner": "", "lease_until": LONG_AGO, "failures": 0},
            "outbox": [],
            "outbox_until": LONG_AGO,
        }
        if not await self._writes.insert(document):
            raise RequestKnown

    async def find(self, booking_id: str) -> Booking | None:
        """See `Bookings.find`."""
        return await self._one({"_id": booking_id})

    async def find_by_request(self, buyer_id: str, request_id: str) -> Booking | None:
        """See `Bookings.find_by_request`."""
        return await self._one({"buyer_id": buyer_id, "request.request_id": request_id})

    async def save(
        self,
        before: Booking,
        booking: Booking,
        events: Sequence[Event],
        next_look: dt.datetime | None,
        lease: Lease | LeaseChange,
        now: dt.datetime,
    ) -> bool:
        """See `Bookings.save`: one conditional update of one document, of the fields that changed."""
        chosen: Document = {"_id": before.booking_id, "version": before.version}
        changes = changes_of(before, booking) | {"work.next_look": next_look}
        if isinstance(lease, Lease):
            chosen["work.lease_until"] = {"$lte": now}
            changes |= {
                "work.lease_owner": lease.owner,
                "work.lease_until": lease.until,
                "work.failures": 0,
            }
        elif lease is LeaseChange.END:
            changes |= {"work.lease_owner": "", "work.lease_until": LONG_AGO, "work.failures": 0}
        update: Document = {"$set": changes}
        if not events:
            return await self._writes.update(chosen, update)
        entries = [self._encode_event(booking, event) | {"time": now} for event in events]
        update["$push"] = {"outbox": {"$each": entries}}
        return await self._saved_with_events(chosen, update, entries, now)

    async def _saved_with_events(
        self, chosen: Document, update: Document, entries: Sequence[Document], now: dt.datetime
    ) -> bool:
        """With the turn to publish them, if there is nothing that has to be published before them."""
        until = self._outlet.offer(now)
        if until is not None and await self._writes.update(*with_turn(chosen, update, until)):
            self._outlet.take(OutboxTurn(chosen["_id"], tuple(entry_of(entry) for entry in entries), until))
            return True
        saved = await self._writes.update(chosen, update)
        if saved:
            self._outlet.look(chosen["_id"])
        return saved

    async def of_viewer(
        self, viewer: Viewer, before: tuple[dt.datetime, str] | None, limit: int
    ) -> list[Booking]:
        """See `Bookings.of_viewer`."""
        with store_call():
            found = (
                await self._bookings.find(listed_for(viewer, before), {"outbox": 0})
                .sort([("create_time", -1), ("_id", -1)])
                .limit(limit)
                .to_list(length=limit)
            )
        return [booking_of(document) for document in found]

    async def of_show(self, show_id: str, after: str, limit: int) -> list[Booking]:
        """See `Bookings.of_show`."""
        chosen: Document = {
            "show.show_id": show_id,
            "_id": {"$gt": after},
            "$or": [
                {"state": {"$in": _NOT_OVER}},
                {"state": BookingState.EXPIRED.value, "payments.0": {"$exists": True}},
            ],
        }
        with store_call():
            found = (
                await self._bookings.find(chosen, {"outbox": 0})
                .sort("_id", 1)
                .limit(limit)
                .to_list(length=limit)
            )
        return [booking_of(document) for document in found]

    async def heard(self, booking_ids: Collection[str]) -> Mapping[str, Collection[str]]:
        """See `Bookings.heard`."""
        with store_call():
            found = await self._bookings.find({"_id": {"$in": list(booking_ids)}}, {"heard": 1}).to_list(
                length=None
            )
        return {document["_id"]: document.get("heard", ()) for document in found}

    async def versions(self, booking_ids: Collection[str]) -> Mapping[str, int]:
        """See `Bookings.versions`."""
        with store_call():
            found = await self._bookings.find({"_id": {"$in": list(booking_ids)}}, {"version": 1}).to_list(
                length=None
            )
        return {document["_id"]: document["version"] for document in found}

    async def due(self, now: dt.datetime, limit: int, except_theatres: Collection[str]) -> list[DueBooking]:
        """See `Bookings.due`."""
        chosen: Document = {"work.next_look": come(now), "work.lease_until": {"$lte": now}}
        if except_theatres:
            chosen["show.theatre_id"] = {"$nin": list(except_theatres)}
        with store_call():
            found = (
                await self._bookings.find(chosen, {"show.theatre_id": 1})
                .sort("work.next_look", 1)
                .limit(limit)
                .to_list(length=limit)
            )
        return [DueBooking(document["_id"], document["show"]["theatre_id"]) for document in found]

    async def claim(self, booking_id: str, lease: Lease, now: dt.datetime) -> Claimed | None:
        """See `Bookings.claim`."""
        with store_call():
            document: Mapping[str, Any] | None = await self._bookings.find_one_and_update(
                {"_id": booking_id, "work.lease_until": {"$lte": now}},
                {"$set": {"work.lease_owner": lease.owner, "work.lease_until": lease.until}},
                projection={"outbox": 0},
            )
        if document is None:
            return None
        return Claimed(booking_of(document), document["work"]["failures"])

    async def release(
        self, booking_id: str, owner: str, next_look: dt.datetime | None, version: int, failures: int
    ) -> None:
        """See `Bookings.release`."""
        unchanged = {"$eq": ["$version", version]}
        with store_call():
            await self._bookings.update_one(
                {"_id": booking_id, "work.lease_owner": owner},
                [
                    {
                        "$set": {
                            "work.lease_owner": "",
                            "work.lease_until": LONG_AGO,
                            "work.failures": failures,
                            # Whoever changed it meanwhile has said when to look again.
                            "work.next_look": {"$cond": [unchanged, next_look, "$work.next_look"]},
                        }
                    }
                ],
            )

    async def resting(self, now: dt.datetime) -> Resting:
        """See `Bookings.resting`."""
        with store_call():
            overdue = await self._bookings.count_documents(
                {"work.next_look": come(now - dt.timedelta(seconds=5))}, limit=10_000
            )
            oldest: Mapping[str, Any] | None = await self._bookings.find_one(
                {"outbox.time": come(now)}, {"outbox.time": 1}, sort=[("outbox.time", 1)]
            )
        lag = now - oldest["outbox"][0]["time"] if oldest and oldest["outbox"] else dt.timedelta()
        return Resting(overdue, lag)

    async def _one(self, chosen: Document) -> Booking | None:
        with store_call():
            document = await self._bookings.find_one(chosen, {"outbox": 0})
        return booking_of(document) if document else None


def listed_for(viewer: Viewer, before: tuple[dt.datetime, str] | None) -> Document:
    """Chooses what a viewer's list shows after that position.

    Every branch holds all conditions, so that each is read in order from its index and none has to be sorted.
    """
    theirs: list[Document] = [{"buyer_id": buyer_id} for buyer_id in viewer.buyer_ids]
    if viewer.address is not None:
        theirs.append({"contact_keys": viewer.address.key})
    rest: Document = {"hold": {"$ne": None}}
    if before is not None:
        time, booking_id = before
        rest |= {
            "create_time": {"$lte": time},
            "$nor": [{"create_time": time, "_id": {"$gte": booking_id}}],
        }
    return {"$or": [each | rest for each in theirs]}
