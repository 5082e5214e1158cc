"""Shows that are put in place again, or brought up to date, while others sell."""

import asyncio
import contextlib
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from mesh.errors import StoreUnavailable
from mesh.ids import new_request_id
from mesh.testing import eventually
from seat_svc.domain.seats import Hold, SeatMap, SeatState
from seat_svc.domain.show import Show
from seat_svc.errors import SeatsLost
from seat_svc.ports import ShowMissing
from seat_svc.stores.mongo import MongoSales
from seat_svc.stores.redis import RedisSeatLedger
from seat_svc.theatres.hosted import HostedTheatre
from tests.fixtures.seats import (
    KnownShows,
    SteppedSales,
    a_purchase,
    a_sale,
    hall,
    move_clock,
    open_ledger,
    open_theatre,
)
from tests.fixtures.selling import buy, hold, no_answer, state_of


async def test_a_rebuild_that_read_before_a_sale_was_recorded_does_not_lose_it(
    theatre: HostedTheatre, stepped: SteppedSales, redis_url: str, sales: MongoSales, show: Show,
    redis_client: Redis,
) -> None:  # fmt: skip
    """The rebuild reads, the sale is recorded, the rebuild writes what it had read."""
    held = await hold(theatre, show, "A1")
    has_read, may_write = asyncio.Event(), asyncio.Event()

    async def pause() -> None:
        has_read.set()
        await may_write.wait()

    slow = SteppedSales(sales)
    slow.after_reading_a_show = pause
    async with open_ledger(redis_url) as other, open_theatre(other, slow, KnownShows(show)) as rebuilding:
        looking: list[asyncio.Task[SeatMap]] = []

        async def wipe_and_begin_to_rebuild() -> None:
            await redis_client.flushall()
            looking.append(asyncio.create_task(rebuilding.seat_map(show)))
            await has_read.wait()

        stepped.before_add = wipe_and_begin_to_rebuild
        buying = asyncio.create_task(buy(theatre, show, held, "sale-1"))

        async def recorded() -> object:
            return await sales.find("sale-1")

        await eventually(recorded)
        may_write.set()
        await looking[0]
        await buying
    assert await state_of(theatre, show, "A1") is SeatState.SOLD


async def test_a_sale_recorded_during_a_rebuild_by_a_process_that_crashed_is_found_by_the_recheck(
    theatre: HostedTheatre, neighbour: HostedTheatre, stepped: SteppedSales, show: Show,
    sales: MongoSales, ledger: RedisSeatLedger, redis_client: Redis,
) -> None:  # fmt: skip
    await hold(theatre, show, "B1")
    await redis_client.flushall()

    async def record_one_and_crash() -> None:
        await sales.add(a_sale(show, "A1"))

    stepped.after_reading_a_show = record_one_and_crash
    assert await state_of(theatre, show, "A1") is SeatState.AVAILABLE
    # Redis does not know, but the last word does.
    theirs = await hold(neighbour, show, "A1", "A2", holder="bert")
    await move_clock(redis_client, 31)

    async def told() -> bool:
        await neighbour._settlement.step()
        return await state_of(neighbour, show, "A1") is SeatState.SOLD

    assert await eventually(told)
    with pytest.raises(SeatsLost):
        await buy(neighbour, show, theirs, "sale-2")


async def test_only_one_process_rebuilds_and_the_others_wait(
    redis_url: str, sales: MongoSales, show: Show
) -> None:
    rebuilds = 0

    async def count() -> None:
        nonlocal rebuilds
        rebuilds += 1
        await asyncio.sleep(0.05)

    counting = SteppedSales(sales)
    counting.after_reading_a_show = count
    async with contextlib.AsyncExitStack() as processes:
        theatres = []
        for _ in range(4):
            ledger = await processes.enter_async_context(open_ledger(redis_url))
            theatres.append(
                await processes.enter_async_context(open_theatre(ledger, counting, KnownShows(show)))
            )
        outcomes = await asyncio.gather(
            *(hold(theatre, show, "A1", holder=f"{at}") for at in range(10) for theatre in theatres),
            return_exceptions=True,
        )
    assert rebuilds == 1
    assert sum(isinstance(outcome, Hold) for outcome in outcomes) == 1


