"""The ledger's promises, on a real Valkey with a clock that the tests move and no sweeper."""

import asyncio
import datetime as dt

import pytest
from redis.asyncio import Redis

from mesh.errors import InvalidField, RequestIdReused
from mesh.ids import new_request_id
from seat_svc.domain.orders import InventoryRules
from seat_svc.domain.sale import RefusedSale
from seat_svc.domain.seats import Hold, SeatState
from seat_svc.domain.show import Show
from seat_svc.errors import (
    HoldLimit,
    SeatBlocked,
    SeatsLost,
    SeatTaken,
    ShowClosed,
    UnknownHold,
    UnknownSeat,
)
from seat_svc.ports import (
    ChangesReading,
    MapReading,
    SaleRecorded,
    ShowMissing,
    ShowOutdated,
    StatesChanged,
)
from seat_svc.stores.redis import RedisSeatLedger
from tests.fixtures.seats import (
    a_purchase,
    a_sale,
    a_show,
    an_order,
    hall,
    move_clock,
    open_ledger,
    put_in_place,
)


async def state_of(ledger: RedisSeatLedger, show: Show, seat_id: str) -> SeatState:
    reading = await ledger.seat_map(show)
    return SeatState(reading.seat_map.states[show.layout.index_of[seat_id]])


async def hold(ledger: RedisSeatLedger, show: Show, *seat_ids: str, **order: object) -> Hold:
    return await ledger.hold(show, an_order(*seat_ids, **order), ())  # type: ignore[arg-type]


@pytest.fixture
async def show(ledger: RedisSeatLedger) -> Show:
    return await put_in_place(ledger, a_show(), blocked=["E8"])


async def test_a_hold_takes_its_seats_in_one_change(ledger: RedisSeatLedger, show: Show) -> None:
    before = (await ledger.seat_map(show)).seat_map
    held = await hold(ledger, show, "A2", "A1")
    after = (await ledger.seat_map(show)).seat_map

    assert held.seat_ids == ("A2", "A1")
    assert held.expire_time - held.as_of_time == dt.timedelta(seconds=300)
    assert after.sequence == before.sequence + 1
    assert [SeatState(state).name for state in after.states[:3]] == ["HELD", "HELD", "AVAILABLE"]
    found = await ledger.find_hold(show, held.hold_id)
    assert (found.seat_ids, found.holder_id, found.expire_time) == (("A2", "A1"), "anna", held.expire_time)


async def test_a_seat_that_is_taken_refuses_the_whole_hold(ledger: RedisSeatLedger, show: Show) -> None:
    await hold(ledger, show, "A1", "A2")
    with pytest.raises(SeatTaken) as refused:
        await hold(ledger, show, "A3", "A2", "A1", holder="bert")
    assert refused.value.seat_ids == ("A2", "A1")
    assert await state_of(ledger, show, "A3") is SeatState.AVAILABLE


async def test_a_blocked_seat_is_refused_as_such(ledger: RedisSeatLedger, show: Show) -> None:
    await hold(ledger, show, "E7")
    with pytest.raises(SeatBlocked) as refused:
        await hold(ledger, show, "E7", "E8", holder="bert")
    assert refused.value.seat_ids == ("E8",)


async def test_unknown_seats_are_named(ledger: RedisSeatLedger, show: Show) -> None:
    with pytest.raises(UnknownSeat) as refused:
        await hold(ledger, show, "A1", "Z9", "A99")
    assert refused.value.seat_ids == ("Z9", "A99")
    assert await state_of(ledger, show, "A1") is SeatState.AVAILABLE


