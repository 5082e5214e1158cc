"""Sales that are cut in two: by crashes, wipes, rebuilds, lost answers and callers that go away.

Each test stops a process at one point and lets another one meet what is left.
"""

import asyncio
import contextlib
import datetime as dt
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from mesh.errors import MatineeError, RequestIdReused, StoreUnavailable
from mesh.ids import new_request_id
from mesh.testing import eventually
from seat_svc.domain.sale import RefusedSale, Sale
from seat_svc.domain.seats import Hold, SeatMap, SeatState
from seat_svc.domain.show import Show
from seat_svc.errors import SeatsLost, SeatTaken, UnknownHold, UnknownSale, UnknownSeat
from seat_svc.stores.mongo import MongoSales
from seat_svc.stores.redis import RedisSeatLedger
from seat_svc.theatres.hosted import HostedTheatre
from tests.fixtures.seats import (
    KnownShows,
    SteppedSales,
    a_purchase,
    a_sale,
    a_show,
    hall,
    move_clock,
    open_theatre,
)
from tests.fixtures.selling import Crash, buy, crash, hold, no_answer, state_of


async def test_a_claim_of_a_crashed_sale_that_was_not_recorded_becomes_free(
    theatre: HostedTheatre, neighbour: HostedTheatre, stepped: SteppedSales, show: Show, redis_client: Redis
) -> None:
    held = await hold(theatre, show, "A1")
    stepped.before_add = crash
    with pytest.raises(Crash):
        await buy(theatre, show, held, "sale-1")
    with pytest.raises(SeatTaken):
        await hold(neighbour, show, "A1", holder="bert")

    await move_clock(redis_client, 31)
    theirs = await hold(neighbour, show, "A1", holder="bert")
    assert len(await buy(neighbour, show, theirs, "sale-2")) == 1
    stepped.before_add = no_answer
    with pytest.raises(SeatsLost):
        await buy(theatre, show, held, "sale-1")


async def test_a_claim_of_a_crashed_sale_that_was_recorded_becomes_sold(
    theatre: HostedTheatre, neighbour: HostedTheatre, stepped: SteppedSales, show: Show, redis_client: Redis
) -> None:
    held = await hold(theatre, show, "A1", "A2")
    stepped.after_add = crash
    with pytest.raises(Crash):
        await buy(theatre, show, held, "sale-1")
    await move_clock(redis_client, 31)
    with pytest.raises(SeatTaken):
        await hold(neighbour, show, "A1", holder="bert")
    assert await state_of(neighbour, show, "A2") is SeatState.SOLD
    assert len(await buy(neighbour, show, held, "sale-1")) == 2


async def test_a_crowd_that_meets_overdue_claims_has_each_settled_once(
    theatre: HostedTheatre, stepped: SteppedSales, show: Show, redis_client: Redis
) -> None:
    """A store that has just come back must not be asked by everybody for everything that is left."""
    stepped.before_add = crash
    for seat_id in ("A1", "A2", "A3"):
        with pytest.raises(Crash):
            await buy(theatre, show, await hold(theatre, show, seat_id, holder=seat_id), f"sale-{seat_id}")
    await move_clock(redis_client, 31)
    asked = 0

    async def count() -> None:
        nonlocal asked
        asked += 1

    stepped.before_finding = count
    outcomes = await asyncio.gather(
        *(hold(theatre, show, f"A{1 + number % 3}", holder=f"buyer-{number}") for number in range(90)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Hold) for outcome in outcomes) == 3
    assert asked == 3


