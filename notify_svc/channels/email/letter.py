"""A letter before it is put into an envelope."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG that the HTML shows by `cid:<content_id>`."""

    content_id: str
    filename: str
    png: bytes


@dataclass(frozen=True, slots=True)
class Calendar:
    """A calendar file (iCalendar, RFC 5545)."""

    method: str
    """PUBLISH or CANCEL."""
    content: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """What one mail says."""

    subject: str
    text: str
    html: str
    language_tag: str
    recipient_name: str
    pictures: Sequence[Picture] = ()
    calendar: Calendar | None = None
    unsubscribe_url: str = ""
    """Switches off letters of this kind; empty where they cannot be."""