async def test_a_hold_is_over_the_instant_its_time_passes(
    ledger: RedisSeatLedger, show: Show, redis_client: Redis
) -> None:
    held = await hold(ledger, show, "A1", seconds=60)
    await move_clock(redis_client, 30)
    assert (await ledger.find_hold(show, held.hold_id)).seat_ids == ("A1",)
    with pytest.raises(SeatTaken):
        await hold(ledger, show, "A1", holder="bert")

    await move_clock(redis_client, 30)
    # Whatever looks first finds it over: no sweeper runs here.
    taken_over = await hold(ledger, show, "A1", holder="bert")
    with pytest.raises(UnknownHold):
        await ledger.find_hold(show, held.hold_id)
    assert (await ledger.find_hold(show, taken_over.hold_id)).holder_id == "bert"


async def test_an_expired_hold_is_free_on_the_map_and_told_as_a_change(
    ledger: RedisSeatLedger, show: Show, redis_client: Redis
) -> None:
    await hold(ledger, show, "A1", "A2", seconds=60)
    sequence = (await ledger.seat_map(show)).seat_map.sequence
    await move_clock(redis_client, 60)
    changes = await ledger.changes(show, sequence)
    assert isinstance(changes, ChangesReading)
    assert [(change.sequence, change.changes) for change in changes.deltas] == [
        (sequence + 1, ((0, 1), (1, 1)))
    ]


async def test_a_released_hold_frees_its_seats_once(ledger: RedisSeatLedger, show: Show) -> None:
    held = await hold(ledger, show, "A1")
    await ledger.release(show, held.hold_id, new_request_id())
    assert await state_of(ledger, show, "A1") is SeatState.AVAILABLE

    await hold(ledger, show, "A1", holder="bert")
    await ledger.release(show, held.hold_id, new_request_id())
    assert await state_of(ledger, show, "A1") is SeatState.HELD


async def test_a_repeat_gets_the_same_hold_even_at_the_same_moment(
    ledger: RedisSeatLedger, show: Show
) -> None:
    order = an_order("A1", "A2")
    first, *others = await asyncio.gather(*(ledger.hold(show, order, ()) for _ in range(20)))
    assert {(other.hold_id, other.expire_time) for other in others} == {(first.hold_id, first.expire_time)}
    again = await ledger.hold(show, order, ())
    assert again.hold_id == first.hold_id


async def test_a_repeat_is_answered_even_when_the_hold_is_over_and_the_seat_gone(
    ledger: RedisSeatLedger, show: Show, redis_client: Redis
) -> None:
    order = an_order("A1", seconds=60)
    first = await ledger.hold(show, order, ())
    await move_clock(redis_client, 61)
    await hold(ledger, show, "A1", holder="bert")
    again = await ledger.hold(show, order, ())
    assert again.hold_id == first.hold_id
    assert again.expire_time < again.as_of_time


async def test_a_refusal_is_final_for_its_request(ledger: RedisSeatLedger, show: Show) -> None:
    theirs = await hold(ledger, show, "A1", holder="bert")
    order = an_order("A1", "A2")
    with pytest.raises(SeatTaken):
        await ledger.hold(show, order, ())
    await ledger.release(show, theirs.hold_id, new_request_id())
    # It may be the first attempt of all, which was long on its way: nobody waits for it any more.
    with pytest.raises(SeatTaken) as refused:
        await ledger.hold(show, order, ())
    assert refused.value.seat_ids == ("A1",)
    assert await state_of(ledger, show, "A1") is SeatState.AVAILABLE
    await hold(ledger, show, "A1", "A2")


async def test_a_sale_that_was_refused_can_never_be_claimed(ledger: RedisSeatLedger, show: Show) -> None:
    purchase = a_purchase("A1")
    await ledger.claim(show, purchase, new_request_id())
    await ledger.record(show, RefusedSale(purchase.sale_id, ("A1",)))
    assert await state_of(ledger, show, "A1") is SeatState.AVAILABLE
    with pytest.raises(SaleRecorded):
        await ledger.claim(show, purchase, new_request_id())


