"""NotificationService."""

import hashlib
import hmac
from typing import Any

from google.protobuf.message import Message
from grpc import aio
from matinee.notify.v1 import notify_pb2, notify_pb2_grpc

from notify_svc.convert.contents import direct_message
from notify_svc.convert.notifications import notification_proto, page_token, place_of
from notify_svc.convert.preferences import changes_of, preference_proto
from notify_svc.domain.notifications import Channel
from notify_svc.errors import ChannelNotOffered
from notify_svc.ports import NotificationLedger, PreferenceStore, RequestLog, SendQueue
from notify_svc.usecases import requests as usecases
from notify_svc.usecases.preferences import PreferenceDesk

Context = aio.ServicerContext[Any, Any]


class NotificationServicer(notify_pb2_grpc.NotificationServiceServicer):
    """See the proto."""

    def __init__(
        self,
        ledger: NotificationLedger,
        preferences: PreferenceStore,
        requests: RequestLog,
        queue: SendQueue,
        desk: PreferenceDesk,
        digest_key: bytes,
    ) -> None:
        self._ledger = ledger
        self._preferences = preferences
        self._requests = requests
        self._queue = queue
        self._desk = desk
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
        standings = await self._desk.of(request.address)
        return notify_pb2.GetPreferencesResponse(preferences=map(preference_proto, standings))

    async def SetPreferences(
        self, request: notify_pb2.SetPreferencesRequest, _context: Context
    ) -> notify_pb2.SetPreferencesResponse:
        """See the proto."""
        standings = await self._desk.change(
            request.address, changes_of(request.preferences), request.request_id, self._digest(request)
        )
        return notify_pb2.SetPreferencesResponse(preferences=map(preference_proto, standings))

    async def GetUnsubscription(
        self, request: notify_pb2.GetUnsubscriptionRequest, _context: Context
    ) -> notify_pb2.GetUnsubscriptionResponse:
        """See the proto."""
        linked, standing = await self._desk.linked(request.token)
        return notify_pb2.GetUnsubscriptionResponse(
            preference=preference_proto(standing), address_hint=linked.hint
        )

    async def Unsubscribe(
        self, request: notify_pb2.UnsubscribeRequest, _context: Context
    ) -> notify_pb2.UnsubscribeResponse:
        """See the proto."""
        standing = await self._desk.unsubscribe(request.token, request.request_id, self._digest(request))
        return notify_pb2.UnsubscribeResponse(preference=preference_proto(standing))

    async def EraseRecipients(
        self, request: notify_pb2.EraseRecipientsRequest, _context: Context
    ) -> notify_pb2.EraseRecipientsResponse:
        """See the proto."""
        await usecases.erase_recipients(
            request.recipients,
            request.booking_ids,
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
