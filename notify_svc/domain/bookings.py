"""A booking as its messages tell of it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from mesh.money import Money


@dataclass(frozen=True, slots=True)
class Show:
    """What is shown where and when; times are told in the theatre's zone."""

    movie_title: str
    theatre_name: str
    theatre_address: str
    screen_name: str
    zone: ZoneInfo
    start_time: dt.datetime
    runtime_minutes: int
    language: str
    formats: Sequence[str]

    @property
    def end_time(self) -> dt.datetime:
        """When the movie ends."""
        return self.start_time + dt.timedelta(minutes=self.runtime_minutes)


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One line of the price; a discount is negative."""

    seat_id: str
    rule_id: str
    description: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket that is valid; its QR code says the id."""

    ticket_id: str
    seat_id: str


@dataclass(frozen=True, slots=True)
class Contact:
    """Who bought; an empty text stands for what was not given."""

    full_name: str = field(repr=False)
    email: str = field(repr=False)
    phone: str = field(repr=False)
    language: str


@dataclass(frozen=True, slots=True)
class Booking:
    """A booking as it was after the event."""

    booking_id: str
    version: int
    access_key: str = field(repr=False)
    show: Show
    seat_ids: Sequence[str]
    lines: Sequence[PriceLine]
    total: Money
    contact: Contact
    tickets: Sequence[Ticket]
    cancel_until: dt.datetime | None
    called_off: bool = False
    """Whether the theatre cancelled the show."""
