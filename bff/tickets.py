"""What a visitor takes along: QR codes and a calendar file."""

import datetime as dt

from icalendar import Calendar, Event
from markupsafe import Markup
from matinee.booking.v1 import booking_pb2

from bff.texts import Texts
from mesh import qr

_INK = "#12231d"


def qr_code(content: str) -> Markup:
    """A QR code as SVG to stand in a page beside its content as text; 15 % of it may be unreadable."""
    drawing = qr.svg(content, _INK, 'aria-hidden="true" focusable="false"')
    return Markup(drawing)  # noqa: S704 - squares, none of the content's own characters


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
