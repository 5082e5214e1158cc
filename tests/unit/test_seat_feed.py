"""Feeds of changes: what a watcher is told when hints come late, twice or not at all."""

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

import pytest

from mesh.errors import StoreUnavailable
from seat_svc.domain.seats import SeatDelta, SeatMap
from seat_svc.domain.show import Show
from seat_svc.errors import WatcherTooSlow
from seat_svc.ports import MapReading
from seat_svc.theatres.hosted.watching import ShowFeed, Update, Watching
from tests.fixtures.seats import a_show

MOMENT = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)


def delta(sequence: int) -> SeatDelta:
    return SeatDelta(sequence, ((0, sequence % 5),), MOMENT)


class Source:
    """A show's changes as a ledger would remember them, and hints that the test sends."""

    def __init__(self) -> None:
        self.show = a_show()
        self.sequence = 100
        self.remembered_from = 100
        self.away = False
        self.hold_back: asyncio.Event | None = None
        self.reads = 0
        self.followers: dict[str, Callable[[SeatDelta], None]] = {}
        self.watching = Watching(self.read, self)

    async def read(self, show: Show, after: int) -> list[SeatDelta] | MapReading:
        self.reads += 1
        answer, hold_back = self._answer(show, after), self.hold_back
        await asyncio.sleep(0)
        if hold_back is not None:
            await hold_back.wait()
        if self.away:
            raise StoreUnavailable("redis")
        return answer

    def _answer(self, show: Show, after: int) -> list[SeatDelta] | MapReading:
        if self.remembered_from <= after <= self.sequence:
            return [delta(sequence) for sequence in range(after + 1, self.sequence + 1)]
        return MapReading(SeatMap(show.show_id, "hall", bytes(40), self.sequence, MOMENT), 0)

    def follow(self, show_id: str, tell: Callable[[SeatDelta], None]) -> None:
        self.followers[show_id] = tell

    def unfollow(self, show_id: str) -> None:
        del self.followers[show_id]

    def happens(self, *, hinted: bool = True) -> None:
        self.sequence += 1
        if hinted:
            self.hint(self.sequence)

    def hint(self, sequence: int) -> None:
        self.followers[self.show.show_id](delta(sequence))

    @asynccontextmanager
    async def watcher(self, after: int = 0) -> AsyncIterator[AsyncGenerator[Update, None]]:
        async with aclosing(self.watching.watch(self.show, after)) as updates:
            yield updates


async def told(updates: AsyncGenerator[Update, None], count: int) -> list[tuple[str, int]]:
    async with asyncio.timeout(10):
        return [
            (type(update).__name__, update.sequence)
            for update in [await anext(updates) for _ in range(count)]
        ]


async def test_hints_are_told_as_they_come_without_reading() -> None:
    source = Source()
    async with source.watcher() as updates:
        assert await told(updates, 1) == [("SeatMap", 100)]
        following = asyncio.create_task(told(updates, 2))
        await asyncio.sleep(0)
        source.happens()
        source.happens()
        assert await following == [("SeatDelta", 101), ("SeatDelta", 102)]
        assert source.reads == 1


async def test_a_hint_that_came_twice_is_told_once() -> None:
    source = Source()
    async with source.watcher() as updates:
        await told(updates, 1)
        following = asyncio.create_task(told(updates, 2))
        await asyncio.sleep(0)
        source.happens()
        source.hint(101)
        source.hint(99)
        source.happens()
        assert await following == [("SeatDelta", 101), ("SeatDelta", 102)]


async def test_a_change_without_hint_is_found_by_the_sweep() -> None:
    source = Source()
    async with source.watcher() as updates:
        await told(updates, 1)
        following = asyncio.create_task(told(updates, 1))
        await asyncio.sleep(0)
        source.happens(hinted=False)
        await source.watching.sweep()
        assert await following == [("SeatDelta", 101)]


async def test_a_gap_in_the_hints_is_filled_in_order_and_wakes_the_sweep() -> None:
    source = Source()
    async with source.watcher() as updates:
        await told(updates, 1)
        following = asyncio.create_task(told(updates, 3))
        await asyncio.sleep(0)
        source.happens(hinted=False)
        source.happens()
        assert source.watching.wake.is_set()
        source.happens()
        await source.watching.sweep()
        assert await following == [("SeatDelta", 101), ("SeatDelta", 102), ("SeatDelta", 103)]


async def test_a_gap_that_nobody_remembers_gives_a_snapshot_and_goes_on_from_it() -> None:
    source = Source()
    async with source.watcher() as updates:
        await told(updates, 1)
        following = asyncio.create_task(told(updates, 2))
        await asyncio.sleep(0)
        source.sequence, source.remembered_from = 5000, 5000
        await source.watching.sweep()
        source.happens()
        assert await following == [("SeatMap", 5000), ("SeatDelta", 5001)]


