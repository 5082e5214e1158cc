"""The show as a calendar entry."""

import datetime as dt

from icalendar import Alarm, Event
from icalendar import Calendar as ICalendar

from notify_svc.channels.email.letter import Calendar
from notify_svc.domain.bookings import Booking

_REMIND_BEFORE = dt.timedelta(hours=1)


def entry(booking: Booking, changed: dt.datetime, link: str, summary: str, description: str) -> Calendar:
    """The entry; a newer one of the same booking takes its place in the calendar."""
    event = _event(booking, changed, summary)
    event.add("status", "CONFIRMED")
    event.add("url", link)
    event.add("description", description)
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", -_REMIND_BEFORE)
    alarm.add("description", summary)
    event.add_component(alarm)
    return _file("PUBLISH", event)


def cancellation(booking: Booking, changed: dt.datetime, summary: str) -> Calendar:
    """Takes the booking's entry out of the calendar."""
    event = _event(booking, changed, summary)
    event.add("status", "CANCELLED")
    return _file("CANCEL", event)


def _event(booking: Booking, changed: dt.datetime, summary: str) -> Event:
    show = booking.show
    event = Event()
    event.add("uid", f"{booking.booking_id}@matinee")
    # The booking's version grows with each change, as the calendar's number has to.
    event.add("sequence", booking.version)
    event.add("dtstamp", changed)
    event.add("dtstart", show.start_time)
    event.add("dtend", show.end_time)
    event.add("summary", summary)
    event.add("location", f"{show.theatre_name}, {show.screen_name}, {show.theatre_address}")
    return event


def _file(method: str, event: Event) -> Calendar:
    calendar = ICalendar()
    calendar.add("prodid", "-//Matinee//Tickets//EN")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    calendar.add_component(event)
    return Calendar(method, calendar.to_ical())
