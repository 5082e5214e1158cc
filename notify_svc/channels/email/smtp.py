"""Handing mails over by SMTP, on connections that are kept and used again."""

import asyncio
from types import TracebackType
from typing import Final, Self

import aiosmtplib

from notify_svc.channels.email.envelope import Mail
from notify_svc.channels.email.line import Line
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
        self._kept: dict[Line, asyncio.TimerHandle] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        lines = list(self._kept)
        for line, end in self._kept.items():
            end.cancel()
            line.quit()
        self._kept.clear()
        if lines:
            await asyncio.wait([line.lost for line in lines], timeout=_QUIT_SECONDS)

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
        line = await self._begun(mail)
        try:
            await line.finish(mail)
        except BaseException:
            line.abort()
            raise
        end = asyncio.get_running_loop().call_later(self._kept_seconds, self._drop, line)
        self._kept[line] = end

    async def _begun(self, mail: Mail) -> Line:
        """A connection on which the server has taken the sender: from then on a fault is this mail's.

        A kept connection may have ended meanwhile. Until the server has answered, it has
        nothing of the mail, so that another connection is as good.
        """
        while self._kept:
            line, end = self._kept.popitem()
            end.cancel()
            try:
                return await _beginning(line, mail)
            except aiosmtplib.SMTPServerDisconnected:
                continue
            except aiosmtplib.SMTPResponseException as error:
                if error.code != _CLOSING:
                    raise
        return await _beginning(await Line.opened(self._server, self._seconds), mail)

    def _drop(self, line: Line) -> None:
        del self._kept[line]
        line.quit()


async def _beginning(line: Line, mail: Mail) -> Line:
    try:
        await line.begin(mail)
    except BaseException:
        line.abort()
        raise
    return line


def _by_code(what: str, code: int) -> ChannelUnavailable | RecipientRefused:
    if code >= _PERMANENT:
        return RecipientRefused(f"the mail server refused the {what}: {code}")
    return ChannelUnavailable(f"the mail server does not take the {what} now: {code}")
