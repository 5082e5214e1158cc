"""Telling a customer what happened, at least once and, as far as it can be helped, not twice."""

import datetime as dt
from enum import Enum

import structlog

from mesh.clock import Clock
from mesh.ids import new_token
from notify_svc.domain.contents import BookingEvent, Content
from notify_svc.domain.notifications import Notification
from notify_svc.errors import ChannelUnavailable, RecipientRefused
from notify_svc.ports import ClaimOutcome, NotificationLedger, Sender

log = structlog.get_logger()


class Told(Enum):
    """How it went."""

    DONE = "done"
    """Sent now or earlier, or there was nobody to tell."""
    IN_OTHER_HANDS = "in_other_hands"
    """Somebody else is at it, or crashed at it: try after the lease."""
    FAILED = "failed"
    """Not sent; try again."""
    GIVEN_UP = "given_up"
    """Not sent, and not to be tried again."""


async def tell(
    content: Content,
    sender: Sender,
    ledger: NotificationLedger,
    clock: Clock,
    lease: dt.timedelta,
    last_attempt: bool,
) -> Told:
    """Claims the message, sends it, marks it as sent.

    The lease must be longer than sending may take. A crash after sending and
    before marking sends again when the lease is over, with the same id. Raises
    StoreUnavailable.
    """
    recipient = content.recipient(sender.channel)
    if recipient is None or content.is_over(clock.now()):
        return Told.DONE
    notification = Notification(
        event_id=content.event_id,
        event_name=content.name,
        booking_id=content.booking.booking_id if isinstance(content, BookingEvent) else "",
        channel=sender.channel,
        recipient=recipient,
    )
    claim_id = new_token()
    outcome = await ledger.claim(notification, claim_id, clock.now(), lease)
    if outcome is ClaimOutcome.ALREADY_SENT:
        return Told.DONE
    if outcome is ClaimOutcome.TAKEN:
        return Told.IN_OTHER_HANDS
    return await _send(content, notification, claim_id, sender, ledger, clock, last_attempt)


async def _send(
    content: Content,
    notification: Notification,
    claim_id: str,
    sender: Sender,
    ledger: NotificationLedger,
    clock: Clock,
    last_attempt: bool,
) -> Told:
    facts = {"notification_id": notification.notification_id, "about": notification.event_name}
    try:
        await sender.send(notification, content)
    except ChannelUnavailable as error:
        log.warning("notification_not_sent", problem=error.message, last_attempt=last_attempt, **facts)
        if last_attempt:
            await ledger.give_up(notification, claim_id)
            return Told.GIVEN_UP
        await ledger.release(notification, claim_id, clock.now())
        return Told.FAILED
    except RecipientRefused as error:
        log.warning("notification_refused", problem=error.message, **facts)
        await ledger.give_up(notification, claim_id)
        return Told.GIVEN_UP
    await ledger.mark_sent(notification, clock.now())
    log.info("notification_sent", channel=sender.channel.value, **facts)
    return Told.DONE
