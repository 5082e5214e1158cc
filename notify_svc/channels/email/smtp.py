"""Handing mails over by SMTP, on connections that are kept and used again."""

import asyncio
from types import TracebackType
from typing import Final, Self

import aiosmtplib

from notify_svc.channels.email.envelope import Mail
from notify_svc.errors import ChannelUnavailable, RecipientRefused
from notify_svc.settings import SmtpServer

_PERMANENT: Final = 500
_CLOSING: Final = 421
"""The server ends the connection: it was idle for too long, or has taken enough mails (RFC 5321, 3.8)."""
_KEPT_SECONDS: Final = 20.0
"""Less than servers wait for the next mail before they hang up; most wait for minutes."""
_QUIT_SECONDS: Final = 1.0


class SmtpTransport:
    """Hands mails over, each connection one at a time; a context manager for the connections.

    There are as many as mails are handed over at the same moment. One that
    was used without a fault is kept for the next mail; after any fault it is
    closed, so that no mail begins where another one ended half-way.
    """

    def __init__(self, server: SmtpServer, seconds: float, kept_seconds: float = _KEPT_SECONDS) -> None:
        self._server = server
        self._seconds = seconds
        self._kept_seconds = kept_seconds
        self._kept: dict[aiosmtplib.SMTP, asyncio.TimerHandle] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        while self._kept:
            connection, end = self._kept.popitem()
            end.cancel()
            await _quit(connection)

    async def send(self, mail: Mail) -> None:
        """Returns once the server has taken the mail, within the given time.

        Raises ChannelUnavailable, after which the server may have the mail all
        the same, or RecipientRefused. Their texts repeat nothing that the
        server said, as servers name the address.
        """
        try:
            async with asyncio.timeout(self._seconds):
                await self._send(mail)
        except aiosmtplib.SMTPRecipientRefused as error:
            raise _by_code("recipient", error.code) from None
        except aiosmtplib.SMTPDataError as error:
            raise _by_code("mail", error.code) from None
        except aiosmtplib.SMTPResponseException as error:
            # A refused sign-in or sender is our own fault, not the recipient's: it can be mended.
            raise ChannelUnavailable(f"the mail server answered {error.code}") from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise ChannelUnavailable(f"the mail server is away: {type(error).__name__}") from None

    async def _send(self, mail: Mail) -> None:
        connection = await self._begun(mail)
        try:
            await connection.rcpt(mail.recipient)
            await connection.data(mail.content)
        except BaseException:
            connection.close()
            raise
        self._keep(connection)

    async def _begun(self, mail: Mail) -> aiosmtplib.SMTP:
        """A connection on which the server has taken the sender: from then on a fault is this mail's.

        A kept connection may have ended meanwhile. Until the server has answered, it has
        nothing of the mail, so that another connection is as good.
        """
        while self._kept:
            connection, end = self._kept.popitem()
            end.cancel()
            try:
                await connection.mail(mail.sender)
            except aiosmtplib.SMTPServerDisconnected:
                connection.close()
            except aiosmtplib.SMTPResponseException as error:
                connection.close()
                if error.code != _CLOSING:
                    raise
            except BaseException:
                connection.close()
                raise
            else:
                return connection
        return await self._opened(mail)

    async def _opened(self, mail: Mail) -> aiosmtplib.SMTP:
        connection = aiosmtplib.SMTP(
            hostname=self._server.host,
            port=self._server.port,
            use_tls=self._server.tls,
            username=self._server.username or None,
            password=self._server.password.get_secret_value() or None,
            timeout=self._seconds,
        )
        try:
            await connection.connect()
            await connection.mail(mail.sender)
        except BaseException:
            connection.close()
            raise
        return connection

    def _keep(self, connection: aiosmtplib.SMTP) -> None:
        loop = asyncio.get_running_loop()
        self._kept[connection] = loop.call_later(self._kept_seconds, self._drop, connection)

    def _drop(self, connection: aiosmtplib.SMTP) -> None:
        del self._kept[connection]
        connection.close()


async def _quit(connection: aiosmtplib.SMTP) -> None:
    try:
        await connection.quit(timeout=_QUIT_SECONDS)
    except (aiosmtplib.SMTPException, OSError):
        connection.close()


def _by_code(what: str, code: int) -> ChannelUnavailable | RecipientRefused:
    if code >= _PERMANENT:
        return RecipientRefused(f"the mail server refused the {what}: {code}")
    return ChannelUnavailable(f"the mail server does not take the {what} now: {code}")
