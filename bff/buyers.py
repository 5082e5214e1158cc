"""People and what is kept about them, as the views see it."""

from collections.abc import AsyncGenerator, Sequence
from typing import cast

from matinee.booking.v1 import buyer_pb2, buyer_pb2_grpc
from matinee.notify.v1 import notify_pb2, notify_pb2_grpc

from mesh.channel import MeshChannel
from mesh.errors import RemoteError

_EXPORT_SECONDS = 60.0
_PAGE = 200


class Buyers:
    """Signing in, and the rights of whoever is signed in."""

    def __init__(self, channel: MeshChannel) -> None:
        self._stub = channel.stub(buyer_pb2_grpc.BuyerServiceStub)

    async def start_sign_in(self, request: buyer_pb2.StartSignInRequest) -> str:
        """Sends a code; answers with the challenge that it is for."""
        return (await self._stub.StartSignIn(request)).challenge_id

    async def complete_sign_in(self, request: buyer_pb2.CompleteSignInRequest) -> str:
        """Checks a code; answers with the sign-in's token."""
        return (await self._stub.CompleteSignIn(request)).sign_in_token

    async def find(self, sign_in_token: str) -> buyer_pb2.Buyer | None:
        """Who is signed in; None when that is over."""
        try:
            response = await self._stub.GetBuyer(buyer_pb2.GetBuyerRequest(sign_in_token=sign_in_token))
        except RemoteError as error:
            if error.reason == "NOT_SIGNED_IN":
                return None
            raise
        return response.buyer

    async def end_sign_in(self, request_id: str, sign_in_token: str) -> None:
        """Signs out."""
        await self._stub.EndSignIn(
            buyer_pb2.EndSignInRequest(request_id=request_id, sign_in_token=sign_in_token)
        )

    def export(self, sign_in_token: str) -> AsyncGenerator[buyer_pb2.ExportBuyerResponse, None]:
        """Everything about the person. Close it when done."""
        request = buyer_pb2.ExportBuyerRequest(sign_in_token=sign_in_token)
        stream = self._stub.ExportBuyer(request, timeout=_EXPORT_SECONDS)
        return cast("AsyncGenerator[buyer_pb2.ExportBuyerResponse, None]", stream)

    async def erase(self, request_id: str, sign_in_token: str) -> str:
        """Erases the person; answers with what the erasure is called."""
        request = buyer_pb2.EraseBuyerRequest(request_id=request_id, sign_in_token=sign_in_token)
        return (await self._stub.EraseBuyer(request)).erasure_id


class Notifications:
    """Messages that were sent to somebody, and what they want to be told."""

    def __init__(self, channel: MeshChannel) -> None:
        self._stub = channel.stub(notify_pb2_grpc.NotificationServiceStub)

    async def sent_to(self, recipient: str) -> list[notify_pb2.Notification]:
        """All of them, newest first."""
        found: list[notify_pb2.Notification] = []
        token = ""
        while True:
            page = await self._stub.ListNotifications(
                notify_pb2.ListNotificationsRequest(recipient=recipient, page_size=_PAGE, page_token=token)
            )
            found += page.notifications
            token = page.next_page_token
            if not token:
                return found

    async def preferences(
        self, address: str, timeout: float | None = None
    ) -> Sequence[notify_pb2.Preference]:
        """How each kind of news stands on each channel that reaches the address; `timeout` in seconds."""
        request = notify_pb2.GetPreferencesRequest(address=address)
        return (await self._stub.GetPreferences(request, timeout=timeout)).preferences

    async def set_preferences(
        self, request_id: str, address: str, preferences: Sequence[notify_pb2.Preference]
    ) -> None:
        """Switches news on or off; the caller knows that the address is the person's."""
        await self._stub.SetPreferences(
            notify_pb2.SetPreferencesRequest(request_id=request_id, address=address, preferences=preferences)
        )

    async def unsubscription(self, token: str) -> notify_pb2.GetUnsubscriptionResponse:
        """What the link in a message switches off; RemoteError (LINK_OVER) for one that leads nowhere."""
        return await self._stub.GetUnsubscription(notify_pb2.GetUnsubscriptionRequest(token=token))

    async def unsubscribe(self, request_id: str, token: str) -> None:
        """Switches it off."""
        await self._stub.Unsubscribe(notify_pb2.UnsubscribeRequest(request_id=request_id, token=token))
