"""The queues of messages to customers.

One quorum queue for each channel takes events of the exchange `bookings` and what
SendNotification asks for. That of e-mails takes every event, so that each has a
queue; that of text messages only those of buyers who have a phone, as their
routing keys say. A queue is declared only by an installation that has a worker
for it: without one it would fill until the broker refuses events, and with them
every e-mail. So `notify.sms` and `notify.push` come to be with their workers,
and then hold the events from that day on.
"""

from collections.abc import Mapping, Set

from matinee.notify.v1 import notify_pb2

from mesh import deadlines
from mesh.amqp import Binding, Exchange, Message, Publisher, WorkQueue
from notify_svc.convert.notifications import channel_proto
from notify_svc.domain.contents import DirectMessage
from notify_svc.domain.notifications import Channel

BOOKINGS = Exchange("bookings")
DEAD_LETTERS = "notify.dead"

_PUT_SECONDS = 5.0


def email_queue(delays_ms: tuple[int, ...]) -> WorkQueue:
    """The queue of e-mails: every booking event."""
    name = "notify.email"
    return WorkQueue(name, DEAD_LETTERS, [Binding(BOOKINGS.name, name, "#")], delays_ms)


def sms_queue(delays_ms: tuple[int, ...]) -> WorkQueue:
    """The queue of text messages: events of buyers with a phone, for those that gave no e-mail address.

    A key of one word is of a booking_svc that does not say yet how the buyer can be reached, or of a booking
    without a contact; those are nobody's to tell.
    """
    name = "notify.sms"
    wanted = [Binding(BOOKINGS.name, name, key) for key in ("#.phone", "*")]
    return WorkQueue(name, DEAD_LETTERS, wanted, delays_ms, [Binding(BOOKINGS.name, name, "#")])


class AmqpSendQueue:
    """See `SendQueue`: puts requests into the queue of their channel, without an exchange's help."""

    def __init__(self, publisher: Publisher, queues: Mapping[Channel, WorkQueue]) -> None:
        self._publisher = publisher
        self._queues = queues

    @property
    def channels(self) -> Set[Channel]:
        """See `SendQueue`."""
        return self._queues.keys()

    async def put(self, message: DirectMessage) -> None:
        """See `SendQueue`; raises PublishFailed."""
        body = notify_pb2.SendNotificationRequest(
            request_id=message.request_id,
            channel=channel_proto(message.channel),
            recipient=message.address,
            template_id=message.template_id,
            values=message.values,
        )
        if message.expire_time is not None:
            body.expire_time.FromDatetime(message.expire_time)
        await self._publisher.publish(
            Message(
                exchange="",
                routing_key=self._queues[message.channel].name,
                body=body.SerializeToString(),
                message_id=message.request_id,
                type=body.DESCRIPTOR.full_name,
            ),
            timeout=deadlines.budget(_PUT_SECONDS),
        )
