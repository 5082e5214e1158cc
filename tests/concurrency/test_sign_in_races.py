"""Many guesses at once at one code: what is counted before it is compared, and what happens otherwise."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest_asyncio

from booking_svc.domain.people import Address, AddressKind
from booking_svc.domain.sign_in import CODE_LIFE, MOST_TRIES, Challenge, Limit, SignInKeys
from booking_svc.ports import Try
from booking_svc.stores.sign_in_codes import MongoSignInCodes, _challenge
from mesh import mongo as mesh_mongo
from mesh.ids import new_request_id
from stack.engines import MongoEngine
from tests.fixtures.booking_desk import new_database
from tests.fixtures.meeting import Meeting

KEYS = SignInKeys(b"a-sign-in-secret-for-tests")
GUESSES = 50


class CountedAfterwards(MongoSignInCodes):
    """Reads, compares, and counts when it has compared: the obvious way. All read before anybody counts."""

    def __init__(self, client: mesh_mongo.Client, name: str) -> None:
        super().__init__(client, name)
        self._all_have_read = Meeting(GUESSES)

    async def take_try(self, challenge_id: str, now: dt.datetime) -> Try | None:
        found: Mapping[str, Any] | None = await self._codes.find_one({"challenge_id": challenge_id})
        await self._all_have_read.come()
        if found is None or found["tries"] >= MOST_TRIES:
            return None
        await self._codes.update_one({"challenge_id": challenge_id}, {"$inc": {"tries": 1}})
        return Try(_challenge(found), 0)


class CountedByReading(MongoSignInCodes):
    """Reads the limit's count, then adds to it, when all have read."""

    def __init__(self, client: mesh_mongo.Client, name: str) -> None:
        super().__init__(client, name)
        self._all_have_read = Meeting(GUESSES)

    async def grant(self, limit: Limit, now: dt.datetime) -> dt.datetime | None:
        found = await self._limits.find_one({"_id": limit.ref})
        await self._all_have_read.come()
        if found is not None and len(found["times"]) >= limit.most:
            return now
        await self._limits.update_one({"_id": limit.ref}, {"$push": {"times": now}}, upsert=True)
        return None


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def store(mongo: MongoEngine) -> AsyncIterator[tuple[mesh_mongo.Client, str]]:
    async with AsyncExitStack() as around:
        database = await around.enter_async_context(new_database(mongo))
        client = mesh_mongo.open_client(database.url, "races")
        around.push_async_callback(mesh_mongo.close, client)
        await MongoSignInCodes(client, database.name).ready()
        yield client, database.name


async def _compared(codes: MongoSignInCodes) -> int:
    """Fifty guesses at once at one code; returns how many got as far as being compared."""
    now = dt.datetime.now(dt.UTC)
    address = Address(AddressKind.EMAIL, f"{uuid4().hex}@example.com")
    request_id = new_request_id()
    challenge_id = KEYS.challenge_id(request_id)
    challenge = Challenge(
        challenge_id,
        address,
        request_id,
        "content",
        KEYS.code_hash(challenge_id, address, "271828"),
        now + CODE_LIFE,
    )
    assert await codes.put(KEYS.address_ref(address), challenge, now)
    tries = await asyncio.gather(*(codes.take_try(challenge_id, now) for _ in range(GUESSES)))
    return sum(each is not None for each in tries)


async def _granted(codes: MongoSignInCodes) -> int:
    now, limit = dt.datetime.now(dt.UTC), Limit(uuid4().hex, 5, dt.timedelta(hours=1))
    answers = await asyncio.gather(*(codes.grant(limit, now) for _ in range(GUESSES)))
    return sum(each is None for each in answers)


async def test_of_fifty_guesses_at_once_five_are_compared(store: tuple[mesh_mongo.Client, str]) -> None:
    for _ in range(5):
        assert await _compared(MongoSignInCodes(*store)) == MOST_TRIES


async def test_without_the_guard_more_are_compared(store: tuple[mesh_mongo.Client, str]) -> None:
    assert await _compared(CountedAfterwards(*store)) == GUESSES


async def test_of_fifty_codes_asked_for_at_once_five_are_granted(
    store: tuple[mesh_mongo.Client, str],
) -> None:
    for _ in range(5):
        assert await _granted(MongoSignInCodes(*store)) == 5


async def test_without_the_guard_more_are_granted(store: tuple[mesh_mongo.Client, str]) -> None:
    assert await _granted(CountedByReading(*store)) == GUESSES
