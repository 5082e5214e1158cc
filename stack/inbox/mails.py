"""What is in a mail, without how it is kept."""

import datetime as dt
import email
import email.policy
import re
from dataclasses import dataclass
from email.message import EmailMessage, MIMEPart
from typing import Any

LONGEST_TEXT = 20_000
_RECIPIENTS, _RECEIVED = "X-Inbox-Recipients", "X-Inbox-Received"
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_MESSAGE_ID = re.compile(rb"^Message-ID:(?:[ \t]*\r?\n[ \t])?([^\r\n]*)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is neither the text nor the HTML."""

    n: int
    filename: str
    content_type: str
    content_id: str
    content: bytes

    def shown(self) -> dict[str, Any]:
        """As in the JSON: everything but the content."""
        return {
            "n": self.n,
            "filename": self.filename,
            "content_type": self.content_type,
            "content_id": self.content_id,
            "bytes": len(self.content),
        }


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail taken apart."""

    message_id: str
    sender: str
    recipients: tuple[str, ...]
    subject: str
    received: dt.datetime
    text: str
    html: str | None
    attachments: tuple[Attachment, ...]

    def shown(self) -> dict[str, Any]:
        """As in the JSON's list."""
        return {
            "message_id": self.message_id,
            "from": self.sender,
            "to": list(self.recipients),
            "subject": self.subject,
            "date": self.received.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "text": self.text[:LONGEST_TEXT],
            "attachments": [attachment.shown() for attachment in self.attachments],
        }


def sealed(content: bytes, recipients: list[str], received: dt.datetime) -> bytes:
    """The mail with the envelope written in front of its headers, as it is kept."""
    envelope = f"{_RECIPIENTS}: {', '.join(recipients)}\r\n{_RECEIVED}: {received.isoformat()}\r\n"
    return envelope.encode() + content


def opened(kept: bytes) -> Mail:
    """Takes a kept mail apart, as far as it follows the rules."""
    message = _parsed(kept)
    attachments = tuple(
        Attachment(
            n=n,
            filename=part.get_filename() or "",
            content_type=part.get_content_type(),
            content_id=str(part.get("Content-ID", "")).strip("<> "),
            content=_content_of(part),
        )
        for n, part in enumerate(_attached(message))
    )
    return Mail(
        message_id=str(message.get("Message-ID", "")).strip(),
        sender=str(message.get("From", "")),
        recipients=_listed(str(message.get(_RECIPIENTS, ""))),
        subject=str(message.get("Subject", "")),
        received=dt.datetime.fromisoformat(str(message.get(_RECEIVED))),
        text=_text_of(message, "plain") or "",
        html=_text_of(message, "html"),
        attachments=attachments,
    )


def message_id_of(content: bytes) -> str:
    """The mail's own Message-ID, or an empty text; reads no further than its head."""
    end = _HEAD_END.search(content)
    found = _MESSAGE_ID.search(content, 0, end.start() if end else len(content))
    return found[1].strip().decode(errors="replace") if found else ""


def recipients_of(kept: bytes) -> tuple[str, ...]:
    """Who a kept mail went to; reads no further than its first line."""
    return _listed(kept.partition(b"\r\n")[0].decode(errors="replace").removeprefix(f"{_RECIPIENTS}: "))


def unreadable(kept: bytes) -> dict[str, Any]:
    """What a list shows of a mail that follows no rules."""
    return {
        "message_id": "",
        "from": "",
        "to": list(recipients_of(kept)),
        "subject": "(cannot be read)",
        "date": "",
        "text": "",
        "attachments": [],
    }


def _listed(recipients: str) -> tuple[str, ...]:
    return tuple(recipient for recipient in recipients.split(", ") if recipient)


def _parsed(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=email.policy.default)


def _text_of(message: EmailMessage, subtype: str) -> str | None:
    body = message.get_body((subtype,))
    if body is None:
        return None
    payload = _content_of(body)
    charset = body.get_content_charset("utf-8")
    try:
        text = payload.decode(charset, errors="replace")
    except LookupError:
        text = payload.decode("utf-8", errors="replace")
    return text.replace("\r\n", "\n")


def _content_of(part: MIMEPart) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _attached(message: EmailMessage) -> list[EmailMessage]:
    bodies = [message.get_body(("plain",)), message.get_body(("html",))]
    return [
        part
        for part in message.walk()
        if not part.is_multipart() and not any(part is body for body in bodies)
    ]
