"""A booking's facts as words for the templates."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from notify_svc.channels.texts import Texts
from notify_svc.domain.bookings import PriceLine, Show
from notify_svc.domain.contents import BookingEvent

_RIGHT_TO_LEFT: Final = frozenset({"R", "AL"})


@dataclass(frozen=True, slots=True)
class LineWords:
    """One line of the price."""

    label: str
    seat: str
    amount: str
    discount: bool


@dataclass(frozen=True, slots=True)
class TicketWords:
    """One ticket; `content_id` names its QR code's picture."""

    ticket_id: str
    seat: str
    content_id: str


@dataclass(frozen=True, slots=True)
class BookingWords:
    """What the templates tell; an empty text is left out."""

    booking_id: str
    link: str
    movie: str
    facts: str
    theatre: str
    address: str
    screen: str
    day: str
    time: str
    zone: str
    seats: str
    lines: Sequence[LineWords]
    total: str
    cancel_until: str
    tickets: Sequence[TicketWords]
    refund: str
    cancelled: str
    called_off: bool
    previous: str
    reason: str


def booking_words(event: BookingEvent, texts: Texts, link: str) -> BookingWords:
    """All times are told in the theatre's zone."""
    booking = event.booking
    show = booking.show
    return BookingWords(
        booking_id=booking.booking_id,
        link=link,
        movie=_apart(show.movie_title, texts),
        facts=_facts(show, texts),
        theatre=_apart(show.theatre_name, texts),
        address=_apart(show.theatre_address, texts),
        screen=_apart(show.screen_name, texts),
        day=texts.day(show.start_time, show.zone),
        time=texts.clock(show.start_time, show.zone),
        zone=show.zone.key.rpartition("/")[2].replace("_", " "),
        seats=texts.listed(booking.seat_ids),
        lines=tuple(_line(line, texts) for line in booking.lines),
        total=texts.money(booking.total) if booking.total.currency_code else "",
        cancel_until=texts.moment(booking.cancel_until, show.zone) if booking.cancel_until else "",
        tickets=tuple(
            TicketWords(ticket.ticket_id, ticket.seat_id, f"ticket-{n}")
            for n, ticket in enumerate(booking.tickets)
        ),
        refund=texts.money(event.refund) if event.refund is not None else "",
        cancelled=texts.listed(event.cancelled_seat_ids) if event.cancelled_seat_ids else "",
        called_off=booking.called_off,
        previous=texts.moment(event.previous_start_time, show.zone) if event.previous_start_time else "",
        reason=_reason(event, texts),
    )


def _apart(name: str, texts: Texts) -> str:
    """A name that is written the other way, so that it does not turn the time or number beside it round.

    By isolates (Unicode's bidirectional algorithm, UAX #9, 3.1), which say the same in text and HTML.
    """
    other_way = texts.direction == "rtl" or any(
        unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in name
    )
    return f"\u2068{name}\u2069" if name and other_way else name


def _facts(show: Show, texts: Texts) -> str:
    return " · ".join(filter(None, [*show.formats, texts.language_name(show.language)]))


def _reason(event: BookingEvent, texts: Texts) -> str:
    if event.refund is None:
        return event.reason
    gettext = texts.translations.gettext
    known = {
        "seats_lost": gettext("Your payment came when the seats had gone to somebody else."),
        "cancelled_by_buyer": gettext("You cancelled tickets."),
        "show_cancelled": gettext("The theatre cancelled the show."),
        "amount_mismatch": gettext("The amount that was paid was not the price."),
        "paid_twice": gettext("You paid twice: this is the second payment."),
        "seats_refused": gettext("The theatre did not give the seats."),
        "theatre_unavailable": gettext("The theatre could not be reached to confirm your seats."),
    }
    return known.get(event.reason, "")


def _line(line: PriceLine, texts: Texts) -> LineWords:
    gettext = texts.translations.gettext
    known = {
        "base": gettext("Ticket"),
        "afternoon-20": gettext("Afternoon show, 20 % off"),
        "third-ticket-50": gettext("Third ticket, 50 % off"),
    }
    return LineWords(
        label=known.get(line.rule_id, line.description),
        seat=line.seat_id,
        amount=texts.money(line.amount),
        discount=line.amount.minor_units < 0,
    )
