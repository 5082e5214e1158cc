"""Rules that a booking must keep by itself: what it kept of the money is the price of its tickets."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from mesh.money import Money
from stack.books.records import (
    ACCEPTED,
    CANCELLED,
    COMPLETED,
    CONFIRMED,
    PASSING,
    WAITING_FOR_BUYER,
    Booking,
    Books,
    Finding,
)

_MOST_TRIES: Final = 8
"""What a minute has room for. Each refusal changes the booking, so no age shows that there is no end."""


def booking_faults(books: Books) -> Iterator[Finding]:
    """Every booking by itself."""
    for booking in books.bookings:
        ids = {"booking": booking.booking_id}
        yield from _of_quote(booking, ids)
        yield from _of_kept_money(booking, ids)
        yield from _at_rest(booking, ids)


def _of_quote(booking: Booking, ids: dict[str, str]) -> Iterator[Finding]:
    lines = sum(line.minor_units for line in booking.lines)
    prices = sum(price.minor_units for price in booking.seat_prices.values())
    currencies = {money.currency_code for money in (*booking.lines, *booking.seat_prices.values())}
    total = booking.total
    if not (lines == prices == total.minor_units and currencies <= {total.currency_code}):
        told = f"its lines come to {lines}, its seats to {prices}, its total is {total.minor_units}"
        yield Finding("quote-sums", ids, told)
    if set(booking.seat_prices) != set(booking.seat_ids):
        yield Finding("quote-seats", ids, "the quote is for other seats than the booking")
    left, seats = total.minor_units, set(booking.seat_ids)
    for partial in booking.partial_cancellations:
        left -= partial.refund.minor_units
        seats.difference_update(partial.seat_ids)
        about = {**ids, "request": partial.request_id}
        of_seats = sum(price.minor_units for price in partial.kept_prices.values())
        costs = f"{left} minor units are left without these seats, the rest costs {partial.kept.minor_units}"
        if partial.kept != Money(total.currency_code, left) or partial.refund.minor_units < 0:
            yield Finding("partial-sums", about, costs)
        elif of_seats != left or set(partial.kept_prices) != seats:
            yield Finding("partial-seats", about, f"{costs}, by its seats {of_seats}")


def _of_kept_money(booking: Booking, ids: dict[str, str]) -> Iterator[Finding]:
    if booking.state in {"PAID", CANCELLED}:
        return  # paid for, and on the way to tickets or to a refund: `_at_rest` looks how long
    kept: Counter[str] = Counter()
    for payment in booking.payments:
        if payment.captured is not None:
            kept[payment.captured.currency_code] += payment.captured.minor_units
    for refund in booking.refunds:
        kept[refund.amount.currency_code] -= refund.amount.minor_units
    if booking.state == CONFIRMED:
        kept[booking.total.currency_code] -= booking.price.minor_units
    for currency, amount in kept.items():
        if amount:
            told = f"{booking.state}, and {abs(amount)} {currency} (minor units) too {_size(amount)} are kept"
            yield Finding("kept-money", {**ids, "currency": currency}, told)


def _size(amount: int) -> str:
    return "much" if amount > 0 else "little"


def _at_rest(booking: Booking, ids: dict[str, str]) -> Iterator[Finding]:
    since = booking.update_time
    if booking.state in WAITING_FOR_BUYER and booking.pay_until is not None:
        since = max(since, booking.pay_until)
    open_refunds = [refund for refund in booking.refunds if refund.state != COMPLETED]
    if booking.state in PASSING and not (booking.state == "REFUNDING" and open_refunds):
        yield Finding("booking-under-way", ids, booking.state, under_way_since=since)
    if booking.state == CONFIRMED:
        for partial in booking.partial_cancellations:
            if not partial.done:
                about = {**ids, "request": partial.request_id}
                yield Finding("seats-under-way", about, "on their way back", under_way_since=since)
    for refund in open_refunds:
        about = {**ids, "refund": refund.refund_id}
        told = f"{refund.amount.minor_units} {refund.amount.currency_code} (minor units), {refund.state}"
        accepted = refund.state == ACCEPTED
        if refund.tries >= _MOST_TRIES:
            told += f", the provider has refused it {refund.tries} times"
            yield Finding("refund-refused", about, told)
            continue
        yield Finding("refund-under-way", about, told, under_way_since=since, by_provider=accepted)
