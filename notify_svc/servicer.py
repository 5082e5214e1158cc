"""NotificationService."""

import hashlib
import hmac
from typing import Any

from google.protobuf.message import Message
from grpc import aio
from matinee.notify.v1 import notify_pb2, notify_pb2_grpc

from notify_svc.convert.contents import direct_message
from notify_svc.convert.notifications import (
    channel_protos,
    channels_of,
    notification_proto,
    page_token,
    place_of,
)
from notify_svc.domain.notifications import Channel
from notify_svc.errors import ChannelNotOffered
from notify_svc.ports import NotificationLedger, Preferences, RequestLog, SendQueue
from notify_svc.usecases import requests as usecases

Context = aio.ServicerContext[Any, Any]


class NotificationServicer(notify_pb2_grpc.NotificationServiceServicer):
    """See the proto."""

    def __init__(
        self,
        ledger: NotificationLedger,
        preferences: Preferences,
        requests: RequestLog,
        queue: SendQueue,
        digest_key: bytes,
    ) -> None:
        self._ledger = ledger
        self._preferences = preferences
        self._requests = requests
        self._queue = queue
        self._digest_key = digest_key

    async def SendNotification(
        self, request: notify_pb2.SendNotificationRequest, _context: Context
    ) -> notify_pb2.SendNotificationResponse:
        """See the proto."""
        notification_id = await usecases.send_notification(
            direct_message(request), self._digest(request), self._requests, self._queue
        )
        return notify_pb2.SendNotificationResponse(notification_id=notification_id)

    async def ListNotifications(
        self, request: notify_pb2.ListNotificationsRequest, _context: Context
    ) -> notify_pb2.ListNotificationsResponse:
        """See the proto."""
        records, following = await usecases.list_notifications(
            request.booking_id,
            request.recipient,
            request.page_size,
            place_of(request.page_token),
            self._ledger,
        )
        return notify_pb2.ListNotificationsResponse(
            notifications=map(notification_proto, records), next_page_token=page_token(following)
        )

    async def GetPreferences(
        self, request: notify_pb2.GetPreferencesRequest, _context: Context
    ) -> notify_pb2.GetPreferencesResponse:
        """See the proto."""
        wanted = await usecases.get_preferences(request.person_id, self._preferences)
        return notify_pb2.GetPreferencesResponse(wanted_channels=channel_protos(wanted))

    async def SetPreferences(
        self, request: notify_pb2.SetPreferencesRequest, _context: Context
    ) -> notify_pb2.SetPreferencesResponse:
        """See the proto."""
        await usecases.set_preferences(
            request.person_id,
            channels_of("wanted_channels", request.wanted_channels),
            request.request_id,
            self._digest(request),
            self._requests,
            self._preferences,
        )
        return notify_pb2.SetPreferencesResponse()

    async def EraseRecipients(
        self, request: notify_pb2.EraseRecipientsRequest, _context: Context
    ) -> notify_pb2.EraseRecipientsResponse:
        """See the proto."""
        await usecases.erase_recipients(
            request.recipients,
            request.booking_ids,
            request.person_id,
            request.request_id,
            self._ledger,
            self._preferences,
        )
        return notify_pb2.EraseRecipientsResponse()

    async def RegisterPushSubscription(
        self, _request: notify_pb2.RegisterPushSubscriptionRequest, _context: Context
    ) -> notify_pb2.RegisterPushSubscriptionResponse:
        """Not offered yet."""
        raise ChannelNotOffered(Channel.PUSH.value)

    def _digest(self, request: Message) -> str:
        # Keyed: a six-digit code and an address could otherwise be guessed from it.
        content = (
            request.DESCRIPTOR.full_name.encode() + b"\0" + request.SerializeToString(deterministic=True)
        )
        return hmac.new(self._digest_key, content, hashlib.sha256).hexdigest()
