"""Preferences in MongoDB: one document for each person."""

from collections.abc import Set

from pymongo.errors import DuplicateKeyError

from notify_svc.domain.notifications import Channel
from notify_svc.stores.mongo import PREFERENCES, NotifyDatabase, store_call

_REMEMBERED_REQUESTS = 50


class MongoPreferences:
    """See `Preferences`."""

    def __init__(self, database: NotifyDatabase) -> None:
        self._preferences = database.database[PREFERENCES]

    async def wanted(self, person_id: str) -> Set[Channel] | None:
        """See `Preferences`."""
        with store_call():
            found = await self._preferences.find_one({"_id": person_id})
        return None if found is None else {Channel(name) for name in found["wanted"]}

    async def forget(self, person_id: str) -> None:
        """See `Preferences`."""
        with store_call():
            await self._preferences.delete_one({"_id": person_id})

    async def want(self, person_id: str, channels: Set[Channel], request_id: str) -> None:
        """See `Preferences`."""
        with store_call():
            try:
                await self._preferences.update_one(
                    {"_id": person_id, "request_ids": {"$ne": request_id}},
                    {
                        "$set": {"wanted": sorted(channel.value for channel in channels)},
                        "$push": {"request_ids": {"$each": [request_id], "$slice": -_REMEMBERED_REQUESTS}},
                    },
                    upsert=True,
                )
            except DuplicateKeyError:
                return  # the person is known, and so is the request: it was stored before