async def test_one_who_joins_later_is_told_nothing_twice() -> None:
    source = Source()
    async with source.watcher() as first:
        await told(first, 1)
        source_reading = asyncio.create_task(told(first, 2))
        await asyncio.sleep(0)
        source.happens(hinted=False)
        async with source.watcher(100) as second:
            # It reads the change itself before the feed hears of it.
            assert await told(second, 1) == [("SeatDelta", 101)]
            following = asyncio.create_task(told(second, 1))
            await asyncio.sleep(0)
            source.hint(101)
            await asyncio.sleep(0)
            source.happens()
            assert await following == [("SeatDelta", 102)]
        assert await source_reading == [("SeatDelta", 101), ("SeatDelta", 102)]


async def test_one_who_was_first_but_slow_misses_nothing_before_the_next_one_joined() -> None:
    source = Source()
    async with source.watcher() as slow, source.watcher() as quick:
        assert await told(slow, 1) == [("SeatMap", 100)]
        source.happens()
        assert await told(quick, 1) == [("SeatMap", 101)]
        following = asyncio.create_task(told(quick, 1))
        await asyncio.sleep(0)
        source.happens()
        await source.watching.sweep()
        assert await following == [("SeatDelta", 102)]
        assert await told(slow, 2) == [("SeatDelta", 101), ("SeatDelta", 102)]


async def test_one_whose_answer_comes_later_misses_nothing_before_the_other_answer() -> None:
    source = Source()
    async with source.watcher() as late, source.watcher() as early:
        source.hold_back = asyncio.Event()
        first = asyncio.create_task(told(late, 3))
        await asyncio.sleep(0)
        held_back, source.hold_back = source.hold_back, None
        source.happens()
        assert await told(early, 1) == [("SeatMap", 101)]
        following = asyncio.create_task(told(early, 1))
        await asyncio.sleep(0)
        source.happens()
        assert await following == [("SeatDelta", 102)]
        held_back.set()
        await asyncio.sleep(0.01)
        await source.watching.sweep()
        assert await first == [("SeatMap", 100), ("SeatDelta", 101), ("SeatDelta", 102)]


async def test_a_show_that_cannot_be_read_for_a_while_is_read_later() -> None:
    source = Source()
    async with source.watcher() as updates:
        await told(updates, 1)
        following = asyncio.create_task(told(updates, 1))
        await asyncio.sleep(0)
        source.happens(hinted=False)
        source.away = True
        await source.watching.sweep()
        assert not following.done()
        source.away = False
        await source.watching.sweep()
        assert await following == [("SeatDelta", 101)]


async def test_a_show_whose_reading_hangs_keeps_no_other_from_being_swept() -> None:
    source, hangs = Source(), asyncio.Event()
    hanging = a_show()

    async def read(show: Show, after: int) -> list[SeatDelta] | MapReading:
        if show is hanging and after:
            await hangs.wait()
        return await source.read(show, after)

    source.watching = Watching(read, source)
    async with aclosing(source.watching.watch(hanging, 0)) as stuck, source.watcher() as updates:
        await told(stuck, 1)
        await told(updates, 1)
        waiting = asyncio.create_task(told(stuck, 1))
        for sequence in (101, 102, 103):
            following = asyncio.create_task(told(updates, 1))
            await asyncio.sleep(0)
            source.happens(hinted=False)
            async with asyncio.timeout(10):
                await source.watching.sweep()
            assert await following == [("SeatDelta", sequence)]
        assert not waiting.done()
        hangs.set()
        assert await waiting == [("SeatDelta", 101)]


async def test_nothing_is_followed_or_swept_once_nobody_watches() -> None:
    source = Source()
    async with source.watcher() as first, source.watcher() as second:
        await told(first, 1)
        await told(second, 1)
        assert len(source.followers) == 1
    assert source.followers == {}
    reads = source.reads
    await source.watching.sweep()
    assert source.reads == reads


async def test_a_watcher_behind_by_more_than_is_remembered_is_cut_off_and_others_are_not() -> None:
    feed = ShowFeed(a_show(), remembered=4)
    feed.begin(100)
    slow = quick = feed.position
    for sequence in range(101, 105):
        feed.tell(delta(sequence))
    quick, updates = await feed.after(quick)
    assert [update.sequence for update in updates] == [101, 102, 103, 104]
    feed.tell(delta(105))
    with pytest.raises(WatcherTooSlow):
        await feed.after(slow)
    _, updates = await feed.after(quick)
    assert [update.sequence for update in updates] == [105]
