"""Request ids in MongoDB, for a week."""

import datetime as dt

from pymongo.errors import DuplicateKeyError

from mesh.clock import Clock
from mesh.errors import RequestIdReused
from mesh.mongo import store_call
from notify_svc.stores.mongo import REQUESTS, NotifyDatabase


class MongoRequestLog:
    """See `RequestLog`."""

    def __init__(self, database: NotifyDatabase, clock: Clock) -> None:
        self._requests = database.database[REQUESTS]
        self._clock = clock

    async def remember(self, request_id: str, digest: str) -> None:
        """See `RequestLog`."""
        now: dt.datetime = self._clock.now()
        with store_call():
            try:
                await self._requests.insert_one({"_id": request_id, "digest": digest, "create_time": now})
            except DuplicateKeyError:
                found = await self._requests.find_one({"_id": request_id})
                if found is not None and found["digest"] != digest:
                    raise RequestIdReused from None
