"""The composition root."""

import asyncio

from matinee.notify.v1 import notify_pb2_grpc

from mesh.amqp import Broker, Consumer, Publisher
from mesh.clock import Clock, SystemClock
from mesh.mongo import open_client
from mesh.run import Process, Resources
from mesh.server import GrpcServer
from notify_svc.channels.email import EmailSender
from notify_svc.channels.email.letters import LetterWriter
from notify_svc.channels.email.smtp import SmtpTransport
from notify_svc.consumers.queues import BOOKINGS, AmqpSendQueue, email_queue
from notify_svc.consumers.worker import ChannelWorker
from notify_svc.servicer import NotificationServicer
from notify_svc.settings import Settings
from notify_svc.stores.ledger import MongoNotificationLedger
from notify_svc.stores.mongo import NotifyDatabase
from notify_svc.stores.preferences import MongoPreferences
from notify_svc.stores.requests import MongoRequestLog

NAME = "notify_svc"

_MARKING_SECONDS = 10.0


class NotifyProcess:
    """Answers calls and sends messages; drains both at once."""

    def __init__(self, server: GrpcServer, consumers: list[Consumer]) -> None:
        self._server = server
        self._consumers = consumers

    async def start(self) -> str:
        """Listens, takes messages, and returns the address."""
        for consumer in self._consumers:
            consumer.start()
        try:
            return await self._server.start()
        except BaseException:
            await self._close_consumers(0)
            raise

    async def drain(self, notice_seconds: float, grace_seconds: float) -> None:
        """Takes no new messages; lets calls and messages under way end."""
        await asyncio.gather(
            self._server.drain(notice_seconds, grace_seconds),
            self._close_consumers(grace_seconds),
        )

    async def _close_consumers(self, grace_seconds: float) -> None:
        await asyncio.gather(*(consumer.close(grace_seconds) for consumer in self._consumers))


async def build(settings: Settings, resources: Resources) -> Process:
    """The service in the role that the settings give it, by the machine's clock."""
    return await build_with_clock(settings, resources, SystemClock())


async def build_with_clock(settings: Settings, resources: Resources, clock: Clock) -> Process:
    """The service by the given clock."""
    client = open_client(settings.mongo_url, NAME)
    resources.callback(client.close)
    database = NotifyDatabase(client, settings.mongo_database)
    server = GrpcServer(settings, resources.background)
    server.needs({"mongodb": database.ready})
    if settings.role != "worker":
        await _add_service(server, settings, resources, database, clock)
    consumers = [] if settings.role == "server" else [_email_consumer(settings, database, clock)]
    for consumer in consumers:
        server.needs({"rabbitmq.email": consumer.probe})
    return NotifyProcess(server, consumers)


async def _add_service(
    server: GrpcServer, settings: Settings, resources: Resources, database: NotifyDatabase, clock: Clock
) -> None:
    queue = email_queue(settings.retry_delays_ms)
    publisher = await resources.enter_async_context(
        Publisher(Broker(settings.amqp_url), name="notify.requests", topology=queue.topology(BOOKINGS))
    )
    server.needs({"rabbitmq": publisher.probe})
    server.add(
        "matinee.notify.v1.NotificationService",
        NotificationServicer(
            MongoNotificationLedger(database),
            MongoPreferences(database),
            MongoRequestLog(database, clock),
            AmqpSendQueue(publisher, queue),
            settings.mesh_token.get_secret_value().encode(),
        ),
        notify_pb2_grpc.add_NotificationServiceServicer_to_server,
    )


def _email_consumer(settings: Settings, database: NotifyDatabase, clock: Clock) -> Consumer:
    sender = EmailSender(
        SmtpTransport(settings.smtp_server, settings.smtp_seconds),
        LetterWriter(settings.public_url),
        settings.mail_from,
        clock,
    )
    worker = ChannelWorker(sender, MongoNotificationLedger(database), clock, settings.lease)
    return Consumer(
        Broker(settings.amqp_url),
        email_queue(settings.retry_delays_ms),
        worker,
        exchanges=(BOOKINGS,),
        prefetch=settings.prefetch,
        handle_seconds=settings.smtp_seconds + _MARKING_SECONDS,
    )
