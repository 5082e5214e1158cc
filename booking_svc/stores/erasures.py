"""Erasures in MongoDB, and what they erase.

`erasures` holds one document for each, with `next_look` while there is something left to do. Once
done, it says no more than that and when.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from pymongo import IndexModel, ReturnDocument

from booking_svc.domain.booking import Booking
from booking_svc.domain.erasing import Erasure
from booking_svc.domain.people import Address, AddressKind
from booking_svc.stores.documents import document_of
from booking_svc.stores.times import come
from mesh.mongo import Client, Document, database_of, store_call


class MongoErasures:
    """The `Erasures` port."""

    def __init__(self, client: Client, name: str) -> None:
        database = database_of(client, name)
        self._erasures = database["erasures"]
        self._bookings = database["bookings"]
        self._sign_ins = database["sign_ins"]
        self._people = database["people"]
        self._codes = database["sign_in_codes"]
        self._prepared = False

    async def ready(self) -> None:
        """Returns when the store has its indexes; for health probes."""
        if self._prepared:
            return
        with store_call():
            await self._erasures.create_indexes(
                [
                    IndexModel("next_look", partialFilterExpression={"next_look": {"$type": "date"}}),
                ]
            )
        self._prepared = True

    async def add(self, erasure: Erasure) -> Erasure:
        """See `Erasures.add`. The request's id is the document's: the same request is one erasure."""
        new: Document = {
            "erasure_id": erasure.erasure_id,
            "token_hash": erasure.token_hash,
            "person_id": erasure.person_id,
            "kind": erasure.address.kind.value,
            "text": erasure.address.text,
            "create_time": erasure.create_time,
            "swept": False,
            "next_look": erasure.create_time,
        }
        with store_call():
            kept: Any = await self._erasures.find_one_and_update(
                {"_id": erasure.request_id},
                {"$setOnInsert": new},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return _erasure(kept)

    async def known(self, request_id: str) -> Erasure | None:
        """See `Erasures.known`."""
        with store_call():
            found = await self._erasures.find_one({"_id": request_id})
        return _erasure(found) if found else None

    async def claim(self, now: dt.datetime, until: dt.datetime) -> Erasure | None:
        """See `Erasures.claim`."""
        with store_call():
            found: Mapping[str, Any] | None = await self._erasures.find_one_and_update(
                {"next_look": come(now)}, {"$set": {"next_look": until}}, sort=[("next_look", 1)]
            )
        return _erasure(found) if found else None

    async def erase(self, booking: Booking, now: dt.datetime) -> bool:
        """See `Erasures.erase`: one conditional update of one document."""
        with store_call():
            result = await self._bookings.update_one(
                {
                    "_id": booking.booking_id,
                    "version": booking.version - 1,
                    "outbox": {"$size": 0},
                    "work.next_look": None,
                    "work.lease_until": {"$lte": now},
                },
                {"$set": document_of(booking)},
            )
        return result.modified_count == 1

    async def end_sign_ins(self, person_id: str, now: dt.datetime) -> None:
        """See `Erasures.end_sign_ins`."""
        with store_call():
            await self._sign_ins.update_many(
                {"person_id": person_id, "expire_time": {"$gt": now}}, {"$set": {"expire_time": now}}
            )

    async def forget(self, person_id: str, address: Address, address_ref: str) -> None:
        """See `Erasures.forget`."""
        with store_call():
            await self._people.delete_one({"_id": address.key, "person_id": person_id})
            await self._sign_ins.update_many(
                {"person_id": person_id}, {"$set": {"text": "", "earlier_buyer_ids": []}}
            )
            await self._codes.delete_one({"_id": address_ref})

    async def sweep_again(self, erasure_id: str, time: dt.datetime) -> None:
        """See `Erasures.sweep_again`."""
        with store_call():
            await self._erasures.update_one(
                {"erasure_id": erasure_id}, {"$set": {"swept": True, "next_look": time}}
            )

    async def done(self, erasure_id: str, now: dt.datetime) -> None:
        """See `Erasures.done`."""
        with store_call():
            await self._erasures.update_one(
                {"erasure_id": erasure_id},
                {"$set": {"text": "", "person_id": "", "next_look": None, "done_time": now}},
            )


def _erasure(found: Mapping[str, Any]) -> Erasure:
    return Erasure(
        erasure_id=found["erasure_id"],
        request_id=found["_id"],
        token_hash=found["token_hash"],
        person_id=found["person_id"],
        address=Address(AddressKind(found["kind"]), found["text"]),
        create_time=found["create_time"],
        swept=found["swept"],
    )
