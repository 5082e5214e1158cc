"""Whatever becomes of the processes that save them, every booking's events go out, and in order."""

import asyncio
import random
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import pytest
from matinee.booking.v1 import events_pb2
from pymongo import MongoClient

from mesh.testing import eventually
from stack.engines import MongoEngine, ValkeyEngine
from tests.fixtures.fault_figures import FaultFigures, long_form_seconds
from tests.fixtures.listening import Listener, listening
from tests.fixtures.money import Buyer, MoneyWorld, money_world

KILLS: Final = 6
TOLD_SECONDS: Final = 30.0
"""So long after the last change: a dead process's turn lasts twelve."""


def _stored(world: MoneyWorld) -> list[dict[str, Any]]:
    with MongoClient[dict[str, Any]](world.seats.mongo.url) as client:
        return list(client[world.bookings_database]["bookings"].find())


def _events(listener: Listener) -> dict[str, list[Any]]:
    """By booking, the events in the order of their first arrival."""
    heard: dict[str, dict[str, Any]] = defaultdict(dict)
    for message in listener.messages:
        event: Any = getattr(events_pb2, message.type.rpartition(".")[2]).FromString(message.body)
        heard[event.header.booking.booking_id].setdefault(message.message_id, event)
    return {booking_id: list(events.values()) for booking_id, events in heard.items()}


def _missing(booking: dict[str, Any], events: list[Any]) -> set[str]:
    """What the booking tells of itself and nobody has heard."""
    names = {type(event).__name__ for event in events}
    refunded = {event.refund.refund_id for event in events if isinstance(event, events_pb2.RefundIssued)}
    missing = {
        each["refund_id"]
        for each in booking["refunds"]
        if each["state"] == "COMPLETED" and each["refund_id"] not in refunded
    }
    if booking["tickets"] and "BookingConfirmed" not in names:
        missing.add("BookingConfirmed")
    if booking["cancellation"] and booking["tickets"] and "BookingCancelled" not in names:
        missing.add("BookingCancelled")
    return missing


@pytest.mark.timeout(240 + 2 * long_form_seconds())
async def test_processes_that_are_killed_leave_no_event_behind(
    mongo: MongoEngine,
    valkey: ValkeyEngine,
    amqp_url: str,
    tmp_path: Path,
    fault_figures: FaultFigures,
) -> None:
    async with (
        listening(amqp_url) as listener,
        money_world(mongo, valkey, tmp_path, AMQP_URL=amqp_url) as world,
    ):
        stop = asyncio.Event()
        shows = [world.add_show() for _ in range(16)]
        async with asyncio.TaskGroup() as group:
            for _ in range(6):
                group.create_task(Buyer(world, shows).run(stop))
            for _ in range(KILLS + int(long_form_seconds() / 3)):
                await asyncio.sleep(random.uniform(0.3, 1.2))
                process = random.choice(world.bookings)
                await process.child.kill()
                await process.start()
            stop.set()
        assert not (await world.settled()).under_way

        async def all_told() -> bool:
            return not any(booking["outbox"] for booking in _stored(world))

        await eventually(all_told, within_seconds=TOLD_SECONDS, every_seconds=0.2)
        bookings = _stored(world)

        async def all_heard() -> bool:
            heard = _events(listener)
            return not any(_missing(booking, heard.get(booking["_id"], [])) for booking in bookings)

        await eventually(all_heard)
        for events in _events(listener).values():
            versions = [event.header.booking.version for event in events]
            assert versions == sorted(versions), "an event overtook an earlier one of its booking"
        count = sum(map(len, _events(listener).values()))
        assert count > 10
        fault_figures.add("booking events", {"events": count, "repetitions": len(listener.messages) - count})
