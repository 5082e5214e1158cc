"""MongoDB hangs, or is gone and comes back: calls end in time, and health says so."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from matinee.catalog.v1 import admin_pb2, catalog_pb2

from mesh.errors import RemoteError
from mesh.ids import new_request_id
from mesh.testing import eventually
from stack.engines import MongoEngine
from tests.fixtures.catalog import Catalogue, catalogue_on, movie, show, springfield
from tests.fixtures.engines import MongoDatabase

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICES = ("", "matinee.catalog.v1.CatalogService", "matinee.catalog.v1.CatalogAdminService")


@asynccontextmanager
async def _hanging(mongo: MongoEngine) -> AsyncIterator[None]:
    mongo.pause()
    try:
        yield
    finally:
        mongo.resume()


async def _healths(address: str) -> set[int]:
    async with aio.insecure_channel(address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        return {
            (await stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=10)).status
            for name in SERVICES
        }


async def _becomes(address: str, status: int) -> None:
    async def all_are() -> bool:
        return await _healths(address) == {status}

    await eventually(all_are, within_seconds=30)


async def _outcome(call: Awaitable[object]) -> tuple[str, float]:
    begun = monotonic()
    with pytest.raises(RemoteError) as caught:
        await call
    return caught.value.reason or caught.value.code, monotonic() - begun


async def test_every_call_ends_within_its_deadline_while_the_store_hangs(
    mongo: MongoEngine, mongo_database: MongoDatabase
) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        await catalogue.store(*springfield(), show())
        async with _hanging(mongo):
            # What was read in the second before is still remembered.
            await asyncio.sleep(1.1)
            calls: list[Awaitable[object]] = [
                catalogue.reads.ListCities(catalog_pb2.ListCitiesRequest(), timeout=1),
                catalogue.reads.ListMovies(catalog_pb2.ListMoviesRequest(city_id="springfield"), timeout=1),
                catalogue.reads.SearchMovies(catalog_pb2.SearchMoviesRequest(query="comet"), timeout=1),
                catalogue.reads.GetShow(catalog_pb2.GetShowRequest(show_id=show().show.show_id), timeout=1),
                catalogue.admin.CancelShow(
                    admin_pb2.CancelShowRequest(request_id=new_request_id(), show_id="x"), timeout=1
                ),
            ]
            outcomes = await asyncio.gather(*(_outcome(call) for call in calls))
        for reason, seconds in outcomes:
            assert reason in {"STORE_UNAVAILABLE", "DEADLINE_EXCEEDED"}
            assert seconds < 5
        assert (await catalogue.reads.ListCities(catalog_pb2.ListCitiesRequest())).cities


async def test_an_import_that_is_cut_off_can_be_sent_again(mongo: MongoEngine) -> None:
    # Not `mongo_database`: MongoDB keeps the cut-off transaction for a minute, and a drop would wait for it.
    async with catalogue_on(MongoDatabase(mongo.url, f"test_{uuid4().hex}")) as catalogue:
        await catalogue.store(*springfield())
        batch = admin_pb2.ImportCatalogRequest(request_id=new_request_id(), records=[movie("new"), show()])
        async with _hanging(mongo):
            reason, seconds = await _outcome(catalogue.admin.ImportCatalog(iter([batch]), timeout=2))
            assert reason in {"STORE_UNAVAILABLE", "DEADLINE_EXCEEDED"}
            assert seconds < 8
        assert (await catalogue.admin.ImportCatalog(iter([batch]), timeout=30)).stored_count == 2
        assert (await catalogue.store(movie("newer"))).stored_count == 1


async def test_health_follows_the_store(mongo: MongoEngine, mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        await _becomes(catalogue.address, SERVING)
        async with _hanging(mongo):
            await _becomes(catalogue.address, NOT_SERVING)
        await _becomes(catalogue.address, SERVING)


async def test_a_catalogue_that_starts_before_its_store_serves_once_it_is_there(
    mongo: MongoEngine, mongo_database: MongoDatabase
) -> None:
    await mongo.kill()
    try:
        async with catalogue_on(mongo_database) as catalogue:
            assert await _healths(catalogue.address) == {NOT_SERVING}
            reason, _ = await _outcome(catalogue.reads.ListCities(catalog_pb2.ListCitiesRequest(), timeout=3))
            assert reason in {"STORE_UNAVAILABLE", "DEADLINE_EXCEEDED"}
            await mongo.restart()
            await _becomes(catalogue.address, SERVING)
            assert (await catalogue.store(*springfield(), show())).stored_count == 6
            await _listed(catalogue)
    finally:
        if not mongo.running:
            await mongo.restart()


async def _listed(catalogue: Catalogue) -> None:
    answer = await catalogue.reads.ListMovies(catalog_pb2.ListMoviesRequest(city_id="springfield"))
    assert [summary.movie.movie_id for summary in answer.movies] == ["the-comet"]
