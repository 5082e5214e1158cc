"""From what there is to tell to a text message that was handed over."""

from notify_svc.channels.email.letters import LetterWriter
from notify_svc.channels.links import UnsubscribeLinks
from notify_svc.channels.sms.gateway import SmsGateway
from notify_svc.domain.contents import Content
from notify_svc.domain.notifications import Channel, Notification

_LONGEST = 600
"""Four parts of a long text message, more or less."""


class SmsSender:
    """See `Sender`."""

    channel = Channel.SMS

    def __init__(self, gateway: SmsGateway, writer: LetterWriter, links: UnsubscribeLinks) -> None:
        self._gateway = gateway
        self._writer = writer
        self._links = links

    async def send(self, notification: Notification, content: Content) -> None:
        """See `Sender`. The notification's id is the gateway's idempotency key."""
        text = self._writer.write_short(content, _LONGEST)
        if link := self._links.link(notification, content):
            text = f"{text}\n{self._writer.no_more(content)} {link}"
        await self._gateway.send(notification.notification_id, notification.recipient, text)
