"""A crash at every single await of a booking's life, enumerated: it ends right after the restart."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, get_args

import pytest
import pytest_asyncio

from booking_svc.app import use_cases
from booking_svc.domain.booking import Booking, BookingState, SeatStanding
from booking_svc.domain.duties import Duty
from booking_svc.errors import HoldExpired, TheatreUnavailable
from booking_svc.ports import Bookings
from booking_svc.usecases import following
from booking_svc.usecases.cancelling import CancelWish, cancel_booking
from booking_svc.usecases.creating import create_booking
from booking_svc.usecases.driving import STEPS
from booking_svc.usecases.following import ScheduleFollower
from mesh.clock import SystemClock
from mesh.errors import StoreUnavailable
from mesh.ids import new_request_id
from mesh.testing import eventually
from stack.engines import MongoEngine
from tests.fixtures import sandbox as cards
from tests.fixtures.booking_lives import (
    RESTART_SECONDS,
    Life,
    World,
    ledger_of,
    life_of,
    live,
    open_world,
)
from tests.fixtures.booking_scenarios import GIVEN_BACK, SCENARIOS, Scenario
from tests.fixtures.crashing import Died, Fate, until_death


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(mongo: MongoEngine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with open_world(mongo, tmp_path_factory.mktemp("world")) as opened:
        yield opened


@pytest.mark.timeout(300)
@pytest.mark.parametrize("after", [False, True], ids=["before-the-call", "after-the-call"])
@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_crash_at_any_await_ends_right(world: World, name: str, after: bool) -> None:
    scenario = SCENARIOS[name]
    died_at: set[str] = set()
    for at_call in range(1, 200):
        fate = Fate(at_call, after)
        buyer_id = f"{name}-{after}-{at_call}"
        show_id = world.office.add_show()
        life = life_of(world, scenario, buyer_id, show_id)
        await live(life, fate)
        await _check_end(life, scenario, fate)
        if not fate.dead:
            break
        died_at.add(fate.where)
    else:
        pytest.fail("the life never ended without a crash")
    assert {f"{'after' if after else 'before'} {call}" for call in scenario.calls} <= died_at


async def _ended(life: Life, state: BookingState, fate: Fate) -> Booking:
    booking = await life.world.ports.bookings.find(life.booking_id)
    assert booking is not None
    assert booking.state is state, f"died {fate.where}"
    work = (await life.world.events.find_one({"_id": life.booking_id}))["work"]
    assert work["next_look"] is None, f"nothing is left to do, died {fate.where}"
    return booking


async def _told(life: Life) -> list[str]:
    document = await life.world.events.find_one({"_id": life.booking_id})
    ids = [entry["event_id"] for entry in document["outbox"]]
    assert len(ids) == len(set(ids))
    return [entry["name"] for entry in document["outbox"]]


async def _check_end(life: Life, scenario: Scenario, fate: Fate) -> None:
    where = f"died {fate.where}"
    booking = await _ended(life, scenario.state, fate)
    assert await _told(life) == list(scenario.told), where
    assert await ledger_of(life, booking) == list(scenario.ledger), where
    if scenario.state is BookingState.CONFIRMED:
        assert booking.seats is SeatStanding.SOLD, where
        kept = {"A1", "A2"} - set(scenario.cancel_seats)
        assert life.world.office.sold_seats(life.booking_id) == kept, where
        assert {ticket.seat_id for ticket in booking.tickets if not ticket.cancelled} == kept, where
    else:
        assert booking.seats is SeatStanding.FREED, where
        free = {"A2"} if scenario.robbed else {"A1", "A2"}
        assert free <= life.world.office.free_seats(life.show_id), where


@pytest.mark.timeout(300)
async def test_the_lives_take_every_step_that_there_is(world: World) -> None:
    """A new duty needs a life above that takes it, and that then dies at each of its calls."""
    taken: set[str] = set()
    for name, scenario in SCENARIOS.items():
        before = _steps_taken()
        life = life_of(world, scenario, f"{name}-all-steps", world.office.add_show())
        await live(life, Fate(at_call=-1, after=False))
        taken |= set(_steps_taken() - before)
    # Whoever starts a payment opens it; these are for the next process, when that one has died.
    after_a_crash = {"OpenPayment", "GiveUpCreation"}
    assert taken | after_a_crash == {duty.__name__ for duty in get_args(Duty)}


def _steps_taken() -> Counter[str]:
    """By duty, whatever came of them."""
    taken: Counter[str] = Counter()
    for metric in STEPS.collect():
        for sample in metric.samples:
            if sample.name == "booking_steps_total":
                taken[sample.labels["duty"]] += int(sample.value)
    return taken


@pytest.mark.parametrize("after", [False, True], ids=["before-the-call", "after-the-call"])
async def test_seats_that_a_dead_process_held_for_a_buyer_who_stays_away_are_freed(
    world: World, after: bool
) -> None:
    show_id = world.office.add_show()
    fate = Fate(at_call=-1, after=after, at="hold")
    life = Life(world, "", f"away-{after}", show_id, cancel=False)
    world.clock.advance((SystemClock().now() - world.clock.now()).total_seconds())
    life.begin_process(fate)
    with until_death():
        await life.create()
    assert fate.where.endswith("hold")
    life.begin_process(None)
    world.clock.advance(31)
    await life.settle()
    assert world.office.holds_of(show_id) == []
    with pytest.raises(HoldExpired):
        await life.create()


@pytest.mark.parametrize("after", [False, True], ids=["before-the-call", "after-the-call"])
async def test_whoever_gives_such_a_booking_up_may_die_at_any_await(world: World, after: bool) -> None:
    died_at: list[str] = []
    for at_call in range(1, 50):
        show_id = world.office.add_show()
        life = Life(world, "", f"away-twice-{after}-{at_call}", show_id, cancel=False)
        world.clock.advance((SystemClock().now() - world.clock.now()).total_seconds())
        life.begin_process(Fate(at_call=-1, after=True, at="hold"))
        with until_death():
            await life.create()
        world.clock.advance(31)
        fate = Fate(at_call, after)
        life.begin_process(fate)
        with until_death():
            await life.settle()
        await asyncio.gather(*life.tasks, return_exceptions=True)
        world.clock.advance(RESTART_SECONDS)
        life.begin_process(None)
        await life.settle()
        document = await world.events.find_one({"buyer_id": life.buyer_id})
        assert (document["state"], document["seats"]) == ("EXPIRED", "FREED"), f"died {fate.where}"
        assert document["work"]["next_look"] is None, f"died {fate.where}"
        assert world.office.holds_of(show_id) == [], f"died {fate.where}"
        if not fate.dead:
            break
        died_at.append(fate.where.split()[-1])
    assert {"claim", "save", "hold", "release"} <= set(died_at)


async def test_a_buyer_who_comes_back_just_when_a_booking_is_given_up_has_seats_or_no_booking(
    world: World,
) -> None:
    show_id = world.office.add_show()
    life = Life(world, "", "back-in-between", show_id, cancel=False)
    world.clock.advance((SystemClock().now() - world.clock.now()).total_seconds())
    life.begin_process(None)
    world.office.away.add("HoldSeats")
    with pytest.raises(TheatreUnavailable):
        await life.create()
    world.office.away.clear()
    world.clock.advance(31)
    calls = world.office.calls["ReleaseHold"]
    world.office.slow["ReleaseHold"] = 1
    giving_up = asyncio.create_task(life.settle())
    try:

        async def releasing() -> bool:
            return world.office.calls["ReleaseHold"] > calls

        await eventually(releasing)
        with suppress(HoldExpired):
            await life.create()
        await giving_up
    finally:
        del world.office.slow["ReleaseHold"]
    document = await world.events.find_one({"buyer_id": life.buyer_id})
    held = [each.message.hold_id for each in world.office.holds_of(show_id)]
    assert (document["state"] == BookingState.HELD.value) == bool(held), document["state"]


async def test_a_process_that_was_only_slow_comes_back_with_an_old_answer_and_changes_nothing(
    world: World,
) -> None:
    life = Life(world, cards.SUCCESS, "slow", world.office.add_show(), cancel=False)
    slow, quick = use_cases(world.ports), use_cases(world.ports)
    world.clock.advance((SystemClock().now() - world.clock.now()).total_seconds())
    life.use = slow
    await life.create()
    await life.start()
    world.office.slow["ConfirmHold"] = 2
    calls = world.office.calls["ConfirmHold"]
    hearing = asyncio.create_task(life.hear())

    async def confirming() -> bool:
        return world.office.calls["ConfirmHold"] > calls

    await eventually(confirming)
    del world.office.slow["ConfirmHold"]
    world.clock.advance(RESTART_SECONDS)  # the slow one's lease is over
    await quick.driver.drive(life.booking_id)
    confirmed = await world.ports.bookings.find(life.booking_id)
    assert confirmed is not None
    assert confirmed.state is BookingState.CONFIRMED
    await cancel_booking(
        *(world.ports, quick.changes, quick.driver, life.request_id("cancel")),
        *(life.booking_id, life.viewer, CancelWish()),
    )
    refunded = await world.ports.bookings.find(life.booking_id)
    await hearing
    assert await world.ports.bookings.find(life.booking_id) == refunded
    assert refunded is not None
    assert refunded.state is BookingState.REFUNDED
    assert await _told(life) == list(GIVEN_BACK)


class _Unlucky:
    """The bookings of a process that cannot change the first of a show, and dies at its second page."""

    def __init__(self, bookings: Bookings, first: Booking) -> None:
        self._bookings = bookings
        self._first = first

    async def of_show(self, show_id: str, after: str, limit: int) -> list[Booking]:
        if show_id == self._first.show.show_id and after:
            raise Died
        return await self._bookings.of_show(show_id, after, limit)

    async def save(self, before: Booking, *others: Any) -> bool:
        if before.booking_id == self._first.booking_id:
            raise StoreUnavailable("mongodb")
        return await self._bookings.save(before, *others)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bookings, name)


async def test_a_booking_that_could_not_follow_its_show_is_met_by_whoever_walks_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_PAGE", 1)
    world.clock.advance((SystemClock().now() - world.clock.now()).total_seconds())
    show_id, changes = world.office.add_show(), use_cases(world.ports).changes
    made = [
        await create_booking(
            world.ports, changes, new_request_id(), f"follower-{seat_id}", show_id, (seat_id,)
        )
        for seat_id in ("A1", "A2")
    ]
    first = min(made, key=lambda booking: booking.booking_id)
    world.office.cancel_show(show_id)
    for _ in range(2):  # as often as each show is walked through
        for ports in (replace(world.ports, bookings=_Unlucky(world.ports.bookings, first)), world.ports):
            follower = ScheduleFollower(ports, use_cases(ports).driver, world.feed, world.walks)
            await follower.read()
            with until_death():
                await follower.walk()
            world.clock.advance(RESTART_SECONDS)
    for booking in made:
        followed = await world.ports.bookings.find(booking.booking_id)
        assert followed is not None
        assert followed.show_cancellation is not None
