"""Codes of signing in, in MongoDB: one document for each address, one for each limit.

- `sign_in_codes`: `_id` is a keyed hash of the address. It holds the one code that is live, and the
  last few requests for one, so that their repeats are known.
- `sign_in_limits`: `times`, the moments at which something was granted, never more than the limit.

Time is compared in every query; that documents go away after a while is only tidiness.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from pymongo import IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from booking_svc.domain.people import Address, AddressKind
from booking_svc.domain.sign_in import MOST_TRIES, Challenge, Limit
from booking_svc.ports import KnownRequest, Try
from mesh.errors import StoreUnavailable
from mesh.mongo import Client, Document, database_of, store_call

_SENDING, _SENT, _NOT_SENT = "sending", "sent", "not_sent"
_SENDING_TIME: Final = dt.timedelta(seconds=15)
"""Whoever has been sending for longer has crashed."""
_REMEMBERED_REQUESTS: Final = 20
_KEPT_SECONDS: Final = 3600
_RACES: Final = 5


class MongoSignInCodes:
    """The `SignInCodes` port."""

    def __init__(self, client: Client, name: str) -> None:
        database = database_of(client, name)
        self._codes = database["sign_in_codes"]
        self._limits = database["sign_in_limits"]
        self._prepared = False

    async def ready(self) -> None:
        """Returns when the store has its indexes; for health probes."""
        if self._prepared:
            return
        with store_call():
            await self._codes.create_indexes(
                [
                    IndexModel("requests.request_id", unique=True),
                    IndexModel("challenge_id"),
                    IndexModel("expire_time", expireAfterSeconds=_KEPT_SECONDS),
                ]
            )
            await self._limits.create_indexes([IndexModel("over_time", expireAfterSeconds=0)])
        self._prepared = True

    async def grant(self, limit: Limit, now: dt.datetime) -> dt.datetime | None:
        """See `SignInCodes.grant`."""
        recent = {
            "$filter": {"input": {"$ifNull": ["$times", []]}, "cond": {"$gt": ["$$this", now - limit.window]}}
        }
        below = {"$lt": [{"$size": "$times"}, limit.most]}
        update: list[Document] = [
            {"$set": {"times": recent}},
            {"$set": {"granted": below, "over_time": now + limit.window}},
            {"$set": {"times": {"$concatArrays": ["$times", {"$cond": ["$granted", [now], []]}]}}},
        ]
        for _ in range(_RACES):
            with store_call():
                try:
                    after: Any = await self._limits.find_one_and_update(
                        {"_id": limit.ref}, update, upsert=True, return_document=ReturnDocument.AFTER
                    )
                except DuplicateKeyError:
                    continue  # two first ones at once
            return None if after["granted"] else min(after["times"]) + limit.window
        raise StoreUnavailable("mongodb")

    async def known(self, request_id: str, now: dt.datetime) -> KnownRequest | None:
        """See `SignInCodes.known`."""
        with store_call():
            found = await self._codes.find_one({"requests.request_id": request_id})
        if found is None:
            return None
        request = next(each for each in reversed(found["requests"]) if each["request_id"] == request_id)
        settled = (
            found["request_id"] != request_id
            or found["state"] == _SENT
            or (found["state"] == _SENDING and found["issue_time"] > now - _SENDING_TIME)
        )
        return KnownRequest(request["content"], request["expire_time"], settled)

    async def put(self, address_ref: str, challenge: Challenge, now: dt.datetime) -> bool:
        """See `SignInCodes.put`: one conditional update."""
        if not self._prepared:
            await self.ready()
        free: Document = {
            "_id": address_ref,
            "$or": [
                {"request_id": {"$ne": challenge.request_id}},
                {"state": _NOT_SENT},
                {"state": _SENDING, "issue_time": {"$lte": now - _SENDING_TIME}},
            ],
        }
        request = {
            "request_id": challenge.request_id,
            "content": challenge.content,
            "expire_time": challenge.expire_time,
        }
        update = {
            "$set": {
                "challenge_id": challenge.challenge_id,
                "kind": challenge.address.kind.value,
                "text": challenge.address.text,
                "request_id": challenge.request_id,
                "content": challenge.content,
                "code_hash": challenge.code_hash,
                "expire_time": challenge.expire_time,
                "issue_time": now,
                "state": _SENDING,
                "tries": 0,
                "spent_by": "",
            },
            "$push": {"requests": {"$each": [request], "$slice": -_REMEMBERED_REQUESTS}},
        }
        for _ in range(_RACES):
            with store_call():
                try:
                    await self._codes.update_one(free, update, upsert=True)
                except DuplicateKeyError:
                    if await self._codes.find_one({"requests.request_id": challenge.request_id}, ["_id"]):
                        return False
                    continue  # another request made the address's first document at this moment
            return True
        raise StoreUnavailable("mongodb")

    async def sending_ended(self, address_ref: str, challenge_id: str, sent: bool) -> None:
        """See `SignInCodes.sending_ended`."""
        with store_call():
            await self._codes.update_one(
                {"_id": address_ref, "challenge_id": challenge_id, "state": _SENDING},
                {"$set": {"state": _SENT if sent else _NOT_SENT}},
            )

    async def take_try(self, challenge_id: str, now: dt.datetime) -> Try | None:
        """See `SignInCodes.take_try`."""
        with store_call():
            taken: Mapping[str, Any] | None = await self._codes.find_one_and_update(
                {
                    "challenge_id": challenge_id,
                    "expire_time": {"$gt": now},
                    "spent_by": "",
                    "tries": {"$lt": MOST_TRIES},
                },
                {"$inc": {"tries": 1}},
                return_document=ReturnDocument.AFTER,
            )
        return Try(_challenge(taken), MOST_TRIES - taken["tries"]) if taken else None

    async def spend(self, challenge: Challenge, request_id: str) -> bool:
        """See `SignInCodes.spend`."""
        with store_call():
            result = await self._codes.update_one(
                {
                    "challenge_id": challenge.challenge_id,
                    "code_hash": challenge.code_hash,
                    "spent_by": "",
                },
                {"$set": {"spent_by": request_id}},
            )
        return result.modified_count == 1

    async def spent_by(self, challenge_id: str, request_id: str, now: dt.datetime) -> Challenge | None:
        """See `SignInCodes.spent_by`."""
        with store_call():
            found = await self._codes.find_one(
                {"challenge_id": challenge_id, "spent_by": request_id, "expire_time": {"$gt": now}}
            )
        return _challenge(found) if found else None


def _challenge(found: Mapping[str, Any]) -> Challenge:
    return Challenge(
        challenge_id=found["challenge_id"],
        address=Address(AddressKind(found["kind"]), found["text"]),
        request_id=found["request_id"],
        content=found["content"],
        code_hash=found["code_hash"],
        expire_time=found["expire_time"],
    )
