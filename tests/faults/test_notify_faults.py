"""Mails when the worker, the mail server or a store fails half-way: late, but once."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from matinee.booking.v1 import events_pb2
from matinee.notify.v1 import notify_pb2
from structlog.testing import capture_logs

from mesh.testing import eventually
from notify_svc.settings import Settings
from stack.engines import MongoEngine, RabbitEngine
from tests.fixtures.amqp import QueueEye
from tests.fixtures.booking_events import a_booking, a_header
from tests.fixtures.mail import MailServer
from tests.fixtures.notify import Events, notifying


def answering(condition: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def answer() -> bool:
        return condition()

    return answer


def environment(settings: Settings) -> dict[str, str]:
    """The settings as a process reads them."""
    return {
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "MESH_TOKEN": settings.mesh_token.get_secret_value(),
        "MONGO_URL": settings.mongo_url,
        "MONGO_DATABASE": settings.mongo_database,
        "AMQP_URL": settings.amqp_url.get_secret_value(),
        "SMTP_URL": settings.smtp_url.get_secret_value(),
        "UNSUBSCRIBE_SECRET": settings.unsubscribe_secret.get_secret_value(),
        "PUBLIC_URL": settings.public_url,
        "MAIL_FROM": settings.mail_from,
        "SMTP_SECONDS": str(settings.smtp_seconds),
        "LEASE_SECONDS": str(settings.lease_seconds),
        "RETRY_DELAYS_MS": str(list(settings.retry_delays_ms)),
    }


@asynccontextmanager
async def worker_process(settings: Settings) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m notify_svc`, killed at the end if it has not been before."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "notify_svc", env=environment(settings), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_mail_that_a_killed_worker_had_claimed_is_sent_when_its_lease_is_over(
    notify_settings: Settings, events: Events, mail_server: MailServer
) -> None:
    loop = asyncio.get_running_loop()
    await events.publish(events_pb2.BookingConfirmed(header=a_header()))
    mail_server.takes.clear()
    async with worker_process(notify_settings) as victim:
        await eventually(answering(lambda: mail_server.handovers == 1), 40)
        claimed = loop.time()
        victim.kill()
        await victim.wait()
    await mail_server.stop()
    # What the victim had begun to hand over is lost with its connection.
    await eventually(answering(lambda: mail_server.open_connections == 0))
    mail_server.takes.set()
    await mail_server.start()

    async with notifying(notify_settings):
        [mail] = await mail_server.received(1)
        waited = loop.time() - claimed
    assert sorted(mail.qr_codes().values()) == ["REX-2026-000017", "REX-2026-000018"]
    # The victim claimed up to 2 s (its SMTP time-out) before; somebody else left it alone till then.
    assert waited > notify_settings.lease_seconds - notify_settings.smtp_seconds


async def test_mails_wait_for_a_mail_server_that_is_away(
    notify_settings: Settings, events: Events, mail_server: MailServer, queues: QueueEye
) -> None:
    await mail_server.stop()
    with capture_logs() as lines:
        async with notifying(notify_settings):
            for _ in range(5):
                await events.publish(events_pb2.BookingConfirmed(header=a_header()))

            def failures() -> int:
                return sum(line["event"] == "notification_not_sent" for line in lines)

            await eventually(answering(lambda: failures() >= 8))
            await mail_server.start()
            await mail_server.received(5)
    assert len({str(mail.message["Message-ID"]) for mail in mail_server.mails}) == 5
    assert await queues.ready_count("notify.dead") == 0


async def test_a_mail_server_that_hangs_holds_up_no_longer_than_the_time_out(
    notify_settings: Settings, events: Events, mail_server: MailServer
) -> None:
    mail_server.takes.clear()
    with capture_logs() as lines:
        async with notifying(notify_settings):
            await events.publish(events_pb2.BookingConfirmed(header=a_header()))
            await eventually(
                answering(lambda: any(line["event"] == "notification_not_sent" for line in lines)),
                notify_settings.smtp_seconds + 15,
            )
            mail_server.takes.set()
            await eventually(answering(lambda: mail_server.handovers >= 2))
            await mail_server.received(1)


async def test_a_store_that_is_away_costs_time_and_no_tries(
    notify_settings: Settings, events: Events, mail_server: MailServer, mongo: MongoEngine
) -> None:
    booking = a_booking()
    with capture_logs() as lines:
        async with notifying(notify_settings) as stub:
            await events.publish(events_pb2.BookingConfirmed(header=a_header()))
            await mail_server.received(1)
            mongo.pause()
            try:
                await events.publish(events_pb2.BookingConfirmed(header=a_header(booking)))
                await eventually(
                    answering(lambda: any(line["event"] == "notification_postponed" for line in lines)), 20
                )
            finally:
                mongo.resume()
            await mail_server.received(2, within_seconds=30)

            async def sent() -> bool:
                request = notify_pb2.ListNotificationsRequest(booking_id=booking.booking_id)
                told = (await stub.ListNotifications(request)).notifications
                return [one.state for one in told] == [notify_pb2.NOTIFICATION_STATE_SENT]

            await eventually(sent)
    assert len(mail_server.mails) == 2


async def test_a_store_that_is_away_when_a_mail_was_taken_does_not_have_it_sent_twice(
    notify_settings: Settings, events: Events, mail_server: MailServer, mongo: MongoEngine
) -> None:
    booking = a_booking()
    mail_server.takes.clear()
    patient = notify_settings.model_copy(update={"smtp_seconds": 10, "lease_seconds": 20})
    with capture_logs() as lines:
        async with notifying(patient) as stub:
            await events.publish(events_pb2.BookingConfirmed(header=a_header(booking)))
            await eventually(answering(lambda: mail_server.handovers == 1))
            mongo.pause()
            try:
                mail_server.takes.set()
                await eventually(
                    answering(lambda: any(line["event"] == "notification_not_marked" for line in lines))
                )
            finally:
                mongo.resume()
            await eventually(answering(lambda: any(line["event"] == "notification_sent" for line in lines)))
            request = notify_pb2.ListNotificationsRequest(booking_id=booking.booking_id)
            [told] = (await stub.ListNotifications(request)).notifications
            assert told.state == notify_pb2.NOTIFICATION_STATE_SENT
    assert mail_server.handovers == 1
    assert not any(line["event"] == "notification_postponed" for line in lines)


async def test_a_broker_that_restarts_costs_time_and_no_mail(
    notify_settings: Settings, events: Events, mail_server: MailServer, rabbitmq: RabbitEngine
) -> None:
    async with notifying(notify_settings):
        await events.publish(events_pb2.BookingConfirmed(header=a_header()))
        await mail_server.received(1)
        await rabbitmq.kill()
        await rabbitmq.restart()
        await events.publish(events_pb2.BookingConfirmed(header=a_header()))
        await mail_server.received(2, within_seconds=30)
    assert len({str(mail.message["Message-ID"]) for mail in mail_server.mails}) == 2


async def test_a_worker_told_to_stop_finishes_what_it_has_begun_and_exits_cleanly(
    notify_settings: Settings, events: Events, mail_server: MailServer, queues: QueueEye
) -> None:
    mail_server.takes.clear()
    await events.publish(events_pb2.BookingConfirmed(header=a_header()))
    async with worker_process(notify_settings) as process:
        await eventually(answering(lambda: mail_server.handovers == 1), 40)
        process.terminate()
        mail_server.takes.set()
        async with asyncio.timeout(30):
            assert await process.wait() == 0
    assert len(mail_server.mails) == 1
    assert await queues.ready_count("notify.email") == 0
