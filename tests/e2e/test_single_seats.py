"""Single seats go back: the booking, the theatre's list of sales and the books tell the same."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest_asyncio
from matinee.booking.v1 import booking_pb2
from matinee.theatre.v1 import theatre_pb2

from mesh.clock import SystemClock
from mesh.testing import eventually
from stack.books.mongo import MongoStores
from stack.books.reading import compare_books
from stack.books.records import Comparison
from stack.books.report import lines
from stack.books.sandbox import SandboxLedger
from stack.engines import MongoEngine
from tests.fixtures.booking_desk import Desk, gathered, new_database, open_desk, refusal
from tests.fixtures.engines import MongoDatabase
from tests.fixtures.sandbox import API_KEY
from tests.fixtures.seat_service import SeatService
from tests.fixtures.seats import a_show, hall

PRICE = 1000


@dataclass
class Counter:
    """booking_svc and seat_svc with their stores, the payment sandbox, and who keeps the theatre's books."""

    desk: Desk
    inventory: SeatService
    bookings_database: str
    seats_database: str

    async def buy(self, *seat_ids: str) -> booking_pb2.Booking:
        """Buys them at 10.00 each."""
        show = self.inventory.add(a_show(layout=hall(1, 8)))
        self.desk.show_id = self.desk.office.add_show(show.show_id, price=PRICE, theatre_id=show.theatre_id)
        booking = await self.desk.create(*seat_ids)
        await self.desk.pay(booking)
        return await self.desk.becomes(booking, "CONFIRMED")

    async def sold_for(self, booking: booking_pb2.Booking) -> dict[str, int]:
        """What the theatre's list says of the good tickets of the booking."""
        date = self.inventory.catalogue.shows[self.desk.show_id].business_date
        listed = await self.inventory.theatre.ListSales(
            theatre_pb2.ListSalesRequest(theatre_id="roxy", business_date=date.isoformat())
        )
        (sale,) = (each for each in listed.sales if each.booking_id == booking.booking_id)
        good = {ticket.seat_id for ticket in sale.tickets if not ticket.cancelled}
        return {
            payment.seat_id: payment.amount.minor_units
            for payment in sale.payments
            if payment.seat_id in good
        }

    async def cost(self, booking: booking_pb2.Booking) -> dict[str, int]:
        """What the buyer is told that the kept seats cost."""
        quote = (await self.desk.get(booking)).partial_cancellations[-1].kept_quote
        return {price.seat_id: price.amount.minor_units for price in quote.seat_prices}

    async def settled_books(self) -> Comparison:
        """What `./matinee books` finds when nothing is under way any more."""
        comparison = Comparison()

        async def at_rest() -> bool:
            nonlocal comparison
            with MongoStores(
                self.desk.settings.mongo_url, self.bookings_database, self.seats_database
            ) as stores:
                ledgers = [SandboxLedger(self.desk.sandbox.url, API_KEY)]
                comparison = await compare_books(stores, ledgers, SystemClock().now, second_look_seconds=0.1)
            return not comparison.under_way

        await eventually(at_rest)
        return comparison


@pytest_asyncio.fixture(loop_scope="session")
async def counter(
    mongo: MongoEngine, mongo_database: MongoDatabase, inventory: SeatService, tmp_path: Path
) -> AsyncIterator[Counter]:
    async with AsyncExitStack() as around:
        database = await around.enter_async_context(new_database(mongo))
        desk = await around.enter_async_context(open_desk(database, tmp_path, seat_target=inventory.address))
        yield Counter(desk, inventory, database.name, mongo_database.name)


async def _agree(counter: Counter, booking: booking_pb2.Booking, costs: dict[str, int]) -> None:
    comparison = await counter.settled_books()
    assert not comparison.differences, "\n".join(lines(comparison, SystemClock().now()))
    assert await counter.cost(booking) == costs
    assert await counter.sold_for(booking) == costs
    kept = sum(costs.values())
    assert await counter.desk.kept(booking) == kept
    for what in ("kept by providers", "price of tickets", "sold at theatres"):
        assert comparison.sums["USD"][what] == kept


async def test_one_of_three_goes_back_and_the_theatre_is_told_that_the_third_is_no_longer_cheaper(
    counter: Counter,
) -> None:
    booking = await counter.buy("A1", "A2", "A3")
    assert await counter.sold_for(booking) == {"A1": 1000, "A2": 1000, "A3": 500}
    await counter.desk.cancel(booking, seat_ids=["A1"])
    await _agree(counter, booking, {"A2": 1000, "A3": 1000})


async def test_several_at_once_leave_all_books_the_same(counter: Counter) -> None:
    booking = await counter.buy("A1", "A2", "A3", "A4")
    calls = (counter.desk.cancel(booking, seat_ids=[seat_id]) for seat_id in ("A4", "A2"))
    assert refusal(await gathered(*calls)) == []
    await _agree(counter, booking, {"A1": 1000, "A3": 1000})
