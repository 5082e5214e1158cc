"""A letter as a mail: RFC 5322 and MIME."""

import datetime as dt
import email.policy
import secrets
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
    # With boundaries of our own: the library would look through all parts for one that occurs in none, and
    # take the headers apart anew for each. An id that nobody can guess occurs in no part.
    boundary = f"=_{secrets.token_hex(16)}"
    message.set_content(letter.text, cte="quoted-printable")
    message.make_alternative(f"{boundary}_a")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    _add_pictures(message, letter.pictures, f"{boundary}_r")
    if letter.calendar is not None:
        message.make_mixed(f"{boundary}_m")
        _add_calendar(message, letter.calendar)
    # Last, because adding parts moves the headers named Content-… into the first of them.
    message["Content-Language"] = letter.language_tag
    return message


def _add_pictures(message: EmailMessage, pictures: Sequence[Picture], boundary: str) -> None:
    html = message.get_body(("html",))
    if not pictures or not isinstance(html, EmailMessage):
        return
    html.make_related(boundary)
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
