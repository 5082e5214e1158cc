"""What the use cases need from outside."""

import datetime as dt
from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from notify_svc.domain.contents import Content, DirectMessage
from notify_svc.domain.notifications import Channel, Notification, Record, SkipReason
from notify_svc.domain.preferences import Preferences


class ClaimOutcome(Enum):
    """Whether a worker may send."""

    GRANTED = "granted"
    SETTLED = "settled"
    """It was sent or skipped before."""
    TAKEN = "taken"
    """Another worker is sending it, or was when it crashed: its lease is not over."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a list a page ended: the last record's time and id."""

    create_time: dt.datetime
    notification_id: str


class NotificationLedger(Protocol):
    """Remembers what was sent. Every call may raise StoreUnavailable."""

    async def claim(
        self, notification: Notification, claim_id: str, now: dt.datetime, lease: dt.timedelta
    ) -> ClaimOutcome:
        """Takes the message for one worker, in one atomic step, until the lease is over.

        One that was given up may be claimed again: somebody replayed it.
        """
        ...

    async def skip(self, notification: Notification, reason: SkipReason, now: dt.datetime) -> ClaimOutcome:
        """As `claim`, but instead of being sent it is settled: it will not be sent."""
        ...

    async def count_like(self, notification: Notification, since: dt.datetime, at_most: int) -> int:
        """How many others about unpaid bookings its recipient was told on its channel since then.

        Those that were skipped do not count; counting ends at `at_most`.
        """
        ...

    async def mark_sent(self, notification: Notification, now: dt.datetime) -> None:
        """It was handed over; nobody sends it again."""
        ...

    async def release(self, notification: Notification, claim_id: str, now: dt.datetime) -> None:
        """It was not sent; ends the claim's lease, unless the claim has passed to somebody else."""
        ...

    async def give_up(self, notification: Notification, claim_id: str) -> None:
        """It will not be sent, unless the claim has passed to somebody else."""
        ...

    async def find(self, notification_id: str) -> Record | None:
        """One message, as long as it is kept."""
        ...

    async def to_recipient(self, recipient: str, after: Place | None, limit: int) -> Sequence[Record]:
        """As `of_booking`, of all messages to a recipient, without regard to case."""
        ...

    async def forget(self, recipients: Collection[str], booking_ids: Collection[str]) -> None:
        """Takes the recipients out of all their messages, and out of those about the bookings."""
        ...

    async def of_booking(self, booking_id: str, after: Place | None, limit: int) -> Sequence[Record]:
        """A booking's messages, newest first, from after that place on."""
        ...


class PreferenceStore(Protocol):
    """What addresses switched off. Every call may raise StoreUnavailable."""

    async def of(self, address: str) -> Preferences:
        """The address's, without regard to case; the usual ones when it never changed any."""
        ...

    async def put(self, address: str, before: Preferences, after: Preferences, now: dt.datetime) -> bool:
        """Stores what it is now in one atomic step; False when it is not what it was before any more."""
        ...

    async def forget(self, addresses: Collection[str]) -> None:
        """As if they had never changed anything."""
        ...


class RequestLog(Protocol):
    """Remembers which request ids stand for what. Every call may raise StoreUnavailable."""

    async def remember(self, request_id: str, digest: str) -> None:
        """Raises RequestIdReused when the id stands for other content."""
        ...


class SendQueue(Protocol):
    """Where messages wait for a worker."""

    @property
    def channels(self) -> Set[Channel]:
        """Those that have a worker here."""
        ...

    async def put(self, message: DirectMessage) -> None:
        """Returns once the message is safe; raises a MatineeError with UNAVAILABLE otherwise."""
        ...


class Sender(Protocol):
    """Hands messages over to the outside."""

    @property
    def channel(self) -> Channel:
        """The way it sends."""
        ...

    async def send(self, notification: Notification, content: Content) -> None:
        """Returns once the outside has taken the message; raises ChannelUnavailable or RecipientRefused.

        Carries the notification's id, so that whoever gets it twice can tell.
        """
        ...