@pytest.mark.parametrize(
    ("seat_id", "other"),
    [("A2", {}), ("A1", {"holder": "bert"}), ("A1", {"seconds": 10})],
)
async def test_a_request_id_stands_for_one_content(
    ledger: RedisSeatLedger, show: Show, seat_id: str, other: dict[str, object]
) -> None:
    first = an_order("A1")
    await ledger.hold(show, first, ())
    with pytest.raises(RequestIdReused):
        await hold(ledger, show, seat_id, request_id=first.request_id, **other)
    with pytest.raises(RequestIdReused):
        await ledger.release(show, "some-hold", first.request_id)
    assert await state_of(ledger, show, "A2") is SeatState.AVAILABLE


async def test_requests_are_forgotten_after_a_while(
    ledger: RedisSeatLedger, show: Show, redis_client: Redis
) -> None:
    order = an_order("A1")
    await ledger.hold(show, order, ())
    (key,) = [key async for key in redis_client.scan_iter(f"*{order.request_id}*")]
    assert 800 < await redis_client.ttl(key) <= 900


async def test_refusals_are_forgotten_sooner_since_a_crowd_makes_many_of_them(
    ledger: RedisSeatLedger, show: Show, redis_client: Redis
) -> None:
    await hold(ledger, show, "A1")
    before = {key async for key in redis_client.scan_iter(f"*{show.show_id}*")}
    for _ in range(200):
        with pytest.raises(SeatTaken):
            await hold(ledger, show, "A1", "A2", holder=new_request_id())
    after = {key async for key in redis_client.scan_iter(f"*{show.show_id}*")}
    # All that a refusal leaves is that it is remembered for its request.
    assert len(after - before) == 200
    assert all(b":request:" in key for key in after - before)
    for key in list(after - before)[:20]:
        assert 60 < await redis_client.ttl(key) <= 120
        assert (await redis_client.memory_usage(key) or 0) < 300


async def test_a_holder_has_ten_seats_at_most_and_again_after_release_or_expiry(
    ledger: RedisSeatLedger, show: Show, redis_client: Redis
) -> None:
    first = await hold(ledger, show, *(f"A{number}" for number in range(1, 9)))
    await hold(ledger, show, "B1", "B2", seconds=60)
    with pytest.raises(HoldLimit):
        await hold(ledger, show, "B3")
    await hold(ledger, show, "B3", holder="bert")

    await ledger.release(show, first.hold_id, new_request_id())
    await hold(ledger, show, *(f"C{number}" for number in range(1, 9)))
    with pytest.raises(HoldLimit):
        await hold(ledger, show, "D1")
    await move_clock(redis_client, 60)
    await hold(ledger, show, "D1", "D2")


async def test_sales_end_ten_minutes_after_the_start(ledger: RedisSeatLedger, redis_client: Redis) -> None:
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=60)
    show = await put_in_place(ledger, a_show(start_time=soon))
    await move_clock(redis_client, 60 + 570)
    await hold(ledger, show, "A1")
    await move_clock(redis_client, 30)
    with pytest.raises(ShowClosed):
        await hold(ledger, show, "A2")


async def test_a_cancelled_show_is_closed(ledger: RedisSeatLedger) -> None:
    show = await put_in_place(ledger, a_show(cancelled=True))
    with pytest.raises(ShowClosed):
        await hold(ledger, show, "A1")
    with pytest.raises(SeatsLost):
        await ledger.claim(show, a_purchase("A1"), new_request_id())


async def test_a_pick_is_held_only_while_the_states_it_was_judged_by_are_true(
    ledger: RedisSeatLedger, show: Show
) -> None:
    states = (await ledger.seat_map(show)).seat_map.states
    await hold(ledger, show, "A5", holder="bert")
    with pytest.raises(StatesChanged) as changed:
        await ledger.hold(show, an_order("A1"), ((0, states[0:8]),))
    assert changed.value.states[4] == SeatState.HELD
    await ledger.hold(show, an_order("A1"), ((0, changed.value.states[0:4]), (8, states[8:16])))


