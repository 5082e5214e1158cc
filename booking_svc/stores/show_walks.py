"""Cancelled and moved shows in MongoDB: each change once, and how far its bookings have followed it.

A change is kept, then its place in the catalogue's list is passed; a crash
between the two keeps it again under the same id, which changes nothing.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pymongo import IndexModel, ReturnDocument
from pymongo.errors import BulkWriteError, DuplicateKeyError

from booking_svc.ports import Lease, ScheduleChange, ScheduleChangeKind, Walk
from booking_svc.stores.times import LONG_AGO, come
from mesh.mongo import Client, Document, database_of, store_call

_KEPT_SECONDS: Final = 90 * 24 * 3600
_DUPLICATE: Final = 11000
_POSITION: Final = "catalogue"
_INDEXES: Final = (
    IndexModel("due", partialFilterExpression={"due": {"$type": "date"}}),
    IndexModel([("show_id", 1), ("_id", 1)]),
    IndexModel("ended_time", expireAfterSeconds=_KEPT_SECONDS),
)


class MongoShowWalks:
    """The `ShowWalks` port: collections `show_walks` and `schedule_positions`."""

    def __init__(self, client: Client, name: str) -> None:
        database = database_of(client, name)
        self._walks = database["show_walks"]
        self._positions = database["schedule_positions"]
        self._prepared = False

    async def ready(self) -> None:
        """Makes the indexes, once; for health probes."""
        if not self._prepared:
            with store_call():
                await self._walks.create_indexes(list(_INDEXES))
            self._prepared = True

    async def claim_position(self, lease: Lease, now: dt.datetime) -> int | None:
        """See `ShowWalks.claim_position`."""
        free = {"$or": [{"lease_until": {"$lte": now}}, {"lease_owner": lease.owner}]}
        with store_call():
            try:
                document: Any = await self._positions.find_one_and_update(
                    {"_id": _POSITION, **free},
                    {
                        "$set": {"lease_owner": lease.owner, "lease_until": lease.until},
                        "$setOnInsert": {"sequence": 0},
                    },
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
            except DuplicateKeyError:
                return None  # there is one, and somebody else reads on from it
        sequence: int = document["sequence"]
        return sequence

    async def keep(self, changes: Sequence[ScheduleChange], owner: str, due: dt.datetime) -> None:
        """See `ShowWalks.keep`."""
        update: Document = {"$set": {"lease_until": LONG_AGO}}
        with store_call():
            if changes:
                try:
                    documents = [_document_of(change, due) for change in changes]
                    await self._walks.insert_many(documents, ordered=False)
                except BulkWriteError as error:
                    if any(each["code"] != _DUPLICATE for each in error.details["writeErrors"]):
                        raise
                update["$max"] = {"sequence": changes[-1].sequence}
            await self._positions.update_one({"_id": _POSITION, "lease_owner": owner}, update)

    async def claim(self, lease: Lease, now: dt.datetime) -> Walk | None:
        """See `ShowWalks.claim`."""
        with store_call():
            document: Mapping[str, Any] | None = await self._walks.find_one_and_update(
                {"due": come(now), "lease_until": {"$lte": now}},
                {"$set": {"lease_owner": lease.owner, "lease_until": lease.until}},
                sort=[("due", 1)],
            )
            if document is None:
                return None
            later = await self._walks.find_one(
                {"show_id": document["show_id"], "_id": {"$gt": document["_id"]}}, {"_id": 1}
            )
        return Walk(
            change=_change_of(document),
            round=document["round"],
            after=document["after"],
            failures=document["failures"],
            superseded=later is not None,
        )

    async def come_to(self, sequence: int, lease: Lease, after: str) -> bool:
        """See `ShowWalks.come_to`."""
        with store_call():
            result = await self._walks.update_one(
                {"_id": sequence, "lease_owner": lease.owner},
                {"$set": {"after": after, "lease_until": lease.until}},
            )
        return result.matched_count == 1

    async def end_round(self, sequence: int, owner: str, next_round: dt.datetime | None) -> None:
        """See `ShowWalks.end_round`."""
        changes: Document = {"after": "", "failures": 0, "due": next_round, **_FREE}
        if next_round is None:
            changes["ended_time"] = dt.datetime.now(dt.UTC)
        with store_call():
            await self._walks.update_one(
                {"_id": sequence, "lease_owner": owner}, {"$set": changes, "$inc": {"round": 1}}
            )

    async def put_off(self, sequence: int, owner: str, until: dt.datetime) -> None:
        """See `ShowWalks.put_off`."""
        with store_call():
            await self._walks.update_one(
                {"_id": sequence, "lease_owner": owner},
                {"$set": {"after": "", "due": until, **_FREE}, "$inc": {"failures": 1}},
            )


_FREE: Final[Mapping[str, Any]] = {"lease_owner": "", "lease_until": LONG_AGO}


def _document_of(change: ScheduleChange, due: dt.datetime) -> Document:
    return {
        "_id": change.sequence,
        "kind": change.kind.value,
        "show_id": change.show_id,
        "start_time": change.start_time,
        "reason": change.reason,
        "time": change.time,
        "round": 0,
        "after": "",
        "failures": 0,
        "due": due,
        **_FREE,
    }


def _change_of(document: Mapping[str, Any]) -> ScheduleChange:
    return ScheduleChange(
        sequence=document["_id"],
        kind=ScheduleChangeKind(document["kind"]),
        show_id=document["show_id"],
        start_time=document["start_time"],
        reason=document["reason"],
        time=document["time"],
    )
