"""What is remembered, for how many, and what happens to those who wait."""

import asyncio

import pytest

from catalog_svc.stores.remembered import Remembered
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
