"""What other services ask for."""

from collections.abc import Sequence

from mesh.errors import InvalidField
from notify_svc.domain.contents import DirectMessage
from notify_svc.domain.notifications import Notification, Record
from notify_svc.domain.requests import check, check_request_id
from notify_svc.errors import ChannelNotOffered
from notify_svc.ports import NotificationLedger, Place, PreferenceStore, RequestLog, SendQueue

_USUAL_PAGE, _LARGEST_PAGE = 50, 200
_LONGEST_BOOKING_ID = 64
_LONGEST_RECIPIENT = 320
_MOST_RECIPIENTS, _MOST_BOOKINGS = 10, 100


async def send_notification(
    message: DirectMessage, digest: str, requests: RequestLog, queue: SendQueue
) -> str:
    """Puts the message where a worker finds it; returns its notification id.

    The digest stands for the request's content. A repeat is queued again,
    which the worker's claim makes harmless: the first one may not have got
    so far. Raises InvalidField, ChannelNotOffered, RequestIdReused,
    StoreUnavailable, or the queue's error.
    """
    check(message)
    if message.channel not in queue.channels:
        raise ChannelNotOffered(message.channel.value)
    await requests.remember(message.request_id, digest)
    await queue.put(message)
    return Notification(message.event_id, message.name, "", message.channel, message.address).notification_id


async def list_notifications(
    booking_id: str, recipient: str, page_size: int, after: Place | None, ledger: NotificationLedger
) -> tuple[Sequence[Record], Place | None]:
    """A page of a booking's messages or a recipient's, newest first, and where the next one goes on."""
    if recipient and booking_id:
        raise InvalidField("recipient", "must be empty with a booking")
    if recipient:
        _check_recipient("recipient", recipient)
    else:
        _check_booking_id("booking_id", booking_id)
    if page_size < 0:
        raise InvalidField("page_size", "must not be negative")
    size = min(page_size or _USUAL_PAGE, _LARGEST_PAGE)
    records = await (
        ledger.to_recipient(recipient, after, size + 1)
        if recipient
        else ledger.of_booking(booking_id, after, size + 1)
    )
    page = records[:size]
    if len(records) <= size:
        return page, None
    return page, Place(page[-1].create_time, page[-1].notification_id)


async def erase_recipients(
    recipients: Sequence[str],
    booking_ids: Sequence[str],
    request_id: str,
    ledger: NotificationLedger,
    preferences: PreferenceStore,
) -> None:
    """Forgets people: who their messages went to, and what they wanted. Repeating it is harmless."""
    check_request_id(request_id)
    if len(recipients) > _MOST_RECIPIENTS:
        raise InvalidField("recipients", f"must be at most {_MOST_RECIPIENTS}")
    if len(booking_ids) > _MOST_BOOKINGS:
        raise InvalidField("booking_ids", f"must be at most {_MOST_BOOKINGS}")
    for recipient in recipients:
        _check_recipient("recipients", recipient)
    for booking_id in booking_ids:
        _check_booking_id("booking_ids", booking_id)
    # The messages first: their links could switch something off again.
    if recipients or booking_ids:
        await ledger.forget(recipients, booking_ids)
    if recipients:
        await preferences.forget(recipients)


def _check_booking_id(field: str, booking_id: str) -> None:
    if not 0 < len(booking_id) <= _LONGEST_BOOKING_ID:
        raise InvalidField(field, f"must be 1 to {_LONGEST_BOOKING_ID} characters")


def _check_recipient(field: str, recipient: str) -> None:
    if not 0 < len(recipient) <= _LONGEST_RECIPIENT:
        raise InvalidField(field, f"must be 1 to {_LONGEST_RECIPIENT} characters")
