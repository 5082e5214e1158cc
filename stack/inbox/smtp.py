"""Taking mails by SMTP."""

import asyncio
import logging
from functools import partial

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from mesh.server import AddressTaken
from stack.inbox.mailbox import Mailbox

log = structlog.get_logger()

_IDLE_SECONDS = 60.0


class SmtpServer:
    """Listens for mails and keeps every one of them."""

    def __init__(self, mailbox: Mailbox, listen: str, most_mail_bytes: int) -> None:
        self._mailbox = mailbox
        self._listen = listen
        self._most_mail_bytes = most_mail_bytes
        self.address = ""

    async def start(self) -> str:
        """Listens and returns the address."""
        # It writes every address that it hears of.
        logging.getLogger("mail.log").setLevel(logging.WARNING)
        host, _, port = self._listen.rpartition(":")
        protocol = partial(
            SMTP,
            self,
            data_size_limit=self._most_mail_bytes,
            hostname="inbox.invalid",
            timeout=_IDLE_SECONDS,
        )
        try:
            self._server = await asyncio.get_running_loop().create_server(protocol, host, int(port))
        except OSError as error:
            raise AddressTaken(self._listen) from error
        self.address = "{}:{}".format(*self._server.sockets[0].getsockname()[:2])
        return self.address

    async def close(self) -> None:
        """Stops listening."""
        self._server.close()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Keeps the mail; aiosmtpd calls this."""
        content = envelope.content
        if not isinstance(content, bytes):
            return "554 only bytes are kept"
        try:
            mail_id = await asyncio.to_thread(self._mailbox.keep, content, list(envelope.rcpt_tos))
        except OSError as error:
            log.error("mail_not_kept", problem=error.strerror)
            return "451 cannot keep it now"
        log.info("mail_kept", id=mail_id, bytes=len(content))
        return f"250 kept as {mail_id}"
