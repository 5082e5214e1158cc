"""The service's MongoDB database and its indexes."""

from collections.abc import Mapping

from pymongo import IndexModel

from mesh.mongo import Client, Database, database_of, ping, store_call

NOTIFICATIONS, PREFERENCES, REQUESTS = "notifications", "preferences", "requests"

_DAY_SECONDS = 24 * 3600
_INDEXES: Mapping[str, list[IndexModel]] = {
    NOTIFICATIONS: [
        IndexModel([("booking_id", 1), ("create_time", -1), ("_id", -1)]),
        IndexModel([("recipient_key", 1), ("create_time", -1), ("_id", -1)]),
        # They hold addresses: not kept for longer than anybody asks for them.
        IndexModel("create_time", expireAfterSeconds=90 * _DAY_SECONDS),
    ],
    REQUESTS: [IndexModel("create_time", expireAfterSeconds=7 * _DAY_SECONDS)],
}


class NotifyDatabase:
    """The database, prepared when it first answers."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._prepared = False
        self.database: Database = database_of(client, name)

    async def ready(self) -> None:
        """Returns when the store answers and has its indexes; for health probes."""
        if self._prepared:
            await ping(self._client)
            return
        with store_call():
            for collection, indexes in _INDEXES.items():
                await self.database[collection].create_indexes(indexes)
        self._prepared = True
