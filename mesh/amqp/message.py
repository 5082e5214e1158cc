"""Messages as the rest of the program sees them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

MAX_BODY_BYTES = 1024 * 1024
ATTEMPT_HEADER = "x-matinee-attempt"
EXCHANGE_HEADER, ROUTING_KEY_HEADER = "x-matinee-exchange", "x-matinee-routing-key"
"""Where a message was published first, on its way through delay queues."""
MAX_HEADER_BYTES = 64 * 1024
"""All of them; RabbitMQ takes 128 KiB with the properties in one frame."""
_MAX_SHORT_STRING_BYTES = 255


@dataclass(frozen=True, slots=True)
class Message:
    """One message. Every message is kept on disk by the broker.

    Raises ValueError for what AMQP cannot carry, an empty id, a body over 1 MiB, or
    headers over 64 KiB.
    """

    exchange: str
    routing_key: str
    body: bytes
    message_id: str
    """Unique for its content: repeats carry the same one."""
    type: str
    """Full name of the protobuf message in the body."""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.message_id:
            raise ValueError("a message needs an id")
        if len(self.body) > MAX_BODY_BYTES:
            raise ValueError(f"a body has at most {MAX_BODY_BYTES} bytes")
        for short in (self.exchange, self.routing_key, self.message_id, self.type, *self.headers):
            if len(short.encode()) > _MAX_SHORT_STRING_BYTES:
                raise ValueError("names, keys and ids have at most 255 bytes")
        headers = sum(len(key.encode()) + len(value.encode()) for key, value in self.headers.items())
        if headers > MAX_HEADER_BYTES:
            raise ValueError(f"headers have at most {MAX_HEADER_BYTES} bytes")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as it arrived at a consumer."""

    message: Message
    """As it was published first; a way through a delay queue does not show."""
    attempt: int
    """1 for the first try; grows with each `Outcome.RETRY`."""
    last_attempt: bool
    """Whether `Outcome.RETRY` would send it to the dead letters."""


class Outcome(Enum):
    """What becomes of a delivery."""

    ACK = "ack"
    """It is done."""
    RETRY = "retry"
    """It failed: again after the next of the queue's delays, or to the dead letters after the last."""
    POSTPONE = "postpone"
    """It is not its turn: again after the shortest delay, without counting as a try."""
    REJECT = "reject"
    """It can never be done: to the dead letters."""
