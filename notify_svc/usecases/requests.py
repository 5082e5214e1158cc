"""What other services ask for."""

from collections.abc import Sequence, Set

from mesh.errors import InvalidField
from notify_svc.domain.contents import DirectMessage
from notify_svc.domain.notifications import Channel, Notification, Record
from notify_svc.domain.requests import check, check_person_id, check_request_id
from notify_svc.ports import NotificationLedger, Place, Preferences, RequestLog, SendQueue

UNLESS_SAID_OTHERWISE: Set[Channel] = frozenset({Channel.EMAIL})

_USUAL_PAGE, _LARGEST_PAGE = 50, 200
_LONGEST_BOOKING_ID = 64


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
    await requests.remember(message.request_id, digest)
    await queue.put(message)
    return Notification(message.event_id, message.name, "", message.channel, message.address).notification_id


async def list_notifications(
    booking_id: str, page_size: int, after: Place | None, ledger: NotificationLedger
) -> tuple[Sequence[Record], Place | None]:
    """A page of a booking's messages, newest first, and where the next one goes on."""
    if not 0 < len(booking_id) <= _LONGEST_BOOKING_ID:
        raise InvalidField("booking_id", f"must be 1 to {_LONGEST_BOOKING_ID} characters")
    if page_size < 0:
        raise InvalidField("page_size", "must not be negative")
    size = min(page_size or _USUAL_PAGE, _LARGEST_PAGE)
    records = await ledger.of_booking(booking_id, after, size + 1)
    page = records[:size]
    if len(records) <= size:
        return page, None
    return page, Place(page[-1].create_time, page[-1].notification.notification_id)


async def get_preferences(person_id: str, preferences: Preferences) -> Set[Channel]:
    """The channels that the person wants; e-mail unless they said otherwise."""
    check_person_id(person_id)
    wanted = await preferences.wanted(person_id)
    return UNLESS_SAID_OTHERWISE if wanted is None else wanted


async def set_preferences(
    person_id: str,
    channels: Set[Channel],
    request_id: str,
    digest: str,
    requests: RequestLog,
    preferences: Preferences,
) -> None:
    """Stores the channels that the person wants; none is a choice, too."""
    check_request_id(request_id)
    check_person_id(person_id)
    await requests.remember(request_id, digest)
    await preferences.want(person_id, channels, request_id)
