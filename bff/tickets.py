"""What a visitor takes along: QR codes and a calendar file."""

import datetime as dt
import io

import segno
from icalendar import Calendar, Event
from markupsafe import Markup
from matinee.booking.v1 import booking_pb2

from bff.texts import Texts

_INK = "#12231d"
_QR_MASK = 0
"""The checkerboard. Looking for the mask that suits a content best takes four fifths of the time of drawing,
and readers take any: which one it is stands in the code (ISO/IEC 18004, 7.8)."""


def qr_code(content: str) -> Markup:
    """A QR code as SVG to stand in a page beside its content as text; 15 % of it may be unreadable."""
    drawing = io.BytesIO()
    segno.make(content, error="m", micro=False, mask=_QR_MASK).save(
        drawing, kind="svg", xmldecl=False, svgns=False, omitsize=True, border=2, dark=_INK, light=None
    )
    svg = (
        drawing.getvalue().decode().strip().replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)
    )
    return Markup(svg)  # noqa: S704 - drawn by segno: squares, none of the content's own characters


def calendar_file(booking: booking_pb2.Booking, page_url: str, texts: Texts) -> bytes:
    """An iCalendar file (RFC 5545) with the show as its one event, times in UTC."""
    show = booking.show
    start = show.start_time.ToDatetime(dt.UTC)
    event = Event()
    event.add("uid", f"{booking.booking_id}@matinee")
    event.add("dtstamp", booking.update_time.ToDatetime(dt.UTC))
    event.add("dtstart", start)
    event.add("dtend", start + dt.timedelta(minutes=show.runtime_minutes or 120))
    event.add("summary", show.movie_title)
    event.add("location", f"{show.theatre_name}, {show.theatre_address}")
    event.add(
        "description",
        texts.gettext(
            "%(screen)s, seats %(seats)s", screen=show.screen_name, seats=texts.listed(booking.seat_ids)
        ),
    )
    event.add("url", page_url)
    calendar = Calendar()
    calendar.add("prodid", "-//Matinee//Tickets//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    return bytes(calendar.to_ical())
