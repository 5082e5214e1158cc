"""A letter as a mail: RFC 5322 and MIME."""

import datetime as dt
import email.policy
from collections.abc import Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from notify_svc.channels.email.letter import Calendar, Letter, Picture
from notify_svc.domain.lines import one_line
from notify_svc.domain.notifications import Notification
from notify_svc.domain.requests import is_address
from notify_svc.errors import RecipientRefused


def sealed(letter: Letter, notification: Notification, mail_from: str, now: dt.datetime) -> EmailMessage:
    """The mail, the same Message-ID in each repeat; raises RecipientRefused for what is no address.

    Text becomes headers only through the policy, which refuses line ends; what
    people typed is freed of them first.
    """
    if not is_address(notification.recipient):
        raise RecipientRefused("not an e-mail address")
    sender_name, sender = parseaddr(mail_from)
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"] = Address(one_line(sender_name), addr_spec=sender)
    message["To"] = Address(one_line(letter.recipient_name), addr_spec=notification.recipient)
    message["Subject"] = one_line(letter.subject)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{notification.notification_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    _add_pictures(message, letter.pictures)
    if letter.calendar is not None:
        _add_calendar(message, letter.calendar)
    # Last, because adding parts moves the headers named Content-… into the first of them.
    message["Content-Language"] = letter.language_tag
    return message


def _add_pictures(message: EmailMessage, pictures: Sequence[Picture]) -> None:
    html = message.get_body(("html",))
    if not isinstance(html, EmailMessage):
        return
    for picture in pictures:
        html.add_related(
            picture.png,
            "image",
            "png",
            cid=f"<{picture.content_id}>",
            filename=picture.filename,
            disposition="inline",
        )


def _add_calendar(message: EmailMessage, calendar: Calendar) -> None:
    message.add_attachment(
        calendar.content,
        "text",
        "calendar",
        filename="matinee.ics",
        params={"method": calendar.method, "charset": "utf-8"},
    )
