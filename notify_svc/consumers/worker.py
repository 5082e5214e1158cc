"""From a queue's messages to customers' mailboxes."""

from collections.abc import Mapping

import structlog
from prometheus_client import Counter

from mesh.amqp import Delivery, Outcome
from mesh.errors import StoreUnavailable
from notify_svc.convert.contents import content_of
from notify_svc.domain.notifications import Channel
from notify_svc.errors import MalformedMessage
from notify_svc.usecases.tell import Teller, Told

log = structlog.get_logger()

TOLD = Counter(
    "notifications", "Messages to customers, by channel, event and how it went.", ["channel", "event", "told"]
)

_OUTCOMES: Mapping[Told, Outcome] = {
    Told.DONE: Outcome.ACK,
    Told.SKIPPED: Outcome.ACK,
    Told.IN_OTHER_HANDS: Outcome.POSTPONE,
    Told.FAILED: Outcome.RETRY,
    Told.GIVEN_UP: Outcome.REJECT,
}


class ChannelWorker:
    """Handles the deliveries of one channel's queue."""

    def __init__(self, channel: Channel, teller: Teller) -> None:
        self._channel = channel
        self._teller = teller

    async def __call__(self, delivery: Delivery) -> Outcome:
        """Tells the customer; what cannot be understood goes to the dead letters."""
        message = delivery.message
        try:
            content = content_of(message.type, message.body)
        except MalformedMessage as error:
            log.error("message_malformed", message_id=message.message_id, problem=error.message)
            return Outcome.REJECT
        try:
            told = await self._teller.tell(content, delivery.last_attempt)
        except StoreUnavailable:
            # Not the message's fault, so not one of its tries.
            log.warning("notification_postponed", message_id=message.message_id)
            return Outcome.POSTPONE
        TOLD.labels(self._channel.value, content.name, told.value).inc()
        return _OUTCOMES[told]
