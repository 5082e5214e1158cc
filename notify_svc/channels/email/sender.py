"""From what there is to tell to a mail that was handed over."""

from mesh.clock import Clock
from notify_svc.channels.email.envelope import sealed
from notify_svc.channels.email.letters import LetterWriter
from notify_svc.channels.email.smtp import SmtpTransport
from notify_svc.channels.links import UnsubscribeLinks
from notify_svc.domain.contents import Content
from notify_svc.domain.notifications import Channel, Notification


class EmailSender:
    """See `Sender`."""

    channel = Channel.EMAIL

    def __init__(
        self,
        transport: SmtpTransport,
        writer: LetterWriter,
        links: UnsubscribeLinks,
        mail_from: str,
        clock: Clock,
    ) -> None:
        self._transport = transport
        self._writer = writer
        self._links = links
        self._mail_from = mail_from
        self._clock = clock

    async def send(self, notification: Notification, content: Content) -> None:
        """See `Sender`. The mail's Message-ID is made of the notification's id."""
        # On the event loop: it takes less than a millisecond, as long as a thread's wake-ups do.
        letter = self._writer.write(content, self._links.link(notification, content))
        mail = sealed(letter, notification, self._mail_from, self._clock.now())
        await self._transport.send(mail)
