"""What a message tells: an event of a booking, or what another service asks to send."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from mesh.money import Money
from notify_svc.domain.bookings import Booking
from notify_svc.domain.news import KIND_OF, NewsKind
from notify_svc.domain.notifications import Channel

SHOW_REMINDER = "show_reminder"
BOOKING_EXPIRED = "booking_expired"


@dataclass(frozen=True, slots=True)
class BookingEvent:
    """Something happened to a booking."""

    event_id: str
    name: str
    """Such as "booking_confirmed"."""
    event_time: dt.datetime
    booking: Booking
    refund: Money | None = None
    previous_start_time: dt.datetime | None = None
    cancelled_seat_ids: tuple[str, ...] = ()
    """Whose tickets were cancelled just now."""
    reason: str = ""
    """Why: words for people, or a refund's code; may be empty."""

    @property
    def news_kind(self) -> NewsKind:
        """What people choose by. Seats that were released because the theatre cancelled are its news."""
        if self.name == BOOKING_EXPIRED and self.booking.called_off:
            return NewsKind.SHOW_CHANGES
        return KIND_OF[self.name]

    def recipient(self, channel: Channel) -> str | None:
        """Where it goes on that channel; None when the buyer gave nothing for it.

        A text message is for those who gave no e-mail address: it is no place for tickets.
        """
        contact = self.booking.contact
        given = {Channel.EMAIL: contact.email, Channel.SMS: "" if contact.email else contact.phone}
        return given.get(channel) or None

    def is_over(self, now: dt.datetime) -> bool:
        """Whether it came so late that nobody should be told any more."""
        return self.name == SHOW_REMINDER and now >= self.booking.show.start_time


@dataclass(frozen=True, slots=True)
class DirectMessage:
    """A text with blanks, sent because another service asked."""

    request_id: str
    channel: Channel
    address: str = field(repr=False)
    template_id: str
    values: Mapping[str, str] = field(repr=False)
    expire_time: dt.datetime | None = None

    @property
    def event_id(self) -> str:
        """The request stands for the event."""
        return self.request_id

    @property
    def name(self) -> str:
        """Such as "sign_in_code"."""
        return self.template_id

    @property
    def news_kind(self) -> NewsKind:
        """What people choose by."""
        return KIND_OF[self.template_id]

    def recipient(self, channel: Channel) -> str | None:
        """Where it goes on that channel; None on every other than the one asked for."""
        return self.address if channel is self.channel else None

    def is_over(self, now: dt.datetime) -> bool:
        """Whether it is of no use any more: whoever asked knows how long it is."""
        return self.expire_time is not None and now >= self.expire_time


Content: TypeAlias = BookingEvent | DirectMessage
