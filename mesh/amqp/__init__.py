"""RabbitMQ for asyncio code; the only package that imports pika.

    broker = Broker(settings.amqp_url)

    bookings = Exchange("bookings")

    async with Publisher(broker, name="booking.relay", topology=Topology([bookings])) as publisher:
        await publisher.publish(message, timeout=5)       # confirmed, or a PublishFailed

    async def handle(delivery: Delivery) -> Outcome: ...

    every_event = Binding("bookings", "notify.email", "#")
    queue = WorkQueue("notify.email", dead_letters="notify.dead", bindings=[every_event])
    async with Consumer(broker, queue, handle, exchanges=(bookings,)): ...

Delivery is at least once on both sides: consumers must be idempotent. Why
pika and threads: docs/decisions/0002-pika-on-a-thread.md.
"""

from mesh.amqp.broker import AmqpUrl, Broker
from mesh.amqp.consumer import Consumer, Handle
from mesh.amqp.dead_letters import DeadLetter, Fate, sort_out
from mesh.amqp.errors import (
    BrokerAway,
    MessageRefused,
    MessageReturned,
    PublisherBusy,
    PublishFailed,
    PublishUnconfirmed,
)
from mesh.amqp.link import LinkState
from mesh.amqp.message import Delivery, Message, Outcome
from mesh.amqp.publisher import Publisher
from mesh.amqp.topology import DEFAULT_DELAYS_MS, Binding, Exchange, Queue, Topology, WorkQueue

__all__ = [
    "DEFAULT_DELAYS_MS",
    "AmqpUrl",
    "Binding",
    "Broker",
    "BrokerAway",
    "Consumer",
    "DeadLetter",
    "Delivery",
    "Exchange",
    "Fate",
    "Handle",
    "LinkState",
    "Message",
    "MessageRefused",
    "MessageReturned",
    "Outcome",
    "PublishFailed",
    "PublishUnconfirmed",
    "Publisher",
    "PublisherBusy",
    "Queue",
    "Topology",
    "WorkQueue",
    "sort_out",
]
