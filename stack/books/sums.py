"""Counts, and sums for each currency: from each book by itself, so that nothing hides between the rules."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from stack.books.records import COMPLETED, CONFIRMED, Booking, Books, Finding, Kind, Movement, Sale

Sums = dict[str, Counter[str]]
_MUST_AGREE: Final = (
    ("captured by providers", "captured by bookings"),
    ("refunded by providers", "refunded by bookings"),
    ("kept by providers", "price of tickets"),
    ("price of tickets", "sold at theatres"),
)
_MOVED: Final = {
    Kind.CAPTURE: "captured by providers",
    Kind.REFUND: "refunded by providers",
    Kind.DISPUTE: "disputed at providers",
}


def figures(books: Books) -> dict[str, int]:
    """How much was compared."""
    states = Counter(booking.state for booking in books.bookings)
    return {
        "bookings": len(books.bookings),
        **{f"bookings {state}": count for state, count in sorted(states.items())},
        "payments": sum(len(booking.payments) for booking in books.bookings),
        "refunds": sum(len(booking.refunds) for booking in books.bookings),
        "sales": len(books.sales),
        "tickets": sum(len(sale.tickets) for sale in books.sales),
        "movements of money": len(books.movements),
        **({"captures passed over": books.passed_over} if books.passed_over else {}),
    }


def sums(books: Books) -> Mapping[str, Mapping[str, int]]:
    """Currency → what → minor units."""
    return _sums(books.bookings, books.sales, books.movements)


def sum_faults(books: Books, findings: Sequence[Finding]) -> Iterator[Finding]:
    """The sums of all bookings that nothing was found about agree to the minor unit."""
    named = {finding.ids["booking"] for finding in findings if "booking" in finding.ids}
    unread = {
        booking.booking_id for booking, payment in books.payments() if payment.provider not in books.providers
    }
    left_out = named | unread
    settled = [booking for booking in books.bookings if booking.booking_id not in left_out]
    ids = {booking.booking_id for booking in settled}
    sales = [sale for sale in books.sales if not sale.seller and sale.booking_id in ids]
    movements = [movement for movement in books.movements if _booking_id(books, movement) in ids]
    for currency, of_currency in sorted(_sums(settled, sales, movements).items()):
        for first, second in _MUST_AGREE:
            if of_currency[first] != of_currency[second]:
                told = f"{first}: {of_currency[first]}, {second}: {of_currency[second]} (minor units)"
                yield Finding("sums-differ", {"currency": currency, "sums": f"{first}/{second}"}, told)


def _booking_id(books: Books, movement: Movement) -> str:
    booking = books.booking_of_payment.get((movement.provider, movement.payment_id))
    return booking.booking_id if booking else ""


def _sums(bookings: Sequence[Booking], sales: Sequence[Sale], movements: Sequence[Movement]) -> Sums:
    found: Sums = defaultdict(Counter)
    for movement in movements:
        of_currency, units = found[movement.amount.currency_code], movement.amount.minor_units
        capture = movement.kind is Kind.CAPTURE
        of_currency[_MOVED[movement.kind]] += units
        of_currency["kept by providers"] += units if capture else -units
    for booking in bookings:
        _add_booking(found, booking)
    for sale in sales:
        if not sale.seller:
            for seat_id in sale.live_seat_ids:
                paid = sale.paid.get(seat_id)
                if paid is not None:
                    found[paid.currency_code]["sold at theatres"] += paid.minor_units
    return found


def _add_booking(found: Sums, booking: Booking) -> None:
    for payment in booking.payments:
        if payment.captured is not None:
            found[payment.captured.currency_code]["captured by bookings"] += payment.captured.minor_units
    for refund in booking.refunds:
        what = "refunded by bookings" if refund.state == COMPLETED else "owed by bookings"
        found[refund.amount.currency_code][what] += refund.amount.minor_units
    if booking.state == CONFIRMED:
        found[booking.total.currency_code]["price of tickets"] += booking.price.minor_units
