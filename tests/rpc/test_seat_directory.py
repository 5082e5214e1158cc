"""What seat_svc remembers of the catalogue, over a real socket."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
from matinee.catalog.v1 import catalog_pb2_grpc

from mesh.errors import StoreUnavailable
from mesh.testing import calling
from seat_svc.directory import CatalogShowDirectory
from seat_svc.errors import UnknownShow
from tests.fixtures.seat_service import ShowCatalogue, catalogue_server
from tests.fixtures.seats import a_show


@dataclass
class Known:
    """A directory with the catalogue that it asks and the time that it goes by."""

    catalogue: ShowCatalogue
    directory: CatalogShowDirectory
    seconds: list[float]


@pytest.fixture
async def known() -> AsyncIterator[Known]:
    catalogue = ShowCatalogue(a_show("matinee-1"), a_show("matinee-2"))
    seconds = [0.0]
    async with catalogue_server(catalogue) as address, calling(address) as channel:
        directory = CatalogShowDirectory(
            channel.stub(catalog_pb2_grpc.CatalogServiceStub), lambda: seconds[0]
        )
        yield Known(catalogue, directory, seconds)


async def test_a_show_is_asked_for_once_however_many_want_it(known: Known) -> None:
    shows = await asyncio.gather(*(known.directory.find("matinee-1") for _ in range(50)))
    assert known.catalogue.asked == 1
    assert all(show == known.catalogue.shows["matinee-1"] for show in shows)
    await known.directory.find("matinee-1")
    assert known.catalogue.asked == 1


async def test_one_callers_patience_does_not_end_what_others_wait_for(known: Known) -> None:
    impatient = asyncio.create_task(known.directory.find("matinee-1"))
    patient = asyncio.create_task(known.directory.find("matinee-1"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient).show_id == "matinee-1"


async def test_shows_of_one_screen_share_a_layout(known: Known) -> None:
    first, second = await known.directory.find("matinee-1"), await known.directory.find("matinee-2")
    assert first.layout is second.layout


async def test_a_show_is_asked_for_again_after_a_while(known: Known) -> None:
    old = await known.directory.find("matinee-1")
    known.catalogue.shows["matinee-1"] = replace(old, cancelled=True)
    known.seconds[0] = 299
    assert not (await known.directory.find("matinee-1")).cancelled
    known.seconds[0] = 301
    assert (await known.directory.find("matinee-1")).cancelled


async def test_fetching_asks_in_any_case(known: Known) -> None:
    old = await known.directory.find("matinee-1")
    known.catalogue.shows["matinee-1"] = replace(old, cancelled=True)
    assert (await known.directory.fetch("matinee-1")).cancelled
    assert (await known.directory.find("matinee-1")).cancelled


async def test_what_is_known_stays_known_while_the_catalogue_is_away(known: Known) -> None:
    await known.directory.find("matinee-1")
    known.catalogue.away = True
    known.seconds[0] = 1000
    assert (await known.directory.find("matinee-1")).show_id == "matinee-1"
    assert (await known.directory.newest("matinee-1")).show_id == "matinee-1"
    with pytest.raises(StoreUnavailable):
        await known.directory.find("matinee-2")


async def test_a_catalogue_that_hangs_holds_up_nobody_who_asks_for_what_is_known(known: Known) -> None:
    await known.directory.find("matinee-1")
    known.catalogue.hangs = True
    known.seconds[0] = 1000
    async with asyncio.timeout(3):  # of the five that its answer is waited for
        found = await asyncio.gather(*(known.directory.find("matinee-1") for _ in range(50)))
    assert {show.show_id for show in found} == {"matinee-1"}
    assert known.catalogue.asked == 2


async def test_a_catalogue_that_fails_is_not_asked_by_every_call(known: Known) -> None:
    old = await known.directory.find("matinee-1")
    known.catalogue.away = True
    known.seconds[0] = 1000
    for _ in range(10):
        await known.directory.find("matinee-1")
    asked = known.catalogue.asked
    known.catalogue.shows["matinee-1"] = replace(old, cancelled=True)
    known.catalogue.away = False
    known.seconds[0] = 1020
    assert (await known.directory.find("matinee-1")).cancelled
    assert known.catalogue.asked == asked + 1 < 8  # gRPC's own retries count


async def test_what_is_known_is_not_told_as_what_the_catalogue_says_now(known: Known) -> None:
    await known.directory.find("matinee-1")
    known.catalogue.away = True
    with pytest.raises(StoreUnavailable):
        await known.directory.fetch("matinee-1")


async def test_a_show_that_the_catalogue_no_longer_has_is_forgotten(known: Known) -> None:
    await known.directory.find("matinee-1")
    del known.catalogue.shows["matinee-1"]
    with pytest.raises(UnknownShow):
        await known.directory.fetch("matinee-1")
    with pytest.raises(UnknownShow):
        await known.directory.find("matinee-1")
