"""The show as a calendar entry (RFC 5545), straight to bytes: a library takes ten times as long for one."""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Final

from notify_svc.channels.email.letter import Calendar
from notify_svc.domain.bookings import Booking

_LONGEST_LINE: Final = 75
"""Octets, without the line's end."""
_ESCAPES: Final = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\r": ""})


def entry(booking: Booking, changed: dt.datetime, link: str, summary: str, description: str) -> Calendar:
    """The entry; a newer one of the same booking takes its place in the calendar."""
    return _file(
        "PUBLISH",
        [
            *_event(booking, changed, summary),
            "STATUS:CONFIRMED",
            f"URL:{link}",
            f"DESCRIPTION:{_text(description)}",
            "BEGIN:VALARM",
            "ACTION:DISPLAY",
            "TRIGGER:-PT1H",
            f"DESCRIPTION:{_text(summary)}",
            "END:VALARM",
        ],
    )


def cancellation(booking: Booking, changed: dt.datetime, summary: str) -> Calendar:
    """Takes the booking's entry out of the calendar."""
    return _file("CANCEL", [*_event(booking, changed, summary), "STATUS:CANCELLED"])


def _event(booking: Booking, changed: dt.datetime, summary: str) -> Iterator[str]:
    show = booking.show
    yield f"UID:{_text(booking.booking_id)}@matinee"
    # The booking's version grows with each change, as the calendar's number has to.
    yield f"SEQUENCE:{booking.version}"
    yield f"DTSTAMP:{_instant(changed)}"
    yield f"DTSTART:{_instant(show.start_time)}"
    yield f"DTEND:{_instant(show.end_time)}"
    yield f"SUMMARY:{_text(summary)}"
    yield f"LOCATION:{_text(f'{show.theatre_name}, {show.screen_name}, {show.theatre_address}')}"


def _file(method: str, event: Iterable[str]) -> Calendar:
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Matinee//Tickets//EN",
        f"METHOD:{method}",
        "BEGIN:VEVENT",
        *event,
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return Calendar(method, b"".join(_folded(line.encode()) + b"\r\n" for line in lines))


def _text(text: str) -> str:
    return text.translate(_ESCAPES)


def _instant(instant: dt.datetime) -> str:
    return instant.astimezone(dt.UTC).strftime("%Y%m%dT%H%M%SZ")


def _folded(line: bytes) -> bytes:
    """A long line as several, each after the first beginning with a space; no character is divided."""
    parts = []
    room = _LONGEST_LINE
    while len(line) > room:
        end = room
        while line[end] & 0xC0 == 0x80:  # within a character
            end -= 1
        parts.append(line[:end])
        line = line[end:]
        room = _LONGEST_LINE - 1
    return b"\r\n ".join([*parts, line])
