"""The composition root."""

import asyncio
from collections.abc import Iterable, Set

from matinee.notify.v1 import notify_pb2_grpc

from mesh.amqp import Broker, Consumer, Publisher, Topology, WorkQueue
from mesh.clock import Clock, SystemClock
from mesh.mongo import close, open_client
from mesh.run import Process, Resources
from mesh.server import GrpcServer
from notify_svc.channels.email import EmailSender
from notify_svc.channels.email.letters import LetterWriter
from notify_svc.channels.email.smtp import SmtpTransport
from notify_svc.channels.links import UnsubscribeLinks
from notify_svc.channels.sms import SmsSender
from notify_svc.channels.sms.gateway import SmsGateway
from notify_svc.consumers.queues import BOOKINGS, AmqpSendQueue, email_queue, sms_queue
from notify_svc.consumers.worker import ChannelWorker
from notify_svc.domain.notifications import Channel
from notify_svc.domain.unsubscribing import UnsubscribeTokens
from notify_svc.ports import Sender
from notify_svc.servicer import NotificationServicer
from notify_svc.settings import Settings
from notify_svc.stores.ledger import MongoNotificationLedger
from notify_svc.stores.mongo import NotifyDatabase
from notify_svc.stores.preferences import MongoPreferences
from notify_svc.stores.requests import MongoRequestLog
from notify_svc.usecases.preferences import PreferenceDesk
from notify_svc.usecases.tell import Teller

NAME = "notify_svc"

_AROUND_SECONDS = 10.0
"""For what the store is asked before a message's lease begins and when it is over."""


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
    client = open_client(settings.mongo_url, NAME, settings.mongo_driver)
    resources.push_async_callback(close, client)
    database = NotifyDatabase(client, settings.mongo_database)
    server = GrpcServer(settings, resources.background)
    server.needs({"mongodb": database.ready})
    if settings.role != "worker":
        await _add_service(server, settings, resources, database, clock)
    consumers = {} if settings.role == "server" else await _consumers(settings, resources, database, clock)
    server.needs({f"rabbitmq.{channel.value}": consumer.probe for channel, consumer in consumers.items()})
    return NotifyProcess(server, list(consumers.values()))


async def _add_service(
    server: GrpcServer, settings: Settings, resources: Resources, database: NotifyDatabase, clock: Clock
) -> None:
    queues = _queues(settings)
    publisher = await resources.enter_async_context(
        Publisher(
            Broker(settings.amqp_url),
            name="notify.requests",
            topology=_topology(queues.values()),
        )
    )
    server.needs({"rabbitmq": publisher.probe})
    ledger, preferences = MongoNotificationLedger(database), MongoPreferences(database)
    requests, queue = MongoRequestLog(database, clock), AmqpSendQueue(publisher, queues)
    tokens = UnsubscribeTokens(settings.unsubscribe_secrets)
    server.add(
        "matinee.notify.v1.NotificationService",
        NotificationServicer(
            ledger,
            preferences,
            requests,
            queue,
            PreferenceDesk(preferences, ledger, requests, tokens, queue.channels, clock),
            settings.mesh_token.get_secret_value().encode(),
        ),
        notify_pb2_grpc.add_NotificationServiceServicer_to_server,
    )


def _queues(settings: Settings) -> dict[Channel, WorkQueue]:
    """The queue of each channel that this installation has."""
    queues = {Channel.EMAIL: email_queue(settings.retry_delays_ms)}
    if settings.sms_gateway_url:
        queues[Channel.SMS] = sms_queue(settings.retry_delays_ms)
    return queues


def _topology(queues: Iterable[WorkQueue]) -> Topology:
    parts = [queue.topology(BOOKINGS) for queue in queues]
    return Topology(
        (BOOKINGS,),
        [queue for part in parts for queue in part.queues],
        [binding for part in parts for binding in part.bindings],
        [binding for part in parts for binding in part.former_bindings],
    )


async def _consumers(
    settings: Settings, resources: Resources, database: NotifyDatabase, clock: Clock
) -> dict[Channel, Consumer]:
    """A worker for each channel."""
    queues = _queues(settings)
    senders = await _senders(settings, resources, clock, queues.keys())
    preferences = MongoPreferences(database)
    return {
        channel: Consumer(
            Broker(settings.amqp_url),
            queue,
            ChannelWorker(
                channel,
                Teller(
                    senders[channel],
                    MongoNotificationLedger(database, settings.prefetch),
                    preferences,
                    queues.keys(),
                    clock,
                    settings.lease,
                    settings.hourly_unpaid,
                ),
            ),
            exchanges=(BOOKINGS,),
            prefetch=settings.prefetch,
            handle_seconds=settings.lease_seconds + _AROUND_SECONDS,
        )
        for channel, queue in queues.items()
    }


async def _senders(
    settings: Settings, resources: Resources, clock: Clock, offered: Set[Channel]
) -> dict[Channel, Sender]:
    writer = LetterWriter(settings.public_url)
    links = UnsubscribeLinks(settings.public_url, UnsubscribeTokens(settings.unsubscribe_secrets), offered)
    mail = await resources.enter_async_context(SmtpTransport(settings.smtp_server, settings.smtp_seconds))
    senders: dict[Channel, Sender] = {
        Channel.EMAIL: EmailSender(mail, writer, links, settings.mail_from, clock)
    }
    if settings.sms_gateway_url:
        gateway = SmsGateway(settings.sms_gateway_url, settings.sms_gateway_token, settings.sms_seconds)
        senders[Channel.SMS] = SmsSender(await resources.enter_async_context(gateway), writer, links)
    return senders