async def test_who_only_watches_a_show_meets_what_a_crash_left_there(
    theatre: HostedTheatre, ledger: RedisSeatLedger, stepped: SteppedSales, show: Show, redis_client: Redis
) -> None:
    """The seat looks taken, so nobody asks for it: it would stay so."""
    stepped.before_add = crash
    held = await hold(theatre, show, "A1")
    async with contextlib.aclosing(theatre.watch(show, 0)) as updates:
        await anext(updates)
        waiting = asyncio.ensure_future(anext(updates))
        with pytest.raises(Crash):
            await buy(theatre, show, held, "sale-1")
        await theatre._watching.sweep()
        await waiting
        await move_clock(redis_client, 31)
        await theatre._watching.sweep()
        await theatre._settlement.step()
    states = (await ledger.seat_map(show)).seat_map.states
    assert SeatState(states[0]) is SeatState.AVAILABLE


async def test_what_watchers_of_a_moved_show_cost_is_no_question_to_the_catalogue_each_time(
    ledger: RedisSeatLedger, sales: MongoSales, show: Show
) -> None:
    shows, fetched = KnownShows(show), 0

    async def count() -> None:
        nonlocal fetched
        fetched += 1

    shows.after_fetching = count
    async with open_theatre(ledger, sales, shows) as theatre:
        updates = theatre.watch(show, 0)
        async with contextlib.aclosing(updates):
            first = await anext(updates)
            waiting = asyncio.ensure_future(anext(updates))
            await asyncio.sleep(0.1)
            moved = replace(show, layout=hall(2, 2, layout_id="small"))
            shows.shows[show.show_id] = moved
            await theatre.refresh(moved)
            await theatre._watching.sweep()
            second = await waiting
            assert isinstance(first, SeatMap)
            assert isinstance(second, SeatMap)
            assert (first.layout_id, second.layout_id) == ("hall", "small")
            fetched = 0
            for _ in range(5):
                await theatre._watching.sweep()
            assert fetched == 0


async def test_a_late_confirm_that_meets_an_overdue_claim_has_it_settled(
    theatre: HostedTheatre, neighbour: HostedTheatre, stepped: SteppedSales, show: Show, redis_client: Redis
) -> None:
    held = await hold(theatre, show, "A1")
    stepped.before_add = crash
    with pytest.raises(Crash):
        await buy(theatre, show, held, "sale-1")
    await move_clock(redis_client, 31)
    purchase = a_purchase("A1", sale_id="sale-2")
    assert len(await neighbour.confirm(show, purchase, new_request_id())) == 1


async def test_an_overdue_claim_cannot_be_had_while_mongodb_is_away(
    theatre: HostedTheatre, stepped: SteppedSales, show: Show, redis_client: Redis
) -> None:
    held = await hold(theatre, show, "A1")
    stepped.after_add = crash
    with pytest.raises(Crash):
        await buy(theatre, show, held, "sale-1")
    await move_clock(redis_client, 31)
    stepped.before_finding = no_answer
    with pytest.raises(SeatTaken):
        await hold(theatre, show, "A1", holder="bert")


async def test_an_insert_whose_answer_was_lost_still_gives_its_tickets(
    theatre: HostedTheatre, stepped: SteppedSales, show: Show
) -> None:
    held = await hold(theatre, show, "A1")
    stepped.after_add = no_answer
    tickets = await buy(theatre, show, held, "sale-1")
    assert await state_of(theatre, show, "A1") is SeatState.SOLD
    assert await buy(theatre, show, held, "sale-1") == tickets


async def test_an_insert_that_failed_may_be_repeated(
    theatre: HostedTheatre, neighbour: HostedTheatre, stepped: SteppedSales, show: Show
) -> None:
    held = await hold(theatre, show, "A1")
    stepped.before_add = no_answer
    with pytest.raises(StoreUnavailable):
        await buy(theatre, show, held, "sale-1")
    # Whether it was recorded is not known for certain, so nobody else gets the seat meanwhile.
    with pytest.raises(SeatTaken):
        await hold(neighbour, show, "A1", holder="bert")
    assert len(await buy(neighbour, show, held, "sale-1")) == 1


