"""kill -9 of a real booking_svc while one call of every kind is on its way: all of them end right."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from matinee.booking.v1 import booking_pb2, booking_pb2_grpc

from mesh.errors import RemoteError
from mesh.testing import calling, eventually
from stack.ports import free_port
from tests.e2e.test_crash_between_payment_and_confirmation import INSTALLED_PACE, RESTART_SECONDS, Service
from tests.fixtures import sandbox as cards
from tests.fixtures.booking_desk import Desk, desk_environment, desk_settings, webhook_page
from tests.fixtures.box_office import open_box_office
from tests.fixtures.engines import MongoDatabase
from tests.fixtures.gate import Gate, gate_to
from tests.fixtures.sandbox import running_sandbox

AT_THE_THEATRE = ("HoldSeats", "ConfirmHold", "CancelTickets", "ReleaseHold")
AT_THE_PROVIDER = ("POST sessions", "POST expire", "POST refunds", "GET sessions", "GET events")


@dataclass
class Cut:
    """A desk whose calls to the theatre and the provider can be held up, and what waits for their answers."""

    desk: Desk
    gate: Gate
    service: Service
    calls: list[asyncio.Task[None]] = field(default_factory=list)
    before: Counter[str] = field(default_factory=Counter)

    async def held(self) -> booking_pb2.Booking:
        """A booking in a theatre of its own: one that hangs keeps only its own bookings waiting."""
        office = self.desk.office
        return await self.desk.create(show_id=office.add_show(theatre_id=f"theatre-{len(office.shows)}"))

    async def bought(self) -> booking_pb2.Booking:
        """A booking with tickets."""
        booking = await self.held()
        await self.desk.pay(booking)
        return await self.desk.becomes(booking, "CONFIRMED")

    def begin(self, call: Awaitable[object]) -> None:
        """Begins a call whose answer will not come."""

        async def cut_off() -> None:
            with suppress(RemoteError):
                await call

        self.calls.append(asyncio.create_task(cut_off()))

    async def arrived(self, kind: str) -> None:
        """Returns when a call of that kind is held up."""

        async def seen() -> bool:
            if kind in AT_THE_THEATRE:
                return self.desk.office.calls[kind] > self.before[kind]
            return self.gate.waiting[kind] > 0

        await eventually(seen, within_seconds=20)

    def hold_up_everything(self) -> None:
        """From now on no call comes through."""
        self.before = self.desk.office.calls.copy()
        self.desk.office.slow |= dict.fromkeys(AT_THE_THEATRE, 300.0)
        self.gate.shut |= set(AT_THE_PROVIDER)

    async def kill_and_start(self) -> None:
        """kill -9; then the world behaves, and the process is started again."""
        await self.service.kill()
        await asyncio.gather(*self.calls)
        self.desk.office.slow.clear()
        self.gate.shut.clear()
        await self.service.start()


@asynccontextmanager
async def _cut(database: MongoDatabase, folder: Path) -> AsyncIterator[Cut]:
    async with AsyncExitStack() as around:
        office = await around.enter_async_context(open_box_office())
        page = await around.enter_async_context(webhook_page())
        sandbox = await around.enter_async_context(running_sandbox(folder, page.url))
        gate = await around.enter_async_context(gate_to(sandbox.url))
        pace = INSTALLED_PACE | {"PAYMENT_POLL_SECONDS": "1", "CATCH_UP_SECONDS": "1"}
        service = Service(desk_environment(database, office, gate.url, **pace), folder, free_port())
        around.push_async_callback(service.stop)
        await service.start()
        channel = await around.enter_async_context(calling(service.address, timeout_seconds=60))
        stub = channel.stub(booking_pb2_grpc.BookingServiceStub)
        page.stubs.append(stub)
        settings = desk_settings(database, office, gate.url)
        yield Cut(Desk(stub, channel, office, sandbox, page, settings, around), gate, service)


@pytest.mark.timeout(240)
async def test_every_kind_of_call_that_was_cut_off_ends_right(
    mongo_database: MongoDatabase, tmp_path: Path
) -> None:
    async with _cut(mongo_database, tmp_path) as cut:
        desk, office = cut.desk, cut.desk.office
        cancelling, refunding = await cut.bought(), await cut.bought()
        opening, releasing, confirming = await cut.held(), await cut.held(), await cut.held()
        expiring, asked = await cut.held(), await cut.held()
        for booking in (expiring, asked):
            await desk.start(booking)
        confirming_url = (await desk.start(confirming)).redirect_url
        lonely_show = office.add_show(theatre_id="lonely")

        cut.gate.shut |= {"POST refunds"}
        cut.begin(desk.cancel(refunding))
        await cut.arrived("POST refunds")
        cut.hold_up_everything()
        cut.begin(desk.create(show_id=lonely_show))
        cut.begin(desk.start(opening))
        cut.begin(desk.abandon(releasing))
        cut.begin(desk.abandon(expiring))
        cut.begin(desk.cancel(cancelling))
        await desk.sandbox.pay(confirming_url)
        for kind in (*AT_THE_THEATRE, *AT_THE_PROVIDER):
            await cut.arrived(kind)
        await cut.kill_and_start()

        clock = asyncio.get_running_loop()
        until = clock.time() + RESTART_SECONDS

        async def ends(booking: booking_pb2.Booking, state: str) -> booking_pb2.Booking:
            return await desk.becomes(booking, state, within_seconds=until - clock.time())

        assert len((await ends(confirming, "CONFIRMED")).tickets) == 2
        assert await desk.movements(confirming) == [("capture", 2000)]
        for booking in (cancelling, refunding):
            await ends(booking, "REFUNDED")
            assert await desk.movements(booking) == [("capture", 2000), ("refund", 2000)]
            assert office.sold_seats(booking.booking_id) == set()
        # Nobody comes back to the seats that were about to be held.
        with desk.mongo() as client:
            bookings = client[mongo_database.name]["bookings"]

            async def given_up() -> bool:
                return bookings.count_documents({"show.show_id": lonely_show, "state": "EXPIRED"}) == 1

            await eventually(given_up, within_seconds=until - clock.time(), every_seconds=0.2)
        assert office.holds_of(lonely_show) == []
        # Whoever was waiting for an answer asks again, and all goes on.
        until = clock.time() + RESTART_SECONDS
        for booking in (releasing, expiring):
            await desk.abandon(booking)
            await ends(booking, "EXPIRED")
            assert await desk.movements(booking) == []
        for booking in (opening, asked):
            await desk.pay(booking, cards.LOST_WEBHOOK)
            await ends(booking, "CONFIRMED")
            assert await desk.movements(booking) == [("capture", 2000)]
