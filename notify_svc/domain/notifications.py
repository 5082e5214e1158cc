"""One message to one recipient on one channel, and where it stands."""

import datetime as dt
import hashlib
from dataclasses import dataclass, field
from enum import Enum


class Channel(Enum):
    """A way to reach a person."""

    EMAIL = "email"
    SMS = "sms"
    PUSH = "push"


class State(Enum):
    """Where a message stands."""

    SENDING = "sending"
    """Claimed by a worker, or waiting for its next try."""
    SENT = "sent"
    DEAD = "dead"
    """Given up."""
    SKIPPED = "skipped"
    """Not sent, and not to be."""


class SkipReason(Enum):
    """Why a message was not sent."""

    UNWANTED = "unwanted"
    """Whoever has the address had switched this kind of news off."""
    TOO_MANY = "too_many"
    """The address had enough of this kind within the hour."""


@dataclass(frozen=True, slots=True)
class Notification:
    """What is remembered of a message; not its text."""

    event_id: str
    event_name: str
    booking_id: str
    """Empty when it is about no booking."""
    channel: Channel
    recipient: str = field(repr=False)

    @property
    def notification_id(self) -> str:
        """Always the same for an event, a channel and a recipient: what makes a repeat one."""
        facts = "\x1f".join([self.event_id, self.channel.value, self.recipient.casefold()])
        return hashlib.sha256(facts.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Record:
    """A notification and what became of it.

    The id is the one that it was sent under: that stays when the recipient is forgotten.
    """

    notification_id: str
    notification: Notification
    state: State
    create_time: dt.datetime
    sent_time: dt.datetime | None
    skip_reason: SkipReason | None = None