async def test_a_claim_takes_the_seats_of_its_hold_and_ends_it(ledger: RedisSeatLedger, show: Show) -> None:
    held = await hold(ledger, show, "A1", "A2")
    await ledger.claim(show, a_purchase("A2", "A1", hold_id=held.hold_id), new_request_id())
    assert await state_of(ledger, show, "A1") is SeatState.CLAIMED
    with pytest.raises(UnknownHold):
        await ledger.find_hold(show, held.hold_id)
    await ledger.release(show, held.hold_id, new_request_id())
    assert await state_of(ledger, show, "A1") is SeatState.CLAIMED


async def test_a_claim_must_name_exactly_the_seats_of_a_live_hold(
    ledger: RedisSeatLedger, show: Show
) -> None:
    held = await hold(ledger, show, "A1", "A2")
    for seat_ids in (["A1"], ["A1", "A2", "A3"], ["A1", "A3"]):
        with pytest.raises(InvalidField):
            await ledger.claim(show, a_purchase(*seat_ids, hold_id=held.hold_id), new_request_id())
    assert await state_of(ledger, show, "A3") is SeatState.AVAILABLE


async def test_a_late_claim_takes_free_seats_again_but_never_those_of_a_live_hold(
    ledger: RedisSeatLedger, show: Show, redis_client: Redis
) -> None:
    late = await hold(ledger, show, "A1", "A2", seconds=60)
    lost = await hold(ledger, show, "B1", "B2", seconds=60)
    await move_clock(redis_client, 61)
    await hold(ledger, show, "B2", holder="bert")

    await ledger.claim(show, a_purchase("A1", "A2", hold_id=late.hold_id), new_request_id())
    assert await state_of(ledger, show, "A2") is SeatState.CLAIMED
    with pytest.raises(SeatsLost) as refused:
        await ledger.claim(show, a_purchase("B1", "B2", hold_id=lost.hold_id), new_request_id())
    assert refused.value.seat_ids == ("B2",)
    assert await state_of(ledger, show, "B1") is SeatState.AVAILABLE


async def test_a_claim_may_be_repeated_by_its_sale_and_by_no_other(
    ledger: RedisSeatLedger, show: Show
) -> None:
    held = await hold(ledger, show, "A1")
    purchase = a_purchase("A1", hold_id=held.hold_id)
    await asyncio.gather(*(ledger.claim(show, purchase, new_request_id()) for _ in range(5)))
    with pytest.raises(SeatsLost):
        await ledger.claim(show, a_purchase("A1", hold_id=held.hold_id), new_request_id())
    with pytest.raises(RequestIdReused):
        await ledger.claim(show, a_purchase("A2", sale_id=purchase.sale_id), new_request_id())


async def test_a_claim_does_not_run_out_by_itself(
    ledger: RedisSeatLedger, show: Show, redis_client: Redis
) -> None:
    await ledger.claim(show, a_purchase("A1", sale_id="sale-1"), new_request_id())
    assert not (await ledger.overdue(show)).claims
    await move_clock(redis_client, 3600)
    assert await state_of(ledger, show, "A1") is SeatState.CLAIMED
    (claim,) = (await ledger.overdue(show)).claims
    assert claim.sale_id == "sale-1"
    assert (await ledger.seat_map(show)).overdue_count == 2  # with the recheck of the rebuilt show

    await ledger.give_up(show, claim)
    assert await state_of(ledger, show, "A1") is SeatState.AVAILABLE


async def test_a_claim_that_was_renewed_is_not_given_up_by_who_saw_the_old_one(
    ledger: RedisSeatLedger, show: Show, redis_client: Redis
) -> None:
    purchase = a_purchase("A1")
    old = await ledger.claim(show, purchase, new_request_id())
    await move_clock(redis_client, 31)
    await ledger.claim(show, purchase, new_request_id())
    await ledger.give_up(show, old)
    assert await state_of(ledger, show, "A1") is SeatState.CLAIMED


