"""Every captured payment ends in tickets or in a refund of the same amount, whatever breaks while people pay.

Real processes of seat_svc and booking_svc are killed, their stores with them, the provider is away and its
webhooks are lost; then the books are compared as `./matinee books` does, and must agree to the minor unit.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from typing import Any, Final
from uuid import uuid4

import pytest
import pytest_asyncio
from pymongo import MongoClient

from mesh.clock import SystemClock
from stack.books.records import Comparison
from stack.books.report import lines
from stack.engines import MongoEngine, ValkeyEngine
from tests.fixtures import history_faults as faults
from tests.fixtures.fault_figures import FaultFigures, long_form_seconds
from tests.fixtures.history import History
from tests.fixtures.money import HOLD_SECONDS, Buyer, MoneyWorld, money_world

BUYERS: Final = 6
PATIENCE_SECONDS: Final = 90.0
"""How long buyers may take until all that is to be looked at has happened: cards are drawn by lot."""
WHOLE: Final[dict[str, Any]] = {"partial_cancellations": []}
Fault = Callable[[MoneyWorld], Awaitable[None]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(
    mongo: MongoEngine, valkey: ValkeyEngine, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[MoneyWorld]:
    async with money_world(mongo, valkey, tmp_path_factory.mktemp("money")) as opened:
        yield opened


async def booking_killed(world: MoneyWorld) -> None:
    process = random.choice(world.bookings)
    await process.child.kill()
    await process.start()


async def all_bookings_killed(world: MoneyWorld) -> None:
    for process in world.bookings:
        await process.child.kill()
    for process in world.bookings:
        await process.start()


async def webhooks_lost(world: MoneyWorld) -> None:
    world.page.lose = True
    await asyncio.sleep(2)
    world.page.lose = False


async def provider_away(world: MoneyWorld) -> None:
    await world.sandbox.stop()
    await asyncio.sleep(random.uniform(0.2, 2))
    await world.sandbox.start()


def of_seats(fault: faults.Fault) -> Fault:
    async def done(world: MoneyWorld) -> None:
        await fault(world.seats, History(HOLD_SECONDS))

    done.__name__ = fault.__name__
    return done


FAULTS: Final[tuple[Fault, ...]] = (
    *(booking_killed, all_bookings_killed, webhooks_lost, provider_away),
    *map(of_seats, (faults.process_killed, faults.redis_wiped, faults.mongo_killed, faults.mongo_paused)),
)


async def _round(world: MoneyWorld, chosen: list[Fault]) -> None:
    shows = [world.add_show() for _ in range(16)]
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for _ in range(BUYERS):
            group.create_task(Buyer(world, shows).run(stop))
        await asyncio.sleep(1)
        for fault in chosen:
            await fault(world)
            world.done["faults"] += 1
            await asyncio.sleep(random.uniform(0.1, 0.6))
        await asyncio.sleep(1)
        stop.set()
    await world.healthy()


def _tells(comparison: Comparison) -> bool:
    """Whether enough has happened for the books to say something."""
    figures = Counter(comparison.figures)
    sold, refunded = figures["bookings CONFIRMED"], figures["bookings REFUNDED"]
    return sold > 0 and refunded > 0 and figures["movements of money"] > 10


@pytest.mark.timeout(400 + 2 * long_form_seconds())
async def test_the_books_balance_after_faults(world: MoneyWorld, fault_figures: FaultFigures) -> None:
    begun = monotonic()
    until = begun + long_form_seconds() / 2
    while True:
        await _round(world, [booking_killed, *random.sample(FAULTS, len(FAULTS) if until > begun else 3)])
        recovered = monotonic()
        comparison = await world.settled()
        recovery = monotonic() - recovered
        if comparison.differences or comparison.under_way:
            break
        if monotonic() > until and (_tells(comparison) or monotonic() > until + PATIENCE_SECONDS):
            break
    figures = {name: comparison.figures[name] for name in ("bookings", "movements of money", "tickets")}
    fault_figures.add(
        "money",
        {**figures, "faults": world.done["faults"], "violations": len(comparison.differences)},
    )
    told = "\n".join(lines(comparison, SystemClock().now()))
    assert not comparison.differences, told
    assert not comparison.under_way, f"after {recovery:.0f} s still\n{told}"
    assert _tells(comparison), told


@pytest.mark.timeout(240)
async def test_what_somebody_does_to_the_books_by_hand_is_found(world: MoneyWorld) -> None:
    """The control: the same reading of the same stores does see what is wrong."""
    with MongoClient[dict[str, Any]](world.seats.mongo.url) as client:
        bookings = client[world.bookings_database]["bookings"]
        sales = client[world.seats.database]["sales"]
        until = monotonic() + PATIENCE_SECONDS
        while True:
            await _round(world, [])
            assert (await world.settled()).differences == ()
            good = list(bookings.find({"state": "CONFIRMED", **WHOLE}).limit(3))
            back = bookings.find_one({"state": "REFUNDED", **WHOLE})
            if (len(good) == 3 and back) or monotonic() > until:
                break
        assert len(good) == 3
        assert back is not None
        sales.delete_one({"_id": good[0]["_id"]})
        sales.update_one({"_id": good[1]["_id"]}, {"$set": {"tickets.0.ticket_id": uuid4().hex}})
        bookings.update_one({"_id": good[2]["_id"]}, {"$set": {"quote.total.minor_units": 1}})
        bookings.update_one({"_id": back["_id"]}, {"$set": {"refunds": []}})
    found = {(finding.rule, finding.ids["booking"]) for finding in (await world.books()).differences}
    assert found == {
        ("sale-missing", good[0]["_id"]),
        ("ticket-differs", good[1]["_id"]),
        ("quote-sums", good[2]["_id"]),
        ("kept-money", good[2]["_id"]),
        ("refund-unknown", back["_id"]),
        ("kept-money", back["_id"]),
    }
