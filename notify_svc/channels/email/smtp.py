"""Handing mails over by SMTP."""

import asyncio

import aiosmtplib

from notify_svc.channels.email.envelope import Mail
from notify_svc.errors import ChannelUnavailable, RecipientRefused
from notify_svc.settings import SmtpServer

_PERMANENT = 500


class SmtpTransport:
    """Hands one mail over at a time, each by a connection of its own."""

    def __init__(self, server: SmtpServer, seconds: float) -> None:
        self._server = server
        self._seconds = seconds

    async def send(self, mail: Mail) -> None:
        """Returns once the server has taken the mail, within the given time.

        Raises ChannelUnavailable, after which the server may have the mail all
        the same, or RecipientRefused. Their texts repeat nothing that the
        server said, as servers name the address.
        """
        try:
            async with asyncio.timeout(self._seconds):
                await aiosmtplib.send(
                    mail.content,
                    sender=mail.sender,
                    recipients=[mail.recipient],
                    hostname=self._server.host,
                    port=self._server.port,
                    use_tls=self._server.tls,
                    username=self._server.username or None,
                    password=self._server.password.get_secret_value() or None,
                    timeout=self._seconds,
                )
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _by_code("recipient", min(refused.code for refused in error.recipients)) from None
        except aiosmtplib.SMTPDataError as error:
            raise _by_code("mail", error.code) from None
        except aiosmtplib.SMTPResponseException as error:
            # A refused sign-in or sender is our own fault, not the recipient's: it can be mended.
            raise ChannelUnavailable(f"the mail server answered {error.code}") from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise ChannelUnavailable(f"the mail server is away: {type(error).__name__}") from None


def _by_code(what: str, code: int) -> ChannelUnavailable | RecipientRefused:
    if code >= _PERMANENT:
        return RecipientRefused(f"the mail server refused the {what}: {code}")
    return ChannelUnavailable(f"the mail server does not take the {what} now: {code}")
