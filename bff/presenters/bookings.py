"""A booking's page in each of its states, and the list of a browser's bookings."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from matinee.booking.v1 import booking_pb2

from bff.contacts import TypedContact
from bff.presenters.quotes import QuoteView, present_quote
from bff.presenters.shows import ShowFacts, present_booked_show
from bff.texts import Texts

# which of the four faces of the page a state shows
FACES: dict[int, str] = {
    booking_pb2.BOOKING_STATE_CREATED: "waiting",
    booking_pb2.BOOKING_STATE_HELD: "held",
    booking_pb2.BOOKING_STATE_AWAITING_PAYMENT: "waiting",
    booking_pb2.BOOKING_STATE_PAID: "waiting",
    booking_pb2.BOOKING_STATE_CONFIRMED: "tickets",
    booking_pb2.BOOKING_STATE_CANCELLED: "ended",
    booking_pb2.BOOKING_STATE_EXPIRED: "ended",
    booking_pb2.BOOKING_STATE_REFUNDING: "ended",
    booking_pb2.BOOKING_STATE_REFUNDED: "ended",
}

PASSING = frozenset(
    {
        booking_pb2.BOOKING_STATE_CREATED,
        booking_pb2.BOOKING_STATE_AWAITING_PAYMENT,
        booking_pb2.BOOKING_STATE_PAID,
        booking_pb2.BOOKING_STATE_CANCELLED,
        booking_pb2.BOOKING_STATE_REFUNDING,
    }
)
"""States that a booking leaves by itself: their pages wait for it."""


@dataclass(frozen=True, slots=True)
class TicketView:
    """One ticket with its QR code as SVG."""

    ticket_id: str
    seat_id: str
    cancelled: bool


@dataclass(frozen=True, slots=True)
class RefundView:
    """Money that went or goes back."""

    amount: str
    completed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class PartialView:
    """Seats that were cancelled, and what goes back for them; empty when nothing does."""

    seats: str
    refund: str


@dataclass(frozen=True, slots=True)
class MoveView:
    """When the show was to start before it was moved, and why in the theatre's words."""

    previous: str
    reason: str


@dataclass(frozen=True, slots=True)
class CalledOffView:
    """That the theatre cancelled the show, and why in its words."""

    reason: str


@dataclass(frozen=True, slots=True)
class BookingView:
    """A booking as its buyer sees it."""

    booking_id: str
    url: str
    face: str
    state: str
    version: int
    show: ShowFacts
    seats: str
    seat_count: int
    quote: QuoteView
    seconds_left: int
    held_until: str
    contact: TypedContact
    payment_url: str
    decline_reason: str
    tickets: tuple[TicketView, ...]
    refunds: tuple[RefundView, ...]
    partials: tuple[PartialView, ...]
    kept_quote: QuoteView | None
    """What the kept seats cost, once others were cancelled."""
    move: MoveView | None
    called_off: CalledOffView | None
    cancel_until: str
    may_cancel: bool
    given_up: bool
    may_still_be_paid: bool
    settled: bool


@dataclass(frozen=True, slots=True)
class BookingSummary:
    """A booking in a list."""

    url: str
    movie_title: str
    poster_url: str
    when: str
    theatre: str
    seats: str
    total: str
    state: str
    state_text: str


def present_booking(booking: booking_pb2.Booking, texts: Texts) -> BookingView:
    """A booking; all times are told by the server's clock that came with it."""
    as_of = booking.as_of_time.ToDatetime(dt.UTC)
    zone = ZoneInfo(booking.show.time_zone)
    pay_until = booking.pay_until_time.ToDatetime(dt.UTC)
    cancel_until = booking.cancel_until_time.ToDatetime(dt.UTC)
    payment = booking.payment
    partials = booking.partial_cancellations
    gone = {seat_id for each in partials for seat_id in each.seat_ids}
    kept = [seat_id for seat_id in booking.seat_ids if seat_id not in gone]
    declined = payment.state == booking_pb2.PAYMENT_STATE_DECLINED
    # A provider may tell of a payment long after the seats were given back.
    may_still_be_paid = booking.state == booking_pb2.BOOKING_STATE_EXPIRED and bool(payment.payment_id)
    return BookingView(
        booking_id=booking.booking_id,
        url=f"/bookings/{booking.booking_id}",
        face=FACES.get(booking.state, "waiting"),
        state=state_name(booking.state),
        version=booking.version,
        show=present_booked_show(booking.show, texts),
        seats=texts.listed(booking.seat_ids),
        seat_count=len(booking.seat_ids),
        quote=present_quote(booking.quote, booking.seat_ids, texts),
        seconds_left=max(0, int((pay_until - as_of).total_seconds()))
        if booking.HasField("pay_until_time")
        else 0,
        held_until=texts.clock(pay_until, zone),
        contact=TypedContact(booking.contact.full_name, booking.contact.email, booking.contact.phone),
        payment_url=payment_url_of(booking),
        decline_reason=(payment.decline_reason or texts.gettext("The payment was declined."))
        if declined
        else "",
        tickets=tuple(
            TicketView(t.ticket_id, t.seat_id, t.cancelled or t.seat_id in gone) for t in booking.tickets
        ),
        refunds=tuple(_present_refund(refund, texts) for refund in booking.refunds),
        partials=tuple(_present_partial(each, texts) for each in partials),
        kept_quote=present_quote(partials[-1].kept_quote, kept, texts) if partials else None,
        move=_present_move(booking, zone, texts),
        called_off=CalledOffView(booking.show_cancellation.cancel_reason)
        if booking.HasField("show_cancellation")
        else None,
        cancel_until=f"{texts.day(cancel_until.astimezone(zone).date())}, {texts.clock(cancel_until, zone)}",
        may_cancel=booking.state == booking_pb2.BOOKING_STATE_CONFIRMED and as_of < cancel_until,
        given_up=booking.given_up,
        may_still_be_paid=may_still_be_paid,
        settled=booking.state not in PASSING and not may_still_be_paid,
    )


