"""From what there is to tell to a mail that was handed over."""

import asyncio
from email.message import EmailMessage

from mesh.clock import Clock
from notify_svc.channels.email.envelope import sealed
from notify_svc.channels.email.letters import LetterWriter
from notify_svc.channels.email.smtp import SmtpTransport
from notify_svc.domain.contents import Content
from notify_svc.domain.notifications import Channel, Notification


class EmailSender:
    """See `Sender`."""

    channel = Channel.EMAIL

    def __init__(self, transport: SmtpTransport, writer: LetterWriter, mail_from: str, clock: Clock) -> None:
        self._transport = transport
        self._writer = writer
        self._mail_from = mail_from
        self._clock = clock

    async def send(self, notification: Notification, content: Content) -> None:
        """See `Sender`. The mail's Message-ID is made of the notification's id."""
        # Writing and drawing QR codes takes some 20 ms: not on the event loop.
        message = await asyncio.to_thread(self._written, notification, content)
        await self._transport.send(message, notification.recipient)

    def _written(self, notification: Notification, content: Content) -> EmailMessage:
        return sealed(self._writer.write(content), notification, self._mail_from, self._clock.now())
