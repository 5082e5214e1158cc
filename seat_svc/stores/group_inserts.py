"""Inserting what concurrent callers have to record by one command.

The call and the wait for the journal are most of what a small insert costs, here
and in the store. Each document is still recorded whole or not at all, and each
caller hears of its own.
"""

import asyncio
from collections import deque
from typing import Any, Final

import structlog
from pymongo.errors import BulkWriteError, PyMongoError

from mesh import deadlines
from mesh.errors import StoreUnavailable
from mesh.mongo import Collection, Document, store_call
from seat_svc.ports import AlreadySold

log = structlog.get_logger()

_MOST: Final = 100
_DUPLICATE_KEY: Final = 11000

Waiting = tuple[Document, asyncio.Future[None]]


class GroupInserts:
    """Inserts into one collection; while one group is under way the next one gathers."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._waiting: deque[Waiting] = deque()
        self._worker: asyncio.Task[None] | None = None

    async def insert(self, document: Document) -> None:
        """Returns when the document is recorded.

        Raises `AlreadySold` when a unique index refuses it, and
        `StoreUnavailable` when it is not known whether it was recorded.
        A caller that is cancelled does not stop it.
        """
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((document, answer))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work(), name="sale-inserts")
        await answer

    async def _work(self) -> None:
        deadlines.set_remaining(None)
        while self._waiting:
            group = [self._waiting.popleft() for _ in range(min(_MOST, len(self._waiting)))]
            outcomes: list[Exception | None] = [StoreUnavailable("mongodb")] * len(group)
            try:
                outcomes = await self._insert([document for document, _ in group])
            except (StoreUnavailable, PyMongoError) as error:
                log.warning("sales_of_unknown_outcome", count=len(group), error=type(error).__name__)
            finally:
                for (_, answer), outcome in zip(group, outcomes, strict=True):
                    _tell(answer, outcome)

    async def _insert(self, documents: list[Document]) -> list[Exception | None]:
        """What became of each."""
        with store_call():
            try:
                await self._collection.insert_many(documents, ordered=False)
            except BulkWriteError as error:
                return _outcomes(error.details or {}, len(documents))
        return [None] * len(documents)


def _outcomes(details: Any, count: int) -> list[Exception | None]:
    # Acknowledged by this server but not by a majority is not known.
    others: Exception | None = StoreUnavailable("mongodb") if details.get("writeConcernErrors") else None
    outcomes = [others] * count
    for refused in details.get("writeErrors", ()):
        duplicate = refused["code"] == _DUPLICATE_KEY
        outcomes[refused["index"]] = AlreadySold() if duplicate else StoreUnavailable("mongodb")
    return outcomes


def _tell(answer: asyncio.Future[None], outcome: Exception | None) -> None:
    if answer.done():
        return
    if outcome is None:
        answer.set_result(None)
    else:
        answer.set_exception(outcome)
