"""Telling a customer what happened, at least once and, as far as it can be helped, not twice."""

import asyncio
import datetime as dt
from collections.abc import Set
from enum import Enum

import structlog

from mesh.clock import Clock
from mesh.errors import StoreUnavailable
from mesh.ids import new_token
from notify_svc.domain.contents import BookingEvent, Content
from notify_svc.domain.news import UNPAID
from notify_svc.domain.notifications import Channel, Notification, SkipReason
from notify_svc.domain.preferences import may_ever_be_off, reach
from notify_svc.errors import ChannelUnavailable, RecipientRefused
from notify_svc.ports import ClaimOutcome, NotificationLedger, PreferenceStore, Sender

log = structlog.get_logger()

_HOUR = dt.timedelta(hours=1)
_MARK_PAUSE_SECONDS = 0.5


class Told(Enum):
    """How it went."""

    DONE = "done"
    """Sent now or earlier, or there was nobody to tell."""
    SKIPPED = "skipped"
    """Not wanted, or one too many, now or earlier."""
    IN_OTHER_HANDS = "in_other_hands"
    """Somebody else is at it, or crashed at it: try after the lease."""
    FAILED = "failed"
    """Not sent; try again."""
    GIVEN_UP = "given_up"
    """Not sent, and not to be tried again."""


class Teller:
    """Tells by one channel.

    `offered` are the channels that have a worker here, `lease` must be longer than sending may take,
    `hourly_unpaid` is how many messages about unpaid bookings an address gets within an hour.
    """

    def __init__(
        self,
        sender: Sender,
        ledger: NotificationLedger,
        preferences: PreferenceStore,
        offered: Set[Channel],
        clock: Clock,
        lease: dt.timedelta,
        hourly_unpaid: int,
    ) -> None:
        self._sender = sender
        self._ledger = ledger
        self._preferences = preferences
        self._offered = offered
        self._clock = clock
        self._lease = lease
        self._hourly_unpaid = hourly_unpaid

    async def tell(self, content: Content, last_attempt: bool) -> Told:
        """Claims the message, sends it, marks it as sent; or notes that nobody wants it.

        A crash after sending and before marking, or a store that is away for
        longer than the lease, sends again with the same id. Raises StoreUnavailable.
        """
        channel = self._sender.channel
        recipient = content.recipient(channel)
        if recipient is None or content.is_over(self._clock.now()):
            return Told.DONE
        notification = Notification(
            event_id=content.event_id,
            event_name=content.name,
            booking_id=content.booking.booking_id if isinstance(content, BookingEvent) else "",
            channel=channel,
            recipient=recipient,
        )
        if not await self._is_wanted(content, recipient):
            return await self._skip(notification, SkipReason.UNWANTED)
        if content.news_kind is UNPAID and await self._had_enough(notification):
            return await self._skip(notification, SkipReason.TOO_MANY)
        claim_id = new_token()
        claim_time = self._clock.now()
        outcome = await self._ledger.claim(notification, claim_id, claim_time, self._lease)
        if outcome is ClaimOutcome.SETTLED:
            return Told.DONE
        if outcome is ClaimOutcome.TAKEN:
            return Told.IN_OTHER_HANDS
        told = await self._send(content, notification, claim_id, last_attempt)
        if told is Told.DONE:
            await self._mark_sent(notification, claim_time + self._lease)
            log.info("notification_sent", channel=channel.value, **_facts(notification))
        return told

    async def _is_wanted(self, content: Content, recipient: str) -> bool:
        switch = (self._sender.channel, content.news_kind)
        channels = reach(recipient, self._offered)
        if not may_ever_be_off(switch, channels):
            return True  # without a look: that is what most messages are
        return (await self._preferences.of(recipient)).wants(switch, channels)

    async def _had_enough(self, notification: Notification) -> bool:
        """Roughly: messages that are sent at the same moment do not see each other."""
        since = self._clock.now() - _HOUR
        at_most = self._hourly_unpaid
        return await self._ledger.count_like(notification, since, at_most) >= at_most

    async def _skip(self, notification: Notification, reason: SkipReason) -> Told:
        outcome = await self._ledger.skip(notification, reason, self._clock.now())
        if outcome is ClaimOutcome.TAKEN:
            return Told.IN_OTHER_HANDS
        return Told.SKIPPED

    async def _send(
        self, content: Content, notification: Notification, claim_id: str, last_attempt: bool
    ) -> Told:
        facts = _facts(notification)
        try:
            await self._sender.send(notification, content)
        except ChannelUnavailable as error:
            log.warning("notification_not_sent", problem=error.message, last_attempt=last_attempt, **facts)
            return await self._not_sent(notification, claim_id, last_attempt)
        except RecipientRefused as error:
            log.warning("notification_refused", problem=error.message, **facts)
            return await self._not_sent(notification, claim_id, last_attempt=True)
        except Exception:
            # A fault of ours: whoever tries next need not wait for the lease, and it does not look as if
            # somebody were at it for ever.
            await self._not_sent(notification, claim_id, last_attempt)
            raise
        return Told.DONE

    async def _mark_sent(self, notification: Notification, until: dt.datetime) -> None:
        """Goes on as long as nobody else may send it: what is not marked by then is sent again."""
        while True:
            try:
                await self._ledger.mark_sent(notification, self._clock.now())
            except StoreUnavailable:
                if self._clock.now() >= until:
                    raise
                log.warning("notification_not_marked", **_facts(notification))
                await asyncio.sleep(_MARK_PAUSE_SECONDS)
            else:
                return

    async def _not_sent(self, notification: Notification, claim_id: str, last_attempt: bool) -> Told:
        if last_attempt:
            await self._ledger.give_up(notification, claim_id)
            return Told.GIVEN_UP
        await self._ledger.release(notification, claim_id, self._clock.now())
        return Told.FAILED


def _facts(notification: Notification) -> dict[str, str]:
    return {"notification_id": notification.notification_id, "about": notification.event_name}
