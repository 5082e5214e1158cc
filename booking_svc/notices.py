"""Messages to people, as notify_svc sends them."""

from collections.abc import Sequence
from typing import Final

from matinee.notify.v1 import notify_pb2, notify_pb2_grpc

from booking_svc.convert.values import timestamp
from booking_svc.domain.people import Address, AddressKind
from booking_svc.domain.sign_in import Challenge
from booking_svc.errors import ChannelNotOffered, NotificationsUnavailable
from mesh.errors import InvalidField, RemoteError

_CHANNELS: Final = {
    AddressKind.EMAIL: notify_pb2.CHANNEL_EMAIL,
    AddressKind.PHONE: notify_pb2.CHANNEL_SMS,
}


class RemoteNotices:
    """The `Notices` port."""

    def __init__(self, notifications: "notify_pb2_grpc.NotificationServiceAsyncStub") -> None:
        self._notifications = notifications

    async def send_code(
        self, challenge: Challenge, code: str, minutes: int, language: str, request_id: str
    ) -> None:
        """See `Notices.send_code`."""
        address = challenge.address
        request = notify_pb2.SendNotificationRequest(
            request_id=request_id,
            channel=_CHANNELS[address.kind],
            recipient=address.text,
            template_id="sign_in_code",
            values={"code": code, "minutes": str(minutes), "language": language},
            expire_time=timestamp(challenge.expire_time),
        )
        try:
            await self._notifications.SendNotification(request)
        except RemoteError as error:
            raise _problem(error, address) from None

    async def forget(self, recipients: Sequence[str], booking_ids: Sequence[str], request_id: str) -> None:
        """See `Notices.forget`."""
        request = notify_pb2.EraseRecipientsRequest(
            request_id=request_id, recipients=recipients, booking_ids=booking_ids
        )
        try:
            await self._notifications.EraseRecipients(request)
        except RemoteError as error:
            if error.outcome_unknown:
                raise NotificationsUnavailable("messages cannot be forgotten at this moment") from None
            raise


def _problem(error: RemoteError, address: Address) -> Exception:
    if error.outcome_unknown:
        return NotificationsUnavailable("messages cannot be sent at this moment")
    if error.reason == "CHANNEL_NOT_OFFERED":
        return ChannelNotOffered()
    if error.reason == "INVALID_FIELD" and error.facts.get("field") == "recipient":
        return InvalidField(address.kind.value, "cannot be written to")
    return error
