"""The queues of messages to customers.

One quorum queue for each channel takes every event of the exchange `bookings`
and what SendNotification asks for. A queue is declared only by an installation
that has a worker for it: without one it would fill until the broker refuses
events, and with them every e-mail. So `notify.sms` and `notify.push` come to
be with their workers, and then hold the events from that day on.
"""

from matinee.notify.v1 import notify_pb2

from mesh import deadlines
from mesh.amqp import Binding, Exchange, Message, Publisher, WorkQueue
from notify_svc.domain.contents import DirectMessage

BOOKINGS = Exchange("bookings")
DEAD_LETTERS = "notify.dead"

_PUT_SECONDS = 5.0


def email_queue(delays_ms: tuple[int, ...]) -> WorkQueue:
    """The queue of e-mails: every booking event."""
    name = "notify.email"
    return WorkQueue(name, DEAD_LETTERS, [Binding(BOOKINGS.name, name, "#")], delays_ms)


class AmqpSendQueue:
    """See `SendQueue`: puts requests into the queue of their channel, without an exchange's help."""

    def __init__(self, publisher: Publisher, queue: WorkQueue) -> None:
        self._publisher = publisher
        self._queue = queue

    async def put(self, message: DirectMessage) -> None:
        """See `SendQueue`; raises PublishFailed."""
        body = notify_pb2.SendNotificationRequest(
            request_id=message.request_id,
            channel=notify_pb2.CHANNEL_EMAIL,
            recipient=message.address,
            template_id=message.template_id,
            values=message.values,
        )
        await self._publisher.publish(
            Message(
                exchange="",
                routing_key=self._queue.name,
                body=body.SerializeToString(),
                message_id=message.request_id,
                type=body.DESCRIPTOR.full_name,
            ),
            timeout=deadlines.budget(_PUT_SECONDS),
        )
