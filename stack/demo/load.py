"""Loads the demo catalogue, or tops it up with the days that have come since."""

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from matinee.catalog.v1 import admin_pb2, admin_pb2_grpc, catalog_pb2, catalog_pb2_grpc

from mesh.channel import open_channel
from mesh.errors import RemoteError
from stack.demo.facts import DemoTheatre, facts
from stack.demo.programme import first_show_id
from stack.demo.records import dates_from, day_records, lasting_records
from stack.errors import StackError

_BATCH_RECORDS: Final = 900
_IMPORT_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 5.0


class DemoRefused(StackError):
    """The catalogue refused a record of the demo."""


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What loading did: records that were sent, and days of a theatre that were there already."""

    sent_records: int
    present_days: int


async def load(catalog_target: str, mesh_token: str, today: dt.date) -> LoadReport:
    """Brings cities, movies and theatres up to date and adds the shows that are missing.

    A theatre's day that is there stays as it is, also where shows were cancelled or moved. Raises
    DemoRefused, or RemoteError when the catalogue cannot be reached.
    """
    async with open_channel(
        catalog_target, mesh_token, retried_services=["matinee.catalog.v1.CatalogService"]
    ) as channel:
        catalogue = channel.stub(catalog_pb2_grpc.CatalogServiceStub)
        admin = channel.stub(admin_pb2_grpc.CatalogAdminServiceStub)
        sent = await _send(admin, _batches([list(lasting_records())]))
        theatres, dates = facts().theatres, dates_from(today)
        present = await asyncio.gather(*(_days_present(catalogue, theatre, dates) for theatre in theatres))
        missing = (
            day_records(theatre, date)
            for index, date in enumerate(dates)
            for theatre, days in zip(theatres, present, strict=True)
            if index >= days
        )
        return LoadReport(sent + await _send(admin, _batches(missing)), sum(present))


async def _days_present(
    catalogue: "catalog_pb2_grpc.CatalogServiceAsyncStub", theatre: DemoTheatre, dates: Sequence[dt.date]
) -> int:
    """How many of the dates are there: they are stored in order, each as a whole, so halving finds it."""

    async def present(index: int) -> bool:
        return await _is_present(catalogue, first_show_id(theatre, dates[index]))

    # Most often all are there, or none.
    if await present(len(dates) - 1):
        return len(dates)
    if not await present(0):
        return 0
    low, high = 1, len(dates) - 1
    while low < high:
        middle = (low + high) // 2
        if await present(middle):
            low = middle + 1
        else:
            high = middle
    return low


async def _is_present(catalogue: "catalog_pb2_grpc.CatalogServiceAsyncStub", show_id: str) -> bool:
    try:
        await catalogue.GetShow(catalog_pb2.GetShowRequest(show_id=show_id), timeout=_LOOK_SECONDS)
    except RemoteError as error:
        if error.reason == "UNKNOWN_SHOW":
            return False
        raise
    return True


def _batches(groups: Iterable[list[admin_pb2.ImportRecord]]) -> Iterator[admin_pb2.ImportCatalogRequest]:
    """Batches that keep each group whole, so that a day is stored as a whole or not at all."""
    batch = admin_pb2.ImportCatalogRequest(request_id=str(uuid.uuid4()))
    for group in groups:
        if batch.records and len(batch.records) + len(group) > _BATCH_RECORDS:
            yield batch
            batch = admin_pb2.ImportCatalogRequest(request_id=str(uuid.uuid4()))
        batch.records.extend(group)
    if batch.records:
        yield batch


async def _send(
    admin: "admin_pb2_grpc.CatalogAdminServiceAsyncStub", batches: Iterator[admin_pb2.ImportCatalogRequest]
) -> int:
    async def paced() -> AsyncIterator[admin_pb2.ImportCatalogRequest]:
        for batch in batches:
            yield batch

    report = await admin.ImportCatalog(paced(), timeout=_IMPORT_SECONDS)
    if report.refused:
        first = report.refused[0]
        raise DemoRefused(f"the catalogue refused the demo: {first.field}: {first.problem} (and more)")
    return int(report.stored_count)
