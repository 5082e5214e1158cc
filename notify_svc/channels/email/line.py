"""One connection to a mail server.

aiosmtplib opens it, with TLS and sign-in, and is asked no more: it sends one command after the other, and
most servers take a mail's first three at once (RFC 2920), which halves the times that both sides wake up.
"""

import asyncio
from collections import deque
from typing import Final, Self, cast

import aiosmtplib

from notify_svc.channels.email.envelope import Mail
from notify_svc.settings import SmtpServer

_LONGEST_LINE: Final = 8192
_NONSENSE: Final = 0
_DONE, _FORWARDED, _GO_ON = 250, 251, 354


class Line(asyncio.Protocol):
    """Hands mails over, one after the other. After any error it must be ended by `abort`."""

    def __init__(self, transport: asyncio.Transport, together: bool) -> None:
        self._transport = transport
        self._together = together
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._codes: deque[int] = deque()
        self._heard: asyncio.Future[None] | None = None
        self.lost: asyncio.Future[None] = self._loop.create_future()
        """Done when the connection has ended."""

    @classmethod
    async def opened(cls, server: SmtpServer, seconds: float) -> Self:
        """A new connection; raises what aiosmtplib raises."""
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls,
            username=server.username or None,
            password=server.password.get_secret_value() or None,
            timeout=seconds,
        )
        await client.connect()
        try:
            if client.is_ehlo_or_helo_needed:
                await _greet(client)
        except BaseException:
            client.close()
            raise
        transport = cast("asyncio.Transport", client.transport)
        line = cls(transport, client.supports_extension("pipelining"))
        transport.set_protocol(line)
        return line

    async def begin(self, mail: Mail) -> None:
        """Returns when the server has taken the sender; until then it has nothing of the mail.

        Raises SMTPSenderRefused, or SMTPServerDisconnected.
        """
        if self.lost.done() or self._codes:  # what it says unasked is that it hangs up
            raise aiosmtplib.SMTPServerDisconnected("the connection has ended")
        sender = b"MAIL FROM:<%b>\r\n" % mail.sender.encode("ascii")
        self._transport.write(sender + (_recipient(mail) + b"DATA\r\n" if self._together else b""))
        code = await self._code()
        if code != _DONE:
            raise aiosmtplib.SMTPSenderRefused(code, "", mail.sender)

    async def finish(self, mail: Mail) -> None:
        """Returns when the server has taken the mail that was begun.

        Raises SMTPRecipientRefused, SMTPDataError, or SMTPServerDisconnected.
        """
        if not self._together:
            self._transport.write(_recipient(mail))
        code = await self._code()
        if code not in (_DONE, _FORWARDED):
            raise aiosmtplib.SMTPRecipientRefused(code, "", mail.recipient)
        if not self._together:
            self._transport.write(b"DATA\r\n")
        code = await self._code()
        if code != _GO_ON:
            raise aiosmtplib.SMTPDataError(code, "")
        # It ends with a line's end, and no line of it but the last is a dot alone.
        self._transport.write(mail.content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        code = await self._code()
        if code != _DONE:
            raise aiosmtplib.SMTPDataError(code, "")

    def abort(self) -> None:
        """Ends it at once, whatever is under way."""
        self._transport.abort()

    def quit(self) -> None:
        """Ends it as is usual between two mails."""
        if not self.lost.done():
            self._transport.write(b"QUIT\r\n")
            self._transport.close()

    async def _code(self) -> int:
        while not self._codes:
            if self.lost.done():
                raise aiosmtplib.SMTPServerDisconnected("the connection has ended")
            self._heard = self._loop.create_future()
            await self._heard
        return self._codes.popleft()

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\n")) >= 0:
            line = bytes(self._received[:end])
            del self._received[: end + 1]
            if line[3:4] != b"-":
                self._codes.append(int(line[:3]) if line[:3].isdigit() else _NONSENSE)
        if len(self._received) > _LONGEST_LINE:
            self._transport.abort()
        if self._codes:
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.lost.set_result(None)
        self._wake()

    def _wake(self) -> None:
        if self._heard is not None and not self._heard.done():
            self._heard.set_result(None)


def _recipient(mail: Mail) -> bytes:
    return b"RCPT TO:<%b>\r\n" % mail.recipient.encode("ascii")


async def _greet(client: aiosmtplib.SMTP) -> None:
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        await client.helo()
