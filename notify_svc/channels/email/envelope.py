"""A letter as a mail: RFC 5322 and MIME, straight to bytes.

Python's own messages parse what they are given and search it for boundaries, which takes longer than
writing the letter; and they fold a long link in `List-Unsubscribe` into encoded words, which no mail
program reads there.
"""

import base64
import binascii
import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.header import Header
from email.utils import format_datetime, parseaddr
from typing import Final

from notify_svc.channels.email.letter import Calendar, Letter, Picture
from notify_svc.domain.lines import one_line
from notify_svc.domain.notifications import Notification
from notify_svc.domain.requests import ascii_address
from notify_svc.errors import RecipientRefused

_LONGEST_LINE: Final = 76


@dataclass(frozen=True, slots=True)
class Mail:
    """What is handed over: the envelope and all that is in it."""

    sender: str
    recipient: str = field(repr=False)
    content: bytes = field(repr=False)


def sealed(letter: Letter, notification: Notification, mail_from: str, now: dt.datetime) -> Mail:
    """The mail, the same Message-ID in each repeat; raises RecipientRefused for what is no address.

    What people typed is freed of line ends and control characters before it becomes a header.
    """
    recipient = ascii_address(notification.recipient)
    if recipient is None:
        raise RecipientRefused("not an e-mail address")
    sender_name, sender = parseaddr(mail_from)
    # An id that nobody can guess occurs in no part: nobody has to look for it there.
    boundary = f"=_{secrets.token_hex(16)}"
    headers = [
        _mailbox("From", sender_name, sender),
        _mailbox("To", letter.recipient_name, recipient),
        _text("Subject", letter.subject),
        f"Date: {format_datetime(now)}",
        f"Message-ID: <{notification.notification_id}@{sender.rpartition('@')[2]}>",
        "Auto-Submitted: auto-generated",
        f"Content-Language: {letter.language_tag}",
        "MIME-Version: 1.0",
    ]
    if letter.unsubscribe_url:
        # RFC 8058: a mail program may ask for it on its own, by one POST.
        headers.append(f"List-Unsubscribe: <{letter.unsubscribe_url}>")
        headers.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    body = _body(letter, boundary)
    return Mail(sender, recipient, "\r\n".join(headers).encode("ascii") + b"\r\n" + body)


def _body(letter: Letter, boundary: str) -> bytes:
    page = _quoted("html", letter.html)
    if letter.pictures:
        page = _multipart("related", f"{boundary}_r", [page, *map(_picture, letter.pictures)])
    body = _multipart("alternative", f"{boundary}_a", [_quoted("plain", letter.text), page])
    if letter.calendar is not None:
        body = _multipart("mixed", f"{boundary}_m", [body, _calendar(letter.calendar)])
    return body


def _multipart(kind: str, boundary: str, parts: Sequence[bytes]) -> bytes:
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n'.encode()
    line = b"\r\n--" + boundary.encode()
    return head + b"".join(line + b"\r\n" + part for part in parts) + line + b"--\r\n"


def _quoted(kind: str, text: str) -> bytes:
    head = (
        f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    )
    # With CRLF in what it is given it breaks its own lines by CRLF, too.
    lines = text.encode().replace(b"\n", b"\r\n")
    return head.encode() + binascii.b2a_qp(lines, istext=True)


def _picture(picture: Picture) -> bytes:
    head = (
        f"Content-Type: image/png\r\n"
        f'Content-Disposition: inline; filename="{picture.filename}"\r\n'
        f"Content-ID: <{picture.content_id}>\r\n"
    )
    return head.encode("ascii") + _base64(picture.png)


def _calendar(calendar: Calendar) -> bytes:
    head = (
        f'Content-Type: text/calendar; charset="utf-8"; method="{calendar.method}"\r\n'
        f'Content-Disposition: attachment; filename="matinee.ics"\r\n'
    )
    return head.encode("ascii") + _base64(calendar.content)


def _base64(content: bytes) -> bytes:
    encoded = base64.encodebytes(content).replace(b"\n", b"\r\n")
    return b"Content-Transfer-Encoding: base64\r\n\r\n" + encoded


def _mailbox(header: str, name: str, address: str) -> str:
    """A name and an address, the address on a line of its own when it has to be."""
    name = one_line(name)
    if not name:
        return f"{header}: {address}"
    if name.isascii():
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        words = f'"{escaped}"'
    else:
        words = Header(name, "utf-8", header_name=header).encode(linesep="\r\n")
    last = len(words.rpartition("\r\n")[2])
    gap = " " if last + len(header) + len(address) + 5 <= _LONGEST_LINE else "\r\n "
    return f"{header}: {words}{gap}<{address}>"


def _text(header: str, text: str) -> str:
    text = one_line(text)
    plain = text.isascii() and "=?" not in text
    if plain and len(header) + 2 + len(text) <= _LONGEST_LINE:
        return f"{header}: {text}"
    folded = Header(text, "us-ascii" if plain else "utf-8", header_name=header)
    return f"{header}: " + folded.encode(linesep="\r\n")
