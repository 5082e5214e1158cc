"""What is remembered, for how many, and what happens to those who wait."""

import asyncio

import pytest

from catalog_svc.domain.revisions import Revisions
from catalog_svc.domain.shows import Show
from catalog_svc.stores.remembered import Remembered, RememberedCatalogue
from mesh import deadlines


class Loads:
    """Counts loads, which end when the test lets them."""

    def __init__(self) -> None:
        self.count = 0
        self.go = asyncio.Event()

    async def __call__(self) -> str:
        self.count += 1
        await self.go.wait()
        return f"value {self.count}"


async def test_callers_who_miss_together_wait_for_one_load() -> None:
    remembered: Remembered[str, str] = Remembered(2)
    loads = Loads()
    callers = [asyncio.create_task(remembered.get("key", loads)) for _ in range(5)]
    await asyncio.sleep(0)
    loads.go.set()
    assert await asyncio.gather(*callers) == ["value 1"] * 5
    assert await remembered.get("key", loads) == "value 1"
    assert loads.count == 1


async def test_a_cancelled_caller_leaves_the_load_to_the_others() -> None:
    remembered: Remembered[str, str] = Remembered(2)
    loads = Loads()
    first = asyncio.create_task(remembered.get("key", loads))
    second = asyncio.create_task(remembered.get("key", loads))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    loads.go.set()
    assert await second == "value 1"


async def test_a_failure_reaches_everybody_and_is_not_remembered() -> None:
    remembered: Remembered[str, str] = Remembered(2)

    async def fail() -> str:
        await asyncio.sleep(0)
        raise LookupError("nothing there")

    outcomes = await asyncio.gather(*(remembered.get("key", fail) for _ in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [LookupError] * 3
    loads = Loads()
    loads.go.set()
    assert await remembered.get("key", loads) == "value 1"


async def test_the_value_unused_for_longest_is_forgotten_first() -> None:
    remembered: Remembered[str, str] = Remembered(2)
    loads = Loads()
    loads.go.set()
    for key in ("a", "b", "a", "c"):
        await remembered.get(key, loads)
    assert loads.count == 3
    assert await remembered.get("a", loads) == "value 1"
    assert await remembered.get("b", loads) == "value 4"


async def test_a_load_is_not_bound_by_the_deadline_of_who_came_first() -> None:
    remembered: Remembered[str, float | None] = Remembered(2)

    async def left() -> float | None:
        return deadlines.remaining()

    async def hurried() -> float | None:
        deadlines.set_remaining(0.001)
        return await remembered.get("key", left)

    assert await asyncio.create_task(hurried()) is None


LONG_AGO = Revisions(0, 0, 0)


class Archive:
    """A store whose shows the test changes; counts what is read."""

    def __init__(self) -> None:
        self.revision = 1
        self.shows: dict[str, Show] = {}
        self.reads: list[str] = []

    def change(self, show_id: str) -> Show:
        self.revision += 1
        show = self.shows[show_id] = object.__new__(Show)
        return show

    async def revisions(self) -> Revisions:
        return Revisions(movies=1, places=1, shows=self.revision)

    async def show(self, show_id: str) -> Show | None:
        self.reads.append(show_id)
        return self.shows.get(show_id)


async def test_a_show_is_read_once_until_the_schedule_changes() -> None:
    archive = Archive()
    catalogue = RememberedCatalogue(archive)  # type: ignore[arg-type]
    first = archive.change("a")
    for _ in range(3):
        assert await catalogue.remembered_show("a", LONG_AGO) is first
    assert archive.reads == ["a"]
    second = archive.change("a")
    assert await catalogue.show("a") is second  # as it is in the store
    catalogue.expire()  # as whoever changed it does; others find out within a second
    assert await catalogue.remembered_show("a", LONG_AGO) is second
    assert archive.reads == ["a", "a", "a"]


async def test_a_show_that_is_not_there_is_looked_for_each_time() -> None:
    archive = Archive()
    catalogue = RememberedCatalogue(archive)  # type: ignore[arg-type]
    assert await catalogue.remembered_show("a", LONG_AGO) is None
    assert await catalogue.remembered_show("a", LONG_AGO) is None
    imported = archive.change("a")
    assert await catalogue.remembered_show("a", LONG_AGO) is imported
    assert archive.reads == ["a"] * 3


async def test_a_show_is_as_new_as_the_caller_has_heard_of() -> None:
    archive = Archive()
    catalogue = RememberedCatalogue(archive)  # type: ignore[arg-type]
    first = archive.change("a")
    heard_of = await catalogue.revisions()
    assert await catalogue.remembered_show("a", heard_of) is first
    second = archive.change("a")  # made by another process; ours has not looked yet
    assert await catalogue.remembered_show("a", heard_of) is first
    assert await catalogue.remembered_show("a", Revisions(1, 1, archive.revision)) is second
    assert (await catalogue.revisions()).shows == archive.revision
    for ahead in (Revisions(2, 0, 0), Revisions(0, 2, 0), Revisions(0, 0, archive.revision + 1)):
        reads = len(archive.reads)
        assert await catalogue.remembered_show("a", ahead) is second  # the store is what there is
        assert len(archive.reads) == reads