async def test_what_is_paid_after_the_end_of_sales_is_sold_only_while_the_hold_lives(
    ledger: RedisSeatLedger, redis_client: Redis
) -> None:
    """A hold may be made at the last moment and is kept for as long as it was promised."""
    start = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=9)
    show = await put_in_place(ledger, a_show(start_time=start))
    first, second = await hold(ledger, show, "A1"), await hold(ledger, show, "A2", holder="bert")
    await move_clock(redis_client, 120)
    with pytest.raises(ShowClosed):
        await hold(ledger, show, "A3")
    await ledger.claim(show, a_purchase("A1", hold_id=first.hold_id), new_request_id())
    await move_clock(redis_client, 200)
    with pytest.raises(SeatsLost):
        await ledger.claim(show, a_purchase("A2", hold_id=second.hold_id), new_request_id())


async def test_a_show_that_is_not_there_is_missing_not_empty(ledger: RedisSeatLedger) -> None:
    show = a_show()
    with pytest.raises(ShowMissing):
        await ledger.seat_map(show)
    with pytest.raises(ShowMissing):
        await hold(ledger, show, "A1")
    with pytest.raises(ShowMissing):
        await ledger.claim(show, a_purchase("A1"), new_request_id())


async def test_facts_that_changed_are_noticed_and_taken_over(ledger: RedisSeatLedger, show: Show) -> None:
    moved = a_show(show.show_id, show.layout, start_time=show.start_time + dt.timedelta(hours=1))
    held = await hold(ledger, show, "A1")
    with pytest.raises(ShowOutdated):
        await hold(ledger, moved, "A2")
    await ledger.refresh(moved, await ledger.begin_refresh(moved.show_id), frozenset({"A1", "A3"}))
    await hold(ledger, moved, "A2")
    assert await state_of(ledger, moved, "A1") is SeatState.HELD
    assert await state_of(ledger, moved, "A3") is SeatState.BLOCKED
    assert await state_of(ledger, moved, "E8") is SeatState.AVAILABLE
    assert (await ledger.find_hold(moved, held.hold_id)).seat_ids == ("A1",)


async def test_a_show_that_moved_to_another_layout_is_rebuilt_from_nothing(
    ledger: RedisSeatLedger, show: Show
) -> None:
    await hold(ledger, show, "A1")
    moved = a_show(show.show_id, hall(2, 2, layout_id="small"))
    with pytest.raises(ShowOutdated):
        await ledger.seat_map(moved)
    with pytest.raises(ShowMissing):
        await ledger.refresh(moved, await ledger.begin_refresh(moved.show_id), frozenset())
    await put_in_place(ledger, moved)
    assert (await ledger.seat_map(moved)).seat_map.states == bytes([SeatState.AVAILABLE] * 4)


async def test_what_was_answered_of_another_layout_is_no_answer_for_this_one(
    ledger: RedisSeatLedger, show: Show
) -> None:
    """The seats of the answer have other numbers there, and its hold is gone with the old layout."""
    held, refused = new_request_id(), new_request_id()
    await hold(ledger, show, "A1", request_id=held)
    await hold(ledger, show, "B2", holder="bert")
    with pytest.raises(SeatTaken):
        await hold(ledger, show, "B2", request_id=refused)
    moved = a_show(show.show_id, hall(2, 2, layout_id="small"))
    with pytest.raises(ShowMissing):
        await ledger.refresh(moved, await ledger.begin_refresh(moved.show_id), frozenset())
    await put_in_place(ledger, moved)
    for seat_id, request_id in (("A1", held), ("B2", refused)):
        found = await hold(ledger, moved, seat_id, request_id=request_id)
        assert (await ledger.find_hold(moved, found.hold_id)).seat_ids == (seat_id,)


