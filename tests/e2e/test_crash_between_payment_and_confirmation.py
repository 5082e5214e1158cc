"""kill -9 of booking_svc after a buyer has paid, in a process of its own: there are tickets all the same."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from matinee.booking.v1 import booking_pb2, booking_pb2_grpc

from mesh.probe import is_serving
from mesh.testing import calling, eventually
from stack.child import Child
from stack.ports import free_port
from tests.fixtures import sandbox as cards
from tests.fixtures.booking_desk import Desk, desk_environment, desk_settings, webhook_page
from tests.fixtures.box_office import open_box_office
from tests.fixtures.engines import MongoDatabase
from tests.fixtures.sandbox import running_sandbox

RESTART_SECONDS = 60.0
INSTALLED_PACE = {
    "RECOVERY_SECONDS": "1",
    "CATCH_UP_SECONDS": "5",
    "PAYMENT_POLL_SECONDS": "20",
    "HOLD_MARGIN_SECONDS": "3",
}
"""As installations have it, and not as tests do that are in a hurry."""


@dataclass
class Service:
    """booking_svc as `python -m booking_svc`; it comes back at the same address."""

    environment: dict[str, str]
    folder: Path
    port: int
    child: Child | None = None

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Returns when it reports serving."""
        self.child = Child(
            "booking_svc",
            [sys.executable, "-m", "booking_svc"],
            environment=self.environment | {"LISTEN": self.address},
            folder=self.folder,
            log_file=self.folder / "booking_svc.log",
        )
        self.child.start()
        await eventually(lambda: is_serving(self.address), within_seconds=30, every_seconds=0.1)

    async def kill(self) -> None:
        """SIGKILL."""
        assert self.child is not None
        os.kill(self.child.pid, signal.SIGKILL)
        assert await self.child.ended(5)

    async def stop(self) -> None:
        """SIGTERM."""
        if self.child is not None:
            await self.child.stop(10)


@asynccontextmanager
async def _running(database: MongoDatabase, folder: Path) -> AsyncIterator[tuple[Desk, Service]]:
    async with AsyncExitStack() as around:
        office = await around.enter_async_context(open_box_office())
        page = await around.enter_async_context(webhook_page())
        sandbox = await around.enter_async_context(running_sandbox(folder, page.url))
        environment = desk_environment(database, office, sandbox.url, **INSTALLED_PACE)
        service = Service(environment, folder, free_port())
        around.push_async_callback(service.stop)
        await service.start()
        channel = await around.enter_async_context(calling(service.address, timeout_seconds=10))
        stub = channel.stub(booking_pb2_grpc.BookingServiceStub)
        page.stubs.append(stub)
        desk = Desk(
            stub, channel, office, sandbox, page, desk_settings(database, office, sandbox.url), around
        )
        desk.show_id = office.add_show()
        yield desk, service


@pytest.mark.timeout(180)
async def test_kill_between_payment_and_confirmation_still_ends_in_tickets(
    mongo_database: MongoDatabase, tmp_path: Path
) -> None:
    async with _running(mongo_database, tmp_path) as (desk, service):
        confirming, unheard, starting = [await desk.create(f"A{number}") for number in (1, 2, 3)]
        urls = [(await desk.start(booking)).redirect_url for booking in (confirming, unheard)]
        request = desk.payment(starting, request_id=str(uuid4()))

        # The first is paid, heard of, and killed while the theatre is confirming it.
        desk.office.slow["ConfirmHold"] = 30
        await desk.sandbox.pay(urls[0])

        async def asked() -> bool:
            return desk.office.calls["ConfirmHold"] == 1

        await eventually(asked, within_seconds=10)
        assert (await desk.get(confirming)).state == booking_pb2.BOOKING_STATE_PAID
        await service.kill()
        # The second is paid while nobody hears of it, and its webhook never comes.
        await desk.sandbox.pay(urls[1], cards.LOST_WEBHOOK)

        desk.office.slow.clear()
        await service.start()
        started = asyncio.get_running_loop().time()
        for booking in (unheard, confirming):
            confirmed = await desk.becomes(booking, "CONFIRMED", within_seconds=RESTART_SECONDS)
            assert len(confirmed.tickets) == 1
            assert await desk.movements(booking) == [("capture", 1000)]
            assert len(desk.office.sold_seats(booking.booking_id)) == 1
        assert asyncio.get_running_loop().time() - started < RESTART_SECONDS
        # And life goes on.
        answer = await desk.stub.StartPayment(request)
        await desk.sandbox.pay(answer.redirect_url)
        await desk.becomes(starting, "CONFIRMED")


@pytest.mark.timeout(60)
async def test_a_service_that_is_asked_to_stop_ends_what_it_has_begun(
    mongo_database: MongoDatabase, tmp_path: Path
) -> None:
    async with _running(mongo_database, tmp_path) as (desk, service):
        booking = await desk.create("A1")
        url = (await desk.start(booking)).redirect_url
        desk.office.slow["ConfirmHold"] = 1
        await desk.sandbox.pay(url)

        async def asked() -> bool:
            return desk.office.calls["ConfirmHold"] == 1

        await eventually(asked, within_seconds=10)
        await service.stop()
        assert desk.stored(booking)["state"] == "CONFIRMED"
