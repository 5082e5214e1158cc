"""From what there is to tell to a mail that was handed over."""

import asyncio

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
        # Drawing QR codes takes milliseconds each: not on the event loop.
        letter = await asyncio.to_thread(self._writer.write, content)
        message = sealed(letter, notification, self._mail_from, self._clock.now())
        await self._transport.send(message, notification.recipient)
