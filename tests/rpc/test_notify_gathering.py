"""Updates that go to MongoDB together are what each would have been alone."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
from pymongo.errors import WriteError

from mesh.errors import StoreUnavailable
from mesh.mongo import Collection, close, open_client
from notify_svc.stores.gathering import GatheredUpdates
from notify_svc.stores.mongo import NotifyDatabase
from stack.engines import MongoEngine
from tests.fixtures.engines import MongoDatabase


@pytest_asyncio.fixture(loop_scope="session")
async def collection(mongo_database: MongoDatabase) -> AsyncIterator[Collection]:
    client = open_client(mongo_database.url, "test")
    yield NotifyDatabase(client, mongo_database.name).database["gathered"]
    await close(client)


async def claim(updates: GatheredUpdates, key: str, by: str) -> bool:
    return await updates.update({"_id": key, "by": "nobody"}, {"$set": {"by": by}}, upsert=True)


async def test_of_those_who_want_the_same_one_gets_it_and_nobody_elses_update_is_lost(
    collection: Collection,
) -> None:
    updates = GatheredUpdates(collection, 8)
    claims = [(str(n % 10), f"{n}") for n in range(40)]
    got = await asyncio.gather(*(claim(updates, key, by) for key, by in claims))
    stored = {each["_id"]: each["by"] async for each in collection.find()}
    assert stored == {key: by for (key, by), granted in zip(claims, got, strict=True) if granted}
    assert len(stored) == 10
    assert not any(await asyncio.gather(*(claim(updates, str(n), "late") for n in range(10))))


async def test_one_alone_is_made_as_well_and_one_that_was_given_up_takes_no_other_along(
    collection: Collection,
) -> None:
    updates = GatheredUpdates(collection, 8)
    assert await claim(updates, "alone", "ada")
    given_up = asyncio.create_task(claim(updates, "given-up", "ada"))
    other = asyncio.create_task(claim(updates, "other", "ada"))
    await asyncio.sleep(0)
    given_up.cancel()
    assert await other
    assert {each["_id"] async for each in collection.find()} == {"alone", "given-up", "other"}


async def test_an_update_that_the_store_refuses_is_nobody_elses_fault_and_its_error_names_nobody(
    collection: Collection,
) -> None:
    updates = GatheredUpdates(collection, 8)
    assert await claim(updates, "taken", "ada")
    but_bob = {"by": {"$ne": "bob@example.com"}}
    await collection.database.command("collMod", collection.name, validator=but_bob)
    granted, refused, late = await asyncio.gather(
        claim(updates, "free", "ada"),
        claim(updates, "refused", "bob@example.com"),
        claim(updates, "taken", "eve"),
        return_exceptions=True,
    )
    assert granted is True
    assert late is False
    assert isinstance(refused, WriteError)
    assert "bob" not in f"{refused!r} {refused}"


async def test_a_store_that_is_away_is_told_to_each_who_waits(
    collection: Collection, mongo: MongoEngine
) -> None:
    updates = GatheredUpdates(collection, 8)
    assert await claim(updates, "before", "ada")
    mongo.pause()
    try:
        answers = await asyncio.gather(
            *(claim(updates, str(n), "ada") for n in range(3)), return_exceptions=True
        )
    finally:
        mongo.resume()
    assert [type(answer) for answer in answers] == [StoreUnavailable] * 3
    assert len({id(answer) for answer in answers}) == 3
    assert await claim(updates, "after", "ada")