async def test_changes_follow_each_other_and_a_gap_gives_the_whole_map(
    ledger: RedisSeatLedger, show: Show
) -> None:
    start = (await ledger.seat_map(show)).seat_map.sequence
    assert await ledger.changes(show, start) == ChangesReading([], 0)
    for number in range(1, 6):
        await hold(ledger, show, f"A{number}", holder=f"holder-{number}")
    changes = await ledger.changes(show, start + 2)
    assert isinstance(changes, ChangesReading)
    assert [change.sequence for change in changes.deltas] == [start + 3, start + 4, start + 5]

    for forgotten in (0, start - 1, start + 99):
        reading = await ledger.changes(show, forgotten)
        assert isinstance(reading, MapReading)
        assert reading.seat_map.sequence == start + 5


async def test_the_memory_of_changes_is_bounded(
    ledger: RedisSeatLedger, show: Show, redis_client: Redis
) -> None:
    start = (await ledger.seat_map(show)).seat_map.sequence
    for _ in range(400):
        held = await hold(ledger, show, "A1")
        await ledger.release(show, held.hold_id, new_request_id())
    assert await redis_client.xlen(f"{{{show.show_id}}}:changes") < 400
    assert isinstance(await ledger.changes(show, start), MapReading)
    assert isinstance(await ledger.changes(show, start + 700), ChangesReading)


async def test_every_key_of_a_show_is_in_one_slot_and_is_forgotten_with_it(
    ledger: RedisSeatLedger, show: Show, redis_client: Redis
) -> None:
    held = await hold(ledger, show, "A1")
    await ledger.claim(show, a_purchase("A1", hold_id=held.hold_id), new_request_id())
    await hold(ledger, show, "B1")
    keys = [key async for key in redis_client.scan_iter() if b"clock" not in key]
    assert len(keys) >= 9
    assert all(key.startswith(f"{{{show.show_id}}}:".encode()) for key in keys)
    assert all([await redis_client.ttl(key) > 0 for key in keys])


async def test_the_sequence_grows_over_a_wipe(
    ledger: RedisSeatLedger, show: Show, redis_client: Redis
) -> None:
    await hold(ledger, show, "A1")
    before = (await ledger.seat_map(show)).seat_map.sequence
    await redis_client.flushall()
    await put_in_place(ledger, show)
    assert (await ledger.seat_map(show)).seat_map.sequence > before


async def test_scripts_that_redis_has_forgotten_are_sent_again(
    ledger: RedisSeatLedger, show: Show, redis_client: Redis
) -> None:
    await redis_client.script_flush()
    await hold(ledger, show, "A1")
    assert await state_of(ledger, show, "A1") is SeatState.HELD


async def test_a_smaller_limit_is_a_setting(redis_url: str) -> None:
    async with open_ledger(redis_url, InventoryRules(seats_per_holder=2)) as ledger:
        show = await put_in_place(ledger, a_show())
        with pytest.raises(HoldLimit) as refused:
            await hold(ledger, show, "A1", "A2", "A3")
        assert refused.value.facts == {"limit": "2"}


async def test_what_is_recorded_as_sold_cannot_be_claimed(ledger: RedisSeatLedger, show: Show) -> None:
    sale = a_sale(show, "A1")
    await ledger.record(show, sale)
    with pytest.raises(SaleRecorded):
        await ledger.claim(show, a_purchase("A1", sale_id=sale.sale_id), new_request_id())
    with pytest.raises(SeatsLost):
        await ledger.claim(show, a_purchase("A1"), new_request_id())


async def test_a_claim_that_is_given_up_frees_no_seat_that_was_sold_to_another(
    ledger: RedisSeatLedger, show: Show
) -> None:
    claim = await ledger.claim(show, a_purchase("A1", "A2"), new_request_id())
    await ledger.record(show, a_sale(show, "A1"))
    await ledger.give_up(show, claim)
    assert await state_of(ledger, show, "A1") is SeatState.SOLD
    assert await state_of(ledger, show, "A2") is SeatState.AVAILABLE
