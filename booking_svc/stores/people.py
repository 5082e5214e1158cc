"""People and their sign-ins, in MongoDB.

- `people`: `_id` is the address, `person_id` what the rest of the world knows the person by.
- `sign_ins`: `_id` is a hash of the token; nobody who reads the store can use it.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from pymongo import IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from booking_svc.domain.people import Address, AddressKind, SignIn
from mesh.errors import StoreUnavailable
from mesh.ids import new_token
from mesh.mongo import Client, Document, database_of, store_call

# For longer than a code lives: a repeat of its request must not open a sign-in that was ended.
_KEPT_SECONDS: Final = 3600
_RACES: Final = 5


class MongoPeople:
    """The `People` port."""

    def __init__(self, client: Client, name: str) -> None:
        database = database_of(client, name)
        self._people = database["people"]
        self._sign_ins = database["sign_ins"]
        self._prepared = False

    async def ready(self) -> None:
        """Returns when the store has its indexes; for health probes."""
        if self._prepared:
            return
        with store_call():
            await self._sign_ins.create_indexes(
                [IndexModel("person_id"), IndexModel("expire_time", expireAfterSeconds=_KEPT_SECONDS)]
            )
        self._prepared = True

    async def person_id(self, address: Address, now: dt.datetime) -> str:
        """See `People.person_id`."""
        new: Document = {"person_id": new_token(), "create_time": now}
        found = await self._kept(self._people, address.key, new)
        return str(found["person_id"])

    async def add(self, token_hash: str, sign_in: SignIn) -> SignIn:
        """See `People.add`."""
        new: Document = {
            "person_id": sign_in.person_id,
            "kind": sign_in.address.kind.value,
            "text": sign_in.address.text,
            "earlier_buyer_ids": list(sign_in.earlier_buyer_ids),
            "start_time": sign_in.start_time,
            "expire_time": sign_in.expire_time,
        }
        return _sign_in(await self._kept(self._sign_ins, token_hash, new))

    async def find(self, token_hash: str, now: dt.datetime) -> SignIn | None:
        """See `People.find`."""
        with store_call():
            found = await self._sign_ins.find_one({"_id": token_hash, "expire_time": {"$gt": now}})
        return _sign_in(found) if found else None

    async def end(self, token_hash: str, now: dt.datetime) -> None:
        """See `People.end`."""
        await self._end({"_id": token_hash}, now)

    async def _end(self, chosen: Document, now: dt.datetime) -> None:
        with store_call():
            await self._sign_ins.update_many(
                chosen | {"expire_time": {"$gt": now}}, {"$set": {"expire_time": now}}
            )

    @staticmethod
    async def _kept(collection: Any, key: str, new: Document) -> Mapping[str, Any]:
        """The document with that key; made of what is given when there was none."""
        for _ in range(_RACES):
            with store_call():
                try:
                    found: Mapping[str, Any] = await collection.find_one_and_update(
                        {"_id": key}, {"$setOnInsert": new}, upsert=True, return_document=ReturnDocument.AFTER
                    )
                except DuplicateKeyError:
                    continue  # two first ones at once
            return found
        raise StoreUnavailable("mongodb")


def _sign_in(found: Mapping[str, Any]) -> SignIn:
    return SignIn(
        person_id=found["person_id"],
        address=Address(AddressKind(found["kind"]), found["text"]),
        earlier_buyer_ids=tuple(found["earlier_buyer_ids"]),
        start_time=found["start_time"],
        expire_time=found["expire_time"],
    )
