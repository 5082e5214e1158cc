"""Preferences in MongoDB: one document for each address that ever changed something."""

import datetime as dt
from collections.abc import Collection

from pymongo.errors import DuplicateKeyError

from mesh.mongo import Document, store_call
from notify_svc.domain.news import NewsKind
from notify_svc.domain.notifications import Channel
from notify_svc.domain.preferences import Preferences, Switch, address_key
from notify_svc.stores.mongo import PREFERENCES, NotifyDatabase


class MongoPreferences:
    """See `PreferenceStore`."""

    def __init__(self, database: NotifyDatabase) -> None:
        self._preferences = database.database[PREFERENCES]

    async def of(self, address: str) -> Preferences:
        """See `PreferenceStore`."""
        with store_call():
            found = await self._preferences.find_one({"_id": address_key(address)})
        if found is None:
            return Preferences()
        unwanted = frozenset(_switch(name) for name in found["unwanted"])
        return Preferences(unwanted, found["version"], tuple(found["request_ids"]))

    async def put(self, address: str, before: Preferences, after: Preferences, now: dt.datetime) -> bool:
        """See `PreferenceStore`."""
        document: Document = {
            "unwanted": sorted(f"{channel.value}.{kind.value}" for channel, kind in after.unwanted),
            "version": after.version,
            "request_ids": list(after.request_ids),
            "update_time": now,
        }
        key = address_key(address)
        with store_call():
            if before.version:
                there = {"_id": key, "version": before.version}
                return (await self._preferences.replace_one(there, document)).matched_count == 1
            try:
                await self._preferences.insert_one({"_id": key} | document)
            except DuplicateKeyError:
                return False
        return True

    async def forget(self, addresses: Collection[str]) -> None:
        """See `PreferenceStore`."""
        with store_call():
            await self._preferences.delete_many(
                {"_id": {"$in": [address_key(address) for address in addresses]}}
            )


def _switch(name: str) -> Switch:
    channel, _, kind = name.partition(".")
    return Channel(channel), NewsKind(kind)
