"""Updates of single documents that come within a tenth of a second go to the store as one call."""

import asyncio
from typing import Any, Final

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from mesh.errors import StoreUnavailable
from mesh.gathering import Gathering
from mesh.mongo import Collection, Document, store_call

_DUPLICATE_KEY: Final = 11000
_GATHER_SECONDS: Final = 0.1

_Waiting = tuple[UpdateOne, asyncio.Future[bool]]


class GatheredUpdates:
    """Makes updates as if each were made alone; they have no order among each other.

    `most` is how many wait for each other: as many as there may be at the same
    moment, or nobody gets on before the time is over.
    """

    def __init__(self, collection: Collection, most: int) -> None:
        self._collection = collection
        self._gathering: Gathering[_Waiting] = Gathering(self._tell, _GATHER_SECONDS, most)

    async def update(self, where: Document, change: Document, *, upsert: bool = False) -> bool:
        """False when it would have made a second document with the key; raises StoreUnavailable.

        A caller that is cancelled does not know whether it was made.
        """
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._gathering.put((UpdateOne(where, change, upsert=upsert), answer))
        return await answer

    async def _tell(self, waiting: list[_Waiting]) -> None:
        try:
            refused = await self._write([update for update, _ in waiting])
        except Exception as error:  # noqa: BLE001 - it is everybody's who waits
            for _, answer in waiting:
                if not answer.done():
                    # One for each who waits: a traceback grows with every `raise`.
                    away = isinstance(error, StoreUnavailable)
                    answer.set_exception(StoreUnavailable("mongodb") if away else error)
            return
        for n, (_, answer) in enumerate(waiting):
            if not answer.done():
                answer.set_result(n not in refused)

    async def _write(self, updates: list[UpdateOne]) -> set[int]:
        """Which of them met a document with their key."""
        try:
            with store_call():
                await self._collection.bulk_write(updates, ordered=False)
        except BulkWriteError as error:
            details: dict[str, Any] = dict(error.details or {})
            errors = details.get("writeErrors", [])
            if details.get("writeConcernErrors") or any(each["code"] != _DUPLICATE_KEY for each in errors):
                raise
            return {each["index"] for each in errors}
        return set()
