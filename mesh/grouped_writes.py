"""Writing what concurrent callers have to write by one command.

The call and the wait for the journal are most of what a small write costs, here and in the store. One alone
goes at once; those that come while one is under way go together when it is done (Nagle's algorithm, RFC 896,
for writes instead of bytes). Each document is still written whole or not at all, and each caller hears of its
own.
"""

import asyncio
import contextvars
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError

from mesh.errors import StoreUnavailable
from mesh.mongo import Collection, Document, store_call

log = structlog.get_logger()

MARK: Final = "group_mark"
"""Field of a document: which update of a group was made last. By this it is known again, should not all of
them have found their document as they wanted it."""

_MOST: Final = 100
_PATIENCE_SECONDS: Final = 5.0
"""What has waited for longer is not begun: behind a store that hangs a long queue would take minutes, and a
write that comes so late does harm."""
_DUPLICATE_KEY: Final = 11000

Outcome = bool | None
"""Whether a write was made; None when that is not known."""


@dataclass(frozen=True, slots=True)
class _Insert:
    document: Document


@dataclass(frozen=True, slots=True)
class _Update:
    where: Document
    change: Mapping[str, Any]

    def marked(self, mark: str) -> UpdateOne:
        return UpdateOne(self.where, {**self.change, "$set": {**self.change.get("$set", {}), MARK: mark}})


_Write = _Insert | _Update


@dataclass(frozen=True, slots=True)
class _Waiting:
    write: _Write
    answer: asyncio.Future[bool]
    since: float


class GroupedWrites:
    """Writes to one collection; while one group is under way the next one gathers.

    How many wait is bounded by whoever bounds the callers. A store that hangs is waited for by the group
    under way and by the next one, `mesh.mongo.STEP_SECONDS` each, whatever deadline a caller has and however
    many there are. A caller that is cancelled takes its write back if that has not begun; one that is under
    way goes on. Raises `StoreUnavailable` when it is not known whether a write was made.
    """

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._waiting: deque[_Waiting] = deque()
        self._worker: asyncio.Task[None] | None = None

    async def insert(self, document: Document) -> bool:
        """Returns when the document is there; False when a unique index, also that of `_id`, refuses it."""
        return await self._written(_Insert(document))

    async def update(self, where: Document, change: Mapping[str, Any]) -> bool:
        """Changes the document that `where` finds, which names its `_id`; False when it finds none.

        Beside others it may happen that False is said of an update that was made, if the same document was
        changed again at once: as after an answer that was lost, the caller has to look.
        """
        return await self._written(_Update(where, change))

    async def _written(self, write: _Write) -> bool:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(_Waiting(write, answer, loop.time()))
        if self._worker is None or self._worker.done():
            # Not in this caller's context: its deadline is not that of the others.
            self._worker = asyncio.create_task(
                self._work(), name="grouped-writes", context=contextvars.Context()
            )
        return await answer

    async def _work(self) -> None:
        while group := self._next_group():
            outcomes: Sequence[Outcome] = [None] * len(group)
            try:
                outcomes = await self._outcomes([each.write for each in group])
            except Exception as error:
                known = isinstance(error, (StoreUnavailable, PyMongoError))
                log.warning(
                    "writes_of_unknown_outcome",
                    count=len(group),
                    error=type(error).__name__,
                    exc_info=not known,
                )
            finally:
                for each, outcome in zip(group, outcomes, strict=True):
                    _tell(each.answer, outcome)

    def _next_group(self) -> "list[_Waiting]":
        """The first who wait, without those who gave up or have waited in vain; empty when there are none."""
        since = asyncio.get_running_loop().time() - _PATIENCE_SECONDS
        group: list[_Waiting] = []
        while self._waiting and len(group) < _MOST:
            first = self._waiting.popleft()
            if first.since < since:
                _tell(first.answer, None)
            elif not first.answer.done():
                group.append(first)
        return group

    async def _outcomes(self, writes: Sequence[_Write]) -> Sequence[Outcome]:
        if len(writes) == 1:
            return [await self._alone(writes[0])]
        marks = [secrets.token_hex(8) for _ in writes]
        details = await self._together(
            [
                write.marked(mark) if isinstance(write, _Update) else InsertOne(write.document)
                for write, mark in zip(writes, marks, strict=True)
            ]
        )
        # Acknowledged by this server but not by a majority is not known.
        others = None if details.get("writeConcernErrors") else True
        outcomes: list[Outcome] = [others] * len(writes)
        for refused in details.get("writeErrors", ()):
            inserted = isinstance(writes[refused["index"]], _Insert)
            outcomes[refused["index"]] = _refusal(refused, inserted=inserted)
        updates = {
            number: write
            for number, write in enumerate(writes)
            if isinstance(write, _Update) and outcomes[number] is True
        }
        if updates and details.get("nMatched") != len(updates):
            made = await self._marks([write.where["_id"] for write in updates.values()])
            for number, write in updates.items():
                outcomes[number] = made.get(write.where["_id"]) == marks[number]
        return outcomes

    async def _alone(self, write: _Write) -> Outcome:
        with store_call():
            if isinstance(write, _Update):
                return (await self._collection.update_one(write.where, write.change)).matched_count == 1
            try:
                await self._collection.insert_one(write.document)
            except DuplicateKeyError:
                return False
            return True

    async def _together(
        self, commands: "Sequence[InsertOne[Mapping[str, Any]] | UpdateOne]"
    ) -> Mapping[str, Any]:
        with store_call():
            try:
                return (await self._collection.bulk_write(commands, ordered=False)).bulk_api_result
            except BulkWriteError as error:
                return dict(error.details or {})

    async def _marks(self, ids: Sequence[Any]) -> Mapping[Any, Any]:
        with store_call():
            found = await self._collection.find({"_id": {"$in": list(ids)}}, {MARK: 1}).to_list(length=None)
        return {document["_id"]: document.get(MARK) for document in found}


def _refusal(refused: Mapping[str, Any], *, inserted: bool) -> Outcome:
    if inserted and refused["code"] == _DUPLICATE_KEY:
        return False
    log.error("write_failed", code=refused["code"])
    return None


def _tell(answer: asyncio.Future[bool], outcome: Outcome) -> None:
    if answer.done():
        return
    if outcome is None:
        # One for each who waits: a traceback grows with every `raise`.
        answer.set_exception(StoreUnavailable("mongodb"))
    else:
        answer.set_result(outcome)
