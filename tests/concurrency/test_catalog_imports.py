"""Two processes import shows for the same screen at the same moment: one of them must be refused.

The control does the same without the guard, and both are stored.
"""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager

from matinee.catalog.v1 import admin_pb2

from catalog_svc.convert import from_proto
from catalog_svc.domain.imports.batch import Line
from catalog_svc.domain.imports.known import Known
from catalog_svc.domain.imports.records import Record
from catalog_svc.ports import RequestKey
from catalog_svc.stores.mongo import MongoCatalogueArchive
from catalog_svc.stores.remembered import RememberedCatalogue
from catalog_svc.stores.transaction import MongoCatalogueChange
from catalog_svc.usecases.imports import ImportOutcome, import_batch
from mesh.ids import new_request_id
from mesh.mongo import close, open_client
from tests.fixtures.catalog import movie, screen, show, springfield
from tests.fixtures.engines import MongoDatabase
from tests.fixtures.meeting import Meeting

SCREENS = 8
START = dt.datetime(2026, 6, 1, 18, 30, tzinfo=dt.UTC)


class ReadTogether(MongoCatalogueChange):
    """Both processes have read before either writes."""

    meeting = Meeting(0)

    async def known(self, records: Iterable[Record]) -> Known:
        found = await super().known(records)
        await self.meeting.come()
        return found


class Unguarded(ReadTogether):
    """A transaction that does not count, so that MongoDB sees no conflict between two of them."""

    async def _count(self, parts: Collection[str]) -> None:
        del parts


class Process:
    """What one process of the catalogue has of its own."""

    def __init__(self, archive: MongoCatalogueArchive) -> None:
        self._archive = archive
        self._catalogue = RememberedCatalogue(archive)

    async def store(self, *records: admin_pb2.ImportRecord, request_id: str = "") -> ImportOutcome:
        """Imports the records as one batch."""
        key = RequestKey(request_id or new_request_id(), "-")
        lines = [Line(number, from_proto.record(record)) for number, record in enumerate(records, 1)]
        return await import_batch(key, lines, [], self._archive, self._catalogue)


@asynccontextmanager
async def _two_processes(
    database: MongoDatabase, transaction: type[MongoCatalogueChange]
) -> AsyncIterator[tuple[Process, Process]]:
    clients = [open_client(database.url, "test") for _ in range(2)]
    try:
        one, other = (
            Process(MongoCatalogueArchive(client, database.name, transaction)) for client in clients
        )
        await one.store(
            *springfield(),
            movie("the-moth"),
            *(screen(f"plaza-{number}") for number in range(2, SCREENS + 1)),
        )
        yield one, other
    finally:
        for client in clients:
            await close(client)


async def _race(one: Process, other: Process) -> int:
    """Both plan a show for each screen at overlapping times; returns how many screens show both."""
    both = 0
    for number in range(1, SCREENS + 1):
        screen_id = f"plaza-{number}"
        ReadTogether.meeting = Meeting(2)
        outcomes = await asyncio.gather(
            one.store(show(f"one-{number}", START, screen_id=screen_id)),
            other.store(show(f"other-{number}", START + dt.timedelta(minutes=30), screen_id=screen_id)),
        )
        stored = sum(outcome.stored for outcome in outcomes)
        assert stored >= 1
        both += stored == 2
    return both


async def test_two_processes_never_plan_two_shows_for_one_screen(mongo_database: MongoDatabase) -> None:
    async with _two_processes(mongo_database, ReadTogether) as (one, other):
        assert await _race(one, other) == 0


async def test_control_without_the_guard_both_are_stored(mongo_database: MongoDatabase) -> None:
    async with _two_processes(mongo_database, Unguarded) as (one, other):
        assert await _race(one, other) > 0


async def test_one_request_at_two_processes_at_once_is_stored_once(
    mongo_database: MongoDatabase,
) -> None:
    async with _two_processes(mongo_database, MongoCatalogueChange) as (one, other):
        request_id = new_request_id()
        outcomes = await asyncio.gather(
            *(process.store(movie("the-new"), request_id=request_id) for process in (one, other) * 5)
        )
        assert [outcome.stored for outcome in outcomes] == [1] * 10
