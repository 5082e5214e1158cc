"""What cancelling tickets means, told before it is done, and what was cancelled already."""

from collections.abc import Sequence
from dataclasses import dataclass

from matinee.booking.v1 import booking_pb2

from bff.presenters.bookings import BookingView
from bff.presenters.quotes import QuoteView, present_quote
from bff.presenters.seatpage import Notice
from bff.texts import Texts


@dataclass(frozen=True, slots=True)
class SumsView:
    """What goes back, and why: paid, less what went back before, less what is kept."""

    seats: str
    seat_count: int
    paid: str
    refunded: str
    """Empty when nothing went back before."""
    kept: QuoteView | None
    refund: str
    nothing_back: bool
    dearer: bool
    """Whether a kept ticket loses a discount."""


@dataclass(frozen=True, slots=True)
class CancelView:
    """The page that asks for the last word."""

    booking: BookingView
    sums: SumsView
    seat_ids: Sequence[str]
    request_id: str
    refund_minor_units: int
    currency_code: str
    notice: Notice | None


def present_sums(
    preview: booking_pb2.PreviewCancellationResponse, booking: booking_pb2.Booking, texts: Texts
) -> SumsView:
    """The sums as they were made; nothing is added up here."""
    kept = preview.kept_quote if preview.HasField("kept_quote") else None
    return SumsView(
        seats=texts.listed(preview.seat_ids),
        seat_count=len(preview.seat_ids),
        paid=texts.money(preview.paid_amount),
        refunded=texts.money(preview.refunded_amount) if preview.refunded_amount.minor_units else "",
        kept=present_quote(kept, [each.seat_id for each in kept.seat_prices], texts) if kept else None,
        refund=texts.money(preview.refund_amount),
        nothing_back=preview.refund_amount.minor_units == 0,
        dearer=bool(kept and _some_dearer(kept, booking)),
    )


def _some_dearer(kept: booking_pb2.Quote, booking: booking_pb2.Booking) -> bool:
    former = booking.partial_cancellations[-1].kept_quote if booking.partial_cancellations else booking.quote
    before = {each.seat_id: each.amount.minor_units for each in former.seat_prices}
    return any(each.amount.minor_units > before.get(each.seat_id, 0) for each in kept.seat_prices)


def cancel_refused(reason: str, texts: Texts) -> Notice | None:
    """Why tickets were not cancelled; None for what is no refusal."""
    if reason == "CANCEL_TOO_LATE":
        return Notice(
            texts.gettext("Too late to cancel"),
            texts.gettext("The time to cancel this booking is over. Your tickets stay valid."),
        )
    if reason == "NO_SEAT":
        return Notice(
            texts.gettext("Nothing was cancelled"),
            texts.gettext("Tick the tickets that you want to cancel, then send it again."),
        )
    if reason == "REFUND_CHANGED":
        return Notice(
            texts.gettext("Nothing was cancelled"),
            texts.gettext("Something else would go back by now than you were told. Please look again."),
        )
    return None
