"""Updates of single documents that come within a tenth of a second go to the store as one call."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, WriteError

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
        """False when it would have made a second document with the key.

        Raises StoreUnavailable, and WriteError when the store refuses it for another reason.

        A caller that is cancelled does not know whether it was made.
        """
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._gathering.put((UpdateOne(where, change, upsert=upsert), answer))
        return await answer

    async def _tell(self, waiting: list[_Waiting]) -> None:
        try:
            refusals, known = await self._write([update for update, _ in waiting])
        except Exception as error:  # noqa: BLE001 - it is everybody's who waits
            for _, answer in waiting:
                if not answer.done():
                    # One for each who waits: a traceback grows with every `raise`.
                    away = isinstance(error, StoreUnavailable)
                    answer.set_exception(StoreUnavailable("mongodb") if away else error)
            return
        for n, (_, answer) in enumerate(waiting):
            if answer.done():
                continue
            code = refusals.get(n)
            if code not in (None, _DUPLICATE_KEY):
                # Not the driver's own: that repeats the update, and with it whose it is.
                answer.set_exception(WriteError(f"the store refused an update: {code}", code))
            elif known:
                answer.set_result(code is None)
            else:
                answer.set_exception(StoreUnavailable("mongodb"))

    async def _write(self, updates: list[UpdateOne]) -> tuple[Mapping[int, int], bool]:
        """The codes of those that were refused, by number, and whether a majority has the others."""
        try:
            with store_call():
                await self._collection.bulk_write(updates, ordered=False)
        except BulkWriteError as error:
            details: dict[str, Any] = dict(error.details or {})
            refusals = {each["index"]: each["code"] for each in details.get("writeErrors", [])}
            return refusals, not details.get("writeConcernErrors")
        return {}, True
