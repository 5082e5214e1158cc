"""Answers kept for a short time."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bff.cache import STALE_SECONDS, TtlCache
from mesh.errors import RemoteError


class Source:
    """Counts loads and fails as told."""

    def __init__(self) -> None:
        self.loads = 0
        self.failure: RemoteError | None = None
        self.gate: asyncio.Event | None = None

    async def __call__(self) -> int:
        self.loads += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return self.loads


class Watch:
    """A monotonic clock to move."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def away(code: str = "UNAVAILABLE") -> RemoteError:
    return RemoteError(code, "", "away", {}, "Load")


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def watch() -> Watch:
    return Watch()


async def test_a_fresh_answer_is_not_loaded_again(source: Source, watch: Watch) -> None:
    cache = TtlCache[int](10, 5, watch)
    assert await cache.get("a", source) == 1
    watch.seconds = 9.9
    assert await cache.get("a", source) == 1
    watch.seconds = 10
    assert await cache.get("a", source) == 2


async def test_callers_at_the_same_time_share_one_load(source: Source, watch: Watch) -> None:
    cache = TtlCache[int](10, 5, watch)
    assert set(await asyncio.gather(*(cache.get("a", source) for _ in range(20)))) == {1}
    assert source.loads == 1


async def test_a_caller_that_goes_away_takes_nothing_from_the_others(source: Source, watch: Watch) -> None:
    cache = TtlCache[int](10, 5, watch)
    source.gate = asyncio.Event()
    first, second = (asyncio.create_task(cache.get("a", source)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    source.gate.set()
    assert await second == 1


async def test_no_more_answers_are_kept_than_the_size(source: Source, watch: Watch) -> None:
    cache = TtlCache[int](10, 2, watch)
    for key in "abc":
        await cache.get(key, source)
    assert cache.peek("a") is None
    assert (cache.peek("b"), cache.peek("c")) == (2, 3)


async def test_an_old_answer_serves_while_the_source_is_away(source: Source, watch: Watch) -> None:
    cache = TtlCache[int](10, 2, watch)
    await cache.get("a", source)
    source.failure = away()
    watch.seconds = 10 + STALE_SECONDS - 1
    assert await cache.get("a", source) == 1
    watch.seconds = 10 + STALE_SECONDS
    with pytest.raises(RemoteError):
        await cache.get("a", source)


@pytest.mark.parametrize("code", ["NOT_FOUND", "INVALID_ARGUMENT"])
async def test_an_answer_that_says_no_is_not_hidden_by_an_old_one(
    source: Source, watch: Watch, code: str
) -> None:
    cache = TtlCache[int](10, 2, watch)
    await cache.get("a", source)
    source.failure = away(code)
    watch.seconds = 11
    with pytest.raises(RemoteError):
        await cache.get("a", source)


async def test_a_failed_load_is_tried_again_by_the_next_caller(source: Source, watch: Watch) -> None:
    cache = TtlCache[int](10, 2, watch)
    source.failure = away()
    load: Callable[[], Awaitable[int]] = source
    with pytest.raises(RemoteError):
        await cache.get("a", load)
    source.failure = None
    assert await cache.get("a", load) == 2


async def test_what_must_not_grow_old_is_not_used_while_its_source_is_away(
    source: Source, watch: Watch
) -> None:
    cache = TtlCache[int](10, 5, watch, stale_seconds=0)
    assert await cache.get("a", source) == 1
    watch.seconds = 11
    source.failure = away()
    with pytest.raises(RemoteError):
        await cache.get("a", source)
