"""Answers and writes that come late: what a caller was told for certain stays true."""

from collections.abc import AsyncIterator
from time import monotonic
from typing import Final
from uuid import uuid4

import pytest
import pytest_asyncio
from matinee.seat.v1 import seat_pb2
from matinee.theatre.v1 import seats_pb2
from redis.asyncio import Redis

from mesh.errors import RemoteError
from mesh.ids import new_request_id
from mesh.testing import eventually
from seat_svc.domain.show import Show
from stack.engines import MongoEngine, ValkeyEngine
from tests.fixtures.history_replicas import CALL_SECONDS, Replica, Replicas, seat_replicas
from tests.fixtures.history_sweep import recorded_sales, settled, sold_seats
from tests.fixtures.seat_service import payments_for
from tests.fixtures.seats import a_show, hall

HOLD_SECONDS: Final = 3
"""Long enough for the calls that a test makes while a hold lasts, also when the machine pauses."""
PATIENT_SECONDS: Final = 10.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def replicas(
    mongo: MongoEngine, valkey: ValkeyEngine, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Replicas]:
    """Two processes whose holds last longer than those of the other tests here."""
    folder = tmp_path_factory.mktemp("late")
    async with seat_replicas(
        mongo, valkey, f"test_{uuid4().hex}", folder, hold_seconds=HOLD_SECONDS
    ) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def show(replicas: Replicas) -> Show:
    """A show of four seats; each process has sold one of them, so that it has its connections."""
    show = a_show(layout=hall(1, 4))
    replicas.catalogue.shows[show.show_id] = show
    for number, replica in enumerate(replicas.replicas):
        seat_id = f"A{number + 3}"
        await confirm(replica, await hold(replica, show, seat_id), f"first-{show.show_id}-{number}")
    return show


async def hold(
    replica: Replica, show: Show, seat_id: str, request_id: str = "", timeout: float = PATIENT_SECONDS
) -> seats_pb2.Hold:
    request = seat_pb2.HoldSeatsRequest(
        request_id=request_id or new_request_id(),
        show_id=show.show_id,
        seat_ids=[seat_id],
        holder_id="anna",
    )
    return (await replica.seats.HoldSeats(request, timeout=timeout)).hold


async def confirm(
    replica: Replica, held: seats_pb2.Hold, booking_id: str, timeout: float = PATIENT_SECONDS
) -> str:
    """The ticket, or the reason why there is none."""
    request = seat_pb2.ConfirmHoldRequest(
        request_id=new_request_id(),
        show_id=held.show_id,
        hold_id=held.hold_id,
        booking_id=booking_id,
        payments=payments_for(held.seat_ids),
    )
    try:
        (ticket,) = (await replica.seats.ConfirmHold(request, timeout=timeout)).tickets
    except RemoteError as error:
        return error.reason or error.code
    return ticket.ticket_id


async def test_a_hold_that_expires_while_its_payment_is_under_way_is_taken_again_or_lost(
    replicas: Replicas, show: Show
) -> None:
    first, second = replicas.replicas
    mine, theirs = await hold(first, show, "A1"), await hold(first, show, "A2")
    until = monotonic() + replicas.hold_seconds + 0.1

    async def over() -> bool:
        return monotonic() > until

    await eventually(over)
    newer = await hold(second, show, "A2")
    assert await confirm(second, mine, f"late-{show.show_id}") not in ("SEATS_LOST", "UNAVAILABLE")
    assert await confirm(first, theirs, f"lost-{show.show_id}") == "SEATS_LOST"
    assert await confirm(second, newer, f"newer-{show.show_id}") != "SEATS_LOST"
    sales = await recorded_sales(replicas, show)
    assert {sold_seats(sales)[seat_id] for seat_id in ("A1", "A2")} == {
        f"late-{show.show_id}",
        f"newer-{show.show_id}",
    }


async def test_a_hold_whose_answer_came_too_late_is_its_owners_when_he_asks_again(
    replicas: Replicas, show: Show
) -> None:
    first, second = replicas.replicas
    request_id = new_request_id()
    async with first.redis_link.late(1.0):
        with pytest.raises(RemoteError) as caught:
            await hold(first, show, "A1", request_id, timeout=CALL_SECONDS)
        assert caught.value.outcome_unknown
    held = await hold(second, show, "A1", request_id)
    with pytest.raises(RemoteError) as caught:
        await hold(second, show, "A1")
    assert caught.value.reason == "SEAT_TAKEN"
    assert len(await confirm(second, held, f"b-{show.show_id}")) > len("SEATS_LOST")


async def test_a_sale_whose_insert_is_late_is_not_refused_and_then_made(
    replicas: Replicas, show: Show
) -> None:
    first, second = replicas.replicas
    booking_id = f"late-{show.show_id}"
    mine = await hold(first, show, "A1")
    first.mongo_link.hold()
    try:
        told = await confirm(first, mine, booking_id, timeout=CALL_SECONDS)
        assert told in ("DEADLINE_EXCEEDED", "UNAVAILABLE")
        async with Redis.from_url(replicas.valkey.url) as redis:
            await redis.flushall()
        await hold(second, show, "A1")
        told = await confirm(second, mine, booking_id)
    finally:
        first.mongo_link.let_go()
    other = await hold(first, show, "A2")

    async def first_has_caught_up() -> bool:
        # Inserts of one process go one after the other.
        return len(await confirm(first, other, f"other-{show.show_id}")) > len("DEADLINE_EXCEEDED")

    await eventually(first_has_caught_up)
    sales = await recorded_sales(replicas, show)
    assert told == "SEATS_LOST"
    assert booking_id not in sold_seats(sales).values()
    assert not await settled(replicas, show, sales)
