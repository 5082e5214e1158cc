"""Writes that go to a real MongoDB together: each of them is told what became of it, and of nobody else's."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from mesh import deadlines
from mesh.errors import StoreUnavailable
from mesh.grouped_writes import MARK, GroupedWrites
from mesh.mongo import (
    STEP_SECONDS,
    Client,
    Collection,
    Driver,
    close,
    database_of,
    open_client,
    within_deadline,
)
from stack.engines import MongoEngine
from tests.fixtures.engines import MongoDatabase


class Counting:
    """The collection, with its calls counted; `after_bulk` happens before the answer to a group is told."""

    def __init__(self, collection: Collection) -> None:
        self._collection: Any = collection
        self.calls: Counter[str] = Counter()
        self.after_bulk: Any = None

    def __getattr__(self, name: str) -> Any:
        self.calls[name] += 1
        return getattr(self._collection, name)

    async def bulk_write(self, *commands: Any, **options: Any) -> Any:
        self.calls["bulk_write"] += 1
        result = await self._collection.bulk_write(*commands, **options)
        if self.after_bulk is not None:
            await self.after_bulk()
        return result


@pytest_asyncio.fixture(loop_scope="session", params=["pymongo", "motor"])
async def client(request: pytest.FixtureRequest, mongo_database: MongoDatabase) -> AsyncIterator[Client]:
    driver: Driver = request.param
    opened = open_client(mongo_database.url, "grouped", driver)
    yield opened
    await close(opened)


@pytest_asyncio.fixture(loop_scope="session")
async def things(client: Client, mongo_database: MongoDatabase) -> Counting:
    """A hundred documents of version 1, and a unique name for each."""
    collection = database_of(client, mongo_database.name)["things"]
    await collection.create_index("name", unique=True)
    documents = [{"_id": number, "name": f"n{number}", "version": 1} for number in range(100)]
    await collection.insert_many(documents)
    return Counting(collection)


def writes_to(things: Any) -> GroupedWrites:
    """Counting stands in for its collection."""
    return GroupedWrites(things)


def changed(writes: GroupedWrites, number: int, version: int = 1, **more: Any) -> Awaitable[bool]:
    """The next version of a document, if it has this one."""
    return writes.update({"_id": number, "version": version}, {"$set": {"version": version + 1} | more})


async def test_one_alone_goes_as_it_is(things: Counting) -> None:
    writes = writes_to(things)
    assert await changed(writes, 1)
    assert not await changed(writes, 1)
    assert await writes.insert({"_id": "new", "name": "new"})
    assert not await writes.insert({"_id": "newer", "name": "new"})
    assert things.calls == {"update_one": 2, "insert_one": 2}
    assert await things.find_one({"_id": 1}) == {"_id": 1, "name": "n1", "version": 2}


async def test_who_comes_while_one_is_under_way_goes_together(things: Counting) -> None:
    writes = writes_to(things)
    assert all(await asyncio.gather(*(changed(writes, number) for number in range(100))))
    assert things.calls["bulk_write"] + things.calls["update_one"] <= 2
    assert await things.count_documents({"version": 2}) == 100


async def test_each_of_a_group_hears_of_its_own(things: Counting) -> None:
    writes = writes_to(things)
    assert await changed(writes, 3)  # somebody was faster than those who come now
    assert await changed(writes, 40)
    outcomes = await asyncio.gather(
        changed(writes, 0),
        changed(writes, 3),
        changed(writes, 4, pushed=True),
        changed(writes, 40),
        writes.insert({"_id": "new", "name": "new"}),
        writes.insert({"_id": "taken", "name": "n7"}),
        writes.insert({"_id": 8, "name": "unheard of"}),
        changed(writes, 1_000),
        changed(writes, 5),
    )
    assert outcomes == [True, False, True, False, True, False, False, False, True]
    assert things.calls["bulk_write"] == 1
    versions = {each["_id"]: each.get("version") async for each in things.find()}
    assert [versions[number] for number in (0, 3, 4, 5, 8, 40)] == [2, 2, 2, 2, 1, 2]
    assert "new" in versions
    assert not {"taken", 1_000} & versions.keys()


async def test_of_several_changes_of_one_document_in_one_group_one_is_made(things: Counting) -> None:
    writes = writes_to(things)
    outcomes = await asyncio.gather(
        *(changed(writes, number % 10, owner=number) for number in range(100)), changed(writes, 50)
    )
    owners = {each["_id"]: each["owner"] async for each in things.find({"owner": {"$exists": True}})}
    assert sum(outcomes) == 11
    assert {number for number, made in enumerate(outcomes[:-1]) if made} == set(owners.values())


async def test_fields_that_an_update_names_otherwise_than_by_set_are_kept(things: Counting) -> None:
    writes = writes_to(things)
    where = [{"_id": number, "version": 1} for number in range(3)]
    assert all(await asyncio.gather(*(writes.update(each, {"$push": {"list": 1}}) for each in where)))
    document = await things.find_one({"_id": 2})
    assert document["list"] == [1]
    assert document.keys() <= {"_id", "name", "version", "list", MARK}


async def test_a_change_that_was_overtaken_before_it_was_looked_for_is_no_lie_about_another(
    things: Counting,
) -> None:
    """It is said not to be made, as its caller would have to assume of an answer that was lost."""
    writes = writes_to(things)

    async def somebody_else() -> None:
        await things.update_one({"_id": 1, "version": 2}, {"$set": {"version": 3, MARK: "theirs"}})

    things.after_bulk = somebody_else
    first, *outcomes = await asyncio.gather(
        changed(writes, 9), changed(writes, 1), changed(writes, 2), changed(writes, 3, version=7)
    )
    assert first
    assert outcomes == [False, True, False]
    assert (await things.find_one({"_id": 1}))["version"] == 3


async def test_a_caller_that_goes_away_stops_nothing_but_its_own_write(things: Counting) -> None:
    """A sale that was given up must not come long after, when its seats may be somebody else's."""
    writes = writes_to(things)
    calls = [asyncio.ensure_future(changed(writes, number)) for number in range(20)]
    await asyncio.sleep(0)  # nothing has begun yet
    for call in calls[::2]:
        call.cancel()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert outcomes[1::2] == [True] * 10
    assert await changed(writes, 99)
    assert await things.count_documents({"version": 2}) == 11