def payment_url_of(booking: booking_pb2.Booking) -> str:
    """Where the booking is paid; empty when no payment is open."""
    payment = booking.payment
    return payment.redirect_url if payment.state == booking_pb2.PAYMENT_STATE_OPEN else ""


def present_booking_list(bookings: Sequence[booking_pb2.Booking], texts: Texts) -> tuple[BookingSummary, ...]:
    """Bookings as they came: newest first."""
    return tuple(_present_summary(booking, texts) for booking in bookings)


def state_name(state: "booking_pb2.BookingState.ValueType") -> str:
    """A state's short name, such as "held"."""
    return booking_pb2.BookingState.Name(state).removeprefix("BOOKING_STATE_").lower()


def _present_summary(booking: booking_pb2.Booking, texts: Texts) -> BookingSummary:
    show = present_booked_show(booking.show, texts)
    return BookingSummary(
        url=f"/bookings/{booking.booking_id}",
        movie_title=show.movie_title,
        poster_url=show.poster_url,
        when=f"{show.day}, {show.time}",
        theatre=show.theatre,
        seats=texts.listed(booking.seat_ids),
        total=texts.money(booking.quote.total),
        state=state_name(booking.state),
        state_text=texts.gettext("Given up") if booking.given_up else _state_text(booking.state, texts),
    )


def _state_text(state: "booking_pb2.BookingState.ValueType", texts: Texts) -> str:
    return {
        booking_pb2.BOOKING_STATE_CREATED: texts.gettext("Being held"),
        booking_pb2.BOOKING_STATE_HELD: texts.gettext("Waits for payment"),
        booking_pb2.BOOKING_STATE_AWAITING_PAYMENT: texts.gettext("Payment open"),
        booking_pb2.BOOKING_STATE_PAID: texts.gettext("Paid, being confirmed"),
        booking_pb2.BOOKING_STATE_CONFIRMED: texts.gettext("Tickets ready"),
        booking_pb2.BOOKING_STATE_CANCELLED: texts.gettext("Cancelled"),
        booking_pb2.BOOKING_STATE_EXPIRED: texts.gettext("Not paid in time"),
        booking_pb2.BOOKING_STATE_REFUNDING: texts.gettext("Refund on its way"),
        booking_pb2.BOOKING_STATE_REFUNDED: texts.gettext("Refunded"),
    }.get(state, "")


def _present_move(booking: booking_pb2.Booking, zone: ZoneInfo, texts: Texts) -> MoveView | None:
    if not booking.HasField("show_move"):
        return None
    previous = booking.show_move.previous_start_time.ToDatetime(dt.UTC)
    when = f"{texts.day(previous.astimezone(zone).date())}, {texts.clock(previous, zone)}"
    return MoveView(when, booking.show_move.move_reason)


def _present_partial(partial: booking_pb2.PartialCancellation, texts: Texts) -> PartialView:
    refund = partial.refund_amount
    return PartialView(texts.listed(partial.seat_ids), texts.money(refund) if refund.minor_units else "")


def _present_refund(refund: booking_pb2.Refund, texts: Texts) -> RefundView:
    reasons = {
        "seats_lost": texts.gettext("The payment came after the seats had gone to somebody else."),
        "cancelled_by_buyer": texts.gettext("You cancelled tickets."),
        "show_cancelled": texts.gettext("The theatre cancelled the show."),
        "amount_mismatch": texts.gettext("The amount that was paid was not the price."),
        "paid_twice": texts.gettext("You paid twice: this is the second payment."),
        "seats_refused": texts.gettext("The theatre did not give the seats."),
        "theatre_unavailable": texts.gettext("The theatre could not be reached to confirm your seats."),
    }
    return RefundView(texts.money(refund.amount), refund.completed, reasons.get(refund.refund_reason, ""))
