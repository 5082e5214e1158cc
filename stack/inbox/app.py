"""Puts the inbox together."""

import structlog

from mesh.http import HttpServer
from mesh.run import Process, Resources
from stack.inbox.api import application
from stack.inbox.mailbox import Mailbox
from stack.inbox.settings import InboxSettings
from stack.inbox.smtp import SmtpServer
from stack.inbox.texts import TextBox

log = structlog.get_logger()


async def build(settings: InboxSettings, resources: Resources) -> Process:
    """The HTTP side, with the SMTP side listening beside it."""
    mailbox = Mailbox(settings.inbox_data, settings.most_mails)
    texts = TextBox(settings.inbox_data / "texts", settings.most_mails)
    smtp = SmtpServer(mailbox, settings.smtp_listen, settings.most_mail_bytes)
    log.info("taking_mail", address=await smtp.start())
    resources.push_async_callback(smtp.close)
    return HttpServer(application(mailbox, texts), settings.listen, settings.drain_seconds)