async def test_a_caller_that_goes_away_stops_no_write_that_is_under_way(things: Counting) -> None:
    writes = writes_to(things)
    under_way: list[asyncio.Future[bool]] = []

    async def go_away() -> None:
        under_way[1].cancel()

    things.after_bulk = go_away
    first = asyncio.ensure_future(changed(writes, 0))
    await asyncio.sleep(0)  # goes alone, so that the others go together
    under_way += [asyncio.ensure_future(changed(writes, number)) for number in (1, 2, 3)]
    outcomes = await asyncio.gather(first, *under_way, return_exceptions=True)
    assert isinstance(outcomes[2], asyncio.CancelledError)
    assert outcomes[:2] + outcomes[3:] == [True] * 3
    assert await things.count_documents({"version": 2}) == 4


async def test_nobody_waits_by_the_first_callers_deadline(things: Counting) -> None:
    writes = writes_to(things)

    async def hurried() -> bool:
        deadlines.set_remaining(0.0)
        with within_deadline():
            return await changed(writes, 0)

    outcomes = await asyncio.gather(hurried(), *(changed(writes, number) for number in range(1, 9)))
    assert all(outcomes)


async def test_what_cannot_be_written_at_all_leaves_nobody_waiting(things: Counting) -> None:
    writes = writes_to(things)
    group = [changed(writes, 1), writes.insert({"_id": "odd", "name": object()}), changed(writes, 2)]
    calls = [asyncio.ensure_future(each) for each in group]
    calls += [asyncio.ensure_future(changed(writes, number)) for number in range(3, 9)]
    async with asyncio.timeout(15):
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(outcomes[1], StoreUnavailable)
        # Its neighbours may be told that nothing is known; no two of them by the same error.
        errors = [outcome for outcome in outcomes if outcome is not True]
        assert all(isinstance(error, StoreUnavailable) for error in errors)
        assert len(set(map(id, errors))) == len(errors)
        assert await changed(writes, 50)


async def test_who_waits_behind_what_cannot_be_written_gets_an_answer(things: Counting) -> None:
    writes = writes_to(things)
    odd = asyncio.ensure_future(writes.insert({"_id": "odd", "name": object()}))
    await asyncio.sleep(0)  # it is taken up alone; the others come behind it
    later = [asyncio.ensure_future(changed(writes, number)) for number in range(5)]
    async with asyncio.timeout(15):
        assert isinstance((await asyncio.gather(odd, return_exceptions=True))[0], StoreUnavailable)
        assert all(await asyncio.gather(*later))


async def test_while_the_store_is_away_all_hear_that_nothing_is_known_and_afterwards_it_goes_on(
    mongo: MongoEngine,
) -> None:
    client = open_client(mongo.url, "grouped")
    try:
        collection = database_of(client, f"test_{uuid4().hex}")["things"]
        await collection.insert_many([{"_id": number, "version": 1} for number in range(20)])
        writes = GroupedWrites(collection)
        mongo.pause()
        try:
            outcomes = await asyncio.gather(
                *(changed(writes, number) for number in range(10)), return_exceptions=True
            )
        finally:
            mongo.resume()
        assert all(isinstance(outcome, StoreUnavailable) for outcome in outcomes)
        assert all(await asyncio.gather(*(changed(writes, number) for number in range(10, 20))))
    finally:
        await close(client)


async def test_a_crowd_waits_no_longer_for_a_store_that_hangs_than_two_do(mongo: MongoEngine) -> None:
    """And what was given up before it was sent is not written when the store comes back."""
    client = open_client(mongo.url, "grouped")
    loop = asyncio.get_running_loop()
    try:
        collection = database_of(client, f"test_{uuid4().hex}")["things"]
        await collection.insert_one({"_id": "first"})
        writes = GroupedWrites(collection)
        mongo.pause()
        try:
            began = loop.time()
            outcomes = await asyncio.gather(
                *(writes.insert({"_id": number}) for number in range(450)), return_exceptions=True
            )
            took = loop.time() - began
        finally:
            mongo.resume()
        assert all(isinstance(outcome, StoreUnavailable) for outcome in outcomes)
        assert took < 3 * STEP_SECONDS
        assert await writes.insert({"_id": "last"})
        assert await collection.find_one({"_id": 400}) is None
    finally:
        await close(client)