async def test_a_caller_that_goes_away_does_not_stop_its_sale(
    theatre: HostedTheatre, stepped: SteppedSales, show: Show, sales: MongoSales
) -> None:
    held = await hold(theatre, show, "A1")
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def pause() -> None:
        reached.set()
        await go_on.wait()

    stepped.before_add = pause
    caller = asyncio.create_task(buy(theatre, show, held, "sale-1"))
    await reached.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert await sales.find("sale-1") is None
    go_on.set()

    async def sold() -> bool:
        return await state_of(theatre, show, "A1") is SeatState.SOLD

    assert await eventually(sold)
    assert await sales.find("sale-1") is not None


async def test_a_wipe_between_claim_and_insert_sells_the_seat_once(
    theatre: HostedTheatre, neighbour: HostedTheatre, stepped: SteppedSales, show: Show, redis_client: Redis
) -> None:
    held = await hold(theatre, show, "A1", "A2")

    async def wipe_and_let_another_buy() -> None:
        stepped.before_add = stepped.after_reading_a_show
        await redis_client.flushall()
        theirs = await hold(neighbour, show, "A1", holder="bert")
        await buy(neighbour, show, theirs, "sale-2")

    stepped.before_add = wipe_and_let_another_buy
    with pytest.raises(SeatsLost) as lost:
        await buy(theatre, show, held, "sale-1")
    assert lost.value.seat_ids == ("A1",)
    assert await state_of(theatre, show, "A1") is SeatState.SOLD
    assert await state_of(theatre, show, "A2") is SeatState.AVAILABLE


async def test_a_sale_that_only_mongodb_knows_of_is_learned_from_its_refusal(
    theatre: HostedTheatre, stepped: SteppedSales, show: Show, sales: MongoSales
) -> None:
    held = await hold(theatre, show, "A1", "A2")

    async def sell_it_elsewhere() -> None:
        await sales.add(a_sale(show, "A1"))

    stepped.before_add = sell_it_elsewhere
    with pytest.raises(SeatsLost) as lost:
        await buy(theatre, show, held, "sale-1")
    assert lost.value.seat_ids == ("A1",)
    assert await state_of(theatre, show, "A1") is SeatState.SOLD
    assert await state_of(theatre, show, "A2") is SeatState.AVAILABLE


async def test_a_wipe_while_another_holds_the_seat_leaves_it_to_who_is_recorded_first(
    theatre: HostedTheatre, neighbour: HostedTheatre, stepped: SteppedSales, show: Show, redis_client: Redis
) -> None:
    held = await hold(theatre, show, "A1", "A2")
    theirs: list[Hold] = []

    async def wipe_and_let_another_hold() -> None:
        await redis_client.flushall()
        theirs.append(await hold(neighbour, show, "A2", "A3", holder="bert"))

    stepped.before_add = wipe_and_let_another_hold
    assert len(await buy(theatre, show, held, "sale-1")) == 2
    # The other hold is over: it could not have been bought.
    assert await state_of(neighbour, show, "A3") is SeatState.AVAILABLE
    with pytest.raises(SeatsLost) as lost:
        await buy(neighbour, show, theirs[0], "sale-2")
    assert lost.value.seat_ids == ("A2",)


async def test_a_sale_that_was_refused_is_never_made_though_its_insert_was_on_its_way(
    theatre: HostedTheatre, neighbour: HostedTheatre, stepped: SteppedSales, show: Show,
    sales: MongoSales, redis_client: Redis,
) -> None:  # fmt: skip
    held = await hold(theatre, show, "A1")
    on_its_way, may_arrive = asyncio.Event(), asyncio.Event()

    async def pause() -> None:
        on_its_way.set()
        await may_arrive.wait()

    stepped.before_add = pause
    first = asyncio.create_task(buy(theatre, show, held, "sale-1"))
    await on_its_way.wait()
    await redis_client.flushall()
    await hold(neighbour, show, "A1", holder="bert")
    with pytest.raises(SeatsLost):
        await buy(neighbour, show, held, "sale-1")
    may_arrive.set()
    with pytest.raises(SeatsLost):
        await first
    assert await sales.find("sale-1") == RefusedSale("sale-1", ("A1",))
    assert await sales.of_show(show.show_id) == []


