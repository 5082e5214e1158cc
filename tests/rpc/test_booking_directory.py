"""Shows as booking_svc knows them: how often the catalogue is asked."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest_asyncio
from matinee.catalog.v1 import catalog_pb2_grpc

from booking_svc.directory import CatalogShowDirectory
from booking_svc.errors import CatalogUnavailable
from mesh.testing import calling
from tests.fixtures.box_office import BoxOffice, open_box_office


@dataclass
class Asking:
    office: BoxOffice
    directory: CatalogShowDirectory
    clock: list[float]


@pytest_asyncio.fixture(loop_scope="session")
async def asking() -> AsyncIterator[Asking]:
    async with open_box_office() as office, calling(office.target) as channel:
        stub = channel.stub(catalog_pb2_grpc.CatalogServiceStub)
        clock = [0.0]
        yield Asking(office, CatalogShowDirectory(stub, lambda: clock[0]), clock)


async def test_the_revision_is_asked_for_once_however_many_want_a_show(asking: Asking) -> None:
    show_id = asking.office.add_show()
    asking.office.slow["GetRevision"] = 0.1
    await asyncio.gather(*(asking.directory.find(show_id) for _ in range(50)))
    assert asking.office.calls["GetRevision"] == 1
    asking.clock[0] = 5.0
    await asyncio.gather(*(asking.directory.find(show_id) for _ in range(50)))
    assert asking.office.calls["GetRevision"] == 2


async def test_one_who_goes_away_does_not_end_what_others_wait_for(asking: Asking) -> None:
    show_id = asking.office.add_show()
    asking.office.slow["GetRevision"] = 0.1
    impatient = asyncio.create_task(asking.directory.find(show_id))
    patient = asyncio.create_task(asking.directory.find(show_id))
    await asyncio.sleep(0.02)
    impatient.cancel()
    assert (await patient).facts.show_id == show_id


async def test_a_catalogue_that_hangs_is_told_to_all_who_wait_and_asked_again(asking: Asking) -> None:
    show_id = asking.office.add_show()
    asking.office.slow["GetRevision"] = 30
    outcomes = await asyncio.gather(
        *(asking.directory.find(show_id) for _ in range(5)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [CatalogUnavailable] * 5
    asking.office.slow.clear()
    assert (await asking.directory.find(show_id)).facts.show_id == show_id