async def test_a_rebuild_that_crashed_is_taken_over(
    theatre: HostedTheatre, ledger: RedisSeatLedger, show: Show, redis_client: Redis
) -> None:
    await ledger.begin_rebuild(show.show_id, "crashed")
    waiting = asyncio.create_task(theatre.seat_map(show))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    # What is left of the guard's time passes.
    await redis_client.pexpire(f"{{{show.show_id}}}:rebuilding", 1)
    assert set((await waiting).states) == {SeatState.AVAILABLE}


async def test_a_rebuild_that_lost_its_guard_writes_nothing(
    ledger: RedisSeatLedger, show: Show, redis_client: Redis
) -> None:
    await ledger.begin_rebuild(show.show_id, "slow")
    await redis_client.flushall()
    assert (await ledger.rebuild(show, "slow", [], frozenset())).name == "LATE"
    with pytest.raises(ShowMissing):
        await ledger.seat_map(show)


async def test_a_show_that_is_cancelled_while_it_is_rebuilt_is_not_sold(
    ledger: RedisSeatLedger, sales: MongoSales, show: Show
) -> None:
    """The rebuild reads the show, the show is cancelled and the inventory told, the rebuild writes."""
    shows, read, go_on = KnownShows(show), asyncio.Event(), asyncio.Event()

    async def pause() -> None:
        read.set()
        await go_on.wait()

    shows.after_fetching = pause
    async with open_theatre(ledger, sales, shows) as rebuilding:
        looking = asyncio.create_task(rebuilding.seat_map(show))
        await read.wait()
        called_off = replace(show, cancelled=True)
        shows.shows[show.show_id] = called_off
        async with open_theatre(ledger, sales, KnownShows(called_off)) as told:
            await told.refresh(called_off)
        go_on.set()
        await looking
    with pytest.raises(SeatsLost):
        await ledger.claim(show, a_purchase("A1"), new_request_id())


async def test_who_is_slow_to_say_how_a_show_was_does_not_replace_what_it_is_now(
    theatre: HostedTheatre, ledger: RedisSeatLedger, neighbour: HostedTheatre, sales: MongoSales, show: Show
) -> None:
    """One process reads the show, it is cancelled, another one is told, the first one writes."""
    held = await hold(theatre, show, "A1")
    shows, read, go_on = KnownShows(show), asyncio.Event(), asyncio.Event()

    async def pause() -> None:
        read.set()
        await go_on.wait()

    shows.after_fetching = pause
    called_off = replace(show, cancelled=True)
    async with (
        open_theatre(ledger, sales, shows) as slow,
        open_theatre(ledger, sales, KnownShows(called_off)) as told,
    ):
        refreshing = asyncio.create_task(slow.refresh(show))
        await read.wait()
        await told.refresh(called_off)
        go_on.set()
        await refreshing
    with pytest.raises(SeatsLost):
        await buy(neighbour, show, held, "sale-1")


async def test_who_is_slow_to_say_where_a_show_was_does_not_take_it_away(
    theatre: HostedTheatre, ledger: RedisSeatLedger, sales: MongoSales, show: Show
) -> None:
    """As above, with a show that moved to another screen: holds there would be lost."""
    await hold(theatre, show, "A1")
    shows, read, go_on = KnownShows(show), asyncio.Event(), asyncio.Event()

    async def pause() -> None:
        read.set()
        await go_on.wait()

    shows.after_fetching = pause
    moved = replace(show, layout=hall(2, 2, layout_id="small"))
    async with (
        open_theatre(ledger, sales, shows) as slow,
        open_theatre(ledger, sales, KnownShows(moved)) as told,
    ):
        refreshing = asyncio.create_task(slow.refresh(show))
        await read.wait()
        await told.refresh(moved)
        held = await hold(told, moved, "B1")
        go_on.set()
        await refreshing
        assert (await told.find_hold(moved, held.hold_id)).seat_ids == ("B1",)


async def test_a_rebuild_that_cannot_read_lets_the_next_one_begin_at_once(
    theatre: HostedTheatre, neighbour: HostedTheatre, stepped: SteppedSales, show: Show
) -> None:
    stepped.after_reading_a_show = no_answer
    with pytest.raises(StoreUnavailable):
        await hold(theatre, show, "A1")
    async with asyncio.timeout(6):  # the turn of one that was never heard of again lasts ten
        await hold(neighbour, show, "A1")