async def test_a_refusal_is_final_even_when_the_seat_is_free_again(
    theatre: HostedTheatre, show: Show, redis_client: Redis
) -> None:
    mine = await hold(theatre, show, "A1")
    await move_clock(redis_client, 301)
    theirs = await hold(theatre, show, "A1", holder="bert")
    with pytest.raises(SeatsLost):
        await buy(theatre, show, mine, "sale-1")
    await theatre.release(show, theirs.hold_id, new_request_id())
    with pytest.raises(SeatsLost) as lost:
        await buy(theatre, show, mine, "sale-1")
    assert lost.value.seat_ids == ("A1",)
    assert await state_of(theatre, show, "A1") is SeatState.AVAILABLE
    with pytest.raises(UnknownSale):
        await theatre.cancel(show, "sale-1", (), new_request_id())


async def test_a_wipe_between_insert_and_settling_shows_the_seat_as_sold(
    theatre: HostedTheatre, neighbour: HostedTheatre, stepped: SteppedSales, show: Show, redis_client: Redis
) -> None:
    held = await hold(theatre, show, "A1")

    async def wipe() -> None:
        await redis_client.flushall()

    stepped.after_add = wipe
    assert len(await buy(theatre, show, held, "sale-1")) == 1
    with pytest.raises(SeatTaken):
        await hold(neighbour, show, "A1", holder="bert")


async def test_an_older_word_of_mongodb_never_replaces_a_newer_one(
    theatre: HostedTheatre, ledger: RedisSeatLedger, show: Show, sales: MongoSales
) -> None:
    held = await hold(theatre, show, "A1", "A2")
    await buy(theatre, show, held, "sale-1")
    sold = await sales.find("sale-1")
    assert isinstance(sold, Sale)
    await theatre.cancel(show, "sale-1", ("A1",), new_request_id())
    await ledger.record(show, sold)
    assert await state_of(theatre, show, "A1") is SeatState.AVAILABLE

    again = await hold(theatre, show, "A1", holder="bert")
    await buy(theatre, show, again, "sale-2")
    cancelled = await sales.find("sale-1")
    assert isinstance(cancelled, Sale)
    await ledger.record(show, cancelled)
    assert await state_of(theatre, show, "A1") is SeatState.SOLD


async def test_sales_that_a_restarted_ledger_forgot_are_told_to_it_again(
    theatre: HostedTheatre, ledger: RedisSeatLedger, show: Show, sales: MongoSales
) -> None:
    await hold(theatre, show, "B1")
    # As if the last second of the append-only file had been lost.
    await sales.add(a_sale(show, "A1"))
    assert await state_of(theatre, show, "A1") is SeatState.AVAILABLE
    await theatre._settlement.step()
    assert await state_of(theatre, show, "A1") is SeatState.SOLD


async def test_a_confirm_that_finds_its_sale_made_tells_the_ledger(
    theatre: HostedTheatre, neighbour: HostedTheatre, stepped: SteppedSales, show: Show, redis_client: Redis
) -> None:
    """Else somebody else would go on holding the seat, and pay for it in vain."""
    held = await hold(theatre, show, "A1")
    theirs: list[Hold] = []

    async def forgotten_and_held() -> None:
        await redis_client.flushall()
        theirs.append(await hold(neighbour, show, "A1", holder="bert"))

    stepped.before_add, stepped.after_add = forgotten_and_held, crash
    with pytest.raises(Crash):
        await buy(theatre, show, held, "sale-1")
    assert len(await buy(neighbour, show, held, "sale-1")) == 1
    assert await state_of(neighbour, show, "A1") is SeatState.SOLD
    with pytest.raises(UnknownHold):
        await neighbour.find_hold(show, theirs[0].hold_id)


