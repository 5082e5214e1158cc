"""Where the work on changed shows is kept: each change once, one reader, one walker, nothing passed over."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator

import pytest_asyncio

from booking_svc.ports import Lease, ScheduleChange, ScheduleChangeKind
from booking_svc.stores.show_walks import MongoShowWalks
from mesh import mongo as mesh_mongo
from tests.fixtures.engines import MongoDatabase

NOW = dt.datetime(2026, 6, 1, 12, 0, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(seconds=10)


def change(sequence: int, show_id: str = "show-1") -> ScheduleChange:
    return ScheduleChange(sequence, ScheduleChangeKind.MOVED, show_id, NOW, "late film", NOW)


def lease(owner: str, until: dt.datetime = LATER) -> Lease:
    return Lease(owner, until)


@pytest_asyncio.fixture(loop_scope="session")
async def walks(mongo_database: MongoDatabase) -> AsyncIterator[MongoShowWalks]:
    client = mesh_mongo.open_client(mongo_database.url, "walks")
    store = MongoShowWalks(client, mongo_database.name)
    await store.ready()
    yield store
    await mesh_mongo.close(client)


async def test_one_reader_at_a_time_and_the_next_goes_on_from_there(walks: MongoShowWalks) -> None:
    assert await walks.claim_position(lease("a"), NOW) == 0
    assert await walks.claim_position(lease("b"), NOW) is None
    await walks.keep([change(1), change(2)], "a", NOW)
    assert await walks.claim_position(lease("b"), NOW) == 2


async def test_of_many_first_readers_one_reads(walks: MongoShowWalks) -> None:
    got = await asyncio.gather(*(walks.claim_position(lease(f"r{n}"), NOW) for n in range(8)))
    assert sorted(str(each) for each in got) == ["0", *["None"] * 7]


async def test_a_reader_that_died_before_it_passed_the_place_keeps_nothing_twice(
    walks: MongoShowWalks,
) -> None:
    await walks.claim_position(lease("a"), NOW)
    await walks.keep([change(1)], "somebody whose lease is over", NOW)  # kept, and the place is not passed
    after = LATER + dt.timedelta(seconds=1)
    assert await walks.claim_position(lease("b", after), after) == 0
    await walks.keep([change(1), change(2)], "b", after)
    long = lease("w", after + dt.timedelta(seconds=10))
    first = await walks.claim(long, after)
    second = await walks.claim(long, after)
    assert first is not None
    assert second is not None
    assert {first.change.sequence, second.change.sequence} == {1, 2}
    assert await walks.claim(long, after) is None
    assert await walks.claim_position(lease("b", after), after) == 2


async def test_a_slow_reader_takes_no_place_back(walks: MongoShowWalks) -> None:
    await walks.claim_position(lease("a"), NOW)
    await walks.keep([change(1), change(2)], "a", NOW)
    await walks.claim_position(lease("a"), NOW)
    await walks.keep([change(1)], "a", NOW)
    assert await walks.claim_position(lease("a"), NOW) == 2


async def test_a_walk_is_taken_up_where_it_stopped(walks: MongoShowWalks) -> None:
    await walks.claim_position(lease("a"), NOW)
    await walks.keep([change(1)], "a", NOW)
    walk = await walks.claim(lease("a"), NOW)
    assert walk is not None
    assert await walks.claim(lease("b"), NOW) is None
    assert await walks.come_to(1, lease("a"), "booking-17")
    after = LATER + dt.timedelta(seconds=1)
    taken_up = await walks.claim(lease("b", after + dt.timedelta(seconds=10)), after)
    assert taken_up is not None
    assert (taken_up.after, taken_up.round) == ("booking-17", 0)
    assert not await walks.come_to(1, lease("a"), "booking-18"), "it is another's now"
    await walks.end_round(1, "a", None)
    await walks.end_round(1, "b", after)
    again = await walks.claim(lease("b", after), after)
    assert again is not None
    assert (again.after, again.round) == ("", 1)
    await walks.put_off(1, "b", after)
    failed = await walks.claim(lease("b", after), after)
    assert failed is not None
    assert failed.failures == 1
    await walks.end_round(1, "b", None)
    assert await walks.claim(lease("b", after), after) is None


async def test_a_later_change_of_the_same_show_supersedes(walks: MongoShowWalks) -> None:
    await walks.claim_position(lease("a"), NOW)
    await walks.keep([change(1), change(2, "show-2"), change(3)], "a", NOW)
    found = [await walks.claim(lease("a"), NOW) for _ in range(3)]
    assert {walk.change.sequence: walk.superseded for walk in found if walk} == {1: True, 2: False, 3: False}
