"""Both drivers give what the stores count on; see docs/decisions/0001-motor.md."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from pymongo import InsertOne, ReturnDocument
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError

from mesh import mongo as mesh_mongo
from mesh.mongo import Client, Collection, Database, Driver
from stack.engines import MongoEngine
from tests.fixtures.engines import MongoDatabase

DRIVERS: tuple[Driver, ...] = ("pymongo", "motor")


@pytest_asyncio.fixture(loop_scope="session", params=DRIVERS)
async def client(request: pytest.FixtureRequest, mongo_database: MongoDatabase) -> AsyncIterator[Client]:
    opened = mesh_mongo.open_client(mongo_database.url, "drivers", request.param)
    await mesh_mongo.ping(opened)
    yield opened
    await mesh_mongo.close(opened)


@pytest.fixture
def database(client: Client, mongo_database: MongoDatabase) -> Database:
    return mesh_mongo.database_of(client, mongo_database.name)


@pytest_asyncio.fixture(loop_scope="session")
async def seats(database: Database) -> Collection:
    collection = database["seats"]
    await collection.insert_many([{"_id": number, "row": number % 3} for number in range(9)])
    return collection


async def test_what_is_found_comes_in_order_and_bounded(seats: Collection) -> None:
    found = await seats.find({"row": 1}).sort("_id", -1).limit(2).to_list(length=2)
    assert [document["_id"] for document in found] == [7, 4]
    assert [document["_id"] async for document in seats.find({"row": 2})] == [2, 5, 8]
    assert await seats.count_documents({"row": 0}, limit=2) == 2


async def test_a_pipeline_gives_all_it_finds(seats: Collection) -> None:
    found = await mesh_mongo.aggregated(seats, [{"$group": {"_id": "$row", "count": {"$sum": 1}}}])
    assert sorted((document["_id"], document["count"]) for document in found) == [(0, 3), (1, 3), (2, 3)]


async def test_the_most_talkative_log_tells_no_document(
    seats: Collection, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await seats.insert_one({"_id": "ada@example.com"})
        assert await seats.find_one({"_id": "ada@example.com"}) is not None
    assert "ada@example.com" not in caplog.text


async def test_a_key_that_is_there_already_is_told(seats: Collection) -> None:
    with pytest.raises(DuplicateKeyError):
        await seats.insert_one({"_id": 1})
    with pytest.raises(BulkWriteError):
        await seats.bulk_write([InsertOne({"_id": 20}), InsertOne({"_id": 1})], ordered=False)
    assert await seats.find_one({"_id": 20}) is not None


async def test_one_of_many_gets_a_conditional_update(seats: Collection) -> None:
    async def take(buyer: int) -> bool:
        before = await seats.find_one_and_update(
            {"_id": 1, "buyer": None}, {"$set": {"buyer": buyer}}, return_document=ReturnDocument.AFTER
        )
        return before is not None

    assert sum(await asyncio.gather(*(take(buyer) for buyer in range(20)))) == 1


async def test_a_transaction_is_all_or_nothing(client: Client, seats: Collection) -> None:
    async def half(session: object) -> None:
        await seats.update_one({"_id": 1}, {"$set": {"sold": True}}, session=session)  # type: ignore[arg-type]
        raise LookupError

    async def whole(session: object) -> None:
        await seats.update_one({"_id": 2}, {"$set": {"sold": True}}, session=session)  # type: ignore[arg-type]

    async with mesh_mongo.session_of(client) as session:
        with pytest.raises(LookupError):
            await session.with_transaction(half)
        await session.with_transaction(whole)
    assert [document["_id"] for document in await seats.find({"sold": True}).to_list(length=None)] == [2]


async def test_a_store_that_hangs_is_waited_for_no_longer_than_allowed(
    seats: Collection, mongo: MongoEngine
) -> None:
    mongo.pause()
    try:
        begun = time.monotonic()
        with pytest.raises(PyMongoError) as refused, mesh_mongo.within_deadline(0.5):
            await seats.find_one({"_id": 1})
        waited = time.monotonic() - begun
    finally:
        mongo.resume()
    assert refused.value.timeout
    assert waited < 5  # the client by itself waits for ten
    assert await seats.find_one({"_id": 1}) is not None


async def test_callers_that_go_away_leave_the_client_as_it_was(seats: Collection) -> None:
    asking = [asyncio.ensure_future(seats.find_one({"_id": number % 9})) for number in range(60)]
    await asyncio.sleep(0.002)
    for task in asking[::2]:
        task.cancel()
    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    for number, outcome in enumerate(outcomes):
        if isinstance(outcome, dict):
            assert outcome["_id"] == number % 9
        else:
            assert isinstance(outcome, asyncio.CancelledError)
    found = await asyncio.gather(*(seats.find_one({"_id": number}) for number in range(9)))
    assert [document and document["_id"] for document in found] == list(range(9))