async def test_a_sale_is_the_same_after_its_show_moved_to_a_screen_without_the_seat(
    theatre: HostedTheatre, ledger: RedisSeatLedger, sales: MongoSales, show: Show
) -> None:
    """The answer to the confirm was lost, and it is repeated."""
    held = await hold(theatre, show, "E8")
    issued = await buy(theatre, show, held, "sale-1")
    moved = replace(show, layout=hall(2, 2, layout_id="small"))
    async with open_theatre(ledger, sales, KnownShows(moved)) as later:
        await later.refresh(moved)
        assert await buy(later, moved, held, "sale-1") == issued
        with pytest.raises(UnknownSeat):
            await buy(later, moved, held, "sale-2")
    assert await sales.find("sale-2") is None


async def test_a_booking_of_one_show_buys_nothing_in_another(
    ledger: RedisSeatLedger, sales: MongoSales, redis_client: Redis, show: Show
) -> None:
    """Nor does it take a seat there from anybody."""
    other = a_show()
    async with open_theatre(ledger, sales, KnownShows(show, other)) as theatre:
        await buy(theatre, show, await hold(theatre, show, "A1", "A2"), "sale-1")
        mine, theirs = await hold(theatre, other, "A1"), await hold(theatre, other, "A2", holder="bert")
        for _ in range(2):
            with pytest.raises(RequestIdReused):
                await buy(theatre, other, mine, "sale-1")
        assert await state_of(theatre, other, "A1") is SeatState.AVAILABLE
        assert (await theatre.find_hold(other, theirs.hold_id)).seat_ids == ("A2",)

        same = replace(mine, seat_ids=("A1", "A2"))
        await theatre.release(other, theirs.hold_id, new_request_id())
        await redis_client.flushall()
        with pytest.raises(RequestIdReused):
            await buy(theatre, other, same, "sale-1")


async def test_a_claim_that_crashed_is_not_settled_by_a_sale_of_another_show(
    theatre: HostedTheatre, ledger: RedisSeatLedger, sales: MongoSales, redis_client: Redis, show: Show
) -> None:
    await hold(theatre, show, "A2")
    await sales.add(replace(a_sale(a_show(), "A1", "A2"), sale_id="sale-1"))
    await ledger.claim(show, a_purchase("A1", sale_id="sale-1"), new_request_id())
    await move_clock(redis_client, 31)
    await theatre._settlement.settle(show)
    assert await state_of(theatre, show, "A1") is SeatState.AVAILABLE
    assert await state_of(theatre, show, "A2") is SeatState.HELD


async def test_what_is_settled_does_not_depend_on_there_being_a_sale(
    theatre: HostedTheatre, show: Show, sales: MongoSales
) -> None:
    """All that is recorded is that a booking was given up."""
    with pytest.raises(UnknownSale):
        await theatre.cancel(show, "sale-1", (), new_request_id())
    assert await sales.newest_change() is None
    await theatre._settlement.step()


async def test_a_clock_that_was_ahead_hides_no_sale_that_a_restarted_ledger_forgot(
    theatre: HostedTheatre, show: Show, sales: MongoSales
) -> None:
    """A process whose clock was a day ahead sold the one seat, another one sold the other."""
    await hold(theatre, show, "B1")
    ahead = a_sale(show, "A1")
    await sales.add(replace(ahead, sale_time=ahead.sale_time + dt.timedelta(days=1)))
    await sales.add(a_sale(show, "A2"))
    await theatre._settlement.step()
    assert await state_of(theatre, show, "A1") is SeatState.SOLD
    assert await state_of(theatre, show, "A2") is SeatState.SOLD


async def test_a_refused_sale_changes_nothing(theatre: HostedTheatre, show: Show, sales: MongoSales) -> None:
    held = await hold(theatre, show, "A1", "A2")
    purchase = a_purchase("A1", "A3", hold_id=held.hold_id, sale_id="sale-1")
    with pytest.raises(MatineeError):
        await theatre.confirm(show, purchase, new_request_id())
    assert await sales.find("sale-1") is None
    assert await state_of(theatre, show, "A3") is SeatState.AVAILABLE
